"""CPU per request of a LiteLLM proxy with the plugin, as a ratio to the same proxy without it.

Three proxies run at once, on the same provider: one without the plugin, one with it and the cascade off,
one with the cascade as it is by default. They take the same load in turn, A B C A B C …, in short bursts,
so that whatever else the machine does meets them alike: chat completions, and streams of 100 chunks, which
the cascade holds back as `prefix` does. No answer is escalated: what is seen is what looking costs. What is
compared is the CPU time that each proxy's own process used, so the load generator's share does not count.
Then the time to a stream's first content, one request at a time, from a provider that sends it at once and
from one that takes 10 ms for every 16 characters. Linux only. Usage:

    python bench/proxy.py [--rounds 24] [--requests 60] [--streams 16] [--concurrency 8]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from kept import Kept
from litellm_tiering.testing.processes import free_port, spawned, wait_http
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CPUCLOCK_SCHED = 2
GOALS = {("chat", "plugin"): 1.05, ("chat", "cascade"): 1.07}
KEPT = Kept(__file__)
SIDES = ("without", "plugin", "cascade")
FIRSTS = {False: 4, True: 1}
"""How many streams of each side are timed to their first content each round: at once, and slow ones."""


def cpu_s(pid: int) -> float:
    """User and system CPU seconds of a process so far, of all its threads, ended ones included."""
    return time.clock_gettime_ns(~pid << 3 | CPUCLOCK_SCHED) / 1e9  # as clock_getcpuclockid(3) makes it


def body_of(model: str, i: int, *, stream: bool, slowly: bool = False) -> dict:
    question = f"What is the capital of country number {i}?" + (" Answer slowly." if slowly else "")
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    return {**body, "stream": True} if stream else {**body, "max_tokens": 20}


@contextlib.asynccontextmanager
async def asking(proxy: Proxy, connections: int) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=connections)
    headers = {"authorization": f"Bearer {proxy.key}"}
    async with httpx.AsyncClient(
        base_url=proxy.base_url, headers=headers, limits=limits, timeout=60
    ) as client:
        yield client


def must_be_well(answer: httpx.Response) -> None:
    if answer.is_error:
        raise SystemExit(f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}")


async def load(proxy: Proxy, model: str, count: int, concurrency: int, *, stream: bool) -> float:
    """Send ``count`` requests; the wall time in seconds."""
    waiting = iter(range(count))
    async with asking(proxy, concurrency) as client:

        async def worker() -> None:
            for i in waiting:
                answer = await client.post("/v1/chat/completions", json=body_of(model, i, stream=stream))
                must_be_well(answer)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return time.perf_counter() - began


async def firsts(proxy: Proxy, model: str, count: int, *, slowly: bool) -> list[float]:
    """How long ``count`` streams, one after the other, take to their first content, in milliseconds."""
    found = []
    async with asking(proxy, 1) as client:
        for i in range(count):
            body = body_of(model, i, stream=True, slowly=slowly)
            began, first = time.perf_counter(), None
            async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                if answer.is_error:
                    await answer.aread()
                must_be_well(answer)
                async for line in answer.aiter_lines():
                    if first is None and content(line):
                        first = time.perf_counter() - began
            if first is not None:
                found.append(first * 1000)
    return found


def content(line: str) -> str:
    """What a line of a stream adds to the answer."""
    if not line.startswith("data: {"):
        return ""
    choices = json.loads(line[6:]).get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""


def tell(kind: str, per_request: dict[str, list[float]]) -> None:
    """The ratios of one kind of request, round by round against the proxy without the plugin."""
    for side in SIDES[1:]:
        ratios = [w / wo for w, wo in zip(per_request[side], per_request["without"], strict=True)]
        median = statistics.median(ratios)
        goal = GOALS.get((kind, side))
        verdict = "" if goal is None else f"; goal at most {goal}: {'met' if median <= goal else 'MISSED'}"
        print(
            f"{kind:7} CPU per request, {side} / without: median {median:.3f} of {len(ratios)} rounds", end=""
        )
        low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        if goal is not None:
            KEPT.goal(f"CPU per request, {kind}, {side} / without", median, at_most=goal)
        kept = KEPT.table(
            "cpu",
            "requests",
            "beside LiteLLM alone",
            ("CPU, ratio (half of the rounds between)", ".3f"),
            ("rounds", "d"),
        )
        kept.row(kind, side, (median, low, high), len(ratios))
        print(f" (half of them from {low:.3f} to {high:.3f}){verdict}")


def tell_firsts(pace: str, found: dict[str, list[float]]) -> None:
    base = statistics.median(found["without"])
    for side in SIDES:
        median = statistics.median(found[side])
        kept = KEPT.table(
            "firsts", "stream", "side", ("first content, ms", ".1f"), ("more than LiteLLM alone, ms", "+.1f")
        )
        kept.row(pace, side, median, median - base)
        print(
            f"first content of a stream, {pace}, {side:8} median {median:7.1f} ms ({median - base:+.1f} ms)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        wordy = [sys.executable, str(Path(__file__).with_name("wordy.py")), str(port)]
        wait_http(f"{url}/v1/models", stack.enter_context(spawned(wordy, name="the provider")))
        redis = stack.enter_context(serve_redis())
        plugin = {"store": {"url": redis.url}, "budgets": [{"scope": "global", "limit_usd": 1000}]}
        tierings = {"without": None, "plugin": {**plugin, "cascade": False}, "cascade": plugin}
        proxies = {side: stack.enter_context(serve_proxy(config_for(url, tierings[side]))) for side in SIDES}
        models = {side: "small" if side == "without" else "auto" for side in SIDES}
        counts = {"chat": options.requests, "stream": options.streams}
        for side, proxy in proxies.items():
            for stream in (False, True):
                asyncio.run(load(proxy, models[side], 60, options.concurrency, stream=stream))
        per_request: dict = {kind: {side: [] for side in SIDES} for kind in counts}
        early: dict = {slowly: {side: [] for side in SIDES} for slowly in (False, True)}
        for round_ in range(options.rounds):
            for kind, count in counts.items():
                for side, proxy in proxies.items():
                    before = cpu_s(proxy.process.pid)
                    sent = load(proxy, models[side], count, options.concurrency, stream=kind == "stream")
                    wall = asyncio.run(sent)
                    used = (cpu_s(proxy.process.pid) - before) / count
                    per_request[kind][side].append(used)
                    line = f"round {round_ + 1:2} {kind:7}{side:8} {used * 1000:6.2f} ms CPU a request"
                    print(f"{line}, {wall:5.1f} s wall")
            for slowly, found in early.items():
                for side, proxy in proxies.items():
                    found[side] += asyncio.run(firsts(proxy, models[side], FIRSTS[slowly], slowly=slowly))
        for kind, found in per_request.items():
            tell(kind, found)
        for slowly, found in early.items():
            tell_firsts("10 ms a chunk" if slowly else "all at once", found)
        called = httpx.get(f"{url}/stats").json()
        print(f"calls of each model (of the cheapest alone where nothing escalated): {called}")


if __name__ == "__main__":
    KEPT.run(main)
