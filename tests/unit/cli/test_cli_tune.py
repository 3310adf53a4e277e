from __future__ import annotations

import hashlib
import json
import random

import pytest
import yaml

from litellm_tiering.cli.tune import held_out
from litellm_tiering.evals.tune_rows import PROGRESS_EVERY

MODELS = ("--weak", "tiny", "--strong", "huge")
WORDS = ["people", "often", "want", "some", "advice", "about", "garden", "house", "trip", "dinner", "music"]
COSTS = {"tiny": 0.001, "good": 0.002, "huge": 0.02}


def _lines(count=400):
    """The longer the question the harder: `tiny` can do the short ones, `huge` nearly all."""
    draw, found = random.Random(5), []
    for i in range(count):
        length = draw.randint(3, 120)
        words = [draw.choice(WORDS) for _ in range(length)]
        if draw.random() < 0.3:
            words[0] = "apple"
        right = {"tiny": draw.random() < (0.95 if length < 60 else 0.5), "huge": draw.random() < 0.95}
        answers = {m: {"correct": ok, "cost": COSTS[m]} for m, ok in right.items()}
        found.append({"id": i, "prompt": " ".join(words) + "?", "responses": answers})
    return found


LINES = _lines()


def ladder_lines():
    """With a third model, nearly as good as the dearest."""
    draw = random.Random(6)
    good = [{"correct": draw.random() < 0.94, "cost": COSTS["good"]} for _ in LINES]
    return [{**x, "responses": {**x["responses"], "good": g}} for x, g in zip(LINES, good, strict=True)]


def gated_lines():
    """Answers that say how sure they are, and are right about it."""
    draw, found = random.Random(7), []
    for x in LINES:
        answers = {}
        for model, a in x["responses"].items():
            sure = round(draw.uniform(0.6, 1.0) if a["correct"] else draw.uniform(0.1, 0.7), 3)
            answers[model] = {**a, "text": json.dumps({"answer": "x", "confidence": sure})}
        found.append({**x, "responses": answers})
    return found


def altered(lines, **change):
    """The lines with other answers of `tiny`."""
    return [
        {**x, "responses": {**x["responses"], "tiny": {**x["responses"]["tiny"], **change}}} for x in lines
    ]


def remade(lines, make):
    """The lines with every answer made anew."""
    return [{**x, "responses": {m: make(a) for m, a in x["responses"].items()}} for x in lines]


