"""The watch of one process: what it says at once, what it tells the store, and what it bounds."""

from __future__ import annotations

import asyncio
import math

import pytest

from litellm_tiering import adaptive
from litellm_tiering.adaptive import QUIET_S, STALE_S, UNDER_WAY_MAX, Start, Watch
from litellm_tiering.books import Books
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.guard import FAILURES
from litellm_tiering.ledger import MemoryLedger, open_segments
from litellm_tiering.ledger.segments_memory import MemorySegments
from litellm_tiering.ports import Segment

NOW = 1_800_000_000.0
KEY = "auto|simple|code"


class Time:
    """A clock that tests turn."""

    def __init__(self):
        self.now_s = NOW

    def now(self):
        return self.now_s


class Draws:
    """Hands out one number for every draw, and counts."""

    def __init__(self, value=0.99):
        self.value, self.asked = value, 0

    def __call__(self):
        self.asked += 1
        return self.value


class Gated(MemorySegments):
    """A store that answers when it is let, or is away."""

    def __init__(self):
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.away = False
        self.asked = []

    async def _wait(self, what):
        self.asked.append(what)
        await self.open.wait()
        if self.away:
            raise StoreUnavailable("away")

    async def push(self, key, **rest):
        await self._wait("push")
        return await super().push(key, **rest)

    async def turn_over(self, key, **rest):
        await self._wait("turn_over")
        return await super().turn_over(key, **rest)

    async def segments(self, now_s):
        found = await super().segments(now_s)
        await self._wait("segments")
        return found


class House:
    """A watch and all that it stands on."""

    def __init__(self, above=0.40, segments=None, **rest):
        self.time, self.draws, self.faults = Time(), Draws(), []
        self.segments = segments or Gated()
        self.books = Books(MemoryLedger(), self.time)
        self.watch = self.another(above=above, **rest)

    def another(self, above=0.40, **rest):
        told = lambda where, error: self.faults.append((where, error))  # noqa: E731 - a list's append with two arguments
        return Watch(self.segments, self.books, self.time, above, draw=self.draws, on_fault=told, **rest)

    async def bypass(self, key=KEY):
        await self.segments.turn_over(key, turn=0, bypassed=True, now_s=self.time.now())
        await self.watch.refresh()


