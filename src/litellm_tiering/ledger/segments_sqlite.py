"""Segments in the file of the SQLite ledger, for the processes of one host."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_tiering.ledger.segments import FORGET_S, SEGMENTS_MAX, pushed, turned
from litellm_tiering.ports import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.ledger.book import Book
    from litellm_tiering.ledger.sqlite import SqliteLedger

_LOOK = "SELECT turn, bypassed, seen FROM segments WHERE key = ? AND expires_s > ?"
_UPDATE = "UPDATE segments SET turn = ?, bypassed = ?, seen = ?, expires_s = ? WHERE key = ?"
_INSERT = "INSERT INTO segments (turn, bypassed, seen, expires_s, key) VALUES (?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM segments WHERE expires_s <= ?"
_MAKE_ROOM = """
    DELETE FROM segments WHERE key IN (
        SELECT key FROM segments ORDER BY expires_s
        LIMIT max(0, (SELECT count(*) FROM segments) + 1 - ?))"""
_LIVE = """
    SELECT key, turn, bypassed, seen FROM segments
    WHERE expires_s > ? ORDER BY expires_s DESC LIMIT ?"""


class SqliteSegments:
    """Segments beside the counters: the same file, the same thread, the same short locks.

    Raises what the ledger raises: StoreUnavailable when the file is locked or cannot be written, StoreError
    when it is no ledger.

    Args:
        ledger: Whose file it is; closing it ends this too.
    """

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    async def push(self, key: str, *, rejected: bool, turn: int, now_s: float) -> Segment:
        """Add one judged answer of the turn ``turn`` and return the segment as it now stands."""
        return await self._change(key, lambda found: pushed(found, rejected=rejected, turn=turn), now_s)

    async def turn_over(self, key: str, *, turn: int, bypassed: bool, now_s: float) -> Segment:
        """Begin the turn after ``turn`` with an empty window; where another worker already has, nothing."""
        return await self._change(key, lambda found: turned(found, turn=turn, bypassed=bypassed), now_s)

    async def segments(self, now_s: float) -> Mapping[str, Segment]:
        """Every live segment, the one touched last at the end."""
        live = (math.floor(now_s), SEGMENTS_MAX)
        rows = await self._ledger.run(lambda book: book.db.execute(_LIVE, live).fetchall())
        return {key: Segment(turn, bool(bypassed), seen) for key, turn, bypassed, seen in reversed(rows)}

    async def _change(self, key: str, change: Callable[[Segment], Segment | None], now_s: float) -> Segment:
        now = math.floor(now_s)

        def job(book: Book) -> Segment:
            with book.writing(now):
                row = book.db.execute(_LOOK, (key, now)).fetchone()
                found = Segment() if row is None else Segment(row[0], bool(row[1]), row[2])
                changed = change(found)
                if changed is not None:
                    _keep(book, key, changed, now)
                return changed or found

        return await self._ledger.run(job)


def _keep(book: Book, key: str, segment: Segment, now: int) -> None:
    row = (segment.turn, segment.bypassed, segment.window, now + FORGET_S, key)
    if not book.db.execute(_UPDATE, row).rowcount:
        book.db.execute(_FORGET, (now,))
        book.db.execute(_MAKE_ROOM, (SEGMENTS_MAX,))
        book.db.execute(_INSERT, row)
