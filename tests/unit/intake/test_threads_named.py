from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request
from litellm_tiering.intake.bodies import NEWEST, OLDEST
from litellm_tiering.intake.threads import session_of

UUID = "3f1c2d4e-5a6b-7c8d-9e0f-112233445566"
HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."


def chat(*turns, system=None, **more):
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": t} for i, t in enumerate(turns)]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    return {"messages": messages, **more}


def read(body, surface=Surface.CHAT):
    return read_request(body, surface)[0]


def headers(**named):
    return {"proxy_server_request": {"headers": {k.replace("_", "-"): v for k, v in named.items()}}}


def test_a_first_turn_follows_nothing_and_the_next_one_follows_it():
    first = read(chat(HARD))
    second = read(chat(HARD, "Since …", "go on"))
    third = read(chat(HARD, "Since …", "go on", "And …", "thanks"))
    assert (first.follows, second.follows, third.follows) == ("", first.conversation, second.conversation)
    assert len({first.conversation, second.conversation, third.conversation}) == 3


def test_conversations_that_differ_in_anything_said_before_do_not_meet():
    first = read(chat("hello")).conversation
    assert read(chat("hello", "Hi!", "one", "1", "x")).follows != first
    assert read(chat("hello", "Hi!", "one")).follows == first
    assert read(chat("hello", "Hi!", "one"), Surface.MESSAGES).follows == first
    assert read(chat("hello", system="Be brief.")).conversation != first
    assert read(chat("hell", "", "o")).conversation != first


def test_examples_in_a_prompt_are_no_earlier_turns():
    shots = ("2+2?", "4", "3+3?", "6")
    one, other = read(chat(*shots, HARD)), read(chat(*shots, "5+5?"))
    assert one.follows == other.follows
    assert one.follows not in {one.conversation, other.conversation}
    assert one.conversation != other.conversation


def test_a_turn_in_parts_is_the_same_turn():
    parts = [{"type": "text", "text": HARD, "cache_control": {"type": "ephemeral"}}]
    marked = {"messages": [{"role": "user", "content": parts}]}
    assert read(marked, Surface.MESSAGES).conversation == read(chat(HARD)).conversation


STEPS = {
    "chat": (
        Surface.CHAT,
        {
            "messages": [
                {"role": "user", "content": HARD},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "a", "function": {"name": "ls"}}],
                },
                {"role": "tool", "tool_call_id": "a", "content": "README.md"},
            ]
        },
    ),
    "messages": (
        Surface.MESSAGES,
        {
            "messages": [
                {"role": "user", "content": HARD},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "a", "name": "ls", "input": {}}],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": "README.md"},
                        {"type": "text", "text": "<system-reminder>Mind the tests.</system-reminder>"},
                    ],
                },
            ]
        },
    ),
    "responses": (
        Surface.RESPONSES,
        {
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": HARD}]},
                {"type": "reasoning", "summary": [], "encrypted_content": "zzz"},
                {"type": "function_call", "call_id": "a", "name": "shell", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "a", "output": "README.md"},
            ]
        },
    ),
}


@pytest.mark.parametrize("surface", STEPS)
def test_a_tools_result_is_no_question_of_the_users(surface):
    kind, body = STEPS[surface]
    found, prompt = read_request(body, kind)
    assert found.tool_step
    assert prompt.question == HARD
    assert found.follows


@pytest.mark.parametrize("surface", ["chat", "responses"])
def test_a_tool_step_belongs_to_the_turn_that_began_it(surface):
    kind, body = STEPS[surface]
    name = "input" if surface == "responses" else "messages"
    before = read({name: body[name][:1]}, kind)
    step = read(body, kind)
    assert step.follows == step.conversation == before.conversation


def test_what_the_user_says_beside_a_result_is_a_turn():
    kind, body = STEPS["messages"]
    *before, last = body["messages"]
    said = {"type": "text", "text": "Stop, use the other folder instead."}
    spoken = {"messages": [*before, {"role": "user", "content": [last["content"][0], said]}]}
    assert not read(spoken, kind).tool_step
    assert not read(chat(HARD, "Since …", "thanks")).tool_step


