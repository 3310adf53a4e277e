from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_tiering.core.budget import AtCeiling, Budget, Downgrade, Limit, Scope
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification, Reached
from litellm_tiering.core.decision import Decision, Reason, Refusal, Stage, Step
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Account, Case, Policy, Route
from litellm_tiering.core.price import Usage
from litellm_tiering.core.shadow import (
    Does,
    Part,
    Question,
    Would,
    impersonal,
    of_budgets,
    of_classifier,
    of_gate,
    of_route,
    steps_of,
)
from litellm_tiering.units import NanoUSD

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 100))
POLICY = Policy(LADDER)
CASE = Case(Route("auto", ("auto",)), 2)
DECIDED = Decision((Step(Stage.CLASSIFY, Reason.HEURISTIC, None, 1),))
USED = Usage(completion=7)


async def nothing() -> Classification:
    return Classification()


def reached(by: str, name: str = "") -> Reached:
    return Reached(by, name, False, nothing)


def said(alone: Classification, by: str = "learned", decision: Decision = DECIDED) -> Would | None:
    return of_classifier(reached(by), alone, decision)


# --- classifiers


def test_a_classifier_would_have_moved_a_request_to_its_own_tier():
    found = said(Classification(rank=2, by="learned", score=0.734))
    assert found is not None
    assert found.explained(LADDER) == {
        "part": "classifier",
        "name": "learned",
        "does": "move",
        "from": "moderate",
        "to": "complex",
        "detail": "0.73",
        "extra_usd": None,
    }
    assert found.label == "shadow:learned:0.73"


def test_a_classifier_that_says_the_same_is_recorded_and_changes_nothing():
    found = said(Classification(rank=1, by="learned", score=0.5))
    assert (found.does, found.label, found.step.enforced) == (Does.KEEP, "", False)


@pytest.mark.parametrize(
    ("alone", "stage", "to", "detail"),
    [
        (Classification(floor=(2, "tools")), Stage.RULES, 2, "tools"),
        (Classification(cap=(0, "faq")), Stage.RULES, 0, "faq"),
        (Classification(rank=0, name="faq", floor=(2, "tools")), Stage.RULES, 2, "tools"),
        (Classification(rank=2, name="hard"), Stage.CLASSIFY, 2, "hard"),
        (Classification(rank=2, name="one", score=1.0), Stage.CLASSIFY, 2, "one:1.00"),
    ],
)
def test_rules_in_shadow_choose_and_bound(alone, stage, to, detail):
    found = said(alone, by="rules")
    assert (found.step.stage, found.step.to_rank, found.step.detail) == (stage, to, detail)


@pytest.mark.parametrize(
    "alone", [Classification(), Classification(floor=(1, "low")), Classification(cap=(1, "high"))]
)
def test_a_classifier_that_abstains_has_said_nothing(alone):
    assert said(alone) is None


def test_a_function_in_shadow_goes_by_its_own_name():
    found = of_classifier(reached("callback", "by_team"), Classification(rank=0), DECIDED)
    assert found.name == "callback:by_team"


def test_on_a_route_in_shadow_a_classifier_is_held_against_what_the_others_said():
    found = said(Classification(rank=2), decision=DECIDED.shadowed(0))
    assert (found.step.from_rank, found.step.to_rank) == (1, 2)


# --- routes


def test_a_route_that_takes_effect_has_nothing_to_foresee():
    assert of_route("auto", DECIDED) == ()


def test_a_route_in_shadow_would_have_sent_the_request_elsewhere():
    (found,) = of_route("auto", DECIDED.shadowed(2))
    assert (found.part, found.does, found.step.from_rank, found.step.to_rank) == (Part.ROUTE, Does.MOVE, 2, 1)
    assert found.label == ""


def test_a_routes_steps_are_the_decisions_own_and_are_not_told_again():
    (route,) = of_route("auto", DECIDED.shadowed(2))
    gate = of_gate("refusal", 0, 1, rejects=True)
    assert steps_of([route, gate], LADDER) == steps_of([gate], LADDER) != []


def test_a_route_in_shadow_would_have_left_the_request_where_it_is():
    (found,) = of_route("auto", DECIDED.shadowed(1))
    assert found.does is Does.KEEP


def test_a_route_in_shadow_would_have_refused_the_request():
    (found,) = of_route("auto", DECIDED.refused(Refusal(Reason.CEILING, "no", 429)).shadowed(2))
    assert (found.does, found.step.reason) == (Does.REFUSE, Reason.CEILING)
    assert found.explained(LADDER)["to"] is None


# --- gates


def test_a_gate_would_have_had_a_stronger_tier_asked():
    found = of_gate("refusal", 0, 1, rejects=True)
    assert (found.does, found.label) == (Does.REJECT, "shadow:escalation:refusal")
    assert steps_of([found], LADDER) == [
        {
            "stage": "cascade",
            "reason": "escalation",
            "from": "simple",
            "to": "moderate",
            "enforced": False,
            "detail": "refusal",
            "shadow": True,
        }
    ]


def test_a_rejection_with_no_tier_left_is_told_without_a_step():
    found = of_gate("refusal", 2, None, rejects=True)
    assert (found.step, found.label, steps_of([found], LADDER)) == (None, "shadow:refusal", [])
    assert found.explained(LADDER)["from"] is None
    assert found.priced(FACTS, USED) == found


