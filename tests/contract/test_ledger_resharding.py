"""The ledger's slot moves to another node of a real Cluster while requests reserve and settle."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.redis import INDEX, RedisLedger
from litellm_tiering.ports import Hold, Reservation, Tally
from litellm_tiering.testing.redis import key_slot, move_slot, serve_redis_cluster, slot_owner

NOW = 1_800_000_000
EXPIRES = NOW + 86_400
DAY = "2027-01-15"
COST = 7


class Traffic:
    """Requests that reserve and settle, each until it is told that it did; whatever else is raised, fails."""

    def __init__(self, *ledgers):
        self.ledgers = ledgers
        self.counted = Counter()
        self.away = Counter()
        self.number = 0
        self.heard = asyncio.Event()

    async def until_told(self, op, call):
        while True:
            try:
                return await call()
            except StoreUnavailable:  # noqa: PERF203 - asking again is what the loop is for
                self.away[op] += 1
            finally:
                self.heard.set()

    async def request(self):
        self.number += 1
        number = self.number
        ledger, other = self.ledgers[number % 2], self.ledgers[(number + 1) % 2]
        scope = f"team:{number % 5}"
        limits = tuple(Limit(key, EXPIRES, (NO_BOUND,)) for key in ("global", scope))
        hold = Hold(f"attempt-{number}", limits, (10,), True, NOW, 600)
        kept = (await self.until_told("reserve", lambda: ledger.reserve(hold))).reservation
        told = Tally(
            DAY, 8, EXPIRES, "auto", "simple", "small", scope, "rule", attempts=1, cost=COST, baseline=COST
        )
        await self.until_told("settle", lambda: ledger.settle(kept, COST, NOW, told))
        # Heard of twice, and by another proxy.
        again = await self.until_told("settle", lambda: other.settle(kept, COST, NOW, told))
        assert not again.counted
        self.counted["global"] += COST
        self.counted[scope] += COST

    async def burst(self, requests=12):
        await asyncio.gather(*(self.request() for _ in range(requests)))


async def test_the_slot_moves_and_no_cost_is_lost_or_doubled():
    with serve_redis_cluster() as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        ledgers = [RedisLedger.from_url(url, timeout_s=2.0) for _ in range(2)]
        traffic, slot = Traffic(*ledgers), key_slot(INDEX)
        first = slot_owner(nodes, slot)
        identity = await ledgers[0].hello(NOW)
        await traffic.burst()
        for _ in range(2):
            # There, and on to where it has not been or back.
            source = slot_owner(nodes, slot)
            target = next(node for node in nodes if node not in (source, first))
            moving = move_slot(nodes, slot, target, batch=20)
            running = []
            assert await asyncio.to_thread(next, moving) == 0
            # A mark that is not there yet may be on either node: neither of them dares to make it.
            fresh = Reservation("fresh", ("global",), (EXPIRES,), 0, NOW)
            with pytest.raises(StoreUnavailable):
                await ledgers[0].settle(fresh, 1_000, NOW)
            while await asyncio.to_thread(next, moving, None) is not None:
                running.append(asyncio.ensure_future(traffic.burst(4)))
                traffic.heard.clear()
                await traffic.heard.wait()
            await asyncio.gather(*running)
            assert slot_owner(nodes, slot) == target
        await traffic.burst()
        assert await ledgers[1].hello(NOW) == identity
        found = {key: balance.spent for key, balance in (await ledgers[0].active(NOW)).items()}
        assert found == traffic.counted
        assert traffic.counted["global"] == COST * traffic.number
        rows = await ledgers[1].totals([DAY])
        assert sum(row.cost for row in rows) == COST * traffic.number
        assert sum(row.attempts for row in rows) == traffic.number
        hours = (await ledgers[1].hours([DAY]))[DAY]
        assert hours["*"][8] == COST * traffic.number
        # Holds whose answer was lost may be held twice until they lapse; nothing is held after that.
        later = await ledgers[0].balances(["global"], NOW + 700)
        assert later == (Balance(traffic.counted["global"], 0),)
        for ledger in ledgers:
            await ledger.close()
