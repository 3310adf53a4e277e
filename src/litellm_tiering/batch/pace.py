"""When a request goes out: the rate, pauses, and how long to wait before another try."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import math
import random
import time
from typing import TYPE_CHECKING, Protocol

from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
LONGEST_RETRY_AFTER_S = 600.0
"""The longest that a ``retry-after`` is followed, in seconds; a budget's own is followed to its end."""

HALTED = "interrupted"

_AGAIN = frozenset({408, 409, 425, 429})
_NEVER = frozenset({501, 505})


class Stopped(TieringError):
    """The whole run cannot go on; the message is for people."""


class Times(Protocol):
    """The clock, sleep and chance."""

    def now(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def draw(self) -> float:
        """A number from 0 to 1, for jitter."""


class SystemTimes:
    """Those of the machine; sleep ends early where the run is halted."""

    def __init__(self, halted: asyncio.Event) -> None:
        self._halted = halted

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._halted.wait(), seconds)

    def draw(self) -> float:
        """A number from 0 to 1, for jitter."""
        return random.random()  # noqa: S311 - jitter, no secret


def worth_another_try(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _AGAIN or (status >= 500 and status not in _NEVER)  # noqa: PLR2004 - HTTP


def wait_s(tried: int, retry_after_s: float | None, draw: float) -> float:
    """How long to wait before another try, in seconds: twice as long each time, spread by ``draw``.

    Args:
        tried: How many tries have failed, at least 1.
        retry_after_s: What the server asks for; more is waited, never less.
        draw: A number from 0 to 1.
    """
    backoff = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tried - 1, 16)) * (0.5 + draw / 2)
    if retry_after_s is None:
        return backoff
    return min(retry_after_s, LONGEST_RETRY_AFTER_S) + backoff / 2


def retry_after(headers: Mapping[str, str], now_s: float) -> float | None:
    """The ``retry-after`` of an answer in seconds from now, or None where it says nothing of use."""
    text = headers.get("retry-after", "").strip()
    try:
        found = float(text)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
        found = (at if at.tzinfo else at.replace(tzinfo=dt.timezone.utc)).timestamp() - now_s
        return max(found, 0.0)
    return found if math.isfinite(found) and found >= 0 else None


class Pace:
    """When the next request may go out: so many a second, and none while everybody waits for money.

    Args:
        times: The clock.
        halted: Whether the run is to end; from then on nothing goes out.
        rate: Requests a second; None for no bound.
    """

    def __init__(self, times: Times, halted: asyncio.Event, rate: float | None = None) -> None:
        self._times = times
        self._halted = halted
        self._gap_s = 1 / rate if rate else 0.0
        self._next_s = 0.0
        self._paused_until_s = 0.0

    async def turn(self) -> None:
        """Wait for one's turn.

        Raises:
            Stopped: the run is halted.
        """
        while not self._halted.is_set():
            now_s = self._times.now()
            ready_s = max(self._paused_until_s, self._next_s)
            if now_s >= ready_s:
                self._next_s = now_s + self._gap_s
                return
            # Whoever wakes first goes; the others find that it is not their turn yet.
            await self._times.sleep(ready_s - now_s)
        raise Stopped(HALTED)

    def pause(self, until_s: float) -> bool:
        """Let nothing go out before then; whether that is news."""
        news = until_s > self._paused_until_s and self._times.now() >= self._paused_until_s
        self._paused_until_s = max(self._paused_until_s, until_s)
        return news
