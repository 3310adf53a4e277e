"""The ``when:`` of a rule: what it asks of a request. Its keys are those of the classifiers' condition."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from litellm_tiering.classifiers.conditions import TimeSpan
from litellm_tiering.config.base import Section, Text, Whole
from litellm_tiering.core.features import ResponseFormat, Surface  # noqa: TC001 - pydantic reads them

_SPAN = re.compile(r"\s*(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})\s*")
_LARGEST = 2**63


def _listed(value: Any) -> Any:  # noqa: ANN401 - a validator sees whatever was written
    """One word may stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _span(text: str) -> str:
    try:
        span_of(text)
    except ValueError:
        raise PydanticCustomError("time_span", "must be a time of day") from None
    return text


def span_of(text: str) -> TimeSpan:
    """``22:00-06:00`` as the classifiers' time span.

    Raises:
        ValueError: it is none.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError("not two times of day")
    return TimeSpan.of(*found.groups())


def _plain(value: Any) -> Any:  # noqa: ANN401 - a validator sees whatever was written
    """Metadata is compared with plain values: nothing else can be equal to it."""
    for one in value if isinstance(value, list) else [value]:
        text = isinstance(one, str) and not re.search("[\ud800-\udfff]", one)
        number = isinstance(one, (int, float)) and abs(one) < _LARGEST
        if not (one is None or isinstance(one, bool) or text or number):
            raise PydanticCustomError("plain_value", "must be a plain value")
    return value


Words = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
"""A list of texts, or one text alone."""

Least = Annotated[Whole, Field(ge=0)]
"""A count."""

Metadata = dict[Text, Annotated[Any, AfterValidator(_plain)]]
"""Dotted key to a value, or to a list of values of which one must be there."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class WhenSection(Section):
    """What a rule asks of a request. All that is written must hold; of a list, one entry must."""

    min_tokens: Least | None = Field(
        default=None, description="At least so many prompt tokens: system prompt, turns, tools, attachments."
    )
    max_tokens: Least | None = Field(default=None, description="At most so many prompt tokens.")
    min_context: Least | None = Field(default=None, description="The same as `min_tokens`.")
    max_context: Least | None = Field(default=None, description="The same as `max_tokens`.")
    min_chars: Least | None = Field(default=None, description="At least so many characters of text in all.")
    max_chars: Least | None = Field(default=None, description="At most so many characters of text in all.")
    min_question_tokens: Least | None = Field(
        default=None, description="At least so many tokens in the question, the last substantive user turn."
    )
    max_question_tokens: Least | None = Field(
        default=None, description="At most so many tokens in the question."
    )
    min_turns: Least | None = Field(default=None, description="At least so many turns of the user.")
    max_turns: Least | None = Field(default=None, description="At most so many turns of the user.")
    min_tools: Least | None = Field(default=None, description="At least so many tools offered.")
    max_tools: Least | None = Field(default=None, description="At most so many tools offered.")
    min_output_tokens: Least | None = Field(
        default=None, description="The client bounds the output, to at least so many tokens."
    )
    max_output_tokens: Least | None = Field(
        default=None, description="The client bounds the output, to at most so many tokens."
    )
    min_images: Least | None = Field(default=None, description="At least so many images attached.")
    min_audio: Least | None = Field(default=None, description="At least so many audio clips attached.")
    min_files: Least | None = Field(default=None, description="At least so many documents attached.")
    task_type: Words = Field(default=(), description="Task types, or use cases of your own.")
    use_case: Words = Field(default=(), description="Your own words, from a request's metadata or tags.")
    language: Words = Field(default=(), description="The question's language, ISO 639-1 codes.")
    surface: Annotated[tuple[Surface, ...], BeforeValidator(_listed)] = Field(
        default=(), description="The API that the request came in by."
    )
    model: Words = Field(default=(), description="The requested name, globs.")
    any_keyword: Words = Field(default=(), description="The question holds one of these words or phrases.")
    all_keywords: Words = Field(default=(), description="The question holds all of them.")
    none_keyword: Words = Field(default=(), description="The question holds none of them.")
    any_regex: Words = Field(default=(), description="One of these RE2 expressions is found in the question.")
    all_regex: Words = Field(default=(), description="All of these RE2 expressions are.")
    system_keyword: Words = Field(
        default=(), description="The system prompt holds one of these words or phrases."
    )
    system_regex: Words = Field(
        default=(), description="One of these RE2 expressions is found in the system prompt."
    )
    tags: Words = Field(
        default=(), description="A tag of request, key or team, globs; a client can write the first kind."
    )
    key_tags: Words = Field(default=(), description="A tag of the key or the team, globs.")
    attachments: Annotated[tuple[Literal["image", "audio", "file"], ...], BeforeValidator(_listed)] = Field(
        default=(), description="One of these is attached."
    )
    response_format: Annotated[tuple[ResponseFormat, ...], BeforeValidator(_listed)] = Field(
        default=(), description="The shape of answer that is demanded."
    )
    code: bool | None = Field(default=None, description="Whether the question holds program code.")
    code_execution: bool | None = Field(default=None, description="Whether a tool that runs code is offered.")
    stream: bool | None = Field(default=None, description="Whether the answer is streamed.")
    follow_up: bool | None = Field(default=None, description="Whether the last turn only asks to go on.")
    smalltalk: bool | None = Field(default=None, description="Whether the last turn is a greeting or thanks.")
    key_alias: Words = Field(default=(), description="The key's name, globs.")
    team: Words = Field(default=(), description="The team's id or name, globs.")
    user: Words = Field(default=(), description="The id of the key's owner, globs.")
    end_user: Words = Field(default=(), description="The client's own customer, globs; the client's word.")
    key_metadata: Metadata = Field(
        default={},
        description="What stands in the key's metadata: dotted key to a value, or a list of values.",
    )
    team_metadata: Metadata = Field(default={}, description="The same of the team.")
    user_metadata: Metadata = Field(default={}, description="The same of the user.")
    time: Annotated[Text, AfterValidator(_span)] | None = Field(
        default=None, description="A time of day in `tiering.timezone`, such as `22:00-06:00`."
    )
    weekdays: Annotated[tuple[Day, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Days of the week; a `time` over midnight belongs to the day it began on."
    )
