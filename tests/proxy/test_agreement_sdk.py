"""The same without a proxy: a TieredRouter asks the second model beside the first, on every API it has."""

from __future__ import annotations

import pytest
from asking import SURFACES
from test_agreement import EASY_SUM, HARD_SUM, SPEECH, groups, tiering

from litellm_tiering import TieredRouter
from litellm_tiering.testing.proxy import TIERS

pytestmark = [
    # As in test_sdk.py: LiteLLM's own.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    *(
        pytest.mark.filterwarnings(f"ignore:.*{what}:pytest.PytestUnraisableExceptionWarning")
        for what in ("BaseConnector", "ClientSession", "_SelectorTransport", "socket.socket")
    ),
]

CASES = {
    EASY_SUM: ("17 + 25 = 42", "small:ok,small-b:agrees"),
    HARD_SUM: ("23 * 40 = 920.", "small:agreement,small-b:differs,medium:ok"),
    SPEECH: (None, "small:ok"),
}


def router(provider, **gate) -> TieredRouter:
    section = {**tiering(**gate), "tiers": TIERS}
    return TieredRouter(
        model_list=groups(provider), tiering=section, model_group_alias={"auto": "large"}, num_retries=0
    )


async def ask(on: TieredRouter, surface: str, prompt: str, **more):
    messages = [{"role": "user", "content": prompt}]
    if surface == "chat":
        return await on.acompletion(model="auto", messages=messages, **more)
    if surface == "completion":
        return await on.atext_completion(model="auto", prompt=prompt, **more)
    if surface == "messages":
        return await on.anthropic_messages(model="auto", messages=messages, max_tokens=200, **more)
    return await on.aresponses(model="auto", input=prompt, **more)


def attempts(decision: dict) -> str:
    return ",".join(f"{a['model']}:{a['verdict']}" for a in decision["attempts"])


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_router_asks_twice_on_every_api(provider, surface):
    on = router(provider)
    try:
        for prompt, (_, found) in CASES.items():
            provider.clear()
            await ask(on, surface, prompt)
            assert await on.settled(20)
            (decision,) = on.tiering_decisions(1)
            assert attempts(decision) == found
            served = [a for a in decision["attempts"] if a["verdict"] != "failed"]
            assert sum(t["calls"] for t in provider.totals().values()) == len(served)
            assert all(a["cost_usd"] > 0 for a in served)
            assert decision["cost_usd"] == pytest.approx(sum(a["cost_usd"] for a in served))
    finally:
        await on.aclose(10)


async def test_a_stream_that_is_held_back_is_compared_as_well(provider):
    on = router(provider)
    try:
        chunks = [c async for c in await ask(on, "chat", HARD_SUM, stream=True)]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == CASES[HARD_SUM][0]
        assert await on.settled(20)
        assert attempts(on.tiering_decisions(1)[0]) == CASES[HARD_SUM][1]
    finally:
        await on.aclose(10)


def test_a_sync_call_asks_twice_too_and_serves_whom_the_owner_prefers(provider):
    on = router(provider, serve="with")
    try:
        answer = on.completion(model="auto", messages=[{"role": "user", "content": EASY_SUM}])
        report = answer._hidden_params["tiering"]
        assert (report["model"], attempts(report)) == ("small-b", CASES[EASY_SUM][1])
        assert answer.choices[0].message.content == CASES[EASY_SUM][0]
    finally:
        on.close(10)


async def test_samples_of_one_model_are_counted_one_by_one(provider):
    on = router(provider, samples=3, **{"with": None})
    try:
        await ask(on, "chat", EASY_SUM)
        assert await on.settled(20)
        (decision,) = on.tiering_decisions(1)
        assert attempts(decision) == "small:ok,small:agrees,small:agrees"
        assert len({a["cost_usd"] for a in decision["attempts"]}) == 1
    finally:
        await on.aclose(10)
