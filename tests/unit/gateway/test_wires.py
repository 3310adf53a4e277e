from __future__ import annotations

import json
import math
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.gateway.loose import FINISHES, finish, get, items, number, text
from litellm_tiering.gateway.wires import WIRES
from litellm_tiering.intake.answer_form import demand_of

CHAT, COMPLETION = WIRES[Surface.CHAT], WIRES[Surface.COMPLETION]
MESSAGES, RESPONSES = WIRES[Surface.MESSAGES], WIRES[Surface.RESPONSES]


def obj(value):
    """The same as objects, as LiteLLM's own types are."""
    if isinstance(value, dict):
        return SimpleNamespace(**{k: obj(v) for k, v in value.items()})
    return [obj(v) for v in value] if isinstance(value, list) else value


def heard(wire, chunks):
    listener = wire.listener()
    for chunk in chunks:
        listener.hear(chunk)
    return listener.said()


def sse(*events, end=b"\n"):
    lines = (b"event: x" + end + b"data: " + json.dumps(e).encode() + end + end for e in events)
    return b"".join(lines)


# ---------------------------------------------------------------------- answers whole and in chunks

WEATHER = '{"city": "Paris"}'


def chat_chunk(delta=None, *, index=0, finish_reason=None, logprobs=None):
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish_reason}
    return {"choices": [{**choice, **({"logprobs": logprobs} if logprobs else {})}]}


def call_delta(index, arguments, name=None, id_=None):
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"index": index, "id": id_, "function": function}]}


def lp(*values):
    return {"content": [{"token": "t", "logprob": v} for v in values]}


RECORDED = {
    "chat": (
        CHAT,
        {
            "choices": [
                {
                    "message": {"role": "assistant", "content": "Paris."},
                    "finish_reason": "stop",
                    "logprobs": lp(-0.1, -0.2),
                }
            ]
        },
        [
            chat_chunk({"role": "assistant", "content": ""}),
            chat_chunk({"content": "Par"}, logprobs=lp(-0.1)),
            chat_chunk({"content": "is."}, logprobs=lp(-0.2)),
            chat_chunk(finish_reason="stop"),
            {"choices": [], "usage": {"prompt_tokens": 9}},
        ],
    ),
    "chat, tools": (
        CHAT,
        {
            "choices": [
                {
                    "message": {
                        "content": None,
                        "tool_calls": [
                            {"id": "a", "type": "function", "function": {"name": "w", "arguments": WEATHER}},
                            {"id": "b", "type": "function", "function": {"name": "t", "arguments": "{}"}},
                        ],
                    },
                    "finish_reason": "tool_calls",
                }
            ]
        },
        [
            chat_chunk(call_delta(0, "", "w", "a")),
            chat_chunk(call_delta(1, "", "t", "b")),
            chat_chunk(call_delta(0, '{"city": ')),
            chat_chunk(call_delta(1, "{}")),
            chat_chunk(call_delta(0, '"Paris"}')),
            chat_chunk(finish_reason="tool_calls"),
        ],
    ),
    "chat, choices": (
        CHAT,
        {
            "choices": [
                {"index": 0, "message": {"content": "one"}, "finish_reason": "stop"},
                {"index": 1, "message": {"content": "two"}, "finish_reason": "length"},
            ]
        },
        [
            chat_chunk({"content": "t"}, index=1),
            chat_chunk({"content": "on"}, index=0),
            chat_chunk({"content": "wo"}, index=1, finish_reason="length"),
            chat_chunk({"content": "e"}, index=0),
            chat_chunk(index=0, finish_reason="stop"),
        ],
    ),
    "chat, a function of old": (
        CHAT,
        {
            "choices": [
                {
                    "message": {"content": None, "function_call": {"name": "w", "arguments": WEATHER}},
                    "finish_reason": "function_call",
                }
            ]
        },
        [
            chat_chunk({"function_call": {"name": "w", "arguments": ""}}),
            chat_chunk({"function_call": {"arguments": WEATHER[:5]}}),
            chat_chunk({"function_call": {"arguments": WEATHER[5:]}}),
            chat_chunk(finish_reason="function_call"),
        ],
    ),
    "chat, refused": (
        CHAT,
        {"choices": [{"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}]},
        [chat_chunk({"refusal": "I "}), chat_chunk({"refusal": "can't."}), chat_chunk(finish_reason="stop")],
    ),
    "completion": (
        COMPLETION,
        {
            "choices": [
                {
                    "index": 0,
                    "text": "Paris.",
                    "finish_reason": "stop",
                    "logprobs": {"token_logprobs": [-0.5]},
                }
            ]
        },
        [
            {"choices": [{"index": 0, "text": "Par", "logprobs": {"token_logprobs": [-0.5]}}]},
            {"choices": [{"index": 0, "text": "is.", "finish_reason": None}]},
            {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]},
        ],
    ),
    "messages": (
        MESSAGES,
        {
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "Paris."},
                {"type": "tool_use", "id": "a", "name": "w", "input": {"city": "Paris"}},
                {"type": "tool_use", "id": "b", "name": "t", "input": {}},
            ],
            "stop_reason": "tool_use",
        },
        [
            {"type": "message_start", "message": {"model": "m", "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "thinking_delta", "thinking": "hm"},
            },
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Par"}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "is."}},
            {"type": "content_block_stop", "index": 1},
            {
                "type": "content_block_start",
                "index": 2,
                "content_block": {"type": "tool_use", "id": "a", "name": "w", "input": {}},
            },
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": WEATHER[:4]},
            },
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": WEATHER[4:]},
            },
            {
                "type": "content_block_start",
                "index": 3,
                "content_block": {"type": "tool_use", "id": "b", "name": "t", "input": {}},
            },
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
            {"type": "message_stop"},
        ],
    ),
}