@pytest.fixture
def outcomes(tmp_path):
    """Writes lines of outcomes."""

    def _write(lines, name="outcomes.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return _write


@pytest.fixture
def tune(run_json):
    """Tunes with --json: exit status and the document."""

    def _tune(path, *more):
        return run_json("tune", "--outcomes", path, *more)

    return _tune


def scored(run, path, config, lines):
    """The tier that every question is sent to under a configuration."""
    status, out, _ = run("score", "--input", path, "--config", config)
    assert status == 0
    return {line["id"]: line["tier"] for line in map(json.loads, out.splitlines())}


def test_it_finds_thresholds_that_save_and_says_what_they_keep(tune, outcomes):
    status, found = tune(outcomes(LINES), *MODELS)
    assert status == 0
    assert (found["feasible"], found["questions"], found["classifier"]) == (True, len(LINES), "heuristic")
    assert found["models"] == {"simple": "tiny", "complex": "huge"}
    chosen = found["chosen"]
    assert found["thresholds"] == chosen["thresholds"]
    assert chosen["quality_share"] > 0.95
    assert found["point"]["cost_share"] <= chosen["cost_share"] < 1.0
    assert sum(chosen["begins"].values()) == pytest.approx(1.0)
    assert found["strong_quality"] == pytest.approx(
        sum(line["responses"]["huge"]["correct"] for line in LINES) / len(LINES)
    )


def test_the_figures_are_those_of_the_verb_score_under_what_was_written(tune, run, outcomes, config):
    """The same engine: what tune says of its thresholds is what the tiers of ``score`` come to."""
    path, file = outcomes(LINES), config("memory://")
    status, found = tune(path, *MODELS, "--config", file, "--write")
    assert (status, found["written"]) == (0, str(file))
    tiers = scored(run, path, file, LINES)
    assert set(tiers.values()) == {"simple", "complex"}
    model = {"simple": "tiny", "complex": "huge"}
    answers = [line["responses"][model[tiers[line["id"]]]] for line in LINES]
    quality = sum(a["correct"] for a in answers) / len(LINES)
    cost = sum(a["cost"] for a in answers) / len(LINES)
    assert found["chosen"]["quality"] == pytest.approx(quality)
    assert found["chosen"]["cost"] == pytest.approx(cost)
    again = tune(path, *MODELS, "--config", file)[1]
    assert again["configured"]["cost"] == pytest.approx(cost)
    assert again["thresholds"] == found["thresholds"]


def test_what_is_written_passes_check_and_leaves_the_rest_as_it_was(tune, run, outcomes, config):
    file = config("memory://")
    before = file.read_text()
    tune(outcomes(LINES), *MODELS, "--config", file, "--write")
    assert run("check", "--config", file)[0] == 0
    added = [line for line in file.read_text().splitlines() if line not in before.splitlines()]
    assert added[0] == "  classifiers:"
    assert len(added) == 3
    assert [line for line in file.read_text().splitlines() if line not in added] == before.splitlines()


def test_a_copy_is_written_and_the_difference_shown(run, outcomes, config, tmp_path):
    file = config("memory://")
    before = file.read_text()
    status, out, _ = run(
        "tune", "--outcomes", outcomes(LINES), *MODELS, "--config", file, "--out", tmp_path / "new.yaml"
    )
    assert status == 0
    assert file.read_text() == before
    assert "+    - kind: heuristic" in out
    assert out.rstrip().endswith("written to " + str(tmp_path / "new.yaml"))
    assert yaml.safe_load((tmp_path / "new.yaml").read_text())["tiering"]["classifiers"][0]["thresholds"]


def test_the_section_in_a_file_of_its_own_is_the_one_that_is_written(
    tune, outcomes, config, tmp_path, monkeypatch
):
    whole = yaml.safe_load(config("memory://").read_text())
    own, proxy = tmp_path / "tiering.yaml", tmp_path / "proxy.yaml"
    own.write_text(yaml.safe_dump(whole.pop("tiering"), sort_keys=False))
    proxy.write_text(yaml.safe_dump(whole))
    monkeypatch.setenv("LITELLM_TIERING_CONFIG", str(own))
    kept = proxy.read_text()
    status, found = tune(outcomes(LINES), *MODELS, "--config", proxy, "--write")
    assert (status, found["written"]) == (0, str(own))
    assert yaml.safe_load(own.read_text())["classifiers"][0]["thresholds"] == found["thresholds"]
    assert proxy.read_text() == kept


def test_thresholds_that_are_there_are_replaced(tune, outcomes, config):
    file = config(
        "memory://",
        "  classifiers:\n    - kind: rules\n"
        "      rules: [{name: r, when: {any_keyword: [zzz]}, tier: complex}]\n"
        "    - kind: heuristic\n      thresholds:\n        moderate: 0.3   # a guess\n        complex: 0.5\n",
    )
    found = tune(outcomes(LINES), *MODELS, "--config", file, "--write")[1]
    text = file.read_text()
    assert f"moderate: {found['thresholds']['moderate']}   # a guess\n" in text
    assert yaml.safe_load(text)["tiering"]["classifiers"][1]["thresholds"] == found["thresholds"]


def test_where_the_text_cannot_be_changed_safely_it_is_told_what_to_write(run, outcomes, config):
    file = config("memory://", "  classifiers: *chain\n")
    file.write_text("x-chain: &chain [{kind: heuristic}]\n" + file.read_text())
    before = file.read_text()
    status, _, err = run("tune", "--outcomes", outcomes(LINES), *MODELS, "--config", file, "--write")
    assert status == 2
    assert "By hand:\ntiering.classifiers[0].thresholds: {moderate: " in err
    assert file.read_text() == before


def test_a_target_that_cannot_be_shown_is_4_and_what_could_be_is_told(run, tune, outcomes, config):
    path, file = outcomes(LINES[:80]), config("memory://")
    before = file.read_text()
    status, out, err = run("tune", "--outcomes", path, *MODELS, "--target", 0.99, "--config", file, "--write")
    assert status == 4
    assert "infeasible" in out
    assert "feasible with these questions: a target of about 0." in out
    assert "questions like these" in out
    assert "80 questions are few" in err
    assert file.read_text() == before
    status, found = tune(path, *MODELS, "--target", 0.99)
    assert (status, found["feasible"], found["thresholds"]) == (4, False, None)
    assert 0.5 < found["highest_target"] < 0.99
    assert found["rows_needed"] > 80
    assert tune(path, *MODELS, "--target", found["highest_target"])[0] == 0


def test_other_models_in_front_are_compared(run, tune, outcomes):
    path = outcomes(ladder_lines())
    found = tune(path, *MODELS)[1]
    assert [x["model"] for x in found["ladders"]] == ["good", "tiny"]
    assert found["ladders"][0]["cost_share"] < found["chosen"]["cost_share"]
    out = run("tune", "--outcomes", path, *MODELS)[1]
    assert "good in front of complex alone would keep the promise at" in out


def test_a_third_tier_that_brings_nothing_is_told(run, outcomes, config):
    tiers = ("--tier", "simple=tiny", "--tier", "moderate=good", "--tier", "complex=huge")
    status, out, _ = run(
        "tune",
        "--outcomes",
        outcomes(altered(ladder_lines(), correct=False, cost=0.019)),
        *tiers,
        "--config",
        config("memory://"),
    )
    assert status == 0
    assert "no request begins at simple" in out
    assert "a third tier brings nothing here" in out


GATES = "  cascade:\n    gates:\n      - {kind: not_empty}\n      - {kind: confidence, min: 0.9}   # theirs\n"


def test_gates_and_thresholds_are_tuned_together(tune, run, outcomes, config):
    path, file = outcomes(gated_lines()), config("memory://", GATES)
    plain = tune(path, *MODELS, "--config", file, "--no-gates")[1]
    status, found = tune(path, *MODELS, "--config", file, "--write")
    assert status == 0
    assert found["chosen"]["cost_share"] < plain["chosen"]["cost_share"]
    assert found["chosen"]["escalated"] > 0
    assert plain["gates"] == {}
    assert list(found["gates"]) == ["confidence"]
    text = file.read_text()
    assert f"{{kind: confidence, min: {found['gates']['confidence']}}}   # theirs" in text
    assert run("check", "--config", file)[0] == 0
    again = tune(path, *MODELS, "--config", file)[1]
    assert again["configured"]["cost"] == pytest.approx(found["chosen"]["cost"])
    assert again["configured"]["quality"] == pytest.approx(found["chosen"]["quality"])


def test_default_gates_are_counted_in_when_asked_for(tune, outcomes, config):
    path = outcomes(gated_lines())
    assert tune(path, *MODELS)[1]["chosen"]["escalated"] == 0
    found = tune(outcomes(altered(gated_lines(), text="")), *MODELS, "--gates", "--target", 0.5)[1]
    assert found["feasible"] is False  # every cheap answer is empty, paid for and thrown away


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--target", "0"), "--target must be above 0"),
        (("--target", "1.5"), "--target must be above 0"),
        (("--target", "nan"), "--target must be above 0"),
        (("--confidence", "1"), "--confidence must be"),
        (("--confidence", "nan"), "--confidence must be"),
        (("--holdout", "1"), "--holdout must be"),
        (("--rest", "x.jsonl"), "give both"),
        (("--out", "absent/x.yaml"), "no such directory"),
        (("--write",), "there is no config.yaml here"),
        (("--gates",), "does not hold the answers' text"),
    ],
)
def test_what_makes_no_sense_is_2(run, outcomes, more, told):
    status, out, err = run("tune", "--outcomes", outcomes(LINES[:20]), *MODELS, *more)
    assert (status, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"correct": None, "score": -0.5}, "below 0"),
        ({"correct": None, "score": 1000}, "above every known scale"),
    ],
)
def test_qualities_that_are_no_share_are_2(run, outcomes, change, told):
    lines = altered(LINES[:30], **change)
    status, _, err = run("tune", "--outcomes", outcomes(lines), *MODELS)
    assert status == 2
    assert told in err


