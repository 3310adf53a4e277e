from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.debt import Debt, Debts, Rate, drawn, moved_down_from
from litellm_tiering.core.decision import Decision, Reason, Stage, Step

FIRST = Decision((Step(Stage.CLASSIFY, Reason.HEURISTIC, None, 2),))


@pytest.mark.parametrize("reason", [Reason.BUDGET, Reason.PACE, Reason.VALUE, Reason.CEILING])
def test_money_moves_a_request_down_from_where_it_stood(reason):
    assert moved_down_from(FIRST.moved(0, stage=Stage.BUDGET, because=reason)) == 2


def test_what_moves_it_afterwards_is_another_matter():
    moved = FIRST.moved(1, stage=Stage.BUDGET, because=Reason.BUDGET)
    moved = moved.moved(0, stage=Stage.AVAILABILITY, because=Reason.PERMISSION)
    assert moved_down_from(moved) == 2


@pytest.mark.parametrize(
    "other",
    [
        FIRST,
        FIRST.moved(2, stage=Stage.BUDGET, because=Reason.EXEMPT),
        FIRST.moved(2, stage=Stage.BUDGET, because=Reason.BUDGET),
        FIRST.moved(0, stage=Stage.BUDGET, because=Reason.STORE),
        FIRST.moved(0, stage=Stage.CLIENT, because=Reason.CLIENT),
        FIRST.moved(0, stage=Stage.BUDGET, because=Reason.BUDGET, enforced=False),
        FIRST.moved(0, stage=Stage.BUDGET, because=Reason.BUDGET).shadowed(2),
        Decision((Step(Stage.BUDGET, Reason.BUDGET, None, 0),)),
    ],
)
def test_nothing_else_is_a_downgrade_for_moneys_sake(other):
    assert moved_down_from(other) is None


def test_the_sample_is_as_large_as_it_is_said_to_be_and_the_same_each_time():
    ids = [f"{i:016x}" for i in range(20_000)]
    found = {id_ for id_ in ids if drawn(id_, 0.02)}
    assert 320 < len(found) < 480
    assert found == {id_ for id_ in ids if drawn(id_, 0.02)}
    assert found < {id_ for id_ in ids if drawn(id_, 0.1)}


@given(st.text(alphabet="0123456789abcdef", min_size=1))
def test_all_are_of_the_whole_and_none_of_nothing(id_):
    assert drawn(id_, 1.0)
    assert not drawn(id_, 0.0)


def test_a_record_says_what_came_of_it_and_why_nothing_did():
    told = Debt("complex", "large", agreed=False, served_passed=True, cost=1_500_000).explained()
    assert told == {
        "tier": "complex",
        "model": "large",
        "agreed": False,
        "served_passed": True,
        "better_passed": None,
        "cost_usd": 0.0015,
    }
    assert Debt("complex", "large", skipped="limit").explained()["skipped"] == "limit"


def test_pairs_are_counted_by_who_passed_and_only_what_is_known():
    debts = Debts()
    for agreed, served, better in (
        (True, True, True),
        (False, True, False),
        (False, False, True),
        (None, False, False),
        (None, None, True),
        ("yes", 1, 0),
    ):
        debts.add(agreed, served, better)
    assert (debts.probed, debts.compared, debts.agreed, debts.differed) == (6, 3, 1, 2)
    assert (debts.judged, debts.both, debts.served_only, debts.better_only) == (4, 1, 1, 1)
    assert debts.same.share == pytest.approx(1 / 3)
    assert debts.different.share == pytest.approx(2 / 3)


def test_rates_have_wilsons_interval_and_nothing_has_none():
    # E. B. Wilson (1927), at 95 %: 3 of 14 lie between .0757 and .4759.
    rate = Rate.of(3, 14)
    assert (rate.low, rate.high) == (pytest.approx(0.0757, abs=5e-4), pytest.approx(0.4759, abs=5e-4))
    assert Rate.of(0, 0).as_json() == {"share": None, "low": None, "high": None}
    assert Rate.of(0, 5).low == 0.0


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_rate(hits, n):
    rate = Rate.of(min(hits, n), n)
    assert 0 <= rate.low <= rate.share <= rate.high <= 1
