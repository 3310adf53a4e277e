"""Decisions kept in the store, for every worker to see: the port.

A row is what a record says once somebody has been told: the plain JSON of ``decisions/{id}``. No prompt and
no answer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.record import Record

MOST_ASKED = 500
"""How many rows one question may ask for."""

REFUSED = "refused"
"""What a refused request is found by, in the place of an attempt's verdict."""

MICRO = 1_000_000
"""Places count microseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One decision as it is kept.

    Attributes:
        id: The decision's id, as in ``x-tiering-decision``.
        at: When it was decided, in seconds since the epoch.
        team: The caller's team; empty for none.
        key: The caller's key hash.
        record: The plain JSON of :meth:`litellm_tiering.core.record.Record.explained`.
        holdout: Whether the caller belongs to the hold-out.
        arm: Which of two policies was followed in an experiment; empty without one.
        feedback: The mean of what callers said of the answer, 0 to 1; None where nobody did.
    """

    id: str
    at: float
    team: str
    key: str
    record: Mapping[str, Any]
    holdout: bool = False
    arm: str = ""
    feedback: float | None = None

    @classmethod
    def of(cls, record: Record, ladder: Ladder) -> Row:
        """The row of a record as it stands now."""
        told = record.explained(ladder)
        holdout = any(s.reason.value == "holdout" and s.enforced for s in record.decision.steps)
        return cls(record.id, record.at_s, record.team, record.key, told, holdout, told.get("arm", ""))

    @property
    def place(self) -> Place:
        """Where it stands among the others, the newest of which has the greatest place."""
        return int(self.at * MICRO), self.id

    @property
    def route(self) -> str:
        """The route's name."""
        return _text(self.record.get("route"))

    @property
    def tier(self) -> str:
        """The tier that answered, or that was asked last."""
        return _text(self.record.get("tier"))

    @property
    def reasons(self) -> tuple[str, ...]:
        """The labels of the steps, as in ``x-tiering-reason``."""
        return tuple(_text(reason) for reason in self.record.get("reasons") or ())

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What became of the attempts, each gate's name once; :data:`REFUSED` where there was to be none."""
        found = [_text(a.get("verdict")) for a in self.record.get("attempts") or ()]
        if self.record.get("refused"):
            found.append(REFUSED)
        return tuple(dict.fromkeys(found))

    def as_json(self) -> dict[str, Any]:
        """The row as routes and commands show it; whose key it was is not for everybody, and left out."""
        more = {"team": self.team, "holdout": self.holdout, "arm": self.arm, "feedback": self.feedback}
        return {**self.record, **more}


Place = tuple[int, str]
"""When, in microseconds since the epoch, and the id: the order in which rows are kept and shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows are asked for; what is None does not matter.

    Attributes:
        limit: How many at most, 1 to 500.
        before: Only rows older than the one at this place, which need not be there any more.
        team: Of this team.
        key: Of the key with this hash.
        route: Of the route with this name.
        tier: Answered by this tier.
        reason: With a reason that begins so, such as ``budget:``.
        verdict: With an attempt of this verdict, such as a gate's name; or :data:`REFUSED`.
        since_s: Decided then or later, in seconds since the epoch.
        until_s: Decided before that, in seconds since the epoch.
    """

    limit: int = 50
    before: Place | None = None
    team: str | None = None
    key: str | None = None
    route: str | None = None
    tier: str | None = None
    reason: str | None = None
    verdict: str | None = None
    since_s: float | None = None
    until_s: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ASKED:
            raise ValueError(f"a question asks for 1 to {MOST_ASKED} decisions, not {self.limit}")

    def fits(self, row: Row) -> bool:
        """Whether a row is one of those asked for, their number apart; stores must agree."""
        return (
            (self.before is None or row.place < self.before)
            and (self.since_s is None or row.place[0] >= int(self.since_s * MICRO))
            and (self.until_s is None or row.place[0] < int(self.until_s * MICRO))
            and self.team in {None, row.team}
            and self.key in {None, row.key}
            and self.route in {None, row.route}
            and self.tier in {None, row.tier}
            and (self.reason is None or any(r.startswith(self.reason) for r in row.reasons))
            and (self.verdict is None or self.verdict in row.verdicts)
        )


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look found.

    Attributes:
        rows: The rows that fit, newest first.
        reached: The place of the last row that was looked at, for the next look to begin behind; None where
            there are no older ones.
    """

    rows: tuple[Row, ...]
    reached: Place | None


class RecordStore(Protocol):
    """Keeps rows, bounded by number and by age. Raises StoreUnavailable when the store is away.

    ``append``, ``get`` and ``rate`` are one round trip each; the others take one for every few hundred rows
    that are looked at. No request waits for any of them.
    """

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep rows, each in place of an earlier state of it; of one too many the oldest goes.

        The newest of them tells the time by which others have become too old.
        """
        ...

    async def look(self, asked: Asked) -> Looked:
        """The rows asked for, newest first, among so many of the latest as can be looked at quickly.

        However seldom something is, an answer takes a few dozen milliseconds: what is further back is found
        by asking again from where this look ended.
        """
        ...

    async def recent(self, asked: Asked) -> tuple[Row, ...]:
        """The rows asked for, newest first, however far back they are."""
        ...

    async def get(self, id_: str) -> Row | None:
        """The row of a decision's id; None where there is none (any more)."""
        ...

    def scan(self, since_s: float, until_s: float) -> AsyncIterator[Row]:
        """Every row decided from ``since_s`` up to but not including ``until_s``, newest first."""
        ...

    async def rate(self, id_: str, by: str, score: float) -> float | None:
        """Note what ``by`` says of a decision's answer, in place of what it said before.

        Args:
            id_: The decision's.
            by: Who says so, as hexadecimal digits; of more than 20 callers the earliest is forgotten.
            score: From 0 to 1.

        Returns:
            The mean of what all callers say; None where there is no such row.
        """
        ...


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def newest(most: int, *sources: Sequence[Row]) -> tuple[Row, ...]:
    """The newest ``most`` rows of several sources, each once: the first source that has a row is right."""
    found: dict[str, Row] = {}
    for row in itertools.chain(*sources):
        found.setdefault(row.id, row)
    return tuple(sorted(found.values(), key=lambda row: row.place, reverse=True)[:most])
