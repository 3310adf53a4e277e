from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise

import numpy as np
import pytest
from train_router_kit import file_of, lines, rows_of

from litellm_tiering import weights
from litellm_tiering.classifiers.learned import LearnedClassifier
from litellm_tiering.classifiers.learned_model import KIND, RouterModel
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.evals import fit as fitting
from litellm_tiering.evals.fit import fit
from litellm_tiering.evals.metrics import router_metrics
from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.evals.train_cv import apgr, apgr_gain, by_group, held_out, learning_curve, other_groups
from litellm_tiering.evals.train_router import (
    TARGET,
    NothingToLearn,
    calibration,
    plain,
    thresholds,
    train,
)
from litellm_tiering.evals.train_rows import Rows
from litellm_tiering.intake import read_request

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


def predicted(model: RouterModel, line: dict) -> float:
    body = {k: v for k, v in line.items() if k not in ("id", "responses", "prompt")}
    body.setdefault("messages", [{"role": "user", "content": line.get("prompt")}])
    features, prompt = read_request(body, Surface.CHAT)
    ladder = Ladder([Tier("simple", "small"), Tier("complex", "large")])
    return LearnedClassifier(model, ladder).classify(Subject(features, Caller(), prompt, NOW)).score


def quality_of(rows: list[dict], model: str) -> np.ndarray:
    return np.array([float(r["responses"][model]["correct"]) for r in rows])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    found = train(rows_of(folder / "o.jsonl", lines(300)), curve=False)
    weights.write(folder / "router.json", KIND, found.header, found.arrays)
    return found, RouterModel.load(folder / "router.json")


def test_a_router_learns_the_words_that_tell_who_needs_the_strong_model(trained):
    found, model = trained
    fresh = lines(200, seed=7)
    score = [predicted(model, line) for line in fresh]
    weak, strong = quality_of(fresh, "m0"), quality_of(fresh, "m1")
    assert router_metrics(score, weak, strong)["APGR"] > 0.72
    assert found.learned.value > 0.7
    assert found.beats_words
    assert found.gain.low > 0.1


def test_its_estimate_on_held_out_rows_is_what_fresh_rows_show(trained):
    found, model = trained
    fresh = lines(1_500, seed=11)
    score = [predicted(model, line) for line in fresh]
    shown = router_metrics(score, quality_of(fresh, "m0"), quality_of(fresh, "m1"))["APGR"]
    assert found.learned.low - 0.03 < shown < found.learned.high + 0.05


def test_its_score_is_the_gain_that_is_expected(trained):
    _, model = trained
    fresh = lines(1_500, seed=13)
    score = np.array([predicted(model, line) for line in fresh])
    gain = quality_of(fresh, "m1") - quality_of(fresh, "m0")
    assert score.mean() == pytest.approx(gain.mean(), abs=0.05)
    for part in np.array_split(np.argsort(score), 4):
        assert score[part].mean() == pytest.approx(gain[part].mean(), abs=0.16)


def test_inference_without_numpy_computes_what_the_training_did(tmp_path):
    tagged = lines(120)
    for i, line in enumerate(tagged):
        line["metadata"] = {"use_case": ("faq", "proofs", "rare")[0 if i % 2 else 1 if i > 1 else 2]}
        if i % 3 == 0:
            line["messages"] = [
                {"role": "system", "content": "You teach maths."},
                {"role": "user", "content": line.pop("prompt")},
            ]
    rows = rows_of(tmp_path / "o.jsonl", tagged)
    found = train(rows, curve=False)
    weights.write(tmp_path / "router.json", KIND, found.header, found.arrays)
    model = RouterModel.load(tmp_path / "router.json")
    design, (linear,) = fit(rows, np.arange(rows.count))
    raw = linear.raw(design, np.arange(rows.count))
    assert design.groups == ["use_case:faq", "use_case:proofs"]
    for i in range(0, 120, 7):
        assert predicted(model, tagged[i]) == pytest.approx(model._calibrations[0](raw[i]), abs=1e-5)


