from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.classifiers.cache import Breaker, Cache
from litellm_tiering.classifiers.questions import AT_ONCE, FAILURES, UNREAD, Questions, Unread


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def cache(ttl_s=60.0, most=3):
    clock = Clock()
    return Cache(clock, ttl_s, most), clock


def test_an_answer_holds_for_its_time_and_not_a_moment_longer():
    known, clock = cache()
    key = known.key("text")
    known.put(key, 2)
    clock.now += 59.9
    assert known.get(key) == 2
    clock.now += 0.1
    assert known.get(key) is None
    assert len(known) == 0


def test_the_one_not_asked_for_longest_goes_first():
    known, _ = cache()
    keys = [known.key(str(i)) for i in range(4)]
    for i in range(3):
        known.put(keys[i], i)
    known.get(keys[0])
    known.put(keys[3], 3)
    assert [known.get(k) for k in keys] == [0, None, 2, 3]


def test_with_no_time_to_live_nothing_is_kept():
    known, _ = cache(ttl_s=0.0)
    known.put(known.key("a"), 1)
    assert len(known) == 0


def test_keys_are_hashes_that_another_process_would_not_make():
    one, other = cache()[0], cache()[0]
    assert one.key("secret words") == one.key("secret words")
    assert one.key("secret words") != other.key("secret words")
    assert b"secret" not in one.key("secret words")
    assert len(one.key("x" * 100_000)) == 16


@given(st.lists(st.text(st.characters()), max_size=3), st.lists(st.text(st.characters()), max_size=3))
def test_other_texts_other_keys_however_they_are_cut(one, other):
    known = cache()[0]
    assert (known.key(*one) == known.key(*other)) == (one == other)


def test_the_breaker_opens_after_so_many_in_a_row_and_then_lets_one_try():
    clock = Clock()
    breaker = Breaker(clock, limit=3, rest_s=30.0)
    assert not breaker.failed()
    assert not breaker.failed()
    breaker.answered()
    assert [breaker.failed() for _ in range(4)] == [False, False, True, False]
    assert not breaker.allows()
    clock.now += 29.9
    assert not breaker.allows()
    clock.now += 0.1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.failed()
    clock.now += 29.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()
    breaker.answered()
    assert not breaker.open
    assert breaker.allows()


def test_a_try_that_was_not_used_is_anothers():
    clock = Clock()
    breaker = Breaker(clock, limit=1)
    breaker.failed()
    clock.now += 30.0
    assert breaker.allows()
    breaker.unasked()
    assert breaker.allows()


class Model:
    """Answers with what it is told, when it is told."""

    def __init__(self, answer=None, *, at_once=True):
        self.answer, self.asked = answer, 0
        self.go = asyncio.Event()
        if at_once:
            self.go.set()

    def begin(self):
        self.asked += 1
        return self._say()

    async def _say(self):
        await self.go.wait()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def questions(**more):
    told = []
    clock = Clock()
    made = Questions(
        "llm",
        timeout_s=more.get("timeout_s", 5.0),
        cache_ttl_s=60.0,
        on_fault=lambda where, error: told.append((where, type(error).__name__)),
        clock=clock,
    )
    return made, told, clock


async def test_whoever_asks_the_same_meanwhile_waits_for_the_same_answer():
    asked, _, _ = questions()
    model = Model(2, at_once=False)
    coming = [asked.ask(b"k", model.begin) for _ in range(5)]
    model.go.set()
    assert await asyncio.gather(*coming) == [2] * 5
    assert model.asked == 1
    assert asked.known.get(b"k") == 2


async def test_a_late_answer_is_remembered_and_told_once():
    asked, told, _ = questions(timeout_s=0.0)
    model = Model(1, at_once=False)
    first, second = asked.ask(b"k", model.begin), asked.ask(b"k", model.begin)
    assert await first == "late"
    assert await second == "late"
    assert asked.ask(b"k", model.begin) == "late"
    assert told == [("classifier:llm", "TimeoutError")]
    task = asked._asking[b"k"]
    model.go.set()
    await task
    assert asked.known.get(b"k") == 1
    assert model.asked == 1


