from __future__ import annotations

import asyncio
import json
import math
import random
from dataclasses import replace

import pytest
from cascade_kit import FACTS, LADDER, engine_on

from litellm_tiering.core.budget import AtCeiling, Budget, Scope
from litellm_tiering.core.catalog import (
    DEFAULT_OUTPUT_TOKENS,
    PROMPT_RATIO,
    Capability,
    Price,
    TierFacts,
    overhead,
)
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.policy import Route
from litellm_tiering.estimates import (
    LEAST_RATIO,
    MAX_KEYS,
    OUTPUTS_NEEDED,
    RATIOS_NEEDED,
    Errors,
    Estimates,
    Histogram,
)
from litellm_tiering.plan import Inquiry
from litellm_tiering.units import NanoUSD

UNBOUNDED = RequestFeatures()
PLAIN = RequestFeatures(prompt_tokens=100, max_tokens=10)
ROUTE = Route("auto", ("auto",))


async def fly(engine, features=UNBOUNDED, facts=FACTS, route=ROUTE):
    plan = await engine.plan(Inquiry(features, PromptText("q"), Caller(), route, 2, facts))
    return plan.flight


async def teach(engine, outputs, features=UNBOUNDED, prompt=0, model="small"):
    for output in outputs:
        engine.estimates.saw(await fly(engine, features), model, (prompt, output), 1)


def test_a_quantile_is_right_within_a_bucket():
    histogram = Histogram(1.0, 2 ** (1 / 8), 192, 0.98)
    rnd = random.Random(7)
    values = [math.exp(rnd.gauss(5, 1)) for _ in range(3_000)]
    for value in values:
        histogram.add(value)
    exact = sorted(values)[int(0.98 * len(values))]
    assert exact / 1.1 <= histogram.quantile() <= exact * 1.15


def test_a_quantile_follows_what_changes_and_takes_no_more_memory():
    histogram = Histogram(1.0, 2 ** (1 / 8), 192, 0.98)
    for value in [1_000.0] * 5_000 + [10.0] * 40_000:
        histogram.add(value)
    assert histogram.quantile() < 12
    assert len(histogram._counts) == 192


@pytest.mark.parametrize(("value", "bucket"), [(0.0, 2), (-5.0, 2), (1e-9, 2), (1e300, 1_024)])
def test_absurd_values_fall_into_the_outer_buckets(value, bucket):
    histogram = Histogram(1.0, 2.0, 10, 0.5)
    histogram.add(value)
    assert histogram.quantile() == pytest.approx(bucket)


async def test_without_a_bound_a_hold_goes_by_the_default_until_enough_was_seen():
    engine = engine_on()
    assert (await fly(engine)).hold == DEFAULT_OUTPUT_TOKENS
    await teach(engine, [100] * (OUTPUTS_NEEDED - 1))
    assert (await fly(engine)).hold == DEFAULT_OUTPUT_TOKENS
    await teach(engine, [100])
    assert 100 <= (await fly(engine)).hold <= 110


async def test_nearly_all_outputs_are_within_what_was_learned():
    engine = engine_on()
    rnd = random.Random(3)
    lengths = [int(math.exp(rnd.gauss(5, 1))) + 1 for _ in range(2_000)]
    await teach(engine, lengths[:1_000])
    bound = engine.estimates.output_tokens("auto", "simple", UNBOUNDED)
    assert 0.95 <= sum(n <= bound for n in lengths[1_000:]) / 1_000 <= 0.999
    assert bound < max(lengths)


async def test_each_route_tier_and_kind_of_answer_is_learned_by_itself():
    engine = engine_on()
    await teach(engine, [5_000] * OUTPUTS_NEEDED)
    thinking = RequestFeatures(thinking_tokens=2_000)
    e = engine.estimates
    assert e.output_tokens("auto", "simple", UNBOUNDED) >= 5_000
    assert e.output_tokens("auto", "complex", UNBOUNDED) == DEFAULT_OUTPUT_TOKENS
    assert e.output_tokens("other", "simple", UNBOUNDED) == DEFAULT_OUTPUT_TOKENS
    assert e.output_tokens("auto", "simple", thinking) == DEFAULT_OUTPUT_TOKENS + 2_000


async def test_a_learned_bound_is_for_one_answer_and_never_more_than_the_model_can_say():
    engine = engine_on()
    await teach(engine, [4_000] * OUTPUTS_NEEDED, RequestFeatures(choices=4, drafts=4))
    assert 1_000 <= engine.estimates.output_tokens("auto", "simple", UNBOUNDED) <= 1_100
    short = TierFacts(Price(completion=1.0), Capability(max_output_tokens=8))
    assert engine.estimates.hold(short, UNBOUNDED, "auto", LADDER[0]) == 8


async def test_what_the_client_bounds_teaches_nothing_of_outputs():
    engine = engine_on()
    await teach(engine, [10] * 100, RequestFeatures(max_tokens=10))
    assert (await fly(engine)).hold == DEFAULT_OUTPUT_TOKENS


