"""A classifier, two gates, a budget and a route in shadow mode on a real proxy: clients notice nothing."""

from __future__ import annotations

import itertools

import httpx
import pytest
from asking import SURFACES, ask
from houses import CASCADE_ROUTER, eventually, house

from litellm_tiering.testing.proxy import config_for

SUM = "What is 23 * 40?"
"""The small models get it wrong, each in its own way."""

SAID_COMPLEX = "Is this complex? What is it?"
"""Whoever is asked for its tier says complex, and a rule says simple."""

SHADOW = {
    "routes": [
        {"name": "auto", "models": ["auto"]},
        {"name": "shady", "models": ["shady"], "mode": "shadow", "cascade": False},
    ],
    "classifiers": [
        {"kind": "llm", "model": "small", "timeout_ms": 10_000, "mode": "shadow"},
        {
            "kind": "rules",
            "rules": [{"name": "easy", "when": {"any_keyword": ["what is"]}, "tier": "simple"}],
        },
    ],
    "cascade": {
        "bypass_above": 1.0,
        "stream": "buffer",
        "gates": [
            {"kind": "not_empty"},
            {"kind": "arithmetic", "mode": "shadow"},
            {"kind": "agreement", "with": "small-b", "mode": "shadow"},
        ],
    },
    "budgets": [
        {
            "scope": "team",
            "match": "blue",
            "limit_usd": 0.0000001,
            "at_ceiling": "block",
            "mode": "shadow",
        }
    ],
    "store": {"url": "memory://"},
}


@pytest.fixture(scope="module")
def shadow_house(provider, tmp_path_factory):
    second = {
        "model_name": "small-b",
        "litellm_params": {
            "model": "anthropic/sim-small-b",
            "api_base": provider.base_url,
            "api_key": "none",
        },
        "model_info": {"input_cost_per_token": 3e-7, "output_cost_per_token": 1.3e-6},
    }
    router = {
        **CASCADE_ROUTER["router_settings"],
        "model_group_alias": {"auto": "large", "shady": "large"},
    }
    groups = [*config_for(provider.base_url, None)["model_list"], second]
    folder = tmp_path_factory.mktemp("shadow")
    with house(provider, folder, SHADOW, model_list=groups, router_settings=router) as running:
        # Opens connections, which on a busy machine takes longer than a model may.
        ask(running, "chat", "Warm up.", model="small", max_tokens=5)
        yield running


@pytest.fixture
def calm(shadow_house):
    shadow_house.settled(0)
    shadow_house.forget()
    return shadow_house


def told_of(house, reply, parts: int) -> dict:
    """The record of a request, once so many parts have said what they would have done, and it is priced."""
    found = {}

    def there() -> bool:
        path = f"/tiering/decisions/{reply.headers['x-tiering-decision']}"
        found.update(house.proxy.client.get(path).json())
        shadow = found.get("shadow", [])
        return len(shadow) >= parts and all(
            w["extra_usd"] is not None for w in shadow if w["does"] in {"move", "reject", "refuse"}
        )

    eventually(there, f"{parts} parts in shadow mode")
    return found


@pytest.mark.parametrize(("surface", "stream"), [*((s, False) for s in SURFACES), ("chat", True)])
def test_clients_notice_nothing_and_the_record_says_what_would_have_been(calm, surface, stream):
    reply = ask(calm, surface, SUM, stream=stream, max_tokens=60, key="sk-blue")
    assert reply.text.startswith("23 * 40 = 916")
    assert reply.headers["x-tiering-tier"] == "simple"
    assert reply.headers["x-tiering-model"] == "small"
    assert reply.headers["x-tiering-reason"] == "rule:easy"
    assert reply.headers["x-tiering-attempts"] == "small:ok"
    record = told_of(calm, reply, 4)
    would = {(w["part"], w["name"].split()[0]): w for w in record["shadow"]}
    assert would["budget", "team:blue"]["does"] == "refuse"
    gate = would["gate", "arithmetic"]
    assert (gate["does"], gate["from"], gate["to"]) == ("reject", "simple", "moderate")
    assert gate["extra_usd"] > 0
    assert would["gate", "agreement"]["does"] == "reject"
    assert would["classifier", "llm"]["from"] == "simple"
    assert [a["verdict"] for a in record["attempts"]] == ["ok", "differs"]
    assert "shadow:agreement:differs" in record["attempts"][0]["reasons"]
    assert record["reasons"][0] == "rule:easy"
    assert "shadow:escalation:arithmetic" in record["reasons"]


def test_everything_that_was_asked_on_behalf_of_shadows_is_in_the_books(calm):
    before = calm.spent_nano()
    reply = ask(calm, "chat", SAID_COMPLEX, max_tokens=60)
    (llm,) = (w for w in told_of(calm, reply, 1)["shadow"] if w["part"] == "classifier")
    assert (llm["does"], llm["from"], llm["to"]) == ("move", "simple", "complex")
    assert reply.headers["x-tiering-tier"] == "simple"
    eventually(lambda: len([e for e in calm.events() if e["kind"] == "success"]) == 2, "bills")
    calm.settled(2)
    assert calm.spent_nano() - before == calm.costs_nano()
    record = told_of(calm, reply, 1)
    assert [c["kind"] for c in record["classifiers"]] == ["llm"]
    assert round(record["cost_usd"] * 1e9) == calm.costs_nano()


def test_status_report_and_explain_tell_of_shadows(calm):
    ask(calm, "chat", SUM, model="shady", max_tokens=20)
    calm.settled(1)
    budget = calm.budget("team", "blue")
    assert (budget["mode"], budget["steps_down"]) == ("shadow", 0)
    assert budget["would_step_down"] > 0
    client = calm.proxy.client

    told, days = {}, itertools.count(2)

    def there() -> bool:
        # Of other days each time: what was seen of some days is told again for a while.
        found = client.get("/tiering/report", params={"days": next(days)}).json()["shadow"]["parts"]
        told.update({(p["part"], p["name"]): p for p in found})
        return bool(told.get(("route", "shady"), {}).get("priced"))

    eventually(there, "the route's word")
    assert told["gate", "arithmetic"]["rejected"] >= 5
    assert told["gate", "arithmetic"]["moves"][0]["to"] == "moderate"
    assert told["classifier", "llm"]["moved"] >= 1
    assert told["route", "shady"]["moved"] == 1
    assert told["route", "shady"]["extra_usd"] < 0
    (refusing,) = (p for (part, _), p in told.items() if part == "budget")
    assert refusing["refused"] >= 5
    headers = {"Authorization": "Bearer sk-blue"}
    url = f"{calm.proxy.base_url}/tiering/explain"
    explained = httpx.post(url, json={"prompt": SUM}, headers=headers, timeout=30).json()
    assert explained["tier"] == "simple"
    assert {w["part"] for w in explained["shadow"]} == {"budget"}
