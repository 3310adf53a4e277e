"""Streams on their way to the client: under the name it asked for, without what it did not ask for."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Surface
from litellm_tiering.gateway.loose import get, items

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def as_asked(chunks: Any, surface: Surface, name: str, *, logprobs: bool) -> Any:
    """A stream of ours as the client is to see it; itself where there is nothing to do.

    It is closed with whoever reads it.

    Args:
        chunks: The stream.
        surface: The API it is for.
        name: The model that the client asked for; empty when it is not known.
        logprobs: Whether log-probabilities may stay: False where only our gates asked for them.
    """
    if surface is Surface.RESPONSES and name:
        return restamped(chunks, name)
    if surface is Surface.MESSAGES and name:
        return restamped_sse(chunks, name)
    return chunks if logprobs else without_logprobs(chunks)


async def restamped(events: Any, name: str) -> AsyncGenerator[Any, None]:
    """A responses stream whose events name the model that the client asked for.

    LiteLLM does so itself on the other APIs. Events are copied: LiteLLM prices the originals by their model.
    """
    async with aclosing(events) as source:
        async for event in source:
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
    async with aclosing(chunks) as source:
        async for chunk in source:
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
    except (ValueError, KeyError, TypeError, RecursionError):
        return line
    return b"data: " + json.dumps(event, separators=(",", ":")).encode()


async def without_logprobs(chunks: Any) -> AsyncGenerator[Any, None]:
    """A chat stream without the log-probabilities that only our gates asked for."""
    async with aclosing(chunks) as source:
        async for chunk in source:
            drop_logprobs(chunk)
            yield chunk


def drop_logprobs(answer: Any) -> None:
    """Take the log-probabilities out of a chat answer or chunk."""
    for choice in items(get(answer, "choices")):
        if isinstance(choice, dict):
            choice.pop("logprobs", None)
        elif getattr(choice, "logprobs", None) is not None:
            choice.logprobs = None
