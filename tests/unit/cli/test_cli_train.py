from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_tiering import weights
from litellm_tiering.evals.metrics import router_metrics
from litellm_tiering.evals.outcomes import OutcomeError

SHARED = Path(__file__).resolve().parents[4] / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
EASY = ("capital", "colour", "river", "author", "planet", "recipe", "holiday", "animal")
HARD = ("theorem", "integral", "compiler", "deadlock", "eigenvalue", "topology", "entropy", "lemma")
CONFIG = """\
tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  store: {url: "memory://"}
  classifiers:
    - kind: rules
      rules:
        - {name: maths, when: {any_keyword: [theorem, lemma]}, min_tier: simple}
    - {kind: learned, path: models/router.json}
    - {kind: heuristic}
"""


def outcomes(count=160, *, learnable=True, models=("cheap", "dear")):
    """Lines in which one word tells who needs the strong model; or nothing does."""
    found = []
    for i in range(count):
        hard = (i * 7) % 11 < 5
        word = (HARD if hard else EASY)[i % 8] if learnable else EASY[(i // 3) % 8]
        filling = " ".join(["please", "tell", "me", "more"][: 1 + (i * 5) % 4])
        weak = not hard if i % 13 else hard
        responses = {models[0]: {"correct": weak, "cost": 0.001}, models[1]: {"correct": True, "cost": 0.02}}
        found.append({"id": f"q{i}", "prompt": f"{filling} about the {word} {i}", "responses": responses})
    return found


def written(lines, name="outcomes.jsonl"):
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return name


PAIR = ("--weak", "cheap", "--strong", "dear")
HERE = ("--config", "config.yaml", "--no-curve")


def test_a_router_is_trained_written_and_scores_what_it_was_not_trained_on(run, run_json):
    lines = outcomes(480)
    name = written(lines[:240])
    status, out, _ = run("train", "--outcomes", name, *PAIR, "--out", "models/router.json")
    assert status == 0
    assert "240 questions, cheap < dear" in out
    assert "Written to models/router.json" in out
    assert "word count" in out
    assert "what runs now" in out
    assert "What more rows bring" in out
    Path("config.yaml").write_text(CONFIG)
    fresh = written(lines[240:], "fresh.jsonl")
    status, out, _ = run("score", "--config", "config.yaml", "--input", fresh)
    assert status == 0
    score = [json.loads(line)["score"] for line in out.splitlines()]
    weak = [float(line["responses"]["cheap"]["correct"]) for line in lines[240:]]
    assert router_metrics(score, _floats(weak), _floats([1.0] * 240))["APGR"] > 0.68
    status, _, _ = run("check", "--config", "config.yaml")
    assert status == 0


def _floats(values):
    import numpy as np  # noqa: PLC0415 - as the command does

    return np.array(values)


def test_what_is_no_better_than_counting_words_is_not_written_unless_forced(run, run_json):
    name = written(outcomes(learnable=False))
    status, out, err = run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")
    assert status == 1
    assert "not written" in err
    assert "--force" in err
    assert "Written to" not in out
    assert not Path("r.json").exists()
    status, found = run_json("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve", "--force")
    assert status == 0
    assert found["written"] == "r.json"
    assert found["above_word_count"][0] <= 0
    assert weights.read("r.json", "router").header["models"] == ["cheap", "dear"]


def test_programs_get_the_figures(run_json):
    name = written([{**line, "set": "ab"[i % 2]} for i, line in enumerate(outcomes())])
    status, found = run_json("train", "--outcomes", name, *PAIR, "--out", "r.json")
    assert status == 0
    assert found["rows"] == 160
    assert found["apgr"][1] < found["apgr"][0] < found["apgr"][2]
    assert [p["rows"] for p in found["curve"]] == [50, 100]
    assert set(found["groups"]) == {"a", "b"}
    assert found["unseen_groups"]["apgr"]
    assert len(found["thresholds"]) == 1
    assert found["above_now"][0] == pytest.approx(found["apgr"][0] - found["apgr_now"][0])


def test_people_are_told_of_groups(run):
    name = written([{**line, "set": "ab"[i % 2]} for i, line in enumerate(outcomes())])
    _, out, _ = run("train", "--outcomes", name, *PAIR, "--out", "r.json")
    assert "By group:" in out
    assert "On groups that none of the training rows were of" in out


def test_the_model_names_its_sources(run):
    name = written(outcomes())
    assert run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")[0] == 0
    (source,) = weights.read("r.json", "router").header["sources"]
    digest = weights.hashlib.sha256(Path(name).read_bytes()).hexdigest()
    assert source == {"file": "outcomes.jsonl", "rows": 160, "sha256": digest}


def test_a_trained_file_holds_no_prompt_and_is_the_same_each_time(run):
    lines = outcomes()
    lines[0]["prompt"] += " swordfish"
    name = written(lines)
    for out in ("one.json", "two.json"):
        assert run("train", "--outcomes", name, *PAIR, "--out", out, "--no-curve")[0] == 0
    assert Path("one.json").read_bytes() == Path("two.json").read_bytes()
    assert Path("one.f32").read_bytes() == Path("two.f32").read_bytes()
    assert b"swordfish" not in Path("one.json").read_bytes() + Path("one.f32").read_bytes()


def test_standard_input_and_gzip_are_read(run, run_json, monkeypatch):
    name = written(outcomes())
    packed = Path("o.jsonl.gz")
    packed.write_bytes(gzip.compress(Path(name).read_bytes()))
    assert run("train", "--outcomes", packed, *PAIR, "--out", "a.json", "--no-curve")[0] == 0
    with Path(name).open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stream}))
        assert run("train", "--outcomes", "-", *PAIR, "--out", "b.json", "--no-curve")[0] == 0
    assert Path("a.f32").read_bytes() == Path("b.f32").read_bytes()
    assert weights.read("b.json", "router").header["sources"][0]["sha256"] is None


