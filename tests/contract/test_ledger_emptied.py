"""A Redis that came back empty is noticed and refilled; one that came back whole is neither."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest
import redis.asyncio

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.known_redis import PAGE, TURN, TURN_S
from litellm_tiering.ledger.redis import PER_RESTORE, RedisLedger
from litellm_tiering.ports import Hold, Known, Reservation, Settled
from litellm_tiering.testing.redis import serve_redis

NOW = 1_800_000_000
EXPIRES = NOW + 86_400
PATIENT_S = 5.0


def charge(attempt, key="global"):
    return Reservation(attempt, (key,), (EXPIRES,), 0, NOW)


def known(spent, expires_s=EXPIRES):
    return {"global": Known(spent, expires_s)}


@pytest.fixture
async def one(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    yield ledger
    await ledger.close()


async def spent(ledger, key="global"):
    (found,) = await ledger.balances([key], NOW)
    return found.spent


# --- identity ----------------------------------------------------------------------------------------------


async def test_an_emptied_redis_has_another_identity(one, redis_url, wipe):
    before = await one.hello(NOW)
    assert await one.hello(NOW) == before
    wipe()
    after = await one.hello(NOW)
    assert after != before
    other = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    assert await other.hello(NOW) == after
    await other.close()


async def test_of_many_who_say_hello_first_all_hear_the_same(redis_url, wipe):
    ledgers = [RedisLedger.from_url(redis_url, timeout_s=PATIENT_S) for _ in range(8)]
    assert len(set(await asyncio.gather(*(ledger.hello(NOW) for ledger in ledgers)))) == 1
    for ledger in ledgers:
        await ledger.close()


async def test_hello_fails_where_nothing_can_be_written():
    with serve_redis() as server:
        ledger = RedisLedger.from_url(server.url, timeout_s=PATIENT_S)
        name = await ledger.hello(NOW)
        async with redis.asyncio.Redis.from_url(server.url) as client:
            await client.config_set("maxmemory", "1")
            with pytest.raises(StoreUnavailable, match=r"OutOfMemory|OOM"):
                await ledger.hello(NOW)
            await client.config_set("maxmemory", "0")
            await client.replicaof("127.0.0.1", "1")
            with pytest.raises(StoreUnavailable, match=r"ReadOnly|READONLY"):
                await ledger.hello(NOW)
            await client.replicaof("NO", "ONE")
            await client.execute_command(
                "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+evalsha", "+script"
            )
            reader = RedisLedger.from_url(server.url.replace("//", "//reader:pw@"), timeout_s=PATIENT_S)
            with pytest.raises(StoreUnavailable, match=r"NoPermission|NOPERM"):
                await reader.hello(NOW)
            await reader.close()
        assert await ledger.hello(NOW) == name
        await ledger.close()


async def test_a_redis_that_was_killed_and_wrote_its_log_comes_back_whole(tmp_path):
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with serve_redis(*options, folder=tmp_path) as server:
        ledger = RedisLedger.from_url(server.url, timeout_s=PATIENT_S)
        name = await ledger.hello(NOW)
        held = await ledger.reserve(
            Hold("one", (Limit("global", EXPIRES, (NO_BOUND,)),), (9,), True, NOW, 600)
        )
        await ledger.settle(charge("two"), 5, NOW)
        server.kill()
    with pytest.raises(StoreUnavailable):
        await ledger.hello(NOW)
    with serve_redis(*options, folder=tmp_path, port=server.port):
        assert await ledger.hello(NOW) == name
        assert await ledger.balances(["global"], NOW) == (Balance(5, 9),)
        assert await ledger.settle(charge("two"), 5, NOW) == Settled(False, (5,))
        assert await ledger.settle(held.reservation, 4, NOW) == Settled(True, (9,))
        await ledger.close()


async def test_a_redis_that_was_killed_and_wrote_nothing_comes_back_empty():
    with serve_redis() as server:
        ledger = RedisLedger.from_url(server.url, timeout_s=PATIENT_S)
        name = await ledger.hello(NOW)
        await ledger.settle(charge("one"), 5, NOW)
        server.kill()
    with serve_redis(port=server.port):
        assert await ledger.hello(NOW) != name
        await ledger.restore(known(5), NOW)
        assert await spent(ledger) == 5
        await ledger.close()


# --- restoring ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations([30, 50, 40])))
async def test_of_what_several_know_the_largest_counts_once(one, order):
    for i, figure in enumerate(order):
        await one.restore(known(figure), NOW)
        await one.settle(charge(f"new-{i}"), 1, NOW)
        await one.restore(known(figure), NOW)
    assert await spent(one) == 50 + 3


async def test_restoring_takes_nothing_from_what_came_since(one):
    await one.settle(charge("new"), 100, NOW)
    await one.restore(known(30), NOW)
    assert await spent(one) == 130
    await one.restore(known(20), NOW)
    await one.restore(known(0), NOW)
    assert await spent(one) == 130


async def test_many_at_once_restore_and_settle(redis_url, wipe):
    ledgers = [RedisLedger.from_url(redis_url, timeout_s=PATIENT_S) for _ in range(4)]
    figures = {f"k{i}": Known(100 + i, EXPIRES) for i in range(2 * PER_RESTORE + 7)}
    restoring = [ledger.restore(figures, NOW) for ledger in ledgers]
    settling = [ledgers[i % 4].settle(charge(f"a{i}", f"k{i % 10}"), 1, NOW) for i in range(100)]
    await asyncio.gather(*restoring, *settling)
    found = await ledgers[0].active(NOW)
    assert found == {f"k{i}": Balance(100 + i + (10 if i < 10 else 0)) for i in range(len(figures))}
    for ledger in ledgers:
        await ledger.close()


async def test_a_restored_counter_keeps_holds_and_expires_as_told(one):
    limit = Limit("global", EXPIRES, (NO_BOUND,), 100, True)
    await one.restore({**known(60, NOW + 500), "over": Known(9, NOW)}, NOW)
    assert (await one.reserve(Hold("one", (limit,), (41,), True, NOW, 600))).reservation is None
    assert (await one.reserve(Hold("two", (limit,), (40,), True, NOW, 600))).reservation
    assert await one.active(NOW) == {"global": Balance(60, 40)}
    assert await one.active(NOW + 500) == {}
    # Its time is over: what comes now is another counter, and what was restored of the first is not of it.
    await one.restore(known(10), NOW + 500)
    assert await one.balances(["global"], NOW + 500) == (Balance(10, 0),)


async def test_more_than_can_be_compared_is_restored_as_the_most_that_can(one):
    await one.restore(known(2**60), NOW)
    assert await spent(one) == 2**53 - 1


async def test_nothing_known_is_nothing_restored(one):
    await one.restore({}, NOW)
    assert await one.active(NOW) == {}


# --- what the counters say, for that day --------------------------------------------------------------------


async def test_one_process_is_told_of_all_counters_and_the_next_one_after_its_turn(one, redis_url, wipe):
    name = await one.hello(NOW)
    figures = {f"end_user|{i}": Known(i + 1, EXPIRES + i) for i in range(2 * PAGE)}
    await one.restore(figures, NOW)
    await one.settle(charge("a", "end_user|7"), 100, NOW)
    other = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    both = await asyncio.gather(one.known(NOW), other.known(NOW))
    assert sorted(both, key=lambda told: len(told[1])) == [
        (name, {}),
        (name, {**figures, "end_user|7": Known(108, EXPIRES + 7)}),
    ]
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert 0 < await client.pttl(TURN) <= TURN_S * 1000
        await client.delete(TURN)
    assert len((await other.known(NOW))[1]) == 2 * PAGE
    await other.close()


async def test_counters_that_are_over_or_hold_money_only_are_not_told(one, redis_url):
    await one.restore({"over": Known(5, NOW + 10), "there": Known(6, EXPIRES)}, NOW)
    await one.reserve(Hold("h", (Limit("held", EXPIRES, (NO_BOUND,)),), (7,), True, NOW, 600))
    assert (await one.known(NOW + 10))[1] == {"there": Known(6, EXPIRES)}


async def test_a_store_that_is_emptied_while_it_is_read_is_told_nothing_of(one, redis_url, wipe, monkeypatch):
    await one.hello(NOW)
    await one.restore({f"c{i}": Known(1, EXPIRES) for i in range(PAGE + 1)}, NOW)
    run, asked = one.run, []

    async def emptied(*question, **options):
        reply = await run(*question, **options)
        asked.append(reply[1:2])
        if asked == [[PAGE]]:
            wipe()
            await one.hello(NOW)
        return reply

    monkeypatch.setattr(one, "run", emptied)
    identity, told = await one.known(NOW)
    monkeypatch.undo()
    assert (identity, told) == (await one.hello(NOW), {})
    # The first page, who the new store is, and the second page.
    assert asked == [[PAGE], [], [0]]
