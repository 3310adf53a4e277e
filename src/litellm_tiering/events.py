"""Events: what an owner is told of the money, and whom it is told to."""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.core.budget import Scope
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.policy import Account

_LONGEST_DETAIL = 200
_KEY_CHARS = 16
_LOGIN = re.compile(r"://\S*@")


class Kind(str, enum.Enum):
    """What happened."""

    THRESHOLD = "threshold"
    CEILING = "ceiling"
    STORE_DOWN = "store_down"
    STORE_UP = "store_up"
    FORECAST = "forecast"
    RELOAD = "reload"
    EXEMPTION = "exemption"
    SWITCH = "switch"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that an owner wants to be told. It holds no prompt, no answer and no whole key.

    Attributes:
        kind: What happened.
        at_s: When, in seconds since the epoch.
        scope: The scope of the budget it is about; empty when it is about none.
        id: The id within the scope, as people read it: clients choose some, so it is cleaned and bounded.
        window: The window's label, such as ``day:2026-11-21@UTC``.
        window_end_s: When the window ends, in seconds since the epoch.
        threshold: The share of the limit that was crossed.
        ratio: What is used, holds included, as a share of the limit.
        limit_usd: The limit, in dollars.
        spent_usd: What is spent, in dollars.
        reserved_usd: What requests in flight hold, in dollars.
        detail: What exactly, at most 200 characters.
        reference: The same wherever the same thing is told, so that a receiver can tell a repeat.
    """

    kind: Kind
    at_s: float
    scope: str = ""
    id: str = ""
    window: str = ""
    window_end_s: float | None = None
    threshold: float | None = None
    ratio: float | None = None
    limit_usd: float | None = None
    spent_usd: float | None = None
    reserved_usd: float | None = None
    detail: str = ""
    reference: str = ""

    @property
    def name(self) -> str:
        """Whom it is about: ``global``, ``team:blue``; empty when it is about no budget."""
        return self.scope if self.id in {"", "*"} else f"{self.scope}:{self.id}"

    def as_json(self) -> dict[str, Any]:
        """The event for machines: what does not apply is null, money in dollars."""
        return {
            "event": self.kind.value,
            "reference": self.reference,
            "at": self.at_s,
            "scope": self.scope or None,
            "id": self.id or None,
            "window": self.window or None,
            "window_end": self.window_end_s,
            "threshold": self.threshold,
            "ratio": self.ratio,
            "limit_usd": self.limit_usd,
            "spent_usd": self.spent_usd,
            "reserved_usd": self.reserved_usd,
            "detail": self.detail or None,
        }

    def line(self) -> str:
        """The event for people and ``grep``: one line of ``name=value``, what does not apply left out."""
        parts = [f"event={self.kind.value}"]
        parts += [f"scope={self.name}"] if self.scope else []
        for name, value in (("ratio", self.ratio), ("threshold", self.threshold)):
            parts += [] if value is None else [f"{name}={value:.2f}"]
        for name, value in (("spent_usd", self.spent_usd), ("limit_usd", self.limit_usd)):
            parts += [] if value is None else [f"{name}={value:.6g}"]
        parts += [f"window={self.window}"] if self.window else []
        parts += [f"detail={json.dumps(self.detail)}"] if self.detail else []
        return " ".join(parts)


def tidy(text: str) -> str:
    """Text for an event's detail: printable, at most 200 characters, without the logins of URLs."""
    masked = _LOGIN.sub("://***@", text[: 4 * _LONGEST_DETAIL])
    return "".join(c if c.isprintable() else " " for c in masked)[:_LONGEST_DETAIL]


def of_budget(  # noqa: PLR0913 - an event's parts
    kind: Kind,
    account: Account,
    balance: Balance,
    now_s: float,
    *,
    threshold: float | None = None,
    detail: str = "",
) -> Event:
    """An event about one budget as it stands."""
    limit = account.budget.limit
    scope = account.budget.scope
    # Account.name cleans what clients choose; a key's id is its hash, of which a part is enough to find it.
    id_ = account.name.partition(":")[2]
    return Event(
        kind=kind,
        at_s=now_s,
        scope=scope.value,
        id=(id_[:_KEY_CHARS] if scope is Scope.KEY else id_) or "*",
        window=account.limit.key.rpartition("|")[2],
        window_end_s=account.window_end_s,
        threshold=threshold,
        ratio=balance.used / limit if limit else None,
        limit_usd=None if limit is None else usd(limit),
        spent_usd=usd(balance.spent),
        reserved_usd=usd(balance.reserved),
        detail=tidy(_in_shadow(detail) if account.budget.shadow else detail),
    )


def _in_shadow(detail: str) -> str:
    """What is said of a budget that moves nothing."""
    return f"shadow: nothing is moved or stopped{'; ' if detail else ''}{detail}"


class Sink(Protocol):
    """Takes events to somebody. What it raises is counted as a fault, and harms no other sink."""

    name: str

    async def deliver(self, event: Event) -> None:
        """Tell of one event, or see to it that it is told; at most a few seconds."""
        ...

    async def close(self) -> None:
        """End what runs in the background; what was not told is lost."""
        ...
