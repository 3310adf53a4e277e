"""What one wire format has to provide: reading a request, and writing answers, streams and errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider.logprobs import token_logprob
from litellm_tiering.testing.provider.shapes import CHARS_PER_TOKEN, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from litellm_tiering.testing.provider.logprobs import TokenLogprob
    from litellm_tiering.testing.provider.shapes import Answer, Ask, Choice

TOKENS_PER_EVENT = 3
"""How many tokens one event of a stream brings."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer about to be written.

    Attributes:
        serial: The number of the call, from which identifiers are made.
        created_s: When, in seconds since the epoch.
    """

    ask: Ask
    answer: Answer
    serial: int
    created_s: int

    def ident(self, prefix: str) -> str:
        return f"{prefix}sim{self.serial:08d}"


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event as it goes out, and the completion tokens that leave with it."""

    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire format at its path.

    Attributes:
        read: A request body into an Ask; raises BadRequest.
        whole: The answer as one JSON body.
        events: The answer as a stream; None where the format knows none.
        error: The body of an error, from a status and a message.
    """

    path: str
    read: Callable[[Mapping[str, object]], Ask]
    whole: Callable[[Reply], Mapping[str, object]]
    events: Callable[[Reply], Iterator[Event]] | None
    error: Callable[[int, str], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Bit:
    """A part of a text that one event carries, with the log-probabilities of its tokens where wanted."""

    text: str
    tokens: int
    logprobs: tuple[TokenLogprob, ...] = ()


def bits(choice: Choice, text: str, ask: Ask) -> Iterator[Bit]:
    """``text``, in the parts in which it is streamed; none for an empty text."""
    size = TOKENS_PER_EVENT * CHARS_PER_TOKEN
    for start in range(0, len(text), size):
        part = text[start : start + size]
        tokens = pieces(part)
        first = start // CHARS_PER_TOKEN
        probabilities = (token_logprob(choice, first + i, t, ask.top_logprobs) for i, t in enumerate(tokens))
        yield Bit(part, len(tokens), tuple(probabilities) if ask.logprobs else ())


def dumps(value: object) -> str:
    """The value as JSON in ASCII, so that no text, lone surrogates included, is impossible to send."""
    return json.dumps(value, separators=(",", ":"))


def openai_error(status: int, message: str) -> Mapping[str, object]:
    """An error as the OpenAI API writes it."""
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004
    code = "rate_limit_exceeded" if kind == "rate_limit_error" else None
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
