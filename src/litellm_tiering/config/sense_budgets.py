"""Whether budgets make sense: limits that can be counted, thresholds that only ever lower."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from litellm_tiering.config.sense_routes import VIRTUAL
from litellm_tiering.config.sense_shadow import judge_silent_budget
from litellm_tiering.config.words import Finding, suggestion
from litellm_tiering.core.budget import Downgrade, Scope
from litellm_tiering.units import WindowKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.schema_budgets import BudgetSection, DowngradeSection
    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

MOST_USD = 9_000_000
"""Redis scripts count in doubles, which are exact up to 2**53 nano-dollars, a little more than this."""


ENOUGH_DAYS = 3
"""How many days must be kept for anything to be learned of a day's course."""


def judge_budgets(view: View) -> Iterator[Finding]:
    """Each budget by itself, and no two alike."""
    seen: dict[tuple[object, ...], int] = {}
    for i, budget in enumerate(view.section.budgets):
        loc: Loc = ("tiering", "budgets", i)
        yield from view.unknown_zone((*loc, "timezone"), budget.timezone)
        yield from _judge_match(view, loc, budget)
        yield from _judge_limit(view, loc, budget)
        yield from _judge_pacing(view, loc, budget)
        if isinstance(budget.downgrade, tuple):
            yield from _judge_thresholds(view, (*loc, "downgrade"), budget.downgrade)
        yield from judge_silent_budget(loc, budget)
        kind: tuple[object, ...] = (budget.scope.value, budget.match, budget.window.value)
        if budget.mode == "shadow":
            # Beside one in force, or at several limits, it shows what they would do.
            kind = (*kind, budget.limit_usd)
        if kind in seen:
            yield Finding(
                loc,
                f"is a second budget for scope {kind[0]}, match {view.words.show(kind[1])}, window {kind[2]}",
                "keep one of them, or give it another window.",
            )
        seen.setdefault(kind, i)


def _judge_match(view: View, loc: Loc, budget: BudgetSection) -> Iterator[Finding]:
    if budget.scope is Scope.GLOBAL and budget.match != "*":
        yield Finding(
            (*loc, "match"),
            f"the global scope has one id, `*`, and {view.words.show(budget.match)} is another",
            "leave `match` out, or choose a scope: team, key, user, end_user, tag, route.",
        )
    if budget.scope is Scope.ROUTE:
        routes = view.section.routes
        names = [VIRTUAL, "explicit"] if routes is None else [r.name for r in routes]
        if not any(fnmatchcase(name, budget.match) for name in names):
            yield Finding(
                (*loc, "match"),
                f"no route is called {view.words.show(budget.match)}",
                suggestion(budget.match, names) if names else "name one of `routes`.",
                warning=True,
            )


def _judge_limit(view: View, loc: Loc, budget: BudgetSection) -> Iterator[Finding]:
    limit = budget.limit_usd
    if limit is None:
        written = {"downgrade", "at_ceiling"} & budget.model_fields_set
        idle = sorted(written | ({"pacing"} if budget.pacing != "off" else set()))
        if idle:
            yield Finding(
                (*loc, "limit_usd"),
                f"is missing: without it `{idle[0]}` has nothing to act on",
                f"add `limit_usd:`, what a {budget.window.value} may cost in US dollars.",
            )
    elif limit <= 0:
        yield Finding(
            (*loc, "limit_usd"),
            f"must be more than 0, not {view.words.show(limit)}",
            "to count without a limit, leave `limit_usd` out; to stop all spend, use a small one with "
            "`at_ceiling: block`.",
        )
    elif limit >= MOST_USD:
        yield Finding(
            (*loc, "limit_usd"),
            f"must be less than {MOST_USD} a window, not {view.words.show(limit)}",
            "use a shorter window, or leave `limit_usd` out to count without a limit.",
        )
    elif limit * 1e9 < 1:
        yield Finding(
            (*loc, "limit_usd"),
            f"{view.words.show(limit)} is less than the smallest amount that is counted",
            "use 0.000000001 (a nano-dollar) or more.",
        )


def _judge_pacing(view: View, loc: Loc, budget: BudgetSection) -> Iterator[Finding]:
    if budget.pacing == "off":
        return
    here = (*loc, "pacing")
    if budget.downgrade == ():
        yield Finding(
            here,
            "has no step to take: `downgrade` is empty",
            "leave `downgrade` out, or list how far down pacing may go, such as `[{at: 0.95, to: "
            f"{view.names[0] if view.names else 'simple'}}}]`.",
        )
    if budget.pacing != "learned":
        return
    if budget.window is WindowKind.HOUR:
        yield Finding(
            here,
            "learns how a day goes, and the window is an hour",
            "write `pacing: linear`, or choose a longer window.",
        )
    days = view.section.store.retention_days
    if days < ENOUGH_DAYS:
        yield Finding(
            here,
            f"learns from the last days, and `store.retention_days` keeps {days}",
            f"keep {ENOUGH_DAYS} days or more; until then money is taken to go evenly.",
            warning=True,
        )


def _judge_thresholds(view: View, loc: Loc, plan: tuple[DowngradeSection, ...]) -> Iterator[Finding]:
    before: tuple[int, DowngradeSection] | None = None
    for i, threshold in enumerate(plan):
        here = (*loc, i)
        at = threshold.at
        if not 0 < at <= 1:
            percent = f"; for {at:g} % write {at / 100:g}" if 1 < at <= 100 else ""  # noqa: PLR2004 - a percentage
            yield Finding(
                (*here, "at"),
                f"must be more than 0 and at most 1, not {view.words.show(at)}",
                f"it is a share of the limit{percent}.",
            )
        elif before and at <= before[1].at:
            yield Finding(
                (*here, "at"),
                f"{view.words.show(at)} does not come after {view.words.show(before[1].at)} before it",
                "list thresholds in ascending order of `at`.",
            )
        yield from _judge_step(view, here, threshold)
        if before and _complete(threshold) and _complete(before[1]):
            yield from _judge_order(view, here, threshold, before[1])
        before = (i, threshold)


def _complete(threshold: DowngradeSection) -> bool:
    return (threshold.steps is None) != (threshold.to is None)


def _judge_step(view: View, loc: Loc, threshold: DowngradeSection) -> Iterator[Finding]:
    if not _complete(threshold):
        both = threshold.to is not None
        yield Finding(
            loc,
            "has both `steps` and `to`" if both else "has neither `steps` nor `to`",
            "keep one of them." if both else "add `steps: 1`, or `to:` with a tier.",
        )
    yield from view.unknown_tier((*loc, "to"), threshold.to)
    if view.names and threshold.to == view.names[-1]:
        yield Finding(
            (*loc, "to"),
            f"moves nothing: {view.words.show(threshold.to)} is the dearest tier, and a budget only lowers",
            "name a cheaper tier.",
        )


def _judge_order(
    view: View, loc: Loc, threshold: DowngradeSection, before: DowngradeSection
) -> Iterator[Finding]:
    """More spend must never raise a tier: no tier may go higher under a later threshold."""
    names = view.names or ()
    if any(t.to is not None and t.to not in names[:-1] for t in (threshold, before)):
        return  # told already
    now, then = downgrade_of(threshold, names), downgrade_of(before, names)
    for rank in reversed(range(len(names))):
        if now.target(rank) > then.target(rank):
            key = "to" if threshold.to is not None else "steps"
            yield Finding(
                (*loc, key),
                f"would raise a tier: requests of {view.words.show(names[rank])} go to "
                f"{view.words.show(names[now.target(rank)])} here, after "
                f"{view.words.show(names[then.target(rank)])} at {view.words.show(before.at)}",
                "a later threshold must lower every tier at least as far as an earlier one.",
            )
            return


def downgrade_of(threshold: DowngradeSection, names: tuple[str, ...]) -> Downgrade:
    """The core's threshold, tiers by rank.

    Raises:
        ValueError: ``to`` is not among ``names``.
    """
    if threshold.to is not None:
        return Downgrade(threshold.at, to_rank=names.index(threshold.to))
    return Downgrade(threshold.at, steps=threshold.steps or 0)
