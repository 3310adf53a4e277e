from __future__ import annotations

import datetime as dt
import os

import pytest

from litellm_tiering.classifiers import litellm_score
from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.classifiers.litellm_score import BOUNDARIES, LitellmClassifier, Scored
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.errors import IncompatibleLiteLLM
from litellm_tiering.gateway import scorer

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


def ladder(tiers):
    return Ladder([Tier(f"t{i}", f"m{i}") for i in range(tiers)])


def subject(text):
    return Subject(RequestFeatures(question_words=len(text.split())), Caller(), PromptText(text), NOW)


def says(score, tier):
    return lambda _: Scored(score, tier)


@pytest.fixture
def litellm_scorer(monkeypatch):
    """LiteLLM's own, made anew; prices are not fetched from the internet."""
    monkeypatch.setitem(os.environ, "LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setattr(litellm_score, "_SOURCE", litellm_score._Source())
    litellm_score.provide(scorer.make_scorer)


@pytest.mark.parametrize(
    ("tiers", "score", "tier", "rank"),
    [
        (2, 0.14, 0, 0),
        (2, 0.15, 1, 1),
        (3, 0.34, 1, 1),
        (3, 0.35, 2, 2),
        (4, 0.60, 3, 3),
        (4, 0.20, 3, 3),  # its rule for words of reasoning goes before the score
        (4, -0.3, 0, 0),
    ],
)
def test_the_score_becomes_a_tier_by_litellms_own_boundaries(tiers, score, tier, rank):
    asked = LitellmClassifier(ladder(tiers), score=says(score, tier))
    found = Chain([asked], ladder(tiers)).classify(subject("What is it?"))
    assert (found.rank, found.by) == (rank, "litellm")


def test_a_ladder_longer_than_litellms_needs_thresholds():
    with pytest.raises(ValueError, match="give thresholds for 5"):
        LitellmClassifier(ladder(5))
    assert LitellmClassifier(ladder(5), (0.1, 0.2, 0.3, 0.4)).thresholds == (0.1, 0.2, 0.3, 0.4)


def test_near_a_boundary_it_abstains_where_it_is_told_to_and_says_what_it_saw():
    near = LitellmClassifier(ladder(2), score=says(0.16, 1), abstain_below=0.6).classify(subject("x"))
    far = LitellmClassifier(ladder(2), score=says(0.45, 2), abstain_below=0.6).classify(subject("x"))
    assert near.score is None
    assert near.signals == {"score": 0.16, "tier": 1.0}
    assert near.confidence < 0.6 < far.confidence
    assert far.score == 0.45


def test_a_long_question_is_scored_by_its_head_and_tail():
    seen = []

    def score(text):
        seen.append(text)
        return Scored(0.0, 0)

    LitellmClassifier(ladder(2), score=score, max_chars=100).classify(subject("a" * 500 + "b" * 500))
    assert (len(seen[0]), seen[0][0], seen[0][-1]) == (100, "a", "b")


def test_no_text_is_no_opinion():
    assert LitellmClassifier(ladder(2), score=says(1.0, 3)).classify(subject("")) is None


def test_without_the_gateway_it_is_passed_over_and_the_fault_is_told(monkeypatch):
    monkeypatch.setattr(litellm_score, "_SOURCE", litellm_score._Source())
    faults = []
    chain = Chain(
        [LitellmClassifier(ladder(2)), HeuristicClassifier(ladder(2))],
        ladder(2),
        on_fault=lambda where, error: faults.append((where, str(error))),
    )
    assert chain.classify(subject("What is it?")).by == "heuristic"
    assert faults[0][0] == "classifier:litellm"
    assert "gateway" in faults[0][1]


def test_litellms_own_scorer_is_asked_and_made_once(litellm_scorer, monkeypatch):
    asked = LitellmClassifier(ladder(4))
    easy = asked.classify(subject("What is 2+2?"))
    hard = asked.classify(
        subject(
            "Think step by step and analyze the trade-offs: design a distributed kubernetes architecture "
            "with a database, an api and an algorithm for consensus, and debug the function."
        )
    )
    assert easy.score < BOUNDARIES[0] <= hard.score
    monkeypatch.setattr(litellm_score._SOURCE, "make", None)
    assert asked.classify(subject("What is 2+2?")).score == easy.score


def test_the_boundaries_are_litellms(litellm_scorer):
    from litellm.router_strategy.complexity_router.config import DEFAULT_TIER_BOUNDARIES  # noqa: PLC0415 - seconds

    assert tuple(DEFAULT_TIER_BOUNDARIES.values()) == BOUNDARIES


def test_its_signals_never_quote_the_prompt(litellm_scorer):
    found = LitellmClassifier(ladder(4)).classify(
        subject("debug the kubernetes function of my secret project")
    )
    assert set(found.signals) == {"score", "tier"}


def test_a_litellm_whose_scorer_is_gone_or_changed_is_told_by_name(monkeypatch):
    from litellm.router_strategy.complexity_router import complexity_router  # noqa: PLC0415 - as above

    class Changed:
        def __init__(self, *_, **__):
            raise TypeError("another signature")

    monkeypatch.setattr(complexity_router, "ComplexityRouter", Changed)
    with pytest.raises(IncompatibleLiteLLM, match="use `heuristic`"):
        scorer.make_scorer()
