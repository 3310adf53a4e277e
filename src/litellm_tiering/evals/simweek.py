"""A week whose truth is known: what always asking the dearest tier would have cost is drawn beside the rest.

Its requests pass through the engine that a proxy runs, on a clock that follows them: plans, escalations,
classifiers' calls, bills. What a report says of it can then be held against what was so.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Budget
from litellm_tiering.core.catalog import TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.experiment import Experiment
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.core.price import Price, Usage
from litellm_tiering.engine import Engine
from litellm_tiering.evals.replay import ReplayFailed, TraceClock
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry, Stopped, Terms
from litellm_tiering.records import Row
from litellm_tiering.telemetry.reports import Line, total
from litellm_tiering.telemetry.sightings import HoldOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.savings import Measured
    from litellm_tiering.journeys import Flight
    from litellm_tiering.ports import Tally

MONDAY_S = 1_794_787_200.0
"""Midnight (UTC) before Monday, 16 November 2026, in seconds since the epoch."""

DAY_S, DAYS = 86_400, 7

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
PRICES = (
    Price(150.0, 600.0, cache_read=15.0),
    Price(800.0, 4_000.0, cache_read=80.0),
    Price(3_000.0, 15_000.0, cache_read=300.0),
)
"""Nano-dollars for a token: a small, a middling and a large model, as they are sold in 2026."""

_ROUTE = Route("auto", ("auto",), default_rank=1)
_BETWEEN_TURNS_S, _AGAIN_S = 45.0, 20.0


@dataclass(frozen=True, slots=True)
class World:
    """How a simulated week is drawn.

    Attributes:
        callers: How many there are.
        sessions: How many conversations each has on average, over the week.
        holdout: The share of callers that is held out.
        lengths: How long each tier's answers are, beside the dearest tier's.
        again: How often a client asks again after each tier's answer.
        rejected: How often the gates reject each tier's answer.
        cached: What share of a conversation's earlier turns the provider has cached, at the same model.
        asks_model: How often a model is asked for the classification.
        classifier_nano_usd: What it costs, in nano-dollars.
    """

    callers: int = 240
    sessions: float = 7.0
    holdout: float = 0.2
    lengths: tuple[float, float, float] = (0.6, 0.8, 1.0)
    again: tuple[float, float, float] = (0.12, 0.06, 0.02)
    rejected: tuple[float, float, float] = (0.10, 0.05, 0.0)
    cached: float = 0.9
    asks_model: float = 0.25
    classifier_nano_usd: int = 60_000


@dataclass(frozen=True, slots=True)
class Week:
    """What became of a week, and what was so; money in nano-dollars.

    Attributes:
        truth: What the routed callers would have cost at the dearest tier, less what they cost.
        truth_share: The same as a share of what they would have cost.
        naive: All their requests at the dearest tier's price, less what they cost.
        naive_share: The same as a share.
        booked: What the totals say of everybody.
        measured: What the hold-out says; None where it says nothing.
    """

    truth: int
    truth_share: float
    naive: int
    naive_share: float
    booked: Line
    measured: Measured | None

    @property
    def holds(self) -> bool:
        """Whether the truth lies within the interval that is stated."""
        found = self.measured
        if found is None or found.low is None or found.high is None:
            return False
        return found.low <= self.truth_share <= found.high


@dataclass(frozen=True, slots=True)
class _Turn:
    """One thing that a caller wants to know, with what every tier would make of it."""

    at_s: float
    caller: int
    session: int
    fresh: int
    earlier: int
    rank: int
    answers: tuple[int, ...]
    again: float
    rejected: float
    asked: bool


class _Says:
    """Classifies by what the week has drawn."""

    asks = False

    def classify(self, subject: Subject) -> Classification:
        return Classification(rank=int(subject.features.signals["rank"]), by="heuristic")


def draw(world: World, seed: int) -> list[_Turn]:
    """A week's turns in order of time. Callers differ in how much they ask, and in how hard it is."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, no secret
    turns: list[_Turn] = []
    session = 0
    for caller in range(world.callers):
        busy = world.sessions * math.exp(chance.gauss(-0.32, 0.8))
        hard, long_ = chance.betavariate(2, 3), math.exp(chance.gauss(0.0, 0.4))
        for _ in range(1 + int(chance.expovariate(1 / busy))):
            session += 1
            turns += _session(world, chance, caller, session, hard, long_)
    return sorted(turns, key=lambda turn: turn.at_s)


