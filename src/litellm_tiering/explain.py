"""A plan as people and programs read it: shared by the ``explain`` verb and the route."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.shadow import steps_of

if TYPE_CHECKING:
    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.plan import Inquiry, Plan


def explanation(plan: Plan, inquiry: Inquiry, ladder: Ladder) -> dict[str, Any]:
    """``{tier, model, score, reasons, steps, features, refusal}``: the decision and all it rests on."""
    refusal = plan.decision.refusal
    scores = [o.score for o in plan.classification.opinions if o.score is not None]
    return {
        "tier": plan.record.tier,
        "model": plan.record.model,
        "route": plan.record.route,
        "score": plan.classification.score
        if plan.classification.score is not None
        else next(iter(scores), None),
        "reasons": list(plan.decision.reasons),
        "steps": [*plan.decision.explained(ladder), *steps_of(plan.record.shadow, ladder)],
        "shadow": [would.explained(ladder) for would in plan.record.shadow],
        "budgets": [budget.explained() for budget in plan.record.budgets],
        "policy": plan.record.policy,
        # Whose policy the request would follow in an experiment; null outside one.
        "arm": plan.record.arm or None,
        "refusal": None
        if refusal is None
        else {"status": refusal.status, "reason": refusal.reason.value, "message": refusal.message},
        # Asking a model costs: whose word would be asked for next, were this a request.
        "not_asked": [o.by for o in plan.classification.opinions if "not_asked" in o.signals],
        "signals": {f"{o.by}.{k}": v for o in plan.classification.opinions for k, v in o.signals.items()},
        "features": features_json(inquiry.features),
    }


def features_json(features: RequestFeatures) -> dict[str, Any]:
    """The features as JSON: counts, flags and ids, never text."""
    return {f.name: _plain(getattr(features, f.name)) for f in dataclasses.fields(features)}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "items"):
        return dict(value.items())
    return value
