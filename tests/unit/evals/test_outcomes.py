from __future__ import annotations

import io
import json
import sys

import pytest
from outcome_kit import line, write

from litellm_tiering.core.features import Surface
from litellm_tiering.evals import outcome_lines, outcomes
from litellm_tiering.evals.outcomes import OutcomeError, OutcomeReport, body_of, gate_line, read_outcomes
from litellm_tiering.intake import read_request


@pytest.fixture
def read(tmp_path):
    """Writes lines and reads them: the outcomes, and the report."""

    def _read(*lines, models=("w", "s"), name="o.jsonl", **more):
        report = OutcomeReport()
        return list(read_outcomes(write(tmp_path / name, *lines), models, report=report, **more)), report

    return _read


GOOD = line("good", 0, 1)


def test_a_line_becomes_an_outcome(read):
    responses = {
        "w": {"text": "4", "correct": True, "cost": 0.25, "prompt_tokens": 7, "completion_tokens": 2},
        "s": {"score": 0.5, "correct": False},
        "other": {"score": 1},
    }
    more = {"set": "maths", "metadata": {"tags": ["b", "a"]}, "finish_reason": "stop"}
    (found,), report = read({"id": 7, "prompt": "2+2?", "responses": responses, **more})
    assert (found.id, found.prompt, found.messages, found.group, found.tags) == (
        "7",
        "2+2?",
        None,
        "maths",
        ("a", "b"),
    )
    weak, strong = found.answers["w"], found.answers["s"]
    assert list(found.answers) == ["w", "s"]
    assert (weak.text, weak.quality, weak.cost_usd, weak.prompt_tokens, weak.completion_tokens) == (
        "4",
        1.0,
        0.25,
        7,
        2,
    )
    assert (strong.text, strong.quality, strong.cost_usd, strong.prompt_tokens) == (None, 0.5, None, None)
    assert (report.lines, report.used, report.skipped_count) == (1, 1, 0)
    assert report.models == {"w": 1, "s": 1, "other": 1}


def test_others_answers_are_kept_where_they_are_asked_for(read):
    given = line("a", 0, 1)
    given["responses"]["x"] = {"score": 0.5}
    assert list(read(given, others=True)[0][0].answers) == ["w", "s", "x"]
    assert list(read(given, models=())[0][0].answers) == ["w", "s", "x"]


@pytest.mark.parametrize(
    ("more", "group"),
    [
        ({"group": "g", "set": "s", "task": "t"}, "g"),
        ({"set": " s ", "task": "t"}, "s"),
        ({"task": "t"}, "t"),
        ({"metadata": {"use_case": "support"}}, "support"),
        ({"set": 5, "task": "a\nb"}, ""),
        ({"set": "x" * 200}, ""),
        ({}, ""),
    ],
)
def test_the_group_is_what_the_line_says_it_belongs_to(read, more, group):
    assert read(line("a", 0, 1, **more))[0][0].group == group


def test_a_conversation_is_kept_and_its_last_user_turn_is_the_prompt(read):
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}]
    for last, prompt in (("why?", "why?"), (parts, "one\ntwo"), (None, "")):
        messages = [{"role": "user", "content": last}, {"role": "assistant", "content": "because"}]
        (found,), _ = read({**GOOD, "prompt": None, "messages": messages})
        assert found.prompt == prompt
        assert body_of(found)["messages"] == messages
    (found,), _ = read({**GOOD, "messages": [{"role": "system", "content": "Be brief."}]})
    assert found.prompt == ""


def test_the_body_is_the_request_as_score_reads_it(read):
    more = {"metadata": {"use_case": "faq"}, "tools": [{"type": "function", "function": {"name": "f"}}]}
    (found,), _ = read(line("a", 0, 1, prompt="How so?", **more))
    body = body_of(found)
    assert body == {"messages": [{"role": "user", "content": "How so?"}], **more}
    features, prompt = read_request(body, Surface.CHAT)
    assert (features.use_case, features.tools, prompt.question) == ("faq", 1, "How so?")


