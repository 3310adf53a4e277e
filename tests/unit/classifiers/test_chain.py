from __future__ import annotations

import asyncio
import datetime as dt
import math

import pytest

from litellm_tiering.classifiers.chain import Chain, check_thresholds
from litellm_tiering.classifiers.heuristic import HeuristicClassifier, default_thresholds
from litellm_tiering.core.classification import Classification, Opinion, Subject
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


class Raises:
    kind = "learned"

    def classify(self, subject):
        raise ZeroDivisionError


class Awaited(Says):
    """Says it a moment later, or raises it."""

    def classify(self, subject):
        self.asked += 1
        return self._later()

    async def _later(self):
        await asyncio.sleep(0)
        if isinstance(self.opinion, BaseException):
            raise self.opinion
        return self.opinion


SURE = Opinion("heuristic", rank=1)
BROKEN = {
    "raises": (Raises(), "ZeroDivisionError"),
    "off the ladder": (Says(Opinion("learned", rank=3)), "ValueError"),
    "below the ladder": (Says(Opinion("learned", rank=-1)), "ValueError"),
    "no opinion at all": (Says("complex"), "TypeError"),
    "raises when awaited": (Awaited(KeyError("x")), "KeyError"),
    "off the ladder when awaited": (Awaited(Opinion("learned", rank=3)), "ValueError"),
    "no opinion when awaited": (Awaited(7), "TypeError"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_the_fault_of_one_is_told_and_the_next_is_asked(name):
    broken, error = BROKEN[name]
    told = []
    chain = Chain(
        [broken, Says(SURE)], LADDER, on_fault=lambda where, e: told.append((where, type(e).__name__))
    )
    found = await settled(chain.classify(SUBJECT))
    assert told == [("classifier:learned", error)]
    assert (found.rank, found.by, found.fault) == (1, "heuristic", "")
    assert found.opinions == (Opinion("learned", signals={"fault": 1.0}), SURE)
    alone = await settled(Chain([broken], LADDER, on_fault=lambda *_: None).classify(SUBJECT))
    assert (alone.rank, alone.fault) == (None, error)


async def test_without_anybody_to_tell_the_log_is_told_of_a_fault_and_never_its_message(caplog):
    await settled(Chain([Awaited(KeyError("the prompt"))], LADDER).classify(SUBJECT))
    (record,) = caplog.records
    assert "classifier:learned: KeyError" in record.getMessage()
    assert "the prompt" not in record.getMessage()


async def settled(found):
    return found if isinstance(found, Classification) else await found


async def test_it_is_awaited_only_where_one_of_them_has_to_be():
    later, sure = Awaited(None), Says(SURE)
    assert isinstance(Chain([Says(None), sure, later], LADDER).classify(SUBJECT), Classification)
    assert later.asked == 0
    coming = Chain([later, Awaited(Opinion("learned", floor=(2, "premium"))), sure], LADDER).classify(SUBJECT)
    assert not isinstance(coming, Classification)
    found = await coming
    assert (found.rank, found.by, found.floor) == (1, "heuristic", (2, "premium"))


async def test_an_awaited_one_that_is_sure_ends_the_chain():
    last = Says(SURE)
    found = await Chain([Awaited(Opinion("llm", rank=2)), last], LADDER).classify(SUBJECT)
    assert (found.rank, found.by, last.asked) == (2, "llm", 0)


async def test_cancellation_passes():
    with pytest.raises(asyncio.CancelledError):
        await Chain([Awaited(asyncio.CancelledError()), Says(SURE)], LADDER).classify(SUBJECT)


@pytest.mark.parametrize(
    ("bounds", "asked"),
    [
        (Opinion("rules"), 1),
        (Opinion("rules", floor=(1, "a")), 1),
        (Opinion("rules", floor=(2, "a")), 0),
        (Opinion("rules", cap=(0, "a")), 0),
        (Opinion("rules", floor=(1, "a"), cap=(1, "b")), 0),
        (Opinion("rules", floor=(2, "a"), cap=(1, "b")), 0),
        (None, 1),
    ],
)
def test_one_that_asks_models_is_passed_over_where_the_bounds_leave_one_tier(bounds, asked):
    asking = Says(Opinion("llm", rank=1), kind="llm", asks=True)
    chain = Chain([Says(bounds, kind="rules"), asking], LADDER)
    chain.classify(SUBJECT)
    assert chain.asks
    assert asking.asked == asked
    assert not Chain([Says(None)], LADDER).asks


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
