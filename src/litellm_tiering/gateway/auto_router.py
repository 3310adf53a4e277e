"""Our classifiers for LiteLLM's own auto-router: ``classifier_plugin: litellm_tiering.plugin.classifier``.

LiteLLM's ``auto_router/complexity_router`` asks ``await classify(context)`` for the name of one of its tiers,
None where it is to judge for itself. What it shows of a request is its messages and LiteLLM's metadata: no
tools, no limits, and of ``/v1/messages`` no system prompt.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.core.classification import Classification, Subject
from litellm_tiering.core.features import Surface
from litellm_tiering.core.policy import Case, Policy, Route
from litellm_tiering.gateway.extract import caller_of, caller_of_event
from litellm_tiering.gateway.loose import get
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import Caller
    from litellm_tiering.ports import Clock

TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")
"""LiteLLM's own tiers, weakest first."""

_OF_TWO = ("SIMPLE", "COMPLEX")


def tier_at(rank: int, tiers: int) -> str:
    """LiteLLM's name for the tier at ``rank`` of a ladder of so many ``tiers``.

    Two tiers are SIMPLE and COMPLEX, three SIMPLE to COMPLEX, four are all of LiteLLM's; more than four share
    LiteLLM's four by their place, the cheapest always SIMPLE and the dearest REASONING.

    Example:
        >>> [tier_at(rank, 3) for rank in range(3)]
        ['SIMPLE', 'MEDIUM', 'COMPLEX']
    """
    if tiers == len(_OF_TWO):
        return _OF_TWO[rank]
    if tiers <= len(TIERS):
        return TIERS[rank]
    top, theirs = tiers - 1, len(TIERS) - 1
    return TIERS[(2 * rank * theirs + top) // (2 * top)]


@dataclass(frozen=True, slots=True)
class _Terms:
    """What one configuration comes to here."""

    settings: Settings
    policy: Policy
    route: Route
    zone: ZoneInfo

    @classmethod
    def of(cls, settings: Settings) -> _Terms:
        route = settings.route_for(settings.virtual_model)
        if route is None:
            route = Route("classifier", ("*",), default_rank=len(settings.ladder) // 2)
        policy = Policy(settings.ladder)
        return cls(settings, policy, replace(route, classify=True), ZoneInfo(settings.timezone))


class AutoRouterClassifier:
    """LiteLLM's ``ClassifierPlugin``: the chain of the configuration, asked by LiteLLM's router.

    Args:
        settings: Says by which settings; asked every time, since they may be read anew.
        fault: Told of a fault of ours: where, and what was raised.
        clock: The time, for rules by time of day.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        fault: Callable[[str, BaseException], None],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._fault = fault
        self._clock = clock
        self._terms: _Terms | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> AutoRouterClassifier:
        """Itself: LiteLLM copies what its routers are made of, and there is one set of settings."""
        return self

    def __repr__(self) -> str:
        # LiteLLM may make ids of a deployment's parameters: they must be the same in every worker.
        return "litellm_tiering.plugin.classifier"

    async def classify(self, context: Any) -> str | None:
        """The name of LiteLLM's tier for a request; None where our classifiers abstain, or fail.

        Args:
            context: LiteLLM's ``RoutingContext``.
        """
        try:
            return await self._named(context)
        except Exception as error:  # noqa: BLE001 - a classifier's fault costs its opinion, not the request
            self._fault("classifier", error)
            return None

    async def _named(self, context: Any) -> str | None:
        terms = self._terms_now()
        if terms.settings.mode == "off":
            return None
        metadata = get(context, "metadata") or {}
        # LiteLLM's own reading of every other API's body, in the shape of chat completions.
        messages = get(context, "structured_messages") or get(context, "raw_messages")
        body = {"model": metadata.get("model_group"), "messages": messages, "metadata": metadata}
        features, prompt = read_request(body, Surface.CHAT)
        moment = dt.datetime.fromtimestamp(self._clock.now(), terms.zone)
        # No model is asked: LiteLLM's router is asking us, and would be asked anew.
        found = terms.settings.chain.classify(Subject(features, _caller(metadata), prompt, moment))
        if not isinstance(found, Classification):
            found = await found
        if found.rank is None and found.floor is None and found.cap is None:
            return None
        # A rule's bounds hold even where nobody chose a tier: the route's default then lies within them.
        ladder = terms.settings.ladder
        decision = terms.policy.draft(Case(terms.route, ladder.top, found))
        return tier_at(decision.rank, len(ladder))

    def _terms_now(self) -> _Terms:
        settings = self._settings()
        if self._terms is None or self._terms.settings is not settings:
            self._terms = _Terms.of(settings)
        return self._terms


def _caller(metadata: Any) -> Caller:
    """Who asks: the key that LiteLLM has checked, else the ids that it logs."""
    key = metadata.get("user_api_key_auth")
    if key is None:
        return caller_of_event(metadata, None)
    return caller_of(key, {})
