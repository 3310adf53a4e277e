"""A time limit that does not blame a store for a busy event loop.

With hundreds of requests at once one turn of the loop can last longer than the whole limit: the answer is
there, and nobody has looked. So time is counted in short ticks, each of which takes a turn of the loop and
counts for no more than its length; one that fires late says more of the loop than of the store, and counts
for a quarter. On a quiet loop the limit is what it says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

TICKS = 20
ON_TIME, LATE = 4, 1

HOLD_TTL_S = 900
"""After how long a hold that nobody settled lapses: longer than any ordinary answer takes."""

STORE_DEADLINE_S = 0.05
"""How long a request may wait for the store before it goes on as ``on_error`` says."""

FILE_DEADLINE_S = 2.0
"""The same for a file on this machine. Its thread competes with the event loop for the interpreter, so a
burst of requests waits in line for longer than 50 ms; that is no outage: a file that is locked says so."""


class Deadline:
    """``async with Deadline(0.05): …`` raises TimeoutError when the block takes longer; in seconds."""

    __slots__ = ("_due_s", "_expired", "_handle", "_left", "_loop", "_task", "_tick_s")

    def __init__(self, limit_s: float) -> None:
        self._tick_s = limit_s / TICKS
        self._left = TICKS * ON_TIME
        self._expired = False

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._again()

    def _again(self) -> None:
        self._due_s = self._loop.time() + self._tick_s
        self._handle = self._loop.call_at(self._due_s, self._tick)

    def _tick(self) -> None:
        late = self._loop.time() - self._due_s > self._tick_s
        self._left -= LATE if late else ON_TIME
        if self._left > 0:
            self._again()
        elif self._task is not None:
            self._expired = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        if not self._expired or self._task is None:
            return
        # Python 3.11 counts cancellations: one that is left over came from somebody else, and passes.
        others = self._task.uncancel() if hasattr(self._task, "uncancel") else 0
        if kind is asyncio.CancelledError and not others:
            raise asyncio.TimeoutError from error
