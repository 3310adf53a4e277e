from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cascade_kit import (
    FACTS,
    LADDER,
    Says,
    Stage,
    Stream,
    Upstream,
    Wire,
    balance,
    depart,
    engine_on,
    verdicts,
)

from litellm_tiering import shadowing
from litellm_tiering.announcer import Announcer
from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.core.agreement import Agreement
from litellm_tiering.core.budget import AtCeiling, Budget, Critical, Downgrade, Pacing, Scope
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Opinion
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.gate import Said, Verdict
from litellm_tiering.core.policy import Route
from litellm_tiering.core.price import Usage
from litellm_tiering.core.shadow import Does
from litellm_tiering.decisions import shown
from litellm_tiering.gates.agreement import AgreementGate
from litellm_tiering.gates.panel import Panel, Shadows
from litellm_tiering.gateway.apply import response_headers
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.peers import Seconds
from litellm_tiering.plan import Inquiry
from litellm_tiering.records import Row
from litellm_tiering.status import live_budgets
from litellm_tiering.telemetry.outlook import Outlook
from litellm_tiering.units import NanoUSD

BLUE = Caller(team="blue")
AUTO = Route("auto", ("auto",))
DOWN = (Downgrade(0.5, steps=1), Downgrade(0.9, to_rank=0))


def asking(route=AUTO, **more):
    return Inquiry(RequestFeatures(max_tokens=10), PromptText("q"), BLUE, route, 2, FACTS, **more)


def budget(limit=2_000, **more):
    return Budget(**{"scope": Scope.TEAM, "limit": NanoUSD(limit), "downgrade": DOWN, **more})


SILENT = budget(shadow=True)


async def spend(engine, cost):
    plan = await engine.plan(asking())
    await engine.books.settle(plan.flight, cost, baseline=cost, usage=Usage(completion=3))
    return plan


class Meter:
    def __init__(self):
        self.woulds = []

    def shadowed(self, would):
        self.woulds.append((would.part.value, would.name, would.does.value))

    def __getattr__(self, name):
        return lambda *told: None


# --- budgets


async def test_a_budget_in_shadow_counts_exactly_and_moves_nothing():
    engine = engine_on(Budget(), SILENT, says=Says(2))
    for _ in range(3):
        await spend(engine, 900)
    plan = await engine.plan(asking())
    assert plan.record.tier == "complex"
    assert plan.decision.reasons == ("heuristic",)
    assert (await balance(engine, SILENT, "blue")).spent == 2_700
    (would,) = plan.record.shadow
    assert (would.does, would.step.to_rank, would.step.detail) == (Does.MOVE, 0, "team:blue:1.35")


async def test_a_record_tells_the_step_that_a_budget_in_shadow_would_have_made():
    engine = engine_on(Budget(), SILENT, says=Says(2))
    await spend(engine, 1_000)
    plan = await spend(engine, 300)
    told = engine.books.record(plan.record.id).explained(LADDER)
    assert told["reasons"] == ["heuristic", "shadow:budget:team:blue:0.50"]
    assert told["steps"][-1]["enforced"] is False
    assert told["shadow"] == [
        {
            "part": "budget",
            "name": "team:* $2e-06/day",
            "does": "move",
            "from": "complex",
            "to": "moderate",
            "detail": "team:blue:0.50",
            "extra_usd": -270 / 1e9,
        }
    ]
    assert told["budgets"][-1]["mode"] == "shadow"


async def test_a_budget_in_shadow_refuses_nobody_and_says_whom_it_would_have():
    blocks = replace(SILENT, at_ceiling=AtCeiling.BLOCK)
    engine = engine_on(Budget(), blocks, says=Says(2))
    await spend(engine, 2_000)
    plan = await engine.plan(asking())
    assert plan.decision.refusal is None
    assert [w.does for w in plan.record.shadow] == [Does.REFUSE]


