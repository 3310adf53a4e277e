"""What the better tier is asked once a downgraded request was answered: which, how, and what it shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from litellm import Router

from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.debt import PROBE
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Judgement
from litellm_tiering.gateway import apply, compat
from litellm_tiering.gateway import debt as debt_module
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.debt import AT_ONCE, REST_S, Debts
from litellm_tiering.gateway.debt_compare import LONGEST_CHARS
from litellm_tiering.gateway.debt_upstream import ProbeUpstream, near_limit
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.hooks import TieringHandler
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS, config_for
from litellm_tiering.units import nano_usd

BLUE = SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue", key_alias="one")
SUM = "What is 17 + 25?"
HARD = [{"kind": "rules", "rules": [{"name": "hard", "when": {}, "tier": "complex"}]}]
POOR = {"scope": "team", "match": "*", "limit_usd": 1, "downgrade": [{"at": 0.0000001, "to": "simple"}]}
EASY = [{"kind": "rules", "rules": [{"name": "easy", "when": {}, "tier": "simple"}]}]


class Clock:
    def __init__(self):
        self.time = 1_795_000_000.0

    def now(self):
        return self.time


class Provider:
    """The better tier: what it answers, and what it was asked."""

    def __init__(self, monkeypatch):
        self.answer = whole("42")
        self.asked = []
        self.open = asyncio.Event()
        self.open.set()
        monkeypatch.setattr(ProbeUpstream, "_send", self.send)

    async def send(self, router, kwargs):
        self.asked.append(kwargs)
        await self.open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def whole(text, finish="stop", **more):
    message = {"role": "assistant", "content": text, **more}
    return {
        "choices": [{"message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        "_hidden_params": {"response_cost": 0.001},
    }


@pytest.fixture
def provider(monkeypatch):
    return Provider(monkeypatch)


@pytest.fixture
def make(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    router = Router(model_list=config["model_list"], model_group_alias={"auto": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: router)

    def made(share=1.0, **more):
        section = {
            "tiers": TIERS,
            "classifiers": HARD,
            "budgets": [POOR],
            "store": {"url": "memory://"},
            **more,
        }
        experiment = {"debt": {"share": share, **more.get("debt", {})}}
        section.pop("debt", None)
        settings = build(from_mapping({**section, "experiment": experiment}).config)
        engine = engine_of(settings, MemoryLedger(), clock=Clock())
        gateway = Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))
        gateway.debts = Debts(gateway, gateway.debts._priced, after_s=0)
        return gateway

    return made


def asking(prompt=SUM, **more):
    return {"model": "auto", "messages": [{"role": "user", "content": prompt}], "metadata": {}, **more}


async def spend(gateway):
    """Spend a little in the team's name, so that its next request is moved down."""
    data = asking("Spend.")
    await gateway.admit(BLUE, data, "acompletion")
    flight = gateway.engine.books.flight(apply.attempt_of(data))
    await gateway.engine.books.settle(flight, 1_000_000, baseline=1_000_000)


async def served(gateway, data=None, answer=None, key=BLUE):
    """A downgraded request whose answer is served; its record once all that follows is done."""
    data = asking() if data is None else data
    await spend(gateway)
    assert await gateway.admit(key, data, "acompletion") is None
    journey = gateway.engine.books.flight(apply.attempt_of(data)).journey
    answer = whole("The answer is 42.") if answer is None else answer
    assert await TieringHandler(gateway).async_post_call_success_hook(data, key, answer) is None
    return journey


async def quiet(gateway, provider):
    """Let what was asked come to its end, its bill included."""
    for _ in range(200):
        await asyncio.sleep(0)
        for kwargs in provider.asked:
            id_ = kwargs["metadata"][apply.ATTEMPT_KEY]
            if gateway.debts.probes.knows(id_) and not isinstance(provider.answer, Exception):
                await gateway.debts.probes.settle(id_, "bill", 1_000_000)
    assert len(gateway.background) == 0


async def debt_of(gateway, provider, **more):
    journey = await served(gateway, **more)
    await quiet(gateway, provider)
    debt = gateway.engine.books.record(journey.record.id).debt
    return None if debt is None else debt.explained()


