"""Answers of OpenAI's responses: whole, and as events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.gateway.loose import finish, get, items, number, text

if TYPE_CHECKING:
    from litellm_tiering.ports import Listener

MAX_ITEMS = 4_096
"""How many output items of one answer are made out."""

_ACTIONS = frozenset(
    {
        *("computer_call", "local_shell_call", "shell_call", "apply_patch_call", "custom_tool_call"),
        *("mcp_approval_request", "image_generation_call"),
    }
)
"""Items that are an answer in themselves, without text; their arguments are no JSON of ours to judge."""

_ENDINGS = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesWire:
    """OpenAI's responses."""

    def whole(self, response: Any) -> tuple[Said, ...]:
        """A whole answer; there is only one choice."""
        output = items(get(response, "output"))[:MAX_ITEMS]
        parts = [p for o in output if get(o, "type") == "message" for p in items(get(o, "content"))]
        calls = tuple(_call(o) for o in output if get(o, "type") == "function_call" or _is_action(o))
        return (
            Said(
                text="".join(text(get(p, "text")) for p in parts),
                tool_calls=calls,
                logprobs=tuple(lp for p in parts for lp in _logprobs(p)),
                finish_reason=_ending(response, calls=bool(calls)),
                refusal="".join(text(get(p, "refusal")) for p in parts),
            ),
        )

    def listener(self) -> Listener:
        """For one stream."""
        return ResponsesListener()


def _is_action(item: Any) -> bool:
    return text(get(item, "type")) in _ACTIONS


def _call(item: Any) -> ToolCall:
    if _is_action(item):
        return ToolCall(text(get(item, "name")) or text(get(item, "type")), "{}")
    return ToolCall(text(get(item, "name")), text(get(item, "arguments")))


def _logprobs(part: Any) -> list[float]:
    found = (number(get(t, "logprob")) for t in items(get(part, "logprobs")))
    return [p for p in found if p is not None]


def _ending(response: Any, *, calls: bool) -> str:
    status = get(response, "status")
    if status == "incomplete":
        return finish(get(get(response, "incomplete_details"), "reason")) or "length"
    if status != "completed":
        return ""
    return "tool_calls" if calls else "stop"


class ResponsesListener:
    """Makes out a stream of responses events."""

    def __init__(self) -> None:
        self.chars = 0
        self._parts: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[str, tuple[str, list[str]]] = {}
        self._whole: tuple[Said, ...] | None = None

    def hear(self, chunk: Any) -> None:
        """Take in one event."""
        kind = get(chunk, "type")
        kind = text(getattr(kind, "value", kind))
        if kind == "response.output_text.delta":
            self._add(self._parts, text(get(chunk, "delta")))
        elif kind == "response.refusal.delta":
            self._add(self._refusal, text(get(chunk, "delta")))
        elif kind == "response.output_item.added":
            item = get(chunk, "item")
            if len(self._calls) >= MAX_ITEMS:
                return
            if get(item, "type") == "function_call":
                self._calls[text(get(item, "id"))] = (text(get(item, "name")), [])
            elif _is_action(item):
                made = _call(item)
                self._calls[text(get(item, "id"))] = (made.name, [made.arguments])
        elif kind == "response.function_call_arguments.delta":
            call = self._calls.get(text(get(chunk, "item_id")))
            if call is not None:
                self._add(call[1], text(get(chunk, "delta")))
        elif kind in _ENDINGS:
            self._whole = ResponsesWire().whole(get(chunk, "response"))

    def _add(self, parts: list[str], piece: str) -> None:
        if piece:
            parts.append(piece)
            self.chars += len(piece)

    def said(self) -> tuple[Said, ...]:
        """The answer so far; once it has ended, as its last event tells it."""
        heard = self._heard()
        if self._whole is None:
            return (heard,)
        (whole,) = self._whole
        # Some bridges end with a response that lists no output.
        return (
            (whole,)
            if whole.text or whole.tool_calls or whole.refusal
            else (Said(heard.text, heard.tool_calls, (), whole.finish_reason, heard.refusal),)
        )

    def _heard(self) -> Said:
        calls = (ToolCall(name, "".join(parts)) for name, parts in self._calls.values())
        return Said("".join(self._parts), tuple(calls), (), "", "".join(self._refusal))
