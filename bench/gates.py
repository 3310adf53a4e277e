"""How long the gates take on one answer: each, the default set, and all built-in ones together.

    python bench/gates.py [--rounds N]

Best of several rounds over prose, code and JSON, beside LiteLLM's token counter on the same text in the same
run: a busy machine slows both alike, so the ratio says more than the microseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import TYPE_CHECKING

from kept import Kept
from litellm_tiering.core.gate import Demand
from litellm_tiering.gates.confidence import ConfidenceGate
from litellm_tiering.gates.language import LanguageGate
from litellm_tiering.gates.logprob import LogprobGate
from litellm_tiering.gates.refusal import RefusalGate
from litellm_tiering.gates.repetition import RepetitionGate
from litellm_tiering.gates.schema import JsonSchemaGate
from litellm_tiering.gates.shape import FinishedGate, MaxLengthGate, MinLengthGate, NotEmptyGate
from litellm_tiering.gates.unbalanced import UnbalancedGate
from litellm_tiering.testing.gates import exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.core.gate import Exchange, Gate

GOALS_MS = {2_000: 0.3, 200_000: 5.0}
KEPT = Kept(__file__)
DEFAULT = ("not_empty", "finished", "refusal", "json_schema")
SENTENCES = (
    "The committee met on the {n}th of March and approved a budget of {n},250 for the migration. ",
    "She walked along the harbour, counted {n} boats, and wondered whether the storm would hold off. ",
    "However, the results of experiment {n} were not what we had expected from the earlier model. ",
    "In short (see section {n}), a cache helps only where the same question is asked again. ",
)
SCHEMA = {
    "type": "object",
    "required": ["rows", "confidence"],
    "properties": {
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"type": "string"},
                    "ok": {"type": "boolean"},
                },
            },
        },
    },
}


def prose(size: int) -> str:
    text, n = "", 0
    while len(text) < size:
        text += SENTENCES[n % len(SENTENCES)].format(n=n) + ("\n\n" if n % 5 == 4 else "")
        n += 1
    return text[:size]


def code(size: int) -> str:
    lines, n = ["Here is the module:", "", "```python"], 0
    while sum(map(len, lines)) < size - 40:
        lines += [f"def step_{n}(values, limit={n}):", '    """Keep those below the limit."""']
        lines += [f"    return [v for v in values if v < limit * {n % 7} and (v, 'x') != (0, \"]\")]", ""]
        n += 1
    return "\n".join([*lines, "```"])


def rows(size: int) -> str:
    found = [{"id": n, "name": f"boat number {n}", "ok": n % 3 == 0} for n in range(size // 60)]
    return json.dumps({"rows": found, "confidence": 0.93}, indent=1)


def gates() -> dict[str, Gate]:
    every: tuple[Gate, ...] = (
        NotEmptyGate(),
        MinLengthGate(chars=20),
        MaxLengthGate(chars=10_000_000),
        FinishedGate(),
        RefusalGate(),
        JsonSchemaGate(mode="lenient"),
        ConfidenceGate(),
        LogprobGate(),
        RepetitionGate(),
        UnbalancedGate(),
        LanguageGate(),
    )
    return {gate.name: gate for gate in every}


def best_us(rounds: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e6


def together(asked: Sequence[Gate], seen: Exchange) -> None:
    for gate in asked:
        gate.judge(seen)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch prices from the internet
    from litellm import token_counter  # noqa: PLC0415 - seconds, and not needed to import this file

    every = gates()
    kept = KEPT.table(
        "sets",
        "answer",
        ("characters", ",d"),
        "gates",
        ("µs", ",.0f"),
        ("times faster than counting its tokens", ".0f"),
    )
    slowest: dict[tuple[str, int], float] = {}
    missed = False
    prompt = "Explain what the committee decided, and why the results were not what they had expected."
    for size, goal_ms in GOALS_MS.items():
        for kind, make in (("prose", prose), ("code", code), ("json", rows)):
            text = make(size)
            demand = Demand(json=True, schema=SCHEMA) if kind == "json" else Demand()
            logprobs = [-0.1 - (n % 17) / 20 for n in range(len(text) // 4)]
            seen = exchange(text, prompt, logprobs=logprobs, demand=demand)
            tries = rounds if size < 100_000 else max(3, rounds // 4)
            reference = best_us(max(3, tries // 4), lambda text=text: token_counter("gpt-4o", text=text))
            print(f"\n{kind}, {len(text):,} characters; LiteLLM's token_counter {reference:,.0f} us")
            for name, gate in every.items():
                print(f"  {name:<12} {best_us(tries, lambda g=gate, s=seen: g.judge(s)):>9,.1f} us")
            sets = {"default set": [every[name] for name in DEFAULT], "all built-in": list(every.values())}
            for name, asked in sets.items():
                took = best_us(tries, lambda a=asked, s=seen: together(a, s))
                met = took <= goal_ms * 1_000
                missed = missed or not met
                kept.row(kind, len(text), name, took, reference / took)
                slowest[name, size] = max(slowest.get((name, size), 0.0), took / 1_000)
                print(
                    f"  {name:<12} {took:>9,.1f} us  {reference / took:>5.1f}x faster;"
                    f" goal {goal_ms} ms {'met' if met else 'MISSED'}"
                )
    for (name, size), took_ms in slowest.items():
        KEPT.goal(
            f"{name} of gates, slowest of three kinds at {size:,} characters, ms",
            took_ms,
            at_most=GOALS_MS[size],
        )
    if missed:
        raise SystemExit(1)


if __name__ == "__main__":
    KEPT.run(main)
