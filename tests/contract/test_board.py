"""What every board does, and what only one of them has to."""

from __future__ import annotations

import asyncio
import json
import sqlite3

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering.errors import StoreError, StoreUnavailable
from litellm_tiering.ledger import board_memory, board_redis, board_sqlite, open_ledger
from litellm_tiering.ledger.board import CLAIMS_MAX, HISTORY_MAX, KEY_MAX, NOTICES_MAX, VALUE_MAX
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.open import open_board
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Notice
from litellm_tiering.testing.redis import serve_redis_cluster

NOW = 1_800_000_000
PATIENT_S = 5.0
MODULES = (board_memory, board_sqlite, board_redis)


@pytest.fixture
def board(ledger):
    return open_board(ledger)


async def post(board, key="k", value="v", lasts_s=100, now_s=NOW, **more):
    await board.post(key, value, int(now_s) + lasts_s, now_s, **more)


# --- notices -----------------------------------------------------------------------------------------------


async def test_a_notice_is_up_until_it_expires(board):
    assert await board.notices(NOW) == {}
    await post(board, now_s=NOW + 0.25)
    assert await board.notices(NOW + 99.9) == {"k": Notice("v", NOW + 0.25, NOW + 100)}
    assert await board.notices(NOW + 100) == {}
    await post(board, "other", now_s=NOW + 100)
    assert (await board.notices(NOW + 100)).keys() == {"other"}


async def test_a_notice_takes_the_place_of_another_of_its_key(board):
    await post(board, value="first")
    await post(board, "l", value="beside")
    await post(board, value="second", lasts_s=10, now_s=NOW + 1)
    expected = {"k": Notice("second", NOW + 1, NOW + 11), "l": Notice("beside", NOW, NOW + 100)}
    assert await board.notices(NOW + 1) == expected
    assert (await board.notices(NOW + 11)).keys() == {"l"}


async def test_a_notice_that_is_over_already_only_ends_another(board):
    await post(board)
    await post(board, lasts_s=0, now_s=NOW + 1, entry="over")
    assert await board.notices(NOW) == {}
    assert await board.history(10) == ("over",)


async def test_a_notice_is_taken_down_once(board):
    await post(board)
    await post(board, "l")
    assert await board.take_down("k", NOW + 1, entry="down") is True
    assert await board.take_down("k", NOW + 1, entry="again") is False
    assert (await board.notices(NOW + 1)).keys() == {"l"}
    assert await board.take_down("l", NOW + 100, entry="expired before") is False
    assert await board.take_down("never", NOW) is False
    assert await board.history(10) == ("down",)


async def test_one_notice_too_many_is_refused_and_changes_nothing(board, monkeypatch):
    for module in MODULES:
        monkeypatch.setattr(module, "NOTICES_MAX", 3)
    for key in "abc":
        await post(board, key)
    with pytest.raises(StoreError, match="the board is full") as caught:
        await post(board, "d", entry="refused")
    assert not isinstance(caught.value, StoreUnavailable)
    await post(board, "b", "in its place")
    assert {k: n.value for k, n in (await board.notices(NOW)).items()} == {
        "a": "v",
        "b": "in its place",
        "c": "v",
    }
    assert await board.history(10) == ()
    assert await board.take_down("a", NOW)
    await post(board, "d")
    await post(board, "late", now_s=NOW + 100)
    assert (await board.notices(NOW + 100)).keys() == {"late"}


async def test_a_thousand_notices_are_up_at_once(board):
    value = json.dumps({"reason": "ü" * 400})
    for at in range(0, NOTICES_MAX, 100):
        await asyncio.gather(*(post(board, f"k{at + i}", value) for i in range(100)))
    found = await board.notices(NOW)
    assert found == {f"k{i}": Notice(value, NOW, NOW + 100) for i in range(NOTICES_MAX)}
    with pytest.raises(StoreError, match="full"):
        await post(board, "more")


ODD = ["a|b|c", "%7C", "{x}", "ünï 日本", "a\x00b\n", "'; --", "k" * KEY_MAX, "*", " ", "\U0001f600" * 100]


