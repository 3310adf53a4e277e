from __future__ import annotations

import gzip
import json
import sys

import pytest

from litellm_tiering.cli import replay as module
from litellm_tiering.files import STDIN

HEAD = "t_s,prompt_tokens,completion_tokens"
EASY, HARD = "hi", "Prove that the algorithm terminates, and refactor the scheduler so that it cannot. " * 9
# The dear tier of the configuration takes 30 dollars for a million tokens of answer: three cents a row.
ROWS = [f"{i * 60},0,1000,complex" for i in range(60)]


@pytest.fixture
def trace(tmp_path):
    def _write(*rows, head=f"{HEAD},tier", name="day.csv"):
        path = tmp_path / name
        raw = "".join(f"{row}\n" for row in (head, *rows)).encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return _write


@pytest.fixture
def outcomes(tmp_path):
    def _write(*lines):
        path = tmp_path / "outcomes.jsonl"
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
        return path

    return _write


def outcome(prompt, weak, strong):
    return {"id": 1, "prompt": prompt, "responses": {"w": {"correct": weak}, "s": {"correct": strong}}}


def test_a_day_is_told_in_text(run, config, trace):
    status, out, err = run("replay", "--trace", trace(*ROWS), "--config", config(), "--limit", "1")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("60 requests in 1 day, policy ")
    assert "of $1.00 (" in out
    assert "$1.80 if money were no object" in out
    assert "(threshold " in out
    assert any(line.split()[:4] == ["HOUR", "REQUESTS", "SPENT", "simple"] for line in lines)
    assert [line.split()[:2] for line in lines if line.startswith("00")] == [["00", "60"]]


def test_a_day_is_told_in_json(run_json, config, trace):
    status, found = run_json("replay", "--trace", trace(*ROWS), "--config", config(), "--limit", "1")
    assert status == 0
    assert set(found) >= {"policy", "requests", "spent_usd", "wanted_usd", "limit_usd", "ratio", "hours"}
    assert found["wanted_usd"] == pytest.approx(1.8)
    assert found["limit_usd"] == 1.0
    assert 0.8 < found["ratio"] <= 1.0
    assert found["downgraded"]["by_reason"].keys() == {"threshold"}
    assert found["refused"] == {"share": 0.0, "by_reason": {}}
    assert found["quality"]["kind"] == "served_as_classified"
    assert found["hours"][0]["tiers"].keys() == {"simple", "moderate", "complex"}
    assert found["bad_rows"] == 0


def test_the_configurations_own_budgets_count_without_options(run_json, config, trace):
    found = run_json("replay", "--trace", trace(*ROWS), "--config", config())[1]
    assert found["limit_usd"] == 10.0
    assert found["downgraded"]["share"] == 0.0


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz"])
def test_a_file_may_be_packed(run_json, config, trace, name):
    assert run_json("replay", "--trace", trace(*ROWS, name=name), "--config", config())[1]["requests"] == 60


def test_standard_input_is_a_trace(run_json, config, stdin):
    stdin(f"{HEAD}\n1,2,3\n".encode())
    assert run_json("replay", "--trace", STDIN, "--config", config())[1]["requests"] == 1