def test_the_same_rows_give_the_same_file(tmp_path):
    for name in ("one", "two"):
        found = train(rows_of(tmp_path / f"{name}.jsonl", lines(80)), sources=[{"file": "o"}], curve=False)
        weights.write(tmp_path / f"{name}.json", KIND, found.header, found.arrays)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert (tmp_path / "one.f32").read_bytes() == (tmp_path / "two.f32").read_bytes()


def test_fifty_rows_of_noise_do_not_hurt_the_word_count(tmp_path):
    shown = []
    for seed in range(4):
        draw = np.random.default_rng(seed)
        noise = [graded(line, *(draw.random(2) < (0.4, 0.7)).tolist()) for line in lines(50)]
        found = train(rows_of(tmp_path / f"{seed}.jsonl", noise), curve=False)
        weights.write(tmp_path / f"{seed}.json", KIND, found.header, found.arrays)
        model = RouterModel.load(tmp_path / f"{seed}.json")
        texts = [" ".join(["word"] * n) for n in (3, 10, 40, 160)]
        shown.append([predicted(model, {"prompt": t}) for t in texts])
    assert sum(a < b for found in shown for a, b in pairwise(found)) >= 9


def test_three_tiers_have_a_gain_for_each_step_and_thresholds_that_keep_the_target(tmp_path):
    rows = rows_of(tmp_path / "o.jsonl", lines(240, models=3), tiers=3)
    found = train(rows, curve=False)
    assert found.header["steps"] == 2
    assert found.header["models"] == ["m0", "m1", "m2"]
    low, high = found.header["thresholds"]
    assert low < high
    weights.write(tmp_path / "router.json", KIND, found.header, found.arrays)
    assert RouterModel.load(tmp_path / "router.json").steps == 2


def test_more_models_than_tiers_help_to_tell_what_is_hard(tmp_path):
    rows = rows_of(tmp_path / "o.jsonl", lines(150, models=6), tiers=2)
    assert rows.models == [f"m{k}" for k in range(6)]
    assert rows.quality.shape == (150, 18)
    (parts,) = train(rows, curve=False).header["training"]["parts"]
    assert set(parts) == {"word count", "gain", "hardness"}
    assert min(parts.values()) >= 0


def test_what_does_not_fit_in_memory_is_fitted_the_same(tmp_path, monkeypatch):
    rows = rows_of(tmp_path / "o.jsonl", lines(120))
    which = np.arange(120)
    design, (dual,) = fit(rows, which)
    monkeypatch.setattr(fitting, "DENSE_ROWS", 10)
    monkeypatch.setattr(fitting, "_CHUNK", 32)
    _, (primal,) = fit(rows, which)
    assert primal.raw(design, which) == pytest.approx(dual.raw(design, which), abs=1e-3)


def test_leave_one_out_is_what_leaving_each_row_out_gives():
    draw = np.random.default_rng(3)
    matrix, target = draw.normal(size=(30, 4)), draw.normal(size=(30, 1))
    at = np.arange(30)
    centred, mean = matrix - matrix.mean(0), target.mean(0)
    found = fitting._ridge(centred, target - mean, (2.0,), at)
    for i in (0, 11, 29):
        rest = np.delete(at, i)
        gram = centred[rest].T @ centred[rest] + 2.0 * np.eye(4)
        by_hand = centred[i] @ np.linalg.solve(gram, centred[rest].T @ (target - mean)[rest])
        assert found.left_out[i] == pytest.approx(by_hand, abs=1e-6)
    wide = fitting._ridge(centred[:4], target[:4] - target[:4].mean(), (2.0,), np.arange(4))
    assert wide.left_out.shape == (4, 1)


