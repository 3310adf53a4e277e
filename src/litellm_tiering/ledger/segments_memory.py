"""Segments of a single process, gone with it, and the reference for the other stores."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.segments import FORGET_S, SEGMENTS_MAX, pushed, turned
from litellm_tiering.ports import Segment

if TYPE_CHECKING:
    from collections.abc import Mapping


class MemorySegments:
    """Segments in a dict behind a lock, so threads and event loops may share them.

    Never raises StoreUnavailable before the ledger that they belong to is closed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By when they were last touched: dicts keep their order.
        self._kept: dict[str, tuple[Segment, int]] = {}
        self._closed = False

    async def push(self, key: str, *, rejected: bool, turn: int, now_s: float) -> Segment:
        """Add one judged answer of the turn ``turn`` and return the segment as it now stands."""
        with self._lock:
            now = self._open(now_s)
            segment = self._look(key, now)
            return self._keep(key, pushed(segment, rejected=rejected, turn=turn), now) or segment

    async def turn_over(self, key: str, *, turn: int, bypassed: bool, now_s: float) -> Segment:
        """Begin the turn after ``turn`` with an empty window; where another worker already has, nothing."""
        with self._lock:
            now = self._open(now_s)
            segment = self._look(key, now)
            return self._keep(key, turned(segment, turn=turn, bypassed=bypassed), now) or segment

    async def segments(self, now_s: float) -> Mapping[str, Segment]:
        """Every live segment, the one touched last at the end."""
        with self._lock:
            now = self._open(now_s)
            return {key: segment for key, (segment, expires_s) in self._kept.items() if expires_s > now}

    def close(self) -> None:
        """Forget everything; nothing is asked afterwards."""
        with self._lock:
            self._closed = True
            self._kept.clear()

    def _open(self, now_s: float) -> int:
        """The whole second of ``now_s``, once what is over by then is forgotten."""
        if self._closed:
            raise StoreUnavailable("the memory ledger is closed")
        now = math.floor(now_s)
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest][1] > now:
                break
            del self._kept[oldest]
        return now

    def _look(self, key: str, now: int) -> Segment:
        # After a clock was set back, one that is over may stand behind one that is not.
        segment, expires_s = self._kept.get(key, (Segment(), 0))
        return segment if expires_s > now else Segment()

    def _keep(self, key: str, segment: Segment | None, now: int) -> Segment | None:
        if segment is None:
            return None
        if self._kept.pop(key, None) is None and len(self._kept) >= SEGMENTS_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (segment, now + FORGET_S)
        return segment