async def test_a_budget_in_shadow_holds_no_more_than_without_it():
    blocks = replace(SILENT, at_ceiling=AtCeiling.BLOCK)
    facts = tuple(TierFacts(Price(prompt=1.0, completion=1.0)) for _ in FACTS)
    features = RequestFeatures(max_tokens=10, prompt_tokens=10, prompt_bytes=1_000)
    held = []
    for budgets in ((), (blocks,), (replace(blocks, shadow=False),)):
        engine = engine_on(Budget(), *budgets, says=Says(2))
        plan = await engine.plan(Inquiry(features, PromptText("q"), BLUE, AUTO, 2, facts))
        held.append(plan.flight.reservation.amount)
    assert held[0] == held[1] < held[2]


async def test_of_two_budgets_on_one_counter_the_one_in_force_acts_wherever_it_stands():
    inforce, stricter = budget(1_200), budget(1_000, shadow=True)
    for budgets in ((stricter, inforce), (inforce, stricter)):
        engine = engine_on(Budget(), *budgets, says=Says(2))
        await spend(engine, 700)
        assert (await engine.plan(asking())).record.tier == "moderate"


async def test_beside_a_budget_in_force_on_the_same_counter_one_in_shadow_looks_on():
    stricter = budget(1_000, shadow=True)
    for budgets in ((stricter, budget(9_000)), (budget(9_000), stricter)):
        engine = engine_on(Budget(), *budgets, says=Says(2))
        await spend(engine, 600)
        plan = await engine.plan(asking())
        assert plan.record.tier == "complex"
        assert [w.step.detail for w in plan.record.shadow] == ["team:blue:0.60"]
        assert len(plan.flight.reservation.keys) == 2
        live = live_budgets(
            engine.terms.budgets, await engine.ledger.active(engine.clock.now()), engine.clock.now()
        )
        told = [(b["limit_usd"], b["mode"], b["steps_down"]) for b in (one.as_json(2) for one in live)]
        assert told == [(None, "enforce", 0), (9e-6, "enforce", 0), (1e-6, "shadow", 0)]
        assert live[-1].as_json(2)["would_step_down"] == 2


async def test_a_caller_whom_a_budget_spares_is_spared_by_it_in_shadow():
    spares = replace(SILENT, critical=Critical(teams=("blue",)))
    engine = engine_on(Budget(), spares, says=Says(2))
    await spend(engine, 2_000)
    plan = await engine.plan(asking())
    assert plan.record.shadow == ()
    assert plan.decision.reasons == ("heuristic",)


async def test_a_paced_budget_and_one_by_value_are_foreseen_as_they_would_act():
    paced = replace(SILENT, pacing=Pacing.LINEAR, by_value=True)
    engine = engine_on(Budget(), paced, says=Says(2))
    await spend(engine, 1_900)
    plan = await engine.plan(asking())
    assert (plan.record.tier, [w.step.to_rank for w in plan.record.shadow]) == ("complex", [0])


async def test_while_the_store_is_away_nothing_is_foreseen_of_budgets():
    class Gone(MemoryLedger):
        async def reserve(self, hold):
            raise TimeoutError

    engine = engine_on(Budget(), SILENT, ledger=Gone(), says=Says(2))
    assert (await engine.plan(asking())).record.shadow == ()


async def test_a_route_in_shadow_tells_where_it_would_have_sent_the_request_and_what_that_saves():
    engine = engine_on(says=Says(0))
    plan = await engine.plan(asking(replace(AUTO, enforce=False)))
    await engine.books.settle(plan.flight, 300, baseline=300, usage=Usage(completion=3))
    (would,) = engine.books.record(plan.record.id).shadow
    assert (would.part.value, would.name, would.step.to_rank, would.extra) == ("route", "auto", 0, 3 - 300)


async def test_explain_tells_what_would_be_done_and_leaves_no_trace():
    engine = engine_on(Budget(), SILENT, says=Says(2))
    await spend(engine, 1_000)
    engine.books.meter = Meter()
    plan = await engine.explain(asking())
    assert [w.label for w in plan.record.shadow] == ["shadow:budget:team:blue:0.50"]
    assert engine.books.meter.woulds == []


# --- classifiers


class Thinks:
    """A classifier with one word, said when it is let."""

    def __init__(self, kind, word=None, *, waits=None, asks=False):
        self.kind, self.word, self.waits, self.asks = kind, word, waits, asks
        self.asked = 0

    def classify(self, subject):
        self.asked += 1
        if isinstance(self.word, Exception):
            raise self.word
        return self._later() if self.waits is not None else self.word

    async def _later(self):
        await self.waits.wait()
        return self.word


