"""Requests and answers on their way past that are kept for training: what is noted, who has opted out."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from litellm_tiering.gateway.wires import WIRES
from litellm_tiering.intake.transcript import transcript

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from litellm_tiering.capture import Capture
    from litellm_tiering.journeys import Journey, Taking
    from litellm_tiering.ports import Listener

_REDACTED = ("litellm-enable-message-redaction", "x-litellm-enable-message-redaction")
"""The headers by which LiteLLM is told to log no messages of a request."""

_YES = ("true", "1", "yes")


def begin(capture: Capture | None, journey: Journey, data: Mapping[str, Any]) -> None:
    """Keep what comes of a request, where it is of the sample and nobody has opted out."""
    if capture is not None and not is_private(data):
        capture.begin(journey, journey.caller)


def is_private(data: Mapping[str, Any]) -> bool:
    """Whether nothing of a request may be kept: ``no-log``, or LiteLLM logs no messages of it."""
    import litellm  # noqa: PLC0415 - is there already where requests come from

    return getattr(litellm, "turn_off_message_logging", False) is True or asks_privacy(data)


def asks_privacy(data: Mapping[str, Any]) -> bool:
    """Whether a request itself says that nothing of it is to be logged."""
    if any(_is_yes(data.get(name)) for name in ("no-log", "no_log", "turn_off_message_logging")):
        return True
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and _is_yes(metadata.get("no-log")):
        return True
    request = data.get("proxy_server_request")
    headers = request.get("headers") if isinstance(request, dict) else None
    if not isinstance(headers, dict):
        return False
    return any(isinstance(k, str) and k.lower() in _REDACTED and _is_yes(v) for k, v in headers.items())


def _is_yes(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in _YES)


def asked(journey: Journey, data: Mapping[str, Any]) -> None:
    """Note what is sent, once: the first call is about to be made, and guardrails have had their say."""
    taken = journey.taken
    if taken is not None and taken.body is None:
        # An empty one is no question; it is not read again.
        taken.body = transcript(data, journey.features.surface) or {}


def answered(journey: Journey, index: int, response: Any) -> None:
    """Note a whole answer; a stream is listened to instead."""
    if journey.taken is not None and not hasattr(response, "__aiter__"):
        journey.taken.heard(index, WIRES[journey.features.surface].whole(response))


def listener_of(journey: Journey) -> Listener | None:
    """Who is to make out the answer in the first stream of a request that nobody else listens to."""
    if journey.taken is None:
        return None
    listener = WIRES[journey.features.surface].listener()
    journey.taken.listens(0, listener)
    return listener


async def to_the_end(chunks: Any, taken: Taking) -> AsyncGenerator[Any, None]:
    """A stream as it is; with its end, or the client's, all of the request is known but its bills."""
    try:
        async with aclosing(chunks) as source:
            async for chunk in source:
                yield chunk
    finally:
        taken.over()
