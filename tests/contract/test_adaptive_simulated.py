"""Two workers that share a store, and a segment that fails, recovers, or was well all along.

The clock is turned 0.1 s a request, and every draw comes from the seed. ``--log-cli-level=INFO`` shows the
figures.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random

import pytest

from litellm_tiering.adaptive import PROBE_SHARE, Watch
from litellm_tiering.books import Books
from litellm_tiering.ledger import MemoryLedger, open_segments

_log = logging.getLogger(__name__)

KEY = "auto|simple|code"
ABOVE = 0.40
SEEDS = 200 if os.environ.get("TIERING_DEEP") else 40
RECOVERED_WITHIN = 1_200
"""Requests: some 40 probes at 5 %, half as many again for bad luck, and 30 s until the other worker hears."""


class Scene:
    """Requests of one segment, falling to one worker or the other by chance."""

    def __init__(self, ledgers, seed):
        self.chance = random.Random(seed)
        self.now_s = 1_800_000_000.0
        self.attempted = 0
        self.workers = [
            Watch(open_segments(ledger), Books(ledger, self), self, ABOVE, draw=self.chance.random)
            for ledger in ledgers
        ]

    def now(self):
        return self.now_s

    async def request(self, rate):
        self.now_s += 0.1
        worker = self.chance.choice(self.workers)
        start = worker.start(KEY)
        if not start.bypass:
            self.attempted += 1
            await worker.note(KEY, rejected=self.chance.random() < rate, turn=start.turn)
        # A turn of the loop for what runs in the background.
        await asyncio.sleep(0)

    async def until(self, *, bypassed, rate, most):
        """After how many requests both workers are so, or None when it takes more than ``most``."""
        for count in range(1, most + 1):
            await self.request(rate)
            known = [worker.known().get(KEY) for worker in self.workers]
            if all(segment is not None and segment.bypassed is bypassed for segment in known):
                return count
        return None

    async def close(self):
        for worker in self.workers:
            await worker.close()


async def story(ledgers, seed):
    """When a segment that fails 60 % of the time was bypassed, and when it was back after it recovered."""
    scene = Scene(ledgers, seed)
    entered = await scene.until(bypassed=True, rate=0.60, most=400)
    scene.attempted = 0
    for _ in range(1_000):
        await scene.request(0.60)
    share = scene.attempted / 1_000
    left = await scene.until(bypassed=False, rate=0.05, most=2 * RECOVERED_WITHIN)
    await scene.close()
    return entered, share, left


def told(what, numbers):
    numbers = sorted(numbers)
    at = [numbers[min(len(numbers) - 1, int(len(numbers) * q))] for q in (0.5, 0.9, 0.99, 1)]
    _log.info("%s: median %s, 90 %% %s, 99 %% %s, most %s, of %d seeds", what, *at, len(numbers))


async def test_a_failing_segment_is_bypassed_within_a_hundred_requests_and_comes_back():
    found = [await story([ledger, ledger], seed) for seed in range(SEEDS) for ledger in [MemoryLedger()]]
    entered, shares, left = (
        [value for value in values if value is not None] for values in zip(*found, strict=True)
    )
    told("requests until bypassed", entered)
    told("share attempted while bypassed", shares)
    told("requests until back", left)
    assert sum(count <= 100 for count in entered) >= 0.99 * SEEDS
    assert sum(count <= RECOVERED_WITHIN for count in left) >= 0.99 * SEEDS
    # Probes, and now and then a false recovery.
    assert sum(shares) / SEEDS < 2 * PROBE_SHARE


async def test_a_healthy_segment_is_never_bypassed():
    bypassed = 0
    for seed in range(SEEDS):
        ledger = MemoryLedger()
        scene = Scene([ledger, ledger], seed)
        bypassed += await scene.until(bypassed=True, rate=0.10, most=2_000) is not None
        await scene.close()
    _log.info("healthy segments bypassed: %d of %d seeds", bypassed, SEEDS)
    assert bypassed <= 0.01 * SEEDS


@pytest.mark.parametrize("seed", range(3))
async def test_workers_with_connections_of_their_own_see_it_too(store, seed):
    ledgers = [store.open(), store.open()]
    entered, _, left = await story(ledgers, seed)
    _log.info("%s, seed %d: bypassed after %d requests, back after %d", store.kind, seed, entered, left)
    assert entered <= 100
    assert left <= RECOVERED_WITHIN
    for ledger in ledgers:
        await ledger.close()
