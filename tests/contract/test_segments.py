"""What every store of segments does, and what only one of them has to."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import litellm_tiering
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger import (
    open_ledger,
    open_segments,
    segments_memory,
    segments_redis,
    segments_sqlite,
)
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.segments import FORGET_S
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Segment
from litellm_tiering.testing.redis import serve_redis_cluster

NOW = 1_800_000_000
PATIENT_S = 5.0


@pytest.fixture
def segments(ledger):
    return open_segments(ledger)


async def push(segments, bits, key="k", turn=0, now_s=NOW):
    found = None
    for bit in bits:
        found = await segments.push(key, rejected=bit == "1", turn=turn, now_s=now_s)
    return found


# --- windows and turns -------------------------------------------------------------------------------------


async def test_answers_are_appended_newest_last(segments):
    assert await push(segments, "0") == Segment(0, False, "0")
    assert await push(segments, "110") == Segment(0, False, "0110")
    assert await segments.segments(NOW) == {"k": Segment(0, False, "0110")}


async def test_a_window_keeps_the_latest_hundred(segments):
    bits = "1" * 30 + "0" * 90 + "1"
    assert (await push(segments, bits)).window == bits[-100:]
    assert (await push(segments, "1")).window == (bits + "1")[-100:]


async def test_segments_are_kept_apart(segments):
    await push(segments, "11", "a")
    await push(segments, "0", "b")
    await segments.turn_over("c", turn=0, bypassed=True, now_s=NOW)
    expected = {"a": Segment(window="11"), "b": Segment(window="0"), "c": Segment(1, True)}
    assert await segments.segments(NOW) == expected


async def test_a_turn_begins_with_an_empty_window_and_stragglers_are_dropped(segments):
    await push(segments, "111")
    assert await segments.turn_over("k", turn=0, bypassed=True, now_s=NOW) == Segment(1, True)
    assert await push(segments, "1", turn=0) == Segment(1, True)
    assert await push(segments, "1", turn=2) == Segment(1, True)
    assert await push(segments, "01", turn=1) == Segment(1, True, "01")
    assert await segments.turn_over("k", turn=1, bypassed=False, now_s=NOW) == Segment(2)
    assert await segments.segments(NOW) == {"k": Segment(2)}


async def test_an_unknown_segment_is_in_its_first_turn_and_other_turns_leave_no_trace(segments):
    assert await push(segments, "1", turn=3) == Segment()
    assert await segments.turn_over("k", turn=3, bypassed=True, now_s=NOW) == Segment()
    assert await segments.segments(NOW) == {}


async def test_of_two_workers_one_turns_over(store):
    ledgers = one, other = store.open(), store.open()
    try:
        here, there = open_segments(one), open_segments(other)
        await push(here, "11")
        assert await push(there, "0") == Segment(0, False, "110")
        assert await here.turn_over("k", turn=0, bypassed=True, now_s=NOW) == Segment(1, True)
        await push(here, "01", turn=1)
        assert await there.turn_over("k", turn=0, bypassed=True, now_s=NOW) == Segment(1, True, "01")
        assert await there.turn_over("k", turn=1, bypassed=False, now_s=NOW) == Segment(2)
        assert await here.segments(NOW) == {"k": Segment(2)}
    finally:
        for ledger in ledgers:
            await ledger.close()


async def test_of_fifty_at_once_none_is_lost(store):
    ledgers = store.open(), store.open()
    try:
        both = [open_segments(ledger) for ledger in ledgers]
        asked = [both[i % 2].push(f"k{i % 2}", rejected=i % 5 == 0, turn=0, now_s=NOW) for i in range(50)]
        found = await asyncio.gather(*asked)
        assert sorted(len(segment.window) for segment in found) == sorted([*range(1, 26)] * 2)
        turns = [both[i % 2].turn_over("k0", turn=0, bypassed=True, now_s=NOW) for i in range(50)]
        assert set(await asyncio.gather(*turns)) == {Segment(1, True)}
        last = (await both[0].segments(NOW))["k1"]
        assert last.window.count("1") == 5
        assert len(last.window) == 25
    finally:
        for ledger in ledgers:
            await ledger.close()


@pytest.mark.parametrize(
    "key", ["", "a|b|c", "%7C", "{x}", "ünï 日本", "a\x00b\n", "'; --", "k" * 5_000, "*"]
)
async def test_odd_keys_are_keys(segments, key):
    assert await push(segments, "10", key) == Segment(0, False, "10")
    assert await segments.segments(NOW) == {key: Segment(0, False, "10")}


# --- forgetting --------------------------------------------------------------------------------------------


async def test_a_segment_untouched_for_a_day_is_forgotten(segments):
    await push(segments, "1", "pushed")
    await segments.turn_over("turned", turn=0, bypassed=True, now_s=NOW)
    last = NOW + FORGET_S - 1
    assert await segments.segments(last) == {"pushed": Segment(window="1"), "turned": Segment(1, True)}
    assert await push(segments, "0", "turned", turn=1, now_s=last) == Segment(1, True, "0")
    assert await segments.segments(last + 1) == {"turned": Segment(1, True, "0")}
    assert await push(segments, "1", "pushed", now_s=last + 1) == Segment(window="1")
    assert await push(segments, "1", "turned", turn=1, now_s=last + FORGET_S) == Segment()
    assert await segments.segments(last + FORGET_S) == {"pushed": Segment(window="1")}


async def test_stragglers_keep_nothing_alive(segments):
    await segments.turn_over("k", turn=0, bypassed=True, now_s=NOW)
    await push(segments, "1", turn=0, now_s=NOW + 10)
    assert await segments.turn_over("k", turn=0, bypassed=True, now_s=NOW + 10) == Segment(1, True)
    assert await segments.segments(NOW + FORGET_S) == {}


async def test_a_clock_that_is_set_back_revives_nothing(segments):
    await push(segments, "1", "late", now_s=NOW + 1_000)
    await push(segments, "1", "early", now_s=NOW)
    assert await push(segments, "0", "early", now_s=NOW + FORGET_S) == Segment(window="0")
    assert (await segments.segments(NOW + FORGET_S)).keys() == {"late", "early"}


async def test_the_one_untouched_for_longest_makes_room(segments, monkeypatch):
    for module in (segments_memory, segments_sqlite, segments_redis):
        monkeypatch.setattr(module, "SEGMENTS_MAX", 3)
    for at, key in enumerate("abc"):
        await push(segments, "1", key, now_s=NOW + at)
    await push(segments, "1", "a", now_s=NOW + 3)
    await push(segments, "1", "d", now_s=NOW + 4)
    assert list(await segments.segments(NOW + 4)) == ["c", "a", "d"]
    # It begins anew: nothing is left of what it was.
    assert await push(segments, "0", "b", now_s=NOW + 5) == Segment(window="0")
    assert list(await segments.segments(NOW + 5)) == ["a", "d", "b"]


async def test_many_segments_are_told_of(segments):
    await asyncio.gather(
        *(segments.push(f"k{i}", rejected=i % 2 == 0, turn=0, now_s=NOW) for i in range(1_200))
    )
    assert await segments.segments(NOW) == {f"k{i}": Segment(window="10"[i % 2]) for i in range(1_200)}


async def test_a_closed_ledger_is_away(store):
    ledger = store.open()
    segments = open_segments(ledger)
    await push(segments, "1")
    await ledger.close()
    for call in (
        segments.push("k", rejected=True, turn=0, now_s=NOW),
        segments.turn_over("k", turn=0, bypassed=True, now_s=NOW),
        segments.segments(NOW),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


# --- against a model ---------------------------------------------------------------------------------------

KEYS = st.sampled_from("ab")
STEPS = st.one_of(
    st.tuples(st.just("push"), KEYS, st.integers(0, 3), st.booleans()),
    st.tuples(st.just("turn"), KEYS, st.integers(0, 3), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([1, 1_000, FORGET_S // 2, FORGET_S])),
)


class Model:
    """Segments as plain as can be."""

    def __init__(self):
        self.kept = {}

    def live(self, now_s):
        return {
            key: segment for key, (segment, touched_s) in self.kept.items() if now_s - touched_s < FORGET_S
        }

    def change(self, what, key, turn, flag, now_s):
        found = self.live(now_s).get(key, Segment())
        if found.turn == turn:
            pushed = Segment(turn, found.bypassed, (found.window + str(int(flag)))[-100:])
            found = pushed if what == "push" else Segment(turn + 1, flag)
            self.kept[key] = (found, now_s)
        return found


@settings(database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
def test_every_store_does_as_the_model_does(store, run, steps):
    async def compare():
        ledger, model, now_s = store.fresh().open(), Model(), NOW
        segments = open_segments(ledger)
        for what, *rest in steps:
            if what == "wait":
                now_s += rest[0]
                continue
            key, turn, flag = rest
            if what == "push":
                found = await segments.push(key, rejected=flag, turn=turn, now_s=now_s)
            else:
                found = await segments.turn_over(key, turn=turn, bypassed=flag, now_s=now_s)
            assert found == model.change(what, key, turn, flag, now_s)
            assert await segments.segments(now_s) == model.live(now_s)
        await ledger.close()

    run(compare())


# --- opening -----------------------------------------------------------------------------------------------


def test_each_ledger_has_its_segments(tmp_path):
    memory = MemoryLedger()
    assert open_segments(memory) is open_segments(memory) is memory.segments
    assert isinstance(open_segments(SqliteLedger(tmp_path / "l.db")), segments_sqlite.SqliteSegments)
    assert isinstance(open_segments(open_ledger("redis://nowhere:1/0")), segments_redis.RedisSegments)


async def test_a_ledger_of_another_kind_has_segments_of_this_process():
    class Other(MemoryLedger):
        kind = "redis"

    class Foreign:
        kind = "redis"

    assert open_segments(Other()) is not open_segments(Other())
    assert (await push(open_segments(Foreign()), "1")) == Segment(window="1")


# --- SQLite ------------------------------------------------------------------------------------------------


async def test_a_file_of_an_earlier_release_gets_the_table_and_keeps_its_own(tmp_path):
    path = tmp_path / "ledger.db"
    first = SqliteLedger(path)
    await push(open_segments(first), "1")
    await first.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE segments")
        db.execute("DROP TABLE meta")
        db.execute("DROP TABLE threads")
        db.execute("INSERT INTO counters VALUES ('kept', 7, 9999999999)")
    db.close()
    second = SqliteLedger(path)
    assert await push(open_segments(second), "01") == Segment(window="01")
    assert (await second.balances(["kept"], NOW))[0].spent == 7
    await second.close()


async def test_opening_a_file_that_has_the_table_needs_no_lock(tmp_path):
    path = tmp_path / "ledger.db"
    first = SqliteLedger(path)
    await push(open_segments(first), "1")
    await first.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    second = SqliteLedger(path)
    segments = open_segments(second)
    assert await segments.segments(NOW) == {"k": Segment(window="1")}
    with pytest.raises(StoreUnavailable, match="locked"):
        await push(segments, "1")
    other.execute("ROLLBACK")
    other.close()
    assert await push(segments, "1") == Segment(window="11")
    await second.close()


def rows(path):
    db = sqlite3.connect(path)
    found = [key for (key,) in db.execute("SELECT key FROM segments ORDER BY key")]
    db.close()
    return found


async def test_what_is_forgotten_leaves_the_file_when_a_new_one_comes(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path)
    segments = open_segments(ledger)
    await push(segments, "1", "a")
    await push(segments, "1", "b", now_s=NOW + 1)
    await push(segments, "1", "c", now_s=NOW + FORGET_S)
    assert rows(path) == ["b", "c"]
    await ledger.close()


@pytest.mark.parametrize("earlier", [False, True], ids=["new file", "file of an earlier release"])
async def test_of_workers_that_open_a_file_at_once_none_is_refused(tmp_path, earlier):
    # Seen to fail in 1 of 20 rounds where nobody tried again for the lock.
    for number in range(60):
        path = tmp_path / f"{number}.db"
        if earlier:
            await push(open_segments(first := SqliteLedger(path)), "1")
            await first.close()
            db = sqlite3.connect(path)
            db.execute("DROP TABLE segments")
            db.execute("DROP TABLE meta")
            db.execute("DROP TABLE threads")
            db.close()
        ledgers = [SqliteLedger(path) for _ in range(3)]
        asked = [open_segments(ledger).push("k", rejected=True, turn=0, now_s=NOW) for ledger in ledgers]
        assert {segment.window for segment in await asyncio.gather(*asked)} == {"1", "11", "111"}
        for ledger in ledgers:
            await ledger.close()


WORKER = """
    import asyncio, sys
    from litellm_tiering.errors import StoreUnavailable
    from litellm_tiering.ledger import open_ledger, open_segments

    async def main(path):
        ledger, away = open_ledger(f"sqlite:///{path}"), 0
        segments = open_segments(ledger)
        for i in range(40):
            try:
                await segments.push("k", rejected=i % 2 == 0, turn=0, now_s=1_800_000_000)
            except StoreUnavailable:
                away += 1
        await ledger.close()
        print(away)

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_create_and_share_a_file_lose_no_answer(tmp_path):
    path = tmp_path / "ledger.db"
    source = Path(litellm_tiering.__file__).parents[1]
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(path)]
    workers = [
        await asyncio.create_subprocess_exec(*command, cwd=source, stdout=subprocess.PIPE) for _ in "ab"
    ]
    away = sum([int((await worker.communicate())[0]) for worker in workers])
    # Waiting for each other's locks is not the store being away.
    assert away <= 4
    ledger = SqliteLedger(path)
    assert len((await open_segments(ledger).segments(NOW))["k"].window) == 80 - away
    await ledger.close()


