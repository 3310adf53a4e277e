"""What is decided and tried, for LiteLLM's logs and traces: Langfuse, spend logs, OpenTelemetry.

LiteLLM hands ``spend_logs_metadata`` to everybody it logs to, so a few fields of ours travel there. Where its
OpenTelemetry is on, it gives every request a span; ours are that one's children, by OpenTelemetry's own API.
No prompt and no answer is among the fields, nor whose key it was.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from litellm_tiering.gateway import apply, bill, compat
from litellm_tiering.gateway.apply import safe
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.books import Books
    from litellm_tiering.core.record import Record
    from litellm_tiering.core.shadow import Would
    from litellm_tiering.journeys import Flight
    from litellm_tiering.plan import Plan
    from litellm_tiering.ports import Clock, Tally

LIBRARY = "litellm_tiering"
DECIDE = "litellm_tiering decide"
ATTEMPT = "litellm_tiering attempt"

_NANO_PER_S = 1_000_000_000
_LONGEST = 256


def fields_of(record: Record, index: int = 0, baseline: int | None = None) -> dict[str, str | int | float]:
    """What logs say of one attempt of a request.

    Args:
        record: The request's record.
        index: Which attempt, from 0.
        baseline: What its tokens would have cost without routing, in nano-dollars; None for not yet known.
    """
    asked = record.attempts[index]
    found: dict[str, str | int | float] = {
        "tiering_decision": record.id,
        "tiering_route": record.route,
        "tiering_policy": record.policy,
        "tiering_tier": asked.tier,
        "tiering_model": asked.model,
        "tiering_reason": safe(",".join(record.decision.reasons))[:_LONGEST],
        "tiering_attempt": index + 1,
        "tiering_attempts": safe(",".join(f"{a.model}:{a.verdict}" for a in record.attempts))[:_LONGEST],
    }
    if record.arm:
        found["tiering_arm"] = record.arm
    if baseline is not None:
        found["tiering_baseline_usd"] = float(usd(baseline))
    return found


def tell(books: Books, kwargs: Mapping[str, Any], response: Any) -> None:
    """Bring what LiteLLM is about to log of a planned call up to date, with what it would have cost."""
    paid = bill.read(kwargs, response)
    flight = books.flight(paid.attempt) if paid is not None and paid.attempt else None
    if paid is None or flight is None:
        return
    baseline = 0 if paid.cached else flight.journey.otherwise(paid.used)
    fields = fields_of(flight.journey.record, flight.index, baseline)
    for metadata in compat.metadata_to_log(kwargs):
        apply.tell(metadata, fields)


class Tracing:
    """Spans of decisions and attempts; a :class:`~litellm_tiering.meter.Meter`.

    Args:
        api: The module ``opentelemetry.trace``.
        clock: The time.
        on_fault: Told of a fault: where, and what was raised. A plan stands whatever traces make of it.
    """

    def __init__(self, api: Any, clock: Clock, on_fault: Callable[[str, BaseException], None]) -> None:
        self._api = api
        self._clock = clock
        self._on_fault = on_fault

    def planned(self, key: Any, plan: Plan, began_s: float) -> None:
        """A request was decided, from ``began_s`` until now, in seconds since the epoch.

        Args:
            key: LiteLLM's ``UserAPIKeyAuth``: it carries the request's span where there is one.
            plan: What was decided.
            began_s: When that began.
        """
        parent = getattr(key, "parent_otel_span", None)
        if parent is not None:
            try:
                self._planned(parent, plan, began_s)
            except Exception as error:  # noqa: BLE001 - its money is held: the request must go on
                self._on_fault("tracing", error)

    def _planned(self, parent: Any, plan: Plan, began_s: float) -> None:
        record = plan.record
        told = _attributes(
            {
                "decision": record.id,
                "route": record.route,
                "policy": record.policy,
                "tier": record.tier,
                "model": record.model,
                "reason": safe(",".join(record.decision.reasons))[:_LONGEST],
                "refused": plan.decision.refusal is not None,
            }
        )
        if parent.is_recording():
            parent.set_attributes(told)
        # The span itself may hold what LiteLLM writes there: only its place is kept.
        place = self._api.NonRecordingSpan(parent.get_span_context())
        self._emit(place, DECIDE, told, began_s)
        if plan.flight is not None:
            plan.flight.journey.span = place

    def attempted(self, flight: Flight) -> None:
        """An attempt has ended, or was judged."""
        record, place = flight.journey.record, flight.journey.span
        if place is None:
            return
        asked = record.attempts[flight.index]
        told = {
            "decision": record.id,
            "tier": asked.tier,
            "model": asked.model,
            "attempt": flight.index + 1,
            "verdict": asked.verdict,
            "reasons": safe(",".join(asked.reasons))[:_LONGEST],
        }
        if flight.cost is not None:
            told["cost_usd"] = float(usd(flight.cost))
        self._emit(place, ATTEMPT, _attributes(told), flight.began_s)

    def _emit(self, place: Any, name: str, told: Mapping[str, Any], began_s: float) -> None:
        span = self._api.get_tracer(LIBRARY).start_span(
            name,
            context=self._api.set_span_in_context(place),
            start_time=int(began_s * _NANO_PER_S),
            attributes=told,
        )
        span.end(end_time=int(max(began_s, self._clock.now()) * _NANO_PER_S))

    # What a trace does not hold: each is told of by figures.

    def decided(self, record: Record) -> None:
        """Told of by :meth:`planned`, which knows the request's span."""

    def took(self, seconds: float) -> None:
        """A span has its own duration."""

    def escalated(self, from_tier: str, to_tier: str, gate: str) -> None:
        """The attempts tell."""

    def judged(self, gate: str, seconds: float) -> None:
        """The attempts tell."""

    def shadowed(self, would: Would) -> None:
        """Nothing that was done."""

    def counted(self, tally: Tally) -> None:
        """The attempts tell."""


def open_tracing(clock: Clock, on_fault: Callable[[str, BaseException], None]) -> Tracing | None:
    """Traces where OpenTelemetry's API is installed; None elsewhere."""
    try:
        api = import_module("opentelemetry.trace")
    except ImportError:
        return None
    return Tracing(api, clock, on_fault)


def _attributes(told: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{LIBRARY}.{name}": value for name, value in told.items()}
