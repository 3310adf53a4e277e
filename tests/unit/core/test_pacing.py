from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from litellm_tiering.core.pacing import (
    CALM,
    EVEN,
    LET_GO,
    allowed,
    engages,
    forecast,
    learned,
    level,
    linear,
    profile,
)
from litellm_tiering.units import Window, WindowKind, window_at

HOUR = 3600
DAY = Window("day", 0.0, 24.0 * HOUR)
NIGHT = tuple(3.0 if h < 6 else 1.0 for h in range(24))


def window(kind, zone, *day):
    return window_at(kind, zone, dt.datetime(*day, 12, tzinfo=ZoneInfo(zone)).timestamp())


def test_a_straight_course_goes_evenly():
    curve = linear(DAY)
    assert [curve.share(h * HOUR) for h in (-1, 0, 6, 12, 24, 25)] == [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    assert [curve.when(p) for p in (0.0, 0.25, 1.0)] == [0.0, 6.0 * HOUR, 24.0 * HOUR]


def test_a_learned_course_goes_as_the_hours_do():
    curve = learned(DAY, "UTC", NIGHT)
    assert curve.share(6 * HOUR) == pytest.approx(0.5)
    assert curve.share(6.5 * HOUR) == pytest.approx(0.5 + 0.5 / 36)
    assert curve.share(24 * HOUR) == 1.0
    assert curve.when(0.5) == pytest.approx(6 * HOUR)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 29), 23),
        ("Europe/Berlin", (2026, 10, 25), 25),
        ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
        ("Asia/Kathmandu", (2026, 4, 5), 24),
    ],
)
def test_days_of_any_length_have_a_course(zone, day, hours):
    found = window(WindowKind.DAY, zone, *day)
    assert found.end_s - found.start_s == hours * HOUR
    curve = learned(found, zone, EVEN)
    assert (curve.marks[0], curve.marks[-1]) == (0.0, 1.0)
    middle = (found.start_s + found.end_s) / 2
    assert curve.share(middle) == pytest.approx(0.5)
    assert curve.when(0.5) == pytest.approx(middle)


def test_the_hour_that_a_day_lacks_or_has_twice_is_the_local_one():
    double = tuple(1.0 if h == 2 else 0.0 for h in range(24))
    autumn = learned(window(WindowKind.DAY, "Europe/Berlin", 2026, 10, 25), "Europe/Berlin", double)
    assert autumn.share(autumn.start_s + 3 * HOUR) == pytest.approx(0.5)
    assert autumn.share(autumn.start_s + 4 * HOUR) == 1.0
    spring = learned(window(WindowKind.DAY, "Europe/Berlin", 2026, 3, 29), "Europe/Berlin", double)
    assert spring.marks == (0.0, 1.0), "nothing is known of this day: it goes straight"


@pytest.mark.parametrize(("kind", "days"), [(WindowKind.WEEK, 7), (WindowKind.MONTH, 30)])
def test_longer_windows_repeat_the_day(kind, days):
    found = window(kind, "UTC", 2026, 11, 18)
    curve = learned(found, "UTC", NIGHT)
    for day in range(days):
        begins = found.start_s + day * 24 * HOUR
        assert curve.share(begins) == pytest.approx(day / days)
        assert curve.share(begins + 6 * HOUR) == pytest.approx((day + 0.5) / days)


def test_an_hour_goes_straight_whatever_was_learned():
    found = window_at(WindowKind.HOUR, "UTC", 1_795_000_000.0)
    assert learned(found, "UTC", NIGHT) == linear(found)


def test_nothing_known_is_an_even_day():
    assert profile([]) == pytest.approx(EVEN)
    odd = [(0,) * 24, (1, 2), (-5,) * 24]
    assert profile(odd) == pytest.approx(EVEN)


def test_a_profile_comes_nearer_to_what_was_seen_with_every_day():
    day = tuple(100 if h == 12 else 0 for h in range(24))
    peaks = [profile([day] * n)[12] for n in range(15)]
    assert peaks == sorted(peaks)
    assert peaks[14] == pytest.approx((14 / 16 + 2 / 16 / 24) / 2 + 2 / 16 / 24 / 2)
    assert sum(profile([day] * 14)) == pytest.approx(1.0)


def test_every_day_counts_alike_whatever_it_cost():
    cheap, dear = (1,) + (0,) * 23, (0,) * 12 + (1_000_000,) + (0,) * 11
    found = profile([cheap, dear])
    assert found[0] == pytest.approx(found[12])


def test_what_is_allowed_goes_from_calm_to_all():
    assert allowed(0.0) == CALM
    assert allowed(1.0) == pytest.approx(1.0)
    assert allowed(0.5) == pytest.approx((1 + CALM) / 2)


def test_a_step_is_let_go_of_only_well_below_where_it_was_taken():
    assert level(0.99, 0, 2, firm=False) == 0
    assert level(1.0, 0, 2, firm=False) == 1
    assert level(engages(2), 0, 2, firm=False) == 2
    assert level(5.0, 0, 2, firm=False) == 2, "there are no more"
    assert level(1.0 - LET_GO, 1, 2, firm=False) == 1
    assert level(1.0 - LET_GO - 0.001, 1, 2, firm=False) == 0
    assert level(0.0, 2, 2, firm=True) == 2, "not so soon"
    assert level(0.0, 2, 2, firm=False) == 0


def test_money_lasts_until_the_forecast_reaches_the_limit():
    noon = 12.0 * HOUR
    found = forecast(1_000, 600, linear(DAY), noon)
    assert found.end == pytest.approx(600 / (0.5 + 0.04 * 0.5**4), abs=1)
    assert found.ratio == pytest.approx(found.end / 1_000)
    # 400 are left, and 594 more are expected in the 12 hours that are left.
    assert found.lasts_until == pytest.approx(noon + 12 * HOUR * 400 / (found.end - 600))


def test_a_steady_day_is_told_within_a_few_percent_from_its_first_quarter_on():
    for hour in (6, 9, 11):
        # Twice the limit by midnight: the money is gone at noon.
        found = forecast(1_000, round(1_000 * hour / 12), linear(DAY), hour * HOUR)
        assert found.lasts_until == pytest.approx(12 * HOUR, rel=0.05)


def test_money_that_lasts_has_no_end():
    assert forecast(1_000, 400, linear(DAY), 12.0 * HOUR).lasts_until is None
    assert forecast(1_000, 0, linear(DAY), 0.0) == forecast(1_000, 0, linear(DAY), 20.0)


def test_money_that_is_gone_ends_now():
    assert forecast(1_000, 1_000, linear(DAY), 77.0).lasts_until == 77.0
    assert forecast(1_000, 999, linear(DAY), 24.0 * HOUR).lasts_until is None


def test_a_learned_course_knows_that_the_night_is_over():
    curve = learned(DAY, "UTC", NIGHT)
    assert forecast(1_000, 550, curve, 6.0 * HOUR).ratio < forecast(1_000, 550, linear(DAY), 6.0 * HOUR).ratio
