"""The totals of days in Redis: how a tally is written, and how rows and hours are read back.

Four keys for each tally, in the ledger's hash slot; ``tally.lua`` says what is in them. The names of a row
are put together with a character that none of them can hold, for it is not printable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.ledger.batch import Script, text
from litellm_tiering.ledger.totals import (
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
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from litellm_tiering.ports import Tally

DAYS = "ltt:{t}:days"

PER_TELL = 256
"""How many tallies one script adds: Redis answers nobody else meanwhile."""

PAGE = 1_000
"""How many figures one script reads, likewise."""

TELL = Script.of("tally.lua", "tell.lua")
KNOWN_DAYS, DAY = Script.of("days.lua"), Script.of("day.lua")

_SEPARATOR = "\x1f"
_WHAT = "rfacbw"


class RedisTotals:
    """Totals over the connection of a Redis ledger, in its pipelines.

    Args:
        run: How the ledger asks.
    """

    def __init__(self, run: Callable[..., Awaitable[list[Any]]]) -> None:
        self._run = run

    async def tell(self, tallies: Sequence[Tally], now: int) -> None:
        """Add to the totals what no settlement carries."""
        for at in range(0, len(tallies), PER_TELL):
            keys: list[str] = []
            args: list[int | str] = [now]
            for tally in tallies[at : at + PER_TELL]:
                more_keys, more_args = told(tally)
                keys += more_keys
                args += more_args
            if keys:
                await self._run(TELL, keys, args, patient=True)

    async def rows(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known."""
        found: list[Tally] = []
        for day in await self._known(days):
            found += read_rows(day, await self._fields(day_key(day)))
        return tuple(found)

    async def hours(self, days: Sequence[str]) -> dict[str, dict[str, tuple[int, ...]]]:
        """The hours of these days that are known."""
        return await self._hourly(days, hours_key)

    async def spending(self, days: Sequence[str]) -> dict[str, dict[str, tuple[int, ...]]]:
        """The hours' cost of these days, as far as it is kept."""
        return await self._hourly(days, spending_key)

    async def _hourly(
        self, days: Sequence[str], key_of: Callable[[str], str]
    ) -> dict[str, dict[str, tuple[int, ...]]]:
        found = {day: read_hours(await self._fields(key_of(day))) for day in await self._known(days)}
        return {day: teams for day, teams in found.items() if teams}

    async def _known(self, days: Sequence[str]) -> list[str]:
        if not days:
            return []
        known = {text(day) for day in await self._run(KNOWN_DAYS, [DAYS], [])}
        return [day for day in dict.fromkeys(days) if day in known]

    async def _fields(self, key: str) -> dict[str, str]:
        """All fields of a hash, a page at a time: those that are added meanwhile may be missing."""
        found: dict[str, str] = {}
        cursor = "0"
        while True:
            cursor, *flat = map(text, await self._run(DAY, [key], [cursor, PAGE]))
            found.update(zip(flat[::2], flat[1::2], strict=True))
            if cursor == "0":
                return found


def day_key(day: str) -> str:
    """Where a day's totals are."""
    return f"ltt:{{t}}:d:{day}"


def hours_key(day: str) -> str:
    """Where the baseline of a day's hours is."""
    return f"ltt:{{t}}:h:{day}"


def spending_key(day: str) -> str:
    """Where the cost of a day's hours is."""
    return f"ltt:{{t}}:p:{day}"


def told(tally: Tally | None) -> tuple[tuple[str, ...], tuple[int | str, ...]]:
    """The keys and arguments of ``tally.lua`` for ``tally``; none for one that adds nothing."""
    if tally is None:
        return (), ()
    counts = counts_of(tally)
    if not any(counts):
        return (), ()
    row = row_of(tally)
    return (day_key(tally.day), hours_key(tally.day), spending_key(tally.day), DAYS), (
        tally.day,
        tally.expires_s,
        "" if row == OTHERS else _SEPARATOR.join(row),
        TOTALS_MAX - 1,
        team_of(tally),
        TEAMS_MAX,
        tally.hour,
        *counts,
    )


def read_rows(day: str, fields: Mapping[str, str]) -> list[Tally]:
    """The rows of a day out of its hash."""
    rows = {number: tuple(name[1:].split(_SEPARATOR)) for name, number in fields.items() if name[0] == "="}
    if any("0" + what in fields for what in _WHAT):
        rows["0"] = OTHERS
    return [
        row_tally(day, row, [int(fields.get(number + what, 0)) for what in _WHAT])
        for number, row in rows.items()
    ]


def read_hours(fields: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """The hours' baseline, or cost, by team out of one of a day's other hashes."""
    teams = {number: name[1:] for name, number in fields.items() if name[0] == "="}
    if any(f"0:{hour}" in fields for hour in range(HOURS)):
        teams["0"] = EVERYBODY
    return {
        team: tuple(int(fields.get(f"{number}:{hour}", 0)) for hour in range(HOURS))
        for number, team in teams.items()
    }
