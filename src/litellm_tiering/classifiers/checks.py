"""Conditions made ready: one function for each, so that a request pays only for what is asked of it."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.classifiers.conditions import WEEKDAYS
from litellm_tiering.classifiers.patterns import Keywords, Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from litellm_tiering.classifiers.conditions import Condition
    from litellm_tiering.classifiers.patterns import Searched
    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.features import RequestFeatures

    Check = Callable[["View"], bool]

_LONGEST_PATH = 8


def checks_of(condition: Condition) -> tuple[Check, ...]:
    """What ``condition`` asks of a request, cheapest first.

    Raises:
        ValueError: a regular expression is none; names it and the reason.
    """
    return (
        *_bounds(condition),
        *_flags(condition),
        *_choices(condition),
        *_identities(condition),
        *_calendar(condition),
        *_texts(condition),
    )


def keywords_of(conditions: Iterable[Condition]) -> tuple[Keywords, Keywords]:
    """All the keywords of ``conditions``, to search the question and the system prompt for, each in one pass.

    Raises:
        ValueError: a keyword is blank or too long.
    """
    conditions = tuple(conditions)
    return (
        Keywords(k for c in conditions for k in c.question_keywords),
        Keywords(k for c in conditions for k in c.system_keyword),
    )


@dataclass(slots=True)
class View:
    """A request as conditions see it: the subject, and its texts, each searched once for all rules."""

    subject: Subject
    question: Searched
    system: Searched

    @property
    def features(self) -> RequestFeatures:
        """The request in numbers."""
        return self.subject.features


_NUMBERS: Mapping[str, str] = {
    "tokens": "prompt_tokens",
    "context": "prompt_tokens",
    "chars": "prompt_chars",
    "question_tokens": "question_tokens",
    "turns": "turns",
    "tools": "tools",
    "images": "images",
    "audio": "audio",
    "files": "files",
    "output_tokens": "max_tokens",
}


def _bounds(condition: Condition) -> Iterable[Check]:
    for name, feature in _NUMBERS.items():
        least = getattr(condition, f"min_{name}")
        most = getattr(condition, f"max_{name}", None)
        if least is not None or most is not None:
            yield _between(feature, least, most)


def _between(feature: str, least: int | None, most: int | None) -> Check:
    def check(view: View) -> bool:
        value = getattr(view.features, feature)
        # A client that set no bound on its output has not set one of any size.
        return value is not None and (least is None or value >= least) and (most is None or value <= most)

    return check


def _flags(condition: Condition) -> Iterable[Check]:
    for name in ("code", "code_execution", "stream", "follow_up", "smalltalk"):
        wanted = getattr(condition, name)
        if wanted is not None:
            yield _flag(name, wanted=wanted)


def _flag(name: str, *, wanted: bool) -> Check:
    return lambda view: getattr(view.features, name) is wanted


def _choices(condition: Condition) -> Iterable[Check]:
    if condition.task_type:
        tasks = frozenset(t.casefold() for t in condition.task_type)
        yield (
            lambda view: view.features.task_type.value in tasks or view.features.use_case.casefold() in tasks
        )
    if condition.use_case:
        uses = frozenset(u.casefold() for u in condition.use_case)
        yield lambda view: view.features.use_case.casefold() in uses
    if condition.language:
        languages = frozenset(code.casefold() for code in condition.language)
        yield lambda view: view.features.language in languages
    if condition.surface:
        yield lambda view: view.features.surface.value in condition.surface
    if condition.response_format:
        yield lambda view: view.features.response_format.value in condition.response_format
    if condition.attachments:
        names = tuple(
            {"image": "images", "audio": "audio", "file": "files"}[a] for a in condition.attachments
        )
        yield lambda view: any(getattr(view.features, name) for name in names)


def _identities(condition: Condition) -> Iterable[Check]:
    if condition.model:
        models = _globs(condition.model)
        yield lambda view: models(view.features.model)
    if condition.tags:
        tags = _globs(condition.tags)
        yield lambda view: any(map(tags, view.features.tags)) or any(map(tags, view.subject.caller.tags))
    if condition.key_tags:
        key_tags = _globs(condition.key_tags)
        yield lambda view: any(map(key_tags, view.subject.caller.tags))
    for name, attributes in (
        ("key_alias", ("key_alias",)),
        ("team", ("team", "team_alias")),
        ("user", ("user",)),
        ("end_user", ("end_user",)),
    ):
        wanted = getattr(condition, name)
        if wanted:
            yield _identity(attributes, _globs(wanted))
    for name in ("key_metadata", "team_metadata", "user_metadata"):
        for path, value in getattr(condition, name).items():
            yield _metadata(name, path, value)


def _identity(attributes: tuple[str, ...], matches: Callable[[str], bool]) -> Check:
    # Nobody's name is no name: "*" asks for a key, a team, a user, and is not met by their absence.
    return lambda view: any(bool(v := getattr(view.subject.caller, a)) and matches(v) for a in attributes)


def _globs(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a name matches one of ``patterns``; case counts."""
    exact = frozenset(p for p in patterns if not set("*?[") & set(p))
    wild = [re.compile(fnmatch.translate(p)) for p in patterns if p not in exact]
    return lambda name: name in exact or any(w.match(name) for w in wild)


