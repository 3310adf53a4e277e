"""What a Redis ledger takes of Redis's memory: bytes per ended attempt and per counter.

    python bench/memory.py

Marks: attempts end at 1, 100, 1,000 and 10,000 a second, and what their marks take is what ``used_memory``
grows by. What a mark takes depends on how many there are within one step of ten minutes, so whole steps are
written, by the ledger's own script, and a day is 144 of them. For the highest rate there are a sixteenth of
the attempts, and a sixteenth of the sets at each level: as many to a set as there would be. Each rate stands
beside one key per attempt, which is what went before.

Counters: 20,000 of them, with ids of 64 characters and two holds in flight, by ``MEMORY USAGE`` and by
``used_memory`` without what marks and connections take; the index tells of 5,000 at most, so those
that have an entry are also measured by themselves.
"""

from __future__ import annotations

import asyncio
import statistics
import uuid
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import redis.asyncio

from kept import Kept
from litellm_tiering.core.budget import NO_BOUND, Limit
from litellm_tiering.ledger import marks as ledger_marks
from litellm_tiering.ledger.batch import Script, ask
from litellm_tiering.ledger.marks import SPAN_S
from litellm_tiering.ledger.redis import COUNTER, INDEX, RedisLedger
from litellm_tiering.ports import Hold, Reservation
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

NOW = 1_800_000_000
EXPIRES = NOW + 35 * 86_400
STEPS_A_DAY = 86_400 // SPAN_S
AT_ONCE = 256
TOGETHER = 500
COUNTERS, INDEXED = 20_000, 5_000
WINDOW = "day:2027-01-15@Europe/Berlin"
MOST_BYTES = 500
PATIENT_S = 60.0
KEPT = Kept(__file__)

MARK_ALL = Script(
    Script.of("marks.lua").text
    + """
for i = 1, #ARGV / 2 do
  mark(3 * i - 2, 3, 3, ARGV[2 * i], tonumber(ARGV[1]), tonumber(ARGV[2 * i + 1]), 86400)
end
return {}
"""
)


async def used(client: Any) -> int:  # noqa: ANN401 - redis-py's clients share no type
    """Without the buffers of connections, which come and go."""
    info = await client.info("memory")
    return int(info["used_memory"]) - int(info["mem_clients_normal"])