def test_a_sample_of_the_rows_is_enough_to_weigh_the_parts(tmp_path, monkeypatch):
    rows = rows_of(tmp_path / "o.jsonl", lines(200))
    monkeypatch.setattr(fitting, "SAMPLE", 60)
    _, (linear,) = fit(rows, np.arange(200))
    assert linear.parts["gain"] > 0.1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:19], "there are 19 different questions"),
        (lambda rows: [{**r, "prompt": "the same"} for r in rows], "there are 1 different questions"),
        (lambda rows: [graded(r, 1, 1) for r in rows], "equally good in every row"),
        (lambda rows: [graded(r, 1, 0) for r in rows], "m1 is not better than m0"),
        (lambda rows: [graded(r, i % 2, 1 - i % 2) for i, r in enumerate(rows)], "m1 is not better than m0"),
        (lambda rows: [graded(r, 0, 1) for r in rows], "by the same in every row"),
    ],
)
def test_rows_that_nothing_can_be_learned_of_are_refused(tmp_path, change, said):
    with pytest.raises(NothingToLearn, match=said):
        train(rows_of(tmp_path / "o.jsonl", change(lines(40))))


def graded(line, weak, strong):
    return {**line, "responses": {"m0": {"score": weak}, "m1": {"score": strong}}}


def test_repeated_and_contradicting_questions_are_counted_and_learned_once(tmp_path):
    found = lines(60)
    again = [{**line, "id": f"again-{line['id']}"} for line in found[:30]]
    for line in again[:10]:
        line["responses"] = {"m0": {"score": 0.25}, "m1": {"score": 0.75}}
    shouted = [{**found[40], "id": "loud", "prompt": f"  {found[40]['prompt'].upper()}"}]
    rows = rows_of(tmp_path / "o.jsonl", found + again + shouted)
    assert (rows.count, rows.repeated, rows.contradicting) == (60, 31, 10)
    said = " ".join(train(rows, curve=False).warnings)
    assert "31 lines repeat an earlier question" in said
    assert "10 of them with other qualities" in said
    assert "judged differently when asked again" in said
    assert "with fewer than 200" in said


def test_the_same_question_in_other_conversations_is_another_question(tmp_path):
    found = lines(30)
    ask = {"role": "user", "content": "go on"}
    for i, line in enumerate(found):
        del line["prompt"]
        line["messages"] = [{"role": "system", "content": f"You are number {i}"}, ask]
    assert rows_of(tmp_path / "o.jsonl", found).count == 30


def test_a_question_that_tells_the_outcome_is_suspected(tmp_path):
    found = lines(300, noise=0.0)
    for line in found:
        line["prompt"] = f"{'good' if line['responses']['m0']['correct'] else 'bad'} {line['id']}"
    assert any(
        "too good to be true" in w for w in train(rows_of(tmp_path / "o.jsonl", found), curve=False).warnings
    )


def test_groups_are_told_of_and_held_out_whole(tmp_path):
    one, two = lines(120, seed=1), lines(60, seed=2)
    found = [{**r, "id": f"a{r['id']}", "set": "a"} for r in one] + [
        {**r, "id": f"b{r['id']}", "prompt": f"And {r['prompt']}", "set": "b"} for r in two
    ]
    rows = rows_of(tmp_path / "o.jsonl", found)
    assert {name: len(which) for name, which in rows.strata.items()} == {"a": 120, "b": 60}
    score = held_out(rows).mean(1)
    words = rows.numbers[:, 0].astype(float)
    groups = by_group(rows, score, words)
    assert [(name, n) for name, (n, _, _) in groups.items()] == [("a", 120), ("b", 60)]
    assert groups["a"][1].value > groups["a"][2].value
    unseen = other_groups(rows)
    assert not np.isnan(unseen).any()
    assert not np.allclose(unseen.mean(1), score)


def test_nothing_of_a_held_out_fold_is_in_what_predicts_it(tmp_path):
    found = lines(100)
    rows = rows_of(tmp_path / "o.jsonl", found)
    folds = rows.folds(5)
    before = held_out(rows)
    changed = [
        graded(line, 1, 0) if fold == 0 else line for line, fold in zip(found, folds.tolist(), strict=True)
    ]
    after = held_out(rows_of(tmp_path / "c.jsonl", changed))
    first = folds == 0
    # But for one number for all of them, the mean gain that the figures are told around.
    moved = after[first] - before[first]
    assert moved == pytest.approx(np.full(moved.shape, moved.mean()), abs=1e-9)
    assert not np.allclose(after[~first], before[~first])


