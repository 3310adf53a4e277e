"""What only Redis does: its script is choose(), its keys go away, its faults are one exception."""

from __future__ import annotations

import asyncio
import time
import traceback
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio
import redis.asyncio.sentinel
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit, choose
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger import batch, open_ledger
from litellm_tiering.ledger.marks import marks
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ports import Hold, Reservation
from litellm_tiering.testing.redis import serve_redis

NOW = 1_800_000_000
EXPIRES = NOW + 86_400
PATIENT_S = 5.0
NOWHERE = "redis://127.0.0.1:1/0"


def limit(key="global", expires_s=EXPIRES, **options):
    return Limit(key, expires_s, (NO_BOUND,), **options)


def hold(attempt, *limits, amount=10, now_s=NOW):
    return Hold(attempt, limits or (limit(),), (amount,), True, now_s, 600)


def cost_on(key, attempt, expires_s=EXPIRES):
    return Reservation(attempt, (key,), (expires_s,), 0, 0)


# --- the script is choose() --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Limits, what is spent and held of each, and the options' amounts, all in units of ``scale``."""

    keys: tuple[str, ...]
    spent: dict[str, int]
    held: dict[str, int]
    limits: tuple[Limit, ...]
    amounts: tuple[int, ...]


@st.composite
def tables(draw):
    # Few and small numbers, so that they meet at the bounds; scaled up to where doubles end.
    scale = draw(st.sampled_from([1, 1, 1, 2**31 + 1, 2**47]))
    small = st.integers(0, 12).map(lambda n: n * scale)
    bound = st.just(NO_BOUND) | st.integers(0, 30).map(lambda n: n * scale)
    options = draw(st.integers(1, 4))
    keys = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5))
    limits = tuple(
        Limit(
            key,
            EXPIRES,
            tuple(draw(st.lists(bound, min_size=options, max_size=options))),
            draw(bound),
            draw(st.booleans()),
        )
        for key in keys
    )
    used = st.fixed_dictionaries(dict.fromkeys(sorted(set(keys)), small))
    amounts = draw(st.lists(small, min_size=options, max_size=options))
    return Table(tuple(keys), draw(used), draw(used), limits, tuple(amounts))


EVERY_TURN = Table(("a",), {"a": 5}, {"a": 5}, (Limit("a", EXPIRES, (10, -1), 12, False),), (9, 3))


