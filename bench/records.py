"""100,000 decisions kept: how large they are, and how fast they are told, in memory, in a file and in Redis.

    python bench/records.py [--rows 100000]

More rows are written than are kept, so that the bound is seen to hold. The questions are those of the page
and of callers; "none" is a filter that no row fits, which looks at as many as one answer may, and "none, to
the end" asks for as long as there are more. Times are of the whole way through the routes' own code, to the
bytes of the answer; the last table is of a request's own path.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import redis

from kept import Kept
from litellm_tiering.books import Books
from litellm_tiering.config.assemble import SystemClock
from litellm_tiering.core.decision import Decision, Reason, Stage, Step
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.price import Usage
from litellm_tiering.core.record import Attempt, Record, Stood
from litellm_tiering.decisions import place_of
from litellm_tiering.gateway.routes_decisions import listed, plain, seen, told
from litellm_tiering.ledger.open import open_ledger, open_records
from litellm_tiering.recorder import AT_ONCE, Writer
from litellm_tiering.records import Asked
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_tiering.ports import Ledger
    from litellm_tiering.records import RecordStore

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
ADMIN = SimpleNamespace(user_role="proxy_admin", token="admin", team_id=None)
START = 1_800_000_000.0
TIMES = 21
PAGE_MS = 100.0
"""What the page's questions may take, median."""

KEPT = Kept(__file__)


def record(number: int, draw: random.Random) -> Record:
    """A decision as a day has them: 20 teams, 200 keys, one in eight downgraded, one in ten escalated."""
    team = "rare" if number % 50_000 == 49_999 else f"team-{draw.randrange(20)}"
    steps = [Step(Stage.CLASSIFY, Reason.LEARNED, None, draw.randrange(3))]
    used = draw.randrange(50 * 10**9)
    if draw.random() < 0.125:
        steps.append(Step(Stage.BUDGET, Reason.BUDGET, 2, 1, True, f"team:{team}:{used / 50e9:.2f}"))
    verdicts = ["refusal", "ok"] if draw.random() < 0.1 else ["ok"]
    attempts = tuple(
        Attempt(
            t.name,
            t.model,
            v,
            ("phrase",) if v != "ok" else (),
            draw.randrange(10**7),
            draw.random() * 4e3,
            judged=("not_empty", "finished", "refusal")[: 3 if v == "ok" else 2],
            used=Usage(draw.randrange(9_000), draw.randrange(900), draw.choice((0, 0, 0, 1_024))),
        )
        for t, v in zip(LADDER.tiers, verdicts, strict=False)
    )
    budgets = (
        Stood("global", "*", "day", 50 * 10**9, used, START),
        Stood("team", team, "day", 50 * 10**9, used, START),
    )
    tier = LADDER.tiers[len(verdicts) - 1]
    key = f"{hash((7, draw.randrange(200))) & (2**64 - 1):064x}"
    decision = Decision(tuple(steps))
    at = START + number * 0.5
    id_ = secrets.token_hex(8)
    found = {"attempts": attempts, "baseline": draw.randrange(10**8), "budgets": budgets}
    return Record(id_, at, "auto", team, key, decision, tier.name, tier.model, policy="0123456789ab", **found)


async def filled(ledger: Ledger, most: int, rows: int) -> tuple[Writer, RecordStore, list[str], float]:
    """A writer whose store holds the last ``most`` of ``rows`` decisions; their ids, and us for each."""
    store = open_records(ledger, most)
    books = Books(ledger, SystemClock())
    writer = books.writer = Writer(store, LADDER, books.guard)
    draw, ids, spent_s = random.Random(7), [], 0.0
    for at in range(0, rows, AT_ONCE):
        batch = [record(i, draw) for i in range(at, min(at + AT_ONCE, rows))]
        ids += [r.id for r in batch]
        for one in batch:
            writer.note(one)
        began = time.perf_counter()
        if not await writer.flush():
            raise SystemExit("the store did not take a batch")
        spent_s += time.perf_counter() - began
    return writer, store, ids, spent_s / rows * 1e6


