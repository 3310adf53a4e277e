"""What is paid to the store, and what is owed to it while it is away.

A settlement that the store does not confirm goes to the spool, on this machine's disk, and from there to the
store once it is back; settling is idempotent by the attempt's id, so one that had arrived after all is not
counted again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.errors import StoreError
from litellm_tiering.ports import Owed
from litellm_tiering.recollection import Recollection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from litellm_tiering.guard import Guard
    from litellm_tiering.ports import Reservation, Spool, Tally

_log = logging.getLogger("litellm_tiering")

SETTLE_WITHIN_S = 0.5
"""How long a settlement, which no client waits for, may take before it goes to the spool."""

MAX_OWED = 100_000
"""Of what is owed so much is kept in memory where there is no spool, or it fails; then the oldest is lost."""

AT_ONCE = 200
"""So many settlements are taken from the spool at a time."""

STUCK_S = 1.0
"""How often at most the spool is looked into after nothing in it could be paid, in seconds."""

TELL_EVERY_S = 1.0
TELLING_MAX = 2_000
"""Of the totals so many different rows wait to be told at most; what is more is not told."""


class Payments:
    """Pays one store for one process.

    Args:
        guard: Asks the store.
        spool: Where what is owed is kept; in memory only when None.
    """

    def __init__(self, guard: Guard, spool: Spool | None = None) -> None:
        self._guard = guard
        self._ledger = guard.ledger
        self._clock = guard.clock
        self._spool = spool
        self._spooled = 0
        self._stuck_s = float("-inf")
        self._kept: deque[Owed] = deque(maxlen=MAX_OWED)
        self._counted = False
        self._flushing = False
        self._unpayable: set[str] = set()
        self._telling: dict[Tally, Tally] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.recollection = Recollection(guard, spool, self._trouble)
        guard.on_identity = self.met
        guard.on_slow = self.flush

    @property
    def owed(self) -> int:
        """How many costs wait for the store: this machine's, as last counted."""
        return len(self._kept) + self._spooled

    async def recount(self) -> int:
        """How many costs wait for the store, counted now: other workers of this machine pay them too."""
        if self._spool is not None and self._spool.exists:
            try:
                self._spooled = await self._spool.count()
            except StoreError as error:
                self._trouble(error)
        return self.owed

    # ------------------------------------------------------------------ paying

    async def pay(self, reservation: Reservation, cost: int, tally: Tally | None = None) -> None:
        """Settle with the ledger, now or, when it is away, once it is back."""
        owed = Owed(reservation, cost, tally)
        if await self._settled(owed):
            # What no worker of this release can pay waits for long: not every request is to try it anew.
            stuck = 0 <= self._clock.now() - self._stuck_s < STUCK_S
            if self._kept or (self._spooled and not stuck):
                await self.flush()
            return
        await self._keep([owed])

    async def _settled(self, owed: Owed, *, anyway: bool = False) -> bool:
        call = self._ledger.settle(owed.reservation, owed.cost, self._clock.now(), owed.tally)
        settled = await self._guard.ask(call, "settle", SETTLE_WITHIN_S, owed=anyway)
        if settled is None:
            return False
        self.recollection.learn(owed.reservation, settled)
        return True

    async def _keep(self, owed: Sequence[Owed]) -> None:
        if self._spool is not None:
            try:
                await self._spool.add(owed)
                self._spooled = await self._spool.count()
            except StoreError as error:
                self._trouble(error)
            else:
                return
        self._kept.extend(owed)

    def _trouble(self, error: StoreError) -> None:
        """The disk does not do its part: say so once."""
        errors = self._guard.errors
        errors["spool"] = errors.get("spool", 0) + 1
        if errors["spool"] == 1:
            _log.error("%s; what is owed to the store is kept in memory, and lost with it", error)

    async def flush(self) -> None:
        """Pay what is owed, as far as the store takes it."""
        if self._flushing:
            return
        self._flushing = True
        try:
            if await self._flush_memory():
                await self._flush_spool()
        except StoreError as error:
            self._trouble(error)
        finally:
            self._flushing = False

    async def _repaid(self, owed: Owed) -> bool | None:
        """Whether the store has taken what was owed; None where no store ever will."""
        try:
            return await self._settled(owed, anyway=True)
        except (ValueError, TypeError) as error:
            attempt = owed.reservation.attempt
            if attempt not in self._unpayable:
                if len(self._unpayable) < AT_ONCE:
                    self._unpayable.add(attempt)
                # Its kind only: one such row must not keep the others, and the store, away.
                _log.error("a cost owed cannot be counted: attempt %.40r, %s", attempt, type(error).__name__)
            return None

    async def _flush_memory(self) -> bool:
        while self._kept:
            if await self._repaid(self._kept[0]) is False:
                return False
            self._kept.popleft()
        return True

    async def _flush_spool(self) -> None:
        spool = self._spool
        if spool is None or not spool.exists:
            return
        done = 0
        while batch := await spool.take(AT_ONCE, self._clock.now()):
            # Together: they share a pipeline. Nobody else asks so much, so the store is not overrun.
            repaid = await asyncio.gather(*(self._repaid(o) for o in batch))
            by_outcome: dict[bool | None, list[str]] = {True: [], False: [], None: []}
            for owed, outcome in zip(batch, repaid, strict=True):
                by_outcome[outcome].append(owed.reservation.attempt)
            await spool.paid(by_outcome[True])
            done += len(by_outcome[True])
            if by_outcome[False]:
                await spool.put_back(by_outcome[False])
                break
        self._spooled = await spool.count()
        self._stuck_s = float("-inf") if done or not self._spooled else self._clock.now()
        if done:
            _log.warning("%d costs from the spool are counted; %d are left", done, self._spooled)

    async def met(self, identity: str) -> bool:
        """The store says who it is: make good what it has forgotten, and pay what is owed.

        Returns:
            False when it went away again before it knew everything.
        """
        if not self._counted:
            self._counted = True
            await self.recount()
        if not await self.recollection.met(identity):
            return False
        await self.flush()
        if not self.owed:
            # What is owed may have arrived after all: then it is neither to be learnt nor counted twice.
            self.recollection.read_soon()
        return True

    # ------------------------------------------------------------------ totals

    def tell(self, tally: Tally) -> None:
        """Add to the day's totals what no settlement carries, within a second or so."""
        row = replace(tally, requests=0, refused=0, attempts=0, cost=0, baseline=0, waste=0)
        before = self._telling.get(row)
        if before is None and len(self._telling) >= TELLING_MAX:
            return
        self._telling[row] = _sum(before or row, tally)
        self._soon("tell", TELL_EVERY_S, self.tell_now)

    async def tell_now(self) -> None:
        """Tell the totals what waits to be told; what the store does not take waits for the next time."""
        if not self._telling:
            return
        telling, self._telling = self._telling, {}
        call = self._told(tuple(telling.values()))
        if await self._guard.ask(call, "tell", SETTLE_WITHIN_S) is None:
            for tally in telling.values():
                self.tell(tally)

    async def _told(self, tallies: tuple[Tally, ...]) -> bool:
        await self._ledger.tell(tallies, self._clock.now())
        return True

    # ------------------------------------------------------------------ in the background

    def _soon(self, name: str, after_s: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` once, after a while; asked again meanwhile, still once."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(name)
        if timer is not None and loop.time() < timer.when() + after_s:
            return

        def start() -> None:
            self._timers.pop(name, None)
            task = asyncio.ensure_future(self._guard.contained(name, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._timers[name] = loop.call_later(after_s, start)

    async def close(self) -> None:
        """Write down what is known and tell what waits, as far as that can be done at once."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await self._guard.contained("tell", self.tell_now)
        await self.recollection.close()
        if self._spool is not None:
            await self._spool.close()


def _sum(one: Tally, other: Tally) -> Tally:
    return replace(
        one,
        requests=one.requests + other.requests,
        refused=one.refused + other.refused,
        attempts=one.attempts + other.attempts,
        cost=one.cost + other.cost,
        baseline=one.baseline + other.baseline,
        waste=one.waste + other.waste,
    )
