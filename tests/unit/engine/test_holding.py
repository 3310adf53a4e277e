from __future__ import annotations

import asyncio

import pytest
from cascade_kit import Heard, Stream, depart, engine_on, until_broken
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.holding import Background, Held, close


async def hold(stream, *, lent=False):
    journey = await depart(engine_on())
    background = Background()
    return Held(stream, Heard(), journey.flights[0], background, lent=lent), background


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


async def alone():
    """Only this test is left running."""
    for _ in range(200):
        if asyncio.all_tasks() == {asyncio.current_task()}:
            return
        await asyncio.sleep(0)
    raise AssertionError(asyncio.all_tasks())


async def test_what_was_held_comes_first_and_then_the_rest():
    held, _ = await hold(Stream("a", "b", "c", "d"))
    assert await held.more(None)
    assert await held.more(None)
    assert held.listener.chars == 2
    assert [c async for c in held.chunks()] == ["a", "b", "c", "d"]
    assert held.ended
    assert held.listener.chars == 4, "heard to the end: its length may have to tell its cost"


async def test_a_chunk_that_does_not_come_in_time_is_not_lost():
    gate = asyncio.Event()
    held, _ = await hold(Stream(gate, "a", "b"))
    assert not await held.more(0.0)
    assert not await held.more(0.001)
    assert not held.ended
    gate.set()
    assert [c async for c in held.chunks()] == ["a", "b"]
    await alone()


async def test_the_end_of_a_stream_is_told_once_and_then_known():
    held, _ = await hold(Stream("a"))
    assert await held.more(None)
    assert not await held.more(None)
    assert held.ended
    assert [c async for c in held.chunks()] == ["a"]


async def test_what_breaks_a_stream_is_raised_where_it_is_served_after_what_it_had():
    held, _ = await hold(Stream("a", OSError("cut")))
    assert await held.more(None)
    assert not await held.more(None)
    assert isinstance(held.error, OSError)
    assert await until_broken(held.chunks()) == (["a"], held.error)


async def test_a_rejected_stream_is_read_on_and_can_still_be_served_whole():
    held, background = await hold(Stream("a", "b", "c"))
    await held.more(None)
    held.reject()
    held.reject()
    assert len(background) == 1
    await turns()
    assert held.ended
    assert not held.flight.draining
    assert [c async for c in held.chunks()] == ["a", "b", "c"]


async def test_a_rejected_stream_that_breaks_is_served_with_its_error():
    held, _ = await hold(Stream("a", "b", OSError("cut")))
    held.reject()
    with pytest.raises(OSError, match="cut"):
        assert [c async for c in held.chunks()]
    await alone()


async def test_a_discarded_stream_is_read_to_its_end_and_nothing_of_it_is_kept():
    source = Stream(*(["x" * 1000] * 5))
    held, _ = await hold(source)
    await held.more(None)
    held.discard()
    assert held.flight.draining is False
    await asyncio.sleep(0)
    assert held.flight.draining
    await turns(60)
    assert source.chunks == []
    assert (held.listener.chars, held.flight.draining) == (5_000, False)
    assert [c async for c in held.chunks()] == []


async def test_a_stream_that_is_served_and_then_left_is_read_to_its_end():
    source = Stream("a", "b", "c", "d")
    held, _ = await hold(source)
    chunks = held.chunks()
    assert await anext(chunks) == "a"
    await chunks.aclose()
    held.discard()
    await alone()
    assert source.chunks == []


async def test_stopping_ends_whatever_reads():
    for begin in (Held.reject, Held.discard, None):
        held, background = await hold(Stream("a", asyncio.Event()))
        if begin is None:
            await held.more(None)
            await held.more(0.0)
        else:
            begin(held)
            await turns()
        await held.stop()
        assert held.ended
        assert not held.flight.draining
        await alone()
        assert len(background) == 0


async def test_waiting_for_the_end_of_a_rejected_stream_is_bounded():
    source = Stream("a", asyncio.Event(), "b")
    held, _ = await hold(source)
    held.reject()
    await held.drained(0.001)
    assert held.ended
    await alone()
    assert not source.reading


