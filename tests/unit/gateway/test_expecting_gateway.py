"""What is expected, in the gateway: whom it spares a call, and what it learns of bills."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from litellm import Router

from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.expected import UNMOVED
from litellm_tiering.core.features import RequestFeatures
from litellm_tiering.expecting import NEEDED
from litellm_tiering.gateway import apply, beside, compat
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.hooks import TieringHandler
from litellm_tiering.gateway.reload import Reloader
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS, config_for

ADMIN = SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue")
RULES = [{"kind": "rules", "rules": [{"name": "easy", "when": {"any_keyword": ["what"]}, "tier": "simple"}]}]
KEY = "auto|simple|easy"


def section(**cascade):
    gates = [{"kind": "not_empty"}, {"kind": "agreement", "with": "small-b"}]
    return {
        "tiers": TIERS,
        "classifiers": RULES,
        "cascade": {"strategy": "expected", "gates": gates, "probe_share": 0.0, **cascade},
        "store": {"url": "memory://"},
    }


@pytest.fixture
def gateway(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    second = {"model_name": "small-b", "litellm_params": {"model": "openai/x", "api_key": "none"}}
    router = Router(model_list=[*config["model_list"], second], model_group_alias={"auto": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: router)
    settings = build(from_mapping(section()).config)
    engine = engine_of(settings, MemoryLedger())
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


@pytest.fixture
def asked(monkeypatch):
    groups = []

    def upstream(*_):
        async def call(model, attempt):
            groups.append(model)
            raise OSError("nobody there")

        return SimpleNamespace(call=call)

    monkeypatch.setattr(beside, "RouterUpstream", upstream)
    return groups


async def saw(gateway, window, part):
    watch = gateway.engine.watch
    for one in window:
        await watch.note(f"{KEY}|{part}", rejected=one == "1", turn=0)


async def sent(gateway):
    data = {
        "model": "auto",
        "messages": [{"role": "user", "content": "What is 17 + 25?"}],
        "metadata": {},
    }
    assert await gateway.admit(ADMIN, data, "acompletion") is None
    await TieringHandler(gateway).async_moderation_hook(data, ADMIN, "acompletion")
    for _ in range(1_000):
        await asyncio.sleep(0)
    return data, gateway.engine.books.flight(apply.attempt_of(data))


@pytest.mark.parametrize(("changes", "called"), [("0" * UNMOVED, []), ("0" * (UNMOVED - 1), ["small-b"])])
async def test_a_second_model_that_changes_nothing_is_not_asked(gateway, asked, changes, called):
    await saw(gateway, "0" * 40, "-")
    await saw(gateway, changes, "second")
    _, flight = await sent(gateway)
    assert asked == called
    assert flight.journey.peers.why == ("" if called else "expected")
    assert any("expected:" in r for r in flight.journey.record.decision.reasons)


async def test_a_request_that_goes_straight_up_is_sent_there(gateway, asked):
    await saw(gateway, "1" * 100, "-")
    data, flight = await sent(gateway)
    assert data["model"] == "medium"
    assert flight.rank == 1
    assert asked == []
    assert flight.journey.peers is None


async def test_what_bills_come_to_is_learned(gateway, asked):
    for i in range(NEEDED):
        data, _ = await sent(gateway)
        said = {
            "response_cost": 1e-5,
            "prompt_tokens": 10,
            "completion_tokens": 50,
            "model_group": "small",
            "litellm_call_id": f"call-{i}",
            "startTime": 1.0,
        }
        kwargs = {
            "standard_logging_object": said,
            "litellm_params": {"metadata": data["metadata"]},
        }
        await gateway.paid(kwargs, None)
    facts = gateway.catalog.facts(gateway.router())
    features = RequestFeatures(prompt_tokens=10, max_tokens=1000)
    found = gateway.engine.figures.effort("auto", "simple", facts[0], features, "moderate")
    assert found.cost == pytest.approx(10_000, rel=0.1)


async def test_a_reload_brings_it_into_force_and_ends_it(gateway):
    other = build(from_mapping(section(strategy="rules")).config)
    again = build(from_mapping(section(latency_usd_per_s=0.5)).config)
    before = gateway.engine.figures
    for settings, there in ((other, False), (again, True)):
        await Reloader(gateway, lambda settings=settings: settings, lambda _: ())._renew(settings)
        assert (gateway.engine.expecting is not None) is there
    assert gateway.engine.figures is before
