from __future__ import annotations

import pytest

from litellm_tiering.core.bounds import bounds
from litellm_tiering.core.budget import (
    AtCeiling,
    Budget,
    Choice,
    Critical,
    Downgrade,
    Limit,
    Scope,
    choose,
)
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Decision, Reason, Stage
from litellm_tiering.core.features import Caller
from litellm_tiering.core.ladder import Ladder, Tier, settle_on
from litellm_tiering.core.policy import Account, Case, Policy, Route, Spending, question
from litellm_tiering.units import NanoUSD

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
POLICY = Policy(LADDER)
AUTO = Route("auto", ("auto",), default_rank=1)
EXPLICIT = Route("explicit", ("large",), classify=False)


def case(rank=None, *, route=AUTO, asked=2, by="heuristic", name="", **more) -> Case:
    said = more.pop("said", Classification(rank=rank, by=by if rank is not None else "", name=name))
    return Case(route=route, asked=asked, classification=said, **more)


def spending(case_, *, used=0, limit=1000, at=AtCeiling.CHEAPEST, critical=False, amounts=None) -> Spending:
    budget = Budget(
        limit=NanoUSD(limit), downgrade=(Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0)), at_ceiling=at
    )
    draft = POLICY.draft(case_)
    options = POLICY.options(case_, draft)
    below, ceiling, block = question(POLICY, case_, draft.rank, options, budget, critical=critical)
    limit_ = Limit("global|*|d", 0, below, ceiling, block)
    amounts = amounts or tuple(10 * (r + 1) for r in options)
    choice = choose([limit_], amounts, [used], floor=options[-1] == 0)
    return Spending((Account(budget, "*", limit_, critical, 100.0),), options, choice, (used,), 40.0)


def test_a_classified_request_goes_where_the_classifier_says_and_says_why():
    decision = POLICY.decide(case(0, by="rules", name="faq"), None)
    assert (decision.rank, decision.reasons) == (0, ("rule:faq",))


def test_abstention_goes_to_the_default_tier_and_a_fault_says_which():
    assert POLICY.decide(case(), None).reasons == ("default",)
    broken = POLICY.decide(case(said=Classification(fault="ValueError")), None)
    assert (broken.rank, broken.reasons) == (1, ("fault:ValueError",))


def test_an_explicit_model_stays_as_asked():
    decision = POLICY.decide(case(route=EXPLICIT), None)
    assert (decision.rank, decision.reasons) == (2, ("requested",))


@pytest.mark.parametrize(
    ("wish", "allowed", "rank", "reason"),
    [
        (0, {"lower"}, 0, "client:lower"),
        (2, {"lower"}, 1, "client:floor-refused"),
        (2, {"lower", "floor"}, 2, "client:floor"),
        (0, {"floor"}, 1, "client:lower-refused"),
    ],
)
def test_a_client_may_lower_and_raise_only_as_the_route_allows(wish, allowed, rank, reason):
    route = Route("auto", ("auto",), default_rank=1, client_tier=frozenset(allowed))
    decision = POLICY.decide(case(1, route=route, wish=wish), None)
    assert decision.rank == rank
    assert decision.reasons[-1] == reason


def test_a_wish_for_the_same_tier_is_no_step():
    assert len(POLICY.decide(case(1, wish=1), None).steps) == 1


def test_floors_and_caps_of_rules_bound_the_tier_and_a_floor_wins():
    raised = POLICY.decide(case(said=Classification(rank=0, by="heuristic", floor=(1, "premium"))), None)
    assert (raised.rank, raised.reasons) == (1, ("heuristic", "floor:premium"))
    lowered = POLICY.decide(case(said=Classification(rank=2, by="heuristic", cap=(0, "bulk"))), None)
    assert (lowered.rank, lowered.reasons) == (0, ("heuristic", "cap:bulk"))
    both = Classification(rank=2, by="heuristic", floor=(1, "premium"), cap=(0, "bulk"))
    assert POLICY.decide(case(said=both), None).rank == 1


def test_a_floor_holds_against_the_clients_wish():
    said = Classification(rank=2, by="heuristic", floor=(1, "premium"))
    assert POLICY.decide(case(said=said, wish=0), None).rank == 1


