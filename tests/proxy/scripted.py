"""An upstream that answers with exactly the bytes that a test gives it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from litellm_tiering.testing.processes import free_port


@dataclass
class Scripted:
    """Answers every request alike, whichever API it is for.

    Attributes:
        base_url: Without a path.
        whole: The body of a whole answer.
        pieces: The pieces of a streamed one.
        asked: How many requests came.
    """

    base_url: str
    whole: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    asked: int = 0

    async def answer(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked += 1
        if body.get("stream"):
            return StreamingResponse(self._pieces(), media_type="text/event-stream")
        return Response(self.whole, media_type="application/json")

    async def _pieces(self):
        for piece in list(self.pieces):
            yield piece


@contextlib.contextmanager
def serve_scripted() -> Iterator[Scripted]:
    """The upstream on 127.0.0.1 and a free port, in a thread, for as long as the block lasts."""
    port = free_port()
    made = Scripted(f"http://127.0.0.1:{port}")
    app = Starlette(routes=[Route("/{path:path}", made.answer, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        ends = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the scripted upstream did not start"
            assert time.monotonic() < ends, "the scripted upstream did not start in time"
            time.sleep(0.01)
        yield made
    finally:
        server.should_exit = True
        thread.join(20)
