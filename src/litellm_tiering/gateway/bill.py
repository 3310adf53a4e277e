"""What LiteLLM says of a paid call: its cost, tokens and whose it is."""

from __future__ import annotations

import base64
import contextlib
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.price import Usage
from litellm_tiering.gateway.apply import ATTEMPT_KEY
from litellm_tiering.gateway.compat import logged_metadata
from litellm_tiering.gateway.loose import get
from litellm_tiering.gateway.usage import count, usage_in

if TYPE_CHECKING:
    from collections.abc import Mapping

CHARS_PER_TOKEN = 4
"""A rough English average, for streams that reported no usage."""


_LOOKS = frozenset({"aretrieve_batch", "retrieve_batch"})
_LONGEST_ID = 4_096

_LONGEST_ANSWER = 4_000_000
"""Characters of an answer that is read again for its usage."""

LONGEST_CALL_S = 86_400.0
"""No call takes longer, in seconds."""


@dataclass(frozen=True, slots=True)
class Paid:
    """One success event.

    Attributes:
        attempt: The id of the planned attempt it belongs to; empty when it was not planned.
        call_id: LiteLLM's id of the call, with its start: clients may choose the id, and use one twice.
        cost: In dollars, as LiteLLM computed it; None or 0 when it could not, or when it was free.
        cached: Whether the answer came from LiteLLM's cache.
        used: Its tokens as the provider counted them; those of the answer else estimated from its length.
        group: The model group that answered.
        metadata: The standard logging payload's metadata: ids of key, team, user.
        end_user: The client's own customer.
        tags: The request's tags.
        started_s: When the call was made, in seconds since the epoch, as LiteLLM says; 0 when it does not.
    """

    attempt: str
    call_id: str
    cost: float | None
    cached: bool
    used: Usage
    group: str
    metadata: Mapping[str, Any]
    end_user: str
    tags: frozenset[str]
    started_s: float = 0.0

    def began_s(self, now_s: float) -> float:
        """When the call was made, in seconds since the epoch; ``now_s`` where that is unknown or absurd."""
        return self.started_s if now_s - LONGEST_CALL_S <= self.started_s <= now_s else now_s


def read(kwargs: Mapping[str, Any], response: Any) -> Paid | None:
    """The success event in ``kwargs``, or None where it holds no call that could cost."""
    payload = kwargs.get("standard_logging_object")
    if not isinstance(payload, dict):
        return None
    attempt = next(
        (found for m in logged_metadata(kwargs) if isinstance(found := m.get(ATTEMPT_KEY), str)), ""
    )
    tags = payload.get("request_tags")
    metadata = payload.get("metadata")
    used = _used(payload, response, metadata)
    batch = _batch(kwargs, response)
    started_s = amount(payload.get("startTime")) or 0.0
    return Paid(
        attempt=attempt,
        call_id=batch or f"{payload.get('litellm_call_id')}:{payload.get('startTime')}",
        cost=amount(payload.get("response_cost")),
        cached=payload.get("cache_hit") is True,
        used=used,
        group=str(payload.get("model_group") or ""),
        metadata=metadata if isinstance(metadata, dict) else {},
        end_user=str(payload.get("end_user") or ""),
        tags=frozenset(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else frozenset(),
        # Of a batch, one time for all looks at it: it is counted once by its id and time.
        started_s=(amount(get(response, "created_at")) or started_s) if batch else started_s,
    )


def _batch(kwargs: Mapping[str, Any], response: Any) -> str:
    """The id of an ended batch, whose whole cost LiteLLM reports each time that somebody looks at it.

    The provider's own: LiteLLM may wrap it as ``litellm:ID;model,GROUP`` in base64.
    """
    id_ = get(response, "id")
    if kwargs.get("call_type") not in _LOOKS or not isinstance(id_, str) or len(id_) > _LONGEST_ID:
        return ""
    bare = id_.removeprefix("batch_")
    with contextlib.suppress(ValueError):
        text = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).decode()
        if text.startswith("litellm:"):
            id_ = text.removeprefix("litellm:").split(";", 1)[0]
    return f"batch:{id_}"


def _used(payload: Mapping[str, Any], response: Any, metadata: Any) -> Usage:
    """LiteLLM's totals, and the parts of them that the provider told apart."""
    parts = usage_in(get(response, "usage")) or usage_in(get(metadata, "usage_object")) or Usage()
    prompt = count(payload.get("prompt_tokens")) or parts.prompt
    completion = count(payload.get("completion_tokens")) or parts.completion
    return replace(
        parts,
        # Where Anthropic's totals leave the cache out, the larger figure is the one that holds it.
        prompt=max(prompt, parts.prompt),
        completion=completion or answer_chars(response) // CHARS_PER_TOKEN,
    )


def amount(value: Any) -> float | None:
    """A finite, non-negative number of dollars, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def usage_of(response: Any) -> tuple[int, int] | None:
    """Prompt and completion tokens of a whole answer, in any of the four APIs; None for a stream."""
    found = usage_in(get(response, "usage"))
    return None if found is None else (found.prompt, found.completion)


def cost_in(response: Any) -> float | None:
    """What LiteLLM says this answer cost, in dollars, or None when it does not say."""
    return amount(_hidden(response).get("response_cost"))


def from_cache(response: Any) -> bool:
    """Whether LiteLLM took an answer from its cache: its ``response_cost`` is then the first asker's."""
    return _hidden(response).get("cache_hit") is True


def withheld(kwargs: Mapping[str, Any], paid: Paid) -> Paid | None:
    """The bill in the failure event of an answer that came and was withheld, None where none came.

    Of an answer that a guardrail stops LiteLLM logs a failure at cost 0; the provider's own words are in it.
    """
    said = kwargs.get("original_response")
    if not isinstance(said, str) or len(said) > _LONGEST_ANSWER:
        return None
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        return None
    used = usage_in(answer.get("usage")) if isinstance(answer, dict) else None
    return None if used is None else replace(paid, used=used, cost=None)


def answering_group(response: Any) -> str | None:
    """The model group that really answered, after LiteLLM's own fallbacks."""
    headers = _hidden(response).get("additional_headers")
    found = headers.get("x-litellm-model-group") if isinstance(headers, dict) else None
    return found if isinstance(found, str) and found else None


def deployment_of(response: Any) -> str:
    """LiteLLM's id of the deployment that answered, empty when it does not say."""
    found = _hidden(response).get("model_id")
    return found if isinstance(found, str) else ""


def answer_chars(response: Any) -> int:
    """The length of an answer's text, for an estimate where usage is missing."""
    choices = get(response, "choices")
    if not isinstance(choices, list):
        return 0
    total = 0
    for choice in choices:
        message = get(choice, "message")
        text = get(message, "content") if message is not None else get(choice, "text")
        total += len(text) if isinstance(text, str) else 0
    return total


def _hidden(response: Any) -> Mapping[str, Any]:
    found = get(response, "_hidden_params")
    return found if isinstance(found, dict) else {}