@pytest.mark.parametrize("key", ODD)
async def test_odd_keys_and_values_are_what_they_are(board, key):
    await post(board, key, value=f" 1 2 {key}", entry=f"entry {key}")
    assert await board.notices(NOW) == {key: Notice(f" 1 2 {key}", NOW, NOW + 100)}
    assert await board.history(1) == (f"entry {key}",)
    assert await board.claim(key, 10, NOW)
    assert not await board.claim(key, 10, NOW)
    assert await board.take_down(key, NOW)


@pytest.mark.parametrize("key", ["", "k" * (KEY_MAX + 1), "\ud800"])
async def test_a_key_that_cannot_be_one_is_an_error(board, key):
    for call in (post(board, key), board.take_down(key, NOW), board.claim(key, 1, NOW)):
        with pytest.raises(ValueError):
            await call


@pytest.mark.parametrize("text", ["x" * (VALUE_MAX + 1), "\udfff"])
async def test_a_text_that_is_too_long_or_none_is_an_error(board, text):
    await post(board)
    for call in (
        post(board, value=text),
        post(board, entry=text),
        board.take_down("k", NOW, entry=text),
    ):
        with pytest.raises(ValueError):
            await call
    assert (await board.notices(NOW))["k"].value == "v"
    assert await board.history(10) == ()


async def test_what_one_worker_puts_up_another_sees(store):
    ledgers = one, other = store.open(), store.open()
    try:
        here, there = open_board(one), open_board(other)
        assert await there.notices(NOW) == {}
        await post(here, value="one")
        assert (await there.notices(NOW))["k"].value == "one"
        await post(there, value="two")
        assert (await here.notices(NOW))["k"].value == "two"
        assert (await there.notices(NOW))["k"].value == "two"
        assert await there.take_down("k", NOW)
        assert await here.notices(NOW) == {}
    finally:
        for ledger in ledgers:
            await ledger.close()


# --- history -----------------------------------------------------------------------------------------------


async def test_history_has_the_latest_entries_first(board):
    assert await board.history(5) == ()
    await post(board, "a", entry="first")
    await post(board, "b")
    await post(board, "b", entry="second")
    assert await board.take_down("a", NOW, entry="third")
    assert await board.history(2) == ("third", "second")
    assert await board.history(5) == ("third", "second", "first")
    assert await board.history(0) == await board.history(-1) == ()


async def test_history_is_bounded(board, monkeypatch):
    for module in MODULES:
        monkeypatch.setattr(module, "HISTORY_MAX", 3)
    fresh = open_board(MemoryLedger()) if isinstance(board, board_memory.MemoryBoard) else board
    if fresh is not board:
        fresh._history = type(fresh._history)(maxlen=board_memory.HISTORY_MAX)
    for i in range(7):
        await post(fresh, entry=f"e{i}")
    assert await fresh.history(HISTORY_MAX) == ("e6", "e5", "e4")


# --- claims ------------------------------------------------------------------------------------------------


async def test_of_many_claims_one_is_the_first(store):
    ledgers = [store.open() for _ in range(3)]
    try:
        boards = [open_board(ledger) for ledger in ledgers]
        claims = [boards[i % 3].claim("half past", 60, NOW) for i in range(30)]
        assert (await asyncio.gather(*claims)).count(True) == 1
        assert await boards[0].claim("another", 60, NOW)
    finally:
        for ledger in ledgers:
            await ledger.close()


async def test_a_claim_holds_for_its_time_and_is_not_pushed_on(board):
    assert await board.claim("k", 60, NOW)
    assert not await board.claim("k", 600, NOW + 59)
    assert await board.claim("k", 10, NOW + 60)
    assert not await board.claim("k", 10, NOW + 69.9)
    assert await board.claim("k", 10, NOW + 70)


async def test_a_claim_lasts_a_second_or_more(board):
    with pytest.raises(ValueError, match="a second or more"):
        await board.claim("k", 0, NOW)


async def test_claims_are_bounded_and_those_that_lapse_first_make_room(board, monkeypatch):
    for module in MODULES:
        monkeypatch.setattr(module, "CLAIMS_MAX", 3)
    for key, ttl_s in (("a", 30), ("b", 10), ("c", 20)):
        assert await board.claim(key, ttl_s, NOW)
    assert await board.claim("d", 40, NOW)
    assert [await board.claim(key, 50, NOW) for key in "acd"] == [False] * 3
    assert await board.claim("b", 50, NOW)


