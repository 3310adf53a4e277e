"""Whether what is in shadow mode can tell anything: classifiers that are reached, gates that stand alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.config.build_gates import every_gate, silent
from litellm_tiering.config.schema_classifiers import HeuristicClassifier
from litellm_tiering.config.words import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_tiering.config.schema_budgets import BudgetSection
    from litellm_tiering.config.schema_classifiers import AnyClassifier
    from litellm_tiering.config.schema_gates import AnyGate
    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

GATES: Loc = ("tiering", "cascade", "gates")


def always_decides(before: Sequence[AnyClassifier]) -> bool:
    """Whether one of these classifiers leaves nothing to those after it."""
    return any(
        isinstance(c, HeuristicClassifier) and c.abstain_below == 0 and c.mode == "enforce" for c in before
    )


def judge_silent_classifiers(view: View) -> Iterator[Finding]:
    """Classifiers in shadow mode that are never reached; and a list in which nobody's word counts."""
    listed = view.section.classifiers or ()
    for i, one in enumerate(listed):
        if one.mode == "shadow" and always_decides(listed[:i]):
            yield Finding(
                ("tiering", "classifiers", i, "mode"),
                f"is shadow, but `{one.kind}` would never be asked: the heuristic before it always decides",
                "list it before the heuristic, or give that `abstain_below`, such as 0.6.",
                warning=True,
            )
    if listed and all(one.mode == "shadow" for one in listed):
        yield Finding(
            ("tiering", "classifiers"),
            "are all in shadow mode: every request goes to its route's `default_tier`",
            "add one that decides, such as `- kind: heuristic`, after them.",
            warning=True,
        )


def judge_silent_gates(view: View, gates: Sequence[AnyGate]) -> Iterator[Finding]:
    """Gates in shadow mode inside a combination, and a list in which nobody's word counts."""
    for loc, gate in every_gate(gates, GATES):
        if silent(gate) and len(loc) > len(GATES) + 1:
            yield Finding(
                (*loc, "mode"),
                "is shadow inside a combination, which would be another one without it",
                "write `mode: shadow` at the combination, or list the gate by itself.",
            )
    if gates and view.whole(GATES) and all(map(silent, gates)):
        yield Finding(
            GATES,
            "are all in shadow mode: answers are judged, and none is escalated",
            "remove `mode: shadow` from those that are to count.",
            warning=True,
        )


def judge_silent_budget(loc: Loc, budget: BudgetSection) -> Iterator[Finding]:
    """A budget in shadow mode that has nothing to say."""
    if budget.mode == "shadow" and budget.limit_usd is None:
        yield Finding(
            (*loc, "mode"),
            "is shadow, but there is no limit: it counts and does nothing else as it is",
            "add `limit_usd`, or remove `mode`.",
        )
