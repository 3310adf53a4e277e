"""A small house for replays: three tiers at round prices, and traces by hand."""

from __future__ import annotations

import asyncio

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.evals.asking import Asking
from litellm_tiering.evals.replay import A_WEDNESDAY, midnight, replay
from litellm_tiering.evals.trace import Arrival, Trace

TIERS = [{"name": n, "model": m} for n, m in (("simple", "s"), ("moderate", "m"), ("complex", "l"))]
CENT = 10_000_000
FACTS = tuple(TierFacts(Price(0.0, cents * CENT)) for cents in (1, 2, 10))
"""A completion token costs a cent, two, or ten."""

START_S = midnight(A_WEDNESDAY, "UTC")


def settings_with(*budgets, **more):
    section = {"tiers": TIERS, "store": {"url": "memory://"}, "budgets": list(budgets), **more}
    return build(from_mapping(section).config)


def trace_of(*arrivals):
    """Arrivals given as ``(t_s, tier)`` or whole."""
    made = [a if isinstance(a, Arrival) else Arrival(a[0], 0, 1, a[1], max_tokens=1) for a in arrivals]
    return Trace(tuple(sorted(made, key=lambda a: a.t_s)))


def run(trace, *budgets, questions=(), facts=FACTS, seed=0, settings=None, **more):
    asking = Asking(settings or settings_with(*budgets), facts, questions, seed)
    return asyncio.run(replay(trace, asking, START_S, **more))
