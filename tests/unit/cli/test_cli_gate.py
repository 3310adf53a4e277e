from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from litellm_tiering.cli.answers import told
from litellm_tiering.cli.doubts import DOUBTFUL
from litellm_tiering.core.gate import Judgement

ASK = "What is the capital of France?"
GOOD = {"id": "good", "prompt": ASK, "answer": "Paris.", "finish_reason": "stop"}
EMPTY = {"id": "empty", "prompt": ASK, "answer": " "}
CUT = {"id": "cut", "prompt": ASK, "answer": "The capital of", "finish_reason": "length"}
REFUSED = {"id": "refused", "prompt": ASK, "answer": "I'm sorry, but I can't help with that."}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
OFF = "  cascade: false\n"


@pytest.fixture
def lines(tmp_path):
    def _write(*values, name="in.jsonl"):
        path = tmp_path / name
        raw = b"".join(v if isinstance(v, bytes) else json.dumps(v).encode() + b"\n" for v in values)
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return _write


@pytest.fixture
def gated(run):
    """Judges a file: exit status, the output lines, standard error."""

    def _gate(path, *more):
        status, out, err = run("gate", "--input", path, *more)
        return status, [json.loads(line) for line in out.splitlines()], err

    return _gate


@pytest.fixture
def verdict(gated, lines):
    """The one output line for one answer."""

    def _verdict(*more, **line):
        status, found, err = gated(lines({"id": 1, "prompt": ASK, **line}), *more)
        assert status == 0, err
        return found[0]

    return _verdict


@pytest.fixture
def owned(config, monkeypatch):
    """A configuration with functions of the owner's, in the current directory, as gates."""

    def _write(source, *functions, **keys):
        Path("cli_own_gates.py").write_text(source)
        monkeypatch.delitem(sys.modules, "cli_own_gates", raising=False)
        listed = [
            {"kind": "callback", "name": f, "target": f"cli_own_gates:{f}", "timeout_ms": 60_000, **keys}
            for f in functions
        ]
        return config("memory://", f"  cascade: {json.dumps({'gates': listed})}\n")

    yield _write
    sys.modules.pop("cli_own_gates", None)


def test_lines_come_out_in_order_with_a_verdict(gated, lines):
    messages = {"id": 5, "messages": [{"role": "user", "content": ASK}], "answer": "Paris."}
    status, found, err = gated(lines(GOOD, EMPTY, CUT, REFUSED, messages))
    assert status == 0
    assert [(f["id"], f["accept"]) for f in found] == [
        ("good", True),
        ("empty", False),
        ("cut", False),
        ("refused", False),
        (5, True),
    ]
    assert all(set(f) == {"id", "accept", "p_bad", "reasons"} for f in found)
    assert all((f["p_bad"] < 0.5) is f["accept"] and 0 <= f["p_bad"] <= 1 for f in found)
    assert [f["reasons"][0].split(":")[0] for f in found[1:4]] == ["not_empty", "finished", "refusal"]
    assert err == (
        "litellm-tiering: 5 answers: 2 accepted, 3 rejected (not_empty 1, finished 1, refusal 1)\n"
    )


def test_a_summary_of_nothing_and_of_one(gated, lines):
    assert gated(lines())[2] == "litellm-tiering: 0 answers: 0 accepted, 0 rejected\n"
    assert gated(lines(GOOD))[2] == "litellm-tiering: 1 answer: 1 accepted, 0 rejected\n"


def test_a_schema_is_what_the_answer_must_fit(verdict):
    assert verdict(answer='{"n": 5}', schema=SCHEMA)["accept"] is True
    assert verdict(answer='{"n": "five"}', schema=SCHEMA)["reasons"] == ["json_schema:schema:type"]
    assert verdict(answer='{"n": "five"}')["accept"] is True
    assert verdict(answer="five", schema=True)["accept"] is False
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    assert verdict(answer='{"n": "five"}', response_format=form)["accept"] is False
    assert verdict(answer='{"n": "five"}', response_format={"type": "json_object"})["accept"] is True
    assert verdict(answer="five", response_format={"type": "json_object"})["accept"] is False
    assert (
        verdict(answer="five", text={"format": {"type": "json_schema", "schema": SCHEMA}})["accept"] is False
    )
    assert verdict(answer="five", output_format={"type": "json_schema", "schema": SCHEMA})["accept"] is False


