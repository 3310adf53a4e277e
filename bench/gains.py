"""What a way of serving gains over chance: paired statistics of questions, for cascade.py."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES = 1000
"""How many bootstrap samples an interval is of."""


@dataclass(frozen=True)
class Row:
    """One question: what it was worth and what it cost, in the way measured, always weak, always strong."""

    right: float
    cost: int
    weak: float
    weak_cost: int
    strong: float
    strong_cost: int


def mixed(rows: Sequence[Row]) -> tuple[float, float]:
    """The quality, and that of the random mix of weak and strong that costs the same."""
    count = len(rows)
    right, cost, weak, cheap, strong, dear = (
        sum(column)
        for column in zip(
            *((r.right, r.cost, r.weak, r.weak_cost, r.strong, r.strong_cost) for r in rows), strict=True
        )
    )
    share = 0.0 if dear <= cheap else min(1.0, max(0.0, (cost - cheap) / (dear - cheap)))
    return right / count, (weak + share * (strong - weak)) / count


def intervals(rows: Sequence[Row]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The 95 % intervals of the quality, and of its gain over the random mix; questions drawn anew."""
    draw = random.Random(7)
    found = [mixed(draw.choices(rows, k=len(rows))) for _ in range(SAMPLES)]
    return span([q for q, _ in found]), span([q - mix for q, mix in found])


def span(values: list[float]) -> tuple[float, float]:
    values = sorted(values)
    return values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]
