from __future__ import annotations

import argparse
import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from litellm_tiering.cli import main
from litellm_tiering.errors import BadModel
from litellm_tiering.evals import train_gate_fit as fit
from litellm_tiering.evals.metrics import auroc
from litellm_tiering.evals.outcomes import OutcomeError, read_outcomes
from litellm_tiering.evals.train_gate import (
    Table,
    cross_score,
    fit_parts,
    folds_of,
    learning_curve,
    run,
    train,
)
from litellm_tiering.evals.train_gate_rows import SLOTS, exchange_of, read_rows
from litellm_tiering.gates.acceptable_features import NAMES
from litellm_tiering.gates.acceptable_model import load, slots_of

DATA = Path(os.environ.get("TIERING_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
THINGS = ("boats", "nets", "crates", "buoys", "ropes", "sails")


def line(i, good, *, model="cheap", text=None, **more):
    """Good answers compute and conclude; bad ones hedge. Three in ten of each do not."""
    lots = random.Random(i)
    a, b, what = lots.randrange(3, 90), lots.randrange(3, 90), lots.choice(THINGS)
    looks_good = good if lots.random() < 0.7 else not good
    told = f"There are {a} + {b} = {a + b} {what}. The answer is {a + b}."
    if not looks_good:
        told = f"Perhaps about {a} {what}, although it is not clear; it might be {b + 7} or so, however"
    told = "The harbour lay still. " * lots.randrange(1, 12) + told  # so that its length says nothing
    answer = {"text": told if text is None else text, "correct": good, "cost": 0.001, **more}
    prompt = f"A harbour has {a} {what} on one side and {b} on the other. How many {what} in all? ({i})"
    return {"id": i, "prompt": prompt, "responses": {model: answer}}


def lines(count=240, **more):
    return [line(i, i % 3 != 0, **more) for i in range(count)]


@pytest.fixture
def outcomes(tmp_path):
    def _outcomes(rows):
        path = tmp_path / "outcomes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    return _outcomes


@pytest.fixture
def trained(outcomes, tmp_path):
    def _trained(rows, **more):
        found = read_rows(outcomes(rows), "cheap", None)
        return train(found, str(tmp_path / "gate.json"), curve=False, **more), tmp_path / "gate.json"

    return _trained


def test_a_gate_is_trained_and_its_file_says_what_the_arrays_said(trained, outcomes):
    report, path = trained(lines())
    assert report.written
    assert report.auroc > 0.6 > report.gain[1] > -1
    assert report.rows == 240
    rows = read_rows(outcomes(lines()), "cheap", None)
    table = Table(rows.own)
    parts = fit_parts(table, Table(rows.others))
    model = load(path)
    told = parts.score(table)
    for i, outcome in enumerate(read_outcomes(outcomes(lines()))):
        exchange = exchange_of(outcome, outcome.answers["cheap"])
        score = model.score(rows.own[i].values, exchange.prompt.question, exchange.answer)
        assert score == pytest.approx(told[i], abs=2e-4)  # float32 in the file


def test_probabilities_are_calibrated_on_rows_not_trained_on(trained, outcomes):
    _, path = trained(lines(400))
    model = load(path)
    fresh = [line(i, i % 3 != 0) for i in range(1_000, 1_400)]
    p_bad, bad = [], []
    for outcome in read_outcomes(outcomes(fresh)):
        answer = outcome.answers["cheap"]
        exchange = exchange_of(outcome, answer)
        rows = read_rows(
            outcomes([fresh[int(outcome.id) - 1_000], line(1, True), line(3, False)]), "cheap", None
        )
        p_bad.append(model.p_bad(rows.own[0].values, exchange.prompt.question, exchange.answer))
        bad.append(answer.quality < 1)
    assert np.mean(p_bad) == pytest.approx(np.mean(bad), abs=0.08)
    assert auroc(p_bad, bad) > 0.6


def test_the_same_rows_give_the_same_bytes(trained):
    _, path = trained(lines())
    first = path.read_bytes(), path.with_suffix(".f32").read_bytes()
    trained(lines())
    assert (path.read_bytes(), path.with_suffix(".f32").read_bytes()) == first


def test_what_is_no_better_than_length_is_not_written_unless_forced(trained):
    lots = random.Random(5)
    noise = [
        line(i, lots.random() < 0.5, text=" ".join(lots.choices(THINGS, k=lots.randrange(4, 40))))
        for i in range(120)
    ]
    # The length tells all there is to tell.
    for row in noise:
        answer = row["responses"]["cheap"]
        answer["text"] = answer["text"] + " x" * (200 if not answer["correct"] else 0)
    report, path = trained(noise)
    assert not report.written
    assert not path.exists()
    assert any("--force" in note for note in report.notes)
    report, path = trained(noise, force=True)
    assert report.written
    load(path)


@pytest.mark.parametrize("count", [8, 29])
def test_a_handful_of_rows_is_not_trained_on(trained, count):
    report, path = trained(lines(count))
    assert not report.written
    assert any("too few" in note for note in report.notes)
    assert any("are few" in note for note in report.notes)
    assert not path.exists()


def test_fifty_rows_are_trained_on_with_a_warning(trained):
    report, _ = trained(lines(60))
    assert any("60 answers are few" in note for note in report.notes)


WRONG = {
    "every answer of cheap": [line(i, True) for i in range(40)],
    "is bad": [line(i, False) for i in range(40)],
    "has no answer of cheap. It has answers of: dear": lines(40, model="dear"),
    "without their text": lines(40, text="  "),
    "--strong": [line(i, True, score=0.5 + i / 100) for i in range(40)],
    "is empty": [],
}


@pytest.mark.parametrize("told", WRONG)
def test_what_cannot_be_trained_on_is_told_with_what_to_do(told, outcomes):
    with pytest.raises(OutcomeError) as caught:
        read_rows(outcomes(WRONG[told]), "cheap", None)
    assert told in str(caught.value)


def test_nan_scores_and_lines_that_are_none_are_left_out_and_counted(outcomes, tmp_path):
    path = Path(outcomes(lines(60)))
    bad = json.dumps(line(900, True)).replace("true", "NaN")
    path.write_text(path.read_text() + "{not json\n" + bad + "\n")
    rows = read_rows(str(path), "cheap", None)
    assert len(rows.own) == 60
    assert rows.report.skipped_count == 2


def test_repeated_rows_count_once_and_contradictory_ones_not_at_all(outcomes):
    rows = lines(60)
    again = [{**row, "id": f"again-{row['id']}"} for row in rows[:10]]
    other = [{**row, "id": f"other-{row['id']}"} for row in json.loads(json.dumps(rows[20:25]))]
    for row in other:
        row["responses"]["cheap"]["correct"] = not row["responses"]["cheap"]["correct"]
    found = read_rows(outcomes([*rows, *again, *other]), "cheap", None)
    assert (len(found.own), found.repeated, found.contradictory) == (55, 10, 5)


def test_all_answers_to_one_question_lie_in_one_fold(outcomes):
    rows = lines(90)
    for i, row in enumerate(rows):
        row["prompt"] = f"Question {i % 30} about the harbour?"
    own = Table(read_rows(outcomes(rows), "cheap", None).own)
    folds = folds_of(own.question, 0)
    assert len(own.rows) > 30
    for question in np.unique(own.question):
        assert len(set(folds[own.question == question])) == 1
    assert set(folds) == {0, 1, 2, 3, 4}


def test_leaking_questions_do_not_help_held_out_rows(outcomes):
    lots = random.Random(3)
    rows = [line(i, True, text=f"The tide is {lots.randrange(10**9)}.") for i in range(200)]
    for i, row in enumerate(rows):
        row["prompt"] = f"What of number {i % 40}?"
        row["responses"]["cheap"]["correct"] = (i % 40) % 2 == 0
    own = Table(read_rows(outcomes(rows), "cheap", None).own)
    score = cross_score(own, Table([]), folds_of(own.question, 0))
    lazy = cross_score(own, Table([]), np.arange(len(own.rows)) % 5)
    assert auroc(score, own.bad > 0) < 0.75
    assert auroc(lazy, own.bad > 0) > auroc(score, own.bad > 0)


def test_other_models_answers_help_and_are_counted(trained):
    rows = lines(150)
    for i, row in enumerate(rows):
        row["responses"]["dear"] = line(i, i % 7 != 0)["responses"]["cheap"]
    report, _ = trained(rows)
    assert report.others == 150


def test_graded_answers_are_bad_where_the_stronger_model_is_better(outcomes):
    rows = lines(60)
    for i, row in enumerate(rows):
        row["responses"]["cheap"].update(score=0.5)
        row["responses"]["dear"] = {"text": "x", "score": 0.4 + 0.2 * (i % 2)}
    found = read_rows(outcomes(rows), "cheap", "dear")
    assert [row.bad for row in found.own] == [i % 2 == 1 for i in range(60)]
    assert not found.others


def test_of_very_many_rows_some_are_drawn_by_lot(outcomes):
    path = outcomes(lines(120))
    found = read_rows(path, "cheap", None, most=40)
    assert (len(found.own), found.seen) == (40, 120)
    ids = {row.question for row in found.own}
    assert ids == {row.question for row in read_rows(path, "cheap", None, most=40).own}
    assert ids != {row.question for row in read_rows(path, "cheap", None, most=40, seed=1).own}


def test_trees_part_what_no_weighted_sum_can():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 6))
    bad = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(float)
    ones, nothing = np.ones(800), np.zeros(800)
    trees = fit.grow(x[:600], bad[:600], nothing[:600], ones[:600])
    linear = fit.fit_linear(x[:600], bad[:600], nothing[:600], ones[:600])
    assert auroc(fit.ask_trees(trees, x[600:]), bad[600:] > 0) > 0.9
    assert auroc(x[600:] @ linear, bad[600:] > 0) < 0.65