# --- Redis -------------------------------------------------------------------------------------------------


async def test_every_key_goes_away_by_itself(redis_url, wipe):
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    segments = open_segments(ledger)
    await push(segments, "1", "a")
    await segments.turn_over("b", turn=0, bypassed=True, now_s=NOW)
    with redis.Redis.from_url(redis_url) as client:
        keys = list(client.scan_iter("ltt:*"))
        assert sorted(keys) == [b"ltt:{t}:s:a", b"ltt:{t}:s:b", b"ltt:{t}:segments"]
        assert all(FORGET_S - 10 < client.ttl(key) <= FORGET_S for key in keys)
        client.delete("ltt:{t}:s:a")
        assert await segments.segments(NOW) == {"b": Segment(1, True)}
    await ledger.close()


async def test_what_makes_room_leaves_nothing_behind(redis_url, wipe, monkeypatch):
    monkeypatch.setattr(segments_redis, "SEGMENTS_MAX", 3)
    ledger = RedisLedger.from_url(redis_url, timeout_s=PATIENT_S)
    segments = open_segments(ledger)
    for at in range(10):
        await push(segments, "1", f"k{at}", now_s=NOW + at)
    with redis.Redis.from_url(redis_url) as client:
        kept = sorted(client.scan_iter("ltt:{t}:s:*"))
        assert kept == [b"ltt:{t}:s:k7", b"ltt:{t}:s:k8", b"ltt:{t}:s:k9"]
        assert client.zcard("ltt:{t}:segments") == 3
    await ledger.close()


