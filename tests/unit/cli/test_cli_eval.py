from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_tiering.errors import IncompatibleLiteLLM
from litellm_tiering.evals.metrics import auroc, router_metrics

SHARED = Path(__file__).resolve().parents[4] / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
TIERS = """\
  classifiers:
    - kind: rules
      rules:
        - {name: maths, when: {any_keyword: [maths]}, min_tier: moderate}
    - kind: heuristic
"""


def outcome(i, weak, strong, *, prompt=None, text="An answer.", **more):
    answers = {
        "cheap": {"score": weak, "cost": 0.1, "text": text},
        "mid": {"score": (weak + strong) / 2, "cost": 0.3, "text": "Another."},
        "dear": {"score": strong, "cost": 1.0, "text": "A better one."},
    }
    prompt = prompt or f"{'Why is that so, and not otherwise? ' * (1 + 5 * (strong > weak))}{i}"
    return {"id": i, "prompt": prompt, "responses": answers, **more}


def forty():
    return [outcome(i, int(i % 3 > 0), 1, text="" if i % 3 == 0 else "Fine.") for i in range(40)]


@pytest.fixture
def outcomes(tmp_path):
    """Writes an outcome file and names it."""

    def _write(*lines, name="o.jsonl"):
        path = tmp_path / name
        raw = b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in lines)
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return _write


@pytest.fixture
def evaluate(run):
    """Runs the verb on a file of two named models: exit status, output, standard error."""

    def _evaluate(path, *more, models=("--weak", "cheap", "--strong", "dear")):
        return run("eval", "--outcomes", path, *models, "--no-litellm", "--bootstrap", 20, *more)

    return _evaluate


@pytest.fixture
def found(evaluate, outcomes):
    """The JSON document of an evaluation that goes well."""

    def _found(lines, *more, **models):
        status, out, err = evaluate(outcomes(*lines), *more, "--json", **models)
        assert status == 0, err
        return json.loads(out)

    return _found


def test_the_default_chain_stands_beside_the_baselines(evaluate, outcomes):
    status, out, err = evaluate(outcomes(*forty(), name="o.jsonl.gz"))
    assert (status, err) == (0, "")
    assert out.startswith("40 questions of o.jsonl.gz; simple = cheap, complex = dear")
    for word in (
        "default chain",
        "word count",
        "random",
        "oracle",
        "always simple",
        "ROUTER TAX",
        "In short",
    ):
        assert word in out


def test_figures_are_those_of_the_scores_that_score_prints(found, run, outcomes):
    document = found(
        forty(), "--tier", "simple=cheap", "--tier", "moderate=mid", "--tier", "complex=dear", models=()
    )
    _, out, _ = run("score", "--input", outcomes(*forty()))
    scores = [json.loads(one) for one in out.splitlines()]
    weak, strong = ([o["responses"][m]["score"] for o in forty()] for m in ("cheap", "dear"))
    expected = router_metrics([s["score"] for s in scores], weak, strong, [0.1] * 40, [1.0] * 40)
    mine = document["pairs"][0]["routers"][0]["figures"]
    assert {key: mine[key]["value"] for key in ("APGR", "CPT80", "cost95")} == pytest.approx(
        {key: expected[key] for key in ("APGR", "CPT80", "cost95")}, abs=1e-9
    )
    (policy,) = (p for p in document["policies"] if p["label"] == "default chain")
    tiers = [s["tier"] for s in scores]
    assert {t["tier"]: t["share"] for t in policy["tiers"]} == {
        name: tiers.count(name) / 40 for name in ("simple", "moderate", "complex")
    }


