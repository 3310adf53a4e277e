from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request
from litellm_tiering.intake.transcript import LEFT_OUT, MAX_CHARS, MAX_MESSAGES, transcript

BODIES = {
    "chat": (
        Surface.CHAT,
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]},
    ),
    "messages": (Surface.MESSAGES, {"system": "S", "messages": [{"role": "user", "content": "Q"}]}),
    "responses": (Surface.RESPONSES, {"instructions": "S", "input": "Q"}),
    "items": (Surface.RESPONSES, {"instructions": "S", "input": [{"role": "user", "content": "Q"}]}),
}


@pytest.mark.parametrize(("surface", "body"), BODIES.values(), ids=BODIES)
def test_every_api_becomes_one_conversation(surface, body):
    assert transcript(body, surface) == {
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    }


@pytest.mark.parametrize("prompt", ["Q", ["Q"]])
def test_a_completions_prompt_is_a_users_turn(prompt):
    assert transcript({"prompt": prompt}, Surface.COMPLETION) == {
        "messages": [{"role": "user", "content": "Q"}]
    }


def test_what_is_kept_reads_as_the_request_did():
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    body = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Is 7 prime? Answer yes or no."}]}
        ],
        "tools": tools,
        "response_format": {"type": "json_object"},
        "max_tokens": 5,
        "user": "SECRET-user",
        "metadata": {"user_api_key": "SECRET-key"},
        "api_key": "SECRET",
    }
    found = transcript(body, Surface.CHAT)
    assert "SECRET" not in json.dumps(found)
    before, after = (read_request(b, Surface.CHAT)[0] for b in (body, found))
    assert (before.question_words, before.tools, before.max_tokens, before.response_format) == (
        after.question_words,
        after.tools,
        after.max_tokens,
        after.response_format,
    )


def test_pictures_and_sound_are_left_out():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10**6}}
    body = {"messages": [{"role": "user", "content": [image, {"type": "text", "text": "What is it?"}]}]}
    found = transcript(body, Surface.CHAT)
    assert found["messages"][0]["content"][0]["image_url"]["url"] == LEFT_OUT
    assert found["cut"] is True
    assert read_request(found, Surface.CHAT)[0].images == 1


def test_the_newest_turns_and_the_first_are_kept_of_a_long_conversation():
    turns = [{"role": "user", "content": f"turn {i} " + "long text " * 50} for i in range(2_000)]
    found = transcript({"messages": turns}, Surface.CHAT)
    assert found["cut"] is True
    assert found["messages"][0] == turns[0]
    assert found["messages"][-1] == turns[-1]
    assert len(json.dumps(found)) < 2 * MAX_CHARS
    short = transcript({"messages": [{"role": "user", "content": "x"}] * 2_000}, Surface.CHAT)
    assert len(short["messages"]) == MAX_MESSAGES + 1


def test_of_one_long_text_both_ends_are_kept():
    (message,) = transcript(
        {"messages": [{"role": "user", "content": "a b " * 10**5 + "END"}]}, Surface.CHAT
    )["messages"]
    assert message["content"].startswith("a b ")
    assert message["content"].endswith("END")
    assert len(message["content"]) < MAX_CHARS


def test_a_long_text_without_spaces_in_another_script_is_text():
    (message,) = transcript({"messages": [{"role": "user", "content": "长" * 5_000}]}, Surface.CHAT)[
        "messages"
    ]
    assert message["content"] == "长" * 5_000


def test_an_sdks_message_objects_are_read():
    entry = SimpleNamespace(role="user", content="Q", _hidden="no")
    assert transcript({"messages": [entry]}, Surface.CHAT) == {"messages": [{"role": "user", "content": "Q"}]}


@pytest.mark.parametrize("surface", list(Surface))
@pytest.mark.parametrize("body", [{}, {"messages": 1}, {"messages": []}, {"prompt": [1, 2]}, {"input": {}}])
def test_what_holds_no_question_is_none(surface, body):
    assert transcript(body, surface) is None


def test_what_is_nested_too_deeply_is_cut():
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    assert transcript({"messages": [{"role": "user", "content": deep}]}, Surface.CHAT)["cut"] is True


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(JSONISH, st.sampled_from(list(Surface)))
def test_whatever_a_body_holds_what_is_kept_is_json(value, surface):
    body = {"messages": value, "input": value, "prompt": value, "system": value, "tools": value, "n": value}
    found = transcript(body, surface)
    assert found is None or json.loads(json.dumps(found, allow_nan=False)) == found
