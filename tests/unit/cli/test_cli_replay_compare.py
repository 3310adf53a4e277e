"""``replay --compare``: in CI, and out of the store."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from litellm_tiering.ledger.open import open_records
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.records import Row

HEAD = "t_s,prompt_tokens,completion_tokens,tier,team"


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "day.csv"
    # The dear tier takes three cents for each of these.
    rows = [f"{i * 60},0,1000,complex,{'blue' if i % 2 else 'red'}" for i in range(60)]
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return path


@pytest.fixture
def both(config):
    old = config(name="old.yaml")
    head, _ = old.read_text().split("  budgets:")
    store = "  store: {url: 'sqlite:///ledger.db'}\n"
    for name, limit in (("old", 100), ("new", 1)):
        budget = f"  budgets: [{{scope: global, limit_usd: {limit}, window: day}}]\n"
        old.with_name(f"{name}.yaml").write_text(f"{head}{budget}{store}")
    return old, old.with_name("new.yaml")


def test_what_a_tighter_budget_moves_is_told_with_its_cause(run, trace, both):
    old, new = both
    status, out, err = run("replay", "--trace", trace, "--config", old, "--compare", new)
    assert (status, err) == (0, "")
    assert out.startswith("60 requests: ")
    assert any(line.startswith("budget ") for line in out.splitlines())
    assert "past a limit" not in out


def test_the_same_policy_moves_nothing(run_json, trace, both):
    old, _ = both
    limits = ("--max-cost-increase", "0", "--max-downgraded", "0", "--max-quality-loss", "0")
    status, found = run_json("replay", "--trace", trace, "--config", old, "--compare", old, *limits)
    assert (status, found["moved"], found["causes"], found["exceeded"]) == (0, 0, {}, [])
    assert found["cost_increase"] == 0


def test_past_a_limit_the_status_is_1_and_json_says_which(run_json, trace, both):
    old, new = both
    base = ("replay", "--trace", trace, "--config", old, "--compare", new)
    status, found = run_json(*base, "--max-downgraded", "1%", "--max-cost-increase", "0.05")
    assert status == 1
    (words,) = found["exceeded"]
    assert words.endswith("the limit is 1.0%")
    assert found["lowered_share"] > 0.01
    assert run_json(*base, "--max-downgraded", "100%")[0] == 0
    status, found = run_json(
        "replay", "--trace", trace, "--config", new, "--compare", old, "--max-cost-increase", "5%"
    )
    assert status == 1
    assert found["cost_increase"] > 0.05
    assert found["lowered"] == 0


def test_rules_that_need_no_prompt_are_asked(run_json, trace, both):
    rules = "{kind: rules, rules: [{name: blue, when: {team: blue}, tier: simple}]}"
    new = both[0].with_name("rules.yaml")
    new.write_text(f"{both[0].read_text()}  classifiers: [{rules}, {{kind: heuristic}}]\n")
    status, found = run_json("replay", "--trace", trace, "--config", both[0], "--compare", new)
    assert status == 0
    assert {c: m["requests"] for c, m in found["causes"].items()} == {"rule": 30}
    assert found["causes"]["rule"]["down"] == 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-downgraded", "0.1"), "need --compare"),
        (("--compare", "NEW", "--limit", "3"), "change FILE instead"),
        (("--compare", "NEW", "--plot", "x.png"), "leave out --compare"),
        (("--compare", "nowhere.yaml"), "cannot be read"),
        (("--compare", "NEW", "--max-downgraded", "-1"), "invalid"),
    ],
)
def test_what_makes_no_comparison_is_refused(run, trace, both, words, said):
    old, new = both
    given = [str(new) if w == "NEW" else w for w in words]
    status, _, err = run("replay", "--trace", trace, "--config", old, *given)
    assert status == 2
    assert said in err


def test_a_tier_that_only_one_ladder_has_is_told(run, trace, config, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(config().read_text().replace("complex", "best"))
    status, _, err = run("replay", "--trace", trace, "--config", config(), "--compare", other)
    assert status == 2
    assert "names the tier complex" in err


def keep(*rows):
    async def work():
        ledger = SqliteLedger("ledger.db")
        try:
            await open_records(ledger).append(rows)
        finally:
            await ledger.close()

    asyncio.run(work())


def row(at, id_="0123456789abcdef"):
    step = {
        "stage": "classify",
        "reason": "heuristic",
        "from": None,
        "to": "complex",
        "enforced": True,
        "detail": "",
    }
    paid = {"tier": "complex", "model": "large", "verdict": "ok", "reasons": [], "cost_usd": 0.5, "ms": 1.0}
    told = {
        "id": id_,
        "at": at,
        "route": "auto",
        "tier": "complex",
        "reasons": [],
        "steps": [step],
        "attempts": [paid],
    }
    return Row(id_, at, "blue", "hash", told)


def test_a_day_of_decisions_is_replayed_from_the_store(run_json, both):
    day = dt.datetime(2026, 3, 4, tzinfo=dt.timezone.utc).timestamp()
    keep(*(row(day + i * 60, f"{i:016x}") for i in range(10)), row(day + 90_000, "f" * 16))
    old, new = both
    status, found = run_json("replay", "--records", "2026-03-04", "--config", old, "--compare", new)
    assert (status, found["requests"]) == (0, 10)
    assert found["old"]["spent_usd"] == pytest.approx(5.0, rel=0.01)
    assert set(found["causes"]) == {"budget"}


def test_yesterday_is_a_day(run, both):
    now = dt.datetime.now(dt.timezone.utc)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) - dt.timedelta(days=1)
    keep(row(noon.timestamp()))
    status, out, _ = run("replay", "--records", "yesterday", "--config", both[0])
    assert status == 0
    assert out.startswith("1 requests in 1 day")


@pytest.mark.parametrize(
    ("day", "said"), [("2020-01-01", "no decision of 2020-01-01"), ("tuesday", "YYYY-MM-DD")]
)
def test_a_day_without_decisions_or_that_is_none_is_told(run, both, day, said):
    keep(row(1.0))
    status, _, err = run("replay", "--records", day, "--config", both[0])
    assert status == 2
    assert said in err


def test_without_a_store_there_is_nothing_to_replay(run, both):
    status, _, err = run("replay", "--records", "yesterday", "--config", both[0])
    assert status == 2
    assert "is not there yet" in err