FINAL = {
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "Paris."}]},
        {"type": "function_call", "id": "i", "call_id": "c", "name": "w", "arguments": WEATHER},
    ],
}
RESPONSES_EVENTS = [
    {"type": "response.created", "response": {"status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "item": {"type": "message", "id": "m", "content": []}},
    {"type": "response.output_text.delta", "item_id": "m", "delta": "Par"},
    {"type": "response.output_text.delta", "item_id": "m", "delta": "is."},
    {"type": "response.output_item.added", "item": {"type": "function_call", "id": "i", "name": "w"}},
    {"type": "response.function_call_arguments.delta", "item_id": "i", "delta": WEATHER[:3]},
    {"type": "response.function_call_arguments.delta", "item_id": "i", "delta": WEATHER[3:]},
]
RECORDED["responses"] = (
    RESPONSES,
    FINAL,
    [*RESPONSES_EVENTS, {"type": "response.completed", "response": FINAL}],
)
RECORDED["responses, by a bridge"] = (
    RESPONSES,
    FINAL,
    [*RESPONSES_EVENTS, {"type": "response.completed", "response": {"status": "completed", "output": []}}],
)


@pytest.mark.parametrize("form", [lambda v: v, obj], ids=["dicts", "objects"])
@pytest.mark.parametrize("name", RECORDED)
def test_a_stream_says_in_the_end_what_the_whole_answer_says(name, form):
    wire, whole, chunks = RECORDED[name]
    if wire is MESSAGES:
        form = sse if form is obj else dict
    expected = wire.whole(whole if wire is MESSAGES else form(whole))
    found = heard(wire, map(form, chunks))
    assert [replace_finish(s, name) for s in found] == [replace_finish(s, name) for s in expected]
    assert expected[0].text or expected[0].tool_calls or expected[0].refusal
    assert expected[0].finish_reason


def replace_finish(said, name):
    """A bridge that lists no output cannot say that there were tools."""
    ending = "" if "bridge" in name else said.finish_reason
    return Said(said.text, said.tool_calls, said.logprobs, ending, said.refusal)


@pytest.mark.parametrize("name", RECORDED)
def test_the_characters_heard_are_those_of_text_and_arguments(name):
    wire, _, chunks = RECORDED[name]
    listener = wire.listener()
    seen = []
    for chunk in chunks:
        listener.hear(chunk)
        seen.append(listener.chars)
    assert seen == sorted(seen)
    said = listener.said()
    empty = 2 if wire is MESSAGES else 0  # the input that no delta wrote
    assert seen[-1] == empty * -1 + sum(
        len(s.text) + len(s.refusal) + sum(len(c.arguments) for c in s.tool_calls) for s in said
    )


def test_of_each_answer_the_pieces_are_found():
    assert CHAT.whole(RECORDED["chat"][1]) == (Said("Paris.", (), (-0.1, -0.2), "stop"),)
    assert CHAT.whole(RECORDED["chat, tools"][1])[0].tool_calls == (
        ToolCall("w", WEATHER),
        ToolCall("t", "{}"),
    )
    assert COMPLETION.whole(RECORDED["completion"][1]) == (Said("Paris.", (), (-0.5,), "stop"),)
    assert MESSAGES.whole(RECORDED["messages"][1]) == (
        Said("Paris.", (ToolCall("w", WEATHER), ToolCall("t", "{}")), (), "tool_calls"),
    )
    assert RESPONSES.whole(FINAL) == (Said("Paris.", (ToolCall("w", WEATHER),), (), "tool_calls"),)
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"text": 7}, {"text": "b"}]
    assert CHAT.whole({"choices": [{"message": {"content": parts}}]})[0].text == "ab"


