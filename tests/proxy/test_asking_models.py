"""Classifiers that ask models of a real proxy: what they decide, what they cost, and how they fail."""

from __future__ import annotations

import asyncio

import pytest
from asking import SURFACES, ask
from houses import CASCADE_ROUTER, eventually, house

from litellm_tiering import TieredRouter
from litellm_tiering.testing.proxy import TIERS, config_for

LLM = {
    "routes": [
        {"name": "auto", "models": ["auto"], "default_tier": "moderate", "cascade": False},
        {"name": "shady", "models": ["shady"], "mode": "shadow", "cascade": False},
        {"name": "cheap", "models": ["small"], "classify": True, "cascade": False},
    ],
    "classifiers": [
        {
            "kind": "rules",
            "rules": [
                {"name": "easy", "when": {"any_keyword": ["easyplease"]}, "tier": "simple"},
                {"name": "pinned", "when": {"any_keyword": ["pinnedplease"]}, "min_tier": "complex"},
            ],
        },
        {"kind": "llm", "model": "small", "timeout_ms": 4000},
    ],
    "budgets": [
        {"scope": "team", "match": "red", "limit_usd": 0.0000001, "at_ceiling": "block"},
        {"scope": "route", "match": "auto", "limit_usd": 1000},
    ],
    "store": {"url": "memory://"},
}
ROUTER = {
    "router_settings": {
        **CASCADE_ROUTER["router_settings"],
        "model_group_alias": {"auto": "large", "shady": "large"},
    }
}


@pytest.fixture(scope="module")
def llm_house(provider, tmp_path_factory):
    with house(provider, tmp_path_factory.mktemp("llm"), LLM, **ROUTER) as running:
        # The first call opens connections, which on a busy machine takes longer than the model may.
        ask(running, "chat", "Is this simple, to warm up?", model="small", max_tokens=5)
        yield running


@pytest.fixture
def calm(llm_house):
    """The house with nothing under way, its calls and events forgotten."""
    llm_house.settled(0)
    llm_house.forget()
    return llm_house


def calls(house) -> dict[str, int]:
    return {model: total["calls"] for model, total in house.provider.totals().items()}


def record_of(house, reply) -> dict:
    return house.proxy.client.get(f"/tiering/decisions/{reply.headers['x-tiering-decision']}").json()


def paid(house, count: int) -> None:
    eventually(lambda: len([e for e in house.events() if e["kind"] == "success"]) >= count, f"{count} paid")
    house.settled(0)


@pytest.mark.parametrize("surface", SURFACES)
def test_the_model_names_the_tier_and_everything_is_in_the_books(calm, surface):
    house = calm
    before, route = house.spent_nano(), house.spent_nano("route", "auto")
    reply = ask(house, surface, f"Is this complex, {surface}?", max_tokens=50, key="sk-blue")
    assert reply.headers["x-tiering-tier"] == "complex"
    assert reply.headers["x-tiering-reason"] == "llm"
    paid(house, 2)
    assert calls(house) == {"sim-small": 1, "sim-large": 1}
    assert house.spent_nano() - before == house.costs_nano()
    assert house.spent_nano("route", "auto") - route == house.costs_nano()
    record = record_of(house, reply)
    (consulted,) = record["classifiers"]
    assert (consulted["kind"], consulted["model"], consulted["verdict"]) == ("llm", "small", "ok")
    assert consulted["cost_usd"] > 0
    assert round(record["cost_usd"] * 1e9) == house.costs_nano()
    assert [a["model"] for a in record["attempts"]] == ["large"]
    assert float(reply.headers["x-tiering-cost-usd"]) == pytest.approx(record["cost_usd"])


def test_a_stream_is_classified_too(calm):
    reply = ask(calm, "chat", "Is this streamed one simple?", stream=True)
    assert reply.headers["x-tiering-tier"] == "simple"
    paid(calm, 2)
    assert round(record_of(calm, reply)["cost_usd"] * 1e9) == calm.costs_nano()


def test_the_same_text_costs_nothing_the_second_time(calm):
    first = ask(calm, "chat", "Is this moderate, asked twice?")
    paid(calm, 2)
    calm.forget()
    again = ask(calm, "chat", "Is this moderate, asked twice?")
    assert first.headers["x-tiering-tier"] == again.headers["x-tiering-tier"] == "moderate"
    paid(calm, 1)
    assert calls(calm) == {"sim-medium": 1}
    assert record_of(calm, again)["classifiers"] == []