async def test_one_that_is_always_late_rests_though_its_answers_come():
    asked, told, clock = questions(timeout_s=0.0)
    for i in range(FAILURES):
        model = Model(1, at_once=False)
        assert await asked.ask(bytes([i]), model.begin) == "late"
        task = asked._asking[bytes([i])]
        model.go.set()
        await task
    assert told[-1] == ("classifier:llm:rests", "TimeoutError")
    assert asked.ask(b"new", Model(1).begin) == "resting"
    clock.now += 30.0
    probe = Model(1, at_once=False)
    assert await asked.ask(b"probe", probe.begin) == "late"
    assert asked.ask(b"other", Model(1).begin) == "resting"
    probe.go.set()
    await asked._asking[b"probe"]


async def test_after_its_rest_one_good_answer_is_enough():
    asked, _, clock = questions()
    for i in range(FAILURES):
        assert await asked.ask(bytes([i]), Model(ValueError("no")).begin) == "failed"
    assert asked.ask(b"a", Model(1).begin) == "resting"
    clock.now += 30.0
    assert await asked.ask(b"a", Model(1).begin) == 1
    assert await asked.ask(b"b", Model(2).begin) == 2


async def test_answers_of_no_use_are_told_and_many_of_them_end_the_asking():
    asked, told, _ = questions()
    for i in range(UNREAD):
        assert await asked.ask(bytes([i]), Model(Unread("?")).begin) == "unread"
    assert told[0] == ("classifier:llm", "Unread")
    assert told[-1] == ("classifier:llm:rests", "Unread")
    assert asked.ask(b"a", Model(1).begin) == "resting"


async def test_only_so_many_are_under_way():
    asked, _, _ = questions(timeout_s=0.0)
    model = Model(1, at_once=False)
    coming = [asked.ask(i.to_bytes(2, "big"), model.begin) for i in range(AT_ONCE)]
    assert asked.ask(b"one more", model.begin) == "busy"
    model.go.set()
    await asyncio.gather(*coming)
    await asyncio.gather(*asked._asking.values())


async def test_what_may_not_be_asked_is_barred_and_takes_nobodys_turn():
    asked, _, clock = questions()
    assert asked.ask(b"k", lambda: None) == "barred"
    for i in range(FAILURES):
        await asked.ask(bytes([i]), Model(ValueError("no")).begin)
    clock.now += 30.0
    assert asked.ask(b"k", lambda: None) == "barred"
    assert await asked.ask(b"k", Model(1).begin) == 1


async def test_a_client_that_leaves_does_not_end_the_question():
    asked, _, _ = questions()
    model = Model(1, at_once=False)
    waiting = asyncio.ensure_future(asked.ask(b"k", model.begin))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    model.go.set()
    await asked._asking[b"k"]
    assert asked.known.get(b"k") == 1


async def test_a_question_that_was_cancelled_has_failed():
    asked, told, _ = questions()
    model = Model(1, at_once=False)
    waiting = asyncio.ensure_future(asked.ask(b"k", model.begin))
    await asyncio.sleep(0)
    asked._asking[b"k"].cancel()
    assert await waiting == "failed"
    assert told == []


def test_a_question_of_another_event_loop_is_asked_anew():
    asked, _, _ = questions()
    loops = [asyncio.new_event_loop() for _ in range(2)]
    first, second = Model(1, at_once=False), Model(2)

    async def begin(model):
        found = asked.ask(b"k", model.begin)
        return await found if model is second else found

    left = loops[0].run_until_complete(begin(first))
    assert loops[1].run_until_complete(begin(second)) == 2
    first.go.set()
    assert loops[0].run_until_complete(left) == 1
    for loop in loops:
        loop.close()
