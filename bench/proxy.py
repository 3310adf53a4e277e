"""CPU per request of a LiteLLM proxy with the plugin, as a ratio to the same proxy without it.

Both run at once, on the same provider, and take the same load in turn: A B A B … What is compared is the
CPU time that each proxy's own process used, so the load generator's share does not count. Usage:

    python bench/proxy.py [--rounds 6] [--requests 300] [--concurrency 8]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import time
from pathlib import Path

import httpx

from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy
from litellm_tiering.testing.redis import serve_redis

TICKS = os.sysconf("SC_CLK_TCK")
GOAL = 1.05


def cpu_s(pid: int) -> float:
    """User and system CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def load(proxy: Proxy, model: str, count: int, concurrency: int) -> float:
    """Send ``count`` requests; the wall time in seconds."""
    waiting = iter(range(count))
    limits = httpx.Limits(max_connections=concurrency)
    headers = {"authorization": f"Bearer {proxy.key}"}
    async with httpx.AsyncClient(
        base_url=proxy.base_url, headers=headers, limits=limits, timeout=60
    ) as client:

        async def worker() -> None:
            for i in waiting:
                question = f"What is the capital of country number {i}?"
                body = {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": question}]}
                (await client.post("/v1/chat/completions", json=body)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(serve_provider())
        redis = stack.enter_context(serve_redis())
        plugin = {"store": {"url": redis.url}, "budgets": [{"scope": "global", "limit_usd": 1000}]}
        without = stack.enter_context(serve_proxy(config_for(provider.base_url, None)))
        with_ = stack.enter_context(serve_proxy(config_for(provider.base_url, plugin)))
        sides = {"without": (without, "small"), "with": (with_, "auto")}
        for proxy, model in sides.values():
            asyncio.run(load(proxy, model, 100, options.concurrency))
        per_request: dict[str, list[float]] = {name: [] for name in sides}
        for round_ in range(options.rounds):
            for name, (proxy, model) in sides.items():
                before = cpu_s(proxy.process.pid)
                wall = asyncio.run(load(proxy, model, options.requests, options.concurrency))
                used = (cpu_s(proxy.process.pid) - before) / options.requests
                per_request[name].append(used)
                print(f"round {round_ + 1} {name:8} {used * 1000:6.2f} ms CPU a request, {wall:5.1f} s wall")
        ratios = [w / wo for w, wo in zip(per_request["with"], per_request["without"], strict=True)]
        median = statistics.median(ratios)
        verdict = "met" if median <= GOAL else "MISSED"
        print(f"CPU per request with / without: median {median:.3f} of {options.rounds} rounds", end="")
        print(f" (from {min(ratios):.3f} to {max(ratios):.3f}); goal at most {GOAL}: {verdict}")


if __name__ == "__main__":
    main()
