"""What notices on the board say: exemptions, switches, and which generation of the configuration is in force.

A board is shared, and whoever can write to the store can write on it: what is read back is checked as if
somebody asked for it.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.budget import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.ports import Board, Notice

EXEMPTION, SWITCH, RELOAD = "exemption:", "switch:", "reload"
"""How keys of notices begin; the last is a whole one: its ``generation`` calls for a new configuration."""

EVERY_ROUTE = "*"
CONFIGURED = "configured"
"""What takes a switch away: the route is treated as the configuration says."""

LONGEST_ID, LONGEST_REASON, LONGEST_BY = 128, 500, 128
_OPEN_ENDED_S = 3_660 * 86_400
_LONGEST_VALUE = 4_096
_LAST_S = 253_402_300_799  # the end of the year 9999, past which nothing can be shown
_TOKEN = re.compile(r"[\w-]{1,64}")
_UNFIT_FOR_LABEL = re.compile(r"[^\w.@:/*?!\[\]-]")
_ENTRY = ("at", "what", "by", "reason", "exemption", "scope", "id", "route", "mode", "until")

# What clients say of themselves must not exempt them: `end_user` is the request's own `user`.
EXEMPTABLE = tuple(s for s in Scope if s is not Scope.END_USER)


class Unfit(ValueError):
    """What was asked for, or read, cannot be used; ``field`` is where, the message says what and the fix."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class Mode(str, enum.Enum):
    """How a switched route is treated."""

    OFF = "off"
    SHADOW = "shadow"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Whose requests are counted by every budget, and neither moved nor stopped by one.

    Attributes:
        token: The exemption's own name, by which it is revoked.
        scope: Whose; never ``end_user``, which clients choose.
        id: Which id of the scope: itself, or a glob.
        since_s: Since when, in seconds since the epoch.
        until_s: When it ends by itself, in seconds since the epoch.
        reason: Why, in the words of whoever posted it.
        by: Who posted it.
    """

    token: str
    scope: Scope
    id: str
    since_s: float
    until_s: int
    reason: str
    by: str

    @property
    def label(self) -> str:
        """The exemption in a step's detail: ``team:blue``, ``team:blue*`` or ``global``."""
        id_ = _UNFIT_FOR_LABEL.sub("_", self.id[:64])
        return self.scope.value if self.scope is Scope.GLOBAL else f"{self.scope.value}:{id_}"

    def as_json(self) -> dict[str, Any]:
        """The exemption as routes and commands show it."""
        return {
            "exemption": self.token,
            "scope": self.scope.value,
            "id": self.id,
            "until": shown(self.until_s),
            "reason": self.reason,
            "by": self.by,
            "since": shown(self.since_s),
        }


@dataclass(frozen=True, slots=True)
class Switch:
    """How a route is treated, whatever the configuration says.

    Attributes:
        route: The route's name, or ``*`` for every route.
        mode: How; None for as configured, which is no notice but the want of one.
        since_s: Since when, in seconds since the epoch.
        until_s: When it ends by itself, in seconds since the epoch; None when it stays.
        reason: Why, in the words of whoever posted it.
        by: Who posted it.
    """

    route: str
    mode: Mode | None
    since_s: float
    until_s: int | None
    reason: str
    by: str

    def as_json(self) -> dict[str, Any]:
        """The switch as routes and commands show it."""
        return {
            "route": self.route,
            "mode": CONFIGURED if self.mode is None else self.mode.value,
            "until": None if self.until_s is None else shown(self.until_s),
            "reason": self.reason,
            "by": self.by,
            "since": shown(self.since_s),
        }


# --- put up and taken down ---------------------------------------------------------------------------------


async def post_exemption(board: Board, exemption: Exemption, now_s: float) -> None:
    """Put an exemption up, for all workers; raises StoreError when the board is away, or full."""
    e = exemption
    value = {"scope": e.scope.value, "id": e.id, "reason": e.reason, "by": e.by}
    told = {"exemption": e.token, "scope": e.scope.value, "id": e.id, "until": shown(e.until_s)}
    entry = entry_of("exempted", e.by, e.reason, now_s, told)
    await board.post(EXEMPTION + e.token, _json(value), e.until_s, now_s, entry=entry)


async def revoke(board: Board, exemption: Exemption, by: str, reason: str, now_s: float) -> bool:
    """Take an exemption down; False when it is gone already. Raises StoreError when the board is away."""
    told = {"exemption": exemption.token, "scope": exemption.scope.value, "id": exemption.id}
    entry = entry_of("revoked", signed(by), reason, now_s, told)
    return await board.take_down(EXEMPTION + exemption.token, now_s, entry=entry)


