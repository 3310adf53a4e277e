"""Events to LiteLLM's own alerting: Slack, Teams, Sentry and its webhook, as its budget alerts go there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.events import Kind
from litellm_tiering.gateway import compat

if TYPE_CHECKING:
    from litellm_tiering.events import Event

_MONEY = frozenset({Kind.THRESHOLD, Kind.CEILING, Kind.FORECAST})
_HIGH = frozenset({Kind.CEILING, Kind.STORE_DOWN})
_STORE = frozenset({Kind.STORE_DOWN, Kind.STORE_UP})

_TITLES = {
    Kind.THRESHOLD: "A threshold of a budget was crossed",
    Kind.CEILING: "The ceiling of a budget was reached",
    Kind.FORECAST: "A budget will not last",
    Kind.STORE_DOWN: "The budget store is away",
    Kind.STORE_UP: "The budget store is back",
    Kind.RELOAD: "The configuration was read anew",
    Kind.EXEMPTION: "An exemption was changed",
    Kind.SWITCH: "A route was switched",
    Kind.DRIFT: "Traffic is no longer like the training data",
}


class LiteLLMSink:
    """Tells LiteLLM's alerting, where ``general_settings.alerting`` sets it up; it is looked for each time.

    What is raised there is a fault of the sink, and is counted as one.
    """

    name = "litellm"

    async def deliver(self, event: Event) -> None:
        """Hand one event over; LiteLLM sends it with its next batch."""
        level = "High" if event.kind in _HIGH else "Medium"
        alert = "db_exceptions" if event.kind in _STORE else "budget_alerts"
        await compat.alert(message_of(event), level, alert, budget_of(event))

    async def close(self) -> None:
        """Nothing of ours is open."""


def message_of(event: Event) -> str:
    """The event as people read it in a chat."""
    return f"{_TITLES[event.kind]}: {event.line()}"


def budget_of(event: Event) -> dict[str, object] | None:
    """What LiteLLM's webhook says of a budget, as its own events do; None for what is about none."""
    if event.kind not in _MONEY or event.limit_usd is None:
        return None
    names = {
        Kind.THRESHOLD: "threshold_crossed",
        Kind.CEILING: "budget_crossed",
        Kind.FORECAST: "projected_limit_exceeded",
    }
    fields = {"key": "token", "team": "team_id", "user": "user_id", "end_user": "customer_id"}
    said: dict[str, object] = {
        "event": names[event.kind],
        "event_message": message_of(event),
        "event_group": event.scope if event.scope in fields else "proxy",
        "spend": event.spent_usd or 0.0,
        "max_budget": event.limit_usd,
    }
    if event.scope in fields:
        said[fields[event.scope]] = event.id
    return said
