from __future__ import annotations

import json

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request
from litellm_tiering.intake.charges import EFFORT_TOKENS, SEARCHES, UNKNOWN_EFFORT_TOKENS
from litellm_tiering.intake.tokens import utf8_size

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def features(surface=Surface.CHAT, **body):
    body = {"messages": [{"role": "user", "content": "hi"}]} | body
    return read_request(body, surface)[0]


@pytest.mark.parametrize(
    ("surface", "body", "bound"),
    [
        (Surface.CHAT, {"max_tokens": 5}, 5),
        (Surface.CHAT, {"max_completion_tokens": 7}, 7),
        (Surface.CHAT, {"max_completion_tokens": 1, "max_tokens": 9}, 9),
        (Surface.CHAT, {"max_tokens": 1, "extra_body": {"max_completion_tokens": 900}}, 900),
        (Surface.CHAT, {"max_output_tokens": 1}, None),
        (Surface.CHAT, {"max_tokens_to_sample": 1}, None),
        (Surface.RESPONSES, {"max_output_tokens": 5}, 5),
        (Surface.RESPONSES, {"max_tokens": 1}, None),
        (Surface.MESSAGES, {"max_tokens": 5, "max_completion_tokens": 1}, 5),
        (Surface.COMPLETION, {"max_tokens": 5, "extra_body": 3}, 5),
    ],
)
def test_only_what_bounds_an_answer_on_its_api_is_a_bound_and_of_several_the_largest(surface, body, bound):
    assert features(surface, **body).max_tokens == bound


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 0),
        ({"thinking": {"type": "enabled", "budget_tokens": 5_000}}, 5_000),
        ({"thinking": {"type": "disabled"}}, 0),
        ({"thinking": {"type": "adaptive"}}, UNKNOWN_EFFORT_TOKENS),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, EFFORT_TOKENS["low"]),
        ({"thinking": {"budget_tokens": "x"}}, 0),
        ({"reasoning_effort": "high"}, EFFORT_TOKENS["high"]),
        ({"reasoning_effort": {"effort": "low"}}, EFFORT_TOKENS["low"]),
        ({"reasoning_effort": "none"}, 0),
        ({"reasoning_effort": "tremendous"}, UNKNOWN_EFFORT_TOKENS),
        ({"reasoning": {"effort": "medium"}}, EFFORT_TOKENS["medium"]),
        ({"extra_body": {"reasoning_effort": "max"}}, EFFORT_TOKENS["max"]),
    ],
)
def test_reasoning_is_seen_wherever_it_is_asked_for(body, tokens):
    assert features(**body).thinking_tokens == tokens


@pytest.mark.parametrize(
    ("body", "ttl_s"),
    [
        ({}, 0),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}
                ]
            },
            300,
        ),
        ({"messages": [{"role": "user", "content": "x", "cache_control": HOUR}]}, 3_600),
        ({"messages": [{"role": "user", "content": "x", "cache_control": "odd"}]}, 0),
        ({"messages": [{"role": "user", "content": "x", "cache_control": {"ttl": ["?"]}}]}, 3_600),
        ({"system": [{"type": "text", "text": "x", "cache_control": HOUR}]}, 3_600),
        ({"tools": [{"name": "t", "cache_control": MARK}]}, 300),
        ({"cache_control": MARK}, 300),
        ({"cache_control_injection_points": [{"location": "message"}]}, 300),
    ],
)
def test_marks_for_the_providers_cache_are_seen(body, ttl_s):
    assert features(Surface.MESSAGES, **body).cache_ttl_s == ttl_s


def test_marks_may_hide_among_what_is_not_looked_at():
    many = [{"role": "user", "content": "x"}] * 1_000
    assert features(messages=many).cache_ttl_s == 300


