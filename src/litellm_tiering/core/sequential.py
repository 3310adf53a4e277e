"""Two policies compared while the figures still come in: intervals that hold however often one looks. Pure.

An interval of the usual kind holds for one look at an end that was fixed beforehand. Whoever looks every day,
and stops at the first difference that shows, finds one sooner or later where there is none. Those below hold
at all looks together.

What is drawn is the caller, so a caller's requests count as one observation: a pair of sums, of what there
was (cost, say) and of what it is counted in (requests).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95

ENOUGH = 10
"""How many callers there must be on either side for an interval."""

LEAST_WEIGHT = 3.0
"""How many callers of equal size those of one side must be worth."""

_MOST_DOUBT = 3.0
"""Half an interval, as the logarithm of a factor: twentyfold either way says nothing."""

_MOST_ERRORS = 30.0
"""So many standard errors are as rare as numbers can tell."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one caller adds to a rate: a part of its numerator, and one of its denominator."""

    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of a rate is compared.

    Attributes:
        relative: Whether the change is told as a share of the first rate, as of costs; else the difference,
            of rates from 0 to 1.
        scale: What size of a change the interval is narrowest for, in the change's own unit. It decides how
            soon a change is seen, and not how often one is seen where there is none.
    """

    relative: bool
    scale: float


@dataclass(frozen=True, slots=True)
class Change:
    """How one rate differs from another.

    Attributes:
        first: The rate that is compared with; None where there is none.
        other: The rate that is compared, likewise.
        change: The other beside the first: the difference, or the difference as a share of the first.
        low: Where the interval begins; None where too little is known for one.
        high: Where it ends, likewise.
        note: Why there is no interval; empty where there is one.
    """

    first: float | None
    other: float | None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def sure(self) -> int:
        """1 where the whole interval lies above zero, -1 where it lies below, else 0."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)


def change_of(
    first: Sequence[Part], other: Sequence[Part], kind: Kind, names: tuple[str, str], alpha: float
) -> Change:
    """How the rate of one side's callers differs from that of another's.

    Args:
        first: The callers that are compared with.
        other: The callers that are compared.
        kind: What kind of rate it is.
        names: What the two sides are called, for notes.
        alpha: How often the interval may miss, in any of all looks.
    """
    ours, theirs = Side.of(first, relative=kind.relative), Side.of(other, relative=kind.relative)
    known = Change(ours.rate, theirs.rate)
    if ours.rate is None or theirs.rate is None:
        return replace(known, note="nothing to compare yet")
    if kind.relative and min(ours.rate, theirs.rate) <= 0:
        return replace(known, note="a rate of nothing cannot be compared")
    middle = theirs.place - ours.place
    known = replace(known, change=math.expm1(middle) if kind.relative else middle)
    note = ours.too_little(names[0]) or theirs.too_little(names[1])
    if note:
        return replace(known, note=note)
    half = _half(ours, theirs, kind.scale, alpha)
    if not kind.relative:
        return replace(known, low=max(-1.0, middle - half), high=min(1.0, middle + half))
    if half > _MOST_DOUBT:
        return replace(known, note="callers differ too much: no interval can be given")
    return replace(known, low=math.expm1(middle - half), high=math.expm1(middle + half))


def _half(ours: Side, theirs: Side, scale: float, alpha: float) -> float:
    """Half the interval: that of normal observations, widened for the few callers it was estimated from."""
    spread = ours.variance + theirs.variance
    if spread <= 0:
        return 0.0
    return widened(multiplier(spread, scale, alpha), freedom(ours, theirs)) * math.sqrt(spread)


def freedom(ours: Side, theirs: Side) -> float:
    """How many degrees of freedom a difference has: by as many callers as their unequal sizes are worth.

    B. L. Welch, "The generalization of Student's problem when several different population variances are
    involved", Biometrika 34 (1947), pages 28-35.
    """
    spread = ours.variance + theirs.variance
    return spread**2 / (ours.variance**2 / (ours.weight - 1) + theirs.variance**2 / (theirs.weight - 1))