def test_tool_calls_are_judged_by_the_tools_on_offer(verdict):
    def call(arguments, name="f"):
        return [{"type": "function", "function": {"name": name, "arguments": arguments}}]

    plain = {"name": "f", "input_schema": SCHEMA}
    for tool in (TOOL, plain, {"type": "function", "name": "f", "parameters": SCHEMA}):
        assert verdict(tools=[tool], tool_calls=call('{"n": 1}'))["accept"] is True
        assert verdict(tools=[tool], answer=None, tool_calls=call("{}"))["accept"] is False
    assert verdict(tools=[TOOL], tool_calls=call("{}", "g"))["reasons"] == ["json_schema:unknown_tool"]
    assert verdict(tools=[TOOL], tool_calls=[{"name": "f", "arguments": {"n": 1}}])["accept"] is True
    assert verdict(tools=[TOOL], tool_calls=[{"name": "f", "arguments": {"n": []}}])["accept"] is False
    odd = [{}, 5, {"function": {"name": 1}}, {"name": "g", "parameters": 7}]
    assert verdict(tools=odd, tool_calls=[{"name": "g"}])["accept"] is True


@pytest.mark.parametrize(
    "given",
    [
        [-3, -2.5],
        [{"token": "a", "logprob": -3}, {"token": "b", "logprob": -2.5}],
        {"content": [{"token": "a", "logprob": -3}, {"logprob": -2.5}]},
        {"token_logprobs": [None, -3, -2.5]},
    ],
)
def test_logprobs_in_every_form(verdict, config, given):
    path = config("memory://", "  cascade: {gates: [{kind: logprob, min_mean: -2}]}\n")
    found = verdict("--config", path, answer="Paris.", logprobs=given)
    assert (found["accept"], found["reasons"]) == (False, ["logprob:mean"])
    assert found["p_bad"] == pytest.approx(0.936, abs=0.001)
    assert verdict("--config", path, answer="Paris.", logprobs=None)["reasons"] == ["logprob:no_logprobs"]


def test_an_answer_that_is_null_is_empty(verdict):
    assert verdict(answer=None)["reasons"] == ["not_empty:empty"]


def test_the_gates_are_those_of_the_configuration(verdict, config):
    path = config("memory://", "  cascade: {gates: [{kind: min_length, chars: 9, name: brief}]}\n")
    assert verdict("--config", path, answer="Paris.") == {
        "id": 1,
        "accept": False,
        "p_bad": 1.0,
        "reasons": ["brief:short"],
    }
    assert verdict("--config", path, answer="I cannot help with that.")["accept"] is True


def test_the_request_is_what_a_gate_sees_of_it(verdict, owned):
    source = """
def seen(exchange):
    assert exchange.prompt.question == "What is the capital of France?"
    assert exchange.features.max_tokens == 9
    assert not exchange.partial
    return exchange.answer == "Paris."
"""
    path = owned(source, "seen", on_error="reject")
    assert verdict("--config", path, answer="Paris.", max_tokens=9)["accept"] is True


def test_gz_and_standard_input(gated, lines, stdin):
    expected = gated(lines(GOOD, EMPTY))[1]
    assert gated(lines(GOOD, EMPTY, name="in.jsonl.gz"))[1] == expected
    stdin(b"".join(json.dumps(line).encode() + b"\n" for line in (GOOD, EMPTY)))
    assert gated("-")[1] == expected


BAD = [
    (b"zebra\n", "is not JSON"),
    (b"[1]\n", "is not a JSON object"),
    ({"prompt": ASK, "answer": "x"}, "has no `id`"),
    ({"id": 1, "answer": "x"}, "has neither a `prompt`"),
    ({"id": 1, "prompt": ASK}, "has no `answer`"),
    ({"id": 1, "prompt": ASK, "tool_calls": []}, "has no `answer`"),
    ({"id": 1, "prompt": ASK, "answer": 5}, "has `answer` that is not text"),
    ({**GOOD, "finish_reason": ["stop"]}, "has `finish_reason` that is not text"),
    ({**GOOD, "logprobs": "zebra"}, "has `logprobs`"),
    ({**GOOD, "logprobs": True}, "has `logprobs`"),
    ({**GOOD, "logprobs": [-1, "zebra"]}, "has `logprobs`"),
    ({**GOOD, "logprobs": [True]}, "has `logprobs`"),
    ({**GOOD, "logprobs": [-(10**400)]}, "has `logprobs`"),
    ({**GOOD, "logprobs": {"content": 5}}, "has `logprobs`"),
    ({**GOOD, "schema": "zebra"}, "has a `schema` that is no JSON schema"),
    ({**GOOD, "tool_calls": {"name": "zebra"}}, "has `tool_calls`"),
    ({**GOOD, "tool_calls": ["zebra"]}, "has `tool_calls`"),
    ({**GOOD, "tool_calls": [{"name": 5}]}, "has a tool call without a `name`"),
]


