"""``explain --decision``: a decision that was made, from the store, with the budgets of that moment."""

from __future__ import annotations

import asyncio
import json

import pytest

from litellm_tiering.cli import decision as verb
from litellm_tiering.cli.settings import chosen, settings_of
from litellm_tiering.core.decision import Decision, Reason, Refusal, Stage, Step
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.record import Attempt, Record, Stood
from litellm_tiering.ledger.open import open_ledger, open_records
from litellm_tiering.records import Row

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
ID = "0123456789abcdef"


def record(policy="abc", refusal=None, **more):
    steps = (
        Step(Stage.CLASSIFY, Reason.LEARNED, None, 2),
        Step(Stage.CLIENT, Reason.CLIENT, 2, 0, False, "lower-refused"),
        Step(Stage.BUDGET, Reason.BUDGET, 2, 1, True, "team:blue:0.83"),
    )
    attempts = (
        Attempt("moderate", "medium", "refusal", ("phrase",), 1_000_000, 812.0),
        Attempt("complex", "large\x1b[2J", "ok", (), 2_000_000_000, 1_900.0),
    )
    budgets = (
        Stood("global", "*", "day", 50 * 10**9, 10**9, 1_800_057_600.0),
        Stood("team", "blue", "month", 10 * 10**9, 8_300_000_000, 1_800_057_600.0, True),
    )
    found = {"attempts": attempts, "baseline": 7_000_000, "budgets": budgets, **more}
    decision = Decision(steps, refusal)
    return Record(
        ID, 1_800_000_000.0, "auto", "blue", "k", decision, "moderate", "medium", policy=policy, **found
    )


@pytest.fixture
def keep(tmp_path):
    """Keeps a record in the configuration's store, rated when asked to."""

    def _keep(kept, score=None):
        async def go():
            ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
            records = open_records(ledger)
            await records.append([Row.of(kept, LADDER)])
            if score is not None:
                await records.rate(kept.id, "aa", score)
            await ledger.close()

        asyncio.run(go())

    return _keep


def test_people_see_the_steps_the_budgets_and_what_it_cost(run, config, keep):
    keep(record(), score=0.5)
    status, out, err = run("explain", "--decision", ID, "--config", config())
    assert status == 0
    first, steps, budgets, attempts, last = out.strip().split("\n\n")
    assert first == "moderate (medium), route auto, team blue, 2027-01-15 08:00:00 UTC"
    assert steps.splitlines()[3].split() == ["budget", "budget:team:blue:0.83", "complex", "moderate"]
    assert steps.splitlines()[2].endswith("not enforced")
    assert budgets.splitlines()[1].split()[:6] == ["global", "a", "day", "$50.00", "$1.00", "2.0%"]
    assert budgets.splitlines()[2].endswith("counted only")
    assert "team:blue a month" in budgets
    assert "83.0%" in budgets
    assert attempts.splitlines()[1].split() == [
        "moderate",
        "medium",
        "refusal",
        "(phrase)",
        "$0.001000",
        "812",
        "ms",
    ]
    assert "\x1b" not in out
    assert last == "cost $2.00, baseline $0.007000, policy abc, feedback 0.50"
    assert "the policy is another one now" in err


def test_under_the_same_policy_nothing_is_said_of_it(run, config, keep):
    given = config()
    keep(record(settings_of(chosen(str(given))).policy_hash))
    assert run("explain", "--decision", ID, "--config", given)[2] == ""


def test_a_refusal_has_its_words_and_no_attempts(run, config, keep):
    refusal = Refusal(Reason.CEILING, "The day budget of global is used up.", 429)
    keep(record(refusal=refusal, attempts=(), budgets=()))
    out = run("explain", "--decision", ID, "--config", config())[1]
    assert "refused: The day budget of global is used up." in out
    assert "ATTEMPT" not in out
    assert "BUDGET" not in out


def test_programs_get_the_row(run_json, config, keep):
    keep(record())
    status, found = run_json("explain", "--decision", ID, "--config", config())
    assert (status, found["id"], found["team"], found["key"], found["feedback"]) == (0, ID, "blue", "k", None)
    assert found["budgets"][1]["ratio"] == 0.83
    assert json.loads(json.dumps(found)) == found


def test_a_decision_that_is_not_there_is_a_finding(run, config, keep):
    keep(record())
    status, out, err = run("explain", "--decision", "f" * 16, "--config", config())
    assert (status, out) == (1, "")
    assert "there is no decision ffffffffffffffff in the store" in err


def test_a_store_that_cannot_be_seen_from_here_is_said(run, config):
    status, _, err = run("explain", "--decision", ID, "--config", config(store="memory://"))
    assert status == 1
    assert "memory://" in err
    assert "there is no decision" not in err


@pytest.mark.parametrize("slow", [False, True])
def test_a_store_that_is_away_is_a_finding(run, config, monkeypatch, tmp_path, slow):
    (tmp_path / "ledger.db").write_text("no ledger, and long enough to be read as one that is broken" * 20)
    if slow:
        monkeypatch.setattr(verb, "DEADLINE_S", 0.0)
    status, _, err = run("explain", "--decision", ID, "--config", config())
    assert status == 1
    assert "the store is away" in err


@pytest.mark.parametrize("words", [("hi", "--decision", ID), ("--request", "x.json", "--decision", ID)])
def test_one_thing_is_asked_at_a_time(run, config, words):
    status, _, err = run("explain", *words, "--config", config())
    assert status == 2
    assert "either" in err


@pytest.mark.parametrize("odd", ["", "x", "../../etc/passwd", "0" * 17])
def test_what_is_no_id_is_told(run, config, odd):
    status, _, err = run("explain", "--decision", odd, "--config", config())
    assert status == 2
    assert "x-tiering-decision" in err


def test_a_configuration_is_needed(run):
    assert run("explain", "--decision", ID)[0] == 2
