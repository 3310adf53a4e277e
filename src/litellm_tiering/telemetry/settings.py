"""What the configuration says of where events go; apart, so that reading it loads no HTTP client."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where events are sent.

    Attributes:
        url: An ``http`` or ``https`` URL; never logged but for its host.
        secret: Signs what is sent; None sends it unsigned.
        kinds: Which kinds of event, by name.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    kinds: frozenset[str] = frozenset()
