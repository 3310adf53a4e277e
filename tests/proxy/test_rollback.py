"""Taken out by removing one line, and put back by adding it; the line without its section does not start."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from asking import SIMPLE
from houses import eventually

from litellm_tiering.ledger.open import open_ledger
from litellm_tiering.ports import Reservation
from litellm_tiering.testing.processes import NotReady
from litellm_tiering.testing.proxy import PRICES, config_for, serve_proxy
from litellm_tiering.units import WindowKind, window_at

BEFORE_NANO = 1_234_567
ASK = {"model": "auto", "messages": [{"role": "user", "content": SIMPLE}], "max_tokens": 20}


def spend_before(url: str) -> str:
    """What the plugin had counted before it was taken out; the counter's key."""
    window = window_at(WindowKind.MONTH, "UTC", time.time())
    key = f"global|*|{window.label}"

    async def settle() -> None:
        ledger = open_ledger(url)
        held = Reservation("before", (key,), (int(window.end_s),), 0, 0)
        await ledger.settle(held, BEFORE_NANO, time.time())
        await ledger.close()

    asyncio.run(settle())
    return key


def spent(url: str, key: str) -> int:
    async def ask() -> int:
        ledger = open_ledger(url)
        (found,) = await ledger.balances([key], time.time())
        await ledger.close()
        return found.spent

    return asyncio.run(ask())


def nano_of(provider) -> int:
    return sum(
        round(total["prompt_tokens"] * PRICES[model.removeprefix("sim-")][0] * 1e9)
        + round(total["completion_tokens"] * PRICES[model.removeprefix("sim-")][1] * 1e9)
        for model, total in provider.totals().items()
    )


@pytest.fixture
def config(provider, tmp_path):
    provider.clear()
    url = f"sqlite:///{tmp_path / 'tiering.db'}"
    tiering = {"store": {"url": url}, "budgets": [{"scope": "global", "limit_usd": 50, "window": "month"}]}
    return config_for(provider.base_url, tiering), url


def test_without_the_line_litellm_serves_alone_and_with_it_the_books_go_on(config, provider):
    made, url = config
    key = spend_before(url)
    lines = made["litellm_settings"].pop("callbacks")
    with serve_proxy(made) as proxy:
        answer = proxy.client.post("/v1/chat/completions", json=ASK)
        assert answer.status_code == 200
        assert answer.json()["model"] == "auto"
        assert not [name for name in answer.headers if name.startswith("x-tiering")]
        assert proxy.client.get("/tiering/status").status_code == 404
        assert list(provider.totals()) == ["sim-large"], "auto is an alias of the dearest tier's group"
        assert "litellm_tiering" not in proxy.process.text()
    assert spent(url, key) == BEFORE_NANO
    provider.clear()
    made["litellm_settings"]["callbacks"] = lines
    with serve_proxy(made) as proxy:
        answer = proxy.client.post("/v1/chat/completions", json=ASK)
        assert answer.headers["x-tiering-tier"] == "simple"
        eventually(lambda: spent(url, key) == BEFORE_NANO + nano_of(provider) > BEFORE_NANO, "it goes on")
        assert proxy.status()["budgets"][0]["spent_usd"] > BEFORE_NANO / 1e9


def test_with_the_line_and_without_the_section_the_proxy_says_so_and_does_not_start(config):
    made, _ = config
    del made["tiering"]
    with pytest.raises(NotReady) as caught, serve_proxy(made, deadline_s=60) as proxy:
        httpx.get(proxy.base_url, trust_env=False)
    said = str(caught.value)
    assert "the callback is registered, but there is no `tiering:` section" in said
    assert "Fix: add one to the proxy's config.yaml, or name a file in LITELLM_TIERING_CONFIG." in said
    # What helps stands at the end, where one looks, and once.
    assert said.count("there is no `tiering:` section") <= 2