def test_a_refusal_is_found_where_litellm_leaves_it():
    specific = {"content": "", "provider_specific_fields": {"refusal": "no"}}
    assert CHAT.whole({"choices": [{"message": specific}]})[0].refusal == "no"
    said = {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}
    assert RESPONSES.whole({"status": "completed", **said}) == (Said("", (), (), "stop", "no"),)


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete"}, "length"),
        ({"status": "failed"}, ""),
        ({"status": "completed"}, "stop"),
    ],
)
def test_how_a_response_ended_is_told_by_its_status(answer, ending):
    assert RESPONSES.whole({**answer, "output": []})[0].finish_reason == ending


@pytest.mark.parametrize("kind", ["computer_call", "custom_tool_call", "mcp_approval_request"])
def test_an_answer_that_is_an_action_is_not_empty(kind):
    item = {"type": kind, "id": "i", **({"name": "w"} if kind != "computer_call" else {})}
    name = item.get("name", kind)
    ended = {"status": "completed", "output": [item]}
    expected = (Said("", (ToolCall(name, "{}"),), (), "tool_calls"),)
    assert RESPONSES.whole(ended) == expected
    begun = [{"type": "response.output_item.added", "item": item}]
    assert heard(RESPONSES, begun)[0].tool_calls == expected[0].tool_calls
    assert heard(RESPONSES, [*begun, {"type": "response.completed", "response": ended}]) == expected


def test_what_a_provider_looked_up_is_no_answer():
    looked = {"status": "completed", "output": [{"type": "web_search_call", "id": "i"}]}
    assert RESPONSES.whole(looked) == (Said("", (), (), "stop"),)


def test_log_probabilities_of_a_response_are_those_of_its_parts():
    parts = [{"text": "a", "logprobs": [{"logprob": -1}, {"logprob": None}]}, {"text": "b", "logprobs": 3}]
    assert RESPONSES.whole({"output": [{"type": "message", "content": parts}]})[0].logprobs == (-1.0,)


# ---------------------------------------------------------------------- event streams, however they are cut


