"""What a soak looks at: each worker from outside and from inside, Redis, the spool, latencies."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import redis

from chaos_kit import median, quantile, workers

if TYPE_CHECKING:
    from chaos_kit import Store
    from litellm_tiering.testing.processes import Provider
    from litellm_tiering.testing.proxy import Proxy
    from soak_load import Load

PROBE = r'''
import asyncio, collections, gc, json, os, sys, threading, time
from litellm.integrations.custom_logger import CustomLogger

FOLDER = os.environ["SOAK_FOLDER"]
SIZED = (dict, list, set, frozenset, collections.deque)
EVERY_S = float(os.environ["SOAK_EVERY_S"])


def sizes(root):
    """How much is in each container that our objects hold, by the way to it."""
    found, seen, waiting = {}, {id(root)}, [("gateway", root, 0)]
    while waiting:
        way, one, depth = waiting.pop()
        names = list(getattr(one, "__dict__", ()))
        names += [n for kind in type(one).__mro__ for n in getattr(kind, "__slots__", ())]
        for name in names:
            value = getattr(one, name, None)
            if isinstance(value, SIZED):
                found[f"{way}.{name}"] = len(value)
            elif type(value).__module__.startswith("litellm_tiering") and depth < 6 and id(value) not in seen:
                seen.add(id(value))
                waiting.append((f"{way}.{name}", value, depth + 1))
    return found


class Probe(CustomLogger):
    """What LiteLLM itself says that each call cost, and every so often how this worker is."""

    def __init__(self):
        super().__init__()
        self.loop = None
        try:
            os.close(os.open(f"{FOLDER}/probe-{os.getpid()}.jsonl", os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return  # LiteLLM executes this file once more for another reference
        threading.Thread(target=self.run, daemon=True).start()

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.write(kwargs, "success")

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.write(kwargs, "failure")

    async def async_post_call_response_headers_hook(self, *args, **kwargs):
        self.loop = asyncio.get_running_loop()

    def write(self, kwargs, kind):
        payload = kwargs.get("standard_logging_object") or {}
        line = [kind, payload.get("end_user") or "", payload.get("response_cost") or 0]
        with open(f"{FOLDER}/logged-{os.getpid()}.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    def run(self):
        turn = 0
        while True:
            time.sleep(EVERY_S)
            turn += 1
            try:
                line = self.look(turn)
            except Exception as error:
                line = {"error": repr(error)}
            with open(f"{FOLDER}/probe-{os.getpid()}.jsonl", "a") as file:
                file.write(json.dumps({"at": time.time(), **line}) + "\n")

    def look(self, turn):
        tasks = asyncio.all_tasks(self.loop) if self.loop else set()
        named = collections.Counter(getattr(t.get_coro(), "__qualname__", "?") for t in tasks)
        found = {"tasks": len(tasks), "named": dict(named.most_common(12))}
        handler = getattr(sys.modules.get("litellm_tiering.plugin"), "__dict__", {}).get("handler")
        if handler is not None:
            engine = handler.gateway.engine
            found["sizes"] = sizes(handler.gateway)
            found["faults"] = dict(engine.faults)
            found["errors"] = dict(engine.books.store_errors)
            found["owed"] = engine.books.owed
        if turn % 8 == 1:
            found["objects"] = len(gc.get_objects())
        return found


probe = Probe()
'''


@dataclass(slots=True)
class Sample:
    """How things stood at one moment, in seconds since the load began."""

    at_s: float
    phase: str
    workers: dict[int, dict[str, float]] = field(default_factory=dict)
    redis: dict[str, float] = field(default_factory=dict)
    spool_bytes: int = 0
    store_ok: bool | None = None
    spooled: int = 0
    blue_usd: float = 0.0
    requests: int = 0
    failed: int = 0
    in_flight: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass
class Watch:
    """Samples until it is cancelled.

    Attributes:
        calls: What the provider was asked, by number: it keeps the last 10,000 only.
    """

    proxy: Proxy
    provider: Provider
    store: Store
    load: Load
    folder: Path
    every_s: float
    samples: list[Sample] = field(default_factory=list)
    calls: dict[int, dict[str, object]] = field(default_factory=dict)

    async def run(self) -> None:
        """Sample at a steady pace."""
        turn = 0
        while True:
            turn += 1
            await asyncio.sleep(self.every_s)
            sample = await asyncio.to_thread(self.look)
            self.samples.append(sample)
            print(self.line(sample), flush=True)
            if turn % 4 == 0:
                await asyncio.to_thread(self.listen)

    def listen(self) -> None:
        """Take down what the provider has been asked since."""
        for call in self.provider.calls():
            self.calls[int(str(call["n"]))] = call

    def look(self) -> Sample:
        """One sample; what does not answer is left out."""
        load = self.load
        sample = Sample(load.now_s(), load.phase)
        for pid in workers(self.proxy.process.pid):
            with contextlib.suppress(OSError, StopIteration):
                sample.workers[pid] = outside(pid)
        with (
            contextlib.suppress(redis.RedisError, OSError),
            redis.Redis.from_url(self.store.url, socket_timeout=1) as client,
        ):
            memory, clients = client.info("memory"), client.info("clients")
            sample.redis = {
                "used_mb": memory["used_memory"] / 1e6,
                "clients": clients["connected_clients"],
                "keys": client.dbsize(),
            }
        sample.spool_bytes = sum(f.stat().st_size for f in self.folder.glob("spool.db*"))
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            status = self.proxy.status()
            sample.store_ok, sample.spooled = status["store"]["ok"], status["store"]["spooled"]
            blue = [b for b in status["budgets"] if (b["scope"], b["id"]) == ("team", "blue")]
            sample.blue_usd = blue[0]["spent_usd"] if blue else 0.0
        times, sample.requests, sample.failed = load.lately()
        sample.in_flight = load.in_flight
        sample.p50_ms, sample.p95_ms, sample.p99_ms = (
            median(times),
            quantile(times),
            quantile(times, 0.99),
        )
        return sample

    @staticmethod
    def line(sample: Sample) -> str:
        """A sample for whoever looks on."""
        seen = " ".join(
            f"{pid}:{one['rss_mb']:.0f}MB/{one['fds']:.0f}fd" for pid, one in sorted(sample.workers.items())
        )
        return (
            f"{sample.at_s:7.0f} s {sample.phase:16} {seen}  redis {sample.redis.get('used_mb', 0):.1f} MB "
            f"{sample.redis.get('clients', 0):.0f} clients  spooled {sample.spooled}  "
            f"{sample.requests} requests, {sample.failed} failed, {sample.in_flight} in flight, "
            f"p50 {sample.p50_ms:.0f} p95 {sample.p95_ms:.0f} ms"
        )

    # ------------------------------------------------------------------ from inside

    def inside(self) -> dict[int, list[dict[str, Any]]]:
        """What each worker that there was has said of itself, over time; times since the load began."""
        found: dict[int, list[dict[str, Any]]] = {}
        for file in sorted(self.folder.glob("probe-*.jsonl")):
            pid = int(file.stem.partition("-")[2])
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            found[pid] = [{**row, "at": row["at"] - self.load.epoch_s} for row in rows]
        return found

    def logged(self) -> dict[str, int]:
        """What LiteLLM itself logged of each end user, in nano-dollars."""
        found: dict[str, int] = {}
        for file in self.folder.glob("logged-*.jsonl"):
            for line in file.read_text(encoding="utf-8").splitlines():
                _, user, cost = json.loads(line)
                found[user] = found.get(user, 0) + round(cost * 1e9)
        return found


def outside(pid: int) -> dict[str, float]:
    """A process as the system sees it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    rss = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    names = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            names.append(str(fd.readlink()))
    threads = next(line for line in status.splitlines() if line.startswith("Threads"))
    return {
        "rss_mb": int(rss.split()[1]) / 1024,
        "fds": len(names),
        "sockets": sum(name.startswith("socket:") for name in names),
        "threads": int(threads.split()[1]),
    }
