"""The simulated provider's wire formats, through the real clients."""

from __future__ import annotations

import json

import anthropic
import jsonschema
import openai
import pytest

from litellm_tiering.testing.provider import MODELS
from litellm_tiering.testing.provider.embeddings import vector

CAPITAL = "What is the capital of France?"
LONG = "Explain how tides work. [[hard]]"
WEATHER = "What is the weather in Lisbon?"
WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "kelvin"]}},
    "required": ["city"],
}
WEATHER_TOOL = {"name": "get_weather", "description": "Looks it up."}
CHAT_TOOL = {"type": "function", "function": {**WEATHER_TOOL, "parameters": WEATHER_SCHEMA}}
SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "minLength": 3},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "kind": {"enum": ["sum", "other"]},
        "sources": {"type": "array", "items": {"$ref": "#/$defs/source"}, "minItems": 2},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["answer", "confidence", "kind", "sources", "note"],
    "additionalProperties": False,
    "$defs": {
        "source": {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]},
    },
}


def said(text):
    return [{"role": "user", "content": text}]


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# OpenAI chat


def test_chat_answers_with_usage_that_the_provider_bills(oai, provider):
    answer = oai.chat.completions.create(model="sim-large", messages=said(CAPITAL))
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == -(-len(CAPITAL) // 4)
    assert answer.usage.completion_tokens == -(-len(answer.choices[0].message.content) // 4)
    billed = provider.usage()["sim-large"]
    assert billed["prompt_tokens"] == answer.usage.prompt_tokens
    assert billed["completion_tokens"] == answer.usage.completion_tokens


def test_a_chat_stream_says_what_the_whole_answer_says(oai, provider):
    whole = oai.chat.completions.create(model="sim-large", messages=said(LONG), n=2)
    provider.clear()
    parts = list(
        oai.chat.completions.create(
            model="sim-large", messages=said(LONG), n=2, stream=True, stream_options={"include_usage": True}
        )
    )
    for index in (0, 1):
        deltas = [c for part in parts for c in part.choices if c.index == index]
        assert "".join(c.delta.content or "" for c in deltas) == whole.choices[index].message.content
        assert [c.finish_reason for c in deltas if c.finish_reason] == ["stop"]
    assert whole.choices[0].message.content != whole.choices[1].message.content
    assert parts[-1].choices == []
    assert parts[-1].usage == whole.usage
    assert provider.usage()["sim-large"]["completion_tokens"] == whole.usage.completion_tokens


def test_a_chat_stream_has_no_usage_unless_asked(oai):
    parts = oai.chat.completions.create(model="sim-small", messages=said(CAPITAL), stream=True)
    assert [part.usage for part in parts if part.usage or not part.choices] == []


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_chat_is_cut_at_the_limit(oai, limit):
    answer = oai.chat.completions.create(model="sim-large", messages=said(LONG), **{limit: 5})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5
    assert len(answer.choices[0].message.content) == 20
    *_, last = oai.chat.completions.create(model="sim-large", messages=said(LONG), stream=True, **{limit: 5})
    assert last.choices[0].finish_reason == "length"


def test_logprobs_cover_every_token_and_tell_the_sure_from_the_unsure(oai):
    means = {}
    for model, question in (("sim-large", LONG), ("sim-small", "What is 17 * 23?"), ("sim-small", CAPITAL)):
        answer = oai.chat.completions.create(
            model=model, messages=said(question), logprobs=True, top_logprobs=3
        )
        found = answer.choices[0].logprobs.content
        assert "".join(token.token for token in found) == answer.choices[0].message.content
        assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in found)
        means[model, question] = sum(token.logprob for token in found) / len(found)
    assert means["sim-small", "What is 17 * 23?"] < -1.0 < means["sim-small", CAPITAL]
    assert means["sim-large", LONG] > -0.5


def test_streamed_logprobs_are_those_of_the_whole(oai):
    asked = {"model": "sim-large", "messages": said(LONG), "logprobs": True, "top_logprobs": 1}
    whole = oai.chat.completions.create(**asked).choices[0].logprobs.content
    parts = oai.chat.completions.create(**asked, stream=True)
    streamed = [t for part in parts for c in part.choices if c.logprobs for t in c.logprobs.content]
    assert streamed == whole


def test_chat_calls_the_tool_that_the_question_is_about_then_uses_its_result(oai):
    asked = {"model": "sim-large", "tools": [CHAT_TOOL]}
    answer = oai.chat.completions.create(messages=said(WEATHER), **asked).choices[0]
    assert answer.finish_reason == "tool_calls"
    assert answer.message.content is None
    call = answer.message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)["city"]) == ("get_weather", "Lisbon")

    parts = list(oai.chat.completions.create(messages=said(WEATHER), stream=True, **asked))
    assert parts[-1].choices[0].finish_reason == "tool_calls"
    pieces = [d for part in parts for c in part.choices for d in c.delta.tool_calls or []]
    assert pieces[0].function.name == "get_weather"
    assert "".join(piece.function.arguments for piece in pieces) == call.function.arguments

    back = {"role": "tool", "tool_call_id": call.id, "content": "18 degrees and rain"}
    told = [*said(WEATHER), answer.message.model_dump(exclude_none=True), back]
    after = oai.chat.completions.create(messages=told, **asked).choices[0]
    assert "18 degrees" in after.message.content