def test_it_is_not_asked_where_a_rule_decides_or_leaves_no_choice(calm):
    assert ask(calm, "chat", "easyplease: simple").headers["x-tiering-reason"] == "rule:easy"
    pinned = ask(calm, "chat", "pinnedplease: simple")
    assert pinned.headers["x-tiering-tier"] == "complex"
    paid(calm, 2)
    assert calls(calm) == {"sim-small": 1, "sim-large": 1}


def test_a_classifiers_own_call_is_never_classified(calm):
    # The group it asks has a route of its own that classifies.
    ask(calm, "chat", "Is this one complex, and classified once?")
    paid(calm, 2)
    assert calls(calm) == {"sim-small": 1, "sim-large": 1}
    decisions = calm.proxy.client.get("/tiering/decisions", params={"limit": 1}).json()["decisions"]
    assert decisions[0]["route"] == "auto"


def test_in_shadow_it_is_asked_and_counted_and_nothing_moves(calm):
    before = calm.spent_nano()
    reply = ask(calm, "chat", "Is this simple, in the shade?", model="shady")
    assert reply.headers["x-tiering-tier"] == "complex"
    assert reply.headers["x-tiering-reason"] == "shadow:llm"
    paid(calm, 2)
    assert calm.spent_nano() - before == calm.costs_nano()


def test_explain_asks_nobody_and_says_so(calm):
    def explained(prompt: str) -> dict:
        return calm.proxy.client.post("/tiering/explain", json={"prompt": prompt}).json()

    found = explained("Is this complex, to be explained?")
    assert found["not_asked"] == ["llm"]
    assert found["tier"] == "moderate"
    assert calls(calm) == {}
    ask(calm, "chat", "Is this complex, to be explained?")
    paid(calm, 2)
    assert explained("Is this complex, to be explained?")["tier"] == "complex"


def test_a_caller_whose_budget_has_refused_is_not_classified_at_a_price(calm):
    for i in range(3):
        with pytest.raises(Exception, match="429"):
            ask(calm, "chat", f"Is this complex, number {i}?", key="sk-red")
    eventually(lambda: len(calm.events()) >= 1, "the first question is logged")
    assert calls(calm) == {"sim-small": 1}


def test_an_answer_without_a_tier_is_paid_for_and_the_default_stands(calm):
    # The simulated model stops half-way where a question is hard and its answer is JSON.
    before = calm.spent_nano()
    prompts = [f"[[hard]] Is this complex, number {i}?" for i in range(6)]
    replies = [ask(calm, "chat", prompt, max_tokens=20) for prompt in prompts]
    paid(calm, 12)
    verdicts = {record_of(calm, r)["classifiers"][0]["verdict"] for r in replies}
    assert "unread" in verdicts
    unread = next(r for r in replies if record_of(calm, r)["classifiers"][0]["verdict"] == "unread")
    assert unread.headers["x-tiering-reason"] == "default"
    assert calm.spent_nano() - before == calm.costs_nano()


def test_status_tells_what_classifiers_cost_today(calm):
    def told() -> dict:
        return calm.proxy.status()["classifiers"]

    before = told()
    ask(calm, "chat", "Is this complex, for the status?")
    paid(calm, 2)
    eventually(lambda: told()["calls"] == before["calls"] + 1, "the call is told")
    assert told()["spent_usd"] > before["spent_usd"]


def test_a_late_answer_is_paid_for_and_remembered_and_the_breaker_opens(calm):
    house = calm
    before = house.spent_nano()
    prompt = "Is this complex, and slow? [[fault:slow=6000@sim-small]]"
    reply = ask(house, "chat", prompt)
    assert reply.headers["x-tiering-reason"] == "default"
    assert record_of(house, reply)["classifiers"][0]["verdict"] == "late"
    paid(house, 2)
    assert house.spent_nano() - before == house.costs_nano()
    assert round(record_of(house, reply)["cost_usd"] * 1e9) == house.costs_nano()
    assert ask(house, "chat", prompt).headers["x-tiering-reason"] == "llm"
    # The late one was the first failure in a row: its answer came to nobody.
    for i in range(4):
        failed = ask(house, "chat", f"Does this {i} fail? [[fault:500@sim-small]]")
        assert record_of(house, failed)["classifiers"][0]["verdict"] == "failed"
    paid(house, 7)
    house.forget()
    resting = ask(house, "chat", "Is this complex, while it rests?")
    assert resting.headers["x-tiering-reason"] == "default"
    assert record_of(house, resting)["classifiers"] == []
    paid(house, 1)
    assert calls(house) == {"sim-medium": 1}
    assert any("classifier:llm:rests" in alarm for alarm in house.proxy.status()["alarms"])


