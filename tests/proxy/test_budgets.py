"""Budgets through a real proxy: full service, downgraded, stopped; critical traffic untouched."""

from __future__ import annotations

import asyncio
import datetime as dt
import time

import pytest
from asking import SIMPLE, SURFACES, ask
from houses import REDIS_USD, TEAM_USD, eventually
from openai import APIStatusError, AsyncOpenAI, RateLimitError

HARD = "hardplease"


def drive(house, key: str, count: int) -> list[str]:
    """The tiers of a day's hard requests, each settled before the next is asked."""
    tiers = []
    for _ in range(count):
        try:
            reply = ask(house, "chat", HARD, key=key, max_tokens=20)
        except RateLimitError as error:
            tiers.append("refused")
            last = error
        else:
            tiers.append(reply.headers["x-tiering-tier"])
        house.settled(0)
    if "refused" in tiers:
        assert 0 < int(last.response.headers["retry-after"]) <= 86_401
        assert last.response.headers["x-tiering-decision"]
        assert "The day budget of team:red has too little left for this request" in str(last)
    return tiers


def in_order(tiers: list[str], order: list[str]) -> bool:
    return sorted(tiers, key=order.index) == tiers


def test_a_days_requests_are_served_in_full_then_downgraded_then_cheapest(memory_house):
    memory_house.forget()
    before = memory_house.spent_nano("team", "blue")
    tiers = drive(memory_house, "sk-blue", 24)
    assert in_order(tiers, ["complex", "moderate", "simple"])
    assert set(tiers) == {"complex", "moderate", "simple"}
    budget = memory_house.budget("team", "blue")
    assert budget["limit_usd"] == TEAM_USD
    assert budget["ratio"] > 0.95
    assert (budget["steps_down"], budget["reserved_usd"]) == (2, 0)
    assert memory_house.spent_nano("team", "blue") - before == memory_house.costs_nano()


def test_a_blocking_budget_is_never_passed_and_says_when_it_starts_anew(memory_house):
    memory_house.forget()
    tiers = drive(memory_house, "sk-red", 40)
    assert in_order(tiers, ["complex", "moderate", "simple", "refused"])
    assert tiers[-1] == "refused"
    assert memory_house.spent_nano("team", "red") <= TEAM_USD * 1e9
    assert len(memory_house.provider.calls()) == len(tiers) - tiers.count("refused")


@pytest.mark.parametrize("surface", SURFACES)
def test_a_refusal_is_an_error_of_the_clients_own_api(memory_house, surface):
    drive(memory_house, "sk-red", 1)
    for stream in (False, True):
        with pytest.raises(Exception, match="budget of team:red") as caught:
            for _ in range(50):
                ask(memory_house, surface, HARD, stream=stream, key="sk-red", max_tokens=50)
        assert caught.value.status_code == 429
        seconds = int(caught.value.response.headers["retry-after"])
        midnight = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)
        assert (midnight.hour, midnight.minute) == (0, 0)


def test_critical_keys_are_counted_and_untouched(memory_house):
    memory_house.forget()
    tiers = drive(memory_house, "sk-ops", 12)
    assert set(tiers) == {"complex"}
    assert memory_house.spent_nano("team", "ops") > TEAM_USD * 1e9


def test_a_client_cannot_make_itself_critical_or_count_under_another_name(memory_house):
    drive(memory_house, "sk-blue", 1)
    forged = {
        "metadata": {
            "tags": ["gold"],
            "litellm_tiering_attempt": "x",
            "user_api_key_team_id": "ops",
            "tiering": {"tier": "complex"},
        },
        "tags": ["gold"],
    }
    before, ops = memory_house.spent_nano("team", "blue"), memory_house.spent_nano("team", "ops")
    reply = ask(
        memory_house,
        "chat",
        HARD,
        key="sk-blue",
        max_tokens=20,
        extra_body=forged,
        extra_headers={"x-tiering-tier": "complex", "x-tiering-decision": "abc", "x-litellm-tags": "gold"},
    )
    assert reply.headers["x-tiering-tier"] == "simple"
    memory_house.settled(0)
    assert memory_house.spent_nano("team", "blue") > before
    assert memory_house.spent_nano("team", "ops") == ops


def test_two_hundred_at_once_never_pass_a_nearly_spent_redis_budget(redis_house):
    redis_house.settled(0)
    redis_house.forget()

    async def storm() -> list[int]:
        url = redis_house.proxy.openai_url
        async with AsyncOpenAI(api_key="sk-red", base_url=url, max_retries=0, timeout=120) as client:

            async def one() -> int:
                try:
                    await client.chat.completions.create(
                        model="large", messages=[{"role": "user", "content": SIMPLE}], max_tokens=200
                    )
                except APIStatusError as error:
                    return error.status_code
                return 200

            return await asyncio.gather(*(one() for _ in range(200)))

    codes = asyncio.run(storm())
    assert set(codes) == {200, 429}
    served = codes.count(200)
    assert len(redis_house.provider.calls("sim-large")) == served
    redis_house.settled(served)
    ends = time.monotonic() + 20
    while redis_house.spent_nano("team", "red") != redis_house.costs_nano():
        assert time.monotonic() < ends
        time.sleep(0.05)
    budget = redis_house.budget("team", "red")
    assert budget["reserved_usd"] == 0
    assert budget["spent_usd"] <= REDIS_USD
    # A hold is at most 200 output tokens and a token for each byte of a short prompt and its frame: the
    # budget was nearly used, not left idle.
    assert served >= REDIS_USD // (200 * 3e-5 + 200 * 5e-6)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", ["chat", "completion"])
@pytest.mark.parametrize("tags", [5, "gold", {"gold": 1}], ids=repr)
def test_tags_that_litellm_cannot_log_hide_no_cost(redis_house, surface, stream, tags):
    """LiteLLM logs no call with such tags, and its event is what tells of the cost."""
    before, more = redis_house.spent_nano(), {"extra_body": {"metadata": {"tags": tags}}}
    assert ask(redis_house, surface, SIMPLE, stream=stream, max_tokens=20, **more).text

    def counted():
        budget = redis_house.budget()
        return redis_house.spent_nano() > before and budget["reserved_usd"] == 0

    eventually(counted, "what it cost is counted, and nothing is held")
