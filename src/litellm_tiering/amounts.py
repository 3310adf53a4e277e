"""How much to hold for a request: by its own bounds, by what was learned, and by how firm its budgets are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.budget import AtCeiling
from litellm_tiering.core.ladder import Tier
from litellm_tiering.core.value import likely

if TYPE_CHECKING:
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.features import Caller
    from litellm_tiering.estimates import Estimates
    from litellm_tiering.journeys import Journey
    from litellm_tiering.plan import Inquiry, Terms


class Amounts:
    """What to hold under some terms; every amount is in nano-dollars.

    Args:
        terms: The budgets and the ladder.
        estimates: What was learned of earlier requests.
    """

    def __init__(self, terms: Terms, estimates: Estimates) -> None:
        self._ladder = terms.policy.ladder
        self._estimates = estimates
        self._blocking = tuple(b for b in terms.budgets if b.binds and b.at_ceiling is AtCeiling.BLOCK)

    def _firm(self, caller: Caller, route: str, tags: frozenset[str]) -> bool:
        """Whether a request falls under a budget that must never be passed: its hold must be no guess."""
        return any(b.ids(caller, route=route, tags=tags) for b in self._blocking)

    def to_start(self, inquiry: Inquiry, rank: int) -> int:
        """What to hold for a request's first attempt at a tier."""
        route, features = inquiry.route.name, inquiry.features
        firm = self._firm(inquiry.caller, route, features.tags)
        return self._estimates.hold(inquiry.facts[rank], features, route, self._ladder[rank], firm=firm)

    def to_climb(self, journey: Journey, rank: int) -> int:
        """What to hold for a further attempt at a tier."""
        firm = self._firm(journey.caller, journey.record.route, journey.features.tags)
        return self.estimate(journey, rank, firm=firm)

    def estimate(self, journey: Journey, rank: int, *, firm: bool = False) -> int:
        """What an attempt at a tier is likely to cost at most."""
        facts, features = journey.facts[rank], journey.features
        return self._estimates.hold(facts, features, journey.record.route, self._ladder[rank], firm=firm)

    def beside(self, journey: Journey, rank: int, facts: TierFacts, group: str) -> int:
        """What to hold for asking another model group at a tier as well."""
        route, tier = journey.record.route, Tier(self._ladder[rank].name, group)
        firm = self._firm(journey.caller, route, journey.features.tags)
        return self._estimates.hold(facts, journey.features, route, tier, firm=firm)

    @staticmethod
    def likely(of: Inquiry | Journey, rank: int, hold: int) -> int:
        """What a request will probably cost at a tier that ``hold`` is held for."""
        return likely(int(of.facts[rank].price.cost(of.features.prompt_tokens, 0)), hold)