def test_a_request_a_tier_cannot_serve_moves_up_then_down_then_is_refused():
    up = POLICY.decide(case(0, unable={0: "vision"}), None)
    assert (up.rank, up.reasons[-1]) == (1, "requirement:vision")
    down = POLICY.decide(case(2, unable={2: "audio"}), None)
    assert down.rank == 1
    nowhere = POLICY.decide(case(0, unable=dict.fromkeys(range(3), "audio")), None)
    assert nowhere.refusal is not None
    assert nowhere.refusal.status == 400
    assert nowhere.reasons[-1] == "refused:requirement"
    assert "audio" in nowhere.refusal.message


@pytest.mark.parametrize(
    ("used", "rank", "reason"),
    [
        (799, 2, None),
        (800, 1, "budget:global:0.80"),
        (949, 1, "budget:global:0.95"),
        (950, 0, "budget:global:0.95"),
        (995, 0, "ceiling:global:0.99"),
        (5000, 0, "ceiling:global:5.00"),
    ],
)
def test_near_the_ceiling_a_request_moves_down_the_ladder(used, rank, reason):
    asked = case(2)
    decision = POLICY.decide(asked, spending(asked, used=used))
    assert decision.rank == rank
    assert decision.reasons[-1] == (reason or "heuristic")


def test_at_a_blocking_ceiling_a_request_is_refused_until_the_window_ends():
    asked = case(2)
    refusal = POLICY.decide(asked, spending(asked, used=995, at=AtCeiling.BLOCK)).refusal
    assert refusal is not None
    assert (refusal.status, refusal.retry_after_s, refusal.scope) == (429, 61, "global")
    refused = POLICY.decide(asked, spending(asked, used=995, at=AtCeiling.BLOCK))
    assert refused.reasons == ("heuristic", "refused:ceiling:global")


@pytest.mark.parametrize(
    ("used", "said"),
    [(995, "has too little left for this request"), (1000, "is used up"), (5000, "is used up")],
)
def test_a_refusal_tells_a_spent_budget_from_one_with_no_room_for_this_request(used, said):
    asked = case(2)
    refusal = POLICY.decide(asked, spending(asked, used=used, at=AtCeiling.BLOCK)).refusal
    assert refusal is not None
    assert refusal.message == f"The day budget of global {said}. It starts anew in 61 s."


def test_a_request_that_only_a_dear_tier_can_serve_is_refused_at_the_ceiling_but_not_before():
    asked = case(2, unable={0: "vision", 1: "vision"})
    near = POLICY.decide(asked, spending(asked, used=960))
    assert (near.rank, near.refusal) == (2, None)
    over = POLICY.decide(asked, spending(asked, used=995))
    assert over.refusal is not None
    assert over.refusal.status == 429
    assert "vision" in over.refusal.message


def test_a_key_without_the_cheap_tier_is_refused_at_the_ceiling():
    asked = case(2, forbidden={0: "key"})
    over = POLICY.decide(asked, spending(asked, used=995))
    assert over.refusal is not None
    assert "for this key" in over.refusal.message


def test_critical_traffic_is_on_record_and_stays():
    asked = case(2)
    decision = POLICY.decide(asked, spending(asked, used=5000, critical=True))
    assert decision.rank == 2
    assert decision.reasons[-1] == "critical:global"


def test_a_caller_without_rights_to_a_tier_stays_where_it_is():
    asked = case(0, forbidden={0: "key", 1: "key"})
    for found in (POLICY.decide(asked, None), POLICY.decide(asked, spending(asked))):
        assert (found.rank, found.reasons[-1]) == (2, "permission:key")
    between = case(0, forbidden={0: "key"})
    assert POLICY.decide(between, spending(between)).rank == 1


def test_a_request_nobody_may_serve_is_refused():
    asked = case(0, unable={2: "vision"}, forbidden={0: "key", 1: "key"})
    refusal = POLICY.decide(asked, None).refusal
    assert refusal is not None
    assert refusal.status == 403


def test_stages_come_in_the_order_of_the_contract():
    said = Classification(rank=0, by="heuristic", floor=(1, "f"), cap=(2, "c"))
    route = Route("auto", ("auto",), client_tier=frozenset({"floor"}))
    asked = case(said=said, route=route, wish=2, unable={2: "vision"})
    decision = POLICY.decide(asked, spending(asked, used=960))
    assert [s.stage for s in decision.steps] == [
        Stage.CLASSIFY,
        Stage.CLIENT,
        Stage.REQUIREMENTS,
        Stage.BUDGET,
    ]


