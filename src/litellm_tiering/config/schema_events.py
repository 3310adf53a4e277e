"""Who is told of events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from litellm_tiering.config.base import Section, Text

EventKind = Literal[
    "threshold", "ceiling", "store_down", "store_up", "forecast", "reload", "exemption", "switch", "drift"
]
"""What happened, by the names of :class:`litellm_tiering.events.Kind`."""

EVERY_KIND: tuple[EventKind, ...] = (
    "threshold",
    "ceiling",
    "store_down",
    "store_up",
    "forecast",
    "reload",
    "exemption",
    "switch",
    "drift",
)


def _hidden(value: Any) -> Any:  # noqa: ANN401 - a validator sees whatever was written
    """Tells a secret of the wrong kind without repeating it."""
    if value is not None and not isinstance(value, str):
        raise PydanticCustomError("secret_text", "must be text: put it in quotes")
    return value


class WebhookSection(Section):
    """An address that events are sent to as JSON, signed, and up to five times until it takes them."""

    url: Text = Field(repr=False, description="An `https://` or `http://` URL. Redirects are not followed.")
    secret: Annotated[Text | None, BeforeValidator(_hidden)] = Field(
        default=None,
        repr=False,
        description="Signs what is sent, so that the receiver can tell it from others'; best written "
        "`os.environ/NAME`.",
    )
    kinds: tuple[EventKind, ...] = Field(
        default=EVERY_KIND, description="Which events are sent there; all of them when absent."
    )


class EventsSection(Section):
    """Who is told of events, besides the log, which has a line for each."""

    webhook: WebhookSection | None = Field(default=None, description="An address that events are sent to.")
    litellm: bool = Field(
        default=True,
        description="Whether LiteLLM's own alerting (Slack, Teams, its webhook, Sentry) tells of them too, "
        "where `general_settings.alerting` sets it up.",
    )
