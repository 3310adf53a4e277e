"""One more call to the better tier, by the live router: once, within a bound, and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.core.debt import PROBE
from litellm_tiering.core.features import Surface
from litellm_tiering.gateway import apply
from litellm_tiering.gateway.upstream import RouterUpstream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from litellm_tiering.core.ladder import Tier
    from litellm_tiering.journeys import Journey

    Plain = Callable[..., Awaitable[Any]]

GIVEN_UP_S = 120.0
"""After how long LiteLLM gives such a call up, in seconds."""

SPARE = 0.2
"""The share of a group's own rate limit that must be free."""

_BOUND = {Surface.RESPONSES: "max_output_tokens"}


async def near_limit(router: Any, group: str) -> bool:
    """Whether little is left of what a group may be asked in a minute, as far as LiteLLM knows."""
    asked: Callable[[str], Coroutine[Any, Any, Any]] | None = getattr(
        router, "get_remaining_model_group_usage", None
    )
    if asked is None:
        return False
    found = await asked(group)
    for kind in ("requests", "tokens"):
        left, limit = found.get(f"x-ratelimit-remaining-{kind}"), found.get(f"x-ratelimit-limit-{kind}")
        if isinstance(left, int) and isinstance(limit, int) and left < SPARE * limit:
            return True
    return False


class ProbeUpstream(RouterUpstream):
    """Sends one request to the better tier: once, within a bound, and kept nowhere.

    Args:
        data: A copy of the request.
        journey: What is known of it.
        tier: The tier that is asked.
        bound: The most tokens of the answer where the client sets no bound; None where it does.
        router: Says which router.
        plain: Its method past the one that would plan the request anew; None where there is no such.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one call, and what it is bound by
        self,
        data: Mapping[str, Any],
        journey: Journey,
        tier: Tier,
        bound: int | None,
        router: Callable[[], Any],
        plain: Plain | None = None,
    ) -> None:
        super().__init__(data, journey.features.surface, journey.added, lambda _id, _answer: None, router)
        self._tier = tier
        self._bound = bound
        self._plain = plain

    async def _send(self, router: Any, kwargs: dict[str, Any]) -> Any:
        return await (super()._send(router, kwargs) if self._plain is None else self._plain(**kwargs))

    def _adapt(self, kwargs: dict[str, Any], model: str, router: Any) -> None:
        super()._adapt(kwargs, model, router)
        # A retry would press a group that is at its limits; and nobody waits for the answer.
        kwargs.update(num_retries=0, timeout=GIVEN_UP_S)
        cache = kwargs.get("cache")
        kwargs["cache"] = {**(cache if isinstance(cache, dict) else {}), "no-store": True}
        if self._bound is not None:
            kwargs[_BOUND.get(self._surface, "max_tokens")] = self._bound
        if self._surface is Surface.RESPONSES or "store" in kwargs:
            kwargs["store"] = False
        name = "litellm_metadata" if "litellm_metadata" in kwargs else "metadata"
        fields = {"tiering_tier": self._tier.name, "tiering_model": self._tier.model, "tiering_probe": True}
        apply.tell(kwargs[name], {**fields, "tiering_reason": PROBE})
