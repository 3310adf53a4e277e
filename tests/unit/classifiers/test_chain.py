from __future__ import annotations

import datetime as dt
import math

import pytest

from litellm_tiering.classifiers.chain import Chain, check_thresholds
from litellm_tiering.classifiers.heuristic import HeuristicClassifier, default_thresholds
from litellm_tiering.core.classification import Opinion, Subject
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
SUBJECT = Subject(RequestFeatures(), Caller(), PromptText(), dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc))


class Says:
    def __init__(self, opinion, kind="learned", **attributes):
        self.kind, self.opinion, self.asked = kind, opinion, 0
        self.__dict__.update(attributes)

    def classify(self, subject):
        self.asked += 1
        return self.opinion


def test_the_first_that_names_a_rank_decides_and_the_rest_are_not_asked():
    silent, first, second = (
        Says(None),
        Says(Opinion("rules", "faq", rank=0)),
        Says(Opinion("learned", rank=2)),
    )
    found = Chain([silent, first, second], LADDER).classify(SUBJECT)
    assert (found.rank, found.by, found.name, found.score) == (0, "rules", "faq", None)
    assert found.opinions == (first.opinion,)
    assert (silent.asked, second.asked) == (1, 0)


@pytest.mark.parametrize(
    ("score", "rank"), [(0.0, 0), (0.29, 0), (0.3, 1), (0.69, 1), (0.7, 2), (9.0, 2), (-4.0, 0)]
)
def test_a_score_becomes_a_rank_by_thresholds(score, rank):
    found = Chain([Says(Opinion("learned", score=score))], LADDER, {"learned": (0.3, 0.7)}).classify(SUBJECT)
    assert (found.rank, found.score, found.by) == (rank, score, "learned")


def test_thresholds_are_the_chains_then_the_classifiers_own_then_the_default():
    own = Says(Opinion("learned", score=5.0), thresholds=(4.0, 6.0))
    assert Chain([own], LADDER).classify(SUBJECT).rank == 1
    assert Chain([own], LADDER, {"learned": (1.0, 2.0)}).classify(SUBJECT).rank == 2
    low = default_thresholds(3)[0]
    assert Chain([Says(Opinion("learned", score=low))], LADDER).classify(SUBJECT).rank == 1


def test_bounds_of_all_that_were_asked_are_merged_and_the_first_of_equals_named():
    one = Says(Opinion("rules", floor=(1, "premium"), cap=(2, "wide")))
    two = Says(Opinion("learned", score=0.9, floor=(1, "later"), cap=(1, "tight")))
    found = Chain([one, two], LADDER).classify(SUBJECT)
    assert (found.rank, found.by) == (2, "learned")
    assert found.floor == (1, "premium")
    assert found.cap == (1, "tight")


def test_the_highest_floor_and_the_lowest_cap_win():
    one = Says(Opinion("rules", floor=(1, "low"), cap=(2, "wide")))
    two = Says(Opinion("learned", floor=(2, "high"), cap=(1, "tight")))
    found = Chain([one, two], LADDER).classify(SUBJECT)
    assert (found.floor, found.cap) == ((2, "high"), (1, "tight"))


def test_one_that_is_not_sure_is_kept_but_does_not_decide():
    unsure = Says(Opinion("learned", score=0.9, confidence=0.5), abstain_below=0.6)
    sure = Says(Opinion("heuristic", score=0.1), kind="heuristic")
    found = Chain([unsure, sure], LADDER).classify(SUBJECT)
    assert (found.rank, found.by, len(found.opinions)) == (0, "heuristic", 2)
    assert Chain([unsure], LADDER, abstain_below={"learned": 0.5}).classify(SUBJECT).rank == 2


@pytest.mark.parametrize("opinion", [None, Opinion("learned"), Opinion("learned", score=math.nan)])
def test_a_chain_in_which_everyone_abstains_names_no_rank(opinion):
    found = Chain([Says(opinion)], LADDER).classify(SUBJECT)
    assert (found.rank, found.by, found.score) == (None, "", None)


def test_an_empty_chain_abstains():
    assert Chain([], LADDER).classify(SUBJECT).rank is None


def test_a_classifier_that_raises_is_the_engines_business():
    class Broken:
        kind = "learned"

        def classify(self, subject):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Chain([Broken()], LADDER).classify(SUBJECT)


@pytest.mark.parametrize("rank", [-1, 3])
def test_a_rank_off_the_ladder_is_a_fault(rank):
    with pytest.raises(ValueError, match="not on the ladder"):
        Chain([Says(Opinion("learned", rank=rank))], LADDER).classify(SUBJECT)


@pytest.mark.parametrize(
    "thresholds", [(0.5,), (0.1, 0.2, 0.3), (0.5, 0.5), (0.6, 0.5), (math.nan, 0.5), (0.5, math.nan)]
)
def test_thresholds_that_cannot_be_are_refused(thresholds):
    with pytest.raises(ValueError, match="thresholds"):
        check_thresholds(thresholds, LADDER)
    with pytest.raises(ValueError, match="thresholds"):
        Chain([], LADDER, {"learned": thresholds})
    with pytest.raises(ValueError, match="thresholds"):
        HeuristicClassifier(LADDER, thresholds)
