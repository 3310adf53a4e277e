"""The decisions of a single process, gone with it, and the reference for the other stores."""

from __future__ import annotations

import asyncio
import bisect
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.records_form import facets, mean, needles, pack, rated, span, unpack
from litellm_tiering.ledger.records_pages import scanned, wholly
from litellm_tiering.records import MICRO, Looked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from litellm_tiering.ledger.memory import MemoryLedger
    from litellm_tiering.records import Asked, Place, Row

PAGE = 2_000
"""How many rows are looked at before the event loop gets its turn."""

LOOK = 20_000
"""How many rows one look takes in at most: some 4 ms."""


class _Kept(NamedTuple):
    """A row as it lies here; they are kept in the order of their places, each of which there is once."""

    place: Place
    facets: str
    packed: bytes


class MemoryRecords:
    """Rows behind a lock, packed: some 0.7 kB each.

    Args:
        most: How many are kept.
        retention_s: For how long at most, in seconds.
        ledger: Closing it ends this too; without one, or once it is gone, nothing is ever away.
    """

    def __init__(self, most: int, retention_s: int, ledger: MemoryLedger | None = None) -> None:
        self._most = most
        self._retention = retention_s * MICRO
        self._ledger = None if ledger is None else weakref.ref(ledger)
        self._lock = threading.Lock()
        self._rows: dict[str, _Kept] = {}
        self._order: list[_Kept] = []
        self._ratings: dict[str, str] = {}

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep rows, each in place of an earlier state of it; of one too many the oldest goes."""
        kept = [_Kept(row.place, facets(row), pack(row)) for row in rows]
        with self._lock:
            self._open()
            for row in kept:
                id_ = row.place[1]
                before = self._rows.get(id_)
                if before is not None and before.place == row.place:
                    self._order[self._at(row.place)] = row
                else:
                    if before is not None:
                        del self._order[self._at(before.place)]
                    bisect.insort(self._order, row)
                self._rows[id_] = row
            if kept:
                self._trim(max(row.place[0] for row in kept) - self._retention)

    def _trim(self, oldest: int) -> None:
        gone = max(0, len(self._order) - self._most, self._at((oldest, "")))
        for kept in self._order[:gone]:
            del self._rows[kept.place[1]]
            self._ratings.pop(kept.place[1], None)
        del self._order[:gone]

    def _at(self, place: Place) -> int:
        """Where the row of a place is, or would be."""
        # A tuple is less than a longer one that begins like it.
        return bisect.bisect_left(self._order, (place,))

    async def look(self, asked: Asked) -> Looked:
        """The rows asked for, newest first, among the latest 20,000 before ``asked.before``."""
        (since, until), wanted = span(asked), needles(asked)
        before = min((until, ""), asked.before or (until, ""))
        found: list[Row] = []
        for _ in range(0, LOOK, PAGE):
            with self._lock:
                self._open()
                end, first = self._at(before), self._at((since, ""))
                page = self._order[max(first, end - PAGE) : end]
                fitting = page
                for needle in wanted:
                    fitting = [kept for kept in fitting if needle in kept.facets]
                for kept in reversed(fitting):
                    row = unpack(kept.packed, self._ratings.get(kept.place[1], ""))
                    found += (row,) if row is not None and asked.fits(row) else ()
                    if len(found) == asked.limit:
                        return Looked(tuple(found), kept.place)
            if end - PAGE <= first:
                return Looked(tuple(found), None)
            before = page[0].place
            await asyncio.sleep(0)
        return Looked(tuple(found), before)

    async def recent(self, asked: Asked) -> tuple[Row, ...]:
        """The rows asked for, newest first, however far back they are."""
        return await wholly(self, asked)

    async def get(self, id_: str) -> Row | None:
        """The row of a decision's id; None where there is none (any more)."""
        with self._lock:
            self._open()
            kept = self._rows.get(id_)
            return None if kept is None else unpack(kept.packed, self._ratings.get(id_, ""))

    def scan(self, since_s: float, until_s: float) -> AsyncIterator[Row]:
        """Every row decided from ``since_s`` up to but not including ``until_s``, newest first."""
        return scanned(self, since_s, until_s)

    async def rate(self, id_: str, by: str, score: float) -> float | None:
        """Note what ``by`` says of a decision's answer; the mean of all callers', None without such a row."""
        with self._lock:
            self._open()
            if id_ not in self._rows:
                return None
            self._ratings[id_] = rated(self._ratings.get(id_, ""), by, score)
            return mean(self._ratings[id_])

    def _open(self) -> None:
        ledger = None if self._ledger is None else self._ledger()
        if ledger is not None and ledger._closed:  # noqa: SLF001 - rows go with their ledger
            raise StoreUnavailable("the memory ledger is closed")


_RECORDS: weakref.WeakKeyDictionary[MemoryLedger, MemoryRecords] = weakref.WeakKeyDictionary()


def records_of(ledger: MemoryLedger, most: int, retention_s: int) -> MemoryRecords:
    """The one store of rows of a memory ledger, gone with it; the bounds are those of the first asked for."""
    found = _RECORDS.get(ledger)
    if found is None:
        found = _RECORDS[ledger] = MemoryRecords(most, retention_s, ledger)
    return found