async def post_switch(board: Board, switch: Switch, now_s: float) -> None:
    """Put a switch up, or take one down where it says ``configured``; raises StoreError as above."""
    s = switch
    told = {k: v for k, v in s.as_json().items() if k in ("route", "mode", "until")}
    entry = entry_of("switched", s.by, s.reason, now_s, told)
    if s.mode is None:
        await board.take_down(SWITCH + s.route, now_s, entry=entry)
        return
    value = {"mode": s.mode.value, "reason": s.reason, "by": s.by, "stays": s.until_s is None}
    expires_s = math.ceil(now_s) + _OPEN_ENDED_S if s.until_s is None else s.until_s
    await board.post(SWITCH + s.route, _json(value), expires_s, now_s, entry=entry)


async def post_reload(board: Board, by: str, reason: str, now_s: float) -> int:
    """Call for another generation of the configuration, and return its number; raises StoreError as above."""
    generation = int(now_s * 1_000_000)
    entry = entry_of("reloaded", signed(by), reason, now_s, {})
    value = _json({"generation": generation})
    await board.post(RELOAD, value, math.ceil(now_s) + _OPEN_ENDED_S, now_s, entry=entry)
    return generation


def entry_of(what: str, by: str, reason: str, now_s: float, told: Mapping[str, str | None]) -> str:
    """An entry for the board's history: when, what, by whom, why, and what exactly."""
    return _json({"at": shown(now_s), "what": what, "by": by, "reason": reason, **told})


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- read back ---------------------------------------------------------------------------------------------


def exemption_read(key: str, notice: Notice) -> Exemption:
    """The exemption that a notice says; raises Unfit where it does not."""
    token = key.removeprefix(EXEMPTION)
    if not _TOKEN.fullmatch(token):
        raise Unfit("", "its key is no name")
    found = _object(notice)
    scope, id_ = scope_of(found.get("scope")), line_of(found, "id", LONGEST_ID)
    reason, by = line_of(found, "reason", LONGEST_REASON), line_of(found, "by", LONGEST_BY)
    return Exemption(token, scope, id_, notice.posted_s, notice.expires_s, reason, by)


def switch_read(key: str, notice: Notice) -> Switch:
    """The switch that a notice says; raises Unfit where it does not."""
    route = line_of({"route": key.removeprefix(SWITCH)}, "route", 64)
    found = _object(notice)
    mode = next((m for m in Mode if m.value == found.get("mode")), None)
    if mode is None:
        raise Unfit("mode", "is none")
    until_s = None if found.get("stays") is True else notice.expires_s
    reason, by = line_of(found, "reason", LONGEST_REASON), line_of(found, "by", LONGEST_BY)
    return Switch(route, mode, notice.posted_s, until_s, reason, by)


def generation_read(_key: str, notice: Notice) -> int:
    """The generation of the configuration that a notice calls for; raises Unfit where it does not."""
    found = _object(notice).get("generation")
    if not isinstance(found, int) or isinstance(found, bool):
        raise Unfit("generation", "is no whole number")
    return found


def entry_read(text: str) -> dict[str, str] | None:
    """An entry of the history, its known fields only; None where it is none."""
    try:
        found = _parsed(text)
    except Unfit:
        return None
    kept = {k: v for k in _ENTRY if isinstance(v := found.get(k), str) and len(v) <= LONGEST_REASON}
    return kept if {"at", "what", "by"} <= kept.keys() else None


def _object(notice: Notice) -> dict[str, Any]:
    if not (0 <= notice.posted_s <= _LAST_S and 0 <= notice.expires_s <= _LAST_S):
        raise Unfit("", "its times are none")
    return _parsed(notice.value)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if len(text) <= _LONGEST_VALUE else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unfit("", "it is no JSON object of a sensible length")
    return found


def scope_of(value: Any) -> Scope:  # noqa: ANN401 - whatever JSON can hold
    """The scope of an exemption; raises Unfit for one that is none, or that clients choose."""
    if value == Scope.END_USER.value:
        raise Unfit("scope", "clients choose their own end_user; exempt its team, key or user instead.")
    found = next((s for s in EXEMPTABLE if s.value == value), None)
    if found is None:
        raise Unfit("scope", f"write one of: {', '.join(s.value for s in EXEMPTABLE)}.")
    return found


def line_of(fields: Mapping[str, Any], name: str, most: int) -> str:
    """The text of a field: one printable line, bounded; raises Unfit where it is not."""
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Unfit(name, "is missing; write a text.")
    if len(value) > most or not value.isprintable():
        raise Unfit(name, f"must be one line of at most {most} printable characters.")
    return value


def signed(by: str) -> str:
    """Who did something, as it is kept: one line, bounded."""
    return "".join(c if c.isprintable() else "?" for c in by[:LONGEST_BY]).strip() or "unknown"


def shown(at_s: float) -> str:
    """A time as people and programs read it: ISO 8601, in UTC, to the second."""
    return dt.datetime.fromtimestamp(at_s, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