def _session(  # noqa: PLR0913, PLR0917 - the pieces of a conversation
    world: World, chance: random.Random, caller: int, session: int, hard: float, long_: float
) -> Iterator[_Turn]:
    at_s = MONDAY_S + chance.uniform(0, DAYS * DAY_S - 3600)
    # Most of a conversation is as hard as its beginning.
    rank = _rank(chance, hard)
    earlier = 0
    for _ in range(1 + min(8, int(chance.expovariate(0.6)))):
        rank = rank if chance.random() < 0.8 else _rank(chance, hard)  # noqa: PLR2004 - see above
        fresh = 30 + int(400 * long_ * math.exp(chance.gauss(0.0, 0.7)))
        base = 20 + 300 * long_ * math.exp(chance.gauss(0.0, 0.6))
        written = (base * part * math.exp(chance.gauss(0.0, 0.1)) for part in world.lengths)
        answers = tuple(max(1, round(tokens)) for tokens in written)
        again, rejected = chance.random(), chance.random()
        asked = chance.random() < world.asks_model
        yield _Turn(at_s, caller, session, fresh, earlier, rank, answers, again, rejected, asked)
        # The same history whichever tier wrote it: what differs is then due to the tier alone.
        earlier += fresh + round(base)
        at_s += _BETWEEN_TURNS_S


def _rank(chance: random.Random, hard: float) -> int:
    return min(2, int(chance.random() * 3 * (0.4 + hard)))


