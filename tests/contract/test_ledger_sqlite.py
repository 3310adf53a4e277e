"""What only SQLite does: several processes on one file, and files that are locked, foreign or too new."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import litellm_tiering
from litellm_tiering.core.budget import NO_BOUND, Balance, Limit
from litellm_tiering.errors import StoreError, StoreUnavailable
from litellm_tiering.ledger import book
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Hold, Reservation

NOW = 1_800_000_000
EXPIRES = NOW + 86_400


def hold(attempt, key="global", *, now_s=NOW, expires_s=EXPIRES):
    return Hold(attempt, (Limit(key, expires_s, (NO_BOUND,)),), (10,), True, now_s, 600)


async def refused(ledger, error, match):
    kept = Reservation("one", ("global",), (EXPIRES,), 10, NOW + 600)
    for call in (
        ledger.reserve(hold("one")),
        ledger.settle(kept, 1, NOW),
        ledger.release(kept, NOW),
        ledger.balances(["global"], NOW),
        ledger.active(NOW),
    ):
        with pytest.raises(StoreError, match=match) as caught:
            await call
        assert type(caught.value) is error


async def test_a_folder_is_unavailable_until_it_is_a_file(tmp_path):
    path = tmp_path / "ledger.db"
    path.mkdir()
    ledger = SqliteLedger(path)
    await refused(ledger, StoreUnavailable, "unable to open")
    path.rmdir()
    assert (await ledger.reserve(hold("one"))).reservation
    await ledger.close()


async def test_a_file_of_a_newer_release_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    await ledger.reserve(hold("one"))
    await ledger.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {book.SCHEMA_VERSION + 1}")
    db.close()
    newer = SqliteLedger(path)
    await refused(newer, StoreError, "version 2.*knows 1.*upgrade")
    await newer.close()


async def test_a_file_that_is_no_database_is_an_error(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_text("This is a shopping list, and it is longer than a header of SQLite. " * 20)
    ledger = SqliteLedger(path)
    await refused(ledger, StoreError, "not a database")
    await ledger.close()


async def test_a_locked_file_is_unavailable_soon_and_does_not_stop_the_loop(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    await ledger.reserve(hold("one"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started, turns = time.monotonic(), 0
    asked = asyncio.ensure_future(ledger.reserve(hold("two")))
    while not asked.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert 0.04 < time.monotonic() - started < 1.0
    assert turns > 10
    with pytest.raises(StoreUnavailable, match="locked"):
        await asked
    # Those who only look are not held up by those who write.
    assert await ledger.balances(["global"], NOW) == (Balance(0, 10),)
    other.execute("ROLLBACK")
    other.close()
    assert (await ledger.reserve(hold("three"))).balances == (Balance(0, 10),)
    await ledger.close()


async def test_a_file_that_somebody_else_keeps_to_himself_is_not_waited_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "OPENING_BUSY_MS", 50)
    path = tmp_path / "ledger.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE theirs (at)")
    other.execute("BEGIN EXCLUSIVE")
    ledger = SqliteLedger(path)
    await asyncio.wait_for(refused(ledger, StoreUnavailable, "locked"), 60)
    other.execute("ROLLBACK")
    other.close()
    assert (await ledger.reserve(hold("one"))).balances == (Balance(0, 0),)
    await ledger.close()


async def test_what_was_written_is_there_after_a_restart(tmp_path):
    path = tmp_path / "ledger.db"
    first = SqliteLedger(path)
    kept = (await first.reserve(hold("one"))).reservation
    await first.reserve(hold("two"))
    await first.settle(kept, 7, NOW)
    await first.close()
    second = SqliteLedger(path)
    assert await second.active(NOW) == {"global": Balance(7, 10)}
    assert (await second.settle(kept, 7, NOW)).counted is False
    await second.close()


async def test_what_is_over_is_pruned(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    for i in range(300):
        found = await ledger.reserve(hold(f"old-{i}", f"user:{i}", expires_s=NOW + 1_000))
        await ledger.settle(found.reservation, 1, NOW)
    later = NOW + 3 * 86_400
    for i in range(2 * book.PRUNE_EVERY):
        await ledger.reserve(hold(f"new-{i}", now_s=later, expires_s=later + 1_000))
    await ledger.close()
    with sqlite3.connect(path) as db:
        rows = [
            db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("counters", "holds", "ended")
        ]
    db.close()
    assert rows == [1, 1, 0]


WORKER = """
    import asyncio, sys
    from litellm_tiering.core.budget import NO_BOUND, Limit
    from litellm_tiering.errors import StoreUnavailable
    from litellm_tiering.ledger.sqlite import SqliteLedger
    from litellm_tiering.ports import Hold

    async def main(path, name):
        ledger, admitted, away = SqliteLedger(path), 0, 0
        limit = Limit("global", NOW + 86_400, (NO_BOUND,), 3_000, True)
        for i in range(200):
            try:
                found = await ledger.reserve(Hold(f"{name}-{i}", (limit,), (10,), True, NOW, 600))
            except StoreUnavailable:
                away += 1
                continue
            admitted += found.reservation is not None
        await ledger.close()
        print(admitted, away)

    NOW = 1_800_000_000
    asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_create_and_share_a_file_admit_what_fits_in_all(tmp_path):
    path = tmp_path / "ledger.db"
    source = Path(litellm_tiering.__file__).parents[1]
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            textwrap.dedent(WORKER),
            str(path),
            f"worker-{i}",
            cwd=source,
            stdout=subprocess.PIPE,
        )
        for i in range(3)
    ]
    said = [(await worker.communicate())[0].split() for worker in workers]
    assert sum(int(admitted) for admitted, _ in said) == 300
    # Waiting for each other's locks is not the store being away.
    assert sum(int(away) for _, away in said) <= 6
    ledger = SqliteLedger(path)
    assert await ledger.active(NOW) == {"global": Balance(0, 3_000)}
    await ledger.close()
