"""The tables of the SQLite ledger and the statements on them; synchronous, for one thread.

==========  ==================================================================================
counters    one row per counter: nano-dollars spent, and when it may be forgotten
holds       nano-dollars held per counter and bucket (see :mod:`litellm_tiering.ledger.holds`)
ended       attempts that were settled or released, so that none is counted twice
totals      rows of the days' totals, and hours their cost by hour and team
            (see :mod:`litellm_tiering.ledger.totals_sqlite`)
meta        when the file was last found to be in order
segments    how kinds of requests fare lately (see :mod:`litellm_tiering.ledger.segments_sqlite`)
threads     the ranks that conversations have reached
==========  ==================================================================================
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Balance, choose
from litellm_tiering.errors import StoreError
from litellm_tiering.ledger import threads_sqlite, totals_sqlite
from litellm_tiering.ledger.holds import ACTIVE_MAX, CLIENTS_OWN, ENDED_TTL_S, answer, asked_at, unique
from litellm_tiering.ports import Settled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from litellm_tiering.ports import Answer, Hold, Reservation, Tally

SCHEMA_VERSION = 1
BUSY_S = 0.5
"""How long to wait for the file's lock, in seconds, before the ledger counts as away."""

OPENING_BUSY_MS = 2_000
"""Creating the file is done once, by whichever process comes first; the others wait for it."""

PRUNE_EVERY = 256
PRUNE_MAX = 2 * PRUNE_EVERY
"""Every so many writes up to so many rows are forgotten: more than were added, and never a long lock."""

