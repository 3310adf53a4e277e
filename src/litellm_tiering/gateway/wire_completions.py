"""Answers of OpenAI's chat completions and completions, whole and in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.gateway.loose import finish, get, items, number, place, text

if TYPE_CHECKING:
    from litellm_tiering.ports import Listener

MAX_PARTS = 4_096
"""How many choices or tool calls of one answer are made out; more of them are not judged."""


@dataclass(slots=True)
class _Call:
    """A tool call in the making."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Choice:
    """A choice in the making."""

    parts: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    legacy: _Call | None = None
    finish: str = ""

    def said(self) -> Said:
        made = [self.calls[at] for at in sorted(self.calls)] + ([self.legacy] if self.legacy else [])
        calls = (ToolCall(c.name, "".join(c.arguments)) for c in made)
        return Said(
            "".join(self.parts), tuple(calls), tuple(self.logprobs), self.finish, "".join(self.refusal)
        )


class ChatWire:
    """Chat completions."""

    def whole(self, response: Any) -> tuple[Said, ...]:
        """A whole answer, one entry for each choice."""
        return tuple(self._choice(c) for c in items(get(response, "choices"))[:MAX_PARTS])

    def listener(self) -> Listener:
        """For one stream."""
        return ChatListener()

    @staticmethod
    def _choice(choice: Any) -> Said:
        message = get(choice, "message")
        calls = [get(c, "function") for c in items(get(message, "tool_calls"))[:MAX_PARTS]]
        if (legacy := get(message, "function_call")) is not None:
            calls.append(legacy)
        return Said(
            text=content_text(get(message, "content")),
            tool_calls=tuple(ToolCall(text(get(c, "name")), text(get(c, "arguments"))) for c in calls),
            logprobs=chat_logprobs(choice),
            finish_reason=finish(get(choice, "finish_reason")),
            refusal=refusal_of(message),
        )


def content_text(content: Any) -> str:
    """The text of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(text(get(part, "text")) for part in items(content))


def refusal_of(message: Any) -> str:
    """What the provider marked as a refusal, where LiteLLM leaves it."""
    specific = get(message, "provider_specific_fields")
    return text(get(message, "refusal")) or text(get(specific, "refusal"))


def chat_logprobs(choice: Any) -> tuple[float, ...]:
    """The log-probability of each token of a chat choice."""
    found = (number(get(t, "logprob")) for t in items(get(get(choice, "logprobs"), "content")))
    return tuple(p for p in found if p is not None)


class _ChoicesListener(ABC):
    """Makes out a stream whose chunks hold pieces of choices."""

    def __init__(self) -> None:
        self.chars = 0
        self._choices: dict[int, _Choice] = {}

    def hear(self, chunk: Any) -> None:
        """Take in one chunk."""
        for choice in items(get(chunk, "choices")):
            known = self._choices.setdefault(place(get(choice, "index")), _Choice())
            if len(self._choices) > MAX_PARTS:
                self._choices.popitem()
                return
            self._piece(known, choice)
            known.finish = finish(get(choice, "finish_reason")) or known.finish

    @abstractmethod
    def _piece(self, known: _Choice, choice: Any) -> None:
        """Add one chunk's piece of a choice to what is known of it."""

    def _add(self, parts: list[str], piece: str) -> None:
        if piece:
            parts.append(piece)
            self.chars += len(piece)

    def said(self) -> tuple[Said, ...]:
        """The answer so far."""
        return tuple(c.said() for _, c in sorted(self._choices.items()))


class ChatListener(_ChoicesListener):
    """Makes out a streamed chat completion."""

    def _piece(self, known: _Choice, choice: Any) -> None:
        self._delta(known, get(choice, "delta"))
        known.logprobs += chat_logprobs(choice)

    def _delta(self, known: _Choice, delta: Any) -> None:
        self._add(known.parts, content_text(get(delta, "content")))
        self._add(known.refusal, refusal_of(delta))
        for call in items(get(delta, "tool_calls")):
            at = place(get(call, "index"))
            if len(known.calls) < MAX_PARTS or at in known.calls:
                self._call(known.calls.setdefault(at, _Call()), get(call, "function"))
        if (legacy := get(delta, "function_call")) is not None:
            known.legacy = known.legacy or _Call()
            self._call(known.legacy, legacy)

    def _call(self, mine: _Call, function: Any) -> None:
        mine.name = text(get(function, "name")) or mine.name
        self._add(mine.arguments, text(get(function, "arguments")))


class CompletionWire:
    """Completions."""

    def whole(self, response: Any) -> tuple[Said, ...]:
        """A whole answer, one entry for each choice."""
        return tuple(self._choice(c) for c in items(get(response, "choices"))[:MAX_PARTS])

    def listener(self) -> Listener:
        """For one stream."""
        return CompletionListener()

    @staticmethod
    def _choice(choice: Any) -> Said:
        return Said(
            text=text(get(choice, "text")),
            logprobs=completion_logprobs(choice),
            finish_reason=finish(get(choice, "finish_reason")),
        )


def completion_logprobs(choice: Any) -> tuple[float, ...]:
    """The log-probability of each token of a completion's choice."""
    found = (number(p) for p in items(get(get(choice, "logprobs"), "token_logprobs")))
    return tuple(p for p in found if p is not None)


class CompletionListener(_ChoicesListener):
    """Makes out a streamed completion."""

    def _piece(self, known: _Choice, choice: Any) -> None:
        self._add(known.parts, text(get(choice, "text")))
        known.logprobs += completion_logprobs(choice)