def chain(*classifiers, shadow=(), faults=None):
    told = (lambda *fault: faults.append(fault)) if faults is not None else None
    return Chain(classifiers, LADDER, on_fault=told, shadow=shadow)


SIMPLE = Opinion("heuristic", rank=0)


async def test_a_classifier_in_shadow_joins_the_record_when_its_word_comes_and_delays_nothing():
    waits = asyncio.Event()
    slow = Thinks("llm", Opinion("llm", rank=2), waits=waits)
    engine = engine_on(says=chain(slow, Thinks("heuristic", SIMPLE), shadow=[0]))
    engine.books.meter = meter = Meter()
    plan = await engine.plan(asking())
    assert (plan.record.tier, plan.record.shadow) == ("simple", ())
    waits.set()
    await engine.shadowing.settled()
    (would,) = engine.books.record(plan.record.id).shadow
    assert (would.name, would.does, would.step.to_rank) == ("llm", Does.MOVE, 2)
    assert meter.woulds == [("classifier", "llm", "move")]
    await engine.books.settle(plan.flight, 5, baseline=5, usage=Usage(completion=5))
    assert plan.flight.journey.record.shadow[0].extra == 500 - 5


async def test_the_word_of_a_classifier_in_shadow_that_comes_after_the_bill_is_priced_too():
    waits = asyncio.Event()
    slow = Thinks("llm", Opinion("llm", rank=1), waits=waits)
    engine = engine_on(says=chain(slow, Thinks("heuristic", SIMPLE), shadow=[0]))
    plan = await engine.plan(asking())
    await engine.books.settle(plan.flight, 5, baseline=5, usage=Usage(completion=5))
    waits.set()
    await engine.shadowing.settled()
    assert plan.flight.journey.record.shadow[0].extra == 50 - 5


async def test_a_classifier_in_shadow_that_fails_or_abstains_leaves_no_word():
    faults = []
    bad = Thinks("learned", RuntimeError("secret"))
    silent = Thinks("embedding", None)
    says = chain(bad, silent, Thinks("heuristic", SIMPLE), shadow=[0, 1], faults=faults)
    engine = engine_on(says=says)
    plan = await engine.plan(asking())
    await engine.shadowing.settled()
    assert (plan.record.decision.reasons, plan.flight.journey.record.shadow) == (("heuristic",), ())
    assert [where for where, _ in faults] == ["classifier:learned"]


async def test_a_refused_request_is_classified_in_shadow_as_well():
    blocks = budget(1, at_ceiling=AtCeiling.BLOCK)
    says = chain(Thinks("learned", Opinion("learned", rank=2)), Thinks("heuristic", SIMPLE), shadow=[0])
    engine = engine_on(Budget(), blocks, says=says)
    plan = await engine.plan(asking())
    assert plan.decision.refusal is not None
    await engine.shadowing.settled()
    assert [w.name for w in engine.books.record(plan.record.id).shadow] == ["learned"]


async def test_a_refused_request_that_nobody_remembers_is_let_go():
    blocks = budget(1, at_ceiling=AtCeiling.BLOCK)
    says = chain(Thinks("learned", Opinion("learned", rank=2)), Thinks("heuristic", SIMPLE), shadow=[0])
    engine = engine_on(Budget(), blocks, says=says)
    await engine.plan(asking())
    engine.books._records.clear()
    await engine.shadowing.settled()
    assert engine.books.records() == ()


async def test_explain_asks_those_in_shadow_that_cost_nothing():
    free = Thinks("learned", Opinion("learned", rank=2))
    paid = Thinks("llm", Opinion("llm", rank=2), asks=True)
    quiet = Thinks("embedding")
    says = chain(free, paid, quiet, Thinks("heuristic", SIMPLE), shadow=[0, 1, 2])
    plan = await engine_on(says=says).explain(asking())
    assert [w.name for w in plan.record.shadow] == ["learned"]
    assert paid.asked == 0