_SCHEMA = (
    """CREATE TABLE counters (
        key TEXT PRIMARY KEY,
        spent INTEGER NOT NULL CHECK (typeof(spent) = 'integer'),
        expires_s INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX counters_by_expiry ON counters (expires_s)",
    """CREATE TABLE holds (
        key TEXT NOT NULL,
        lapses_s INTEGER NOT NULL,
        amount INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
        PRIMARY KEY (key, lapses_s)
    ) WITHOUT ROWID""",
    "CREATE TABLE ended (attempt TEXT PRIMARY KEY, forget_s INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX ended_by_age ON ended (forget_s)",
)
# Files of 0.1.0 lack these, and releases that do not know them get along with them: no new version.
_ADDED = (
    """CREATE TABLE IF NOT EXISTS segments (
        key TEXT PRIMARY KEY,
        turn INTEGER NOT NULL,
        bypassed INTEGER NOT NULL,
        seen TEXT NOT NULL,
        expires_s INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS segments_by_expiry ON segments (expires_s)",
    *totals_sqlite.TABLES,
    *threads_sqlite.TABLES,
    *totals_sqlite.LATER,
)
_ADDED_NAMES = tuple(statement.split("(")[0].split()[5] for statement in _ADDED)
_HAS_ADDED = (
    f"SELECT count(*) = {len(_ADDED_NAMES)} FROM sqlite_master"  # noqa: S608 - constants
    f" WHERE name IN ({', '.join(map(repr, _ADDED_NAMES))})"
)

_BALANCE = """
    SELECT spent, (SELECT coalesce(sum(amount), 0) FROM holds WHERE holds.key = c.key AND lapses_s > ?2)
    FROM counters AS c WHERE key = ?1 AND expires_s > ?2"""
_ACTIVE = """
    SELECT key, spent, (SELECT coalesce(sum(amount), 0) FROM holds WHERE holds.key = c.key AND lapses_s > ?1)
    FROM (
        SELECT * FROM counters WHERE expires_s > ?1
        ORDER BY key GLOB ?3 OR key GLOB ?4, expires_s DESC LIMIT ?2
    ) AS c"""
_LIVE = "SELECT 1 FROM counters WHERE key = ? AND expires_s > ?"
_SPENT = "SELECT spent FROM counters WHERE key = ? AND expires_s > ?"
_SPEND = "UPDATE counters SET spent = spent + ? WHERE key = ? AND expires_s > ?"
# An emptied bucket is left to lapse; a hold the file has forgotten takes nothing below zero.
_LET_GO = "UPDATE holds SET amount = max(0, amount - ?) WHERE key = ? AND lapses_s = ?"
_FORGET = "DELETE FROM ended WHERE attempt IN (SELECT attempt FROM ended WHERE forget_s <= ? LIMIT ?)"
_ADD_HOLD = """
    INSERT INTO holds (key, lapses_s, amount) VALUES (?, ?, ?)
    ON CONFLICT (key, lapses_s) DO UPDATE SET amount = amount + excluded.amount"""


class Book:
    """An open ledger file.

    Raises:
        sqlite3.OperationalError: the file is locked, or cannot be opened or written.
        sqlite3.DatabaseError: the file is not a SQLite database, or damaged.
        StoreError: the file was written by a newer release.
    """

    def __init__(self, path: Path) -> None:
        # Transactions are begun by hand: every one takes the write lock at once or not at all.
        self.db = sqlite3.connect(path, timeout=OPENING_BUSY_MS / 1000, isolation_level=None)
        try:
            self._prepare(path)
        except BaseException:
            self.db.close()
            raise
        self._writes = 0

    def reserve(self, hold: Hold) -> Answer:
        """Admit the first option that every limit allows and hold its amount."""
        now = math.floor(hold.now_s)
        with self.writing(now):
            thread = hold.thread
            reads = thread is not None and thread.reads
            kept = threads_sqlite.rank(self.db, reads, now) if reads else 0
            asked = asked_at(hold, kept)
            balances = [self._balance(limit.key, now) for limit in asked.limits]
            choice = choose(asked.limits, asked.amounts, [b.used for b in balances], floor=asked.floor)
            found = answer(asked, choice, balances, kept)
            held = found.reservation
            if held is not None and asked.thread is not None:
                least = max(kept, asked.thread.rank)
                threads_sqlite.keep(self.db, asked.thread.writes, least, asked.thread.ttl_s, now)
            if held is None or held.amount == 0:
                return found
            for key, expires_s in zip(held.keys, held.expires_s, strict=True):
                if self._is_live(key, now) or self._create(key, expires_s, now):
                    self.db.execute("DELETE FROM holds WHERE key = ? AND lapses_s <= ?", (key, now))
                    self.db.execute(_ADD_HOLD, (key, held.lapses_s, held.amount))
            return found

    def keep(self, key: str, rank: int, ttl_s: int, now_s: float) -> int:
        """Raise the rank that is left for a conversation's next turns; which it is then."""
        now = math.floor(now_s)
        with self.writing(now):
            return threads_sqlite.keep(self.db, key, rank, ttl_s, now)

    def settle(
        self, reservation: Reservation, cost: int, now_s: float, tally: Tally | None = None
    ) -> Settled:
        """Count ``cost`` nano-dollars and let go of the hold, and add ``tally``, once per attempt."""
        now = math.floor(now_s)
        execute = self.db.execute
        with self.writing(now):
            mark = (reservation.attempt, now + ENDED_TTL_S)
            # A number of rows: 0 when it was there.
            counted = execute("INSERT OR IGNORE INTO ended (attempt, forget_s) VALUES (?, ?)", mark).rowcount
            if counted:
                self._count(reservation, cost, now)
                if tally is not None:
                    totals_sqlite.add(self.db, tally, now)
            return Settled(bool(counted), tuple(self._spent(key, now) for key in reservation.keys))

    def _count(self, reservation: Reservation, cost: int, now: int) -> None:
        execute = self.db.execute
        for key, expires_s in unique(reservation.keys, reservation.expires_s).items():
            is_counted = not cost or execute(_SPEND, (cost, key, now)).rowcount
            if not is_counted and self._create(key, expires_s, now):
                execute(_SPEND, (cost, key, now))
            if reservation.amount:
                execute(_LET_GO, (reservation.amount, key, reservation.lapses_s))

    def _spent(self, key: str, now: int) -> int:
        row = self.db.execute(_SPENT, (key, now)).fetchone()
        return 0 if row is None else int(row[0])

    def balances(self, keys: Sequence[str], now_s: float) -> tuple[Balance, ...]:
        """The state of counters, as of one instant."""
        now = math.floor(now_s)
        self.db.execute("BEGIN")
        try:
            return tuple(self._balance(key, now) for key in keys)
        finally:
            self.db.execute("ROLLBACK")

    def active(self, now_s: float) -> dict[str, Balance]:
        """Every live counter and its state: clients' own after the others, the last to be forgotten first."""
        own = (f"{head}*" for head in CLIENTS_OWN)
        rows = self.db.execute(_ACTIVE, (math.floor(now_s), ACTIVE_MAX, *own))
        return {key: Balance(spent, reserved) for key, spent, reserved in rows}

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def _prepare(self, path: Path) -> None:
        (mode,) = self.db.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            # Of two who do this at once one is refused without any waiting.
            self._insist("PRAGMA journal_mode = WAL", OPENING_BUSY_MS / 1000)
        self.db.execute("PRAGMA synchronous = NORMAL")
        if self._version() == 0:
            self.db.execute("BEGIN IMMEDIATE")
            with self._ended_by_commit():
                # Asked again under the lock: another process may have created the tables meanwhile.
                if self._version() == 0:
                    for statement in (*_SCHEMA, *_ADDED):
                        self.db.execute(statement)
                    self.db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        if self._version() > SCHEMA_VERSION:
            raise StoreError(
                f"the SQLite ledger {path} has schema version {self._version()}, and this release knows "
                f"{SCHEMA_VERSION}: upgrade litellm-tiering, or name another file"
            )
        if not self.db.execute(_HAS_ADDED).fetchone()[0]:
            # The lock first: a statement that asks for it halfway is refused at once.
            self.db.execute("BEGIN IMMEDIATE")
            with self._ended_by_commit():
                for statement in _ADDED:
                    self.db.execute(statement)
        # SQLite's own waiting grows to 25 ms a step, and a busy neighbour then wins every time; see _insist.
        self.db.execute("PRAGMA busy_timeout = 1")

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def _insist(self, statement: str, for_s: float) -> None:
        give_up = time.monotonic() + for_s
        while True:
            try:
                self.db.execute(statement)
            except sqlite3.OperationalError as exc:  # noqa: PERF203 - trying again is what the loop is for
                if "locked" not in str(exc) or time.monotonic() > give_up:
                    raise
            else:
                return

    @contextlib.contextmanager
    def writing(self, now: int) -> Iterator[None]:
        """A transaction that holds the write lock from its beginning; rolled back when it raises."""
        self._insist("BEGIN IMMEDIATE", BUSY_S)
        with self._ended_by_commit():
            yield
            self._writes += 1
            if self._writes % PRUNE_EVERY == 0:
                self._prune(now)

    @contextlib.contextmanager
    def _ended_by_commit(self) -> Iterator[None]:
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself, and then there is nothing to roll back.
            with contextlib.suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")
            raise

    def _balance(self, key: str, now: int) -> Balance:
        row = self.db.execute(_BALANCE, (key, now)).fetchone()
        return Balance() if row is None else Balance(*row)

    def _is_live(self, key: str, now: int) -> bool:
        return self.db.execute(_LIVE, (key, now)).fetchone() is not None

    def _create(self, key: str, expires_s: int, now: int) -> bool:
        """Create a counter that is not live; False when it may be forgotten already."""
        if expires_s <= now:
            return False
        # What is left of a forgotten counter of this name is not the new one's.
        self.db.execute("DELETE FROM holds WHERE key = ?", (key,))
        self.db.execute("REPLACE INTO counters (key, spent, expires_s) VALUES (?, 0, ?)", (key, expires_s))
        return True

    def _prune(self, now: int) -> None:
        old = (now, PRUNE_MAX)
        keys = self.db.execute("SELECT key FROM counters WHERE expires_s <= ? LIMIT ?", old).fetchall()
        self.db.executemany("DELETE FROM counters WHERE key = ?", keys)
        self.db.executemany("DELETE FROM holds WHERE key = ?", keys)
        self.db.execute(_FORGET, old)
        threads_sqlite.prune(self.db, now, PRUNE_MAX)
        totals_sqlite.prune(self.db, now, PRUNE_MAX)
