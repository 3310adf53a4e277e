"""Pacing: acting on the forecast of a window's end rather than only on what is spent. Pure.

A window has a *course*, which says what share of its spend is usually gone by when: straight, or learned
from the last days. With the share ``P`` gone, pacing lets ``c = CALM + (1 - CALM) * P`` of the limit be used;
``used / c`` is its forecast of the window's end, and each step down is taken where that passes the limit by a
little more. A step once taken is let go of only when the forecast has fallen well below where it was taken.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.units import Window

CALM = 0.12
"""Which share of the limit may be used at the window's very start: its first requests forecast nothing."""

ENGAGE = 1.0
ENGAGE_STEP = 0.08
"""The forecast, as a share of the limit, at which the first step down is taken, and each further one."""

LET_GO = 0.06
"""How far the forecast must fall below where a step was taken until it is let go of."""

DEAREST_FROM, CHEAPEST_FROM = 0.90, 1.08
"""By value: the forecasts at which the worst-buying upgrades go, and at which the last ones do."""

VALUE_FROM = 0.60
"""By value without pacing: the share of the first threshold at which the worst-buying upgrades go."""

DWELL_S, DWELL_HOUR_S = 600.0, 60.0
"""For how long a step is kept at least, and in a window of an hour, in seconds."""

HOURS = 24
EVEN = (1 / HOURS,) * HOURS
"""The profile of a day of which nothing is known."""

BASIS_DAYS = 2.0
"""How many days of its own outweigh what a profile starts from."""

_HOUR_S = 3600.0
_PEOPLE_CALM = 0.04


@dataclass(frozen=True, slots=True)
class Curve:
    """The course of one window.

    Attributes:
        start_s: When the window begins, in seconds since the epoch.
        end_s: When it ends.
        pitch_s: How far apart the marks are; the last piece may be shorter.
        marks: What share of the window's spend is gone at each mark, from 0 to 1.
    """

    start_s: float
    end_s: float
    pitch_s: float
    marks: tuple[float, ...]

    def share(self, now_s: float) -> float:
        """Which share of the window's spend is expected to be gone by ``now_s``, 0 to 1."""
        if now_s <= self.start_s:
            return 0.0
        if now_s >= self.end_s:
            return 1.0
        i = min(int((now_s - self.start_s) / self.pitch_s), len(self.marks) - 2)
        begins = self.start_s + i * self.pitch_s
        within = (now_s - begins) / (min(begins + self.pitch_s, self.end_s) - begins)
        return self.marks[i] + (self.marks[i + 1] - self.marks[i]) * min(1.0, within)

    def when(self, share: float) -> float:
        """When ``share`` of the window's spend is expected to be gone, in seconds since the epoch."""
        if share <= 0.0:
            return self.start_s
        if share >= 1.0:
            return self.end_s
        i = max(0, bisect_left(self.marks, share) - 1)
        begins = self.start_s + i * self.pitch_s
        length = min(begins + self.pitch_s, self.end_s) - begins
        low, high = self.marks[i], self.marks[i + 1]
        return begins + length * ((share - low) / (high - low) if high > low else 0.0)


def linear(window: Window) -> Curve:
    """The straight course of a window: money goes evenly."""
    return Curve(window.start_s, window.end_s, window.end_s - window.start_s, (0.0, 1.0))


def learned(window: Window, timezone: str, hours: Sequence[float]) -> Curve:
    """The course of a window whose every day goes like ``hours``; of 23 and 25 hours too.

    Args:
        window: A day, a week or a month; an hour goes straight.
        timezone: Whose hours they are.
        hours: The spend of each hour of a day, 0 to 23, in any unit.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: ``timezone`` is not a known zone.
    """
    pieces = _local_hours(window.start_s, window.end_s, timezone)
    weights = [hours[hour] * part for hour, part in pieces]
    total = sum(weights)
    if len(pieces) < HOURS - 2 or total <= 0:
        return linear(window)
    # The last mark is 1 whatever the rounding.
    marks = (0.0, *(min(1.0, done / total) for done in accumulate(weights[:-1])), 1.0)
    return Curve(window.start_s, window.end_s, _HOUR_S, marks)


@lru_cache(maxsize=64)
def _local_hours(start_s: float, end_s: float, timezone: str) -> tuple[tuple[int, float], ...]:
    """The local hour of each hour of absolute time, and how much of it belongs to the window.

    Remembered, since a month has 744 of them: the same for every budget of a window.
    """
    zone = ZoneInfo(timezone)
    found = []
    at = start_s
    while at < end_s:
        length = min(_HOUR_S, end_s - at)
        found.append((dt.datetime.fromtimestamp(at + length / 2, zone).hour, length / _HOUR_S))
        at += _HOUR_S
    return tuple(found)


def profile(days: Sequence[Sequence[int]], basis: Sequence[float] = EVEN) -> tuple[float, ...]:
    """What share of a day's spend falls into each hour, as the mean over ``days`` says.

    Every day counts alike, whatever it cost; ``basis`` counts as two days more, so that little is made of
    little. An hour lends a quarter to each neighbour: yesterday's peak may come half an hour later today.
    """
    clean = [[max(0, spent) for spent in day] for day in days if len(day) == HOURS]
    known = [day for day in clean if sum(day) > 0]
    weight = BASIS_DAYS + len(known)
    totals = [sum(day) for day in known]
    raw = [
        (BASIS_DAYS * basis[h] + sum(day[h] / total for day, total in zip(known, totals, strict=True)))
        / weight
        for h in range(HOURS)
    ]
    return tuple((raw[h - 1] + 2 * raw[h] + raw[(h + 1) % HOURS]) / 4 for h in range(HOURS))


# --- stepping down -----------------------------------------------------------------------------------------


def allowed(share: float) -> float:
    """Which share of the limit pacing lets be used when ``share`` of the window's spend should be gone."""
    return CALM + (1.0 - CALM) * share


def engages(step: int) -> float:
    """The forecast, as a share of the limit, at which the step ``step`` (1, 2, …) down is taken."""
    return ENGAGE + ENGAGE_STEP * (step - 1)


def level(ratio: float, held: int, most: int, *, firm: bool) -> int:
    """How many steps down pacing has taken at this forecast.

    Args:
        ratio: The forecast, as a share of the limit.
        held: How many were taken before.
        most: How many there are.
        firm: Whether it is too early to let go of any.
    """
    while held < most and ratio >= engages(held + 1):
        held += 1
    while held and not firm and ratio < engages(held) - LET_GO:
        held -= 1
    return held


# --- for people --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a window will end at this rate.

    Attributes:
        end: What will be used at its end, in nano-dollars, were nothing done about it.
        ratio: That as a share of the limit.
        lasts_until: When the limit will be reached, in seconds since the epoch; None where it lasts.
    """

    end: int
    ratio: float
    lasts_until: float | None


def forecast(limit: int, used: int, curve: Curve, now_s: float) -> Forecast:
    """How a window will end of which ``used`` of ``limit`` nano-dollars are used at ``now_s``.

    It counts on the course of the window, and on a little calm at its start, where a single request would
    forecast a fortune.
    """
    gone = curve.share(now_s)
    # The calm fades quickly: later it would only make the forecast too hopeful.
    end = round(used / (gone + _PEOPLE_CALM * (1.0 - gone) ** 4))
    if used >= limit:
        return Forecast(end, end / limit, now_s)
    if end <= limit:
        return Forecast(end, end / limit, None)
    return Forecast(end, end / limit, curve.when(gone + (1.0 - gone) * (limit - used) / (end - used)))
