from __future__ import annotations

from types import SimpleNamespace

import pytest
from litellm import Router

from litellm_tiering import plugin
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError
from litellm_tiering.gateway import apply, compat
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.hooks import TieringHandler
from litellm_tiering.gateway.streaming import restamped, restamped_sse
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.overdue import ESTIMATED
from litellm_tiering.status import live_budgets
from litellm_tiering.testing.proxy import TIERS, config_for

ADMIN = SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue")


@pytest.fixture
def router(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    made = Router(model_list=config["model_list"], model_group_alias={"auto": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: made)
    return made


@pytest.fixture
def gateway(router):
    return make()


def make(**section):
    settings = build(from_mapping({"tiers": TIERS, "store": {"url": "memory://"}, **section}).config)
    engine = engine_of(settings, MemoryLedger())
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


def asking(model="auto", **more):
    return {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "metadata": {}, **more}


def event(data, cost=1e-5, **payload):
    said = {
        "response_cost": cost,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "model_group": "small",
        "litellm_call_id": "call",
        "startTime": 1.0,
        **payload,
    }
    return {"standard_logging_object": said, "litellm_params": {"metadata": data.get("metadata")}}


async def spent(gateway):
    engine = gateway.engine
    live = await engine.ledger.active(engine.clock.now())
    return live_budgets(engine.terms.budgets, live, engine.clock.now())[0].balance


async def test_a_request_is_sent_and_settled_once_however_often_it_is_reported(gateway):
    data = asking()
    assert await gateway.admit(ADMIN, data, "acompletion") is None
    assert data["model"] == "small"
    for _ in range(3):
        await gateway.paid(event(data), None)
    assert ((await spent(gateway)).spent, (await spent(gateway)).reserved) == (10_000, 0)


async def test_a_second_paid_call_of_one_request_is_counted_too(gateway):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    await gateway.paid(event(data), None)
    await gateway.paid(event(data, litellm_call_id="fallback"), None)
    await gateway.paid(event(data, litellm_call_id="fallback"), None)
    assert (await spent(gateway)).spent == 20_000


async def test_cached_answers_count_nothing_and_let_go_of_the_hold(gateway):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    await gateway.paid(event(data, cost=0, cache_hit=True), None)
    assert ((await spent(gateway)).spent, (await spent(gateway)).reserved) == (0, 0)
    # Nor do they save anything: the cache would have had them at any tier.
    assert gateway.engine.books.records()[0].baseline == 0


@pytest.mark.parametrize(("bill", "counted"), [(1e-5, 10_000), (1e-6, 4_000)], ids=["more", "less"])
async def test_a_bill_that_comes_after_an_estimate_adds_only_what_it_was_short_of(gateway, bill, counted):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    flight = gateway.engine.books.flight(apply.attempt_of(data))
    await gateway.engine.books.settle(flight, 4_000, baseline=0, bill=ESTIMATED)
    for _ in range(3):
        await gateway.paid(event(data, cost=bill), None)
    assert (await spent(gateway)).spent == counted
    assert flight.journey.record.cost == counted
    await gateway.paid(event(data, litellm_call_id="fallback"), None)
    assert (await spent(gateway)).spent == counted + 10_000


@pytest.mark.parametrize("cost", [None, 0.0])
async def test_a_call_that_litellm_could_not_price_is_counted_at_its_groups_price(gateway, cost):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    await gateway.paid(event(data, cost=cost), None)
    assert (await spent(gateway)).spent == 10 * 200 + 5 * 1200


async def test_a_stream_without_usage_is_counted_by_what_was_asked_and_said(gateway):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    said = SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="x" * 40))])
    await gateway.paid(event(data, cost=0, prompt_tokens=0, completion_tokens=0), said)
    asked = gateway.engine.books.records()[0]
    assert asked.cost > 10 * 1200


async def test_calls_that_were_not_planned_are_counted_and_a_call_id_used_twice_does_not_hide_one(gateway):
    data = asking("text-embedding")
    await gateway.admit(ADMIN, data, "aembedding")
    assert data == asking("text-embedding")
    await gateway.paid(event(data, startTime=1.0), None)
    await gateway.paid(event(data, startTime=1.0), None)
    await gateway.paid(event(data, startTime=2.0), None)
    assert (await spent(gateway)).spent == 20_000


async def test_a_failed_call_costs_only_what_it_had_cost(gateway):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    await gateway.broken(event(data, cost=0.0), None)
    assert (await spent(gateway)).reserved > 0
    await gateway.broken(event(data, cost=4e-6), None)
    await gateway.failed(data)
    assert ((await spent(gateway)).spent, (await spent(gateway)).reserved) == (4000, 0)