EVENTS = RECORDED["messages"][2]
GERMAN = [*EVENTS[:6], {**EVENTS[5], "delta": {"type": "text_delta", "text": "ü €\u2028𝄞"}}]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_an_event_stream_may_be_cut_at_every_byte(end):
    raw = sse(*EVENTS, end=end)
    expected = MESSAGES.whole(RECORDED["messages"][1])
    for cut in range(len(raw) + 1):
        assert heard(MESSAGES, [raw[:cut], raw[cut:]]) == expected
    assert heard(MESSAGES, [raw[i : i + 1] for i in range(len(raw))]) == expected
    assert heard(MESSAGES, [raw]) == expected


@given(st.lists(st.integers(0, 900), max_size=30))
def test_an_event_stream_may_be_cut_anywhere_and_often(cuts):
    raw = "".join(f"data: {json.dumps(e, ensure_ascii=False)}\n\n" for e in GERMAN).encode()
    edges = sorted({0, len(raw), *(c for c in cuts if c < len(raw))})
    pieces = [raw[a:b] for a, b in pairwise(edges)]
    assert heard(MESSAGES, pieces)[0].text == "Parü €\u2028𝄞"


def test_an_event_that_is_no_utf8_or_no_json_costs_only_itself():
    good = sse(EVENTS[5])
    bad = b'data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "\xff\xfe"}}\n'
    junk = [b"data: {]\n", b"data:\n", b"data\n", b": comment\n", b"data: [1]\n", b"data: 7\n", b"\n" * 9]
    assert heard(MESSAGES, [bad, *junk, good])[0].text == "Par"
    assert heard(MESSAGES, [good.decode(), bytearray(good), *EVENTS[5:6]])[0].text == "ParParPar"


def test_an_event_too_long_to_put_together_costs_only_itself(monkeypatch):
    monkeypatch.setattr("litellm_tiering.gateway.wire_messages.MAX_FRAME_BYTES", 1_000)
    listener = MESSAGES.listener()
    for _ in range(100):
        listener.hear(b"data: " + b"x" * 300)
        assert sum(map(len, listener._rest)) <= 1_000
    listener.hear(b"\n" + sse(EVENTS[5]))
    assert listener.said()[0].text == "Par"


def test_a_long_event_in_many_pieces_is_put_together():
    said = {**EVENTS[5], "delta": {"type": "text_delta", "text": "x" * 3_000_000}}
    raw = sse(said)
    listener = MESSAGES.listener()
    for at in range(0, len(raw), 64):
        listener.hear(raw[at : at + 64])
    assert listener.chars == 3_000_000
    assert listener._rest_bytes == 0


# ---------------------------------------------------------------------- hostile answers

NASTY = [
    None,
    True,
    -1,
    10**400,
    math.nan,
    math.inf,
    "",
    "\ud800",
    b"\xff",
    [],
    {},
    [[]],
    [None, 7, "x"],
    {"index": []},
    {"value": {}},
    {"a", "b"},
    object(),
]
KEYS = [
    *(
        "choices",
        "index",
        "delta",
        "message",
        "content",
        "text",
        "tool_calls",
        "function",
        "name",
        "arguments",
    ),
    *("finish_reason", "logprobs", "logprob", "token_logprobs", "refusal", "provider_specific_fields"),
    *("type", "content_block", "partial_json", "stop_reason", "function_call", "input", "output", "status"),
    *("response", "item", "item_id", "id", "incomplete_details", "reason"),
]
WORDS = [
    *("text", "tool_use", "text_delta", "input_json_delta", "content_block_start", "content_block_delta"),
    *("message_delta", "message", "function_call", "stop", "completed", "incomplete"),
    *("response.output_text.delta", "response.output_item.added", "response.completed"),
    *("response.function_call_arguments.delta", "response.refusal.delta"),
]
junk = st.recursive(
    st.sampled_from(NASTY) | st.sampled_from(WORDS) | st.text(max_size=3) | st.integers(-2, 5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4).map(lambda d: SimpleNamespace(**d))
    ),
    max_leaves=10,
)
some = st.dictionaries(st.sampled_from(KEYS), junk, max_size=5)
# Junk in the right places reaches deeper than junk alone.
shaped = (
    st.fixed_dictionaries({"choices": st.lists(some, max_size=3)})
    | st.builds(lambda kind, more: {**more, "type": kind}, st.sampled_from(WORDS), some)
    | st.fixed_dictionaries(
        {
            "choices": st.lists(
                st.fixed_dictionaries({"delta": some}, optional={"index": junk, "finish_reason": junk}),
                max_size=2,
            )
        }
    )
)


