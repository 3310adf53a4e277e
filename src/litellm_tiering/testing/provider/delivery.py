"""Putting an answer on the line, at the model's pace, and with the faults that only the line shows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from litellm_tiering.testing.provider.hardness import size_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from litellm_tiering.testing.provider.calls import Call
    from litellm_tiering.testing.provider.wire import Event

MALFORMED = '{"id": "sim-malformed", "choices": [{"index": 0, '
_CHUNK_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Latency:
    """How long each size of model takes to its first token, in ms; every event adds a twentieth of that."""

    small_ms: float = 20.0
    medium_ms: float = 40.0
    large_ms: float = 80.0

    def first_s(self, model: str) -> float:
        """The time to the first byte, in seconds."""
        times = {"small": self.small_ms, "medium": self.medium_ms, "large": self.large_ms}
        return times[size_of(model)] / 1000

    def event_s(self, model: str) -> float:
        """The time between two events of a stream, in seconds."""
        return self.first_s(model) * _CHUNK_SHARE


async def gone_within(request: Request, delay_s: float) -> bool:
    """Waits; True as soon as the client has left, False where it is still there after ``delay_s`` seconds."""
    if delay_s <= 0:
        return False
    try:
        await asyncio.wait_for(_gone(request), delay_s)
    except asyncio.TimeoutError:
        return False
    return True


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Cut(Response):
    """A whole answer that breaks off in the middle: the length is promised and not kept."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


class Stream(StreamingResponse):
    """Server-sent events; with ``cut``, the connection is closed after them in place of a proper end."""

    def __init__(self, events: AsyncIterator[str], *, cut: bool) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})
        self._cut = cut

    async def stream_response(self, send: Send) -> None:
        if not self._cut:
            await super().stream_response(send)
            return

        # The server closes the connection when the application returns before it has said that the body ends.
        async def send_unless_last(message: dict[str, object]) -> None:
            if message["type"] != "http.response.body" or message.get("more_body"):
                await send(message)

        await super().stream_response(send_unless_last)  # type: ignore[arg-type]


async def paced(
    events: Sequence[Event], call: Call, event_s: float, cut_after: int | None
) -> AsyncIterator[str]:
    """The events at the model's pace, noting in ``call`` the tokens that left with each.

    Args:
        events: The whole stream.
        call: Where the tokens are noted.
        event_s: Seconds between two events.
        cut_after: How many events to send at most; None for all of them.
    """
    for i, event in enumerate(events[:cut_after]):
        if event_s > 0 and i:
            await asyncio.sleep(event_s)
        yield event.text
        call.served(completion_tokens=event.tokens)


async def malformed_stream() -> AsyncIterator[str]:
    """A stream whose first event is not JSON."""
    yield f"data: {MALFORMED}\n\n"
