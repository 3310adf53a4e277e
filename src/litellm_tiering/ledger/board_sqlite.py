"""The board in the file of the SQLite ledger, for the processes of one host."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_tiering.ledger.board import (
    CLAIMS_MAX,
    HISTORY_MAX,
    NOTICES_MAX,
    check_key,
    check_text,
    check_ttl,
    full,
)
from litellm_tiering.ports import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from litellm_tiering.ledger.book import Book
    from litellm_tiering.ledger.sqlite import SqliteLedger

    T = TypeVar("T")

# Made by whoever first puts something up; until then a reader finds nothing, and writes nothing.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS board_notices (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        posted_s REAL NOT NULL,
        expires_s INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS board_claims (key TEXT PRIMARY KEY, lapses_s INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS board_history (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        entry TEXT NOT NULL
    )""",
)
_HAS_TABLES = "SELECT 1 FROM sqlite_master WHERE name = 'board_history'"

# A column of SQLite's takes whatever it is given, by whomever.
_LIVE = """
    SELECT key, value, posted_s, expires_s FROM board_notices
    WHERE expires_s > ? AND typeof(key) = 'text' AND typeof(value) = 'text' AND typeof(posted_s) = 'real'
        AND typeof(expires_s) = 'integer' LIMIT ?"""
_OLD = "DELETE FROM board_notices WHERE expires_s <= ? OR key = ?"
_POST = "INSERT INTO board_notices (key, value, posted_s, expires_s) VALUES (?, ?, ?, ?)"
_TAKE_DOWN = "DELETE FROM board_notices WHERE key = ? AND expires_s > ?"
_CLAIMED = "SELECT 1 FROM board_claims WHERE key = ? AND lapses_s > ?"
_CLAIM = "INSERT INTO board_claims (key, lapses_s) VALUES (?, ?)"
_MAKE_ROOM = """
    DELETE FROM board_claims WHERE key IN (
        SELECT key FROM board_claims ORDER BY lapses_s
        LIMIT max(0, (SELECT count(*) FROM board_claims) + 1 - ?))"""
_NOTE = "INSERT INTO board_history (entry) VALUES (?)"
_FORGET = "DELETE FROM board_history WHERE number <= (SELECT max(number) FROM board_history) - ?"
_HISTORY = "SELECT entry FROM board_history ORDER BY number DESC LIMIT ?"


class SqliteBoard:
    """A board beside the counters: the same file, the same thread, the same short locks.

    Raises what the ledger raises: StoreUnavailable when the file is locked or cannot be written, StoreError
    when it is no ledger.

    Args:
        ledger: Whose file it is; closing it ends this too.
    """

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    async def post(self, key: str, value: str, expires_s: int, now_s: float, *, entry: str = "") -> None:
        """Put up a notice, in place of another of this key, and add ``entry`` (JSON) to the history."""
        check_key(key)
        check_text(value)
        check_text(entry)
        now = math.floor(now_s)

        def job(book: Book) -> None:
            book.db.execute(_OLD, (now, key))
            if expires_s > now:
                (count,) = book.db.execute("SELECT count(*) FROM board_notices").fetchone()
                if count >= NOTICES_MAX:
                    raise full()
                book.db.execute(_POST, (key, value, now_s, expires_s))
            _note(book, entry)

        await self._write(now, job)

    async def take_down(self, key: str, now_s: float, *, entry: str = "") -> bool:
        """Take a notice down; False, and no entry, when there is none."""
        check_key(key)
        check_text(entry)
        now = math.floor(now_s)

        def job(book: Book) -> bool:
            if not book.db.execute(_TAKE_DOWN, (key, now)).rowcount:
                return False
            _note(book, entry)
            return True

        return await self._write(now, job)

    async def notices(self, now_s: float) -> Mapping[str, Notice]:
        """Every notice that has not expired."""
        live = (math.floor(now_s), NOTICES_MAX)

        def job(book: Book) -> dict[str, Notice]:
            if not _has_tables(book):
                return {}
            return {
                key: Notice(value, posted_s, expires_s)
                for key, value, posted_s, expires_s in book.db.execute(_LIVE, live)
            }

        return await self._ledger.run(job)

    async def claim(self, key: str, ttl_s: int, now_s: float) -> bool:
        """Whether this is the first claim of ``key`` within ``ttl_s`` seconds, over all workers."""
        check_key(key)
        check_ttl(ttl_s)
        now = math.floor(now_s)

        def job(book: Book) -> bool:
            if book.db.execute(_CLAIMED, (key, now)).fetchone() is not None:
                return False
            book.db.execute("DELETE FROM board_claims WHERE lapses_s <= ?", (now,))
            book.db.execute(_MAKE_ROOM, (CLAIMS_MAX,))
            book.db.execute(_CLAIM, (key, now + ttl_s))
            return True

        return await self._write(now, job)

    async def history(self, most: int) -> tuple[str, ...]:
        """The latest entries, newest first."""
        latest = (max(0, most),)

        def job(book: Book) -> tuple[str, ...]:
            if not _has_tables(book):
                return ()
            return tuple(entry for (entry,) in book.db.execute(_HISTORY, latest))

        return await self._ledger.run(job)

    async def _write(self, now: int, change: Callable[[Book], T]) -> T:
        def job(book: Book) -> T:
            with book.writing(now):
                if not _has_tables(book):
                    for statement in _TABLES:
                        book.db.execute(statement)
                return change(book)

        return await self._ledger.run(job)


def _has_tables(book: Book) -> bool:
    return book.db.execute(_HAS_TABLES).fetchone() is not None


def _note(book: Book, entry: str) -> None:
    if entry:
        book.db.execute(_NOTE, (entry,))
        book.db.execute(_FORGET, (HISTORY_MAX,))
