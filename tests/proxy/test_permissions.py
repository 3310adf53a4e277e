"""Who may be moved where, and what a client may ask for."""

from __future__ import annotations

import pytest
from asking import HARD, SIMPLE, ask
from openai import RateLimitError


def tier_and_reason(reply) -> tuple[str, str]:
    return reply.headers["x-tiering-tier"], reply.headers["x-tiering-reason"]


def test_a_key_that_lists_auto_may_use_the_whole_ladder(memory_house):
    assert tier_and_reason(ask(memory_house, "chat", SIMPLE, key="sk-only-auto"))[0] == "simple"
    assert tier_and_reason(ask(memory_house, "chat", HARD, key="sk-only-auto"))[0] == "complex"


def test_a_key_that_does_not_may_only_be_moved_to_groups_it_may_call(memory_house):
    tier, reason = tier_and_reason(ask(memory_house, "chat", SIMPLE, key="sk-medium-and-large"))
    assert (tier, reason.split(",")[-1]) == ("moderate", "permission:key")


def test_a_key_for_one_model_stays_there_until_its_budget_ends(memory_house):
    memory_house.settled(0)
    with pytest.raises(RateLimitError, match="for this key"):
        for _ in range(3):
            ask(memory_house, "chat", SIMPLE, key="sk-only-large", model="large", max_tokens=1)
            memory_house.settled(0)


@pytest.mark.parametrize(
    ("model", "wish", "tier", "reason"),
    [
        ("auto", "simple", "simple", "client:lower"),
        ("floored", "moderate", "moderate", "client:floor"),
        ("auto", "nonsense\x7f", None, None),
    ],
)
def test_a_client_may_ask_for_a_lower_tier_or_a_floor(memory_house, model, wish, tier, reason):
    prompt = HARD if reason == "client:lower" else SIMPLE
    reply = ask(memory_house, "chat", prompt, model=model, extra_headers={"x-tiering-tier": wish})
    found, why = tier_and_reason(reply)
    if tier:
        assert (found, why.split(",")[1]) == (tier, reason)
    else:
        assert "client" not in why


def test_a_client_cannot_raise_its_tier(memory_house):
    reply = ask(memory_house, "chat", SIMPLE, extra_headers={"x-tiering-tier": "complex"})
    tier, why = tier_and_reason(reply)
    assert tier == "simple"
    assert "client:floor-refused" in why


def test_rules_see_the_teams_metadata(memory_house):
    tier, why = tier_and_reason(ask(memory_house, "chat", SIMPLE, key="sk-premium"))
    assert (tier, why.split(",")[-1]) == ("moderate", "floor:premium")


def test_shadow_decides_and_changes_nothing(memory_house):
    memory_house.settled(0)
    memory_house.forget()
    tier, why = tier_and_reason(ask(memory_house, "chat", SIMPLE, model="shady"))
    assert tier == "complex"
    assert why.startswith("shadow:")
    assert [c["model"] for c in memory_house.provider.calls()] == ["sim-large"]


def test_an_image_goes_to_a_tier_that_sees(memory_house):
    pixel = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
        "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    content = [{"type": "text", "text": "easyplease"}, {"type": "image_url", "image_url": {"url": pixel}}]
    reply = ask(memory_house, "chat", "", messages=[{"role": "user", "content": content}])
    tier, why = tier_and_reason(reply)
    assert (tier, why) == ("moderate", "rule:easy,requirement:vision")


def test_a_team_sees_its_own_decisions_only(memory_house):
    client = memory_house.proxy.client
    reply = ask(memory_house, "chat", SIMPLE, key="sk-premium")
    path = f"/tiering/decisions/{reply.headers['x-tiering-decision']}"
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"authorization": "Bearer sk-premium"}).status_code == 200
    assert client.get(path, headers={"authorization": "Bearer sk-blue"}).status_code == 404
    mine = client.get("/tiering/decisions", headers={"authorization": "Bearer sk-premium"}).json()[
        "decisions"
    ]
    assert mine
    status = client.get("/tiering/status", headers={"authorization": "Bearer sk-premium"}).json()
    assert {b["id"] for b in status["budgets"]} <= {"*", "gold"}
