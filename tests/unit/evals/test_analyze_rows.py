"""Rows of spend logs and captures: JSON lines, arrays and CSV, whatever they hold."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface
from litellm_tiering.evals import spendlogs
from litellm_tiering.evals.analyze_calls import call_of, is_aside
from litellm_tiering.evals.spendlogs import LogError, Reading, rows_of

ROWS = [
    {"request_id": "a", "model": "x", "prompt_tokens": 3, "spend": 0.5, "messages": '[{"a": "}]\\"{"}]'},
    {"request_id": "b", "model": "y\\", "prompt_tokens": 4, "spend": 0.25, "messages": "[["},
]


def read(raw, reading=None):
    return list(rows_of(io.BytesIO(raw if isinstance(raw, bytes) else raw.encode()), reading or Reading()))


def as_csv(rows, **how):
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), **how)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        "".join(json.dumps(r) + "\n" for r in ROWS),
        "\n\n" + "\r\n".join(json.dumps(r) for r in ROWS),
        "\ufeff" + "\n".join(json.dumps(r) for r in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "".join(json.dumps(r, indent=2) for r in ROWS),
        json.dumps({"data": ROWS, "total": 2}),
        json.dumps({"data": ROWS, "total": 2}, indent=1),
    ],
)
def test_lines_arrays_and_answers_of_routes_give_the_same_rows(raw):
    reading = Reading()
    assert read(raw, reading) == ROWS
    assert (reading.rows, reading.bad.total()) == (2, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_however_its_columns_are_parted(delimiter):
    found = read(as_csv(ROWS, delimiter=delimiter))
    assert [(r["request_id"], r["spend"], r["messages"]) for r in found] == [
        (r["request_id"], str(r["spend"]), r["messages"]) for r in ROWS
    ]


def test_a_text_over_several_lines_of_csv_is_one_row():
    assert read(as_csv([{"model": "x", "spend": 1, "messages": 'a\n"b"\n,c'}]))[0]["messages"] == 'a\n"b"\n,c'


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=4),
            st.recursive(st.none() | st.text(max_size=8), lambda s: st.lists(s, max_size=2)),
        ),
        max_size=5,
    ),
    st.integers(1, 40),
)
def test_an_array_is_cut_into_its_objects_wherever_the_chunks_end(rows, size):
    wrapped = ("data", "logs", "spend_logs", "results")
    rows = [r for r in rows if not any(k in wrapped for k in r)]
    before = spendlogs._CHUNK
    spendlogs._CHUNK = size
    try:
        stream = io.BytesIO(
            b"[\n" + json.dumps(rows, ensure_ascii=False)[1:].encode("utf-8", "surrogatepass")
        )
        reading = Reading()
        assert list(rows_of(stream, reading)) == rows
        assert not reading.bad
    finally:
        spendlogs._CHUNK = before


@pytest.mark.parametrize(
    ("raw", "bad"),
    [
        ('{"model": "x"}\n{"model": \n3\n[]\n{"model": "y"}\n', {"not a JSON object": 3}),
        (b'{"model": "x"}\n{"model": "\xff"}\n{"model": "y"}', {"not a JSON object": 1}),
        (
            '[{"model": "x"}, [1], {"model": "y"}',
            {"not a JSON object": 1, "cut off at the end of the file": 1},
        ),
        ('[{"model": "x"}, {"model": "y"}, {"mod', {"cut off at the end of the file": 1}),
        (
            '{\n"model": "x"}\n{"model": "y"}]{"model": "z"}',
            {"a bracket too many: nothing behind it was read": 1},
        ),
        ("model,spend\nx,1\ny\ny,2\n", {"another number of columns than the head": 1}),
        ('{"model": "x"}\n' + "[" * 100_000 + '\n{"model": "y"}', {"not a JSON object": 1}),
    ],
)
def test_what_cannot_be_read_is_counted_and_the_rest_is_read(raw, bad):
    reading = Reading()
    assert [r["model"] for r in read(raw, reading)] == ["x", "y"]
    assert dict(reading.bad) == bad


@pytest.mark.parametrize("raw", ["", "\n\n", "hello\nworld\n", "a,b\n1,2\n", '"\n', b"\xff\xfe\x00"])
def test_what_is_no_log_at_all_is_refused(raw):
    with pytest.raises(LogError):
        read(raw)


@pytest.mark.parametrize("form", ["lines", "array", "csv"])
def test_a_row_too_long_is_passed_over(monkeypatch, form):
    monkeypatch.setattr(spendlogs, "MAX_ROW_BYTES", 1_000)
    rows = [{"model": "x", "spend": 1}, {"model": "z" * 5_000, "spend": 1}, {"model": "y", "spend": 1}]
    raw = {
        "lines": "\n".join(json.dumps(r) for r in rows),
        "array": "[\n" + ",\n".join(json.dumps(r) for r in rows) + "]",
        "csv": as_csv(rows),
    }[form]
    reading = Reading()
    found = [r["model"] for r in read(raw, reading)]
    assert [m for m in found if len(m) == 1] == ["x", "y"]
    assert reading.bad.total() >= 1


@pytest.mark.parametrize("form", ["lines", "array", "csv"])
def test_a_huge_log_is_read_in_constant_memory(form):
    class Endless(io.RawIOBase):
        """Rows without end, made as they are read."""

        def __init__(self, rows):
            self.left, self.rest = (
                rows,
                {"lines": b"", "array": b"[\n", "csv": b"model,spend,messages\n"}[form],
            )

        def readable(self):
            return True

        def readinto(self, buffer):
            while len(self.rest) < len(buffer) and self.left:
                self.left -= 1
                text = b"t" * 1_000
                self.rest += (
                    b"x,1," + text + b"\n"
                    if form == "csv"
                    else b'{"model": "x", "messages": "'
                    + text
                    + b'"}'
                    + (b",\n" if form == "array" else b"\n")
                )
            size = min(len(buffer), len(self.rest))
            buffer[:size], self.rest = self.rest[:size], self.rest[size:]
            return size

    tracemalloc.start()
    try:
        count = sum(1 for _ in rows_of(io.BufferedReader(Endless(20_000)), Reading()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 4_000_000  # of 20 MB


def test_an_object_that_does_not_end_takes_no_memory(monkeypatch):
    monkeypatch.setattr(spendlogs, "MAX_ROW_BYTES", 100_000)
    stream = io.BytesIO(b'[\n{"a": "' + b"x" * 20_000_000 + b'"}, {"model": "y"}]')
    reading = Reading()
    tracemalloc.start()
    try:
        found = list(rows_of(stream, reading))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [{"model": "y"}]
    assert reading.bad.total() == 1
    assert peak < 2_000_000


# ---------------------------------------------------------------------- what a row says

SPEND = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.0125,
    "total_tokens": 120,
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "startTime": "2026-11-20T10:00:30.123000+02:00",
    "model": "openai/gpt-5.4",
    "model_group": "large",
    "metadata": json.dumps(
        {
            "user_api_key_team_alias": "support",
            "additional_usage_values": {"cache_read_input_tokens": 64},
        }
    ),
    "cache_hit": "False",
    "team_id": "3f0c",
    "status": "success",
    "messages": "{}",
    "response": "{}",
    "proxy_server_request": json.dumps(
        {"model": "large", "messages": [{"role": "user", "content": "Hi there"}]}
    ),
}


def test_a_row_of_litellms_table_says_all_of_it():
    call = call_of(SPEND)
    assert (call.model, call.upstream, call.team) == ("large", "openai/gpt-5.4", "support")
    assert (call.prompt_tokens, call.completion_tokens, call.cached_tokens, call.usd) == (100, 20, 64, 0.0125)
    assert call.at_s == 1_795_161_630.0
    assert (call.surface, call.failed, call.cached, call.cut) == (Surface.CHAT, False, False, False)
    assert call.body["messages"][0]["content"] == "Hi there"


def test_the_names_that_databases_give_columns_are_understood():
    lower = {k.lower().replace("_", ""): str(v) for k, v in SPEND.items()}
    assert call_of(lower) == call_of(SPEND)
    assert call_of({f'"{k}"': v for k, v in SPEND.items()}) == call_of(SPEND)


def test_a_capture_says_the_same_in_its_own_words():
    call = call_of(
        {
            "id": "d1",
            "at": 1_795_161_630.5,
            "route": "auto",
            "tier": "complex",
            "model": "large",
            "team": "support",
            "messages": [{"role": "user", "content": "Hi"}],
            "answer": "Hello",
            "prompt_tokens": 3,
            "completion_tokens": 1,
            "cost_usd": 0.001,
        }
    )
    assert (call.model, call.team, call.at_s, call.usd) == ("large", "support", 1_795_161_630.5, 0.001)
    assert call.body == {"messages": [{"role": "user", "content": "Hi"}]}


def test_a_line_of_the_proxys_capture_counts_the_answer_that_was_served():
    line = {
        "captured": 1,
        "id": "6cafcac92b92dd8d",
        "at": 1_795_161_630.5,
        "share": 0.05,
        "route": "auto",
        "tier": "complex",
        "model": "large",
        "messages": [{"role": "user", "content": "Hi"}],
        "responses": {
            "small": {"text": "", "cost": 0.001, "prompt_tokens": 3, "completion_tokens": 9, "served": False},
            "large": {
                "text": "Hello",
                "cost": 0.02,
                "prompt_tokens": 4,
                "completion_tokens": 2,
                "served": True,
            },
        },
        "cost_usd": 0.021,
    }
    call = call_of(line)
    assert (call.model, call.usd, call.prompt_tokens, call.completion_tokens) == ("large", 0.02, 4, 2)
    assert call.stands_for == pytest.approx(20)
    assert call.body["messages"][0]["content"] == "Hi"
    assert not is_aside(line)
    assert is_aside({"captured": 1, "id": "6cafcac92b92dd8d", "feedback": 0.2})


@pytest.mark.parametrize("share", [0, -1, "x", 2, None, float("nan")])
def test_a_share_that_is_none_stands_for_itself(share):
    assert call_of({"captured": 1, "model": "m", "responses": {"m": {}}, "share": share}).stands_for == 1


@pytest.mark.parametrize(
    ("kind", "surface"),
    [
        ("completion", Surface.CHAT),
        ("atext_completion", Surface.COMPLETION),
        ("anthropic_messages", Surface.MESSAGES),
        ("aresponses", Surface.RESPONSES),
        (None, Surface.CHAT),
        ("aembedding", None),
        ("aimage_generation", None),
        ("/mcp/call_tool", None),
    ],
)
def test_only_calls_that_can_be_routed_have_a_surface(kind, surface):
    call = call_of({**SPEND, "call_type": kind})
    assert call.surface is surface
    assert (call.body is None) == (surface is None)


@pytest.mark.parametrize(
    ("held", "body"),
    [
        ({"proxy_server_request": "{}", "messages": '[{"role": "user", "content": "a"}]'}, "a"),
        ({"proxy_server_request": {"body": {"messages": [{"role": "user", "content": "b"}]}}}, "b"),
        ({"proxy_server_request": None, "messages": "a plain text"}, "a plain text"),
        ({"proxy_server_request": "", "messages": None, "prompt": "from a line"}, "from a line"),
    ],
)
def test_a_request_is_found_where_releases_keep_it(held, body):
    assert call_of({**SPEND, **held}).body["messages"][0]["content"] == body


def test_a_request_of_the_responses_api_keeps_its_input():
    row = {**SPEND, "call_type": "aresponses", "proxy_server_request": json.dumps({"input": "Hi"})}
    assert call_of(row).body["input"] == "Hi"
    row |= {"proxy_server_request": "{}", "messages": '[{"role": "user", "content": "Hi"}]'}
    assert call_of(row).body["input"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("held", ["{}", "[]", "", None, "{", "[1", '""', {}, []])
def test_a_request_that_was_not_kept_is_none(held):
    row = {**SPEND, "proxy_server_request": held, "messages": held}
    assert call_of(row).body is None


def test_what_litellm_hid_is_no_text_and_what_it_cut_is_told_of():
    def hidden(text):
        return {**SPEND, "proxy_server_request": {"messages": [{"role": "user", "content": text}]}}

    assert call_of(hidden("redacted-by-litellm")).body is None
    note = (
        "... (litellm_truncated skipped 900 chars. Truncation is a DB storage safeguard. Full, untruncated "
        "data is logged to logging callbacks (OTEL, Datadog, etc.). To increase the truncation limit, set "
        "`MAX_STRING_LENGTH_PROMPT_IN_DB` in your env.) ..."
    )
    call = call_of(hidden(f"begin{note}end"))
    assert call.cut
    assert call.body["messages"][0]["content"] == "begin … end"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-20T08:00:30Z", 1_795_161_630.0),
        ("2026-11-20 08:00:30.123456", 1_795_161_630.0),
        ("2026-11-20 08:00:30+00", 1_795_161_630.0),
        ("2026-11-20 03:00:30-0500", 1_795_161_630.0),
        ("2026-11-20 08:00", 1_795_161_600.0),
        (1_795_161_630, 1_795_161_630.0),
        ("1795161630000", 1_795_161_630.0),
        ("2026-13-40 08:00:30", None),
        ("1999-01-01 08:00:30", None),
        ("yesterday", None),
        (float("nan"), None),
        ({}, None),
    ],
)
def test_times_of_every_kind_are_read_and_nonsense_is_none(text, seconds):
    assert call_of({**SPEND, "startTime": text}).at_s == seconds


@pytest.mark.parametrize("wrong", ["", "x", -1, "1e400", True, [], "nan"])
def test_amounts_that_are_none_are_not_guessed(wrong):
    call = call_of({**SPEND, "spend": wrong, "prompt_tokens": wrong})
    assert (call.usd, call.prompt_tokens) == (None, None)


def test_failures_and_answers_from_the_cache_are_told_apart():
    assert call_of({**SPEND, "status": "failure"}).failed
    assert call_of({**SPEND, "status": None, "metadata": {"status": "failure"}}).failed
    assert call_of({**SPEND, "cache_hit": "True"}).cached


def test_usage_as_providers_write_it_does_as_well():
    call = call_of(
        {"model": "m", "usage": {"input_tokens": 7, "output_tokens": 2, "cache_read_input_tokens": 5}}
    )
    assert (call.prompt_tokens, call.completion_tokens, call.cached_tokens) == (7, 2, 5)


def test_a_row_that_says_nothing_is_no_call():
    assert call_of({"a": 1}) is None
    assert call_of({}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *SPEND,
                "usage",
                "at",
                "cost_usd",
                "prompt",
                "input",
                "surface",
                "captured",
                "responses",
                "share",
            ]
        ),
        JSON,
    )
)
def test_whatever_a_row_holds_it_is_read_without_fault(row):
    call = call_of(row)
    assert call is None or len(call.model) <= 80
