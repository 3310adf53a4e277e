"""What classifiers spend: their calls are counted like any other, once, in their caller's budgets.

A call is counted when its bill comes and is not held for before: that would take the store a second round
trip of every request. What a caller can overshoot by it is a classifier's call or two, as one whose budget
has refused a request is not classified at a price for a while.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.books import ENDED_FOR_S
from litellm_tiering.core.aside import Aside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.books import Books
    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.record import Record
    from litellm_tiering.journeys import Journey
    from litellm_tiering.ports import Clock, Reservation, Tally

    Counters = Callable[[str, Caller, str, frozenset[str], float], Reservation]

CLASSIFIER = "classifier"
"""The reason of classifiers' calls in the day's totals."""

MAX_ASIDES = 5_000
"""Some 1 kB each. One that is dropped before its bill comes is counted as a call that was never planned."""

BARRED_S = 10.0
"""For how long nobody pays for the classification of requests under a budget that has just refused one."""

MAX_BARRED = 1_000


@dataclass(slots=True)
class _Counted:
    """A call with where its cost goes: the counters, the totals, and the record, once there is one."""

    aside: Aside
    counters: Reservation
    tally: Tally
    record: str = ""
    journey: Journey | None = None
    index: int = 0
    free: bool = False


class Asides:
    """The classifiers' calls of one process.

    Args:
        books: Pays, and keeps the records.
        clock: The time.
        counters: Finds the counters of an id, caller, route and tags at a time.
    """

    def __init__(self, books: Books, clock: Clock, counters: Counters) -> None:
        self._books = books
        self._clock = clock
        self._counters = counters
        self._open: OrderedDict[str, _Counted] = OrderedDict()
        self._barred: OrderedDict[str, float] = OrderedDict()
        self.schemaless: set[str] = set()
        """Model groups that have refused to be held to a JSON schema."""
        self.calls = 0
        """How many calls were made."""
        self.spent = 0
        """What they cost together, in nano-dollars."""

    def open(self, by: str, model: str, caller: Caller, route: str, tags: frozenset[str]) -> Aside | None:
        """A call that is about to be made; None where the caller's budget would not let a request pass."""
        now = self._clock.now()
        id_ = f"aside-{secrets.token_hex(16)}"
        counters = self._counters(id_, caller, route, tags, now)
        if self._barred and any(self._barred.get(key, 0.0) > now for key in counters.keys):
            return None
        row = self._books.days.of_call(now, model, caller.team)
        tally = replace(row, route=route, reason=CLASSIFIER, attempts=1)
        aside = Aside(id_, by, model, now)
        self._open[id_] = _Counted(aside, counters, tally)
        while len(self._open) > MAX_ASIDES:
            self._open.popitem(last=False)
        self._forget(now)
        self.calls += 1
        return aside

    def _forget(self, now_s: float) -> None:
        """As :class:`~litellm_tiering.books.Books` does with flights: what was paid a while ago goes."""
        for _ in range(2):
            id_, counted = next(iter(self._open.items()))
            if not 0 <= now_s - counted.aside.began_s < ENDED_FOR_S:
                if counted.aside.bill or counted.free:
                    del self._open[id_]
                else:
                    self._open.move_to_end(id_)

    def knows(self, id_: str) -> bool:
        """Whether an id is a call's, whose bill is to be brought to :meth:`settle`."""
        return id_ in self._open

    @property
    def unpaid(self) -> int:
        """How many calls are under way, or have not been billed; those that failed are not."""
        return sum(not c.aside.bill and not c.free for c in self._open.values())

    def ended(self, aside: Aside, verdict: str, cost: int | None = None) -> None:
        """Note what became of a call, and what it is said to cost, in nano-dollars, before its bill."""
        if verdict == "failed" and aside.id in self._open:
            self._open[aside.id].free = True
        aside.elapsed_ms = max(0.0, self._clock.now() - aside.began_s) * 1000
        if aside.verdict == "pending":
            aside.verdict = verdict
        if cost is not None and not aside.bill:
            aside.cost = cost
        self.note(aside)

    async def settle(self, id_: str, bill: str, cost: int) -> None:
        """Count what a call cost, in nano-dollars; each upstream call ``bill`` once."""
        counted = self._open[id_]
        aside = counted.aside
        if bill == aside.bill:
            return
        first = not aside.bill
        aside.bill = bill
        aside.cost = cost if first else aside.cost + cost
        self.spent += cost
        # A second call under one id is another bill of it, such as of a nested one.
        counters = counted.counters
        if not first:
            counters = replace(counters, attempt=f"{counters.attempt}:{bill}")
        await self._books.payments.pay(counters, cost, replace(counted.tally, attempts=int(first), cost=cost))
        self.note(aside)

    # ------------------------------------------------------------------ records

    def attach(self, asides: Sequence[Aside], record: Record, journey: Journey | None) -> Record:
        """The record of the request that calls were made for; whoever is still asked then is late."""
        for index, aside in enumerate(asides):
            if aside.verdict == "pending":
                aside.verdict = "late"
            counted = self._open.get(aside.id)
            if counted is not None:
                counted.record, counted.journey, counted.index = record.id, journey, index
        return replace(record, consulted=tuple(a.noted() for a in asides))

    def note(self, aside: Aside) -> None:
        """Bring the request's record up to date with what is known of a call."""
        counted = self._open.get(aside.id)
        if counted is None or not counted.record:
            return
        journey = counted.journey
        record = self._books.record(counted.record) if journey is None else journey.record
        if record is None or counted.index >= len(record.consulted):
            return
        consulted = list(record.consulted)
        consulted[counted.index] = aside.noted()
        record = replace(record, consulted=tuple(consulted))
        if journey is not None:
            journey.record = record
        self._books.remember(record)

    # ------------------------------------------------------------------ budgets

    def bar(self, key: str) -> None:
        """Note that a counter's budget has just refused a request."""
        self._barred[key] = self._clock.now() + BARRED_S
        self._barred.move_to_end(key)
        while len(self._barred) > MAX_BARRED:
            self._barred.popitem(last=False)
