from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from litellm_tiering.core.budget import Scope
from litellm_tiering.ledger.sqlite import SqliteLedger

SHAPE = {
    "scope",
    "id",
    "limit_usd",
    "spent_usd",
    "reserved_usd",
    "ratio",
    "steps_down",
    "window_end",
    "forecast",
}


def test_the_budgets_are_those_of_the_store(run_json, config, spend):
    window = spend(8.5, held_usd=0.25)
    spend(0.97, Scope.TEAM, "blue")
    status, found = run_json("status", "--config", config())
    assert status == 0
    assert found["mode"] == "enforce"
    assert found["store"] == {"kind": "sqlite", "ok": True, "spooled": 0}
    assert found["alarms"] == []
    everybody, blue = found["budgets"]
    assert set(everybody) >= SHAPE
    forecast = everybody.pop("forecast")
    assert forecast.keys() == {"end_usd", "ratio", "lasts_until", "steps_down", "pacing"}
    assert (forecast["steps_down"], forecast["pacing"]) == (0, "off")
    assert everybody == {
        "scope": "global",
        "id": "*",
        "limit_usd": 10.0,
        "spent_usd": 8.5,
        "reserved_usd": 0.25,
        "ratio": 0.875,
        "steps_down": 1,
        "window": "month",
        "window_end": window.end_s,
        "mode": "enforce",
    }
    assert (blue["scope"], blue["id"], blue["spent_usd"], blue["steps_down"]) == ("team", "blue", 0.97, 2)


def test_people_get_a_table(run, config, spend):
    spend(8.5)
    status, out, err = run("status", "--config", config())
    assert (status, err) == (0, "")
    mode, head, row = out.splitlines()
    assert mode == "mode enforce, store sqlite"
    assert head.split()[:4] == ["SCOPE", "ID", "LIMIT", "SPENT"]
    assert row.split()[:7] == ["global", "*", "$10.00", "$8.50", "$0.00", "85.0%", "1"]
    assert row.index("$10.00") == head.index("LIMIT")


def test_what_is_not_limited_is_counted_all_the_same(run, run_json, config, ledger):
    base = config().read_text().split("  budgets:")[0]
    path = config(base=base)
    status, found = run_json("status", "--config", path)
    assert status == 0
    ((budget),) = found["budgets"]
    assert (budget["scope"], budget["limit_usd"], budget["ratio"], budget["steps_down"]) == (
        "global",
        None,
        0,
        0,
    )
    assert "none" in run("status", "--config", path)[1]


def test_a_store_that_is_not_there_yet_is_empty_and_is_not_created(run, run_json, config):
    path = config("sqlite:///later.db")
    status, found = run_json("status", "--config", path)
    assert (status, found["store"]["ok"], found["store"]["kind"]) == (0, True, "sqlite")
    assert [b["spent_usd"] for b in found["budgets"]] == [0.0]
    status, _, err = run("status", "--config", path)
    assert status == 0
    assert f"{Path.cwd() / 'later.db'} is not there yet" in err
    assert not Path("later.db").exists()


@pytest.mark.parametrize("store", ["sqlite:///no/such/folder/x.db", "redis://127.0.0.1:1/0"])
def test_a_store_that_is_away_is_a_finding_and_the_global_budget_is_there(run, run_json, config, store):
    path = config(store)
    status, found = run_json("status", "--config", path)
    assert (status, found["store"]["ok"]) == (1, False)
    assert found["budgets"][0]["scope"] == "global"
    assert "the budget store is away" in found["alarms"][0]
    status, out, err = run("status", "--config", path)
    assert (status, out) == (1, "")
    assert "the budget store is away" in err


def test_a_file_that_is_no_ledger_is_away(run, config):
    Path("ledger.db").write_bytes(b"not a database, but long enough to be looked at" * 40)
    status, _, err = run("status", "--config", config())
    assert status == 1
    assert "is not usable" in err


def test_a_locked_file_is_read_all_the_same(run_json, config, spend):
    spend(2.0)
    lock = sqlite3.connect("ledger.db", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        status, found = run_json("status", "--config", config())
    finally:
        lock.close()
    assert (status, found["budgets"][0]["spent_usd"]) == (0, 2.0)


def test_a_store_in_memory_says_where_it_lives(run, run_json, config):
    path = config("memory://")
    status, found = run_json("status", "--config", path)
    assert (status, found["store"]) == (1, {"kind": "memory", "ok": False, "spooled": 0})
    assert found["budgets"][0]["scope"] == "global"
    status, out, err = run("status", "--config", path)
    assert (status, out) == (1, "")
    assert "lives inside the proxy" in err
    assert "GET /tiering/status" in err


def test_a_relative_path_is_relative_to_the_current_directory(run_json, config, spend, monkeypatch, tmp_path):
    path = config()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    spend(3.0)
    assert run_json("status", "--config", path)[1]["budgets"][0]["spent_usd"] == 3.0


def test_it_needs_a_configuration_that_is_right(run, config):
    status, out, err = run("status")
    assert (status, out) == (2, "")
    assert "no config.yaml here" in err
    wrong = config(more="  nonsense: 1\n")
    status, out, err = run("status", "--config", wrong)
    assert (status, out) == (2, "")
    assert "unknown key 'nonsense'" in err


def test_the_password_of_a_store_is_never_told(run, config):
    status, out, err = run("status", "--config", config("redis://someone:hunter2@127.0.0.1:1/0"))
    assert status == 1
    assert "hunter2" not in out + err


@pytest.mark.parametrize("words", [("status",), ("explain", "hi")])
def test_the_store_is_let_go_of(run, config, spend, monkeypatch, words):
    spend(1.0)
    closed = []
    close = SqliteLedger.close

    async def noted(self):
        closed.append(self)
        await close(self)

    monkeypatch.setattr(SqliteLedger, "close", noted)
    assert run(*words, "--config", config())[0] == 0
    assert len(closed) == 1
