"""Every ledger against a model simple enough to be right, over random histories in which time passes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from litellm_tiering.core.budget import NO_BOUND, Balance, Limit, choose
from litellm_tiering.ports import Hold, Reservation

START = 1_800_000_000
WINDOW_S = 1_000
RETENTION_S = 300

AMOUNTS = st.integers(0, 12)
BOUNDS = st.just(NO_BOUND) | st.integers(0, 40)
SCOPES = st.sampled_from(["global", "team", "key"])


@dataclass
class Model:
    """Counters as plain sums, and each hold by itself: neither buckets nor pruning."""

    spent: dict[str, int] = field(default_factory=dict)
    expires_s: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Reservation] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def balance(self, key, now_s):
        if self.expires_s.get(key, 0) <= now_s:
            return Balance(0, 0)
        live = (h for h in self.holds.values() if key in h.keys and h.lapses_s > now_s)
        return Balance(self.spent[key], sum(h.amount for h in live))

    def active(self, now_s):
        return {key: self.balance(key, now_s) for key, until_s in self.expires_s.items() if until_s > now_s}

    def create(self, kept):
        for key, until_s in zip(kept.keys, kept.expires_s, strict=True):
            self.spent.setdefault(key, 0)
            self.expires_s.setdefault(key, until_s)

    def settle(self, kept, cost, now_s):
        if kept.attempt in self.ended:
            return False
        self.ended.add(kept.attempt)
        self.holds.pop(kept.attempt, None)
        for key, until_s in zip(kept.keys, kept.expires_s, strict=True):
            if cost and until_s > now_s:
                self.spent[key] = self.spent.get(key, 0) + cost
                self.expires_s.setdefault(key, until_s)
        return True


class Machine(RuleBasedStateMachine):
    kept = Bundle("kept")

    def __init__(self, store, run):
        super().__init__()
        self.run = run
        self.ledgers = [store.open(), store.open()]
        self.model = Model()
        self.now_s = float(START)
        self.count = 0

    def teardown(self):
        for ledger in self.ledgers:
            self.run(ledger.close())

    def key(self, scope):
        """As the engine does: the window is part of the key, so no counter comes back after its time."""
        window = math.floor(self.now_s / WINDOW_S)
        return f"{scope}:{window}", (window + 1) * WINDOW_S + RETENTION_S

    def limit(self, scope, below, ceiling, block, options):
        key, expires_s = self.key(scope)
        return Limit(key, expires_s, tuple(below[:options]), ceiling, block)

    @rule(seconds=st.integers(0, 400) | st.sampled_from([0.25, 59.5, 60.0]))
    def time_passes(self, seconds):
        self.now_s += seconds

    @rule(
        target=kept,
        which=st.integers(0, 1),
        scopes=st.lists(SCOPES, min_size=1, max_size=4),
        tables=st.lists(
            st.tuples(st.lists(BOUNDS, min_size=3, max_size=3), BOUNDS, st.booleans()), min_size=4, max_size=4
        ),
        amounts=st.lists(AMOUNTS, min_size=1, max_size=3),
        floor=st.booleans(),
        ttl_s=st.sampled_from([30, 60, 300]),
    )
    def reserve(self, which, scopes, tables, *, amounts, floor, ttl_s):
        self.count += 1
        limits = tuple(
            self.limit(scope, *table, len(amounts)) for scope, table in zip(scopes, tables, strict=False)
        )
        attempt = f"attempt-{self.count}"
        hold = Hold(attempt, limits, tuple(amounts), floor, self.now_s, ttl_s)
        before = [self.model.balance(limit.key, self.now_s) for limit in limits]
        expected = choose(limits, amounts, [b.used for b in before], floor=floor)
        found = self.run(self.ledgers[which].reserve(hold))
        assert found.choice == expected
        assert found.balances == tuple(before)
        assert (found.reservation is None) == (expected.option is None)
        if found.reservation is None:
            return multiple()
        kept = found.reservation
        assert kept.attempt == attempt
        assert kept.keys == tuple(dict.fromkeys(limit.key for limit in limits))
        assert kept.amount == amounts[expected.option]
        assert 0 <= kept.lapses_s - (self.now_s + ttl_s) < 60
        if kept.amount:
            self.model.holds[attempt] = kept
            self.model.create(kept)
        return kept

    @rule(target=kept, scope=SCOPES)
    def never_reserved(self, scope):
        self.count += 1
        key, expires_s = self.key(scope)
        return Reservation(f"attempt-{self.count}", (key,), (expires_s,), 0, math.floor(self.now_s))

    @rule(which=st.integers(0, 1), kept=kept, cost=AMOUNTS)
    def settle(self, which, kept, cost):
        found = self.run(self.ledgers[which].settle(kept, cost, self.now_s))
        assert found.counted is self.model.settle(kept, cost, self.now_s)

    @rule(which=st.integers(0, 1), kept=kept)
    def release(self, which, kept):
        found = self.run(self.ledgers[which].release(kept, self.now_s))
        assert found is self.model.settle(kept, 0, self.now_s)

    @invariant()
    def counters_agree(self):
        active = self.model.active(self.now_s)
        assert self.run(self.ledgers[0].active(self.now_s)) == active
        keys = ["unknown", *self.model.spent]
        expected = tuple(self.model.balance(key, self.now_s) for key in keys)
        assert self.run(self.ledgers[1].balances(keys, self.now_s)) == expected


def test_a_ledger_does_what_the_model_does(store, run):
    run_state_machine_as_test(
        lambda: Machine(store.fresh(), run),
        settings=settings(
            # A Cluster is asked one question at a time, over more hops.
            max_examples=settings().max_examples // (1 if store.kind != "cluster" else 3),
            stateful_step_count=30,
            deadline=None,
            database=None,
            # The store's own fixture is function-scoped; each example begins with a fresh one by itself.
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
