"""Intervals that hold however often one looks: against a closed form, at their edges."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.sequential import (
    ENOUGH,
    Change,
    Kind,
    Part,
    Side,
    change_of,
    freedom,
    multiplier,
    shared_alpha,
    widened,
)

COST, PASSES = Kind(relative=True, scale=0.3), Kind(relative=False, scale=0.1)
NAMES = ("now", "bolder")


def compared(first, other, kind=COST, alpha=0.05):
    return change_of(first, other, kind, NAMES, alpha)


def callers(rate, n=20, wobble=0.1, size=10.0):
    return [Part(size * rate * (1 + wobble * (-1) ** i), size) for i in range(n)]


def tail(t, degrees, steps=4000):
    """Twice the tail of Student's distribution, by the midpoint rule."""
    c = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    low = math.atan(t)
    width = (math.pi / 2 - low) / steps
    xs = (math.tan(low + (i + 0.5) * width) for i in range(steps))
    return 2 * width * sum(c * (1 + x * x / degrees) ** (-(degrees + 1) / 2) * (1 + x * x) for x in xs)


@pytest.mark.parametrize("degrees", [2, 3, 4.5, 5, 8, 20, 200])
@pytest.mark.parametrize("z", [1.0, 1.96, 3.03, 4.5])
def test_few_callers_widen_an_interval_as_students_distribution_says(degrees, z):
    rare = 2 * (1 - NormalDist().cdf(z))
    assert math.isclose(tail(widened(z, degrees), degrees), rare, rel_tol=2e-3)


def test_of_many_callers_and_of_hopelessly_few_there_is_a_number():
    assert math.isclose(widened(3.0, 1e9), 3.0, rel_tol=1e-6)
    assert 1e3 < widened(1e6, 2) < math.inf
    assert widened(3.0, 0.5) == widened(3.0, 2.0)


def test_the_boundary_is_the_mixtures_closed_form():
    # Howard et al., equation (14): u(v) = sqrt((v + r) log((v + r) / (r alpha^2))), of an estimate: u(v) / v.
    v, r, alpha = 40.0, 1 / 0.3**2, 0.05
    u = math.sqrt((v + r) * math.log((v + r) / (r * alpha**2)))
    assert math.isclose(multiplier(1 / v, 0.3, alpha) * math.sqrt(1 / v), u / v)


@given(st.floats(1e-9, 1e3), st.floats(1e-3, 0.2))
def test_no_look_is_as_narrow_as_one_of_the_usual_kind(variance, alpha):
    usual = NormalDist().inv_cdf(1 - alpha / 2)
    assert multiplier(variance, 0.3, alpha) > 1.2 * usual


def test_all_intervals_of_a_report_share_what_they_may_miss():
    assert math.isclose(shared_alpha(4), 0.05 / 4)
    assert shared_alpha(0) == shared_alpha(1)


def test_a_difference_that_is_there_is_seen_and_told_as_a_share():
    found = compared(callers(10.0), callers(5.0))
    assert (round(found.first, 9), round(found.other, 9)) == (10.0, 5.0)
    assert (found.sure, found.note) == (-1, "")
    assert math.isclose(found.change, -0.5)
    assert -0.6 < found.low < -0.5 < found.high < -0.4
    back = compared(callers(5.0), callers(10.0))
    assert back.sure == 1
    # The same interval, seen from the other side.
    assert math.isclose((1 + back.low) * (1 + found.high), 1)


def test_a_rate_of_shares_is_told_as_a_difference_that_stays_between_minus_one_and_one():
    found = compared(callers(0.9), callers(0.6), PASSES)
    assert math.isclose(found.change, -0.3)
    assert (found.sure, found.low >= -1) == (-1, True)
    wide = compared(callers(0.5, wobble=1.0), callers(0.5, wobble=1.0), PASSES, 1e-12)
    assert (wide.low, wide.high, wide.sure) == (-1.0, 1.0, 0)


def test_callers_are_what_is_counted_and_not_their_requests():
    few = compared(callers(10.0, size=1.0), callers(9.0, size=1.0))
    many = compared(callers(10.0, size=1000.0), callers(9.0, size=1000.0))
    assert math.isclose(few.low, many.low)


def test_all_answers_passing_is_no_certainty():
    found = compared([Part(5, 5)] * 20, [Part(5, 5)] * 20, PASSES)
    assert found.change == 0
    assert found.low < 0 < found.high


def test_costs_that_never_vary_are_known():
    found = compared([Part(5, 5)] * 20, [Part(10, 5)] * 20)
    assert math.isclose(found.low, 1.0)
    assert math.isclose(found.high, 1.0)


NOTHING = {
    "nobody": ([], callers(1.0), "nothing to compare yet"),
    "nobody else": (callers(1.0), [Part(1.0, 0.0)], "nothing to compare yet"),
    "nothing spent": (callers(1.0), [Part(0.0, 5.0)] * 20, "a rate of nothing cannot be compared"),
    "too few": (callers(1.0), callers(1.0, n=ENOUGH - 1), "fewer than 10 callers of bolder"),
    "one is all": (
        callers(1.0),
        [Part(0.0, 1.0)] * 19 + [Part(5.0, 1.0)],
        "a few callers make up almost all of bolder",
    ),
    "one outweighs": (
        [*callers(1.0, n=19), Part(1e5, 1e5)],
        callers(1.0),
        "a few callers make up almost all of now",
    ),
    "no likeness": (
        [Part(10.0 ** (i % 7), 1.0 + i % 3) for i in range(40)],
        callers(1.0),
        "callers differ too much",
    ),
}


@pytest.mark.parametrize("case", NOTHING.values(), ids=NOTHING)
def test_where_too_little_is_known_there_is_no_interval_and_a_reason(case):
    first, other, note = case
    found = compared(first, other)
    assert found.note.startswith(note)
    assert (found.low, found.high, found.sure) == (None, None, 0)


def test_a_change_without_an_interval_is_not_sure():
    assert Change(1.0, 2.0, 1.0).sure == 0


@given(
    st.lists(st.tuples(st.floats(0, 1e12, allow_subnormal=False), st.integers(0, 1000)), max_size=30),
    st.booleans(),
)
def test_whatever_callers_do_the_figures_are_figures(parts, relative):
    first = [Part(*p) for p in parts]
    found = compared(first, first[::-1], Kind(relative=relative, scale=0.3) if relative else PASSES)
    told = [v for v in (found.first, found.other, found.change, found.low, found.high) if v is not None]
    assert all(map(math.isfinite, told))


def test_freedom_is_that_of_both_sides_where_they_are_alike():
    one = Side.of(callers(1.0), relative=True)
    assert math.isclose(freedom(one, one), 2 * (one.weight - 1))
