"""What is known of the store's counters elsewhere than in it, for the day on which it comes back empty.

It comes from two sides. What a settlement's answer says goes to the disk at once, so that it outlives this
process. And every few seconds one process, of whatever host, reads what the store says of all counters: so
those who live know what the dead had settled, their disk or no disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from litellm_tiering.errors import StoreError
from litellm_tiering.ports import Known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from litellm_tiering.guard import Guard
    from litellm_tiering.ports import Reservation, Settled, Spool

_log = logging.getLogger("litellm_tiering")

WRITE_EVERY_S = 0.05
"""How often at most what is known goes to the disk: what was learnt after a pause goes there at once."""

AGAIN_S = 1.0
"""How long the disk is left alone after it failed, in seconds."""

WITHIN_S = 5.0
"""How long restoring a page of counters may take, and reading all of them, in seconds."""

AT_ONCE = 200
"""So many counters are restored at a time."""

KNOWN_MAX = 20_000


class Recollection:
    """Knows one store's counters for one process; nothing of a store that never comes back empty.

    Args:
        guard: Asks the store.
        spool: Where it is written down; in memory only when None.
        on_trouble: Told when the disk does not do its part.
    """

    def __init__(self, guard: Guard, spool: Spool | None, on_trouble: Callable[[StoreError], None]) -> None:
        self._guard = guard
        self._ledger = guard.ledger
        self._clock = guard.clock
        self._spool = spool
        self._on_trouble = on_trouble
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._news: dict[str, Known] = {}
        self._recalled = spool is None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.identity = ""
        """Which store it is that is known; empty until it has said so."""

    @property
    def known(self) -> Mapping[str, Known]:
        """The counters, by key."""
        return self._known

    # ------------------------------------------------------------------ learning

    def learn(self, reservation: Reservation, settled: Settled) -> None:
        """Take in what a settlement's answer says of its counters."""
        if self._ledger.kind != "redis":
            return
        if not settled.identity or settled.identity != self.identity:
            # Not the store that is known, or one that has not said yet who it is: that comes first.
            self._guard.greet()
            return
        now_spent = zip(reservation.keys, settled.spent, reservation.expires_s, strict=False)
        self._take_in({key: Known(spent, expires_s) for key, spent, expires_s in now_spent})

    def read_soon(self) -> None:
        """Read in the background what the store says of its counters, if it is this process's turn."""
        if self._ledger.kind == "redis":
            self._spawn("known", self.read)

    async def read(self) -> None:
        """Take in what the store says of its counters."""
        found = await self._guard.ask_aside(self._ledger.known(self._clock.now()), "known", WITHIN_S)
        if found is None:
            return
        identity, known = found
        if identity == self.identity:
            self._take_in(known)
        else:
            self._guard.greet()

    def _take_in(self, found: Mapping[str, Known]) -> None:
        for key, now in found.items():
            before = self._known.get(key)
            if before is not None:
                self._known.move_to_end(key)
                if before.spent >= now.spent:
                    continue  # no news, or an answer out of its turn
            self._known[key] = self._news[key] = now
        while len(self._known) > KNOWN_MAX:
            self._news.pop(self._known.popitem(last=False)[0], None)
        self._write_soon()

    # ------------------------------------------------------------------ the disk

    def _write_soon(self) -> None:
        if self._spool is not None and self._news:
            self._spawn("learn", self._keep_writing)

    async def _keep_writing(self) -> None:
        """Write at once, and what comes while that is done, or soon after it, together."""
        while self._news:
            written = await self.write_down()
            await asyncio.sleep(WRITE_EVERY_S if written else AGAIN_S)
            if not written:
                return

    async def write_down(self) -> bool:
        """Write down what is new; False when the disk does not take it, and it waits for the next time."""
        if self._spool is None or not self.identity or not self._news:
            return True
        news, self._news = self._news, {}
        try:
            await self._spool.learn(self.identity, news, self._clock.now())
        except StoreError as error:
            # Nothing that was forgotten or overtaken meanwhile.
            self._news = {key: self._known[key] for key in {**news, **self._news} if key in self._known}
            self._on_trouble(error)
            return False
        return True

    async def _recall(self) -> None:
        """What an earlier process of this machine knew of the store."""
        self._recalled = True
        self.identity = await self._merge("")

    async def _merge(self, identity: str) -> str:
        """Learn what the disk knows of the store with this identity, or of the last; which one that is."""
        spool = self._spool
        if spool is None or not spool.exists:
            return ""
        try:
            identity, known = await spool.recall(self._clock.now(), identity)
        except StoreError as error:
            self._on_trouble(error)
            return ""
        for key, value in known.items():
            mine = self._known.get(key)
            if mine is None or mine.spent < value.spent:
                self._known[key] = value
        return identity

    # ------------------------------------------------------------------ a store that came back empty

    async def met(self, identity: str) -> bool:
        """The store says who it is: make good what it has forgotten.

        Returns:
            False when it went away again before it knew everything.
        """
        if not self._recalled:
            await self._recall()
        if self.identity and identity != self.identity and not await self._restore():
            return False
        self.identity = identity
        self._write_soon()
        return True

    async def _restore(self) -> bool:
        now = self._clock.now()
        # What other workers of this machine knew, those that are gone included.
        await self._merge(self.identity)
        live = {key: k for key, k in self._known.items() if k.expires_s > now and k.spent > 0}
        keys = list(live)
        for at in range(0, len(keys), AT_ONCE):
            page = {key: live[key] for key in keys[at : at + AT_ONCE]}
            call = self._restored(page, now)
            if await self._guard.ask(call, "restore", WITHIN_S, owed=True) is None:
                return False
        # All of it is known of the new store as well, for the next time.
        self._news = dict(live)
        _log.warning("the budget store came back empty: %d counters are restored", len(live))
        return True

    async def _restored(self, known: dict[str, Known], now_s: float) -> bool:
        await self._ledger.restore(known, now_s)
        return True

    # ------------------------------------------------------------------ in the background

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """One task of each name at a time."""
        task = self._tasks.get(name)
        if task is None or task.done() or not task.get_loop().is_running():
            self._tasks[name] = asyncio.ensure_future(self._guard.contained(name, work))

    async def close(self) -> None:
        """End what runs in the background, and write down what is known; the spool is left open."""
        here = asyncio.get_running_loop()
        mine = [task for task in self._tasks.values() if not task.done() and task.get_loop() is here]
        self._tasks.clear()
        for task in mine:
            task.cancel()
        if mine:
            await asyncio.wait(mine)
        await self._guard.contained("learn", self._write_all)

    async def _write_all(self) -> None:
        await self.write_down()
