"""The totals of days in the SQLite ledger's file; synchronous, within a transaction of the caller's.

==========  ==================================================================================
totals      one row for each row of a day, and what it counts
hours       one row for each team and day: the baseline in nano-dollars of hours 0 to 23
spending    the same of the cost, for three days; everybody's row is there from the day's first figure on
meta        numbers by name
==========  ==================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.ledger.totals import (
    COUNTS,
    EVERYBODY,
    HOURS,
    OTHERS,
    SPENDING_S,
    TEAMS_MAX,
    TOTALS_MAX,
    counts_of,
    row_of,
    row_tally,
    team_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from litellm_tiering.ports import Tally

_HOURS = tuple(f"h{hour}" for hour in range(HOURS))

TABLES = (
    """CREATE TABLE IF NOT EXISTS totals (
        day TEXT NOT NULL, route TEXT NOT NULL, tier TEXT NOT NULL, model TEXT NOT NULL, team TEXT NOT NULL,
        reason TEXT NOT NULL, expires_s INTEGER NOT NULL, """
    + ", ".join(f"{count} INTEGER NOT NULL DEFAULT 0" for count in COUNTS)
    + ", PRIMARY KEY (day, route, tier, model, team, reason))",
    "CREATE INDEX IF NOT EXISTS totals_by_expiry ON totals (expires_s)",
    "CREATE TABLE IF NOT EXISTS hours (day TEXT NOT NULL, team TEXT NOT NULL, expires_s INTEGER NOT NULL, "
    + ", ".join(f"{hour} INTEGER NOT NULL DEFAULT 0" for hour in _HOURS)
    + ", PRIMARY KEY (day, team))",
    "CREATE INDEX IF NOT EXISTS hours_by_expiry ON hours (expires_s)",
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)
"""The statements that make the tables where there are none; ``meta`` last."""

LATER = (
    "CREATE TABLE IF NOT EXISTS spending (day TEXT NOT NULL, team TEXT NOT NULL, expires_s INTEGER NOT NULL, "
    + ", ".join(f"{hour} INTEGER NOT NULL DEFAULT 0" for hour in _HOURS)
    + ", PRIMARY KEY (day, team))",
    "CREATE INDEX IF NOT EXISTS spending_by_expiry ON spending (expires_s)",
)
"""The same of what was added after that; the index last."""

_ROW = "day = ? AND route = ? AND tier = ? AND model = ? AND team = ? AND reason = ?"
_ADD = "UPDATE totals SET " + ", ".join(f"{c} = {c} + ?" for c in COUNTS) + f" WHERE {_ROW}"  # noqa: S608 - constants
_NEW = "INSERT INTO totals (day, route, tier, model, team, reason, expires_s) VALUES (?, ?, ?, ?, ?, ?, ?)"
# That of the others is not counted, so that there is room for it when it is needed.
_ROWS = f"""SELECT count(*) FROM totals WHERE day = ? AND (route, tier, model, team, reason) != {OTHERS}"""  # noqa: S608 - constants
_KNOWN = "SELECT 1 FROM totals WHERE day = ? LIMIT 1"
_SPENDING = "SELECT expires_s FROM spending WHERE day = ? AND team = ?"
_READ = f"SELECT route, tier, model, team, reason, {', '.join(COUNTS)} FROM totals WHERE day = ?"  # noqa: S608 - constants
_READ_HOURS = f"SELECT team, {', '.join(_HOURS)} FROM "  # noqa: S608 - constants


def add(db: sqlite3.Connection, tally: Tally, now: int) -> None:
    """Add ``tally`` to its day, unless that may be forgotten already."""
    counts = counts_of(tally)
    if not any(counts):
        return
    row = row_of(tally)
    if not db.execute(_ADD, (*counts, tally.day, *row)).rowcount:
        if tally.expires_s <= now:
            return
        if db.execute(_KNOWN, (tally.day,)).fetchone() is None:
            _new_hours(db, "spending", tally.day, EVERYBODY, min(tally.expires_s, now + SPENDING_S))
        if row != OTHERS and _count(db, _ROWS, tally.day) >= TOTALS_MAX - 1:
            row = OTHERS
        if not db.execute(_ADD, (*counts, tally.day, *row)).rowcount:
            db.execute(_NEW, (tally.day, *row, tally.expires_s))
            db.execute(_ADD, (*counts, tally.day, *row))
    if tally.hour >= 0:
        _add_hours(db, tally)


def _add_hours(db: sqlite3.Connection, tally: Tally) -> None:
    if tally.baseline:
        _add_hour(db, "hours", tally, tally.baseline, tally.expires_s)
    if tally.cost:
        # A day that this release did not begin to count has no such row: half a day's is not worth having.
        kept = db.execute(_SPENDING, (tally.day, EVERYBODY)).fetchone()
        if kept is not None:
            _add_hour(db, "spending", tally, tally.cost, int(kept[0]))


def _add_hour(db: sqlite3.Connection, table: str, tally: Tally, amount: int, expires_s: int) -> None:
    hour = _HOURS[tally.hour]
    add = f"UPDATE {table} SET {hour} = {hour} + ? WHERE day = ? AND team = ?"  # noqa: S608 - two, and one of 24
    # Everybody's row is one of those counted, and comes first.
    for team in (EVERYBODY, team_of(tally)):
        if team and not db.execute(add, (amount, tally.day, team)).rowcount:
            if _count(db, f"SELECT count(*) FROM {table} WHERE day = ?", tally.day) > TEAMS_MAX:  # noqa: S608 - likewise
                return
            _new_hours(db, table, tally.day, team, expires_s)
            db.execute(add, (amount, tally.day, team))


def _new_hours(db: sqlite3.Connection, table: str, day: str, team: str, expires_s: int) -> None:
    new = f"INSERT OR IGNORE INTO {table} (day, team, expires_s) VALUES (?, ?, ?)"  # noqa: S608 - one of two
    db.execute(new, (day, team, expires_s))


def _count(db: sqlite3.Connection, statement: str, day: str) -> int:
    return int(db.execute(statement, (day,)).fetchone()[0])


def rows(db: sqlite3.Connection, days: Sequence[str]) -> tuple[Tally, ...]:
    """The rows of these days that are known."""
    names = len(OTHERS)
    return tuple(
        row_tally(day, found[:names], found[names:])
        for day in dict.fromkeys(days)
        for found in db.execute(_READ, (day,))
    )


def hours(
    db: sqlite3.Connection, days: Sequence[str], table: str = "hours"
) -> dict[str, dict[str, tuple[int, ...]]]:
    """The hours of these days that are known, or their ``spending``."""
    read = f"{_READ_HOURS}{table} WHERE day = ?"
    found = {
        day: {team: tuple(each) for team, *each in db.execute(read, (day,))} for day in dict.fromkeys(days)
    }
    # Everybody's is the first to be made, and may be the first to be forgotten.
    return {day: teams for day, teams in found.items() if any(teams.get(EVERYBODY, ()))}


def note(db: sqlite3.Connection, name: str, value: int) -> None:
    """Keep a number by its name."""
    db.execute("REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def prune(db: sqlite3.Connection, now: int, most: int) -> None:
    """Drop up to ``most`` rows of each table of days that are over."""
    for table in ("totals", "hours", "spending"):
        db.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE expires_s <= ? LIMIT ?)",  # noqa: S608 - one of three
            (now, most),
        )