@pytest.mark.parametrize(
    ("choice", "question", "calls"),
    [
        ("auto", CAPITAL, False),
        ("none", WEATHER, False),
        ("required", CAPITAL, True),
        ({"type": "function", "function": {"name": "get_weather"}}, CAPITAL, True),
    ],
)
def test_the_tool_choice_is_respected(oai, choice, question, calls):
    answer = oai.chat.completions.create(
        model="sim-large", messages=said(question), tools=[CHAT_TOOL], tool_choice=choice
    )
    assert bool(answer.choices[0].message.tool_calls) is calls


def test_json_answers_fit_the_schema_and_the_small_model_sometimes_breaks_them(oai):
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}

    def ask(model, question):
        made = oai.chat.completions.create(model=model, messages=said(question), response_format=form)
        return made.choices[0].message.content

    jsonschema.validate(json.loads(ask("sim-large", LONG)), SCHEMA)
    jsonschema.validate(json.loads(ask("sim-small", CAPITAL)), SCHEMA)
    kept = [is_json(ask("sim-small", f"Question {i} [[hard]]")) for i in range(12)]
    assert set(kept) == {True, False}
    plain = oai.chat.completions.create(
        model="sim-large", messages=said(CAPITAL), response_format={"type": "json_object"}
    )
    assert "Paris" in json.loads(plain.choices[0].message.content)["answer"]


# The other OpenAI routes


def test_completions_whole_and_streamed(oai):
    asked = {"model": "sim-large", "prompt": LONG, "max_tokens": 10, "logprobs": 2}
    whole = oai.completions.create(**asked)
    parts = list(oai.completions.create(**asked, stream=True))
    assert whole.choices[0].finish_reason == parts[-1].choices[0].finish_reason == "length"
    assert "".join(part.choices[0].text for part in parts) == whole.choices[0].text
    assert "".join(whole.choices[0].logprobs.tokens) == whole.choices[0].text
    assert whole.usage.completion_tokens == 10


def test_responses_stream_has_the_real_order_of_events(oai):
    whole = oai.responses.create(model="sim-large", input=CAPITAL)
    assert "Paris" in whole.output_text
    events = list(oai.responses.create(model="sim-large", input=CAPITAL, stream=True))
    kinds = [event.type.removeprefix("response.") for event in events]
    deltas = kinds.count("output_text.delta")
    assert deltas > 1
    assert kinds == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *["output_text.delta"] * deltas,
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == whole.output_text
    assert events[-1].response.usage == whole.usage
    with oai.responses.stream(model="sim-large", input=CAPITAL) as stream:
        assert stream.get_final_response().output_text == whole.output_text


def test_responses_are_incomplete_at_the_limit(oai):
    whole = oai.responses.create(model="sim-large", input=LONG, max_output_tokens=16)
    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert whole.usage.output_tokens == 16
    *_, last = oai.responses.create(model="sim-large", input=LONG, max_output_tokens=16, stream=True)
    assert last.type == "response.incomplete"


def test_responses_with_tools_schema_and_logprobs(oai):
    tool = {"type": "function", **WEATHER_TOOL, "parameters": WEATHER_SCHEMA, "strict": False}
    whole = oai.responses.create(model="sim-large", input=WEATHER, tools=[tool])
    assert json.loads(whole.output[0].arguments)["city"] == "Lisbon"
    events = list(oai.responses.create(model="sim-large", input=WEATHER, tools=[tool], stream=True))
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == whole.output[0].arguments == events[-1].response.output[0].arguments
    output = {"type": "function_call_output", "call_id": whole.output[0].call_id, "output": "18 degrees"}
    history = [*said(WEATHER), whole.output[0].model_dump(exclude_none=True), output]
    assert "18 degrees" in oai.responses.create(model="sim-large", input=history, tools=[tool]).output_text

    form = {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}}
    made = oai.responses.create(
        model="sim-large", input=CAPITAL, text=form, include=["message.output_text.logprobs"]
    )
    jsonschema.validate(json.loads(made.output_text), SCHEMA)
    assert "".join(t.token for t in made.output[0].content[0].logprobs) == made.output_text