@settings(
    max_examples=3 * settings().max_examples,
    deadline=None,
    database=None,
    # Each example empties the store by itself.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables(), floor=st.booleans())
@example(table=EVERY_TURN, floor=True)
@example(table=EVERY_TURN, floor=False)
def test_the_script_chooses_as_choose_does(redis_url, wipe, run, table, floor):
    async def compare():
        ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
        for key in set(table.keys):
            await ledger.settle(cost_on(key, f"cost-{key}"), table.spent[key], NOW)
            await ledger.reserve(hold(f"hold-{key}", limit(key), amount=table.held[key]))
        before = tuple(Balance(table.spent[key], table.held[key]) for key in table.keys)
        found = await ledger.reserve(Hold("asked", table.limits, table.amounts, floor, NOW, 600))
        expected = choose(table.limits, table.amounts, [b.used for b in before], floor=floor)
        assert found.choice == expected
        assert found.balances == before
        added = 0 if expected.option is None else table.amounts[expected.option]
        after = await ledger.balances(table.keys, NOW)
        assert after == tuple(Balance(b.spent, b.reserved + added) for b in before)
        await ledger.close()

    wipe()
    run(compare())


# --- keys --------------------------------------------------------------------------------------------------


async def test_every_key_goes_away_by_itself_and_none_is_kept_alive(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        kept = (await ledger.reserve(hold("one", limit("short", NOW + 500), limit("long")))).reservation
        # As if 100 s had passed in Redis.
        await client.expire("ltt:{t}:c:short", 400)
        again = hold("two", limit("short", NOW + 500), limit("long"), now_s=NOW + 100)
        await ledger.reserve(again)
        await ledger.settle(kept, 5, NOW + 100)
        left = {key.decode(): await client.ttl(key) for key in await client.keys("ltt:*")}
    await ledger.close()
    lives = (("short", 400), ("long", 86_400), ("marks", 86_400 + 1_100))
    near = {key: pytest.approx(ttl, abs=5) for key, ttl in lives}
    mark = marks(kept).keys[0]
    assert left == {
        "ltt:{t}:c:short": near["short"],
        "ltt:{t}:c:long": near["long"],
        mark: near["marks"],
        "ltt:{t}:live": near["long"],
    }


async def test_lapsed_holds_are_dropped_from_the_counter(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        for minute in range(60):
            await ledger.reserve(hold(f"hold-{minute}", now_s=NOW + 60 * minute))
            assert await client.hlen("ltt:{t}:c:global") <= 1 + 11
    await ledger.close()


async def test_holds_of_the_first_release_still_count_until_they_lapse(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await ledger.reserve(hold("one"))
        await client.hset("ltt:{t}:c:global", mapping={f"h:{NOW + 60}": 7, f"h:{NOW}": 9})
        assert await ledger.balances(["global"], NOW) == (Balance(0, 17),)
        await ledger.reserve(hold("two", now_s=NOW + 60))
        assert await ledger.balances(["global"], NOW + 60) == (Balance(0, 20),)
        assert not [f for f in await client.hkeys("ltt:{t}:c:global") if f.startswith(b"h:")]
    await ledger.close()


async def test_a_burst_on_a_client_of_few_connections_is_no_outage(cluster_url):
    ledger = RedisLedger.from_url(f"{cluster_url}?max_connections=40", timeout_s=PATIENT_S)
    found = await asyncio.gather(*(ledger.balances(["unknown"], NOW) for _ in range(200)))
    assert found == [(Balance(0, 0),)] * 200
    await ledger.close()


async def test_a_counter_that_was_deleted_leaves_the_index(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await ledger.reserve(hold("one", limit("a"), limit("b")))
        await client.delete("ltt:{t}:c:a")
        assert await ledger.active(NOW) == {"b": Balance(0, 10)}
        assert await client.zcard("ltt:{t}:live") == 1
    await ledger.close()


async def test_each_call_is_one_round_trip_once_the_scripts_are_known(own_redis_url):
    ledger = RedisLedger.from_url(own_redis_url, timeout_s=PATIENT_S)

    async def calls(name):
        kept = (await ledger.reserve(hold(name))).reservation
        await ledger.settle(kept, 1, NOW)
        await ledger.release(kept, NOW)
        await ledger.balances(["global"], NOW)
        await ledger.active(NOW)

    async with redis.asyncio.Redis.from_url(own_redis_url, single_connection_client=True) as client:
        await client.script_flush()
        await calls("one")
        before = await client.info("commandstats")
        await calls("two")
        after = await client.info("commandstats")
    await ledger.close()
    sent = {
        name: stats["calls"] - before.get(name, {"calls": 0})["calls"]
        for name, stats in after.items()
        if name in ("cmdstat_evalsha", "cmdstat_eval", "cmdstat_script|load", "cmdstat_ping")
    }
    assert sent.pop("cmdstat_evalsha") == 5
    assert not any(sent.values())


@pytest.mark.parametrize("decode", [False, True])
async def test_a_client_of_the_callers_is_used_and_left_open(redis_url, wipe, decode):
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=decode) as client:
        ledger = RedisLedger(client)
        kept = (await ledger.reserve(hold("one", limit("ü")))).reservation
        assert (await ledger.settle(kept, 5, NOW)).counted
        assert await ledger.active(NOW) == {"ü": Balance(5, 0)}
        await ledger.close()
        assert await client.ping()


def test_each_event_loop_has_connections_of_its_own(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)

    async def once(name):
        await ledger.reserve(hold(name))
        found = await ledger.balances(["global"], NOW)
        # Closed here and not by the ledger, which is still to be used on the next loop.
        await ledger._connected[asyncio.get_running_loop()].client.aclose()
        return found[0].reserved

    assert [asyncio.run(once(f"loop-{i}")) for i in range(3)] == [10, 20, 30]
    asyncio.run(ledger.close())


# --- faults ------------------------------------------------------------------------------------------------


async def refused(ledger):
    kept = Reservation("one", ("global",), (EXPIRES,), 10, NOW + 600)
    told = []
    for call in (
        ledger.reserve(hold("one")),
        ledger.settle(kept, 1, NOW),
        ledger.release(kept, NOW),
        ledger.balances(["global"], NOW),
        ledger.active(NOW),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        told.append("".join(traceback.format_exception(caught.value)))
    return "\n".join(told)


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hunter2@127.0.0.1:1/0",
        "redis+cluster://user:hunter2@127.0.0.1:1,127.0.0.1:2",
        "redis+sentinel://user:hunter2@127.0.0.1:1,127.0.0.1:2/main?sentinel_password=hunter2",
    ],
)
async def test_nothing_there_is_unavailable_and_tells_no_password(url):
    ledger = open_ledger(url)
    told = await refused(ledger)
    assert "hunter2" not in told
    await ledger.close()


async def test_a_wrong_password_is_unavailable_and_not_told():
    with serve_redis("--requirepass", "hunter2") as server:
        for login in ("", ":wrong-pass@", "someone:wrong-pass@"):
            ledger = RedisLedger.from_url(server.url.replace("//", f"//{login}"), timeout_s=PATIENT_S)
            assert "wrong-pass" not in await refused(ledger)
            await ledger.close()
        ledger = RedisLedger.from_url(server.url.replace("//", "//:hunter2@"), timeout_s=PATIENT_S)
        assert (await ledger.reserve(hold("one"))).reservation
        await ledger.close()


@pytest.mark.parametrize(
    "fault",
    [
        redis.ResponseError("unknown command 'AUTH', with args beginning with: 'me' 'hunter2'"),
        redis.asyncio.sentinel.MasterNotFoundError("No master found for 'x' : <Redis(password=hunter2)>"),
        redis.RedisError("hunter2"),
    ],
)
async def test_what_redis_py_quotes_is_not_told(fault):
    class Quoting:
        async def evalsha(self, *_):
            raise fault

    told = await refused(RedisLedger(Quoting()))
    assert "hunter2" not in told
    assert type(fault).__name__ in told


async def test_a_full_a_read_only_and_a_foreign_redis_are_unavailable_and_change_nothing():
    with serve_redis() as server:
        ledger = RedisLedger.from_url(server.url, timeout_s=PATIENT_S)
        kept = (await ledger.reserve(hold("one"))).reservation
        async with redis.asyncio.Redis.from_url(server.url) as client:
            await client.config_set("maxmemory", "1")
            with pytest.raises(StoreUnavailable, match=r"OutOfMemory|OOM"):
                await ledger.reserve(hold("two"))
            with pytest.raises(StoreUnavailable, match=r"OutOfMemory|OOM"):
                await ledger.settle(kept, 5, NOW)
            await client.config_set("maxmemory", "0")
            await client.replicaof("127.0.0.1", "1")
            with pytest.raises(StoreUnavailable, match=r"ReadOnly|READONLY"):
                await ledger.settle(kept, 5, NOW)
            await client.replicaof("NO", "ONE")
            await client.set("ltt:{t}:c:taken", "text")
            with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
                await ledger.reserve(hold("two", limit("taken")))
        assert (await ledger.settle(kept, 5, NOW)).counted
        assert await ledger.balances(["global"], NOW) == (Balance(5, 0),)
        await ledger.close()


async def test_a_redis_that_hangs_is_unavailable_in_time_and_comes_back():
    with serve_redis() as server:
        ledger = RedisLedger.from_url(server.url, timeout_s=0.2)
        await ledger.reserve(hold("one"))
        server.pause()
        try:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable, match="Timeout"):
                await ledger.reserve(hold("two"))
            assert time.monotonic() - started < 1.0
        finally:
            server.resume()
        # The answer that came too late is not taken for the next one's.
        assert await ledger.balances(["unknown"], NOW) == (Balance(0, 0),)
        assert (await ledger.balances(["global"], NOW))[0].reserved in (10, 20)
        await ledger.close()


async def test_a_restart_costs_no_call_once_it_is_back():
    with serve_redis() as server:
        ledger = RedisLedger.from_url(server.url, timeout_s=PATIENT_S)
        await ledger.reserve(hold("one"))
        port = server.port
    with pytest.raises(StoreUnavailable, match="ConnectionError"):
        await ledger.reserve(hold("two"))
    with serve_redis(port=port):
        assert (await ledger.reserve(hold("three"))).balances == (Balance(0, 0),)
        await ledger.close()


async def test_a_connection_that_was_cut_is_made_again_unnoticed(own_redis_url):
    ledger = RedisLedger.from_url(own_redis_url, timeout_s=PATIENT_S)
    await asyncio.gather(*(ledger.reserve(hold(f"hold-{i}")) for i in range(8)))
    async with redis.asyncio.Redis.from_url(own_redis_url) as client:
        await client.client_kill_filter(_type="normal", skipme=True)
        found = await asyncio.gather(*(ledger.balances(["global"], NOW) for _ in range(8)))
    assert found == [(Balance(0, 80),)] * 8
    await ledger.close()


async def test_asyncio_that_trips_over_a_closed_connection_is_no_fault_of_ours(redis_url, wipe, monkeypatch):
    """Python 3.12 and 3.13: ``writelines`` of a transport that is closed calls None."""
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    await ledger.reserve(hold("one"))
    send, trips = redis.asyncio.Connection.send_packed_command, 1

    async def sends(connection, *args, **options):
        nonlocal trips
        if trips:
            trips -= 1
            raise TypeError("'NoneType' object is not callable")
        return await send(connection, *args, **options)

    monkeypatch.setattr(redis.asyncio.Connection, "send_packed_command", sends)
    assert await ledger.balances(["global"], NOW) == (Balance(0, 10),)
    trips = 2
    with pytest.raises(StoreUnavailable, match="TypeError"):
        await ledger.balances(["global"], NOW)
    assert await ledger.balances(["global"], NOW) == (Balance(0, 10),)
    await ledger.close()


async def test_only_what_is_patient_waits_for_company(redis_url, wipe, monkeypatch):
    monkeypatch.setattr(batch, "COMPANY_S", 3_600)
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    kept = (await asyncio.wait_for(ledger.reserve(hold("one")), 60)).reservation
    settling = asyncio.ensure_future(ledger.settle(kept, 5, NOW))
    async with redis.asyncio.Redis.from_url(redis_url) as other:
        await other.ping()
        assert not settling.done()
        # What somebody waits for takes it along.
        await asyncio.wait_for(ledger.reserve(hold("two")), 60)
    assert (await asyncio.wait_for(settling, 60)).counted
    await ledger.close()


async def test_a_connection_that_breaks_under_a_call_is_replaced_once(redis_url, wipe):
    """Between this ledger and Redis stands a relay that hangs up when it sees the marked counter."""
    address, broken, links, faults = urlsplit(redis_url), [], [], 0
    login = "".join(address.netloc.rpartition("@")[:2])

    async def pump(reader, writer, mark):
        while data := await reader.read(65_536):
            if mark and mark in data and len(broken) < faults:
                broken.append(1)
                break
            writer.write(data)
        writer.close()

    async def relay(reader, writer):
        onward = await asyncio.open_connection(address.hostname, address.port)
        links.append(asyncio.gather(pump(reader, onward[1], b"marked"), pump(onward[0], writer, None)))
        await links[-1]

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    through = address._replace(netloc=f"{login}127.0.0.1:{port}").geturl()
    ledger = RedisLedger.from_url(through, timeout_s=PATIENT_S)
    kept = (await ledger.reserve(hold("first"))).reservation
    faults = 1
    assert (await ledger.settle(replace(kept, attempt="one", keys=("marked",)), 7, NOW)).counted is True
    faults = 3
    with pytest.raises(StoreUnavailable, match="ConnectionError"):
        await ledger.settle(replace(kept, attempt="two", keys=("marked",)), 7, NOW)
    assert len(broken) == 3
    faults = 0
    assert await ledger.balances(["marked"], NOW) == (Balance(7, 0),)
    await ledger.close()
    server.close()
    await asyncio.gather(*links)


def test_a_client_of_a_closed_loop_is_unavailable(redis_url, wipe):
    client = redis.asyncio.Redis.from_url(redis_url)
    ledger = RedisLedger(client)

    async def earlier():
        await ledger.reserve(hold("one"))
        return client.connection_pool._available_connections[0]._writer.transport

    async def later():
        with pytest.raises(StoreUnavailable, match="RuntimeError"):
            await ledger.balances(["global"], NOW)
        assert await ledger.balances(["global"], NOW) == (Balance(0, 10),)
        await client.aclose()

    left_behind = asyncio.run(earlier())
    asyncio.run(later())
    # Its loop is gone, so nobody else closes it.
    left_behind._sock.close()
    left_behind._sock = None
