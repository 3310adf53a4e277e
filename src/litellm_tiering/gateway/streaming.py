"""Streams on their way to the client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


async def restamped(events: Any, name: str) -> AsyncGenerator[Any, None]:
    """A responses stream whose events name the model that the client asked for.

    LiteLLM does so itself on the other APIs. Events are copied: LiteLLM prices the originals by their model.
    """
    async for event in events:
        inner = getattr(event, "response", None)
        if inner is None or getattr(inner, "model", name) == name:
            yield event
        else:
            yield event.model_copy(update={"response": inner.model_copy(update={"model": name})})


async def restamped_sse(chunks: Any, name: str) -> AsyncGenerator[Any, None]:
    """An Anthropic stream whose first event names the model that the client asked for.

    LiteLLM does so itself from 1.104 on.
    """
    started = False
    async for chunk in chunks:
        if not started and isinstance(chunk, bytes) and b"message_start" in chunk:
            started = True
            yield b"\n".join(_named(line, name) for line in chunk.split(b"\n"))
        else:
            yield chunk


def _named(line: bytes, name: str) -> bytes:
    if not line.startswith(b"data:") or b"message_start" not in line:
        return line
    try:
        event = json.loads(line[len(b"data:") :])
        event["message"]["model"] = name
    except (ValueError, KeyError, TypeError):
        return line
    return b"data: " + json.dumps(event, separators=(",", ":")).encode()
