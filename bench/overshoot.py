"""By how much budgets are passed under load: ours with `at_ceiling: block`, and LiteLLM's own, in one run.

Every budget is worth 20 calls. 50 calls are sent at it one at a time, 400 calls 50 and 200 at a time, and
50 at a time to each of two proxies, to a provider that takes 200 ms to answer. What counts is what that
provider served. Every call is the same, sets `max_tokens` and gets an answer that uses all of it. Ours run
on Redis and on SQLite.

Beside them LiteLLM alone with `router_settings.provider_budget_config`, in the best case that its own
documentation describes: with Redis, its spend written and read every second, which is its default and the
least there is (`DEFAULT_REDIS_SYNC_INTERVAL` counts whole seconds), no retries, no cooldowns. One at a time
means there that each call is sent half a second after the last one came back, so that its spend has been
counted. Each load meets a budget of its own: with us that of an end user, with LiteLLM that of a provider.
Usage:

    python bench/overshoot.py [--calls 400] [--worth 20]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from kept import Kept
from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.proxy import PRICES, Proxy, config_for, serve_proxy
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from litellm_tiering.testing.processes import Provider
    from litellm_tiering.testing.redis import RedisServer

LATENCY_MS = 200
KEPT = Kept(__file__)
QUESTION = "Explain step by step how tides work, and why there are two a day. [[hard]]"
MAX_TOKENS = 60
CALM_S = 0.5
FEW = 50
"""Calls one at a time: beyond the 20 that fit and some more nothing changes."""

BROKEN = 0
"""Stands for the status of a call whose connection broke."""


@dataclass(frozen=True)
class Load:
    name: str
    provider: str
    concurrency: int
    proxies: int = 1


# Each with a provider of its own to LiteLLM: all of these speak OpenAI's language, and are the same process.
LOADS = (
    Load("1 at a time", "openai", 1),
    Load("50 at a time", "deepseek", 50),
    Load("200 at a time", "together_ai", 200),
    Load("two proxies, 50 each", "hosted_vllm", 50, proxies=2),
)


def body_of(load: Load, model: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": QUESTION}]
    return {"model": model, "messages": messages, "max_tokens": MAX_TOKENS, "user": load.provider}


def call_usd(provider: Provider) -> float:
    """What one such call costs."""
    body = body_of(LOADS[0], "sim-large")
    answer = httpx.post(f"{provider.openai_url}/chat/completions", json=body, timeout=30)
    answer.raise_for_status()
    usage = answer.json()["usage"]
    if usage["completion_tokens"] != MAX_TOKENS:
        raise SystemExit(f"the answer should use all of its {MAX_TOKENS} tokens: {usage}")
    return float(usage["prompt_tokens"] * PRICES["large"][0] + MAX_TOKENS * PRICES["large"][1])


def ours(provider: Provider, store: str, limit_usd: float) -> dict[str, Any]:
    budget = {"scope": "end_user", "limit_usd": limit_usd, "at_ceiling": "block", "downgrade": []}
    tiering = {"store": {"url": store}, "budgets": [{"scope": "global"}, budget], "cascade": False}
    return config_for(provider.base_url, tiering)


def theirs(provider: Provider, redis: RedisServer, limit_usd: float) -> dict[str, Any]:
    prices = {"input_cost_per_token": PRICES["large"][0], "output_cost_per_token": PRICES["large"][1]}
    models = [
        {
            "model_name": load.provider,
            "litellm_params": {
                "model": f"{load.provider}/sim-large",
                "api_base": provider.openai_url,
                "api_key": "none",
            },
            "model_info": prices,
        }
        for load in LOADS
    ]
    router = {
        "redis_host": "127.0.0.1",
        "redis_port": redis.port,
        "provider_budget_config": {
            load.provider: {"budget_limit": limit_usd, "time_period": "1d"} for load in LOADS
        },
        "num_retries": 0,
        "disable_cooldowns": True,
        "model_group_alias": {},
    }
    return config_for(provider.base_url, None, model_list=models, router_settings=router)


async def storm(proxies: list[Proxy], load: Load, model: str, calls: int, pause_s: float) -> dict[int, int]:
    """Send the load; how often each status was answered."""
    codes: dict[int, int] = {}
    waiting = iter(range(calls))
    limits = httpx.Limits(max_connections=load.concurrency)

    async def worker(client: httpx.AsyncClient) -> None:
        for _ in waiting:
            try:
                answer = await client.post("/v1/chat/completions", json=body_of(load, model))
                code = answer.status_code
                if code >= 500 and code not in codes:
                    print(f"  {code}: {answer.text[:300]}")
            except httpx.TransportError:
                code = BROKEN  # what it cost is counted all the same: the provider knows
            codes[code] = codes.get(code, 0) + 1
            await asyncio.sleep(pause_s)

    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=proxy.base_url,
                    headers={"authorization": f"Bearer {proxy.key}"},
                    limits=limits,
                    timeout=120,
                )
            )
            for proxy in proxies[: load.proxies]
        ]
        await asyncio.gather(*(worker(c) for c in clients for _ in range(load.concurrency)))
    return codes


def served(provider: Provider) -> tuple[int, float]:
    """How many calls the provider served since it was cleared, and what they cost."""
    found = provider.totals().get("sim-large", {})
    prompt, completion = PRICES["large"]
    return found.get("ok", 0), found.get("prompt_tokens", 0) * prompt + found.get(
        "completion_tokens", 0
    ) * completion


def measure(name: str, config: dict[str, Any], provider: Provider, limit_usd: float, calls: int) -> bool:
    """Start two proxies with this configuration and send every load; whether the limit always held."""
    held = True
    own = "tiering" in config
    with contextlib.ExitStack() as stack:
        proxies = [stack.enter_context(serve_proxy(config)) for _ in range(2)]
        for load in LOADS:
            provider.clear()
            one = load.concurrency == 1
            count = min(calls, FEW) if one else calls
            began = time.perf_counter()
            model = "large" if own else load.provider
            codes = asyncio.run(storm(proxies, load, model, count, CALM_S if one and not own else 0.0))
            wall_s = time.perf_counter() - began
            for proxy in proxies:
                if proxy.process.popen.poll() is not None:
                    raise SystemExit(f"a proxy ended under load. It wrote:\n{proxy.process.tail()}")
            ok, cost_usd = served(provider)
            kept = KEPT.table(
                "loads", "budget", "load", ("calls", ",d"), ("served", ",d"), ("spent, of the limit", ".0%")
            )
            kept.row(name, load.name, count, ok, cost_usd / limit_usd)
            held = held and cost_usd <= limit_usd * (1 + 1e-9)
            print(
                f"{name:22} {load.name:22} {count:5} {ok:7} {cost_usd / limit_usd:9.0%}"
                f" {max(0.0, cost_usd / limit_usd - 1):10.0%}  {wall_s:5.1f} s  {codes}",
                flush=True,
            )
    return held


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--worth", type=int, default=20)
    options = parser.parse_args()
    with (
        serve_provider(latency_ms=LATENCY_MS) as provider,
        serve_redis() as redis,
        tempfile.TemporaryDirectory(prefix="litellm-tiering-") as folder,
    ):
        limit_usd = options.worth * call_usd(provider)
        print(f"a limit worth {options.worth} calls: {limit_usd:.6f} USD")
        print(f"{'':22} {'load':22} {'calls':>5} {'served':>7} {'of limit':>9} {'overshoot':>10}")
        stores = {"ours, Redis": redis.url, "ours, SQLite": f"sqlite:///{Path(folder) / 'tiering.db'}"}
        rest = (provider, limit_usd, options.calls)
        held = [measure(name, ours(provider, url, limit_usd), *rest) for name, url in stores.items()]
        # Its own database of Redis would do; a server of its own leaves no doubt.
        with serve_redis() as other:
            measure("LiteLLM's own, Redis", theirs(provider, other, limit_usd), *rest)
    most = max(row[-1] for row in KEPT.tables["loads"].rows if row[0].startswith("ours"))
    KEPT.goal("the most that ours spent, of the limit", most, at_most=1 + 1e-9)
    print(f"ours within the limit under every load: {'yes' if all(held) else 'NO'}")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    KEPT.run(main)