def multiplier(variance: float, scale: float, alpha: float) -> float:
    """How many standard errors an interval reaches to either side so that it holds at all looks together.

    The two-sided mixture boundary of H. Robbins, "Statistical methods related to the law of the iterated
    logarithm", Annals of Mathematical Statistics 41 (1970), pages 1397-1409, as in equation (14) of S. R.
    Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
    sequences", Annals of Statistics 49 (2021), pages 1055-1080: a sum whose variance has reached ``v`` stays
    within ``sqrt((v + r) log((v + r) / (r alpha^2)))``. An estimate of variance ``s`` is such a sum with
    ``v = 1/s``, divided by ``v``; and ``r`` is one over the square of ``scale``. That it may be used with an
    estimated variance is the asymptotic confidence sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. H.
    Kennedy and A. Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of
    Statistics 52 (2024), pages 2613-2640, theorem 2.2.

    Args:
        variance: The estimate's, above 0.
        scale: The size of a change for which the interval is narrowest.
        alpha: How often it may miss.
    """
    beside = variance / scale**2
    return math.sqrt((1 + beside) * (math.log1p(1 / beside) - 2 * math.log(alpha)))


def widened(z: float, degrees: float) -> float:
    """The quantile of Student's distribution that is as rare as ``z`` is of the normal one.

    G. W. Hill, "Algorithm 396: Student's t-quantiles", Communications of the ACM 13 (1970), pages 619-620,
    from 2 degrees of freedom on; to some 0.1 % for what is looked at here.
    """
    z = min(z, _MOST_ERRORS)
    rare = math.erfc(z / math.sqrt(2))
    n = max(degrees, 2.0)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20_700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * rare) ** (2 / n)
    if y > a + 0.05:
        x = -z
        y = x**2
        if n < 5:  # noqa: PLR2004 - the algorithm's own
            c += 0.3 * (n - 4.5) * (x + 0.6)
        c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y**2)
    else:
        e = 1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)
        y = (e * y - 1) * (n + 1) / (n + 2) + 1 / y
    return math.sqrt(n * y)


@dataclass(frozen=True, slots=True)
class Side:
    """One side: its rate, and how sure it is.

    Attributes:
        callers: How many there are.
        weight: How many callers of equal size would say as much (L. Kish, "Survey Sampling" (1965), 11.7).
        rate: The rate; None where there is nothing to go by.
        place: Where it lies on the scale of the comparison: itself, or its logarithm.
        variance: That of its place; infinite where one caller is all there is.
    """

    callers: int
    weight: float
    rate: float | None
    place: float
    variance: float

    @classmethod
    def of(cls, parts: Sequence[Part], *, relative: bool) -> Side:
        """The side of these callers."""
        seen = [p for p in parts if p.bottom > 0]
        top, bottom = math.fsum(p.top for p in seen), math.fsum(p.bottom for p in seen)
        if bottom <= 0:
            return cls(0, 0.0, None, 0.0, 0.0)
        rate = top / bottom
        if relative and rate <= 0:
            return cls(len(seen), 0.0, rate, 0.0, 0.0)
        sizes = [p.top if relative else p.bottom for p in seen]
        largest = max(sizes)
        weight = math.fsum(s / largest for s in sizes) ** 2 / math.fsum((s / largest) ** 2 for s in sizes)
        place = math.log(rate) if relative else rate
        return cls(len(seen), weight, rate, place, _variance(seen, top, bottom, relative=relative))

    def too_little(self, name: str) -> str:
        """Why there can be no interval; empty where there can."""
        if self.callers < ENOUGH:
            return f"fewer than {ENOUGH} callers of {name}: no interval can be given"
        if self.weight < LEAST_WEIGHT or math.isinf(self.variance):
            return f"a few callers make up almost all of {name}: no interval can be given"
        return ""


def _variance(parts: Sequence[Part], top: float, bottom: float, *, relative: bool) -> float:
    """The variance of a rate, or of its logarithm, by leaving out one caller at a time.

    The jackknife of a ratio: B. Efron and C. Stein, "The jackknife estimate of variance", Annals of
    Statistics 9 (1981), pages 586-596. A rate of which every answer was the same has none to go by, and yet
    it is not known for certain: it is taken to vary as much as if the next answer might well be another.
    """
    rates = []
    for part in parts:
        t, b = top - part.top, bottom - part.bottom
        if b <= 0 or (relative and t <= 0):
            return math.inf
        rates.append(math.log(t / b) if relative else t / b)
    n = len(rates)
    mean = math.fsum(rates) / n
    found = (n - 1) / n * math.fsum((r - mean) ** 2 for r in rates)
    return found if relative else max(found, 0.5 / bottom**2)


def shared_alpha(comparisons: int, level: float = LEVEL) -> float:
    """How often each of several intervals may miss for all of them to hold together at ``level``.

    C. E. Bonferroni's inequality: no more than the sum of what each may.
    """
    return (1 - level) / max(1, comparisons)
