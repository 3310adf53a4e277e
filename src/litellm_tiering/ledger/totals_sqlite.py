"""The totals of days in the SQLite ledger's file; synchronous, within a transaction of the caller's.

==========  ==================================================================================
totals      one row for each row of a day, and what it counts
hours       one row for each team and day: the baseline in nano-dollars of hours 0 to 23
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

_ROW = "day = ? AND route = ? AND tier = ? AND model = ? AND team = ? AND reason = ?"
_ADD = "UPDATE totals SET " + ", ".join(f"{c} = {c} + ?" for c in COUNTS) + f" WHERE {_ROW}"  # noqa: S608 - constants
_NEW = "INSERT INTO totals (day, route, tier, model, team, reason, expires_s) VALUES (?, ?, ?, ?, ?, ?, ?)"
# That of the others is not counted, so that there is room for it when it is needed.
_ROWS = f"""SELECT count(*) FROM totals WHERE day = ? AND (route, tier, model, team, reason) != {OTHERS}"""  # noqa: S608 - constants
_TEAMS = "SELECT count(*) FROM hours WHERE day = ?"
_READ = f"SELECT route, tier, model, team, reason, {', '.join(COUNTS)} FROM totals WHERE day = ?"  # noqa: S608 - constants
_READ_HOURS = f"SELECT team, {', '.join(_HOURS)} FROM hours WHERE day = ?"  # noqa: S608 - constants


def add(db: sqlite3.Connection, tally: Tally, now: int) -> None:
    """Add ``tally`` to its day, unless that may be forgotten already."""
    counts = counts_of(tally)
    if not any(counts):
        return
    row = row_of(tally)
    if not db.execute(_ADD, (*counts, tally.day, *row)).rowcount:
        if tally.expires_s <= now:
            return
        if row != OTHERS and _count(db, _ROWS, tally.day) >= TOTALS_MAX - 1:
            row = OTHERS
        if not db.execute(_ADD, (*counts, tally.day, *row)).rowcount:
            db.execute(_NEW, (tally.day, *row, tally.expires_s))
            db.execute(_ADD, (*counts, tally.day, *row))
    if tally.baseline and tally.hour >= 0:
        for team in (EVERYBODY, team_of(tally)):
            _add_hour(db, tally, team)


def _add_hour(db: sqlite3.Connection, tally: Tally, team: str) -> None:
    hour = _HOURS[tally.hour]
    add = f"UPDATE hours SET {hour} = {hour} + ? WHERE day = ? AND team = ?"  # noqa: S608 - one of 24
    # Everybody's row is one of those counted, and comes first.
    if team and not db.execute(add, (tally.baseline, tally.day, team)).rowcount:
        if _count(db, _TEAMS, tally.day) > TEAMS_MAX:
            return
        db.execute(
            "INSERT INTO hours (day, team, expires_s) VALUES (?, ?, ?)", (tally.day, team, tally.expires_s)
        )
        db.execute(add, (tally.baseline, tally.day, team))


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


def hours(db: sqlite3.Connection, days: Sequence[str]) -> dict[str, dict[str, tuple[int, ...]]]:
    """The hours of these days that are known."""
    found = {
        day: {team: tuple(each) for team, *each in db.execute(_READ_HOURS, (day,))}
        for day in dict.fromkeys(days)
    }
    return {day: teams for day, teams in found.items() if teams}


def note(db: sqlite3.Connection, name: str, value: int) -> None:
    """Keep a number by its name."""
    db.execute("REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def prune(db: sqlite3.Connection, now: int, most: int) -> None:
    """Drop up to ``most`` rows of either table of days that are over."""
    for table in ("totals", "hours"):
        db.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE expires_s <= ? LIMIT ?)",  # noqa: S608 - one of two
            (now, most),
        )