async def median_ms(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The median and the longest of some runs, in milliseconds."""
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1e3)
    return statistics.median(found), max(found)


async def measure(name: str, url: str, most: int, size: Callable[[], int]) -> None:
    ledger = open_ledger(url)
    before = size()
    writer, store, ids, each_us = await filled(ledger, most, most + most // 10)
    grown = size() - before
    kept = len([0 async for _ in store.scan(0, 2 * START)])
    print(
        f"\n{name}: {kept:,} rows kept of {len(ids):,} written, "
        f"{grown / 1e6:.1f} MB ({grown / kept:.0f} B each)"
    )
    sizes = KEPT.table(
        "stores",
        "store",
        ("rows kept", ",d"),
        ("MB", ".1f"),
        ("bytes each", ".0f"),
        ("written in, µs each", ".0f"),
    )
    sizes.row(name, kept, grown / 1e6, grown / kept, each_us)
    asked_of = KEPT.table("questions", "store", "question", ("median, ms", ".2f"), ("longest, ms", ".2f"))
    medians = []
    print(f"  written in {each_us:.0f} us each, {AT_ONCE} at a time, in the background")
    gateway = SimpleNamespace(
        engine=SimpleNamespace(books=_books(ledger, writer)), settings=SimpleNamespace(ladder=LADDER)
    )
    middle = (await store.recent(Asked(500)))[-1].place
    team = SimpleNamespace(user_role=None, token="t", team_id="team-7")
    rare = SimpleNamespace(user_role=None, token="t", team_id="rare")
    nobody = SimpleNamespace(user_role=None, token="t", team_id="nobody")
    questions = {
        "the latest 50": (ADMIN, Asked(50)),
        "the latest 500": (ADMIN, Asked(500)),
        "the page after 500": (ADMIN, Asked(50, middle)),
        "a team's own": (team, Asked(50)),
        "downgraded by a budget": (ADMIN, Asked(50, reason="budget:")),
        "refusals on one tier": (ADMIN, Asked(50, verdict="refusal", tier="moderate")),
        "a team with two rows": (rare, Asked(50)),
        "a team with no row": (nobody, Asked(50)),
        "none": (ADMIN, Asked(50, reason="budget:user:")),
    }
    for what, (key, asked) in questions.items():

        async def work(key: object = key, asked: Asked = asked) -> object:
            return plain(await listed(gateway, key, asked))

        middle_ms, longest_ms = await median_ms(work)
        asked_of.row(name, what, middle_ms, longest_ms)
        medians.append(middle_ms)
        print(
            f"  {what:24} {middle_ms:8.1f} ms  (longest {longest_ms:.1f})"
            + ("" if middle_ms < PAGE_MS else "  SLOW")
        )

    KEPT.goal(f"{name}: the slowest of the page's questions, median, ms", max(medians), at_most=PAGE_MS)

    async def to_the_end() -> object:
        before, answers = None, 0
        while answers == 0 or before is not None:
            found = await listed(gateway, ADMIN, Asked(50, before, reason="budget:user:"))
            before, answers = place_of(found["next"] or ""), answers + 1
        return answers

    middle_ms, longest_ms = await median_ms(to_the_end)
    asked_of.row(name, "none, to the end", middle_ms, longest_ms)
    print(f"  {'none, to the end':24} {middle_ms:8.1f} ms  (in {await to_the_end()} answers)")

    async def one() -> object:
        return plain(told(await seen(gateway, ADMIN, random.choice(ids[-most:])), ADMIN))

    middle_ms, longest_ms = await median_ms(one)
    asked_of.row(name, "one by its id", middle_ms, longest_ms)
    print(f"  {'one by its id':24} {middle_ms:8.2f} ms  (longest {longest_ms:.2f})")
    await writer.close()
    await ledger.close()


def _books(ledger: Ledger, writer: Writer) -> Books:
    books = Books(ledger, SystemClock())
    books.writer = writer
    return books


def resident() -> int:
    """What this process holds of the machine's memory, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def note_us() -> float:
    """What a request pays: one note of a record, in microseconds."""

    async def go() -> float:
        ledger = open_ledger("memory://")
        books = Books(ledger, SystemClock())
        writer = Writer(open_records(ledger, 10), LADDER, books.guard)
        draw = random.Random(7)
        records = [record(i, draw) for i in range(1_000)]
        found = []
        for _ in range(20):
            began = time.perf_counter()
            for one in records:
                writer.note(one)
            found.append((time.perf_counter() - began) / len(records) * 1e6)
        await writer.close()
        return statistics.median(found)

    return asyncio.run(go())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="how many are kept")
    most = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"

        def on_disk() -> int:
            return sum(f.stat().st_size for f in Path(folder).iterdir())

        asyncio.run(measure("SQLite", f"sqlite:///{file}", most, on_disk))
    with serve_redis() as server, redis.Redis.from_url(server.url) as client:
        asyncio.run(measure("Redis", server.url, most, lambda: int(client.info("memory")["used_memory"])))
        slow = max((e["duration"] for e in client.slowlog_get(128)), default=0)
        print(f"  longest that Redis was busy with one command: {slow / 1e3:.1f} ms (10 ms are told of)")
    asyncio.run(measure("memory", "memory://", most, resident))
    own_us = note_us()
    KEPT.table("note", "a request's own path", ("µs for each change of its record", ".2f")).row(
        "memory", own_us
    )
    print(f"\na request's own path: {own_us:.2f} us for each change of its record")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    KEPT.run(main)