def test_no_text_is_in_what_names_a_conversation():
    found = read(chat(HARD, "Since …", "my secret"))
    assert len(found.conversation) == len(found.follows) == 32
    assert int(found.conversation, 16) >= 0


def test_a_very_long_conversation_goes_by_its_beginning():
    turns = [f"turn {i}" for i in range(2 * (OLDEST + NEWEST))]
    one, later = read(chat(*turns, "x")), read(chat(*turns, "x", "y", "z"))
    assert one.conversation == one.follows == later.conversation
    assert read(chat("other", *turns[1:], "x")).conversation != one.conversation


def test_a_completion_and_what_the_provider_keeps_have_no_turns():
    assert not read({"prompt": HARD}, Surface.COMPLETION).conversation
    assert not read(
        {"input": "go on", "previous_response_id": "resp_12345678"}, Surface.RESPONSES
    ).conversation
    assert not read({"messages": []}).conversation


SESSIONS = {
    "LiteLLM's header": headers(x_litellm_session_id="litellm-session-1"),
    "Claude Code's header": headers(x_claude_code_session_id=UUID),
    "opencode's header": headers(x_session_id="ses_0123456789"),
    "Codex's header": {"proxy_server_request": {"headers": {"session_id": UUID}}},
    "Codex's other header": {"proxy_server_request": {"headers": {"Conversation_ID": UUID}}},
    "LiteLLM's field": {"litellm_session_id": "litellm-session-1"},
    "LiteLLM's metadata": {"metadata": {"session_id": "litellm-session-1"}},
    "LiteLLM's own metadata": {"litellm_metadata": {"session_id": "litellm-session-1"}},
    "Claude Code": {"metadata": {"user_id": f"user_{'a' * 64}_account_{UUID[::-1]}_session_{UUID}"}},
    "a later Claude Code": {"metadata": {"user_id": json.dumps({"device_id": "d" * 64, "session_id": UUID})}},
    "Codex": {"prompt_cache_key": UUID},
    "a conversation": {"conversation": "conv_0123456789"},
    "a conversation's object": {"conversation": {"id": "conv_0123456789"}},
}


@pytest.mark.parametrize("who", SESSIONS)
def test_a_session_names_the_conversation_whatever_was_said(who):
    named = SESSIONS[who]
    one, other = read(chat(HARD, **named)), read(chat("x", "y", "z", **named))
    assert one.conversation == one.follows == other.conversation == other.follows != ""
    assert one.conversation != read(chat(HARD)).conversation
    assert session_of(named) in str(named)


NO_SESSIONS = {
    "a user": {"metadata": {"user_id": "user-42"}},
    "a session of no form": {"metadata": {"user_id": "my_session_is_nice"}},
    "a cache key of an application": {"prompt_cache_key": "support-bot-v1"},
    "a parent's": headers(x_parent_session_id="ses_0123456789"),
    "a short one": {"litellm_session_id": "1"},
    "a text": {"litellm_session_id": "what is the capital of France?"},
    "a long one": {"litellm_session_id": "a" * 10_000},
    "a number": {"litellm_session_id": 1234567890},
    "a trace": {"litellm_session_id": "trace-123456", "litellm_trace_id": "trace-123456"},
    "another tool's header": {"proxy_server_request": {"headers": {"session-id": "abcdefgh"}}},
    "too many headers": {
        "proxy_server_request": {
            "headers": {f"h{i}": "" for i in range(500)} | {"x-session-id": "ses_12345678"}
        }
    },
    "nonsense": {"metadata": [], "proxy_server_request": {"headers": [1]}, "conversation": {"id": {}}},
}


@pytest.mark.parametrize("what", NO_SESSIONS)
def test_what_names_no_session(what):
    assert not session_of(NO_SESSIONS[what])
    assert read(chat(HARD, **NO_SESSIONS[what])).conversation == read(chat(HARD)).conversation


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
NAMES = (
    "metadata",
    "litellm_metadata",
    "conversation",
    "prompt_cache_key",
    "proxy_server_request",
    "messages",
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_nothing_that_a_client_sends_breaks_it(body):
    found = read(body)
    assert isinstance(found.conversation, str)
