"""The totals of a day, and the hours' baseline and cost, in every store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from dataclasses import replace

import pytest
import redis.asyncio

from litellm_tiering.core.names import hashed
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger import book, totals_redis
from litellm_tiering.ledger.batch import Script
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ledger.totals import OTHER, SPENDING_S, TEAMS_MAX, TOTALS_MAX
from litellm_tiering.ports import Reservation, Settled, Tally

NOW = 1_800_000_000
EXPIRES = NOW + 35 * 86_400
DAY = "2027-01-15"


def tally(day=DAY, hour=8, expires_s=EXPIRES, **more):
    names = {"route": "auto", "tier": "simple", "model": "small", "team": "blue", "reason": "heuristic"}
    # Nobody saved anything, unless it says so: the hours are the baseline's.
    return Tally(day, hour, expires_s, **({"baseline": more.get("cost", 0)} | names | more))


def row(**more):
    return tally(hour=-1, expires_s=0, **more)


def charge(attempt, key="global"):
    return Reservation(attempt, (key,), (EXPIRES,), 0, NOW)


def hours(**each):
    """Keys are hours: h8=5."""
    return tuple(each.get(f"h{hour}", 0) for hour in range(24))


async def read(ledger, *days):
    return Counter(await ledger.totals(days or (DAY,)))


# --- adding up ---------------------------------------------------------------------------------------------


async def test_nothing_is_known_of_a_day_before_it_is_told_of(ledger):
    assert await ledger.totals([]) == ()
    assert await ledger.totals([DAY]) == ()
    assert await ledger.hours([]) == {}
    assert await ledger.hours([DAY]) == {}
    await ledger.tell([], NOW)
    await ledger.tell([tally()], NOW)
    assert await ledger.totals([DAY]) == ()


async def test_what_is_told_is_added_up_by_row(ledger):
    first = tally(requests=1, attempts=2, cost=50, baseline=90, waste=10)
    await ledger.tell([first, tally(refused=1, tier="complex"), tally(cost=-20, baseline=-95, waste=-3)], NOW)
    await ledger.tell([replace(first, hour=9)], NOW + 3_600)
    assert await read(ledger) == {
        row(requests=2, attempts=4, cost=80, baseline=85, waste=17): 1,
        row(refused=1, tier="complex"): 1,
    }
    assert await ledger.hours([DAY]) == {
        DAY: {"*": hours(h8=-5, h9=90), "blue": hours(h8=-5, h9=90)},
    }


async def test_each_name_makes_a_row_of_its_own(ledger):
    names = ("route", "tier", "model", "team", "reason")
    told = [tally(**{name: value}, requests=1) for name in names for value in ("", "ü {x}|y=z", "=", "0c")]
    await ledger.tell(told, NOW)
    assert await read(ledger) == {replace(t, hour=-1, expires_s=0): 1 for t in told}


async def test_a_row_that_comes_to_nothing_is_still_one(ledger):
    await ledger.tell([tally(cost=7), tally(cost=-7)], NOW)
    assert await read(ledger) == {row(): 1}


async def test_days_are_apart_and_told_of_once_each(ledger):
    await ledger.tell([tally(cost=1), tally("2027-01-16", 0, cost=2), tally("2027-01-17", 1, cost=4)], NOW)
    asked = ["2027-01-16", DAY, "2027-01-16", "2026-01-01"]
    assert await read(ledger, *asked) == {row(cost=1): 1, replace(row(cost=2), day="2027-01-16"): 1}
    assert await ledger.hours(asked) == {
        DAY: {"*": hours(h8=1), "blue": hours(h8=1)},
        "2027-01-16": {"*": hours(h0=2), "blue": hours(h0=2)},
    }


async def test_large_sums_are_exact(ledger):
    large = 2**53 - 1
    await ledger.tell([tally(cost=large, waste=-large)] * 5, NOW)
    assert await read(ledger) == {row(cost=5 * large, waste=-5 * large): 1}
    assert (await ledger.hours([DAY]))[DAY]["*"] == hours(h8=5 * large)


async def test_an_hour_that_is_not_known_counts_for_the_day_only(ledger):
    await ledger.tell([tally(hour=-1, cost=5), tally(team="", cost=7)], NOW)
    assert await read(ledger) == {row(cost=5): 1, row(team="", cost=7): 1}
    assert await ledger.hours([DAY]) == {DAY: {"*": hours(h8=7)}}


async def test_of_many_at_once_none_is_lost(store):
    one, other = store.open(), store.open()
    try:
        asked = [
            (one, other)[i % 2].settle(charge(f"a{i}"), 3, NOW, tally(attempts=1, cost=3)) for i in range(60)
        ]
        told = [one.tell([tally(refused=1), tally(requests=1)], NOW) for _ in range(20)]
        await asyncio.gather(*asked, *told)
        assert await read(other) == {row(requests=20, refused=20, attempts=60, cost=180): 1}
        assert (await one.hours([DAY]))[DAY]["*"] == hours(h8=180)
    finally:
        await one.close()
        await other.close()


# --- with a settlement -------------------------------------------------------------------------------------


async def test_a_settlement_adds_its_tally_once(ledger):
    told = tally(attempts=1, cost=5)
    assert await ledger.settle(charge("one"), 5, NOW, told) == Settled(True, (5,))
    assert await ledger.settle(charge("one"), 5, NOW, told) == Settled(False, (5,))
    assert await ledger.settle(charge("two"), 0, NOW, replace(told, cost=0, baseline=0)) == Settled(
        True, (5,)
    )
    assert await ledger.settle(charge("three"), 6, NOW, tally()) == Settled(True, (11,))
    assert await read(ledger) == {row(attempts=2, cost=5): 1}


async def test_a_settlement_without_counters_adds_its_tally(ledger):
    nothing = Reservation("one", (), (), 0, NOW)
    assert await ledger.settle(nothing, 5, NOW, tally(cost=5)) == Settled(True, ())
    assert await ledger.settle(nothing, 5, NOW, tally(cost=5)) == Settled(False, ())
    assert await read(ledger) == {row(cost=5): 1}


@pytest.mark.parametrize(
    "wrong",
    [
        tally("today", cost=1),
        tally("2027-01-15\n", cost=1),
        tally("\u0662\u0660\u0662\u0667-01-15", cost=1),
        tally(hour=24, cost=1),
        tally(hour=-2, cost=1),
        tally(cost=2**53),
        tally(waste=-(2**53)),
    ],
)
async def test_a_tally_that_is_not_well_formed_is_an_error_and_nothing_is_counted(ledger, wrong):
    with pytest.raises(ValueError, match=r"day|hour|amount"):
        await ledger.tell([tally(cost=1), wrong], NOW)
    with pytest.raises(ValueError, match=r"day|hour|amount"):
        await ledger.settle(charge("one"), 5, NOW, wrong)
    assert await ledger.totals([DAY]) == ()
    assert await ledger.active(NOW) == {}
    assert (await ledger.settle(charge("one"), 5, NOW)).counted


# --- what each hour cost -----------------------------------------------------------------------------------


async def test_each_hours_cost_is_kept_beside_its_baseline(ledger):
    assert await ledger.spending([]) == await ledger.spending([DAY]) == {}
    await ledger.settle(charge("one"), 5, NOW, tally(cost=5, baseline=9))
    await ledger.settle(charge("one"), 5, NOW, tally(cost=5, baseline=9))
    await ledger.tell([tally(cost=7, baseline=0, team="", hour=9), tally(baseline=-2, cost=0)], NOW)
    await ledger.tell([tally(cost=100, hour=-1), tally("2027-01-16", cost=1)], NOW)
    assert await ledger.spending([DAY, DAY, "2026-01-01"]) == {
        DAY: {"*": hours(h8=5, h9=7), "blue": hours(h8=5)}
    }
    assert await ledger.hours([DAY]) == {DAY: {"*": hours(h8=7), "blue": hours(h8=7)}}
    assert list(await ledger.spending(["2027-01-16"])) == ["2027-01-16"]


async def test_the_hours_of_a_day_add_up_to_the_day(ledger):
    told = [tally(hour=i % 24, team=f"t{i % 5}", cost=i * i, baseline=3 * i, requests=1) for i in range(100)]
    await asyncio.gather(*(ledger.settle(charge(f"a{i}"), 1, NOW, t) for i, t in enumerate(told)))
    found = (await ledger.spending([DAY]))[DAY]
    assert sum(found["*"]) == sum(t.cost for t in await ledger.totals([DAY]))
    assert [sum(found[f"t{i}"][hour] for i in range(5)) for hour in range(24)] == list(found["*"])


async def test_of_a_team_too_many_the_cost_is_everybodys_only(ledger):
    await ledger.tell([tally(team=f"t{i}", cost=1, baseline=0) for i in range(TEAMS_MAX + 5)], NOW)
    found = (await ledger.spending([DAY]))[DAY]
    assert found.keys() == {"*", *(f"t{i}" for i in range(TEAMS_MAX))}
    assert found["*"] == hours(h8=TEAMS_MAX + 5)


async def test_hours_cost_is_forgotten_after_three_days_and_does_not_begin_anew():
    ledger = MemoryLedger()
    await ledger.tell([tally(cost=1)], NOW)
    await ledger.tell([tally(cost=2)], NOW + SPENDING_S - 1)
    assert (await ledger.spending([DAY]))[DAY]["*"] == hours(h8=3)
    await ledger.tell([tally(cost=4)], NOW + SPENDING_S)
    assert await ledger.spending([DAY]) == {}
    assert await read(ledger) == {row(cost=7): 1}
    await ledger.close()


async def test_sqlite_prunes_hours_cost_of_three_days_ago_with_all_its_teams(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.tell([tally(cost=1)], NOW)
    await ledger.tell([tally(cost=1, team="red")], NOW + 86_400)
    for _ in range(book.PRUNE_EVERY):
        await ledger.tell([tally("2027-01-19", cost=1)], NOW + SPENDING_S)
    assert await ledger.spending([DAY]) == {}
    await ledger.tell([tally(cost=4)], NOW + SPENDING_S)
    assert list(await ledger.spending([DAY, "2027-01-19"])) == ["2027-01-19"]
    assert (await ledger.hours([DAY]))[DAY]["*"] == hours(h8=6)
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        assert db.execute("SELECT count(*) FROM spending WHERE day = ?", (DAY,)).fetchone() == (0,)
    db.close()
    await ledger.close()


async def test_redis_forgets_hours_cost_after_three_days_and_never_pushes_that_on(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=5)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        key = totals_redis.spending_key(DAY)
        await ledger.tell([tally(cost=1)], NOW)
        assert await client.ttl(key) in range(SPENDING_S - 5, SPENDING_S + 1)
        await client.expire(key, 400)
        await ledger.tell([tally(cost=1)], NOW + 100)
        assert await client.ttl(key) in range(395, 401)
        await client.delete(key)
        await ledger.tell([tally(cost=1)], NOW + 200)
        assert (await ledger.spending([DAY]), await client.exists(key)) == ({}, 0)
    await ledger.close()


async def test_a_day_that_an_earlier_release_began_has_no_hours_cost(store):
    ledger = store.open()
    await ledger.tell([tally(requests=1, cost=3)], NOW)
    if store.kind == "memory":
        pytest.skip("a process has no earlier release")
    await _as_before(ledger)
    await ledger.settle(charge("one"), 5, NOW, tally(cost=5))
    await ledger.tell([tally("2027-01-16", cost=2)], NOW)
    assert list(await ledger.spending([DAY, "2027-01-16"])) == ["2027-01-16"]
    assert await read(ledger) == {row(requests=1, cost=8): 1}
    await ledger.close()


async def _as_before(ledger):
    """What an earlier release has left of the day."""
    if isinstance(ledger, SqliteLedger):
        await ledger.run(lambda there: there.db.execute("DELETE FROM spending"))
        return
    drop = Script("redis.call('DEL', KEYS[1]) return {}")
    await ledger.run(drop, [totals_redis.spending_key(DAY)], [])


# --- bounds ------------------------------------------------------------------------------------------------


async def test_overlong_and_odd_names_are_hashed(ledger):
    long, odd = "x" * 65, "a\x1fb"
    await ledger.tell([tally(team=long, model=odd, cost=1), tally(team="*", cost=2)], NOW)
    assert await read(ledger) == {
        row(team=hashed(long), model=hashed(odd), cost=1): 1,
        row(team="*", cost=2): 1,
    }
    assert await ledger.hours([DAY]) == {
        DAY: {"*": hours(h8=3), hashed(long): hours(h8=1), hashed("*"): hours(h8=2)}
    }


async def test_rows_too_many_go_to_that_of_the_others(ledger):
    many = [tally(team=f"t{i}", requests=1, cost=2) for i in range(TOTALS_MAX + 50)]
    await ledger.tell(many, NOW)
    await ledger.settle(charge("known"), 7, NOW, tally(team="t0", cost=7))
    await ledger.settle(charge("unknown"), 9, NOW, tally(team="new", cost=9))
    found = await ledger.totals([DAY])
    assert len(found) == TOTALS_MAX
    by_team = {t.team: t for t in found}
    assert by_team.keys() == {*(f"t{i}" for i in range(TOTALS_MAX - 1)), OTHER}
    others = row(route=OTHER, tier=OTHER, model=OTHER, team=OTHER, reason=OTHER)
    assert by_team[OTHER] == replace(others, requests=51, cost=2 * 51 + 9, baseline=2 * 51 + 9)
    assert by_team["t0"] == row(team="t0", requests=1, cost=9)
    assert sum(t.cost for t in found) == 2 * (TOTALS_MAX + 50) + 16
    # Another day has room of its own.
    await ledger.tell([tally("2027-01-16", team="new", cost=1)], NOW)
    assert await read(ledger, "2027-01-16") == {replace(row(team="new", cost=1), day="2027-01-16"): 1}


async def test_who_is_called_like_the_others_takes_nobodys_room(ledger):
    others = dict.fromkeys(("route", "tier", "model", "team", "reason"), OTHER)
    await ledger.tell([tally(**others, requests=1)], NOW)
    await ledger.tell([tally(team=f"t{i}", requests=1) for i in range(TOTALS_MAX)], NOW)
    found = {t.team: t.requests for t in await ledger.totals([DAY])}
    assert len(found) == TOTALS_MAX
    assert found[OTHER] == 2


async def test_a_team_too_many_is_counted_under_everybody(ledger):
    many = [tally(team=f"t{i}", cost=1) for i in range(TEAMS_MAX + 5)]
    await ledger.tell(many, NOW)
    await ledger.tell([tally(team="t1", hour=23, cost=5), tally(team="new", hour=23, cost=7)], NOW)
    found = (await ledger.hours([DAY]))[DAY]
    assert found.keys() == {"*", *(f"t{i}" for i in range(TEAMS_MAX))}
    assert found["*"] == hours(h8=TEAMS_MAX + 5, h23=12)
    assert found["t1"] == hours(h8=1, h23=5)


# --- time --------------------------------------------------------------------------------------------------


async def test_a_day_that_may_be_forgotten_is_not_begun(ledger):
    await ledger.tell([tally(expires_s=NOW, cost=1)], NOW)
    assert await ledger.settle(charge("one"), 5, NOW, tally(expires_s=NOW - 9, cost=5)) == Settled(True, (5,))
    assert await ledger.totals([DAY]) == ()
    assert await ledger.hours([DAY]) == {}


async def test_memory_forgets_days_that_are_over():
    ledger = MemoryLedger()
    await ledger.tell([tally(expires_s=NOW + 10, cost=1), tally("2027-01-16", cost=2)], NOW)
    await ledger.tell([], NOW + 10)
    assert await ledger.totals([DAY, "2027-01-16"]) == (replace(row(cost=2), day="2027-01-16"),)
    assert list(await ledger.hours([DAY, "2027-01-16"])) == ["2027-01-16"]
    await ledger.close()


async def test_sqlite_prunes_days_that_are_over(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.tell([tally(team=f"t{i}", expires_s=NOW + 10, cost=1) for i in range(100)], NOW)
    for _ in range(book.PRUNE_EVERY):
        await ledger.tell([tally("2027-01-16", cost=1)], NOW + 10)
    assert await ledger.totals([DAY]) == ()
    assert await ledger.hours([DAY]) == {}
    assert len(await ledger.totals(["2027-01-16"])) == 1
    await ledger.close()


async def test_a_sqlite_file_of_an_earlier_release_is_given_the_tables(tmp_path):
    path = tmp_path / "ledger.db"
    first = SqliteLedger(path)
    await first.settle(charge("one"), 5, NOW)
    await first.close()
    with sqlite3.connect(path) as db:
        for table in ("totals", "hours", "meta", "threads", "spending"):
            db.execute(f"DROP TABLE {table}")
    db.close()
    second = SqliteLedger(path)
    assert await second.settle(charge("two"), 6, NOW, tally(cost=6)) == Settled(True, (11,))
    assert await read(second) == {row(cost=6): 1}
    assert (await second.spending([DAY]))[DAY]["*"] == hours(h8=6)
    await second.close()


async def test_redis_forgets_days_by_itself_and_needs_no_scan(redis_url, wipe):

    ledger = RedisLedger.from_url(redis_url, timeout_s=5)

    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await ledger.tell([tally(expires_s=NOW + 500, cost=1), tally("2027-01-16", cost=2)], NOW)
        # As if 100 s had passed in Redis; what is set once is not pushed on.
        keys = totals_redis.day_key(DAY), totals_redis.hours_key(DAY)
        for key in keys:
            assert await client.ttl(key) in range(495, 501)
            await client.expire(key, 400)
        await ledger.tell([tally(expires_s=NOW + 9_000, cost=1)], NOW + 100)
        for key in keys:
            assert await client.ttl(key) in range(395, 401)
        # The day is over by the callers' clock before Redis has dropped it.
        await ledger.tell([tally(expires_s=NOW + 9_000, cost=5)], NOW + 500)
        assert await read(ledger) == {row(cost=5): 1}
        assert await client.zrange(totals_redis.DAYS, 0, -1) == [DAY.encode(), b"2027-01-16"]
        await client.delete(*keys)
        assert await read(ledger) == {}
    await ledger.close()


async def test_what_is_wrong_with_redis_totals_does_not_keep_money_from_being_counted(redis_url, wipe):

    ledger = RedisLedger.from_url(redis_url, timeout_s=5)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.set(totals_redis.day_key(DAY), "text")
        assert await ledger.settle(charge("one"), 5, NOW, tally(cost=5)) == Settled(True, (5,))
        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            await ledger.tell([tally(cost=5)], NOW)
        # A counter that is none is found out before the attempt is marked.
        await client.set("ltt:{t}:c:taken", "text")
        both = Reservation("two", ("global", "taken"), (EXPIRES,) * 2, 0, NOW)
        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            await ledger.settle(both, 7, NOW)
        await client.delete("ltt:{t}:c:taken")
        assert await ledger.settle(both, 7, NOW) == Settled(True, (12, 7))
    await ledger.close()


async def test_every_key_of_a_day_on_redis_goes_away_by_itself(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=5)
    await ledger.tell([tally(requests=1, cost=3)], NOW)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        left = {
            key.decode().removeprefix("ltt:{t}:"): await client.ttl(key)
            async for key in client.scan_iter("ltt:*")
        }
    assert {"days", f"d:{DAY}", f"h:{DAY}", f"p:{DAY}"} <= left.keys()
    assert all(seconds > 0 for seconds in left.values())
    await ledger.close()
