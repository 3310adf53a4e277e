"""How long it takes to ask what is learned or reads text: a router, and three gates.

    python bench/model_times.py [--rounds 30]

A router is trained on IFEval's outcomes and asked about prompts of three sizes, the reading of the request
told apart. The gates judge real answers joined to a length; `acceptable` asks the constraints within, whose
own time is taken off for its goal. `constraints` is also given a prompt with seven demands, and is told to
read a prompt as long as the answer. Data is read from TIERING_DATA (and TIERING_TOOLS), or from ../shared;
where it is absent only the constraints are timed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apgr import reference_metrics
from decision import prompts
from kept import Kept
from litellm_tiering.classifiers.learned import LearnedClassifier
from litellm_tiering.classifiers.learned_model import KIND, RouterModel
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.evals.train_router import train
from litellm_tiering.gates.acceptable import AcceptableGate
from litellm_tiering.gates.arithmetic import ArithmeticGate
from litellm_tiering.gates.constraints import ConstraintsGate, read_demands
from litellm_tiering.intake import read_request
from litellm_tiering.testing.gates import exchange
from litellm_tiering.weights import write
from quality_routing import Set

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = Kept(__file__)
LEARNED_MS = {50: 0.15, 2_000: 0.4, 100_000: 1.5}
ACCEPTABLE_MS = {2_000: 1.2, 200_000: 6.0}
CONSTRAINTS_MS = {50: 2.0, 2_000: 2.0, 200_000: 40.0}
HAIKU = "claude-3-haiku-20240307"
LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])
PROMPT = (
    "Write about tides in at most 120 words, as exactly 3 bullet points, without commas. "
    'Include the word "moon" at least twice and end with "The end." Use only lowercase letters. '
    "Your answer must be in English. "
)
PROSE = "the committee met and approved a budget of 250 for the migration. "


def best_ms(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def tell(met: bool) -> str:
    return "met" if met else "MISSED"


def learned(metrics: Any) -> bool:  # noqa: ANN401 - a script by path, untyped
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "router.json"
        found = train(Set(metrics, "ifeval").rows(), curve=False)
        write(path, KIND, found.header, found.arrays)
        router = LearnedClassifier(RouterModel.load(path), LADDER)
    now = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    every = True
    print("asking `learned`, ms, median: characters, with reading the request, the router alone")
    kept = KEPT.table(
        "learned",
        ("characters", ",d"),
        ("with reading the request, ms", ".3f"),
        ("the router alone, ms", ".3f"),
    )
    for size, goal in LEARNED_MS.items():
        whole, alone = [], []
        for text in prompts(size) * 10:
            body = {"messages": [{"role": "user", "content": text}]}
            began = time.perf_counter()
            features, prompt = read_request(body, Surface.CHAT)
            subject = Subject(features, Caller(), prompt, now)
            read = time.perf_counter()
            router.classify(subject)
            end = time.perf_counter()
            whole.append(1000 * (end - began))
            alone.append(1000 * (end - read))
        middle = statistics.median(alone)
        met = KEPT.goal(f"asking `learned` at {size:,} characters, ms", middle, at_most=goal)
        kept.row(size, statistics.median(whole), middle)
        print(f"  {size:>8,}  {statistics.median(whole):.3f}  {middle:.3f}  <= {goal} {tell(met)}")
        every = every and met
    return every


def gates(data: Path, rounds: int) -> bool:
    asked = (AcceptableGate(), ArithmeticGate(), ConstraintsGate())
    kept = KEPT.table("gates", "answers of", ("characters", ",d"), *((f"{g.name}, ms", ".2f") for g in asked))
    every = True
    print("\none answer, ms, best of several rounds")
    for name, chars in itertools.product(("zeroeval_gsm", "ifeval"), ACCEPTABLE_MS):
        outcomes = list(read_outcomes(str(data / f"outcomes_{name}.jsonl.gz"), [HAIKU]))
        text = "\n".join(outcome.answers[HAIKU].text or "" for outcome in outcomes)
        seen = exchange(text[:chars], outcomes[3].prompt)
        took = [best_ms(lambda gate=gate, seen=seen: gate.judge(seen), rounds) for gate in asked]
        kept.row(name, len(text[:chars]), *took)
        what = f"`acceptable` without the constraints, {chars:,} characters of {name}, ms"
        met = KEPT.goal(what, took[0] - took[2], at_most=ACCEPTABLE_MS[chars])
        told = ", ".join(f"{gate.name} {ms:.2f}" for gate, ms in zip(asked, took, strict=True))
        print(f"  {name:<14} {chars:>8,} characters: {told}; {tell(met)}")
        every = every and met
    return every


def constraints(rounds: int) -> bool:
    gate, every = ConstraintsGate(), True
    kept = KEPT.table(
        "constraints", ("characters", ",d"), ("a call, ms", ".2f"), ("reading a prompt as long, ms", ".2f")
    )
    print("\n`constraints`, ms: a call, prompt read and answer checked; and reading a prompt as long")
    for size, goal in CONSTRAINTS_MS.items():
        seen = exchange((PROSE * (size // len(PROSE) + 1))[:size], PROMPT)
        took = best_ms(lambda seen=seen: gate.judge(seen), rounds)
        long = (PROMPT * (size // len(PROMPT) + 1))[: min(size, 8_000)]
        reading = best_ms(lambda long=long: read_demands(long), rounds)
        kept.row(size, took, reading)
        met = KEPT.goal(f"`constraints`, {size:,} characters, ms", took, at_most=goal)
        every = every and met
        print(f"  {size:>7,} characters {took:>7.2f}, {reading:.2f} {tell(met)}")
    return every


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    metrics = reference_metrics()
    met = [constraints(rounds)]
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS for the rest")
    else:
        met += [gates(metrics.DATA, rounds), learned(metrics)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    KEPT.run(main)
