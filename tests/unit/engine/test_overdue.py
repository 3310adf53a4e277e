from __future__ import annotations

import asyncio

import pytest
from cascade_kit import Heard, balance, depart, engine_on

from litellm_tiering.overdue import ESTIMATED, Overdue


def heard(chars):
    made = Heard()
    made.chars = chars
    return made


async def turns(count=10):
    for _ in range(count):
        await asyncio.sleep(0)


async def flights(engine, count=1):
    return [(await depart(engine)).flights[0] for _ in range(count)]


async def alone():
    for _ in range(200):
        if asyncio.all_tasks() == {asyncio.current_task()}:
            return
        await asyncio.sleep(0)
    raise AssertionError(asyncio.all_tasks())


async def test_a_bill_that_does_not_come_is_estimated_by_the_answers_length():
    engine = engine_on()
    (flight,) = await flights(engine)
    Overdue(engine.books, within_s=0.0).expect(flight, heard(399))
    await alone()
    assert (flight.bill, flight.cost, flight.baseline) == (ESTIMATED, 100, 100 * 100)
    found = await balance(engine)
    assert (found.spent, found.reserved) == (100, 0)


async def test_even_a_stream_that_said_nothing_is_let_go_of():
    engine = engine_on()
    (flight,) = await flights(engine)
    Overdue(engine.books, within_s=0.0).expect(flight, heard(0))
    await alone()
    assert (flight.ended, flight.cost) == (True, 1)
    assert (await balance(engine)).reserved == 0


async def test_a_stream_that_broke_off_before_it_said_anything_is_free():
    engine = engine_on()
    one, other = await flights(engine, 2)
    overdue = Overdue(engine.books, within_s=0.0)
    overdue.expect(one, heard(0), broken=True)
    overdue.expect(other, heard(40), broken=True)
    await alone()
    assert (one.ended, one.cost, other.cost) == (True, 0, 11)
    found = await balance(engine)
    assert (found.spent, found.reserved) == (11, 0)


async def test_a_bill_that_is_there_is_not_waited_for():
    engine = engine_on()
    (flight,) = await flights(engine)
    await engine.books.settle(flight, 7, baseline=0)
    overdue = Overdue(engine.books, within_s=60)
    overdue.expect(flight, heard(10))
    await alone()
    assert (await balance(engine)).spent == 7


async def test_a_bill_that_comes_in_time_stands():
    engine = engine_on()
    one, other = await flights(engine, 2)
    overdue = Overdue(engine.books, within_s=0.005)
    overdue.expect(one, heard(40))
    overdue.expect(other, heard(40))
    await turns()
    assert not one.ended
    await engine.books.settle(one, 7, baseline=0, bill="call")
    await asyncio.wait({overdue._task})
    assert (one.bill, one.cost, other.cost) == ("call", 7, 11)
    assert (await balance(engine)).spent == 18


async def test_expected_twice_is_counted_once():
    engine = engine_on()
    (flight,) = await flights(engine)
    overdue = Overdue(engine.books, within_s=0.0)
    overdue.expect(flight, heard(40))
    overdue.expect(flight, heard(40))
    await alone()
    assert (await balance(engine)).spent == 11


async def test_a_stream_that_is_still_read_is_waited_for():
    engine = engine_on()
    (flight,) = await flights(engine)
    flight.draining = True
    listener = heard(4)
    Overdue(engine.books, within_s=0.0).expect(flight, listener)
    await turns(50)
    assert not flight.ended
    listener.chars, flight.draining = 40, False
    await alone()
    assert flight.cost == 11


async def test_one_task_waits_for_all_and_another_begins_when_it_is_done():
    engine = engine_on()
    several = await flights(engine, 30)
    await alone()
    overdue = Overdue(engine.books, within_s=0.0)
    for flight in several[:20]:
        overdue.expect(flight, heard(0))
    assert len(asyncio.all_tasks()) == 2
    await alone()
    for flight in several[20:]:
        overdue.expect(flight, heard(0))
    await alone()
    assert all(f.ended for f in several)
    assert (await balance(engine)).spent == 30


