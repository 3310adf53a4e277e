"""How long a decision takes: reading a request, eight rules, the heuristic; beside LiteLLM's own scorer.

    python bench/decision.py [--rounds N]

Medians over twenty prompts of each size and a chat of 40 turns with 10 tools, both timed in the same run, in
turns, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import time
from typing import TYPE_CHECKING, Any

from kept import Kept
from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.conditions import Condition
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.classifiers.rules import Rule, RulesClassifier
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Callable

GOALS_MS = {50: 0.10, 2_000: 0.25, 100_000: 1.0}
GOALS_RATIO = {2_000: 5.0, 100_000: 50.0}
KEPT = Kept(__file__)
OPENINGS = (
    "Why does the cache miss rate rise when we add more workers to the pool? ",
    "Please review this contract and list the clauses that hurt the tenant. ",
    "Übersetze den folgenden Absatz ins Englische und erkläre den Konjunktiv. ",
    "Fix the bug:\n```python\ndef mean(xs):\n    return sum(xs) / len(x)\n```\n",
    "A train leaves at 9:40 and covers 312 km in 2.6 hours; when does it arrive? ",
    "Summarise the meeting notes below in five bullet points for my manager. ",
    "¿Puedes explicar la diferencia entre una función convexa y una cóncava? ",
    "Design a rate limiter that survives the loss of one region, and argue why. ",
    "Write a friendly email to a customer whose parcel arrived two weeks late. ",
    "请证明素数有无穷多个。并说明证明中哪一步用到了归纳法。",
)
FILLING = (
    "The committee met on 14 March and approved the budget of 1,250,000. Members asked about the migration. ",
    "She walked along the harbour, counted seven boats, and wondered whether the storm would hold off. ",
)


def prompts(size: int) -> list[str]:
    found = []
    for i in range(20):
        text = OPENINGS[i % len(OPENINGS)] + (FILLING[i % 2] * (size // len(FILLING[i % 2]) + 1))
        found.append(text[:size])
    return found


def chat(turns: int, tools: int) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You help engineers. " * 40}]
    for i in range(turns):
        messages.append({"role": "user", "content": OPENINGS[i % len(OPENINGS)] + FILLING[i % 2]})
        messages.append({"role": "assistant", "content": FILLING[(i + 1) % 2] * 4})
    messages.append({"role": "user", "content": "go on"})
    properties = {f"field_{k}": {"type": "string", "description": "What it is for."} for k in range(6)}
    return {
        "messages": messages,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": f"tool_{k}",
                    "description": FILLING[0],
                    "parameters": {"type": "object", "properties": properties, "required": ["field_0"]},
                },
            }
            for k in range(tools)
        ],
    }


def decider() -> Callable[[dict[str, Any]], object]:
    ladder = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
    rules = [
        Rule("premium", Condition(team_metadata={"plan": "premium"}), floor=1),
        Rule("faq", Condition(max_tokens=50, task_type=("classification", "faq")), rank=0),
        Rule("code", Condition(any_keyword=("traceback", "refactor", "stack trace", "segfault")), floor=1),
        Rule("legal", Condition(any_keyword=("contract", "liability", "Klausel", "合同")), floor=2),
        Rule("ticket", Condition(any_regex=(r"(?i)\b[A-Z]{2,5}-\d{3,6}\b",)), floor=1),
        Rule("tools", Condition(min_tools=6), floor=2),
        Rule("long", Condition(min_tokens=50_000), floor=2),
        Rule("night", Condition(weekdays=("sat", "sun"), tags=("batch*",)), cap=1),
    ]
    chain = Chain([RulesClassifier(rules, ladder), HeuristicClassifier(ladder)], ladder)
    caller, now = Caller(), dt.datetime(2026, 11, 20, 10, 0, tzinfo=dt.timezone.utc)

    def decide(body: dict[str, Any]) -> object:
        features, prompt = read_request(body, Surface.CHAT)
        return chain.classify(Subject(features, caller, prompt, now))

    return decide


def litellm_scorer() -> Callable[[str], object]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch prices from the internet
    import litellm  # noqa: PLC0415 - seconds, and not needed to import this file
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter  # noqa: PLC0415

    group = {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "none"}}
    router = ComplexityRouter("auto", litellm.Router(model_list=[group]), default_model="m")
    return router.classify


def timed(call: Callable[[Any], object], value: object) -> float:
    start = time.perf_counter()
    call(value)
    return (time.perf_counter() - start) * 1_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    decide, score = decider(), litellm_scorer()
    missed = []
    print(f"{'characters':>12} {'ours, ms':>10} {'LiteLLM, ms':>12} {'ratio':>7}  goal")
    for size, goal in GOALS_MS.items():
        texts = prompts(size)
        bodies = [{"model": "auto", "messages": [{"role": "user", "content": t}]} for t in texts]
        ours: list[float] = []
        theirs: list[float] = []
        for i in range(rounds):
            ours.extend(timed(decide, body) for body in bodies)
            # Theirs takes a tenth of a second at the largest size: two rounds say enough.
            if size < 100_000 or i < 2:
                theirs.extend(timed(score, text) for text in texts)
        mine, other = statistics.median(ours), statistics.median(theirs)
        ratio = other / mine
        asked = f"<= {goal} ms" + (f", >= {GOALS_RATIO[size]:.0f}x" if size in GOALS_RATIO else "")
        met = KEPT.goal(f"a decision at {size:,} characters, ms", mine, at_most=goal)
        if size in GOALS_RATIO:
            what = f"how much faster than LiteLLM's scorer at {size:,} characters"
            met = KEPT.goal(what, ratio, at_least=GOALS_RATIO[size]) and met
        kept = KEPT.table(
            "times", "request", ("ours, ms", ".4f"), ("LiteLLM's scorer, ms", ".4f"), ("ratio", ".1f")
        )
        kept.row(f"{size:,} characters", mine, other, ratio)
        missed += [] if met else [size]
        print(
            f"{size:>12,} {mine:>10.4f} {other:>12.4f} {ratio:>6.1f}x  {asked} {'met' if met else 'MISSED'}"
        )
    body = chat(40, 10)
    ours = [timed(decide, body) for _ in range(rounds * 10)]
    print(f"{'40 turns':>12} {statistics.median(ours):>10.4f}   with 10 tools")
    KEPT.tables["times"].row("a chat of 40 turns with 10 tools", statistics.median(ours), None, None)
    if missed:
        raise SystemExit(1)


if __name__ == "__main__":
    KEPT.run(main)
