"""Whether an answer has the shape that was demanded: JSON, a schema, the tools that were offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.lenient import Unreadable, parse_json
from litellm_tiering.gates.metering import Meter, Value
from litellm_tiering.gates.validation import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.gate import Demand, Exchange, Said, ToolCall

Mode = Literal["lenient", "strict"]

MAX_CALLS = 128
"""How many tool calls of one answer are judged."""

_BEGINS_JSON = frozenset('{["-0123456789tfn')
_JSON_SPACE = " \t\r\n"


class JsonSchemaGate:
    """Rejects text that is not the JSON that was demanded, and tool calls that do not fit what was offered.

    ``lenient`` takes what :func:`.parse_json` takes; ``strict`` one JSON value and nothing else. What cannot
    be told in bounded time, or by a schema that is itself at fault, is left undecided. The reasons are fixed
    words: ``not_json``, ``not_object``, ``unknown_tool``, ``arguments`` and ``schema:KEYWORD``.

    Args:
        mode: ``lenient`` or ``strict``.
        name: What it is called in records.

    Raises:
        ValueError: there is no such mode.
    """

    judges_prefix = True

    def __init__(self, *, mode: Mode = "lenient", name: str = "json_schema") -> None:
        if mode not in {"lenient", "strict"}:
            raise ValueError(f"mode is lenient or strict, not {mode!r}")
        self.name = name
        self._strict = mode == "strict"

    def judge(self, exchange: Exchange) -> Verdict:
        """The verdict on an answer, or on the beginning of one."""
        said, demand = exchange.said, exchange.demand
        if exchange.partial:
            return self._judge_prefix(said, demand)
        if said.tool_calls:
            return self._judge_calls(said.tool_calls, demand.tools)
        if demand.json or demand.schema is not None:
            return self._judge_text(said, demand.schema)
        return Verdict.accept()

    def _judge_prefix(self, said: Said, demand: Demand) -> Verdict:
        if not demand.tools and not said.tool_calls:
            if not demand.json and demand.schema is None:
                return Verdict.accept()
            begun = said.text.lstrip(_JSON_SPACE)
            if self._strict and begun and begun[0] not in _BEGINS_JSON:
                return Verdict.reject("not_json")
        # A name is whole once the arguments have begun.
        if demand.tools and any(
            call.name and call.arguments and call.name not in demand.tools
            for call in said.tool_calls[:MAX_CALLS]
        ):
            return Verdict.reject("unknown_tool")
        return Verdict.abstain()

    def _judge_text(self, said: Said, schema: Mapping[str, Value] | bool | None) -> Verdict:
        if said.refusal and not said.text.strip():
            return Verdict.abstain("refusal")  # the refusal gate's affair
        try:
            value = parse_json(said.text, strict=self._strict)
        except Unreadable as unreadable:
            return Verdict.abstain(unreadable.reason)
        except ValueError:
            return Verdict.reject("not_json")
        if schema is not None:
            return _fitting(value, schema, Meter())
        return Verdict.accept() if isinstance(value, (dict, list)) else Verdict.reject("not_object")

    def _judge_calls(
        self, calls: tuple[ToolCall, ...], tools: Mapping[str, Mapping[str, Value] | bool | None]
    ) -> Verdict:
        if not tools:
            return Verdict.abstain("tools_unknown")
        meter = Meter()
        undecided = "too_many_calls" if len(calls) > MAX_CALLS else ""
        for call in calls[:MAX_CALLS]:
            if call.name not in tools:
                return Verdict.reject("unknown_tool")
            verdict = self._judge_arguments(call.arguments, tools[call.name], meter)
            if verdict.rejects:
                return verdict
            undecided = undecided or verdict.reason
        return Verdict.abstain(undecided) if undecided else Verdict.accept()

    def _judge_arguments(self, text: str, schema: Mapping[str, Value] | bool | None, meter: Meter) -> Verdict:
        try:
            # A tool without parameters is often called with nothing at all.
            value = {} if not self._strict and not text.strip() else parse_json(text, strict=self._strict)
        except Unreadable as unreadable:
            return Verdict.abstain(unreadable.reason)
        except ValueError:
            return Verdict.reject("arguments")
        if not isinstance(value, dict):
            return Verdict.reject("not_object")
        return Verdict.accept() if schema is None else _fitting(value, schema, meter)


def _fitting(value: Value, schema: Mapping[str, Value] | bool, meter: Meter) -> Verdict:
    found = fit(schema, value, meter=meter)
    if found.fits is None:
        return Verdict.abstain(found.why)
    return Verdict.accept() if found.fits else Verdict.reject(f"schema:{found.why}")
