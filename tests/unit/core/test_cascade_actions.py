from __future__ import annotations

import pytest

from litellm_tiering.core.budget import NO_BOUND, Budget, Choice, Downgrade, Limit
from litellm_tiering.core.cascade import Because, Bounds, GiveUp, Serve, Tried, Try, best, next_action
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Decision, Reason, Stage
from litellm_tiering.core.gate import Judgement
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Account, Case, Policy, Route, Spending, question
from litellm_tiering.units import NanoUSD

GOOD = Judgement()
BAD = Judgement("refusal", 1.0)
POLICY = Policy(Ladder(Tier(f"t{i}", f"m{i}") for i in range(4)))
AUTO = Route("auto", ("auto",), default_rank=1)


def bounds(top=3, cap=3, escalations=2, **more) -> Bounds:
    return Bounds(top, cap, escalations, **more)


def tried(*found: tuple[int, Judgement | None]) -> list[Tried]:
    return [Tried(rank, judgement) for rank, judgement in found]


@pytest.mark.parametrize("stopped", [None, Because.BUDGET])
@pytest.mark.parametrize("late", [False, True])
def test_an_accepted_answer_is_served_whatever_else_is_the_case(late, stopped):
    found = next_action(tried((0, BAD), (1, GOOD)), bounds(), late=late, stopped=stopped)
    assert found == Serve(1, Because.ACCEPTED)


def test_a_rejected_answer_leads_to_the_next_tier():
    assert next_action(tried((0, BAD)), bounds()) == Try(1)
    assert next_action(tried((0, BAD), (1, BAD)), bounds()) == Try(2)


def test_a_failed_attempt_leads_past_the_tier_that_failed():
    assert next_action(tried((0, BAD), (1, None)), bounds()) == Try(2)
    assert next_action(tried((0, None)), bounds()) == Try(1)
    assert next_action(tried((2, BAD), (1, None)), bounds()) == Try(3), "whatever the order"


def test_tiers_that_cannot_serve_or_are_not_open_are_passed_over():
    assert next_action(tried((0, BAD)), bounds(unable={1: "vision"})) == Try(2)
    assert next_action(tried((0, BAD)), bounds(forbidden={1: "key"})) == Try(2)
    assert next_action(tried((0, BAD)), bounds(unable={1: "vision"}, forbidden={2: "key"})) == Try(3)


@pytest.mark.parametrize(
    ("rank", "limits", "because"),
    [
        (3, {}, Because.TOP),
        (3, {"escalations": 0}, Because.TOP),
        (0, {"escalations": 0}, Because.LIMIT),
        (1, {"cap": 1}, Because.CAP),
        (2, {"cap": 1}, Because.CAP),
        (1, {"unable": {2: "vision", 3: "vision"}}, Because.REQUIREMENT),
        (1, {"cap": 2, "unable": {2: "vision"}}, Because.REQUIREMENT),
        (1, {"forbidden": {2: "key", 3: "key"}}, Because.PERMISSION),
        (1, {"unable": {2: "vision"}, "forbidden": {3: "key"}}, Because.PERMISSION),
    ],
)
def test_where_there_is_nowhere_to_climb_the_answer_is_kept_and_it_says_why(rank, limits, because):
    assert next_action(tried((rank, BAD)), bounds(**limits)) == Serve(0, because)


def test_a_deadline_keeps_an_answer_only_where_it_could_have_been_replaced():
    assert next_action(tried((0, BAD)), bounds(), late=True) == Serve(0, Because.DEADLINE)
    assert next_action(tried((3, BAD)), bounds(), late=True) == Serve(0, Because.TOP)


@pytest.mark.parametrize("because", [Because.BUDGET, Because.STORE])
def test_what_the_ledger_said_stops_the_climb(because):
    assert next_action(tried((0, BAD)), bounds(), stopped=because) == Serve(0, because)
    assert next_action(tried((0, None)), bounds(), stopped=because) == GiveUp()


def test_after_as_many_escalations_as_allowed_the_best_answer_is_served():
    found = next_action(tried((0, Judgement("a", 0.3)), (1, Judgement("b", 0.9))), bounds(escalations=1))
    assert found == Serve(0, Because.LIMIT)


def test_without_any_answer_there_is_nothing_to_serve():
    assert next_action(tried((3, None)), bounds()) == GiveUp()
    assert next_action(tried((0, None), (1, None)), bounds(escalations=1)) == GiveUp()


def test_the_best_answer_is_the_least_bad_and_of_equals_the_stronger_tiers():
    assert best([]) is None
    assert best(tried((0, None), (1, None))) is None
    assert best(tried((0, BAD), (1, BAD))) == 1
    assert best(tried((0, BAD), (1, None))) == 0
    assert best(tried((0, Judgement("a", 0.2)), (1, Judgement("b", 0.4)), (2, None))) == 0


# ---------------------------------------------------------------------- how far a request may climb


