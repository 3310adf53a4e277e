"""How often the stated saving's interval holds what is true, over simulated weeks through the engine.

`python bench/savings.py [RUNS]`, 100 when not said. Prints the share of weeks whose truth lies within the
interval, and by how much the naive figure, all requests at the dearest price, is off.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from dataclasses import replace

from kept import Kept
from litellm_tiering.evals.simweek import Week, World, week

KEPT = Kept(__file__)
GOAL = 0.93
"""In how many weeks the truth is to lie within the interval."""


def run(world: World, runs: int) -> list[Week]:
    return [asyncio.run(week(seed, world)) for seed in range(runs)]


def show(title: str, weeks: list[Week]) -> None:
    found = [w.measured for w in weeks if w.measured is not None and w.measured.low is not None]
    off = [100 * (w.naive_share - w.truth_share) for w in weeks]
    ours = [100 * (w.measured.share - w.truth_share) for w in weeks if w.measured is not None]
    wide = [100 * (m.high - m.low) for m in found if m.low is not None and m.high is not None]
    inside = sum(
        w.measured is not None
        and w.measured.low is not None
        and w.measured.high is not None
        and w.measured.low <= w.naive_share <= w.measured.high
        for w in weeks
    )
    print(f"{title}: {len(weeks)} weeks")
    print(f"  truth within the interval: {sum(w.holds for w in weeks)} of {len(weeks)}")
    print(f"  saved, truth: {100 * statistics.fmean(w.truth_share for w in weeks):.1f} %")
    print(f"  measured less truth: {statistics.fmean(ours):+.2f} points, width {statistics.fmean(wide):.1f}")
    print(f"  naive less truth: {statistics.fmean(off):+.2f} points ({min(off):+.2f} to {max(off):+.2f})")
    print(f"  naive within the interval: {inside} of {len(weeks)}")
    kept = KEPT.table(
        "weeks", "traffic", ("weeks", "d"), ("truth within the interval", "d"), ("saved, truth, %", ".1f"),
        ("measured less truth, points", "+.2f"), ("width, points", ".1f"),
        ("naive less truth, points", "+.2f"), ("naive within the interval", "d"),
    )  # fmt: skip
    held = sum(w.holds for w in weeks)
    truth = 100 * statistics.fmean(w.truth_share for w in weeks)
    kept.row(title, len(weeks), held, truth, *map(statistics.fmean, (ours, wide, off)), inside)
    if title == RULE:
        KEPT.goal("simulated weeks whose truth lies within the interval", held / len(weeks), at_least=GOAL)
    booked = [100 * (w.booked.share or 0.0) for w in weeks]
    print(f"  booked: {statistics.fmean(booked):.1f} %")


RULE = "as a rule"
SAME = (0.02, 0.02, 0.02)
PLAIN = World(lengths=(1.0, 1.0, 1.0), again=SAME, cached=0.0)
ONE_BY_ONE = {
    "nothing but the price differs": PLAIN,
    "cheaper tiers answer in fewer words": replace(PLAIN, lengths=(0.6, 0.8, 1.0)),
    "cheaper tiers answer in more words": replace(PLAIN, lengths=(1.5, 1.2, 1.0)),
    "clients ask again": replace(PLAIN, again=(0.2, 0.1, 0.02)),
    "the provider caches conversations": replace(PLAIN, cached=0.9),
}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    show(RULE, run(World(), runs))
    for title, world in ONE_BY_ONE.items():
        show(title, run(world, max(1, runs // 20)))


if __name__ == "__main__":
    KEPT.run(main)