def test_shadow_records_every_step_and_moves_nothing():
    decision = POLICY.decide(case(0), None).shadowed(2)
    assert (decision.rank, decision.reasons) == (2, ("shadow:heuristic",))
    assert decision.explained(LADDER)[1] == {
        "stage": "classify",
        "reason": "heuristic",
        "from": None,
        "to": "simple",
        "enforced": False,
        "detail": "",
    }


def test_an_id_that_a_client_chose_cannot_pass_for_another_reason():
    budget = Budget(Scope.END_USER, limit=NanoUSD(1))
    account = Account(budget, "eve,critical:global\r\nx: y" + "z" * 99, Limit("k", 0, ()), False, 0.0)
    assert account.name.startswith("end_user:eve_critical:global__x:_yzz")
    assert len(account.name) <= 64 + len("end_user:")


def test_a_decision_without_steps_has_no_tier():
    with pytest.raises(ValueError, match="enforced step"):
        _ = Decision(()).rank


def test_moving_is_the_only_way_to_another_tier():
    start = POLICY.decide(case(1), None)
    moved = start.moved(0, stage=Stage.BUDGET, because=Reason.BUDGET, detail="x")
    assert (start.rank, moved.rank, moved.steps[-1].from_rank) == (1, 0, 1)


def test_settle_on_goes_up_first_then_down():
    assert settle_on(1, frozenset({0, 2})) == 2
    assert settle_on(2, frozenset({0, 1})) == 1
    assert settle_on(0, frozenset()) is None


def test_a_ladder_is_checked():
    with pytest.raises(ValueError, match="two tiers"):
        Ladder([Tier("a", "m")])
    with pytest.raises(ValueError, match="differ"):
        Ladder([Tier("a", "m"), Tier("a", "n")])
    assert (len(LADDER), LADDER.top, LADDER.rank("complex"), LADDER.find("x")) == (3, 2, 2, None)
    assert LADDER.rank_of_model("medium") == 1


def test_a_refusal_at_the_floor_blocks_when_another_budget_blocks():
    soft = Limit("a", 0, (-1, -1), ceiling=100)
    hard = Limit("b", 0, (-1, -1), ceiling=100, block=True)
    assert choose([soft, hard], [50, 10], [80, 20], floor=True) == Choice(1, 0, at_ceiling=True)
    assert choose([soft, hard], [50, 10], [80, 95], floor=True) == Choice(None, 1, at_ceiling=True)
    assert choose([soft, hard], [50, 60], [80, 45], floor=True) == Choice(None, 1, at_ceiling=True)
    assert choose([soft], [50], [80], floor=False) == Choice(None, 0, at_ceiling=True)


def test_bounds_of_a_counting_budget_admit_everything():
    assert bounds(Budget(), 2, (2, 1, 0), frozenset({0, 1, 2})) == (-1, -1, -1)


def test_critical_is_read_from_keys_and_teams():
    critical = Critical(teams=("blue*",), key_aliases=("ops",), tags=("gold",))
    assert critical.holds(Caller(team="blue-1"))
    assert critical.holds(Caller(key_alias="ops"))
    assert critical.holds(Caller(tags=frozenset({"gold"})))
    assert not critical.holds(Caller(team="red", key_alias="dev", tags=frozenset({"silver"})))


@pytest.mark.parametrize(
    ("scope", "match", "ids"),
    [
        ("global", "*", ("*",)),
        ("team", "*", ("t1",)),
        ("team", "Blue", ("t1",)),
        ("team", "red", ()),
        ("key", "k-alias", ("hash",)),
        ("user", "*", ("u",)),
        ("end_user", "*", ()),
        ("route", "auto", ("auto",)),
        ("tag", "a*", ("a1", "a2")),
    ],
)
def test_a_budget_knows_whom_it_counts(scope, match, ids):
    caller = Caller(
        key="hash", key_alias="k-alias", team="t1", team_alias="Blue", user="u", tags=frozenset({"a1", "b"})
    )
    found = Budget(scope=Scope(scope), match=match).ids(caller, route="auto", tags=frozenset({"a2"}))
    assert found == ids