def test_bad_rows_are_told_and_counted_and_their_text_is_not_repeated(run, config, trace):
    status, out, err = run("replay", "--trace", trace("1,1,1,zebra", *ROWS), "--config", config())
    assert status == 1
    assert "row 2 has a tier that is none of simple, moderate, complex" in err
    assert "1 rows could not be used" in err
    assert "zebra" not in err + out
    assert out.startswith("60 requests")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--limit", "0"), "--limit must be more than 0"),
        (("--limit", "nan"), "--limit must be more than 0"),
        (("--scale", "0"), "--scale must be 1 or more"),
        (("--scale", "99999999"), "are more than"),
        (("--days-before", "15"), "--days-before must be from 0 to 14"),
        (("--weak", "w"), "--outcomes"),
        (("--outcomes", "x.jsonl"), "--weak MODEL and --strong MODEL"),
        (("--outcomes", "x.jsonl", "--weak", "w", "--strong", "s"), "x.jsonl cannot be read"),
        (("--date", "yesterday"), "--date"),
        (("--config", "absent.yaml"), "absent.yaml cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(run, config, trace, more, why):
    status, out, err = run("replay", "--trace", trace(*ROWS), "--config", config(), *more)
    assert (status, out) == (2, "")
    assert why in err


@pytest.mark.parametrize(("rows", "head", "why"), [((), f"{HEAD},tier", "no arrivals"), (ROWS, "a,b", "t_s")])
def test_a_file_that_is_no_trace_is_told(run, config, trace, rows, head, why):
    status, out, err = run("replay", "--trace", trace(*rows, head=head), "--config", config())
    assert (status, out) == (2, "")
    assert why in err


def test_one_standard_input_cannot_be_two_files(run, config):
    words = ("--outcomes", STDIN, "--weak", "w", "--strong", "s")
    status, _, err = run("replay", "--trace", STDIN, "--config", config(), *words)
    assert status == 2
    assert "not both" in err


def test_a_configuration_is_needed_and_prices_in_it(run, tmp_path, trace):
    status, _, err = run("replay", "--trace", trace(*ROWS))
    assert status == 2
    assert "--config" in err
    own = tmp_path / "own.yaml"
    own.write_text("tiers: [{name: simple, model: small}, {name: complex, model: large}]\n")
    status, _, err = run("replay", "--trace", trace(*ROWS), "--config", own)
    assert status == 2
    assert "no tier has a price" in err


def test_another_limit_is_judged_like_one_in_the_file(run, config, trace):
    status, out, err = run("replay", "--trace", trace(*ROWS), "--config", config(), "--limit", "1e12")
    assert (status, out) == (2, "")
    assert "limit_usd" in err


def test_pacing_can_be_tried_without_writing_it(run_json, config, trace):
    rows = [f"{i * 600},0,1000,complex" for i in range(140)]
    daily = config()
    daily.write_text(daily.read_text().replace("window: month", "window: day"))
    words = ("replay", "--trace", trace(*rows), "--config", daily, "--limit", "2.5")
    plain, paced = run_json(*words)[1], run_json(*words, "--pacing", "linear")[1]
    assert plain["policy"] != paced["policy"]
    assert "pace" in paced["downgraded"]["by_reason"]
    assert "pace" not in plain["downgraded"]["by_reason"]
    assert paced["ratio"] <= 1.0
    first = [next(h["hour"] for h in found["hours"] if h["downgraded"]) for found in (plain, paced)]
    assert first[1] < first[0]
    assert all(h["forecast_usd"] is not None for h in paced["hours"])


def test_a_limit_without_a_global_budget_makes_one(run_json, config, trace, tmp_path):
    text = config().read_text()
    head, tail = text.index("    - {scope: global"), text.index("    - {scope: team")
    (tmp_path / "teams.yaml").write_text(text[:head] + text[tail:])
    words = ("replay", "--trace", trace(*ROWS), "--config", "teams.yaml")
    assert run_json(*words)[1]["limit_usd"] is None
    assert run_json(*words, "--limit", "1")[1]["limit_usd"] == 1.0


def test_arrivals_can_be_repeated_and_days_can_pass_before(run_json, config, trace):
    words = ("replay", "--trace", trace(*ROWS), "--config", config())
    assert run_json(*words, "--scale", "3")[1]["requests"] == 180
    # The budget is a month's, so what the days before cost is gone.
    plain = run_json(*words, "--limit", "3")[1]
    later = run_json(*words, "--limit", "3", "--days-before", "3", "--date", "2026-05-20")[1]
    assert later["requests"] == plain["requests"] == 60
    assert plain["downgraded"]["share"] == 0.0
    assert later["downgraded"]["share"] > 0.5


def test_outcomes_say_how_good_the_answers_are(run, run_json, config, trace, outcomes):
    file = outcomes("zebra", outcome(HARD, False, True), {"id": 2, "prompt": "x"}, outcome(EASY, True, True))
    words = ("replay", "--trace", trace(*ROWS), "--config", config())
    words = (*words, "--outcomes", file, "--weak", "w", "--strong", "s")
    found = run_json(*words)[1]
    assert found["quality"] == {"kind": "recorded", "mean": 1.0, "without_budgets": 1.0}
    poor = run_json(*words, "--limit", "0.01")[1]
    assert poor["quality"]["mean"] < 0.8
    err = run(*words)[2]
    assert "2 lines of the outcomes" in err
    assert "zebra" not in err


def test_outcomes_of_other_models_are_none(run, config, trace, outcomes):
    words = ("--outcomes", outcomes(outcome(EASY, True, True)), "--weak", "w", "--strong", "zebra")
    status, _, err = run("replay", "--trace", trace(*ROWS), "--config", config(), *words)
    assert status == 2
    assert "no question of" in err


def test_of_many_questions_some_are_used(run, config, trace, outcomes, monkeypatch):
    monkeypatch.setattr(module, "MAX_QUESTIONS", 1)
    words = ("--outcomes", outcomes(*[outcome(EASY, True, True)] * 2), "--weak", "w", "--strong", "s")
    assert (
        "only the first 1 questions"
        in run("replay", "--trace", trace(*ROWS), "--config", config(), *words)[2]
    )


def test_the_store_of_the_configuration_is_not_touched(run, config, trace, tmp_path):
    assert run("replay", "--trace", trace(*ROWS), "--config", config("sqlite:///ledger.db"))[0] == 0
    assert not (tmp_path / "ledger.db").exists()


def test_a_picture_without_matplotlib_is_refused_before_anything_is_read(run, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, _, err = run("replay", "--trace", "absent.csv", "--config", config(), "--plot", "day.png")
    assert status == 2
    assert "pip install 'litellm-tiering[plots]'" in err


def test_a_picture_is_drawn(run, config, trace, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    words = ("replay", "--trace", trace(*ROWS), "--config", config(), "--plot")
    assert run(*words, "day.png")[0] == 0
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")
    status, out, err = run(*words, "no/such/folder/day.png")
    assert (status, out) == (2, "")
    assert "cannot be written" in err
