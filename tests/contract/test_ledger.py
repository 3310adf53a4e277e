"""What every ledger does, whatever it keeps its money in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from litellm_tiering.core.budget import NO_BOUND, Balance, Choice, Limit
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ports import Hold

NOW = 1_800_000_000
HOUR = 3_600
EXPIRES = NOW + 24 * HOUR
TTL = 600

_numbers = iter(range(1_000_000))


def limit(key="global", *, below=(NO_BOUND,), ceiling=NO_BOUND, block=False, expires_s=EXPIRES):
    return Limit(key, expires_s, tuple(below), ceiling, block)


def hold(*limits, amounts=(10,), floor=True, now_s=NOW, ttl_s=TTL, attempt=None):
    attempt = attempt or f"attempt-{next(_numbers)}"
    return Hold(attempt, limits or (limit(below=(NO_BOUND,) * len(amounts)),), amounts, floor, now_s, ttl_s)


async def balance(ledger, key="global", now_s=NOW):
    (found,) = await ledger.balances([key], now_s)
    return found


async def spend(ledger, amount, key="global", now_s=NOW):
    """Count a cost that was never reserved."""
    kept = (await ledger.reserve(hold(limit(key), amounts=(0,), now_s=now_s))).reservation
    assert (await ledger.settle(kept, amount, now_s)).counted


# --- admitting ---------------------------------------------------------------------------------------------


async def test_the_first_option_is_admitted_and_held(ledger):
    found = await ledger.reserve(hold(amounts=(30, 10), attempt="one", now_s=NOW + 0.5))
    assert found.choice == Choice(0)
    assert found.balances == (Balance(0, 0),)
    assert found.reservation.attempt == "one"
    assert found.reservation.keys == ("global",)
    assert found.reservation.expires_s == (EXPIRES,)
    assert found.reservation.amount == 30
    assert await balance(ledger) == Balance(0, 30)


async def test_balances_in_the_answer_are_those_before_the_hold(ledger):
    await spend(ledger, 7)
    await ledger.reserve(hold(amounts=(30,)))
    found = await ledger.reserve(hold(amounts=(5,)))
    assert found.balances == (Balance(7, 30),)


@pytest.mark.parametrize(("spent", "option"), [(0, 0), (49, 0), (50, 1), (79, 1), (80, 2), (10_000, 2)])
async def test_thresholds_move_down_at_the_bound_and_never_refuse(ledger, spent, option):
    await spend(ledger, spent)
    found = await ledger.reserve(hold(limit(below=(50, 80, 0)), amounts=(30, 20, 10)))
    assert found.choice == Choice(option, 0 if option else None)
    assert found.reservation.amount == (30, 20, 10)[option]


async def test_what_is_held_counts_towards_a_threshold(ledger):
    await ledger.reserve(hold(amounts=(50,)))
    found = await ledger.reserve(hold(limit(below=(50, NO_BOUND)), amounts=(30, 20)))
    assert found.choice == Choice(1, 0)


async def test_what_is_held_counts_towards_a_ceiling(ledger):
    await ledger.reserve(hold(amounts=(60,)))
    full = limit(ceiling=100, block=True)
    assert (await ledger.reserve(hold(full, amounts=(41,)))).choice == Choice(None, 0, at_ceiling=True)
    assert (await ledger.reserve(hold(full, amounts=(40,)))).choice == Choice(0)


async def test_a_ceiling_that_does_not_block_lets_the_cheapest_tier_pass(ledger):
    await spend(ledger, 100)
    found = await ledger.reserve(hold(limit(below=(-1, -1), ceiling=100), amounts=(30, 5)))
    assert found.choice == Choice(1, 0, at_ceiling=True)
    assert await balance(ledger) == Balance(100, 5)


async def test_a_ceiling_that_does_not_block_refuses_where_the_last_option_is_not_the_cheapest(ledger):
    await spend(ledger, 100)
    found = await ledger.reserve(hold(limit(ceiling=100), amounts=(30,), floor=False))
    assert found.choice == Choice(None, 0, at_ceiling=True)
    assert found.reservation is None


async def test_a_blocking_ceiling_refuses_even_the_cheapest_tier(ledger):
    await spend(ledger, 98)
    limits = (limit("team", below=(-1, -1), ceiling=90), limit(below=(-1, -1), ceiling=100, block=True))
    await spend(ledger, 98, "team")
    assert (await ledger.reserve(hold(*limits, amounts=(30, 3)))).choice == Choice(None, 1, at_ceiling=True)
    assert (await ledger.reserve(hold(*limits, amounts=(2, 2)))).choice == Choice(1, 0, at_ceiling=True)


async def test_the_limit_that_decides_is_the_last_to_move(ledger):
    limits = (limit("a", below=(-1, -1, -1)), limit("b", below=(0, -1, -1)), limit("c", below=(0, 0, -1)))
    assert (await ledger.reserve(hold(*limits, amounts=(3, 2, 1)))).choice == Choice(2, 2)


async def test_no_limits_admit_the_first_option(ledger):
    found = await ledger.reserve(Hold("free", (), (3, 2), True, NOW, TTL))
    assert found.choice == Choice(0)
    assert found.balances == ()
    assert (await ledger.settle(found.reservation, 5, NOW)).counted
    assert not (await ledger.settle(found.reservation, 5, NOW)).counted
    assert await ledger.active(NOW) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        hold(amounts=()),
        hold(amounts=(-1,)),
        hold(amounts=(2**53,)),
        hold(limit(below=(1, 2)), amounts=(1,)),
    ],
)
async def test_a_hold_that_is_not_well_formed_is_an_error(ledger, wrong):
    with pytest.raises(ValueError, match=r"option|amount"):
        await ledger.reserve(wrong)
    assert await ledger.active(NOW) == {}


async def test_a_cost_below_zero_is_an_error(ledger):
    kept = (await ledger.reserve(hold())).reservation
    with pytest.raises(ValueError, match="amount"):
        await ledger.settle(kept, -1, NOW)
    assert await balance(ledger) == Balance(0, 10)


# --- all or nothing ----------------------------------------------------------------------------------------


async def test_every_scope_is_held(ledger):
    limits = (limit("global"), limit("team:a", expires_s=EXPIRES + 60), limit("key:b"))
    found = await ledger.reserve(hold(*limits, amounts=(10,)))
    assert found.reservation.keys == ("global", "team:a", "key:b")
    assert found.reservation.expires_s == (EXPIRES, EXPIRES + 60, EXPIRES)
    assert await ledger.balances(found.reservation.keys, NOW) == (Balance(0, 10),) * 3


async def test_a_refusal_consumes_nothing(ledger):
    await spend(ledger, 95, "key:b")
    before = await ledger.active(NOW)
    limits = (limit("global"), limit("team:a", ceiling=1_000), limit("key:b", ceiling=100, block=True))
    for _ in range(3):
        found = await ledger.reserve(hold(*limits, amounts=(10,)))
        assert found.choice == Choice(None, 2, at_ceiling=True)
        assert found.balances == (Balance(), Balance(), Balance(95, 0))
        assert found.reservation is None
    assert await ledger.active(NOW) == before == {"key:b": Balance(95, 0)}


async def test_a_counter_under_two_limits_is_held_and_charged_once(ledger):
    await spend(ledger, 1)
    limits = (limit("global", ceiling=100), limit("global", below=(50,)), limit("team"))
    found = await ledger.reserve(hold(*limits, amounts=(10,)))
    assert found.reservation.keys == ("global", "team")
    assert await balance(ledger) == Balance(1, 10)
    twice = replace(found.reservation, keys=("global", "team", "global"), expires_s=(EXPIRES,) * 3)
    assert (await ledger.settle(twice, 4, NOW)).counted
    assert await ledger.balances(["global", "team"], NOW) == (Balance(5, 0), Balance(4, 0))


async def test_of_many_at_once_exactly_those_that_fit_are_admitted(store):
    one, other = store.open(), store.open()
    try:
        asked = [
            (one, other)[i % 2].reserve(
                hold(limit(ceiling=200, block=True), limit(f"team:{i % 3}"), amounts=(10,))
            )
            for i in range(200)
        ]
        found = await asyncio.gather(*asked)
        assert sum(f.choice.option == 0 for f in found) == 20
        assert await balance(one) == Balance(0, 200)
        teams = await other.balances(["team:0", "team:1", "team:2"], NOW)
        assert sum(t.reserved for t in teams) == 200
        ended = [one.settle(f.reservation, 10, NOW) for f in found if f.reservation for _ in range(2)]
        assert sum(settled.counted for settled in await asyncio.gather(*ended)) == 20
        assert await balance(other) == Balance(200, 0)
    finally:
        await one.close()
        await other.close()


async def test_two_ledgers_on_one_store_see_each_other(store):
    one, other = store.open(), store.open()
    try:
        kept = (await one.reserve(hold(amounts=(30,)))).reservation
        assert await balance(other) == Balance(0, 30)
        assert (await other.settle(kept, 12, NOW)).counted
        assert not (await one.settle(kept, 12, NOW)).counted
        assert await balance(one) == Balance(12, 0)
    finally:
        await one.close()
        await other.close()


# --- settling ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", [0, 1, 29, 30, 31, 500])
async def test_settling_puts_the_cost_in_the_place_of_the_hold(ledger, cost):
    other = (await ledger.reserve(hold(amounts=(100,)))).reservation
    kept = (await ledger.reserve(hold(amounts=(30,)))).reservation
    assert (await ledger.settle(kept, cost, NOW + 1)).counted is True
    assert await balance(ledger) == Balance(cost, 100)
    assert await ledger.release(other, NOW + 2) is True
    assert await balance(ledger) == Balance(cost, 0)


async def test_an_attempt_is_settled_once(ledger):
    kept = (await ledger.reserve(hold(amounts=(30,)))).reservation
    await ledger.reserve(hold(amounts=(30,)))
    assert (await ledger.settle(kept, 12, NOW)).counted is True
    assert (await ledger.settle(kept, 12, NOW)).counted is False
    assert (await ledger.settle(kept, 99, NOW + 3 * HOUR)).counted is False
    assert await ledger.release(kept, NOW) is False
    assert await balance(ledger) == Balance(12, 30)


async def test_a_released_attempt_is_not_settled(ledger):
    kept = (await ledger.reserve(hold(amounts=(30,)))).reservation
    assert await ledger.release(kept, NOW) is True
    assert (await ledger.settle(kept, 12, NOW)).counted is False
    assert await ledger.release(kept, NOW) is False
    assert await balance(ledger) == Balance(0, 0)


async def test_the_attempt_decides_and_not_the_reservation_that_names_it(ledger):
    kept = (await ledger.reserve(hold(amounts=(30,)))).reservation
    assert (await ledger.settle(replace(kept, amount=0), 12, NOW)).counted is True
    assert (await ledger.settle(kept, 12, NOW)).counted is False
    assert await balance(ledger) == Balance(12, 30)
    assert await balance(ledger, now_s=kept.lapses_s) == Balance(12, 0)


async def test_a_settle_after_the_lapse_still_counts_and_takes_nothing_away(ledger):
    kept = (await ledger.reserve(hold(amounts=(30,)))).reservation
    late = kept.lapses_s + 1
    other = (await ledger.reserve(hold(amounts=(7,), now_s=late))).reservation
    assert (await ledger.settle(kept, 12, late)).counted is True
    assert await balance(ledger, now_s=late) == Balance(12, 7)
    assert (await ledger.settle(other, 3, late)).counted is True
    assert await balance(ledger, now_s=late) == Balance(15, 0)


async def test_a_cost_that_was_never_reserved_is_counted(ledger):
    kept = (await ledger.reserve(hold(limit("a"), limit("b"), amounts=(0,)))).reservation
    assert kept.amount == 0
    assert await ledger.active(NOW) == {}
    await ledger.reserve(hold(limit("a"), amounts=(5,)))
    assert (await ledger.settle(kept, 12, NOW)).counted is True
    assert (await ledger.settle(kept, 12, NOW)).counted is False
    assert await ledger.balances(["a", "b"], NOW) == (Balance(12, 5), Balance(12, 0))


async def test_a_hold_the_store_has_forgotten_takes_nothing_below_zero(ledger):
    kept = (await ledger.reserve(hold(amounts=(30,)))).reservation
    more = replace(kept, attempt="never-held", amount=1_000)
    assert (await ledger.settle(more, 1, NOW)).counted is True
    assert await balance(ledger) == Balance(1, 0)
    assert (await ledger.settle(kept, 2, NOW)).counted is True
    assert await balance(ledger) == Balance(3, 0)


# --- time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now_s", [NOW, NOW + 0.25, NOW + 29, NOW + 59.75])
async def test_a_hold_lapses_by_itself(ledger, now_s):
    kept = (await ledger.reserve(hold(amounts=(30,), now_s=now_s))).reservation
    assert isinstance(kept.lapses_s, int)
    assert now_s + TTL <= kept.lapses_s < now_s + TTL + 60
    full = limit(ceiling=30, block=True)
    just_before = kept.lapses_s - 0.01
    assert await balance(ledger, now_s=just_before) == Balance(0, 30)
    assert (await ledger.reserve(hold(full, now_s=just_before))).choice.option is None
    assert await balance(ledger, now_s=kept.lapses_s) == Balance(0, 0)
    assert await ledger.active(just_before) == {"global": Balance(0, 30)}
    assert await ledger.active(kept.lapses_s) == {"global": Balance(0, 0)}
    assert (await ledger.reserve(hold(full, amounts=(30,), now_s=kept.lapses_s))).choice.option == 0


async def test_holds_of_different_times_lapse_one_after_the_other(ledger):
    for minute in range(5):
        await ledger.reserve(hold(amounts=(2**minute,), now_s=NOW + 60 * minute))
    left = [(await balance(ledger, now_s=NOW + TTL + 60 * minute)).reserved for minute in range(5)]
    assert left == [30, 28, 24, 16, 0]


async def test_an_expiry_is_set_once_and_never_pushed_on(ledger):
    await ledger.reserve(hold(limit(expires_s=NOW + 1_000)))
    kept = (await ledger.reserve(hold(limit(expires_s=NOW + 9_000), now_s=NOW + 900))).reservation
    assert (await ledger.settle(kept, 12, NOW + 990)).counted
    assert await balance(ledger, now_s=NOW + 999) == Balance(12, 0)
    assert await balance(ledger, now_s=NOW + 1_000) == Balance(0, 0)
    assert await ledger.active(NOW + 1_000) == {}


async def test_a_counter_that_was_forgotten_begins_at_nothing(ledger):
    await ledger.reserve(hold(limit(expires_s=NOW + 100), amounts=(7,), ttl_s=10_000))
    await spend(ledger, 5)
    again = hold(limit(expires_s=NOW + 1_000), amounts=(30,), now_s=NOW + 100)
    found = await ledger.reserve(again)
    assert found.balances == (Balance(0, 0),)
    assert await balance(ledger, now_s=NOW + 101) == Balance(0, 30)


async def test_a_settle_past_the_expiry_counts_nowhere_else(ledger):
    limits = (limit("hour", expires_s=NOW + 100), limit("day"))
    kept = (await ledger.reserve(hold(*limits, amounts=(7,)))).reservation
    assert (await ledger.settle(kept, 5, NOW + 100)).counted is True
    assert await ledger.active(NOW + 100) == {"day": Balance(5, 0)}


async def test_memory_drops_what_is_over():
    ledger = MemoryLedger()
    for minute in range(60):
        await ledger.reserve(hold(now_s=NOW + 60 * minute))
        assert len(ledger._counters["global"].held) <= 11
    await spend(ledger, 1)
    await ledger.active(EXPIRES + 24 * HOUR)
    assert not ledger._counters
    assert not ledger._ended
    await ledger.close()


# --- looking -----------------------------------------------------------------------------------------------


async def test_looking_at_unknown_counters_finds_zeros_and_leaves_none(ledger):
    await spend(ledger, 5, "b")
    assert await ledger.balances([], NOW) == ()
    assert await ledger.balances(["a", "b", "a"], NOW) == (Balance(), Balance(5, 0), Balance())
    assert await ledger.active(NOW) == {"b": Balance(5, 0)}


async def test_active_tells_every_live_counter(ledger):
    assert await ledger.active(NOW) == {}
    await ledger.reserve(hold(limit("hour", expires_s=NOW + HOUR), limit("dåy:é|ü {x}"), amounts=(9,)))
    await spend(ledger, 4, "dåy:é|ü {x}")
    assert await ledger.active(NOW) == {"hour": Balance(0, 9), "dåy:é|ü {x}": Balance(4, 9)}
    assert await ledger.active(NOW + HOUR) == {"dåy:é|ü {x}": Balance(4, 0)}
    assert await ledger.active(EXPIRES) == {}


async def test_active_is_bounded_and_keeps_the_newest_windows(ledger):
    kept = (await ledger.reserve(hold(amounts=(0,)))).reservation
    # The order of their ends is neither that of the names nor that of their making.
    parts = (2, 5, 0, 3, 1, 4)
    for part in parts:
        keys = tuple(f"user:{5 - part}:{i}" for i in range(1_000))
        expires = tuple(NOW + HOUR + 1_000 * part + i for i in range(1_000))
        many = replace(kept, attempt=f"part-{part}", keys=keys, expires_s=expires)
        assert (await ledger.settle(many, 1, NOW)).counted
    found = await ledger.active(NOW)
    assert len(found) == 5_000
    assert set(found) == {f"user:{5 - part}:{i}" for part in range(1, 6) for i in range(1_000)}
    assert set(found.values()) == {Balance(1, 0)}


async def test_ids_that_clients_make_up_hide_no_other_counter(ledger):
    """A month's counters, which are kept longest, of more ids than are told of."""
    kept = (await ledger.reserve(hold(amounts=(0,)))).reservation
    mine = ("global|*|day", "team|end_user||day", "route|tag|day")
    await ledger.settle(replace(kept, attempt="own", keys=mine, expires_s=(EXPIRES,) * 3), 1, NOW)
    for part in range(6):
        keys = tuple(f"{'tag' if i % 2 else 'end_user'}|{part}-{i}|month" for i in range(1_000))
        expires = (EXPIRES + HOUR + part,) * 1_000
        many = replace(kept, attempt=f"part-{part}", keys=keys, expires_s=expires)
        assert (await ledger.settle(many, 1, NOW)).counted
    found = await ledger.active(NOW)
    assert len(found) == 5_000
    assert set(found) >= {*mine, "tag|5-999|month"}
    assert "tag|0-1|month" not in found
    assert set(await ledger.active(EXPIRES)).isdisjoint(mine)


async def test_large_amounts_are_exact(ledger):
    large = 2**52 + 1
    kept = (await ledger.reserve(hold(limit(ceiling=2**53), amounts=(large,)))).reservation
    assert await balance(ledger) == Balance(0, large)
    assert (await ledger.settle(kept, 2**31 + 1, NOW)).counted
    for _ in range(5):
        await spend(ledger, large)
    # Past what a double can hold, a sum is still a sum.
    assert await balance(ledger) == Balance(2**31 + 1 + 5 * large, 0)


# --- away --------------------------------------------------------------------------------------------------


async def test_a_closed_ledger_is_unavailable(store):
    ledger = store.open()
    kept = (await ledger.reserve(hold())).reservation
    await ledger.close()
    await ledger.close()
    for call in (
        ledger.reserve(hold()),
        ledger.settle(kept, 1, NOW),
        ledger.release(kept, NOW),
        ledger.balances(["global"], NOW),
        ledger.active(NOW),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


async def test_closing_a_ledger_that_was_never_used_is_fine(store):
    await store.open().close()
