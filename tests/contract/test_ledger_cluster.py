"""The Redis ledger on a Cluster of three real nodes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ports import Hold
from litellm_tiering.testing.redis import serve_redis_cluster

NOW = 1_800_000_000
PATIENT_S = 5.0


def limit(key):
    return Limit(key, NOW + 86_400, (NO_BOUND,), ceiling=100, block=True)


def hold(attempt, *limits):
    return Hold(attempt, limits, (10,), True, NOW, 600)


async def test_a_cluster_keeps_the_keys_of_a_call_together():
    with serve_redis_cluster() as nodes:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        ledger, other = (RedisLedger.from_url(f"redis+cluster://{hosts}", timeout_s=PATIENT_S) for _ in "ab")
        scopes = [limit(f"scope-{i}") for i in range(8)]
        asked = [(ledger, other)[i % 2].reserve(hold(f"hold-{i}", *scopes)) for i in range(30)]
        kept = [found.reservation for found in await asyncio.gather(*asked) if found.reservation]
        assert len(kept) == 10
        assert (await other.settle(kept[0], 7, NOW)).counted is True
        assert (await ledger.settle(kept[0], 7, NOW)).counted is False
        assert await ledger.release(kept[1], NOW) is True
        assert await other.active(NOW) == {f"scope-{i}": Balance(7, 80) for i in range(8)}
        hasty = RedisLedger.from_url(f"redis+cluster://{hosts}", timeout_s=0.1)
        await hasty.balances(["scope-0"], NOW)
        for node in nodes:
            node.pause()
        try:
            started = time.monotonic()
            asked = [hasty.balances(["scope-0"], NOW) for _ in range(10)]
            away = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(fault) for fault in away] == [StoreUnavailable] * 10
            assert time.monotonic() - started < 1.0
        finally:
            for node in nodes:
                node.resume()
        assert await hasty.balances(["scope-0"], NOW) == (Balance(7, 80),)
        for ended in (ledger, other, hasty):
            await ended.close()


def _open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_closed_in_the_middle_of_an_outage_it_leaves_no_connection_behind():
    with serve_redis_cluster() as nodes:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        before, away = _open_files(), 0
        for node in nodes:  # one of them has the keys
            ledger = RedisLedger.from_url(f"redis+cluster://{hosts}", timeout_s=0.1)
            await ledger.balances(["scope-0"], NOW)
            assert _open_files() > before
            node.pause()
            try:
                with contextlib.suppress(StoreUnavailable):
                    away += 1
                    await ledger.balances(["scope-0"], NOW)
                    away -= 1
                await ledger.close()
            finally:
                node.resume()
            # A transport that is closed gives its socket back in the loop's next turn.
            for _ in range(3):
                await asyncio.sleep(0)
            assert _open_files() == before
        assert away


async def test_a_call_that_a_close_finds_under_way_ends_and_connects_no_more():
    with serve_redis_cluster() as nodes:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        before = _open_files()
        ledger = RedisLedger.from_url(f"redis+cluster://{hosts}", timeout_s=PATIENT_S)
        await ledger.balances(["scope-0"], NOW)
        asked = [asyncio.create_task(ledger.balances(["scope-0"], NOW)) for _ in range(8)]
        # Sent, and not yet answered.
        await asyncio.sleep(0)
        await ledger.close()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(each) for each in found} <= {tuple, StoreUnavailable}
        for _ in range(3):
            await asyncio.sleep(0)
        assert _open_files() == before