def case(rank: int, **more) -> Case:
    bounds_ = {name: more.pop(name) for name in ("cap", "floor") if name in more}
    return Case(AUTO, 3, Classification(rank=rank, by="heuristic", **bounds_), **more)


def climbs_to(case_: Case, spending: Spending | None = None) -> int:
    return POLICY.climbs_to(case_, POLICY.decide(case_, spending))


@pytest.mark.parametrize(
    ("rank", "more", "highest"),
    [
        (0, {}, 3),
        (0, {"cap": (1, "bulk")}, 1),
        (3, {"cap": (0, "bulk")}, 0),
        (0, {"floor": (1, "vip")}, 3),
        (0, {"cap": (0, "bulk"), "floor": (2, "vip")}, 2),
        (0, {"cap": (2, "bulk"), "floor": (1, "vip")}, 2),
    ],
    ids=["free", "capped", "lowered by a cap", "floored", "a floor above the cap", "a floor below the cap"],
)
def test_a_rules_cap_bounds_the_climb_unless_its_floor_is_higher(rank, more, highest):
    assert climbs_to(case(rank, **more)) == highest


def test_a_lower_wish_is_not_undone_by_an_escalation():
    assert climbs_to(case(2, wish=0)) == 0
    assert climbs_to(case(1, wish=1)) == 1, "a wish for what it would have got anyway is a wish too"
    assert climbs_to(case(2, wish=0, floor=(1, "vip"))) == 1
    assert climbs_to(case(1, wish=2)) == 3, "a refused wish to rise bounds nothing"
    deaf = Case(Route("r", ("r",), client_tier=frozenset()), 3, Classification(rank=2, by="llm"), wish=0)
    assert climbs_to(deaf) == 3, "a wish that the route does not grant bounds nothing"


def test_a_wish_whose_tier_cannot_serve_allows_the_tier_that_can():
    assert climbs_to(case(2, wish=0, unable={0: "vision"})) == 1


def spending(case_: Case, used: int) -> Spending:
    budget = Budget(limit=NanoUSD(1000), downgrade=(Downgrade(0.8, steps=1), Downgrade(0.9, to_rank=0)))
    draft = POLICY.draft(case_)
    options = POLICY.options(case_, draft)
    below, ceiling, block = question(POLICY, case_, draft.rank, options, budget, critical=False)
    limit = Limit("g", 0, below, ceiling, block)
    down = next(i for i, b in enumerate(below) if b == NO_BOUND or used < b)
    choice = Choice(down, 0 if down else None)
    return Spending(
        (Account(budget, "*", limit, critical=False, window_end_s=9.0),), options, choice, (used,), 0.0
    )


def test_what_the_budget_moved_down_stays_down():
    asked = case(2)
    assert climbs_to(asked, spending(asked, 100)) == 3
    assert climbs_to(asked, spending(asked, 850)) == 1
    assert climbs_to(asked, spending(asked, 950)) == 0


def test_a_request_sent_to_a_cheap_tier_while_the_store_was_away_stays_there():
    asked = case(2)
    cheap = POLICY.decide(asked, None).moved(0, stage=Stage.BUDGET, because=Reason.STORE, detail="cheap")
    assert POLICY.climbs_to(asked, cheap) == 0
    opened = POLICY.decide(asked, None).moved(2, stage=Stage.BUDGET, because=Reason.STORE, detail="open")
    assert POLICY.climbs_to(asked, opened) == 3


def test_a_step_that_was_not_enforced_bounds_nothing():
    asked = case(2)
    decision = POLICY.decide(asked, None).moved(0, stage=Stage.BUDGET, because=Reason.BUDGET, enforced=False)
    assert POLICY.climbs_to(asked, decision) == 3


# ---------------------------------------------------------------------- segments that start higher


def decided(case_: Case) -> Decision:
    return POLICY.decide(case_, None)


def test_a_segment_that_fares_badly_starts_one_tier_higher_and_says_so():
    found = decided(case(1, bypass="code"))
    assert (found.rank, found.reasons) == (2, ("heuristic", "bypass:code"))
    assert [s.stage for s in found.steps] == [Stage.CLASSIFY, Stage.CLASSIFY]


def test_the_dearest_tier_has_none_above_it_to_start_at():
    assert decided(case(3, bypass="code")).reasons == ("heuristic",)


def test_a_start_one_tier_higher_yields_to_wishes_and_caps():
    assert decided(case(1, bypass="code", wish=0)).rank == 0
    assert decided(case(1, bypass="code", cap=(1, "bulk"))).rank == 1
    wished = case(1, bypass="code", wish=1)
    assert decided(wished).reasons == ("heuristic", "bypass:code", "client:lower")
    assert POLICY.climbs_to(wished, decided(wished)) == 1


def test_what_the_classifiers_alone_asked_for_is_known_whatever_followed():
    assert POLICY.classified(case(1, bypass="code", wish=0, cap=(0, "bulk"))) == 1
    assert POLICY.classified(Case(AUTO, 3)) == 1