async def test_the_ratio_of_prompts_to_their_estimates_is_learned_per_group():
    engine = engine_on()
    e = engine.estimates
    dense = 130 + overhead(PLAIN)
    await teach(engine, [1] * (RATIOS_NEEDED - 1), PLAIN, dense)
    assert e.ratio("small") == PROMPT_RATIO
    await teach(engine, [1], PLAIN, dense)
    assert 1.3 * 1.1 <= e.ratio("small") <= 1.3 * 1.1 * 1.03
    assert e.ratio("large") == PROMPT_RATIO
    await teach(engine, [1] * RATIOS_NEEDED, PLAIN, 40, "sparse")
    assert e.ratio("sparse") == LEAST_RATIO


@pytest.mark.parametrize("more", [{"attached_tokens": 50}, {"elsewhere": True}, {"searches": 1}])
async def test_prompts_of_unknown_length_teach_nothing(more):
    engine = engine_on()
    await teach(engine, [1] * RATIOS_NEEDED, replace(PLAIN, **more), 9_000)
    assert engine.estimates.ratio("small") == PROMPT_RATIO


async def test_the_error_of_holds_is_counted_with_a_bound_and_without():
    engine = engine_on()
    bounded, unbounded = await fly(engine, PLAIN), await fly(engine)
    for flight, cost in [(bounded, 7), (unbounded, 1_024), (unbounded, 1_034), (unbounded, 1_124)]:
        engine.estimates.saw(flight, "small", (0, 0), cost)
    told = engine.estimates.as_json()
    assert told["with_max_tokens"]["exceeded"] == 0
    assert told["without_max_tokens"] == {
        "count": 3,
        "exceeded": 2,
        "excess_usd": pytest.approx(110e-9),
        "worst_usd": pytest.approx(100e-9),
        "held_usd": pytest.approx(3_072e-9),
        "cost_usd": pytest.approx(3_182e-9),
    }
    assert json.dumps(told)
    assert Errors().as_json()["count"] == 0


async def test_however_many_kinds_there_are_memory_is_bounded():
    engine = engine_on()
    flight = await fly(engine, PLAIN)
    for n in range(MAX_KEYS + 200):
        engine.estimates.saw(flight, f"group-{n}", (130, 1), 1)
    assert len(engine.estimates._ratios) == MAX_KEYS + 1
    for _ in range(RATIOS_NEEDED):
        engine.estimates.saw(flight, "yet another", (100 * 4, 1), 1)
    assert engine.estimates.ratio("never seen") > PROMPT_RATIO
    assert len(json.dumps(engine.estimates.as_json())) < 20_000
    assert Estimates().ratio("x") == PROMPT_RATIO


LONG = RequestFeatures(prompt_tokens=100, prompt_bytes=400, max_tokens=10)
PRICED = tuple(TierFacts(Price(prompt=10.0, completion=float(p))) for p in (1, 10, 100))


@pytest.mark.parametrize(
    ("budget", "firm"),
    [
        (Budget(limit=NanoUSD(10**9), at_ceiling=AtCeiling.BLOCK), True),
        (Budget(limit=NanoUSD(10**9)), False),
        (Budget(at_ceiling=AtCeiling.BLOCK), False),
        (Budget(Scope.TEAM, "blue", NanoUSD(10**9), at_ceiling=AtCeiling.BLOCK), False),
        (Budget(Scope.ROUTE, "auto", NanoUSD(10**9), at_ceiling=AtCeiling.BLOCK), True),
    ],
)
async def test_under_a_budget_that_blocks_a_hold_is_what_a_prompt_can_come_to_at_most(budget, firm):
    engine = engine_on(Budget(), budget)
    flight = await fly(engine, LONG, PRICED)
    added = overhead(LONG)
    assert flight.reservation.amount == (added + (400 if firm else 150)) * 10 + 10
    # What callers are told is what it is likely to come to.
    assert flight.hold == (added + 150) * 10 + 10
    assert flight.journey.baseline_hold == (added + 150) * 10 + 1_000


async def test_an_escalation_under_a_budget_that_blocks_holds_as_firmly():
    engine = engine_on(Budget(limit=NanoUSD(10**9), at_ceiling=AtCeiling.BLOCK))
    journey = (await fly(engine, LONG, PRICED)).journey
    flight = await engine.escalate(journey, 2)
    assert flight.reservation.amount == (overhead(LONG) + 400) * 10 + 1_000


async def test_however_many_at_once_what_is_settled_never_passes_a_limit_that_blocks():
    budget = Budget(limit=NanoUSD(200_000), at_ceiling=AtCeiling.BLOCK)
    engine = engine_on(budget)
    rnd = random.Random(11)
    settled = []

    async def one():
        size = rnd.randrange(1, 800)
        asked = RequestFeatures(prompt_tokens=size // 4, prompt_bytes=size, max_tokens=rnd.randrange(1, 60))
        flight = await fly(engine, asked, PRICED)
        if flight is None:
            return
        for _ in range(rnd.randrange(4)):
            await asyncio.sleep(0)
        # The worst that a client can do: a text that is a token for each byte, and every token it may have.
        cost = int(PRICED[flight.rank].price.cost(size + overhead(asked), asked.max_tokens))
        await engine.books.settle(flight, cost, baseline=0)
        settled.append(cost)

    await asyncio.gather(*(one() for _ in range(400)))
    assert 150_000 < sum(settled) <= 200_000
