"""Two policies compared on a real proxy: who follows which, and what records and the report say."""

from __future__ import annotations

import httpx
import pytest
from asking import SIMPLE, SURFACES, ask
from houses import eventually, house

KEYS = ("sk-blue", "sk-red", "sk-ops", "sk-poor", "sk-premium", "sk-only-auto")


def always(tier):
    return [{"kind": "rules", "rules": [{"name": f"all-{tier}", "when": {}, "tier": tier}]}]


@pytest.fixture(scope="module")
def arms_house(provider, tmp_path_factory):
    tiering = {
        "classifiers": always("simple"),
        "experiment": {
            "salt": "arms",
            "arms": [
                {"name": "now", "share": 0.5},
                {"name": "dearer", "share": 0.5, "classifiers": always("complex"), "cascade": False},
            ],
        },
        "store": {"url": "memory://"},
    }
    with house(provider, tmp_path_factory.mktemp("arms"), tiering) as running:
        yield running


def headers(house_, key, surface="chat", **more):
    return ask(house_, surface, SIMPLE, key=key, max_tokens=20, **more).headers


def arm(house_, key, **more):
    reasons = headers(house_, key, **more)["x-tiering-reason"].split(",")
    return next((r.removeprefix("arm:") for r in reasons if r.startswith("arm:")), "")


def told(house_, path, key="", **params):
    key = key or house_.proxy.key
    url = f"{house_.proxy.base_url}/tiering/{path}"
    return httpx.get(url, params=params, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def test_every_key_follows_one_policy_for_good_on_every_api(arms_house):
    first = {key: arm(arms_house, key) for key in KEYS}
    assert set(first.values()) == {"now", "dearer"}
    assert {key: arm(arms_house, key) for key in KEYS} == first
    for name, tier in (("now", "simple"), ("dearer", "complex")):
        key = next(k for k, v in first.items() if v == name)
        for surface in SURFACES:
            said = headers(arms_house, key, surface)
            assert (said["x-tiering-tier"], f"arm:{name}" in said["x-tiering-reason"]) == (tier, True)
        # Neither a name that it makes up nor a header moves it to the other.
        assert {arm(arms_house, key, user=f"u{i}") for i in range(6)} == {name}
        assert arm(arms_house, key, extra_headers={"x-tiering-arm": "dearer"}) == name
        # A model that is asked for by name is nobody's policy.
        assert arm(arms_house, key, model="small") == ""


def test_records_explain_and_report_name_the_arm(arms_house):
    found = {arm(arms_house, key): key for key in KEYS}
    for name, key in found.items():
        said = headers(arms_house, key)
        id_ = said["x-tiering-decision"]
        eventually(lambda id_=id_: told(arms_house, f"decisions/{id_}").status_code == 200, "a record")
        record = told(arms_house, f"decisions/{id_}").json()
        assert record["arm"] == name
        (step,) = (s for s in record["steps"] if s["stage"] == "experiment")
        assert (step["reason"], step["detail"], step["from"]) == ("arm", name, step["to"])
        body = {"prompt": "Hello!"}
        url = f"{arms_house.proxy.base_url}/tiering/explain"
        explained = httpx.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60).json()
        assert (explained["arm"], explained["tier"]) == (name, record["tier"])
    arms_house.settled(0)

    spans, arms = iter(range(2, 300)), {}

    def everybody():
        # What was seen is told again for a while: of another span of days it is looked at anew.
        arms.update(told(arms_house, "report", days=next(spans)).json()["arms"] or {})
        return sum(a["callers"] for a in arms.get("arms", ())) == len(KEYS)

    eventually(everybody, "a report of both arms")
    assert (arms["against"], [a["arm"] for a in arms["arms"]]) == ("now", ["now", "dearer"])
    now, dearer = arms["arms"]
    assert now["cost_per_request_usd"] < dearer["cost_per_request_usd"]
    assert (dearer["pass_rate"], now["pass_rate"]) == (None, 1.0)
    (compared,) = arms["compared"]
    assert compared["cost"]["note"].startswith("fewer than 10 callers")
    assert "Looking every day is fine." in compared["verdict"]
    assert told(arms_house, "report", key="sk-blue").json()["arms"] is None
