from __future__ import annotations

import math

import pytest

from litellm_tiering.core.features import ResponseFormat, Surface, TaskType
from litellm_tiering.intake import read_request
from litellm_tiering.intake.tokens import IMAGE_TOKENS

PNG = "data:image/png;base64," + "iVBORw0KGgo" * 20_000


def features(body, surface=Surface.CHAT):
    return read_request(body, surface)[0]


def user(content):
    return {"messages": [{"role": "user", "content": content}]}


def test_chat_completions_with_everything():
    body = {
        "model": "auto",
        "messages": [
            {"role": "developer", "content": "Answer briefly."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is in these?"},
                    {"type": "image_url", "image_url": {"url": PNG}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                    {"type": "file", "file": {"file_data": "AAAA"}},
                ],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
        "max_completion_tokens": 300,
        "max_tokens": 5,
        "n": 3,
        "stream": True,
        "logprobs": True,
    }
    f, prompt = read_request(body, Surface.CHAT)
    assert (f.model, f.messages, f.turns, f.tools) == ("auto", 4, 2, 1)
    assert (f.images, f.audio, f.files) == (1, 1, 1)
    assert f.response_format is ResponseFormat.JSON_SCHEMA
    assert (f.max_tokens, f.choices, f.stream, f.logprobs) == (300, 3, True, True)
    assert prompt.question == "What is in these?"
    assert prompt.system == "Answer briefly."
    assert f.system_tokens == pytest.approx(3, abs=1)
    # The image's 220,000 characters of base64 count as one image, not as text.
    assert f.prompt_chars < 60
    assert IMAGE_TOKENS < f.prompt_tokens < 5 * IMAGE_TOKENS


def test_legacy_functions_count_as_tools():
    body = user("hi") | {"functions": [{"name": "a"}, {"name": "b"}]}
    assert features(body).tools == 2


@pytest.mark.parametrize(
    ("prompt", "question", "turns"),
    [
        ("Once upon a time", "Once upon a time", 1),
        (["Once", "upon"], "Once\nupon", 1),
        ("", "", 0),
        (None, "", 0),
        ([], "", 0),
        ({"a": 1}, "", 0),
    ],
)
def test_completions(prompt, question, turns):
    f, text = read_request({"prompt": prompt}, Surface.COMPLETION)
    assert text.question == question
    assert f.turns == turns


@pytest.mark.parametrize(("prompt", "tokens"), [([1, 2, 3, 4], 4), ([[1, 2], [3]], 3)])
def test_a_prompt_of_token_ids_is_counted(prompt, tokens):
    assert features({"prompt": prompt}, Surface.COMPLETION).prompt_tokens == tokens


def test_anthropic_messages_with_everything():
    body = {
        "system": [{"type": "text", "text": "You review code.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Read this."},
                    {"type": "image", "source": {"type": "base64", "data": PNG}},
                    {"type": "document", "source": {"type": "text", "data": "word " * 500}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hmm " * 100, "signature": "x"},
                    {"type": "tool_use", "id": "t", "name": "run", "input": {"cmd": "ls"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "text", "text": "out " * 200}, {"type": "image", "source": {}}],
                    },
                    {"type": "text", "text": "<system-reminder>be good</system-reminder>"},
                ],
            },
        ],
        "tools": [{"type": "code_execution_20250522", "name": "code_execution"}],
        "output_format": {"type": "json_schema", "schema": {}},
        "max_tokens": 1024,
    }
    f, prompt = read_request(body, Surface.MESSAGES)
    assert prompt.question == "Read this."
    assert prompt.system == "You review code."
    assert (f.images, f.files, f.tool_results, f.messages) == (2, 1, 1, 3)
    assert f.code_execution
    assert f.response_format is ResponseFormat.JSON_SCHEMA
    assert f.max_tokens == 1024
    assert f.prompt_tokens == pytest.approx(2 * IMAGE_TOKENS + 800, rel=0.2)


def test_responses_with_everything():
    body = {
        "instructions": "Translate the user's text.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "first"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thought " * 50}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "erste"}]},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "second"},
                    {"type": "input_image", "image_url": PNG},
                    {"type": "input_file", "file_data": "AAAA"},
                ],
            },
        ],
        "text": {"format": {"type": "json_object"}},
        "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
        "max_output_tokens": 99,
        "include": ["message.output_text.logprobs"],
    }
    f, prompt = read_request(body, Surface.RESPONSES)
    assert (prompt.question, prompt.system) == ("second", "Translate the user's text.")
    assert (f.turns, f.messages, f.images, f.files) == (2, 4, 1, 1)
    assert f.response_format is ResponseFormat.JSON_OBJECT
    assert (f.max_tokens, f.code_execution, f.logprobs) == (99, True, True)
    assert f.task_type is TaskType.TRANSLATION


def test_responses_with_a_plain_text():
    f, prompt = read_request({"input": "What is 2+2?"}, Surface.RESPONSES)
    assert (prompt.question, f.turns, f.messages) == ("What is 2+2?", 1, 1)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (100, 100),
        (100.0, 100),
        (0, None),
        (-5, None),
        (True, None),
        ("100", None),
        (1.5, None),
        (math.nan, None),
        (math.inf, None),
        (10**30, 10_000_000),
        ([], None),
        (None, None),
    ],
)
def test_absurd_bounds_on_the_answer_are_none_or_clamped(value, read):
    assert features(user("hi") | {"max_tokens": value}).max_tokens == read


