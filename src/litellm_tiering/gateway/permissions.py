"""What a caller may be moved to, beside what it asked for: LiteLLM let it in for that name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.gateway import compat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.ladder import Ladder

_ANY_MODEL = frozenset({"*", "all-proxy-models"})
_TEAM_MODELS = "all-team-models"


async def forbidden(key: Any, model: str, asked: int, ladder: Ladder, router: Any) -> Mapping[int, str]:
    """The ranks that a caller may not be moved to. What it asked for is allowed: LiteLLM let it in."""
    if may_use_all(key, model, ladder):
        return {}
    return {
        rank: "key"
        for rank, tier in enumerate(ladder.tiers)
        if rank != asked and not await compat.may_use(tier.model, key, router)
    }


def may_use_all(key: Any, model: str, ladder: Ladder) -> bool:
    """Whether a caller that was let in for ``model`` may use all that serves its route."""
    key_models, team_models = _names(key, "models"), _names(key, "team_models")
    if _unrestricted(key_models) and _unrestricted(team_models):
        return True
    virtual = ladder.rank_of_model(model) is None
    by_key = _unrestricted(key_models) or model in key_models or _TEAM_MODELS in key_models
    return virtual and by_key and (_unrestricted(team_models) or model in team_models)


def _names(key: Any, attribute: str) -> list[str]:
    found = getattr(key, attribute, None)
    return [m for m in found if isinstance(m, str)] if isinstance(found, list) else []


def _unrestricted(models: list[str]) -> bool:
    return not models or not _ANY_MODEL.isdisjoint(models)