class Side:
    """Calls of one request."""

    def __init__(self, engine):
        self.engine, self.asides = engine, []


async def test_calls_of_a_classifier_in_shadow_stand_in_the_record_and_in_the_books():
    class Asks(Thinks):
        def classify(self, subject):
            aside = engine.asides.open("llm", "small", BLUE, "auto", frozenset())
            subject.side.asides.append(aside)
            engine.asides.ended(aside, "ok", 40)
            return self.word

    says = chain(Asks("llm", Opinion("llm", rank=1), asks=True), Thinks("heuristic", SIMPLE), shadow=[0])
    engine = engine_on(says=says)
    plan = await engine.plan(asking(side=Side(engine)))
    assert plan.record.consulted == ()
    await engine.shadowing.settled()
    record = plan.flight.journey.record
    assert [(c.by, c.verdict, c.cost) for c in record.consulted] == [("llm", "ok", 40)]
    await engine.asides.settle(record_id(engine), "bill", 41)
    assert plan.flight.journey.record.tax == 41
    assert (await balance(engine)).spent == 41


def record_id(engine):
    (id_,) = engine.asides._open
    return id_


async def test_too_many_under_way_are_not_asked_and_a_fault_of_ours_costs_no_request(monkeypatch):
    monkeypatch.setattr(shadowing, "AT_ONCE", 1)
    slow = Thinks("llm", Opinion("llm", rank=1), waits=asyncio.Event())
    engine = engine_on(says=chain(slow, slow, Thinks("heuristic", SIMPLE), shadow=[0, 1]))
    await engine.plan(asking())
    assert engine.shadowing.skipped == 1
    await engine.shadowing.close()
    await engine.shadowing.settled()

    async def broken():
        raise RuntimeError("ours")

    engine.shadowing._spawn(broken())
    await engine.shadowing.settled()
    await asyncio.sleep(0)
    assert list(engine.faults) == ["shadow:RuntimeError"]


# --- gates


class Rejects:
    """A gate that rejects what has a "?", once it is let."""

    judges_prefix = True

    def __init__(self, name="picky", *, waits=None, prefix=True, reason="asks"):
        self.name, self.judges_prefix, self.waits, self.reason = name, prefix, waits, reason
        self.seen = []

    def judge(self, exchange):
        self.seen.append(exchange)
        if self.waits is not None:
            return self._later(exchange)
        return self._verdict(exchange)

    async def _later(self, exchange):
        await self.waits.wait()
        return self._verdict(exchange)

    def _verdict(self, exchange):
        if "~" in exchange.answer:
            return Verdict.abstain()
        return Verdict.reject(self.reason) if "?" in exchange.answer else Verdict.accept()


async def staged(*silent, says=None, **settings):
    engine = engine_on(says=says or Says(0))
    journey = await depart(engine)
    return Stage(engine, journey, shadows=Shadows(silent), **settings)


async def test_a_gate_in_shadow_rejects_nothing_and_says_what_it_would_have():
    stage = await staged(Rejects())
    assert await stage.whole("really?") == "really?"
    await stage.engine.shadowing.settled()
    record = stage.journey.record
    assert verdicts(stage.journey) == "small:ok"
    assert record.attempts[0].reasons == ("shadow:picky:asks",)
    (would,) = record.shadow
    assert (would.name, would.does, would.step.to_rank) == ("picky", Does.REJECT, 1)
    assert record.decision.reasons == ("heuristic",)
    await stage.engine.books.settle(stage.journey.flights[0], 2, baseline=2, usage=Usage(completion=2))
    assert stage.journey.record.shadow[0].extra == 20


async def test_an_async_gate_in_shadow_does_not_delay_the_answer():
    waits = asyncio.Event()
    stage = await staged(Rejects(waits=waits, reason=""))
    assert await stage.whole("really?") == "really?"
    assert stage.journey.record.shadow == ()
    waits.set()
    await stage.engine.shadowing.settled()
    assert stage.journey.record.attempts[0].reasons == ("shadow:picky",)