class _House:
    """One engine, and the week that passes through it."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._clock = TraceClock(MONDAY_S)
        terms = Terms(
            Policy(LADDER), (Budget(),), _Says(), experiment=Experiment(world.holdout, salt=str(seed))
        )
        self.terms = terms
        self.engine = Engine(terms, MemoryLedger(), self._clock)
        self._facts = tuple(TierFacts(price) for price in PRICES)
        self._last: dict[int, int] = {}
        self.holdout = HoldOut()
        self.cost: dict[int, int] = {}
        self.naive: dict[int, int] = {}

    async def ask(self, turn: _Turn) -> None:
        """Ask what a turn asks, and again where the answer was not good enough for its client."""
        served = await self._once(turn, turn.at_s)
        if turn.again < self._world.again[served]:
            await self._once(turn, turn.at_s + _AGAIN_S)

    async def _once(self, turn: _Turn, at_s: float) -> int:
        self._clock.now_s = max(self._clock.now_s, at_s)
        engine, caller = self.engine, caller_of(turn.caller)
        features = RequestFeatures(
            prompt_tokens=turn.fresh + turn.earlier, max_tokens=4096, signals={"rank": float(turn.rank)}
        )
        inquiry = Inquiry(features, PromptText(), caller, _ROUTE, LADDER.top, self._facts)
        plan = await engine.plan(inquiry)
        flight = plan.flight
        if flight is None:
            raise ReplayFailed("the engine refused a request that nothing limits")
        journey, cost = flight.journey, 0
        if turn.asked and not plan.case.holdout:
            cost += await self._classifier(caller, at_s)
        cost += await self._pay(flight, turn)
        if not plan.case.holdout and turn.rejected < self._world.rejected[flight.rank]:
            engine.books.judged(flight, "refusal")
            higher = await engine.escalate(journey, flight.rank + 1)
            if isinstance(higher, Stopped):
                raise ReplayFailed("the engine did not let a request climb that nothing limits")
            cost += await self._pay(higher, turn)
            engine.books.serve(higher, journey.record.decision)
            flight = higher
        self._last[turn.session] = flight.rank
        self._count(turn, replace(Row.of(journey.record, LADDER), at=at_s), cost, flight.rank)
        return flight.rank

    def _count(self, turn: _Turn, row: Row, cost: int, rank: int) -> None:
        # What the classifier cost is no part of the record here, and of the caller's cost all the same.
        told = {**row.record, "cost_usd": cost / 1e9}
        self.holdout.saw(replace(row, record=told))
        self.cost[turn.caller] = self.cost.get(turn.caller, 0) + cost
        top = PRICES[-1].cost(turn.fresh + turn.earlier, turn.answers[rank])
        self.naive[turn.caller] = self.naive.get(turn.caller, 0) + int(top)

    async def _classifier(self, caller: Caller, at_s: float) -> int:
        asides, cost = self.engine.asides, self._world.classifier_nano_usd
        aside = asides.open("llm", "small", caller, _ROUTE.name, frozenset())
        if aside is None:
            raise ReplayFailed("the engine did not let a model be asked that nothing limits")
        await asides.settle(aside.id, f"bill-{aside.id}-{at_s}", cost)
        return cost

    async def _pay(self, flight: Flight, turn: _Turn) -> int:
        used = used_by(turn, flight.rank, self._last.get(turn.session), self._world.cached)
        cost = int(PRICES[flight.rank].bill(used))
        await self.engine.books.settle(flight, cost, baseline=flight.journey.otherwise(used))
        return cost


def caller_of(number: int) -> Caller:
    """The simulated caller with this number."""
    return Caller(key=f"key-{number:05d}", team=f"team-{number % 7}")


def used_by(turn: _Turn, rank: int, last: int | None, cached: float) -> Usage:
    """What a turn uses at a tier, where the conversation was last answered by the tier ``last``."""
    earlier = int(turn.earlier * cached) if last == rank else 0
    return Usage(turn.fresh + turn.earlier, turn.answers[rank], cached=earlier)


def always_dearest(turns: list[_Turn], world: World) -> dict[int, int]:
    """What each caller would have cost at the dearest tier, in nano-dollars: the truth beside the report."""
    top = LADDER.top
    last: dict[int, int] = {}
    found: dict[int, int] = {}
    for turn in turns:
        for _ in range(2 if turn.again < world.again[top] else 1):
            used = used_by(turn, top, last.get(turn.session), world.cached)
            found[turn.caller] = found.get(turn.caller, 0) + int(PRICES[top].bill(used))
            last[turn.session] = top
    return found


async def week(seed: int, world: World | None = None) -> Week:
    """One week: drawn, lived through, reported, and held against what was so.

    Raises:
        ReplayFailed: the engine failed, or its books do not hold what was paid.
    """
    world = world or World()
    turns = draw(world, seed)
    house = _House(world, seed)
    try:
        for turn in turns:
            await house.ask(turn)
        await house.engine.books.payments.tell_now()
        days = [house.engine.books.days.day(MONDAY_S + i * DAY_S) for i in range(DAYS)]
        rows: tuple[Tally, ...] = await house.engine.ledger.totals(days)
        if house.engine.faults or total(rows).cost != sum(house.cost.values()):
            raise ReplayFailed("the totals do not hold what was paid")
        return _told(house, always_dearest(turns, world), total(rows))
    finally:
        await house.engine.close()


def _told(house: _House, dearest: dict[int, int], booked: Line) -> Week:
    routed = [n for n in dearest if not house.terms.experiment.holds(caller_of(n))]
    cost, otherwise = sum(house.cost[n] for n in routed), sum(dearest[n] for n in routed)
    naive = sum(house.naive[n] for n in routed)
    return Week(
        truth=otherwise - cost,
        truth_share=1 - cost / otherwise,
        naive=naive - cost,
        naive_share=1 - cost / naive,
        booked=booked,
        measured=house.holdout.found(),
    )
