"""OpenAI's ``/v1/responses``, with the events of its streams in their real order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.testing.provider import reading
from litellm_tiering.testing.provider.logprobs import all_logprobs
from litellm_tiering.testing.provider.openai_chat import logprobs_json, tool_choice_of
from litellm_tiering.testing.provider.reading import BadRequest, is_object, object_at
from litellm_tiering.testing.provider.shapes import Ask, count_tokens
from litellm_tiering.testing.provider.wire import Event, Wire, bits, dumps, openai_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.testing.provider.shapes import Choice, Tool, ToolCall
    from litellm_tiering.testing.provider.wire import Reply

Json = dict[str, object]


def read(body: Mapping[str, object]) -> Ask:
    """A request for a response; an earlier response that it names is not looked up.

    Raises:
        BadRequest: it is not one.
    """
    model = reading.model_of(body)
    items = _items(body)
    texts = [_item_text(item) for item in items]
    last = items[-1] if items else {}
    handed_back = texts[-1] if last.get("type") == "function_call_output" else None
    form = object_at(object_at(body, "text"), "format")
    schema = form.get("schema")
    if form.get("type") == "json_schema" and not is_object(schema):
        raise BadRequest("Missing required parameter: 'text.format.schema'.")
    choice, named = tool_choice_of(body)
    include = body.get("include")
    return Ask(
        model=model,
        said=reading.last_said(items),
        prompt_tokens=reading.prompt_tokens([reading.text_at(body, "instructions"), *texts], body),
        stream=body.get("stream") is True,
        max_tokens=reading.whole_number(body, "max_output_tokens"),
        tools=_tools(body),
        tool_choice=choice,
        tool_named=named,
        tool_result=handed_back,
        structured=form.get("type") in {"json_schema", "json_object"},
        schema=schema if is_object(schema) else None,
        logprobs=isinstance(include, list) and "message.output_text.logprobs" in include,
        top_logprobs=reading.whole_number(body, "top_logprobs", 0, reading.MAX_TOP_LOGPROBS) or 0,
        body=body,
    )


def _items(body: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    wanted = body.get("input")
    if isinstance(wanted, str):
        return [{"role": "user", "content": wanted}]
    items = reading.objects_at(body, "input")
    if not items:
        raise BadRequest("Missing required parameter: 'input'.")
    return items


def _item_text(item: Mapping[str, object]) -> str:
    if item.get("type") == "function_call_output":
        return reading.content_text(item.get("output"))
    return reading.text_at(item, "arguments") + reading.content_text(item.get("content"))


def _tools(body: Mapping[str, object]) -> tuple[Tool, ...]:
    specs = [spec for spec in reading.objects_at(body, "tools") if spec.get("type") == "function"]
    tools = (reading.tool_of(spec, "parameters") for spec in specs)
    return tuple(tool for tool in tools if tool is not None)


def _usage(reply: Reply) -> Json:
    prompt, completion = reply.answer.prompt_tokens, reply.answer.completion_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }


def _echoed_tools(ask: Ask) -> list[Json]:
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.schema),
            "strict": False,
        }
        for tool in ask.tools
    ]


def _response(reply: Reply, status: str, output: list[Json]) -> Json:
    ask = reply.ask
    ended = status in {"completed", "incomplete"}
    form: Json = {"type": "text"}
    if ask.schema is not None:
        form = {"type": "json_schema", "name": "answer", "schema": dict(ask.schema), "strict": True}
    elif ask.structured:
        form = {"type": "json_object"}
    return {
        "id": reply.ident("resp_"),
        "object": "response",
        "created_at": reply.created_s,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": reading.text_at(ask.body, "instructions") or None,
        "max_output_tokens": ask.max_tokens,
        "metadata": {},
        "model": ask.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": form},
        "tool_choice": {"type": "function", "name": ask.tool_named} if ask.tool_named else ask.tool_choice,
        "tools": _echoed_tools(ask),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(reply) if ended else None,
        "user": None,
    }


def _part(text: str, probabilities: Sequence[object]) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(probabilities)}


def _message(reply: Reply, status: str, content: list[Json]) -> Json:
    ident = reply.ident("msg_")
    return {"id": ident, "type": "message", "role": "assistant", "status": status, "content": content}


def _call(reply: Reply, status: str, call: ToolCall, arguments: str) -> Json:
    return {
        "id": reply.ident("fc_"),
        "type": "function_call",
        "call_id": reply.ident("call_"),
        "name": call.name,
        "arguments": arguments,
        "status": status,
    }


def _status(choice: Choice) -> str:
    return "incomplete" if choice.finish == "length" else "completed"


def _all_logprobs(reply: Reply, choice: Choice) -> Sequence[object]:
    return logprobs_json(all_logprobs(choice, reply.ask.top_logprobs)) if reply.ask.logprobs else []


def whole(reply: Reply) -> Mapping[str, object]:
    """The answer as one ``response``."""
    choice = reply.answer.choices[0]
    return _response(reply, _status(choice), [_item(reply, choice)])


def _item(reply: Reply, choice: Choice) -> Json:
    if choice.call is not None:
        return _call(reply, _status(choice), choice.call, choice.call.arguments)
    return _message(reply, _status(choice), [_part(choice.text, _all_logprobs(reply, choice))])


def events(reply: Reply) -> Iterator[Event]:
    """The answer as a stream, from ``response.created`` to ``response.completed`` (or ``.incomplete``)."""
    choice = reply.answer.choices[0]
    output = [_item(reply, choice)]
    inner = _text_events(reply, choice) if choice.call is None else _call_events(reply, choice.call, choice)
    ended = f"response.{_status(choice)}"
    steps: list[tuple[str, Json]] = [
        ("response.created", {"response": _response(reply, "in_progress", [])}),
        ("response.in_progress", {"response": _response(reply, "in_progress", [])}),
    ]
    number = 0
    for name, data in steps:
        yield _event(name, data, number)
        number += 1
    for name, data, tokens in inner:
        yield _event(name, data, number, tokens)
        number += 1
    yield _event("response.output_item.done", {"output_index": 0, "item": output[0]}, number)
    yield _event(ended, {"response": _response(reply, _status(choice), output)}, number + 1)


def _event(name: str, data: Json, number: int, tokens: int = 0) -> Event:
    body = dumps({"type": name, "sequence_number": number} | data)
    return Event(f"event: {name}\ndata: {body}\n\n", tokens)


_Step = tuple[str, Json, int]


def _text_events(reply: Reply, choice: Choice) -> Iterator[_Step]:
    place: Json = {"item_id": reply.ident("msg_"), "output_index": 0, "content_index": 0}
    everything = list(_all_logprobs(reply, choice))
    opening = {"output_index": 0, "item": _message(reply, "in_progress", [])}
    yield "response.output_item.added", opening, 0
    yield "response.content_part.added", place | {"part": _part("", [])}, 0
    for bit in bits(choice, choice.text, reply.ask):
        delta = {"delta": bit.text, "logprobs": logprobs_json(bit.logprobs)}
        yield "response.output_text.delta", place | delta, bit.tokens
    yield "response.output_text.done", place | {"text": choice.text, "logprobs": everything}, 0
    yield "response.content_part.done", place | {"part": _part(choice.text, everything)}, 0


def _call_events(reply: Reply, call: ToolCall, choice: Choice) -> Iterator[_Step]:
    place: Json = {"item_id": reply.ident("fc_"), "output_index": 0}
    opening = {"output_index": 0, "item": _call(reply, "in_progress", call, "")}
    yield "response.output_item.added", opening, count_tokens(call.name)
    for bit in bits(choice, call.arguments, reply.ask):
        yield "response.function_call_arguments.delta", place | {"delta": bit.text}, bit.tokens
    done = {"name": call.name, "arguments": call.arguments}
    yield "response.function_call_arguments.done", place | done, 0


WIRE = Wire("/v1/responses", read, whole, events, openai_error)
