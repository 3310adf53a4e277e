from __future__ import annotations

import asyncio
import threading

import pytest

from litellm_tiering.core.gate import Judgement, Ruling, Verdict
from litellm_tiering.gates.callback import CallbackGate
from litellm_tiering.gates.panel import LONG_CHARS, AllOf, AnyOf, Panel, Weighted
from litellm_tiering.testing.gates import exchange

SEEN = exchange("Paris.")
BEGUN = exchange("Par", partial=True)
YES, NO, DUNNO = Verdict.accept(), Verdict.reject("bad"), Verdict.abstain()


class Says:
    """A gate that says what it is told to, at once or later, and remembers where it was asked."""

    def __init__(self, says, name="g", *, prefix=True, later=False):
        self.name, self.judges_prefix = name, prefix
        self._says, self._later = says, later
        self.threads = []

    def judge(self, _):
        self.threads.append(threading.current_thread())
        return self._after() if self._later else self._now()

    async def _after(self):
        await asyncio.sleep(0)
        return self._now()

    def _now(self):
        if isinstance(self._says, BaseException):
            raise self._says
        return self._says


@pytest.fixture(params=[False, True], ids=["at once", "later"])
def later(request):
    return request.param


async def test_the_first_rejection_decides_and_the_rest_are_not_asked(later):
    rest = Says(NO, "rest")
    gates = [Says(YES, "a"), Says(NO, "b", later=later), rest]
    assert await Panel(gates).judge(SEEN) == Judgement("b", 1.0, ("b:bad",))
    assert rest.threads == []


async def test_how_bad_it_is_the_surest_gate_says(later):
    gates = [
        Says(Verdict.accept(p_bad=0.2), later=later),
        Says(Verdict.abstain("unsure"), "u"),
        Says(Verdict.accept(p_bad=0.4)),
    ]
    assert await Panel(gates).judge(SEEN) == Judgement("", 0.4, ("u:unsure",))


async def test_no_gates_accept_everything():
    panel = Panel([])
    assert await panel.judge(SEEN) == Judgement()
    assert not panel.judges_prefix


@pytest.mark.parametrize("p_bad", [float("nan"), 7.0, -1.0, None])
async def test_a_view_that_is_no_probability_does_not_count(p_bad):
    assert (await Panel([Says(Verdict(Ruling.ACCEPT, "", p_bad))]).judge(SEEN)).p_bad == 0.0
    assert (await Panel([Says(Verdict(Ruling.REJECT, "", p_bad))]).judge(SEEN)).p_bad == 1.0


async def test_of_a_prefix_only_those_are_asked_that_can_judge_one():
    unfit = Says(NO, prefix=False)
    assert await Panel([unfit, Says(YES)]).judge(BEGUN) == Judgement()
    assert unfit.threads == []
    assert await Panel([Says(YES), Says(DUNNO)]).judge(BEGUN) == Judgement(undecided=True)
    assert (await Panel([Says(DUNNO), Says(NO, "n")]).judge(BEGUN)).by == "n"
    assert not (await Panel([Says(DUNNO)]).judge(SEEN)).undecided
    assert Panel([unfit, Says(YES)]).judges_prefix


@pytest.mark.parametrize("fault", [ZeroDivisionError(), "no verdict", None])
async def test_a_gate_that_fails_is_reported_and_abstains(fault, later):
    told = []
    panel = Panel([Says(fault, "sick", later=later), Says(YES)], on_fault=lambda *fault: told.append(fault))
    assert await panel.judge(SEEN) == Judgement("", 0.0, ("sick:fault",))
    kind = type(fault) if isinstance(fault, Exception) else TypeError
    assert [(where, type(error)) for where, error in told] == [("gate:sick", kind)]


async def test_a_gate_that_fails_with_nobody_told_abstains():
    assert (await Panel([Says(ZeroDivisionError())]).judge(SEEN)).accepted


async def test_cancellation_passes(later):
    told = []
    panel = Panel([Says(asyncio.CancelledError(), later=later)], on_fault=lambda *fault: told.append(fault))
    with pytest.raises(asyncio.CancelledError):
        await panel.judge(SEEN)
    assert told == []


async def test_a_callbacks_fault_is_reported_however_deep_it_is():
    told = []

    def sick(_):
        raise ZeroDivisionError

    deep = AllOf([Weighted([(1.0, AnyOf([CallbackGate(sick, on_error="reject")]))])])
    judgement = await Panel([deep], on_fault=lambda *fault: told.append(fault)).judge(SEEN)
    assert (judgement.by, judgement.reasons) == ("all", ("all:weighted:weighted",))
    assert [(where, type(error)) for where, error in told] == [("gate:sick", ZeroDivisionError)]


async def test_a_fault_that_counts_as_accepted_is_in_the_reasons():
    def sick(_):
        raise ZeroDivisionError

    assert await Panel([CallbackGate(sick)]).judge(SEEN) == Judgement("", 0.0, ("sick:raised",))


async def test_each_gate_asked_is_timed():
    times = []
    panel = Panel([Says(YES, "a"), Says(NO, "b"), Says(YES, "c")], on_time=lambda *t: times.append(t))
    await panel.judge(SEEN)
    assert [name for name, _ in times] == ["a", "b"]
    assert all(seconds >= 0 for _, seconds in times)