@pytest.mark.parametrize(
    ("surface", "body", "drafts"),
    [
        (Surface.CHAT, {"n": 3}, 3),
        (Surface.COMPLETION, {"prompt": "x", "n": 2, "best_of": 5}, 5),
        (Surface.COMPLETION, {"prompt": ["a", "b", "c"], "n": 2}, 6),
        (Surface.COMPLETION, {"prompt": [[1, 2], [3]]}, 2),
        (Surface.COMPLETION, {"prompt": [1, 2, 3]}, 1),
        (Surface.CHAT, {"prompt": ["a", "b"]}, 1),
        (Surface.CHAT, {"n": 1, "extra_body": {"n": 8}}, 8),
        (Surface.CHAT, {"n": 10**9, "best_of": "x"}, 128),
    ],
)
def test_every_answer_that_is_paid_for_is_counted(surface, body, drafts):
    assert features(surface, **body).drafts == drafts


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        ({}, (0, False, False, False)),
        ({"web_search_options": {}}, (1, False, False, False)),
        ({"tools": [{"type": "web_search_20250305", "max_uses": 3}]}, (3, False, False, False)),
        ({"tools": [{"type": "web_search"}, 7]}, (SEARCHES, False, False, False)),
        ({"modalities": ["text", "audio"]}, (0, True, False, False)),
        ({"audio": {"voice": "x"}}, (0, True, False, False)),
        ({"service_tier": "priority"}, (0, False, True, False)),
        ({"service_tier": "flex"}, (0, False, False, False)),
        ({"speed": "fast"}, (0, False, False, True)),
    ],
)
def test_what_is_priced_apart_is_seen(body, flags):
    f = features(**body)
    assert (f.searches, f.speaks, f.priority, f.fast) == flags


@pytest.mark.parametrize("text", ["plain", "über", "天気", "🎉", "\ud800", "é" * 300_000])
def test_no_text_takes_more_bytes_than_are_counted(text):
    exact = len(text.encode("utf-8", "surrogatepass"))
    assert exact <= utf8_size(text) <= 2 * exact
    f = features(messages=[{"role": "user", "content": text, "name": "bob"}])
    assert f.prompt_bytes == utf8_size(text) + 3


def test_all_that_is_sent_as_text_is_among_the_bytes():
    hidden = "word " * 400
    schema = {"type": "json_schema", "json_schema": {"schema": {"description": hidden}}}
    call = {"id": "1", "function": {"name": "f", "arguments": hidden}}
    for body in (
        {"messages": [{"role": "system", "content": hidden}]},
        {"messages": [{"role": "assistant", "tool_calls": [call]}]},
        {"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": hidden}}]},
        {"messages": [{"role": "user", "name": hidden, "content": "x"}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"a": [10**2_000]}}]}]},
        {"tools": [{"function": {"description": hidden}}]},
        {"response_format": schema},
        {"system": hidden},
    ):
        assert features(**body).prompt_bytes >= 2_000 * 0.95


def test_the_bytes_of_a_tree_cover_its_json():
    for value in ({"a": [1, 2.5, None, True, "x"], "b": {"ü": "天"}}, [[]] * 50, {"n": list(range(100))}):
        call = {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": value}]}
        assert features(messages=[call]).prompt_bytes >= len(json.dumps(value))


def test_of_what_is_not_looked_at_the_requests_own_length_tells():
    texts = ["x"] * 500
    texts[41] = "hidden " * 10_000
    body = {"messages": [{"role": "user", "content": t} for t in texts]}
    length = str(len(json.dumps(body)))
    assert features(**body).prompt_bytes < 10_000
    told = {"proxy_server_request": {"headers": {"content-length": length}}}
    assert features(**body, **told).prompt_bytes == int(length)
    odd = {"proxy_server_request": {"headers": {"content-length": "9" * 99}}}
    assert features(**body, **odd).prompt_bytes < 10_000


def test_attachments_are_told_apart_from_text():
    parts = [
        {"type": "image_url", "image_url": {"url": "data:x"}},
        {"type": "input_audio", "input_audio": {"data": "A" * 4_000_000, "format": "wav"}},
        {"type": "file", "file": {"file_data": "A" * 200_000}},
        {"type": "text", "text": "x"},
    ]
    f = features(messages=[{"role": "user", "content": parts}])
    assert f.attached_tokens == pytest.approx(1_000 + 1_000 + 5_000)
    assert f.prompt_tokens - f.attached_tokens < 20
    # Some three megabytes of sound: three minutes and more at 16 kB a second.
    assert f.audio_tokens == 6_000
    assert f.file_tokens > 5_000
    assert f.prompt_bytes == 1


def test_turns_that_the_provider_keeps_are_of_unknown_length():
    assert features(Surface.RESPONSES, input="x", previous_response_id="r").elsewhere
    assert not features(Surface.RESPONSES, input="x").elsewhere
