from __future__ import annotations

import asyncio

import pytest
from cascade_kit import (
    Clock,
    Gates,
    Heard,
    Says,
    Stream,
    Upstream,
    Wire,
    balance,
    last_reason,
    stage,
    until_broken,
    verdicts,
)
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.budget import Budget, Downgrade
from litellm_tiering.core.gate import Said
from litellm_tiering.units import NanoUSD

BUFFER = {"stream": "buffer"}
TIGHT = Budget(limit=NanoUSD(100), downgrade=(Downgrade(0.9, to_rank=0),))


async def waiting():
    """An upstream that never answers."""
    await asyncio.Event().wait()


# ---------------------------------------------------------------------- whole answers


async def test_a_good_answer_is_served_and_nobody_else_is_asked():
    on = await stage()
    assert await on.whole("fine") == "fine"
    assert (verdicts(on.journey), last_reason(on.journey)) == ("small:ok", "heuristic")
    assert on.journey.prompt is None


async def test_a_bad_answer_is_replaced_by_the_next_tiers():
    on = await stage()
    assert await on.whole("bad!", medium="fine") == "fine"
    assert (verdicts(on.journey), last_reason(on.journey)) == ("small:shout,medium:ok", "escalation:shout")
    assert (on.journey.served, on.journey.record.tier, on.journey.record.model) == (1, "moderate", "medium")
    assert [(e.tier, e.model, e.prompt.question) for e in on.gates.seen] == [
        ("simple", "small", "q"),
        ("moderate", "medium", "q"),
    ]


async def test_of_bad_answers_the_least_bad_is_served_and_it_says_why():
    on = await stage()
    assert await on.whole("bad!3", medium="bad!9", large="bad!9") == "bad!3"
    assert verdicts(on.journey) == "small:shout,medium:shout,large:shout"
    assert (last_reason(on.journey), on.journey.served) == ("kept:worse", 0)
    on = await stage()
    assert await on.whole("bad!", medium="worse!", large="last!") == "last!"
    assert last_reason(on.journey) == "kept:top"


async def test_no_more_tiers_are_tried_than_the_owner_allows():
    on = await stage(settings={"max_escalations": 1})
    assert await on.whole("bad!", medium="worse!") == "worse!"
    assert last_reason(on.journey) == "kept:limit"
    on = await stage(settings={"max_escalations": 0})
    assert await on.whole("bad!") == "bad!"
    assert last_reason(on.journey) == "kept:limit"


async def test_an_escalation_that_fails_leads_to_the_next_tier():
    on = await stage()
    assert await on.whole("bad!", medium=RuntimeError("500"), large="fine") == "fine"
    assert verdicts(on.journey) == "small:shout,medium:failed,large:ok"
    assert last_reason(on.journey) == "escalation:failed"
    assert on.journey.flights[1].ended
    assert (await balance(on.engine)).reserved == 10 + 1_000


async def test_where_every_escalation_fails_the_first_answer_is_served():
    on = await stage()
    assert await on.whole("bad!", medium=RuntimeError("500"), large=OSError()) == "bad!"
    assert verdicts(on.journey) == "small:shout,medium:failed,large:failed"
    assert last_reason(on.journey) == "kept:failed"
    assert (await balance(on.engine)).reserved == 10


async def test_a_budget_that_stops_the_climb_keeps_the_answer():
    on = await stage(TIGHT)
    assert await on.whole("bad!") == "bad!"
    assert (verdicts(on.journey), last_reason(on.journey)) == ("small:shout", "kept:budget:global")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"forbidden": {1: "key", 2: "key"}}, "kept:permission"),
        ({"says": Says(2)}, "kept:top"),
        ({"says": Says(0, cap=(0, "bulk"))}, "kept:cap"),
        ({"says": Says(1), "wish": 0}, "kept:cap"),
    ],
)
async def test_where_a_request_may_not_climb_nobody_is_asked_and_it_says_why(more, reason):
    on = await stage(**more)
    assert not on.cascade().can_climb
    assert await on.whole("bad!") == "bad!"
    assert last_reason(on.journey) == reason
    assert len(on.journey.flights) == 1


async def test_a_tier_that_is_not_open_is_passed_over():
    on = await stage(forbidden={1: "key"})
    assert await on.whole("bad!", large="fine") == "fine"
    assert verdicts(on.journey) == "small:shout,large:ok"


