"""What a line of the input asks for: a request of its own, or a reason why it cannot be sent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CHAT = "/v1/chat/completions"

PATHS = frozenset({CHAT, "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"})
"""The routes of the proxy that a line may ask for."""

VIRTUAL = "auto"
"""What is asked for where neither the line nor the caller names a model."""

MAX_ID_CHARS = 512

_OURS = frozenset({"id", "custom_id", "method", "url", "body", "prompt", "messages"})
_STREAMING = frozenset({"stream", "stream_options"})


class Unusable(ValueError):
    """A line that cannot be sent, and why; it never repeats what the line holds."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        number: The line's number in the input, from 1.
        id: What the line calls itself; None where it does not.
        path: The route of the proxy.
        body: The request body, with its model and without streaming.
    """

    number: int
    id: str | int | float | None
    path: str
    body: Mapping[str, Any] = field(repr=False)

    @property
    def model(self) -> str:
        """The model that is asked for."""
        return str(self.body["model"])

    def content(self, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
        """The body as it is sent, with other values for some of its keys."""
        return dumps({**self.body, **changes})


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that cannot be sent, and why."""

    number: int
    why: str


if TYPE_CHECKING:
    Source = Callable[[], Iterable[Ask | Bad]]
    """Reads the input from its start; asked for it more than once."""


def ask_in(number: int, line: Mapping[str, Any], model: str | None) -> Ask:
    """The request on a line: ``{prompt | messages | body, id?}``, or one of OpenAI's batch lines.

    Beside a ``prompt`` or ``messages``, every other key of the line is a parameter of the request.

    Args:
        number: The line's number.
        line: What it holds.
        model: What to ask for; None for what the line names, else ``auto``.

    Raises:
        Unusable: there is no request on it.
    """
    path = line.get("url") or CHAT
    if not isinstance(path, str) or path not in PATHS or line.get("method", "POST") != "POST":
        raise Unusable(f"asks for something other than POST of {', '.join(sorted(PATHS))}")
    body = {k: v for k, v in _body(line, path).items() if k not in _STREAMING}
    named = model or body.get("model") or VIRTUAL
    if not isinstance(named, str):
        raise Unusable("has a `model` that is not text")
    ask = Ask(number, _id(line), path, {**body, "model": named})
    try:
        ask.content()
    except (ValueError, RecursionError):
        raise Unusable("holds a number that JSON does not know, or is nested too deeply") from None
    return ask


def _body(line: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    body = line.get("body")
    if isinstance(body, dict):
        return body
    if body is not None:
        raise Unusable("has a `body` that is not an object")
    if path != CHAT:
        raise Unusable(f"asks for {path} without a `body`")
    messages, prompt = line.get("messages"), line.get("prompt")
    if messages is None and isinstance(prompt, str):
        messages = [{"role": "user", "content": prompt}]
    if not (isinstance(messages, list) and messages and all(isinstance(m, dict) for m in messages)):
        raise Unusable("has neither a `prompt` that is text, nor `messages` that are objects, nor a `body`")
    return {"messages": messages, **{k: v for k, v in line.items() if k not in _OURS}}


def _id(line: Mapping[str, Any]) -> str | int | float | None:
    found = line.get("custom_id", line.get("id"))
    if isinstance(found, bool) or not isinstance(found, (str, int, float, type(None))):
        raise Unusable("has an id that is neither text nor a number")
    if isinstance(found, float) and (found != found or found in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        raise Unusable("has an id that is not a number that JSON knows")
    if isinstance(found, str) and len(found) > MAX_ID_CHARS:
        raise Unusable(f"has an id of more than {MAX_ID_CHARS} characters")
    return found


def dumps(value: object) -> bytes:
    """The value as compact JSON in ASCII.

    Raises:
        ValueError: it holds what JSON does not know, such as NaN.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def digest_of(one: Ask | Bad) -> bytes:
    """The same for the same request; tells whether a line is what it was."""
    told = one.why.encode() if isinstance(one, Bad) else one.path.encode() + one.content()
    return hashlib.sha256(told).digest()[:16]
