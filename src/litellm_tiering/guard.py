"""Between the engine and its store: a limit of time for every question, and a breaker.

While the store is away nobody asks it but one probe of this process, at growing intervals with a random part,
so that no herd of waiting requests and workers falls upon a store that has just come back. What a probe
does is a write: a store that answers and cannot be written is away.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
from typing import TYPE_CHECKING

from litellm_tiering.deadline import Deadline
from litellm_tiering.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from litellm_tiering.ports import Clock, Ledger

    T = TypeVar("T")

_log = logging.getLogger("litellm_tiering")

FAILURES = 5
"""After so many failures on end the store is not asked any more: fewer may be a hiccup."""

PROBE_WITHIN_S = 0.05
"""How soon a probe must be answered for requests to wait for the store again: as soon as they would wait."""

SLOW_S = 2.0
"""How long a probe waits: a store that is slow is away for requests, and can still be paid what is owed."""

FIRST_PROBE_S, LAST_PROBE_S, GROWTH = 0.1, 2.0, 1.5
"""How long to wait before the first probe, and at most, in seconds; and by how much it grows."""

HELLO_EVERY_S = 5.0
"""How often a store that answers is asked who it is: it may have come back empty without anybody noticing."""

AWAY = (StoreError, TimeoutError, asyncio.TimeoutError)


class Guard:
    """Asks one store for one process. It says once that the store went away, and once that it is back.

    Args:
        ledger: Whose store is guarded, and probed.
        clock: The time.
        draw: A number from 0 up to but not including 1, for the random part of waiting.
        pause: Waits so many seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        draw: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.ok = True
        self.errors: dict[str, int] = {}
        self.on_change: Callable[[bool, str], None] | None = None
        """Told when the store goes away (False, and how) and when it is back (True, and how long it took)."""
        self.on_identity: Callable[[str], Awaitable[bool]] | None = None
        """Told who the store is whenever it is asked; False when what that calls for could not be done."""
        self.on_slow: Callable[[], Awaitable[None]] | None = None
        """Called when the store answers, too slowly for requests."""
        self.on_fault: Callable[[str, BaseException], None] = _logged
        """Told of a fault of ours in the background: where, and what was raised."""
        self._draw = draw
        self._pause = pause
        self._failures = 0
        self._since_s = 0.0
        self._greeted_s = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether the breaker is open: the store is not asked."""
        return self._failures >= FAILURES

    async def ask(self, call: Awaitable[T], op: str, within_s: float, *, owed: bool = False) -> T | None:
        """The store's answer, or None when it is away, too slow, or not asked for that.

        Args:
            call: The question, which has not been put yet.
            op: What it is called in the counts of errors.
            within_s: How long to wait for the answer, in seconds.
            owed: Whether to ask even while the breaker is open, as a probe does.
        """
        if self.open and not owed:
            if inspect.iscoroutine(call):
                call.close()
            self._probe_later()
            return None
        try:
            async with Deadline(within_s):
                found = await call
        except AWAY as error:
            self._failed(op, error)
            return None
        if not owed:
            self._answered()
        return found

    async def ask_aside(self, call: Awaitable[T], op: str, within_s: float) -> T | None:
        """As :meth:`ask`, of work in the background: that it took too long tells nothing of the store.

        It is long, and on a busy machine it waits behind requests: these say whether the store is there.
        """
        try:
            async with Deadline(within_s):
                return await call
        except AWAY:
            self._count(op)
            return None

    def _count(self, op: str) -> None:
        self.errors[op] = self.errors.get(op, 0) + 1

    def _failed(self, op: str, error: BaseException) -> None:
        self._count(op)
        self._failures += 1
        if self.ok:
            self.ok = False
            self._since_s = self.clock.now()
            said = f"{op}: {type(error).__name__} {error}".strip()[:200]
            _log.error("budget store away (%s)", said)
            self._tell(up=False, detail=said)
        self._probe_later()

    def _answered(self) -> None:
        self._failures = 0
        if not self.ok:
            self.ok = True
            away_s = max(0.0, self.clock.now() - self._since_s)
            _log.warning("budget store back after %.1f s", away_s)
            self._tell(up=True, detail=f"{away_s:.1f}")
            # It may have been restarted meanwhile, empty.
            self._greeted_s = float("-inf")
        if not 0 <= self.clock.now() - self._greeted_s < HELLO_EVERY_S:
            self.greet()

    def greet(self) -> None:
        """Ask the store who it is, now, in the background."""
        self._greeted_s = self.clock.now()
        self._spawn(self._greet)

    def _tell(self, *, up: bool, detail: str) -> None:
        if self.on_change is not None:
            self.on_change(up, detail)

    # ------------------------------------------------------------------ in the background

    def _probe_later(self) -> None:
        self._spawn(self._probe)

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        """One task at a time: it either probes a store that is away or greets one that is there."""
        if self._task is not None and not self._task.done() and self._task.get_loop().is_running():
            return
        self._task = asyncio.ensure_future(self.contained("store", work))

    async def contained(self, where: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` in the background, where a fault of ours is nobody's request."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: a fault must be told, not lost
            self.on_fault(where, error)

    async def _greet(self) -> None:
        if not await self._hello(SLOW_S):
            await self._probe()

    async def _probe(self) -> None:
        wait_s = FIRST_PROBE_S
        while not self.ok:
            await self._pause(wait_s * (0.8 + 0.4 * self._draw()))
            wait_s = min(LAST_PROBE_S, wait_s * GROWTH)
            if await self._hello(PROBE_WITHIN_S):
                self._answered()
            elif self.on_slow is not None and await self._hello(SLOW_S):
                await self.on_slow()

    async def _hello(self, within_s: float) -> bool:
        """Ask the store who it is; False when it is away, or what its answer calls for failed."""
        identity = await self.ask(self.ledger.hello(self.clock.now()), "hello", within_s, owed=True)
        if identity is None:
            return False
        return self.on_identity is None or await self.on_identity(identity)

    async def close(self) -> None:
        """End what runs in the background."""
        task, self._task = self._task, None
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait({task})


def _logged(where: str, error: BaseException) -> None:
    _log.error("fault in %s: %s", where, type(error).__name__)
