"""What is known of a store's counters, and where it is kept when the process that learnt it is killed."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from payments_kit import END, NOW, House, Store, held

from litellm_tiering import guard, recollection
from litellm_tiering.ledger.spool import KNOWN_MAX, TRIM_EVERY_S, UNTRIMMED_MAX, DiskSpool
from litellm_tiering.ports import Known


@pytest.fixture
async def house(tmp_path):
    made = House(Store(), tmp_path / "spool.db")
    yield made
    await made.close()


@pytest.fixture
def never_again(monkeypatch):
    """What is written after a pause is not written at all."""
    monkeypatch.setattr(recollection, "WRITE_EVERY_S", 3_600)
    monkeypatch.setattr(recollection, "AGAIN_S", 3_600)


async def on_disk(house):
    """What a neighbour finds on the disk once all that was begun is done."""
    await asyncio.sleep(0)
    await house.spool.count()
    neighbour = DiskSpool(house.spool.path, "redis://host/0")
    _, found = await neighbour.recall(NOW)
    await neighbour.close()
    return {key: k.spent for key, k in found.items()}


async def read(house):
    """Read, as every few seconds."""
    await house.payments.recollection.read()


async def test_what_is_settled_is_on_the_disk_at_once(house, never_again):
    await house.met()
    await house.payments.pay(held("a", "global", "end_user|ann"), 300)
    assert await on_disk(house) == {"global": 300, "end_user|ann": 300}


async def test_what_follows_at_once_is_written_together_a_moment_later(house, monkeypatch):
    pauses, go = [], asyncio.Event()

    async def pause(seconds):
        pauses.append(seconds)
        await go.wait()

    written = []
    learn = DiskSpool.learn

    async def counted(spool, identity, known, now_s):
        written.append(set(known))
        await learn(spool, identity, known, now_s)

    monkeypatch.setattr(DiskSpool, "learn", counted)
    monkeypatch.setattr(recollection.asyncio, "sleep", pause)
    await house.met()
    for user in "abcd":
        await house.payments.pay(held(user, "global", user), 1)
        await house.spool.count()
    assert written == [{"global", "a"}]
    go.set()
    await house.payments.recollection._tasks["learn"]
    assert written == [{"global", "a"}, {"global", "b", "c", "d"}]
    assert pauses == [recollection.WRITE_EVERY_S] * 2


async def test_what_was_not_written_yet_is_written_at_the_end(house, tmp_path, never_again):
    await house.met()
    for user in "abc":
        await house.payments.pay(held(user, user), 1)
        await house.spool.count()
    await house.close()
    heir = House(house.store, tmp_path / "spool.db")
    await heir.met()
    assert set(heir.payments.recollection.known) == {"a", "b", "c"}
    await heir.close()


async def test_what_the_disk_did_not_take_waits_for_the_next_time(house, monkeypatch, caplog):
    monkeypatch.setattr(recollection, "AGAIN_S", 0)
    await house.met()
    await house.spool.count()
    with sqlite3.connect(house.spool.path) as db:
        db.execute("ALTER TABLE known RENAME TO gone")
    db.close()
    await house.payments.pay(held("a", "ann", "global"), 5)
    await house.payments.recollection._tasks["learn"]
    assert "no such table" in caplog.text
    assert house.guard.errors == {"spool": 1}
    with sqlite3.connect(house.spool.path) as db:
        db.execute("ALTER TABLE gone RENAME TO known")
    db.close()
    await house.payments.pay(held("b", "bob", "global"), 5)
    assert await on_disk(house) == {"ann": 5, "bob": 5, "global": 10}


async def test_what_others_settled_is_read_from_the_store_and_outlives_both(house, tmp_path):
    """Another host's worker is killed, its disk is gone with it, and then the store comes back empty."""
    other = House(house.store, tmp_path / "another_host.db")
    await house.met()
    await other.met()
    await other.payments.pay(held("a", "global", "end_user|ann"), 300)
    await read(house)
    assert await on_disk(house) == {"global": 300, "end_user|ann": 300}
    house.store.forget()
    await house.met()
    assert house.store.spent == {"global": 300, "end_user|ann": 300}
    await other.close()


async def test_meeting_the_store_reads_it(house):
    house.store.spent["global"] = 7
    await house.met()
    await house.payments.recollection._tasks["known"]
    assert house.payments.recollection.known == {"global": Known(7, END)}


