"""Two policies compared day by day in a made-up world of known truth: what looks find that is not there.

Callers differ manyfold in how much they ask, in what their requests cost, and in how their answers fare; half
of them are there from the first day, and the others come as time goes on. Whoever looks every day, by three
kinds of intervals: those of :mod:`litellm_tiering.core.sequential`, and two of the usual kind, which hold for
one look: with callers as what was drawn, and with requests taken for it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.sequential import Kind, Part, Side, change_of, freedom, shared_alpha, widened
from litellm_tiering.telemetry.arms import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Z95 = 1.959964
_NAMES = ("one", "other")


@dataclass(frozen=True, slots=True)
class World:
    """What is so.

    Attributes:
        callers: How many there are in the end, on both sides together.
        days: How many days there are, with a look at the end of each.
        daily: How many requests a caller makes on a day, at the median.
        cheaper: The share by which the other policy's requests cost less.
        worse: How much less often its answers pass, as a difference of shares.
    """

    callers: int = 120
    days: int = 60
    daily: float = 3.0
    cheaper: float = 0.0
    worse: float = 0.0


@dataclass(slots=True)
class _Caller:
    other: bool
    from_day: int
    daily: float
    level: float
    passes: float
    cost: float = 0.0
    squares: float = 0.0
    requests: int = 0
    passed: int = 0

    def lives(self, world: World, draw: random.Random) -> None:
        """One day more."""
        count = max(0, round(draw.gauss(self.daily, math.sqrt(self.daily))))
        for _ in range(count):
            cost = self.level * draw.lognormvariate(0.0, 0.8)
            cost *= 1 - world.cheaper if self.other else 1.0
            self.cost += cost
            self.squares += cost * cost
            self.passed += draw.random() < self.passes - (world.worse if self.other else 0.0)
        self.requests += count


@dataclass(slots=True)
class Run:
    """On which day each kind of look first found a difference, in cost and in how many answers pass.

    Attributes:
        found: By the kind of look and by what differs, the day from 1 on; absent where none did.
        wrong: By the kind of look, whether an interval of cost ever missed the truth.
    """

    found: dict[tuple[str, str], int] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)


def simulate(world: World, seed: int) -> Run:
    """One experiment from its first day to its last; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    people = [_born(world, draw) for _ in range(world.callers)]
    run = Run()
    truth = {"cost": -world.cheaper, "passes": -world.worse}
    for day in range(1, world.days + 1):
        for person in people:
            if person.from_day < day:
                person.lives(world, draw)
        for look, what, low, high in _looks(people):
            if low > 0 or high < 0:
                run.found.setdefault((look, what), day)
            if not low <= truth[what] <= high:
                run.wrong.add(f"{look}:{what}")
    return run


def _born(world: World, draw: random.Random) -> _Caller:
    return _Caller(
        other=draw.random() < 0.5,  # noqa: PLR2004 - a fair coin
        from_day=0 if draw.random() < 0.5 else draw.randrange(world.days),  # noqa: PLR2004 - half of them
        daily=world.daily * draw.lognormvariate(0.0, 1.0),
        level=draw.lognormvariate(0.0, 0.6),
        passes=draw.betavariate(18, 2),
    )


def _looks(people: Sequence[_Caller]) -> Iterator[tuple[str, str, float, float]]:
    """Each kind of look at each difference: its name, what differs, and the interval."""
    alpha = shared_alpha(len(KINDS))
    for what in ("cost", "passes"):
        kind = KINDS[what]
        one, other = ([_part(p, what) for p in people if p.other is side] for side in (False, True))
        found = change_of(one, other, kind, _NAMES, alpha)
        if found.low is not None and found.high is not None:
            yield "sequential", what, found.low, found.high
            yield "callers", what, *_fixed(one, other, kind)
    yield "requests", "cost", *_by_request(people)


def _part(person: _Caller, what: str) -> Part:
    return Part(person.cost if what == "cost" else person.passed, person.requests)


def _fixed(one: Sequence[Part], other: Sequence[Part], kind: Kind) -> tuple[float, float]:
    """The interval for one look alone, callers being what was drawn."""
    ours, theirs = Side.of(one, relative=kind.relative), Side.of(other, relative=kind.relative)
    half = widened(_Z95, freedom(ours, theirs)) * math.sqrt(ours.variance + theirs.variance)
    middle = theirs.place - ours.place
    low, high = middle - half, middle + half
    return (math.expm1(low), math.expm1(high)) if kind.relative else (low, high)


def _by_request(people: Sequence[_Caller]) -> tuple[float, float]:
    """The interval that takes requests for what was drawn, of the cost as a share of the first's."""
    sides = []
    for side in (False, True):
        n = sum(p.requests for p in people if p.other is side)
        if n == 0:
            return -math.inf, math.inf
        mean = sum(p.cost for p in people if p.other is side) / n
        spread = sum(p.squares for p in people if p.other is side) / n - mean**2
        sides.append((mean, max(0.0, spread) / n))
    (one, spread_one), (two, spread_two) = sides
    half = _Z95 * math.sqrt(spread_one + spread_two)
    return (two - one - half) / one, (two - one + half) / one