async def test_a_client_that_decodes_is_understood(redis_url, wipe):
    client = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
    ledger = RedisLedger(client)
    segments = open_segments(ledger)
    assert await push(segments, "10") == Segment(window="10")
    assert await segments.segments(NOW) == {"k": Segment(window="10")}
    await ledger.close()
    await client.aclose()


async def test_a_redis_that_is_away_is_unavailable():
    segments = open_segments(open_ledger("redis://127.0.0.1:1/0"))
    for call in (
        segments.push("k", rejected=True, turn=0, now_s=NOW),
        segments.turn_over("k", turn=0, bypassed=True, now_s=NOW),
        segments.segments(NOW),
    ):
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_cluster_keeps_a_segment_and_its_index_together():
    with serve_redis_cluster() as nodes:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        ledgers = [RedisLedger.from_url(f"redis+cluster://{hosts}", timeout_s=PATIENT_S) for _ in "ab"]
        here, there = (open_segments(ledger) for ledger in ledgers)
        asked = [(here, there)[i % 2].push(f"k{i % 5}", rejected=True, turn=0, now_s=NOW) for i in range(50)]
        await asyncio.gather(*asked)
        assert await here.turn_over("k0", turn=0, bypassed=True, now_s=NOW) == Segment(1, True)
        assert await there.turn_over("k0", turn=0, bypassed=True, now_s=NOW) == Segment(1, True)
        expected = {f"k{i}": Segment(window="1" * 10) for i in range(1, 5)}
        assert await there.segments(NOW) == {"k0": Segment(1, True), **expected}
        for ledger in ledgers:
            await ledger.close()
