from __future__ import annotations

import pytest
from litellm import Router

from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.gateway.catalog import REFRESH_S, Catalog, group_facts

LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])


def deployment(group, model, **info):
    params = {"model": model, "api_key": "none", **info.pop("params", {})}
    return {"model_name": group, "litellm_params": params, "model_info": info}


class Clock:
    time = 1000.0

    def now(self):
        return self.time


def facts(*deployments, requirements="auto"):
    return Catalog(LADDER, requirements, Clock()).facts(Router(model_list=list(deployments)))


MINI = deployment("small", "openai/gpt-4o-mini")
BIG = deployment("large", "openai/gpt-4o")


def test_prices_and_capabilities_come_from_litellms_map():
    small, large = facts(MINI, BIG)
    assert (small.price.prompt, small.price.completion, small.price.known) == (150.0, 600.0, True)
    assert (small.capability.vision, small.capability.tools) == (True, True)
    assert small.capability.max_input_tokens == 128_000
    assert large.price.prompt > small.price.prompt


@pytest.mark.parametrize("where", ["params", "info"])
def test_the_owners_prices_win_over_the_map(where):
    prices = {"input_cost_per_token": 1e-9, "output_cost_per_token": 2e-9}
    extra = {"params": prices} if where == "params" else prices
    small, _ = facts(deployment("small", "openai/gpt-4o-mini", **extra), BIG)
    assert (small.price.prompt, small.price.completion) == pytest.approx((1.0, 2.0))


def test_an_unknown_model_costs_as_much_as_the_dearest_and_may_be_able_to_anything(caplog):
    router = Router(model_list=[deployment("small", "openai/nobody-knows-me"), BIG])
    catalog = Catalog(LADDER, "auto", Clock())
    small, large = catalog.facts(router)
    assert (small.price.prompt, small.price.known) == (large.price.prompt, False)
    assert small.capability.vision is None
    for _ in range(3):
        assert catalog.price("small", router).prompt == large.price.prompt
    assert caplog.text.count("no price is known for model group 'small'") == 1


def test_a_model_that_only_the_router_knows_may_be_able_to_anything_it_is_not_said_to_lack():
    own = deployment("small", "openai/own-model", input_cost_per_token=1e-7, supports_vision=False)
    small, _ = facts(own, BIG)
    assert (small.capability.vision, small.capability.tools) == (False, None)


def test_a_free_model_is_free():
    free = deployment("small", "openai/own", input_cost_per_token=0.0, output_cost_per_token=0.0)
    small, _ = facts(free, BIG)
    assert (small.price.known, small.price.cost(1000, 1000)) == (True, 0)


def test_a_group_is_as_able_as_its_least_and_as_dear_as_its_dearest_deployment():
    blind = deployment("small", "openai/own", supports_vision=False, input_cost_per_token=1e-6)
    small, _ = facts(MINI, blind, BIG)
    assert small.capability.vision is False
    assert small.price.prompt == 1000.0


def test_what_the_owner_listed_wins_and_off_asks_nothing():
    listed, _ = facts(MINI, BIG, requirements={"simple": {"vision": False, "max_input_tokens": 10}})
    assert (listed.capability.vision, listed.capability.tools) == (False, True)
    assert listed.capability.max_input_tokens == 10
    off, _ = facts(MINI, BIG, requirements="off")
    assert (off.capability.vision, off.capability.max_input_tokens) == (None, None)


def test_a_group_the_proxy_does_not_have_does_not_exist():
    small, _ = facts(BIG)
    assert small.exists is False
    assert group_facts([]).exists is False


def test_facts_are_read_again_now_and_then():
    clock = Clock()
    catalog = Catalog(LADDER, "auto", clock)
    catalog.facts(Router(model_list=[BIG]))
    both = Router(model_list=[MINI, BIG])
    assert catalog.facts(both)[0].exists is False
    clock.time += REFRESH_S + 1
    assert catalog.facts(both)[0].exists is True


@pytest.mark.parametrize("odd", ["x", -1, float("inf"), None, [], True])
def test_odd_prices_count_as_unknown_or_nothing(odd):
    found = group_facts([{"litellm_params": {"model": "x/y"}, "model_info": {"input_cost_per_token": odd}}])
    assert found.price.prompt in {0.0, 1e9}