def test_bad_lines_are_told_by_number_and_the_others_are_judged(gated, lines):
    status, found, err = gated(lines(GOOD, b"\n", *(line for line, _ in BAD), GOOD))
    assert status == 1
    assert [f["id"] for f in found] == ["good", "good"]
    told_of = err.splitlines()
    for number, (words, (_, expected)) in enumerate(zip(told_of, BAD, strict=False), start=3):
        assert words.startswith(f"litellm-tiering: line {number} {expected}")
    assert told_of[len(BAD) :] == [
        "litellm-tiering: 2 answers: 2 accepted, 0 rejected",
        f"litellm-tiering: {len(BAD)} of {len(BAD) + 2} lines could not be judged",
    ]
    assert "zebra" not in err


def test_hostile_answers_are_judged(gated, lines):
    deep = '{"a": ' * 20_000
    status, found, err = gated(
        lines(
            {**GOOD, "answer": "word " * 400_000},
            {**GOOD, "answer": "\x00\ud800 \x1b[31m" * 100, "finish_reason": "\x00" * 9_000},
            {**GOOD, "answer": deep, "schema": SCHEMA},
            {**GOOD, "answer": "[" * 1_000_000, "response_format": {"type": "json_object"}},
            b'{"id": 9, "prompt": "hi", "answer": "x", "logprobs": [NaN, -Infinity, 1e999]}\n',
            {**GOOD, "tool_calls": [{"name": "f", "arguments": deep}] * 90, "tools": [TOOL] * 300},
        )
    )
    assert (status, len(found)) == (0, 6), err
    assert all(0 <= f["p_bad"] <= 1 for f in found)


def test_a_gate_that_fails_is_told_of_and_counts_as_configured(gated, lines, owned):
    path = owned("def boom(exchange):\n    raise KeyError(exchange.answer)\n", "boom", on_error="reject")
    status, found, err = gated(lines({**GOOD, "answer": "zebra"}), "--config", path)
    assert (status, found[0]["accept"], found[0]["reasons"]) == (1, False, ["boom:raised"])
    assert "line 1 makes gate boom fail (KeyError)" in err
    assert "zebra" not in err


def test_what_is_doubtful_never_contradicts_the_verdict(gated, lines, owned):
    source = """
from litellm_tiering.core.gate import Verdict

def unsure(exchange):
    say = Verdict.accept if exchange.answer.startswith("a") else Verdict.reject
    return say(p_bad=float(exchange.answer[1:]))
"""
    path = owned(source, "unsure")
    answers = ["a0.1", "a0.4", "a0.9", "r0.2", "r0.7", "r1"]
    found = gated(lines(*({**GOOD, "answer": a} for a in answers)), "--config", path)[1]
    figures = [f["p_bad"] for f in found]
    assert figures[:2] == [0.1, 0.4]
    assert figures[3:] == [0.5, 0.7, 1.0]
    assert figures == sorted(figures)
    assert figures[2] < DOUBTFUL
    nan = [told(Judgement(by, float("nan")))["p_bad"] for by in ("", "x")]
    assert nan == [0.0, 1.0]


def test_without_a_cascade_there_is_nothing_to_judge_by(run, lines, config):
    status, out, err = run("gate", "--input", lines(GOOD), "--config", config("memory://", OFF))
    assert (status, out) == (2, "")
    assert "`cascade: false`" in err


def test_a_counter_is_shown_on_a_terminal_only(gated, lines, monkeypatch, terminal):
    path = lines(*(GOOD for _ in range(5)))
    monkeypatch.setattr("litellm_tiering.cli.gate.EVERY", 2)
    assert "judging" not in gated(path)[2]
    terminal()
    assert "judging: 2 of 5 lines\nlitellm-tiering: judging: 4 of 5 lines\n" in gated(path)[2]


def test_lines_are_printed_as_they_are_read(monkeypatch, run):
    """Constant memory: a line is asked for only when the one before it is printed."""
    printed = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: printed.append(words[0]))

    def trickle(name):
        for n in range(1, 4):
            assert len(printed) == n - 1
            yield n, json.dumps(GOOD).encode()

    monkeypatch.setattr("litellm_tiering.cli.gate.numbered", trickle)
    run("gate", "--input", "x")
    assert len(printed) == 4  # and the summary


