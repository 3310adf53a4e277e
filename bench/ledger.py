"""How long the ledgers take, next to a bare INCRBY over the same client in the same run.

    python bench/ledger.py [CALLS]

Each call is under two counters, and each settlement carries a row of the day's totals. "alone" is one call
after the other: the reserve is what a request waits for; a settlement, for which nobody waits, waits with
Redis up to 10 ms for company, which is left out here. "busy" is reserve and settle, by 128 at a time that go
on as soon as they are done; a Redis that is alone gets them in one pipeline, a Cluster one by one.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

from kept import Kept
from litellm_tiering.core.budget import Limit
from litellm_tiering.ledger import batch
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.redis_url import connector
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Hold, Tally
from litellm_tiering.testing.redis import serve_redis, serve_redis_cluster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_tiering.ports import Ledger

NOW = 1_800_000_000
AT_ONCE = 128
PATIENT_S = 5.0
KEPT = Kept(__file__)
TALLY = Tally(
    "2027-01-15", 8, NOW + 86_400, "auto", "simple", "small", "research", "heuristic", 1, 0, 1, 4_000, 9_000
)
LIMITS = tuple(Limit(key, NOW + 86_400, (10**15, -1), 10**15) for key in ("global", "team:research"))


async def measure(
    call: Callable[[int], Awaitable[tuple[float, ...]]], calls: int
) -> tuple[list[float], float]:
    """The median seconds of each part of a call alone, and calls per second when busy."""
    for i in range(calls // 10):
        await call(-1 - i)
    with mock.patch.object(batch, "COMPANY_S", 0):
        took = [await call(i) for i in range(calls)]
    waiting = iter(range(calls, 2 * calls))

    async def worker() -> None:
        for i in waiting:
            await call(i)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return [statistics.median(part) for part in zip(*took, strict=True)], calls / (
        time.perf_counter() - started
    )


def incrby(client: Any) -> Callable[[int], Awaitable[tuple[float, ...]]]:  # noqa: ANN401 - redis-py's clients share no type
    async def one(_: int) -> tuple[float, ...]:
        started = time.perf_counter()
        await client.incrby("bare", 1)
        return (time.perf_counter() - started,)

    return one


def reserve_and_settle(ledger: Ledger) -> Callable[[int], Awaitable[tuple[float, ...]]]:
    async def both(i: int) -> tuple[float, ...]:
        now_s = NOW + i * 0.01
        started = time.perf_counter()
        answer = await ledger.reserve(Hold(f"{i:032x}", LIMITS, (9_000, 1_000), True, now_s, 600))
        between = time.perf_counter()
        assert answer.reservation is not None
        settled = await ledger.settle(answer.reservation, 4_000, now_s, TALLY)
        assert settled.counted
        return between - started, time.perf_counter() - between

    return both


async def main(calls: int) -> None:
    with serve_redis() as server, serve_redis_cluster() as nodes, tempfile.TemporaryDirectory() as folder:
        bare = connector(server.url, PATIENT_S)().client
        (base_s,), base_rate = await measure(incrby(bare), calls)
        await bare.aclose()
        cluster = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        ledgers = {
            "memory": MemoryLedger(),
            "sqlite": SqliteLedger(f"{folder}/bench.db"),
            "redis": RedisLedger.from_url(server.url, timeout_s=PATIENT_S),
            "redis cluster": RedisLedger.from_url(cluster, timeout_s=PATIENT_S),
        }
        print(f"{'':24}{'alone, median':^46}{'busy':^30}")
        print(
            f"{'':24}{'reserve':>13}{'of INCRBY':>10}{'settle':>13}{'of INCRBY':>10}"
            f"{'a second':>13}{'of INCRBY':>10}"
        )
        print(
            f"{'INCRBY, one round trip':24}{base_s * 1e6:>10.0f} µs{1:>10.2f}{'':23}"
            f"{base_rate:>13.0f}{1:>10.2f}"
        )
        kept = KEPT.table(
            "stores", "store", ("reserve alone, µs", ".0f"), ("of INCRBY", ".2f"),
            ("settle alone, µs", ".0f"), ("of INCRBY", ".2f"), ("a second, busy", ",.0f"),
            ("of INCRBY", ".2f"),
        )  # fmt: skip
        kept.row("INCRBY, one round trip", base_s * 1e6, 1.0, None, None, base_rate, 1.0)
        for name, ledger in ledgers.items():
            (reserve_s, settle_s), rate = await measure(reserve_and_settle(ledger), calls)
            await ledger.close()
            each = (reserve_s * 1e6, reserve_s / base_s, settle_s * 1e6, settle_s / base_s)
            kept.row(name, *each, rate, rate / base_rate)
            print(
                f"{name:24}{reserve_s * 1e6:>10.0f} µs{reserve_s / base_s:>10.2f}{settle_s * 1e6:>10.0f} µs"
                f"{settle_s / base_s:>10.2f}{rate:>13.0f}{rate / base_rate:>10.2f}"
            )


if __name__ == "__main__":
    KEPT.run(lambda: asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3_000)))
