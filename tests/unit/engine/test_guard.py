from __future__ import annotations

import asyncio
import logging

import pytest

from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.guard import FAILURES, LAST_PROBE_S, Guard


class Time:
    def __init__(self):
        self.at = 1_795_000_000.0

    def now(self):
        return self.at


class Store:
    """A store behind a cable that can be pulled; counts what it is asked."""

    def __init__(self):
        self.down = True
        self.asked = 0
        self.greeted = 0

    async def question(self):
        self.asked += 1
        if self.down:
            raise StoreUnavailable("the cable is out")
        return 7

    async def hello(self, now_s):
        self.greeted += 1
        if self.down:
            raise StoreUnavailable("the cable is out")
        return "me"


class House:
    def __init__(self):
        self.store, self.time = Store(), Time()
        self.waited: list[float] = []
        self.told: list[tuple[bool, str]] = []
        self.until = asyncio.Event()
        self.guard = Guard(self.store, self.time, draw=lambda: 0.5, pause=self.pause)
        self.guard.on_change = lambda up, detail: self.told.append((up, detail))

    async def pause(self, seconds):
        """Waits until the test lets it go on."""
        self.waited.append(seconds)
        await self.until.wait()

    async def ask(self, times=1):
        return [await self.guard.ask(self.store.question(), "question", 1.0) for _ in range(times)]

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def house():
    made = House()
    yield made
    await made.guard.close()


async def test_a_store_that_failed_five_times_on_end_is_asked_no_more_but_by_a_probe(house):
    assert await house.ask(FAILURES + 20) == [None] * (FAILURES + 20)
    assert house.store.asked == FAILURES
    await house.settle()
    # One probe, however many requests there were.
    assert len(house.waited) == 1
    assert house.guard.errors == {"question": FAILURES}


async def test_a_few_failures_among_answers_open_nothing(house):
    for _ in range(3):
        house.store.down = True
        await house.ask(FAILURES - 1)
        house.store.down = False
        assert await house.ask() == [7]
    assert not house.guard.open


async def test_probes_come_ever_later_with_a_random_part_and_never_more_than_a_few_seconds_apart(house):
    async def pause(seconds):
        house.waited.append(seconds)
        if len(house.waited) == 20:
            house.store.down = False

    house.guard._pause = pause
    await house.ask(FAILURES)
    for _ in range(5):
        await house.settle()
    assert len(house.waited) == house.store.greeted == 20
    assert house.waited[0] == pytest.approx(0.1)
    assert house.waited == sorted(house.waited)
    assert house.waited[-1] == LAST_PROBE_S
    assert house.guard.ok
    spread = House()
    for drawn, factor in ((0.0, 0.8), (0.999, 1.2)):
        spread.guard._draw = lambda drawn=drawn: drawn
        spread.guard._failures, spread.guard.ok = 0, True
        await spread.ask(FAILURES)
        await spread.settle()
        assert spread.waited.pop() == pytest.approx(0.1 * factor, rel=0.01)
        await spread.guard.close()


async def test_a_probe_that_is_answered_lets_requests_ask_again_and_both_ends_are_told_once(house, caplog):
    with caplog.at_level(logging.WARNING):
        await house.ask(FAILURES + 3)
        house.time.at += 30
        house.store.down = False
        house.until.set()
        await house.settle()
        assert await house.ask(2) == [7, 7]
    assert [m for m in caplog.messages if "away" in m or "back" in m] == [
        "budget store away (question: StoreUnavailable the cable is out)",
        "budget store back after 30.0 s",
    ]
    assert house.told == [(False, "question: StoreUnavailable the cable is out"), (True, "30.0")]


async def test_one_failure_is_followed_by_a_probe_too_so_that_the_end_is_noticed_without_requests(house):
    await house.ask()
    assert not house.guard.ok
    house.store.down = False
    house.until.set()
    await house.settle()
    assert house.guard.ok


async def test_a_store_that_answers_too_slowly_stays_away_for_requests_and_may_be_paid(house):
    paid = []

    async def flush():
        paid.append(house.guard.ok)
        house.guard._pause = forever

    async def forever(_):
        await asyncio.Event().wait()

    async def slow(now_s):
        house.store.greeted += 1
        if house.store.greeted % 2:
            raise asyncio.TimeoutError  # not within the time that a request would wait
        return "me"

    house.guard.on_slow = flush
    house.store.hello = slow
    await house.ask(FAILURES)
    house.until.set()
    await house.settle()
    assert paid == [False]
    assert await house.ask() == [None]


async def test_a_store_whose_forgotten_counters_could_not_be_made_good_is_not_back(house):
    answers = [False, True]

    async def met(identity):
        assert identity == "me"
        return answers.pop(0)

    house.guard.on_identity = met
    await house.ask(FAILURES)
    house.store.down = False
    house.until.set()
    await house.settle()
    assert answers == []
    assert len(house.waited) == 2
    assert house.guard.ok


async def test_a_store_that_answers_is_asked_now_and_then_who_it_is(house):
    house.store.down = False
    await house.ask(10)
    await house.settle()
    assert house.store.greeted == 1
    house.time.at += 6
    await house.ask(10)
    await house.settle()
    assert house.store.greeted == 2
    # A clock that was set back does not silence the question.
    house.time.at -= 86_400
    await house.ask(10)
    await house.settle()
    assert house.store.greeted == 3


async def test_a_fault_of_ours_in_the_background_is_told_and_asked_for_again(house):
    faults = []
    house.guard.on_fault = lambda where, error: faults.append((where, type(error).__name__))

    async def met(_):
        raise KeyError("ours")

    house.guard.on_identity = met
    house.store.down = False
    await house.ask()
    await house.settle()
    assert faults == [("store", "KeyError")]
    assert await house.ask() == [7]


async def test_a_question_to_a_store_that_hangs_is_given_up(house):
    async def hang():
        await asyncio.Event().wait()

    assert await house.guard.ask(hang(), "hang", 0.001) is None
    assert house.guard.errors == {"hang": 1}


async def test_a_cancelled_question_is_no_failure_of_the_store(house):
    async def hang():
        await asyncio.Event().wait()

    asking = asyncio.ensure_future(house.guard.ask(hang(), "hang", 60))
    await house.settle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert house.guard.ok
    assert house.guard.errors == {}


async def test_what_is_owed_is_asked_for_although_the_breaker_is_open(house):
    await house.ask(FAILURES)
    house.store.down = False
    assert await house.guard.ask(house.store.question(), "settle", 1.0, owed=True) == 7
    assert await house.ask() == [None]