async def test_nothing_is_read_while_something_is_owed(house):
    """It may have been counted, its answer lost: then an emptied store would be told of it twice."""
    await house.met()
    await house.payments.recollection._tasks["known"]
    house.store.deaf = True
    await house.payments.pay(held("a"), 300)
    assert house.payments.owed == 1
    await house.met()
    await house.payments.recollection._tasks["known"]
    assert house.store.read == 1
    house.store.deaf = False
    await house.met()
    await house.payments.recollection._tasks["known"]
    assert (house.payments.owed, house.store.read) == (0, 2)


async def test_in_another_processes_turn_nothing_is_heard(house):
    house.store.turn = False
    house.store.spent["global"] = 7
    await house.met()
    await read(house)
    assert not house.payments.recollection.known


async def test_a_figure_that_is_behind_what_is_known_is_no_news(house):
    await house.met()
    await house.payments.pay(held("a"), 300)
    house.store.spent["global"] = 200
    await read(house)
    assert house.payments.recollection.known == {"global": Known(300, END)}


async def test_what_another_store_says_is_not_taken_for_this_ones(house):
    await house.met()
    house.store.forget()
    house.store.spent["global"] = 7
    greeted = house.guard._greeted_s
    await read(house)
    assert not house.payments.recollection.known
    assert house.guard._greeted_s > greeted


async def test_a_store_that_goes_away_is_not_read(house):
    await house.met()
    house.store.down = True
    await read(house)
    assert house.guard.errors["known"] == 1


async def test_a_reading_that_takes_too_long_is_no_outage(house, monkeypatch, caplog):
    await house.met()
    await house.payments.recollection._tasks["known"]
    monkeypatch.setattr(recollection, "WITHIN_S", 0.001)
    monkeypatch.setattr(house.store, "known", lambda _now_s: asyncio.Event().wait())
    for _ in range(guard.FAILURES):
        await read(house)
    assert (house.guard.ok, house.guard.open, house.guard.errors["known"]) == (True, False, guard.FAILURES)
    assert "away" not in caplog.text


async def test_a_store_that_cannot_come_back_empty_is_neither_remembered_nor_read(house):
    house.store.kind = "sqlite"
    await house.met()
    await house.payments.pay(held("a"), 300)
    assert not house.payments.recollection.known
    assert not house.payments.recollection._tasks


async def test_of_many_counters_those_that_were_heard_of_last_are_known(house, monkeypatch, never_again):
    monkeypatch.setattr(recollection, "KNOWN_MAX", 3)
    house.store.turn = False
    await house.met()
    for user in "abcd":
        await house.payments.pay(held(user, "global", user), 1)
        await house.spool.count()
    assert list(house.payments.recollection.known) == ["c", "global", "d"]
    await house.close()
    later = House(house.store, house.spool.path)
    assert "b" not in await on_disk(later)
    await later.close()


# --- the disk is bounded -----------------------------------------------------------------------------------


def rows(spool):
    with sqlite3.connect(spool.path) as db:
        found = {key for (key,) in db.execute("SELECT key FROM known")}
    db.close()
    return found


async def test_counters_beyond_the_most_are_forgotten_those_that_clients_made_up_first(tmp_path):
    spool = DiskSpool(tmp_path / "spool.db", "redis://host/0")
    await spool.learn("first", {"global": Known(1, END), "team|blue": Known(1, END)}, NOW)
    for part in range(11):
        many = {f"end_user|{part}-{i}": Known(1, END + 9) for i in range(UNTRIMMED_MAX)}
        await spool.learn("first", many, NOW)
        assert len(rows(spool)) <= KNOWN_MAX
    assert rows(spool) >= {"global", "team|blue"}
    await spool.close()


async def test_counters_whose_time_is_over_are_forgotten_after_a_while(tmp_path):
    spool = DiskSpool(tmp_path / "spool.db", "redis://host/0")
    await spool.learn("first", {"over": Known(1, int(NOW) + 1)}, NOW)
    await spool.learn("first", {"a": Known(1, END)}, NOW + TRIM_EVERY_S - 1)
    assert rows(spool) == {"over", "a"}
    await spool.learn("first", {"b": Known(1, END)}, NOW + TRIM_EVERY_S)
    assert rows(spool) == {"a", "b"}
    # A clock that is set back does not put it off.
    await spool.learn("first", {"c": Known(1, int(NOW) - 200)}, NOW - 100)
    assert rows(spool) == {"a", "b"}
    await spool.close()


async def test_a_disk_that_cannot_be_read_keeps_nobody_from_the_store(tmp_path, caplog):
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database, " * 1000)
    house = House(Store(), path)
    house.store.spent["global"] = 7
    assert await house.met()
    await read(house)
    assert house.payments.recollection.known == {"global": Known(7, END)}
    assert len([m for m in caplog.messages if "not usable" in m]) == 1
    await house.close()
