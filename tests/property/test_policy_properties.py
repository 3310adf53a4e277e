"""What must hold of every decision, whatever the request, the rules and the balances."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.budget import AtCeiling, Budget, Downgrade, Limit, choose
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Decision, Stage
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Account, Case, Policy, Route, Spending, question
from litellm_tiering.units import NanoUSD

ranks = st.integers(0, 4)


@st.composite
def ladders(draw) -> Ladder:
    return Ladder(Tier(f"t{i}", f"m{i}") for i in range(draw(st.integers(2, 5))))


@st.composite
def cases(draw, ladder: Ladder) -> Case:
    rank = st.integers(0, ladder.top)
    bound = st.none() | st.tuples(rank, st.just("rule"))
    asked = draw(rank)
    route = Route(
        "r",
        ("*",),
        classify=draw(st.booleans()),
        default_rank=draw(rank),
        client_tier=frozenset(draw(st.sets(st.sampled_from(["lower", "floor"])))),
    )
    said = Classification(rank=draw(st.none() | rank), by="heuristic", floor=draw(bound), cap=draw(bound))
    unable = draw(st.dictionaries(rank, st.just("vision"), max_size=3))
    forbidden = draw(st.dictionaries(rank.filter(lambda r: r != asked), st.just("key"), max_size=3))
    kept = draw(st.integers(0, ladder.top + 1))
    return Case(route, asked, said, draw(st.none() | rank), unable, forbidden, kept=kept)


@st.composite
def budgets(draw, ladder: Ladder) -> Budget:
    thresholds = sorted(draw(st.lists(st.floats(0.01, 1.0), max_size=4)))
    steps = [
        Downgrade(at, steps=draw(st.integers(1, 3)))
        if draw(st.booleans())
        else Downgrade(at, to_rank=draw(st.integers(0, ladder.top)))
        for at in thresholds
    ]
    return Budget(
        limit=NanoUSD(draw(st.integers(1, 10_000))),
        downgrade=tuple(steps),
        at_ceiling=draw(st.sampled_from(AtCeiling)),
    )


def decided(
    policy: Policy, case: Case, several: list[Budget], used: list[int]
) -> tuple[Decision, tuple[int, ...]]:
    draft = policy.draft(case)
    options = policy.options(case, draft)
    if not options or draft.refusal:
        return policy.decide(case, None), options
    accounts = []
    for i, budget in enumerate(several):
        below, ceiling, block = question(policy, case, draft.rank, options, budget, critical=False)
        limit = Limit(str(i), 0, below, ceiling, block)
        accounts.append(Account(budget, str(i), limit, critical=False, window_end_s=1.0))
    amounts = tuple(10 * (r + 1) for r in options)
    choice = choose([a.limit for a in accounts], amounts, used, floor=options[-1] == 0)
    return policy.decide(case, Spending(tuple(accounts), options, choice, tuple(used), 0.0)), options


@given(st.data())
def test_more_spend_never_raises_a_tier_and_never_lifts_a_refusal(data):
    ladder = data.draw(ladders())
    policy = Policy(ladder)
    case = data.draw(cases(ladder))
    several = data.draw(st.lists(budgets(ladder), min_size=1, max_size=3))
    less = [data.draw(st.integers(0, 12_000)) for _ in several]
    more = [u + data.draw(st.integers(0, 12_000)) for u in less]
    before, _ = decided(policy, case, several, less)
    after, _ = decided(policy, case, several, more)
    if before.refusal:
        assert after.refusal
    elif not after.refusal:
        assert after.rank <= before.rank


@given(st.data())
def test_a_decision_names_a_usable_tier_of_the_ladder_or_refuses(data):
    ladder = data.draw(ladders())
    policy = Policy(ladder)
    case = data.draw(cases(ladder))
    several = data.draw(st.lists(budgets(ladder), max_size=3))
    decision, options = decided(policy, case, several, [data.draw(st.integers(0, 12_000)) for _ in several])
    assert 0 <= decision.rank <= ladder.top
    if decision.refusal is None:
        assert decision.rank in policy.usable(case)
        assert decision.rank in options


@given(st.data())
def test_each_step_starts_where_the_last_enforced_one_ended(data):
    ladder = data.draw(ladders())
    policy = Policy(ladder)
    decision = policy.decide(data.draw(cases(ladder)), None)
    at = None
    for step in decision.steps:
        assert step.from_rank == at
        at = step.to_rank if step.enforced else at


@given(st.data())
def test_the_client_alone_never_gets_past_the_floor_and_ceiling_it_was_given(data):
    """A wish without the route's leave to raise never ends above the same request without one."""
    ladder = data.draw(ladders())
    policy = Policy(ladder)
    case = data.draw(cases(ladder))
    route = Route("r", ("*",), classify=True, default_rank=case.route.default_rank)
    plain = Case(route, case.asked, case.classification, None, case.unable, case.forbidden)
    wishing = Case(route, case.asked, case.classification, ladder.top, case.unable, case.forbidden)
    assert policy.decide(wishing, None).rank == policy.decide(plain, None).rank


@given(st.data())
def test_a_conversation_never_lowers_a_request_and_never_passes_its_own_rank_but_by_others(data):
    ladder = data.draw(ladders())
    policy = Policy(ladder)
    case = data.draw(cases(ladder))
    alone, kept = policy.draft(replace(case, kept=0)), policy.draft(case)
    assert (alone.refusal is None) == (kept.refusal is None)
    assert kept.rank >= alone.rank
    raised = [s for s in kept.steps if s.stage is Stage.CONVERSATION]
    assert all(s.to_rank == min(case.kept, ladder.top) > s.from_rank for s in raised)
    if not raised:
        assert kept == alone