async def test_a_stream_that_is_read_for_long_does_not_hold_up_the_others():
    engine = engine_on()
    slow, quick = await flights(engine, 2)
    slow.draining = True
    overdue = Overdue(engine.books, within_s=0.0)
    overdue.expect(slow, heard(0))
    overdue.expect(quick, heard(0))
    await turns(50)
    assert (slow.ended, quick.ended) == (False, True)
    slow.draining = False
    await alone()
    assert slow.ended


async def test_once_closed_nothing_is_expected_any_more():
    engine = engine_on()
    (flight,) = await flights(engine)
    overdue = Overdue(engine.books, within_s=3600.0)
    overdue.expect(flight, heard(40))
    await turns()
    await overdue.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not flight.ended
    await overdue.close()


# ------------------------------------------------------------ whole answers, and streams as they are


async def test_a_whole_answer_without_a_bill_is_counted_as_it_was_quoted():
    engine = engine_on()
    one, cached, unsaid, billed = await flights(engine, 4)
    one.used, cached.used, cached.cached = (10, 20), (10, 20), True
    overdue = Overdue(engine.books, within_s=0.0)
    for flight in (one, cached, unsaid, billed):
        overdue.owe(flight, lambda flight: 0 if flight.cached else 42)
    await engine.books.settle(billed, 7, baseline=0, bill="call")
    await alone()
    assert [(f.bill, f.cost) for f in (one, cached, unsaid, billed)] == [
        (ESTIMATED, 42),
        (ESTIMATED, 0),
        (ESTIMATED, 42),
        ("call", 7),
    ]
    assert (one.usage.prompt, one.usage.completion, cached.usage) == (10, 20, None)
    assert one.baseline == one.journey.otherwise(one.usage)
    assert (cached.baseline, unsaid.baseline) == (0, unsaid.journey.baseline_hold)
    found = await balance(engine)
    assert (found.spent, found.reserved) == (91, 0)


async def test_a_stream_is_heard_as_it_passes_and_what_cannot_be_made_out_harms_no_chunk():
    engine, faults = engine_on(), []
    one, other = await flights(engine, 2)
    overdue = Overdue(engine.books, 0.0, lambda *fault: faults.append(fault))

    async def chunks(*said):
        for chunk in said:
            yield chunk

    assert [c async for c in overdue.heard(one, Heard(), chunks("abcd", "efgh"))] == ["abcd", "efgh"]
    assert [c async for c in overdue.heard(other, Heard(), chunks("ab", "boom", "cd"))] == [
        "ab",
        "boom",
        "cd",
    ]
    await alone()
    assert (one.cost, other.cost) == (3, 1)
    assert [(where, type(error)) for where, error in faults] == [("wire", ValueError)]


async def test_a_stream_that_broke_off_unheard_is_free_and_one_whose_client_left_is_not():
    engine = engine_on()
    broke, left = await flights(engine, 2)
    overdue = Overdue(engine.books, within_s=0.0)

    async def chunks(error):
        yield ""
        if error is not None:
            raise error

    with pytest.raises(ConnectionError):
        _ = [c async for c in overdue.heard(broke, Heard(), chunks(ConnectionError()))]
    stream = overdue.heard(left, Heard(), chunks(None))
    await anext(stream)
    await stream.aclose()
    await alone()
    assert (broke.ended, broke.cost, left.cost) == (True, 0, 1)


async def test_a_fault_in_counting_is_told_and_holds_up_nobody_elses_bill():
    engine, faults = engine_on(), []
    one, other = await flights(engine, 2)
    overdue = Overdue(engine.books, 0.0, lambda *fault: faults.append(fault))
    overdue.owe(one, lambda _flight: 1 // 0)
    overdue.owe(other, lambda _flight: 42)
    await alone()
    assert other.cost == 42
    assert [(where, type(error)) for where, error in faults] == [("overdue", ZeroDivisionError)]
