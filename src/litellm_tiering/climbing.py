"""How far one request may climb, and whether it may at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.cascade import Bounds, Tried, Try, next_action
from litellm_tiering.core.gate import Judgement

if TYPE_CHECKING:
    from litellm_tiering.cascading import Setting
    from litellm_tiering.journeys import Journey


def bounds_of(setting: Setting, journey: Journey) -> Bounds:
    """How far a request may climb."""
    policy = setting.engine.terms.policy
    return Bounds(
        top=policy.ladder.top,
        cap=policy.climbs_to(journey.case, journey.record.decision),
        max_escalations=setting.settings.max_escalations,
        unable=journey.case.unable,
        forbidden=journey.case.forbidden,
    )


def can_climb(journey: Journey, bounds: Bounds) -> bool:
    """Whether a rejected answer of the first attempt could be replaced at all."""
    first = Tried(journey.flights[0].rank, Judgement("any"))
    return isinstance(next_action([first], bounds), Try)
