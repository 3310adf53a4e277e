"""What was answered already, on disk, so that a run that was killed goes on where it was.

An SQLite file beside the output, open to one run at a time. Every answer is on the disk (fsynced) before the
next line is taken up. It holds answers, so it is readable to its owner alone; of requests it holds a hash.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from litellm_tiering.batch.answers import Answer

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS inputs (line INTEGER PRIMARY KEY, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  line INTEGER PRIMARY KEY, ok INTEGER NOT NULL, tier TEXT NOT NULL, batched INTEGER NOT NULL,
  cost_nano_usd INTEGER, kind TEXT NOT NULL, result TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
  part INTEGER PRIMARY KEY, model TEXT NOT NULL, tier TEXT NOT NULL, upstream TEXT NOT NULL,
  path TEXT NOT NULL, state TEXT NOT NULL, file TEXT NOT NULL, batch TEXT NOT NULL, output TEXT NOT NULL,
  errors TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (line INTEGER PRIMARY KEY, part INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS members_of ON members (part);
"""


class JournalError(TieringError):
    """The journal cannot be used; the message is for people."""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that go to a provider as one batch.

    Attributes:
        part: Its number.
        model: The proxy's model group.
        tier: The tier's name; empty for a group that is none.
        upstream: What the provider calls the model.
        path: The route that all of its lines ask for.
        state: planned, uploaded, creating, created, ended (with ``status``) or done.
        file: The uploaded file's id; empty until it is.
        batch: The batch's id.
        output: The id of the file of answers.
        errors: The id of the file of failures.
        status: How the provider says it ended.
    """

    part: int
    model: str
    tier: str
    upstream: str
    path: str
    state: str = "planned"
    file: str = ""
    batch: str = ""
    output: str = ""
    errors: str = ""
    status: str = ""


class Share(NamedTuple):
    """What one tier answered: lines, those of them in batches, those with a cost, and it in nano-dollars."""

    tier: str
    lines: int
    batched: int
    priced: int
    cost: int


class Journal:
    """The file. Its calls take a disk's time, and block.

    Raises:
        JournalError: from every call: it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        with _told(path):
            # Made by us first, so that it is never readable to others, not even for a moment.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        self._path = path
        with _told(path):
            try:
                self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                # Takes the lock now, rather than at the first answer.
                self._db.execute("BEGIN EXCLUSIVE")
                self._db.execute("COMMIT")
                self._db.executescript(_SCHEMA)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is on the disk, or none."""
        with _told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def claim(self, digests: Iterable[tuple[int, bytes]]) -> str:
        """Note what the lines of the input are, and learn the run's own name.

        A line that has no answer yet may change, and lines may be added.

        Raises:
            JournalError: a line that was answered, or is in a provider's batch, is not what it was.
        """
        settled = self.answered() | self.members().keys()
        last = 0
        with self._writing() as db:
            for number, digest in digests:
                last = number
                if number in settled:
                    (before,) = db.execute("SELECT digest FROM inputs WHERE line = ?", (number,)).fetchone()
                    if before != digest:
                        self._refuse(number)
                else:
                    db.execute("INSERT OR REPLACE INTO inputs VALUES (?, ?)", (number, digest))
            if gone := [n for n in settled if n > last]:
                self._refuse(min(gone))
            db.execute("INSERT OR IGNORE INTO meta VALUES ('run', ?)", (secrets.token_hex(8),))
            (run,) = db.execute("SELECT value FROM meta WHERE key = 'run'").fetchone()
        return str(run)

    def _refuse(self, number: int) -> NoReturn:
        raise JournalError(
            f"line {number} has been asked already, says {self._path}, and is not what it was, or asks for "
            "another model: give the lines as they were, or remove that file to begin anew"
        )

    # ------------------------------------------------------------------ answers

    def record(self, answers: Iterable[Answer]) -> None:
        """Keep what became of some lines; on the disk when this returns."""
        rows = [
            (a.line, a.ok, a.tier, bool(a.batch), a.cost, a.failure.kind if a.failure else "", a.to_line())
            for a in answers
        ]
        with self._writing() as db:
            db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def answered(self) -> set[int]:
        """The numbers of the lines that have an answer."""
        with _told(self._path):
            return {line for (line,) in self._db.execute("SELECT line FROM answers WHERE ok")}

    def recorded(self) -> set[int]:
        """The numbers of the lines of which it is known what became of them."""
        with _told(self._path):
            return {line for (line,) in self._db.execute("SELECT line FROM answers")}

    def forget_failures(self) -> None:
        """Take up again what failed: those lines have not been asked yet."""
        with self._writing() as db:
            db.execute("DELETE FROM answers WHERE NOT ok")
            # A batch that has ended has nothing more to say on its lines.
            db.execute(
                "DELETE FROM members WHERE part IN (SELECT part FROM parts WHERE state = 'done') "
                "AND line NOT IN (SELECT line FROM answers)"
            )

    def results(self) -> Iterator[str]:
        """The lines of the output, in the order of the input."""
        with _told(self._path):
            for (result,) in self._db.execute("SELECT result FROM answers ORDER BY line"):
                yield result

    def shares(self) -> list[Share]:
        """What each tier answered."""
        query = (
            "SELECT tier, COUNT(*), SUM(batched), COUNT(cost_nano_usd), "
            "COALESCE(SUM(cost_nano_usd), 0) "
            "FROM answers WHERE ok GROUP BY tier ORDER BY tier"
        )
        with _told(self._path):
            return [Share(*row) for row in self._db.execute(query)]

    def failures(self) -> list[tuple[str, int, int]]:
        """The kinds of failure, how many lines had each, and the number of the first."""
        query = "SELECT kind, COUNT(*), MIN(line) FROM answers WHERE NOT ok GROUP BY kind ORDER BY kind"
        with _told(self._path):
            return list(self._db.execute(query))

    # ------------------------------------------------------------------ parts

    def plan(self, part: Part, lines: Iterable[int]) -> None:
        """Put lines into a part of their own."""
        with self._writing() as db:
            db.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(part))
            db.executemany("INSERT OR REPLACE INTO members VALUES (?, ?)", ((n, part.part) for n in lines))

    def update(self, part: Part) -> None:
        """Keep where a part is."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(part))

    def drop(self, part: Part) -> None:
        """Forget a part that no provider has: its lines are free again."""
        with self._writing() as db:
            db.execute("DELETE FROM members WHERE part = ?", (part.part,))
            db.execute("DELETE FROM parts WHERE part = ?", (part.part,))

    def parts(self) -> list[Part]:
        """All parts."""
        with _told(self._path):
            return [Part(*row) for row in self._db.execute("SELECT * FROM parts ORDER BY part")]

    def members(self, part: int | None = None) -> dict[int, int]:
        """The lines in parts, and in which; of one part where it is named."""
        where, values = ("", ()) if part is None else (" WHERE part = ?", (part,))
        with _told(self._path):
            return dict(self._db.execute(f"SELECT line, part FROM members{where}", values))  # noqa: S608 - constant


def _row(part: Part) -> tuple[int | str, ...]:
    return (
        part.part, part.model, part.tier, part.upstream, part.path,
        part.state, part.file, part.batch, part.output, part.errors, part.status,
    )  # fmt: skip


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into a message that names the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise JournalError(f"{path} is in use: another run is at work on this output") from None
        raise JournalError(f"{path} cannot be written ({error})") from None
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path} is not a journal, or is damaged ({error})") from None
    except (OSError, ValueError) as error:
        raise JournalError(f"{path} cannot be opened ({getattr(error, 'strerror', None) or error})") from None
