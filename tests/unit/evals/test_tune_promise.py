"""The promise on real outcomes: found on a part of them, kept on the rest."""

from __future__ import annotations

import gzip
import json
import math
import os
from pathlib import Path as File

import numpy as np
import pytest

from litellm_tiering.evals.policy_sim import Recorded
from litellm_tiering.evals.tune import Goal, search
from litellm_tiering.evals.tune_paths import Field, Questions

DATA = File(os.environ.get("TIERING_DATA", File(__file__).parents[4] / "shared" / "data"))
SETS = {
    "zeroeval_gsm": ("claude-3-haiku-20240307", "claude-3-5-sonnet-20241022", 500),
    "llmrouter": ("mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct", 500),
    "mmlupro": ("meta-llama-3.1-8b-instruct", "gemini-1.5-pro-002", 500),
}


def read(name, weak, strong):
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    rows = [r for r in rows if weak in r["responses"] and strong in r["responses"]]
    answers = [[r["responses"][m] for r in rows] for m in (weak, strong)]
    quality = np.array([[float(a.get("score", a.get("correct"))) for a in held] for held in answers])
    cost = np.array([[float(a.get("cost") or i) for a in held] for i, held in enumerate(answers)])
    return np.array([len(r["prompt"].split()) for r in rows], float), quality, cost


def questions(score, quality, cost, rows):
    ones = np.ones(len(rows), np.int64)
    recorded = Recorded(quality[:, rows], cost[:, rows], (), ones, 0)
    return Questions(score[rows], 0 * ones, 0 * ones, ones, recorded)


@pytest.mark.skipif(not DATA.exists(), reason="no recorded outcomes: set TIERING_DATA")
@pytest.mark.parametrize("name", SETS)
def test_the_promise_holds_on_the_rest_in_95_of_100_splits(name):
    weak, strong, tuned_on = SETS[name]
    score, quality, cost = read(name, weak, strong)

    def keeps(field, choice, rest):
        cut = int(choice.path.cuts[0, 0])
        edge = math.inf if cut == tuned_on else (field.score[max(0, cut - 1)] + field.score[cut]) / 2
        served = np.where(score[rest] >= edge, quality[1, rest], quality[0, rest])
        return served.mean() >= 0.95 * quality[1, rest].mean() - 1e-12

    kept = cheaper = by_mean = 0
    for seed in range(100):
        drawn = np.random.default_rng(seed).permutation(len(score))
        rows, rest = drawn[:tuned_on], drawn[tuned_on:]
        field = Field(questions(score, quality, cost, rows))
        found = search(field, Goal(0.95))

        kept += found.choice is None or keeps(field, found.choice, rest)
        cheaper += found.choice is not None
        by_mean += keeps(field, found.point, rest)
    assert kept >= 95
    assert cheaper >= 95
    assert by_mean < 85  # what the plain mean would have done