@pytest.mark.parametrize(("value", "read"), [(0, 1), (-1, 1), (10**9, 128), ("4", 1), (None, 1), (4, 4)])
def test_the_number_of_answers_is_clamped(value, read):
    assert features(user("hi") | {"n": value}).choices == read


@pytest.mark.parametrize(
    ("tool", "runs"),
    [
        ({"type": "code_interpreter"}, True),
        ({"type": "code_execution_20250825", "name": "code_execution"}, True),
        ({"type": "bash_20250124", "name": "bash"}, True),
        ({"codeExecution": {}}, True),
        ({"type": "function", "function": {"name": "run_python"}}, True),
        ({"type": "function", "function": {"name": "get_weather"}}, False),
        ({"type": "web_search_20250305", "name": "web_search"}, False),
        ("python", False),
        (None, False),
    ],
)
def test_tools_that_run_code_are_seen(tool, runs):
    assert features(user("hi") | {"tools": [tool]}).code_execution is runs


def test_the_tokens_of_tools_are_counted_without_reading_all_of_them():
    tool = {
        "type": "function",
        "function": {"name": "t", "description": "what it does " * 20, "parameters": {}},
    }
    one, hundred = (features(user("hi") | {"tools": [tool] * n}).prompt_tokens for n in (1, 100))
    assert hundred == pytest.approx(100 * one, rel=0.15)
    wide = {"parameters": {"properties": {f"p{i}": {"type": "string"} for i in range(50_000)}}}
    assert features(user("hi") | {"tools": [wide] * 1_000}).tools == 1_000


def test_a_hundred_thousand_messages_are_counted_and_the_newest_is_the_question():
    messages = [{"role": "user", "content": f"word number {i} here"} for i in range(100_000)]
    f, prompt = read_request({"messages": messages}, Surface.CHAT)
    assert prompt.question == "word number 99999 here"
    assert f.messages == 100_000
    assert f.turns == pytest.approx(100_000, rel=0.01)
    assert f.prompt_chars == pytest.approx(sum(len(m["content"]) for m in messages), rel=0.02)
    assert f.truncated


def test_crowded_old_messages_leave_room_for_the_newest():
    crowd = {"role": "user", "content": [{"type": "text", "text": "old words"}] * 400}
    newest = {"role": "user", "content": [{"type": "text", "text": "new"}]}
    f, prompt = read_request({"messages": [crowd] * 300 + [newest]}, Surface.CHAT)
    assert prompt.question == "new"
    assert f.truncated


def test_a_text_of_five_megabytes_is_measured_whole_and_analysed_in_part():
    text = "alpha beta gamma delta " * 220_000
    f, prompt = read_request(user(text), Surface.CHAT)
    assert f.question_chars == f.prompt_chars == len(text)
    assert f.question_words == pytest.approx(880_000, rel=0.05)
    assert len(prompt.question) <= 8_000
    assert f.truncated


def test_the_system_prompt_is_the_question_where_there_is_no_other():
    f, prompt = read_request({"messages": [{"role": "system", "content": "Write a haiku."}]}, Surface.CHAT)
    assert prompt.question == "Write a haiku."
    assert f.turns == 0


def test_messages_of_an_sdk_are_read_by_their_attributes():
    class Message:
        def __init__(self, role, content):
            self.role, self.content = role, content

    _, prompt = read_request({"messages": [Message("user", "hello there, what is new?")]}, Surface.CHAT)
    assert prompt.question == "hello there, what is new?"


def test_a_pydantic_class_as_format_is_a_schema():
    class Answer:
        pass

    assert features(user("hi") | {"response_format": Answer}).response_format is ResponseFormat.JSON_SCHEMA


@pytest.mark.parametrize(
    ("metadata", "task", "use_case", "tagged"),
    [
        ({"task_type": "summarization"}, TaskType.SUMMARY, "", True),
        ({"task_type": "faq"}, TaskType.QUESTION, "faq", False),
        ({"use_case": "Support Desk"}, TaskType.QUESTION, "Support Desk", False),
        ({"use_case": "classification"}, TaskType.CLASSIFICATION, "classification", True),
        ({"tags": ["task:translation"]}, TaskType.TRANSLATION, "", True),
        ({"tags": ["use_case=billing", "task:coding"]}, TaskType.CODE, "billing", True),
        ({"tags": "task:extract,blue"}, TaskType.EXTRACTION, "", True),
        ({"task_type": 5, "tags": {"a": 1}}, TaskType.QUESTION, "", False),
        ({"task_type": "x" * 500}, TaskType.QUESTION, "", False),
        ({"task_type": "a\nb"}, TaskType.QUESTION, "", False),
    ],
)
def test_a_request_may_state_its_task(metadata, task, use_case, tagged):
    f = features(user("Where is Rome?") | {"metadata": metadata})
    assert (f.task_type, f.use_case, f.task_tagged) == (task, use_case, tagged)


def test_tags_are_bounded():
    f = features(user("hi") | {"metadata": {"tags": [f"t{i}" for i in range(10_000)]}})
    assert len(f.tags) == 64


def test_tags_that_litellm_merged_are_read_as_well():
    f = features(
        user("hi") | {"metadata": {"tags": ["a"]}, "litellm_metadata": {"tags": ["b"]}, "tags": ["c"]}
    )
    assert f.tags == {"a", "b", "c"}