def _metadata(name: str, path: str, value: Any) -> Check:  # noqa: ANN401 - metadata holds anything
    allowed = tuple(value) if isinstance(value, (list, tuple)) else (value,)

    def check(view: View) -> bool:
        found = _at(getattr(view.subject.caller, name), path)
        many = found if isinstance(found, (list, tuple)) else (found,)
        return any(_same(one, other) for one in many for other in allowed)

    return check


_ABSENT = object()


def _at(metadata: Any, path: str) -> Any:  # noqa: ANN401 - metadata holds anything
    """What stands at a dotted path; a key that has the dots in its name comes first."""
    if isinstance(metadata, dict) and path in metadata:
        return metadata[path]
    for part in path.split(".", _LONGEST_PATH):
        if not isinstance(metadata, dict) or part not in metadata:
            return _ABSENT
        metadata = metadata[part]
    return metadata


def _same(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - metadata holds anything
    """Equality without Python's ``True == 1``: a flag is a flag, a number a number, a text a text."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, (int, float)) and isinstance(wanted, (int, float)):
        return found == wanted
    return type(found) is type(wanted) and bool(found == wanted)


def _calendar(condition: Condition) -> Iterable[Check]:
    span, days = condition.time, frozenset(WEEKDAYS.index(d) for d in condition.weekdays)
    if span is None and not days:
        return

    def check(view: View) -> bool:
        now = view.subject.local_time
        moment, day = now.time(), now.weekday()
        if span is not None:
            if not span.holds(moment):
                return False
            if span.start > span.end and moment < span.end:
                day = (day - 1) % 7
        return not days or day in days

    yield check


def _texts(condition: Condition) -> Iterable[Check]:
    anyone, every = frozenset(condition.any_keyword), frozenset(condition.all_keywords)
    nobody, system = frozenset(condition.none_keyword), frozenset(condition.system_keyword)
    if anyone:
        yield lambda view: not anyone.isdisjoint(view.question.keywords)
    if every:
        yield lambda view: every <= view.question.keywords
    if nobody:
        yield lambda view: nobody.isdisjoint(view.question.keywords)
    if system:
        yield lambda view: not system.isdisjoint(view.system.keywords)
    any_regex = tuple(Pattern(p) for p in condition.any_regex)
    all_regex = tuple(Pattern(p) for p in condition.all_regex)
    system_regex = tuple(Pattern(p) for p in condition.system_regex)
    if any_regex:
        yield lambda view: any(map(view.question.matches, any_regex))
    if all_regex:
        yield lambda view: all(map(view.question.matches, all_regex))
    if system_regex:
        yield lambda view: any(map(view.system.matches, system_regex))
