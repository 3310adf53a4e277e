"""An OpenAI-compatible provider on loopback for bench/proxy.py: short whole answers, streams of many chunks.

    python bench/wordy.py PORT

A stream is of 100 chunks of 16 characters, at once; of 10 ms each where the question holds "slowly".
`GET /stats` tells the calls of each model.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

CHUNKS = 100
CHUNK_CHARS = 16
PACE_S = 0.01
SHORT = "In short, the capital is where the parliament sits and the ministers work."
LONG = "".join(
    f"In the year {n} the town built bridge {n % 9 + 1}, and trade grew by {n % 13} in a hundred. "
    for n in range(1200, 1240)
)[: CHUNKS * CHUNK_CHARS]
CALLS: Counter[str] = Counter()


async def chat(request: Request) -> JSONResponse | StreamingResponse:
    body = await request.json()
    CALLS[body["model"]] += 1
    base = {"id": f"chatcmpl-{CALLS.total()}", "created": 1_700_000_000, "model": body["model"]}
    if not body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": SHORT}, "finish_reason": "stop"}
        whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage(SHORT)}
        return JSONResponse(whole)
    pace_s = PACE_S if "slowly" in body["messages"][-1]["content"] else 0.0
    return StreamingResponse(events(base, pace_s), media_type="text/event-stream")


async def events(base: dict, pace_s: float) -> AsyncIterator[str]:
    def event(delta: dict, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"

    yield event({"role": "assistant", "content": ""})
    for at in range(0, len(LONG), CHUNK_CHARS):
        if pace_s:
            await asyncio.sleep(pace_s)
        yield event({"content": LONG[at : at + CHUNK_CHARS]})
    yield event({}, "stop")
    last = {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage(LONG)}
    yield f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n"


def usage(text: str) -> dict[str, int]:
    said = len(text) // 4
    return {"prompt_tokens": 12, "completion_tokens": said, "total_tokens": 12 + said}


async def models(_: Request) -> JSONResponse:
    return JSONResponse({"object": "list", "data": []})


async def stats(_: Request) -> JSONResponse:
    return JSONResponse(dict(CALLS))


if __name__ == "__main__":
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", models),
            Route("/stats", stats),
        ]
    )
    # Idle connections stay open: one closed just as a proxy takes it up again would be our own error.
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", timeout_keep_alive=600)
