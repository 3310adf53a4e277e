"""What is asked and what is answered, whatever the wire format.

A token, here, is four characters of text: deterministic, close enough to the real thing for bills, and the
unit in which answers are streamed, cut and given log-probabilities, so that all of these agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHARS_PER_TOKEN = 4

Finish = Literal["stop", "length", "tool_calls"]
ToolChoice = Literal["auto", "none", "required"]

NOTHING: Mapping[str, object] = MappingProxyType({})
"""An empty JSON object."""


def count_tokens(text: str) -> int:
    """The tokens in ``text``; at least one, as with real providers."""
    return max(1, -(-len(text) // CHARS_PER_TOKEN))


def pieces(text: str) -> list[str]:
    """``text`` as its tokens, in order; none for an empty text."""
    return [text[i : i + CHARS_PER_TOKEN] for i in range(0, len(text), CHARS_PER_TOKEN)]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the caller offers; ``schema`` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    schema: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, read from any of the wire formats.

    Attributes:
        model: The model's name without a provider's prefix.
        said: The text of the last message of the user, markers included.
        prompt_tokens: Tokens of every message, instruction and tool definition.
        max_tokens: The most tokens the answer may have; None for no bound.
        tool_named: The tool that must be called; empty for the model's own choice.
        tool_result: What the tool answered, where the request hands back a tool's result.
        structured: Whether the answer must be JSON; ``schema`` says of which shape, where the caller did.
        top_logprobs: Alternatives wanted for each token.
        n: Choices wanted.
        include_usage: Whether a stream ends with the usage.
        body: The request as it came.
    """

    model: str
    said: str
    prompt_tokens: int
    stream: bool = False
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    tool_named: str = ""
    tool_result: str | None = None
    structured: bool = False
    schema: Mapping[str, object] | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    n: int = 1
    include_usage: bool = False
    body: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; ``arguments`` is JSON text, as on the wire, and may be cut or botched."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: a text or a tool call.

    Attributes:
        mean_logprob: The mean of its tokens' log-probabilities (natural logarithm, so at most 0).
        seed: Decides the noise around that mean.
    """

    text: str = ""
    call: ToolCall | None = None
    finish: Finish = "stop"
    mean_logprob: float = -0.1
    seed: int = 0

    @property
    def tokens(self) -> int:
        """The completion tokens of this choice."""
        if self.call is None:
            return count_tokens(self.text)
        return count_tokens(self.call.name) + count_tokens(self.call.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that is served for one request, and the tokens it is billed for."""

    choices: Sequence[Choice]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        return sum(choice.tokens for choice in self.choices)


def cut(choice: Choice, max_tokens: int | None) -> Choice:
    """The choice, ended after ``max_tokens`` tokens with the finish ``length`` where it is longer."""
    if max_tokens is None or choice.tokens <= max_tokens:
        return choice
    if choice.call is None:
        text, call = choice.text[: max_tokens * CHARS_PER_TOKEN], None
    else:
        room = max(0, max_tokens - count_tokens(choice.call.name)) * CHARS_PER_TOKEN
        text, call = "", ToolCall(choice.call.name, choice.call.arguments[:room])
    return Choice(text, call, "length", choice.mean_logprob, choice.seed)