def test_an_accepted_answer_is_counted_and_nothing_else():
    found = of_gate("refusal", 0, 1, rejects=False)
    assert (found.does, found.step, found.label) == (Does.ACCEPT, None, "")


# --- budgets


def account(*, used_of: str = "g", limit: int = 1000, **more) -> Account:
    budget = Budget(limit=NanoUSD(limit), shadow=True, downgrade=(Downgrade(0.8, steps=1),), **more)
    return Account(budget, "*", Limit(used_of, 1, (-1, -1, -1)), False, 1.0)


def foreseen(*silent: Account, used: int, amounts=(100, 10, 1), inforce=(), floor: bool = True):
    asked = Question(CASE, 2, (2, 1, 0), amounts, floor)
    return of_budgets(POLICY, asked, inforce or silent, silent, {"g": used, "t": used})


def test_a_budget_below_its_thresholds_would_have_done_nothing():
    assert foreseen(account(), used=799) == ()


def test_a_budget_past_a_threshold_would_have_moved_the_request_down():
    (found,) = foreseen(account(), used=800)
    assert (found.does, found.step.from_rank, found.step.to_rank) == (Does.MOVE, 2, 1)
    assert (found.label, found.name) == ("shadow:budget:global:0.80", "global $1e-06/day")


def test_at_its_ceiling_a_budget_would_have_sent_the_request_to_the_cheapest_tier():
    (found,) = foreseen(account(), used=995)
    assert (found.step.reason, found.step.to_rank) == (Reason.CEILING, 0)


def test_a_budget_that_blocks_would_have_refused_the_request():
    (found,) = foreseen(account(at_ceiling=AtCeiling.BLOCK), used=1000)
    assert (found.does, found.step.from_rank, found.step.to_rank) == (Does.REFUSE, 2, 2)


def test_what_a_budget_in_force_does_anyway_is_no_news():
    lower = Account(Budget(limit=NanoUSD(1000)), "*", Limit("g", 1, (800, -1, -1)), False, 1.0)
    assert foreseen(account(used_of="t"), used=800, inforce=[lower]) == ()


def test_a_request_that_is_refused_as_it_is_has_nothing_to_foresee():
    blocks = Account(Budget(limit=NanoUSD(1)), "*", Limit("g", 1, (-1, -1, -1), 1, True), False, 1.0)
    assert foreseen(account(used_of="t"), used=900, inforce=[blocks]) == ()


def test_of_a_counter_that_nobody_told_nothing_is_used():
    # One nano-dollar less, and the first option would fit below its ceiling.
    tight = Account(Budget(limit=NanoUSD(99)), "*", Limit("untold", 1, (-1, -1, -1), 99), False, 1.0)
    assert foreseen(account(), used=995, inforce=[tight]) == ()
    fresh = account(used_of="untold", limit=99, at_ceiling=AtCeiling.BLOCK)
    (found,) = foreseen(fresh, used=0, inforce=[account(used_of="t", limit=10**9)])
    assert found.does is Does.REFUSE
    assert foreseen(replace(fresh, budget=replace(fresh.budget, limit=NanoUSD(100))), used=0) == ()


def test_each_budget_is_told_by_itself():
    first, second = account(used_of="g"), account(used_of="t", scope=Scope.TEAM, match="blue", limit=900)
    found = foreseen(first, second, used=800)
    assert [w.name for w in found] == ["global $1e-06/day", "team:blue $9e-07/day"]


# --- money


@pytest.mark.parametrize(
    ("does", "from_rank", "to_rank", "extra"),
    [
        (Does.MOVE, 2, 0, 7 - 700),
        (Does.MOVE, 0, 1, 70 - 7),
        (Does.REJECT, 0, 2, 700),
        (Does.REFUSE, 1, 1, -70),
        (Does.MOVE, None, 1, None),
        (Does.REFUSE, None, 1, None),
    ],
)
def test_what_would_have_been_paid_is_by_the_prices_of_these_tokens(does, from_rank, to_rank, extra):
    would = Would(Part.BUDGET, "b", does, Step(Stage.BUDGET, Reason.BUDGET, from_rank, to_rank))
    assert would.priced(FACTS, USED).extra == extra


def test_a_price_that_is_not_known_makes_no_figure():
    unknown = (TierFacts(Price(known=False)), *FACTS[1:])
    would = Would(Part.BUDGET, "b", Does.MOVE, Step(Stage.BUDGET, Reason.BUDGET, 1, 0))
    assert would.priced(unknown, USED).extra is None
    assert would.priced(FACTS, USED).explained(LADDER)["extra_usd"] == (7 - 70) / 1e9


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("user:ann $5/day", "user:* $5/day"),
        ("team:blue $5/day", "team:blue $5/day"),
        ("global $5/day", "global $5/day"),
    ],
)
def test_ids_of_personal_budgets_are_left_out_for_others(name, told):
    assert impersonal(name) == told


def test_a_budget_is_named_by_what_its_owner_wrote():
    assert Budget(Scope.TEAM, "b*").name == "team:b* no limit/day"
