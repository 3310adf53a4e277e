"""Callers in different arms: each by its own policy, told apart in records, and the same for good."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from litellm import Router

from litellm_tiering.config.assemble import engine_of, lookouts_of, terms_of, watch_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.adaptive import is_segment
from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.core.experiment import BASE
from litellm_tiering.gateway import apply, compat, extract
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.tracing import fields_of
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.records import Row
from litellm_tiering.tallies import reason_of
from litellm_tiering.testing.proxy import TIERS, config_for

ALWAYS = {
    tier: [{"kind": "rules", "rules": [{"name": f"all-{tier}", "tier": tier, "when": {"min_tokens": 0}}]}]
    for tier in ("simple", "moderate", "complex")
}
ARMS = [
    {"name": "now", "share": 0.4},
    {"name": "bolder", "share": 0.4, "classifiers": ALWAYS["moderate"], "cascade": {"max_escalations": 2}},
]


@pytest.fixture(autouse=True)
def router(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    made = Router(model_list=config["model_list"], model_group_alias={"auto": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: made)
    return made


def settings_of(arms=ARMS, holdout=0.0, **section):
    written = {
        "tiers": TIERS,
        "store": {"url": "memory://"},
        "classifiers": ALWAYS["simple"],
        "experiment": {"holdout": holdout, "arms": arms},
        **section,
    }
    return build(from_mapping(written).config)


def make(arms=ARMS, **section):
    settings = settings_of(arms, **section)
    engine = engine_of(settings, MemoryLedger())
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


def key_of(i):
    return SimpleNamespace(models=[], team_models=[], token=f"key-{i}", team_id="blue")


def asking(model="auto", **more):
    return {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "metadata": {}, **more}


async def record_of(gateway, i, **more):
    data = asking(**more)
    assert await gateway.admit(key_of(i), data, "acompletion") is None
    flight = gateway.engine.books.flight(apply.attempt_of(data))
    return flight.journey.record


async def one_of_each(gateway, names=("now", "bolder", BASE)):
    found = {}
    for i in range(200):
        arm = gateway.engine.terms.experiment.arm(extract.caller_of(key_of(i), {}))
        found.setdefault(arm, i)
    assert set(names) <= set(found)
    return found


async def test_each_caller_is_served_by_its_arms_policy_and_its_record_says_so():
    gateway = make()
    keys = await one_of_each(gateway)
    records = {arm: await record_of(gateway, i) for arm, i in keys.items()}
    assert {arm: r.tier for arm, r in records.items()} == {
        "now": "simple",
        "bolder": "moderate",
        BASE: "simple",
    }
    for arm, record in records.items():
        assert record.arm == Row.of(record, gateway.settings.ladder).arm == arm
        (step,) = (s for s in record.decision.steps if s.stage is Stage.EXPERIMENT)
        assert (step.reason, step.detail, step.from_rank) == (Reason.ARM, arm, step.to_rank)
        assert f"arm:{arm}" in record.decision.reasons
        assert fields_of(record)["tiering_arm"] == arm
        # Why it went where it went is what its policy said, and not whose that was.
        assert reason_of(record.decision).startswith("rule:all-")
    assert len({r.policy for r in records.values()}) == 1


async def test_nothing_in_a_request_chooses_its_arm():
    gateway = make()
    keys = await one_of_each(gateway)
    claims = [
        {"user": "somebody"},
        {"metadata": {"arm": "bolder", "user_api_key": "key-0", "tags": ["bolder"]}},
        {"proxy_server_request": {"headers": {"x-tiering-arm": "bolder", "x-tiering-tier": "simple"}}},
    ]
    for more in claims:
        assert (await record_of(gateway, keys["now"], **more)).arm == "now"


async def test_where_no_policy_can_make_a_difference_nobody_is_in_an_arm():
    gateway = make()
    keys = await one_of_each(gateway)
    assert (await record_of(gateway, keys["bolder"], model="small")).arm == ""
    held = make(holdout=1.0)
    record = await record_of(held, keys["bolder"])
    assert (record.arm, record.decision.reasons) == ("", ("holdout",))
    for shadow in ({"mode": "shadow"}, {"routes": [{"name": "auto", "models": ["auto"], "mode": "shadow"}]}):
        record = await record_of(make(**shadow), keys["bolder"])
        assert (record.arm, record.tier) == ("", "complex")


async def test_an_arm_without_a_cascade_judges_nothing_and_one_with_its_own_judges_by_that():
    gateway = make([ARMS[0], {"name": "bolder", "share": 0.4, "cascade": False}])
    keys = await one_of_each(gateway)
    prompts = {}
    for arm, i in keys.items():
        data = asking()
        await gateway.admit(key_of(i), data, "acompletion")
        journey = gateway.engine.books.flight(apply.attempt_of(data)).journey
        prompts[arm] = journey.prompt is not None
    assert prompts == {"now": True, "bolder": False, BASE: True}
    policies = make().policies
    assert policies.of("now").setting is policies.base.setting
    assert policies.of("bolder").setting.settings.max_escalations == 2
    assert policies.of("gone") is policies.base


async def test_what_tiers_are_taken_to_can_do_is_the_arms_own():
    blind = {tier["name"]: {"tools": tier["name"] == "complex"} for tier in TIERS}
    gateway = make([ARMS[0], {"name": "bolder", "share": 0.4, "requirements": blind}])
    keys = await one_of_each(gateway)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    found = {arm: (await record_of(gateway, i, tools=tools)).tier for arm, i in keys.items()}
    assert found == {"now": "simple", "bolder": "complex", BASE: "simple"}


async def test_what_is_learned_of_one_policy_is_kept_apart_from_what_is_learned_of_another():
    gateway = make()
    keys = await one_of_each(gateway)
    watched = {}
    for arm, i in keys.items():
        data = asking()
        await gateway.admit(key_of(i), data, "acompletion")
        watched[arm], _ = gateway.engine.books.flight(apply.attempt_of(data)).journey.watched
    routes = {arm: key.split("|")[0] for arm, key in watched.items()}
    assert routes == {"now": "auto@now", "bolder": "auto@bolder", BASE: "auto"}
    assert all(map(is_segment, watched.values()))
    engine = gateway.engine
    assert engine.lookout("now").watch is engine.watch
    assert engine.lookout("bolder").watch is not engine.watch
    assert [engine.differs(arm) for arm in ("", BASE, "now", "bolder")] == [False, False, False, True]
    bad = "1" * 60
    for key in (watched["bolder"], watched["now"]):
        for mark in bad:
            await engine.watch.note(key, rejected=mark == "1", turn=0)
    for watch in engine.watches():
        await watch.refresh()
    alarms = [" ".join(watch.alarms()) for watch in engine.watches()]
    assert ["auto@now" in a for a in alarms] == [True, False]
    assert ["auto@bolder" in a for a in alarms] == [False, True]
    await engine.close()


async def test_reloading_keeps_everybody_in_their_arm_and_lets_go_of_what_watched_the_old_ones():
    gateway = make()
    keys = await one_of_each(gateway)
    engine, old = gateway.engine, gateway.engine.watches()
    again = settings_of([{**ARMS[0], "share": 0.5}, {**ARMS[1], "classifiers": ALWAYS["complex"]}])
    close = engine.renew(terms_of(again), watch_of(again, engine))
    assert engine.arms == {}
    engine.arms = lookouts_of(again, engine)
    gateway.renew(again, Catalog(again.ladder, again.requirements, engine.clock))
    await close()
    assert all(watch not in engine.watches() for watch in old)
    record = await record_of(gateway, keys["bolder"])
    assert (record.arm, record.tier) == ("bolder", "complex")
    assert (await record_of(gateway, keys["now"])).arm == "now"


async def test_explaining_says_whose_policy_a_caller_follows():
    gateway = make()
    keys = await one_of_each(gateway)
    data = asking()
    for arm in ("now", "bolder"):
        key = key_of(keys[arm])
        inquiry = await gateway.inquiry(key, data, "auto", extract.caller_of(key, data), "acompletion")
        plan = await gateway.engine.explain(inquiry)
        assert (inquiry.arm, plan.record.arm) == (arm, arm)


def test_gates_that_say_the_same_of_everything_are_told_with_their_arm():
    gateway = make()
    panel = gateway.policies.of("bolder").settings.cascade.gates
    panel.alarms = lambda: ["gate x rejects everything"]
    assert gateway.policies.gate_alarms() == ["arm bolder: gate x rejects everything"]
    plain = make([{"name": "bolder", "share": 0.4, "cascade": {}}], cascade=False)
    assert plain.policies.gate_alarms() == []
