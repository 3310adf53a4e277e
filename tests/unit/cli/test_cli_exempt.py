from __future__ import annotations

import asyncio
import datetime as dt
import getpass
import time

import pytest

from litellm_tiering.ledger.open import open_board, open_ledger
from litellm_tiering.notices import EXEMPTION
from litellm_tiering.standing import MOST_EXEMPTIONS
from litellm_tiering.testing.redis import serve_redis

ADD = ("exempt", "add", "team", "blue", "--until", "2h", "--reason", "the launch", "--by", "ann")
OFF = ("switch", "auto", "off", "--reason", "a fire", "--by", "bob")


@pytest.fixture
def there(config, ledger):
    """A configuration whose store a proxy has begun."""

    async def _begun(book):
        await book.active(0)

    ledger(_begun)
    return config()


@pytest.fixture(params=["sqlite", "redis"])
def where(request, config):
    """A configuration on each store that can be shared."""
    if request.param == "sqlite":
        yield request.getfixturevalue("there")
        return
    with serve_redis() as server:
        yield config(server.url)


def test_an_exemption_is_added_listed_seen_in_status_and_revoked(run, run_json, where):
    status, added = run_json(*ADD, "--config", where)
    assert status == 0
    assert (added["scope"], added["id"], added["reason"], added["by"]) == (
        "team",
        "blue",
        "the launch",
        "ann",
    )
    since, until = (dt.datetime.strptime(added[k], "%Y-%m-%dT%H:%M:%S%z") for k in ("since", "until"))
    assert 7_199 <= (until - since).total_seconds() <= 7_201
    status, listed = run_json("exempt", "list", "--config", where)
    assert (status, listed["active"]) == (0, [added])
    assert run_json("status", "--config", where)[1]["exemptions"] == [added]
    assert (
        f"exempt: team:blue until {added['until']} by ann: the launch"
        in run("status", "--config", where)[1].splitlines()
    )
    status, out, _ = run("exempt", "list", "--config", where)
    assert status == 0
    assert added["exemption"] in out.splitlines()[1]
    gone = ("exempt", "revoke", added["exemption"], "--reason", "over", "--config", where)
    assert run_json(*gone) == (0, added)
    status, out, err = run(*gone)
    assert (status, out) == (1, "")
    assert "there is no exemption" in err
    _, listed = run_json("exempt", "list", "--config", where)
    assert listed["active"] == []
    assert [(e["what"], e["by"], e["reason"]) for e in listed["history"]] == [
        ("revoked", getpass.getuser(), "over"),
        ("exempted", "ann", "the launch"),
    ]
    assert "nobody is exempt" in run("exempt", "list", "--config", where)[1]


def test_a_route_is_switched_and_back(run, run_json, where):
    status, switched = run_json(*OFF, "--until", "1h", "--config", where)
    assert (status, switched["route"], switched["mode"]) == (0, "auto", "off")
    assert run_json("status", "--config", where)[1]["switches"] == [switched]
    assert "switched: auto to off until" in run("status", "--config", where)[1]
    status, out, err = run("switch", "*", "shadow", "--reason", "x", "--config", where)
    assert (status, out, err) == (0, "route *: shadow\n", "")
    found = run_json("status", "--config", where)[1]["switches"]
    assert [(s["route"], s["mode"]) for s in found] == [("auto", "off"), ("*", "shadow")]
    for route in ("auto", "*"):
        assert run("switch", route, "configured", "--reason", "done", "--config", where)[0] == 0
    assert run_json("status", "--config", where)[1]["switches"] == []
    history = run_json("exempt", "list", "--config", where)[1]["history"]
    assert [(e["route"], e["mode"]) for e in history] == [
        ("*", "configured"),
        ("auto", "configured"),
        ("*", "shadow"),
        ("auto", "off"),
    ]


def test_what_people_read(run, there):
    status, out, err = run(*ADD, "--config", there)
    assert (status, err) == (0, "")
    assert out.startswith("exemption ")
    assert "team:blue until 20" in out
    token = out.split()[1].rstrip(":")
    status, out, _ = run("exempt", "revoke", token, "--reason", "x", "--config", there)
    assert (status, out) == (0, f"exemption {token} is revoked: team:blue\n")


