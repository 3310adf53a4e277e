from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from outcome_kit import DATA, TOOLS, reference

from litellm_tiering.evals.metrics import (
    Pair,
    Ranking,
    auroc,
    bad_answers,
    bootstrap,
    both_metrics,
    first_at,
    gate_figures,
    gate_metrics,
    interval,
    resamples,
    router_metrics,
)

CLOSE = 1e-9


def same(ours, theirs):
    """Whether two figures agree to 1e-9, or are both not a number."""
    return (math.isnan(ours) and math.isnan(theirs)) or abs(ours - theirs) <= CLOSE


def graded(quality):
    return bool(set(np.unique(quality)) - {0.0, 1.0})


def words(row):
    return len(row["prompt"].split())


@pytest.fixture(scope="module")
def metrics():
    return reference()


SETS = list(reference().SETS) if (TOOLS / "metrics.py").exists() and DATA.exists() else ["absent"]


@pytest.mark.parametrize("name", SETS)
def test_every_figure_agrees_with_the_reference_on_recorded_outcomes(metrics, name):
    rows, weak, strong, quality, cost = metrics.load(name)
    known = (quality[weak], quality[strong], *((cost[weak], cost[strong]) if cost else (None, None)))
    # One score without many ties, one with a great many, one without any meaning, and the oracle's.
    count = [words(r) for r in rows]
    noise = np.random.default_rng(1).random(len(rows))
    for score in (count, [c // 40 for c in count], noise, known[1] - known[0], np.zeros(len(rows))):
        ours, theirs = router_metrics(score, *known), metrics.router_metrics(score, *known)
        assert all(same(ours[key], value) for key, value in theirs.items())
        accept = np.asarray(score) <= np.median(score)
        ours, theirs = gate_metrics(accept, *known), metrics.gate_metrics(accept, *known)
        assert set(ours) == set(theirs)
        assert all(same(ours[key], value) for key, value in theirs.items())


def test_the_bootstrap_draws_what_the_reference_draws(metrics):
    rows, weak, strong, quality, _ = metrics.load("routellm_gsm8k")
    score = [words(r) for r in rows]
    low, high = quality[weak], quality[strong]
    theirs = metrics.bootstrap_apgr(score, low, high, times=60)
    ranking, pair = Ranking(score), Pair(low, high)
    ours = interval([ranking.figures(pair, w)["APGR"] for w in resamples(len(rows), 60)])
    again = bootstrap(
        lambda i: router_metrics(np.array(score)[i], low[i], high[i])["APGR"], len(rows), times=60
    )
    assert all(map(same, ours, theirs))
    assert all(map(same, again, theirs))


def test_router_and_gate_together_agree_with_the_reference(metrics, tmp_path, monkeypatch, capsys):
    rows, weak, strong, quality, cost = metrics.load("zeroeval_gsm@gpt35")
    score = [words(r) for r in rows]
    accept = [len(r["responses"][weak]["text"]) % 3 > 0 for r in rows]
    for name, key, values in (("s", "score", score), ("g", "accept", accept)):
        lines = (json.dumps({"id": r["id"], key: v}) for r, v in zip(rows, values, strict=True))
        (tmp_path / name).write_text("\n".join(lines))
    argv = ["metrics", "both", str(tmp_path / "s"), str(tmp_path / "g"), "--set", "zeroeval_gsm@gpt35"]
    monkeypatch.setattr(sys, "argv", argv)
    metrics.main()
    told = dict(part.split("=") for part in capsys.readouterr().out.split())
    ours = both_metrics(score, accept, Pair(quality[weak], quality[strong], cost[weak], cost[strong]))
    assert {key: f"{value:.3f}" for key, value in ours.items()} == told


grades = st.sampled_from([0.0, 0.25, 0.5, 1.0])
answers = st.lists(
    st.tuples(st.integers(0, 4), grades, grades, st.sampled_from([0.1, 0.3]), st.sampled_from([1.0, 2.5])),
    min_size=2,
    max_size=40,
)


@given(answers)
def test_with_ties_and_graded_answers_all_figures_agree_with_the_reference(rows):
    theirs = reference()
    score, qw, qs, cw, cs = (np.array(column, float) for column in zip(*rows, strict=True))
    assume(abs(qw.mean() - qs.mean()) > 1e-6)
    ours, expected = router_metrics(score, qw, qs, cw, cs), theirs.router_metrics(score, qw, qs, cw, cs)
    assert all(same(ours[key], value) for key, value in expected.items())
    ours, expected = gate_metrics(score < 2, qw, qs, cw, cs), theirs.gate_metrics(score < 2, qw, qs, cw, cs)
    assert all(same(ours[key], value) for key, value in expected.items())


@given(answers, st.randoms(use_true_random=False))
def test_a_question_drawn_twice_counts_as_two(rows, random):
    score, qw, qs, cw, cs = (np.array(column, float) for column in zip(*rows, strict=True))
    drawn = np.array([random.randrange(len(rows)) for _ in rows])
    weights = np.bincount(drawn, minlength=len(rows)).astype(float)
    taken = [column[drawn] for column in (score, qw, qs, cw, cs)]
    ours = Ranking(score).figures(Pair(qw, qs, cw, cs), weights)
    theirs = router_metrics(*taken)
    assert all(same(ours[key], theirs[key]) for key in ours)
    gates = gate_figures(score < 2, Pair(qw, qs, cw, cs), weights)
    # Whether answers are right or wrong, or graded, is seen of all of them: a sample may hide it.
    if graded(taken[1]) == graded(qw):
        expected = gate_metrics(taken[0] < 2, *taken[1:])
        assert all(same(gates[key], expected[key]) for key in gates)
    bad = bad_answers(qw, qs)
    assert same(auroc(score, bad, weights), auroc(score[drawn], bad[drawn]))


def test_a_small_case_by_hand():
    # Sent up in this order: the two of score 3 together, then the one of 2, then the one of 1.
    found = router_metrics([3, 1, 3, 2], [0, 1, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1], [10, 10, 10, 10])
    assert (found["n"], found["weak"], found["strong"]) == (4, 0.25, 0.75)
    # PGR: 0 at none, half at half, all at three quarters, all at all.
    assert found["APGR"] == pytest.approx(0.5 * 0.25 + 0.25 * 0.75 + 0.25 * 1.0)
    assert found["CPT50"] == pytest.approx(0.5)
    assert found["CPT80"] == pytest.approx(0.5 + 0.25 * 0.6)
    # 95 % of .75 lies at .85 of the way from .5 to .75, and so does the spend.
    assert found["cost95"] == pytest.approx(10 * (5.5 + 2.25 * 0.85))
    assert found["cost_weak"] == pytest.approx(10.0)


def test_what_is_not_defined_is_not_a_number():
    equal = router_metrics([1, 2], [1, 0], [0, 1], [1, 1], [2, 2])
    assert all(math.isnan(equal[key]) for key in ("APGR", "CPT50", "CPT95"))
    assert equal["cost95"] == pytest.approx(50.0)
    free = router_metrics([1, 2], [0, 0], [1, 1], [0, 0], [0, 0])
    assert math.isnan(free["cost95"])
    assert math.isnan(gate_metrics([True, False], [1, 0], [1, 1], [0, 0], [0, 0])["cost"])
    assert math.isnan(both_metrics([1, 2], [True, True], Pair([0, 0], [1, 1]))["cost95_router_and_gate"])
    assert math.isnan(first_at(np.array([0.0, 1.0]), np.array([0.0, 0.5]), 0.9))
    assert math.isnan(auroc([0.1, 0.2], [True, True]))
    assert all(map(math.isnan, interval([math.nan])))


def test_not_a_number_is_no_score():
    with pytest.raises(ValueError, match="a score is not a number"):
        router_metrics([1, math.nan], [0, 0], [1, 1])
    with pytest.raises(ValueError, match="a p_bad is not a number"):
        auroc([1, math.nan], [True, False])


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows):
    bads, goods = ([p for p, b in rows if b is kind] for kind in (True, False))
    found = auroc([p for p, _ in rows], [b for _, b in rows])
    if not bads or not goods:
        assert math.isnan(found)
    else:
        won = [(b > g) + (b == g) / 2 for b, g in itertools.product(bads, goods)]
        assert found == pytest.approx(sum(won) / len(won))


def test_a_bad_answer_is_a_wrong_one_or_on_a_finer_scale_a_beaten_one():
    assert bad_answers([0, 1, 0], [0, 0, 1]).tolist() == [True, False, True]
    assert bad_answers([0.5, 1, 0.2], [0.5, 0, 1]).tolist() == [False, False, True]


def test_a_missing_numpy_is_named_with_what_brings_it():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from litellm_tiering.errors import TieringError\n"
        "try:\n    import litellm_tiering.evals.metrics\n"
        "except TieringError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'litellm-tiering[train]'" in done.stdout