async def settled():
    """Lets the background do what it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def noted(watch, bits, key=KEY, turn=0):
    for bit in bits:
        await watch.note(key, rejected=bit == "1", turn=turn)


# --- starting ----------------------------------------------------------------------------------------------


async def test_an_unknown_segment_starts_at_its_own_tier():
    house = House()
    assert house.watch.start(KEY) == Start()
    assert house.draws.asked == 0
    await house.watch.close()


async def test_a_bypassed_segment_starts_one_tier_higher():
    house = House()
    await house.bypass()
    assert house.watch.start(KEY) == Start(bypass=True, turn=1)
    assert house.watch.start("auto|simple|chat") == Start()


@pytest.mark.parametrize(("draw", "probe"), [(0.0, True), (0.049, True), (0.05, False), (0.99, False)])
async def test_a_share_of_a_bypassed_segments_requests_is_a_probe(draw, probe):
    house = House()
    await house.bypass()
    house.draws.value = draw
    assert house.watch.start(KEY) == Start(bypass=not probe, probe=probe, turn=1)


async def test_the_first_request_after_a_quiet_time_is_a_probe():
    house = House()
    await house.bypass()
    house.time.now_s += QUIET_S - 1
    assert house.watch.start(KEY).bypass
    house.time.now_s += 1
    assert house.watch.start(KEY) == Start(probe=True, turn=1)
    assert house.watch.start(KEY).bypass
    # Neither a snapshot read anew nor another worker's probe ends the waiting.
    house.time.now_s += QUIET_S - 1
    await settled()
    await house.watch.refresh()
    assert house.watch.start(KEY).bypass
    house.time.now_s += 1
    assert house.watch.start(KEY).probe
    await house.watch.close()


async def test_a_clock_that_is_set_back_does_not_silence_the_probes():
    house = House()
    await house.bypass()
    house.time.now_s -= 86_400
    assert house.watch.start(KEY).probe
    assert house.watch.start(KEY).bypass
    await house.watch.close()


async def test_at_one_nothing_is_bypassed_even_where_it_was():
    house = House(above=1.0)
    await house.bypass()
    assert house.watch.start(KEY) == Start(turn=1)
    await noted(house.watch, "1" * 100, "auto|simple|chat")
    assert house.watch.start("auto|simple|chat") == Start()
    assert house.watch.known()["auto|simple|chat"] == Segment(window="1" * 100)
    # What an earlier configuration bypassed is let go of.
    await noted(house.watch, "1" * 9 + "0", turn=1)
    assert house.watch.known()[KEY] == Segment(2)


# --- noting ------------------------------------------------------------------------------------------------


async def test_a_segment_that_escalates_too_often_is_bypassed_by_the_one_who_sees_it():
    house = House()
    await noted(house.watch, "1" * 19)
    assert house.watch.start(KEY) == Start()
    await noted(house.watch, "1")
    assert house.watch.start(KEY) == Start(bypass=True, turn=1)
    assert house.segments.asked.count("turn_over") == 1
    assert await house.segments.segments(NOW) == {KEY: Segment(1, True)}
    await house.watch.close()


async def test_another_worker_learns_of_it_by_its_next_answer_which_does_not_count():
    house = House()
    other = house.another()
    await other.refresh()
    await noted(house.watch, "1" * 20)
    assert other.start(KEY) == Start()
    await noted(other, "1")
    assert other.start(KEY) == Start(bypass=True, turn=1)
    assert other.known() == {KEY: Segment(1, True)}


async def test_a_bypassed_segment_comes_back_when_its_probes_are_accepted():
    house = House()
    await house.bypass()
    await noted(house.watch, "0" * 9, turn=1)
    assert house.watch.start(KEY).bypass
    await noted(house.watch, "0", turn=1)
    assert house.watch.start(KEY) == Start(turn=2)
    await noted(house.watch, "1", turn=1)
    assert house.watch.known() == {KEY: Segment(2)}


async def test_with_the_store_away_nothing_happens_and_what_is_known_stands():
    house = House()
    await house.bypass()
    house.segments.away = True
    await noted(house.watch, "0" * 20, turn=1)
    await house.watch.refresh()
    assert house.watch.start(KEY).bypass
    # Then the breaker opens.
    assert house.books.store_errors == {"segment_push": FAILURES}


async def test_a_store_that_goes_away_before_the_turn_is_asked_again_by_the_next_answer():
    house = House()
    whole = house.segments.turn_over

    async def away(key, **rest):
        raise StoreUnavailable("away")

    house.segments.turn_over = away
    await noted(house.watch, "1" * 20)
    assert house.watch.known() == {KEY: Segment(window="1" * 20)}
    house.segments.turn_over = whole
    await noted(house.watch, "1")
    assert house.watch.known() == {KEY: Segment(1, True)}


async def test_noting_soon_does_not_wait():
    house = House()
    house.segments.open.clear()
    house.watch.note_soon(KEY, rejected=True, turn=0)
    await settled()
    assert house.watch.known() == {}
    house.segments.open.set()
    await settled()
    assert house.watch.known() == {KEY: Segment(window="1")}


# --- the snapshot ------------------------------------------------------------------------------------------


async def test_the_first_start_and_one_with_an_old_snapshot_read_it_in_the_background():
    house = House()
    await house.segments.turn_over(KEY, turn=0, bypassed=True, now_s=NOW)
    house.segments.asked.clear()
    assert house.watch.start(KEY) == Start()
    assert house.watch.start(KEY) == Start()
    await settled()
    assert house.segments.asked == ["segments"]
    assert house.watch.start(KEY).bypass
    house.time.now_s += STALE_S
    house.watch.start(KEY)
    await settled()
    assert house.segments.asked == ["segments"]
    house.time.now_s += 1
    assert house.watch.start(KEY).bypass
    await settled()
    assert house.segments.asked == ["segments"] * 2
    await house.watch.close()


async def test_a_store_that_is_away_is_not_asked_more_often():
    house = House()
    house.segments.away = True
    for _ in range(10):
        house.watch.start(KEY)
        await settled()
    assert house.segments.asked == ["segments"]


async def test_what_is_heard_while_the_snapshot_is_read_is_newer():
    house = House()
    await noted(house.watch, "1" * 19)
    house.segments.open.clear()
    reading = asyncio.ensure_future(house.watch.refresh())
    again = asyncio.ensure_future(house.watch.refresh())
    await settled()
    assert again.done()
    await MemorySegments.turn_over(house.segments, KEY, turn=0, bypassed=True, now_s=NOW)
    house.watch._learn(KEY, Segment(1, True))
    house.segments.open.set()
    await reading
    assert house.watch.known() == {KEY: Segment(1, True)}


async def test_what_the_store_has_forgotten_is_forgotten_here():
    house = House()
    await house.bypass()
    house.time.now_s += 86_400
    await house.watch.refresh()
    assert house.watch.known() == {}
    assert house.watch.start(KEY) == Start()


async def test_looking_at_a_segment_is_no_request():
    house = House()
    assert house.watch.segment(KEY) is None
    await house.bypass()
    house.time.now_s += QUIET_S
    assert house.watch.segment(KEY) == Segment(1, True)
    assert house.watch.start(KEY).probe
    assert house.draws.asked == 0
    await house.watch.close()


async def test_what_is_known_is_bounded(monkeypatch):
    monkeypatch.setattr(adaptive, "KNOWN_MAX", 3)
    house = House()
    for key in ("a", "b", "c", "a", "d"):
        await noted(house.watch, "1", key)
    assert list(house.watch.known()) == ["c", "a", "d"]


def test_without_a_loop_nothing_runs_in_the_background():
    segments = MemorySegments()
    watch = Watch(segments, Books(MemoryLedger(), Time()), Time(), 0.4)
    assert watch.start(KEY) == Start()
    assert not watch._tasks


# --- the background ----------------------------------------------------------------------------------------


async def test_the_background_is_bounded_and_closing_cancels_it():
    house = House()
    house.segments.open.clear()
    for _ in range(UNDER_WAY_MAX + 50):
        house.watch.note_soon(KEY, rejected=True, turn=0)
    await settled()
    assert house.segments.asked == ["push"] * UNDER_WAY_MAX
    await house.watch.close()
    assert not house.watch._tasks
    house.segments.open.set()
    house.watch.note_soon(KEY, rejected=True, turn=0)
    house.watch.start(KEY)
    await settled()
    assert len(house.segments.asked) == UNDER_WAY_MAX
    assert house.faults == []


async def test_a_fault_of_ours_in_the_background_is_told(caplog):
    class Broken(MemorySegments):
        async def push(self, key, **rest):
            raise ZeroDivisionError("secret")

    house = House(segments=Broken())
    house.watch.note_soon(KEY, rejected=True, turn=0)
    await settled()
    ((where, error),) = house.faults
    assert where == "adaptive"
    assert type(error) is ZeroDivisionError
    plain = Watch(Broken(), house.books, house.time, 0.4)
    plain.note_soon(KEY, rejected=True, turn=0)
    await settled()
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


# --- alarms ------------------------------------------------------------------------------------------------


async def test_all_is_quiet_at_first():
    assert House().watch.alarms() == []


async def test_segments_alarm_the_worst_first():
    house = House()
    await noted(house.watch, "0" * 80 + "1" * 20, "auto|simple|chat")
    await noted(house.watch, "0" * 70 + "1" * 30, "auto|simple|maths")
    await noted(house.watch, "0" * 95 + "1" * 5, "auto|simple|faq")
    await noted(house.watch, "1" * 20)
    said = house.watch.alarms()
    assert [alarm.split(";")[0].partition("segment ")[2] for alarm in said] == [
        "auto / simple / code is bypassed, so much of it escalated",
        "auto / simple / maths escalates 30 % of its last 100 answers",
        "auto / simple / chat escalates 20 % of its last 100 answers",
    ]


async def test_what_is_not_bypassed_for_the_configuration_is_not_said_to_be():
    house = House(above=1.0)
    await house.bypass()
    assert house.watch.alarms() == []


async def test_alarms_are_bounded():
    house = House()
    for i in range(adaptive.ALARMS_MAX + 5):
        await house.segments.turn_over(f"auto|simple|rule-{i}", turn=0, bypassed=True, now_s=NOW)
    await house.watch.refresh()
    said = house.watch.alarms()
    assert len(said) == adaptive.ALARMS_MAX + 1
    assert "5 more segments" in said[-1]


async def test_a_route_where_nothing_escalates_alarms():
    watch = House().watch
    for i in range(600):
        watch.judged("auto", rejected=i < 3)
        watch.judged("other", rejected=i % 20 == 0)
    assert watch.alarms() == []
    for _ in range(1_000):
        watch.judged("auto", rejected=False)
    (said,) = watch.alarms()
    assert "gates asleep: route auto escalated 0 % of its last 1000" in said


async def test_a_route_that_sends_all_to_one_tier_alarms_unless_a_budget_or_the_client_did():
    watch = House().watch
    for i in range(300):
        watch.decided("auto", "simple", classified=False)
        watch.decided("mixed", ("simple", "complex")[i % 2], classified=True)
    assert watch.alarms() == []
    for _ in range(200):
        watch.decided("auto", "simple", classified=True)
    (said,) = watch.alarms()
    assert "route auto sent 100 % of its last 200 classified requests to tier simple" in said


def test_a_start_of_a_known_segment_asks_nobody():
    house = House()
    house.watch._read_s = NOW
    house.watch._known[KEY] = adaptive._Known(Segment(3, True), NOW)
    assert house.watch.start(KEY) == Start(bypass=True, turn=3)
    assert house.segments.asked == []
    assert house.watch._read_s > -math.inf


async def test_it_works_with_the_segments_of_a_ledger():
    ledger, time = MemoryLedger(), Time()
    watch = Watch(open_segments(ledger), Books(ledger, time), time, 0.4)
    await noted(watch, "1" * 20)
    assert watch.known() == {KEY: Segment(1, True)}
    await watch.close()
