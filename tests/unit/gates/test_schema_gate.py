from __future__ import annotations

import gzip
import json
import os
import pathlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Demand, Exchange, Gate, Said, ToolCall, Verdict
from litellm_tiering.gates.schema import MAX_CALLS, JsonSchemaGate

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("TIERING_DATA", ROOT.parent / "shared" / "data"))
GSM = DATA / "outcomes_zeroeval_gsm.jsonl.gz"

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOOLS = {"look": PERSON, "ping": None}
SAFE_REASONS = {"not_json", "not_object", "unknown_tool", "arguments"}


def judge(text="", *, calls=(), mode="lenient", partial=False, refusal="", finish="stop", **demand):
    said = Said(text=text, tool_calls=tuple(calls), refusal=refusal, finish_reason=finish)
    return JsonSchemaGate(mode=mode).judge(Exchange(said, demand=Demand(**demand), partial=partial))


def look(arguments, name="look"):
    return ToolCall(name, arguments)


def test_it_is_a_gate_under_the_name_it_is_given():
    gate: Gate = JsonSchemaGate(name="shape")
    assert gate.name == "shape"
    assert JsonSchemaGate().name == "json_schema"
    assert gate.judges_prefix


def test_there_are_two_modes():
    with pytest.raises(ValueError, match="lenient or strict, not 'sloppy'"):
        JsonSchemaGate(mode="sloppy")


@pytest.mark.parametrize("text", ["", "plain words", "{broken"])
def test_where_nothing_is_demanded_anything_will_do(text):
    assert judge(text) == Verdict.accept()
    assert judge(text, tools=TOOLS) == Verdict.accept()


@pytest.mark.parametrize(
    ("text", "lenient", "strict"),
    [
        ('{"a": 1}', "", ""),
        ("[1]", "", ""),
        ('```json\n{"a": "x\ny"}\n```', "", "not_json"),
        ('Here: {"a": 1}', "", "not_json"),
        ("I cannot.", "not_json", "not_json"),
        ("", "not_json", "not_json"),
        ('{"a": "broke o', "not_json", "not_json"),
        ("42", "not_object", "not_object"),
        ('"text"', "not_object", "not_object"),
    ],
)
def test_json_mode_wants_an_object_or_an_array(text, lenient, strict):
    for mode, reason in (("lenient", lenient), ("strict", strict)):
        expected = Verdict.reject(reason) if reason else Verdict.accept()
        assert judge(text, mode=mode, json=True) == expected


def test_an_answer_cut_off_in_its_json_is_no_json():
    assert judge('{"name": "x", "ag', json=True, schema=PERSON, finish="length") == Verdict.reject("not_json")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"name": "x", "age": 3}, ""),
        ({"name": "x"}, "schema:required"),
        ({"name": "x", "age": "three"}, "schema:type"),
        ({"name": "x", "age": -1}, "schema:minimum"),
        ({"name": "x", "age": 1, "hush": 1}, "schema:additionalProperties"),
        ([], "schema:type"),
    ],
)
def test_a_schema_is_held_to_and_the_keyword_named(value, reason):
    expected = Verdict.reject(reason) if reason else Verdict.accept()
    assert judge(json.dumps(value), json=True, schema=PERSON) == expected
    assert judge(json.dumps(value), schema=PERSON) == expected
    assert judge(json.dumps(value), mode="strict", schema=PERSON) == expected


def test_a_rejection_is_certain():
    assert judge("no", json=True).p_bad == 1.0


def test_a_scalar_will_do_where_the_schema_says_so():
    assert judge("42", schema={"type": "integer"}) == Verdict.accept()
    assert judge("42", schema=False) == Verdict.reject("schema:false")


@pytest.mark.parametrize(
    ("text", "schema", "reason"),
    [
        ("{}", {"type": "bogus"}, "invalid_schema"),
        ("{}", {"$ref": "http://169.254.169.254/"}, "remote_ref"),
        ("{}", {"$ref": "#"}, "too_complex"),
        ("{}", {"$schema": "urn:mine"}, "unknown_draft"),
        ('"x"', {"pattern": "(?=x)"}, "pattern"),
        ("[" * 100_000, PERSON, "too_deep"),
        (" " * 2_000_000, PERSON, "too_long"),
    ],
)
def test_what_cannot_be_told_is_left_undecided(text, schema, reason):
    assert judge(text, schema=schema) == Verdict.abstain(reason)


def test_a_refusal_in_its_own_field_is_not_an_answer_out_of_shape():
    assert judge("", refusal="I will not.", json=True) == Verdict.abstain("refusal")
    assert judge("no", refusal="I will not.", json=True) == Verdict.reject("not_json")


@pytest.mark.parametrize(
    ("call", "lenient", "strict"),
    [
        (look('{"name": "x", "age": 1}'), "", ""),
        (look('```json\n{"name": "a\nb", "age": 1}\n```'), "", "arguments"),
        (look("{}"), "schema:required", "schema:required"),
        (look(""), "schema:required", "arguments"),
        (look("[]"), "not_object", "not_object"),
        (look("null"), "not_object", "not_object"),
        (look('{"name": "x'), "arguments", "arguments"),
        (look('{"any": "thing"}', "ping"), "", ""),
        (look("", "ping"), "", "arguments"),
        (look("{}", "rm"), "unknown_tool", "unknown_tool"),
        (look("{}", ""), "unknown_tool", "unknown_tool"),
    ],
)
def test_a_call_must_fit_the_tool_it_names(call, lenient, strict):
    for mode, reason in (("lenient", lenient), ("strict", strict)):
        expected = Verdict.reject(reason) if reason else Verdict.accept()
        assert judge(mode=mode, calls=[call], tools=TOOLS) == expected
        # The text beside a call is no answer, whatever was demanded of one.
        assert judge("Let me see.", mode=mode, calls=[call], tools=TOOLS, json=True) == expected


