"""A stream held back while its beginning is judged: served from the start later, or drained to its end.

A rejected stream is not closed: its provider has done the work, and only its end tells what it cost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine

    from litellm_tiering.journeys import Flight
    from litellm_tiering.ports import Listener

DRAIN_S = 600.0
"""How long a stream that nobody reads may go on before it is closed, in seconds."""

MAX_HELD_CHARS = 1_000_000
"""What is held back of one stream at most; a longer answer goes to the client unjudged."""

MAX_HELD_CHUNKS = 200_000


class Background:
    """Work that outlives its request: kept hold of while it runs, and stopped with its owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` on its own."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it has it; nobody waiting is no warning

    def __len__(self) -> int:
        return len(self._tasks)


class Held:
    """One stream: read on demand while it is judged, by itself once it has been rejected.

    Attributes:
        flight: The attempt it belongs to.
        listener: Makes out the answer in it.
        lent: Whether LiteLLM owns it: it then closes it with the client's stream and bills what was sent.
        error: What broke it; None while nothing has.
        fault: What went wrong in listening to it: a fault of ours, which costs no chunk.
    """

    def __init__(
        self,
        stream: Any,  # noqa: ANN401 - as below
        listener: Listener,
        flight: Flight,
        background: Background,
        *,
        lent: bool,
    ) -> None:
        self.flight = flight
        self.listener = listener
        self.lent = lent
        self.error: Exception | None = None
        self.fault: Exception | None = None
        self._stream = stream
        self._chunks: AsyncIterator[Any] = stream.__aiter__()
        self._background = background
        self._buffer: deque[Any] = deque()
        self._pending: asyncio.Future[Any] | None = None
        self._ended = False
        self._wanted = True
        self._pump: asyncio.Task[Any] | None = None
        self._grew = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether all of it has been read, or it broke."""
        return self._ended

    @property
    def full(self) -> bool:
        """Whether more must not be held back."""
        return self.listener.chars > MAX_HELD_CHARS or len(self._buffer) > MAX_HELD_CHUNKS

    # ------------------------------------------------------------------ while it is judged

    async def more(self, within_s: float | None) -> bool:
        """Read one more chunk and hold it; False when none comes within so many seconds, or at all."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._chunks.__anext__())
        await asyncio.wait({self._pending}, timeout=within_s)
        if not self._pending.done():
            return False
        pending, self._pending = self._pending, None
        try:
            chunk = pending.result()
        except StopAsyncIteration:
            self._ended = True
            return False
        except Exception as error:  # noqa: BLE001 - whatever breaks the stream is raised where it is served
            self.error, self._ended = error, True
            return False
        self._buffer.append(chunk)
        self._hear(chunk)
        return True

    def _hear(self, chunk: Any) -> None:  # noqa: ANN401 - as below
        if self.fault is not None:
            return
        try:
            self.listener.hear(chunk)
        except Exception as error:  # noqa: BLE001 - the chunk is the client's, whether we can read it or not
            self.fault = error

    # ------------------------------------------------------------------ when it is served

    async def chunks(self) -> AsyncGenerator[Any, None]:
        """All of it, from the start: what was held, then the rest as it comes."""
        while self._buffer or self._pumping or self._pending is not None:
            if self._buffer:
                yield self._buffer.popleft()
            elif self._pumping:
                self._grew.clear()
                await self._grew.wait()
            else:
                await self.more(None)
        if not self._ended:
            async for chunk in self._chunks:
                # Heard to the end: should nobody say what it cost, its length tells.
                self._hear(chunk)
                yield chunk
            self._ended = True
        if self.error is not None:
            raise self.error

    # ------------------------------------------------------------------ when it is not

    def reject(self) -> None:
        """Read on in the background: it may yet be the best there is, and its end tells what it cost."""
        if not self._pumping and not self._ended:
            self._pump = self._background.spawn(self._drain())

    @property
    def _pumping(self) -> bool:
        return self._pump is not None and not self._pump.done()

    def discard(self) -> None:
        """Read on in the background, and keep nothing."""
        self._wanted = False
        self._buffer.clear()
        self.reject()

    async def drained(self, within_s: float) -> None:
        """Wait for its end, so many seconds at most; then no more of it is read."""
        try:
            if self._pump is not None:
                await asyncio.wait({self._pump}, timeout=within_s)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Read no more of it."""
        self._ended = True
        await _cancel(self._pump, self._pending)

    async def _drain(self) -> None:
        """Read to the end; or, of what may yet be served, as much as may be held."""
        ends = asyncio.get_running_loop().time() + DRAIN_S
        self.flight.draining = True
        try:
            while not self._ended and not (self._wanted and self.full):
                left = ends - asyncio.get_running_loop().time()
                if left <= 0:
                    if not self._wanted:
                        await self._close()
                    return
                await self.more(left)
                if not self._wanted:
                    self._buffer.clear()
                self._grew.set()
        finally:
            self.flight.draining = False
            self._grew.set()

    async def _close(self) -> None:
        self._ended = True
        # What is being read cannot be closed.
        await _cancel(self._pending)
        if not self.lent:
            await close(self._stream)


async def _cancel(*tasks: asyncio.Future[Any] | None) -> None:
    running = [t for t in tasks if t is not None and not t.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


async def close(stream: Any) -> None:  # noqa: ANN401 - each API has streams of its own
    """Close a stream that can be closed; one that cannot be properly is gone all the same."""
    closing = getattr(stream, "aclose", None)
    if closing is not None:
        with suppress(Exception):
            await closing()
