"""Exactly once: what is settled twice, late, out of order, after midnight or after days, in every store."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit
from litellm_tiering.ports import Hold, Known, Reservation, Settled, Tally

NOW = 1_800_000_000
DAY_S = 86_400
MIDNIGHT = NOW + 3_600
RETENTION_S = 35 * DAY_S
TTL = 600


def limit(key="global", expires_s=NOW + RETENTION_S, **options):
    return Limit(key, expires_s, (NO_BOUND,), **options)


def hold(attempt, *limits, amount=10, now_s=NOW):
    return Hold(attempt, limits or (limit(),), (amount,), True, now_s, TTL)


async def reserve(ledger, attempt, *limits, **options):
    return (await ledger.reserve(hold(attempt, *limits, **options))).reservation


def tally(cost, day="2027-01-15"):
    return Tally(day, 8, NOW + RETENTION_S, "auto", "simple", "small", "blue", "heuristic", 1, 0, 1, cost)


# --- what is spent, as a settlement tells it ---------------------------------------------------------------


async def test_a_settlement_tells_what_is_spent_of_each_counter(ledger):
    one = await reserve(ledger, "one", limit("a"), limit("b"))
    two = await reserve(ledger, "two", limit("b"), limit("c"))
    assert await ledger.settle(one, 7, NOW) == Settled(True, (7, 7))
    assert await ledger.settle(two, 5, NOW) == Settled(True, (12, 5))
    assert await ledger.settle(one, 7, NOW) == Settled(False, (7, 12))
    assert await ledger.release(two, NOW) is False


async def test_a_settlement_of_nothing_tells_what_is_spent_and_makes_no_counter(ledger):
    await ledger.settle(await reserve(ledger, "one", limit("a")), 7, NOW)
    nothing = Reservation("two", ("a", "b"), (NOW + DAY_S,) * 2, 0, NOW)
    assert await ledger.settle(nothing, 0, NOW) == Settled(True, (7, 0))
    assert (await ledger.active(NOW)).keys() == {"a"}


async def test_what_may_be_forgotten_is_told_as_nothing(ledger):
    kept = await reserve(ledger, "one", limit("hour", NOW + 100), limit("day"))
    assert await ledger.settle(kept, 5, NOW + 50) == Settled(True, (5, 5))
    assert await ledger.settle(kept, 5, NOW + 100) == Settled(False, (0, 5))
    late = Reservation("late", ("hour", "day"), kept.expires_s, 0, NOW)
    assert await ledger.settle(late, 4, NOW + 100) == Settled(True, (0, 9))


async def test_a_counter_named_twice_is_told_of_twice_and_charged_once(ledger):
    twice = Reservation("one", ("a", "b", "a"), (NOW + DAY_S,) * 3, 0, NOW)
    assert await ledger.settle(twice, 5, NOW) == Settled(True, (5, 5, 5))


async def test_what_is_spent_is_told_exactly(ledger):
    large = 2**53 - 1
    for i in range(3):
        found = await ledger.settle(Reservation(f"a{i}", ("a",), (NOW + DAY_S,), 0, NOW), large, NOW)
    assert found == Settled(True, (3 * large,))


# --- once --------------------------------------------------------------------------------------------------


async def test_a_reservation_that_is_replayed_elsewhere_after_two_days_counts_once(store):
    """Its first settlement never reached the store; it waited on disk, and two processes found it there."""
    first = store.open()
    kept = await reserve(first, "one", limit("global|*|day:1"))
    await reserve(first, "two", limit("global|*|day:1"))
    later = NOW + 2 * DAY_S
    # From disk: equal, and not the same.
    found = Reservation(kept.attempt, tuple(kept.keys), tuple(kept.expires_s), kept.amount, kept.lapses_s)
    one, other = store.open(), store.open()
    try:
        both = [ledger.settle(found, 7, later, tally(7)) for ledger in (one, other) for _ in range(3)]
        settled = await asyncio.gather(*both)
        assert sorted(s.counted for s in settled) == [False] * 5 + [True]
        assert {s.spent for s in settled} == {(7,)}
        assert await other.balances(["global|*|day:1"], later) == (Balance(7, 0),)
        assert [t.cost for t in await one.totals(["2027-01-15"])] == [7]
        assert (await first.settle(kept, 7, later)).counted is False
    finally:
        for ledger in {id(each): each for each in (first, one, other)}.values():
            await ledger.close()


async def test_a_cost_that_was_never_held_is_counted_once_however_late_it_is_told_again(ledger):
    told = [
        Reservation("call:1", ("global",), (NOW + RETENTION_S,), 0, NOW + s) for s in (599, 600, 0, 1_150)
    ]
    counted = [(await ledger.settle(each, 7, each.lapses_s)).counted for each in told]
    assert counted == [True, False, False, False]
    assert await ledger.balances(["global"], NOW) == (Balance(7, 0),)


@pytest.mark.parametrize("seed", range(4))
async def test_duplicates_in_any_order_count_once_each(store, seed):
    ledgers = [store.open(), store.open()]
    dice = random.Random(seed)
    try:
        kept = [await reserve(ledgers[i % 2], f"a{i}", limit(), limit(f"t{i % 3}")) for i in range(30)]
        events = [(r, 2**i) for i, r in enumerate(kept)] * 3
        dice.shuffle(events)
        asked = [
            dice.choice(ledgers).settle(r, cost, NOW + dice.randrange(60), tally(cost)) for r, cost in events
        ]
        assert sum(s.counted for s in await asyncio.gather(*asked)) == 30
        assert await ledgers[0].balances(["global"], NOW) == (Balance(2**30 - 1, 0),)
        teams = await ledgers[1].balances(["t0", "t1", "t2"], NOW)
        assert sum(b.spent for b in teams) == 2**30 - 1
        (row,) = await ledgers[0].totals(["2027-01-15"])
        assert (row.requests, row.cost) == (30, 2**30 - 1)
    finally:
        for ledger in {id(each): each for each in ledgers}.values():
            await ledger.close()


async def test_a_late_settle_after_the_hold_lapsed_counts_once(ledger):
    kept = await reserve(ledger, "one", amount=30)
    late = kept.lapses_s + 5 * 3_600
    assert (
        await ledger.reserve(hold("two", limit(ceiling=30, block=True), amount=30, now_s=late))
    ).reservation
    assert await ledger.settle(kept, 12, late) == Settled(True, (12,))
    assert await ledger.settle(kept, 12, late + DAY_S - 1) == Settled(False, (12,))
    assert await ledger.balances(["global"], late) == (Balance(12, 30),)


async def test_what_ends_after_midnight_counts_in_the_window_it_was_admitted_in(ledger):
    yesterday = limit("global|*|day:1", MIDNIGHT + RETENTION_S)
    today = limit("global|*|day:2", MIDNIGHT + DAY_S + RETENTION_S)
    before = await reserve(ledger, "one", yesterday, now_s=MIDNIGHT - 1)
    after = await reserve(ledger, "two", today, now_s=MIDNIGHT + 1)
    assert await ledger.settle(after, 5, MIDNIGHT + 2, tally(5, "2027-01-16")) == Settled(True, (5,))
    assert await ledger.settle(before, 7, MIDNIGHT + 30, tally(7)) == Settled(True, (7,))
    assert await ledger.balances([yesterday.key, today.key], MIDNIGHT + 31) == (Balance(7), Balance(5))
    found = await ledger.totals(["2027-01-15", "2027-01-16"])
    assert [(t.day, t.cost) for t in found] == [("2027-01-15", 7), ("2027-01-16", 5)]


async def test_the_clock_set_back_and_forth_loses_and_doubles_nothing(ledger):
    kept = [await reserve(ledger, f"a{i}", now_s=NOW + jump) for i, jump in enumerate((0, 7_200, -7_200))]
    for i, reservation in enumerate(kept):
        for jump in (-3_600, 10_800, 0):
            settled = await ledger.settle(reservation, 10**i, NOW + jump)
            assert settled.counted is (jump == -3_600)
    assert await ledger.balances(["global"], NOW) == (Balance(111, 0),)


# --- a store's identity ------------------------------------------------------------------------------------


async def test_a_store_keeps_its_identity(store):
    one = store.open()
    name = await one.hello(NOW)
    assert name
    assert await one.hello(NOW + 9) == name
    await one.close()
    if store.kind == "memory":
        return
    other = store.open()
    assert await other.hello(NOW + 10 * DAY_S) == name
    await other.close()


async def test_what_counters_say_is_told_with_the_stores_identity_where_that_can_change(ledger):
    name = await ledger.hello(NOW)
    kept = await reserve(ledger, "one")
    await ledger.settle(kept, 5, NOW)
    told = {"global": Known(5, kept.expires_s[0])} if ledger.kind == "redis" else {}
    assert await ledger.known(NOW) == (name, told)
    assert await ledger.known(NOW) == (name, {})


async def test_restoring_where_nothing_was_lost_changes_nothing(ledger):
    if ledger.kind == "redis":
        pytest.skip("Redis is told by its identity whether it was emptied")
    await ledger.settle(await reserve(ledger, "one"), 5, NOW)
    await ledger.restore({"global": Known(9, NOW + DAY_S), "other": Known(3, NOW + DAY_S)}, NOW)
    assert await ledger.active(NOW) == {"global": Balance(5, 0)}


async def test_a_mark_does_not_depend_on_who_settles(ledger):
    """What settles may know less of the reservation than what reserved: the attempt and its lapse decide."""
    kept = await reserve(ledger, "one", limit("a"), limit("b"))
    assert (await ledger.settle(replace(kept, keys=("a",), expires_s=kept.expires_s[:1]), 5, NOW)).counted
    assert await ledger.settle(kept, 5, NOW) == Settled(False, (5, 0))
