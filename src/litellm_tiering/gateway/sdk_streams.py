"""Streams as a router's callers read them: async ones, and sync ones that are read on another event loop."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from litellm_tiering.gateway.loose import get, items

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from litellm_tiering.gateway.sdk_hub import Hub
    from litellm_tiering.holding import Background

_END = object()


class TieredStream:
    """The chunks of a streamed answer, of one attempt alone.

    What is left of it when its reader stops is read to the end in the background: only its end tells what it
    cost. A reader that is cancelled while it waits loses no chunk.

    Args:
        chunks: What is to be read.
        report: What ``_hidden_params["tiering"]`` says, as of now.
        hidden: LiteLLM's own hidden parameters of the first stream.
        unread: Called in place of closing ``chunks`` where nobody has read any.
        background: Keeps what outlives the reader.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[Any, None],
        report: Callable[[], dict[str, Any]],
        hidden: dict[str, Any],
        unread: Callable[[], None],
        background: Background,
    ) -> None:
        self._chunks = chunks
        self._report = report
        self._hidden = hidden
        self._unread = unread
        self._background = background
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.Task[Any] | None = None
        self._started = False
        self._closed = False

    @property
    def _hidden_params(self) -> dict[str, Any]:
        return {**self._hidden, "tiering": self._report()}

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._closed:
            raise StopAsyncIteration
        self._started = True
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._chunks.__anext__())
        await asyncio.wait({self._pending})
        pending, self._pending = self._pending, None
        try:
            return pending.result()
        except BaseException:
            self._closed = True
            raise

    async def aclose(self) -> None:
        """Read no further."""
        if self._closed:
            return
        self._closed = True
        if not self._started:
            self._unread()
        elif self._pending is None:
            await self._chunks.aclose()
        else:
            self._background.spawn(self._after(self._pending))

    async def _after(self, pending: asyncio.Task[Any]) -> None:
        """Close once the chunk under way is there: a stream broken off in the middle tells no cost."""
        await asyncio.wait({pending})
        with contextlib.suppress(StopAsyncIteration, Exception):
            pending.result()
        await self._chunks.aclose()

    def __del__(self) -> None:
        if self._closed or self._loop.is_closed():
            return
        # The loop closes what was begun when it is collected; of what was not it knows nothing.
        if not self._started:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._unread)


class SyncStream:
    """A :class:`TieredStream` for callers without an event loop: read on the hub's, a chunk at a time.

    Nothing is read ahead, so a slow reader slows the provider down.
    """

    def __init__(self, stream: TieredStream, hub: Hub) -> None:
        self._stream = stream
        self._hub = hub

    @property
    def _hidden_params(self) -> dict[str, Any]:
        return self._stream._hidden_params  # noqa: SLF001 - LiteLLM's own name for it

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        chunk = self._hub.block(self._next())
        if chunk is _END:
            raise StopIteration
        return chunk

    async def _next(self) -> Any:
        # A future takes no StopIteration, whichever kind.
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            return _END

    def close(self) -> None:
        """Read no further."""
        self._hub.block(self._stream.aclose())


async def without_usage(chunks: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """A stream without the usage that only we asked for."""
    async with aclosing(chunks) as source:
        async for chunk in source:
            if get(chunk, "usage") is None:
                yield chunk
            elif any(_says(choice) for choice in items(get(chunk, "choices"))):
                with contextlib.suppress(AttributeError, TypeError):
                    del chunk.usage
                yield chunk


def _says(choice: Any) -> bool:
    """Whether a chunk's choice holds anything of an answer."""
    delta = get(choice, "delta")
    said = get(choice, "text") if delta is None else (get(delta, "content") or get(delta, "tool_calls"))
    return bool(said) or get(choice, "finish_reason") is not None
