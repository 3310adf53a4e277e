from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import pathlib

import pytest

from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.intake import read_request

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("TIERING_DATA", ROOT.parent / "shared" / "data"))
LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
SETS = [
    ("routellm_gsm8k", "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview", "correct"),
    ("zeroeval_gsm", "gemma-2-2b-it", "claude-3-5-sonnet-20241022", "correct"),
    ("zeroeval_gsm", "gpt-3.5-turbo-0125", "claude-3-5-sonnet-20241022", "correct"),
    ("zeroeval_gsm", "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022", "correct"),
    ("zeroeval_mathl5", "gpt-4o-mini-2024-07-18", "o1-mini-2024-09-12", "correct"),
    ("zeroeval_crux", "gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06", "correct"),
    ("ifeval", "mistral-7b-instruct-v0.3", "gpt-4o-2024-08-06", "correct"),
    ("ifeval", "claude-3-haiku-20240307", "claude-3-5-sonnet-20240620", "correct"),
    ("llmrouter", "mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct", "score"),
]


def outcomes(name, weak, strong, field):
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            answers = row["responses"]
            if weak in answers and strong in answers:
                yield row["prompt"], float(answers[strong][field]) - float(answers[weak][field])


def score(text):
    features, prompt = read_request({"messages": [{"role": "user", "content": text}]}, Surface.CHAT)
    return HeuristicClassifier(LADDER).classify(Subject(features, Caller(), prompt, NOW)).score


def apgr(scored):
    """Area under the share of the gain had by sending the highest scores to the strong model first."""
    gains = [gain for _, gain in sorted(scored, key=lambda pair: -pair[0])]
    total, had, area = sum(gains), 0.0, 0.0
    for gain in gains:
        area += (had + gain / 2) / total
        had += gain
    return area / len(gains)


@pytest.mark.skipif(not DATA.exists(), reason="no recorded outcomes: set TIERING_DATA")
def test_the_heuristic_ranks_real_questions_no_worse_than_counting_words():
    mine, words = [], []
    for known in SETS:
        rows = list(outcomes(*known))
        mine.append(apgr([(score(text), gain) for text, gain in rows]))
        words.append(apgr([(len(text.split()), gain) for text, gain in rows]))
    assert sum(mine) > sum(words)
    assert all(m >= w - 0.015 for m, w in zip(mine, words, strict=True))
    assert min(mine) > 0.5