def test_a_gate_line_has_the_answer_and_what_gates_look_at(read):
    given = line("a", 0, 1, prompt="How so?", answer="the truth, which is no answer", texts=("So.", None))
    given["responses"]["w"] |= {"finish_reason": "length", "logprobs": [-0.5], "tool_calls": None}
    (found,), _ = read(given)
    assert gate_line(found, "w") == {
        "id": "a",
        "messages": [{"role": "user", "content": "How so?"}],
        "answer": "So.",
        "finish_reason": "length",
        "logprobs": [-0.5],
    }
    assert gate_line(found, "s") is None


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"not json\n", "not JSON"),
        (b"\xff\n", "not UTF-8"),
        (b"[" * 100_000 + b"\n", "nested too deeply"),
        (b"[]\n", "not a JSON object"),
        (b'{"id": 1' + b"0" * 5000 + b"}\n", "not JSON"),
        ({**GOOD, "id": None}, "no `id`"),
        ({**GOOD, "id": True}, "no `id`"),
        ({**GOOD, "id": float("nan")}, "no `id`"),
        ({**GOOD, "prompt": None}, "neither a `prompt`"),
        ({**GOOD, "messages": "hello"}, "neither a `prompt`"),
        ({**GOOD, "messages": ["hello"]}, "neither a `prompt`"),
        ({**GOOD, "responses": [1]}, "no `responses`"),
        ({**GOOD, "responses": {"w": {"score": 1}}}, "the answer of s is missing"),
        ({**GOOD, "responses": {"w": {"score": 1}, "s": 1}}, "the answer of s is without a"),
        (line("x", 0, float("nan")), "the answer of s is without a"),
        (line("x", float("inf"), 0), "the answer of w is without a"),
        (line("x", 0, "1"), "the answer of s is without a"),
        (line("x", 0, 1e300), "the answer of s is without a"),
        (line("x", 10**400, 0), "the answer of w is without a"),
        (line("good", 1, 0), "the id of a line before it"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out_and_told_of(read, bad, why):
    found, report = read(GOOD, bad)
    assert [o.id for o in found] == ["good"]
    assert (report.lines, report.used, report.skipped_count) == (2, 1, 1)
    (remark,) = report.remarks()
    assert remark.startswith(f"1 line left out: {why}")
    assert remark.endswith("(first: line 2)")


def test_without_models_a_line_needs_one_answer_that_was_judged(read):
    _, report = read({**GOOD, "responses": {"w": {"text": "so"}}}, {**GOOD, "id": 2}, models=())
    assert report.remarks() == [
        "1 line left out: no answer whose `score` or `correct` is a number (first: line 1)"
    ]


@pytest.mark.parametrize("cost", [-1, float("nan"), "1", True, None, 1e300])
def test_a_cost_that_is_none_is_not_known(read, cost):
    (found,), _ = read(line("a", 0, 1, costs=(cost, 2)))
    assert (found.answers["w"].cost_usd, found.answers["s"].cost_usd) == (None, 2.0)


def test_questions_that_were_there_before_are_counted(read):
    lines = [line(1, 0, 1), line(2, 0, 1), line(3, 1, 1), line(4, 0, 1, prompt="Something else?")]
    found, report = read(*lines)
    assert len(found) == 4
    assert (report.repeated, report.contradicted) == (2, 1)
    assert "2 questions were there before, 1 of them with other outcomes" in report.remarks()[-1]


def test_repetitions_are_noticed_among_so_many_only(read, monkeypatch):
    monkeypatch.setattr(outcomes, "MAX_IDS", 1)
    found, report = read(line(1, 0, 1), line(2, 0, 1), line(2, 0, 1))
    assert (len(found), report.repeated) == (3, 0)


def test_models_beyond_bounds_are_not_looked_at(read, monkeypatch):
    monkeypatch.setattr(outcomes, "MAX_MODELS", 3)
    many = {"w": {"score": 0}, "s": {"score": 1}, "x" * 300: {"score": 1}, "y": {"score": 1}}
    (found,), report = read({**GOOD, "responses": many}, models=())
    assert list(found.answers) == ["w", "s"]
    assert list(report.models) == ["w", "s"]


def test_gzip_blank_lines_and_a_byte_order_mark(read):
    raw = b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\n  \n"
    assert [o.id for o in read(raw, name="o.jsonl.gz")[0]] == ["good"]


def test_standard_input(monkeypatch):
    raw = json.dumps(GOOD).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert [o.id for o in read_outcomes("-", ("w",))] == ["good"]


def test_a_long_line_is_refused_without_being_held(read, monkeypatch):
    monkeypatch.setattr(outcome_lines, "MAX_LINE_BYTES", 200)
    found, report = read(line("long", 0, 1, prompt="x" * 5000), GOOD)
    assert [o.id for o in found] == ["good"]
    assert next(iter(report.skipped)).startswith("longer than")


def test_an_empty_file_a_file_without_anything_of_use_and_no_file(tmp_path):
    with pytest.raises(OutcomeError, match="is empty: it should hold lines"):
        list(read_outcomes(write(tmp_path / "e.jsonl")))
    path = write(tmp_path / "n.jsonl", GOOD, b"{}\n")
    with pytest.raises(OutcomeError, match=r"the answer of z is missing\. It has answers of: w, s"):
        list(read_outcomes(path, ("z",)))
    with pytest.raises(OutcomeError, match="cannot be read"):
        list(read_outcomes(str(tmp_path / "none.jsonl")))
    with pytest.raises(OutcomeError, match="cannot be read"):
        list(read_outcomes("a\0b"))


def test_a_damaged_archive_is_told_of(tmp_path):
    path = tmp_path / "d.jsonl.gz"
    write(path, *(line(i, 0, 1, prompt=f"Question {i}?") for i in range(200)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OutcomeError, match=r"d\.jsonl\.gz is damaged"):
        list(read_outcomes(str(path)))


def test_text_is_not_in_any_representation(read):
    (found,), _ = read(line("a", 0, 1, prompt="my secret", texts=("another secret", None)))
    assert "secret" not in repr(found) + repr(found.answers["w"])
