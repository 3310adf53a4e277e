from __future__ import annotations

import asyncio

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
