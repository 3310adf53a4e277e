"""Callers held out of routing, on a real proxy: who they are, what they get, what the report says of it."""

from __future__ import annotations

import httpx
import pytest
from asking import SIMPLE, SURFACES, ask
from houses import eventually, house

KEYS = ("sk-blue", "sk-red", "sk-ops", "sk-poor", "sk-premium", "sk-only-auto")


@pytest.fixture(scope="module")
def held_house(provider, tmp_path_factory):
    tiering = {
        "classifiers": [{"kind": "rules", "rules": [{"name": "all", "when": {}, "tier": "simple"}]}],
        "experiment": {"holdout": 0.5, "salt": "a"},
        "store": {"url": "memory://"},
    }
    with house(provider, tmp_path_factory.mktemp("held"), tiering) as running:
        yield running


def reasons(house_, key, **more):
    return ask(house_, "chat", SIMPLE, key=key, max_tokens=20, **more).headers["x-tiering-reason"]


def report(house_, key="", **params):
    key = key or house_.proxy.key
    url = f"{house_.proxy.base_url}/tiering/report"
    return httpx.get(url, params=params, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def test_the_same_callers_are_held_out_each_time_and_the_others_routed(held_house):
    first = {key: reasons(held_house, key) for key in KEYS}
    assert set(first.values()) == {"holdout", "rule:all"}
    assert {key: reasons(held_house, key) for key in KEYS} == first
    held = next(key for key, said in first.items() if said == "holdout")
    for surface in SURFACES:
        reply = ask(held_house, surface, SIMPLE, key=held, max_tokens=20)
        assert (reply.headers["x-tiering-tier"], reply.headers["x-tiering-reason"]) == ("complex", "holdout")
    # Neither its wish nor a name that it makes up moves it to the other side.
    assert reasons(held_house, held, extra_headers={"x-tiering-tier": "simple"}) == "holdout"
    routed = next(key for key, said in first.items() if said != "holdout")
    assert {reasons(held_house, routed, user=f"u{i}") for i in range(8)} == {"rule:all"}
    # A model that is asked for by name is what it gets.
    assert reasons(held_house, held, model="small") == "requested"


def test_the_report_counts_them_apart_and_shows_a_team_its_own_alone(held_house):
    held_house.settled(0)
    eventually(lambda: report(held_house).json()["total"]["requests"] > 0, "totals")
    told = report(held_house, by="reason").json()
    rows = {row["reason"]: row for row in told["rows"]}
    assert rows["holdout"]["saved_usd"] == 0
    assert 0 < rows["rule:all"]["saved_usd"] < rows["rule:all"]["baseline_usd"]
    assert told["total"]["holdout_requests"] == rows["holdout"]["requests"]
    assert told["holdout"]["note"].startswith("fewer than")
    blue = report(held_house, "sk-blue", by="team").json()
    assert [row["team"] for row in blue["rows"]] == ["blue"]
    assert blue["holdout"] is None
    assert report(held_house, "sk-only-auto").json()["rows"] == []
    assert report(held_house, "sk-nobody").status_code == 401
    assert report(held_house, by="key").status_code == 400