def test_a_switch_enforces_no_more_than_the_whole_does(run, config, there):
    shadow = config(more="  mode: shadow\n")
    status, _, err = run("switch", "auto", "enforce", "--reason", "x", "--config", shadow)
    assert status == 0
    assert "tiering.mode is shadow" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("exempt",), "usage:"),
        (("exempt", "add", "team", "blue", "--reason", "x"), "--until"),
        (("exempt", "add", "team", "blue", "--until", "2h"), "--reason"),
        (("exempt", "add", "end_user", "x", "--until", "2h", "--reason", "x"), "clients choose"),
        (("exempt", "add", "planet", "x", "--until", "2h", "--reason", "x"), "scope: write one of"),
        (("exempt", "add", "team", "x", "--until", "soon", "--reason", "x"), "until:"),
        (("exempt", "add", "team", "x\ny", "--until", "2h", "--reason", "x"), "id:"),
        (("exempt", "revoke", "x", "--reason", "x" * 501), "reason:"),
        (("switch", "nowhere", "off", "--reason", "x"), "route:"),
        (("switch", "auto", "on", "--reason", "x"), "invalid choice"),
        (("switch", "auto", "off"), "--reason"),
        (("switch", "auto", "off", "--until", "0", "--reason", "x"), "until: lies in the past"),
    ],
)
def test_wrong_usage_is_2_and_says_what(run, there, words, told):
    tail = () if words == ("exempt",) else ("--config", there)
    status, out, err = run(*words, *tail)
    assert (status, out) == (2, "")
    assert told in err


@pytest.mark.parametrize("words", [ADD, ("exempt", "list"), OFF])
def test_a_store_in_memory_says_what_to_use_instead(run, config, words):
    status, out, err = run(*words, "--config", config("memory://"))
    assert (status, out) == (2, "")
    assert "lives inside the proxy" in err
    assert "/tiering/exemptions" in err


@pytest.mark.parametrize("words", [ADD, OFF])
def test_a_file_that_is_not_there_yet_is_not_created(run, config, words, tmp_path):
    status, out, err = run(*words, "--config", config())
    assert (status, out) == (2, "")
    assert "is not there yet" in err
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize("words", [ADD, ("exempt", "list"), ("exempt", "revoke", "x", "--reason", "x"), OFF])
def test_a_store_that_is_away_is_a_finding_and_its_password_is_not_told(run, config, words):
    status, out, err = run(*words, "--config", config("redis://someone:hunter2@127.0.0.1:1/0"))
    assert (status, out) == (1, "")
    assert "nothing was done" in err
    assert "hunter2" not in err


def test_a_user_without_a_name_is_unknown(run_json, there, monkeypatch):
    def nobody():
        raise KeyError("uid 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    _, found = run_json(*ADD[:-2], "--config", there)
    assert found["by"] == "unknown"


def test_one_exemption_too_many_is_refused(run, there):
    async def fill():
        ledger = open_ledger("sqlite:///ledger.db")
        board = open_board(ledger)
        now = time.time()
        value = '{"scope": "team", "id": "x", "reason": "r", "by": "b"}'
        for i in range(MOST_EXEMPTIONS):
            await board.post(f"{EXEMPTION}{i}", value, int(now) + 900, now)
        await ledger.close()

    asyncio.run(fill())
    status, _, err = run(*ADD, "--config", there)
    assert status == 2
    assert "revoke one first" in err


def test_what_somebody_wrote_cannot_harm_a_terminal(run, there):
    async def forge():
        ledger = open_ledger("sqlite:///ledger.db")
        board = open_board(ledger)
        now = time.time()
        entry = '{"at": "now", "what": "exempted", "by": "\\u001b[31mred"}'
        await board.post("k", "x", int(now) + 900, now, entry=entry)
        await ledger.close()

    asyncio.run(forge())
    _, out, _ = run("exempt", "list", "--config", there)
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out
