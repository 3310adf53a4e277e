"""Judges a section: everything that is wrong with it, and everything risky, at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.config.availability import unavailable
from litellm_tiering.config.proxy import ProxyView
from litellm_tiering.config.salvage import salvage
from litellm_tiering.config.sense import View, judge_place, judge_store, judge_tiers
from litellm_tiering.config.sense_agreement import judge_agreement
from litellm_tiering.config.sense_budgets import judge_budgets
from litellm_tiering.config.sense_capture import judge_capture
from litellm_tiering.config.sense_classifiers import judge_classifiers, judge_models
from litellm_tiering.config.sense_debt import judge_debt
from litellm_tiering.config.sense_events import judge_events
from litellm_tiering.config.sense_experiment import judge_arms, judge_experiment
from litellm_tiering.config.sense_gates import judge_cascade, judge_targets
from litellm_tiering.config.sense_routes import judge_reach, judge_routes, judge_virtual_names
from litellm_tiering.config.tree import Tree
from litellm_tiering.config.words import Finding, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from litellm_tiering.config.salvage import Salvaged
    from litellm_tiering.config.schema import TieringSection
    from litellm_tiering.config.words import Loc
    from litellm_tiering.errors import Problem

JUDGES: tuple[Callable[[View], Iterator[Finding]], ...] = (
    judge_tiers,
    judge_place,
    judge_routes,
    judge_reach,
    judge_virtual_names,
    judge_classifiers,
    judge_cascade,
    judge_agreement,
    judge_budgets,
    judge_store,
    judge_events,
    judge_capture,
    judge_debt,
    judge_experiment,
)
"""Who judges a section that is well formed, or the sound part of one that is not."""

LAST_JUDGES: tuple[Callable[[View], Iterator[Finding]], ...] = (judge_targets, judge_models)
"""Who judges only a section that nothing else is wrong with, since they run what it names."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a section comes from, for messages.

    Attributes:
        file: The file's name; empty when there is none.
        lines: The line of each value below ``tiering``, where lines are known.
        proxy_file: The name of the proxy's configuration.
        proxy_lines: The line of each value in it, where lines are known.
    """

    file: str = ""
    lines: Mapping[Loc, int] = field(default_factory=dict)
    proxy_file: str = ""
    proxy_lines: Mapping[Loc, int] = field(default_factory=dict)

    def problem(self, finding: Finding) -> Problem:
        """A finding with the file and line it is in."""
        if finding.loc[:1] == ("tiering",):
            return finding.problem(self.file, self.lines)
        return finding.problem(self.proxy_file, self.proxy_lines)


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found.

    Attributes:
        section: The section; None when anything is wrong with it.
        problems: What is wrong, in the order of the file where it is known.
        warnings: What is risky.
        proxy: The rest of the proxy's configuration.
    """

    section: TieringSection | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    proxy: ProxyView


def examine(
    section: object,
    proxy: object,
    env: Mapping[str, str] | None,
    origin: Origin,
    extra: Iterable[Finding] = (),
) -> Examined:
    """Everything wrong or risky with ``section``; ``extra`` was found while it was read. Raises nothing."""
    view_of_proxy = ProxyView(proxy)
    tree = Tree(section, env)
    found = [*extra, *tree.findings]
    read = None
    if isinstance(tree.value, dict):
        # `budgets:` with nothing below it, as when all entries are commented out, is as if it were absent.
        values = {k: v for k, v in tree.value.items() if v is not None}
        words = Words(tree.secrets)
        salvaged = salvage(values, words)
        told = {f.loc for f in tree.findings}
        found += [f for f in salvaged.findings if f.loc not in told]
        found += unavailable(values, words)
        if salvaged.section is not None:
            read = salvaged.section
            view = View(
                read, view_of_proxy, _tier_names(values), words, _whole_in(salvaged), Path(origin.file).parent
            )
            found += _judged(view, salvaged, JUDGES)
            if all(f.warning for f in found):
                found += _judged(view, salvaged, LAST_JUDGES)
        place = _order(values)
        found.sort(key=lambda f: place(f.loc))
    elif not found:
        found.append(
            Finding(
                ("tiering",),
                f"must be a mapping, not {Words().show(tree.value)}",
                "write at least `tiers:` with two tiers below it.",
            )
        )
    problems = tuple(dict.fromkeys(origin.problem(f) for f in found if not f.warning))
    warnings = tuple(dict.fromkeys(origin.problem(f) for f in found if f.warning))
    return Examined(None if problems else read, problems, warnings, view_of_proxy)


def _whole_in(salvaged: Salvaged) -> Callable[[Loc], bool]:
    """Whether all that is written at a place of the sound part, and below it, could be read."""
    unread = {f.loc for f in salvaged.findings}

    def whole(loc: Loc) -> bool:
        written = salvaged.written(loc)
        return not any(u[: len(written)] == written for u in unread)

    return whole


def _judged(
    view: View, salvaged: Salvaged, judges: Iterable[Callable[[View], Iterator[Finding]]]
) -> list[Finding]:
    judges = tuple(judges)
    found = [f for judge in judges for f in judge(view)]
    every = (*found, *judge_arms(view, judges, found))
    judged = (replace(f, loc=salvaged.written(f.loc)) for f in every)
    # What could not be read may seem to be missing.
    unread = {f.loc for f in salvaged.findings}
    return [f for f in judged if f.loc not in unread]


def _tier_names(values: Mapping[str, object]) -> tuple[str, ...] | None:
    """The tiers' names as written, sound or not; None where the list cannot be read."""
    tiers = values.get("tiers", [])
    if not isinstance(tiers, list) or not all(isinstance(t, dict) for t in tiers):
        return None
    names = [t.get("name") for t in tiers]
    return tuple(n for n in names if isinstance(n, str)) if all(isinstance(n, str) for n in names) else None


def _order(values: object) -> Callable[[Loc], float]:
    """How far from the top of the section a place is; what is not in the section comes last."""
    places: dict[Loc, int] = {}

    def walk(value: object, loc: Loc) -> None:
        places[loc] = len(places)
        inner = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, held in inner:
            walk(held, (*loc, key))

    walk(values, ("tiering",))

    def place(loc: Loc) -> float:
        while loc and loc not in places:
            loc = loc[:-1]
        return places.get(loc, float("inf"))

    return place
