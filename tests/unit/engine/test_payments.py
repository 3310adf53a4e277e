from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace

import pytest
from payments_kit import END, NOW, ROW, House, Store, held

from litellm_tiering.errors import StoreError
from litellm_tiering.ledger.spool import CLAIM_S, UNREAD_MAX, DiskSpool
from litellm_tiering.payments import STUCK_S
from litellm_tiering.ports import Known, Owed


@pytest.fixture
async def house(tmp_path):
    made = House(Store(), tmp_path / "spool.db")
    yield made
    await made.close()


async def test_what_the_store_does_not_take_is_counted_once_when_it_is_back(house):
    house.store.down = True
    await house.payments.pay(held("a"), 300, replace(ROW, cost=300))
    await house.payments.pay(held("b"), 400)
    assert house.payments.owed == 2
    house.store.down = False
    assert await house.met()
    assert house.store.spent == {"global": 700}
    assert house.store.told == [replace(ROW, cost=300)]
    assert house.payments.owed == 0
    await house.payments.flush()
    assert house.store.settling == ["a", "b"]


async def test_a_settlement_whose_answer_was_lost_is_not_counted_again(house):
    house.store.deaf = True
    await house.payments.pay(held("a"), 300)
    assert house.payments.owed == 1
    house.store.deaf = False
    await house.payments.pay(held("b"), 1)
    assert house.store.settling == ["a", "b", "a"]
    assert house.store.spent == {"global": 301}


async def test_the_spool_outlives_its_process_and_another_one_pays(house, tmp_path):
    house.store.down = True
    await house.payments.pay(held("a", "global", "team|blue"), 300, ROW)
    await house.close()
    house.store.down = False
    heir = House(house.store, tmp_path / "spool.db")
    assert heir.payments.owed == 0
    assert await heir.met()
    assert house.store.spent == {"global": 300, "team|blue": 300}
    await heir.close()


async def test_spools_of_two_stores_may_share_a_file(house, tmp_path):
    house.store.down = True
    await house.payments.pay(held("a"), 300)
    other = DiskSpool(tmp_path / "spool.db", "redis://elsewhere/0")
    assert await other.count() == 0
    assert await other.take(10, NOW + 100) == []
    await other.close()


async def test_what_the_disk_gives_back_is_what_it_was_given(house):
    given = [
        Owed(held("a", "global", "team|ü"), 5, replace(ROW, cost=5, waste=-5)),
        Owed(held("b", amount=7), -3, None),
    ]
    await house.spool.add(given)
    assert sorted(await house.spool.take(9, NOW), key=lambda owed: owed.reservation.attempt) == given


async def test_what_one_worker_has_taken_another_leaves_alone_for_a_while(house, tmp_path):
    house.store.down = True
    for attempt in "abc":
        await house.payments.pay(held(attempt), 1)
    neighbour = DiskSpool(tmp_path / "spool.db", "redis://host/0")
    mine = {o.reservation.attempt for o in await house.spool.take(2, NOW)}
    theirs = {o.reservation.attempt for o in await neighbour.take(10, NOW + 1)}
    assert mine | theirs == {"a", "b", "c"}
    assert not mine & theirs
    assert await neighbour.take(10, NOW + CLAIM_S - 1) == []
    # Its taker has died: somebody must pay.
    assert {o.reservation.attempt for o in await neighbour.take(10, NOW + CLAIM_S + 0.5)} == mine
    # And a claim of a clock that was ahead is none.
    assert len(await neighbour.take(10, NOW - 5_000)) == 3
    await neighbour.close()


async def test_a_store_that_goes_away_in_the_middle_leaves_the_rest_in_the_spool(house):
    house.store.down = True
    for i in range(450):
        await house.payments.pay(held(f"a{i:03}"), 1)
    house.store.down = False
    settle = house.store.settle

    async def flaky(reservation, *more):
        if len(house.store.settling) >= 250:
            house.store.down = True
        return await settle(reservation, *more)

    house.store.settle = flaky
    await house.payments.flush()
    assert house.payments.owed == 200
    house.store.settle, house.store.down = settle, False
    await house.payments.flush()
    assert (house.payments.owed, house.store.spent) == (0, {"global": 450})


