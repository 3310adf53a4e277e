from __future__ import annotations

import pytest
from cascade_kit import LADDER

from litellm_tiering.accounts import Accounts, counter_key
from litellm_tiering.core.budget import NO_BOUND, AtCeiling, Budget, Critical, Downgrade, Scope
from litellm_tiering.core.features import Caller
from litellm_tiering.core.policy import Case, Policy, Route
from litellm_tiering.units import NanoUSD, WindowKind

NOW = 1_795_000_000.0
DAY = 86_400
TEAM = Budget(Scope.TEAM, "*", NanoUSD(1_000), downgrade=(Downgrade(0.5, steps=1),))
HOURLY = Budget(Scope.TAG, "*", NanoUSD(10), window=WindowKind.HOUR, at_ceiling=AtCeiling.BLOCK)
BLUE = Caller(team="blue")
CASE = Case(Route("auto", ("auto",)), 2)


def accounts(*budgets, retention_s=7 * DAY):
    return Accounts(Policy(LADDER), budgets, retention_s)


def asked(made, caller=BLUE, tags=frozenset(), rank=2, options=(2, 1, 0)):
    return made.asked(caller, frozenset(tags), CASE, rank, options, NOW)


def test_each_budget_that_counts_a_request_asks_one_question():
    found = asked(accounts(Budget(), TEAM, HOURLY), tags={"a", "b"})
    assert [a.name for a in found] == ["global", "team:blue", "tag:a", "tag:b"]
    assert [a.limit.ceiling for a in found] == [NO_BOUND, 1_000, 10, 10]
    assert [a.limit.block for a in found] == [False, False, True, True]
    assert found[1].limit.below == (500, NO_BOUND, NO_BOUND)


def test_a_budget_of_nobody_asks_nothing():
    assert asked(accounts(TEAM), caller=Caller()) == ()


def test_of_two_budgets_for_one_id_and_window_the_first_wins():
    strict = Budget(Scope.TEAM, "blue", NanoUSD(5))
    assert [a.limit.ceiling for a in asked(accounts(strict, TEAM))] == [5]
    assert [a.limit.ceiling for a in asked(accounts(TEAM, strict))] == [1_000]
    hourly = Budget(Scope.TEAM, "blue", NanoUSD(5), window=WindowKind.HOUR)
    assert [a.limit.ceiling for a in asked(accounts(TEAM, hourly))] == [1_000, 5]


def test_a_critical_caller_is_counted_and_asked_nothing():
    critical = Budget(Scope.TEAM, "*", NanoUSD(5), critical=Critical(teams=("blue",)))
    (found,) = asked(accounts(critical))
    assert found.critical
    assert (found.limit.below, found.limit.ceiling) == ((NO_BOUND,) * 3, NO_BOUND)


def test_counters_outlive_their_window_by_the_retention():
    (found,) = asked(accounts(Budget(), retention_s=100))
    assert found.limit.expires_s == int(found.window_end_s) + 100
    assert 0 < found.window_end_s - NOW <= DAY


def test_a_cost_without_a_hold_goes_to_the_counters_that_a_hold_would_have():
    made = accounts(Budget(), TEAM, HOURLY)
    found = made.counters("a1", BLUE, "auto", frozenset({"x"}), NOW)
    limits = [a.limit for a in asked(made, tags={"x"})]
    assert found.keys == tuple(limit.key for limit in limits)
    assert found.expires_s == tuple(limit.expires_s for limit in limits)
    assert (found.attempt, found.amount) == ("a1", 0)


def test_a_counter_named_twice_is_counted_once():
    found = accounts(TEAM, TEAM).counters("a1", BLUE, "auto", frozenset(), NOW)
    assert len(found.keys) == 1


@pytest.mark.parametrize("scope", [Scope.TEAM, Scope.TAG])
def test_ids_that_look_alike_have_counters_of_their_own(scope):
    ids = ["a", "a|b", "a\n", "a" * 64, "a" * 65, "a" * 66, "\ud800", "\ud801", "#" + "a" * 32]
    keys = {counter_key(Budget(scope), id_, "w") for id_ in ids}
    assert len(keys) == len(ids)
    assert all(key.count("|") == 2 for key in keys)
