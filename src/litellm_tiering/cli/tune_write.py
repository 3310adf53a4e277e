"""Tuned thresholds into a configuration, where nothing else of it changes and the result passes ``check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.cli.common import UsageError
from litellm_tiering.config import schema_gates
from litellm_tiering.config.build_gates import name_of
from litellm_tiering.config.check import check
from litellm_tiering.config.load import OVERRIDE, SECTION
from litellm_tiering.config.rewrite import CannotRewrite, Change, Rewritten, rewrite, snippet
from litellm_tiering.config.source import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litellm_tiering.cli.settings import Chosen
    from litellm_tiering.config.build import Settings
    from litellm_tiering.config.words import Loc
    from litellm_tiering.evals.tune_result import Policy, Result


def written(where: Chosen, settings: Settings, result: Result, *, out: str | None) -> Rewritten:
    """Write what was found into the configuration's file, or into a copy at ``out``.

    Raises:
        UsageError: it cannot be done without touching anything else, or the result would not pass ``check``;
            nothing is written then, and the message holds what to write by hand.
    """
    file = Path(where.env.get(OVERRIDE) or where.path or "")
    policy = result.chosen
    if policy is None:  # pragma: no cover - the caller has looked
        raise UsageError("there is nothing to write")
    changes = tuple(changes_of(settings, policy, result.classifier, base_of(file)))
    try:
        found = rewrite(file, changes)
        found.write(None if out is None else Path(out), lambda path: _judge(path, where))
    except CannotRewrite as error:
        raise UsageError(f"{error}. Nothing was written. By hand:\n{snippet(changes)}") from None
    return found


def base_of(file: Path) -> Loc:
    """Where the section is in a file: under its key, or the whole of it."""
    data = read(file).data
    return (SECTION,) if isinstance(data, dict) and SECTION in data else ()


def changes_of(settings: Settings, policy: Policy, kind: str, base: Loc) -> Iterator[Change]:
    """The values that differ from the configuration's."""
    listed = settings.config.classifiers
    values = dict(policy.thresholds)
    if listed is None:
        yield Change((*base, "classifiers"), [{"kind": kind, "thresholds": values}], after="tiers")
    else:
        place = next(i for i, c in enumerate(listed) if c.kind == kind and c.mode == "enforce")
        yield Change((*base, "classifiers", place, "thresholds"), values, after="kind")
    section = settings.config.cascade
    if isinstance(section, schema_gates.CascadeSection):
        yield from _gates(section, policy.gates, base)
        escalates = round(policy.escalated, 3)
        if escalates != section.escalates:
            # What live traffic is held against from now on.
            yield Change((*base, "cascade", "escalates"), escalates)


def _gates(section: schema_gates.CascadeSection, values: Mapping[str, float], base: Loc) -> Iterator[Change]:
    for i, gate in enumerate(section.gates or ()):
        key = "min_mean" if isinstance(gate, schema_gates.LogprobGate) else "min"
        value = values.get(name_of(gate))
        if value is not None and value != getattr(gate, key):
            yield Change((*base, "cascade", "gates", i, key), value, after="kind")


def _judge(path: Path, where: Chosen) -> None:
    """Have ``check`` look at the file before it takes the old one's place.

    Raises:
        CannotRewrite: a proxy would not start with it.
    """
    if OVERRIDE in where.env:
        found = check(where.path, {**where.env, OVERRIDE: str(path)})
    else:
        found = check(path, where.env)
    if found.problems:
        first = found.problems[0]
        raise CannotRewrite(f"the result would not pass `check` ({first.path}: {first.message})")