def test_a_dearest_tier_that_is_always_wrong_is_2(run, outcomes):
    lines = remade(LINES[:30], lambda a: {**a, "correct": False})
    status, _, err = run("tune", "--outcomes", outcomes(lines), *MODELS)
    assert status == 2
    assert "no quality to keep" in err


def test_models_must_be_named_and_the_dearest_among_them(run, outcomes, config):
    path = outcomes(LINES)
    assert "whose answers stand for which tier" in run("tune", "--outcomes", path)[2]
    file = config("memory://")
    words = ("--tier", "simple=tiny", "--tier", "moderate=huge", "--config", file)
    status, _, err = run("tune", "--outcomes", path, *words)
    assert (status, "names no model for complex" in err) == (2, True)
    assert "absent" in run("tune", "--outcomes", path, "--weak", "absent", "--strong", "huge")[2]
    assert run("tune", "--outcomes", "absent.jsonl", *MODELS)[0] == 2


def test_rules_keep_their_questions_and_it_is_told(run, tune, outcomes, config):
    rule = "{name: r, when: {any_keyword: [apple]}, tier: complex}"
    rules = f"  classifiers:\n    - kind: rules\n      rules: [{rule}]\n"
    path = outcomes(LINES)
    file = config("memory://", rules + "    - {kind: heuristic}\n")
    found = tune(path, *MODELS, "--config", file)[1]
    assert 0.3 < found["decided"] < 0.95
    assert found["chosen"]["begins"]["complex"] > 1 - found["decided"] - 1e-9
    assert "are not decided by heuristic" in run("tune", "--outcomes", path, *MODELS, "--config", file)[2]
    alone = config("memory://", rules.replace("[apple]", "[the, a, i]"), name="alone.yaml")
    status, _, err = run("tune", "--outcomes", path, *MODELS, "--config", alone)
    assert (status, "no classifier with thresholds decides any" in err) == (2, True)


