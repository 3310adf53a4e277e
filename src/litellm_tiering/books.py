"""The books of one process: what is in flight, and what was decided lately.

Settling is idempotent twice over: here by the flight's state, in the ledger by the attempt's id. The store
being away is a value here (None), never an exception.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.guard import Guard
from litellm_tiering.payments import Payments
from litellm_tiering.tallies import Days

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeVar

    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.price import Usage
    from litellm_tiering.core.record import Record
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.meter import Meter
    from litellm_tiering.ports import Clock, Ledger, Spool, Tally
    from litellm_tiering.recorder import Writer

    T = TypeVar("T")

ASK_WITHIN_S = 2.0
"""How long a question may take that no client waits for, in seconds."""

MAX_FLIGHTS = 20_000
"""Some 4 kB each, with what is known of their request. One that is dropped before it ends is still counted,
as a call that was never planned."""

ENDED_FOR_S = 600.0
"""For how long a flight that has ended is remembered, in seconds: further bills of it come within moments."""

MAX_RECORDS = 2_000


class Books:
    """Keeps flights and recent records, bounded, and sees that everything is paid.

    Args:
        ledger: Where money is counted.
        clock: The time.
        spool: Where what the ledger's store does not take is kept; in memory only when None.
    """

    def __init__(self, ledger: Ledger, clock: Clock, *, spool: Spool | None = None) -> None:
        self.ledger = ledger
        self.clock = clock
        self.guard = Guard(ledger, clock)
        self.payments = Payments(self.guard, spool)
        self.days = Days()
        """The calendar of the totals."""
        self._flights: OrderedDict[str, Flight] = OrderedDict()
        self._records: OrderedDict[str, Record] = OrderedDict()
        self.writer: Writer | None = None
        """Brings records to the store, for all workers to see; None where they are kept here alone."""
        self.meter: Meter | None = None
        """Is told what becomes of requests; None where nobody asks for figures."""
        self.settled: Callable[[Flight], None] | None = None
        """Is told of each attempt that is paid for, once it is known what it used."""

    async def ask(self, call: Awaitable[T], op: str, deadline_s: float = ASK_WITHIN_S) -> T | None:
        """The store's answer, or None when it is away or too slow."""
        return await self.guard.ask(call, op, deadline_s)

    @property
    def store_ok(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self.guard.ok

    @property
    def store_errors(self) -> Mapping[str, int]:
        """How often the store did not answer, by what it was asked."""
        return self.guard.errors

    @property
    def owed(self) -> int:
        """How many costs wait for the store to come back."""
        return self.payments.owed

    # ------------------------------------------------------------------ flights

    def depart(self, flight: Flight) -> None:
        """Keep track of an admitted attempt."""
        journey = flight.journey
        journey.flights.append(flight)
        self._flights[flight.attempt] = flight
        self.remember(journey.record)
        if self.meter is not None and flight.index == 0:
            self.meter.decided(journey.record)
        while len(self._flights) > MAX_FLIGHTS:
            self._flights.popitem(last=False)
        self._forget()

    def _forget(self) -> None:
        """Look at the two that were looked at longest ago: more than come, so nothing piles up."""
        for _ in range(2):
            attempt, flight = next(iter(self._flights.items()))
            if not 0 <= self.clock.now() - flight.began_s < ENDED_FOR_S:
                if flight.ended and not 0 <= self.clock.now() - flight.ended_s < ENDED_FOR_S:
                    del self._flights[attempt]
                else:
                    # Long under way, or just over: it is looked at again after all others.
                    self._flights.move_to_end(attempt)

    def flight(self, attempt: str) -> Flight | None:
        """The flight of an attempt's id, ended ones included while they are remembered."""
        return self._flights.get(attempt)

    async def settle(  # noqa: PLR0913 - what a bill says
        self,
        flight: Flight,
        cost: int,
        *,
        baseline: int,
        verdict: str = "ok",
        bill: str = "",
        usage: Usage | None = None,
    ) -> bool:
        """Count what an attempt cost, in nano-dollars; only the first ending of a flight does anything.

        ``usage`` is what it used, where that was paid for: None also of an answer from a cache.

        Returns:
            Whether this call was the one that counted.
        """
        if flight.ended:
            return False
        flight.ended, flight.ended_s, flight.bill = True, self.clock.now(), bill
        flight.cost, flight.baseline, flight.usage = cost, baseline, usage
        self._close(flight, verdict)
        if self.settled is not None:
            self.settled(flight)
        await self.payments.pay(flight.reservation, cost, self.counted(self._tally(flight)))
        return True

    async def release(self, flight: Flight, verdict: str = "failed") -> bool:
        """Let go of an attempt's hold: it was not served, or is not paid for."""
        if flight.ended:
            return False
        flight.ended, flight.ended_s, flight.cost = True, self.clock.now(), 0
        if flight.index == 0:
            # Of an attempt beside it the first one's answer is yet to be judged.
            flight.journey.prompt = None
        self._close(flight, verdict)
        if flight.reservation.amount:
            await self.ask(self.ledger.release(flight.reservation, self.clock.now()), "release")
        return True

    async def more(self, flight: Flight, id_: str, cost: int) -> None:
        """Count a further cost of an attempt that was settled or released before, under an id of its own."""
        flight.cost = (flight.cost or 0) + cost
        self._note(flight, cost=flight.cost)
        # In the windows in which the request was admitted, whenever the bill comes.
        further = replace(flight.reservation, attempt=f"{flight.attempt}:{id_}", amount=0)
        row = self.days.of_record(flight.journey.record, flight.index)
        await self.payments.pay(further, cost, self.counted(replace(row, cost=cost)))
        self._correct(flight.journey)

    def judged(
        self, flight: Flight, verdict: str, reasons: tuple[str, ...] = (), by: tuple[str, ...] = ()
    ) -> None:
        """Note what became of an attempt's answer, paid for before or after, and which gates judged it."""
        self._note(flight, verdict=verdict, reasons=reasons, judged=by)
        flight.judged = True
        if self.meter is not None:
            self.meter.attempted(flight)

    def remarked(self, flight: Flight, reason: str) -> None:
        """Note one more word on an attempt's answer, its verdict untouched."""
        known = flight.journey.record.attempts[flight.index]
        self._note(flight, reasons=(*known.reasons, reason))

    def serve(self, flight: Flight, decision: Decision) -> None:
        """Note whose answer the client gets, and the steps that led to it."""
        journey = flight.journey
        journey.served = flight.index
        journey.record = journey.record.served_by(flight.index, decision)
        if flight.baseline is not None:
            journey.record = replace(journey.record, baseline=flight.baseline)
        self.remember(journey.record)
        self._correct(journey)

    def _close(self, flight: Flight, verdict: str) -> None:
        pending = flight.journey.record.attempts[flight.index].verdict == "pending"
        changes = {"verdict": verdict} if pending else {}
        self._note(flight, cost=flight.cost or 0, used=flight.usage, **changes)
        if flight.journey.served == flight.index and flight.baseline is not None:
            flight.journey.record = replace(flight.journey.record, baseline=flight.baseline)
            self.remember(flight.journey.record)
        if flight.journey.taken is not None:
            flight.journey.taken.ended()
        if self.meter is not None:
            self.meter.attempted(flight)

    def _note(self, flight: Flight, **changes: Any) -> None:  # noqa: ANN401 - fields of an Attempt
        journey = flight.journey
        known = journey.record.attempts[flight.index]
        elapsed = known.elapsed_ms or (self.clock.now() - flight.began_s) * 1000
        journey.record = journey.record.with_attempt(
            flight.index, replace(known, elapsed_ms=elapsed, **changes)
        )
        self.remember(journey.record)

    # ------------------------------------------------------------------ totals

    def _tally(self, flight: Flight) -> Tally:
        """What a settled attempt adds to the day's totals."""
        journey = flight.journey
        flight.told = self._share(flight)
        first = not any(f.counted for f in journey.flights)
        flight.counted = True
        return replace(
            self.days.of_record(journey.record, flight.index),
            requests=int(first),
            attempts=1,
            cost=flight.cost or 0,
            baseline=flight.told[0],
            waste=flight.told[1],
        )

    @staticmethod
    def _share(flight: Flight) -> tuple[int, int]:
        """An attempt's baseline and waste: it is one that somebody gets the answer of, or all in vain."""
        if flight.journey.served == flight.index:
            return flight.baseline or 0, 0
        return 0, flight.cost or 0

    def _correct(self, journey: Journey) -> None:
        """Tell the totals what has changed since attempts were counted, such as whose answer is served."""
        for flight in journey.flights:
            share = self._share(flight)
            if flight.counted and share != flight.told:
                baseline, waste = share[0] - flight.told[0], share[1] - flight.told[1]
                flight.told = share
                row = self.days.of_record(journey.record, flight.index)
                self.payments.tell(self.counted(replace(row, baseline=baseline, waste=waste)))

    def counted(self, tally: Tally) -> Tally:
        """A row that is about to be added to the totals: the figures take it in as well."""
        if self.meter is not None:
            self.meter.counted(tally)
        return tally

    def refused(self, record: Record) -> None:
        """Keep the record of a request that was refused, and count it."""
        self.remember(record)
        if self.meter is not None:
            self.meter.decided(record)
        self.payments.tell(replace(self.days.of_record(record), refused=1))

    # ------------------------------------------------------------------ records

    def remember(self, record: Record) -> None:
        """Keep a record, or its newer state, among the latest."""
        self._records[record.id] = record
        if self.writer is not None:
            self.writer.note(record)
        while len(self._records) > MAX_RECORDS:
            self._records.popitem(last=False)

    def records(self) -> tuple[Record, ...]:
        """The latest records of this process, newest first."""
        return tuple(reversed(self._records.values()))

    def record(self, id_: str) -> Record | None:
        """The record of a decision's id, if this process still has it."""
        return self._records.get(id_)

    async def close(self) -> None:
        """Ask the store for nothing more; what is owed stays in the spool."""
        if self.writer is not None:
            await self.writer.close()
        await self.guard.close()
        await self.payments.close()
