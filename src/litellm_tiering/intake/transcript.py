"""A request as it is kept for training: a chat conversation in bounded plain JSON, whichever API it came by.

Only what was asked, and in what form an answer was wanted: no ids, no keys, no metadata. Pictures, sound and
documents are left out, and of text that is too long its beginning and end are kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Surface
from litellm_tiering.intake.bodies import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_CHARS = 100_000
"""How much text of one request is kept in all."""

MAX_TEXT_CHARS = 50_000
"""How much of one text in it."""

MAX_MESSAGES = 400
MAX_NODES = 20_000
MAX_DEPTH = 24
MAX_DATA_CHARS = 2_000
"""A longer text that begins with so many characters of ASCII and no space is data, and is left out."""

LEFT_OUT = "[left out]"

_KEPT = (
    *("tools", "tool_choice", "response_format", "text", "max_tokens", "max_completion_tokens"),
    *("max_output_tokens", "n", "stop", "temperature", "reasoning_effort"),
)


def transcript(body: Mapping[str, Any], surface: Surface) -> dict[str, Any] | None:
    """``{messages, tools?, response_format?, …, cut?}`` of a request; None where it holds no question.

    ``cut`` is true where something was left out. Never raises, whatever the body holds.
    """
    room = _Room()
    found = _messages(_entries(body, surface), room)
    if not found:
        return None
    rest = {key: room.copied(body[key]) for key in _KEPT if body.get(key) is not None}
    return {"messages": found, **rest, **({"cut": True} if room.cut else {})}


def _entries(body: Mapping[str, Any], surface: Surface) -> list[Any]:
    """The request's messages in the form of chat completions, the system prompt first."""
    if surface is Surface.COMPLETION:
        prompt = body.get("prompt")
        texts = prompt if isinstance(prompt, list) else [prompt]
        return [{"role": "user", "content": t} for t in texts if isinstance(t, str)]
    responses = surface is Surface.RESPONSES
    system = body.get("instructions") if responses else body.get("system")
    asked = body.get("input") if responses else None
    if asked is None:
        asked = body.get("messages")
    entries: Sequence[Any] = asked if isinstance(asked, (list, tuple)) else ()
    if isinstance(asked, str):
        entries = [{"role": "user", "content": asked}]
    head = [{"role": "system", "content": system}] if system else []
    return [*head, *entries]


def _messages(entries: Sequence[Any], room: _Room) -> list[Any]:
    """The first message, and the newest ones for which there is room."""
    if not entries:
        return []
    first = _message(entries[0], room)
    newest: list[Any] = []
    for i in range(len(entries) - 1, 0, -1):
        if len(newest) >= MAX_MESSAGES or room.full:
            room.cut = True
            break
        newest.append(_message(entries[i], room))
    return [m for m in (first, *reversed(newest)) if m]


def _message(entry: object, room: _Room) -> dict[str, Any]:
    fields = fields_of(entry)
    found = room.copied({k: v for k, v in fields.items() if not k.startswith("_")})
    return found if isinstance(found, dict) else {}


class _Room:
    """Copies JSON while there is room for it."""

    def __init__(self) -> None:
        self.cut = False
        self._chars = MAX_CHARS
        self._nodes = MAX_NODES

    @property
    def full(self) -> bool:
        """Whether nothing more is kept."""
        return self._chars <= 0 or self._nodes <= 0

    def copied(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON in, JSON out
        """``value`` as plain JSON of its own, as much of it as there is room for."""
        self._nodes -= 1
        if value is None or isinstance(value, (bool, int)):
            return value if not isinstance(value, int) or abs(value) < 2**63 else None
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, str):
            return self._text(value)
        if depth >= MAX_DEPTH or self.full:
            self.cut = True
            return None
        if isinstance(value, (list, tuple)):
            return [self.copied(v, depth + 1) for v in value[: self._nodes]]
        fields = fields_of(value)
        return {
            self._text(k) if len(k) > MAX_DATA_CHARS else k: self.copied(v, depth + 1)
            for k, v in fields.items()
            if isinstance(k, str) and self._nodes > 0
        }

    def _text(self, text: str) -> str:
        if len(text) > MAX_DATA_CHARS and _is_data(text[:MAX_DATA_CHARS]):
            self.cut = True
            return LEFT_OUT
        most = max(0, min(MAX_TEXT_CHARS, self._chars))
        if len(text) > most:
            self.cut = True
            half = most // 2
            text = f"{text[:half]} … {text[-half:]}" if half else ""
        self._chars -= len(text)
        return text


def _is_data(text: str) -> bool:
    """Whether a text is base64 or a data URL; a language that writes no spaces is not ASCII either."""
    return text.isascii() and not any(space in text for space in " \n\t")
