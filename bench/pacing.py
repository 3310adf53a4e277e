"""What pacing and value are worth: days of arrivals replayed under each policy, through the real engine.

Two tiers at list prices, weak and strong; each request is paired with a recorded question, whose prompt the
classifier reads and whose recorded answers say what a tier's answer is worth. The limit of the day is 60 %
and 80 % of what the day would cost without one. `learned` has seen three days drawn anew from the same trace,
or, as a test of what it does when it is wrong, three of another shape. Usage:

    python bench/pacing.py [--set NAME]... [--trace NAME]... [--pictures bench/out]

Needs the traces and outcomes (TIERING_DATA, or ../shared/data) and, for pictures, matplotlib; where they are
absent it says so. Ends with 1 where a goal is missed, after naming it.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from kept import Kept
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.evals.asking import Asking
from litellm_tiering.evals.plot import NoPlots, draw
from litellm_tiering.evals.questions import question_in
from litellm_tiering.evals.replay import A_WEDNESDAY, days_before, midnight, replay
from litellm_tiering.evals.trace import read_trace
from litellm_tiering.units import NANO_PER_USD, usd
from replaying import DATA, SETS

if TYPE_CHECKING:
    from litellm_tiering.evals.questions import Question
    from litellm_tiering.evals.result import Result
    from litellm_tiering.evals.trace import Trace

TRACES = {"diurnal": "nightburst", "eveningspike": "diurnal", "nightburst": "eveningspike"}
"""By name, and beside each the trace whose shape is the wrong one for it."""

MEASURED = ("zeroeval_gsm@gpt35", "ifeval@haiku")
SHARES = (0.6, 0.8)
DAYS_LEARNED = 3
KEPT = Kept(__file__)
NO_LIMIT_USD = 1_000_000.0


@dataclass(frozen=True)
class Policy:
    """One way of spending a budget; ``before`` names whose days were seen."""

    label: str
    budget: dict
    before: str = ""


PLAIN = Policy("thresholds", {})
VALUE = Policy("value", {"downgrade": "value"})
LINEAR = Policy("linear", {"pacing": "linear"})
LEARNED = Policy("learned", {"pacing": "learned"}, "same")
WRONG = Policy("learned, wrong shape", {"pacing": "learned"}, "other")
BOTH = Policy("value + linear", {"pacing": "linear", "downgrade": "value"})
POLICIES = (PLAIN, LINEAR, LEARNED, WRONG, VALUE, BOTH)
PACED = (LINEAR, LEARNED, WRONG, BOTH)


@dataclass(frozen=True)
class House:
    """One set of questions at its models' prices: all that a policy is replayed with but the trace."""

    facts: tuple[TierFacts, ...]
    questions: tuple[Question, ...]

    def run(self, trace: Trace, policy: Policy, limit_usd: float, other: Trace) -> Result:
        section = {
            "tiers": [{"name": "weak", "model": "weak"}, {"name": "strong", "model": "strong"}],
            "budgets": [{"scope": "global", "limit_usd": limit_usd, "window": "day", **policy.budget}],
            "store": {"url": "memory://"},
        }
        asking = Asking(build(from_mapping(section).config), self.facts, self.questions)
        seen = {"same": trace, "other": other}.get(policy.before)
        before = () if seen is None else days_before(seen, DAYS_LEARNED, seed=1)
        start = midnight(A_WEDNESDAY, "UTC")
        return asyncio.run(replay(trace, asking, start, before=before, label=policy.label))


def trace_of(name: str) -> Trace:
    with gzip.open(DATA / f"traces_servegen_{name}_day.csv.gz") as file:
        return read_trace(enumerate((line.rstrip(b"\n") for line in file), 1))