def test_tiers_are_named_by_the_configurations_model_groups_or_one_by_one(run, run_json):
    name = written(outcomes(models=("small", "large")))
    Path("config.yaml").write_text(CONFIG)
    status, out, err = run("train", "--outcomes", name, *HERE, "--out", "models/router.json")
    assert status == 0
    assert "small < large" in out
    # The very file it names is the one that is trained.
    assert "names a model that cannot be read yet" in err
    tiers = ("--tier", "simple=small", "--tier", "complex=large")
    status, found = run_json("train", "--outcomes", name, *HERE, *tiers, "--out", "r.json")
    assert (status, found["models"]) == (0, ["small", "large"])


def test_what_rules_match_is_learned_of(run):
    name = written(outcomes())
    Path("config.yaml").write_text(CONFIG)
    assert run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")[0] == 0
    assert weights.read("r.json", "router").header["groups"] == ["rule:maths"]


def test_a_configuration_that_is_wrong_elsewhere_is_refused(run):
    Path("config.yaml").write_text(CONFIG.replace("min_tier: simple", "min_tier: nowhere"))
    status, _, err = run("train", "--outcomes", written(outcomes()), *PAIR, "--out", "r.json")
    assert status == 2
    assert "no tier is called 'nowhere'" in err


def test_lines_held_out_together_are_told_by_a_field(run_json):
    lines = [{**line, "conversation": i // 40} for i, line in enumerate(outcomes())]
    name = written(lines)
    _, alone = run_json("train", "--outcomes", name, *PAIR, "--out", "a.json", "--no-curve")
    _, kept = run_json(
        "train", "--outcomes", name, *PAIR, "--out", "b.json", "--no-curve", "--fold-by", "conversation"
    )
    assert alone["apgr"] != kept["apgr"]
    # What is written is of all rows, however they were parted to judge it.
    assert weights.read("a.json", "router").arrays == weights.read("b.json", "router").arrays


def bad(lines, **change):
    return [{**line, **change} for line in lines]


def scored(lines, weak, strong):
    return bad(lines, responses={"cheap": {"score": weak}, "dear": {"score": strong}})


WRONG = {
    "empty": ([], "is empty"),
    "blank": (["", "  "], "is empty"),
    "not JSON": (["{", "]"], "not JSON"),
    "no answers": (bad(outcomes(40), responses={}), "no answer whose"),
    "another model": (bad(outcomes(40), responses={"x": {"score": 1}}), "has answers of: x"),
    "NaN": (scored(outcomes(40), float("nan"), float("inf")), "no answer whose"),
    "text scores": (scored(outcomes(40), "good", "bad"), "no answer whose"),
    "few": (outcomes(12), "there are 12 different questions"),
    "one question": (bad(outcomes(40), prompt="Why?"), "there are 1 different questions"),
    "one class": (scored(outcomes(40), 1, 1), "equally good in every row"),
    "the wrong way round": (scored(outcomes(40), 1, 0), "is not better than cheap"),
}


@pytest.mark.parametrize(("lines", "said"), WRONG.values(), ids=WRONG)
def test_outcomes_that_cannot_be_trained_on_are_told_of_in_a_sentence(run, lines, said):
    Path("o.jsonl").write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
    status, out, err = run("train", "--outcomes", "o.jsonl", *PAIR, "--out", "r.json")
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not Path("r.json").exists()


def test_lines_that_cannot_be_used_are_counted_and_the_rest_is_learned_of(run, run_json):
    lines = outcomes()
    lines[3]["responses"] = {"cheap": {"correct": True}}
    lines[4]["responses"]["dear"]["correct"] = None
    lines[5]["id"] = lines[6]["id"]
    again = {**lines[7], "id": "again"}
    name = written([*lines, again, {"id": 1}])
    _, found = run_json("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")
    assert found["rows"] == 157
    assert sum(found["skipped"].values()) == 4
    assert any("1 lines repeat" in w or "repeat an earlier question" in w for w in found["warnings"])
    _, out, _ = run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")
    assert "the answer of dear is missing" in out


def test_few_rows_are_warned_of(run):
    name = written(outcomes(80))
    _, out, _ = run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve", "--force")
    assert "warning: there are 80 rows: with fewer than 200" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weak", "cheap"), "belong together"),
        ((), "whose answers stand for which tier?"),
        (("--tier", "a"), "NAME=MODEL"),
        (("--gate",), "whose answers stand for which tier?"),
        (("--embedding",), "whose answers stand for which tier?"),
    ],
)
def test_models_that_are_not_named_are_asked_for(run, words, said):
    status, _, err = run("train", "--outcomes", written(outcomes(40)), *words, "--out", "r.json")
    assert status == 2
    assert said in err


