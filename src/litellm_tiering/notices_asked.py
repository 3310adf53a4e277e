"""What people ask for: an exemption, or a switch, checked field by field before it goes on the board."""

from __future__ import annotations

import datetime as dt
import math
import re
import secrets
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.budget import Scope
from litellm_tiering.notices import (
    CONFIGURED,
    EVERY_ROUTE,
    LONGEST_ID,
    LONGEST_REASON,
    Exemption,
    Mode,
    Switch,
    Unfit,
    line_of,
    scope_of,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

FURTHEST_S = 366 * 86_400
"""How far ahead an end may lie, in seconds: what is forgotten should not last for ever."""

_SPAN = re.compile(r"(\d{1,9})\s*([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def exemption_asked(body: Any, by: str, now_s: float) -> Exemption:  # noqa: ANN401 - whatever JSON can hold
    """The exemption that ``{scope, id, until, reason}`` asks for.

    Raises:
        Unfit: something is wrong with a field.
    """
    fields = _fields(body, ("scope", "id", "until", "reason"))
    scope = scope_of(fields.get("scope"))
    id_ = EVERY_ROUTE if scope is Scope.GLOBAL and "id" not in fields else line_of(fields, "id", LONGEST_ID)
    if scope is Scope.GLOBAL and id_ != EVERY_ROUTE:
        raise Unfit("id", "the global scope has one id: write `*`, or name another scope.")
    until_s = _until(fields.get("until"), now_s)
    reason = line_of(fields, "reason", LONGEST_REASON)
    return Exemption(secrets.token_hex(6), scope, id_, now_s, until_s, reason, signed(by))


def switch_asked(body: Any, by: str, now_s: float, routes: Sequence[str]) -> Switch:  # noqa: ANN401 - as above
    """The switch that ``{route, mode, until?, reason}`` asks for, of one of these routes or ``*``.

    Raises:
        Unfit: something is wrong with a field.
    """
    fields = _fields(body, ("route", "mode", "until", "reason"))
    route = fields.get("route")
    if not isinstance(route, str) or (route != EVERY_ROUTE and route not in routes):
        raise Unfit("route", f"there is no such route; write one of: {', '.join((*routes, EVERY_ROUTE))}.")
    known = [m.value for m in Mode]
    mode = fields.get("mode")
    if mode not in (*known, CONFIGURED):
        raise Unfit("mode", f"write one of: {', '.join((*known, CONFIGURED))}.")
    until_s = None if fields.get("until") is None else _until(fields["until"], now_s)
    if mode == CONFIGURED and until_s is not None:
        raise Unfit("until", f"leave it out: `{CONFIGURED}` takes the switch away at once.")
    reason = line_of(fields, "reason", LONGEST_REASON)
    return Switch(route, None if mode == CONFIGURED else Mode(mode), now_s, until_s, reason, signed(by))


def _fields(body: Any, known: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401 - as above
    if not isinstance(body, dict):
        raise Unfit("", f"the body must be a JSON object with: {', '.join(known)}.")
    unknown = next((name for name in body if name not in known), None)
    if unknown is not None:
        shown_ = ascii(unknown)[:40]
        raise Unfit("", f"there is no field {shown_}; the fields are: {', '.join(known)}.")
    return body


def _until(value: Any, now_s: float) -> int:  # noqa: ANN401 - as above
    """When something ends, in whole seconds since the epoch, rounded up."""
    how = 'write an ISO 8601 time with its zone, a number of seconds from now, or such as "2h".'
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Unfit("until", f"is missing or no time; {how}")
    at_s = _instant(value, now_s) if isinstance(value, str) else now_s + _finite(value)
    if at_s is None:
        raise Unfit("until", f"is no time that can be read; {how}")
    if at_s <= now_s:
        raise Unfit("until", "lies in the past; write a later time.")
    if at_s > now_s + FURTHEST_S:
        raise Unfit("until", "lies more than 366 days ahead; write an earlier time.")
    return math.ceil(at_s)


def _finite(seconds: float) -> float:
    # Whole numbers may have more digits than a float can take; whatever is too far is too far.
    return min(max(seconds, -1), 2 * FURTHEST_S) if seconds == seconds else -1  # noqa: PLR0124 - NaN is not


def _instant(text: str, now_s: float) -> float | None:
    text = text.strip()[:64]
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now_s + int(span[1]) * _SECONDS[span[2]]
    try:
        # Python 3.10 does not know that Z is a zone, nor fractions of other than three or six digits.
        told = re.sub(r"\.(\d{1,6})\d*", lambda part: f".{part[1]:0<6}", re.sub(r"[zZ]$", "+00:00", text))
        found = dt.datetime.fromisoformat(told)
        at_s = found.timestamp()
    except (ValueError, OverflowError):
        return None
    if found.tzinfo is None:
        raise Unfit("until", "names no zone; write 2026-11-21T18:00:00+01:00, or with Z for UTC.")
    return at_s
