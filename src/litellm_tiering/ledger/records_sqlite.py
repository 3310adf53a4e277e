"""The decisions in the file of the SQLite ledger, for the processes of one host.

One table, and one index that holds all that questions look at: a question about 100,000 rows reads that
alone. How many rows there are is kept beside them, for counting takes longer than adding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.ledger import totals_sqlite
from litellm_tiering.ledger.records_form import facets, mean, needles, pack, rated, span, unpack
from litellm_tiering.ledger.records_pages import scanned, wholly
from litellm_tiering.records import MICRO, Looked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from litellm_tiering.ledger.book import Book
    from litellm_tiering.ledger.sqlite import SqliteLedger
    from litellm_tiering.records import Asked, Place, Row

LOOK = 20_000
"""How many rows one look takes in at most: some 5 ms, in which nothing else of this process is counted."""

TRIM_MAX = 2_000
"""How many rows too many, or too old, one batch takes away at most: the file is never locked for long."""

# Made by whoever first writes a row; until then a reader finds nothing, and writes nothing.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS decisions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        at_us INTEGER NOT NULL,
        facets TEXT NOT NULL,
        ratings TEXT NOT NULL DEFAULT '',
        packed BLOB NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS decisions_by_age ON decisions (at_us, id, facets)",
)
_HAS_TABLES = "SELECT 1 FROM sqlite_master WHERE name = 'decisions_by_age'"
_COUNT = "decisions"

_NEWER = "UPDATE decisions SET at_us = ?, facets = ?, packed = ? WHERE id = ?"
_NEW = "INSERT INTO decisions (at_us, facets, packed, id) VALUES (?, ?, ?, ?)"
_KEPT = "SELECT value FROM meta WHERE name = ?"
_TOO_MANY = "DELETE FROM decisions WHERE number IN (SELECT number FROM decisions ORDER BY at_us, id LIMIT ?)"
_TOO_OLD = """
    DELETE FROM decisions WHERE number IN (
        SELECT number FROM decisions WHERE at_us < ? ORDER BY at_us LIMIT ?)"""
_LAST = """
    SELECT at_us, id FROM decisions WHERE at_us >= ? AND (at_us, id) < (?, ?)
    ORDER BY at_us DESC, id DESC LIMIT 1 OFFSET ?"""
_GET = "SELECT packed, ratings FROM decisions WHERE id = ?"
_RATINGS = "SELECT ratings FROM decisions WHERE id = ?"
_RATE = "UPDATE decisions SET ratings = ? WHERE id = ?"


class SqliteRecords:
    """Rows beside the counters: the same file, the same thread, the same short locks.

    Args:
        ledger: Whose file it is; closing it ends this too.
        most: How many are kept.
        retention_s: For how long at most, in seconds.
    """

    def __init__(self, ledger: SqliteLedger, most: int, retention_s: int) -> None:
        self._ledger = ledger
        self._most = most
        self._retention = retention_s * MICRO

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep rows, each in place of an earlier state of it; of one too many the oldest goes."""
        if not rows:
            return
        newest = max(row.place[0] for row in rows)

        def job(book: Book) -> None:
            kept = [(row.place[0], facets(row), pack(row), row.id) for row in rows]
            with book.writing(newest // MICRO):
                _make_tables(book)
                added = 0
                for row in kept:
                    if not book.db.execute(_NEWER, row).rowcount:
                        added += book.db.execute(_NEW, row).rowcount
                self._trim(book, added, newest - self._retention)

        await self._ledger.run(job)

    def _trim(self, book: Book, added: int, oldest: int) -> None:
        found = book.db.execute(_KEPT, (_COUNT,)).fetchone()
        count = added + (0 if found is None else int(found[0]))
        count -= book.db.execute(_TOO_OLD, (oldest, TRIM_MAX)).rowcount
        if count > self._most:
            count -= book.db.execute(_TOO_MANY, (min(TRIM_MAX, count - self._most),)).rowcount
        totals_sqlite.note(book.db, _COUNT, count)

    async def look(self, asked: Asked) -> Looked:
        """The rows asked for, newest first, among the latest 20,000 before ``asked.before``."""
        (since, until), wanted = span(asked), needles(asked)
        before = min((until, ""), asked.before or (until, ""))
        pieces = "".join(" AND instr(facets, ?)" for _ in wanted)
        # The innermost is read only as far as that takes, and in its order.
        found = (
            "SELECT at_us, id, packed, ratings FROM decisions WHERE number IN (SELECT number FROM ("  # noqa: S608 - constants
            "SELECT number, facets FROM decisions WHERE at_us >= ? AND (at_us, id) < (?, ?) "
            f"ORDER BY at_us DESC, id DESC LIMIT ?) WHERE TRUE{pieces} LIMIT ?) "
            "ORDER BY at_us DESC, id DESC"
        )

        def job(book: Book) -> Looked:
            if not _has_tables(book):
                return Looked((), None)
            rows = book.db.execute(found, (since, *before, LOOK, *wanted, asked.limit)).fetchall()
            reached: Place | None
            if len(rows) == asked.limit:
                reached = rows[-1][:2]
            else:
                reached = book.db.execute(_LAST, (since, *before, LOOK - 1)).fetchone()
            unpacked = (_row(packed, ratings) for _, _, packed, ratings in rows)
            return Looked(tuple(row for row in unpacked if row is not None and asked.fits(row)), reached)

        return await self._ledger.run(job)

    async def recent(self, asked: Asked) -> tuple[Row, ...]:
        """The rows asked for, newest first, however far back they are."""
        return await wholly(self, asked)

    async def get(self, id_: str) -> Row | None:
        """The row of a decision's id; None where there is none (any more)."""

        def job(book: Book) -> Row | None:
            found = book.db.execute(_GET, (id_,)).fetchone() if _has_tables(book) else None
            return None if found is None else _row(*found)

        return await self._ledger.run(job)

    def scan(self, since_s: float, until_s: float) -> AsyncIterator[Row]:
        """Every row decided from ``since_s`` up to but not including ``until_s``, newest first."""
        return scanned(self, since_s, until_s)

    async def rate(self, id_: str, by: str, score: float) -> float | None:
        """Note what ``by`` says of a decision's answer; the mean of all callers', None without such a row."""

        def job(book: Book) -> float | None:
            if not _has_tables(book):
                return None
            with book.writing(0):
                found = book.db.execute(_RATINGS, (id_,)).fetchone()
                if found is None:
                    return None
                ratings = rated(str(found[0]), by, score)
                book.db.execute(_RATE, (ratings, id_))
                return mean(ratings)

        return await self._ledger.run(job)


def _row(packed: Any, ratings: Any) -> Row | None:  # noqa: ANN401 - a column of SQLite's takes whatever it is given
    return unpack(packed, ratings if isinstance(ratings, str) else "") if isinstance(packed, bytes) else None


def _has_tables(book: Book) -> bool:
    return book.db.execute(_HAS_TABLES).fetchone() is not None


def _make_tables(book: Book) -> None:
    if not _has_tables(book):
        for statement in _TABLES:
            book.db.execute(statement)