async def test_a_closed_ledger_is_away(store):
    ledger = store.open()
    board = open_board(ledger)
    await post(board)
    await ledger.close()
    for call in (
        post(board),
        board.take_down("k", NOW),
        board.notices(NOW),
        board.claim("k", 1, NOW),
        board.history(1),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


# --- against a model ---------------------------------------------------------------------------------------

KEYS = st.sampled_from("ab")
STEPS = st.one_of(
    st.tuples(st.just("post"), KEYS, st.integers(-1, 40)),
    st.tuples(st.just("down"), KEYS),
    st.tuples(st.just("claim"), KEYS, st.integers(1, 40)),
    st.tuples(st.just("wait"), st.sampled_from([1, 7, 40])),
)


class Model:
    """A board as plain as can be."""

    def __init__(self):
        self.up, self.claims, self.entries = {}, {}, []

    def live(self, now_s):
        return {key: notice for key, notice in self.up.items() if notice.expires_s > now_s}

    def post(self, key, value, expires_s, now_s, entry):
        self.up[key] = Notice(value, now_s, expires_s)
        self.entries.insert(0, entry)

    def down(self, key, now_s, entry):
        if key not in self.live(now_s):
            return False
        del self.up[key]
        self.entries.insert(0, entry)
        return True

    def claim(self, key, ttl_s, now_s):
        if self.claims.get(key, 0) > now_s:
            return False
        self.claims[key] = now_s + ttl_s
        return True


@settings(database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30))
def test_every_board_does_as_the_model_does(store, run, steps):
    async def compare():
        ledger, model, now_s = store.fresh().open(), Model(), NOW
        board = open_board(ledger)
        for number, (what, *rest) in enumerate(steps):
            if what == "wait":
                now_s += rest[0]
            elif what == "post":
                key, lasts_s = rest
                model.post(key, f"v{number}", now_s + lasts_s, now_s, f"e{number}")
                await board.post(key, f"v{number}", now_s + lasts_s, now_s, entry=f"e{number}")
            elif what == "down":
                found = await board.take_down(rest[0], now_s, entry=f"e{number}")
                assert found is model.down(rest[0], now_s, f"e{number}")
            else:
                assert await board.claim(*rest, now_s) is model.claim(*rest, now_s)
            assert await board.notices(now_s) == model.live(now_s)
            assert await board.history(100) == tuple(model.entries)
        await ledger.close()

    run(compare())


# --- opening -----------------------------------------------------------------------------------------------


def test_each_ledger_has_its_board(tmp_path):
    memory = MemoryLedger()
    assert open_board(memory) is open_board(memory)
    assert open_board(memory) is not open_board(MemoryLedger())
    assert isinstance(open_board(SqliteLedger(tmp_path / "l.db")), board_sqlite.SqliteBoard)
    assert isinstance(open_board(open_ledger("redis://nowhere:1/0")), board_redis.RedisBoard)


async def test_a_ledger_of_another_kind_has_a_board_of_this_process():
    class Foreign:
        kind = "redis"

    board = open_board(Foreign())
    await post(board)
    assert (await board.notices(NOW)).keys() == {"k"}


# --- SQLite ------------------------------------------------------------------------------------------------


def tables(path):
    db = sqlite3.connect(path)
    found = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'board_%'")}
    db.close()
    return found


