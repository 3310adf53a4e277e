"""What must hold of every cascade, whatever the gates and the ledger say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.budget import AtCeiling, Budget, Downgrade, Limit, choose
from litellm_tiering.core.cascade import Because, Bounds, GiveUp, Serve, Tried, Try, best, next_action
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Decision, Stage
from litellm_tiering.core.gate import Judgement
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Account, Case, Policy, Route, Spending, question
from litellm_tiering.units import NanoUSD

judgements = st.none() | st.builds(
    Judgement, by=st.sampled_from(["", "refusal", "finished"]), p_bad=st.floats(0, 1)
)
barred = st.dictionaries(st.integers(0, 6), st.just("why"), max_size=4)


@st.composite
def all_bounds(draw) -> Bounds:
    top = draw(st.integers(1, 6))
    return Bounds(
        top=top,
        cap=draw(st.integers(0, top)),
        max_escalations=draw(st.integers(0, 7)),
        unable=draw(barred),
        forbidden=draw(barred),
    )


@given(st.data())
def test_a_cascade_ends_and_climbs_only_where_it_may(data):
    """Answers, failures, refusals by the ledger and the deadline come as they like."""
    bounds = data.draw(all_bounds())
    tried = [Tried(data.draw(st.integers(0, bounds.top)), data.draw(judgements))]
    stopped: Because | None = None
    late = False
    while True:
        late = late or data.draw(st.booleans(), label="late")
        action = next_action(tried, bounds, late=late, stopped=stopped)
        if not isinstance(action, Try):
            break
        assert not late
        assert stopped is None
        assert action.rank > max(t.rank for t in tried)
        assert action.rank <= min(bounds.cap, bounds.top)
        assert action.rank not in bounds.unable
        assert action.rank not in bounds.forbidden
        if data.draw(st.booleans(), label="stopped"):
            stopped = data.draw(st.sampled_from([Because.BUDGET, Because.STORE]))
            continue
        tried.append(Tried(action.rank, data.draw(judgements)))
        assert len(tried) <= bounds.max_escalations + 1
    check_ending(tried, action)


def check_ending(tried: list[Tried], action: Serve | GiveUp) -> None:
    answers = [t.judgement for t in tried if t.judgement is not None]
    if isinstance(action, GiveUp):
        assert not answers
        return
    served = tried[action.index].judgement
    assert served is not None
    if action.because is Because.ACCEPTED:
        assert served.accepted
    else:
        assert all(served.p_bad <= other.p_bad for other in answers)


@given(st.lists(st.builds(Tried, rank=st.integers(0, 6), judgement=judgements), max_size=6))
def test_no_answer_is_better_than_the_best_and_of_equals_none_came_later(tried):
    index = best(tried)
    if index is None:
        assert all(t.judgement is None for t in tried)
        return
    p_bad = tried[index].judgement.p_bad
    assert all(t.judgement is None or t.judgement.p_bad >= p_bad for t in tried)
    assert all(t.judgement is None or t.judgement.p_bad > p_bad for t in tried[index + 1 :])


# ---------------------------------------------------------------------- with segments that start higher


@st.composite
def cases(draw, ladder: Ladder) -> Case:
    rank = st.integers(0, ladder.top)
    bound = st.none() | st.tuples(rank, st.just("rule"))
    client = st.sets(st.sampled_from(["lower", "floor"]))
    route = Route("r", ("*",), default_rank=draw(rank), client_tier=frozenset(draw(client)))
    said = Classification(rank=draw(rank), by="heuristic", floor=draw(bound), cap=draw(bound))
    unable = draw(st.dictionaries(rank, st.just("vision"), max_size=2))
    forbidden = draw(st.dictionaries(rank, st.just("key"), max_size=2))
    wish = draw(st.none() | rank)
    return Case(route, ladder.top, said, wish, unable, forbidden, draw(st.sampled_from(["", "code"])))


@st.composite
def budgets(draw, ladder: Ladder) -> Budget:
    steps = st.builds(Downgrade, at=st.floats(0.01, 1.0), steps=st.integers(1, 3))
    to = st.builds(Downgrade, at=st.floats(0.01, 1.0), to_rank=st.integers(0, ladder.top))
    found = sorted(draw(st.lists(steps | to, max_size=3)), key=lambda d: d.at)
    limit = NanoUSD(draw(st.integers(1, 10_000)))
    return Budget(limit=limit, downgrade=tuple(found), at_ceiling=draw(st.sampled_from(AtCeiling)))


def decided(policy: Policy, case: Case, budget: Budget, used: int) -> Decision:
    draft = policy.draft(case)
    options = policy.options(case, draft)
    if not options or draft.refusal:
        return policy.decide(case, None)
    below, ceiling, block = question(policy, case, draft.rank, options, budget, critical=False)
    limit = Limit("g", 0, below, ceiling, block)
    amounts = tuple(10 * (r + 1) for r in options)
    choice = choose([limit], amounts, [used], floor=options[-1] == 0)
    account = Account(budget, "*", limit, critical=False, window_end_s=1.0)
    return policy.decide(case, Spending((account,), options, choice, (used,), 0.0))


ladders = st.integers(2, 5).map(lambda n: Ladder(Tier(f"t{i}", f"m{i}") for i in range(n)))


@given(st.data())
def test_more_spend_never_raises_a_tier_nor_how_far_a_request_may_climb(data):
    ladder = data.draw(ladders)
    policy = Policy(ladder)
    case, budget = data.draw(cases(ladder)), data.draw(budgets(ladder))
    less = data.draw(st.integers(0, 12_000))
    more = less + data.draw(st.integers(0, 12_000))
    before, after = decided(policy, case, budget, less), decided(policy, case, budget, more)
    if before.refusal:
        assert after.refusal
    elif not after.refusal:
        assert after.rank <= before.rank
        assert policy.climbs_to(case, after) <= policy.climbs_to(case, before)


@given(st.data())
def test_a_start_one_tier_higher_is_one_step_and_bounded_like_any_other(data):
    ladder = data.draw(ladders)
    policy = Policy(ladder)
    case = data.draw(cases(ladder))
    steps = policy.draft(case).steps
    raised = [s for s in steps if s.reason.value == "bypass"]
    assert len(raised) <= (1 if case.bypass else 0)
    for step in raised:
        assert step.stage is Stage.CLASSIFY
        assert step.to_rank == policy.classified(case) + 1


@given(st.data())
def test_a_climb_never_passes_what_bounds_it(data):
    """It may be lower than where the request stands, as after a floor: then there is no climb."""
    ladder = data.draw(ladders)
    policy = Policy(ladder)
    case = data.draw(cases(ladder))
    decision = policy.decide(case, None)
    highest = policy.climbs_to(case, decision)
    assert 0 <= highest <= ladder.top
    cap, floor = case.classification.cap, case.classification.floor
    if cap is not None:
        assert highest <= max(cap[0], floor[0] if floor else 0)
    lowered = [
        s for s in decision.steps if s.stage is Stage.CLIENT and s.enforced and s.to_rank < s.from_rank
    ]
    for step in lowered:
        assert highest <= max(step.to_rank, decision.rank)