async def test_a_gate_in_shadow_that_accepts_is_counted_and_one_that_abstains_is_not():
    stage = await staged(Rejects())
    await stage.whole("fine")
    await stage.engine.shadowing.settled()
    assert [w.does for w in stage.journey.record.shadow] == [Does.ACCEPT]
    other = await staged(Rejects())
    await other.whole("~")
    await other.engine.shadowing.settled()
    assert other.journey.record.shadow == ()


async def test_of_several_choices_the_first_that_is_rejected_counts():
    stage = await staged(Rejects())
    await stage.whole(("~", "fine", "what?"))
    await stage.engine.shadowing.settled()
    assert [w.does for w in stage.journey.record.shadow] == [Does.REJECT]


async def test_after_an_escalation_the_answer_that_is_served_is_judged_in_shadow():
    gate = Rejects()
    stage = await staged(gate, max_escalations=1)
    assert await stage.whole("no!", medium="really?") == "really?"
    await stage.engine.shadowing.settled()
    assert [e.model for e in gate.seen] == ["medium"]
    (would,) = stage.journey.record.shadow
    assert (would.does, would.step) == (Does.REJECT, None)


async def test_an_answer_that_was_rejected_and_kept_would_have_had_no_other():
    stage = await staged(Rejects(), max_escalations=0)
    assert await stage.whole("no!?") == "no!?"
    await stage.engine.shadowing.settled()
    assert [w.step for w in stage.journey.record.shadow] == [None]


async def test_of_a_stream_held_by_its_beginning_a_gate_in_shadow_sees_that():
    gate, late = Rejects(), Rejects("late", prefix=False)
    stage = await staged(gate, late)
    chunks = ["+" + "a" * 30, "b" * 30 + "?"]
    assert await stage.stream(Stream(*chunks)) == chunks
    await stage.engine.shadowing.settled()
    (seen,) = gate.seen
    assert (seen.partial, len(seen.answer), seen.finish_reason) == (True, 40, "")
    assert late.seen == []
    assert [(w.name, w.does) for w in stage.journey.record.shadow] == [("picky", Does.ACCEPT)]
    await stage.quiet()


@pytest.mark.parametrize("mode", ["prefix", "buffer"])
async def test_of_a_short_stream_and_of_one_held_whole_a_gate_in_shadow_sees_all(mode):
    gate = Rejects()
    stage = await staged(gate, stream=mode)
    chunks = ["+what", "?"] if mode == "prefix" else ["+" + "a" * 60, "?"]
    assert await stage.stream(Stream(*chunks)) == chunks
    await stage.engine.shadowing.settled()
    assert (gate.seen[0].partial, gate.seen[0].answer) == (False, "".join(chunks))
    assert [w.step.to_rank for w in stage.journey.record.shadow] == [1]
    await stage.quiet()


async def test_of_a_stream_that_broke_there_is_nothing_to_judge_in_shadow():
    gate = Rejects()
    stage = await staged(gate)
    with pytest.raises(OSError, match="cut"):
        await stage.stream(Stream("+" + "a" * 25, OSError("cut")))
    await stage.engine.shadowing.settled()
    assert gate.seen == []
    await stage.quiet()


async def test_the_beginning_of_an_answer_in_several_choices_keeps_what_is_short():
    class Two:
        chars = 90

        def hear(self, chunk):
            pass

        def said(self):
            long = Said("x" * 80, logprobs=(-0.5,) * 20, finish_reason="stop")
            return (long, Said("short", finish_reason="stop"))

    class Wired:
        def whole(self, response):
            return ()

        def listener(self):
            return Two()

    gate = Rejects()
    stage = await staged(gate)
    await stage.stream(Stream("a", "b"), wire=Wired())
    await stage.engine.shadowing.settled()
    told = [(len(e.answer), len(e.logprobs), e.finish_reason) for e in gate.seen]
    assert told == [(40, 10, ""), (5, 0, "")]
    await stage.quiet()


async def test_with_every_gate_in_shadow_no_stream_is_held_back():
    gate = Rejects()
    stage = await staged(gate, gates=Panel([]), idle=True)
    more = asyncio.Event()
    chunks = stage.cascade().stream(Stream("a", more, "?"))
    assert await anext(chunks) == "a"
    more.set()
    assert [chunk async for chunk in chunks] == ["?"]
    await stage.engine.shadowing.settled()
    assert [w.does for w in stage.journey.record.shadow] == [Does.REJECT]
    await stage.quiet()