@pytest.mark.parametrize("combined", [False, True])
async def test_a_long_answer_is_judged_off_the_event_loops_thread(combined):
    here = threading.current_thread()
    for chars, calls, inline in (
        (LONG_CHARS, (), True),
        (LONG_CHARS + 1, (), False),
        (5, [("t", "x" * LONG_CHARS)], False),
    ):
        gates = [Says(YES, later=True), Says(YES)]
        await Panel([AllOf(gates)] if combined else gates).judge(exchange("x" * chars, tool_calls=calls))
        assert [(gate.threads[0] is here) for gate in gates] == [inline, inline]


MEAN_03 = [(3.0, Verdict.accept(p_bad=0.0)), (1.0, Verdict.reject(p_bad=1.0))]


@pytest.mark.parametrize(
    ("kind", "says", "whole", "prefix"),
    [
        (AllOf, [YES, YES], "accept", "accept"),
        (AllOf, [YES, NO], "reject", "reject"),
        (AllOf, [DUNNO, NO], "reject", "reject"),
        (AllOf, [YES, DUNNO], "accept", "abstain"),
        (AllOf, [DUNNO, DUNNO], "abstain", "abstain"),
        (AnyOf, [NO, YES], "accept", "accept"),
        (AnyOf, [NO, DUNNO], "reject", "abstain"),
        (AnyOf, [NO, NO], "reject", "reject"),
        (AnyOf, [DUNNO, YES], "accept", "accept"),
        (AnyOf, [DUNNO, DUNNO], "abstain", "abstain"),
        (Weighted, [YES, NO], "reject", "reject"),
        (Weighted, [YES, YES, NO], "accept", "accept"),
        (Weighted, [DUNNO, NO], "reject", "abstain"),
        (Weighted, [DUNNO, DUNNO], "abstain", "abstain"),
    ],
)
async def test_gates_are_combined(kind, says, whole, prefix, later):
    gates = [Says(s, later=later and i == 0) for i, s in enumerate(says)]
    combined = kind([(1.0, g) for g in gates] if kind is Weighted else gates)
    for seen, expected in ((SEEN, whole), (BEGUN, prefix)):
        verdict = combined.judge(seen)
        if later:
            verdict = await verdict
        assert verdict.ruling.value == expected


def test_combinators_await_nothing_unless_a_member_does():
    for combined in (AllOf([Says(YES)]), AnyOf([Says(YES)]), Weighted([(1.0, Says(YES))])):
        assert combined.judge(SEEN) == YES


async def test_weights_weigh():
    def weighted(threshold):
        return Weighted([(w, Says(v)) for w, v in MEAN_03], threshold=threshold).judge(SEEN)

    assert weighted(0.25) == Verdict.reject("weighted", p_bad=0.25)
    assert weighted(0.26) == Verdict.accept(p_bad=0.25)
    silent = Weighted([(9.0, Says(DUNNO)), (1.0, Says(Verdict.accept(p_bad=0.9)))])
    assert silent.judge(SEEN) == Verdict.reject("weighted", p_bad=0.9)


def test_the_reason_of_a_combination_names_its_member():
    assert AllOf([Says(YES, "a"), Says(NO, "b")]).judge(SEEN).reason == "b:bad"
    assert AnyOf([Says(DUNNO, "a"), Says(Verdict.reject(), "b")]).judge(SEEN).reason == "b"


async def test_members_after_a_settled_verdict_are_not_asked(later):
    for kind, settles in ((AllOf, NO), (AnyOf, YES)):
        rest = Says(DUNNO)
        verdict = kind([Says(settles, later=later), rest]).judge(SEEN)
        assert (await verdict if later else verdict).ruling is settles.ruling
        assert rest.threads == []


def test_who_judges_prefixes():
    able, unable = Says(YES), Says(YES, prefix=False)
    assert AllOf([able, unable]).judges_prefix
    assert not AnyOf([able, unable]).judges_prefix
    assert not Weighted([(1.0, able), (1.0, unable)]).judges_prefix
    assert AnyOf([able, able]).judges_prefix
    assert not AllOf([unable]).judges_prefix


def test_a_member_that_cannot_judge_a_prefix_is_not_asked_of_one():
    unable = Says(NO, prefix=False)
    assert AllOf([Says(YES), unable]).judge(BEGUN) == YES
    assert unable.threads == []


def test_a_failing_member_abstains_and_the_others_decide():
    told = []
    combined = AllOf([Says(ZeroDivisionError(), "sick"), Says(NO, "b")])
    combined.on_fault = lambda where, _: told.append(where)
    assert combined.judge(SEEN).reason == "b:bad"
    assert told == ["gate:sick"]


def test_names_default_to_the_kind_and_can_be_given():
    assert [AllOf([Says(YES)]).name, AnyOf([Says(YES)]).name] == ["all", "any"]
    assert Weighted([(1.0, Says(YES))]).name == "weighted"
    assert AllOf([Says(YES)], name="mine").name == "mine"


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_above_nought(weight):
    with pytest.raises(ValueError, match="the weight of g must be a number above 0"):
        Weighted([(weight, Says(YES))])


@pytest.mark.parametrize("kind", [AllOf, AnyOf, Weighted])
def test_a_combination_of_nothing_is_refused(kind):
    with pytest.raises(ValueError, match="needs at least one gate"):
        kind([])


def test_a_gate_listed_twice_weighs_twice():
    doubted = Says(Verdict.reject())
    assert Weighted([(1.0, doubted), (1.0, doubted), (2.0, Says(YES))]).judge(SEEN).p_bad == pytest.approx(
        0.5
    )
