"""The totals of a single process, gone with it, and the reference for the other stores."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    from collections.abc import Mapping, Sequence

    from litellm_tiering.ledger.totals import Row
    from litellm_tiering.ports import Tally


@dataclass(slots=True)
class _Day:
    expires_s: int
    begun_s: int
    rows: dict[Row, list[int]] = field(default_factory=dict)
    hours: dict[str, list[int]] = field(default_factory=dict)
    spending: dict[str, list[int]] = field(default_factory=dict)

    def add(self, table: dict[str, list[int]], tally: Tally, amount: int) -> None:
        """Add to an hour of everybody's and of the team's."""
        for team in (EVERYBODY, team_of(tally)) if amount and tally.hour >= 0 else ():
            # Everybody is always there when a team is.
            if team in table or (team and len(table) <= TEAMS_MAX):
                table.setdefault(team, [0] * HOURS)[tally.hour] += amount

    def keeps_spending(self, now: int) -> bool:
        """Whether it is recent enough."""
        return now < self.begun_s + SPENDING_S


class MemoryTotals:
    """Days in a dict; its owner's lock is held around every call."""

    def __init__(self) -> None:
        self._days: dict[str, _Day] = {}

    def add(self, tally: Tally, now: int) -> None:
        """Add ``tally`` to its day, unless that may be forgotten already."""
        counts = counts_of(tally)
        if not any(counts):
            return
        day = self._days.get(tally.day)
        if day is None:
            if tally.expires_s <= now:
                return
            day = self._days[tally.day] = _Day(tally.expires_s, now)
        row = row_of(tally)
        if row not in day.rows and len(day.rows) - (OTHERS in day.rows) >= TOTALS_MAX - 1:
            row = OTHERS
        kept = day.rows.setdefault(row, [0] * len(COUNTS))
        for i, count in enumerate(counts):
            kept[i] += count
        day.add(day.hours, tally, tally.baseline)
        if day.keeps_spending(now):
            day.add(day.spending, tally, tally.cost)

    def rows(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known."""
        known = {day: self._days[day] for day in days if day in self._days}
        return tuple(
            row_tally(day, row, counts) for day, kept in known.items() for row, counts in kept.rows.items()
        )

    def hours(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours of these days that are known."""
        return _told({day: self._days[day].hours for day in days if day in self._days})

    def spending(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours' cost of these days, as far as it is kept."""
        return _told({day: self._days[day].spending for day in days if day in self._days})

    def forget(self, now: int) -> None:
        """Drop the days that are over."""
        for day in [day for day, kept in self._days.items() if kept.expires_s <= now]:
            del self._days[day]
        for kept in self._days.values():
            if kept.spending and not kept.keeps_spending(now):
                kept.spending.clear()

    def clear(self) -> None:
        """Drop them all."""
        self._days.clear()


def _told(found: Mapping[str, dict[str, list[int]]]) -> dict[str, dict[str, tuple[int, ...]]]:
    return {
        day: {team: tuple(hours) for team, hours in teams.items()} for day, teams in found.items() if teams
    }
