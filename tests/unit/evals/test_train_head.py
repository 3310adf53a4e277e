from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

pytest.importorskip("numpy")

import numpy as np

from litellm_tiering import weights
from litellm_tiering.classifiers.embedding_space import Head
from litellm_tiering.cli import main
from litellm_tiering.evals import train_head
from litellm_tiering.evals.train_head import CannotTrain, Table, columns, fit, held_out, train

DIMENSIONS = 24


def table(rows=400, *, signal=1.0, seed=0):
    """Questions whose gain lies along one direction of their vectors, or nowhere."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, DIMENSIONS))
    lean = signal * vectors[:, 0] / np.linalg.norm(vectors, axis=1) * 4
    strong = (rng.random(rows) < 0.9).astype(float)
    weak = strong * (rng.random(rows) > 1 / (1 + np.exp(-lean)))
    words = rng.random(rows)
    return Table(vectors, words, weak, strong, rng.random(rows))


def test_a_head_that_learned_something_is_written_and_reads_as_it_was_fitted(tmp_path):
    out = tmp_path / "head.json"
    given = table()
    report = train(given, str(out), "outcomes.jsonl: a and b")
    assert report.written
    assert report.apgr[0] > report.words + 0.1
    assert report.apgr[1] < report.apgr[0] < report.apgr[2]
    assert report.gain[1] > 0
    stored = weights.read(out, "head")
    assert stored.text("embedder") == "local"
    head = Head(stored.array("weights"))
    expected = columns(given)[0] @ fit(given)
    words = round(2 ** (10 * float(given.words[0])) - 1)
    assert head.read(given.vectors[0], words).score == pytest.approx(expected, abs=0.02)
    assert "APGR" in train_head.tell(report, str(out))


def test_one_that_is_no_better_than_words_is_not_written_unless_it_is_forced(tmp_path):
    out = tmp_path / "head.json"
    given = table(signal=0.0, seed=3)
    # Words that tell all there is to tell.
    given.words = given.strong - given.weak + np.random.default_rng(1).normal(size=400) / 10
    report = train(given, str(out), "s")
    assert not report.written
    assert not out.exists()
    assert "--force" in report.note
    assert train(given, str(out), "s", force=True).written


def test_fifty_rows_of_noise_do_no_harm():
    given = table(60, signal=0.0)
    given.words = np.linspace(0, 1, 60)
    held = held_out(given)
    assert np.isfinite(held).all()
    # With so little to go by, the order is that of the words for the most part.
    assert np.corrcoef(held, given.words)[0, 1] > 0


def test_the_same_rows_give_the_same_head():
    assert (fit(table()) == fit(table())).all()


def test_where_both_models_are_equal_there_is_nothing_to_learn(tmp_path):
    given = table()
    given.weak = given.strong
    with pytest.raises(CannotTrain, match="no gain"):
        train(given, str(tmp_path / "h.json"), "s")


def test_a_gain_that_never_changes_gives_a_head_that_says_so():
    given = table()
    given.weak, given.strong = np.zeros(400), np.ones(400)
    found = fit(given)
    assert found[-1] == pytest.approx(1.0)
    assert not found[:-1].any()


def lines(tmp_path, count, **more):
    path = tmp_path / "outcomes.jsonl"
    with path.open("w") as file:
        for i in range(count):
            answers = {"small": {"correct": i % 3 == 0}, "large": {"correct": True}}
            file.write(json.dumps({"id": i, "prompt": f"question number {i}", "responses": answers}) + "\n")
        for line in more.get("extra", ()):
            file.write(json.dumps(line) + "\n")
    return path


def encode(texts):
    return [[float(len(text)), float(sum(map(ord, text)) % 7), 1.0] for text in texts]


def test_outcomes_are_read_each_question_once(tmp_path):
    again = {
        "id": "x",
        "prompt": "Question  number 1",
        "responses": {"small": {"correct": 1}, "large": {"correct": 1}},
    }
    seen = []
    found = train_head.read(str(lines(tmp_path, 70, extra=[again])), "small", "large", encode, seen.append)
    assert len(found) == 70
    assert seen[-1] == 70
    assert found.vectors.shape == (70, 3)


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(CannotTrain, match="at least 30"):
        train_head.read(str(lines(tmp_path, 5)), "small", "large", encode)


@pytest.mark.parametrize("as_json", [True, False])
def test_the_verb_trains_on_the_local_model(tmp_path, monkeypatch, capsys, as_json):
    monkeypatch.setattr(train_head, "encoder", lambda: SimpleNamespace(embed=encode))
    out = tmp_path / "head.json"
    words = ["--outcomes", str(lines(tmp_path, 60)), "--weak", "small", "--strong", "large"]
    words += ["--embedding", "--force", "--out", str(out), *(["--json"] if as_json else [])]
    assert main(["train", *words]) == 0
    said = capsys.readouterr().out
    assert json.loads(said)["written"] if as_json else "written:" in said
    assert weights.read(out, "head").header["figures"]["rows"] == 60


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    def missing():
        raise ImportError

    monkeypatch.setattr(train_head, "encoder", missing)
    with pytest.raises(CannotTrain, match="embeddings"):
        train_head.run(SimpleNamespace())
