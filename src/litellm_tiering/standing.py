"""What stands on the board, checked and laid out so that a request finds its own without a search."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Scope
from litellm_tiering.notices import (
    EVERY_ROUTE,
    EXEMPTION,
    RELOAD,
    SWITCH,
    Exemption,
    Mode,
    Switch,
    Unfit,
    exemption_read,
    generation_read,
    switch_read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeVar

    from litellm_tiering.core.features import Caller
    from litellm_tiering.ports import Notice

    T = TypeVar("T")

MOST_EXEMPTIONS, MOST_SWITCHES = 200, 200
"""How many are heeded, those posted first: every request goes through the exemptions that are globs."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the board says, checked, in the order in which it was put up.

    Attributes:
        exemptions: The exemptions.
        switches: The switches, one for each route's name.
        generation: Which generation of the configuration is called for; None for none.
        skipped: What cannot be used, by its key, and why.
    """

    exemptions: tuple[Exemption, ...] = ()
    switches: tuple[Switch, ...] = ()
    generation: int | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)


def standing(notices: Mapping[str, Notice]) -> Standing:
    """What these notices say; one of another kind is somebody else's."""
    exemptions: list[Exemption] = []
    switches: list[Switch] = []
    generations: list[int] = []
    skipped: dict[str, str] = {}
    for key, notice in sorted(notices.items(), key=lambda item: (item[1].posted_s, item[0])):
        if key.startswith(EXEMPTION):
            why = _add(exemptions, exemption_read, key, notice, MOST_EXEMPTIONS)
        elif key.startswith(SWITCH):
            why = _add(switches, switch_read, key, notice, MOST_SWITCHES)
        elif key == RELOAD:
            why = _add(generations, generation_read, key, notice, 1)
        else:
            continue
        if why:
            skipped[key] = why
    return Standing(tuple(exemptions), tuple(switches), next(iter(generations), None), skipped)


def _add(found: list[T], read: Callable[[str, Notice], T], key: str, notice: Notice, most: int) -> str:
    """Add what a notice says; or why it cannot be used."""
    try:
        one = read(key, notice)
    except Unfit as why:
        return str(why)
    if len(found) >= most:
        return f"there are {most} already"
    found.append(one)
    return ""


# Only what the owner has given to a key or team, and never what a request says of itself.
_NAMES: Mapping[Scope, Callable[[Caller, str], Collection[str]]] = {
    Scope.GLOBAL: lambda _caller, _route: (EVERY_ROUTE,),
    Scope.TEAM: lambda caller, _route: (caller.team, caller.team_alias),
    Scope.KEY: lambda caller, _route: (caller.key, caller.key_alias),
    Scope.USER: lambda caller, _route: (caller.user,),
    Scope.ROUTE: lambda _caller, route: (route,),
    Scope.TAG: lambda caller, _route: caller.tags,
}


class _OfScope:
    """The exemptions of one scope."""

    __slots__ = ("_any", "_exact", "_globs", "names")

    def __init__(self, scope: Scope, exemptions: Sequence[Exemption]) -> None:
        self.names = _NAMES[scope]
        self._exact: dict[str, Exemption] = {}
        self._globs: list[tuple[re.Pattern[str], Exemption]] = []
        for one in exemptions:
            if scope is not Scope.GLOBAL and any(c in one.id for c in "*?["):
                self._globs.append((re.compile(translate(one.id)), one))
                continue
            other = self._exact.get(one.id)
            if other is None or other.until_s < one.until_s:
                self._exact[one.id] = one
        # Most names match none: that takes one look.
        self._any = re.compile("|".join(p.pattern for p, _ in self._globs)) if self._globs else None

    def find(self, name: str, now_s: float) -> Exemption | None:
        found = self._exact.get(name)
        if found is not None and now_s < found.until_s:
            return found
        if self._any is None or not self._any.match(name):
            return None
        return next((one for p, one in self._globs if now_s < one.until_s and p.match(name)), None)


class Index:
    """The same for lookups."""

    __slots__ = ("_scopes", "_switches")

    def __init__(self, found: Standing) -> None:
        by_scope = {s: [e for e in found.exemptions if e.scope is s] for s in _NAMES}
        self._scopes = tuple(_OfScope(scope, there) for scope, there in by_scope.items() if there)
        self._switches = {s.route: s for s in found.switches}

    def exempt(self, caller: Caller, route: str, now_s: float) -> str:
        """The label of an exemption of ``caller``, empty when there is none."""
        for scope in self._scopes:
            for name in scope.names(caller, route):
                found = scope.find(name, now_s) if name else None
                if found is not None:
                    return found.label
        return ""

    def mode(self, route: str, now_s: float) -> Mode | None:
        """How a route is switched; of a switch of its own and one of every route, the later one counts."""
        if not self._switches:
            return None
        own, every = self._switches.get(route), self._switches.get(EVERY_ROUTE)
        there = [s for s in (every, own) if s is not None and (s.until_s is None or now_s < s.until_s)]
        return max(there, key=lambda s: s.since_s).mode if there else None
