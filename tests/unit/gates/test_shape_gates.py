from __future__ import annotations

import pytest

from litellm_tiering.core.gate import Ruling
from litellm_tiering.gates.shape import FinishedGate, MaxLengthGate, MinLengthGate, NotEmptyGate
from litellm_tiering.testing.gates import exchange

ACCEPT, REJECT, ABSTAIN = Ruling.ACCEPT, Ruling.REJECT, Ruling.ABSTAIN
CALL = ("search", "{}")
INVISIBLE = " \t\n\u200b\u200d\u2060\ufeff\u00ad\u202e\u3164\ufe0f\x00\U000e0041"


@pytest.mark.parametrize(
    ("answer", "more", "ruling"),
    [
        ("Yes.", {}, ACCEPT),
        ("", {}, REJECT),
        (INVISIBLE, {}, REJECT),
        (INVISIBLE * 10_000 + "x", {}, ACCEPT),
        ("", {"tool_calls": [CALL]}, ACCEPT),
        ("", {"refusal": "I cannot help with that."}, ACCEPT),
        ("", {"partial": True}, ABSTAIN),
        (INVISIBLE, {"partial": True}, ABSTAIN),
        ("", {"partial": True, "tool_calls": [CALL]}, ACCEPT),
        ("Y", {"partial": True}, ACCEPT),
        ("🙂", {}, ACCEPT),
    ],
)
def test_an_answer_that_shows_nothing_is_empty(answer, more, ruling):
    verdict = NotEmptyGate().judge(exchange(answer, **more))
    assert verdict.ruling is ruling
    assert verdict.reason == ("empty" if ruling is REJECT else "")


@pytest.mark.parametrize(
    ("answer", "more", "ruling"),
    [
        ("12345", {}, ACCEPT),
        ("1234", {}, REJECT),
        ("  1234  \n", {}, REJECT),
        ("1234", {"partial": True}, ABSTAIN),
        ("12345", {"partial": True}, ACCEPT),
        ("", {"tool_calls": [CALL]}, ACCEPT),
    ],
)
def test_an_answer_below_the_minimum_is_short(answer, more, ruling):
    verdict = MinLengthGate(chars=5).judge(exchange(answer, **more))
    assert verdict.ruling is ruling
    assert verdict.reason == ("short" if ruling is REJECT else "")


@pytest.mark.parametrize(
    ("answer", "more", "ruling"),
    [
        ("12345", {}, ACCEPT),
        (" 12345 ", {}, ACCEPT),
        ("123456", {}, REJECT),
        ("123456", {"partial": True}, REJECT),
        ("12345", {"partial": True}, ABSTAIN),
        ("", {"tool_calls": [("search", "x" * 100)]}, ACCEPT),
    ],
)
def test_an_answer_above_the_maximum_is_long(answer, more, ruling):
    verdict = MaxLengthGate(chars=5).judge(exchange(answer, **more))
    assert verdict.ruling is ruling
    assert verdict.reason == ("long" if ruling is REJECT else "")


@pytest.mark.parametrize(
    ("finish", "bound", "ruling", "reason"),
    [
        ("stop", None, ACCEPT, ""),
        ("tool_calls", None, ACCEPT, ""),
        ("end_turn", None, ACCEPT, ""),
        ("stop_sequence", None, ACCEPT, ""),
        ("STOP", None, ACCEPT, ""),
        ("length", None, REJECT, "length"),
        ("MAX_TOKENS", None, REJECT, "length"),
        ("content_filter", None, REJECT, "content_filter"),
        ("content_filter", 5, REJECT, "content_filter"),
        ("length", 5, ACCEPT, "client_bound"),
        ("length", 256, ACCEPT, "client_bound"),
        ("length", 257, REJECT, "length"),
        ("", None, ABSTAIN, ""),
        ("weather", None, ABSTAIN, ""),
        ("length" * 100_000, None, ABSTAIN, ""),
    ],
)
def test_an_answer_that_was_cut_is_unfinished_unless_the_client_wanted_it_cut(finish, bound, ruling, reason):
    body = {} if bound is None else {"max_tokens": bound}
    verdict = FinishedGate().judge(exchange("An answer", finish_reason=finish, body=body))
    assert (verdict.ruling, verdict.reason) == (ruling, reason)


def test_only_the_end_tells_whether_an_answer_is_finished():
    assert not FinishedGate.judges_prefix
    assert NotEmptyGate.judges_prefix
    assert MinLengthGate.judges_prefix
    assert MaxLengthGate.judges_prefix


def test_a_gate_is_called_by_its_kind_or_as_it_is_told():
    assert [NotEmptyGate().name, FinishedGate().name] == ["not_empty", "finished"]
    assert [MinLengthGate(chars=1).name, MaxLengthGate(chars=1).name] == ["min_length", "max_length"]
    assert NotEmptyGate(name="something").name == "something"
