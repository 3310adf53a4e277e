"""What is known of a request: counts, flags and ids. Never its text."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Surface(str, enum.Enum):
    """The API that a request came in by."""

    CHAT = "chat"
    COMPLETION = "completion"
    MESSAGES = "messages"
    RESPONSES = "responses"


class TaskType(str, enum.Enum):
    """What kind of work a request asks for."""

    CHAT = "chat"
    QUESTION = "question"
    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    SUMMARY = "summary"
    TRANSLATION = "translation"
    CODE = "code"
    MATHS = "maths"
    ANALYSIS = "analysis"
    PLANNING = "planning"
    CREATIVE = "creative"


class ResponseFormat(str, enum.Enum):
    """What shape the client demands of the answer."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as LiteLLM's auth established it; a client cannot write any of this, ``end_user`` excepted.

    Attributes:
        key: LiteLLM's hash of the virtual key; never the key itself.
        key_alias: The key's name.
        team: The team's id.
        team_alias: The team's name.
        user: The id of the user who owns the key.
        end_user: The id of the client's own customer (the ``user`` field of a body): the client's word only.
        tags: Tags of the key and the team, never those of the request.
        key_metadata: What the owner wrote on the key.
        team_metadata: What the owner wrote on the team.
        user_metadata: What the owner wrote on the user.
    """

    key: str = ""
    key_alias: str = ""
    team: str = ""
    team_alias: str = ""
    user: str = ""
    end_user: str = ""
    tags: frozenset[str] = frozenset()
    key_metadata: Mapping[str, Any] = field(default_factory=dict)
    team_metadata: Mapping[str, Any] = field(default_factory=dict)
    user_metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestFeatures:
    """One request in numbers. Token counts are estimates: a tokenizer has no place before the upstream call.

    The *question* is the last substantive user turn: after "go on" or "thanks" it is the turn before that,
    and tool results and harness text are not user turns.

    Attributes:
        surface: The API it came in by.
        model: The model name that the client asked for.
        prompt_tokens: Everything that is sent: system prompt, turns, tools, attachments.
        prompt_chars: Characters of text in all of it.
        system_tokens: The system prompt's part.
        question_tokens: The question's part.
        question_words: Words in the question (for scripts without spaces, an equivalent of words).
        question_chars: Characters of the question.
        turns: Turns by the user, tool results not counted.
        messages: Messages of every role.
        tools: Tools offered.
        tool_results: Tool results among the messages.
        images: Images attached.
        audio: Audio clips attached.
        files: Documents attached.
        response_format: What shape of answer is demanded.
        max_tokens: The client's bound on output tokens, if it set one.
        choices: How many answers are asked for (``n``).
        stream: Whether the answer is to be streamed.
        logprobs: Whether the client wants log-probabilities.
        code: Whether the question holds program code.
        code_execution: Whether a code-execution tool is offered.
        language: ISO 639-1 code of the question's language, empty when unsure.
        task_type: The kind of work asked for.
        task_tagged: Whether ``task_type`` was stated by a tag rather than guessed.
        use_case: The owner's own word for it, from ``metadata.use_case`` or a tag, empty when absent.
        follow_up: Whether the last turn ("go on", "thanks") inherits from the conversation.
        smalltalk: Whether the last turn is a greeting or thanks, which needs no strong model.
        tags: Tags of the request itself: the client's word only, never trusted with privileges.
        truncated: Whether the text was too long to be read whole; counts are then scaled up.
        prompt_bytes: What the text comes to in UTF-8, which no tokenizer's count passes; 0 where not counted.
        attached_tokens: The part of ``prompt_tokens`` that stands for images, audio and documents.
        audio_tokens: What the audio clips come to at most, in tokens.
        file_tokens: What the documents come to, in tokens, generously.
        drafts: How many answers are paid for: those asked for, of every prompt, and drafts not shown.
        thinking_tokens: How much reasoning is asked for, in tokens; 0 when none is.
        cache_ttl_s: How long the provider is told to keep the prompt in its cache, in seconds; 0 for not.
        searches: How often the provider may search the web.
        speaks: Whether the answer may be sound.
        priority: Whether a dearer service tier is asked for.
        fast: Whether the provider's faster, dearer mode is asked for.
        elsewhere: Whether earlier turns are kept by the provider, whose length nobody here knows.
        signals: Named numbers for classifiers, such as ``maths`` or ``questions``.
        conversation: A digest of what names the conversation up to its latest turn; empty for none.
        follows: The digest that an earlier turn of it was known by; empty where this is its first.
        tool_step: Whether a tool's result came last: the next step of an agent, no question of the user's.
    """

    surface: Surface = Surface.CHAT
    model: str = ""
    prompt_tokens: int = 0
    prompt_chars: int = 0
    system_tokens: int = 0
    question_tokens: int = 0
    question_words: int = 0
    question_chars: int = 0
    turns: int = 0
    messages: int = 0
    tools: int = 0
    tool_results: int = 0
    images: int = 0
    audio: int = 0
    files: int = 0
    response_format: ResponseFormat = ResponseFormat.TEXT
    max_tokens: int | None = None
    choices: int = 1
    stream: bool = False
    logprobs: bool = False
    code: bool = False
    code_execution: bool = False
    language: str = ""
    task_type: TaskType = TaskType.CHAT
    task_tagged: bool = False
    use_case: str = ""
    follow_up: bool = False
    smalltalk: bool = False
    tags: frozenset[str] = frozenset()
    truncated: bool = False
    prompt_bytes: int = 0
    attached_tokens: int = 0
    audio_tokens: int = 0
    file_tokens: int = 0
    drafts: int = 1
    thinking_tokens: int = 0
    cache_ttl_s: int = 0
    searches: int = 0
    speaks: bool = False
    priority: bool = False
    fast: bool = False
    elsewhere: bool = False
    signals: Mapping[str, float] = field(default_factory=dict)
    conversation: str = ""
    follows: str = ""
    tool_step: bool = False


@dataclass(frozen=True, slots=True)
class PromptText:
    """The text of a request, bounded, handed beside the features to classifiers; never kept or logged.

    Attributes:
        question: The last substantive user turn: whole, or its head and tail when it is long.
        system: The system prompt: whole, or its head and tail when it is long.
    """

    question: str = ""
    system: str = ""

    def __repr__(self) -> str:
        """Sizes only: text must not reach a log by way of a traceback."""
        return f"PromptText(question={len(self.question)} chars, system={len(self.system)} chars)"
