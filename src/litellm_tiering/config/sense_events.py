"""Whether events can be sent where the configuration says."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from litellm_tiering.config.sense import nothing_in
from litellm_tiering.config.words import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

SHORTEST_SECRET = 16
"""A signature is worth no more than it takes to guess its secret."""

_PLAIN = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")


def judge_events(view: View) -> Iterator[Finding]:
    """A webhook's URL that can be one; whether it answers is found out later."""
    webhook = view.section.events.webhook
    if webhook is None:
        return
    loc: Loc = ("tiering", "events", "webhook")
    if view.whole((*loc, "kinds")):
        yield from nothing_in((*loc, "kinds"), webhook.kinds)
    host = _host(webhook.url)
    if host is None:
        # What is written there is not repeated: the path of a webhook is often all its secret.
        yield Finding(
            (*loc, "url"),
            "is not a URL that events can be sent to",
            "write `https://HOST[:PORT]/PATH`; percent-encode what is not plain ASCII.",
        )
    elif webhook.url.lower().startswith("http:") and not _is_near(host):
        yield Finding(
            (*loc, "url"),
            "is plain HTTP: what is sent can be read on its way",
            "write `https://…`.",
            warning=True,
        )
    if webhook.secret is None and "secret" in webhook.model_fields_set:
        # What LiteLLM makes of a variable that is not set.
        yield Finding(
            (*loc, "secret"),
            "is empty: the variable that it names may not be set",
            "set it, or leave `secret` out to send events unsigned.",
        )
    elif webhook.secret is None:
        yield Finding(
            (*loc, "secret"),
            "is missing: the receiver cannot tell our events from anybody's",
            "write `secret: os.environ/TIERING_WEBHOOK_SECRET`.",
            warning=True,
        )
    elif len(webhook.secret) < SHORTEST_SECRET:
        yield Finding(
            (*loc, "secret"),
            f"is shorter than {SHORTEST_SECRET} characters, and can be guessed from what it signed",
            "make one with `openssl rand -hex 32`.",
            warning=True,
        )


def _host(url: str) -> str | None:
    """The host of an ``http`` or ``https`` URL, None where it is no such URL."""
    if not _PLAIN.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0:
        return None
    if ":" in host:
        return host if _address(host) is not None else None
    return host if _HOST.fullmatch(host) else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_near(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback
