"""Whether routes make sense: their tiers, their names, and that each can be reached."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from litellm_tiering.config.sense import nothing_in, twice
from litellm_tiering.config.words import Finding, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.schema import RouteSection
    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

VIRTUAL = "auto"
"""The virtual name that is routed when there are no ``routes``."""


def is_glob(name: str) -> bool:
    """Whether ``name`` is a pattern rather than a name."""
    return any(c in name for c in "*?[")


def judge_routes(view: View) -> Iterator[Finding]:
    """Each route by itself."""
    routes = view.section.routes or ()
    root: Loc = ("tiering", "routes")
    yield from twice((((*root, i, "name"), r.name) for i, r in enumerate(routes)), "a route", view.words)
    for i, route in enumerate(routes):
        loc = (*root, i)
        yield from view.unknown_tier((*loc, "tier"), route.tier)
        yield from view.unknown_tier((*loc, "default_tier"), route.default_tier)
        yield from nothing_in((*loc, "models"), route.models)
        yield from _judge_choice(view, loc, route)
        yield from _judge_models(view, loc, route)
        yield from _judge_deadline(view, loc, route)
        if not route.classify and "conversation" in route.model_fields_set:
            why = "has no effect: a route that does not classify sends every request where the client asked"
            yield Finding((*loc, "conversation"), why, "leave it out.", warning=True)


def _judge_deadline(view: View, loc: Loc, route: RouteSection) -> Iterator[Finding]:
    """A deadline bounds a cascade, and there may be none."""
    if route.deadline_ms is None:
        return
    why = ""
    if view.section.cascade is False:
        why = "the cascade is turned off for every route"
    elif route.cascade is False:
        why = "this route has `cascade: false`"
    elif route.cascade is None and not route.classify:
        why = "a route that does not classify has no cascade unless it says `cascade: true`"
    if why:
        fix = "leave it out, or turn the cascade on."
        yield Finding(
            (*loc, "deadline_ms"), f"has no effect: it bounds a cascade, and {why}", fix, warning=True
        )


def _judge_choice(view: View, loc: Loc, route: RouteSection) -> Iterator[Finding]:
    if route.classify and route.tier is not None:
        yield Finding(
            (*loc, "tier"),
            "a route that classifies has no tier of its own",
            "write `classify: false`, or `default_tier` for the tier when every classifier abstains.",
        )
    if not route.classify and route.default_tier is not None:
        yield Finding(
            (*loc, "default_tier"),
            "has no effect on a route that does not classify",
            "write `tier`, or leave it out.",
            warning=True,
        )
    if route.classify or route.tier is not None:
        return
    groups = {t.model for t in view.section.tiers}
    for i, name in enumerate(route.models):
        if is_glob(name) or name not in groups:
            what = "a pattern" if is_glob(name) else "no tier's model group"
            yield Finding(
                (*loc, "tier"),
                f"is missing: nothing is classified, and {view.words.show(name)} (models[{i}]) is {what}",
                "add `tier:`, the tier that these requests belong to.",
            )
            return


def _judge_models(view: View, loc: Loc, route: RouteSection) -> Iterator[Finding]:
    for i, name in enumerate(route.models):
        if not is_glob(name) and not view.proxy.has(name):
            yield Finding(
                (*loc, "models", i),
                f"the proxy has no model group or alias {view.words.show(name)}",
                _virtual_fix(view, name) if route.classify else suggestion(name, view.proxy.names()),
            )


def _virtual_fix(view: View, name: str) -> str:
    top = view.section.tiers[-1].model if view.section.tiers else "the dearest tier's model"
    shown = view.words.show(name).strip("'")
    return f"add `router_settings: {{model_group_alias: {{{shown}: {top}}}}}` to the proxy's configuration."


def judge_reach(view: View) -> Iterator[Finding]:
    """A route that never matches, since earlier ones take all of its names."""
    earlier: list[tuple[str, str]] = []
    for i, route in enumerate(view.section.routes or ()):
        takers = [next((t for t, p in earlier if _covers(p, name)), None) for name in route.models]
        if takers and all(takers):
            yield Finding(
                ("tiering", "routes", i),
                f"never matches: route {view.words.show(takers[0])} before it takes the same names",
                "move it up, or narrow the earlier `models`.",
                warning=True,
            )
        earlier += [(route.name, pattern) for pattern in route.models]


def _covers(pattern: str, other: str) -> bool:
    """Whether every name that ``other`` matches is matched by ``pattern``; False where that is not plain."""
    if pattern == other:
        return True
    if is_glob(other) and (any(c in pattern for c in "?[") or "[" in other):
        return False
    return fnmatchcase(other, pattern)


def judge_virtual_names(view: View) -> Iterator[Finding]:
    """A virtual name's alias must point at the dearest tier: LiteLLM checks access and budgets by it."""
    if view.proxy.groups is None or not view.section.tiers:
        return
    top = view.section.tiers[-1]
    for name in _virtual_names(view):
        target = view.proxy.aliases.get(name)
        if target is not None and target != top.model:
            yield Finding(
                ("router_settings", "model_group_alias", name),
                f"points at {view.words.show(target)}, not at the dearest tier {view.words.show(top.model)}: "
                "keys and budgets of LiteLLM are checked against a cheaper model than may answer",
                f"point it at {view.words.show(top.model)}.",
                warning=True,
            )
    if view.section.routes is None and not view.proxy.has(VIRTUAL):
        yield Finding(
            ("router_settings", "model_group_alias"),
            f"has no {VIRTUAL!r}, the name that is classified without `routes`: LiteLLM will refuse it",
            _virtual_fix(view, VIRTUAL),
            warning=True,
        )


def _virtual_names(view: View) -> tuple[str, ...]:
    if view.section.routes is None:
        return (VIRTUAL,)
    return tuple(n for r in view.section.routes if r.classify for n in r.models if not is_glob(n))
