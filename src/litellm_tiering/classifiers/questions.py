"""Questions to a model that may be slow, fail, or cost: bounded, shared, remembered, and given up in time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from litellm_tiering.classifiers.cache import Breaker, Cache

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    OnFault = Callable[[str, BaseException], None]

V = TypeVar("V")

KEPT = 10_000
"""How many answers are remembered: some 200 bytes each."""

AT_ONCE = 64
"""How many questions may be under way, those included that nobody waits for any more."""

FAILURES = 5
"""After so many failures in a row the model rests for half a minute."""

UNREAD = 20
"""After so many answers in a row that say nothing of use, too: each was paid for."""


class Unread(ValueError):
    """An answer says nothing of use. What it said is not kept."""


class Questions(Generic[V]):
    """Asks one model. Whoever asks the same while it is asked waits for the same answer.

    An answer that comes too late is remembered all the same: it was paid for.

    Args:
        kind: The kind of classifier that asks, for faults.
        timeout_s: How long a request waits for an answer, in seconds.
        cache_ttl_s: For how long an answer is remembered, in seconds.
        on_fault: Told of failures: where, and what.
        clock: The time, in seconds from any start.
    """

    def __init__(
        self,
        kind: str,
        *,
        timeout_s: float,
        cache_ttl_s: float,
        on_fault: OnFault | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._where = f"classifier:{kind}"
        self._timeout_s = timeout_s
        self._on_fault = on_fault
        self.known: Cache[V] = Cache(clock, cache_ttl_s, KEPT)
        self._failing = Breaker(clock, FAILURES)
        self._mumbling = Breaker(clock, UNREAD)
        self._asking: dict[bytes, asyncio.Future[V]] = {}
        self._late: set[bytes] = set()

    def ask(self, key: bytes, begin: Callable[[], Awaitable[V] | None]) -> Awaitable[V | str] | str:
        """The answer to the question of ``key``, or why there is none: a word, at once or when that is known.

        ``late``, ``failed``, ``unread`` (the awaitable raised :class:`Unread`), ``busy`` (too much is under
        way), ``resting`` (it failed too often), ``barred`` (``begin`` gave None: it may not be asked).
        """
        under_way = self._asking.get(key)
        if under_way is not None and under_way.get_loop() is asyncio.get_running_loop():
            return "late" if key in self._late else self._waited(under_way, key)
        if len(self._asking) >= AT_ONCE:
            return "busy"
        if not (self._failing.allows() and self._mumbling.allows()):
            return "resting"
        coming = begin()
        if coming is None:
            self._failing.unasked()
            self._mumbling.unasked()
            return "barred"
        task = asyncio.ensure_future(self._answer(coming, key))
        self._asking[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))
        return self._waited(task, key)

    async def _waited(self, answer: asyncio.Future[V], key: bytes) -> V | str:
        """The answer; the question itself goes on when it is late, or the client leaves."""
        await asyncio.wait({answer}, timeout=self._timeout_s)
        if not answer.done():
            if key not in self._late:
                # Of all that wait for one answer, the first to give up tells.
                self._late.add(key)
                error = TimeoutError(f"no answer within {self._timeout_s:g} s")
                self._told(error, rests=self._failing.failed())
            return "late"
        if answer.cancelled():
            return "failed"
        error_ = answer.exception()
        if error_ is not None:
            return "unread" if isinstance(error_, Unread) else "failed"
        return answer.result()

    async def _answer(self, coming: Awaitable[V], key: bytes) -> V:
        found = await coming
        if key not in self._late:
            self._failing.answered()
        self._mumbling.answered()
        self.known.put(key, found)
        return found

    def _ended(self, key: bytes, task: asyncio.Future[V]) -> None:
        if self._asking.get(key) is task:
            del self._asking[key]
            self._late.discard(key)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Unread):
            self._failing.answered()
            self._told(error, rests=self._mumbling.failed())
        elif error is not None:
            self._told(error, rests=self._failing.failed())

    def _told(self, error: BaseException, *, rests: bool) -> None:
        if self._on_fault is not None:
            self._on_fault(self._where, error)
            if rests:
                self._on_fault(f"{self._where}:rests", error)
