"""A proxy under load while its store and its workers come and go: is every cost still counted, once?

Four workers, Redis, two minutes of load. Redis is killed three times (twice it comes back with what it had,
once empty), paused twice, and one worker is killed. Every request is somebody's of its own, so that the
provider's count of what it served and the ledger's of what was settled can be held against each other,
request by request, to the nano-dollar. What is lost with a killed worker is what it had in hand.

    python bench/chaos.py [--seconds 120] [--workers 4] [--rate 20]

Ends with 1 where a cost is missing, counted twice or wrong, or requests wait for a store that is away.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import os
import signal
import statistics
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from chaos_kit import (
    LOST_WITH_WORKER_S,
    Books,
    Store,
    all_settled,
    by_a_kill,
    end_when_told,
    quantile,
    served,
    workers,
)
from litellm_tiering.ledger.open import open_ledger
from litellm_tiering.testing.processes import free_port, serve_provider
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy

AWAY_S = 5.0
"""How long each outage lasts."""

START_WITHIN_S = 400.0
"""A busy machine takes minutes to start several workers."""

MORE_MS = 60.0
"""By how much the 95th percentile of latency may rise while the store is away."""

BROKE = -1
"""The status of a request whose connection broke: nobody answered."""

LISTED = 20
"""So many failed requests are listed, those that are nearest to the worker's death."""

PLAN = (
    (0.10, "redis killed"),
    (0.24, "redis paused"),
    (0.38, "worker killed"),
    (0.50, "redis killed"),
    (0.64, "redis paused"),
    (0.78, "redis killed, empty after"),
)


@dataclass(slots=True)
class Asked:
    """One request: when it began, in seconds since the load did, how long it took, and how it ended."""

    user: str
    at_s: float
    ms: float = 0.0
    status: int = 0
    phase: str = "normal"
    said: str = ""

    @property
    def ended_s(self) -> float:
        """When it ended, in seconds since the load began."""
        return self.at_s + self.ms / 1000


@dataclass(slots=True)
class Run:
    """What happened."""

    asked: list[Asked] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    worker_killed_s: float = -1.0


def main() -> int:
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="tiering-chaos-") as folder,
        serve_provider(latency_ms=20) as provider,
        contextlib.ExitStack() as stack,
    ):
        store = Store(Path(folder), free_port(), stack)
        store.start()
        url = store.url
        config = config_for(provider.base_url, _tiering(url))
        with serve_proxy(config, workers=options.workers, deadline_s=START_WITHIN_S) as proxy:
            run = asyncio.run(_load(proxy, store, options))
            asyncio.run(all_settled(proxy))
            if options.log:
                Path(options.log).write_text(proxy.process.text(), encoding="utf-8")
            settled = asyncio.run(_settled(url))
            calls = provider.calls()
    print(_latencies(run))
    return _verdict(run, served(calls), settled)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of load (120)")
    parser.add_argument("--workers", type=int, default=4, help="of the proxy (4)")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second (20)")
    parser.add_argument("--log", default="", help="a file for what the proxy wrote")
    return parser.parse_args()


def _tiering(url: str) -> dict[str, Any]:
    return {
        "budgets": [
            {"scope": "global", "limit_usd": 1000},
            {"scope": "end_user"},
        ],
        "store": {"url": url, "on_error": "open"},
    }


# ---------------------------------------------------------------------- load


async def _load(proxy: Proxy, store: Store, options: argparse.Namespace) -> Run:
    """Ask at a steady rate while the plan is carried out."""
    run = Run()
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    headers = {"authorization": f"Bearer {proxy.key}"}
    async with httpx.AsyncClient(
        base_url=proxy.base_url, headers=headers, trust_env=False, timeout=60, limits=limits
    ) as client:
        # A worker's first requests are slow: LiteLLM loads what it needs.
        await asyncio.gather(
            *(_ask(client, Asked(f"r{900_000 + i:06d}", 0.0)) for i in range(8 * options.workers))
        )
        began = time.monotonic()
        chaos = asyncio.create_task(_chaos(run, store, proxy, began, options.seconds))
        tasks: list[asyncio.Task[None]] = []
        count = int(options.seconds * options.rate)
        for i in range(count):
            due = began + i / options.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            asked = Asked(f"r{i:06d}", time.monotonic() - began, phase=_phase(run))
            run.asked.append(asked)
            tasks.append(asyncio.create_task(_ask(client, asked)))
        await asyncio.gather(*tasks, chaos)
    return run


def _phase(run: Run) -> str:
    return run.events[-1][1] if run.events else "normal"


