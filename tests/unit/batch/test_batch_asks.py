from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.batch.asks import Bad, Unusable, ask_in, digest_of

HELLO = [{"role": "user", "content": "hello"}]


def test_a_prompt_becomes_a_chat_request_for_auto():
    ask = ask_in(7, {"prompt": "hello", "id": "a"}, None)
    assert (ask.number, ask.id, ask.path, ask.model) == (7, "a", "/v1/chat/completions", "auto")
    assert ask.body == {"messages": HELLO, "model": "auto"}


def test_other_keys_of_a_line_are_parameters():
    ask = ask_in(1, {"messages": HELLO, "max_tokens": 5, "temperature": 0, "id": 3}, None)
    assert ask.body == {"messages": HELLO, "max_tokens": 5, "temperature": 0, "model": "auto"}
    assert ask.id == 3


def test_a_line_of_openais_batches_is_sent_as_it_says():
    line = {
        "custom_id": "c-1",
        "method": "POST",
        "url": "/v1/responses",
        "body": {"model": "gpt", "input": "x"},
    }
    ask = ask_in(1, line, None)
    assert (ask.id, ask.path, ask.body) == ("c-1", "/v1/responses", {"model": "gpt", "input": "x"})


def test_the_callers_model_goes_before_the_lines():
    assert ask_in(1, {"body": {"model": "gpt", "messages": HELLO}}, "small").model == "small"
    assert ask_in(1, {"body": {"model": "gpt", "messages": HELLO}}, None).model == "gpt"


def test_nothing_is_streamed():
    ask = ask_in(1, {"prompt": "x", "stream": True, "stream_options": {"include_usage": True}}, None)
    assert set(ask.body) == {"messages", "model"}


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"prompt": 3},
        {"messages": []},
        {"messages": ["hello"]},
        {"body": "hello"},
        {"prompt": "x", "url": "/v1/models"},
        {"prompt": "x", "url": "http://elsewhere/v1/chat/completions"},
        {"prompt": "x", "url": "/v1/chat/completions/../../../key/info"},
        {"prompt": "x", "method": "DELETE"},
        {"prompt": "x", "url": "/v1/responses"},
        {"prompt": "x", "model": {"a": 1}},
        {"prompt": "x", "id": ["a"]},
        {"prompt": "x", "id": True},
        {"prompt": "x", "id": float("nan")},
        {"prompt": "x", "id": "a" * 513},
        {"prompt": "x", "temperature": float("nan")},
    ],
)
def test_a_line_that_cannot_be_sent_says_why_and_not_what_it_holds(line):
    with pytest.raises(Unusable) as caught:
        ask_in(1, line, None)
    assert "elsewhere" not in str(caught.value)
    assert "hello" not in str(caught.value)


def test_a_url_of_another_type_is_no_url():
    with pytest.raises(Unusable):
        ask_in(1, {"prompt": "x", "url": "/v1/models"}, None)
    with pytest.raises(Unusable):
        ask_in(1, {"prompt": "x", "url": ["/v1/chat/completions"]}, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(["id", "custom_id", "prompt", "messages", "body", "url", "method", "model", "x"])


@given(st.dictionaries(keys, json_values, max_size=6))
def test_any_line_is_sent_or_refused(line):
    try:
        ask = ask_in(1, line, None)
    except Unusable:
        return
    body = json.loads(ask.content())
    assert isinstance(body["model"], str)
    assert "stream" not in body


def test_a_digest_tells_requests_apart():
    def digest(line, model=None):
        return digest_of(ask_in(1, line, model))

    one = digest({"prompt": "x"})
    assert one == digest({"prompt": "x", "id": "renamed"})
    different = [
        digest({"prompt": "y"}),
        digest({"prompt": "x"}, "small"),
        digest({"prompt": "x", "max_tokens": 1}),
        digest_of(Bad(1, "is not JSON")),
    ]
    assert len({one, *different}) == 5