def house_of(name: str) -> House:
    file, weak, strong = SETS[name]
    prices = json.loads((DATA / "prices.json").read_text())
    per_token = [(prices[m]["input_per_token"], prices[m]["output_per_token"]) for m in (weak, strong)]
    facts = tuple(TierFacts(Price(i * NANO_PER_USD, o * NANO_PER_USD)) for i, o in per_token)
    with gzip.open(DATA / f"outcomes_{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = (question_in(json.loads(line), weak, strong, "auto") for line in lines)
        return House(facts, tuple(q for q in found if q is not None))


def table(results: list[Result]) -> None:
    head = f"{'':22}{'spent':>8}{'refused':>9}{'floored':>9}{'down':>8}{'from 18':>9}{'changes':>9}"
    print(f"{head}{'quality':>9}{'lost':>8}{'against thresholds':>20}{'forecast':>10}")
    for r in results:
        error = "" if r.forecast_error is None else f"{r.forecast_error:.1%}"
        print(
            f"{r.label:22}{r.ratio:8.1%}{r.refused_share:9.1%}{r.floored_share:9.1%}{r.downgraded_share:8.1%}"
            f"{r.late_share:9.1%}{r.changes / r.days:9.0f}{r.quality:9.4f}"
            f"{r.quality_wanted - r.quality:8.4f}{against(r, results[0]):>20}{error:>10}"
        )


def keep(day: str, results: list[Result]) -> None:
    kept = KEPT.table(
        "days", "day, questions, limit", "policy", ("spent", ".1%"), ("refused", ".1%"),
        ("moved down", ".1%"), ("from 18:00 on", ".1%"), ("quality", ".4f"), ("more than thresholds", "+.4f"),
    )  # fmt: skip
    for r in results:
        found = [a - b for a, b in zip(r.worth, results[0].worth, strict=True)]
        far = 1.96 * stdev(found) / sqrt(len(found))
        more = None if r is results[0] else (mean(found), mean(found) - far, mean(found) + far)
        shares = (r.ratio, r.refused_share, r.downgraded_share, r.late_share)
        kept.row(day, r.label, *shares, r.quality, more)


def against(result: Result, plain: Result) -> str:
    """The difference in quality, request by request, and its standard error."""
    if result is plain:
        return ""
    found = [a - b for a, b in zip(result.worth, plain.worth, strict=True)]
    return f"{mean(found):+.4f} ± {stdev(found) / sqrt(len(found)):.4f}"


def missed(results: list[Result]) -> list[str]:
    """The goals that these results of one day do not meet."""
    by = {r.label: r for r in results}
    plain, found = by[PLAIN.label], []
    for r in (by[policy.label] for policy in PACED if policy.label in by):
        if r.ratio > 1.0:
            found.append(f"{r.label} spends {r.ratio:.1%} of the limit")
        if r.late_share >= plain.late_share > 0:
            found.append(
                f"{r.label} moves {r.late_share:.1%} down from 18:00 on, thresholds {plain.late_share:.1%}"
            )
    value = by[VALUE.label]
    if value.spent > plain.spent:
        found.append(f"value spends {value.spent / plain.spent - 1:+.2%} against thresholds")
    if value.quality <= plain.quality:
        found.append(f"value has quality {value.quality:.4f}, thresholds {plain.quality:.4f}")
    return found


def measure(set_: str, name: str, pictures: Path | None) -> list[str]:
    house, trace, other = house_of(set_), trace_of(name), trace_of(TRACES[name])
    wanted = house.run(trace, PLAIN, NO_LIMIT_USD, other).wanted
    found = []
    for share in SHARES:
        limit = share * usd(wanted)
        policies = POLICIES if share == SHARES[0] else [p for p in POLICIES if p is not WRONG]
        results = [house.run(trace, policy, limit, other) for policy in policies]
        what = f"{name}, {set_}, limit {share:.0%} of ${usd(wanted):.2f}"
        print(f"\n{what}: {results[0].requests:,} requests, quality {results[0].quality_wanted:.4f} without")
        table(results)
        keep(f"{name}, {set_}, {share:.0%}", results)
        found += [f"{what}: {goal}" for goal in missed(results)]
        if pictures is not None and share == SHARES[0]:
            pictures.mkdir(parents=True, exist_ok=True)
            path = pictures / f"pacing-{name}-{set_.partition('@')[0]}.png"
            draw(results, path, f"{name}: a limit of {share:.0%} of what the day would cost")
            print(path)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", action="append", choices=SETS, help="questions and models; repeatable")
    parser.add_argument("--trace", action="append", choices=TRACES, help="the day; repeatable")
    parser.add_argument("--pictures", type=Path, default=Path(__file__).parent / "out", help="where they go")
    parser.add_argument("--no-pictures", dest="pictures", action="store_const", const=None)
    options = parser.parse_args()
    if not (DATA / "prices.json").exists():
        print("no traces or outcomes here: set TIERING_DATA")
        return 0
    goals = []
    try:
        for set_ in options.set or MEASURED:
            for name in options.trace or TRACES:
                goals += measure(set_, name, options.pictures)
    except NoPlots as error:
        print(f"{error}, or --no-pictures")
        return 2
    for goal in goals or ("nothing",):
        KEPT.table("missed", "missed").row(goal)
    KEPT.goal("days and policies that miss a goal", len(goals), at_most=0)
    print("\nevery goal is met" if not goals else "\nmissed:")
    for goal in goals:
        print(f"  {goal}")
    return 1 if goals else 0


if __name__ == "__main__":
    KEPT.run(main)
