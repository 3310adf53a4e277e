"""What a rule asks of a request: all conditions given must hold; a list means any of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ATTACHMENTS = ("image", "audio", "file")


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


_LISTS = tuple(f.name for f in fields(Condition) if f.type == "tuple[str, ...]")
