from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Ruling
from litellm_tiering.gates.confidence import ConfidenceGate
from litellm_tiering.testing.gates import exchange


def judge(answer, **more):
    return ConfidenceGate(**more).judge(exchange(answer))


@pytest.mark.parametrize(
    ("value", "ruling", "reason"),
    [
        (0.9, Ruling.ACCEPT, ""),
        (0.8, Ruling.ACCEPT, ""),
        (0.79, Ruling.REJECT, "low"),
        (1, Ruling.ACCEPT, ""),
        (0, Ruling.REJECT, "low"),
        (85, Ruling.ACCEPT, ""),
        (20, Ruling.REJECT, "low"),
        ("85%", Ruling.ACCEPT, ""),
        (" 85 % ", Ruling.ACCEPT, ""),
        ("1%", Ruling.REJECT, "low"),
        ("0.95", Ruling.ACCEPT, ""),
        ("high", Ruling.ABSTAIN, "not_a_number"),
        ("nan", Ruling.ABSTAIN, "not_a_number"),
        ("inf", Ruling.ABSTAIN, "not_a_number"),
        ("9" * 1_000, Ruling.ABSTAIN, "not_a_number"),
        (101, Ruling.ABSTAIN, "not_a_number"),
        (-0.5, Ruling.ABSTAIN, "not_a_number"),
        (10**400, Ruling.ABSTAIN, "not_a_number"),
        (True, Ruling.ABSTAIN, "not_a_number"),
        (None, Ruling.ABSTAIN, "not_a_number"),
        ([0.9], Ruling.ABSTAIN, "not_a_number"),
    ],
)
def test_what_the_answer_says_of_itself_is_read_as_a_share(value, ruling, reason):
    verdict = judge(json.dumps({"answer": "x", "confidence": value}))
    assert (verdict.ruling, verdict.reason) == (ruling, reason)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "My confidence is great.",
        '{"answer": 1}',
        '["confidence"]',
        '{"confidence": ',
        "[" * 5_000 + "confidence",
        '{"a": {"confidence": 0.1}}',
    ],
)
def test_an_answer_that_says_nothing_of_itself_is_not_judged(answer):
    verdict = judge(answer)
    assert (verdict.ruling, verdict.reason) == (Ruling.ABSTAIN, "missing")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("meta.sure", {"meta": {"sure": 0.1}}),
        ("results.1.sure", {"results": [{"sure": 1}, {"sure": 0.1}]}),
        ("0", [0.1]),
        ("0.1", [[1, 0.1]]),
    ],
)
def test_the_path_leads_through_keys_and_indexes(path, value):
    assert judge(json.dumps(value), path=path).reason == "low"


@pytest.mark.parametrize(
    "path", ["results.7.sure", "results.x.sure", "results.-1.sure", "results.0.sure.more"]
)
def test_a_path_that_leads_nowhere_finds_nothing(path):
    assert judge('{"results": [{"sure": 0.1, "more": 1}]}', path=path).reason == "missing"


def test_tool_calls_may_say_it_too():
    seen = exchange("Let me see.", tool_calls=[("note", "{}"), ("answer", '{"confidence": 0.3}')])
    verdict = ConfidenceGate().judge(seen)
    assert (verdict.reason, verdict.p_bad) == ("low", pytest.approx(0.7))


def test_fenced_json_is_read():
    assert judge('Here you are:\n```json\n{"confidence": 0.3}\n```').reason == "low"


def test_the_least_confidence_is_the_owners():
    assert judge('{"confidence": 0.5}', min=0.4).ruling is Ruling.ACCEPT
    assert not ConfidenceGate.judges_prefix


@given(
    st.recursive(st.none() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))
)
def test_any_value_gets_a_verdict(value):
    verdict = judge(json.dumps({"confidence": value}))
    assert verdict.p_bad is None or 0.0 <= verdict.p_bad <= 1.0