def test_bad_lines_are_counted_and_costs_may_be_missing(run, tune, outcomes):
    unknown = remade(LINES, lambda a: {"correct": a["correct"]})
    path = outcomes(
        [*unknown, {"id": "bad"}, {"id": "odd", "prompt": "p", "responses": {"tiny": {"correct": True}}}]
    )
    found = tune(path, *MODELS)[1]
    assert (found["cost_known"], found["questions"]) == (False, len(LINES))
    assert found["chosen"]["cost_share"] == pytest.approx(found["chosen"]["begins"]["complex"])
    err = run("tune", "--outcomes", path, *MODELS)[2]
    assert "2 lines left out" in err or err.count("1 line left out") == 2
    assert "a call counts 1 at the dearest tier" in err


def test_scales_other_than_one_are_told_in_their_own_unit(tune, outcomes):
    ten = remade(LINES, lambda a: {"score": 10 * a["correct"], "cost": a["cost"]})
    one, other = tune(outcomes(LINES), *MODELS)[1], tune(outcomes(ten, "ten.jsonl"), *MODELS)[1]
    assert other["strong_quality"] == pytest.approx(10 * one["strong_quality"])
    assert other["thresholds"] == one["thresholds"]


def test_the_held_out_part_and_the_rest_are_apart_and_all(run, tune, outcomes, tmp_path):
    path, rest = outcomes(LINES), tmp_path / "rest.jsonl"
    status, _, err = run("tune", "--outcomes", path, *MODELS, "--holdout", 0.4, "--rest", rest)
    assert status == 0
    written = [json.loads(line) for line in rest.read_text().splitlines()]
    assert f"{len(written)} of {len(LINES)} lines" in err
    found = tune(path, *MODELS, "--holdout", 0.4)[1]
    assert found["questions"] + len(written) == len(LINES)
    assert 0.3 * len(LINES) < found["questions"] < 0.5 * len(LINES)
    assert not any(held_out(line["prompt"], 0.4) for line in written)
    assert held_out([{"role": "user", "content": "x"}], 0.999999) in {True, False}


def test_a_counter_is_shown_on_a_terminal_only(run, outcomes, terminal):
    path = outcomes(LINES)
    assert "questions" not in run("tune", "--outcomes", path, *MODELS)[2]
    terminal()
    _, _, err = run("tune", "--outcomes", path, *MODELS)
    assert f"reading: {PROGRESS_EVERY:,} of {len(LINES):,} questions" in err
    assert "tuning on" in err


def test_a_classifier_that_was_trained_on_the_same_file_is_asked_for_honest_scores(
    run, tune, outcomes, config, tmp_path
):
    """A model that learned its rows by heart ranks them too well: the thresholds would be too low."""
    path = outcomes(LINES[:120])
    assert run("train", "--outcomes", path, *MODELS, "--out", "router.json", "--force", "--no-curve")[0] == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() in (tmp_path / "router.json").read_text()
    chain = "  classifiers:\n    - {kind: learned, path: router.json}\n    - {kind: heuristic}\n"
    file = config("memory://", chain)
    err = run("tune", "--outcomes", path, *MODELS, "--target", 0.9, "--config", file)[2]
    assert "was trained on this very file" in err
    honest = tune(path, *MODELS, "--target", 0.9, "--config", file)[1]
    copied = outcomes([*LINES[:120], {"id": "bad"}], "copy.jsonl")  # another checksum: taken at its word
    flattered = tune(copied, *MODELS, "--target", 0.9, "--config", file)[1]
    assert (honest["classifier"], flattered["classifier"]) == ("learned", "learned")
    assert honest["point"]["cost_share"] > flattered["point"]["cost_share"]


def test_rules_are_heeded_where_scores_are_made_anew(run, tune, outcomes, config):
    path = outcomes(LINES[:80])
    rule = "{name: r, when: {any_keyword: [apple]}, min_tier: moderate}"
    learned = "    - {kind: learned, path: router.json}\n"
    chain = f"  classifiers:\n    - kind: rules\n      rules: [{rule}]\n{learned}"
    words = ("--outcomes", path, *MODELS, "--out", "router.json", "--force", "--no-curve")
    before = config("memory://", chain.replace(learned, "    - {kind: heuristic}\n"))
    assert run("train", *words, "--config", before)[0] == 0
    status, found = tune(path, *MODELS, "--target", 0.6, "--config", config("memory://", chain))
    assert (status, found["classifier"]) == (0, "learned")
    assert found["chosen"]["begins"]["complex"] > 0.1  # every question about apples