def test_a_file_that_is_not_there_or_a_place_that_cannot_be_written_to_is_told(run):
    status, _, err = run("train", "--outcomes", "none.jsonl", *PAIR, "--out", "r.json")
    assert (status, "none.jsonl cannot be read" in err) == (2, True)
    Path("file").write_text("")
    name = written(outcomes())
    status, _, err = run("train", "--outcomes", name, *PAIR, "--out", "file/r.json", "--no-curve")
    assert (status, "cannot be written" in err) == (2, True)


@pytest.mark.parametrize(("flag", "module"), [("--gate", "train_gate"), ("--embedding", "train_head")])
def test_gates_and_heads_are_trained_by_their_own_module(run, monkeypatch, flag, module):
    asked = []

    def train(options, progress):
        progress(7)
        asked.append(options.weak)
        raise OutcomeError("no")

    monkeypatch.setattr(f"litellm_tiering.evals.{module}.run", train)
    assert run("train", "--outcomes", "o.jsonl", *PAIR, flag, "--out", "g.json")[0] == 2
    assert asked == ["cheap"]


def test_without_numpy_the_extra_is_named():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from litellm_tiering.cli import main\n"
        "sys.exit(main(['train', '--outcomes', 'o', '--weak', 'a', '--strong', 'b', '--out', 'r.json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'litellm-tiering[train]'" in done.stderr


def test_progress_is_told_on_a_terminal_only(run, terminal):
    name = written(outcomes())
    _, _, err = run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")
    assert "fold" not in err
    terminal()
    _, _, err = run("train", "--outcomes", name, *PAIR, "--out", "r.json", "--no-curve")
    assert "fold 1 of 5" in err
    assert "fold 5 of 5" in err


@pytest.mark.skipif(not DATA.is_dir(), reason="no recorded outcomes here: set TIERING_DATA")
def test_on_real_outcomes_the_command_line_ranks_held_back_questions_better_than_their_length(run):
    with gzip.open(DATA / "outcomes_llmrouter.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    weak, strong = "mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct"
    train, test = lines[::8], lines[1::8]
    name = written(train)
    words = ("--weak", weak, "--strong", strong, "--out", "models/router.json", "--no-curve")
    assert run("train", "--outcomes", name, *words)[0] == 0
    Path("config.yaml").write_text(CONFIG.replace("[theorem, lemma]", "[swordfish]"))
    fresh = written([{"id": r["id"], "prompt": r["prompt"]} for r in test], "fresh.jsonl")
    _, out, _ = run("score", "--config", "config.yaml", "--input", fresh)
    score = [json.loads(line)["score"] for line in out.splitlines()]
    qw, qs = (_floats([float(r["responses"][m]["score"]) for r in test]) for m in (weak, strong))
    words = [float(len(r["prompt"].split())) for r in test]
    assert router_metrics(score, qw, qs)["APGR"] > router_metrics(words, qw, qs)["APGR"] + 0.04
