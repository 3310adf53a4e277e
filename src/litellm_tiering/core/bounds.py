"""Bounds: the usage from which a budget asks for a lower option. Pure.

A budget's thresholds, its pacing and its sense of value all come down to such bounds, computed before the
ledger is asked, so that its one question stays as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import NO_BOUND
from litellm_tiering.core.ladder import settle_on
from litellm_tiering.core.pacing import CHEAPEST_FROM, DEAREST_FROM, LET_GO, VALUE_FROM, engages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.budget import Budget
    from litellm_tiering.core.value import Standing


@dataclass(frozen=True, slots=True)
class Pressure:
    """What bears on one request besides the plain thresholds of a budget, at one instant.

    Attributes:
        allowed: What share of the limit pacing lets be used by now.
        held: How many steps down pacing has taken.
        firm: Whether it is too early to let go of any of them.
        standing: How the request's upgrades compare; None where value has no say.
    """

    allowed: float = 1.0
    held: int = 0
    firm: bool = False
    standing: Standing | None = None


NO_PRESSURE = Pressure()


def bounds(
    budget: Budget,
    rank: int,
    options: Sequence[int],
    usable: frozenset[int],
    pressure: Pressure = NO_PRESSURE,
) -> tuple[int, ...]:
    """For each option (a rank), the usage in nano-dollars from which ``budget`` asks for a lower one.

    ``options`` are the ranks a request of ``rank`` may end on, dearest first. An option is given up at the
    lowest threshold whose target, settled on a usable rank, lies below it. Pacing makes no bound higher;
    value lowers those of the upgrades that buy least, and lifts others in return.
    """
    if budget.limit is None:
        return (NO_BOUND,) * len(options)
    if pressure.standing is not None:
        return _valued(budget, pressure, pressure.standing)
    plain = thresholds(budget, rank, options, usable)
    if not budget.paced:
        return plain
    paced = _paced(budget, rank, options, usable, pressure)
    return tuple(_lower(a, b) for a, b in zip(plain, paced, strict=True))


def thresholds(budget: Budget, rank: int, options: Sequence[int], usable: frozenset[int]) -> tuple[int, ...]:
    """The bounds of the thresholds alone, as :func:`bounds` without forecast and value."""
    if budget.limit is None:
        return (NO_BOUND,) * len(options)
    found = []
    for option in options:
        bound = NO_BOUND
        for d in budget.downgrade:
            landing = settle_on(d.target(rank), usable)
            if landing is not None and landing < option:
                bound = _nano(d.at * budget.limit)
                break
        found.append(bound)
    return tuple(found)


def final_bounds(budget: Budget, options: Sequence[int]) -> tuple[int, ...]:
    """The usage from which each option goes whatever it buys: the last threshold's."""
    if budget.limit is None or not budget.downgrade:
        return (NO_BOUND,) * len(options)
    return (*(_nano(budget.downgrade[-1].at * budget.limit) for _ in options[1:]), NO_BOUND)


def _valued(budget: Budget, pressure: Pressure, standing: Standing) -> tuple[int, ...]:
    """Until when each upgrade is paid for, by its place among all that want the same money.

    The worst-buying go well before the first threshold, though only while more is used than an even course
    would have used by now; what they leave is spent past it, on those that buy more.
    """
    limit = float(budget.limit or 0)
    first, last = budget.downgrade[0].at, budget.downgrade[-1].at
    spared = 1.0 - standing.kept
    low = VALUE_FROM * first
    turn = _turn(low, first, standing.base + 1.0, standing.base + standing.kept)
    # Not all of what could be: traffic is never as even as that takes it to be.
    high = min(last, first + _OF_TURN * (turn - first))
    found = []
    for place in standing.places:
        share = last
        if place < spared:
            share = max(first * pressure.allowed, low + (high - low) * place / spared)
        if budget.paced:
            lift = CHEAPEST_FROM - DEAREST_FROM
            share = min(share, pressure.allowed * (DEAREST_FROM + lift * place))
        found.append(_nano(limit * share))
    return (*found, NO_BOUND)


_OF_TURN = 0.75


def _turn(low: float, at: float, before: float, after: float) -> float:
    """Where spending that turns evenly from ``low`` on, from the rate ``before`` to ``after``, is done.

    It gets there no sooner than spending that turned at once, at ``at``.
    """
    if not 0 < after < before:
        return at
    even = math.log(before / after) / (before - after)
    return (at / after - low * even - (at - low) / before) / (1 / after - even)


def _paced(
    budget: Budget, rank: int, options: Sequence[int], usable: frozenset[int], pressure: Pressure
) -> tuple[int, ...]:
    """The bounds of pacing: step by step, as far as the thresholds would go."""
    share = float(budget.limit or 0) * pressure.allowed
    lowest = min((d.target(rank) for d in budget.downgrade), default=rank)
    found = []
    for option in options:
        bound = NO_BOUND
        for step in range(1, rank - lowest + 1):
            landing = settle_on(rank - step, usable)
            if landing is not None and landing < option:
                held = step <= pressure.held
                ratio = engages(step) - LET_GO if held else engages(step)
                bound = 0 if held and pressure.firm else _nano(share * ratio)
                break
        found.append(bound)
    return tuple(found)


def _lower(a: int, b: int) -> int:
    if NO_BOUND in (a, b):
        return max(a, b)
    return min(a, b)


def _nano(amount: float) -> int:
    # Rounded up: "used >= bound" must say the same as "used / limit >= at".
    return max(0, -int(-amount // 1))
