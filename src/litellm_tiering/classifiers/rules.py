"""The owner's rules: the first match that names a tier decides; floors and caps of all matches count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.checks import View, checks_of, keywords_of
from litellm_tiering.classifiers.conditions import Condition
from litellm_tiering.classifiers.patterns import Searched
from litellm_tiering.core.classification import Opinion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_tiering.classifiers.checks import Check
    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: What it is called in headers and records.
        when: What must hold; an empty condition always does.
        rank: The rank it chooses, if it chooses one.
        floor: The lowest rank it allows, if it sets one.
        cap: The highest rank it allows, if it sets one.
    """

    name: str
    when: Condition = field(default_factory=Condition)
    rank: int | None = None
    floor: int | None = None
    cap: int | None = None


class RulesClassifier:
    """Asks every rule, in the owner's order.

    Keywords of all rules are searched in one pass over the question and one over the system prompt. Text
    beyond what intake keeps of a long prompt, its head and tail, is not searched.

    Args:
        rules: The rules.
        ladder: The ladder their ranks are on.

    Raises:
        ValueError: two rules share a name, a rank is not on the ladder, a rule chooses nothing, a floor lies
            above its cap, or a keyword or pattern cannot be used.
    """

    kind = "rules"

    __slots__ = ("_question_keywords", "_rules", "_system_keywords")

    def __init__(self, rules: Iterable[Rule], ladder: Ladder) -> None:
        rules = tuple(rules)
        _validate(rules, ladder)
        self._question_keywords, self._system_keywords = keywords_of(r.when for r in rules)
        self._rules: tuple[tuple[Rule, tuple[Check, ...]], ...] = tuple((r, _checks(r)) for r in rules)

    def classify(self, subject: Subject) -> Opinion | None:
        """What the rules that match say; None when none matches."""
        view = View(
            subject,
            Searched(subject.prompt.question, self._question_keywords),
            Searched(subject.prompt.system, self._system_keywords),
        )
        chosen: Rule | None = None
        floor: tuple[int, str] | None = None
        cap: tuple[int, str] | None = None
        matched = 0
        for rule, checks in self._rules:
            if not _hold(checks, view):
                continue
            matched += 1
            if chosen is None and rule.rank is not None:
                chosen = rule
            if rule.floor is not None and (floor is None or rule.floor > floor[0]):
                floor = (rule.floor, rule.name)
            if rule.cap is not None and (cap is None or rule.cap < cap[0]):
                cap = (rule.cap, rule.name)
        if not matched:
            return None
        return Opinion(
            by=self.kind,
            name=chosen.name if chosen else "",
            rank=chosen.rank if chosen else None,
            floor=floor,
            cap=cap,
            signals={"matched": float(matched)},
        )


def _hold(checks: tuple[Check, ...], view: View) -> bool:
    for check in checks:  # noqa: SIM110 - all() over a generator takes twice as long, on every request
        if not check(view):
            return False
    return True


def _checks(rule: Rule) -> tuple[Check, ...]:
    try:
        return checks_of(rule.when)
    except ValueError as error:
        raise ValueError(f"rule {rule.name!r}: {error}") from error


def _validate(rules: tuple[Rule, ...], ladder: Ladder) -> None:
    names: set[str] = set()
    for rule in rules:
        if rule.name in names:
            raise ValueError(f"two rules are called {rule.name!r}")
        names.add(rule.name)
        ranks = [r for r in (rule.rank, rule.floor, rule.cap) if r is not None]
        if not ranks:
            raise ValueError(f"rule {rule.name!r} chooses no tier and bounds none")
        if any(not 0 <= r <= ladder.top for r in ranks):
            raise ValueError(f"rule {rule.name!r} names a rank that is not on the ladder")
        if rule.floor is not None and rule.cap is not None and rule.floor > rule.cap:
            raise ValueError(f"rule {rule.name!r} has a floor above its cap")