# ---------------------------------------------------------------------- what it shows


async def test_an_answer_that_comes_to_the_same_agrees_and_both_pass_the_gates(make, provider):
    found = await debt_of(make(), provider)
    assert found == {
        "tier": "complex",
        "model": "large",
        "agreed": True,
        "served_passed": True,
        "better_passed": True,
        "cost_usd": 0.001,
    }


async def test_another_answer_differs(make, provider):
    provider.answer = whole("43")
    assert (await debt_of(make(), provider))["agreed"] is False


async def test_free_text_is_judged_and_not_compared(make, provider):
    provider.answer = whole("I'm sorry, but I can't help with that.")
    data = asking("Tell me what you think of the sea.")
    found = await debt_of(make(), provider, data=data, answer=whole("It is wide."))
    assert (found["agreed"], found["served_passed"], found["better_passed"]) == (None, True, False)


async def test_an_answer_without_what_was_asked_for_differs_from_one_that_has_it(make, provider):
    provider.answer = whole('{"city": "Paris"}')
    data = asking("Name the capital of France as JSON.", response_format={"type": "json_object"})
    assert (await debt_of(make(), provider, data=data, answer=whole("Paris.")))["agreed"] is False
    provider.answer = whole("Paris.")
    data = asking("Name the capital of France as JSON.", response_format={"type": "json_object"})
    assert (await debt_of(make(), provider, data=data, answer=whole('{"city": "Paris"}')))["agreed"] is False


async def test_long_answers_are_compared_off_the_event_loop(make, provider, monkeypatch):
    went = []

    async def to_thread(work):
        went.append(work)
        return work()

    monkeypatch.setattr("litellm_tiering.gateway.debt_compare.asyncio.to_thread", to_thread)
    found = await debt_of(make(cascade=False), provider, answer=whole("so " * 9_000 + "answer: 42"))
    assert (len(went), found["agreed"]) == (1, True)


async def test_a_route_without_gates_compares_alone(make, provider):
    found = await debt_of(make(cascade=False), provider)
    assert (found["agreed"], found["served_passed"], found["better_passed"]) == (True, None, None)


async def test_an_answer_that_our_own_bound_cut_is_paid_for_and_not_compared(make, provider):
    provider.answer = whole("The answer", finish="length")
    found = await debt_of(make(), provider)
    assert (found["skipped"], found["agreed"], found["cost_usd"]) == ("long", None, 0.001)
    provider.answer = whole("The answer", finish="length")
    found = await debt_of(make(), provider, data=asking(max_tokens=2))
    assert "skipped" not in found


# ---------------------------------------------------------------------- how it is asked


async def test_it_is_asked_the_same_once_without_a_stream_a_retry_or_a_trace_in_a_cache(make, provider):
    gateway = make()
    data = asking(temperature=0.5, cache={"ttl": 5}, store=True, stream_options={"include_usage": True})
    await debt_of(gateway, provider, data=data)
    (sent,) = provider.asked
    assert sent["model"] == "large"
    assert sent["messages"] == data["messages"]
    assert sent["messages"] is not data["messages"]
    assert sent["temperature"] == 0.5
    assert (sent["num_retries"], sent["disable_fallbacks"], sent["store"]) == (0, True, False)
    assert sent["cache"] == {"ttl": 5, "no-store": True}
    assert "stream_options" not in sent
    assert sent["max_tokens"] >= 2_048
    assert sent["metadata"][apply.ATTEMPT_KEY].startswith(PROBE)
    assert apply.attempt_of(data) != sent["metadata"][apply.ATTEMPT_KEY]
    logged = sent["metadata"][apply.LOGGED]
    assert (logged["tiering_probe"], logged["tiering_model"]) == (True, "large")


