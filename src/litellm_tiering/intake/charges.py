"""What changes a request's price besides its length: reasoning, caches, drafts, searches, service tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.core.features import Surface
from litellm_tiering.intake.bodies import cache_ttl_of, fields_of, texts_within
from litellm_tiering.intake.tokens import utf8_size

if TYPE_CHECKING:
    from collections.abc import Mapping

EFFORT_TOKENS = {
    "none": 0,
    "disable": 0,
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 65_536,
}
"""Generous reasoning per effort: LiteLLM's own budgets are smaller, but some models think as much."""

UNKNOWN_EFFORT_TOKENS = 16_384
MAX_THINKING_TOKENS = 1_000_000

SEARCHES = 10
"""How often a provider may search where its tool sets no bound."""

MAX_SEARCHES = 100
_MAX_DRAFTS = 128
_MAX_TOOLS = 256
_MAX_FORMAT_NODES = 400
_DEAR_TIERS = frozenset({"priority", "fast", "ultrafast"})
_FORMATS = ("response_format", "text", "output_format", "output_config")
_TELLING = frozenset(
    {
        *_FORMATS,
        "audio",
        "best_of",
        "cache_control",
        "cache_control_injection_points",
        "extra_body",
        "modalities",
        "n",
        "output_config",
        "prompt",
        "reasoning",
        "reasoning_effort",
        "service_tier",
        "speed",
        "thinking",
        "tools",
        "web_search_options",
    }
)


class Charges(NamedTuple):
    """What is charged besides plain tokens.

    ``format_bytes`` is the size of a schema demanded of the answer, which providers read as prompt.
    """

    drafts: int = 1
    thinking_tokens: int = 0
    cache_ttl_s: int = 0
    searches: int = 0
    speaks: bool = False
    priority: bool = False
    fast: bool = False
    format_bytes: int = 0


def read_charges(body: Mapping[str, Any], surface: Surface) -> Charges:
    """What ``body`` asks for that is paid for, whatever its values are."""
    if body.keys().isdisjoint(_TELLING):
        return Charges()
    extra = fields_of(body.get("extra_body"))
    tools = _list(body.get("tools"))[:_MAX_TOOLS]
    modalities = _list(body.get("modalities"))
    service = body.get("service_tier") or extra.get("service_tier")
    return Charges(
        drafts=max(_drafts(body), _drafts(extra)) * _prompts(body, surface),
        thinking_tokens=max(_thinking(body), _thinking(extra)),
        cache_ttl_s=max([_marks(body), _marks(extra), *(_marks(fields_of(t)) for t in tools)]),
        searches=_searches(body, tools) or _searches(extra, []),
        speaks="audio" in modalities[:8] or isinstance(body.get("audio"), dict),
        priority=isinstance(service, str) and service.casefold() in _DEAR_TIERS,
        fast=body.get("speed") == "fast" or extra.get("speed") == "fast",
        format_bytes=sum(_size(body[key]) for key in _FORMATS if isinstance(body.get(key), dict)),
    )


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - a body holds anything
    return value if isinstance(value, list) else []


def _number(value: Any, most: int) -> int:  # noqa: ANN401 - a body holds anything
    """A positive whole number, at most ``most``; 0 for anything else."""
    return min(value, most) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _drafts(body: Mapping[str, Any]) -> int:
    """Answers made for one prompt: all are paid for, shown or not."""
    return max(1, _number(body.get("n"), _MAX_DRAFTS), _number(body.get("best_of"), _MAX_DRAFTS))


def _prompts(body: Mapping[str, Any], surface: Surface) -> int:
    """How many prompts a completions call holds: each has answers of its own."""
    prompts = _list(body.get("prompt")) if surface is Surface.COMPLETION else []
    return len(prompts) if prompts and isinstance(prompts[0], (str, list)) else 1


def _thinking(body: Mapping[str, Any]) -> int:
    """How much reasoning is asked for, wherever the API has it."""
    asked = fields_of(body.get("thinking"))
    budget = max(
        _number(asked.get("budget_tokens"), MAX_THINKING_TOKENS),
        _number(fields_of(body.get("reasoning")).get("max_tokens"), MAX_THINKING_TOKENS),
    )
    efforts = (
        body.get("reasoning_effort"),
        fields_of(body.get("reasoning_effort")).get("effort"),
        fields_of(body.get("reasoning")).get("effort"),
        fields_of(body.get("output_config")).get("effort"),
    )
    named = [EFFORT_TOKENS.get(e, UNKNOWN_EFFORT_TOKENS) for e in efforts if isinstance(e, str)]
    if asked.get("type") == "adaptive" and not named:
        named = [UNKNOWN_EFFORT_TOKENS]
    return max([budget, *named])


def _marks(body: Mapping[str, Any]) -> int:
    return max(cache_ttl_of(body), 300 if body.get("cache_control_injection_points") else 0)


def _searches(body: Mapping[str, Any], tools: list[Any]) -> int:
    found = 1 if isinstance(body.get("web_search_options"), dict) else 0
    for tool in map(fields_of, tools):
        kind = tool.get("type")
        if isinstance(kind, str) and kind.startswith("web_search"):
            found += _number(tool.get("max_uses"), MAX_SEARCHES) or SEARCHES
    return min(found, MAX_SEARCHES)


def _size(value: Any) -> int:  # noqa: ANN401 - a body holds anything
    """What a tree of values comes to as JSON, in bytes: its texts, and a frame for each value."""
    texts, seen = texts_within(value, _MAX_FORMAT_NODES)
    # What is not ASCII may be sent as escapes, six bytes for what takes three.
    return sum(utf8_size(t) * (1 if t.isascii() else 2) + 4 for t in texts) + 12 * seen