def test_a_file_or_configuration_that_is_not_there_is_2(run, lines):
    assert run("gate", "--input", "absent.jsonl")[:2] == (2, "")
    assert run("gate", "--input", lines(GOOD), "--config", "absent.yaml")[:2] == (2, "")
    assert run("gate")[:2] == (2, "")


# ------------------------------------------------------------------ explain --answer


def test_explain_tells_what_the_gates_make_of_an_answer(run_json):
    status, found = run_json("explain", ASK, "--answer", "I'm sorry, but I can't help with that.")
    assert status == 0
    assert found["gates"]["by"] == "refusal"
    assert found["gates"]["accept"] is False
    assert found["gates"]["p_bad"] >= 0.5
    assert found["gates"]["reasons"][0].startswith("refusal:")
    fine = run_json("explain", ASK, "--answer", "Paris.")[1]["gates"]
    assert (fine["accept"], fine["by"], fine["reasons"]) == (True, None, [])
    assert fine["p_bad"] < 0.5
    assert "gates" not in run_json("explain", ASK)[1]


def test_explain_says_it_to_people_too(run):
    out = run("explain", ASK, "--answer", "")[1]
    assert "the answer is rejected by not_empty, p_bad 1 (not_empty:empty)" in out
    assert "the answer is accepted, p_bad" in run("explain", ASK, "--answer", "Paris, zebra.")[1]
    assert "zebra" not in run("explain", ASK, "--answer", "Paris, zebra.")[1]


def test_an_answer_in_a_file(run, run_json, tmp_path):
    path = tmp_path / "answer.txt"
    path.write_bytes(b"Paris \xff.")
    assert run_json("explain", ASK, "--answer", f"@{path}")[1]["gates"]["accept"] is True
    packed = tmp_path / "answer.gz"
    packed.write_bytes(gzip.compress(b" "))
    assert run_json("explain", ASK, "--answer", f"@{packed}")[1]["gates"]["by"] == "not_empty"
    packed.write_bytes(gzip.compress(b"x" * 9_000)[:-9])
    for name in ("absent.txt", packed):
        status, out, err = run("explain", ASK, "--answer", f"@{name}")
        assert (status, out) == (2, "")
        assert "cannot be read" in err


def test_a_file_of_too_many_bytes_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr("litellm_tiering.cli.answers.MAX_BODY_BYTES", 5_000_000)
    path = tmp_path / "answer.txt"
    path.write_bytes(b"x" * 5_000_001)
    status, _, err = run("explain", ASK, "--answer", f"@{path}")
    assert status == 2
    assert "longer than 5 MB" in err


def test_an_answer_in_the_body(run, run_json, tmp_path):
    path = tmp_path / "body.json"
    form = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
    body = {"prompt": ASK, "logprobs": True, "response_format": form}
    path.write_text(json.dumps({**body, "answer": '{"n": "x"}'}))
    assert run_json("explain", "--request", path)[1]["gates"]["by"] == "json_schema"
    assert run_json("explain", "--request", path, "--answer", '{"n": 1}')[1]["gates"]["accept"] is True
    path.write_text(json.dumps({**body, "answer": "Par", "response_format": None, "finish_reason": "length"}))
    assert run_json("explain", "--request", path)[1]["gates"]["by"] == "finished"
    path.write_text(json.dumps({**body, "answer": 5}))
    status, _, err = run("explain", "--request", path)
    assert status == 2
    assert "the request has `answer` that is not text" in err
    path.write_text(json.dumps(body))
    assert "gates" not in run_json("explain", "--request", path)[1]


def test_a_route_without_a_cascade_checks_nothing_and_says_so(run, run_json):
    asked = ("explain", ASK, "--model", "large", "--answer", "")
    assert run_json(*asked)[1]["gates"] is None
    assert "route explicit has no cascade" in run(*asked)[2]


def test_no_cascade_at_all_is_said_too(run, run_json, config):
    path = config("memory://", OFF)
    assert run_json("explain", ASK, "--answer", "", "--config", path)[1]["gates"] is None
    assert "route auto has no cascade" in run("explain", ASK, "--answer", "", "--config", path)[2]


def test_explain_tells_of_a_gate_that_fails(run, owned):
    path = owned("def boom(exchange):\n    raise KeyError(exchange.answer)\n", "boom")
    status, out, err = run("explain", ASK, "--answer", "zebra", "--config", path)
    assert status == 0
    assert "the answer is accepted" in out
    assert "gate boom failed (KeyError)" in err
    assert "zebra" not in out + err


def test_the_path_is_left_as_it_was(run, lines, monkeypatch):
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    before = list(sys.path)
    run("gate", "--input", lines(GOOD))
    assert sys.path == before
