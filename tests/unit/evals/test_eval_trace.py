from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.evals import trace as module
from litellm_tiering.evals.trace import DAY_S, JITTER_S, Arrival, BadRow, read_trace

HEAD = b"t_s,prompt_tokens,completion_tokens"


def read(*rows, head=HEAD, **more):
    return read_trace(enumerate([head, *rows], 1), **more)


def test_a_trace_is_read_and_put_in_order():
    found = read(b"20.5,100,7", b"3,0,1.0")
    assert found.arrivals == (Arrival(3.0, 0, 1), Arrival(20.5, 100, 7))
    assert (found.bad, found.bad_count, found.days) == ((), 0, 1)


def test_columns_are_found_by_name_and_others_left_aside():
    head = b"\x22team\x22, completion_tokens ,colour,t_s,prompt_tokens,tier,key,user,end_user,max_tokens"
    row = b'"a, b", 5 ,red,1,2,simple,k,u,e,99'
    expected = Arrival(1.0, 2, 5, "simple", "a, b", "k", "u", "e", 99)
    assert read(row, head=head, tiers=["simple"]).arrivals == (expected,)


def test_of_a_column_named_twice_the_first_counts():
    assert read(b"1,2,3,4", head=HEAD + b",t_s").arrivals == (Arrival(1.0, 2, 3),)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"zebra,1,1", "t_s"),
        (b"-1,1,1", "t_s"),
        (b"nan,1,1", "t_s"),
        (b"inf,1,1", "t_s"),
        (b"1e99,1,1", "t_s"),
        (b"1,-1,1", "prompt_tokens"),
        (b"1,1.5,1", "prompt_tokens"),
        (b"1,1e300,1", "prompt_tokens"),
        (b"1,1", "completion_tokens"),
        (b"1,1,1,zebra", "tier"),
        (b"1,1,1,,zebra", "max_tokens"),
        (b"1,1,\xff", "UTF-8"),
        (b'1,1,"1', "CSV"),
        (b"1,1,1," + b"z" * 10_000, "longer"),
    ],
)
def test_a_bad_row_is_told_by_number_and_reason_and_the_others_are_read(row, why):
    found = read(b"1,1,1", row, b"2,1,1", head=HEAD + b",tier,max_tokens", tiers=["simple"])
    assert [a.t_s for a in found.arrivals] == [1.0, 2.0]
    assert found.bad_count == 1
    ((number, said),) = found.bad
    assert number == 3
    assert why in said
    assert "zebra" not in said


def test_of_many_bad_rows_only_some_are_told():
    found = read(*[b"x"] * 50, told=3)
    assert ([n for n, _ in found.bad], found.bad_count) == ([2, 3, 4], 50)


@pytest.mark.parametrize("head", [b"", b"1,2,3", b"t_s,prompt_tokens"])
def test_a_file_without_a_head_is_no_trace(head):
    with pytest.raises(BadRow, match="completion_tokens"):
        read(b"1,2,3", head=head)


def test_an_empty_file_is_no_trace():
    with pytest.raises(BadRow, match="does not name"):
        read_trace([])


def test_a_trace_that_would_fill_memory_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    assert len(read(*[b"1,1,1"] * 3).arrivals) == 3
    with pytest.raises(BadRow, match="more than 3 rows"):
        read(*[b"1,1,1"] * 4)
    with pytest.raises(ValueError, match="more than 3"):
        read(b"1,1,1", b"2,1,1").scaled(2, 0)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_whatever_a_file_holds_it_is_a_trace_or_a_bad_one(lines):
    try:
        found = read_trace(enumerate(lines, 1))
    except BadRow:
        return
    assert len(found.arrivals) + found.bad_count == len(lines) - 1


DAYS = st.lists(st.floats(0, 3 * DAY_S - 1), min_size=1, max_size=30)


@given(DAYS, st.integers(1, 4), st.integers(0, 3))
def test_a_scaled_trace_holds_every_arrival_and_its_repeats_near_it_on_its_day(times, scale, seed):
    trace = read(*[b"%f,%d,1" % (t, i) for i, t in enumerate(times)])
    grown = trace.scaled(scale, seed)
    assert len(grown.arrivals) == scale * len(times)
    assert list(grown.arrivals) == sorted(grown.arrivals, key=lambda a: a.t_s)
    assert set(trace.arrivals) <= set(grown.arrivals)
    at = {a.prompt_tokens: a.t_s for a in trace.arrivals}
    for arrival in grown.arrivals:
        origin = at[arrival.prompt_tokens]
        assert abs(arrival.t_s - origin) <= JITTER_S
        assert arrival.t_s // DAY_S == origin // DAY_S
    assert grown == trace.scaled(scale, seed)


@given(DAYS)
def test_a_noisy_day_is_another_one_of_as_many_arrivals(times):
    trace = read(*[b"%f,%d,1" % (t, i) for i, t in enumerate(times)])
    other = trace.noisy(1)
    assert len(other.arrivals) == len(trace.arrivals)
    assert {a.prompt_tokens for a in other.arrivals} <= {a.prompt_tokens for a in trace.arrivals}
    assert other == trace.noisy(1)


def test_other_seeds_make_other_days():
    trace = read(*[b"%d,1,1" % t for t in range(0, 80_000, 100)])
    assert trace.noisy(1) != trace.noisy(2)
    assert trace.scaled(2, 1) != trace.scaled(2, 2)
    assert trace.scaled(1, 1) == trace
    with pytest.raises(ValueError, match="once or more"):
        trace.scaled(0, 1)


def test_nothing_drawn_anew_is_nothing():
    assert read().noisy(1) == read()
    assert read().days == 1
    assert read(b"86400,1,1").days == 2
