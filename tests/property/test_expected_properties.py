"""What holds of every choice between ways, whatever was seen and whatever things cost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from litellm_tiering.core.adaptive import WINDOW
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Reason
from litellm_tiering.core.expected import (
    UNMOVED,
    Effort,
    Prospect,
    Second,
    Seen,
    Way,
    band_of,
    bands,
    choose,
    pass_probability,
)
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Case, Policy, Route

windows = st.text("01", max_size=WINDOW)
chances = st.floats(0, 1)
costs = st.floats(0, 1e12)
efforts = st.builds(Effort, costs, st.floats(0, 1e4))
seconds = st.none() | st.builds(Second, efforts, windows.map(Seen.of))
prospects = st.builds(
    lambda two, *rest: Prospect(0, 1, min(two), max(two), *rest),
    st.tuples(chances, chances),
    efforts,
    efforts,
    seconds,
    st.floats(0, 1e12),
)


@given(windows, windows)
def test_a_probability_is_one(own, kind):
    mean, best = pass_probability(Seen.of(own), Seen.of(kind))
    assert 0 < mean < best <= 1


@given(windows, windows)
def test_one_more_rejection_never_makes_a_pass_likelier_than_one_more_pass(own, kind):
    seen = Seen.of(kind)
    worse, better = (pass_probability(Seen.of(own + one), seen)[0] for one in "10")
    assert worse < better


@given(prospects)
def test_it_leaves_the_fixed_rules_way_only_for_one_that_is_expected_to_cost_less(given_):
    found = choose(given_)
    price = {Way.CHEAP: found.cheap, Way.PAIR: found.pair, Way.STRONG: found.strong}
    assert price[found.way] <= price[found.plain] * (1 + 1e-12)


@given(prospects)
def test_more_doubt_never_sends_more_straight_up(given_):
    if choose(replace(given_, hopes=1.0)).way is Way.STRONG:
        assert choose(given_).way is Way.STRONG


@given(prospects, st.booleans())
def test_no_way_begins_below_where_the_request_belongs(given_, probe):
    found = choose(given_, probe=probe)
    assert found.rank == (given_.above if found.way is Way.STRONG else given_.rank)


@given(prospects, st.booleans())
def test_the_second_model_is_left_out_only_by_going_up_or_where_it_changed_nothing(given_, probe):
    found = choose(given_, probe=probe)
    if given_.second is None:
        assert found.way is not Way.PAIR
        assert not found.skips_second
    elif found.way is Way.CHEAP:
        assert given_.second.changes.count >= UNMOVED
        assert given_.second.changes.ever == 0


@given(prospects, chances)
def test_what_is_no_good_bet_is_none_where_answers_pass_less_often(given_, passes):
    less = replace(given_, passes=min(passes, given_.passes), hopes=min(passes, given_.hopes))
    if choose(given_).way is Way.STRONG:
        assert choose(less).way is Way.STRONG


@given(prospects)
def test_a_dearer_try_is_never_made_where_a_cheaper_was_not(given_):
    dearer = replace(given_, cheap=Effort(given_.cheap.cost * 2 + 1, given_.cheap.seconds))
    if choose(given_).way is Way.STRONG:
        assert choose(dearer).way is Way.STRONG


@given(prospects)
def test_a_probe_is_the_fixed_rules_way(given_):
    found = choose(given_, probe=True)
    assert not found.changes
    assert found.probe is choose(given_).changes


@given(prospects)
def test_the_detail_is_short_and_safe_in_a_header(given_):
    detail = choose(given_).detail
    assert len(detail) < 100
    assert set(detail) <= set("abcdefghijklmnopqrstuvwxyz0123456789.:=+-")


@given(st.none() | st.floats(), st.none() | st.floats())
def test_a_higher_score_is_in_no_lower_band(one, other):
    found = [band_of(Classification(rank=0, by="learned", score=s)) for s in (one, other)]
    assert set(found) <= set(bands())
    if one is not None and other is not None and one <= other:
        assert found[0] <= found[1]


@given(st.data())
def test_in_a_decision_it_never_lowers_and_what_bounds_a_request_bounds_it_too(data):
    ladder = Ladder(Tier(f"t{i}", f"m{i}") for i in range(data.draw(st.integers(2, 5))))
    rank = st.integers(0, ladder.top)
    policy = Policy(ladder)
    said = Classification(
        rank=data.draw(rank), by="heuristic", cap=data.draw(st.none() | st.tuples(rank, st.just("rule")))
    )
    without = Case(Route("r", ("*",)), ladder.top, said)
    decision = policy.draft(without)
    above = decision.rank + 1
    assume(above <= policy.climbs_to(without, decision))
    choice = choose(replace(data.draw(prospects), rank=decision.rank, above=above))
    found = policy.draft(replace(without, expected=choice))
    assert found.rank in {decision.rank, above}
    assert (found.rank == above) == (choice.way is Way.STRONG)
    assert policy.climbs_to(without, found) >= found.rank
    assert sum(s.reason is Reason.EXPECTED for s in found.steps) == 1