async def test_looking_makes_no_tables_and_needs_no_lock(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    board = open_board(ledger)
    assert await board.notices(NOW) == {}
    assert tables(path) == set()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert (await board.notices(NOW), await board.history(5)) == ({}, ())
    with pytest.raises(StoreUnavailable, match="locked"):
        await post(board)
    other.execute("ROLLBACK")
    other.close()
    await post(board)
    assert (await board.notices(NOW)).keys() == {"k"}
    assert tables(path) == {"board_notices", "board_claims", "board_history"}
    await ledger.close()


async def test_of_workers_that_post_at_once_none_is_refused(tmp_path):
    for number in range(20):
        path = tmp_path / f"{number}.db"
        ledgers = [SqliteLedger(path) for _ in range(3)]
        await asyncio.gather(*(post(open_board(ledger), f"k{i}") for i, ledger in enumerate(ledgers)))
        assert (await open_board(ledgers[0]).notices(NOW)).keys() == {"k0", "k1", "k2"}
        for ledger in ledgers:
            await ledger.close()


# --- Redis -------------------------------------------------------------------------------------------------


async def test_every_key_goes_away_by_itself(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    board = open_board(ledger)
    await post(board, "short", lasts_s=50)
    await post(board, "long", lasts_s=5_000, entry="e")
    await post(board, "short", lasts_s=60)
    await board.claim("c", 300, NOW)
    await board.claim("d", 30, NOW)
    with redis.Redis.from_url(redis_url) as client:
        left = {key.decode().removeprefix("ltt:{t}:"): client.ttl(key) for key in client.scan_iter("ltt:*")}
        assert left.keys() == {"notices", "notices:lapse", "claims", "claims:lapse", "history"}
        assert all(4_990 < left[name] <= 5_000 for name in ("notices", "notices:lapse"))
        assert all(290 < left[name] <= 300 for name in ("claims", "claims:lapse"))
        assert 0 < board_redis.HISTORY_S - left["history"] < 10 or left["history"] == board_redis.HISTORY_S
        assert await board.take_down("long", NOW)
        assert 50 < client.ttl("ltt:{t}:notices") <= 60
        assert await board.take_down("short", NOW)
        assert not client.exists("ltt:{t}:notices", "ltt:{t}:notices:lapse")
    assert await board.notices(NOW) == {}
    await ledger.close()


async def test_what_has_not_changed_is_not_sent_again(redis_url, wipe, monkeypatch):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    board = open_board(ledger)
    await post(board)
    replies = []
    ask = ledger.run

    async def noted(*args, **more):
        replies.append(await ask(*args, **more))
        return replies[-1]

    monkeypatch.setattr(ledger, "run", noted)
    first, second = await board.notices(NOW), await board.notices(NOW)
    assert first == second
    assert [len(reply) for reply in replies] == [5, 1]
    with redis.Redis.from_url(redis_url) as client:
        client.delete("ltt:{t}:notices", "ltt:{t}:notices:lapse")
    assert await board.notices(NOW) == {}
    await ledger.close()


async def test_a_script_that_is_sent_twice_does_its_work_once(redis_url, wipe, monkeypatch):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    board = open_board(ledger)
    ask = ledger.run

    async def twice(*args, **more):
        await ask(*args, **more)
        return await ask(*args, **more)

    monkeypatch.setattr(ledger, "run", twice)
    await post(board, entry="posted")
    assert await board.claim("k", 10, NOW)
    assert not await board.claim("k", 10, NOW)
    assert await board.history(10) == ("posted",)
    await ledger.close()


async def test_a_client_that_decodes_is_understood(redis_url, wipe):
    client = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
    ledger = RedisLedger(client)
    board = open_board(ledger)
    await post(board, value="ünï", entry="e")
    assert await board.notices(NOW) == {"k": Notice("ünï", NOW, NOW + 100)}
    assert await board.history(1) == ("e",)
    assert await board.claim("k", 5, NOW)
    await ledger.close()
    await client.aclose()


async def test_a_redis_that_is_away_is_unavailable():
    board = open_board(open_ledger("redis://127.0.0.1:1/0"))
    for call in (
        post(board),
        board.take_down("k", NOW),
        board.notices(NOW),
        board.claim("k", 1, NOW),
        board.history(1),
    ):
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_cluster_keeps_the_board_together():
    with serve_redis_cluster() as nodes:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        ledgers = [RedisLedger.from_url(f"redis+cluster://{hosts}", timeout_s=PATIENT_S) for _ in "ab"]
        here, there = (open_board(ledger) for ledger in ledgers)
        await asyncio.gather(*(post((here, there)[i % 2], f"k{i}", entry=f"e{i}") for i in range(20)))
        assert await there.take_down("k0", NOW, entry="down") is True
        assert (await here.notices(NOW)).keys() == {f"k{i}" for i in range(1, 20)}
        assert (await there.notices(NOW)) == (await here.notices(NOW))
        claims = await asyncio.gather(*((here, there)[i % 2].claim("c", 60, NOW) for i in range(20)))
        assert claims.count(True) == 1
        assert (await here.history(1), len(await there.history(CLAIMS_MAX))) == (("down",), 21)
        for ledger in ledgers:
            await ledger.close()
