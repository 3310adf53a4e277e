"""The same without a proxy: a TieredRouter asks the better tier what a lower one has answered."""

from __future__ import annotations

import pytest
from asking import SURFACES
from test_agreement_sdk import ask
from test_debt_proxy import EASY_SUM, HARD_SUM, TIERING

from litellm_tiering import TieredRouter
from litellm_tiering.testing.proxy import TIERS, config_for

pytestmark = [
    # As in test_sdk.py: LiteLLM's own.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    *(
        pytest.mark.filterwarnings(f"ignore:.*{what}:pytest.PytestUnraisableExceptionWarning")
        for what in ("BaseConnector", "ClientSession", "_SelectorTransport", "socket.socket")
    ),
]

BUDGET = {"scope": "global", "limit_usd": 10, "downgrade": [{"at": 0.0000001, "to": "simple"}]}


@pytest.fixture
async def router(provider):
    models = config_for(provider.base_url, None)["model_list"]
    section = {**TIERING, "tiers": TIERS, "budgets": [BUDGET]}
    on = TieredRouter(model_list=models, tiering=section, model_group_alias={"auto": "large"}, num_retries=0)
    await ask(on, "chat", EASY_SUM, max_tokens=20)
    assert await on.settled(20)
    provider.clear()
    yield on
    await on.aclose(10)


def calls(provider):
    return {model: total["calls"] for model, total in provider.totals().items()}


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_router_asks_the_better_tier_on_every_api(provider, router, surface):
    bound = {"max_output_tokens": 200} if surface == "responses" else {"max_tokens": 200}
    before = (router.tiering_status())["budgets"][0]["spent_usd"]
    await ask(router, surface, HARD_SUM, **({} if surface == "messages" else bound))
    assert await router.settled(20)
    (decision,) = router.tiering_decisions(1)
    assert (decision["tier"], decision["debt"]["agreed"]) == ("simple", False)
    assert calls(provider) == {"sim-small": 1, "sim-large": 1}
    spent = (router.tiering_status())["budgets"][0]["spent_usd"] - before
    assert spent == pytest.approx(decision["cost_usd"] + decision["debt"]["cost_usd"])


async def test_so_it_does_with_a_stream(provider, router):
    chunks = [c async for c in await ask(router, "chat", EASY_SUM, stream=True, max_tokens=200)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "17 + 25 = 42"
    assert await router.settled(20)
    assert router.tiering_decisions(1)[0]["debt"]["agreed"] is True
    assert calls(provider) == {"sim-small": 1, "sim-large": 1}
