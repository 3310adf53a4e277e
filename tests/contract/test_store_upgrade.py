"""Stores written by earlier releases, and earlier releases on a store of this one: no money is lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import earlier_release as earlier
import pytest
import redis

import litellm_tiering
from litellm_tiering.core.budget import Balance
from litellm_tiering.ledger import book
from litellm_tiering.ledger.open import open_board, open_ledger, open_records, open_segments
from litellm_tiering.ledger.spool import DiskSpool
from litellm_tiering.ports import Known

STORES = Path(__file__).resolve().parent / "stores"
ROOT = Path(litellm_tiering.__file__).resolve().parents[2]
KNEW = ("counters", "segments", "totals", "threads", "decisions")
"""Releases by what they were the first to keep, the earliest first: each has a file of either kind."""

COMMITS = {"segments": "60762b6", "totals": "cb87bbd", "threads": "9694e3a", "decisions": "ffb5db9"}
"""Where those releases are in the repository, for what needs the code itself."""

NOW, KEYS = earlier.NOW, earlier.KEYS
NOTHING_HELD = [{"spent": earlier.COST + earlier.LATE, "reserved": 0}] * 2


def of_or_after(release, first):
    return KNEW.index(release) >= KNEW.index(first)


def sqlite_of(path, name):
    db = sqlite3.connect(path)
    db.executescript((STORES / f"{name}.sql").read_text(encoding="utf-8"))
    db.close()
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "redis"])
def kind(request):
    return request.param


@pytest.fixture
def left(kind, tmp_path, request):
    """Lays out what a release has left behind; where it is."""

    def lay(release):
        if kind == "sqlite":
            return sqlite_of(tmp_path / "ledger.db", release)
        url = request.getfixturevalue("redis_url")
        request.getfixturevalue("wipe")
        lines = (STORES / f"{release}.redis").read_text(encoding="utf-8").splitlines()
        with redis.Redis.from_url(url, encoding="latin-1") as client:
            for line in lines:
                client.execute_command(*json.loads(line))
        return url

    return lay


# --- forwards ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", KNEW)
async def test_money_of_an_earlier_release_is_kept_held_and_counted_on(left, kind, release):
    url = left(release)
    told = await earlier.go_on(url)
    assert told["before"] == [{"spent": earlier.COST, "reserved": earlier.HELD}] * 2
    assert (told["late"], told["late again"], told["admitted"]) == (True, False, True)
    if kind == "redis" and not of_or_after(release, "totals"):
        # Its attempts are marked otherwise, and what it holds is let go by it, or lapses.
        assert told["after"][0]["reserved"] == earlier.HELD
        assert told["at last"][0]["reserved"] == 0
    else:
        assert told["ended again"] is False
        assert told["after"] == NOTHING_HELD
        assert told["at last"] == NOTHING_HELD


@pytest.mark.parametrize("release", KNEW)
async def test_what_an_earlier_release_kept_beside_the_money_is_read_and_what_it_lacks_is_added(
    left, release
):
    ledger = open_ledger(left(release))
    segments, board, records = open_segments(ledger), open_board(ledger), open_records(ledger)
    live = await ledger.active(NOW + 1)
    assert dict(live) == dict.fromkeys(KEYS, Balance(earlier.COST, earlier.HELD))
    kept = of_or_after(release, "segments")
    assert [s.window for s in (await segments.segments(NOW + 1)).values()] == (["101"] if kept else [])
    kept = of_or_after(release, "totals")
    assert [t.cost for t in await ledger.totals([earlier.DAY])] == ([earlier.COST] if kept else [])
    assert [n.value for n in (await board.notices(NOW + 1)).values()] == ['{"reason":"launch"}'] * kept
    assert await board.claim("event", 60, NOW + 1) is not kept
    assert await ledger.keep(earlier.THREAD, 1, 60, NOW + 1) == 1 + of_or_after(release, "threads")
    found = await records.get(earlier.DECISION)
    assert (found is not None) == of_or_after(release, "decisions")
    assert found is None or (found.team, found.route) == ("red", "auto")
    # And all of it can be written.
    await earlier.settle(ledger, earlier.reservation(earlier.NEXT, 0), 5, NOW + 2)
    assert sum(t.requests for t in await ledger.totals([earlier.DAY])) == 1 + kept
    assert await segments.push("new", rejected=True, turn=0, now_s=NOW + 2)
    await records.append([earlier.decision()])
    assert await records.get(earlier.DECISION)
    await ledger.close()


def columns(path):
    db = sqlite3.connect(path)
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in tables}
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return found, version


@pytest.mark.parametrize("release", KNEW)
async def test_an_upgraded_file_keeps_its_version_and_every_column_that_an_earlier_release_knows(
    tmp_path, release
):
    path = tmp_path / "ledger.db"
    url = sqlite_of(path, release)
    before, version = columns(path)
    await earlier.write(url.replace("ledger.db", "new.db"))
    await earlier.go_on(url)
    after, now_version = columns(path)
    assert version == now_version == book.SCHEMA_VERSION
    assert {name: after.get(name) for name in before} == before
    new, _ = columns(tmp_path / "new.db")
    assert {name: new.get(name) for name in before} == before


async def test_what_an_earlier_release_left_in_the_spool_is_paid_once(tmp_path):
    sqlite_of(tmp_path / "spool.db", "spool")
    spool = DiskSpool(tmp_path / "spool.db", earlier.URL)
    assert await spool.count() == 1
    (owed,) = await spool.take(10, NOW)
    assert (owed.cost, owed.reservation.keys, owed.tally.baseline) == (earlier.LATE, KEYS, 4 * earlier.COST)
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert (await ledger.settle(owed.reservation, owed.cost, NOW, owed.tally)).counted
    await spool.paid([owed.reservation.attempt])
    assert await spool.count() == 0
    assert (await ledger.balances(KEYS, NOW))[0].spent == earlier.LATE
    assert await spool.recall(NOW) == ("1ec24d59dd597d99", {KEYS[0]: Known(700, earlier.EXPIRES)})
    await ledger.close()
    await spool.close()


# --- and back ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def source_of(tmp_path_factory):
    """The code of an earlier release, out of this repository's history."""
    made = {}

    def fetch(release):
        if release not in made:
            git, commit = shutil.which("git"), COMMITS[release]
            if git is None or not (ROOT / ".git").exists():
                pytest.skip("needs the repository's history, and git")
            archive = subprocess.run(
                [git, "-C", str(ROOT), "archive", commit, "src"], capture_output=True, check=False
            )
            if archive.returncode:
                pytest.skip(f"the repository's history does not reach back to {commit}")
            folder = tmp_path_factory.mktemp(release)
            with tarfile.open(fileobj=BytesIO(archive.stdout)) as packed:
                packed.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
            made[release] = folder / "src"
        return made[release]

    return fetch


