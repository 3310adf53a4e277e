from __future__ import annotations

import pytest

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.core.classification import Opinion
from litellm_tiering.core.ladder import Ladder, Tier

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])


class Fixed:
    def __init__(self, kind, opinion=None, *, asks=False, name=""):
        self.kind, self.opinion, self.asks, self.asked = kind, opinion, asks, 0
        if name:
            self.name = name

    def classify(self, subject):
        self.asked += 1
        if isinstance(self.opinion, Exception):
            raise self.opinion
        return self.opinion


def chain(*classifiers, shadow=(), **more):
    return Chain(classifiers, LADDER, shadow=shadow, **more)


SURE = Fixed("heuristic", Opinion("heuristic", rank=0))


def test_a_classifier_in_shadow_does_not_end_the_chain_and_is_not_asked_in_it():
    silent = Fixed("learned", Opinion("learned", rank=2, floor=(2, "x")))
    found = chain(silent, SURE, shadow=[0]).classify(None)
    assert (found.rank, found.by, found.floor, silent.asked) == (0, "heuristic", None, 0)
    assert [(one.by, one.asks) for one in found.reached] == [("learned", False)]
    assert [o.by for o in found.opinions] == ["heuristic"]


def test_one_after_the_classifier_that_decides_is_not_reached():
    found = chain(SURE, Fixed("learned"), shadow=[1]).classify(None)
    assert found.reached == ()


def test_one_that_asks_models_is_not_reached_where_the_bounds_leave_one_tier():
    bounds = Fixed("rules", Opinion("rules", floor=(1, "a"), cap=(1, "b")))
    paid, free = Fixed("llm", asks=True), Fixed("learned")
    found = chain(bounds, paid, free, SURE, shadow=[1, 2]).classify(None)
    assert [one.by for one in found.reached] == ["learned"]


def test_what_is_remembered_of_those_in_shadow_is_no_part_of_what_was_said():
    silent = chain(Fixed("learned"), SURE, shadow=[0])
    assert silent.classify(None) == chain(SURE).classify(None)
    assert [c.kind for c in silent.classifiers] == ["heuristic"]
    assert "reached" not in repr(silent.classify(None))


async def test_its_word_alone_is_turned_into_a_rank_as_always():
    unsure = Fixed("learned", Opinion("learned", score=0.9, confidence=0.2))
    sure = Fixed("callback", Opinion("callback", score=0.9), name="mine")
    both = chain(
        unsure,
        sure,
        SURE,
        shadow=[0, 1],
        thresholds={"callback": (0.1, 0.95)},
        abstain_below={"learned": 0.5},
    )
    found = [(one.name, await one.ask()) for one in both.classify(None).reached]
    assert [(name, alone.rank) for name, alone in found] == [("", None), ("mine", 1)]


@pytest.mark.parametrize("opinion", [ValueError("no"), "a string", Opinion("learned", rank=9)])
async def test_a_fault_of_one_in_shadow_is_told_and_costs_its_word_alone(opinion):
    faults = []
    found = chain(Fixed("learned", opinion), SURE, shadow=[0], on_fault=lambda *f: faults.append(f)).classify(
        None
    )
    alone = await found.reached[0].ask()
    assert (found.fault, alone.rank, [where for where, _ in faults]) == ("", None, ["classifier:learned"])