async def test_a_failure_that_comes_before_its_cost_loses_neither(gateway):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    await gateway.failed(data)
    await gateway.broken(event(data, cost=4e-6), None)
    assert ((await spent(gateway)).spent, (await spent(gateway)).reserved) == (4000, 0)


async def test_headers_name_the_group_that_answered_after_litellms_fallback(gateway):
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    hidden = {"response_cost": 3e-6, "additional_headers": {"x-litellm-model-group": "medium"}}
    answer = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}, "_hidden_params": hidden}
    assert await gateway.answered(data, answer) is answer
    found = gateway.headers(data, answer)
    assert (found["x-tiering-tier"], found["x-tiering-model"]) == ("simple", "medium")
    assert found["x-tiering-cost-usd"] == "0.000003000"
    assert found["x-tiering-baseline-usd"] == "0.000200000"
    assert gateway.headers({}, answer) is None


async def test_off_touches_nothing(router):
    gateway = make(mode="off")
    data = asking()
    assert await gateway.admit(ADMIN, data, "acompletion") is None
    await gateway.paid(event(data), None)
    assert data == asking()
    assert (await spent(gateway)).spent == 0


async def test_shadow_marks_and_moves_nothing(router):
    gateway = make(mode="shadow")
    data = asking()
    await gateway.admit(ADMIN, data, "acompletion")
    assert data["model"] == "auto"
    await gateway.paid(event(data), None)
    assert (await spent(gateway)).spent == 10_000


async def test_a_fault_of_ours_fails_no_request(gateway, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("with the prompt in it")

    monkeypatch.setattr(gateway, "inquiry", broken)
    monkeypatch.setattr(gateway, "headers", broken)
    monkeypatch.setattr(gateway, "paid", broken)
    handler = TieringHandler(gateway)
    data = asking()
    assert await handler.async_pre_call_hook(ADMIN, None, data, "acompletion") is None
    assert data == asking()
    assert await handler.async_post_call_response_headers_hook(data, ADMIN, None) is None
    await handler.async_log_success_event(event(data), None, None, None)
    assert set(gateway.engine.faults) == {"admit:RuntimeError", "headers:RuntimeError", "settle:RuntimeError"}
    assert "with the prompt in it" not in caplog.text


async def test_a_responses_stream_names_the_model_that_was_asked_for():
    class Part(SimpleNamespace):
        def model_copy(self, update):
            return Part(**{**vars(self), **update})

    async def events():
        yield Part(response=Part(model="sim-large"))
        yield Part(delta="x")

    first, second = [e async for e in restamped(events(), "auto")]
    assert (first.response.model, second.delta) == ("auto", "x")


async def test_an_anthropic_stream_names_the_model_that_was_asked_for():
    start = (
        b'event: message_start\ndata: {"type":"message_start","message":{"model":"sim-small","id":"m"}}\n\n'
    )
    broken = b"data: message_start {\n"

    async def chunks(*found):
        for chunk in found:
            yield chunk

    first, second = [c async for c in restamped_sse(chunks(start, b"data: {}\n\n"), "auto")]
    assert b'"model":"auto"' in first
    assert first.startswith(b"event: message_start\n")
    assert first.endswith(b"\n\n")
    assert second == b"data: {}\n\n"
    assert [c async for c in restamped_sse(chunks(broken, 7), "auto")] == [broken, 7]


@pytest.mark.parametrize("alias", ["large", {"model": "large", "hidden": True}])
def test_an_alias_is_followed_however_it_is_written(alias):
    router = SimpleNamespace(model_group_alias={"auto": alias, "odd": 7})
    assert compat.alias_target(router, "auto") == "large"
    assert compat.alias_target(router, "odd") is None
    assert compat.alias_target(None, "auto") is None


def test_the_variable_overrides_the_proxys_section(monkeypatch, tmp_path):
    file = tmp_path / "tiering.yaml"
    file.write_text(
        "tiers: [{name: a, model: small}, {name: b, model: large}]\n"
        "mode: shadow\nbudgets: [{scope: global, limit_usd: 1}]\n"
    )
    proxy = {"model_list": [{"model_name": "small"}, {"model_name": "large"}], "tiering": {"tiers": []}}
    monkeypatch.setattr(compat, "proxy_config", lambda: proxy)
    monkeypatch.setenv("LITELLM_TIERING_CONFIG", str(file))
    assert plugin.settings_of_proxy().mode == "shadow"


def test_a_callback_without_a_section_stops_the_proxy(monkeypatch):
    monkeypatch.setattr(compat, "proxy_config", dict)
    monkeypatch.delenv("LITELLM_TIERING_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="no `tiering:` section"):
        plugin.settings_of_proxy()


def test_a_client_cannot_end_another_requests_hold(gateway):
    assert apply.attempt_of({"metadata": {apply.ATTEMPT_KEY: 7}}) == ""