def earlier_goes_on(source, url):
    # Measured code is this release's: the earlier one is gone when the figures are put together.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, earlier.__file__, "go-on", url],
        env={**kept, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told.pop("code") == str(source / "litellm_tiering")
    return told


@pytest.mark.parametrize("release", COMMITS)
async def test_an_earlier_release_goes_on_with_a_store_of_this_one(
    kind, release, source_of, tmp_path, request
):
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        url = request.getfixturevalue("redis_url")
        request.getfixturevalue("wipe")
    await earlier.write(url)
    told = earlier_goes_on(source_of(release), url)
    assert (told["late"], told["late again"], told["admitted"]) == (True, False, True)
    assert told["before"][0]["spent"] == earlier.COST
    if kind == "redis" and not of_or_after(release, "totals"):
        # It reads our holds as lapsed and our marks not at all: what is under way is counted, not held.
        assert told["before"][0]["reserved"] == 0
    else:
        assert told["before"][0]["reserved"] == earlier.HELD
        assert told["ended again"] is False
        assert told["after"] == told["at last"] == NOTHING_HELD
    # And up again: nothing of what it did is lost either.
    ledger = open_ledger(url)
    assert (await ledger.balances(KEYS, NOW + 700))[0].spent >= NOTHING_HELD[0]["spent"]
    assert await open_records(ledger).get(earlier.DECISION)
    await ledger.close()
