from __future__ import annotations

import os

import litellm
import pytest

from litellm_tiering.cli.settings import bundled_prices
from litellm_tiering.core.catalog import Price
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.gateway.offline import group_price, tier_facts

LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])
LOCAL, URL = "LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_MODEL_COST_MAP_URL"


def listed(*entries, **more):
    return {"model_list": list(entries), **more}


def group(name, model, **info):
    return {"model_name": name, "litellm_params": {"model": model}, "model_info": info}


def test_a_group_is_as_dear_as_its_dearest_deployment():
    proxy = listed(
        group("small", "x/y", input_cost_per_token=1e-7, output_cost_per_token=5e-7),
        group("small", "x/z", input_cost_per_token=2e-7, output_cost_per_token=4e-7),
        group("other", "x/y", input_cost_per_token=9.0),
    )
    assert group_price("small", proxy, {}) == pytest.approx((2e-7, 5e-7))
    assert group_price("absent", proxy, {}) is None


def test_litellms_map_and_the_environment_are_asked():
    gpt = litellm.model_cost["gpt-4o"]
    proxy = listed(group("large", "os.environ/THE_MODEL"))
    prices = (gpt["input_cost_per_token"], gpt["output_cost_per_token"])
    assert group_price("large", proxy, {"THE_MODEL": "openai/gpt-4o"}) == pytest.approx(prices)
    assert group_price("large", proxy, {}) is None


@pytest.mark.parametrize("target", ["real", {"model": "real", "hidden": True}])
def test_an_alias_is_a_group(target):
    proxy = listed(
        group("real", "x/y", input_cost_per_token=1e-7, output_cost_per_token=5e-7),
        router_settings={"model_group_alias": {"small": target}},
    )
    assert group_price("small", proxy, {}) == pytest.approx((1e-7, 5e-7))


def test_a_pattern_stands_for_its_models():
    gpt = litellm.model_cost["gpt-4o"]
    proxy = listed(group("openai/*", "openai/*"), group("exact", "x/y", input_cost_per_token=1.0))
    prices = (gpt["input_cost_per_token"], gpt["output_cost_per_token"])
    assert group_price("openai/gpt-4o", proxy, {}) == pytest.approx(prices)
    assert group_price("anthropic/gpt-4o", proxy, {}) is None
    assert group_price("openai", proxy, {}) is None


def test_facts_of_a_ladder():
    proxy = listed(
        group("small", "x/y", input_cost_per_token=1e-7, output_cost_per_token=5e-7, supports_vision=False),
        group("large", "x/z", input_cost_per_token=2e-7, output_cost_per_token=9e-7, supports_vision=True),
    )
    small, large = tier_facts(LADDER, "auto", proxy, {})
    assert (small.price, small.capability.vision) == (
        Price(pytest.approx(100.0), pytest.approx(500.0)),
        False,
    )
    assert large.capability.vision is True
    assert tier_facts(LADDER, "off", proxy, {})[0].capability.vision is None
    assert tier_facts(LADDER, {"simple": {"vision": True}}, proxy, {})[0].capability.vision is True


def test_a_group_that_the_file_does_not_list_may_be_in_the_database():
    proxy = listed(group("large", "x/z", input_cost_per_token=2e-7, output_cost_per_token=9e-7))
    small, large = tier_facts(LADDER, "auto", proxy, {})
    assert small.exists
    assert not small.price.known
    assert small.price.completion == large.price.completion


@pytest.mark.parametrize(
    "proxy",
    [
        {},
        {"model_list": "small"},
        {"model_list": [None, 5, {}, {"model_name": ["small"]}, {"model_name": "small"}]},
        {"model_list": [{"model_name": "small", "litellm_params": "x", "model_info": []}]},
        {"model_list": [], "router_settings": {"model_group_alias": {"small": 5, "large": {"model": []}}}},
        {"model_list": [{"model_name": "*", "litellm_params": None}], "router_settings": []},
    ],
)
def test_what_litellm_would_refuse_is_read_leniently(proxy):
    assert group_price("small", proxy, {}) is None
    assert [f.price.known for f in tier_facts(LADDER, "auto", proxy, {})] == [False, False]


def test_litellm_prints_nothing_into_our_output(capsys, monkeypatch):
    monkeypatch.setattr(litellm, "suppress_debug_info", False)
    assert group_price("small", listed(group("small", "nobody/knows")), {}) is None
    assert capsys.readouterr() == ("", "")
    assert litellm.suppress_debug_info is False


def test_a_command_uses_the_map_that_litellm_brings_along(monkeypatch):
    monkeypatch.delenv(LOCAL)
    monkeypatch.delenv(URL, raising=False)
    with bundled_prices():
        assert os.environ[LOCAL] == "True"
    assert LOCAL not in os.environ
    monkeypatch.setenv(LOCAL, "False")
    with bundled_prices():
        assert os.environ[LOCAL] == "False"
    assert os.environ[LOCAL] == "False"
    monkeypatch.delenv(LOCAL)
    monkeypatch.setenv(URL, "https://example.com/prices.json")
    with bundled_prices():
        assert LOCAL not in os.environ