async def test_waiting_for_the_end_is_over_when_it_comes():
    source = Stream("a", "b")
    held, _ = await hold(source)
    held.discard()
    await held.drained(60)
    assert source.chunks == []
    await alone()


async def test_whoever_gives_up_waiting_for_the_end_leaves_nobody_reading():
    held, _ = await hold(Stream("a", asyncio.Event()))
    held.discard()
    waits = asyncio.ensure_future(held.drained(60))
    await turns()
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    await alone()


@pytest.mark.parametrize("lent", [True, False])
async def test_a_stream_that_nobody_reads_is_closed_after_its_time(monkeypatch, lent):
    monkeypatch.setattr("litellm_tiering.holding.DRAIN_S", 0.001)
    source = Stream("a", asyncio.Event(), "b")
    held, _ = await hold(source, lent=lent)
    held.discard()
    await asyncio.wait({held._pump})
    assert held.ended
    assert source.closed is not lent, "LiteLLM closes its own"
    await alone()


async def test_a_stream_that_is_served_after_all_is_not_cut_off_after_that_time(monkeypatch):
    monkeypatch.setattr("litellm_tiering.holding.DRAIN_S", 0.001)
    gate = asyncio.Event()
    held, _ = await hold(Stream("a", gate, "b"))
    held.reject()
    await asyncio.wait({held._pump})
    gate.set()
    assert [c async for c in held.chunks()] == ["a", "b"]
    await alone()


async def test_a_stream_that_cannot_be_closed_is_gone_all_the_same():
    class Stubborn:
        async def aclose(self):
            raise RuntimeError("no")

    await close(Stubborn())
    await close(object())


async def test_a_fault_in_listening_costs_no_chunk_and_is_kept():
    held, _ = await hold(Stream("a", "boom", "b", "boom", "c"))
    for _ in range(3):
        assert await held.more(None)
    assert isinstance(held.fault, ValueError)
    assert [c async for c in held.chunks()] == ["a", "boom", "b", "boom", "c"]


async def test_tasks_in_the_background_are_kept_while_they_run_and_their_failures_are_no_warning():
    background = Background()
    gate = asyncio.Event()

    async def work():
        await gate.wait()
        raise RuntimeError

    background.spawn(work())
    cancelled = background.spawn(work())
    await turns()
    assert len(background) == 2
    cancelled.cancel()
    gate.set()
    await turns()
    assert len(background) == 0


@given(
    chunks=st.lists(st.sampled_from(["a", "", "bb", None]), max_size=15),
    steps=st.lists(st.sampled_from(["more", "look", "reject", "resume", "turn"]), max_size=25),
    broken=st.booleans(),
    most=st.integers(0, 10),
)
def test_whatever_was_done_to_a_stream_it_is_served_whole_in_order_and_once(chunks, steps, broken, most):
    """``None`` is a pause; ``most`` chunks may be held."""

    async def main():
        pauses = [asyncio.Event() for c in chunks if c is None]
        order = iter(pauses)
        made = [next(order) if c is None else (i, c) for i, c in enumerate(chunks)]
        source = Stream(*made, *([OSError("cut")] if broken else []))
        held, _ = await hold(source)
        held.listener.hear = lambda chunk: None
        for step in steps:
            if step == "more" and not held._pumping and not held.ended:
                await held.more(0.0)
            elif step == "look":
                assert held.full == (len(held._buffer) > most)
            elif step == "reject":
                held.reject()
            elif step == "resume" and pauses:
                pauses.pop(0).set()
            await asyncio.sleep(0)
        for pause in pauses:
            pause.set()
        served, error = await until_broken(held.chunks())
        assert served == [(i, c) for i, c in enumerate(chunks) if c is not None]
        assert (error is not None) is broken
        await alone()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("litellm_tiering.holding.MAX_HELD_CHUNKS", most)
        asyncio.run(main())
