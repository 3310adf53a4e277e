from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from litellm_tiering.units import WindowKind, nano_usd, usd, window_at

BERLIN = ZoneInfo("Europe/Berlin")


def at(zone, *when) -> float:
    return dt.datetime(*when, tzinfo=zone).timestamp()


def test_money_is_whole_nano_dollars():
    assert nano_usd(0.00000585) == 5850
    assert usd(5850) == 0.00000585
    with pytest.raises(ValueError, match="money"):
        nano_usd(float("nan"))


@pytest.mark.parametrize(
    ("when", "hours"), [((2026, 3, 29, 12), 23), ((2026, 10, 25, 12), 25), ((2026, 11, 21, 0), 24)]
)
def test_a_day_is_as_long_as_its_timezone_says(when, hours):
    window = window_at(WindowKind.DAY, "Europe/Berlin", at(BERLIN, *when))
    assert (window.end_s - window.start_s) / 3600 == hours
    assert window.start_s == at(BERLIN, *when[:3])


def test_the_next_day_starts_at_local_midnight():
    end = window_at(WindowKind.DAY, "Europe/Berlin", at(BERLIN, 2026, 3, 29, 23, 59, 59)).end_s
    assert end == at(BERLIN, 2026, 3, 30)
    following = window_at(WindowKind.DAY, "Europe/Berlin", end)
    assert following.start_s == end
    assert following.label == "day:2026-03-30@Europe/Berlin"


def test_weeks_begin_on_monday_and_months_on_the_first():
    now = at(BERLIN, 2026, 11, 21, 9)
    week = window_at(WindowKind.WEEK, "Europe/Berlin", now)
    assert (week.start_s, week.end_s) == (at(BERLIN, 2026, 11, 16), at(BERLIN, 2026, 11, 23))
    month = window_at(WindowKind.MONTH, "Europe/Berlin", at(BERLIN, 2026, 12, 31))
    assert (month.start_s, month.end_s) == (at(BERLIN, 2026, 12, 1), at(BERLIN, 2027, 1, 1))


def test_the_hour_that_a_clock_shows_twice_counts_as_two():
    first = at(dt.timezone.utc, 2026, 10, 25, 0, 30)
    one = window_at(WindowKind.HOUR, "Europe/Berlin", first)
    two = window_at(WindowKind.HOUR, "Europe/Berlin", first + 3600)
    assert one.end_s == two.start_s
    assert one.label != two.label


def test_an_hour_follows_a_zone_that_is_not_whole_hours_off():
    now = at(ZoneInfo("Asia/Kolkata"), 2026, 11, 21, 9, 59)
    window = window_at(WindowKind.HOUR, "Asia/Kolkata", now)
    assert (window.end_s - now) == 60


def test_a_window_is_the_same_however_often_it_is_asked():
    now = at(dt.timezone.utc, 2026, 1, 1, 5)
    assert window_at(WindowKind.DAY, "UTC", now) is window_at(WindowKind.DAY, "UTC", now + 60)
    back = window_at(WindowKind.DAY, "UTC", now - 86_400)
    assert back.end_s == window_at(WindowKind.DAY, "UTC", now).start_s
