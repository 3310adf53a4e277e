"""Budgets: how many steps down, and when to stop. Pure: the state lives in the ledger.

A ledger answers one question in one round trip: *of these options, dearest first, which does every budget
admit, and hold its amount*. A budget is put to it as a :class:`Limit`: for each option the usage below which
it is admitted, and a ceiling that the usage with the hold must not pass. :func:`choose` is that question
in Python; the memory and SQLite ledgers call it, and the Redis script mirrors it line by line.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from litellm_tiering.units import WindowKind, usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.features import Caller
    from litellm_tiering.units import NanoUSD

NO_BOUND = -1
"""Stands for "no bound" in :class:`Limit`, where nano-dollars are never negative."""


class Scope(str, enum.Enum):
    """Whose spend a budget counts."""

    GLOBAL = "global"
    TEAM = "team"
    KEY = "key"
    USER = "user"
    END_USER = "end_user"
    TAG = "tag"
    ROUTE = "route"


class AtCeiling(str, enum.Enum):
    """What happens when the next request would pass the limit."""

    CHEAPEST = "cheapest"
    BLOCK = "block"


class Pacing(str, enum.Enum):
    """Whether a budget acts on the forecast, and what course it takes a window to have."""

    OFF = "off"
    LINEAR = "linear"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class Downgrade:
    """From the share ``at`` of the limit on, move ``steps`` down, or to ``to_rank`` if that is lower."""

    at: float
    steps: int = 0
    to_rank: int | None = None

    def target(self, rank: int) -> int:
        """Where a request of ``rank`` is moved: never up."""
        if self.to_rank is not None:
            return min(rank, self.to_rank)
        return max(0, rank - self.steps)


@dataclass(frozen=True, slots=True)
class Critical:
    """Whose traffic is counted but never downgraded or stopped; tags are those of keys and teams only."""

    teams: tuple[str, ...] = ()
    key_aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def holds(self, caller: Caller) -> bool:
        """Whether ``caller`` is critical; patterns are globs."""
        return (
            _any_match(self.teams, (caller.team, caller.team_alias))
            or _any_match(self.key_aliases, (caller.key_alias,))
            or _any_match(self.tags, caller.tags)
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """The policy of one budget; ``limit`` None counts and never limits.

    Attributes:
        scope: Whose spend is counted.
        match: Which ids of the scope it applies to, a glob; each id has a budget of its own.
        limit: The ceiling of a window, in nano-dollars.
        window: How long it lasts.
        timezone: Whose calendar the window follows.
        downgrade: Thresholds in ascending order of ``at``.
        at_ceiling: What happens at the ceiling.
        critical: Who is exempt from downgrades and the ceiling.
        pacing: Whether it acts on the forecast as well.
        by_value: Whether a threshold of one step spares the upgrades that buy most, for the same money.
        shadow: Whether it counts and is told of, and neither moves nor stops anything.
    """

    scope: Scope = Scope.GLOBAL
    match: str = "*"
    limit: NanoUSD | None = None
    window: WindowKind = WindowKind.DAY
    timezone: str = "UTC"
    downgrade: tuple[Downgrade, ...] = ()
    at_ceiling: AtCeiling = AtCeiling.CHEAPEST
    critical: Critical = Critical()
    pacing: Pacing = Pacing.OFF
    by_value: bool = False
    shadow: bool = False

    @property
    def binds(self) -> bool:
        """Whether it moves or stops requests: it has a limit, and is not in shadow mode."""
        return self.limit is not None and not self.shadow

    @property
    def name(self) -> str:
        """The budget as its owner knows it, such as ``team:* $5/day``: no id but what its owner wrote."""
        whose = self.scope.value if self.scope is Scope.GLOBAL else f"{self.scope.value}:{self.match}"
        limit = "no limit" if self.limit is None else f"${usd(self.limit):g}"
        return f"{whose} {limit}/{self.window.value}"

    @property
    def paced(self) -> bool:
        """Whether there is a forecast to act on."""
        return self.pacing is not Pacing.OFF and self.limit is not None

    def ids(self, caller: Caller, *, route: str, tags: frozenset[str]) -> tuple[str, ...]:
        """The ids of this scope that a request of ``caller`` is counted under; empty when it is not."""
        if self.scope is Scope.GLOBAL:
            return ("*",)
        if self.scope is Scope.TAG:
            found = sorted(caller.tags | tags)
            return tuple(t for t in found if t and fnmatchcase(t, self.match))
        names: tuple[str, ...] = {
            Scope.TEAM: (caller.team, caller.team_alias),
            Scope.KEY: (caller.key, caller.key_alias),
            Scope.USER: (caller.user,),
            Scope.END_USER: (caller.end_user,),
            Scope.ROUTE: (route,),
        }[self.scope]
        # The first name is the id that is counted; the others only help to match.
        return names[:1] if names[0] and _any_match((self.match,), names) else ()


def _any_match(patterns: Sequence[str], names: Sequence[str] | frozenset[str]) -> bool:
    return any(name and fnmatchcase(name, p) for p in patterns for name in names)


@dataclass(frozen=True, slots=True)
class Limit:
    """One scope as the ledger sees it.

    Attributes:
        key: The counter's key: scope, id and window.
        expires_s: When the counter may be forgotten, in seconds since the epoch.
        below: For each option, the usage (nano-dollars) below which it is admitted; ``NO_BOUND`` always.
        ceiling: What usage and hold together must not pass; ``NO_BOUND`` for none.
        block: Whether the ceiling refuses; otherwise the floor option is let through past it.
    """

    key: str
    expires_s: int
    below: tuple[int, ...]
    ceiling: int = NO_BOUND
    block: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """A counter's state, in nano-dollars, before the request at hand."""

    spent: int = 0
    reserved: int = 0

    @property
    def used(self) -> int:
        """What is spent and what is in flight."""
        return self.spent + self.reserved


