"""What a rule asks of a request. Conditions given must all hold; a list means any of it unless it says all."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from litellm_tiering.classifiers.patterns import Keywords, Pattern, Searched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.features import RequestFeatures

    Check = Callable[["View"], bool]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ATTACHMENTS = ("image", "audio", "file")

_LONGEST_PATH = 8


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A time of day: from ``start`` on, up to and without ``end``; over midnight where ``end`` is earlier."""

    start: dt.time
    end: dt.time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("a time of day must not end when it starts")

    @classmethod
    def of(cls, start: str, end: str) -> TimeSpan:
        """The span from one ``HH:MM`` to another; ``24:00`` ends at midnight.

        Raises:
            ValueError: one of them is no time of day.
        """
        return cls(_clock(start), _clock("00:00" if end == "24:00" else end))

    def holds(self, moment: dt.time) -> bool:
        """Whether ``moment`` lies within."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def _clock(text: str) -> dt.time:
    hours, found, minutes = text.partition(":")
    plain = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    if not (found and plain and len(hours) <= 2 and len(minutes) == 2):  # noqa: PLR2004 - HH:MM
        raise ValueError(f"{text[:20]!r} is no time of day: write HH:MM")
    return dt.time(int(hours), int(minutes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The conditions of one rule; those left out are not asked.

    Attributes:
        min_tokens: At least so many prompt tokens: system prompt, turns, tools and attachments together.
        max_tokens: At most so many prompt tokens.
        min_context: The same as ``min_tokens``.
        max_context: The same as ``max_tokens``.
        min_chars: At least so many characters of text in the whole prompt.
        max_chars: At most so many.
        min_question_tokens: At least so many tokens in the question alone.
        max_question_tokens: At most so many.
        min_turns: At least so many turns of the user.
        max_turns: At most so many.
        min_tools: At least so many tools offered.
        max_tools: At most so many.
        min_output_tokens: The client set a bound on output tokens of at least so many.
        max_output_tokens: The client set a bound on output tokens of at most so many.
        task_type: Task types, or the owner's own use cases; whatever their case.
        use_case: The owner's own words, from metadata or tags; whatever their case.
        language: ISO 639-1 codes of the question's language.
        surface: ``chat``, ``completion``, ``messages``, ``responses``.
        model: The requested name, globs.
        any_keyword: The question holds one of these words or phrases.
        all_keywords: The question holds all of them.
        none_keyword: The question holds none of them.
        any_regex: One of these RE2 expressions is found in the question.
        all_regex: All of them are.
        system_keyword: The system prompt holds one of these words or phrases.
        system_regex: One of these RE2 expressions is found in the system prompt.
        tags: A tag of the request, the key or the team, globs. A client can write the first kind.
        key_tags: A tag of the key or the team, globs.
        attachments: ``image``, ``audio``, ``file``: one of them is attached.
        min_images: At least so many images.
        min_audio: At least so many audio clips.
        min_files: At least so many documents.
        response_format: ``text``, ``json_object``, ``json_schema``.
        code: Whether the question holds program code.
        code_execution: Whether a tool that runs code is offered.
        stream: Whether the answer is streamed.
        follow_up: Whether the last turn only asks to go on.
        smalltalk: Whether the last turn is a greeting or thanks.
        key_alias: The key's name, globs.
        team: The team's id or name, globs.
        user: The id of the key's owner, globs.
        end_user: The client's own customer, globs; the client's word.
        key_metadata: Dotted key to a value, or a list of allowed ones; a list in the metadata may hold it.
        team_metadata: The same of the team.
        user_metadata: The same of the user.
        time: A time of day, in the configuration's timezone.
        weekdays: ``mon`` to ``sun``; the hours after midnight of a ``time`` over midnight belong to the
            day it began on.
    """

    min_tokens: int | None = None
    max_tokens: int | None = None
    min_context: int | None = None
    max_context: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    min_question_tokens: int | None = None
    max_question_tokens: int | None = None
    min_turns: int | None = None
    max_turns: int | None = None
    min_tools: int | None = None
    max_tools: int | None = None
    min_output_tokens: int | None = None
    max_output_tokens: int | None = None
    min_images: int | None = None
    min_audio: int | None = None
    min_files: int | None = None
    task_type: tuple[str, ...] = ()
    use_case: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    surface: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    any_keyword: tuple[str, ...] = ()
    all_keywords: tuple[str, ...] = ()
    none_keyword: tuple[str, ...] = ()
    any_regex: tuple[str, ...] = ()
    all_regex: tuple[str, ...] = ()
    system_keyword: tuple[str, ...] = ()
    system_regex: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    key_tags: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    response_format: tuple[str, ...] = ()
    code: bool | None = None
    code_execution: bool | None = None
    stream: bool | None = None
    follow_up: bool | None = None
    smalltalk: bool | None = None
    key_alias: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    end_user: tuple[str, ...] = ()
    key_metadata: Mapping[str, Any] = field(default_factory=dict)
    team_metadata: Mapping[str, Any] = field(default_factory=dict)
    user_metadata: Mapping[str, Any] = field(default_factory=dict)
    time: TimeSpan | None = None
    weekdays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in _LISTS:
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, (value,))
            elif not isinstance(value, tuple):
                object.__setattr__(self, name, tuple(value))
        for name, allowed in (("weekdays", WEEKDAYS), ("attachments", ATTACHMENTS)):
            unknown = [v for v in getattr(self, name) if v not in allowed]
            if unknown:
                raise ValueError(f"{name}: {unknown[0]!r} is none of {', '.join(allowed)}")

    @property
    def question_keywords(self) -> tuple[str, ...]:
        """Every keyword that the question is searched for."""
        return (*self.any_keyword, *self.all_keywords, *self.none_keyword)

    def checks(self) -> tuple[Check, ...]:
        """What is to be asked of a request, cheapest first.

        Raises:
            ValueError: a regular expression is none; names it and the reason.
        """
        return (
            *_bounds(self),
            *_flags(self),
            *_choices(self),
            *_identities(self),
            *_calendar(self),
            *_texts(self),
        )


_LISTS = tuple(f.name for f in fields(Condition) if f.type == "tuple[str, ...]")


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
        yield lambda view: (
            view.features.task_type.value in tasks or view.features.use_case.casefold() in tasks
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
        names = tuple({"image": "images", "audio": "audio", "file": "files"}[a] for a in condition.attachments)
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
