"""What routing saves, measured against callers that are held out of it: an estimate and its interval. Pure.

Callers are drawn at random, so those held out tell what the others would have cost. What is compared is the
cost of a caller in a quarter of an hour in which it asks anything at all: per request would be wrong, for
whoever gets a worse answer asks again, and such a request is a cost of routing, not one more saving; and per
caller alone says little, as callers differ a hundredfold in how much they ask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING

from litellm_tiering.core.ladder import settle_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUARTER_S = 900
"""How long a piece of a caller's activity is, in seconds: longer than it takes to ask once more."""

ENOUGH_CALLERS = 5
"""How many callers there must be on either side for an interval."""

LEVEL = 0.95

_MOST_DOUBT = 3.0
"""Half an interval, as the logarithm of a factor: twentyfold either way says nothing."""


def otherwise(asked: int, tiers: int, unable: Mapping[int, str]) -> int:
    """The rank that a client would have got without routing: that of the name it asked for.

    Where that tier cannot serve the request, it is the one that then does.

    Args:
        asked: The rank that the name stands for, itself or by an alias.
        tiers: How many there are.
        unable: The ranks that cannot serve the request.
    """
    landing = settle_on(asked, frozenset(range(tiers)) - unable.keys())
    return asked if landing is None else landing


@dataclass(frozen=True, slots=True)
class Use:
    """What one caller did.

    Attributes:
        cost: What all its requests cost, in nano-dollars: every attempt, and the classifiers' calls.
        active: In how many quarters of an hour it asked anything.
        requests: How many requests it made.
    """

    cost: int
    active: int
    requests: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What routing saves of what the routed callers would have cost.

    Attributes:
        callers: How many callers were held out.
        routed: How many were routed.
        requests: How many requests those held out made.
        share: The saved share; below 0 where routing costs more.
        low: Where its interval begins; None where too little is known for one.
        high: Where its interval ends, likewise.
        cost: What the routed callers cost, in nano-dollars.
        saved: What they would have cost beyond that, in nano-dollars.
        saved_low: Where that one's interval begins, likewise.
        saved_high: Where it ends, likewise.
        note: Why there is no interval; empty where there is one.
    """

    callers: int
    routed: int
    requests: int
    share: float
    low: float | None
    high: float | None
    cost: int
    saved: int
    saved_low: int | None = None
    saved_high: int | None = None
    note: str = ""


def measured(routed: Sequence[Use], held: Sequence[Use], level: float = LEVEL) -> Measured | None:
    """What routing saves, with an interval that holds at ``level``; None where there is nothing to compare.

    The ratio of two ratio estimates, its variance by leaving out one caller at a time, and Student's t. The
    jackknife of a ratio: B. Efron and C. Stein, "The jackknife estimate of variance", Annals of Statistics 9
    (1981), pages 586-596. The degrees of freedom are those of as many callers as their unequal costs are
    worth: B. L. Welch, "The generalization of Student's problem when several different population variances
    are involved", Biometrika 34 (1947), pages 28-35.
    """
    ours, theirs = _Arm.of(routed), _Arm.of(held)
    if ours is None or theirs is None:
        return None
    ratio = math.exp(ours.log_rate - theirs.log_rate)
    found = Measured(
        callers=theirs.callers,
        routed=ours.callers,
        requests=sum(u.requests for u in held),
        share=1 - ratio,
        low=None,
        high=None,
        cost=ours.cost,
        saved=_saved(ours.cost, ratio),
        note=_too_little(ours, theirs),
    )
    if found.note:
        return found
    half = _half(ours, theirs, level)
    if half > _MOST_DOUBT:
        return replace(found, note="callers differ too much in cost: no interval can be given")
    low, high = ratio * math.exp(half), ratio * math.exp(-half)
    saved_low, saved_high = _saved(ours.cost, low), _saved(ours.cost, high)
    return replace(found, low=1 - low, high=1 - high, saved_low=saved_low, saved_high=saved_high)


def _half(ours: _Arm, theirs: _Arm, level: float) -> float:
    """Half the interval of the ratio's logarithm."""
    one, other = ours.variance or 0.0, theirs.variance or 0.0
    spread = one + other
    if spread <= 0:
        return 0.0
    freedom = spread**2 / (one**2 / (ours.weight - 1) + other**2 / (theirs.weight - 1))
    return student(level, freedom) * math.sqrt(spread)


@dataclass(frozen=True, slots=True)
class _Arm:
    """One side: its callers, their cost, the logarithm of its rate, and that one's variance if known.

    ``weight`` is how many callers of equal cost would say as much (L. Kish, "Survey Sampling" (1965), 11.7).
    """

    callers: int
    weight: float
    cost: int
    log_rate: float
    variance: float | None

    @classmethod
    def of(cls, uses: Sequence[Use]) -> _Arm | None:
        seen = [u for u in uses if u.active > 0]
        cost, active = sum(u.cost for u in seen), sum(u.active for u in seen)
        if cost <= 0:
            return None
        weight = cost**2 / sum(u.cost**2 for u in seen)
        return cls(len(seen), weight, cost, math.log(cost / active), _variance(seen, cost, active))


def _variance(uses: Sequence[Use], cost: int, active: int) -> float | None:
    """The jackknife's variance of the logarithm of the rate; None where one caller is all there is."""
    n = len(uses)
    if any(cost - u.cost <= 0 or active - u.active <= 0 for u in uses):
        return None
    without = [math.log((cost - u.cost) / (active - u.active)) for u in uses]
    mean = math.fsum(without) / n
    return (n - 1) / n * math.fsum((w - mean) ** 2 for w in without)


def _too_little(ours: _Arm, theirs: _Arm) -> str:
    """Why there can be no interval; empty where there can."""
    for arm, which in ((theirs, "held out"), (ours, "routed")):
        if arm.callers < ENOUGH_CALLERS:
            return f"fewer than {ENOUGH_CALLERS} callers {which}: no interval can be given"
        if arm.variance is None:
            return f"one caller is all the cost of those {which}: no interval can be given"
    return ""


def _saved(cost: int, ratio: float) -> int:
    """What was saved where ``cost`` is this part of what it would have been, in nano-dollars."""
    return round(cost / ratio) - cost


def student(level: float, freedom: float) -> float:
    """The two-sided quantile of Student's t distribution, to some 0.5 % from 3 degrees of freedom on.

    The expansion of M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.5.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    n = max(freedom, 3.0)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160
    return z + first / n + second / n**2 + third / n**3 + fourth / n**4
