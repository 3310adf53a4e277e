"""From the ``classifiers:`` section to the chain that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.conditions import Condition
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.classifiers.rules import Rule, RulesClassifier
from litellm_tiering.config import schema_classifiers as section
from litellm_tiering.config.schema_when import span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.config.schema_when import WhenSection
    from litellm_tiering.core.classification import Classifier
    from litellm_tiering.core.ladder import Ladder


def build_chain(listed: Sequence[section.AnyClassifier] | None, ladder: Ladder) -> Chain:
    """The chain of the classifiers ``listed``; the heuristic alone where that is None.

    Raises:
        KeyError, ValueError, NotImplementedError: the section was never judged.
    """
    if listed is None:
        return Chain([HeuristicClassifier(ladder)], ladder)
    return Chain([_classifier(one, ladder) for one in listed], ladder)


def _classifier(one: section.AnyClassifier, ladder: Ladder) -> Classifier:
    if isinstance(one, section.RulesClassifier):
        return RulesClassifier([rule_of(r, ladder) for r in one.rules], ladder)
    if isinstance(one, section.HeuristicClassifier):
        thresholds = [one.thresholds[t.name] for t in ladder.tiers[1:]] if one.thresholds else None
        return HeuristicClassifier(ladder, thresholds, abstain_below=one.abstain_below)
    raise NotImplementedError(f"classifier kind {one.kind!r}")


def rule_of(rule: section.RuleSection, ladder: Ladder) -> Rule:
    """A rule with its tiers as ranks."""

    def rank(name: str | None) -> int | None:
        return None if name is None else ladder.rank(name)

    return Rule(rule.name, condition_of(rule.when), rank(rule.tier), rank(rule.min_tier), rank(rule.max_tier))


def condition_of(when: WhenSection) -> Condition:
    """The classifiers' condition: enumerated words as their values, the time of day read."""
    asked = {name: getattr(when, name) for name in type(when).model_fields}
    asked["surface"] = tuple(s.value for s in when.surface)
    asked["response_format"] = tuple(f.value for f in when.response_format)
    asked["time"] = None if when.time is None else span_of(when.time)
    return Condition(**asked)