async def _ask(client: httpx.AsyncClient, asked: Asked) -> None:
    body = {
        # Half of them go to the cheap tier, half to the dear one.
        "model": "auto" if _number(asked) % 2 else "large",
        "messages": [
            {"role": "user", "content": f"What is the capital of France? {'More. ' * (_number(asked) % 7)}"}
        ],
        "user": asked.user,
        # What of a request reaches the provider as it is, and tells which one it was.
        "seed": int(asked.user[1:]),
        "max_tokens": 20,
    }
    began = time.monotonic()
    try:
        answer = await client.post("/v1/chat/completions", json=body)
    except httpx.HTTPError as error:
        asked.status, asked.said = BROKE, type(error).__name__
    else:
        asked.status = answer.status_code
    asked.ms = (time.monotonic() - began) * 1000


def _number(asked: Asked) -> int:
    return zlib.crc32(asked.user.encode())


async def _chaos(run: Run, store: Store, proxy: Proxy, began: float, seconds: float) -> None:
    for share, what in PLAN:
        await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
        run.events.append((time.monotonic() - began, what))
        if what == "worker killed":
            run.worker_killed_s = time.monotonic() - began
            os.kill(workers(proxy.process.pid)[0], signal.SIGKILL)
        elif what == "redis paused":
            store.pause()
        else:
            await asyncio.to_thread(store.end, forget="empty" in what)
        await asyncio.sleep(min(AWAY_S, 0.08 * seconds))
        if what == "redis paused":
            store.resume()
        elif what != "worker killed":
            await asyncio.to_thread(store.start)
        run.events.append((time.monotonic() - began, "normal"))


# ---------------------------------------------------------------------- books


async def _settled(url: str) -> dict[str, int]:
    """What the ledger has of each request, in nano-dollars; ``*`` is the whole."""
    ledger = open_ledger(url)
    try:
        live = await ledger.active(time.time())
    finally:
        await ledger.close()
    found: dict[str, int] = {}
    today = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}"
    for key, balance in live.items():
        scope, id_, window = key.split("|")
        if scope in {"end_user", "global"} and today in window:
            found[id_] = found.get(id_, 0) + balance.spent
    return found


def _latencies(run: Run) -> str:
    """A table of latencies by what was going on."""
    rows = [f"{'':28}{'requests':>9}{'ok':>7}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}"]
    phases = ["normal", *dict.fromkeys(what for _, what in PLAN)]
    for phase in phases:
        times = sorted(a.ms for a in run.asked if a.phase == phase)
        if not times:
            continue
        fine = sum(a.status == 200 for a in run.asked if a.phase == phase)
        rows.append(
            f"{phase:28}{len(times):>9}{fine:>7}{statistics.median(times):>9.1f}{quantile(times):>9.1f}{times[-1]:>9.1f}"
        )
    return "\n".join(rows)


def _verdict(run: Run, served_: dict[str, int], settled: dict[str, int]) -> int:
    """Print what agrees and what does not; 1 where something does not."""
    killed_s = run.worker_killed_s
    in_hand = {
        a.user: f", {_moment(a, killed_s)}"
        for a in run.asked
        if a.at_s <= killed_s <= a.ended_s + LOST_WITH_WORKER_S
    }
    of_requests = {user: cost for user, cost in settled.items() if user != "*"}
    books = Books(served_, of_requests, settled.get("*", 0), frozenset(in_hand), when=in_hand)
    away = [a.ms for a in run.asked if a.phase.startswith("redis")]
    normal = [a.ms for a in run.asked if a.phase == "normal"]
    rise = quantile(away) - quantile(normal)
    failed = [a for a in run.asked if a.status != 200]
    unexplained = [
        a for a in failed if not by_a_kill(a.at_s, a.ended_s, broke=a.status == BROKE, killed=[killed_s])
    ]
    print(f"\n{books.text()}")
    print(f"requests that failed: {len(failed)}, of them not by the killed worker: {len(unexplained)}")
    for a in sorted(failed, key=lambda a: abs(a.at_s - killed_s))[:LISTED]:
        print(f"  {a.user} {a.said or a.status}, {_moment(a, killed_s)}")
    print(f"95th percentile while the store is away: {rise:+.1f} ms (bar {MORE_MS:+.0f})")
    fine = books.equal and not unexplained and rise <= MORE_MS
    print("every cost is counted once" if fine else "NOT as it should be")
    return 0 if fine else 1


def _moment(asked: Asked, killed_s: float) -> str:
    """When a request was asked and ended, seen from the worker's death."""
    return f"from {asked.at_s - killed_s:+.2f} s to {asked.ended_s - killed_s:+.2f} s of the kill"


if __name__ == "__main__":
    end_when_told()
    sys.exit(main())
