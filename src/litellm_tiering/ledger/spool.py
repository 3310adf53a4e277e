"""What is owed to a store that is away, on this machine's disk: it survives the process, however it ends.

A SQLite file that the workers of one machine share.

======  =============================================================================================
owed    settlements that the store has not confirmed, each once; paid from here when it is back
known   what is known of the store's counters, by its identity, for the day on which it comes back empty
stores  which identity it had when last heard of
======  =============================================================================================

Several stores may share a file: each row names its own, by a digest of the URL.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from litellm_tiering.errors import StoreError
from litellm_tiering.ledger.holds import CLIENTS_OWN
from litellm_tiering.ports import Known, Owed, Reservation, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

_log = logging.getLogger("litellm_tiering")

BUSY_S = 5.0
"""How long to wait for another worker; no request waits for it."""

CLAIM_S = 15.0
"""For how long what one worker has taken to pay is not taken by another."""

UNREAD_MAX = 20
"""Of so many rows that cannot be read each is told of once, and of the rest nothing is."""

KNOWN_MAX = 20_000
"""Of so many counters at most is anything remembered; those that may be forgotten last win, and before them
those whose ids clients do not choose."""

UNTRIMMED_MAX, TRIM_EVERY_S = 2_000, 60.0
"""After so many rows, or seconds, what is remembered of counters is brought below that again."""

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS owed (
        store TEXT NOT NULL, attempt TEXT NOT NULL, reservation TEXT NOT NULL, cost INTEGER NOT NULL,
        tally TEXT, claimed_s REAL NOT NULL DEFAULT 0, PRIMARY KEY (store, attempt)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS known (
        store TEXT NOT NULL, identity TEXT NOT NULL, key TEXT NOT NULL, spent INTEGER NOT NULL,
        expires_s INTEGER NOT NULL, PRIMARY KEY (store, identity, key)
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS stores (store TEXT PRIMARY KEY, identity TEXT NOT NULL) WITHOUT ROWID",
)
_ADD = "INSERT OR IGNORE INTO owed (store, attempt, reservation, cost, tally) VALUES (?, ?, ?, ?, ?)"
_UNCLAIM = "UPDATE owed SET claimed_s = 0 WHERE store = ? AND claimed_s > ?"
_TAKE = "SELECT attempt, reservation, cost, tally FROM owed WHERE store = ? AND claimed_s < ? LIMIT ?"
_LEARN = """
    INSERT INTO known (store, identity, key, spent, expires_s) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (store, identity, key) DO UPDATE SET spent = max(spent, excluded.spent)"""
_TRIM = """
    DELETE FROM known WHERE store = ?1 AND (expires_s <= ?2 OR (identity, key) IN (
        SELECT identity, key FROM known WHERE store = ?1
        ORDER BY key GLOB ?4 OR key GLOB ?5, expires_s DESC LIMIT -1 OFFSET ?3))"""
_MET = """
    INSERT INTO stores (store, identity) VALUES (?, ?)
    ON CONFLICT (store) DO UPDATE SET identity = excluded.identity WHERE identity != excluded.identity"""
_RECALL = "SELECT key, spent, expires_s FROM known WHERE store = ? AND identity = ? AND expires_s > ?"


class DiskSpool:
    """Keeps what is owed to one store, on one thread of its own. Opened when it is first needed.

    Every method raises StoreError when the disk does not do its part.

    Args:
        path: The file; created, for this user only, when it is not there.
        url: The store's URL, which is not kept.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self._store = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._unread: set[str] = set()
        self._untrimmed, self._trimmed_s = 0, float("-inf")
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tiering-spool")

    @property
    def exists(self) -> bool:
        """Whether there is a file, and so perhaps something in it."""
        return self.path.exists()

    async def add(self, owed: Sequence[Owed]) -> None:
        """Keep settlements; one that is kept already stays as it is."""
        rows = [
            (self._store, o.reservation.attempt, _packed(o.reservation), o.cost, o.tally and _packed(o.tally))
            for o in owed
        ]

        def job(db: sqlite3.Connection) -> None:
            db.executemany(_ADD, rows)

        await self._run(job)

    async def take(self, most: int, now_s: float) -> list[Owed]:
        """Some of what is owed, for this worker to pay; others leave it alone for a while."""

        def job(db: sqlite3.Connection) -> list[Owed]:
            # A clock that was set back must not hide what was claimed in its future.
            db.execute(_UNCLAIM, (self._store, now_s))
            rows = db.execute(_TAKE, (self._store, now_s - CLAIM_S, most)).fetchall()
            claims = [(now_s, self._store, row[0]) for row in rows]
            db.executemany("UPDATE owed SET claimed_s = ? WHERE store = ? AND attempt = ?", claims)
            return [owed for row in rows if (owed := self._read(*row)) is not None]

        return await self._run(job)

    async def paid(self, attempts: Sequence[str]) -> None:
        """Forget what the store has confirmed."""
        gone = [(self._store, attempt) for attempt in attempts]
        await self._run(lambda db: db.executemany("DELETE FROM owed WHERE store = ? AND attempt = ?", gone))

    async def put_back(self, attempts: Sequence[str]) -> None:
        """Let any worker pay what this one took and could not."""
        back = [(self._store, attempt) for attempt in attempts]
        await self._run(
            lambda db: db.executemany("UPDATE owed SET claimed_s = 0 WHERE store = ? AND attempt = ?", back)
        )

    async def count(self) -> int:
        """How many settlements wait."""
        count = "SELECT count(*) FROM owed WHERE store = ?"
        return int(await self._run(lambda db: db.execute(count, (self._store,)).fetchone()[0]))

    async def learn(self, identity: str, known: Mapping[str, Known], now_s: float) -> None:
        """Remember which store this is and what is known of its counters, the largest that was ever known."""

        def job(db: sqlite3.Connection) -> None:
            db.execute(_MET, (self._store, identity))
            rows = [(self._store, identity, key, k.spent, k.expires_s) for key, k in known.items()]
            db.executemany(_LEARN, rows)
            self._untrimmed += len(rows)
            # It looks at every row, which is too much for every settlement.
            if self._untrimmed >= UNTRIMMED_MAX or not 0 <= now_s - self._trimmed_s < TRIM_EVERY_S:
                own = (f"{head}*" for head in CLIENTS_OWN)
                db.execute(_TRIM, (self._store, int(now_s), KNOWN_MAX, *own))
                self._untrimmed, self._trimmed_s = 0, now_s

        await self._run(job)

    async def recall(self, now_s: float, identity: str = "") -> tuple[str, dict[str, Known]]:
        """Which store it was, empty when never heard of, and what is known of its counters.

        Of the store with this ``identity``, or of the one that was heard of last.
        """

        def job(db: sqlite3.Connection) -> tuple[str, dict[str, Known]]:
            row = db.execute("SELECT identity FROM stores WHERE store = ?", (self._store,)).fetchone()
            which = identity or (row[0] if row else "")
            rows = db.execute(_RECALL, (self._store, which, int(now_s)))
            return which, {key: Known(spent, end) for key, spent, end in rows}

        return await self._run(job)

    async def close(self) -> None:
        """Close the file once the calls under way are done; the spool is not used afterwards."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._worker, self._shut)
        self._worker.shutdown(wait=False)

    async def _run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreError("the spool is closed")
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._work, job)

    def _work(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._db is None:
                self._db = self._opened()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                found = job(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"the spool {self.path} is not usable: {exc}") from exc
        return found

    def _opened(self) -> sqlite3.Connection:
        # It holds ids of keys and users: nobody else's to read.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            for statement in _SCHEMA:
                db.execute(statement)
        except BaseException:
            db.close()
            raise
        return db

    def _read(self, attempt: str, reservation: str, cost: int, tally: str | None) -> Owed | None:
        """What a row says; None where it is damaged, or of a newer release: then it stays, for a person."""
        owed = _owed(reservation, cost, tally)
        # Told once, and of so many at most: every worker comes by such a row several times a minute.
        if owed is None and attempt not in self._unread and len(self._unread) < UNREAD_MAX:
            self._unread.add(attempt)
            _log.error(
                "the spool %s holds a row that cannot be read: attempt %.40r. It is damaged, or of a newer "
                "release, which counts it when you go back to that",
                self.path,
                attempt,
            )
        return owed

    def _shut(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _packed(value: Reservation | Tally) -> str:
    return json.dumps(asdict(value), separators=(",", ":"))


def _owed(reservation: str, cost: int, tally: str | None) -> Owed | None:
    try:
        held: dict[str, Any] = json.loads(reservation)
        held.update(keys=tuple(held["keys"]), expires_s=tuple(held["expires_s"]))
        return Owed(Reservation(**held), cost, Tally(**json.loads(tally)) if tally else None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
