"""What a router's callers are told: the decision on an answer, or the error of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import litellm

from litellm_tiering.gateway.loose import get
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from litellm_tiering.core.decision import Refusal
    from litellm_tiering.core.record import Record
    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.journeys import Journey

KEY = "tiering"
"""Where the report of an answer stands in LiteLLM's ``_hidden_params``."""

PROVIDER = "litellm_tiering"
"""Who refused, in the error's ``llm_provider``."""

_ERRORS = {
    400: litellm.BadRequestError,
    403: litellm.PermissionDeniedError,
    429: litellm.RateLimitError,
    503: litellm.ServiceUnavailableError,
}


def refused(refusal: Refusal, record: Record, model: str) -> Exception:
    """A refusal as the error that LiteLLM raises for its status; its response has ``retry-after``."""
    headers = {"x-tiering-decision": record.id, "x-tiering-reason": ",".join(record.decision.reasons)}
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    request = httpx.Request("POST", f"https://{PROVIDER}.invalid/")
    safe = {name: value.encode("ascii", "replace").decode() for name, value in headers.items()}
    response = httpx.Response(refusal.status, headers=safe, request=request)
    kind = _ERRORS.get(refusal.status, litellm.BadRequestError)
    error: Exception = kind(message=refusal.message, model=model, llm_provider=PROVIDER, response=response)
    return error


def report_of(journey: Journey, gateway: Gateway) -> dict[str, Any]:
    """The decision on a request as far as it goes by now; costs in dollars, estimates where no bill is in."""
    record = journey.record
    costs = [gateway.cost_so_far(flight) for flight in journey.flights]
    served = journey.flights[journey.served]
    baseline = served.baseline
    if baseline is None:
        baseline = journey.baseline_hold if served.used is None else journey.baseline(*served.used)
    return {
        "decision": record.id,
        "tier": record.tier,
        "model": served.answered_by or record.model,
        "reasons": list(record.decision.reasons),
        "attempts": [
            {
                "tier": attempt.tier,
                "model": attempt.model,
                "verdict": "ok" if attempt.verdict == "pending" else attempt.verdict,
                "cost_usd": usd(cost),
            }
            for attempt, cost in zip(record.attempts, costs, strict=True)
        ],
        "cost_usd": usd(sum(costs) + record.tax),
        "baseline_usd": usd(baseline),
    }


def with_report(answer: Any, report: dict[str, Any]) -> Any:
    """An answer with its report among LiteLLM's hidden parameters, where it has any."""
    hidden = get(answer, "_hidden_params")
    if isinstance(hidden, dict):
        hidden[KEY] = report
    return answer
