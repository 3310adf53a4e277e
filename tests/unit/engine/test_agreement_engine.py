"""What is asked beside a first attempt: judged with it, paid for in any case, waited for by nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cascade_kit import (
    Clock,
    Stream,
    Upstream,
    Wire,
    balance,
    last_reason,
    stage,
    verdicts,
)

from litellm_tiering.core.agreement import Agreement
from litellm_tiering.core.budget import Budget, Downgrade
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.gate import Verdict
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.gates.agreement import AgreementGate
from litellm_tiering.gates.panel import Panel
from litellm_tiering.peers import Seconds
from litellm_tiering.units import NanoUSD

BESIDE = Agreement("agreement", frozenset({0}), "small-b", on="always", timeout_s=5.0)
CHEAP = TierFacts(Price(prompt=0.0, completion=2.0))


class Shout:
    """Rejects what has a "!"."""

    name = "shout"
    judges_prefix = False

    def judge(self, exchange):
        return Verdict.reject("loud") if "!" in exchange.answer else Verdict.accept()


def panel(quorum=None):
    return Panel([Shout(), AgreementGate(on="always", quorum=quorum)])


async def asked(agreement=BESIDE, *budgets, upstream, allowed=True, settings=None, quorum=None, **more):
    """A request whose first attempt is under way, and those beside it as well."""
    on = await stage(
        *budgets, gates=panel(quorum), settings={"agreement": agreement, **(settings or {})}, **more
    )
    seconds = Seconds(on.engine, on.journey, agreement, on.background, Wire())
    on.journey.peers = seconds

    async def may():
        return allowed

    seconds.ask(upstream, CHEAP, may)
    return on


async def settled(on, **costs):
    """Bills for all attempts that are open, as LiteLLM would send them."""
    for flight in on.journey.flights:
        model = flight.group or on.engine.terms.policy.ladder[flight.rank].model
        cost = costs.get(model.replace("-", "_"), 7)
        await on.engine.books.settle(flight, cost, baseline=cost)


def said(on, index=0):
    return on.journey.record.attempts[index].reasons


# ---------------------------------------------------------------------- what comes of it


async def test_an_answer_that_the_second_model_agrees_with_is_served_and_both_are_paid_for():
    on = await asked(upstream=Upstream(**{"small-b": "42 "}))
    assert await on.whole("42") == "42"
    assert verdicts(on.journey) == "small:ok,small-b:agrees"
    assert said(on) == ("agreement:agrees",)
    assert last_reason(on.journey) == "heuristic"
    assert (await balance(on.engine)).reserved == 10 + 20, "each by its own price"
    await settled(on, small=3, small_b=5)
    await on.books_are_closed()
    assert (await balance(on.engine)).spent == 8
    assert on.journey.record.cost == 8
    assert (on.journey.served, on.journey.record.model) == (0, "small")


async def test_an_answer_that_the_second_model_differs_from_is_escalated():
    on = await asked(upstream=Upstream(**{"small-b": "41"}))
    assert await on.whole("42", medium="43") == "43"
    assert verdicts(on.journey) == "small:agreement,small-b:differs,medium:ok"
    assert last_reason(on.journey) == "escalation:agreement"
    assert (on.journey.record.tier, on.journey.record.model) == ("moderate", "medium")
    await settled(on)
    await on.books_are_closed()
    assert on.journey.record.cost == 21


async def test_a_stronger_tiers_answer_is_compared_with_nobody():
    on = await asked(upstream=Upstream(**{"small-b": "41"}))
    await on.whole("42", medium="43")
    assert said(on, 2) == ()


async def test_where_the_escalation_fails_the_first_answer_is_served():
    on = await asked(upstream=Upstream(**{"small-b": "41"}))
    assert await on.whole("42", medium=RuntimeError("500"), large=RuntimeError("500")) == "42"
    assert verdicts(on.journey) == "small:agreement,small-b:differs,medium:failed,large:failed"
    assert last_reason(on.journey) == "kept:failed"


async def test_free_text_is_not_compared_and_goes_through_the_other_gates():
    long = "It was the best of times, it was the worst of times, as everybody who was there will tell you."
    on = await asked(upstream=Upstream(**{"small-b": "Call me Ishmael, if you must call me anything."}))
    assert await on.whole(long) == long
    assert (verdicts(on.journey), said(on)) == ("small:ok,small-b:incomparable", ("agreement:incomparable",))


async def test_an_answer_that_another_gate_rejects_is_not_held_up_by_the_second_model():
    on = await asked(upstream=Upstream(**{"small-b": asyncio.Event().wait}))
    assert await asyncio.wait_for(on.whole("42!", medium="43"), 5) == "43"
    # Which of the two ends first is left to the event loop, and differs with Python's version.
    assert set(verdicts(on.journey).split(",")) == {"small:shout", "small-b:unused", "medium:ok"}


# ---------------------------------------------------------------------- the second model failing


async def test_a_second_model_that_fails_costs_nothing_and_has_no_vote():
    on = await asked(upstream=Upstream(**{"small-b": RuntimeError("secret words of the prompt")}))
    assert await on.whole("42") == "42"
    assert (verdicts(on.journey), said(on)) == ("small:ok,small-b:failed", ("agreement:failed",))
    assert (await balance(on.engine)).reserved == 10, "the first one's"
    assert on.engine.faults == {}


async def test_a_second_model_that_fails_first_leaves_the_gates_their_prompt():
    on = await asked(upstream=Upstream(**{"small-b": OSError("500")}))
    await on.quiet()
    assert verdicts(on.journey) == "small:pending,small-b:failed"
    assert on.journey.prompt is not None


async def test_a_second_model_that_is_late_has_no_vote_and_its_bill_still_counts():
    clock, answer = Clock(), asyncio.Event()

    async def slow():
        await answer.wait()
        return "42"

    on = await asked(replace(BESIDE, timeout_s=0.0), upstream=Upstream(**{"small-b": slow}), clock=clock)
    assert await on.whole("42") == "42"
    assert (verdicts(on.journey), said(on)) == ("small:ok,small-b:late", ("agreement:late",))
    answer.set()
    await on.quiet()
    await settled(on, small=3, small_b=5)
    await on.books_are_closed()
    assert on.journey.record.cost == 8
    assert verdicts(on.journey) == "small:ok,small-b:late"


async def test_a_late_second_model_that_fails_in_the_end_lets_go_of_its_hold():
    answer = asyncio.Event()

    async def slow():
        await answer.wait()
        raise OSError("gone")

    on = await asked(replace(BESIDE, timeout_s=0.0), upstream=Upstream(**{"small-b": slow}))
    await on.whole("42")
    answer.set()
    await on.quiet()
    assert (await balance(on.engine)).reserved == 10


async def test_nobody_waits_for_it_past_the_requests_own_deadline():
    clock = Clock()
    on = await asked(upstream=Upstream(**{"small-b": asyncio.Event().wait}), clock=clock, deadline_s=2.0)
    clock.time += 2.0
    assert await asyncio.wait_for(on.whole("42"), 5) == "42"
    assert said(on) == ("agreement:late",)


async def test_a_client_that_leaves_while_it_is_waited_for_leaves_nothing_open():
    answer, began = asyncio.Event(), asyncio.Event()

    async def slow():
        began.set()
        await answer.wait()
        return "42"

    on = await asked(upstream=Upstream(**{"small-b": slow}))
    serving = asyncio.ensure_future(on.whole("42"))
    await began.wait()
    await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait({serving})
    answer.set()
    await on.quiet()
    await settled(on, small=3, small_b=5)
    await on.books_are_closed()
    assert (await balance(on.engine)).spent == 8


async def test_a_fault_of_ours_costs_its_opinion_alone(monkeypatch):
    on = await stage(gates=panel(), settings={"agreement": BESIDE})
    on.journey.peers = seconds = Seconds(on.engine, on.journey, BESIDE, on.background, Wire())

    async def broken():
        raise ZeroDivisionError("secret words")

    seconds.ask(Upstream(), CHEAP, broken)
    assert await on.whole("42") == "42"
    assert said(on) == ("agreement:fault",)
    assert on.engine.faults == {"agreement:ZeroDivisionError": 1}


# ---------------------------------------------------------------------- who is not asked


async def test_a_caller_that_may_not_use_the_second_model_has_it_not_asked():
    upstream = Upstream()
    on = await asked(upstream=upstream, allowed=False)
    assert await on.whole("42") == "42"
    assert (upstream.calls, verdicts(on.journey), said(on)) == ([], "small:ok", ("agreement:permission",))


async def test_a_budget_without_room_for_both_pays_for_the_first_alone():
    tight = Budget(limit=NanoUSD(25), downgrade=(Downgrade(0.9, to_rank=0),))
    upstream = Upstream()
    on = await asked(BESIDE, tight, upstream=upstream)
    assert await on.whole("42") == "42"
    assert (upstream.calls, said(on)) == ([], ("agreement:budget",))
    assert (await balance(on.engine, tight)).reserved == 10


@pytest.mark.parametrize(("on_error", "calls"), [("open", ["small-b"]), ("cheap", []), ("closed", [])])
async def test_with_the_store_away_it_is_asked_only_where_everything_is(on_error, calls):
    on = await stage(gates=panel(), settings={"agreement": BESIDE})

    async def away(hold):
        raise StoreUnavailable("away")

    on.engine.terms = replace(on.engine.terms, on_error=on_error)
    on.engine.ledger.reserve = away
    upstream = Upstream(**{"small-b": "42"})
    on.journey.peers = seconds = Seconds(on.engine, on.journey, BESIDE, on.background, Wire())

    async def may():
        return True

    seconds.ask(upstream, CHEAP, may)
    assert await on.whole("42") == "42"
    assert upstream.calls == calls
    assert said(on) == (("agreement:agrees",) if calls else ("agreement:store",))
    await settled(on, small=3, small_b=5)
    assert (await balance(on.engine)).spent == (8 if calls else 3)


async def test_why_nobody_was_asked_stands_in_the_record():
    on = await stage(gates=panel(), settings={"agreement": BESIDE})
    on.journey.peers = Seconds(on.engine, on.journey, BESIDE, on.background, Wire(), "free_text")
    assert await on.whole("42") == "42"
    assert (verdicts(on.journey), said(on)) == ("small:ok", ("agreement:free_text",))


async def test_a_group_that_fell_back_on_the_other_is_not_compared_with_itself():
    on = await asked(upstream=Upstream(**{"small-b": "42"}))
    on.journey.flights[0].answered_by = "small-b"
    await on.whole("42")
    assert said(on) == ("agreement:same_model",)
    on = await asked(upstream=Upstream(**{"small-b": "42"}))
    await asyncio.sleep(0)
    await on.quiet()
    on.journey.flights[1].answered_by = "large"
    await on.whole("42")
    assert said(on) == ("agreement:fallback",)


# ---------------------------------------------------------------------- whose answer is served


async def test_the_second_models_answer_is_served_where_the_owner_prefers_it():
    on = await asked(replace(BESIDE, serve_with=True), upstream=Upstream(**{"small-b": "42."}))
    assert await on.whole("42") == "42."
    assert verdicts(on.journey) == "small:ok,small-b:agrees"
    assert (on.journey.served, on.journey.record.tier, on.journey.record.model) == (1, "simple", "small-b")


async def test_the_second_models_answer_must_pass_the_other_gates_to_be_served():
    on = await asked(replace(BESIDE, serve_with=True), upstream=Upstream(**{"small-b": "42!"}))
    assert await on.whole("42") == "42"
    assert on.journey.served == 0


async def test_one_that_differs_is_not_served_whatever_the_owner_prefers():
    on = await asked(replace(BESIDE, serve_with=True), upstream=Upstream(**{"small-b": "41"}))
    assert await on.whole("42", medium="43") == "43"
    assert on.journey.record.model == "medium"


# ---------------------------------------------------------------------- samples of one model


@pytest.mark.parametrize(
    ("quorum", "others", "served"),
    [
        (None, ["42", "41"], "42"),
        (None, ["41", "41"], "43"),
        (3, ["42", "41"], "43"),
        (3, ["42", "42"], "42"),
        (None, ["42", OSError("500")], "42"),
        (None, ["41", OSError("500")], "43"),
        (None, [OSError("500"), OSError("500")], "42"),
    ],
)
async def test_of_several_answers_of_one_model_enough_must_agree(quorum, others, served):
    answers = iter(others)

    async def again():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sampled = Agreement("agreement", frozenset({0}), "", more=2, on="always")
    on = await asked(sampled, upstream=Upstream(small=again), quorum=quorum)
    assert await on.whole("42", medium="43") == served
    await settled(on)
    await on.books_are_closed()


# ---------------------------------------------------------------------- streams


async def test_a_stream_that_is_held_back_whole_is_compared_at_its_end():
    on = await asked(upstream=Upstream(**{"small-b": "42"}), settings={"stream": "buffer"})
    assert await on.stream(Stream("4", "2")) == ["4", "2"]
    assert verdicts(on.journey) == "small:ok,small-b:agrees"
    on = await asked(upstream=Upstream(**{"small-b": "41"}), settings={"stream": "buffer"})
    assert await on.stream(Stream("4", "2"), medium=Stream("4", "3")) == ["4", "3"]
    assert verdicts(on.journey) == "small:agreement,small-b:differs,medium:ok"


async def test_what_is_asked_beside_does_not_shift_who_is_served():
    """Between a rejected stream and the next tier's lies an attempt that is no candidate."""
    on = await asked(upstream=Upstream(**{"small-b": "41"}), settings={"stream": "buffer"})
    assert await on.stream(Stream("42"), medium=OSError("500"), large=OSError("500")) == ["42"]
    assert on.journey.served == 0
    assert last_reason(on.journey) == "kept:failed"


async def test_the_money_for_it_is_asked_for_beside_the_first_call_and_not_before_it():
    on = await stage(gates=panel(), settings={"agreement": BESIDE})
    asked_for = []
    reserve = on.engine.ledger.reserve

    async def reserving(hold):
        asked_for.append(hold.amounts)
        return await reserve(hold)

    on.engine.ledger.reserve = reserving
    seconds = Seconds(on.engine, on.journey, BESIDE, on.background, Wire())

    async def may():
        return True

    seconds.ask(Upstream(**{"small-b": "42"}), CHEAP, may)
    assert asked_for == [], "asking returns at once"
    await on.quiet()
    assert asked_for == [(20, 0)], "once"
