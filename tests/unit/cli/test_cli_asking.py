"""Classifiers that ask models, on the command line: nobody is asked, and everybody is told so."""

from __future__ import annotations

import json
import time

import pytest

from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.ports import Reservation
from litellm_tiering.tallies import Days

LLM = """\
  classifiers:
    - {kind: heuristic, abstain_below: 1.0}
    - {kind: llm, model: small}
"""


def test_explain_names_who_is_not_asked(run, run_json, config):
    path = config(more=LLM)
    status, found = run_json("explain", "prompt 1", "--config", path)
    assert (status, found["not_asked"], found["reasons"]) == (0, ["llm"], ["default"])
    assert found["signals"]["llm.not_asked"] == 1.0
    assert "llm classifier is not asked here" in run("explain", "prompt 1", "--config", path)[2]
    assert run_json("explain", "hi")[1]["not_asked"] == []


def test_score_says_once_that_nobody_is_asked(run, config, tmp_path):
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps({"id": i, "prompt": f"prompt {i}"}) + "\n" for i in range(3)))
    status, out, err = run("score", "--input", lines, "--config", config(more=LLM))
    assert status == 0
    assert err.count("not asked here") == 1
    assert [json.loads(line)["tier"] for line in out.splitlines()] == ["moderate"] * 3


def test_status_tells_what_classifiers_cost_today(run, run_json, config, ledger):
    path = config()
    now = time.time()
    day = Days().day(now)
    ledger(lambda book: book.hello(now))
    assert run_json("status", "--config", path)[1]["classifiers"] == {
        "day": day,
        "calls": 0,
        "spent_usd": 0.0,
    }
    assert "classifiers" not in run("status", "--config", path)[1]

    async def spend(book):
        row = Days().of_call(now, "small", "blue")
        for i in range(2):
            tally = type(row)(**{**_fields(row), "reason": CLASSIFIER, "attempts": 1, "cost": 1_500_000})
            await book.settle(Reservation(f"aside-{i}", (), (), 0, int(now)), 1_500_000, now, tally)
        await book.settle(Reservation("call", (), (), 0, int(now)), 7, now, row)

    ledger(spend)
    found = run_json("status", "--config", path)[1]["classifiers"]
    assert found == {"day": day, "calls": 2, "spent_usd": pytest.approx(0.003)}
    assert "classifiers asked models 2 times today: $0.003000" in run("status", "--config", path)[1]


def _fields(row):
    return {name: getattr(row, name) for name in row.__slots__}


@pytest.mark.parametrize(
    "words", [(), ("--weak", "small"), ("--weak", "small", "--strong", "large", "--gate")]
)
def test_a_head_is_trained_on_two_models(run, tmp_path, words):
    pytest.importorskip("numpy")
    lines = tmp_path / "outcomes.jsonl"
    lines.write_text("{}\n")
    status, _, err = run("train", "--embedding", "--outcomes", lines, "--out", tmp_path / "head.json", *words)
    assert status == 2
    assert err