async def test_one_bad_choice_of_several_rejects_the_answer():
    on = await stage()
    assert await on.whole(("fine", "bad!4", "never asked"), medium=("a", "b")) == ("a", "b")
    assert [e.answer for e in on.gates.seen] == ["fine", "bad!4", "a", "b"]


async def test_of_very_many_choices_the_first_are_judged():
    on = await stage()
    many = ("fine",) * 500 + ("bad!",)
    assert await on.whole(many) == many
    assert len(on.gates.seen) == 32


async def test_an_answer_without_any_choice_is_judged_as_the_empty_one_that_it_is():
    class Strict(Gates):
        async def judge(self, exchange):
            found = await super().judge(exchange)
            return found if exchange.answer else type(found)("empty", 1.0)

    on = await stage(gates=Strict())
    assert await on.whole((), medium="fine") == "fine"
    assert verdicts(on.journey) == "small:empty,medium:ok"


# ---------------------------------------------------------------------- deadlines


async def test_a_passed_deadline_keeps_the_answer():
    clock = Clock()
    on = await stage(clock=clock, deadline_s=5.0)
    clock.time += 5.0
    assert await on.whole("bad!") == "bad!"
    assert last_reason(on.journey) == "kept:deadline"


async def late(answer, *, settle=False):
    """A request whose second tier answers after the deadline, and then so."""
    clock, gate = Clock(), asyncio.Event()
    on = await stage(clock=clock, deadline_s=0.001)

    async def medium():
        await gate.wait()
        return answer

    assert await on.whole("bad!", medium=medium, large="too late") in ("bad!", "too late")
    assert verdicts(on.journey).startswith("small:shout,medium:late")
    if settle:
        await on.engine.books.settle(on.journey.flights[1], 70, baseline=0)
    return on, gate


async def test_an_answer_that_comes_late_is_not_waited_for_and_is_paid_by_its_bill():
    on, gate = await late("fine", settle=True)
    gate.set()
    await on.quiet()
    assert on.journey.flights[1].cost == 70


async def test_a_failure_that_comes_late_holds_nothing():
    on, gate = await late(RuntimeError())
    assert not on.journey.flights[1].ended
    gate.set()
    await on.quiet()
    assert on.journey.flights[1].ended


async def test_a_stream_that_opens_late_is_read_to_its_end_and_paid_for():
    stream = Stream("some", "thing")
    on, gate = await late(stream)
    gate.set()
    await on.quiet()
    assert (stream.read, stream.chunks) == (2, [])
    assert on.journey.flights[1].ended, "without a bill, an estimate is counted"
    assert on.journey.flights[1].cost == 3 * 10


async def test_a_deadline_while_a_stream_is_held_lets_it_through():
    never = asyncio.Event()
    on = await stage(deadline_s=0.001)
    stream = on.cascade().stream(Stream("begun", never, "ended"))
    assert await anext(stream) == "begun"
    assert verdicts(on.journey) == "small:ok"
    assert on.journey.record.attempts[0].reasons == ("unjudged",)
    never.set()
    assert [c async for c in stream] == ["ended"]
    await on.books_are_closed()


# ---------------------------------------------------------------------- streams


async def test_a_good_stream_passes_whole():
    on = await stage()
    assert await on.stream(Stream("one ", "two ", "three")) == ["one ", "two ", "three"]
    assert verdicts(on.journey) == "small:ok"
    await on.books_are_closed()


async def test_a_bad_stream_is_replaced_from_its_first_chunk():
    on = await stage()
    first, second = Stream("a long bad beginning! ", "x", "y"), Stream("fine", " indeed")
    assert await on.stream(first, medium=second) == ["fine", " indeed"]
    assert (verdicts(on.journey), last_reason(on.journey)) == ("small:shout,medium:ok", "escalation:shout")
    assert first.chunks == [], "read to its end, which tells its cost"
    await on.books_are_closed()


@pytest.mark.parametrize("mode", ["prefix", "buffer"])
@pytest.mark.parametrize("chunks", [(), ("x",), ("x!",), ("",), ("", "x!", "")])
async def test_streams_of_nearly_nothing(chunks, mode):
    on = await stage(settings={"stream": mode})
    bad = any("!" in c for c in chunks)
    assert await on.stream(Stream(*chunks), medium=Stream("fine")) == (["fine"] if bad else list(chunks))
    await on.books_are_closed()


