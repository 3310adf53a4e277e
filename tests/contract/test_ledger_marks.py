"""Marks of ended attempts in Redis: in which sets they are, for how long, and how tightly packed."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.ledger.marks import FULL, LEVELS, MARK, SPAN_S, marks
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ports import Reservation

NOW = 1_800_000_000
EXPIRES = NOW + 35 * 86_400
PATIENT_S = 5.0
DAY_S = 86_400


def held(attempt, lapses_s=NOW + 600, amount=5):
    return Reservation(attempt, ("global",), (EXPIRES,), amount, lapses_s)


@pytest.fixture
async def client(redis_url, wipe):
    async with redis.asyncio.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
async def ledger(redis_url, wipe):
    opened = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    yield opened
    await opened.close()


async def sets(client):
    return {key.decode(): await client.scard(key) for key in await client.keys(f"{MARK}*")}


@given(attempt=st.text(), lapses_s=st.integers(0, 2**33), amount=st.integers(0, 2))
def test_a_mark_is_a_number_that_redis_packs_in_a_set_of_each_level(attempt, lapses_s, amount):
    found = marks(held(attempt, lapses_s, amount))
    assert found == marks(held(attempt, lapses_s, amount))
    assert 0 <= found.number < 2**63
    assert found.ends_s - SPAN_S <= lapses_s < found.ends_s
    first = 0
    for key, size in zip(found.keys, LEVELS, strict=False):
        step, shard = key.removeprefix(MARK).split(":")
        assert int(step) == lapses_s // SPAN_S
        assert first <= int(shard) < first + size
        first += size
    assert len(found.keys) == len(LEVELS) * (1 if amount else 3)


def test_attempts_are_spread_over_the_sets():
    found = [marks(held(f"attempt-{i}")) for i in range(4_000)]
    assert len({mark.number for mark in found}) == 4_000
    for level, size in enumerate(LEVELS):
        assert len({mark.keys[level] for mark in found}) > min(size, 4_000) * 0.8


async def test_marks_stay_packed_and_overflow_to_the_next_level(client, ledger, monkeypatch):
    """As many as fit in one set of each level: by few sets, all attempts would share them."""
    monkeypatch.setattr("litellm_tiering.ledger.marks.LEVELS", (1, 1, 1))
    monkeypatch.setattr("litellm_tiering.ledger.marks._FIRST", (0, 1, 2))
    count = 2 * FULL + 30
    await asyncio.gather(*(ledger.settle(held(f"a{i}"), 1, NOW) for i in range(count)))
    step = (NOW + 600) // SPAN_S
    assert await sets(client) == {f"{MARK}{step}:0": FULL, f"{MARK}{step}:1": FULL, f"{MARK}{step}:2": 30}
    for key in await sets(client):
        assert await client.object("encoding", key) == b"intset"
    again = [ledger.settle(held(f"a{i}"), 1, NOW) for i in range(count)]
    assert not any(settled.counted for settled in await asyncio.gather(*again))
    # The last level takes whatever comes.
    more = [ledger.settle(held(f"b{i}"), 1, NOW) for i in range(FULL)]
    assert all(settled.counted for settled in await asyncio.gather(*more))
    assert (await sets(client))[f"{MARK}{step}:2"] == 30 + FULL


async def test_a_full_set_takes_4096_bytes(client):
    await client.sadd("ltt:full", *(2**62 + i for i in range(FULL)))
    await client.sadd("ltt:over", *(2**62 + i for i in range(FULL + 1)))
    full, over = await client.memory_usage("ltt:full"), await client.memory_usage("ltt:over")
    await client.delete("ltt:full", "ltt:over")
    assert full < 4_096 + 128
    assert over > full


async def test_marks_of_a_step_live_a_day_past_its_end_and_a_late_one_pushes_that_on(client, ledger):
    (key,) = {marks(held("a")).keys[0], marks(held("a", NOW + 601)).keys[0]}
    ends = marks(held("a")).ends_s
    await ledger.settle(held("a"), 1, NOW)
    first = ends - NOW + DAY_S
    assert await client.ttl(key) in range(first - 3, first + 1)
    # Of those that share the set, none that settles in time changes anything.
    await client.expire(key, first - 500)
    await ledger.settle(held("a", NOW + 601), 1, NOW + 500)
    assert await client.ttl(key) in range(first - 503, first - 499)
    # Nor a late one, while the set lives long enough for it as it is.
    peers = [f"p{i}" for i in range(2_000) if marks(held(f"p{i}")).keys[0] == key]
    await client.expire(key, DAY_S + 50)
    await ledger.settle(held(peers[0]), 1, ends + 10)
    assert await client.ttl(key) in range(DAY_S + 47, DAY_S + 51)
    await client.expire(key, DAY_S - 50)
    await ledger.settle(held(peers[1]), 1, ends + 110)
    assert await client.ttl(key) in range(DAY_S - 3, DAY_S + 1)
    assert await client.scard(key) == 3


async def test_a_mark_outlives_the_set_that_was_full_before_it(client, ledger, monkeypatch):
    monkeypatch.setattr("litellm_tiering.ledger.marks.LEVELS", (1, 1, 1))
    monkeypatch.setattr("litellm_tiering.ledger.marks._FIRST", (0, 1, 2))
    await asyncio.gather(*(ledger.settle(held(f"a{i}"), 1, NOW) for i in range(FULL)))
    late = held("late")
    assert (await ledger.settle(late, 1, NOW + DAY_S)).counted
    await client.delete(marks(late).keys[0])
    assert not (await ledger.settle(late, 1, NOW + 2 * DAY_S - 1)).counted


async def test_an_ended_attempt_is_remembered_for_as_long_as_is_asked(client, redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S, ended_ttl_s=60)
    reservation = held("a", NOW + 10)
    await ledger.settle(reservation, 1, NOW)
    left = marks(reservation).ends_s - NOW + 60
    assert await client.ttl(marks(reservation).keys[0]) in range(left - 3, left + 1)
    await ledger.close()
