"""LiteLLM's request data to features, text and caller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.features import PromptText, RequestFeatures

SURFACES: Mapping[str, Surface] = {
    "completion": Surface.CHAT,
    "acompletion": Surface.CHAT,
    "text_completion": Surface.COMPLETION,
    "atext_completion": Surface.COMPLETION,
    "anthropic_messages": Surface.MESSAGES,
    "responses": Surface.RESPONSES,
    "aresponses": Surface.RESPONSES,
}
"""LiteLLM's call types that this package routes; every other one passes untouched."""

TIER_HEADER = "x-tiering-tier"
_LONGEST_HEADER = 64


def read(data: Mapping[str, Any], surface: Surface) -> tuple[RequestFeatures, PromptText]:
    """The request in numbers, and its text for classifiers. Never raises, whatever the body holds."""
    return read_request(data, surface)


def caller_of(key: Any, data: Mapping[str, Any]) -> Caller:
    """Who asks, from LiteLLM's auth object; ``end_user`` is the body's word where auth has none."""
    key_metadata = _mapping(getattr(key, "metadata", None))
    team_metadata = _mapping(getattr(key, "team_metadata", None))
    end_user = getattr(key, "end_user_id", None) or data.get("user")
    return Caller(
        key=_text(getattr(key, "token", None) or getattr(key, "api_key", None)),
        key_alias=_text(getattr(key, "key_alias", None)),
        team=_text(getattr(key, "team_id", None)),
        team_alias=_text(getattr(key, "team_alias", None)),
        user=_text(getattr(key, "user_id", None)),
        end_user=end_user if isinstance(end_user, str) else "",
        tags=_tags(key_metadata) | _tags(team_metadata),
        key_metadata=key_metadata,
        team_metadata=team_metadata,
        user_metadata=_mapping(getattr(key, "user_metadata", None)),
    )


def calling(caller: Caller, data: Mapping[str, Any]) -> Caller:
    """A caller the program itself names, with the ``end_user`` of one request."""
    end_user = data.get("user")
    return replace(caller, end_user=end_user) if isinstance(end_user, str) and end_user else caller


def caller_of_event(logged: Mapping[str, Any], end_user: Any) -> Caller:
    """Who asked, from the metadata of a success event, for requests that were never planned."""
    return Caller(
        key=_text(logged.get("user_api_key_hash")),
        key_alias=_text(logged.get("user_api_key_alias")),
        team=_text(logged.get("user_api_key_team_id")),
        team_alias=_text(logged.get("user_api_key_team_alias")),
        user=_text(logged.get("user_api_key_user_id")),
        end_user=_text(end_user or logged.get("user_api_key_end_user_id")),
    )


def wish_of(data: Mapping[str, Any]) -> str:
    """The ``x-tiering-tier`` header, empty when there is none."""
    request = data.get("proxy_server_request")
    headers = request.get("headers") if isinstance(request, dict) else None
    if not isinstance(headers, dict):
        return ""
    value = headers.get(TIER_HEADER)
    return value.strip()[:_LONGEST_HEADER] if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _tags(metadata: Mapping[str, Any]) -> frozenset[str]:
    found = metadata.get("tags")
    return frozenset(t for t in found if isinstance(t, str)) if isinstance(found, list) else frozenset()
