from __future__ import annotations

import asyncio
import email.utils
from itertools import pairwise

import pytest
from batch_kit import Clock
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.batch.pace import (
    LONGEST_RETRY_AFTER_S,
    LONGEST_WAIT_S,
    Pace,
    Stopped,
    SystemTimes,
    retry_after,
    wait_s,
    worth_another_try,
)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status):
    assert worth_another_try(status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501])
def test_what_cannot_pass_is_not(status):
    assert not worth_another_try(status)


@given(st.integers(1, 1_000_000), st.floats(0, 1))
def test_a_wait_grows_is_spread_and_is_bounded(tried, draw):
    wait = wait_s(tried, None, draw)
    assert 0.25 <= wait <= LONGEST_WAIT_S
    assert wait <= wait_s(tried, None, 1.0)
    assert wait_s(tried + 1, None, draw) >= wait


@given(st.integers(1, 50), st.floats(0, 1e9), st.floats(0, 1))
def test_a_server_is_never_asked_earlier_than_it_says_up_to_a_bound(tried, after, draw):
    wait = wait_s(tried, after, draw)
    assert min(after, LONGEST_RETRY_AFTER_S) < wait <= LONGEST_RETRY_AFTER_S + LONGEST_WAIT_S


@pytest.mark.parametrize("said", ["", "soon", "-3", "nan", "inf", "1e999", "Fri, 99 Nov"])
def test_a_retry_after_that_says_nothing_is_none(said):
    assert retry_after({"retry-after": said}, 0.0) is None


def test_a_retry_after_may_be_seconds_or_a_date():
    assert retry_after({"retry-after": " 2.5 "}, 0.0) == 2.5
    at = email.utils.formatdate(1_060, usegmt=True)
    assert retry_after({"retry-after": at}, 1_000.0) == 60.0
    assert retry_after({"retry-after": at}, 2_000.0) == 0.0
    assert retry_after({}, 0.0) is None


async def test_requests_go_out_at_the_rate():
    clock = Clock()
    pace = Pace(clock, asyncio.Event(), rate=4)
    for _ in range(9):
        await pace.turn()
    assert clock.now_s == pytest.approx(1_002.0)


async def test_several_at_once_keep_to_the_rate_together():
    clock = Clock()
    pace = Pace(clock, asyncio.Event(), rate=10)
    went = []

    async def go():
        await pace.turn()
        went.append(clock.now_s)

    await asyncio.gather(*(go() for _ in range(20)))
    assert all(b - a >= 0.1 - 1e-6 for a, b in pairwise(went))


async def test_nothing_goes_out_during_a_pause():
    clock = Clock()
    pace = Pace(clock, asyncio.Event())
    assert pace.pause(1_500.0)
    assert not pace.pause(1_400.0), "it is no news while everybody waits"
    await pace.turn()
    assert clock.now_s == 1_500.0
    assert pace.pause(1_600.0)


async def test_a_halted_run_sends_nothing_more():
    halted = asyncio.Event()
    pace = Pace(Clock(), halted)
    await pace.turn()
    halted.set()
    with pytest.raises(Stopped):
        await pace.turn()


async def test_halting_ends_a_long_sleep():
    halted = asyncio.Event()
    sleeping = asyncio.create_task(SystemTimes(halted).sleep(86_400))
    await asyncio.sleep(0)
    halted.set()
    await asyncio.wait_for(sleeping, 5)
