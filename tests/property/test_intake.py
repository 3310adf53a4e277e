from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request

SURFACES = tuple(Surface)
KEYS = (
    "messages",
    "prompt",
    "input",
    "instructions",
    "system",
    "role",
    "content",
    "type",
    "text",
    "tools",
    "functions",
    "tool_calls",
    "function",
    "name",
    "parameters",
    "source",
    "data",
    "file",
    "output",
    "metadata",
    "tags",
    "litellm_metadata",
    "task_type",
    "use_case",
    "response_format",
    "format",
    "output_format",
    "output_config",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "stream",
    "logprobs",
    "top_logprobs",
    "include",
    "model",
    "previous_response_id",
    "thinking",
    "refusal",
    "suffix",
    "reasoning_content",
)
WORDS = (
    "user",
    "assistant",
    "system",
    "developer",
    "tool",
    "function",
    "text",
    "input_text",
    "image_url",
    "image",
    "input_audio",
    "file",
    "document",
    "tool_use",
    "tool_result",
    "thinking",
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "json_schema",
    "json_object",
    "go on",
    "thanks",
    "<system-reminder>",
    "</system-reminder>",
    "Prove that",
    "\ud800",
    "\x00",
    "```",
    "\n\n",
    "证明",
    "😀",
    "a\u0301",
    "task:summary",
    "ESCALATE",
    "-1e999",
)

keys = st.sampled_from(KEYS) | st.text(max_size=4)
# With lone surrogates: JSON can carry them, and UTF-8 cannot.
texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join) | st.text(
    st.characters(exclude_categories=()), max_size=30
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 0, -1])
    | st.floats()
    | texts
    | st.sampled_from(WORDS)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=30,
)
bodies = st.dictionaries(keys, values, max_size=8)
parts = st.fixed_dictionaries({"type": st.sampled_from(WORDS)}, optional={"text": values, "content": values})
turns = st.fixed_dictionaries(
    {
        "role": st.sampled_from(WORDS) | values,
        "content": texts | st.lists(parts | texts, max_size=4) | values,
    },
    optional={"type": st.sampled_from(WORDS), "tool_calls": values},
)
talks = st.builds(
    lambda messages, rest: {**rest, "messages": messages, "input": messages},
    st.lists(turns, max_size=6),
    bodies,
)


def check(body, surface):
    features, prompt = read_request(body, surface)
    for field in dataclasses.fields(features):
        value = getattr(features, field.name)
        if isinstance(value, int) and not isinstance(value, bool):
            assert 0 <= value <= 10**9, field.name
    assert features.max_tokens is None or 1 <= features.max_tokens <= 10_000_000
    assert 1 <= features.choices <= 128
    assert len(features.tags) <= 64
    assert len(features.use_case) <= 128
    assert len(prompt.question) <= 8_000
    assert len(prompt.system) <= 8_000
    assert len(features.signals) <= 15
    assert all(math.isfinite(v) and v >= 0 for v in features.signals.values())
    assert not (features.follow_up and features.smalltalk)
    assert read_request(body, surface) == (features, prompt)


@given(bodies, st.sampled_from(SURFACES))
def test_any_body_is_read_alike_every_time_and_never_raises(body, surface):
    check(body, surface)


@given(talks, st.sampled_from(SURFACES))
def test_any_conversation_is_read_alike_every_time_and_never_raises(body, surface):
    check(body, surface)


@given(values)
def test_a_body_that_is_no_mapping_reads_as_an_empty_one(body):
    if not isinstance(body, dict):
        assert read_request(body, Surface.CHAT) == read_request({}, Surface.CHAT)


@pytest.mark.parametrize("surface", SURFACES)
def test_a_body_nested_past_any_recursion_limit_is_read(surface):
    value: object = "deep"
    for i in range(20_000):
        value = [value] if i % 2 else {"content": value, "text": value, "input": value}
    body = {
        "messages": [{"role": "user", "content": value}, {"role": "assistant", "tool_calls": [value]}],
        "prompt": value,
        "input": [{"type": "function_call", "arguments": value}, value],
        "tools": [value],
        "metadata": {"tags": value, "task_type": value},
        "response_format": value,
    }
    features, _ = read_request(body, surface)
    assert features.tools == 1


@given(st.text(max_size=200), st.integers(1, 50))
def test_more_of_the_same_text_never_counts_less(text, times):
    def size(content):
        features, _ = read_request({"messages": [{"role": "user", "content": content}]}, Surface.CHAT)
        return features.prompt_chars, features.messages

    assert size(text * times)[0] >= size(text)[0]
    assert size(text * times)[1] == 1
