"""What the gateway asks beside a first attempt: which requests, what goes into the call, and only once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from litellm import Router

from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.features import Surface
from litellm_tiering.gateway import apply, beside, compat
from litellm_tiering.gateway.beside import copied
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.hooks import TieringHandler
from litellm_tiering.gateway.upstream import request_for
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS, config_for

ADMIN = SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue")
SUM = "What is 17 + 25?"
RULES = [{"kind": "rules", "rules": [{"name": "easy", "when": {"any_keyword": ["what"]}, "tier": "simple"}]}]


class Recording:
    """What is asked of other groups."""

    def __init__(self):
        self.asked = []

    def __call__(self, data, surface, added, answered, router=None):
        async def call(model, attempt):
            self.asked.append((model, surface, request_for(data, model, attempt)))
            raise OSError("nobody there")

        return SimpleNamespace(call=call)


@pytest.fixture
def upstream(monkeypatch):
    made = Recording()
    monkeypatch.setattr(beside, "RouterUpstream", made)
    return made


@pytest.fixture
def make(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    second = {"model_name": "small-b", "litellm_params": {"model": "openai/x", "api_key": "none"}}
    router = Router(
        model_list=[*config["model_list"], second], model_group_alias={"auto": "large", "own": "large"}
    )
    monkeypatch.setattr(compat, "live_router", lambda: router)

    def made(stream="buffer", more=(), **gate):
        agreement = {"kind": "agreement", "with": "small-b", **gate}
        if "samples" in gate:
            del agreement["with"]
        section = {
            "tiers": TIERS,
            "classifiers": RULES,
            "cascade": {"stream": stream, "gates": [{"kind": "not_empty"}, agreement]},
            "store": {"url": "memory://"},
            **dict(more),
        }
        settings = build(from_mapping(section).config)
        engine = engine_of(settings, MemoryLedger())
        return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))

    return made


def asking(prompt=SUM, **more):
    messages = [{"role": "user", "content": prompt}]
    return {"model": "auto", "messages": messages, "metadata": {}, **more}


async def admitted(gateway, data, key=ADMIN, call_type="acompletion"):
    assert await gateway.admit(key, data, call_type) is None
    flight = gateway.engine.books.flight(apply.attempt_of(data))
    return flight.journey


async def quiet(gateway):
    """Let what was asked come to its end."""
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert len(gateway.background) == 0


async def test_the_second_model_is_asked_what_guardrails_have_left_of_the_request(make, upstream):
    gateway = make()
    data = asking(stream=True, stream_options={"include_usage": True}, temperature=0.5)
    journey = await admitted(gateway, data)
    data["messages"][0]["content"] = "What is ** + **?"
    await TieringHandler(gateway).async_moderation_hook(data, ADMIN, "acompletion")
    data["messages"][0]["content"] = "what the first call makes of it"
    await quiet(gateway)
    ((model, surface, sent),) = upstream.asked
    assert (model, surface) == ("small-b", Surface.CHAT)
    assert sent["messages"] == [{"role": "user", "content": "What is ** + **?"}]
    assert sent["temperature"] == 0.5
    assert "stream" not in sent
    assert "stream_options" not in sent
    assert sent["disable_fallbacks"] is True
    assert "cache" not in sent
    attempt = sent["metadata"][apply.ATTEMPT_KEY]
    assert attempt == journey.flights[1].attempt != journey.flights[0].attempt
    assert apply.attempt_of(data) == journey.flights[0].attempt, "the first call's own"


async def test_it_is_asked_once_though_several_hooks_come_by(make, upstream):
    gateway = make()
    data = asking()
    await admitted(gateway, data)
    handler = TieringHandler(gateway)
    await handler.async_moderation_hook(data, ADMIN, "acompletion")
    await handler.async_moderation_hook(data, ADMIN, "acompletion")
    await handler.async_post_call_success_hook(data, ADMIN, {"choices": [{"message": {"content": "42"}}]})
    await quiet(gateway)
    assert len(upstream.asked) == 1


async def test_a_litellm_without_the_hook_asks_it_when_the_first_answer_is_there(make, upstream):
    gateway = make()
    data = asking()
    journey = await admitted(gateway, data)
    answer = {"choices": [{"message": {"content": "42"}}]}
    assert await TieringHandler(gateway).async_post_call_success_hook(data, ADMIN, answer) is None
    assert len(upstream.asked) == 1
    assert journey.record.attempts[0].reasons == ("agreement:failed",)


async def test_so_does_a_stream(make, upstream):
    gateway = make()
    data = asking(stream=True)
    await admitted(gateway, data)

    async def chunks():
        yield {"choices": [{"delta": {"content": "42"}, "finish_reason": "stop"}]}

    found = TieringHandler(gateway).async_post_call_streaming_iterator_hook(ADMIN, chunks(), data)
    assert len([chunk async for chunk in found]) == 1
    assert len(upstream.asked) == 1
    await gateway.overdue.close()


async def test_samples_ask_the_tiers_own_group_past_the_cache(make, upstream):
    gateway = make(samples=3)
    data = asking()
    await admitted(gateway, data)
    gateway.beside(ADMIN, data)
    await quiet(gateway)
    assert [model for model, _, _ in upstream.asked] == ["small", "small"]
    assert all(sent["cache"] == {"no-cache": True, "no-store": True} for _, _, sent in upstream.asked)


WHY = {
    "free_text": (asking("Tell me what you think of the sea."), {}),
    "stream": (asking(stream=True), {"stream": "off"}),
    "choices": (asking(n=2), {}),
    "hosted_tools": (asking(tools=[{"type": "web_search_preview"}]), {}),
    "cannot_climb": (asking(proxy_server_request={"headers": {"x-tiering-tier": "simple"}}), {}),
}


@pytest.mark.parametrize("why", WHY)
async def test_who_is_not_asked_and_why(make, upstream, why):
    data, settings = WHY[why]
    gateway = make(**settings)
    journey = await admitted(gateway, dict(data, metadata={}))
    gateway.beside(ADMIN, {**data, "metadata": {apply.ATTEMPT_KEY: journey.flights[0].attempt}})
    await quiet(gateway)
    assert (upstream.asked, journey.peers.why) == ([], why)


async def test_a_conversation_that_only_its_provider_knows_is_not_asked_elsewhere(make, upstream):
    gateway = make()
    data = {"model": "auto", "input": SUM, "previous_response_id": "resp_1", "litellm_metadata": {}}
    journey = await admitted(gateway, data, call_type="aresponses")
    gateway.beside(ADMIN, data)
    assert journey.peers.why == "elsewhere"


async def test_a_group_that_is_gone_is_not_asked(make, upstream):
    gateway = make(**{"with": "nowhere"})
    data = asking()
    journey = await admitted(gateway, data)
    gateway.beside(ADMIN, data)
    assert journey.peers.why == "gone"


async def test_a_request_that_starts_higher_is_not_asked_twice(make, upstream):
    hard = [
        {"kind": "rules", "rules": [{"name": "hard", "when": {"any_keyword": ["what"]}, "tier": "moderate"}]}
    ]
    gateway = make(more={"classifiers": hard})
    data = asking()
    journey = await admitted(gateway, data)
    gateway.beside(ADMIN, data)
    assert (journey.record.tier, journey.peers) == ("moderate", None)


async def test_in_shadow_and_without_a_plan_nobody_is_asked(make, upstream):
    gateway = make(more={"mode": "shadow"})
    data = asking()
    await admitted(gateway, data)
    gateway.beside(ADMIN, data)
    make().beside(ADMIN, asking())
    await quiet(gateway)
    assert upstream.asked == []


@pytest.mark.parametrize(
    ("models", "asked", "calls"),
    [(["small"], "small", 0), (["small", "small-b"], "small", 1), (["auto"], "auto", 1)],
)
async def test_a_key_may_use_the_second_model_or_it_is_not_asked(
    make, upstream, monkeypatch, models, asked, calls
):
    async def may_use(model, key, router):
        return model in key.models

    monkeypatch.setattr(compat, "may_use", may_use)
    routes = [
        {"name": "auto", "models": ["auto"]},
        {"name": "cheap", "models": ["small"], "classify": False, "tier": "simple", "cascade": True},
    ]
    gateway = make(more={"routes": routes})
    key = SimpleNamespace(models=[*models, "medium", "large"], team_models=[], token="h", team_id="")
    data = asking(model=asked)
    await admitted(gateway, data, key)
    gateway.beside(key, data)
    await quiet(gateway)
    assert len(upstream.asked) == calls


async def test_a_fault_of_ours_in_asking_fails_nothing(make, monkeypatch):
    gateway = make()
    data = asking()
    await admitted(gateway, data)

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(gateway.catalog, "group", broken)
    handler = TieringHandler(gateway)
    assert await handler.async_moderation_hook(data, ADMIN, "acompletion") is None
    assert gateway.engine.faults == {"agreement:ZeroDivisionError": 1}

    async def chunks():
        yield "x"

    data = asking(stream=True)
    await admitted(gateway, data)
    handler.async_post_call_streaming_iterator_hook(ADMIN, chunks(), data)
    assert gateway.engine.faults == {"agreement:ZeroDivisionError": 2}


def test_a_copy_shares_no_container_and_keeps_what_is_no_json():
    class Odd(dict):
        pass

    odd = Odd()
    value = {"a": [{"b": 1}], "odd": odd}
    made = copied(value)
    assert made == value
    assert made["a"] is not value["a"]
    assert made["a"][0] is not value["a"][0]
    assert made["odd"] is odd
