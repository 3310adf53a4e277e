"""Whether classifiers make sense: rules that do not contradict themselves, thresholds in order."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.checks import keywords_of
from litellm_tiering.classifiers.conditions import Condition
from litellm_tiering.classifiers.patterns import MAX_PATTERN_CHARS, Pattern
from litellm_tiering.config.build_chain import condition_of
from litellm_tiering.config.schema_classifiers import (
    CallbackClassifier,
    EmbeddingClassifier,
    HeuristicClassifier,
    LearnedClassifier,
    LitellmClassifier,
    RulesClassifier,
)
from litellm_tiering.config.sense import nothing_in, twice
from litellm_tiering.config.sense_asking import judge_asking
from litellm_tiering.config.sense_owncode import judge_owncode
from litellm_tiering.config.sense_shadow import judge_silent_classifiers
from litellm_tiering.config.words import Finding
from litellm_tiering.errors import BadModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.config.schema_classifiers import RuleSection
    from litellm_tiering.config.schema_when import WhenSection
    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

_REGEXES = ("any_regex", "all_regex", "system_regex")
_SCORED = (
    HeuristicClassifier,
    LearnedClassifier,
    EmbeddingClassifier,
    LitellmClassifier,
    CallbackClassifier,
)
_KEYWORDS = ("any_keyword", "all_keywords", "none_keyword", "system_keyword")


def judge_classifiers(view: View) -> Iterator[Finding]:
    """Each classifier by itself."""
    kinds: set[tuple[str, str]] = set()
    yield from judge_silent_classifiers(view)
    for i, classifier in enumerate(view.section.classifiers or ()):
        loc: Loc = ("tiering", "classifiers", i)
        if isinstance(classifier, RulesClassifier):
            rules = classifier.rules
            yield from nothing_in((*loc, "rules"), rules)
            names = (((*loc, "rules", n, "name"), r.name) for n, r in enumerate(rules))
            yield from twice(names, "a rule", view.words)
            for n, rule in enumerate(rules):
                yield from _judge_rule(view, (*loc, "rules", n), rule)
            yield from _judge_keywords((*loc, "rules"), rules)
        elif (classifier.kind, classifier.mode) in kinds and not isinstance(classifier, CallbackClassifier):
            yield Finding(
                (*loc, "kind"), f"a second classifier of kind {classifier.kind!r}", "keep one of them."
            )
        kinds.add((classifier.kind, classifier.mode))
        yield from judge_asking(view, loc, i)
        yield from judge_owncode(view, loc, i)
        if isinstance(classifier, _SCORED) and classifier.thresholds:
            yield from _judge_scores(view, (*loc, "thresholds"), classifier.thresholds)


def judge_models(view: View) -> Iterator[Finding]:
    """The files of trained classifiers: there, whole, and for a ladder like this one."""
    for i, one in enumerate(view.section.classifiers or ()):
        if not isinstance(one, LearnedClassifier):
            continue
        from litellm_tiering.classifiers.learned_model import RouterModel  # noqa: PLC0415 - only where it is configured: a proxy starts the sooner

        loc: Loc = ("tiering", "classifiers", i)
        try:
            model = RouterModel.load(view.base / Path(one.path).expanduser())
        except BadModel as error:
            yield Finding((*loc, "path"), f"{error.file} {error.message}.", error.fix)
            continue
        tiers = len(view.section.tiers)
        if one.thresholds is None and model.steps + 1 != tiers:
            yield Finding(
                (*loc, "path"),
                f"was trained for {model.steps + 1} tiers, and there are {tiers}: thresholds are guessed",
                "train it with one --tier for each tier, or find thresholds with `litellm-tiering tune`.",
                warning=True,
            )


def _judge_keywords(loc: Loc, rules: Sequence[RuleSection]) -> Iterator[Finding]:
    """All keywords are compiled into one search, which has its bounds."""
    conditions = [condition_of(r.when) for r in rules]
    words = [w for c in conditions for w in (*c.question_keywords, *c.system_keyword)]
    if any(not w.strip() or len(w) > MAX_PATTERN_CHARS for w in words):
        return  # told of each
    try:
        keywords_of(conditions)
    except ValueError as error:
        yield Finding(loc, f"the keywords cannot be searched for: {error}", "use fewer, or shorter ones.")


def _judge_rule(view: View, loc: Loc, rule: RuleSection) -> Iterator[Finding]:
    for key in ("tier", "min_tier", "max_tier"):
        yield from view.unknown_tier((*loc, key), getattr(rule, key))
    if rule.tier is None and rule.min_tier is None and rule.max_tier is None:
        yield Finding(loc, "does nothing", "add `tier`, `min_tier` or `max_tier`.")
    yield from _judge_bounds(view, loc, rule)
    yield from _judge_when(view, (*loc, "when"), rule.when)
    if condition_of(rule.when) == Condition():
        yield Finding(
            (*loc, "when"),
            "is empty, so the rule applies to every request",
            "write what must hold, such as `when: {min_tokens: 50000}`.",
            warning=True,
        )


def _judge_when(view: View, loc: Loc, when: WhenSection) -> Iterator[Finding]:
    for key in _REGEXES:
        for i, source in enumerate(getattr(when, key)):
            yield from _judge_regex(view, (*loc, key, i), source)
    for key in _KEYWORDS:
        for i, word in enumerate(getattr(when, key)):
            if not word.strip():
                yield Finding((*loc, key, i), "is blank", "remove it.")
            elif len(word) > MAX_PATTERN_CHARS:
                yield Finding((*loc, key, i), "is too long", f"use at most {MAX_PATTERN_CHARS} characters.")
    for key in type(when).model_fields:
        least, most = getattr(when, key), getattr(when, key.replace("min_", "max_", 1), None)
        if key.startswith("min_") and least is not None and most is not None and least > most:
            yield Finding(
                (*loc, key),
                f"{least} is above the rule's own `max_{key[4:]}` {most}: it never applies",
                "swap them, or leave one out.",
            )


def _judge_regex(view: View, loc: Loc, source: str) -> Iterator[Finding]:
    try:
        Pattern(source)
    except ValueError as error:
        reason = str(error).split("is no RE2 expression: ")[-1]
        yield Finding(
            loc,
            f"{view.words.show(source)} is no regular expression: {reason[:80]}",
            "use RE2's syntax, which has no look-around and no backreferences.",
        )


def _judge_bounds(view: View, loc: Loc, rule: RuleSection) -> Iterator[Finding]:
    rank, low, high = view.rank(rule.tier), view.rank(rule.min_tier), view.rank(rule.max_tier)
    show = view.words.show
    if low is not None and high is not None and low > high:
        yield Finding(
            (*loc, "min_tier"),
            f"{show(rule.min_tier)} is above the rule's own `max_tier` {show(rule.max_tier)}",
            "swap them, or leave one out.",
        )
    if rank is not None and low is not None and rank < low:
        yield Finding(
            (*loc, "tier"),
            f"{show(rule.tier)} is below the rule's own `min_tier` {show(rule.min_tier)}",
            "choose a tier within the bounds, or leave `min_tier` out.",
        )
    if rank is not None and high is not None and rank > high:
        yield Finding(
            (*loc, "tier"),
            f"{show(rule.tier)} is above the rule's own `max_tier` {show(rule.max_tier)}",
            "choose a tier within the bounds, or leave `max_tier` out.",
        )


def _judge_scores(view: View, loc: Loc, thresholds: Mapping[str, float]) -> Iterator[Finding]:
    for name in thresholds:
        yield from view.unknown_tier((*loc, name), name)
    if not view.names:
        return
    if view.names[0] in thresholds:
        yield Finding(
            (*loc, view.names[0]),
            "the cheapest tier has no threshold: it is what lies below all others",
            "remove it.",
        )
    for name in view.names[1:]:
        if name not in thresholds:
            yield Finding(
                (*loc, name),
                "is missing",
                "add the score from which this tier is chosen, or list none at all.",
            )
    listed = [name for name in view.names[1:] if name in thresholds]
    for before, name in pairwise(listed):
        if thresholds[name] <= thresholds[before]:
            yield Finding(
                (*loc, name),
                f"{thresholds[name]:g} is not above {thresholds[before]:g}, the threshold of the cheaper "
                f"{view.words.show(before)}",
                "thresholds ascend with the ladder.",
            )
