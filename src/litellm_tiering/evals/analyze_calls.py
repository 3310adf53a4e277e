"""One call of a spend log or a capture: who, when, which model, how many tokens, at what cost, for what.

The columns are those of LiteLLM's table ``LiteLLM_SpendLogs`` (``litellm/proxy/schema.prisma``), by whatever
name a database gives them back, and those of captures. The request's body is in ``proxy_server_request``, in
``messages`` with older releases, or nowhere: LiteLLM keeps neither unless told to
(``general_settings.store_prompts_in_spend_logs``).
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Surface
from litellm_tiering.evals.spendlogs import plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_TOKENS = 100_000_000
"""More tokens than this in one call are a mistake."""

_MOST_USD = 1e6
_LEAST_SHARE = 1e-6
_MOST_LABEL = 80
_YEARS = (dt.datetime(2015, 1, 1, tzinfo=dt.timezone.utc), dt.datetime(2100, 1, 1, tzinfo=dt.timezone.utc))
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?\s*(?:Z|UTC|([+-])(\d\d):?(\d\d)?)?$"
)
_CUT = re.compile(r"\.\.\. \(litellm_truncated skipped \d{1,12} chars\..{0,400}?\) \.\.\.", re.DOTALL)
_REDACTED = "redacted-by-litellm"

_SURFACES = {
    "": Surface.CHAT,
    "completion": Surface.CHAT,
    "acompletion": Surface.CHAT,
    "chat": Surface.CHAT,
    "chat_completion": Surface.CHAT,
    "text_completion": Surface.COMPLETION,
    "atext_completion": Surface.COMPLETION,
    "anthropic_messages": Surface.MESSAGES,
    "messages": Surface.MESSAGES,
    "responses": Surface.RESPONSES,
    "aresponses": Surface.RESPONSES,
}
"""Calls that can be routed, by LiteLLM's ``call_type`` or a capture's ``surface``."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        model: The model group that answered, else the model; empty where the row names none.
        upstream: What the provider calls the model.
        team: The team's alias or id; empty for none.
        at_s: When, in seconds since the epoch; None where the row does not say.
        prompt_tokens: What was sent; None where the row does not say.
        completion_tokens: What was answered; None where the row does not say.
        cached_tokens: The part of what was sent that came from the provider's cache.
        usd: What was paid, in US dollars; None where the row does not say.
        surface: The API it came in by; None for one that is not routed, such as embeddings.
        failed: Whether it failed.
        cached: Whether LiteLLM answered it from its own cache.
        body: The request, as far as it was kept; None where it was not.
        cut: Whether texts in it were cut by LiteLLM.
        stands_for: How many calls it stands for, where it is one of a sample.
    """

    model: str = ""
    upstream: str = ""
    team: str = ""
    at_s: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0
    usd: float | None = None
    surface: Surface | None = Surface.CHAT
    failed: bool = False
    cached: bool = False
    body: Mapping[str, Any] | None = None
    cut: bool = False
    stands_for: float = 1.0


def is_aside(row: Mapping[str, Any]) -> bool:
    """Whether a row is no call and need not be one: feedback on a captured answer."""
    return "captured" in row and "feedback" in row and "responses" not in row


def call_of(row: Mapping[str, Any]) -> Call | None:
    """The call that a row tells of; None where it tells of none."""
    at = _served({plain_name(str(k)): v for k, v in row.items()})
    meta = _object(at.get("metadata"))
    usage = _object(at.get("usage"))
    model = _label(at.get("modelgroup")) or _label(at.get("model"))
    prompt, completion = (
        _tokens(_first(at.get(f"{kind}tokens"), usage.get(f"{kind}_tokens"), usage.get(older)))
        for kind, older in (("prompt", "input_tokens"), ("completion", "output_tokens"))
    )
    surface = _surface(at)
    body = _body(at, surface) if surface is not None else None
    if not model and prompt is None and body is None:
        return None
    text, cut = (None, False) if body is None else body
    return Call(
        model=model,
        upstream=_label(at.get("model")),
        team=_first_label(
            at.get("teamalias"), at.get("team"), meta.get("user_api_key_team_alias"), at.get("teamid")
        ),
        at_s=_seconds(_first(at.get("starttime"), at.get("at"), at.get("timestamp"), at.get("createdat"))),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=_cached(meta, usage),
        usd=_usd(_first(at.get("spend"), at.get("costusd"), at.get("cost"), at.get("responsecost"))),
        surface=surface,
        failed=str(_first(at.get("status"), meta.get("status")) or "").lower()
        in ("failure", "failed", "error"),
        cached=str(at.get("cachehit") or "").lower() == "true",
        body=text,
        cut=cut,
        stands_for=_stands_for(at) if "captured" in at else 1.0,
    )


def _served(at: Mapping[str, Any]) -> Mapping[str, Any]:
    """A captured row with the figures of the answer that was served; rejected ones are left aside."""
    responses = at.get("responses")
    if "captured" not in at or not isinstance(responses, dict):
        return at
    answers = [r for r in responses.values() if isinstance(r, dict)]
    served = next((r for r in answers if r.get("served") is True), answers[0] if len(answers) == 1 else {})
    return {
        **at,
        "prompttokens": served.get("prompt_tokens"),
        "completiontokens": served.get("completion_tokens"),
        "costusd": served.get("cost"),
        "cachehit": str(served.get("cached") or ""),
    }


def _stands_for(at: Mapping[str, Any]) -> float:
    share = _number(at.get("share"))
    return 1.0 if share is None or not _LEAST_SHARE <= share <= 1 else 1.0 / share


def _first(*values: object) -> object:
    """The first that says something."""
    return next((v for v in values if v is not None and v != ""), None)


def _label(value: object) -> str:
    """A short name on one line, or nothing."""
    if not isinstance(value, str):
        return ""
    name = value.strip()
    return "" if name.lower() in ("null", "none", "\\n") else name[:_MOST_LABEL]


def _first_label(*values: object) -> str:
    return next((label for v in values if (label := _label(v))), "")


def _object(value: object) -> Mapping[str, Any]:
    """A JSON object, as such or as text; empty where it is none."""
    found = _json(value)
    return found if isinstance(found, dict) else {}


def _json(value: object) -> object:
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _tokens(value: object) -> int | None:
    found = _number(value)
    return None if found is None or not 0 <= found <= MOST_TOKENS else int(found)


def _usd(value: object) -> float | None:
    found = _number(value)
    return None if found is None or not 0 <= found <= _MOST_USD else found


def _cached(meta: Mapping[str, Any], usage: Mapping[str, Any]) -> int:
    """Prompt tokens read from the provider's cache."""
    more, kept = _object(meta.get("additional_usage_values")), _object(meta.get("usage_object"))
    details = [_object(held.get("prompt_tokens_details")) for held in (more, usage, kept)]
    found = _first(
        more.get("cache_read_input_tokens"),
        usage.get("cache_read_input_tokens"),
        *(d.get("cached_tokens") for d in details),
    )
    return _tokens(found) or 0