def test_embeddings_lie_closer_with_words_in_common(oai, provider):
    texts = ["how to bake bread", "bake bread at home", "quarterly tax report"]
    made = oai.embeddings.create(model="sim-small", input=texts, dimensions=64)
    one, near, far = (item.embedding for item in made.data)
    assert len(one) == 64
    assert sum(a * b for a, b in zip(one, near, strict=True)) > sum(
        a * b for a, b in zip(one, far, strict=True)
    )
    assert one == pytest.approx(vector(texts[0], 64))
    assert sum(value * value for value in one) == pytest.approx(1)
    assert provider.usage()["sim-small"] == {**made.usage.model_dump(), "completion_tokens": 0}


def test_models_are_listed(oai):
    assert [model.id for model in oai.models.list()] == list(MODELS)


# Anthropic


def test_messages_whole_and_streamed(claude, provider):
    asked = {"model": "sim-large", "max_tokens": 400, "messages": said(LONG), "system": "Be kind."}
    whole = claude.messages.create(**asked)
    assert whole.stop_reason == "end_turn"
    assert whole.usage.output_tokens == -(-len(whole.content[0].text) // 4)
    kinds = [event.type for event in claude.messages.create(**asked, stream=True)]
    deltas = kinds.count("content_block_delta")
    assert deltas > 1
    assert [kind for kind in kinds if kind != "ping"] == [
        *("message_start", "content_block_start"),
        *["content_block_delta"] * deltas,
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    provider.clear()
    with claude.messages.stream(**asked) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens
    assert provider.usage()["sim-large"]["completion_tokens"] == whole.usage.output_tokens


def test_messages_call_tools_and_stop_at_the_limit(claude):
    tool = {**WEATHER_TOOL, "input_schema": WEATHER_SCHEMA}
    asked = {"model": "sim-large", "messages": said(WEATHER), "tools": [tool], "max_tokens": 400}
    whole = claude.messages.create(**asked)
    assert (whole.stop_reason, whole.content[0].input["city"]) == ("tool_use", "Lisbon")
    with claude.messages.stream(**asked) as stream:
        final = stream.get_final_message()
    assert (final.stop_reason, final.content[0].input) == ("tool_use", whole.content[0].input)
    result = {"type": "tool_result", "tool_use_id": whole.content[0].id, "content": "18 degrees"}
    turns = [*said(WEATHER), {"role": "assistant", "content": [whole.content[0].model_dump()]}]
    asked["messages"] = [*turns, {"role": "user", "content": [result]}]
    assert "18 degrees" in claude.messages.create(**asked).content[0].text
    short = claude.messages.create(model="sim-large", messages=said(LONG), max_tokens=3)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)


def test_errors_have_the_shape_of_their_api(oai, claude, provider):
    provider.faults("status", model="sim-small", status=429, retry_after=7)
    with pytest.raises(openai.RateLimitError) as limited:
        oai.chat.completions.create(model="sim-small", messages=said("Hi"))
    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.type == "rate_limit_error"
    with pytest.raises(anthropic.RateLimitError) as refused:
        claude.messages.create(model="sim-small", messages=said("Hi"), max_tokens=9)
    assert refused.value.body["error"]["type"] == "rate_limit_error"
    assert oai.chat.completions.create(model="sim-large", messages=said("Hi")).choices
    assert provider.totals()["sim-small"] == {
        "calls": 2, "ok": 0, "failed": 2, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0,
    }  # fmt: skip


# What tests tell their requests apart by


def test_a_number_in_the_text_is_noted_by_every_api_and_no_part_of_the_question(oai, claude, provider):
    text = f"{CAPITAL} [[seed:41]]"
    plain = oai.chat.completions.create(model="sim-small", messages=said(CAPITAL))
    marked = oai.chat.completions.create(model="sim-small", messages=said(text))
    assert marked.choices[0].message.content == plain.choices[0].message.content
    oai.completions.create(model="sim-small", prompt=text)
    oai.responses.create(model="sim-small", input=text)
    claude.messages.create(model="sim-small", messages=said(text), max_tokens=50)
    oai.chat.completions.create(model="sim-small", messages=said(text), seed=7)
    assert [call["seed"] for call in provider.calls()] == [-1, 41, 41, 41, 41, 7]