def test_gates_are_those_that_gate_tells(found, run, outcomes):
    document = found(forty(), "--gate")
    (gates,) = document["gates"]
    lines = [
        {"id": o["id"], "prompt": o["prompt"], "answer": o["responses"]["cheap"]["text"]} for o in forty()
    ]
    _, out, _ = run("gate", "--input", outcomes(*lines, name="g.jsonl"))
    told = [json.loads(one) for one in out.splitlines()]
    assert gates["figures"]["escalated"]["value"] == sum(not t["accept"] for t in told) / 40
    assert gates["figures"]["recall"]["value"] == 1.0
    empty = next(g for g in gates["gates"] if g["gate"] == "not_empty")
    assert empty["alone"] == empty["first"] == {"n": 14, "precision": 1.0}
    bad = [o["responses"]["cheap"]["score"] < 1 for o in forty()]
    assert gates["figures"]["AUROC"]["value"] == pytest.approx(auroc([t["p_bad"] for t in told], bad))


def test_a_configurations_groups_are_the_files_models_where_nobody_says_otherwise(config, found, outcomes):
    lines = []
    for one in forty():
        answers = one["responses"]
        lines.append(
            {
                **one,
                "responses": {"small": answers["cheap"], "medium": answers["mid"], "large": answers["dear"]},
            }
        )
    document = found(lines, "--config", config("memory://", TIERS), models=())
    assert [t["model"] for t in document["tiers"]] == ["small", "medium", "large"]
    assert len(document["pairs"]) == 3


def test_several_configurations_stand_side_by_side(config, evaluate, outcomes):
    one, two = config("memory://"), config("memory://", TIERS, name="ruled.yaml")
    status, out, _ = evaluate(outcomes(*forty()), "--config", one, "--compare", two, "--config", one)
    assert status == 0
    for label in ("given.yaml", "given.yaml (2)", "ruled.yaml"):
        assert label in out
    assert "no model stands for moderate" in out


def test_ladders_are_compared_with_and_without_tiers(found):
    lines = [outcome(i, int(i % 3 > 0), 1) for i in range(60)]
    document = found(lines, "--ladders")
    assert document["ladders"]["current"] == ["cheap", "dear"]
    assert {tuple(x["models"]) for x in document["ladders"]["ladders"]} == {
        ("cheap", "mid"),
        ("cheap", "dear"),
        ("mid", "dear"),
        ("cheap", "mid", "dear"),
    }
    alone = found(lines, "--ladders", models=())
    assert (alone["tiers"], alone["pairs"]) == ([], [])
    assert alone["ladders"]["findings"]["95"]


def test_models_without_costs_make_no_ladders(evaluate, outcomes):
    lines = [
        {"id": i, "prompt": "Why?", "responses": {"a": {"score": 0}, "b": {"score": 1}}} for i in range(9)
    ]
    status, out, _ = evaluate(outcomes(*lines), "--ladders", models=())
    assert status == 0
    assert "No ladders can be compared" in out


