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

from litellm_tiering.ledger.open import open_ledger
from litellm_tiering.testing.processes import Provider, free_port, serve_provider
from litellm_tiering.testing.proxy import PRICES, Proxy, config_for, serve_proxy
from litellm_tiering.testing.redis import RedisServer, serve_redis

AWAY_S = 5.0
"""How long each outage lasts."""

MORE_MS = 60.0
"""By how much the 95th percentile of latency may rise while the store is away."""

LOST_WITH_WORKER_S = 5.0
"""What a killed worker answered so shortly before may not have been settled yet: LiteLLM logs in batches."""

PLAN = (
    (0.10, "redis killed"),
    (0.24, "redis paused"),
    (0.38, "worker killed"),
    (0.50, "redis killed"),
    (0.64, "redis paused"),
    (0.78, "redis killed, empty after"),
)
_SETTLED_WITHIN_S = 60.0


@dataclass(slots=True)
class Asked:
    """One request: when it began, in seconds since the load did, how long it took, and how it ended."""

    user: str
    at_s: float
    ms: float = 0.0
    status: int = 0
    phase: str = "normal"


@dataclass(slots=True)
class Run:
    """What happened."""

    asked: list[Asked] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    worker_killed_s: float = -1.0


@dataclass
class Store:
    """A Redis that is killed and started again on the same port, with an append-only file."""

    folder: Path
    port: int
    stack: contextlib.ExitStack
    server: RedisServer | None = None

    def start(self) -> None:
        """Start it; with the file that the last one left."""
        options = ("--appendonly", "yes", "--appendfsync", "everysec")
        self.server = self.stack.enter_context(serve_redis(*options, port=self.port, folder=self.folder))

    def end(self, *, forget: bool) -> None:
        """Kill it as a crash would, and take its file away where it is to ``forget``."""
        assert self.server is not None
        self.server.kill()
        self.stack.close()
        if forget:
            for file in sorted(self.folder.rglob("*"), reverse=True):
                if file.is_file():
                    file.unlink()


def main() -> int:
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="tiering-chaos-") as folder,
        serve_provider(latency_ms=20) as provider,
        contextlib.ExitStack() as stack,
    ):
        store = Store(Path(folder), free_port(), stack)
        store.start()
        url = f"redis://127.0.0.1:{store.port}/0"
        config = config_for(provider.base_url, _tiering(url))
        with serve_proxy(config, workers=options.workers) as proxy:
            run = asyncio.run(_load(proxy, store, options))
            asyncio.run(_all_settled(proxy))
            if options.log:
                Path(options.log).write_text(proxy.process.text(), encoding="utf-8")
            settled = asyncio.run(_settled(url))
            served = _served(provider)
    print(_latencies(run))
    return _verdict(run, served, settled)


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
    except httpx.HTTPError:
        asked.status = -1
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
            os.kill(_a_worker(proxy.process.pid), signal.SIGKILL)
        elif what == "redis paused":
            assert store.server is not None
            store.server.pause()
        else:
            await asyncio.to_thread(store.end, forget="empty" in what)
        await asyncio.sleep(min(AWAY_S, 0.08 * seconds))
        if what == "redis paused":
            assert store.server is not None
            store.server.resume()
        elif what != "worker killed":
            await asyncio.to_thread(store.start)
        run.events.append((time.monotonic() - began, "normal"))


def _a_worker(parent: int) -> int:
    """One of the processes that serve requests: a child of the first, started by multiprocessing."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    for child in children:
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in command:
            return int(child)
    raise RuntimeError(f"process {parent} has no worker: {children}")


# ---------------------------------------------------------------------- books


async def _all_settled(proxy: Proxy) -> None:
    """Wait until nothing is spooled, and a few moments more for LiteLLM's own logging."""
    ends = time.monotonic() + _SETTLED_WITHIN_S
    quiet = 0
    while time.monotonic() < ends and quiet < 10:
        try:
            store = proxy.status()["store"]
        except httpx.HTTPError:
            quiet = 0
        else:
            quiet = quiet + 1 if store["ok"] and not store["spooled"] else 0
        await asyncio.sleep(0.5)


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


def _served(provider: Provider) -> dict[str, int]:
    """What the provider served of each request, in nano-dollars at the models' prices."""
    found: dict[str, int] = {}
    for call in provider.calls():
        if call["status"] != 200:
            continue
        prompt, completion = PRICES[str(call["model"]).removeprefix("sim-")]
        cost = round(int(str(call["prompt_tokens"])) * prompt * 1e9) + round(
            int(str(call["completion_tokens"])) * completion * 1e9
        )
        user = f"r{int(str(call['seed'])):06d}"
        found[user] = found.get(user, 0) + cost
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
            f"{phase:28}{len(times):>9}{fine:>7}{statistics.median(times):>9.1f}{_p95(times):>9.1f}{times[-1]:>9.1f}"
        )
    return "\n".join(rows)


def _p95(times: list[float]) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def _verdict(run: Run, served: dict[str, int], settled: dict[str, int]) -> int:
    """Print what agrees and what does not; 1 where something does not."""
    asked = {a.user: a for a in run.asked}
    wrong = [u for u, cost in served.items() if u in settled and settled[u] != cost]
    unserved = [u for u in settled if u != "*" and u not in served]
    missing = [u for u in served if u not in settled]
    in_hand, lost = [], []
    for user in missing:
        a = asked.get(user)
        ended_s = 0.0 if a is None else a.at_s + a.ms / 1000
        near = a is not None and a.at_s <= run.worker_killed_s <= ended_s + LOST_WITH_WORKER_S
        (in_hand if near else lost).append(user)
    of_settled = sum(cost for user, cost in served.items() if user in settled)
    total = settled.get("*", 0)
    away = [a.ms for a in run.asked if a.phase.startswith("redis")]
    normal = [a.ms for a in run.asked if a.phase == "normal"]
    rise = _p95(away) - _p95(normal)
    failed = sum(a.status != 200 for a in run.asked)
    unexplained = sum(
        a.status != 200 and not a.at_s <= run.worker_killed_s <= a.at_s + a.ms / 1000 + 1 for a in run.asked
    )
    print(f"\nserved by the provider     {len(served):>8} requests  {sum(served.values()):>16,} nano-dollars")
    print(
        f"settled of those           {len(served) - len(missing):>8} requests  {of_settled:>16,} nano-dollars"
    )
    print(f"the ledger's global total  {'':>8}           {total:>16,} nano-dollars")
    print(f"counted wrong {len(wrong)}, never served {len(unserved)}, missing {len(lost)}")
    print(f"in the killed worker's hands and not settled: {len(in_hand)}")
    print(f"requests that failed: {failed}, of them not by the killed worker: {unexplained}")
    print(f"95th percentile while the store is away: {rise:+.1f} ms (bar {MORE_MS:+.0f})")
    fine = (
        not wrong
        and not unserved
        and not lost
        and total == of_settled
        and not unexplained
        and rise <= MORE_MS
    )
    print("every cost is counted once" if fine else "NOT as it should be")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
