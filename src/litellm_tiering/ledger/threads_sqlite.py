"""The ranks that conversations have reached, in the file of the SQLite ledger; for its thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

TABLES = (
    """CREATE TABLE IF NOT EXISTS threads (
        key TEXT PRIMARY KEY,
        rank INTEGER NOT NULL,
        expires_s INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS threads_by_expiry ON threads (expires_s)",
)
_LOOK = "SELECT rank FROM threads WHERE key = ? AND expires_s > ?"
_KEEP = "REPLACE INTO threads (key, rank, expires_s) VALUES (?, ?, ?)"
_FORGET = "DELETE FROM threads WHERE key IN (SELECT key FROM threads WHERE expires_s <= ? LIMIT ?)"


def rank(db: sqlite3.Connection, key: str, now: int) -> int:
    """The rank that is kept under ``key``; 0 for none."""
    row = db.execute(_LOOK, (key, now)).fetchone()
    return 0 if row is None else int(row[0])


def keep(db: sqlite3.Connection, key: str, to: int, ttl_s: int, now: int) -> int:
    """Raise what is kept under ``key``, from now on for ``ttl_s`` seconds; what it is then."""
    to = max(to, rank(db, key, now))
    if to:
        db.execute(_KEEP, (key, to, now + ttl_s))
    return to


def prune(db: sqlite3.Connection, now: int, most: int) -> None:
    """Forget up to so many that are over."""
    db.execute(_FORGET, (now, most))