def test_calls_of_tools_that_nobody_knows_are_left_undecided():
    assert judge(calls=[look("{}")]) == Verdict.abstain("tools_unknown")


def test_a_bad_call_outweighs_one_that_cannot_be_told():
    tools = {"odd": {"type": "bogus"}, **TOOLS}
    assert judge(calls=[look("{}", "odd")], tools=tools) == Verdict.abstain("invalid_schema")
    assert judge(calls=[look("{}", "odd"), look("{", "ping")], tools=tools) == Verdict.reject("arguments")


def test_of_thousands_of_calls_the_first_are_judged():
    good, bad = look("{}", "ping"), look("{}", "rm")
    assert judge(calls=[good] * MAX_CALLS, tools=TOOLS) == Verdict.accept()
    assert judge(calls=[good] * MAX_CALLS + [bad] * 5_000, tools=TOOLS) == Verdict.abstain("too_many_calls")
    assert judge(calls=[bad] + [good] * 5_000, tools=TOOLS) == Verdict.reject("unknown_tool")


def test_all_calls_of_an_answer_share_what_may_be_spent():
    schema = {"properties": {"a": {"items": {"type": "string"}}}}
    call = look(json.dumps({"a": ["x"] * 1_000}))
    assert judge(calls=[call], tools={"look": schema}) == Verdict.accept()
    assert judge(calls=[call] * 100, tools={"look": schema}) == Verdict.abstain("too_complex")


@pytest.mark.parametrize(
    ("text", "calls", "mode", "demand", "expected"),
    [
        ("any", [], "lenient", {}, Verdict.accept()),
        ("no JSON yet", [], "lenient", {"json": True}, Verdict.abstain()),
        ("", [], "strict", {"json": True}, Verdict.abstain()),
        ("\n ", [], "strict", {"json": True}, Verdict.abstain()),
        ("\n {", [], "strict", {"schema": PERSON}, Verdict.abstain()),
        ("Sure", [], "strict", {"schema": PERSON}, Verdict.reject("not_json")),
        ("```json", [], "strict", {"json": True}, Verdict.reject("not_json")),
        ("Let me", [], "strict", {"json": True, "tools": TOOLS}, Verdict.abstain()),
        ("Let me", [], "lenient", {"tools": TOOLS}, Verdict.abstain()),
        ("", [look("", "rm")], "lenient", {"tools": TOOLS}, Verdict.abstain()),
        ("", [look("{", "rm")], "lenient", {"tools": TOOLS}, Verdict.reject("unknown_tool")),
        ("", [look("{", "look")], "lenient", {"tools": TOOLS}, Verdict.abstain()),
        ("", [look("{", "rm")], "lenient", {}, Verdict.abstain()),
    ],
)
def test_a_beginning_is_rejected_only_for_what_no_ending_mends(text, calls, mode, demand, expected):
    assert judge(text, calls=calls, mode=mode, partial=True, finish="", **demand) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(text=st.text(max_size=40) | JSON.map(json.dumps), mode=st.sampled_from(["lenient", "strict"]))
def test_every_reason_is_a_fixed_word(text, mode):
    for verdict in (
        judge(text, mode=mode, json=True, schema=PERSON),
        judge(calls=[look(text)], mode=mode, tools=TOOLS),
        judge(calls=[look("{}", text)], mode=mode, tools=TOOLS),
    ):
        word = verdict.reason.removeprefix("schema:")
        assert word in {"", "required", "type", "minimum", "additionalProperties", *SAFE_REASONS}


@given(text=JSON.map(json.dumps), cut=st.integers(0, 60))
def test_a_beginning_is_rejected_only_where_the_whole_is(text, cut):
    for mode in ("lenient", "strict"):
        if judge(text[:cut], mode=mode, json=True, schema=True, partial=True, finish="").rejects:
            assert judge(text, mode=mode, json=True, schema=True).rejects


@pytest.mark.skipif(not GSM.exists(), reason="no recorded outcomes: set TIERING_DATA")
def test_of_real_answers_few_are_rejected_and_fewer_of_the_right_ones(capsys):
    schema = {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, "answer": {"type": ["string", "number"]}},
        "required": ["reasoning", "answer"],
    }
    asked, lenient, strict, right = Counter(), Counter(), Counter(), Counter()
    with gzip.open(GSM, "rt") as lines:
        for line in lines:
            for model, said in json.loads(line)["responses"].items():
                text = said.get("text") or ""
                asked[model] += 1
                plain, fitted = judge(text, json=True), judge(text, json=True, schema=schema)
                assert plain.rejects <= fitted.rejects
                lenient[model] += fitted.rejects
                strict[model] += judge(text, json=True, mode="strict").rejects
                right[model] += fitted.rejects and bool(said["correct"])
    with capsys.disabled():
        for model, count in asked.items():
            print(  # noqa: T201 - the figures are the point
                f"\n{model}: rejected lenient {lenient[model] / count:.2%},"
                f" strict {strict[model] / count:.2%}; {right[model]} of {lenient[model]} were right",
                end="",
            )
    haiku = "claude-3-haiku-20240307"
    assert lenient[haiku] <= 0.04 * asked[haiku]
    assert strict[haiku] > 0.8 * asked[haiku]
    assert all(lenient[model] <= 0.04 * count for model, count in asked.items())