async def all_(calls: Iterable[Awaitable[Any]]) -> None:
    waiting = iter(calls)

    async def worker() -> None:
        for call in waiting:
            await call

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def mark_rows(client: Any) -> None:  # noqa: ANN401 - redis-py's clients share no type
    print(
        f"\n{'attempts a second':>18}{'a key each':>14}{'a day':>12}{'in sets':>11}{'a day':>12}{'packed':>9}"
    )
    levels = ledger_marks.LEVELS
    for rate, steps, part in ((1, 60, 1), (100, 2, 1), (1_000, 1, 1), (10_000, 1, 16)):
        ledger_marks.LEVELS = tuple(sets // part for sets in levels)
        ledger_marks._FIRST = tuple(accumulate((0, *ledger_marks.LEVELS[:-1])))  # noqa: SLF001 - scaled down
        count = rate * SPAN_S * steps // part
        before = await grown(client, by_key, min(count, 60_000), rate)
        after = await grown(client, in_sets, count, rate // part or 1)
        packed = await share_packed(client)
        day = rate * SPAN_S * STEPS_A_DAY
        kept = KEPT.table(
            "marks", ("attempts a second", ",d"), ("a key each, B", ".1f"), ("a day, MB", ",.0f"),
            ("in sets, B", ".1f"), ("a day, MB", ",.0f"), ("packed", ".0%"),
        )  # fmt: skip
        kept.row(rate, before, before * day / 1e6, after, after * day / 1e6, packed)
        print(
            f"{rate:>18,}{before:>12.1f} B{before * day / 1e6:>9,.0f} MB{after:>9.1f} B"
            f"{after * day / 1e6:>9,.0f} MB{packed:>8.0%}"
        )
    ledger_marks.LEVELS = levels


async def grown(client: Any, end: Any, count: int, rate: int) -> float:  # noqa: ANN401 - as above
    """By how many bytes an ended attempt makes Redis grow."""
    await client.flushall()
    await end(client, range(1), rate)
    await client.flushall()
    before = await used(client)
    for at in range(0, count, TOGETHER):
        await end(client, range(at, min(at + TOGETHER, count)), rate)
    return (await used(client) - before) / count


async def in_sets(client: Any, attempts: range, rate: int) -> None:  # noqa: ANN401 - as above
    keys: list[str] = []
    args: list[int] = [NOW]
    for i in attempts:
        mark = ledger_marks.marks(Reservation(uuid.uuid4().hex, (), (), 1, NOW + i // rate))
        keys += mark.keys
        args += (mark.number, mark.ends_s)
    await ask(client, MARK_ALL, keys, args)


async def by_key(client: Any, attempts: range, _: int) -> None:  # noqa: ANN401 - as above
    async with client.pipeline(transaction=False) as together:
        for _i in attempts:
            together.set(f"{ledger_marks.MARK}{uuid.uuid4().hex}", "", nx=True, ex=86_400)
        await together.execute()


async def share_packed(client: Any) -> float:  # noqa: ANN401 - as above
    keys = [key async for key in client.scan_iter(f"{ledger_marks.MARK}*", count=10_000)][:2_000]
    return statistics.mean([await client.object("encoding", key) == b"intset" for key in keys])


async def counter_rows(client: Any, ledger: RedisLedger) -> None:  # noqa: ANN401 - as above
    await client.flushall()
    await ledger.hello(NOW)

    async def counter(i: int) -> None:
        key = f"key|{i + 1:064x}|{WINDOW}"
        for minute in range(2):
            limit = Limit(key, EXPIRES, (NO_BOUND,), 10**12, True)
            hold = Hold(uuid.uuid4().hex, (limit,), (12_345_678,), True, NOW + 60 * minute, 600)
            await ledger.reserve(hold)
        await ledger.settle(Reservation(f"cost-{i}", (key,), (EXPIRES,), 0, NOW), 123_456_789_012, NOW)

    async def without_marks() -> int:
        await client.delete(*[key async for key in client.scan_iter(f"{ledger_marks.MARK}*", count=10_000)])
        return await used(client)

    await counter(-1)
    before = await without_marks()
    await all_(counter(i) for i in range(INDEXED))
    indexed = (await without_marks() - before) / INDEXED
    await all_(counter(i) for i in range(INDEXED, COUNTERS))
    each = (await without_marks() - before) / COUNTERS
    name = f"{COUNTER}key|{COUNTERS:064x}|{WINDOW}"
    own = await client.memory_usage(name)
    entry = await client.memory_usage(INDEX, samples=0) / await client.zcard(INDEX)
    print(f"\nper counter, {COUNTERS:,} of them, two holds in flight, a name of {len(name)} characters:")
    for what, bytes_ in (
        ("MEMORY USAGE of the hash, its name and its expiry", own),
        ("MEMORY USAGE of its entry in the index", entry),
        ("both", own + entry),
        ("used_memory, while each has its entry (5,000)", indexed),
        ("used_memory, all of them", each),
    ):
        KEPT.table("counters", "a counter", ("B", ".0f")).row(what, bytes_)
        print(
            f"  {what:52}{bytes_:>7.0f} B{'' if bytes_ <= MOST_BYTES else '  MORE THAN ' + str(MOST_BYTES)}"
        )

    KEPT.goal("a counter in Redis, hash and entry in the index, B", own + entry, at_most=MOST_BYTES)


async def main() -> None:
    with serve_redis() as server:
        client = redis.asyncio.Redis.from_url(server.url)
        ledger = RedisLedger.from_url(server.url, timeout_s=PATIENT_S)
        print(f"Redis {(await client.info('server'))['redis_version']}, marks kept for a day")
        await counter_rows(client, ledger)
        await mark_rows(client)
        await ledger.close()
        await client.aclose()


if __name__ == "__main__":
    KEPT.run(lambda: asyncio.run(main()))