def check_said(said):
    assert all(isinstance(s.text, str) and isinstance(s.refusal, str) for s in said)
    assert all(s.finish_reason in {*FINISHES.values(), ""} for s in said)
    assert all(isinstance(c.name, str) and isinstance(c.arguments, str) for s in said for c in s.tool_calls)
    assert all(type(p) is float for s in said for p in s.logprobs)


@pytest.mark.parametrize("surface", WIRES)
@given(st.data())
def test_whatever_is_answered_is_read_as_far_as_it_goes(surface, data):
    wire = WIRES[surface]
    check_said(wire.whole(data.draw(junk | shaped)))
    listener = wire.listener()
    for chunk in data.draw(st.lists(junk | shaped, max_size=4)):
        listener.hear(chunk)
        check_said(listener.said())
    assert listener.chars >= 0


@pytest.mark.parametrize("value", NASTY, ids=lambda v: type(v).__name__)
def test_values_of_another_kind_are_nothing(value):
    assert finish(value) == ""
    assert finish(SimpleNamespace(value=value)) == ""
    assert text(value) == (value if isinstance(value, str) else "")
    assert number(value) is None or isinstance(number(value), float)
    assert list(items(value)) == (value if isinstance(value, list) else [])
    assert get(value, "nothing") is None


@pytest.mark.parametrize("index", [[], {}, "0", None, 1.5], ids=str)
def test_an_index_that_is_none_is_the_first(index):
    chunk = {"choices": [{"index": index, "delta": {"content": "x", **call_delta(index, "{}", "w")}}]}
    (said,) = heard(CHAT, [chunk])
    assert (said.text, said.tool_calls) == ("x", (ToolCall("w", "{}"),))
    assert heard(COMPLETION, [{"choices": [{"index": index, "text": "x"}]}])[0].text == "x"
    heard(MESSAGES, [{**e, "index": index} for e in EVENTS])


def test_very_many_choices_and_calls_are_not_all_kept():
    many = heard(CHAT, (chat_chunk({"content": "x"}, index=i) for i in range(5_000)))
    assert len(many) == 4_096
    (said,) = heard(CHAT, (chat_chunk(call_delta(i % 5_000, "{}", "w")) for i in range(10_000)))
    assert len(said.tool_calls) == 4_096
    assert said.tool_calls[0].arguments == "{}{}", "those that are known go on"
    assert len(heard(CHAT, [chat_chunk(call_delta([], "{}", "w")) for _ in range(2)])[0].tool_calls) == 1
    assert len(heard(COMPLETION, ({"choices": [{"index": i, "text": "x"}]} for i in range(5_000)))) == 4_096
    block = {"type": "content_block_start", "content_block": {"type": "tool_use", "name": "w"}}
    assert len(heard(MESSAGES, ({**block, "index": i} for i in range(5_000)))[0].tool_calls) == 4_096
    added = {"type": "response.output_item.added"}
    items_ = ({**added, "item": {"type": "function_call", "id": str(i), "name": "w"}} for i in range(5_000))
    assert len(heard(RESPONSES, items_)[0].tool_calls) == 4_096
    calls = [{"function": {"name": "w", "arguments": "{}"}}] * 5_000
    assert len(CHAT.whole({"choices": [{"message": {"tool_calls": calls}}]})[0].tool_calls) == 4_096
    assert len(CHAT.whole({"choices": [{}] * 5_000})) == 4_096
    assert len(MESSAGES.whole({"content": [{"type": "tool_use"}] * 5_000})[0].tool_calls) == 4_096
    assert len(RESPONSES.whole({"output": [{"type": "function_call"}] * 5_000})[0].tool_calls) == 4_096


