from __future__ import annotations

import asyncio

import pytest
from eval_kit import CENT, FACTS, START_S, run, settings_with, trace_of
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.catalog import Capability, TierFacts
from litellm_tiering.evals import replay as module
from litellm_tiering.evals.asking import Asking
from litellm_tiering.evals.replay import Replay, ReplayFailed, days_before
from litellm_tiering.evals.trace import DAY_S, Arrival
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.units import usd

HOUR_S = 3600.0
DAILY = {"scope": "global", "limit_usd": 1.0}


def every(period_s, count, tier="complex", start_s=0.0):
    return [(start_s + i * period_s, tier) for i in range(count)]


def test_without_a_limit_everybody_gets_what_was_classified():
    found = run(trace_of((10, "complex"), (20, "simple"), (HOUR_S, "moderate")))
    assert (found.requests, found.spent, found.wanted) == (3, 13 * CENT, 13 * CENT)
    assert [h.spent for h in found.hours] == [11 * CENT, 2 * CENT]
    assert [dict(h.tiers) for h in found.hours] == [
        {"simple": 1, "moderate": 0, "complex": 1},
        {"simple": 0, "moderate": 1, "complex": 0},
    ]
    assert (found.limit, found.ratio, found.reasons, found.refused) == (None, None, {}, {})
    assert (found.quality, found.quality_wanted, found.measured) == (1.0, 1.0, False)


def test_thresholds_move_requests_down_from_where_they_say():
    # A dollar: eight dear requests reach 80 %, seven at two cents each reach 94 %, the next 96 %.
    found = run(trace_of(*every(60, 20)), DAILY)
    assert dict(found.hours[0].tiers) == {"complex": 8, "moderate": 8, "simple": 4}
    assert found.reasons == {"threshold": 12}
    assert (found.floored, found.changes) == (4, 2)
    assert found.spent == (80 + 16 + 4) * CENT
    assert found.ratio == 1.0
    assert found.downgraded_share == 12 / 20
    assert found.quality == 8 / 20


def test_a_ceiling_that_blocks_refuses():
    found = run(trace_of(*every(60, 20)), {**DAILY, "downgrade": [], "at_ceiling": "block"})
    assert dict(found.hours[0].tiers)["complex"] == 10
    assert (found.refused, found.refused_share) == ({"ceiling": 10}, 0.5)
    assert (found.hours[0].refused, found.hours[0].downgraded) == (10, 0)
    assert (found.quality, found.quality_wanted) == (0.5, 1.0)


def test_a_ceiling_that_does_not_goes_on_at_the_cheapest_tier():
    found = run(trace_of(*every(60, 20)), {**DAILY, "downgrade": []})
    assert found.reasons == {"ceiling": 10}
    assert found.ratio == 1.1


def test_what_is_in_flight_is_held_until_it_is_served():
    # An answer of 600 tokens takes ten seconds and a half.
    at = [Arrival(t, 0, 600, "simple", max_tokens=600) for t in (0, 10.4, 20.8, 31.4)]
    budget = {"scope": "global", "limit_usd": 12.0, "downgrade": [], "at_ceiling": "block"}
    held = run(trace_of(*at[:3]), budget)
    assert held.refused == {"ceiling": 1}
    # An estimate twice what it comes to fills the budget until the bill is there.
    for second_s, refused in ((5.4, 1), (5.6, 0)):
        wide = [Arrival(t, 0, 300, "simple", max_tokens=700) for t in (0, second_s)]
        assert run(trace_of(*wide), budget).hours[0].refused == refused


def test_every_day_has_a_budget_of_its_own():
    found = run(trace_of(*every(60, 12), *every(60, 3, start_s=DAY_S)), {**DAILY, "downgrade": []})
    assert sorted(found.windows.values()) == [30 * CENT, 102 * CENT]
    assert found.days == 2
    assert found.ratio == 1.02


def test_an_answer_that_ends_after_midnight_counts_in_the_day_it_was_asked_for():
    found = run(trace_of((DAY_S - 0.2, "complex"), (DAY_S + 60, "simple")), DAILY)
    assert sorted(found.windows.values()) == [CENT, 10 * CENT]
    assert found.hours[23].spent == 10 * CENT


def test_the_last_quarter_of_a_day_begins_at_18():
    found = run(trace_of(*every(60, 8), (18 * HOUR_S - 1, "complex"), (18 * HOUR_S, "complex")), DAILY)
    assert found.late == (1, 1)
    assert (found.late_share, found.downgraded_share) == (1.0, 0.2)


def test_days_before_pass_through_the_same_ledger_and_are_not_reported():
    trace = trace_of(*every(600, 12))
    found = run(trace, {**DAILY, "window": "month"}, before=days_before(trace, 2, seed=1))
    assert found.requests == 12
    # The month's dollar went on the two days before, which is why nobody gets the dear tier now.
    assert found.downgraded_share == 1.0
    assert run(trace, {**DAILY, "window": "month"}).downgraded_share < 0.5


def test_days_before_have_budgets_of_their_own():
    trace = trace_of(*every(600, 12))
    assert run(trace, DAILY, before=days_before(trace, 2, seed=1)) == run(trace, DAILY)


def test_a_trace_of_several_days_is_preceded_by_as_many_each_time():
    trace = trace_of(*every(600, 12), (DAY_S + 60, "simple"))
    assert run(trace, DAILY, before=days_before(trace, 2, seed=1)) == run(trace, DAILY)


