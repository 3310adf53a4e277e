"""A decision written into a request and its response: the only writer of either."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from litellm.proxy._types import ProxyException

from litellm_tiering.gateway.compat import metadata_of
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from litellm_tiering.core.decision import Refusal
    from litellm_tiering.core.record import Record

ATTEMPT_KEY = "litellm_tiering_attempt"
"""Where an attempt's id travels in LiteLLM's metadata, to come back with its success event."""

LOGGED = "spend_logs_metadata"
"""Where LiteLLM keeps what is to be logged with a call, for Langfuse, OpenTelemetry and all others."""

FIELDS = "tiering_"
"""How the names of our fields there begin."""

_OF_THE_REQUEST = frozenset({"tiering_decision", "tiering_route", "tiering_policy"})

_HEADER_UNSAFE = re.compile(r"[^\x20-\x7e]")
_LONGEST_HEADER = 1024


def scrub(data: MutableMapping[str, Any]) -> None:
    """Remove what only we may write: a client can send metadata of its own."""
    for name in ("metadata", "litellm_metadata"):
        bucket = data.get(name)
        if isinstance(bucket, dict):
            bucket.pop(ATTEMPT_KEY, None)
            _keep(bucket, frozenset())
            if not isinstance(bucket.get("tags", []), list):
                del bucket["tags"]  # LiteLLM cannot log such a call, and so nobody would hear what it cost
    # No field of any API: LiteLLM logs what a client sends here in place of its own, and our mark is lost.
    data.pop("litellm_params", None)


def send_to(data: MutableMapping[str, Any], model: str) -> None:
    """Send a request to a model group."""
    if data.get("model") != model:
        data["model"] = model


def mark(data: MutableMapping[str, Any], attempt: str) -> None:
    """Mark a request with its attempt's id, which comes back with LiteLLM's events."""
    metadata_of(data)[ATTEMPT_KEY] = attempt


def tell(metadata: MutableMapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Have LiteLLM log our fields with a call, beside what the caller and its key have it log."""
    logged = metadata.get(LOGGED)
    metadata[LOGGED] = {**(logged if isinstance(logged, dict) else {}), **fields}


def tell_less(metadata: MutableMapping[str, Any]) -> None:
    """Drop what was to be logged of one attempt, for another of the same request."""
    _keep(metadata, _OF_THE_REQUEST)


def _keep(metadata: MutableMapping[str, Any], names: frozenset[str]) -> None:
    """Of our fields keep these only, in a dict of its own: the one there may be shared."""
    logged = metadata.get(LOGGED)
    if isinstance(logged, dict) and any(isinstance(k, str) and k.startswith(FIELDS) for k in logged):
        metadata[LOGGED] = {
            k: v for k, v in logged.items() if not (isinstance(k, str) and k.startswith(FIELDS)) or k in names
        }


def ask_for_usage(data: MutableMapping[str, Any]) -> None:
    """Have a text completion's stream report its usage; LiteLLM does so for chat, and logs 0 tokens here.

    The flag makes LiteLLM drop the extra chunk where the client did not ask for it.
    """
    options = data.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is not True:
        data["stream_options"] = {**options, "include_usage": True}
        data["_litellm_strip_stream_usage"] = True


def hide_usage(data: MutableMapping[str, Any]) -> None:
    """Have LiteLLM drop a chat stream's usage chunk, which a further attempt asks for, from the client's."""
    options = data.get("stream_options")
    if not isinstance(options, dict) or options.get("include_usage") is not True:
        data["_litellm_strip_stream_usage"] = True


def attempt_of(data: Mapping[str, Any]) -> str:
    """The attempt's id of a request that was planned, empty otherwise."""
    for name in ("litellm_metadata", "metadata"):
        bucket = data.get(name)
        found = bucket.get(ATTEMPT_KEY) if isinstance(bucket, dict) else None
        if isinstance(found, str):
            return found
    return ""


_ERROR_TYPES = {
    400: "invalid_request_error",
    403: "permission_error",
    429: "budget_exceeded",
    503: "service_unavailable",
}


def refuse(refusal: Refusal, record: Record) -> ProxyException:
    """A refusal as LiteLLM turns it into an error of the client's own API.

    Its own exception: of an ``HTTPException`` the headers are lost on some APIs, ``retry-after`` included.
    """
    headers = {
        "x-tiering-decision": record.id,
        "x-tiering-tier": record.tier,
        "x-tiering-reason": _reasons(record),
    }
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    kind = _ERROR_TYPES.get(refusal.status, "invalid_request_error")
    refused = ProxyException(refusal.message, kind, None, refusal.status, headers=headers)
    refused.status_code = refusal.status  # what some releases read instead of its own `code`
    return refused


def response_headers(record: Record, cost: int, baseline: int, *, model: str | None = None) -> dict[str, str]:
    """The ``x-tiering-…`` headers of a response; money in dollars."""
    told = (a for a in record.attempts if not a.shadow)
    attempts = ",".join(f"{a.model}:{'ok' if a.verdict == 'pending' else a.verdict}" for a in told)
    return {
        "x-tiering-decision": record.id,
        "x-tiering-tier": record.tier,
        "x-tiering-model": safe(model or record.model),
        "x-tiering-reason": _reasons(record),
        "x-tiering-attempts": safe(attempts),
        "x-tiering-cost-usd": dollars(cost),
        "x-tiering-baseline-usd": dollars(baseline),
    }


def corrected_headers(cost: int, deployment: str) -> dict[str, str]:
    """LiteLLM's own headers after an escalation: it wrote them for the first attempt."""
    found = {"x-litellm-response-cost": dollars(cost)}
    if deployment:
        found["x-litellm-model-id"] = safe(deployment)
    return found


def dollars(amount: int) -> str:
    """Nano-dollars as plain decimal dollars, exact."""
    return f"{usd(amount):.9f}"


def _reasons(record: Record) -> str:
    return safe(",".join(record.decision.reasons))


def safe(value: str) -> str:
    """A header value: printable ASCII, bounded."""
    return _HEADER_UNSAFE.sub("?", value)[:_LONGEST_HEADER]
