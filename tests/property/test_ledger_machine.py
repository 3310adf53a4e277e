"""Money in is money out: every ledger against plain sums, with crashes, clocks that jump and emptied stores.

Several ledgers on one store reserve, settle, settle again, out of order and late; they are dropped and
opened anew with holds in flight; the clock jumps both ways; a Redis is emptied and refilled from what its
ledgers had heard. What is spent is known exactly at all times. What is held is known within bounds: a clock
that was ahead may have dropped a hold that is not over.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from litellm_tiering.core.budget import NO_BOUND, Limit
from litellm_tiering.ledger import batch
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Hold, Known, Reservation, Tally
from litellm_tiering.testing.redis import serve_redis

START = 1_800_000_000
DAY = "2027-01-15"
EXPIRES = START + 35 * 86_400
MOST_JUMP_S = 4 * 3_600
"""Far less than ended attempts are remembered for: what is told again after that long is counted again."""

CEILINGS = {"blocked": 40, "other": 25, "free": NO_BOUND}
SCOPES = st.lists(st.sampled_from(sorted(CEILINGS)), min_size=1, max_size=3, unique=True)
WHICH = st.integers(0, 2)


@dataclass
class Plain:
    """What the store should hold, as plain sums."""

    spent: Counter = field(default_factory=Counter)
    restored: Counter = field(default_factory=Counter)
    past_ceiling: Counter = field(default_factory=Counter)
    """What was settled without its hold being there, which nothing could have kept from passing a ceiling."""
    taken: Counter = field(default_factory=Counter)
    """By key and bucket: what such settlements took from the holds of others; only buckets are kept."""
    ended: set[str] = field(default_factory=set)
    holds: dict[str, tuple[Reservation, int]] = field(default_factory=dict)
    """By attempt: what is held, and the latest that any clock has shown since."""
    day: Counter = field(default_factory=Counter)

    def reserved(self, key, now_s):
        """The least and the most that may be held."""
        mine = [(r, latest) for r, latest in self.holds.values() if key in r.keys and r.lapses_s > now_s]
        sure = Counter()
        for held, latest in mine:
            sure[held.lapses_s] += held.amount if latest < held.lapses_s else 0
        least = sum(max(0, amount - self.taken[key, lapses_s]) for lapses_s, amount in sure.items())
        return least, sum(held.amount for held, _ in mine)

    def settle(self, kept, cost):
        if kept.attempt in self.ended:
            return False
        self.ended.add(kept.attempt)
        held, latest = self.holds.pop(kept.attempt, (None, 0))
        is_held = held is not None and latest < held.lapses_s
        for key in kept.keys:
            self.spent[key] += cost
            if not is_held:
                self.past_ceiling[key] += cost + kept.amount
                self.taken[key, kept.lapses_s] += kept.amount
        self.day["attempts"] += 1
        self.day["cost"] += cost
        return True

    def flush(self):
        self.__init__()


class Machine(RuleBasedStateMachine):
    kept = Bundle("kept")

    def __init__(self, store, run):
        super().__init__()
        self.store, self.run = store, run
        self.ledgers = [store.open() for _ in range(3)]
        self.heard = [Counter() for _ in range(3)]
        self.plain = Plain()
        self.now_s = float(START)
        self.numbers = itertools.count()

    def teardown(self):
        for ledger in self.ledgers:
            self.run(ledger.close())

    # ------------------------------------------------------------------ time and crashes

    @rule(to_s=st.integers(-MOST_JUMP_S, MOST_JUMP_S) | st.sampled_from([0, 599, 600, 601, 660]))
    def the_clock_jumps(self, to_s):
        self.now_s = START + to_s + 0.5
        for attempt, (held, latest) in self.plain.holds.items():
            self.plain.holds[attempt] = held, max(latest, int(self.now_s))

    @rule(seconds=st.sampled_from([0.25, 1, 59, 60, 300]))
    def time_passes(self, seconds):
        self.now_s = min(self.now_s + seconds, START + MOST_JUMP_S)
        self.the_clock_jumps_to_now()

    def the_clock_jumps_to_now(self):
        for attempt, (held, latest) in self.plain.holds.items():
            self.plain.holds[attempt] = held, max(latest, int(self.now_s))

    @rule(which=WHICH)
    def crash(self, which):
        """The process is gone, with all it had heard; its holds and what waits on its disk are not."""
        self.store.drop(self.ledgers[which], self.run)
        self.ledgers[which] = self.store.open()
        self.heard[which] = Counter()

    @precondition(lambda self: self.store.flush is not None)
    @rule(order=st.permutations(range(3)), cost=st.integers(1, 9), again=st.booleans())
    def the_store_comes_back_empty(self, order, cost, again):
        """Each ledger refills it with what it had heard, before and after a new cost."""
        before = [self.run(ledger.hello(self.now_s)) for ledger in self.ledgers]
        self.store.flush()
        self.plain.flush()
        known = [{key: Known(spent, EXPIRES) for key, spent in heard.items()} for heard in self.heard]
        for at, which in enumerate(order):
            if at == 1:
                self.settle(which, self.charge(("blocked",)), cost)
            for _ in range(1 + again):
                self.run(self.ledgers[which].restore(known[which], self.now_s))
            for key, was in known[which].items():
                more = max(0, was.spent - self.plain.restored[key])
                self.plain.spent[key] += more
                self.plain.restored[key] += more
                # Of what was held before the flush nothing is known any more.
                self.plain.past_ceiling[key] += more
        after = {self.run(ledger.hello(self.now_s)) for ledger in self.ledgers}
        assert len(after) == 1
        assert not after & set(before)

    # ------------------------------------------------------------------ money

    @rule(
        target=kept, which=WHICH, scopes=SCOPES, amounts=st.lists(st.integers(0, 12), min_size=1, max_size=3)
    )
    def reserve(self, which, scopes, amounts):
        limits = tuple(
            Limit(key, EXPIRES, (NO_BOUND,) * len(amounts), CEILINGS[key], key != "free") for key in scopes
        )
        attempt = f"attempt-{next(self.numbers)}"
        found = self.run(
            self.ledgers[which].reserve(Hold(attempt, limits, tuple(amounts), True, self.now_s, 600))
        )
        for limit, balance in zip(limits, found.balances, strict=True):
            least, most = self.plain.reserved(limit.key, self.now_s)
            assert balance.spent == self.plain.spent[limit.key]
            assert least <= balance.reserved <= most
            if found.reservation is not None and limit.block:
                assert balance.used + found.reservation.amount <= limit.ceiling
        if found.reservation is None:
            return multiple()
        if found.reservation.amount:
            self.plain.holds[attempt] = found.reservation, int(self.now_s)
        return found.reservation

    @rule(target=kept, scopes=SCOPES)
    def charge(self, scopes):
        """A cost that was never held."""
        expires = (EXPIRES,) * len(scopes)
        attempt = f"attempt-{next(self.numbers)}"
        return Reservation(attempt, tuple(scopes), expires, 0, int(self.now_s))

    @rule(which=WHICH, kept=kept, share=st.floats(0, 1))
    def pay(self, which, kept, share):
        """What it cost is no more than what was held; where nothing was, it is what it is."""
        self.settle(which, kept, round((kept.amount or 9) * share))

    @rule(kept=kept, twice=st.lists(WHICH, min_size=2, max_size=4), share=st.floats(0, 1))
    def pay_at_once(self, kept, twice, share):
        cost = round((kept.amount or 9) * share)

        async def all_():
            calls = (self.ledgers[which].settle(kept, cost, self.now_s, self.tally(cost)) for which in twice)
            return await asyncio.gather(*calls)

        found = self.run(all_())
        expected = self.plain.settle(kept, cost)
        assert sum(settled.counted for settled in found) == expected
        for which, settled in zip(twice, found, strict=True):
            self.hear(which, kept, settled)

    def settle(self, which, kept, cost):
        found = self.run(self.ledgers[which].settle(kept, cost, self.now_s, self.tally(cost)))
        assert found.counted is self.plain.settle(kept, cost)
        self.hear(which, kept, found)

    @rule(which=WHICH, kept=kept)
    def release(self, which, kept):
        found = self.run(self.ledgers[which].release(kept, self.now_s))
        expected = self.plain.settle(kept, 0)
        assert found is expected
        self.plain.day["attempts"] -= expected

    @rule(which=WHICH)
    def refuse(self, which):
        self.run(
            self.ledgers[which].tell([Tally(DAY, 8, EXPIRES, "r", "", "", "", "", refused=1)], self.now_s)
        )
        self.plain.day["refused"] += 1

    @staticmethod
    def tally(cost):
        return Tally(DAY, 8, EXPIRES, "r", "t", "m", "blue", "why", attempts=1, cost=cost, baseline=cost)

    def hear(self, which, kept, settled):
        assert settled.spent == tuple(self.plain.spent[key] for key in kept.keys)
        for key, spent in zip(kept.keys, settled.spent, strict=True):
            self.heard[which][key] = max(self.heard[which][key], spent)

    # ------------------------------------------------------------------ at all times

    @invariant()
    def money_in_is_money_out(self):
        keys = sorted(CEILINGS)

        async def look():
            one, two, three = self.ledgers
            return await asyncio.gather(one.balances(keys, self.now_s), two.totals([DAY]), three.hours([DAY]))

        balances, rows, hours = self.run(look())
        for key, balance in zip(keys, balances, strict=True):
            least, most = self.plain.reserved(key, self.now_s)
            assert balance.spent == self.plain.spent[key]
            assert 0 <= least <= balance.reserved <= most
            if CEILINGS[key] != NO_BOUND:
                assert balance.spent <= CEILINGS[key] + self.plain.past_ceiling[key]
        found = Counter()
        for row in rows:
            found.update(attempts=row.attempts, refused=row.refused, cost=row.cost)
        assert found == self.plain.day
        teams = hours.get(DAY, {})
        assert sum(teams.get("*", ())) == sum(teams.get("blue", ())) == self.plain.day["cost"]


@dataclass
class Store:
    """An empty store: how ledgers on it are opened and dropped, and how it is emptied if it can be."""

    open: object
    drop: object
    flush: object = None


async def _abandon(ledger):
    """No farewell: connections are cut and the file is closed as a process's end does it."""
    if ledger.kind == "sqlite":
        ledger._worker.submit(ledger._shut).result()
        ledger._worker.shutdown()
    else:
        await ledger.close()


