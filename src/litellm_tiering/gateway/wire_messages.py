"""Answers of Anthropic's messages: whole, and as the bytes of an event stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.gateway.loose import finish, get, items, text

if TYPE_CHECKING:
    from litellm_tiering.ports import Listener

MAX_BLOCKS = 4_096
"""How many content blocks of one answer are made out."""

MAX_FRAME_BYTES = 4_000_000
"""The longest event that is put together from pieces; a longer one is not read."""


class MessagesWire:
    """Anthropic's messages."""

    def whole(self, response: Any) -> tuple[Said, ...]:
        """A whole answer; there is only one choice."""
        blocks = items(get(response, "content"))[:MAX_BLOCKS]
        calls = [b for b in blocks if get(b, "type") == "tool_use"]
        return (
            Said(
                text="".join(text(get(b, "text")) for b in blocks if get(b, "type") == "text"),
                tool_calls=tuple(ToolCall(text(get(b, "name")), _json(get(b, "input"))) for b in calls),
                finish_reason=finish(get(response, "stop_reason")),
            ),
        )

    def listener(self) -> Listener:
        """For one stream."""
        return MessagesListener()


def _json(value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return ""


class MessagesListener:
    """Makes out the events in an Anthropic stream, wherever its chunks are cut."""

    def __init__(self) -> None:
        self.chars = 0
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._parts: list[str] = []
        self._calls: dict[int, tuple[str, list[str]]] = {}
        self._finish = ""

    def hear(self, chunk: Any) -> None:
        """Take in one chunk: bytes of the stream, or an event already made out."""
        if isinstance(chunk, dict):
            self._event(chunk)
            return
        if isinstance(chunk, str):
            chunk = chunk.encode("utf-8", "replace")
        if not isinstance(chunk, bytes | bytearray):
            return
        *lines, rest = bytes(chunk).split(b"\n")
        if lines:
            lines[0] = b"".join((*self._rest, lines[0]))
            self._rest, self._rest_bytes = [], 0
        # Kept in pieces: put together each time, a long line in short ones would cost its square.
        self._rest.append(rest)
        self._rest_bytes += len(rest)
        if self._rest_bytes > MAX_FRAME_BYTES:
            self._rest, self._rest_bytes = [], 0
        for line in lines:
            if line.startswith(b"data:"):
                self._line(line[len(b"data:") :])

    def _line(self, data: bytes) -> None:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(event, dict):
            self._event(event)

    def _event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "content_block_start":
            block, at = get(event, "content_block"), get(event, "index")
            if get(block, "type") == "tool_use" and isinstance(at, int) and len(self._calls) < MAX_BLOCKS:
                self._calls[at] = (text(get(block, "name")), [])
            elif get(block, "type") == "text":
                self._add(self._parts, text(get(block, "text")))
        elif kind == "content_block_delta":
            delta = get(event, "delta")
            if get(delta, "type") == "text_delta":
                self._add(self._parts, text(get(delta, "text")))
            elif get(delta, "type") == "input_json_delta" and isinstance(at := event.get("index"), int):
                self._add(self._calls.get(at, ("", []))[1], text(get(delta, "partial_json")))
        elif kind == "message_delta":
            self._finish = finish(get(get(event, "delta"), "stop_reason")) or self._finish

    def _add(self, parts: list[str], piece: str) -> None:
        if piece:
            parts.append(piece)
            self.chars += len(piece)

    def said(self) -> tuple[Said, ...]:
        """The answer so far."""
        # Without deltas the input is the empty object of its block's start.
        calls = (ToolCall(name, "".join(parts) or "{}") for _, (name, parts) in sorted(self._calls.items()))
        return (Said("".join(self._parts), tuple(calls), (), self._finish),)
