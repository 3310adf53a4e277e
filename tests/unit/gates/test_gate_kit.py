from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from litellm_tiering import Verdict, gate
from litellm_tiering.core.features import TaskType
from litellm_tiering.core.gate import Demand, Ruling, ToolCall
from litellm_tiering.gates.callback import CallbackGate
from litellm_tiering.gates.confidence import ConfidenceGate
from litellm_tiering.gates.language import LanguageGate
from litellm_tiering.gates.logprob import LogprobGate
from litellm_tiering.gates.panel import AllOf, AnyOf, Weighted
from litellm_tiering.gates.repetition import RepetitionGate
from litellm_tiering.gates.shape import FinishedGate, MaxLengthGate, MinLengthGate, NotEmptyGate
from litellm_tiering.gates.unbalanced import UnbalancedGate
from litellm_tiering.testing.gates import assert_accepts, assert_rejects, check_gate, exchange, judge

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "write-a-gate.md"


@pytest.mark.parametrize(
    "built_in",
    [
        NotEmptyGate(),
        MinLengthGate(chars=100),
        MaxLengthGate(chars=100),
        FinishedGate(),
        RepetitionGate(),
        UnbalancedGate(),
        LanguageGate(),
        ConfidenceGate(),
        LogprobGate(min_token=-2.0, max_perplexity=2.0),
        AllOf([NotEmptyGate(), FinishedGate()]),
        AnyOf([LanguageGate(), RepetitionGate()]),
        Weighted([(1.0, MaxLengthGate(chars=100)), (2.0, NotEmptyGate())]),
    ],
    ids=lambda g: g.name,
)
def test_built_in_gates_cope_with_whatever_a_model_says(built_in):
    check_gate(built_in)


def test_an_exchange_is_what_the_proxy_would_see():
    seen = exchange(
        "Paris.",
        "Translate: la mer",
        system="Be brief.",
        body={"max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]},
        tool_calls=[("search", "{}"), ToolCall("find", "{}")],
        logprobs=[-0.1],
        refusal="no",
        demand=Demand(json=True),
        tier="t",
        model="m",
    )
    assert (seen.features.max_tokens, seen.features.turns) == (50, 2)
    assert seen.features.task_type is TaskType.TRANSLATION
    assert (seen.prompt.question, seen.prompt.system) == ("Translate: la mer", "Be brief.")
    assert [call.name for call in seen.tool_calls] == ["search", "find"]
    assert (seen.answer, seen.logprobs, seen.finish_reason, seen.said.refusal) == (
        "Paris.",
        (-0.1,),
        "stop",
        "no",
    )
    assert (seen.demand.json, seen.tier, seen.model, seen.partial) == (True, "t", "m", False)


def test_a_prefix_has_no_finish_reason_unless_it_is_given():
    assert exchange("Par", partial=True).finish_reason == ""
    assert exchange("Par", partial=True, finish_reason="length").finish_reason == "length"


@gate
def no_paris(seen):
    return Verdict.reject("paris") if "Paris" in seen.answer else Verdict.accept()


async def no_paris_later(seen):
    await asyncio.sleep(0)
    return no_paris(seen)


@pytest.mark.parametrize("asked", [no_paris, no_paris_later, CallbackGate(no_paris)])
def test_functions_and_gates_are_judged_alike(asked):
    assert judge(asked, "Paris.") == Verdict.reject("paris")
    assert judge(asked, exchange("Rome.")).ruling is Ruling.ACCEPT
    assert_accepts(asked, "Rome.")
    assert_rejects(asked, "Paris.")
    assert_rejects(asked, "Paris.", "paris")


@pytest.mark.parametrize("asked", [no_paris, no_paris_later])
async def test_a_test_that_runs_an_event_loop_may_judge_too(asked):
    assert_rejects(asked, "Paris.")


async def test_a_fault_within_a_running_loop_fails_the_test_as_well():
    class Sick:
        name, judges_prefix = "sick", False

        async def judge(self, _):
            raise ZeroDivisionError

    with pytest.raises(AssertionError, match="sick raised ZeroDivisionError"):
        judge(Sick(), "x")


def test_what_an_assertion_says():
    with pytest.raises(AssertionError, match=r"no_paris said reject \(paris\), not accept"):
        assert_accepts(no_paris, "Paris.")
    with pytest.raises(AssertionError, match="no_paris said accept, not reject"):
        assert_rejects(no_paris, "Rome.")
    with pytest.raises(AssertionError, match=r"no_paris said reject \(paris\), not 'rome'"):
        assert_rejects(no_paris, "Paris.", "rome")


def sick(_):
    raise ZeroDivisionError("by nought")


def forgetful(_):
    pass


async def slow(_):
    await asyncio.sleep(1e9)


class Wrong:
    name, judges_prefix = "wrong", False

    def judge(self, _):
        return True


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (sick, "sick failed: ZeroDivisionError: by nought"),
        (forgetful, "forgetful failed: .*NoneType, not a Verdict"),
        (slow, "slow failed: TimeoutError: took longer than 5 ms"),
        (Wrong(), "wrong returned bool, not a Verdict"),
    ],
)
def test_a_fault_fails_the_test(asked, words):
    with pytest.raises(AssertionError, match=words):
        judge(asked, "x", timeout_ms=5)