def test_the_folds_are_even_and_do_not_depend_on_the_order_of_the_lines(tmp_path):
    found = lines(50)
    one, two = rows_of(tmp_path / "a.jsonl", found), rows_of(tmp_path / "b.jsonl", found[::-1])
    assert np.bincount(one.folds(5)).tolist() == [10] * 5
    assert one.folds(5).tolist() == two.folds(5).tolist()[::-1]


def test_a_learning_curve_rises_to_what_all_rows_give(tmp_path):
    rows = rows_of(tmp_path / "o.jsonl", lines(260))
    told = []
    small, large = learning_curve(rows, (30, 200, 500), told.append)
    assert (small.rows, large.rows) == (30, 200)
    assert small.apgr.value < large.apgr.value
    assert told == ["learning curve, 30 rows", "learning curve, 200 rows"]


def test_train_tells_all_there_is_to_tell(tmp_path):
    found = [{**line, "set": "ab"[i % 2]} for i, line in enumerate(lines(120))]
    rows = rows_of(tmp_path / "o.jsonl", found)
    told = []
    report = train(rows, told=told.append)
    assert [p.rows for p in report.curve] == [50]
    assert set(report.groups) == {"a", "b"}
    assert report.unseen is not None
    assert report.now is None
    assert {"fold 1 of 5", "all rows", "learning curve, 50 rows", "without a"} <= set(told)


def test_what_runs_now_is_compared_where_it_scored_every_row(tmp_path):
    name = file_of(tmp_path / "o.jsonl", lines(120))
    rows = Rows(["m0", "m1"])
    for i, outcome in enumerate(read_outcomes(name)):
        rows.add(outcome, float(i % 7))
    rows.close()
    report = train(rows, curve=False)
    now, above = report.now
    assert above.value == pytest.approx(report.learned.value - now.value)


def test_figures_agree_with_the_metrics_module_and_have_intervals(tmp_path):
    rows = rows_of(tmp_path / "o.jsonl", lines(100))
    words = rows.numbers[:, 0].astype(float)
    found = apgr(rows, words)
    quality = rows.quality.astype(float)
    assert found.value == router_metrics(words, quality[:, 0], quality[:, 1])["APGR"]
    assert found.low < found.value < found.high
    assert apgr_gain(rows, words, words) == (0.0, 0.0, 0.0)
    assert plain(found._replace(low=math.nan)) == [found.value, None, found.high]
    assert str(found).startswith(f"{found.value:.3f} (")


def test_a_calibration_rises_and_pools_what_does_not():
    raw = np.arange(400.0)
    gain = np.where(raw < 200, 0.2, 0.6)
    gain[120:160] = 0.9
    points = calibration(raw, gain)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(points))
    assert calibration(np.zeros(100), np.arange(100.0)) == [[0.0, 49.5]]
    assert len(calibration(np.arange(10.0), -np.arange(10.0))) == 1


def test_thresholds_are_the_cheapest_that_keep_the_target():
    score = np.arange(1000.0)
    quality = np.column_stack([score < 700, np.ones(1000)]).astype(float)
    costs = np.column_stack([np.full(1000, 1.0), np.full(1000, 10.0)])
    (found,) = thresholds(score, quality, costs)
    share = np.where(score >= found, quality[:, 1], quality[:, 0]).mean()
    assert TARGET <= share < TARGET + 0.02
    assert thresholds(score, quality, np.full((1000, 2), np.nan)) == (found,)


def test_thresholds_of_a_target_out_of_reach_are_those_of_the_best_quality():
    score = np.arange(100.0)
    quality = np.column_stack([score < 50, score >= 50, np.zeros(100)]).astype(float)
    low, high = thresholds(score, quality, np.ones((100, 3)))
    assert low == pytest.approx(49.5, abs=3)
    assert high > 99


def test_thresholds_of_one_score_for_all_still_rise():
    quality = np.column_stack([np.zeros(30), np.full(30, 0.5), np.ones(30)])
    found = thresholds(np.zeros(30), quality, np.ones((30, 3)))
    assert found[0] < found[1]
