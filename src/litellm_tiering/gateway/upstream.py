"""The same request to another tier, by the live router: its retries, fallbacks and cooldowns included."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Surface
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.apply import ATTEMPT_KEY, tell_less

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

METHODS: Mapping[Surface, str] = {
    Surface.CHAT: "acompletion",
    Surface.COMPLETION: "atext_completion",
    Surface.MESSAGES: "anthropic_messages",
    Surface.RESPONSES: "aresponses",
}
"""The router's method for each API."""


class RouterUpstream:
    """Sends one proxy request to further model groups.

    Args:
        data: The request as LiteLLM has it once its first attempt was made.
        surface: The API it came in by.
        added: Parameters of it that we added for our own sake; another group may not take them.
        answered: Told of every answer, with the attempt's id.
        router: Says which router; the proxy's when None.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        surface: Surface,
        added: frozenset[str],
        answered: Callable[[str, Any], None],
        router: Callable[[], Any] | None = None,
    ) -> None:
        self._data = data
        self._surface = surface
        self._added = added
        self._answered = answered
        self._router = router or compat.live_router

    async def call(self, model: str, attempt: str) -> Any:
        """The answer of a model group; raises what the router raises."""
        router = self._router()
        kwargs = request_for(self._data, model, attempt)
        self._adapt(kwargs, model, router)
        answer = await self._send(router, kwargs)
        self._answered(attempt, answer)
        return answer

    async def _send(self, router: Any, kwargs: dict[str, Any]) -> Any:
        return await getattr(router, METHODS[self._surface])(**kwargs)

    def _adapt(self, kwargs: dict[str, Any], model: str, router: Any) -> None:
        """Drop what was added for the first group, and add it anew where this one takes it."""
        if self._surface is not Surface.CHAT:
            return
        for name in self._added:
            kwargs.pop(name, None)
        if "logprobs" in self._added and compat.takes(router, model, "logprobs"):
            kwargs["logprobs"] = True
        if kwargs.get("stream") is True:
            # Without it LiteLLM logs a stream with no tokens and no cost; it asks no provider that has none.
            kwargs.setdefault("stream_options", {"include_usage": True})


def request_for(data: Mapping[str, Any], model: str, attempt: str) -> dict[str, Any]:
    """The arguments of one more call of a request: nothing in it that the call before has left there.

    Two calls that shared a metadata dict would be logged with each other's model and attempt.
    """
    kwargs = {k: v for k, v in data.items() if k not in compat.CALL_STATE}
    trace = getattr(data.get("litellm_logging_obj"), "litellm_trace_id", None)
    if isinstance(trace, str):
        kwargs.setdefault("litellm_trace_id", trace)
    name = "litellm_metadata" if "litellm_metadata" in data else "metadata"
    kwargs[name] = {**compat.callers_metadata(data.get(name)), ATTEMPT_KEY: attempt}
    tell_less(kwargs[name])
    return {**kwargs, "model": model, "litellm_call_id": str(uuid.uuid4())}