EMBEDDING = {
    "routes": [{"name": "auto", "models": ["auto"], "default_tier": "moderate", "cascade": False}],
    "classifiers": [
        {
            "kind": "embedding",
            "model": "embedder",
            "examples": {
                "simple": ["What is the capital of France?", "Say hello to my aunt"],
                "complex": ["Prove this theorem about prime numbers", "Derive a proof by induction"],
            },
            "min_similarity": 0.2,
            "timeout_ms": 5000,
        },
    ],
    "store": {"url": "memory://"},
}


@pytest.fixture(scope="module")
def embedding_house(provider, tmp_path_factory):
    groups = config_for(provider.base_url, None)["model_list"]
    params = {"model": "openai/sim-embed", "api_base": f"{provider.base_url}/v1", "api_key": "none"}
    info = {"mode": "embedding", "input_cost_per_token": 1e-7, "output_cost_per_token": 0.0}
    groups.append({"model_name": "embedder", "litellm_params": params, "model_info": info})
    folder = tmp_path_factory.mktemp("embedding")
    with house(provider, folder, EMBEDDING, model_list=groups, **ROUTER) as running:
        yield running


def test_an_embedding_model_of_the_proxy_places_requests_among_the_examples(embedding_house):
    house = embedding_house
    house.forget()
    first = ask(house, "chat", "What is the capital of Spain?", key="sk-blue")
    assert (first.headers["x-tiering-tier"], first.headers["x-tiering-reason"]) == ("simple", "embedding")
    paid(house, 3)
    # The examples once, for everybody; the request's own text for its caller.
    assert calls(house) == {"sim-embed": 2, "sim-small": 1}
    assert house.spent_nano() == house.costs_nano()
    assert round(record_of(house, first)["cost_usd"] * 1e9) < house.costs_nano()
    house.forget()
    before = house.spent_nano()
    hard = ask(house, "messages", "Derive a proof of this theorem about numbers", max_tokens=20)
    assert hard.headers["x-tiering-tier"] == "complex"
    paid(house, 2)
    assert house.spent_nano() - before == house.costs_nano()
    assert round(record_of(house, hard)["cost_usd"] * 1e9) == house.costs_nano()
    unlike = ask(house, "chat", "zzz qqq vvv")
    assert unlike.headers["x-tiering-reason"] == "default"


async def test_a_router_without_a_proxy_asks_once_and_counts_it(provider):
    listed = config_for(provider.base_url, None)["model_list"]
    # Every group has a route: the classifier's own call must not take it.
    routes = [{"name": "all", "models": ["*"], "default_tier": "moderate", "cascade": False}]
    tiering = {"tiers": TIERS, "routes": routes, "classifiers": [{"kind": "llm", "model": "small"}]}
    router = TieredRouter(model_list=listed, tiering=tiering, num_retries=0)
    try:
        provider.clear()
        text = "Is this complex, without a proxy?"
        answer = await router.acompletion("auto", [{"role": "user", "content": text}])
        report = answer._hidden_params["tiering"]
        assert (report["tier"], report["reasons"]) == ("complex", ["llm"])
        assert await router.settled()
        assert {m: t["calls"] for m, t in provider.totals().items()} == {"sim-small": 1, "sim-large": 1}
        await eventually_counted(router)
        record = router.tiering_decision(report["decision"])
        spent = router.tiering_status()["budgets"][0]["spent_usd"]
        assert record["cost_usd"] == pytest.approx(spent)
        assert record["classifiers"][0]["cost_usd"] > 0
    finally:
        await router.aclose()


async def eventually_counted(router) -> None:
    for _ in range(500):
        status = await asyncio.to_thread(router.tiering_status)
        if status["classifiers"]["calls"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the classifier's call was not counted")
