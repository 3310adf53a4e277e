"""Anthropic's ``/v1/messages``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider import reading
from litellm_tiering.testing.provider.reading import BadRequest, is_object, is_text, object_at
from litellm_tiering.testing.provider.shapes import Ask, count_tokens
from litellm_tiering.testing.provider.wire import Event, Wire, bits, dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.testing.provider.shapes import Choice, Tool, ToolChoice
    from litellm_tiering.testing.provider.wire import Reply

Json = dict[str, object]

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def read(body: Mapping[str, object]) -> Ask:
    """A request for a message; as with the real API, ``max_tokens`` is required.

    Raises:
        BadRequest: it is not one.
    """
    model = reading.model_of(body)
    messages = reading.messages_of(body)
    limit = reading.whole_number(body, "max_tokens")
    if limit is None:
        raise BadRequest("max_tokens: Field required")
    texts = [reading.content_text(body.get("system"))]
    for message in messages:
        texts += [reading.content_text(message.get("content")), *_other_texts(message)]
    choice, named = _tool_choice(body)
    structured, schema = _output_format(body)
    return Ask(
        model=model,
        said=reading.last_said(messages),
        prompt_tokens=reading.prompt_tokens(texts, body),
        stream=body.get("stream") is True,
        max_tokens=limit,
        tools=_tools(body),
        tool_choice=choice,
        tool_named=named,
        tool_result=_tool_result(messages[-1]),
        structured=structured,
        schema=schema,
        body=body,
    )


def _blocks(message: Mapping[str, object], kind: str) -> Sequence[Mapping[str, object]]:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return [part for part in parts if is_object(part) and part.get("type") == kind]


def _other_texts(message: Mapping[str, object]) -> list[str]:
    calls = [json.dumps(block.get("input")) for block in _blocks(message, "tool_use")]
    return calls + [reading.content_text(block.get("content")) for block in _blocks(message, "tool_result")]


def _tool_result(message: Mapping[str, object]) -> str | None:
    results = [reading.content_text(block.get("content")) for block in _blocks(message, "tool_result")]
    return "\n".join(results) if results else None


def _tools(body: Mapping[str, object]) -> tuple[Tool, ...]:
    tools = (reading.tool_of(spec, "input_schema") for spec in reading.objects_at(body, "tools"))
    return tuple(tool for tool in tools if tool is not None)


def _tool_choice(body: Mapping[str, object]) -> tuple[ToolChoice, str]:
    wanted = body.get("tool_choice")
    if wanted is None:
        return "auto", ""
    if not is_object(wanted):
        raise BadRequest("tool_choice: Input should be a valid dictionary")
    name = wanted.get("name")
    if wanted.get("type") == "tool" and is_text(name):
        return "required", name
    kinds: dict[object, ToolChoice] = {"any": "required", "none": "none"}
    return kinds.get(reading.text_at(wanted, "type"), "auto"), ""


def _output_format(body: Mapping[str, object]) -> tuple[bool, Mapping[str, object] | None]:
    wanted = object_at(object_at(body, "output_config"), "format") or object_at(body, "output_format")
    schema = wanted.get("schema")
    return (True, schema) if is_object(schema) else (False, None)


def error(status: int, message: str) -> Mapping[str, object]:
    """An error as the Anthropic API writes it."""
    kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}


def _usage(reply: Reply, output_tokens: int) -> Json:
    return {
        "input_tokens": reply.answer.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _message(reply: Reply, content: list[Json], stop_reason: str | None, output_tokens: int) -> Json:
    return {
        "id": reply.ident("msg_"),
        "type": "message",
        "role": "assistant",
        "model": reply.ask.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": _usage(reply, output_tokens),
    }


def _call_input(arguments: str) -> object:
    """The arguments as an object: whole answers cannot carry botched JSON, so what is lost stays away."""
    try:
        value: object = json.loads(arguments)
    except ValueError:
        return {}
    return value


def whole(reply: Reply) -> Mapping[str, object]:
    """The answer as one message."""
    choice = reply.answer.choices[0]
    content: list[Json] = []
    if choice.call is not None:
        content.append({**_call_block(reply, choice), "input": _call_input(choice.call.arguments)})
    elif choice.text:
        content.append({"type": "text", "text": choice.text})
    return _message(reply, content, _STOP_REASONS[choice.finish], reply.answer.completion_tokens)


def _call_block(reply: Reply, choice: Choice) -> Json:
    name = choice.call.name if choice.call is not None else ""
    return {"type": "tool_use", "id": reply.ident("toolu_"), "name": name, "input": {}}


def events(reply: Reply) -> Iterator[Event]:
    """The answer as a stream, from ``message_start`` to ``message_stop``."""
    choice = reply.answer.choices[0]
    yield _event("message_start", {"message": _message(reply, [], None, 1)})
    if choice.call is not None or choice.text:
        yield from _block_events(reply, choice)
    ended: Json = {"stop_reason": _STOP_REASONS[choice.finish], "stop_sequence": None}
    spent = {"output_tokens": reply.answer.completion_tokens}
    yield _event("message_delta", {"delta": ended, "usage": spent})
    yield _event("message_stop", {})


def _block_events(reply: Reply, choice: Choice) -> Iterator[Event]:
    block: Json = {"type": "text", "text": ""}
    text, kind, key, tokens = choice.text, "text_delta", "text", 0
    if choice.call is not None:
        block, tokens = _call_block(reply, choice), count_tokens(choice.call.name)
        text, kind, key = choice.call.arguments, "input_json_delta", "partial_json"
    yield _event("content_block_start", {"index": 0, "content_block": block}, tokens)
    yield _event("ping", {})
    for bit in bits(choice, text, reply.ask):
        yield _event("content_block_delta", {"index": 0, "delta": {"type": kind, key: bit.text}}, bit.tokens)
    yield _event("content_block_stop", {"index": 0})


def _event(name: str, data: Json, tokens: int = 0) -> Event:
    return Event(f"event: {name}\ndata: {dumps({'type': name} | data)}\n\n", tokens)


WIRE = Wire("/v1/messages", read, whole, events, error)