async def test_a_row_that_cannot_be_read_is_left_for_a_person_and_costs_the_others_nothing(
    house, tmp_path, caplog
):
    house.store.down = True
    await house.payments.pay(held("a"), 5)
    await house.payments.pay(held("b"), 7)
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("UPDATE owed SET reservation = '{' WHERE attempt = 'a'")
    db.close()
    house.store.down = False
    with caplog.at_level(logging.ERROR):
        await house.payments.flush()
        # Its claim lapses, and it comes by again: that is no news.
        house.time.at += CLAIM_S + 1
        await house.payments.flush()
    assert house.store.spent == {"global": 7}
    assert house.payments.owed == 1
    (said,) = [m for m in caplog.messages if "cannot be read" in m]
    assert f"the spool {tmp_path / 'spool.db'} holds a row that cannot be read: attempt 'a'" in said
    assert "newer release" in said


async def test_of_many_rows_that_cannot_be_read_some_are_told_of(house, tmp_path, caplog):
    house.store.down = True
    for i in range(UNREAD_MAX + 5):
        await house.payments.pay(held(f"a{i}"), 5)
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("UPDATE owed SET tally = '[]', reservation = '[]'")
    db.close()
    house.store.down = False
    with caplog.at_level(logging.ERROR):
        await house.payments.flush()
    assert len([m for m in caplog.messages if "cannot be read" in m]) == UNREAD_MAX


async def test_what_cannot_be_paid_is_not_tried_anew_with_every_request(house, tmp_path, monkeypatch):
    house.store.down = True
    await house.payments.pay(held("a"), 5)
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("UPDATE owed SET reservation = '{' WHERE attempt = 'a'")
    db.close()
    house.store.down = False
    taken = []
    take = DiskSpool.take

    async def counted(spool, most, now_s):
        taken.append(now_s)
        return await take(spool, most, now_s)

    monkeypatch.setattr(DiskSpool, "take", counted)
    for attempt in "bcdef":
        await house.payments.pay(held(attempt), 1)
    assert len(taken) == 1
    house.time.at += STUCK_S
    await house.payments.pay(held("g"), 1)
    assert len(taken) == 2
    # What can be paid after all is paid, and then nothing is stuck.
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("DELETE FROM owed")
    db.close()
    house.time.at += STUCK_S
    await house.payments.pay(held("h"), 1)
    assert house.payments.owed == 0


async def test_a_cost_that_no_store_can_count_does_not_keep_the_store_away(house, caplog):
    settle = house.store.settle

    async def picky(reservation, cost, *more):
        if cost > 1_000 and not house.store.down:
            raise ValueError(f"not an amount a ledger can count: {cost}")
        return await settle(reservation, cost, *more)

    house.store.settle = picky
    house.store.down = True
    await house.payments.pay(held("a"), 5)
    await house.payments.pay(held("huge"), 5_000)
    await house.payments.pay(held("z"), 7)
    house.store.down = False
    with caplog.at_level(logging.ERROR):
        assert await house.met()
        assert await house.met()
    assert house.store.spent == {"global": 12}
    # It stays on the disk, for a person to look at.
    assert house.payments.owed == 1
    assert len([m for m in caplog.messages if "cannot be counted" in m]) == 1


async def test_nor_does_one_in_memory(caplog):
    house = House(Store())
    settle = house.store.settle

    async def picky(reservation, cost, *more):
        if cost > 1_000 and not house.store.down:
            raise ValueError("not an amount")
        return await settle(reservation, cost, *more)

    house.store.settle = picky
    house.store.down = True
    for attempt, cost in (("huge", 5_000), ("z", 7)):
        await house.payments.pay(held(attempt), cost)
    house.store.down = False
    with caplog.at_level(logging.ERROR):
        assert await house.met()
    assert (house.store.spent, house.payments.owed) == ({"global": 7}, 0)
    assert "cannot be counted" in caplog.text
    await house.close()


async def test_without_a_disk_costs_are_kept_in_memory_and_it_is_said_once(tmp_path, caplog):
    house = House(Store(), tmp_path / "no" / "such" / "folder" / "spool.db")
    house.store.down = True
    with caplog.at_level(logging.ERROR):
        for attempt in "abc":
            await house.payments.pay(held(attempt), 10)
    assert len([m for m in caplog.messages if "kept in memory" in m]) == 1
    assert house.guard.errors["spool"] == 3
    house.store.down = False
    await house.payments.pay(held("d"), 10)
    assert (house.payments.owed, house.store.spent) == (0, {"global": 40})
    await house.close()


async def test_the_spool_is_for_its_owner_only(house, tmp_path):
    house.store.down = True
    await house.payments.pay(held("a", "key|abc"), 5)
    assert (tmp_path / "spool.db").stat().st_mode & 0o077 == 0


