"""The totals of a single process, gone with it, and the reference for the other stores."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    from collections.abc import Mapping, Sequence

    from litellm_tiering.ledger.totals import Row
    from litellm_tiering.ports import Tally


@dataclass(slots=True)
class _Day:
    expires_s: int
    rows: dict[Row, list[int]] = field(default_factory=dict)
    hours: dict[str, list[int]] = field(default_factory=dict)


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
            day = self._days[tally.day] = _Day(tally.expires_s)
        row = row_of(tally)
        if row not in day.rows and len(day.rows) - (OTHERS in day.rows) >= TOTALS_MAX - 1:
            row = OTHERS
        kept = day.rows.setdefault(row, [0] * len(COUNTS))
        for i, count in enumerate(counts):
            kept[i] += count
        if not tally.baseline or tally.hour < 0:
            return
        for team in (EVERYBODY, team_of(tally)):
            # Everybody is always there when a team is.
            if team in day.hours or (team and len(day.hours) <= TEAMS_MAX):
                day.hours.setdefault(team, [0] * HOURS)[tally.hour] += tally.baseline

    def rows(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known."""
        known = {day: self._days[day] for day in days if day in self._days}
        return tuple(
            row_tally(day, row, counts) for day, kept in known.items() for row, counts in kept.rows.items()
        )

    def hours(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours of these days that are known."""
        known = {day: self._days[day].hours for day in days if day in self._days}
        return {
            day: {team: tuple(hours) for team, hours in teams.items()}
            for day, teams in known.items()
            if teams
        }

    def forget(self, now: int) -> None:
        """Drop the days that are over."""
        for day in [day for day, kept in self._days.items() if kept.expires_s <= now]:
            del self._days[day]

    def clear(self) -> None:
        """Drop them all."""
        self._days.clear()
