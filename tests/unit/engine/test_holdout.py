from __future__ import annotations

from dataclasses import replace

import pytest
from cascade_kit import FACTS, Clock

from litellm_tiering.core.budget import AtCeiling, Budget, Downgrade
from litellm_tiering.core.catalog import Capability
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.experiment import Experiment
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.core.price import Usage
from litellm_tiering.engine import Engine
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry, Terms
from litellm_tiering.records import Row
from litellm_tiering.units import NanoUSD

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
AUTO = Route("auto", ("auto",), keep_s=3600)
ALICE = Caller(key="alice", team="blue")


class Counting:
    """Says the cheapest tier, and how often it was asked."""

    asks = False

    def __init__(self):
        self.asked = 0

    def classify(self, subject):
        self.asked += 1
        return Classification(rank=0, by="heuristic", cap=(1, "cheap"))


def engine_with(*budgets, holdout=1.0, enforce=True, says=None):
    terms = Terms(
        Policy(LADDER),
        tuple(budgets) or (Budget(),),
        says or Counting(),
        experiment=Experiment(holdout),
        enforce=enforce,
    )
    return Engine(terms, MemoryLedger(), Clock(1_795_000_000.0))


def asking(route=AUTO, *, caller=ALICE, asked=2, facts=FACTS, **more):
    features = RequestFeatures(max_tokens=10, conversation="c1", follows="c0")
    return Inquiry(features, PromptText("q"), caller, route, asked, facts, **more)


async def totals(engine):
    await engine.books.payments.tell_now()
    day = engine.books.days.day(engine.clock.now())
    return await engine.ledger.totals([day])


async def test_a_caller_held_out_gets_the_dearest_tier_unclassified_and_unjudged():
    says = Counting()
    engine = engine_with(says=says)
    plan = await engine.plan(asking())
    assert (plan.record.tier, plan.decision.reasons) == ("complex", ("holdout",))
    assert says.asked == 0
    # Without its prompt no gate judges it, and nothing is asked beside it.
    assert plan.flight.journey.prompt is None
    assert plan.flight.journey.thread is None
    assert Row.of(plan.record, LADDER).holdout


async def test_everybody_else_is_routed_as_ever():
    engine = engine_with(holdout=0.0)
    plan = await engine.plan(asking())
    assert plan.record.tier == "simple"
    assert plan.flight.journey.prompt is not None
    assert not Row.of(plan.record, LADDER).holdout


async def test_a_wish_of_the_client_does_not_lower_a_request_that_is_held_out():
    assert (await engine_with().plan(asking(wish=0))).record.tier == "complex"


async def test_a_client_that_names_a_model_gets_it_held_out_or_not():
    explicit = Route("explicit", ("small",), classify=False)
    plan = await engine_with().plan(asking(explicit, asked=0))
    assert (plan.record.tier, plan.decision.reasons) == ("simple", ("requested",))


async def test_in_shadow_nobody_is_held_out():
    plan = await engine_with(enforce=False).plan(asking())
    assert (plan.record.tier, plan.decision.reasons) == ("complex", ("shadow:heuristic",))
    route = replace(AUTO, enforce=False)
    assert "holdout" not in str((await engine_with().plan(asking(route))).decision.reasons)


async def test_budgets_bind_a_caller_that_is_held_out():
    limited = Budget(limit=NanoUSD(10_000), downgrade=(Downgrade(0.1, to_rank=0),))
    engine = engine_with(limited)
    first = await engine.plan(asking())
    await engine.books.settle(first.flight, 5_000, baseline=5_000)
    moved = await engine.plan(asking())
    assert (moved.record.tier, moved.decision.reasons[0]) == ("simple", "holdout")
    assert {row.reason for row in await totals(engine)} == {"holdout"}


async def test_a_refused_request_of_a_caller_held_out_is_counted_apart():
    blocking = Budget(limit=NanoUSD(1), at_ceiling=AtCeiling.BLOCK)
    engine = engine_with(blocking)
    assert (await engine.plan(asking())).decision.refusal is not None
    (row,) = await totals(engine)
    assert (row.reason, row.refused) == ("holdout", 1)


async def test_a_tier_that_is_forbidden_or_cannot_serve_is_left_by_the_held_out_too():
    plan = await engine_with().plan(asking(forbidden={2: "key"}))
    assert plan.record.tier == "moderate"
    blind = (*FACTS[:2], replace(FACTS[2], capability=Capability(vision=False)))
    inquiry = asking(facts=blind)
    inquiry = replace(inquiry, features=replace(inquiry.features, images=1))
    plan = await engine_with().plan(inquiry)
    assert plan.record.tier == "moderate"
    assert plan.decision.reasons[0] == "holdout"


async def test_explain_says_holdout_as_the_plan_would():
    assert (await engine_with().explain(asking())).decision.reasons == ("holdout",)


@pytest.mark.parametrize(("asked", "rank"), [(2, 2), (0, 0)])
async def test_the_baseline_is_the_tier_that_the_client_would_otherwise_have_got(asked, rank):
    plan = await engine_with(holdout=0.0).plan(asking(asked=asked))
    used = Usage(100, 10)
    assert plan.flight.journey.otherwise(used) == FACTS[rank].price.cost(100, 10)


async def test_the_baseline_of_what_that_tier_cannot_serve_is_the_tier_that_can():
    blind = (*FACTS[:2], replace(FACTS[2], capability=Capability(vision=False)))
    inquiry = asking(facts=blind)
    inquiry = replace(inquiry, features=replace(inquiry.features, images=1))
    plan = await engine_with(holdout=0.0).plan(inquiry)
    assert plan.flight.journey.otherwise(Usage(100, 10)) == FACTS[1].price.cost(100, 10)