@dataclass(frozen=True, slots=True)
class Choice:
    """What :func:`choose` found: the option's index or None when refused, and the limit that decided.

    Attributes:
        option: The index of the admitted option; None when the request is refused.
        by: The index of the limit that moved or refused it; None when the first option was admitted.
        at_ceiling: Whether a ceiling, rather than a threshold, decided.
    """

    option: int | None
    by: int | None = None
    at_ceiling: bool = False


def choose(limits: Sequence[Limit], amounts: Sequence[int], used: Sequence[int], *, floor: bool) -> Choice:
    """The first of the options, dearest first, that every limit admits.

    Args:
        limits: The budgets that apply.
        amounts: What each option would hold, in nano-dollars.
        used: What is used of each limit, in the order of ``limits``.
        floor: Whether the last option is the cheapest tier, which a ceiling that does not block lets pass.
    """
    option, by = 0, None
    for i, limit in enumerate(limits):
        # The last option has no threshold: thresholds move requests down, only ceilings refuse.
        while (
            option < len(amounts) - 1 and limit.below[option] != NO_BOUND and used[i] >= limit.below[option]
        ):
            option, by = option + 1, i
    over = _over(limits, amounts[option], used)
    if not over:
        return Choice(option, by)
    blocking = next((i for i in over if limits[i].block), None)
    if blocking is not None or not floor:
        return Choice(None, over[0] if blocking is None else blocking, at_ceiling=True)
    last = len(amounts) - 1
    blocking = next((i for i in _over(limits, amounts[last], used) if limits[i].block), None)
    if blocking is not None:
        return Choice(None, blocking, at_ceiling=True)
    return Choice(last, over[0], at_ceiling=True)


def _over(limits: Sequence[Limit], amount: int, used: Sequence[int]) -> list[int]:
    return [i for i, lim in enumerate(limits) if lim.ceiling != NO_BOUND and used[i] + amount > lim.ceiling]