async def test_the_clients_own_bound_stands_and_the_responses_api_keeps_nothing(make, provider):
    gateway = make()
    data = {"model": "auto", "input": SUM, "litellm_metadata": {}, "max_output_tokens": 30}
    await spend(gateway)
    await gateway.admit(BLUE, data, "aresponses")
    journey = gateway.engine.books.flight(apply.attempt_of(data)).journey
    tier = gateway.settings.ladder[2]
    for bound, expected in ((None, 30), (99, 99)):
        upstream = ProbeUpstream(data, journey, tier, bound, gateway.router)
        await upstream.call("large", "probe-1")
        sent = provider.asked[-1]
        assert (sent["max_output_tokens"], sent["store"]) == (expected, False)
        assert "max_tokens" not in sent
        assert sent["litellm_metadata"][apply.LOGGED]["tiering_probe"] is True
    assert journey.features.surface is Surface.RESPONSES


async def test_a_stream_is_listened_to_and_compared_once_it_is_whole(make, provider):
    gateway = make()
    data = asking(stream=True)
    await spend(gateway)
    await gateway.admit(BLUE, data, "acompletion")
    journey = gateway.engine.books.flight(apply.attempt_of(data)).journey

    async def chunks():
        for word, finish in (("The answer ", None), ("is 42.", None), ("", "stop")):
            yield {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": finish}]}

    heard = TieringHandler(gateway).async_post_call_streaming_iterator_hook(BLUE, chunks(), data)
    assert len([chunk async for chunk in heard]) == 3
    await quiet(gateway, provider)
    assert gateway.engine.books.record(journey.record.id).debt.agreed is True
    assert len(provider.asked) == 1
    assert "stream" not in provider.asked[0]
    await gateway.overdue.close()


async def test_a_stream_whose_client_leaves_is_not_asked_twice(make, provider):
    gateway = make()
    data = asking(stream=True)
    await spend(gateway)
    await gateway.admit(BLUE, data, "acompletion")
    journey = gateway.engine.books.flight(apply.attempt_of(data)).journey

    async def chunks():
        for word in ("The answer ", "is 42."):
            yield {"choices": [{"index": 0, "delta": {"content": word}}]}

    source = chunks()
    heard = TieringHandler(gateway).async_post_call_streaming_iterator_hook(BLUE, source, data)
    await heard.__anext__()
    await heard.aclose()
    await source.aclose()
    assert journey.record.debt.skipped == "cut"
    assert (provider.asked, gateway.engine.faults) == ([], {})
    await gateway.overdue.close()


async def test_a_fault_of_ours_at_the_end_of_a_stream_costs_no_chunk(make, provider, monkeypatch):
    gateway = make()
    data = asking(stream=True)
    await spend(gateway)
    await gateway.admit(BLUE, data, "acompletion")

    def broken(self, found, data, said):
        raise ArithmeticError("ours")

    async def chunks():
        yield {"choices": [{"index": 0, "delta": {"content": "42"}}]}

    monkeypatch.setattr(Debts, "_begin", broken)
    heard = TieringHandler(gateway).async_post_call_streaming_iterator_hook(BLUE, chunks(), data)
    assert len([chunk async for chunk in heard]) == 1
    assert gateway.engine.faults == {"debt:ArithmeticError": 1}
    await gateway.overdue.close()


# ---------------------------------------------------------------------- which requests are not


WHY = {
    "choices": asking(n=2),
    "hosted_tools": asking(tools=[{"type": "web_search_preview"}]),
    "private": asking(**{"no-log": True}),
}


@pytest.mark.parametrize("why", WHY)
async def test_what_is_not_asked_twice_says_why(make, provider, why):
    gateway = make()
    found = await debt_of(gateway, provider, data=dict(WHY[why], metadata={}))
    assert (found["skipped"], found["tier"], provider.asked) == (why, "complex", [])
    assert gateway.debts.probes.skipped == {why: 1}


@pytest.mark.parametrize(
    "more",
    [
        {"debt": {"never": {"teams": ["bl*"]}}},
        {"debt": {"never": {"key_aliases": ["one"]}}},
        {"capture": {"never": {"teams": ["blue"]}}},
    ],
)
async def test_who_is_never_captured_or_asked_twice_is_not(make, provider, more):
    assert (await debt_of(make(**more), provider))["skipped"] == "private"


async def test_what_only_its_provider_knows_is_not_asked_elsewhere(make, provider):
    gateway = make()
    data = {"model": "auto", "input": SUM, "previous_response_id": "resp_1", "litellm_metadata": {}}
    await spend(gateway)
    await gateway.admit(BLUE, data, "aresponses")
    journey = gateway.engine.books.flight(apply.attempt_of(data)).journey
    gateway.debts.answered(data, {})
    assert journey.record.debt.skipped == "elsewhere"


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("answered_by", "large", "climbed"),
        ("answered_by", "medium", "fallback"),
        ("rank", 2, "climbed"),
        ("group", "large", "climbed"),
    ],
)
async def test_an_answer_that_came_from_elsewhere_owes_nothing(make, provider, field, value, why):
    gateway = make()
    await spend(gateway)
    data = asking()
    await gateway.admit(BLUE, data, "acompletion")
    flight = gateway.engine.books.flight(apply.attempt_of(data))
    setattr(flight, field, value)
    gateway.debts.answered(data, whole("42"))
    assert flight.journey.record.debt.skipped == why


