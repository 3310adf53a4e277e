"""Outcomes of the simulated models: what a user tries the commands on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from litellm_tiering.evals.outcomes import OutcomeReport, read_outcomes
from litellm_tiering.testing.outcomes import SLIPS, main, questions
from litellm_tiering.testing.provider.hardness import is_hard, outcome_of
from litellm_tiering.testing.provider.mind import think
from litellm_tiering.testing.provider.openai_chat import read
from litellm_tiering.testing.proxy import PRICES

ROWS = 1200


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    file = tmp_path_factory.mktemp("outcomes") / "outcomes.jsonl"
    assert main(["--rows", str(ROWS), "--out", str(file)]) == 0
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_line_is_an_outcome_with_all_that_the_commands_look_at(lines, tmp_path):
    file = tmp_path / "o.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = OutcomeReport()
    found = list(read_outcomes(str(file), tuple(PRICES), report=report))
    assert (len(found), report.skipped_count, report.repeated) == (ROWS, 0, 0)
    assert {outcome.group for outcome in found} == {"sum", "support", "writing", "mail", "maths", "code"}
    assert all(answer.text for outcome in found for answer in outcome.answers.values())


def test_the_answers_are_those_that_the_running_provider_gives(lines):
    for line in lines[:50]:
        for model, told in line["responses"].items():
            body = {"model": f"sim-{model}", "messages": [{"role": "user", "content": line["prompt"]}]}
            answer = think(read(body))
            assert told["text"] == answer.choices[0].text
            assert told["finish_reason"] == answer.choices[0].finish
            assert told["completion_tokens"] == answer.completion_tokens


def test_the_judge_slips_about_as_often_as_is_said(lines):
    slips = [
        told["correct"] is not (outcome_of(f"sim-{model}", line["prompt"], json=False) == "good")
        for line in lines
        for model, told in line["responses"].items()
    ]
    assert sum(slips) / len(slips) == pytest.approx(SLIPS, abs=0.012)


def test_stronger_models_are_dearer_and_better_and_length_does_not_give_it_away(lines):
    def mean(model, key):
        return sum(line["responses"][model][key] for line in lines) / len(lines)

    assert mean("small", "correct") + 0.15 < mean("medium", "correct") < mean("large", "correct") - 0.05
    assert 10 * mean("small", "cost") < mean("medium", "cost") < mean("large", "cost")
    words = {True: [], False: []}
    for line in lines:
        words[is_hard(line["prompt"])].append(len(line["prompt"].split()))
    assert min(words[True]) < sum(words[False]) / len(words[False])


def test_a_seed_decides_which_questions_there_are():
    first, again, other = (list(questions(60, seed)) for seed in (0, 0, 1))
    assert first == again
    assert not {q for _, q in first} & {q for _, q in other}
    assert len({q for _, q in first}) == 60
    assert list(questions(30)) == first[:30]


def test_files_may_be_packed_or_go_to_standard_output(tmp_path, capsys):
    packed = tmp_path / "o.jsonl.gz"
    assert main(["--rows", "3", "--out", str(packed)]) == 0
    assert main(["--rows", "3"]) == 0
    assert capsys.readouterr().out == gzip.decompress(packed.read_bytes()).decode()
    assert [p.name for p in tmp_path.iterdir()] == ["o.jsonl.gz"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "0"], "--rows must be from 1"),
        (["--rows", "100001"], "--rows must be from 1"),
        (["--rows", "2", "--out", "nowhere/o.jsonl"], "nowhere/o.jsonl cannot be written"),
    ],
)
def test_what_cannot_be_done_is_told(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert said in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_a_reader_who_has_had_enough_is_no_error(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return 1

    replaced = []
    monkeypatch.setattr("sys.stdout", Gone())
    monkeypatch.setattr("os.dup2", lambda new, old: replaced.append(old))
    assert main(["--rows", "1"]) == 0
    assert replaced == [1]
