"""The books of one process: what is in flight, what is owed to the store, what was decided lately.

Settling is idempotent twice over: here by the flight's state, in the ledger by the attempt's id. The store
being away is a value here (None), never an exception.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.deadline import Deadline
from litellm_tiering.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.features import Caller, RequestFeatures
    from litellm_tiering.core.record import Record
    from litellm_tiering.ports import Clock, Ledger, Reservation

    T = TypeVar("T")

_log = logging.getLogger("litellm_tiering")

SETTLE_DEADLINE_S = 2.0
"""How long a settlement, which no client waits for, may take before it is put off."""

MAX_FLIGHTS = 20_000
"""Some 2 kB each. One that is dropped before it ends is still counted, as a call that was never planned."""

MAX_OWED = 100_000
MAX_RECORDS = 2_000


@dataclass(slots=True)
class Flight:
    """An attempt between its hold and its bill.

    Attributes:
        attempt: The secret id that ties upstream events to it; never shown to a client.
        reservation: What is held, and the counters that the cost goes to.
        record: What is known of the request so far.
        caller: Who asked.
        route: The route's name.
        features: The request in numbers; its tags decide which budgets count it.
        facts: The tiers' prices at the time, for the baseline.
        hold: What was estimated for it, in nano-dollars.
        began_s: When it was admitted.
        ended: Whether it was settled or released.
        bill: The id of the upstream call that settled it.
        quoted_usd: What LiteLLM said a whole answer cost, in dollars, before its success event.
        answered_by: The model group that answered, after LiteLLM's own fallbacks; None until it has.
    """

    attempt: str
    reservation: Reservation
    record: Record
    caller: Caller
    route: str
    features: RequestFeatures
    facts: tuple[TierFacts, ...]
    hold: int
    began_s: float
    ended: bool = False
    bill: str = ""
    quoted_usd: float | None = None
    answered_by: str | None = None

    @property
    def baseline_hold(self) -> int:
        """What the dearest tier was estimated to cost at most, in nano-dollars."""
        return int(self.facts[-1].hold(self.features))

    def baseline(self, prompt_tokens: int, completion_tokens: int) -> int:
        """What the dearest tier would have cost for that many tokens, in nano-dollars."""
        return int(self.facts[-1].price.cost(prompt_tokens, completion_tokens))


class Books:
    """Keeps flights, owed costs and recent records; bounded in all three."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.store_errors: dict[str, int] = {}
        self.store_ok = True
        self._flights: OrderedDict[str, Flight] = OrderedDict()
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._owed: deque[tuple[Reservation, int]] = deque(maxlen=MAX_OWED)
        self._flushing = False

    async def ask(self, call: Awaitable[T], op: str, deadline_s: float = SETTLE_DEADLINE_S) -> T | None:
        """The store's answer, or None when it is away or too slow; logged once per outage."""
        try:
            async with Deadline(deadline_s):
                found = await call
        except (StoreError, TimeoutError, asyncio.TimeoutError) as error:
            self.store_errors[op] = self.store_errors.get(op, 0) + 1
            if self.store_ok:
                self.store_ok = False
                _log.error("budget store away (%s: %s)", op, f"{type(error).__name__} {error}".strip()[:200])
            return None
        if not self.store_ok:
            self.store_ok = True
            _log.warning("budget store back; %d costs to be counted", len(self._owed))
        return found

    # ------------------------------------------------------------------ flights

    def depart(self, flight: Flight) -> None:
        """Keep track of an admitted attempt."""
        self._flights[flight.attempt] = flight
        self.remember(flight.record)
        while len(self._flights) > MAX_FLIGHTS:
            self._flights.popitem(last=False)

    def flight(self, attempt: str) -> Flight | None:
        """The flight of an attempt's id, ended ones included while they are remembered."""
        return self._flights.get(attempt)

    async def settle(
        self, flight: Flight, cost: int, *, baseline: int, verdict: str = "ok", bill: str = ""
    ) -> bool:
        """Count what an attempt cost, in nano-dollars; only the first ending of a flight does anything.

        Returns:
            Whether this call was the one that counted.
        """
        if flight.ended:
            return False
        flight.ended, flight.bill = True, bill
        self._close(flight, verdict, cost, baseline)
        await self.pay(flight.reservation, cost)
        return True

    async def release(self, flight: Flight, verdict: str = "failed") -> bool:
        """Let go of an attempt's hold: it was not served, or is not paid for."""
        if flight.ended:
            return False
        flight.ended = True
        self._close(flight, verdict, 0, 0)
        if flight.reservation.amount:
            await self.ask(self.ledger.release(flight.reservation, self.clock.now()), "release")
        return True

    def _close(self, flight: Flight, verdict: str, cost: int, baseline: int) -> None:
        if flight.record.attempts:
            elapsed = (self.clock.now() - flight.began_s) * 1000
            last = replace(flight.record.attempts[-1], verdict=verdict, cost=cost, elapsed_ms=elapsed)
            flight.record = replace(flight.record.with_attempt(last), baseline=baseline)
            self.remember(flight.record)

    # ------------------------------------------------------------------ paying

    async def pay(self, reservation: Reservation, cost: int) -> None:
        """Settle with the ledger, now or, when it is away, once it is back."""
        done = await self.ask(self.ledger.settle(reservation, cost, self.clock.now()), "settle")
        if done is None:
            self._owed.append((reservation, cost))
        elif self._owed:
            await self.flush()

    async def flush(self) -> None:
        """Pay what is owed since the store was away; settling is idempotent, so a repeat is harmless."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while self._owed:
                reservation, cost = self._owed[0]
                if await self.ask(self.ledger.settle(reservation, cost, self.clock.now()), "settle") is None:
                    return
                self._owed.popleft()
        finally:
            self._flushing = False

    @property
    def owed(self) -> int:
        """How many costs wait for the store to come back."""
        return len(self._owed)

    # ------------------------------------------------------------------ records

    def remember(self, record: Record) -> None:
        """Keep a record, or its newer state, among the latest."""
        self._records[record.id] = record
        while len(self._records) > MAX_RECORDS:
            self._records.popitem(last=False)

    def records(self) -> tuple[Record, ...]:
        """The latest records of this process, newest first."""
        return tuple(reversed(self._records.values()))

    def record(self, id_: str) -> Record | None:
        """The record of a decision's id, if this process still has it."""
        return self._records.get(id_)