def test_a_fault_counts_as_configured_where_the_test_says_so():
    assert judge(sick, "x", on_error="accept") == Verdict.accept("raised")
    assert judge(sick, "x", on_error="reject") == Verdict.reject("raised")


class Fickle:
    name, judges_prefix = "fickle", False

    def __init__(self):
        self._calls = 0

    def judge(self, _):
        self._calls += 1
        return Verdict.accept() if self._calls % 2 else Verdict.reject()


class Sayer:
    judges_prefix = False

    def __init__(self, name, verdict):
        self.name, self._verdict = name, verdict

    def judge(self, _):
        return self._verdict


@gate(prefix=True)
def hasty(seen):
    return len(seen.answer) > 100


def finicky(seen):
    return seen.answer.encode() != b""


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (sick, "ZeroDivisionError"),
        (finicky, "UnicodeEncodeError"),
        (Fickle(), "fickle changed its mind"),
        (hasty, "hasty rejects 1 characters of an answer that it accepts"),
        (Sayer("odd", Verdict.accept(p_bad=2.0)), "odd: p_bad is not within 0 and 1"),
        (Sayer("wordy", Verdict.reject("x" * 201)), "a reason is a word or two, not 201 characters"),
        (Sayer("lost", Verdict("accept")), "lost gave no ruling"),
    ],
)
def test_a_gate_that_does_not_cope_fails_the_suite(asked, words):
    with pytest.raises(AssertionError, match=words):
        check_gate(asked)


def test_the_suite_passes_a_function_that_copes():
    check_gate(no_paris)
    check_gate(no_paris_later)


def test_the_page_on_writing_a_gate_works_as_written(tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    module, tests, opening = blocks
    (tmp_path / "my_gates.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "my_gates", None)
    del sys.modules["my_gates"]
    namespace: dict = {"__name__": "page"}
    for block in (module, tests, opening):
        exec(compile(block, str(PAGE), "exec"), namespace)
    ran = [name for name in namespace if name.startswith("test_")]
    assert len(ran) == 2
    for name in ran:
        namespace[name]()
    check_gate(namespace["opening"])
    assert_rejects(namespace["opening"], exchange("I apologize, but", partial=True), "apology")
    target = re.search(
        r'target: "([\w:]+)", timeout_ms: (\d+), on_error: (\w+)', PAGE.read_text(encoding="utf-8")
    )
    asked = CallbackGate(target[1], timeout_ms=int(target[2]) * 100, on_error=target[3])
    assert asked.name == "no_placeholder"
    assert_rejects(asked, "TODO", "placeholder")
