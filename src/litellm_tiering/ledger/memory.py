"""The ledger of a single process: exact, gone with the process, and the reference for the others."""

from __future__ import annotations

import heapq
import math
import threading
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Balance, choose
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.holds import (
    ACTIVE_MAX,
    CLIENTS_OWN,
    ENDED_TTL_S,
    answer,
    asked_at,
    check_amount,
    check_hold,
    unique,
)
from litellm_tiering.ledger.segments_memory import MemorySegments
from litellm_tiering.ledger.threads_memory import MemoryThreads
from litellm_tiering.ledger.totals import check_tally
from litellm_tiering.ledger.totals_memory import MemoryTotals
from litellm_tiering.ports import Settled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.ports import Answer, Hold, Known, Reservation, Tally

ENDED_MAX = 200_000
"""How many ended attempts are remembered at most, about 30 MB of them; the oldest go first."""


class _Counter:
    __slots__ = ("expires_s", "held", "spent")

    def __init__(self, expires_s: int) -> None:
        self.spent = 0
        self.expires_s = expires_s
        self.held: dict[int, int] = {}

    def balance(self, now: int) -> Balance:
        return Balance(self.spent, sum(amount for lapses_s, amount in self.held.items() if lapses_s > now))


class MemoryLedger:
    """Counts in a dict behind a lock, so threads and event loops may share one.

    Several workers do not share it: each would let the whole budget through. Never raises StoreUnavailable
    before it is closed.
    """

    kind = "memory"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, _Counter] = {}
        self._expiries: list[tuple[int, str]] = []
        self._ended: dict[str, int] = {}
        self._totals = MemoryTotals()
        self._threads = MemoryThreads()
        self._closed = False
        self.segments = MemorySegments()

    async def reserve(self, hold: Hold) -> Answer:
        """Admit the first option that every limit allows and hold its amount, atomically.

        Raises:
            ValueError: the hold is not well formed.
        """
        check_hold(hold)
        with self._lock:
            now = self._open(hold.now_s)
            thread = hold.thread
            kept = self._threads.rank(thread.reads, now) if thread is not None and thread.reads else 0
            asked = asked_at(hold, kept)
            balances = [self._balance(limit.key, now) for limit in asked.limits]
            choice = choose(asked.limits, asked.amounts, [b.used for b in balances], floor=asked.floor)
            found = answer(asked, choice, balances, kept)
            if found.reservation is not None:
                self._hold(found.reservation, now)
                if asked.thread is not None:
                    rank = max(kept, asked.thread.rank)
                    self._threads.keep(asked.thread.writes, rank, asked.thread.ttl_s, now)
            return found

    async def keep(self, key: str, rank: int, ttl_s: int, now_s: float) -> int:
        """Raise the rank that is left for a conversation's next turns; which it is then."""
        with self._lock:
            return self._threads.keep(key, rank, ttl_s, self._open(now_s))

    async def settle(
        self, reservation: Reservation, cost: int, now_s: float, tally: Tally | None = None
    ) -> Settled:
        """Count ``cost`` nano-dollars and let go of the hold, once per attempt; ``tally`` is added with it.

        Raises:
            ValueError: the cost is not an amount, or the tally not well formed.
        """
        check_amount(cost)
        if tally is not None:
            check_tally(tally)
        with self._lock:
            now = self._open(now_s)
            counted = reservation.attempt not in self._ended
            if counted:
                self._ended[reservation.attempt] = now + ENDED_TTL_S
                self._count(reservation, cost, now)
                if tally is not None:
                    self._totals.add(tally, now)
            return Settled(counted, tuple(self._spent(key) for key in reservation.keys))

    def _count(self, reservation: Reservation, cost: int, now: int) -> None:
        for key, expires_s in unique(reservation.keys, reservation.expires_s).items():
            counter = self._touch(key, expires_s, now) if cost else self._counters.get(key)
            if counter is None:
                continue
            counter.spent += cost
            # A lapsed hold may still be there or not; taking it away changes no balance.
            left = counter.held.get(reservation.lapses_s, 0) - reservation.amount
            if left > 0:
                counter.held[reservation.lapses_s] = left
            else:
                counter.held.pop(reservation.lapses_s, None)

    async def release(self, reservation: Reservation, now_s: float) -> bool:
        """Let go of the hold without a cost; False when this attempt was ended before."""
        return (await self.settle(reservation, 0, now_s)).counted

    async def balances(self, keys: Sequence[str], now_s: float) -> tuple[Balance, ...]:
        """The state of counters, in nano-dollars; an unknown key is zero."""
        with self._lock:
            now = self._open(now_s)
            return tuple(self._balance(key, now) for key in keys)

    async def active(self, now_s: float) -> Mapping[str, Balance]:
        """Every live counter and its state; at most :data:`ACTIVE_MAX` of them."""
        with self._lock:
            now = self._open(now_s)
            last = heapq.nlargest(
                ACTIVE_MAX,
                self._counters.items(),
                key=lambda item: (not item[0].startswith(CLIENTS_OWN), item[1].expires_s),
            )
            return {key: counter.balance(now) for key, counter in last}

    async def tell(self, tallies: Sequence[Tally], now_s: float) -> None:
        """Add to the totals what no settlement carries.

        Raises:
            ValueError: a tally is not well formed.
        """
        for tally in tallies:
            check_tally(tally)
        with self._lock:
            now = self._open(now_s)
            for tally in tallies:
                self._totals.add(tally, now)

    async def totals(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known."""
        with self._lock:
            self._check_open()
            return self._totals.rows(days)

    async def hours(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """For each day that is known, the 24 hours' baseline in nano-dollars by team; ``*`` is everybody."""
        with self._lock:
            self._check_open()
            return self._totals.hours(days)

    async def spending(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours' cost in nano-dollars likewise, of the last three days."""
        with self._lock:
            self._check_open()
            return self._totals.spending(days)

    async def hello(self, now_s: float) -> str:
        """Always the same: this store is gone with the process, and never comes back empty."""
        with self._lock:
            self._open(now_s)
            return self.kind

    async def known(self, now_s: float) -> tuple[str, Mapping[str, Known]]:
        """Nothing: this store never comes back empty."""
        with self._lock:
            self._open(now_s)
            return self.kind, {}

    async def restore(self, known: Mapping[str, Known], now_s: float) -> None:  # noqa: ARG002 - see below
        """Do nothing: this store never comes back empty, and what is known of it is in it."""
        with self._lock:
            self._open(now_s)

    async def close(self) -> None:
        """Forget everything; the ledger is not used afterwards."""
        with self._lock:
            self._closed = True
            self._counters.clear()
            self._expiries.clear()
            self._ended.clear()
            self._totals.clear()
            self._threads.clear()
        self.segments.close()

    def _open(self, now_s: float) -> int:
        """The whole second of ``now_s``, once all that is over by then is forgotten."""
        self._check_open()
        now = math.floor(now_s)
        self._totals.forget(now)
        self._threads.forget(now)
        while self._expiries and self._expiries[0][0] <= now:
            del self._counters[heapq.heappop(self._expiries)[1]]
        while self._ended:
            # Dicts keep their order, so the first is the oldest; a clock set back only delays this.
            oldest = next(iter(self._ended))
            if self._ended[oldest] > now and len(self._ended) < ENDED_MAX:
                break
            del self._ended[oldest]
        return now

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the memory ledger is closed")

    def _spent(self, key: str) -> int:
        counter = self._counters.get(key)
        return 0 if counter is None else counter.spent

    def _balance(self, key: str, now: int) -> Balance:
        counter = self._counters.get(key)
        return Balance() if counter is None else counter.balance(now)

    def _touch(self, key: str, expires_s: int, now: int) -> _Counter | None:
        """The counter of ``key``, created if need be; None when it may be forgotten already."""
        counter = self._counters.get(key)
        if counter is None and expires_s > now:
            counter = self._counters[key] = _Counter(expires_s)
            heapq.heappush(self._expiries, (expires_s, key))
        return counter

    def _hold(self, reservation: Reservation, now: int) -> None:
        if reservation.amount == 0:
            return
        for key, expires_s in zip(reservation.keys, reservation.expires_s, strict=True):
            counter = self._touch(key, expires_s, now)
            if counter is None:
                continue
            for past in [b for b in counter.held if b <= now]:
                del counter.held[past]
            held = counter.held.get(reservation.lapses_s, 0)
            counter.held[reservation.lapses_s] = held + reservation.amount