async def test_a_gate_in_shadow_that_fails_abstains_and_is_told_of():
    class Fails(Rejects):
        def judge(self, exchange):
            raise RuntimeError(exchange.answer)

    faults, times = [], []
    stage = await staged(Fails())
    stage.setting.settings.shadows.on_fault = lambda *fault: faults.append(fault)
    stage.setting.settings.shadows.on_time = lambda *time: times.append(time)
    assert await stage.whole("really?") == "really?"
    await stage.engine.shadowing.settled()
    assert ([where for where, _ in faults], [name for name, _ in times]) == (["gate:picky"], ["picky"])
    assert stage.journey.record.shadow == ()


# --- a second model in shadow mode


async def test_a_second_model_in_shadow_is_asked_paid_for_and_waited_for_by_nobody():
    beside = Agreement("agreement", frozenset({0}), "small-b", on="always", timeout_s=5.0, shadow=True)
    come = asyncio.Event()

    async def slowly():
        await come.wait()
        return "41"

    stage = await staged(AgreementGate(on="always"), gates=Panel([]), agreement=beside)
    journey = stage.journey
    journey.peers = Seconds(stage.engine, journey, beside, stage.background, Wire())
    price = TierFacts(Price(prompt=0.0, completion=2.0))
    journey.peers.ask(Upstream(**{"small-b": slowly}), price, allowed)
    assert await stage.whole("42") == "42"
    assert journey.record.shadow == ()
    come.set()
    await stage.engine.shadowing.settled()
    (would,) = journey.record.shadow
    assert (would.name, would.does, would.step.to_rank) == ("agreement", Does.REJECT, 1)
    assert verdicts(journey) == "small:ok,small-b:differs"
    assert [a.shadow for a in journey.record.attempts] == [False, True]
    assert "small-b" not in response_headers(journey.record, 0, 0)["x-tiering-attempts"]
    for flight in journey.flights:
        await stage.engine.books.settle(flight, 4, baseline=4)
    await stage.books_are_closed()
    assert (await balance(stage.engine)).spent == 8
    assert journey.record.explained(LADDER)["attempts"][1]["shadow"] is True


async def allowed():
    return True


def test_a_colleague_is_not_told_whose_budget_in_shadow_it_was():
    told = {
        "reasons": ["shadow:budget:user:ann:0.90"],
        "shadow": [
            {"part": "budget", "name": "user:ann $5/day", "detail": "user:ann:0.90"},
            {"part": "gate", "name": "refusal", "detail": ""},
            "odd",
        ],
    }
    row = Row("d", 0.0, "blue", "k", told)
    found = shown(row, all_of_it=False, own=False)
    assert found["reasons"] == ["shadow:budget:user:*hidden*:0.90"]
    assert found["shadow"] == [
        {"part": "budget", "name": "user:* $5/day", "detail": "user:*hidden*:0.90"},
        {"part": "gate", "name": "refusal", "detail": ""},
    ]
    assert shown(row, all_of_it=False, own=True)["shadow"] == told["shadow"]


async def test_events_of_a_budget_in_shadow_say_so_and_its_limit_is_no_figure():
    engine = engine_on(Budget(), SILENT, says=Says(2))
    kept, figures = [], []

    class Sink:
        name = "kept"

        async def deliver(self, event):
            kept.append(event)

        async def close(self):
            pass

    class Figures:
        def budgets(self, ratios, lasts):
            figures.append((ratios, lasts))

    engine.events = Announcer(None, [Sink()], engine.clock)
    look = Outlook(engine.events, engine.ledger, engine.books, engine.pacer.forecast, Figures())
    await spend(engine, 1_500)
    await spend(engine, 700)
    await look.look()
    await asyncio.wait({engine.events._telling})
    assert [(e.kind.value, e.threshold) for e in kept] == [("threshold", 0.5), ("threshold", 0.9)]
    assert all(e.detail.startswith("shadow: nothing is moved or stopped") for e in kept)
    assert figures == [({}, {})]
    await engine.events.close()
