"""Downgraded requests asked of the better tier as well, on a real proxy: four APIs, every bill once."""

from __future__ import annotations

import httpx
import pytest
from asking import SURFACES, ask
from houses import CASCADE_ROUTER, eventually, house

EASY_SUM, HARD_SUM = "What is 17 + 25?", "What is 23 * 40?"
"""The small model gets the first right and the second wrong; the large one gets both right."""

LIMIT_USD = 0.05

TIERING = {
    "classifiers": [{"kind": "rules", "rules": [{"name": "all", "when": {}, "tier": "complex"}]}],
    "budgets": [
        # As soon as anything was spent, all goes to the cheapest tier.
        {
            "scope": "team",
            "match": "blue",
            "limit_usd": 10,
            "downgrade": [{"at": 0.0000001, "to": "simple"}],
        }
    ],
    "experiment": {"debt": {"share": 1.0, "limit_usd": LIMIT_USD}},
    "store": {"url": "memory://"},
}


@pytest.fixture(scope="module")
def debt_house(provider, tmp_path_factory):
    with house(provider, tmp_path_factory.mktemp("debt"), TIERING, **CASCADE_ROUTER) as running:
        first = ask(running, "chat", EASY_SUM, key="sk-blue", max_tokens=20)
        assert first.headers["x-tiering-tier"] == "complex"
        running.settled(1)
        assert "debt" not in record_of(running, first)
        yield running


def record_of(house_, reply) -> dict:
    return house_.proxy.client.get(f"/tiering/decisions/{reply.headers['x-tiering-decision']}").json()


def debt_of(house_, reply) -> dict:
    """What a downgraded request's record says of the better tier, once it says so and all is paid for."""

    def told() -> bool:
        debt = record_of(house_, reply).get("debt")
        return debt is not None and ("skipped" in debt or debt["cost_usd"] > 0)

    eventually(told, "the better tier was asked, or not")
    house_.settled(0)
    return record_of(house_, reply)["debt"]


def calls(house_) -> dict[str, int]:
    return {model: total["calls"] for model, total in house_.provider.totals().items()}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", SURFACES)
def test_the_better_tier_is_asked_what_a_lower_one_has_answered(debt_house, surface, stream):
    debt_house.forget()
    everybody, blue = debt_house.spent_nano(), debt_house.spent_nano("team", "blue")
    reply = ask(debt_house, surface, EASY_SUM, key="sk-blue", stream=stream, max_tokens=200)
    assert (reply.text, reply.headers["x-tiering-tier"]) == ("17 + 25 = 42", "simple")
    debt = debt_of(debt_house, reply)
    assert {k: v for k, v in debt.items() if k != "cost_usd"} == {
        "tier": "complex",
        "model": "large",
        "agreed": True,
        "served_passed": True,
        "better_passed": True,
    }
    debt_house.settled(2)
    assert calls(debt_house) == {"sim-small": 1, "sim-large": 1}
    record = record_of(debt_house, reply)
    assert [a["model"] for a in record["attempts"]] == ["small"]
    # Once in everybody's spend, to the nano-dollar; and the team has paid for its own request alone.
    assert debt_house.spent_nano() - everybody == debt_house.costs_nano()
    own = debt_house.spent_nano("team", "blue") - blue
    assert own == round(record["cost_usd"] * 1e9) > 0
    assert own + round(debt["cost_usd"] * 1e9) == debt_house.costs_nano()


def test_another_answer_is_a_debt_and_free_text_is_judged_alone(debt_house):
    reply = ask(debt_house, "chat", HARD_SUM, key="sk-blue", max_tokens=200)
    assert debt_of(debt_house, reply)["agreed"] is False
    reply = ask(debt_house, "chat", "Tell me about the sea.", key="sk-blue", max_tokens=200)
    debt = debt_of(debt_house, reply)
    assert (debt["agreed"], debt["served_passed"], debt["better_passed"]) == (None, True, True)


def test_past_the_owners_limit_nothing_is_asked_and_the_report_says_what_came_of_the_rest(debt_house):
    debt_house.forget()
    reply = ask(debt_house, "chat", EASY_SUM, key="sk-blue", max_tokens=3_000)
    assert reply.text == "17 + 25 = 42"
    assert debt_of(debt_house, reply)["skipped"] == "limit"
    assert calls(debt_house) == {"sim-small": 1}

    def report(key: str = "") -> dict:
        auth = {"Authorization": f"Bearer {key or debt_house.proxy.key}"}
        url = f"{debt_house.proxy.base_url}/tiering/report"
        return httpx.get(url, params={"days": 1}, headers=auth, timeout=60).json()

    # The record of each request is written behind it, and looked at now and then.
    eventually(lambda: ((report().get("debt") or {}).get("skipped") or {}).get("limit"), "the report", 40)
    told = report()
    debt, total = told["debt"], told["total"]
    assert debt["downgraded"] == debt["drawn"] == debt["probed"] + 1
    assert debt["comparable"] == debt["agreed"] + 1
    low, high = debt["different"]["low"], debt["different"]["high"]
    assert 0 < low < debt["different"]["share"] == 1 / debt["comparable"] < high < 1
    assert 0 < total["probe_usd"] <= LIMIT_USD
    assert total["probe_usd"] == pytest.approx(debt["cost_usd"]) == pytest.approx(total["waste_usd"])
    assert total["requests"] == debt["downgraded"] + 1
    assert total["saved_usd"] == pytest.approx(total["baseline_usd"] - total["cost_usd"])
    assert round(total["cost_usd"] * 1e9) == debt_house.spent_nano()


def test_where_the_better_tier_fails_the_client_has_its_answer_and_nothing_is_held(debt_house):
    debt_house.forget()
    reply = ask(debt_house, "chat", f"{EASY_SUM} [[fault:500@sim-large]]", key="sk-blue", max_tokens=200)
    assert reply.text == "17 + 25 = 42"
    assert debt_of(debt_house, reply)["skipped"] == "failed"
    debt_house.settled(2)
    assert [e["kind"] for e in debt_house.events()] == ["success", "failure"]
    # It is left alone for a while then.
    reply = ask(debt_house, "chat", EASY_SUM, key="sk-blue", max_tokens=200)
    assert debt_of(debt_house, reply)["skipped"] == "limiter"