async def test_a_store_that_came_back_empty_is_filled_with_what_was_known_of_it(house, caplog):
    assert await house.met()
    await house.payments.pay(held("a", "global", "team|blue"), 300)
    await house.payments.pay(held("b"), 50)
    house.store.forget()
    # Before anybody has noticed, costs go on: what the new store says is nothing that the old one knew.
    await house.payments.pay(held("c", "global", "team|red"), 7)
    with caplog.at_level(logging.WARNING):
        assert await house.met()
        assert await house.met()
    assert house.store.spent == {"global": 357, "team|blue": 300, "team|red": 7}
    assert house.store.restored == [{"global": Known(350, END), "team|blue": Known(300, END)}]
    assert [m for m in caplog.messages if "empty" in m] == [
        "the budget store came back empty: 2 counters are restored"
    ]


async def test_a_process_that_starts_after_the_store_was_emptied_knows_it_from_the_disk(house, tmp_path):
    assert await house.met()
    await house.payments.pay(held("a"), 300)
    await house.close()
    house.store.forget()
    heir = House(house.store, tmp_path / "spool.db")
    assert await heir.met()
    assert house.store.spent == {"global": 300}
    await heir.close()
    # What is known is now known of the new store, for the next time.
    house.store.forget()
    third = House(house.store, tmp_path / "spool.db")
    assert await third.met()
    assert house.store.spent == {"global": 300}
    await third.close()


async def test_what_a_neighbour_learnt_of_the_new_store_is_not_restored_once_more(house, tmp_path):
    neighbour = House(house.store, tmp_path / "spool.db")
    assert await house.met()
    assert await neighbour.met()
    await house.payments.pay(held("a"), 300)
    house.store.forget()
    assert await neighbour.met()
    await neighbour.payments.pay(held("b", "global", "late"), 20)
    await neighbour.close()
    assert await house.met()
    assert house.store.spent == {"global": 320, "late": 20}


async def test_what_a_killed_neighbour_knew_is_restored_by_those_who_live(house, tmp_path):
    neighbour = House(house.store, tmp_path / "spool.db")
    assert await house.met()
    assert await neighbour.met()
    await house.payments.pay(held("a", "mine"), 300)
    await neighbour.payments.pay(held("b", "theirs"), 20)
    await neighbour.close()
    house.store.forget()
    assert await house.met()
    assert house.store.spent == {"mine": 300, "theirs": 20}


async def test_a_counter_whose_time_is_over_is_not_restored(house):
    assert await house.met()
    await house.payments.pay(held("a"), 300)
    house.store.forget()
    house.time.at = END + 1
    assert await house.met()
    assert house.store.spent == {}


async def test_a_store_that_goes_away_while_it_is_restored_is_restored_the_next_time(house):
    assert await house.met()
    await house.payments.pay(held("a"), 300)
    house.store.forget()
    house.store.down = True
    assert not await house.met()
    house.store.down = False
    assert await house.met()
    assert house.store.spent == {"global": 300}


async def test_refusals_and_corrections_are_told_together_and_wait_while_the_store_is_away(house):
    for _ in range(3):
        house.payments.tell(replace(ROW, refused=1))
    house.payments.tell(replace(ROW, baseline=-5))
    house.payments.tell(replace(ROW, team="red", refused=1))
    house.store.down = True
    await house.payments.tell_now()
    house.store.down = False
    house.payments.tell(replace(ROW, waste=2))
    await house.payments.tell_now()
    assert house.store.told == [
        replace(ROW, refused=3, baseline=-5, waste=2),
        replace(ROW, team="red", refused=1),
    ]
    await house.payments.tell_now()
    assert len(house.store.told) == 2


async def test_only_so_many_different_rows_wait_to_be_told(house):
    for i in range(3_000):
        house.payments.tell(replace(ROW, team=f"t{i}", refused=1))
    house.payments.tell(replace(ROW, team="t7", refused=1))
    await house.payments.tell_now()
    assert len(house.store.told) == 2_000
    assert next(t for t in house.store.told if t.team == "t7").refused == 2


async def test_a_spool_that_is_no_database_is_a_clear_error(tmp_path):
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database, " * 1000)
    spool = DiskSpool(path, "redis://secret:word@host/0")
    with pytest.raises(StoreError, match=r"spool\.db is not usable: file is not a database") as told:
        await spool.count()
    assert "secret" not in str(told.value)
    await spool.close()
