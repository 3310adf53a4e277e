"""What is learned of answers and bills, and which way requests are sent for it, in a whole engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cascade_kit import (
    FACTS,
    LADDER,
    Clock,
    Says,
    Stage,
    Stream,
    Upstream,
    Wire,
    depart,
    engine_on,
    last_reason,
)

from litellm_tiering import expecting
from litellm_tiering.adaptive import Watch
from litellm_tiering.core.agreement import Agreement
from litellm_tiering.core.budget import Budget, Downgrade
from litellm_tiering.core.catalog import Capability, Price, TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.expected import LEAST_SEEN, UNMOVED
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.gate import Verdict
from litellm_tiering.core.policy import Route
from litellm_tiering.expecting import NEEDED, QUIET_S, Expecting, Figures, Weighing
from litellm_tiering.gates.agreement import AgreementGate
from litellm_tiering.gates.panel import Panel
from litellm_tiering.ledger.segments_memory import MemorySegments
from litellm_tiering.peers import Seconds
from litellm_tiering.plan import Inquiry
from litellm_tiering.units import NanoUSD

AUTO = Route("auto", ("auto",))
KEY = "auto|simple|chat"
PAIR = Agreement("agreement", frozenset({0}), "small-b", on="always", timeout_s=5.0)

# An answer of the cheap tier costs a fifth of the next one's: a try pays where one in five is accepted.
FIFTH = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (2, 10, 100))


class House:
    """An engine that expects, on segments of its own; ``draw`` decides who probes."""

    def __init__(self, *budgets, weighing=None, says=None, draw=0.99, segments=None, facts=FIFTH):
        self.clock = Clock()
        self.facts = facts
        self.engine = engine_on(*budgets, says=says or Says(score=0.25), clock=self.clock)
        self.segments = segments or MemorySegments()
        self.watch = Watch(self.segments, self.engine.books, self.clock, 1.0, draw=lambda: 0.99)
        self.draw = draw
        self.engine.watch = self.watch
        self.engine.expecting = Expecting(
            LADDER,
            weighing or Weighing(),
            self.watch,
            self.engine.figures,
            self.clock,
            draw=lambda: self.draw,
        )

    def inquiry(self, route=AUTO, caller=None, **more):
        wish, forbidden = more.pop("wish", None), more.pop("forbidden", {})
        features = RequestFeatures(**{"max_tokens": 10, **more})
        return Inquiry(features, PromptText("q"), caller or Caller(), route, 2, self.facts, wish, forbidden)

    async def plan(self, **more):
        return await self.engine.plan(self.inquiry(**more))

    async def saw(self, window, band="2", key=KEY):
        """As if the store had these verdicts, and this process had read them."""
        for one in window:
            await self.segments.push(f"{key}|{band}", rejected=one == "1", turn=0, now_s=self.clock.time)
        await self.watch.refresh()

    def journey(self, plan):
        return plan.flight.journey

    def on(self, plan, gates=None, **settings):
        return Stage(self.engine, self.journey(plan), gates=gates, **settings)


def reasons(plan):
    return plan.decision.reasons


# --- which way ---------------------------------------------------------------------------------------------


async def test_until_enough_answers_were_judged_the_fixed_rules_hold():
    house = House()
    await house.saw("1" * (LEAST_SEEN - 1))
    assert reasons(await house.plan()) == ("heuristic",)
    await house.saw("1")
    assert (await house.plan()).record.tier == "moderate"


async def test_where_a_try_is_wasted_a_request_goes_straight_up_and_its_record_says_why():
    house = House()
    await house.saw("1" * 60)
    plan = await house.plan()
    (_, step) = plan.decision.explained(LADDER)
    assert (step["stage"], step["reason"], step["from"], step["to"], step["enforced"]) == (
        "classify",
        "expected",
        "simple",
        "moderate",
        True,
    )
    assert step["detail"].startswith("strong:p=0.0")
    assert plan.flight.rank == 1
    assert plan.record.attempts[0].model == "medium"


async def test_where_a_try_pays_it_is_made_and_its_record_says_why():
    house = House()
    await house.saw("10" * 30)
    plan = await house.plan()
    assert plan.record.tier == "simple"
    assert reasons(plan)[1].startswith("expected:cheap:p=0.5")
    assert not plan.decision.steps[1].enforced


async def test_it_goes_by_the_band_of_the_score_as_well_as_by_the_kind():
    house = House()
    await house.saw("0" * 60, band="0")
    await house.saw("1" * 60, band="2")
    assert (await house.plan()).record.tier == "moderate", "a score of .25"
    house.engine.terms.classifiers.said = Classification(rank=0, by="heuristic", score=0.05)
    assert (await house.plan()).record.tier == "simple"
    house.engine.terms.classifiers.said = Classification(rank=0, by="heuristic", score=0.95)
    plan = await house.plan()
    assert ":p=0.5" in reasons(plan)[1], "of a band without answers, what its kind does"


async def test_a_tier_that_costs_next_to_nothing_is_tried_however_seldom_it_helps():
    house = House(facts=FACTS[:1] + tuple(TierFacts(Price(completion=float(p))) for p in (1000, 10_000)))
    await house.saw("1" * 90 + "0" * 4)
    plan = await house.plan()
    assert plan.record.tier == "simple"


async def test_time_that_the_owner_counts_sends_more_of_them_straight_up():
    house = House(weighing=Weighing(per_second=1e9))
    await house.saw("10" * 30)
    assert (await house.plan()).record.tier == "simple", "nobody knows yet how long they take"
    for tier, rank, ms in (("simple", 0, 2000.0), ("moderate", 1, 2000.0)):
        for _ in range(NEEDED):
            await bill(house, tier, rank, ms=ms)
        known_of_both = tier == "moderate"
        assert (await house.plan()).record.tier == ("moderate" if known_of_both else "simple")


@pytest.mark.parametrize(
    "more",
    [
        {"wish": 0},
        {"wish": 2},
        {"forbidden": {0: "key"}},
        {"forbidden": {1: "key", 2: "key"}},
        {"route": replace(AUTO, classify=False, rank=0)},
        {"route": replace(AUTO, cascade=False)},
        {"route": replace(AUTO, enforce=False)},
    ],
)
async def test_it_has_no_word_where_something_else_decides(more):
    house = House()
    await house.saw("1" * 60)
    assert not any("expected" in r for r in reasons(await house.plan(**more)))


async def test_it_has_no_word_where_a_rule_bounds_the_climb_or_moves_the_request():
    for bound in ({"cap": (0, "cheap")}, {"floor": (1, "code")}):
        house = House(says=Says(score=0.25, **bound))
        await house.saw("1" * 60)
        assert not any("expected" in r for r in reasons(await house.plan()))


async def test_it_has_no_word_where_a_price_is_not_known():
    house = House(facts=(FIFTH[0], TierFacts(Price(completion=10.0, known=False)), FIFTH[2]))
    await house.saw("1" * 60)
    assert not any("expected" in r for r in reasons(await house.plan()))


async def test_the_next_tier_is_the_next_that_can_serve_the_request():
    blind = TierFacts(Price(completion=10.0), Capability(vision=False))
    house = House(facts=(FIFTH[0], blind, FIFTH[2]))
    await house.saw("1" * 95 + "0" * 5)
    assert (await house.plan()).record.tier == "moderate"
    plan = await house.plan(images=1)
    assert plan.record.tier == "simple", "a try that costs a fiftieth of what it may save"
    assert "strong=1e-06" in reasons(plan)[1]


async def test_a_budget_that_is_tight_brings_it_down_again():
    budget = Budget(limit=NanoUSD(1_000), downgrade=(Downgrade(0.0, to_rank=0),))
    house = House(budget)
    await house.saw("1" * 60)
    plan = await house.plan()
    assert plan.record.tier == "simple"
    assert [s.reason.value for s in plan.decision.steps] == ["heuristic", "expected", "budget"]


async def test_what_is_explained_is_what_would_be_done_and_leaves_no_trace():
    house = House(draw=0.0)
    await house.saw("1" * 60)
    before = dict(house.watch.known())
    for _ in range(3):
        plan = await house.engine.explain(house.inquiry())
        assert plan.record.tier == "moderate", "and not a probe"
    assert house.watch.known() == before


# --- probes ------------------------------------------------------------------------------------------------


async def test_a_share_of_the_requests_still_tries_and_says_so():
    house = House()
    await house.saw("1" * 60)
    await house.plan()
    house.draw = 0.049
    plan = await house.plan()
    assert plan.record.tier == "simple"
    assert reasons(plan)[1].startswith("expected:cheap:probe:")
    house.draw = 0.05
    assert (await house.plan()).record.tier == "moderate"


async def test_with_little_traffic_one_request_in_ten_minutes_tries():
    house = House()
    await house.saw("1" * 60)
    assert (await house.plan()).record.tier == "moderate", "the first is none"
    house.clock.time += QUIET_S
    assert (await house.plan()).record.tier == "simple"
    assert (await house.plan()).record.tier == "moderate"


async def test_a_clock_that_was_set_back_does_not_silence_the_probes():
    house = House()
    await house.saw("1" * 60)
    await house.plan()
    house.clock.time -= 5 * QUIET_S
    assert (await house.plan()).record.tier == "simple"


async def test_what_would_be_tried_anyhow_draws_nothing():
    house = House()
    house.draw = None
    await house.saw("0" * 60)
    assert (await house.plan()).record.tier == "simple", "comparing with None would raise"


async def test_when_probes_are_accepted_again_so_is_the_rest():
    house = House(draw=0.0)
    await house.saw("1" * 100)
    for tries in range(100):  # noqa: B007 - how many it took is what is asserted
        house.draw = 0.99
        if (await house.plan()).record.tier == "simple":
            break
        house.draw = 0.0
        on = house.on(await house.plan(), max_escalations=1)
        await on.whole("fine")
        await on.quiet()
    assert 5 < tries < 20


async def test_how_many_segments_probes_are_known_of_is_bounded(monkeypatch):
    monkeypatch.setattr(expecting, "MAX_PROBED", 2)
    house = House()
    for band, score in (("1", 0.15), ("2", 0.25), ("3", 0.35)):
        await house.saw("1" * 60, band=band)
        house.engine.terms.classifiers.said = Classification(rank=0, by="heuristic", score=score)
        await house.plan()
    held = house.engine.expecting
    assert len(held._probed) == 2
    assert len(held._seen) <= 2


# --- learning from verdicts --------------------------------------------------------------------------------


async def test_what_the_gates_say_of_a_first_answer_is_kept_for_all_workers():
    house = House()
    for answer in ("fine", "bad!", "fine"):
        on = house.on(await house.plan())
        await on.whole(answer, medium="good")
        await on.quiet()
    known = await house.segments.segments(house.clock.time)
    assert known[f"{KEY}|2"].window == "010"
    assert known[KEY].window == "010"
    assert set(known) == {KEY, f"{KEY}|2"}


async def test_an_answer_of_the_tier_above_tells_nothing_of_the_one_below():
    house = House()
    await house.saw("1" * 60)
    on = house.on(await house.plan())
    await on.whole("bad!", large="good")
    await on.quiet()
    assert (await house.segments.segments(house.clock.time))[f"{KEY}|2"].window == "1" * 60


async def test_streams_judged_by_their_beginning_are_kept_apart():
    house = House()
    await house.saw("1" * 60)
    plan = await house.plan(stream=True)
    assert reasons(plan) == ("heuristic",), "whole answers say nothing of beginnings"
    on = house.on(plan)
    assert await on.stream(Stream("fine+", "."), lent=False) == ["fine+", "."]
    await on.quiet()
    known = await house.segments.segments(house.clock.time)
    assert known[f"{KEY}|2~"].window == "0"


async def test_of_streams_that_nobody_judges_nothing_is_expected():
    house = House(weighing=Weighing(stream="off"))
    await house.saw("1" * 60)
    assert reasons(await house.plan(stream=True)) == ("heuristic",)
    assert (await house.plan()).record.tier == "moderate"


async def test_without_anybody_who_expects_nothing_is_kept():
    house = House()
    house.engine.expecting = None
    on = house.on(await house.plan())
    await on.whole("fine")
    await on.quiet()
    assert set(await house.segments.segments(house.clock.time)) == {KEY}


async def test_a_request_that_was_planned_before_anybody_expected_anything_tells_nothing():
    house = House()
    expects, house.engine.expecting = house.engine.expecting, None
    on = house.on(await house.plan())
    house.engine.expecting = expects
    await on.whole("fine")
    await on.quiet()
    assert set(await house.segments.segments(house.clock.time)) == {KEY}


async def test_what_is_kept_of_parts_of_a_segment_leads_to_no_alarm_of_its_own():
    house = House()
    await house.saw("1" * 100)
    assert house.watch.alarms() == []


# --- a second model ----------------------------------------------------------------------------------------


class Shout:
    """Rejects what has a "!"."""

    name = "shout"
    judges_prefix = False

    def judge(self, exchange):
        return Verdict.reject("loud") if "!" in exchange.answer else Verdict.accept()


def paired(**more):
    return House(weighing=Weighing(agreement=PAIR), **more)


async def with_second(house, first, other, plan=None, gates=()):
    """One request whose first answer is compared with another."""
    plan = plan or await house.plan()
    on = house.on(plan, gates=Panel(gates or [Shout(), AgreementGate(on="always")]), agreement=PAIR)
    seconds = Seconds(on.engine, on.journey, PAIR, on.background, Wire())
    on.journey.peers = seconds

    async def may():
        return True

    seconds.ask(Upstream(**{"small-b": other}), FIFTH[0], may)
    await on.whole(first, medium="43", large="44")
    for flight in on.journey.flights:
        await on.engine.books.settle(flight, 7, baseline=7)
    await on.quiet()


@pytest.mark.parametrize(
    ("first", "other", "alone", "second"),
    [
        ("42", "42", "0", "0"),
        ("42", "41", "0", "1"),
        ("42!", "42", "1", None),
        ("42", RuntimeError("500"), "0", None),
        ("Call me Ishmael, some years ago, never mind how long.", "The best of times it was.", "0", "0"),
    ],
)
async def test_what_the_second_word_changed_is_kept_apart_from_what_the_other_gates_say(
    first, other, alone, second
):
    house = paired()
    await with_second(house, first, other)
    known = await house.segments.segments(house.clock.time)
    assert known[f"{KEY}|2"].window == alone
    assert (known[f"{KEY}|second"].window if f"{KEY}|second" in known else None) == second


async def test_an_answer_that_both_give_and_a_later_gate_rejects_says_nothing_of_the_second():
    house = paired()
    await with_second(house, "42!", "42!", gates=[AgreementGate(on="always"), Shout()])
    known = await house.segments.segments(house.clock.time)
    assert known[f"{KEY}|2"].window == "1"
    assert f"{KEY}|second" not in known


async def test_the_second_is_left_out_where_it_changed_nothing_and_asked_again_after_one_change():
    house = paired()
    await house.saw("0" * 60)
    assert reasons(await house.plan())[1].startswith("expected:pair:")
    await house.saw("0" * UNMOVED, band="second")
    plan = await house.plan()
    assert reasons(plan)[1].startswith("expected:cheap:")
    assert plan.case.expected.skips_second
    house.draw = 0.0
    plan = await house.plan()
    assert reasons(plan)[1].startswith("expected:pair:probe:")
    await with_second(house, "42", "41", plan)
    house.draw = 0.99
    plan = await house.plan()
    assert reasons(plan)[1].startswith("expected:pair:p=")
    assert not plan.case.expected.skips_second


async def test_a_second_that_is_asked_at_another_tier_is_none_here():
    house = House(weighing=Weighing(agreement=replace(PAIR, ranks=frozenset({1}))))
    await house.saw("0" * 60)
    assert "pair" not in reasons(await house.plan())[1]


async def test_a_second_that_a_stream_is_not_asked_of_is_none_here():
    for stream, shown in (("prefix", False), ("buffer", True)):
        house = House(weighing=Weighing(agreement=PAIR, stream=stream))
        await house.saw("0" * 60, band="2" if stream == "buffer" else "2~")
        assert ("pair=" in reasons(await house.plan(stream=True))[1]) is shown


# --- learning from bills -----------------------------------------------------------------------------------


async def bill(house, tier, rank, *, completion=10, cost=None, ms=0.0, group="", **more):
    """An attempt of a tier, and its bill."""
    features = {"max_tokens": 10, **more}
    journey = await depart(house.engine, facts=house.facts, max_tokens=features.pop("max_tokens"))
    journey.features = replace(journey.features, **features)
    flight = journey.flights[0]
    flight.rank, flight.group = rank, group
    flight.index = 1 if group else 0
    attempt = replace(journey.record.attempts[0], tier=tier, elapsed_ms=ms)
    journey.record = replace(journey.record, attempts=(attempt, attempt))
    listed = int(house.facts[rank].price.cost(journey.features.prompt_tokens, completion))
    house.engine.figures.saw(flight, (5, completion), listed if cost is None else cost)


def effort(house, rank=0, *, second=False, **more):
    features = RequestFeatures(**{"max_tokens": 1000, **more})
    tiers = ("simple", "moderate", "complex")
    if second:
        return house.engine.figures.second("auto", tiers[rank], house.facts[rank], features)
    other = tiers[1 - rank]
    return house.engine.figures.effort("auto", tiers[rank], house.facts[rank], features, other)


async def test_before_any_bill_every_tiers_answer_is_taken_to_be_as_long():
    house = House()
    assert (effort(house).cost, effort(house, 1).cost) == (256 * 2, 256 * 10)
    assert effort(house, max_tokens=100).cost == 100 * 2, "and no longer than the client allows"


async def test_how_long_answers_are_is_learned_of_each_tier():
    house = House()
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=40)
    assert effort(house).cost == 40 * 2
    assert effort(house, 1).cost == 40 * 10, "until its own are known"
    for _ in range(NEEDED):
        await bill(house, "moderate", 1, completion=400, ms=1500)
    assert effort(house, 1).cost == 400 * 10
    assert (effort(house).seconds, effort(house, 1).seconds) == (0.0, 1.5)


async def test_of_several_answers_each_is_as_long():
    house = House()
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=120, choices=3)
    assert effort(house).cost == 40 * 2
    assert effort(house, choices=3).cost == 120 * 2


async def test_answers_to_requests_that_ask_for_reasoning_are_told_apart():
    house = House()
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=40)
        await bill(house, "simple", 0, completion=4000, thinking_tokens=1)
    assert effort(house).cost == 40 * 2
    assert effort(house, max_tokens=9_999, thinking_tokens=500).cost == 4000 * 2


async def test_what_is_cheaper_than_its_list_price_is_learned():
    house = House()
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=40, cost=20)
    assert effort(house).cost == pytest.approx(20)


async def test_a_second_model_costs_what_its_bills_say_and_until_then_what_the_first_does():
    house = House()
    assert effort(house, second=True).cost == effort(house).cost
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=40)
        await bill(house, "simple", 0, completion=80, cost=800, group="small-b")
    assert effort(house).cost == 40 * 2
    assert effort(house, second=True).cost == pytest.approx(800)


async def test_bills_without_tokens_or_at_no_price_tell_what_they_can():
    house = House(facts=(TierFacts(Price()), *FIFTH[1:]))
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=0, ms=100)
    assert effort(house).seconds == 0.1
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=50)
    assert effort(house).cost == 0.0


async def test_old_bills_fade():
    house = House()
    for completion in (1000, 10):
        for _ in range(2 * expecting.MEMORY):
            await bill(house, "simple", 0, completion=completion)
    assert 10 <= effort(house).cost / 2 < 160


async def test_how_many_kinds_of_bills_are_told_apart_is_bounded(monkeypatch):
    monkeypatch.setattr(expecting, "MAX_KEYS", 1)
    house = House()
    for _ in range(NEEDED):
        await bill(house, "simple", 0, completion=40)
        await bill(house, "moderate", 1, completion=400)
    assert effort(house, 1).cost == 40 * 10


# --- for people --------------------------------------------------------------------------------------------


async def test_the_status_names_the_segments_with_most_answers_first():
    house = House()
    await house.saw("1" * 30)
    await house.saw("0" * 50, band="second")
    assert house.engine.expecting.as_json() == [
        {"segment": "auto / simple / chat / second", "seen": 50, "rate": 0.03},
        {"segment": "auto / simple / chat / 2", "seen": 30, "rate": 0.96},
    ]


async def test_new_terms_end_what_was_expected_under_the_old():
    house = House()
    close = house.engine.renew(house.engine.terms, None)
    assert house.engine.expecting is None
    assert isinstance(house.engine.figures, Figures)
    await close()


async def test_an_escalation_after_going_straight_up_is_one_as_ever():
    house = House()
    await house.saw("1" * 60)
    on = house.on(await house.plan())
    assert await on.whole("bad!", large="good") == "good"
    assert last_reason(on.journey) == "escalation:shout"
    assert [a.model for a in on.journey.record.attempts] == ["medium", "large"]
    await asyncio.sleep(0)
