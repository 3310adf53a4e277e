"""Streams on their way to the client."""

from __future__ import annotations

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
