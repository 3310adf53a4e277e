"""Two policies on the same requests: what moved, and by which cause."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.decision import Decision, Reason, Refusal, Stage, Step
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.evals.policy_diff import PRICE, REFUSED, Diary, cause_of, compare
from litellm_tiering.evals.result import Result

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 100))
DEARER = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 200))


def ask(facts=FACTS):
    return SimpleNamespace(inquiry=SimpleNamespace(facts=facts), prompt_tokens=0, completion_tokens=10)


def decision(*steps, refused=None):
    """Steps as (stage, reason, rank), each in force."""
    made = tuple(Step(stage, reason, None, rank) for stage, reason, rank in steps)
    return Decision(made, None if refused is None else Refusal(refused, "no", 429))


def result(worth=(1.0,), spent=0):
    return Result(
        label="x", policy="p", hours=(), limit=None, windows={}, reasons={}, refused={}, late=(0, 0),
        floored=0, changes=0, days=1, worth=worth, quality_wanted=1.0, measured=False,
    )  # fmt: skip


def diary(*decisions, facts=FACTS):
    made = Diary(LADDER)
    for one in decisions:
        made.note(ask(facts), one)
    return made


HEURISTIC = (Stage.CLASSIFY, Reason.HEURISTIC, 2)
CHEAP = (Stage.CLASSIFY, Reason.HEURISTIC, 0)

CAUSES = {
    "classifier": ([HEURISTIC], [CHEAP]),
    "rule": ([HEURISTIC], [(Stage.CLASSIFY, Reason.RULE, 0)]),
    "cascade": ([CHEAP], [CHEAP, (Stage.CLASSIFY, Reason.BYPASS, 1)]),
    "budget": ([HEURISTIC], [HEURISTIC, (Stage.BUDGET, Reason.BUDGET, 1)]),
    "requirement": ([CHEAP], [CHEAP, (Stage.REQUIREMENTS, Reason.REQUIREMENT, 2)]),
    "availability": ([HEURISTIC], [HEURISTIC, (Stage.AVAILABILITY, Reason.PERMISSION, 1)]),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_is_the_stage_from_which_on_two_decisions_differ(cause):
    before, after = CAUSES[cause]
    made = diary(decision(*before), decision(*after))
    assert cause_of(*made.ways) == cause
    assert cause_of(*reversed(made.ways)) == cause


def test_a_floor_of_a_rule_is_a_rule_whatever_the_classifiers_said():
    floored = decision(CHEAP, (Stage.RULES, Reason.FLOOR, 2))
    plain = decision(CHEAP)
    assert cause_of(*diary(floored, plain).ways) == "rule"


def test_what_a_later_stage_evens_out_has_moved_nothing():
    needs = (Stage.REQUIREMENTS, Reason.REQUIREMENT, 2)
    ways = diary(decision(CHEAP, needs), decision(HEURISTIC, needs)).ways
    assert cause_of(*ways) is None


def test_the_last_parting_counts_where_decisions_meet_in_between():
    needs = (Stage.REQUIREMENTS, Reason.REQUIREMENT, 2)
    down = (Stage.BUDGET, Reason.BUDGET, 1)
    ways = diary(decision(CHEAP, needs), decision(HEURISTIC, needs, down)).ways
    assert cause_of(*ways) == "budget"


def test_a_refusal_has_the_cause_of_its_reason_and_costs_nothing():
    made = diary(
        decision(HEURISTIC),
        decision(HEURISTIC, refused=Reason.CEILING),
        decision(HEURISTIC, refused=Reason.PERMISSION),
    )
    served, blocked, forbidden = made.ways
    assert blocked.tier == REFUSED
    assert (cause_of(served, blocked), cause_of(served, forbidden)) == ("budget", "availability")
    assert list(made.cost) == [1000, 0, 0]


def test_steps_that_took_no_effect_are_none():
    watched = Step(Stage.BUDGET, Reason.BUDGET, 2, 0, enforced=False)
    plain = decision(HEURISTIC)
    assert len(diary(plain, Decision((*plain.steps, watched))).ways) == 1


def test_moves_are_counted_by_cause_with_what_they_cost():
    down = decision(HEURISTIC, (Stage.BUDGET, Reason.BUDGET, 1))
    old = diary(decision(HEURISTIC), decision(HEURISTIC), decision(CHEAP), decision(HEURISTIC))
    new = diary(down, decision(HEURISTIC), decision(HEURISTIC), decision(HEURISTIC, refused=Reason.CEILING))
    found = compare((old, result((1.0,) * 4)), (new, result((0.0, 1.0, 1.0, 0.0))))
    budget, classifier = found.causes["budget"], found.causes["classifier"]
    assert (budget.requests, budget.up, budget.down, budget.refused, budget.cost) == (2, 0, 1, 1, -1900)
    assert (classifier.requests, classifier.up, classifier.cost) == (1, 1, 990)
    assert (found.moved, found.lowered) == (3, 2)
    assert found.ways["complex", "moderate"] == found.ways["simple", "complex"] == 1
    assert [e["request"] for e in found.examples] == [0, 2, 3]
    assert found.examples[0]["new"] == ["heuristic -> complex", "budget -> moderate"]
    mean, low, high = found.quality_change()
    assert mean == -0.5
    assert low < mean < high
    told = found.as_json()
    assert told["causes"]["budget"]["cost_change_usd"] == pytest.approx(-1.9e-6)


def test_dearer_tokens_on_the_same_tier_are_told_as_a_price():
    old, new = diary(decision(HEURISTIC)), diary(decision(HEURISTIC), facts=DEARER)
    found = compare((old, result()), (new, result()))
    assert (found.moved, found.causes[PRICE].requests, found.causes[PRICE].cost) == (0, 0, 1000)


def test_a_refused_request_that_is_served_again_is_told_so():
    old = diary(decision(HEURISTIC, refused=Reason.CEILING))
    found = compare((old, result((0.0,))), (diary(decision(HEURISTIC)), result()))
    assert (found.causes["budget"].served, found.lowered) == (1, 0)


def test_nothing_at_all_can_be_compared():
    found = compare((diary(), result(())), (diary(), result(())))
    assert (found.cost_increase, found.lowered_share, found.quality_change()) == (0.0, 0.0, (0.0, 0.0, 0.0))


def test_requests_that_go_the_same_way_take_the_same_room():
    made = diary(*[decision(HEURISTIC)] * 1000)
    assert (len(made.ways), len(made.went)) == (1, 1000)