async def test_a_tier_that_is_gone_or_has_no_price_is_not_asked(make, provider):
    gateway = make()
    unknown = {"price": SimpleNamespace(known=False)}
    for change, why in (({"exists": False}, "gone"), (unknown, "unpriced")):
        await spend(gateway)
        data = asking()
        await gateway.admit(BLUE, data, "acompletion")
        journey = gateway.engine.books.flight(apply.attempt_of(data)).journey
        facts = SimpleNamespace(**{"exists": True, "price": SimpleNamespace(known=True), **change})
        journey.facts = (*journey.facts[:2], facts)
        gateway.debts.answered(data, whole("42"))
        assert journey.record.debt.skipped == why


async def test_a_very_long_answer_is_not_compared(make, provider):
    found = await debt_of(make(), provider, answer=whole("x" * (LONGEST_CHARS + 1)))
    assert found["skipped"] == "long"


async def test_what_is_not_drawn_not_moved_down_or_not_planned_leaves_no_trace(make, provider):
    assert await debt_of(make(share=0.0000001), provider) is None
    assert await debt_of(make(share=0), provider) is None
    assert await debt_of(make(classifiers=EASY), provider) is None
    gateway = make()
    gateway.debts.answered(asking(), whole("42"))
    assert gateway.debts.streamed(asking(), "chunks", "chunks") == "chunks"
    assert provider.asked == []


async def test_a_request_is_asked_twice_once(make, provider):
    gateway = make()
    data = asking()
    await debt_of(gateway, provider, data=data)
    gateway.debts.answered(data, whole("42"))
    await quiet(gateway, provider)
    assert len(provider.asked) == 1


# ---------------------------------------------------------------------- limits


async def test_so_many_are_asked_at_a_time_and_no_more(make, provider):
    gateway = make()
    provider.open.clear()
    journeys = [await served(gateway) for _ in range(AT_ONCE + 1)]
    assert [j.record.debt and j.record.debt.skipped for j in journeys] == [None] * AT_ONCE + ["busy"]
    provider.open.set()
    await quiet(gateway, provider)
    assert (await debt_of(gateway, provider))["agreed"] is True


async def test_a_group_that_failed_is_left_alone_for_a_while_and_nothing_is_held(make, provider):
    gateway = make()
    provider.answer = OSError("a message that may hold the prompt")
    found = await debt_of(gateway, provider)
    assert (found["skipped"], found["cost_usd"]) == ("failed", 0)
    provider.answer = whole("42")
    assert (await debt_of(gateway, provider))["skipped"] == "limiter"
    gateway.engine.clock.time += REST_S + 1
    assert (await debt_of(gateway, provider))["agreed"] is True
    assert gateway.engine.faults == {}
    live = await gateway.engine.ledger.active(gateway.engine.clock.now())
    assert {b.reserved for key, b in live.items() if key.startswith("debt|")} == {0}


async def test_a_group_near_its_own_limit_is_left_alone(make, provider, monkeypatch):
    gateway = make()

    async def nothing_left(group):
        assert group == "large"
        return {"x-ratelimit-remaining-requests": 1, "x-ratelimit-limit-requests": 100}

    monkeypatch.setattr(gateway.router(), "get_remaining_model_group_usage", nothing_left)
    assert (await debt_of(gateway, provider))["skipped"] == "limiter"


