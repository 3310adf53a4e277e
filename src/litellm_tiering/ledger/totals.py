"""What every ledger agrees on about the totals of a day: what a row is, how many there are, what is refused.

Totals are the base of reports, the hours' baseline that of pacing. Both are bounded whatever clients send:
a row too many goes to the row of the others, a team too many is counted under everybody only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.core.names import hashed, safe_name
from litellm_tiering.ledger.holds import MAX_NANO_USD
from litellm_tiering.ports import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Row: TypeAlias = tuple[str, str, str, str, str]

TOTALS_MAX = 2_000
"""How many rows a day has at most, that of the others included."""

TEAMS_MAX = 2_000
"""Of how many teams a day's hours are kept at most, besides everybody's."""

OTHER = "(other)"
OTHERS: Row = (OTHER, OTHER, OTHER, OTHER, OTHER)
EVERYBODY = "*"

SPENDING_S = 3 * 86_400
"""For how long the cost of a day's hours is kept from the day's first figure on, in seconds."""

HOURS = 24
COUNTS = ("requests", "refused", "attempts", "cost", "baseline", "waste")
"""What a row counts, in the order in which ledgers keep it."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def check_tally(tally: Tally) -> None:
    """Refuse what no store could add up, before anything is touched.

    Raises:
        ValueError: the day or the hour is none, or an amount is too large.
    """
    if not _DAY.fullmatch(tally.day):
        raise ValueError(f"not a day: {tally.day[:16]!r}")
    if not -1 <= tally.hour < HOURS:
        raise ValueError(f"not an hour of a day: {tally.hour!r}")
    for count in counts_of(tally):
        if abs(count) > MAX_NANO_USD:
            raise ValueError(f"not an amount a ledger can add up: {count!r}")


def row_of(tally: Tally) -> Row:
    """The row that ``tally`` belongs to; texts that clients may have made overlong or odd are hashed."""
    route, tier, model, team, reason = map(
        safe_name, (tally.route, tally.tier, tally.model, tally.team, tally.reason)
    )
    return route, tier, model, team, reason


def team_of(tally: Tally) -> str:
    """The team whose hour ``tally`` counts for besides everybody's; empty when there is none."""
    return hashed(EVERYBODY) if tally.team == EVERYBODY else safe_name(tally.team)


def counts_of(tally: Tally) -> tuple[int, int, int, int, int, int]:
    """What is added, in the order of :data:`COUNTS`."""
    return tally.requests, tally.refused, tally.attempts, tally.cost, tally.baseline, tally.waste


def row_tally(day: str, row: Sequence[str], counts: Sequence[int]) -> Tally:
    """A row as it is read back."""
    route, tier, model, team, reason = row
    requests, refused, attempts, cost, baseline, waste = counts
    return Tally(
        day=day,
        hour=-1,
        expires_s=0,
        route=route,
        tier=tier,
        model=model,
        team=team,
        reason=reason,
        requests=requests,
        refused=refused,
        attempts=attempts,
        cost=cost,
        baseline=baseline,
        waste=waste,
    )
