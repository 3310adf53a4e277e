"""How long the ledgers take, next to a bare INCRBY over the same client in the same run.

    python bench/ledger.py [CALLS]

Each call is under two counters. "alone" is what a request waits for, the reserve, one after the other; a
settlement, for which nobody waits, is not in it: with Redis it waits up to 10 ms for company. "busy" is
reserve and settle, by 16 at a time that go on as soon as they are done.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.budget import Limit
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.redis_url import connector
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Hold
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_tiering.ports import Ledger

NOW = 1_800_000_000
AT_ONCE = 16
PATIENT_S = 5.0
LIMITS = tuple(Limit(key, NOW + 86_400, (10**15, -1), 10**15) for key in ("global", "team:research"))


async def measure(call: Callable[[int], Awaitable[float]], calls: int) -> tuple[float, float]:
    """The median seconds that a call alone keeps a request waiting, and calls per second when busy."""
    for i in range(calls // 10):
        await call(-1 - i)
    took = [await call(i) for i in range(calls)]
    waiting = iter(range(calls, 2 * calls))

    async def worker() -> None:
        for i in waiting:
            await call(i)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return statistics.median(took), calls / (time.perf_counter() - started)


def incrby(client: Any) -> Callable[[int], Awaitable[float]]:  # noqa: ANN401 - redis-py's clients share no type
    async def one(_: int) -> float:
        started = time.perf_counter()
        await client.incrby("bare", 1)
        return time.perf_counter() - started

    return one


def reserve_and_settle(ledger: Ledger) -> Callable[[int], Awaitable[float]]:
    async def both(i: int) -> float:
        now_s = NOW + i * 0.01
        started = time.perf_counter()
        answer = await ledger.reserve(Hold(f"{i:032x}", LIMITS, (9_000, 1_000), True, now_s, 600))
        took = time.perf_counter() - started
        assert answer.reservation is not None
        assert await ledger.settle(answer.reservation, 4_000, now_s)
        return took

    return both


async def main(calls: int) -> None:
    with serve_redis() as server, tempfile.TemporaryDirectory() as folder:
        bare = connector(server.url, PATIENT_S)().client
        rows = [("INCRBY, one round trip", *await measure(incrby(bare), calls))]
        await bare.aclose()
        for ledger in (
            MemoryLedger(),
            SqliteLedger(f"{folder}/bench.db"),
            RedisLedger.from_url(server.url, timeout_s=PATIENT_S),
        ):
            row = await measure(reserve_and_settle(ledger), calls)
            rows.append((ledger.kind, *row))
            await ledger.close()
    base_s, base_rate = rows[0][1:]
    print(f"{'':26}{'alone, median':>16}{'of INCRBY':>11}{'busy, per second':>19}{'of INCRBY':>11}")
    for name, took_s, rate in rows:
        print(
            f"{name:26}{took_s * 1e6:>13.0f} µs{took_s / base_s:>11.2f}{rate:>19.0f}{rate / base_rate:>11.2f}"
        )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