def test_words_are_weighed_as_ridge_regression_does():
    texts = [f"{THINGS[i % 6]} and {THINGS[(i // 2) % 6]} {i}" for i in range(80)]
    words = fit.Words([slots_of(text, 64) for text in texts], 64)
    rest = np.array([1.0 if "boats" in text else -0.2 for text in texts])
    matrix = np.zeros((80, 64))
    matrix[words.row, words.slot] = words.unit[words.row]
    found = fit.fit_words([words], rest, np.ones(80), ridge=2.0)[0]
    exact = np.linalg.solve(matrix.T @ matrix + 2.0 * np.eye(64), matrix.T @ rest)
    assert found / 5.0 == pytest.approx(exact, abs=1e-6)
    assert words.times(exact) == pytest.approx(matrix @ exact)


def test_the_curve_fits_and_never_turns_the_order_round():
    rng = np.random.default_rng(1)
    score = rng.normal(size=4_000)
    bad = (rng.random(4_000) < fit.logistic(2 * score - 1)).astype(float)
    assert fit.fit_curve(score, bad) == pytest.approx((2, -1), abs=0.25)
    slope, constant = fit.fit_curve(-score, bad)
    assert slope == 0
    assert fit.logistic(np.array([constant]))[0] == pytest.approx(bad.mean())