def test_calls_that_come_out_of_order_are_put_in_order():
    chunks = [call_delta(2, "c", "C"), call_delta(0, "a", "A"), call_delta(2, "c"), call_delta(1, "b", "B")]
    (said,) = heard(CHAT, map(chat_chunk, chunks))
    assert said.tool_calls == (ToolCall("A", "a"), ToolCall("B", "b"), ToolCall("C", "cc"))


def test_a_tool_input_that_is_no_json_is_empty():
    endless: dict = {}
    endless["self"] = endless
    for input_ in (endless, {"a": {1, 2}}, {"a": object()}):
        said = MESSAGES.whole({"content": [{"type": "tool_use", "name": "w", "input": input_}]})[0]
        assert said.tool_calls == (ToolCall("w", ""),)


def test_events_of_any_depth_are_passed_over():
    deep = b"data: " + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"\n"
    assert heard(MESSAGES, [deep, sse(EVENTS[5])])[0].text == "Par"


# ---------------------------------------------------------------------- what form is demanded

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


class Model:
    """As a pydantic model describes itself."""

    @classmethod
    def model_json_schema(cls):
        return SCHEMA


FORMS = {
    "chat, object": ({"response_format": {"type": "json_object"}}, True, None),
    "chat, schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
        True,
        SCHEMA,
    ),
    "chat, text": ({"response_format": {"type": "text"}}, False, None),
    "chat, a class": ({"response_format": Model}, True, SCHEMA),
    "chat, some class": ({"response_format": dict}, False, None),
    "responses, object": ({"text": {"format": {"type": "json_object"}}}, True, None),
    "responses, schema": (
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
        True,
        SCHEMA,
    ),
    "messages": ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, True, SCHEMA),
    "messages, config": (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        True,
        SCHEMA,
    ),
    "nothing": ({}, False, None),
    "anything": ({"response_format": {"type": "json_schema", "json_schema": {"schema": True}}}, True, True),
    "malformed": ({"response_format": {"type": "json_schema", "json_schema": [SCHEMA]}}, True, None),
    "no mapping": ({"response_format": "json", "text": 7, "output_config": []}, False, None),
    "a schema that is none": (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": "x"}}},
        True,
        None,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_that_is_demanded_is_found_in_each_api(name):
    body, json_, schema = FORMS[name]
    found = demand_of(body)
    assert (found.json, found.schema) == (json_, schema)


@pytest.mark.parametrize(
    ("tools", "offered"),
    [
        ([{"type": "function", "function": {"name": "w", "parameters": SCHEMA}}], {"w": SCHEMA}),
        ([{"type": "function", "name": "w", "parameters": SCHEMA}], {"w": SCHEMA}),
        ([{"name": "w", "input_schema": SCHEMA}], {"w": SCHEMA}),
        ([{"name": "w", "type": []}], {}),
        ([{"type": "custom", "name": "w", "input_schema": SCHEMA}], {"w": SCHEMA}),
        ([{"type": "function", "function": {"name": "w"}}], {"w": None}),
        ([{"type": "function", "function": {"name": "w", "parameters": "x"}}], {"w": None}),
        ([{"name": "w"}, {"type": "web_search_20250305", "name": "web_search"}], {}),
        ([{"name": "w"}, {"type": "web_search"}], {}),
        ([{"name": "w"}, {"name": ""}], {}),
        ([{"name": "w"}, 7], {}),
        ("tools", {}),
        ([{"name": f"t{i}"} for i in range(2_000)], {}),
    ],
)
def test_the_offered_tools_are_known_all_or_none(tools, offered):
    assert demand_of({"tools": tools}).tools == offered


def test_functions_of_old_are_tools():
    assert demand_of({"functions": [{"name": "w", "parameters": SCHEMA}]}).tools == {"w": SCHEMA}
