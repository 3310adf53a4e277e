"""Every API, streamed or not, through a real proxy: the right model, once, with headers and exact books."""

from __future__ import annotations

import pytest
from asking import HARD, SIMPLE, SURFACES, ask

HEADERS = ("decision", "tier", "model", "reason", "attempts", "cost-usd", "baseline-usd")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    ("prompt", "tier", "group"),
    [(SIMPLE, "simple", "small"), (HARD, "complex", "large")],
    ids=["simple", "complex"],
)
def test_a_request_goes_to_the_right_group_once(any_house, surface, stream, prompt, tier, group):
    any_house.settled(0)
    any_house.forget()
    before = any_house.spent_nano()
    reply = ask(any_house, surface, prompt, stream=stream)
    assert reply.text
    assert reply.model == "auto"
    found = {name: reply.headers.get(f"x-tiering-{name}") for name in HEADERS}
    assert None not in found.values(), found
    assert (found["tier"], found["model"]) == (tier, group)
    assert found["attempts"] == f"{group}:ok"
    assert float(found["baseline-usd"]) >= float(found["cost-usd"]) > 0
    any_house.settled(1)
    calls = any_house.provider.calls()
    assert [c["model"] for c in calls] == [f"sim-{group}"]
    (event,) = any_house.events()
    assert (event["kind"], event["group"]) == ("success", group)
    assert event["cost"] > 0
    assert any_house.spent_nano() - before == any_house.costs_nano()
    if not stream:
        assert round(float(found["cost-usd"]) * 1e9) == any_house.costs_nano()


def test_spend_is_the_sum_of_response_costs_to_the_nano_dollar(any_house):
    any_house.settled(0)
    any_house.forget()
    before = any_house.spent_nano()
    count = 0
    for i in range(3):
        for surface in SURFACES:
            for stream in (False, True):
                ask(any_house, surface, f"{SIMPLE} {'again ' * i}", stream=stream)
                count += 1
    any_house.settled(count)
    assert len(any_house.events()) == count
    assert any_house.spent_nano() - before == any_house.costs_nano() > 0


def test_models_that_have_no_route_are_left_alone_and_counted(sqlite_house):
    sqlite_house.forget()
    before = sqlite_house.spent_nano()
    answer = sqlite_house.openai().embeddings.create(model="large", input="hello")
    assert answer.data
    raw = sqlite_house.openai().chat.completions.with_raw_response.create(
        model="medium", messages=[{"role": "user", "content": HARD}]
    )
    assert raw.headers["x-tiering-reason"] == "requested"
    sqlite_house.settled(2)
    assert sqlite_house.spent_nano() - before == sqlite_house.costs_nano() > 0


def test_auto_is_listed_among_the_models(sqlite_house):
    assert "auto" in [m.id for m in sqlite_house.openai().models.list()]


def test_the_status_page_and_its_routes_are_behind_the_proxys_auth(sqlite_house):
    ask(sqlite_house, "chat", SIMPLE)
    client = sqlite_house.proxy.client
    page = client.get("/tiering")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/tiering/status", "/tiering/decisions", "/tiering/decisions/x"):
        assert client.get(path, headers={"authorization": "Bearer sk-wrong"}).status_code == 401
    status = sqlite_house.proxy.status()
    assert (status["mode"], status["store"]) == ("enforce", {"kind": "sqlite", "ok": True, "spooled": 0})
    assert status["budgets"][0]["limit_usd"] is None


def test_a_decision_can_be_looked_up_and_explained(sqlite_house):
    client = sqlite_house.proxy.client
    reply = ask(sqlite_house, "chat", SIMPLE)
    sqlite_house.settled(0)
    id_ = reply.headers["x-tiering-decision"]
    found = client.get(f"/tiering/decisions/{id_}").json()
    assert (found["id"], found["tier"], found["model"], found["route"]) == (id_, "simple", "small", "auto")
    assert found["attempts"][0]["verdict"] == "ok"
    assert found["cost_usd"] == pytest.approx(float(reply.headers["x-tiering-cost-usd"]))
    assert SIMPLE not in str(found)
    assert client.get("/tiering/decisions/none").status_code == 404
    said = client.post("/tiering/explain", json={"prompt": HARD}).json()
    assert (said["tier"], said["model"]) == ("complex", "large")
    assert said["steps"][0]["stage"] == "classify"
    assert client.post("/tiering/explain", json={"prompt": "x", "model": "nobody"}).status_code == 404
