"""What conversations have reached, in every store: read and kept by the one question that holds the money."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit, choose
from litellm_tiering.core.thread import Higher, Thread
from litellm_tiering.ledger import threads_memory
from litellm_tiering.ledger.book import PRUNE_EVERY
from litellm_tiering.ledger.holds import check_hold
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Hold, Reservation

NOW = 1_800_000_000.0
EXPIRES_S = int(NOW) + 86_400
TTL_S = 3_600


def limit(*below, key="global|*|day", ceiling=NO_BOUND, block=False):
    return Limit(key, EXPIRES_S, below, ceiling, block)


def asking(attempt, thread=None, higher=(), *, now_s=NOW, ceiling=NO_BOUND, block=False):
    """One option at rank 0, of 10; each rank of :func:`higher` has one more, ten times dearer."""
    own = (limit(NO_BOUND, ceiling=ceiling, block=block),)
    return Hold(attempt, own, (10,), True, now_s, 900, thread, higher)


def higher(rank, *, ceiling=NO_BOUND, block=False, keeps=None):
    amounts = tuple(10 ** (r + 1) for r in range(rank, -1, -1))
    limits = (limit(*(NO_BOUND for _ in amounts), ceiling=ceiling, block=block),)
    return Higher(rank, rank if keeps is None else keeps, limits, amounts, True)


def thread(reads="", writes="b", rank=0):
    return Thread(reads, writes, rank, TTL_S)


async def test_a_turn_leaves_its_rank_and_the_next_one_is_asked_at_it(ledger):
    first = await ledger.reserve(asking("1", thread(writes="a", rank=2)))
    assert (first.kept, first.reservation.amount) == (0, 10)
    every = (higher(1), higher(2))
    second = await ledger.reserve(asking("2", thread("a", "b"), every))
    assert (second.kept, second.choice.option, second.reservation.amount) == (2, 0, 1000)
    # What was kept is kept on, under the next turn's key, by a turn that asked for less.
    third = await ledger.reserve(asking("3", thread("b", "c"), every))
    assert (third.kept, third.reservation.amount) == (2, 1000)


async def test_of_what_is_asked_instead_the_last_that_the_rank_reaches_applies(ledger):
    await ledger.keep("a", 1, TTL_S, NOW)
    every = (higher(1), higher(2), higher(3))
    found = await ledger.reserve(asking("1", thread("a"), every))
    assert (found.kept, found.reservation.amount) == (1, 100)
    await ledger.keep("far", 9, TTL_S, NOW)
    assert (await ledger.reserve(asking("2", thread("far"), every))).reservation.amount == 10_000


async def test_an_unknown_conversation_is_asked_as_it_is(ledger):
    found = await ledger.reserve(asking("1", thread("nobody"), (higher(1), higher(2))))
    assert (found.kept, found.reservation.amount) == (0, 10)


async def test_a_first_turn_reads_nothing_and_lowers_nothing(ledger):
    await ledger.keep("a", 2, TTL_S, NOW)
    found = await ledger.reserve(asking("1", thread(writes="a", rank=1)))
    assert (found.kept, found.reservation.amount) == (0, 10)
    assert await ledger.keep("a", 0, TTL_S, NOW) == 2


async def test_a_rank_goes_up_only_until_it_is_forgotten(ledger):
    assert await ledger.keep("a", 1, TTL_S, NOW) == 1
    assert await ledger.keep("a", 2, TTL_S, NOW + 1) == 2
    assert await ledger.keep("a", 1, TTL_S, NOW + 2) == 2
    assert await ledger.keep("a", 0, TTL_S, NOW + 2 + TTL_S - 1) == 2
    assert await ledger.keep("a", 0, TTL_S, NOW + 2 + 2 * TTL_S) == 0


async def test_each_turn_keeps_it_anew(ledger):
    await ledger.keep("a", 1, TTL_S, NOW)
    late = NOW + TTL_S - 1
    assert (await ledger.reserve(asking("1", thread("a", "a"), (higher(1),), now_s=late))).kept == 1
    later = late + TTL_S - 1
    assert (await ledger.reserve(asking("2", thread("a", "a"), (higher(1),), now_s=later))).kept == 1
    over = later + TTL_S
    assert (await ledger.reserve(asking("3", thread("a", "a"), (higher(1),), now_s=over))).kept == 0


async def test_a_refused_request_leaves_nothing(ledger):
    refused = await ledger.reserve(asking("1", thread(writes="a", rank=2), ceiling=5, block=True))
    assert refused.reservation is None
    assert await ledger.keep("a", 0, TTL_S, NOW) == 0


async def test_what_is_asked_instead_is_refused_by_its_own_ceiling(ledger):
    await ledger.keep("a", 2, TTL_S, NOW)
    every = (higher(2, ceiling=50, block=True),)
    found = await ledger.reserve(asking("1", thread("a"), every, ceiling=50, block=True))
    assert (found.kept, found.choice.option, found.choice.by) == (2, None, 0)
    assert await ledger.balances(["global|*|day"], NOW) == (Balance(),)


async def test_what_the_budget_lowers_is_kept_as_it_was(ledger):
    await ledger.keep("a", 2, TTL_S, NOW)
    kept = Higher(2, 2, (limit(0, 0, NO_BOUND),), (1000, 100, 10), True)
    found = await ledger.reserve(asking("1", thread("a", "b"), (kept,)))
    assert (found.choice.option, found.reservation.amount) == (2, 10)
    assert await ledger.keep("b", 0, TTL_S, NOW) == 2


async def test_a_request_that_holds_nothing_still_leaves_its_rank(ledger):
    hold = Hold("1", (limit(NO_BOUND),), (0,), True, NOW, 900, thread(writes="a", rank=1))
    assert (await ledger.reserve(hold)).choice.option == 0
    assert await ledger.keep("a", 0, TTL_S, NOW) == 1


async def test_rank_0_is_not_kept(ledger):
    await ledger.reserve(asking("1", thread("x", "a", 0)))
    await ledger.keep("a", 0, TTL_S, NOW)
    assert (await ledger.reserve(asking("2", thread("a"), (higher(1),)))).kept == 0


async def test_conversations_do_not_meet(ledger):
    await ledger.keep("a", 2, TTL_S, NOW)
    assert (await ledger.reserve(asking("1", thread("b"), (higher(1),)))).kept == 0


async def test_another_worker_knows_what_one_kept(store):
    one, other = store.open(), store.open()
    try:
        await one.keep("a", 2, TTL_S, NOW)
        assert (await other.reserve(asking("1", thread("a"), (higher(1), higher(2))))).kept == 2
    finally:
        await one.close()
        await other.close()


async def test_of_many_turns_at_once_the_highest_stays(ledger):
    ranks = [i % 4 for i in range(40)]
    await asyncio.gather(*(ledger.keep("a", rank, TTL_S, NOW) for rank in ranks))
    assert await ledger.keep("a", 0, TTL_S, NOW) == 3


async def test_a_sqlite_file_of_an_earlier_release_is_given_the_table(tmp_path):
    path = tmp_path / "ledger.db"
    first = SqliteLedger(path)
    await first.keep("a", 2, TTL_S, NOW)
    await first.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE threads")
    db.close()
    second = SqliteLedger(path)
    assert await second.keep("a", 1, TTL_S, NOW) == 1
    await second.close()


async def test_a_sqlite_file_forgets_what_is_over(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.keep("over", 2, TTL_S, NOW - 2 * TTL_S)
    for i in range(PRUNE_EVERY):
        await ledger.keep(f"k{i % 3}", 1, TTL_S, NOW)
    kept = await ledger.run(lambda book: book.db.execute("SELECT key FROM threads ORDER BY key").fetchall())
    assert kept == [("k0",), ("k1",), ("k2",)]
    await ledger.close()


async def test_the_memory_ledger_is_bounded_and_forgets_what_is_over(monkeypatch):
    monkeypatch.setattr(threads_memory, "KEPT_MAX", 3)
    ledger = MemoryLedger()
    for i in range(5):
        await ledger.keep(f"k{i}", 1, TTL_S, NOW + i)
    threads = ledger._threads
    assert list(threads._kept) == ["k2", "k3", "k4"]
    await ledger.keep("new", 1, TTL_S, NOW + TTL_S + 3)
    assert list(threads._kept) == ["k4", "new"]


async def test_settling_finds_the_reservation_of_what_was_asked_instead(ledger):
    await ledger.keep("a", 1, TTL_S, NOW)
    found = await ledger.reserve(asking("1", thread("a"), (higher(1),)))
    assert isinstance(found.reservation, Reservation)
    await ledger.settle(found.reservation, 70, NOW)
    assert await ledger.balances(["global|*|day"], NOW) == (Balance(70, 0),)


def test_what_is_asked_instead_falls_under_the_same_counters():
    good = asking("1", thread("a"), (higher(1),))
    check_hold(good)
    other = replace(higher(1), limits=(limit(NO_BOUND, NO_BOUND, key="team|x|day"),))
    for bad in (
        replace(good, higher=(other,)),
        replace(good, thread=None),
        replace(good, higher=(replace(higher(1), amounts=()),)),
        replace(good, higher=(replace(higher(1), amounts=(-1, 1)),)),
    ):
        with pytest.raises(ValueError, match=r"counters|option|amount"):
            check_hold(bad)


RANKS = st.integers(0, 4)
BOUNDS = st.just(NO_BOUND) | st.integers(0, 40)


@st.composite
def questions(draw):
    """A hold in a conversation over two counters, with something asked instead for some higher ranks."""
    ceilings = [(draw(BOUNDS), draw(st.booleans())) for _ in range(2)]

    def table():
        amounts = tuple(sorted(draw(st.lists(st.integers(0, 12), min_size=1, max_size=4)), reverse=True))
        limits = tuple(
            Limit(f"c{i}", EXPIRES_S, tuple(draw(BOUNDS) for _ in amounts), ceiling, block)
            for i, (ceiling, block) in enumerate(ceilings)
        )
        return limits, amounts, draw(st.booleans())

    ranks = sorted(draw(st.sets(st.integers(1, 4), max_size=3)))
    others = tuple(Higher(rank, max(rank, draw(RANKS)), *table()) for rank in ranks)
    limits, amounts, floor = table()
    return Hold("", limits, amounts, floor, NOW, 900, thread("a", "b", draw(RANKS)), others)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(hold=questions(), kept=RANKS, before=RANKS, spent=st.lists(st.integers(0, 40), min_size=2, max_size=2))
def test_every_store_chooses_as_choose_does(store, run, hold, kept, before, spent):
    test_every_store_chooses_as_choose_does.count += 1
    mark = f"n{test_every_store_chooses_as_choose_does.count}"

    def named(limits):
        return tuple(replace(one, key=f"{mark}-{one.key}") for one in limits)

    hold = replace(
        hold,
        attempt=mark,
        limits=named(hold.limits),
        thread=replace(hold.thread, reads=f"{mark}a", writes=f"{mark}b"),
        higher=tuple(replace(other, limits=named(other.limits)) for other in hold.higher),
    )
    asked = next((o for o in reversed(hold.higher) if o.rank <= kept), hold)
    keeps = hold.thread.rank if asked is hold else asked.keeps
    expected = choose(asked.limits, asked.amounts, spent, floor=asked.floor)

    async def ask():
        ledger = store.open()
        try:
            for i, one in enumerate(hold.limits):
                await ledger.settle(
                    Reservation(f"{mark}{i}", (one.key,), (EXPIRES_S,), 0, math.ceil(NOW)), spent[i], NOW
                )
            await ledger.keep(hold.thread.reads, kept, TTL_S, NOW)
            await ledger.keep(hold.thread.writes, before, TTL_S, NOW)
            found = await ledger.reserve(hold)
            return found, await ledger.keep(hold.thread.writes, 0, TTL_S, NOW)
        finally:
            if store.kind != "memory":
                await ledger.close()

    found, left = run(ask())
    assert (found.kept, found.choice) == (kept, expected)
    assert [b.spent for b in found.balances] == spent
    if expected.option is None:
        assert (found.reservation, left) == (None, before)
    else:
        assert found.reservation.amount == asked.amounts[expected.option]
        assert left == max(before, kept, keeps)


test_every_store_chooses_as_choose_does.count = 0