def _drop(ledger, run):
    run(_abandon(ledger))


@pytest.fixture(scope="module")
def server():
    with serve_redis() as started:
        yield started


@pytest.fixture(params=["memory", "sqlite", "redis"])
def fresh(request, tmp_path, monkeypatch):
    numbers = itertools.count()

    def memory():
        # It lives and dies with its one process: a crash leaves nothing to be found again.
        ledger = MemoryLedger()
        return Store(lambda: ledger, lambda *_: None)

    def sqlite():
        path = tmp_path / f"ledger-{next(numbers)}.db"
        return Store(lambda: SqliteLedger(path), _drop)

    if request.param != "redis":
        yield {"memory": memory, "sqlite": sqlite}[request.param]
        return
    # Nobody is there to keep company, call after call.
    monkeypatch.setattr(batch, "COMPANY_S", 0)
    url = request.getfixturevalue("server").url
    with redis.Redis.from_url(url) as client:

        def emptied():
            client.flushall()
            return Store(lambda: RedisLedger.from_url(url, timeout_s=5.0), _drop, client.flushall)

        yield emptied


@pytest.fixture
def run():
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


def test_money_in_is_money_out(fresh, run):
    run_state_machine_as_test(
        lambda: Machine(fresh(), run),
        settings=settings(
            max_examples=settings().max_examples // (1 if fresh.__name__ != "emptied" else 2),
            stateful_step_count=40,
            deadline=None,
            database=None,
            # Each example begins with a fresh store by itself.
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