def test_the_learning_curve_tells_of_rows_held_out(outcomes):
    own = Table(read_rows(outcomes(lines(160)), "cheap", None).own)
    curve = learning_curve(own, folds_of(own.question, 0))
    assert [n for n, _ in curve] == [50, 100]
    assert all(0.4 < value < 1 for _, value in curve)


def command(path, out, *more):
    return main(["train", "--gate", "--weak", "cheap", "--outcomes", path, "--out", str(out), *more])


def test_the_command_prints_its_report_and_says_by_its_status_whether_it_wrote(outcomes, tmp_path, capsys):
    path = outcomes(lines())
    assert command(path, tmp_path / "gate.json", "--json", "--no-curve") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["written"]
    assert {level["min"] for level in report["levels"]} >= {0.3, 0.5, 0.9}
    assert all(0 <= level["escalated"] <= 1 for level in report["levels"])
    (source,) = json.loads((tmp_path / "gate.json").read_text())["header"]["sources"]
    assert (source["model"], source["rows"], len(source["sha256"])) == ("cheap", 240, 64)
    assert command(outcomes(lines(20)), tmp_path / "few.json") == 1
    assert not (tmp_path / "few.json").exists()


def test_a_file_that_cannot_be_written_is_told_of(outcomes, tmp_path):
    (tmp_path / "file").write_text("")
    asked = argparse.Namespace(weak="cheap", strong=None, no_curve=True, outcomes=outcomes(lines()))
    asked.out = str(tmp_path / "file" / "gate.json")
    with pytest.raises(BadModel):
        run(asked)


def test_its_report_reads_well(outcomes, tmp_path, capsys):
    assert command(outcomes(lines()), tmp_path / "gate.json") == 0
    told = capsys.readouterr().out
    assert told.startswith("240 answers, 33% of them bad")
    assert "held out: AUROC 0." in told
    assert "by rows trained on: 50: 0." in told
    assert told.rstrip().endswith("gate.json")


@pytest.mark.skipif(not (DATA / "outcomes_routellm_gsm8k.jsonl.gz").exists(), reason="no recorded outcomes")
def test_three_hundred_real_rows_make_a_gate_that_ranks_the_others_far_better_than_length(tmp_path):
    with gzip.open(DATA / "outcomes_routellm_gsm8k.jsonl.gz", "rt") as file:
        rows = [json.loads(row) for row in file]
    random.Random(0).shuffle(rows)
    model = "mixtral-8x7b-instruct-v0.1"
    parts = {"train": rows[:300], "rest": rows[300:]}
    for name, part in parts.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    train(read_rows(str(tmp_path / "train"), model, None), str(tmp_path / "gate.json"), curve=False)
    gate = load(tmp_path / "gate.json")
    scored, length, bad = [], [], []
    for row in read_rows(str(tmp_path / "rest"), model, None, others=False).own:
        scored.append(gate.p_bad(row.values, "", ""))
        length.append(row.values[NAMES.index("a_chars")])
        bad.append(row.bad)
    assert auroc(scored, bad) > auroc(length, bad) + 0.1


def test_slots_are_as_many_as_the_model_has_weights(trained):
    _, path = trained(lines())
    assert SLOTS == len(load(path)._prompt_words) == len(load(path)._answer_words)
