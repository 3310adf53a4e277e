"""Answers from files and arguments, as gates see them; shared by ``gate`` and ``explain --answer``."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from litellm_tiering.cli.common import UsageError
from litellm_tiering.cli.doubts import within
from litellm_tiering.cli.inputs import MAX_BODY_BYTES, BadLine, opened
from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.intake.answer_form import demand_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.config.build_gates import OnFault
    from litellm_tiering.core.gate import Demand, Judgement
    from litellm_tiering.gates.panel import Panel

MAX_LOGPROBS = 1_000_000
"""The most log-probabilities of one answer that are looked at."""


def said_in(line: Mapping[str, Any]) -> Said:
    """What was answered: ``answer``, ``tool_calls``, ``finish_reason``, ``logprobs`` and ``refusal``.

    An ``answer`` that is null is one without text, as of a model that only calls tools.

    Raises:
        BadLine: there is no answer, or a part of it cannot be one.
    """
    calls = _tool_calls(line.get("tool_calls"))
    if "answer" not in line and not calls:
        raise BadLine("has no `answer`")
    return Said(
        text=_text(line, "answer"),
        tool_calls=calls,
        logprobs=_logprobs(line.get("logprobs")),
        finish_reason=_text(line, "finish_reason"),
        refusal=_text(line, "refusal"),
    )


def demand_in(line: Mapping[str, Any]) -> Demand:
    """What shape of answer was demanded: by ``schema``, or by a request's ``response_format`` and ``tools``.

    Raises:
        BadLine: ``schema`` is no JSON schema.
    """
    demand = demand_of(line)
    schema = line.get("schema")
    if schema is None:
        return demand
    if not isinstance(schema, (dict, bool)):
        raise BadLine("has a `schema` that is no JSON schema: an object, true or false")
    return replace(demand, json=True, schema=schema)


def text_of(argument: str) -> str:
    """The text of ``--answer``: as it stands, or what a file holds where it is ``@FILE``.

    Raises:
        UsageError: the file cannot be read.
    """
    if not argument.startswith("@"):
        return argument
    name = argument[1:]
    try:
        with opened(name) as stream:
            raw = stream.read(MAX_BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{name} cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(raw) > MAX_BODY_BYTES:
        raise UsageError(f"{name} is longer than {MAX_BODY_BYTES / 1e6:g} MB")
    return raw.decode("utf-8", "replace")


def panel_of(settings: Settings, on_fault: OnFault) -> Panel:
    """The gates of a configuration; ``on_fault`` is told where one failed, and with what.

    Raises:
        UsageError: the configuration turns the cascade off.
    """
    if settings.cascade is None:
        raise UsageError("the configuration has `cascade: false`, and so no gates")
    panel = cast("Panel", settings.cascade.gates)
    panel.on_fault = on_fault
    return panel


def told(found: Judgement, p_bad: float | None = None) -> dict[str, Any]:
    """``{accept, p_bad, reasons}``.

    Args:
        found: What the gates made of the answer.
        p_bad: How likely it is bad; the gates' own figure when None. It is kept below 0.5 for what is
            accepted and at 0.5 or above for what is rejected, so that it never contradicts the verdict.
    """
    doubt = within(found.p_bad if p_bad is None else p_bad, accepted=found.accepted)
    return {"accept": found.accepted, "p_bad": doubt, "reasons": list(found.reasons)}


def _text(line: Mapping[str, Any], key: str) -> str:
    found = line.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise BadLine(f"has `{key}` that is not text")
    return found


def _tool_calls(value: object) -> tuple[ToolCall, ...]:
    """Calls in the form of chat completions, or plain ``{name, arguments}``."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(call, dict) for call in value):
        raise BadLine("has `tool_calls` that are no list of objects")
    return tuple(_tool_call(call) for call in value)


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    held = call.get("function")
    function = held if isinstance(held, dict) else call
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str):
        raise BadLine("has a tool call without a `name`")
    if not isinstance(arguments, str):
        # As some providers, and some recordings, have them.
        arguments = json.dumps(arguments)
    return ToolCall(name, arguments)


def _logprobs(value: object) -> tuple[float, ...]:
    """Numbers, or objects with a ``logprob``, in a list or as chat completions nest it."""
    if isinstance(value, dict):
        value = value.get("content", value.get("token_logprobs"))
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_LOGPROBS:
        raise BadLine("has `logprobs` that are no list of numbers")
    numbers = (one.get("logprob") if isinstance(one, dict) else one for one in value)
    # The first token of a completion has none.
    return tuple(_number(n) for n in numbers if n is not None)


def _number(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise BadLine("has `logprobs` that are no list of numbers")
