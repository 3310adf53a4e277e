"""What a client demands of the answer: tools, format, length, count, stream. Clamped, never trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.core.features import ResponseFormat, Surface
from litellm_tiering.intake.bodies import fields_of, texts_within
from litellm_tiering.intake.tokens import utf8_size

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_OUTPUT_TOKENS = 10_000_000
"""A larger bound on the answer is no bound."""

MAX_CHOICES = 128
"""The most answers one request may ask for, as OpenAI has it."""

MAX_TOOL_NODES = 1_200
"""How many values of all the tools' schemas are looked at; what is left out is scaled up."""

_MAX_TOOL = 300
_CHARS_PER_TOKEN = 4
_TOOL_FRAME_TOKENS = 8
_RUNS_CODE = frozenset(
    {
        "bash",
        "code_execution",
        "code_interpreter",
        "codeexecution",
        "execute_code",
        "execute_python",
        "local_shell",
        "python",
        "run_code",
        "run_python",
        "shell",
    }
)
_RUNS_CODE_PREFIXES = ("bash_2", "code_execution_2")
_PROBABILITIES = frozenset({"logprobs", "top_logprobs", "include"})
_SHAPES = frozenset({"response_format", "text", "output_format", "output_config"})
_BOUNDS = {
    Surface.CHAT: ("max_completion_tokens", "max_tokens"),
    Surface.COMPLETION: ("max_tokens",),
    Surface.MESSAGES: ("max_tokens",),
    Surface.RESPONSES: ("max_output_tokens",),
}
"""What bounds an answer, by API: a name of another API bounds nothing there, and must not pass for one."""


_NAMES = frozenset(
    {"tools", "functions", "n", "stream", "extra_body", *_PROBABILITIES, *_SHAPES}.union(*_BOUNDS.values())
)


class Demands(NamedTuple):
    """Tools and parameters of a request, in numbers."""

    tools: int = 0
    tool_tokens: float = 0.0
    tool_bytes: float = 0.0
    code_execution: bool = False
    response_format: ResponseFormat = ResponseFormat.TEXT
    max_tokens: int | None = None
    choices: int = 1
    stream: bool = False
    logprobs: bool = False


_NOTHING = Demands()


def read_demands(body: Mapping[str, Any], surface: Surface = Surface.CHAT) -> Demands:
    """What ``body`` demands, whatever its values are."""
    if body.keys().isdisjoint(_NAMES):
        return _NOTHING
    tools = _list(body.get("tools")) + _list(body.get("functions"))
    tokens, size, runs_code = _read_tools(tools) if tools else (0.0, 0.0, False)
    return Demands(
        tools=len(tools),
        tool_tokens=tokens,
        tool_bytes=size,
        code_execution=runs_code,
        response_format=_format(body),
        max_tokens=_bound(body, surface),
        choices=_whole(body.get("n"), MAX_CHOICES) or 1,
        stream=body.get("stream") is True,
        logprobs=_wants_logprobs(body),
    )


def _bound(body: Mapping[str, Any], surface: Surface) -> int | None:
    """The client's bound on the answer; of several the largest, since it is open which of them will count."""
    names = _BOUNDS[surface]
    extra = fields_of(body.get("extra_body"))
    found = [_whole(fields.get(name), MAX_OUTPUT_TOKENS) for fields in (body, extra) for name in names]
    return max((f for f in found if f is not None), default=None)


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - a body holds anything
    return value if isinstance(value, list) else []


def _whole(value: Any, most: int) -> int | None:  # noqa: ANN401 - a body holds anything
    """A positive whole number, at most ``most``; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        return None
    return int(min(value, most)) if value >= 1 else None


def _wants_logprobs(body: Mapping[str, Any]) -> bool:
    if body.keys().isdisjoint(_PROBABILITIES):
        return False
    asked = body.get("logprobs")
    if asked is True or _whole(asked, 1) or _whole(body.get("top_logprobs"), 1):
        return True
    include = body.get("include")
    return isinstance(include, list) and "message.output_text.logprobs" in include[:16]


def _format(body: Mapping[str, Any]) -> ResponseFormat:
    """The shape demanded, wherever the API has it."""
    if body.keys().isdisjoint(_SHAPES):
        return ResponseFormat.TEXT
    asked = body.get("response_format")
    if isinstance(asked, type):
        return ResponseFormat.JSON_SCHEMA  # a pydantic model, as LiteLLM's Python callers pass it
    for found in (
        asked,
        fields_of(body.get("text")).get("format"),
        body.get("output_format"),
        fields_of(body.get("output_config")).get("format"),
    ):
        kind = fields_of(found).get("type")
        if kind == "json_schema":
            return ResponseFormat.JSON_SCHEMA
        if kind == "json_object":
            return ResponseFormat.JSON_OBJECT
    return ResponseFormat.TEXT


def _read_tools(tools: list[Any]) -> tuple[float, float, bool]:
    """The tools' tokens and bytes, estimated from what fits the bound, and whether one of them runs code."""
    tokens = size = 0.0
    runs_code = False
    nodes = looked_at = 0
    for tool in tools:
        if nodes >= MAX_TOOL_NODES:
            break
        texts, seen = texts_within(tool, min(_MAX_TOOL, MAX_TOOL_NODES - nodes))
        nodes += seen
        looked_at += 1
        tokens += _TOOL_FRAME_TOKENS + sum(1 + len(t) / _CHARS_PER_TOKEN for t in texts)
        size += 12 * seen + sum(utf8_size(t) * (1 if t.isascii() else 2) + 4 for t in texts)
        runs_code = runs_code or _runs_code(fields_of(tool))
    return tokens * len(tools) / looked_at, size * len(tools) / looked_at, runs_code


def _runs_code(tool: Mapping[str, Any]) -> bool:
    names = (tool.get("type"), tool.get("name"), fields_of(tool.get("function")).get("name"))
    if any(
        isinstance(n, str) and (n.casefold() in _RUNS_CODE or n.startswith(_RUNS_CODE_PREFIXES))
        for n in names
    ):
        return True
    return "codeExecution" in tool or "code_execution" in tool  # Gemini's form
