"""Money, and the calendar windows in which it is counted.

Money is an integer number of nano-dollars (1e-9 USD): sums never lose a fraction of a cent, and a single
token of the cheapest model is still a whole number.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType
from zoneinfo import ZoneInfo

NanoUSD = NewType("NanoUSD", int)
"""An amount of money, in nano-dollars (1e-9 USD)."""

NANO_PER_USD = 1_000_000_000


def nano_usd(usd: float) -> NanoUSD:
    """Dollars to nano-dollars, rounded half to even.

    Raises:
        ValueError: the amount is not a finite number.
    """
    if not math.isfinite(usd):
        raise ValueError(f"not an amount of money: {usd!r}")
    return NanoUSD(round(usd * NANO_PER_USD))


def usd(amount: NanoUSD | int) -> float:
    """Nano-dollars to dollars, for people and JSON only: never add these up."""
    return amount / NANO_PER_USD


class WindowKind(str, enum.Enum):
    """How long a budget lasts before it starts anew, by the calendar of its timezone."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Window:
    """One calendar window, half open: ``start_s <= t < end_s``.

    Attributes:
        label: Names the window within its kind and zone, such as ``day:2026-11-21@Europe/Berlin``.
        start_s: When it begins, in seconds since the epoch.
        end_s: When it ends, in seconds since the epoch.
    """

    label: str
    start_s: float
    end_s: float


def window_at(kind: WindowKind, timezone: str, now_s: float) -> Window:
    """The calendar window of ``kind`` in ``timezone`` that holds the instant ``now_s``.

    A day of a daylight-saving change is 23 or 25 hours long; weeks begin on Monday (ISO 8601). An hour is
    one of absolute time, so the hour that a clock shows twice counts as two.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: ``timezone`` is not a known zone.
    """
    span = _last_window(kind, timezone)
    if span and span[0].start_s <= now_s < span[0].end_s:
        return span[0]
    window = _window(kind, timezone, now_s)
    span[:] = [window]
    return window


@lru_cache(maxsize=256)
def _last_window(_kind: WindowKind, _timezone: str) -> list[Window]:
    """A one-place memory per kind and zone: calendar arithmetic is too slow for every request."""
    return []


def _window(kind: WindowKind, timezone: str, now_s: float) -> Window:
    zone = ZoneInfo(timezone)
    local = dt.datetime.fromtimestamp(now_s, zone)
    if kind is WindowKind.HOUR:
        # Absolute time: zones are whole minutes off UTC, and local hours may repeat.
        offset = local.utcoffset() or dt.timedelta()
        past = (now_s + offset.total_seconds()) % 3600
        start = now_s - past
        stamp = dt.datetime.fromtimestamp(start, zone)
        label = f"{kind.value}:{stamp:%Y-%m-%dT%H:%M%z}@{timezone}"
        return Window(label, start, start + 3600)
    midnight = dt.datetime(local.year, local.month, local.day)  # noqa: DTZ001 - naive on purpose: a wall-clock date
    if kind is WindowKind.DAY:
        first, after = midnight, midnight + dt.timedelta(days=1)
    elif kind is WindowKind.WEEK:
        first = midnight - dt.timedelta(days=local.weekday())
        after = first + dt.timedelta(days=7)
    else:
        first = midnight.replace(day=1)
        after = (first + dt.timedelta(days=32)).replace(day=1)
    label = f"{kind.value}:{first:%Y-%m-%d}@{timezone}"
    return Window(label, first.replace(tzinfo=zone).timestamp(), after.replace(tzinfo=zone).timestamp())
