"""What must hold of pacing and value, whatever the course, the balances and the requests."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.bounds import Pressure, bounds
from litellm_tiering.core.budget import NO_BOUND, AtCeiling, Budget, Downgrade, Limit, Pacing, choose
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.pacing import allowed, engages, forecast, learned, level, profile
from litellm_tiering.core.value import Standing, gains, wanted
from litellm_tiering.market import Market
from litellm_tiering.pacer import Pacer
from litellm_tiering.units import NanoUSD, WindowKind, window_at

STEPS = (Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0))
ALL = frozenset(range(5))
shares = st.floats(0.0, 1.0)
hours = st.lists(st.floats(0.0, 1e6), min_size=24, max_size=24)
moments = st.integers(1_577_836_800, 2_051_222_400)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])


@given(st.sampled_from(WindowKind), zones, moments, hours, st.lists(shares, min_size=2, max_size=9))
def test_a_course_only_ever_rises_from_none_to_all(kind, zone, moment, weights, at):
    window = window_at(kind, zone, float(moment))
    curve = learned(window, zone, weights)
    found = [curve.share(window.start_s + a * (window.end_s - window.start_s)) for a in sorted(at)]
    assert found == sorted(found)
    assert (curve.share(window.start_s), curve.share(window.end_s)) == (0.0, 1.0)
    for share in at:
        when = curve.when(share)
        assert window.start_s <= when <= window.end_s
        assert abs(curve.share(when) - share) < 1e-6


@given(st.lists(st.lists(st.integers(-(10**6), 10**12), max_size=25), max_size=14))
def test_any_days_make_a_profile_whose_every_hour_counts(days):
    found = profile(days)
    assert len(found) == 24
    assert min(found) > 0
    assert abs(sum(found) - 1.0) < 1e-9


@given(st.integers(1, 10**15), st.integers(0, 10**16), shares)
def test_a_forecast_lasts_exactly_when_its_end_is_within_the_limit(limit, used, at):
    window = window_at(WindowKind.DAY, "UTC", 1_795_000_000.0)
    now = window.start_s + at * (window.end_s - window.start_s)
    found = forecast(limit, used, learned(window, "UTC", [1.0] * 24), now)
    assert found.end >= used * (1 - 1e-9)
    assert (found.lasts_until is None) == (found.end <= limit and used < limit)
    if found.lasts_until is not None:
        assert now - 1 <= found.lasts_until <= window.end_s


@st.composite
def budgets(draw) -> Budget:
    return Budget(
        limit=NanoUSD(draw(st.integers(1, 10**6))),
        downgrade=STEPS,
        pacing=draw(st.sampled_from([Pacing.OFF, Pacing.LINEAR])),
        by_value=draw(st.booleans()),
        at_ceiling=draw(st.sampled_from(AtCeiling)),
    )


@st.composite
def pressures(draw, options) -> Pressure:
    places = tuple(draw(shares) for _ in options[1:])
    standing = draw(st.none() | st.just(Standing(places, draw(shares), draw(st.floats(0.0, 100.0)))))
    return Pressure(allowed(draw(shares)), draw(st.integers(0, 4)), draw(st.booleans()), standing)


def ended(budget, rank, options, used, pressure):
    below = bounds(budget, rank, options, ALL, pressure)
    assert below[-1] == NO_BOUND
    limit = Limit("k", 0, below, int(budget.limit), budget.at_ceiling is AtCeiling.BLOCK)
    return choose([limit], [10 * (o + 1) for o in options], [used], floor=options[-1] == 0).option


@given(st.data())
def test_at_one_instant_more_spend_never_raises_a_tier(data):
    budget = data.draw(budgets())
    rank = data.draw(st.integers(0, 4))
    options = tuple(range(rank, -1, -1))
    pressure = data.draw(pressures(options))
    less = data.draw(st.integers(0, 10**6))
    before = ended(budget, rank, options, less, pressure)
    after = ended(budget, rank, options, less + data.draw(st.integers(0, 10**6)), pressure)
    if before is None:
        assert after is None
    elif after is not None:
        assert after >= before


@given(st.data())
def test_pacing_never_ends_above_the_thresholds(data):
    budget = data.draw(budgets())
    rank = data.draw(st.integers(0, 4))
    options = tuple(range(rank, -1, -1))
    made = data.draw(pressures(options))
    pressure = Pressure(made.allowed, made.held, made.firm)
    used = data.draw(st.integers(0, 10**6))
    still = replace(budget, pacing=Pacing.OFF, by_value=False)
    plain = ended(still, rank, options, used, Pressure())
    paced = ended(budget, rank, options, used, pressure)
    assert (paced is None) == (plain is None)
    if paced is not None:
        assert paced >= plain


@given(st.data())
def test_value_ends_everything_at_the_last_threshold_and_never_ends_it_above_what_was_asked_for(data):
    budget = data.draw(budgets())
    limit = int(budget.limit)
    options = tuple(range(data.draw(st.integers(1, 4)), -1, -1))
    below = bounds(budget, options[0], options, ALL, data.draw(pressures(options)))
    assert all(0 <= b <= -(-95 * limit // 100) + 1 for b in below[:-1] if b != NO_BOUND)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=200), st.integers(1, 4))
def test_a_step_is_let_go_of_only_when_the_forecast_has_really_fallen(ratios, most):
    held, peak = 0, 0.0
    for ratio in ratios:
        after = level(ratio, held, most, firm=False)
        peak = max(peak, ratio) if held else ratio
        if after < held:
            assert ratio < engages(held) - 0.05
        assert 0 <= after <= most
        assert after == level(ratio, after, most, firm=False), "it settles at once"
        held = after


@given(st.lists(st.tuples(st.floats(0.0, 300.0), st.floats(0.5, 1.5)), min_size=1, max_size=400))
def test_steps_change_at_most_once_in_ten_minutes_downwards(seen):
    budget = Budget(limit=NanoUSD(1), downgrade=STEPS, pacing=Pacing.LINEAR)

    class Still:
        def now(self):
            return 0.0

    pacer, now, before, changed = Pacer((budget,), "UTC", 2, Still()), 0.0, 0, []
    for later, ratio in seen:
        now += later
        pacer.seen("k", budget, ratio, now)
        after = pacer._held["k"].level if "k" in pacer._held else 0
        if after < before:
            assert now - changed[-1] >= 600
        if after != before:
            changed.append(now)
        before = after


@given(st.data())
def test_upgrades_buy_less_the_higher_they_go_and_cost_what_they_cost(data):
    amounts = data.draw(st.lists(st.integers(0, 10**12), min_size=1, max_size=6))
    expected = data.draw(st.lists(shares, min_size=len(amounts) - 1, max_size=len(amounts) - 1))
    found = wanted(expected, amounts)
    densities = [u.density for u in found.upgrades]
    assert len(densities) == len(amounts) - 1
    assert densities == sorted(densities)
    assert all(u.cost >= 0 for u in found.upgrades)


@given(st.data())
def test_a_better_buy_never_has_a_lower_place(data):
    market = Market()
    for _ in range(40):
        amounts = data.draw(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)))
        market.saw("b", wanted((data.draw(shares),), amounts), data.draw(st.floats(0.0, 1e6)))
    asked = wanted(sorted(data.draw(st.lists(shares, min_size=3, max_size=3))), (3 * 10**6, 10**6, 10**3, 0))
    found = market.standing("b", asked)
    if found is not None:
        assert list(found.places) == sorted(found.places)
        assert all(0.0 <= p <= 1.0 for p in found.places)
        assert 0.0 <= found.kept <= 1.0


@given(st.integers(0, 4), st.floats(allow_nan=True, allow_infinity=True))
def test_gains_are_shares_whatever_the_score(rank, score):
    found = gains(Classification(rank=rank, by="learned", score=score), rank, tuple(range(rank, -1, -1)))
    assert all(0.0 < g <= 1.0 for g in found)
    assert list(found) == sorted(found)
