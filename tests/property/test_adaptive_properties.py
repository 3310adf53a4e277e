"""What holds of the bypass for every window, every rate and every history."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.adaptive import LEAVE_OVER, WINDOW, enters, leaves, segment_key, wilson
from litellm_tiering.ledger.segments_memory import MemorySegments
from litellm_tiering.ports import Segment

NOW = 1_800_000_000
WINDOWS = st.text("01", max_size=WINDOW)
RATES = st.floats(0, 1)


@given(WINDOWS, RATES)
def test_a_window_never_both_enters_and_leaves(window, above):
    assert not (enters(window, above) and leaves(window, above))


@given(WINDOWS.filter(bool))
def test_a_rate_of_exactly_above_never_enters(window):
    assert not enters(window, window.count("1") / len(window))


@given(WINDOWS.filter(bool))
def test_a_rate_of_exactly_above_never_leaves(window):
    latest = window[-LEAVE_OVER:]
    assert not leaves(window, latest.count("1") / len(latest))


@given(st.integers(1, WINDOW).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_hold_the_rate_between_them(seen):
    hits, n = seen
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    assert low < high


@given(WINDOWS, RATES, RATES)
def test_a_higher_bound_never_bypasses_more(window, one, other):
    low, high = sorted((one, other))
    assert enters(window, low) or not enters(window, high)


@given(st.lists(st.text(), min_size=3, max_size=3), st.lists(st.text(), min_size=3, max_size=3))
def test_two_segments_share_a_key_only_when_they_are_one(one, other):
    assert (segment_key(*one) == segment_key(*other)) == (one == other)


@given(
    before=st.lists(st.booleans(), max_size=3),
    pushes=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=2 * WINDOW),
)
def test_pushes_change_neither_turn_nor_bypass_and_keep_the_window_bounded(before, pushes):
    async def history():
        segments = MemorySegments()
        state = Segment()
        for turn, bypassed in enumerate(before):
            state = await segments.turn_over("k", turn=turn, bypassed=bypassed, now_s=NOW)
        expected = ""
        for rejected, turn in pushes:
            found = await segments.push("k", rejected=rejected, turn=turn, now_s=NOW)
            expected += str(int(rejected)) if turn == len(before) else ""
            assert (found.turn, found.bypassed) == (state.turn, state.bypassed)
            assert found.window == expected[-WINDOW:]

    asyncio.run(history())
