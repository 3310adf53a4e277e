"""From the ``classifiers:`` section to the chain that is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.conditions import Condition
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.classifiers.rules import Rule, RulesClassifier
from litellm_tiering.config.build_gates import FaultLog
from litellm_tiering.config.schema_when import span_of
from litellm_tiering.errors import BadModel, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_tiering.config import schema_classifiers as section
    from litellm_tiering.config.build_gates import OnFault
    from litellm_tiering.config.schema_when import WhenSection
    from litellm_tiering.core.classification import Classifier
    from litellm_tiering.core.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Site:
    """What classifiers are built on.

    Attributes:
        ladder: The ladder.
        on_fault: Told where a classifier failed, and with what.
        base: The directory that relative paths are meant from.
        rules: The owner's rules, for classifiers that learned what their matching tells.
    """

    ladder: Ladder
    on_fault: OnFault
    base: Path
    rules: RulesClassifier | None = None

    def thresholds(self, by_tier: Mapping[str, float] | None) -> tuple[float, ...] | None:
        """Thresholds by rank, the cheapest tier left out; None where there are none."""
        return None if not by_tier else tuple(by_tier[t.name] for t in self.ladder.tiers[1:])

    def path(self, written: str) -> Path:
        """A path as it was written, from where it is meant."""
        return self.base / Path(written).expanduser()


def build_chain(
    listed: Sequence[section.AnyClassifier] | None,
    ladder: Ladder,
    on_fault: OnFault | None = None,
    base: Path | None = None,
) -> Chain:
    """The chain of the classifiers ``listed``; the heuristic alone where that is None.

    Args:
        listed: What ``classifiers`` lists.
        ladder: The ladder.
        on_fault: Told where a classifier failed, and with what; the log is when None.
        base: The directory that relative paths are meant from; the working one when None.

    Raises:
        ConfigError: a model's file is not there, or cannot be used.
        KeyError, ValueError: the section was never judged.
    """
    if listed is None:
        return Chain([HeuristicClassifier(ladder)], ladder, on_fault=on_fault)
    site = Site(ladder, on_fault or FaultLog(), base or Path(), rules_in(listed, ladder))
    built = [_BUILDERS[one.kind](one, site) for one in listed]
    silent = [i for i, one in enumerate(listed) if one.mode == "shadow"]
    return Chain(built, ladder, on_fault=site.on_fault, shadow=silent)


def deciding(listed: Sequence[section.AnyClassifier] | None) -> tuple[section.AnyClassifier, ...]:
    """Those of the classifiers ``listed`` whose word counts: none that is in shadow mode."""
    return tuple(one for one in listed or () if one.mode == "enforce")


def _rules(one: section.RulesClassifier, site: Site) -> Classifier:
    return RulesClassifier([rule_of(r, site.ladder) for r in one.rules], site.ladder)


def _heuristic(one: section.HeuristicClassifier, site: Site) -> Classifier:
    return HeuristicClassifier(site.ladder, site.thresholds(one.thresholds), abstain_below=one.abstain_below)


def _learned(one: section.LearnedClassifier, site: Site) -> Classifier:
    from litellm_tiering.classifiers.learned import LearnedClassifier  # noqa: PLC0415 - only where it is configured: a proxy starts the sooner
    from litellm_tiering.classifiers.learned_model import RouterModel  # noqa: PLC0415 - as above

    try:
        model = RouterModel.load(site.path(one.path))
    except BadModel as error:
        # Judged before, with its line in the file; it may have changed since.
        place = "tiering.classifiers[].path"
        raise ConfigError([Problem(place, f"{error.file} {error.message}.", error.fix)]) from None
    return LearnedClassifier(
        model,
        site.ladder,
        site.thresholds(one.thresholds),
        abstain_below=one.abstain_below,
        rules=site.rules,
    )


def _llm(one: section.LlmClassifier, site: Site) -> Classifier:
    from litellm_tiering.classifiers.llm import LlmClassifier  # noqa: PLC0415 - as above

    return LlmClassifier(
        site.ladder,
        one.model,
        timeout_s=one.timeout_ms / 1000,
        max_chars=one.max_chars,
        max_tokens=one.max_tokens,
        cache_ttl_s=one.cache_ttl_s,
        described=one.tiers,
        on_fault=site.on_fault,
    )


def _embedding(one: section.EmbeddingClassifier, site: Site) -> Classifier:
    from litellm_tiering.config.build_embedding import embedding_of  # noqa: PLC0415 - as above

    return embedding_of(one, site.ladder, site.base, site.on_fault)


def _litellm(one: section.LitellmClassifier, site: Site) -> Classifier:
    from litellm_tiering.classifiers.litellm_score import LitellmClassifier  # noqa: PLC0415 - as above

    return LitellmClassifier(
        site.ladder,
        site.thresholds(one.thresholds),
        abstain_below=one.abstain_below,
        max_chars=one.max_chars,
    )


def _callback(one: section.CallbackClassifier, site: Site) -> Classifier:
    from litellm_tiering.classifiers.callback import CallbackClassifier  # noqa: PLC0415 - as above

    return CallbackClassifier(
        site.ladder,
        one.target,
        name=one.name,
        timeout_ms=one.timeout_ms,
        thresholds=site.thresholds(one.thresholds),
        abstain_below=one.abstain_below,
    )


_BUILDERS: Mapping[str, Callable[[Any, Site], Classifier]] = {
    "rules": _rules,
    "heuristic": _heuristic,
    "learned": _learned,
    "embedding": _embedding,
    "llm": _llm,
    "litellm": _litellm,
    "callback": _callback,
}
"""By kind, which is what tells the sections apart."""


def rules_in(listed: Sequence[section.AnyClassifier], ladder: Ladder) -> RulesClassifier | None:
    """All rules of the classifiers ``listed``, but those in shadow mode; None where there are none."""
    rules = [rule_of(r, ladder) for one in deciding(listed) if one.kind == "rules" for r in one.rules]
    return RulesClassifier(rules, ladder) if rules else None


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
