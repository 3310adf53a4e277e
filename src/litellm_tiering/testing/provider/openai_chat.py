"""OpenAI's ``/v1/chat/completions``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider import reading
from litellm_tiering.testing.provider.logprobs import all_logprobs
from litellm_tiering.testing.provider.reading import BadRequest, is_object, is_text, object_at
from litellm_tiering.testing.provider.shapes import Ask, count_tokens
from litellm_tiering.testing.provider.wire import Event, Wire, bits, dumps, openai_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.testing.provider.logprobs import TokenLogprob
    from litellm_tiering.testing.provider.shapes import Choice, Tool, ToolChoice
    from litellm_tiering.testing.provider.wire import Reply


def read(body: Mapping[str, object]) -> Ask:
    """A chat request.

    Raises:
        BadRequest: it is not one.
    """
    model = reading.model_of(body)
    messages = reading.messages_of(body)
    texts = [reading.content_text(message.get("content")) for message in messages]
    texts += [json.dumps(message["tool_calls"]) for message in messages if message.get("tool_calls")]
    choice, named = tool_choice_of(body)
    structured, schema = _response_format(body)
    # The older name is read where the newer one is absent, as the real API does.
    limit = reading.whole_number(body, "max_completion_tokens")
    old_limit = reading.whole_number(body, "max_tokens")
    return Ask(
        model=model,
        said=reading.last_said(messages),
        prompt_tokens=reading.prompt_tokens(texts, body),
        stream=body.get("stream") is True,
        max_tokens=old_limit if limit is None else limit,
        tools=_tools(body),
        tool_choice=choice,
        tool_named=named,
        tool_result=texts[len(messages) - 1] if messages[-1].get("role") == "tool" else None,
        structured=structured,
        schema=schema,
        logprobs=body.get("logprobs") is True,
        top_logprobs=reading.whole_number(body, "top_logprobs", 0, reading.MAX_TOP_LOGPROBS) or 0,
        n=reading.whole_number(body, "n", 1, reading.MAX_CHOICES) or 1,
        include_usage=object_at(body, "stream_options").get("include_usage") is True,
        body=body,
    )


def _tools(body: Mapping[str, object]) -> tuple[Tool, ...]:
    specs = (object_at(spec, "function") for spec in reading.objects_at(body, "tools"))
    tools = (reading.tool_of(spec, "parameters") for spec in specs)
    return tuple(tool for tool in tools if tool is not None)


def tool_choice_of(body: Mapping[str, object]) -> tuple[ToolChoice, str]:
    """How free the model is to call a tool, and the name of the one that it must call, if any.

    Raises:
        BadRequest: the choice is none that OpenAI's APIs know.
    """
    wanted = body.get("tool_choice")
    if wanted is None or wanted == "auto":
        return "auto", ""
    if wanted == "none":
        return "none", ""
    if wanted == "required":
        return "required", ""
    if is_object(wanted):
        name = object_at(wanted, "function").get("name", wanted.get("name"))
        return ("required", name) if is_text(name) else ("auto", "")
    raise BadRequest("Invalid value for 'tool_choice'.")


def _response_format(body: Mapping[str, object]) -> tuple[bool, Mapping[str, object] | None]:
    wanted = object_at(body, "response_format")
    kind = wanted.get("type")
    if kind == "json_schema":
        schema = object_at(wanted, "json_schema").get("schema")
        if not is_object(schema):
            raise BadRequest("Missing required parameter: 'response_format.json_schema.schema'.")
        return True, schema
    return kind == "json_object", None


def usage(reply: Reply) -> Mapping[str, object]:
    """The usage block of OpenAI's completions."""
    prompt, completion = reply.answer.prompt_tokens, reply.answer.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def logprobs_json(found: Sequence[TokenLogprob]) -> list[Mapping[str, object]]:
    """Log-probabilities as chat completions and responses write them."""

    def one(token: str, logprob: float) -> dict[str, object]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode(errors="replace"))}

    return [
        one(item.token, item.logprob) | {"top_logprobs": [one(token, value) for token, value in item.top]}
        for item in found
    ]


def _base(reply: Reply, kind: str) -> dict[str, object]:
    return {
        "id": reply.ident("chatcmpl-"),
        "object": kind,
        "created": reply.created_s,
        "model": reply.ask.model,
        "system_fingerprint": "fp_simulated",
    }


def _call_id(reply: Reply, index: int) -> str:
    return f"{reply.ident('call_')}_{index}"


def whole(reply: Reply) -> Mapping[str, object]:
    """The answer as one ``chat.completion``."""
    choices = [_choice(reply, i, choice) for i, choice in enumerate(reply.answer.choices)]
    return _base(reply, "chat.completion") | {"choices": choices, "usage": usage(reply)}


def _choice(reply: Reply, index: int, choice: Choice) -> Mapping[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": choice.text, "refusal": None}
    probabilities: object = None
    if choice.call is not None:
        function = {"name": choice.call.name, "arguments": choice.call.arguments}
        message["content"] = None
        message["tool_calls"] = [{"id": _call_id(reply, index), "type": "function", "function": function}]
    elif reply.ask.logprobs:
        probabilities = {
            "content": logprobs_json(all_logprobs(choice, reply.ask.top_logprobs)),
            "refusal": None,
        }
    return {"index": index, "message": message, "logprobs": probabilities, "finish_reason": choice.finish}


def events(reply: Reply) -> Iterator[Event]:
    """The answer as a stream of ``chat.completion.chunk``."""
    base = _base(reply, "chat.completion.chunk")
    if reply.ask.include_usage:
        base["usage"] = None

    def event(choices: list[object], tokens: int = 0, **extra: object) -> Event:
        return Event(f"data: {dumps(base | {'choices': choices} | extra)}\n\n", tokens)

    for index, choice in enumerate(reply.answer.choices):
        deltas = _text_deltas if choice.call is None else _call_deltas
        for delta, probabilities, tokens in deltas(reply, index, choice):
            part = {"index": index, "delta": delta, "logprobs": probabilities, "finish_reason": None}
            yield event([part], tokens)
        yield event([{"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.finish}])
    if reply.ask.include_usage:
        yield event([], usage=usage(reply))
    yield Event("data: [DONE]\n\n")


_Delta = tuple["Mapping[str, object]", "Mapping[str, object] | None", int]


def _text_deltas(reply: Reply, _index: int, choice: Choice) -> Iterator[_Delta]:
    yield {"role": "assistant", "content": "", "refusal": None}, None, 0
    for bit in bits(choice, choice.text, reply.ask):
        found = {"content": logprobs_json(bit.logprobs), "refusal": None} if bit.logprobs else None
        yield {"content": bit.text}, found, bit.tokens


def _call_deltas(reply: Reply, index: int, choice: Choice) -> Iterator[_Delta]:
    if choice.call is None:
        return
    head = {
        "index": 0,
        "id": _call_id(reply, index),
        "type": "function",
        "function": {"name": choice.call.name, "arguments": ""},
    }
    opening = {"role": "assistant", "content": None, "tool_calls": [head]}
    yield opening, None, count_tokens(choice.call.name)
    for bit in bits(choice, choice.call.arguments, reply.ask):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": bit.text}}]}, None, bit.tokens


WIRE = Wire("/v1/chat/completions", read, whole, events, openai_error)