def test_forecasts_are_compared_with_what_the_window_came_to():
    found = run(trace_of(*every(HOUR_S, 4), *every(HOUR_S, 4, start_s=20 * HOUR_S)), DAILY)
    errors = found.forecast_errors()
    # The quiet hours between them say nothing.
    assert list(errors) == [0, 1, 2, 3, 20, 21, 22, 23]
    total = sum(found.windows.values())
    assert [errors[h] for h in errors] == [(found.hours[h].forecast - total) / total for h in errors]
    assert errors[3] > 0.5
    assert abs(errors[23]) < 0.1
    assert found.forecast_error == sum(map(abs, errors.values())) / 8
    assert run(trace_of((0, "simple"))).forecast_error is None


def test_a_replay_is_the_same_every_time_and_draws_by_its_seed():
    trace = trace_of(*every(60, 50, tier=""))
    assert run(trace, DAILY) == run(trace, DAILY)
    assert run(trace, DAILY) != run(trace, DAILY, seed=1)


def test_a_team_without_money_does_not_stop_another():
    trace = trace_of(
        *(Arrival(i * 60, 0, 1, "complex", team=t, max_tokens=1) for i in range(5) for t in ("red", "blue"))
    )
    team = {"scope": "team", "match": "red", "limit_usd": 0.2, "downgrade": [], "at_ceiling": "block"}
    found = run(trace, team)
    assert (found.refused, found.limit, found.spent) == ({"ceiling": 3}, None, 70 * CENT)


def test_changes_are_counted_among_requests_alike():
    alternating = [(i * 60, ("complex", "simple")[i % 2]) for i in range(10)]
    assert run(trace_of(*alternating)).changes == 0


def test_a_tier_that_cannot_serve_a_request_is_no_downgrade():
    facts = (*FACTS[:2], TierFacts(FACTS[2].price, Capability(max_input_tokens=100)))
    found = run(trace_of(Arrival(0, 5000, 1, "complex"), Arrival(1, 5, 1, "complex")), facts=facts)
    assert dict(found.hours[0].tiers) == {"simple": 0, "moderate": 1, "complex": 1}
    assert found.downgraded_share == 0.0


def test_shadow_and_off_are_replayed_as_if_in_force():
    for mode in ("shadow", "off"):
        found = run(trace_of(*every(60, 20)), settings=settings_with(DAILY, mode=mode))
        assert found.reasons == {"threshold": 12}


def test_progress_is_told(monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_EVERY", 4)
    told = []
    run(trace_of(*every(60, 10)), progress=told.append)
    assert told == [4, 8]


class Broken:
    def classify(self, subject):
        raise RuntimeError(subject.prompt.question)


def test_figures_of_an_engine_that_failed_are_not_told():
    asking = Asking(settings_with(DAILY), FACTS)
    asking.settings = module.replace(asking.settings, chain=Broken())
    with pytest.raises(ReplayFailed, match="classifier:RuntimeError"):
        asyncio.run(module.replay(trace_of((0, "simple")), asking, START_S))


class Forgetful(MemoryLedger):
    """Books one nano-dollar too few."""

    async def settle(self, reservation, cost, *rest, **more):
        return await super().settle(reservation, max(0, cost - 1), *rest, **more)


def test_figures_that_are_not_the_ledgers_are_not_told(monkeypatch):
    monkeypatch.setattr(module, "MemoryLedger", Forgetful)
    with pytest.raises(ReplayFailed, match="ledger"):
        run(trace_of((0, "simple")), DAILY)


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        st.floats(0, 2 * DAY_S - 1),
        st.integers(0, 5000),
        st.integers(0, 3000),
        st.sampled_from(["", "simple", "moderate", "complex"]),
        st.sampled_from(["", "red", "blue"]),
        max_tokens=st.one_of(st.none(), st.integers(0, 3000)),
    ),
    min_size=1,
    max_size=40,
)
LIMITS = st.sampled_from([0.5, 5.0, 50.0, 500.0])


@given(ARRIVALS, LIMITS, st.sampled_from(["cheapest", "block"]))
def test_every_request_and_every_nano_dollar_is_accounted_for(arrivals, limit, at_ceiling):
    found = run(trace_of(*arrivals), {"scope": "global", "limit_usd": limit, "at_ceiling": at_ceiling})
    assert found.requests == len(arrivals)
    assert sum(sum(h.tiers.values()) + h.refused for h in found.hours) == len(arrivals)
    assert sum(found.windows.values()) == found.spent <= found.wanted
    assert sum(found.reasons.values()) == sum(h.downgraded for h in found.hours)
    assert sum(found.refused.values()) == sum(h.refused for h in found.hours)
    assert 0 <= found.quality <= found.quality_wanted
    assert found.late[1] <= found.late[0] <= len(arrivals)
    text = found.as_json()
    assert text["spent_usd"] == usd(found.spent)
    assert sum(h["requests"] for h in text["hours"]) == len(arrivals)


def test_a_replays_ledger_is_let_go_of():
    async def _go():
        house = Replay(Asking(settings_with(), FACTS), START_S)
        await house.close()
        with pytest.raises(ReplayFailed, match="failed while replaying"):
            await house.day(trace_of((0, "simple")), START_S)

    asyncio.run(_go())