async def test_an_empty_stream_is_judged_as_the_empty_answer_that_it_is():
    class Deaf(Heard):
        def said(self):
            return ()

    class DeafWire(Wire):
        def listener(self):
            return Deaf()

    on = await stage()
    await on.stream(Stream(), wire=DeafWire())
    assert [e.said for e in on.gates.seen] == [Said()]


async def test_a_beginning_that_is_good_enough_is_let_through_at_once():
    never = asyncio.Event()
    on = await stage()
    stream = on.cascade().stream(Stream("that is all that a gate wants+", never))
    assert await anext(stream) == "that is all that a gate wants+"
    never.set()
    assert [c async for c in stream] == []
    await on.books_are_closed()


@pytest.mark.parametrize("size", [1, 7, 41, 100, 5_000])
async def test_no_more_than_the_prefix_is_held_whatever_the_size_of_chunks(size):
    never = asyncio.Event()
    source = Stream(*(["x" * size] * (40 // size + 1)), never, "rest")
    on = await stage()
    stream = on.cascade().stream(source)
    assert await anext(stream) == "x" * size
    assert source.read * size < 40 + size + 24
    assert on.gates.seen[-1].partial
    never.set()
    assert [c async for c in stream][-1] == "rest"
    await on.books_are_closed()


async def test_without_a_gate_for_beginnings_no_more_than_the_prefix_is_held():
    never = asyncio.Event()
    on = await stage(gates=Gates(judges_prefix=False))
    stream = on.cascade().stream(Stream("x" * 39, "x" * 5, never, "rest"))
    assert await anext(stream) == "x" * 39
    assert on.gates.seen == []
    never.set()
    assert "".join([c async for c in stream]) == "xxxxxrest"
    await on.books_are_closed()


async def test_a_beginning_that_falls_silent_is_let_through_after_its_time():
    never = asyncio.Event()
    on = await stage(settings={"prefix_ms": 1})
    stream = on.cascade().stream(Stream("begun", never, "ended"))
    assert await anext(stream) == "begun"
    never.set()
    assert [c async for c in stream] == ["ended"]
    await on.books_are_closed()


async def test_a_silence_before_the_first_piece_is_waited_out():
    gate = asyncio.Event()
    on = await stage(settings={"prefix_ms": 1})
    stream = on.cascade(Upstream(medium=Stream("fine"))).stream(Stream("", gate, "bad!"))
    first = asyncio.ensure_future(anext(stream))
    await asyncio.wait({first}, timeout=0.02)
    assert not first.done()
    gate.set()
    assert await first == "fine"
    await stream.aclose()
    await on.quiet()


async def test_a_buffered_stream_is_judged_whole():
    source = Stream(*(["well "] * 300), "bad!")
    on = await stage(settings=BUFFER)
    assert await on.stream(source, medium=Stream("fine")) == ["fine"]
    assert len(on.gates.seen) <= 2 * 40 / 24 + 3, "beginnings are not judged for ever"
    await on.books_are_closed()


async def test_a_buffered_stream_that_is_too_long_goes_to_the_client_unjudged():
    chunks = ["x" * 100_000] * 12 + ["bad!"]
    on = await stage(settings=BUFFER)
    assert await on.stream(Stream(*chunks)) == chunks
    assert on.journey.record.attempts[0].reasons == ("unjudged",)
    await on.books_are_closed()


async def test_a_stream_of_very_many_empty_chunks_is_not_held_for_ever(monkeypatch):
    monkeypatch.setattr("litellm_tiering.holding.MAX_HELD_CHUNKS", 50)
    never = asyncio.Event()
    source = Stream(*([""] * 60), never)
    on = await stage(settings=BUFFER)
    stream = on.cascade().stream(source)
    assert await anext(stream) == ""
    assert source.read == 51
    never.set()
    assert len([c async for c in stream]) == 59
    await on.books_are_closed()


# ---------------------------------------------------------------------- streams that break


async def test_a_stream_that_breaks_while_it_is_held_is_replaced():
    on = await stage()
    assert await on.stream(Stream("a ", OSError("cut")), medium=Stream("fine")) == ["fine"]
    assert verdicts(on.journey) == "small:failed,medium:ok"
    assert last_reason(on.journey) == "escalation:failed"
    await on.books_are_closed()


async def test_where_nothing_replaces_it_a_broken_stream_ends_as_it_did_after_what_it_had():
    on = await stage()
    upstream = Upstream(medium=OSError("no"), large=Stream(ValueError()))
    cut = OSError("cut")
    assert await until_broken(on.cascade(upstream).stream(Stream("a ", "b", cut))) == (["a ", "b"], cut)
    assert verdicts(on.journey) == "small:failed,medium:failed,large:failed"
    await on.books_are_closed()


async def test_a_stream_that_breaks_while_it_is_served_raises_its_own_error():
    on = await stage()
    cut = OSError("cut")
    source = Stream("x" * 41, "b", cut)
    assert await until_broken(on.cascade().stream(source)) == (["x" * 41, "b"], cut)
    await on.books_are_closed()


@pytest.mark.parametrize("medium", [RuntimeError("500"), Stream("a", OSError())], ids=["call", "stream"])
async def test_a_second_stream_that_fails_leads_to_the_third(medium):
    on = await stage()
    assert await on.stream(Stream("bad!"), medium=medium, large=Stream("fine")) == ["fine"]
    assert verdicts(on.journey) == "small:shout,medium:failed,large:ok"
    assert on.journey.record.tier == "complex"
    await on.books_are_closed()


@pytest.mark.parametrize(("said", "cost"), [((), 0), (("some", "thing"), 3 * 10)], ids=["nothing", "some"])
async def test_a_stream_that_breaks_is_free_only_where_it_had_said_nothing(said, cost):
    on = await stage(settings={"max_escalations": 1})
    assert await on.stream(Stream("bad!"), medium=Stream(*said, OSError())) == ["bad!"]
    await on.books_are_closed()
    assert on.journey.flights[1].cost == cost


async def test_a_second_stream_that_breaks_while_it_is_held_leaves_the_first():
    on = await stage(settings={"max_escalations": 1})
    assert await on.stream(Stream("bad!", " rest"), medium=Stream("a", OSError())) == ["bad!", " rest"]
    assert (verdicts(on.journey), last_reason(on.journey)) == ("small:shout,medium:failed", "kept:failed")
    await on.books_are_closed()


# ---------------------------------------------------------------------- faults of ours


async def contained(on, work):
    """What the outermost guard, which is the gateway's, makes of a fault."""
    return await on.engine.contained("cascade", work, "first")


@pytest.mark.parametrize("where", ["gates", "wire"])
async def test_a_fault_of_ours_with_a_whole_answer_serves_the_first(where, caplog):
    on = await stage(gates=Gates(fault="boom"))
    first = "boom" if where == "wire" else "the boom"
    assert await contained(on, lambda: on.whole(first)) == "first"
    assert len(on.engine.faults) == 1
    assert "boom" not in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("mode", ["prefix", "buffer"])
async def test_a_listener_that_fails_costs_no_chunk(mode, at, caplog):
    chunks = ["x" * 30, "y" * 30, "z" * 30]
    chunks.insert(at, "boom")
    on = await stage(settings={"stream": mode})
    assert await on.stream(Stream(*chunks)) == chunks
    assert "secret" not in caplog.text
    assert on.engine.faults == {"wire:ValueError": 1}
    unjudged = mode == "buffer" or at < 2
    assert on.journey.record.attempts[0].reasons == (("unjudged",) if unjudged else ())
    await on.books_are_closed()


async def test_a_listener_that_fails_in_a_rejected_stream_costs_no_chunk():
    chunks = ["this is a bad beginning!", "boom", "rest"]
    on = await stage(TIGHT)
    assert await on.stream(Stream(*chunks)) == chunks
    await on.books_are_closed()


async def test_a_gate_that_fails_on_a_stream_costs_no_chunk(caplog):
    chunks = ["x" * 30, "panic", "z" * 30]
    on = await stage(gates=Gates(fault="panic"))
    assert await on.stream(Stream(*chunks)) == chunks
    assert list(on.engine.faults.values()) == [1]
    assert "panic" not in caplog.text
    await on.books_are_closed()


async def test_a_gate_that_fails_on_the_second_stream_serves_the_first():
    on = await stage(gates=Gates(fault="panic"))
    first = ["bad!", " rest"]
    assert await on.stream(Stream(*first), medium=Stream("panic", "x")) == first
    await on.books_are_closed()


# ---------------------------------------------------------------------- clients that leave


@pytest.mark.parametrize("lent", [True, False])
@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_client_that_closes_a_stream_it_reads_leaves_nothing_behind(after, lent):
    source = Stream("x" * 30, "y" * 30, "z" * 30, "end")
    on = await stage()
    stream = on.cascade(lent=lent).stream(source)
    for _ in range(after):
        await anext(stream)
    await stream.aclose()
    await on.books_are_closed()
    assert (source.chunks == []) is (not lent), "LiteLLM closes, and bills, what it lent"


@pytest.mark.parametrize("lent", [True, False])
async def test_a_client_that_closes_a_replaced_stream_leaves_both_to_be_paid(lent):
    first, second = Stream("bad!", "a", "b"), Stream("fine ", "and ", "long")
    on = await stage()
    stream = on.cascade(Upstream(medium=second), lent=lent).stream(first)
    assert await anext(stream) == "fine "
    await stream.aclose()
    await on.books_are_closed()
    assert second.chunks == [], "what is ours is read to its end"


async def cancelled(on, stream):
    """A client that hangs up while its stream waits for something."""
    reading = asyncio.ensure_future(collect(stream))
    for _ in range(50):
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def collect(stream):
    return [chunk async for chunk in stream]


@pytest.mark.parametrize("lent", [True, False])
@pytest.mark.parametrize("held", [True, False], ids=["held", "served"])
async def test_a_client_that_hangs_up_in_the_first_stream_leaves_nothing_behind(held, lent):
    gate = asyncio.Event()
    begun = ["x"] if held else ["x" * 41]
    on = await stage()
    await cancelled(on, on.cascade(lent=lent).stream(Stream(*begun, gate, "rest")))
    gate.set()
    await on.books_are_closed()


async def test_a_client_that_hangs_up_before_the_second_stream_opens_leaves_it_to_be_paid():
    gate = asyncio.Event()
    second = Stream("some", "thing")

    async def medium():
        await gate.wait()
        return second

    on = await stage()
    await cancelled(on, on.cascade(Upstream(medium=medium)).stream(Stream("bad!", "rest")))
    gate.set()
    await on.books_are_closed()
    assert second.chunks == [], "it is ours: nobody else reads it"
    assert on.journey.flights[1].cost == 3 * 10


@pytest.mark.parametrize("answer", [RuntimeError("500"), "whole"], ids=["fails", "comes"])
async def test_a_client_that_hangs_up_before_the_second_answer_holds_nothing_for_it(answer):
    gate = asyncio.Event()

    async def medium():
        await gate.wait()
        return answer

    on = await stage()
    waits = asyncio.ensure_future(on.whole("bad!", medium=medium))
    for _ in range(20):
        await asyncio.sleep(0)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    gate.set()
    await on.quiet()
    assert on.journey.flights[1].ended is (answer != "whole"), "an answer is paid for by its bill"


@pytest.mark.parametrize("comes", [Stream("some", "thing"), RuntimeError()], ids=["stream", "failure"])
async def test_a_client_that_hangs_up_in_the_moment_in_which_the_second_stream_opens(comes):
    reading = None

    async def medium():
        reading.cancel()
        return comes

    on = await stage()
    stream = on.cascade(Upstream(medium=medium)).stream(Stream("bad!", "rest"))
    reading = asyncio.ensure_future(collect(stream))
    with pytest.raises(asyncio.CancelledError):
        await reading
    await on.books_are_closed()
    assert on.journey.flights[1].cost == (0 if isinstance(comes, RuntimeError) else 3 * 10)


async def test_a_client_that_hangs_up_in_the_second_stream_leaves_nothing_behind():
    gate = asyncio.Event()
    second = Stream("x", gate, "rest")
    on = await stage()
    await cancelled(on, on.cascade(Upstream(medium=second)).stream(Stream("bad!", "rest")))
    gate.set()
    await on.books_are_closed()
    assert second.chunks == []


async def test_a_client_that_hangs_up_while_the_rejected_stream_still_runs_leaves_nothing_behind():
    """The served stream is over; LiteLLM would now close the rejected one, which is waited for."""
    gate = asyncio.Event()
    on = await stage()
    first = Stream("bad! and long enough to be judged", gate, "rest")
    await cancelled(on, on.cascade(Upstream(medium=Stream("fine"))).stream(first))
    await on.books_are_closed()
    assert not first.reading


# ---------------------------------------------------------------------- rejected, and served after all


@given(
    first=st.lists(st.sampled_from(["a", "b!2", "", "long piece of text", None]), max_size=12),
    second=st.lists(st.sampled_from(["c", "d!5", "", "another long piece", None]), max_size=12),
    third=st.none() | st.lists(st.sampled_from(["e", "f!5", None]), max_size=5),
    mode=st.sampled_from(["prefix", "buffer"]),
    most=st.integers(1, 60),
    order=st.lists(st.integers(0, 2), max_size=40),
    lent=st.booleans(),
    lingers=st.booleans(),
)
def test_exactly_one_stream_is_served_whole_in_order_and_each_chunk_once(
    first, second, third, mode, most, order, lent, lingers
):
    """Pauses (None) end in any order, whether somebody waits for them or not."""

    async def main():
        pauses, streams = [], []
        for n, chunks in enumerate((first, second, third)):
            if chunks is None:
                streams.append(RuntimeError("503"))
                continue
            made = [asyncio.Event() if c is None else (n, i, c) for i, c in enumerate(chunks)]
            pauses += [(n, c) for c in made if isinstance(c, asyncio.Event)]
            streams.append(Stream(*made))
        on = await stage(settings={"stream": mode, "prefix_chars": most})
        upstream = Upstream(medium=streams[1], large=streams[2])
        turning = asyncio.ensure_future(turn(pauses, order))
        served = []
        async for chunk in on.cascade(upstream, wire=Numbered(), lent=lent).stream(streams[0]):
            served.append(chunk)
            if lingers:
                await asyncio.sleep(0)
        await turning
        await on.books_are_closed()
        check_served(served, (first, second, third))
        asked = [0, *(("", "medium", "large").index(model) for model in upstream.calls)]
        if served:
            assert asked[on.journey.served] == served[0][0]

    asyncio.run(main())


async def turn(pauses, order):
    """End the pauses, those of the streams that ``order`` names first."""
    for n in order:
        await asyncio.sleep(0)
        for at, pause in pauses:
            if at == n and not pause.is_set():
                pause.set()
                break
    for _, pause in pauses:
        for _ in range(3):
            await asyncio.sleep(0)
        pause.set()


def check_served(served, all_chunks):
    if not served:
        return
    (n,) = {n for n, _, _ in served}
    assert served == [(n, i, c) for i, c in enumerate(all_chunks[n]) if c is not None]


class Numbered(Wire):
    """Chunks are triples: which stream, which place in it, and the text."""

    def listener(self):
        return NumberedHeard()


class NumberedHeard(Heard):
    def hear(self, chunk):
        super().hear(chunk[2])


async def test_a_rejected_stream_that_is_served_after_all_is_served_from_its_start():
    gate = asyncio.Event()
    first = Stream("b!2, as all can see from the start ", "and ", gate, "so on")
    on = await stage(settings={"max_escalations": 1})
    stream = on.cascade(Upstream(medium=Stream("c!9"))).stream(first)
    assert (await anext(stream)).startswith("b!2")
    gate.set()
    assert [c async for c in stream] == ["and ", "so on"]
    assert (last_reason(on.journey), on.journey.served) == ("kept:worse", 0)
    await on.books_are_closed()


async def test_a_rejected_stream_is_read_on_no_further_than_may_be_held(monkeypatch):
    monkeypatch.setattr("litellm_tiering.holding.MAX_HELD_CHARS", 100)
    first = Stream("b!2 ", *(["x" * 10] * 50))
    gate = asyncio.Event()

    async def medium():
        await gate.wait()
        return Stream("c!9")

    on = await stage(settings={"max_escalations": 1})
    reading = asyncio.ensure_future(collect(on.cascade(Upstream(medium=medium)).stream(first)))
    for _ in range(200):
        await asyncio.sleep(0)
    assert 11 <= first.read <= 12
    gate.set()
    assert len(await reading) == 51
    await on.books_are_closed()