def test_a_picture_and_a_page_are_written(evaluate, outcomes, tmp_path):
    status, _, _ = evaluate(outcomes(*forty()), "--plot", "e.svg", "--html", "e.html", "--gate")
    assert status == 0
    assert "<svg" in (tmp_path / "e.svg").read_text()
    page = (tmp_path / "e.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "default chain" in page


def test_the_seed_alone_decides_what_is_drawn(found):
    first, again, other = (found(forty(), "--seed", seed) for seed in (1, 1, 2))
    for document in (first, again, other):
        document.pop("decisions")
    assert first == again
    assert first != other


def test_standard_input_is_read_once(evaluate, stdin):
    stdin("\n".join(json.dumps(one) for one in forty()).encode())
    status, out, _ = evaluate("-", "--ladders")
    assert status == 0
    assert out.startswith("40 questions of standard input")


def test_lines_that_cannot_be_used_are_told_of_and_those_without_an_answer_are_no_finding(evaluate, outcomes):
    short = {**outcome(99, 0, 1), "responses": {"cheap": {"score": 1}}}
    status, out, err = evaluate(outcomes(*forty(), short), "--json")
    assert (status, json.loads(out)["left_out"]) == (0, {"the answer of dear is missing": 1})
    assert "1 line left out: the answer of dear is missing (first: line 41)" in err
    status, _, err = evaluate(outcomes(*forty(), b"no\n", outcome(0, 0, 1)))
    assert status == 1
    assert "not JSON" in err
    assert "the id of a line before it" in err


def test_questions_whose_answers_have_no_text_cannot_be_judged(evaluate, outcomes):
    lines = [outcome(i, 0, 1, text=None) for i in range(5)]
    status, _, err = evaluate(outcomes(*lines), "--gate")
    assert status == 2
    assert "no question of" in err
    assert "has an answer without its text" in err
    status, _, err = evaluate(outcomes(*lines, outcome(9, 0, 1)), "--gate")
    assert status == 1
    assert "5 questions left out: one has an answer without its text" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--weak", "cheap"), "--weak and --strong belong together"),
        (("--weak", "cheap", "--strong", "cheap"), "name the same model"),
        (("--weak", "cheap", "--strong", "dear", "--tier", "a=b"), "not both"),
        (("--tier", "simple"), "--tier takes NAME=MODEL"),
        (("--tier", "=x"), "--tier takes NAME=MODEL"),
        (("--tier", "a=x", "--tier", "a=y"), "names a twice"),
        (("--tier", "a=x", "--tier", "b=x"), "names the model x twice"),
        (("--tier", "a=x"), "two tiers or more"),
        ((), "the file has answers of cheap, mid, dear"),
        (("--weak", "none", "--strong", "dear"), "the answer of none is missing. It has answers of: cheap"),
        (("--weak", "cheap", "--strong", "dear", "--bootstrap", "-1"), "--bootstrap must be from 0"),
        (("--weak", "cheap", "--strong", "dear", "--seed", "-1"), "--seed must be 0 or more"),
        (("--weak", "cheap", "--strong", "dear", "--html", "none/e.html"), "there is no such directory"),
        (("--weak", "cheap", "--strong", "dear", "--plot", "e.xyz"), "kind '.xyz' is not known"),
        (("--weak", "cheap", "--strong", "dear", *("--config", "x") * 9), "at most 8 configurations"),
        (("--ladders", "--plot", "e.png"), "there are no routers to draw"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(run, outcomes, words, why):
    status, _, err = run("eval", "--outcomes", outcomes(*forty()), "--no-litellm", *words)
    assert status == 2
    assert why in err


def test_tiers_that_are_not_the_configurations_are_refused(evaluate, outcomes, config):
    for named in (("a=cheap", "b=dear"), ("complex=dear", "simple=cheap")):
        words = [w for tier in named for w in ("--tier", tier)]
        status, _, err = evaluate(outcomes(*forty()), *words, "--config", config("memory://"), models=())
        assert status == 2
        assert "simple, moderate, complex" in err


def test_two_tiers_of_one_group_need_models_by_name(evaluate, outcomes, tmp_path):
    (tmp_path / "same.yaml").write_text("tiers: [{name: a, model: m}, {name: b, model: m}]\n")
    status, _, err = evaluate(outcomes(*forty()), "--config", tmp_path / "same.yaml", models=())
    assert status == 2
    assert "two tiers have the same model group" in err


def test_nobody_says_whose_answers_stand_for_a_stream(run, stdin):
    stdin(b"{}")
    status, _, err = run("eval", "--outcomes", "-", "--no-litellm")
    assert status == 2
    assert "name two with --weak and --strong" in err


def test_gates_of_a_configuration_without_a_cascade_are_refused(evaluate, outcomes, config):
    path = config("memory://", "  cascade: false\n")
    status, _, err = evaluate(outcomes(*forty()), "--gate", "--config", path)
    assert status == 2
    assert "cascade: false" in err


def test_a_missing_file_and_an_empty_one(evaluate, outcomes):
    assert "cannot be read" in evaluate("none.jsonl")[2]
    assert "is empty: it should hold lines" in evaluate(outcomes())[2]


def test_a_page_that_cannot_be_written_is_told_of(evaluate, outcomes, tmp_path):
    (tmp_path / "taken").mkdir()
    status, _, err = evaluate(outcomes(*forty()), "--html", tmp_path / "taken")
    assert status == 2
    assert "cannot be written" in err


def test_litellms_scorer_is_among_the_baselines(run, outcomes):
    status, out, _ = run(
        "eval", "--outcomes", outcomes(*forty()), "--weak", "cheap", "--strong", "dear", "--bootstrap", 5
    )
    assert status == 0
    assert "LiteLLM's scorer" in out


def test_without_litellms_scorer_the_others_are_compared(run, outcomes, monkeypatch):
    def _gone():
        raise IncompatibleLiteLLM("this LiteLLM has none")

    monkeypatch.setattr("litellm_tiering.cli.eval.litellm_signal", _gone)
    words = ("--weak", "cheap", "--strong", "dear", "--bootstrap", 5)
    status, out, err = run("eval", "--outcomes", outcomes(*forty()), *words)
    assert status == 0
    assert "is not among the baselines: this LiteLLM has none" in err
    assert "LiteLLM's scorer" not in out


def test_progress_is_shown_on_a_terminal(evaluate, outcomes, monkeypatch, terminal):
    monkeypatch.setattr("litellm_tiering.evals.report_rows.PROGRESS_EVERY", 10)
    terminal()
    _, _, err = evaluate(outcomes(*forty()))
    assert "reading: 30 of 40 questions\n" in err
    assert "evaluating 40 questions\n" in err


def test_a_paid_classifiers_tax_is_not_guessed(evaluate, outcomes, config):
    more = "  classifiers: [{kind: heuristic}, {kind: llm, model: small}]\n"
    status, out, _ = evaluate(outcomes(*forty()), "--config", config("memory://", more))
    assert status == 0
    assert "not known: llm asks small, which is not asked here" in out


def test_the_command_line_starts_without_numpy():
    code = (
        "import sys; sys.modules['numpy'] = None; sys.modules['matplotlib'] = None\n"
        "from litellm_tiering.cli import main\n"
        "raise SystemExit(main(['eval', '--outcomes', 'x', '--weak', 'a', '--strong', 'b']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'litellm-tiering[train]'" in done.stderr


@pytest.mark.skipif(not DATA.exists(), reason=f"no recorded outcomes at {DATA}")
def test_recorded_outcomes_from_end_to_end(run):
    words = ("--weak", "gpt-3.5-turbo-0125", "--strong", "claude-3-5-sonnet-20241022")
    path = DATA / "outcomes_zeroeval_gsm.jsonl.gz"
    status, out, _ = run("eval", "--outcomes", path, *words, "--no-litellm", "--bootstrap", 50, "--json")
    assert status == 0
    pair = json.loads(out)["pairs"][0]
    words_apgr = pair["routers"][1]["figures"]["APGR"]
    assert (pair["n"], round(words_apgr["value"], 3)) == (725, 0.618)
    assert words_apgr["low"] < 0.618 < words_apgr["high"]


@pytest.fixture
def trained(run, outcomes, config):
    """A configuration of a gate that was trained on forty outcomes, and the file of those."""
    path = outcomes(
        *[outcome(i, int(i % 3 > 0), 1, text="No." * (1 + i % 3)) for i in range(40)], name="known.jsonl"
    )
    words = ("--outcomes", path, "--weak", "cheap", "--strong", "dear", "--out", "gate.json", "--force")
    status, _, err = run("train", "--gate", *words)
    assert status in (0, 1), err
    gates = "{gates: [{kind: not_empty}, {kind: acceptable, path: gate.json}]}"
    return config("memory://", f"  cascade: {gates}\n"), path


def test_a_model_that_knows_these_outcomes_is_told_of(trained, evaluate, outcomes):
    settings, known = trained
    _, out, _ = evaluate(known, "--config", settings, "--gate")
    assert "gate.json was trained on this very file" in out
    assert "gate.json was" not in evaluate(known, "--config", settings)[1]
    other = outcomes(*(outcome(i, i % 2, 1) for i in range(40)), name="other.jsonl")
    assert "very file" not in evaluate(other, "--config", settings, "--gate")[1]
