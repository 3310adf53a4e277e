"""How often looking every day finds a difference between two policies that are the same, and one that is not.

Run: python bench/sequential.py [--runs 300]. In a made-up world of known truth, sixty days with a look at the
end of each; see litellm_tiering/evals/armsim.py. Printed are shares of runs, with Wilson's 95 % interval.
"""

from __future__ import annotations

import argparse
from collections import Counter
from statistics import median

from kept import Kept
from litellm_tiering.core.adaptive import wilson
from litellm_tiering.evals.armsim import World, simulate

_Z95 = 1.959964
KEPT = Kept(__file__)
MOST_WRONG = 0.05
"""In how many runs an interval that holds at every look at once may miss the truth at some look."""

WORLDS = {
    "no difference, 40 callers": World(callers=40),
    "no difference, 120 callers": World(),
    "no difference, 400 callers, a request a day": World(callers=400, daily=1.0),
    "40 % cheaper, 400 callers": World(callers=400, daily=1.0, cheaper=0.4),
    "60 % cheaper and 8 points worse, 120 callers": World(cheaper=0.6, worse=0.08),
}


def main() -> None:
    """Simulate, and print a table for each world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    for name, world in WORLDS.items():
        found = [simulate(world, seed) for seed in range(runs)]
        print(f"{name}, {world.days} looks, {runs} runs")
        days = {key: [run.found[key] for run in found if key in run.found] for key in _keys(found)}
        for (look, what), when in sorted(days.items()):
            low, high = wilson(len(when), runs, _Z95)
            share = f"{len(when) / runs:6.1%} ({low:.1%} to {high:.1%})"
            kept = KEPT.table(
                "found", "traffic", "look", "difference in", ("found in", ".1%"), ("day, median", "g")
            )
            kept.row(name, look, what, (len(when) / runs, low, high), median(when))
            day = f"at the median on day {median(when):g}"
            print(f"  {look:10} finds a difference in {what:7} in {share}, {day}")
        wrong = Counter(look for run in found for look in run.wrong)
        for look, count in sorted(wrong.items()):
            KEPT.table("wrong", "traffic", "look", ("misses the truth in", ".1%")).row(
                name, look, count / runs
            )
            print(f"  {look:18} misses the truth at some look in {count / runs:6.1%}")
        missed = sum(any(look.startswith("sequential") for look in run.wrong) for run in found)
        KEPT.table("wrong", "traffic", "look", ("misses the truth in", ".1%")).row(
            name, "all sequential together", (missed / runs, *wilson(missed, runs, _Z95))
        )
        KEPT.goal(
            f"{name}: runs whose sequential intervals miss at some look", missed / runs, at_most=MOST_WRONG
        )
        print(f"  all sequential intervals together miss at some look in {missed / runs:6.1%}\n", flush=True)


def _keys(found: list) -> set:
    return {key for run in found for key in run.found}


if __name__ == "__main__":
    KEPT.run(main)