def _seconds(value: object) -> float | None:
    """An instant: ISO 8601, in UTC where it names no zone, or seconds or milliseconds since the epoch."""
    number = _number(value)
    if number is not None:
        number = number / 1000 if number > 1e11 else number  # noqa: PLR2004 - seconds stay below for 3,000 years
        return number if _YEARS[0].timestamp() <= number < _YEARS[1].timestamp() else None
    found = _TIME.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[i]) for i in range(1, 6))
    try:
        at = dt.datetime(year, month, day, hour, minute, min(59, int(found[6] or 0)), tzinfo=dt.timezone.utc)
    except ValueError:
        return None
    if found[7]:
        off = dt.timedelta(hours=int(found[8]), minutes=int(found[9] or 0))
        at = at - off if found[7] == "+" else at + off
    return at.timestamp() if _YEARS[0] <= at < _YEARS[1] else None


def _surface(at: Mapping[str, Any]) -> Surface | None:
    kind = _first(at.get("calltype"), at.get("surface"))
    return _SURFACES.get(kind.strip().lower() if isinstance(kind, str) else "")


# ---------------------------------------------------------------------- the request


def _body(at: Mapping[str, Any], surface: Surface | None) -> tuple[Mapping[str, Any], bool] | None:
    """The request and whether it was cut; None where it was not kept."""
    found = _object(at.get("proxyserverrequest"))
    found = _object(found.get("body")) or found
    if not any(found.get(key) for key in ("messages", "input", "prompt")):
        held = _json(_first(at.get("messages"), at.get("prompt"), at.get("input")))
        key = "messages" if isinstance(held, list) and surface is not Surface.RESPONSES else "prompt"
        if not isinstance(held, (str, list)) or not held:
            return None
        found = {key: held}
    if isinstance(found.get("prompt"), str) and not found.get("messages") and surface is Surface.CHAT:
        found = {**found, "messages": [{"role": "user", "content": found["prompt"]}]}
    if "prompt" in found and surface is Surface.RESPONSES and not found.get("input"):
        found = {**found, "input": found["prompt"]}
    cleaned = _Cleaned()
    body = cleaned.of(found, 0)
    return None if cleaned.redacted or not isinstance(body, dict) else (body, cleaned.cut)


class _Cleaned:
    """Takes LiteLLM's own words out of a body: marks where it cut a text, and what stands for hidden ones.

    Attributes:
        cut: Whether texts were cut.
        redacted: Whether text was hidden.
    """

    def __init__(self) -> None:
        self.cut = self.redacted = False

    def of(self, value: object, depth: int) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """``value`` with texts cleaned."""
        if isinstance(value, str):
            return self._text(value)
        if depth > _DEEPEST:
            return value
        if isinstance(value, dict):
            return {k: self.of(v, depth + 1) for k, v in value.items()}
        return [self.of(v, depth + 1) for v in value] if isinstance(value, list) else value

    def _text(self, text: str) -> str:
        if _REDACTED in text[:200]:
            self.redacted = True
        if "(litellm_truncated skipped" not in text:
            return text
        self.cut = True
        return _CUT.sub(" … ", text)


_DEEPEST = 12
