"""What every store of decisions does, and what only one of them has to."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from dataclasses import replace

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger import open_ledger, records_form, records_memory, records_redis, records_sqlite
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.open import open_records
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.records import REFUSED, Asked, Looked, Row, newest

NOW = 1_800_000_000.0
DAY_S = 86_400
MOST = 100


def row(number, *, at=None, team="blue", key="k" * 64, **record):
    id_ = f"{number:016x}"
    at = NOW + number if at is None else at
    told = {
        "id": id_,
        "at": at,
        "route": "auto",
        "tier": "simple",
        "model": "small",
        "reasons": ["heuristic"],
        "steps": [],
        "attempts": [{"tier": "simple", "model": "small", "verdict": "ok", "reasons": []}],
        "cost_usd": 0.1,
        **record,
    }
    return Row(id_, at, team, key, told)


def tried(*verdicts):
    return [{"verdict": verdict} for verdict in verdicts]


def ids(rows):
    return [int(found.id, 16) for found in rows]


@pytest.fixture
def records(ledger):
    return open_records(ledger, MOST, 2 * DAY_S)


# --- kept and found ----------------------------------------------------------------------------------------


async def test_what_is_kept_is_found_newest_first(records):
    rows = [row(i) for i in (2, 1, 3)]
    assert await records.recent(Asked()) == ()
    await records.append(rows)
    await records.append([])
    assert await records.recent(Asked()) == (rows[2], rows[0], rows[1])
    assert await records.recent(Asked(2)) == (rows[2], rows[0])
    assert await records.get(rows[1].id) == rows[1]
    assert await records.get("f" * 16) is None


async def test_every_field_comes_back(records):
    one = replace(row(1, reasons=["a", "b"]), holdout=True, arm="new", team="", key="")
    await records.append([one])
    found = await records.get(one.id)
    assert found == one
    assert (found.holdout, found.arm, found.route, found.tier) == (True, "new", "auto", "simple")


async def test_a_newer_state_takes_the_place_of_an_earlier_one(records):
    await records.append([row(1), row(2)])
    later = row(1, tier="complex", attempts=tried("refusal", "ok"))
    await records.append([later, later])
    assert await records.recent(Asked()) == (row(2), later)
    assert await records.recent(Asked(tier="complex")) == (later,)
    assert await records.recent(Asked(tier="simple")) == (row(2),)


async def test_a_row_may_change_its_time(records):
    await records.append([row(1), row(2)])
    await records.append([row(1, at=NOW + 9)])
    assert ids(await records.recent(Asked())) == [1, 2]


QUESTIONS = [
    Asked(team="blue"),
    Asked(team=""),
    Asked(team="blu"),
    Asked(key="a" * 64),
    Asked(key="a" * 63),
    Asked(route="explicit"),
    Asked(tier="complex"),
    Asked(reason="budget:"),
    Asked(reason="budget:global:0.83"),
    Asked(reason="get:"),
    Asked(verdict="refusal"),
    Asked(verdict="ref"),
    Asked(verdict=REFUSED),
    Asked(team="red", verdict="ok", reason="heu"),
    Asked(since_s=NOW + 2),
    Asked(until_s=NOW + 2),
    Asked(since_s=NOW + 1, until_s=NOW + 3, tier="simple"),
    Asked(2, (int((NOW + 3) * 1e6), f"{3:016x}")),
    Asked(verdict="100%"),
    Asked(reason="_"),
    Asked(team="blue\x1froute=auto"),
    Asked(route="'; --"),
    Asked(team="x\x00y"),
    Asked(team="\ud800"),
]


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
async def test_a_question_finds_what_it_asks_for_and_nothing_else(records, asked):
    rows = [
        row(0, team="red", key="a" * 64),
        row(1, team="", route="explicit", reasons=["requested", "budget:global:0.83"]),
        row(2, tier="complex", attempts=tried("refusal", "ok")),
        row(3, attempts=[], refused="The day budget of global is used up."),
        row(4, route="'; --", reasons=["rule:get:it"], attempts=tried("100", "failed")),
        row(5, team="x\x00y", key="a" * 24 + "b" * 40),
    ]
    await records.append(rows)
    expected = [r for r in reversed(rows) if asked.fits(r)][: asked.limit]
    assert list(await records.recent(asked)) == expected


def test_a_question_asks_for_a_sensible_number():
    for limit in (0, -1, 501):
        with pytest.raises(ValueError, match="1 to 500"):
            Asked(limit)


async def test_pages_follow_each_other_also_where_many_are_decided_at_once(records, monkeypatch):
    monkeypatch.setattr(records_redis, "PAGE", 3)
    monkeypatch.setattr(records_memory, "PAGE", 3)
    rows = [row(i, at=NOW + i // 20) for i in range(60)]
    await records.append(rows)
    found, before = [], None
    while page := await records.recent(Asked(7, before)):
        found += page
        before = page[-1].place
    assert ids(found) == list(range(59, -1, -1))
    assert ids(await records.recent(Asked(5, verdict="none"))) == []
    assert ids(await records.recent(Asked(500, since_s=NOW + 1, until_s=NOW + 2))) == list(range(39, 19, -1))


async def test_a_page_goes_on_where_its_last_row_is_gone(records):
    await records.append([row(1), row(2), row(4)])
    before = row(3).place
    assert ids(await records.recent(Asked(before=before))) == [2, 1]
    await records.append([row(i, at=NOW + 9) for i in (6, 7, 8, 9)])
    between = (row(7, at=NOW + 9).place[0], f"{7:016x}0")
    for team in (None, "blue"):
        assert ids(await records.recent(Asked(2, between, team=team))) == [7, 6]
    assert ids(await records.recent(Asked(before=(0, "0")))) == []


async def test_scanning_goes_through_all_of_them_once(records, monkeypatch):
    monkeypatch.setattr("litellm_tiering.ledger.records_pages.MOST_ASKED", 7)
    await records.append([row(i) for i in range(30)])
    assert [int(r.id, 16) async for r in records.scan(0, NOW * 2)] == list(range(29, -1, -1))
    assert [int(r.id, 16) async for r in records.scan(NOW + 3, NOW + 6)] == [5, 4, 3]
    assert [r async for r in records.scan(NOW + 100, NOW + 200)] == []


# --- one look ----------------------------------------------------------------------------------------------


@pytest.fixture
def short_sighted(monkeypatch):
    """Six rows are as far as one look goes, and two as far as it goes at a time."""
    for module in (records_memory, records_sqlite, records_redis):
        monkeypatch.setattr(module, "LOOK", 6)
        monkeypatch.setattr(module, "PAGE", 2, raising=False)


async def test_a_look_for_what_is_seldom_ends_and_tells_where_to_go_on(records, short_sighted):
    await records.append([row(i, tier="complex" if i in {3, 16} else "simple") for i in range(20)])
    asked, found, reached = Asked(5, tier="complex"), [], []
    while True:
        looked = await records.look(asked)
        found.append(ids(looked.rows))
        reached.append(looked.reached and int(looked.reached[1], 16))
        if looked.reached is None:
            break
        asked = replace(asked, before=looked.reached)
    assert (found, reached) == ([[16], [], [3], []], [14, 8, 2, None])
    assert ids(await records.recent(Asked(5, tier="complex"))) == [16, 3]
    assert ids(await records.recent(Asked(1, tier="complex"))) == [16]


async def test_a_look_that_has_found_enough_ends_at_the_last_one_found(records, short_sighted):
    await records.append([row(i) for i in range(9)])
    looked = await records.look(Asked(3, tier="simple"))
    assert (ids(looked.rows), looked.reached) == ([8, 7, 6], row(6).place)
    looked = await records.look(Asked(3, row(3).place, tier="simple"))
    assert ids(looked.rows) == [2, 1, 0]
    assert looked.reached is None or not (await records.look(Asked(3, looked.reached))).rows
    assert (await records.look(Asked(4, row(3).place, tier="simple"))).reached is None


async def test_a_look_stays_within_the_times_asked_for(records, short_sighted):
    await records.append([row(i) for i in range(30)])
    looked = await records.look(Asked(50, since_s=NOW + 10, until_s=NOW + 14, tier="simple"))
    assert (ids(looked.rows), looked.reached) == ([13, 12, 11, 10], None)
    assert (await records.look(Asked(since_s=NOW + 100))).rows == ()
    assert (await records.look(Asked(since_s=NOW + 9, until_s=NOW + 2))) == Looked((), None)


# --- bounds ------------------------------------------------------------------------------------------------


async def test_of_one_too_many_the_oldest_goes_whatever_comes_last(records):
    for at in range(0, MOST + 20, 10):
        await records.append([row(i) for i in range(at, at + 10)])
    assert ids(await records.recent(Asked(500))) == list(range(MOST + 19, 19, -1))
    await records.append([row(0), row(1, tier="complex")])
    assert ids(await records.recent(Asked(500))) == list(range(MOST + 19, 19, -1))
    assert await records.get(row(1).id) is None
    await records.append([row(MOST + 19, tier="complex")])
    assert len(await records.recent(Asked(500))) == MOST


async def test_what_is_too_old_goes_with_the_next_that_comes(records):
    await records.append([row(1), row(2)])
    assert await records.rate(row(1).id, "ab", 1.0) == 1.0
    await records.append([row(3, at=NOW + 2 + 2 * DAY_S)])
    assert ids(await records.recent(Asked())) == [3, 2]
    assert await records.get(row(1).id) is None
    await records.append([row(1)])
    found = await records.get(row(1).id)
    assert found is None or found.feedback is None


async def test_a_smaller_number_is_reached_little_by_little(store, monkeypatch):
    for module in (records_sqlite, records_redis):
        monkeypatch.setattr(module, "TRIM_MAX", 10)
    ledger = store.open()
    await open_records(ledger, 50, DAY_S).append([row(i) for i in range(50)])
    fewer = open_records(ledger, 5, DAY_S)
    for i in range(50, 60):
        await fewer.append([row(i)])
    kept = len(await fewer.recent(Asked(500)))
    # The store of a memory ledger is made once.
    assert kept == (50 if store.kind == "memory" else 5)
    await ledger.close()


async def test_a_row_that_is_too_long_is_cut_to_what_matters(records):
    long = row(1, steps=[{"detail": "x" * 100} for _ in range(900)], attempts=tried(*"ab"))
    await records.append([long])
    found = await records.get(long.id)
    assert (found.record["steps"], found.verdicts, found.tier) == ([], ("a", "b"), "simple")


# --- workers -----------------------------------------------------------------------------------------------


async def test_what_one_worker_keeps_another_sees_and_rates(store):
    ledgers = one, other = store.open(), store.open()
    try:
        here, there = open_records(one, MOST, DAY_S), open_records(other, MOST, DAY_S)
        assert await there.recent(Asked()) == ()
        assert await there.get(row(1).id) is None
        assert await there.rate(row(1).id, "ab", 1) is None
        await asyncio.gather(here.append([row(1)]), there.append([row(2)]))
        assert ids(await here.recent(Asked())) == ids(await there.recent(Asked())) == [2, 1]
        assert await there.rate(row(1).id, "ab", 0.25) == 0.25
        await here.append([row(1, tier="complex")])
        found = await here.get(row(1).id)
        assert (found.feedback, found.tier) == (0.25, "complex")
    finally:
        for ledger in ledgers:
            await ledger.close()


async def test_the_latest_word_of_each_caller_counts(records):
    await records.append([row(1), row(2)])
    assert await records.rate(row(1).id, "aa", 1) == 1
    assert await records.rate(row(1).id, "aa", 1) == 1
    assert await records.rate(row(1).id, "bb", 0) == 0.5
    assert await records.rate(row(1).id, "aa", 0.5) == 0.25
    assert [r.feedback for r in await records.recent(Asked())] == [None, 0.25]
    assert await records.rate("e" * 16, "aa", 1) is None


async def test_of_many_callers_the_latest_count(records):
    await records.append([row(1)])
    for i in range(records_form.CALLERS_MAX):
        await records.rate(row(1).id, f"{i:x}", 0)
    assert await records.rate(row(1).id, "ff", 1) == pytest.approx(1 / records_form.CALLERS_MAX)
    assert await records.rate(row(1).id, "0", 1) == pytest.approx(2 / records_form.CALLERS_MAX)


async def test_a_closed_ledger_is_away(store):
    ledger = store.open()
    records = open_records(ledger, MOST, DAY_S)
    await records.append([row(1)])
    await ledger.close()
    for call in (
        records.append([row(2)]),
        records.recent(Asked()),
        records.get(row(1).id),
        records.rate(row(1).id, "ab", 1),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


# --- against a model ---------------------------------------------------------------------------------------

TEXTS = st.sampled_from(["blue", "red", "", "a\x1fteam=blue", "ü", "\x00"])
ROWS = st.builds(
    lambda number, second, team, tier, reasons, verdicts: row(
        number, at=NOW + second, team=team, tier=tier, reasons=reasons, attempts=tried(*verdicts)
    ),
    st.integers(0, 12),
    st.sampled_from([0, 1, 2.5]),
    TEXTS,
    TEXTS,
    st.lists(st.sampled_from(["rule:a", "rule:ab", "budget:team:0.9", "x\x1fy"]), max_size=2),
    st.lists(st.sampled_from(["ok", "refusal", "pending"]), max_size=2),
)
ASKED = st.builds(
    Asked,
    limit=st.sampled_from([1, 3, 500]),
    team=st.none() | TEXTS,
    tier=st.none() | TEXTS,
    reason=st.none() | st.sampled_from(["rule:", "rule:a", "x", "budget:team:0.9"]),
    verdict=st.none() | st.sampled_from(["ok", "refusal", "o"]),
    since_s=st.none() | st.sampled_from([NOW, NOW + 1]),
    until_s=st.none() | st.sampled_from([NOW + 1, NOW + 2]),
    before=st.none() | st.builds(lambda r: r.place, ROWS),
)


@settings(database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(ROWS, max_size=6), max_size=4), questions=st.lists(ASKED, max_size=4))
def test_every_store_does_as_the_model_does(store, run, batches, questions):
    async def compare():
        ledger, model = store.fresh().open(), {}
        records = open_records(ledger, 8, DAY_S)
        for batch in batches:
            await records.append(batch)
            # Each in turn, then the bound: the oldest go.
            for one in batch:
                model[one.id] = one
            model = {r.id: r for r in newest(8, list(model.values()))}
        for asked in questions:
            expected = [r for r in newest(8, list(model.values())) if asked.fits(r)][: asked.limit]
            assert list(await records.recent(asked)) == expected
        await ledger.close()

    run(compare())


# --- opening, and what somebody else has written -----------------------------------------------------------


def test_each_ledger_has_its_records(tmp_path):
    memory = MemoryLedger()
    assert open_records(memory) is open_records(memory)
    assert isinstance(open_records(SqliteLedger(tmp_path / "l.db")), records_sqlite.SqliteRecords)
    assert isinstance(open_records(open_ledger("redis://nowhere:1/0")), records_redis.RedisRecords)


async def test_a_ledger_of_another_kind_has_records_of_this_process():
    class Foreign:
        kind = "redis"

    records = open_records(Foreign())
    await records.append([row(1)])
    assert ids(await records.recent(Asked())) == [1]


ODD = [
    b"",
    b"1",
    b"2" + records_form.pack(row(1))[1:],
    b"1" + b"\xff" * 20,
    *(
        records_form.pack(replace(row(1), record={**row(1).record, **more}))
        for more in (
            {"at": float("nan")},
            {"cost_usd": float("nan")},
            {"at": "now"},
            {"id": 7},
            {"attempts": ["x"]},
            {"attempts": None},
        )
    ),
    records_form.pack(replace(row(1), team=7)),
    records_form.pack(replace(row(1), record=[])),
]


@pytest.mark.parametrize("packed", ODD)
async def test_what_is_no_row_is_passed_over_in_redis(redis_url, wipe, packed):
    ledger = open_ledger(redis_url)
    records = open_records(ledger)
    await records.append([row(1), row(2)])
    with redis.Redis.from_url(redis_url) as client:
        for odd in (base64.b64encode(packed), b"\xff not base64"):
            client.hset(records_redis.ROWS, row(1).id, odd)
            assert ids(await records.recent(Asked())) == [2]
            assert [r.id async for r in records.scan(0, NOW * 2)] == [row(2).id]
            assert await records.get(row(1).id) is None
    await ledger.close()


async def test_ratings_that_are_none_count_for_nothing():
    packed = records_form.pack(row(1))
    assert records_form.unpack(packed, "aa=x bb=7 cc=0.5 dd").feedback == 0.5
    assert records_form.unpack(packed, "aa=nan").feedback is None


async def test_what_is_no_row_is_passed_over_in_a_file(tmp_path):
    ledger = SqliteLedger(tmp_path / "l.db")
    records = open_records(ledger)
    await records.append([row(1), row(2)])
    for odd in (*ODD, "text"):
        with sqlite3.connect(tmp_path / "l.db") as db:
            db.execute("UPDATE decisions SET packed = ?, ratings = x'00' WHERE id = ?", (odd, row(1).id))
        db.close()
        assert ids(await records.recent(Asked())) == [2]
        assert await records.get(row(1).id) is None
    await ledger.close()


async def test_a_file_that_is_only_read_gets_no_table(tmp_path):
    ledger = SqliteLedger(tmp_path / "l.db")
    records = open_records(ledger)
    assert await records.recent(Asked()) == ()
    assert await records.get("a" * 16) is None
    assert await records.rate("a" * 16, "aa", 1) is None
    await ledger.close()
    with sqlite3.connect(tmp_path / "l.db") as db:
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'decisions'").fetchall()
    db.close()


async def owners_in(client):
    return {key.decode().rpartition(":")[2] for key in client.scan_iter(f"{records_redis.OWNER}*")}


async def test_what_is_kept_of_owners_in_redis_is_bounded(redis_url, wipe):
    ledger = open_ledger(redis_url)
    records = open_records(ledger, 20, DAY_S)
    for number in range(60):
        # A team or key for each, and one that is always there.
        await records.append([row(2 * number, team=f"team-{number}", key=""), row(2 * number + 1, key="k")])
    with redis.Redis.from_url(redis_url) as client:
        found = await owners_in(client)
        assert len(found) <= 20 + 2
        assert {"blue", "k", "team-59", "team-50"} <= found
        assert client.zcard(records_redis.OWNERS) == len(found)
        assert client.zcard(records_redis.OWNER + "team:blue") <= 11
        assert all(client.ttl(key) > 0 for key in client.scan_iter("ltt:*"))
    assert ids(await records.recent(Asked(team="blue"))) == list(range(119, 100, -2))
    assert ids(await records.recent(Asked(team="team-3"))) == []
    assert ids(await records.recent(Asked(key="k", team="blue", limit=1))) == [119]
    await ledger.close()


async def test_an_owner_that_comes_back_is_not_taken_for_gone(redis_url, wipe):
    ledger = open_ledger(redis_url)
    records = open_records(ledger, 2, DAY_S)
    await records.append([row(1, team="a", key="")])
    await records.append([row(2), row(3)])
    assert records._gone == [records_redis.OWNER + "team:a"]
    await open_records(ledger, 2, DAY_S).append([row(4, team="a", key="")])
    await records.append([row(5)])
    assert ids(await records.recent(Asked(team="a"))) == [4]
    await ledger.close()


async def test_all_keys_in_redis_go_by_themselves(redis_url, wipe):
    ledger = open_ledger(redis_url)
    records = open_records(ledger, MOST, 3_600)
    await records.append([row(1)])
    await records.rate(row(1).id, "aa", 1)
    with redis.Redis.from_url(redis_url) as client:
        assert all(0 < client.ttl(key) <= 3_600 for key in records_redis.KEYS)
    await ledger.close()


def test_a_row_takes_little_room():
    step = {"stage": "budget", "reason": "budget", "from": "complex", "to": "moderate", "enforced": True}
    one = row(1, steps=[{**step, "detail": f"team:blue:0.{i}"} for i in (81, 83)])
    assert len(records_form.pack(one)) < len(json.dumps(one.as_json())) / 3
