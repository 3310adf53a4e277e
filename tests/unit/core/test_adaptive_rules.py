"""When a segment is bypassed and trusted again, what it is called, and what an operator is told."""

from __future__ import annotations

import math

import pytest

from litellm_tiering.core import adaptive
from litellm_tiering.core.adaptive import (
    Tally,
    enters,
    leaves,
    one_tier_alarm,
    quiet_alarm,
    segment_alarm,
    segment_key,
    segment_name,
    wilson,
)


def window(rejected, accepted=0):
    return "1" * rejected + "0" * accepted


# --- the bounds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "n", "z", "low", "high"),
    [
        # Known values of the score interval at 95 %: Newcombe, Statistics in Medicine 17 (1998), table I.
        (81, 263, 1.959964, 0.2553, 0.3662),
        (15, 148, 1.959964, 0.0624, 0.1605),
        (0, 20, 1.959964, 0.0, 0.1611),
        (1, 29, 1.959964, 0.0061, 0.1718),
    ],
)
def test_the_bounds_are_those_of_the_literature(hits, n, z, low, high):
    assert wilson(hits, n, z) == pytest.approx((low, high), abs=5e-5)


def test_the_bounds_of_nothing_and_at_the_ends():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0


@pytest.mark.parametrize(
    ("rejected", "accepted", "entered"),
    [(19, 0, False), (20, 0, True), (11, 9, True), (10, 10, False), (46, 54, False), (47, 53, True)],
)
def test_a_segment_enters_when_it_surely_escalates_more(rejected, accepted, entered):
    assert enters(window(rejected, accepted), 0.40) is entered


@pytest.mark.parametrize(
    ("rejected", "accepted", "left"),
    [(0, 9, False), (0, 10, True), (2, 8, True), (3, 7, False), (8, 22, True), (9, 21, False)],
)
def test_a_bypassed_segment_leaves_when_it_surely_escalates_less(rejected, accepted, left):
    assert leaves(window(rejected, accepted), 0.40) is left


def test_the_latest_probes_say_whether_a_segment_has_recovered():
    assert leaves("1" * 30 + "0" * 70, 0.40)
    assert not leaves("0" * 70 + "1" * 30, 0.40)


def test_what_would_be_bypassed_again_at_once_does_not_leave():
    assert wilson(0, 30)[1] < 0.40
    assert not leaves("1" * 70 + "0" * 30, 0.40)


def test_no_rate_is_above_one_and_none_below_zero():
    assert not enters(window(100), 1.0)
    assert not leaves(window(0, 100), 0.0)
    assert not enters(window(0, 100), 0.0)
    assert enters(window(1, 99), 0.0)


# --- names -------------------------------------------------------------------------------------------------


def test_a_key_is_three_names():
    assert segment_key("auto", "simple", "code") == "auto|simple|code"
    assert segment_name("auto|simple|code") == "auto / simple / code"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a|b", "c", "d"), ("a", "b|c", "d")),
        (("a%7Cb", "c", "d"), ("a|b", "c", "d")),
        (("x" * 65, "c", "d"), ("x" * 66, "c", "d")),
        (("", "c", "d"), ("c", "", "d")),
    ],
)
def test_different_names_have_different_keys(one, other):
    assert segment_key(*one) != segment_key(*other)


@pytest.mark.parametrize("name", ["ünï", "日本", "\ud800", "\x00\n\r", "{t}", "😀" * 1_000, "a b"])
def test_a_key_is_short_printable_ascii_whatever_a_name_holds(name):
    key = segment_key(name, name, name)
    assert key.isascii()
    assert key.isprintable()
    assert key.count("|") == 2
    assert "{" not in key
    assert len(key) <= 2_310
    assert segment_name(key).isprintable()


def test_an_operator_reads_the_names_as_they_were_written():
    assert segment_name(segment_key("für alle", "klein|1", "code")) == "für alle / klein|1 / code"


# --- alarms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rejected", "accepted", "told"),
    [(49, 0, False), (50, 0, True), (10, 90, False), (11, 89, True), (5, 45, False)],
)
def test_a_segment_alarms_above_a_tenth_of_fifty_answers(rejected, accepted, told):
    assert bool(segment_alarm("a|b|c", window(rejected, accepted), bypassed=False)) is told


def test_a_segments_alarm_names_it_and_its_numbers_and_what_to_look_at():
    said = segment_alarm("auto|simple|code", window(34, 66), bypassed=False)
    assert said.startswith(
        "threshold too low: segment auto / simple / code escalates 34 % of its last 100 answers;"
    )
    assert "gates" in said


def test_a_bypassed_segment_is_told_of_though_its_window_is_new():
    said = segment_alarm("auto|simple|code", "", bypassed=True)
    assert "segment auto / simple / code is bypassed" in said
    assert "probes" not in said
    assert "(2 of 3 probes" in segment_alarm("auto|simple|code", "101", bypassed=True)


@pytest.mark.parametrize(
    ("rejected", "judged", "told"),
    [(0, 499, False), (0, 500, True), (2, 500, True), (3, 600, False), (5, 1000, False)],
)
def test_a_route_alarms_when_almost_nothing_escalates(rejected, judged, told):
    assert bool(quiet_alarm("auto", rejected, judged)) is told


def test_a_quiet_routes_alarm_says_so():
    said = quiet_alarm("auto", 1, 1_000)
    assert said.startswith(
        "router too greedy or gates asleep: route auto escalated 0.1 % of its last 1000 judged answers;"
    )


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ({}, False),
        ({"simple": 199}, False),
        ({"simple": 200}, True),
        ({"simple": 2, "complex": 198}, True),
        ({"simple": 3, "complex": 197}, False),
    ],
)
def test_a_route_alarms_when_one_tier_takes_all(tiers, told):
    assert bool(one_tier_alarm("auto", tiers)) is told


def test_the_tier_that_takes_all_is_named():
    said = one_tier_alarm("auto", {"simple": 2, "complex": 398})
    assert "route auto sent 99.5 % of its last 400 classified requests to tier complex;" in said


# --- counting ----------------------------------------------------------------------------------------------


def test_a_tally_counts_the_latest_words_of_each_route():
    tally = Tally()
    for word in ["a"] * 600 + ["b"] * 600:
        tally.add("auto", word)
    tally.add("other", "a")
    assert dict(tally) == {"auto": {"a": 400, "b": 600}, "other": {"a": 1}}
    for _ in range(600):
        tally.add("auto", "b")
    assert dict(tally)["auto"] == {"b": 1_000}


def test_a_tally_holds_so_many_routes(monkeypatch):
    monkeypatch.setattr(adaptive, "ROUTES_MAX", 3)
    tally = Tally()
    for route in "abcda":
        tally.add(route, "x")
    assert [route for route, _ in tally] == ["c", "d", "a"]


def test_the_numbers_are_finite():
    assert all(
        math.isfinite(bound) for n in range(1, 101) for hits in range(n + 1) for bound in wilson(hits, n)
    )