async def test_how_near_a_limit_is_is_what_litellm_says():
    def router(**said):
        async def usage(group):
            return {f"x-ratelimit-{k.replace('_', '-')}": v for k, v in said.items()}

        return SimpleNamespace(get_remaining_model_group_usage=usage)

    assert await near_limit(object(), "large") is False
    assert await near_limit(router(), "large") is False
    assert await near_limit(router(remaining_tokens=19, limit_tokens=100), "large") is True
    assert await near_limit(router(remaining_tokens=20, limit_tokens=100), "large") is False


async def test_the_owners_limit_is_never_passed(make, provider):
    # What one call may cost at most, and a bit.
    gateway = make(debt={"limit_usd": 0.07})
    first = await debt_of(gateway, provider)
    assert first["agreed"] is True
    for _ in range(100):
        found = await debt_of(gateway, provider)
        if found.get("skipped") == "limit":
            break
    assert found["skipped"] == "limit"
    live = await gateway.engine.ledger.active(gateway.engine.clock.now())
    (own,) = [b for key, b in live.items() if key.startswith("debt|")]
    assert 0 < own.spent <= nano_usd(0.07)


async def test_a_fault_of_ours_is_counted_and_the_answer_served(make, provider, monkeypatch):
    gateway = make()

    def broken(*_args):
        raise ArithmeticError("ours")

    monkeypatch.setattr(debt_module, "compared", broken)
    await served(gateway)
    await quiet(gateway, provider)
    assert gateway.engine.faults == {"debt:ArithmeticError": 1}
    monkeypatch.setattr(Debts, "_drawn", broken)
    await served(gateway)
    assert gateway.engine.faults == {"debt:ArithmeticError": 2}


# ---------------------------------------------------------------------- whose gates


async def test_where_every_gate_is_in_shadow_mode_none_has_a_say(make, provider):
    found = await debt_of(make(cascade={"gates": [{"kind": "refusal", "mode": "shadow"}]}), provider)
    assert (found["agreed"], found["served_passed"], found["better_passed"]) == (True, None, None)


async def test_gates_of_the_owners_own_making_judge_as_well(make, provider):
    class Long:
        async def judge(self, exchange):
            return Judgement("long" if len(exchange.answer) > 3 else "")

    gateway = make()
    cascade = replace(gateway.settings.cascade, gates=Long())
    gateway.policies.base = replace(
        gateway.policies.base, settings=replace(gateway.settings, cascade=cascade)
    )
    found = await debt_of(gateway, provider, answer=whole("42"))
    assert (found["served_passed"], found["better_passed"]) == (True, True)
    provider.answer = whole("The answer is 42.")
    found = await debt_of(gateway, provider, answer=whole("42"))
    assert (found["served_passed"], found["better_passed"]) == (True, False)


async def test_judging_them_is_no_part_of_the_traffics_own_figures(make, provider):
    gateway, told = make(), []
    gateway.settings.cascade.gates.on_time = lambda gate, seconds: told.append(gate)
    assert (await debt_of(gateway, provider))["better_passed"] is True
    # The served answer, once, by the cascade.
    assert len(told) == len(set(told)) > 0


# ---------------------------------------------------------------------- without a proxy


async def test_without_a_proxy_it_goes_past_what_would_plan_it_anew(make):
    gateway, asked = make(), []

    async def plain(**kwargs):
        asked.append(kwargs)
        return whole("42")

    await spend(gateway)
    data = asking()
    await gateway.admit(BLUE, data, "acompletion")
    journey = gateway.engine.books.flight(apply.attempt_of(data)).journey
    unmarked = asking()
    assert gateway.debts.waiting is False
    gateway.debts.answered(unmarked, whole("42"), (journey, plain))
    assert gateway.debts.waiting is True
    for _ in range(100):
        await asyncio.sleep(0)
    assert [sent["model"] for sent in asked] == ["large"]
    assert gateway.debts.waiting is True
    await gateway.debts.probes.settle(asked[0]["metadata"][apply.ATTEMPT_KEY], "bill", 5)
    assert gateway.debts.waiting is False
    await quiet(gateway, SimpleNamespace(asked=[]))
    assert journey.record.debt.agreed is True
