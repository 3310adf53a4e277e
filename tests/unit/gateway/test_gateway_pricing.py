from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

import litellm
import pytest
from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token

from litellm_tiering.core.catalog import TierFacts
from litellm_tiering.core.features import RequestFeatures
from litellm_tiering.core.price import Asked, Usage
from litellm_tiering.gateway.catalog import group_facts
from litellm_tiering.gateway.pricing import price_of
from litellm_tiering.gateway.usage import usage_in

RECENT = tuple(int(part) for part in version("litellm").split(".")[:2]) >= (1, 106)


def facts(model, **info):
    return group_facts([{"litellm_params": {"model": model}, "model_info": info}])


OWN = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}


def test_the_words_of_litellms_map_are_read():
    price = price_of(
        OWN
        | {
            "cache_read_input_token_cost": 1e-7,
            "cache_creation_input_token_cost": 1.25e-6,
            "cache_creation_input_token_cost_above_1hr": 2e-6,
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 5e-6,
            "input_cost_per_token_above_200k_tokens": 3e-6,
            "input_cost_per_token_above_272_tokens": 4e-6,
            "input_cost_per_token_priority": 9e-6,
            "input_cost_per_token_above_200k_tokens_priority": 11e-6,
            "output_cost_per_reasoning_token": 7e-6,
            "input_cost_per_audio_token": 8e-6,
            "input_cost_per_image_token": 1.1e-6,
            "output_cost_per_audio_token": 6e-6,
            "input_cost_per_image": 0.001,
            "input_cost_per_request": 0.005,
            "search_context_cost_per_query": {"search_context_size_high": 0.03, "x": None},
        }
    )
    assert (price.prompt, price.completion, price.cache_read) == pytest.approx((1_000, 2_000, 100))
    assert (price.cache_write, price.cache_write_long) == pytest.approx((1_250, 2_000))
    assert (price.reasoning, price.audio, price.image, price.audio_out) == pytest.approx(
        (7_000, 8_000, 1_100, 6_000)
    )
    assert (price.per_image, price.per_request, price.per_search) == pytest.approx((1e6, 5e6, 3e7))
    assert [above for above, _ in price.long] == [272, 200_000]
    # Above both thresholds: what the higher one does not name stays as the lower one has it.
    longest = price.long[1][1]
    assert (longest.prompt, longest.completion, longest.cache_write) == pytest.approx((3_000, 2_000, 1_250))
    assert (price.priority.prompt, price.priority.completion) == pytest.approx((9_000, 2_000))
    assert price.priority.long[-1][1].prompt == pytest.approx(11_000)


def test_prices_given_as_a_table_are_read():
    rows = [
        {"range": [32_000, 128_000], "input_cost_per_token": 2e-6, "output_cost_per_token": 4e-6},
        {"range": [0, 32_000], "input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6},
        {"range": "x"},
        "x",
    ]
    price = price_of(OWN | {"tiered_pricing": rows})
    assert (price.prompt, price.completion) == pytest.approx((1_000, 3_000))
    assert [(n, p.prompt) for n, p in price.long] == [(32_000, pytest.approx(2_000))]
    assert price_of(OWN | {"tiered_pricing": [{}]}).prompt == pytest.approx(1_000)


def test_regions_and_margins_come_on_top(monkeypatch):
    geo = {"provider_specific_entry": {"us": 1.1, "fast": 6.0, "free_images": 5}}
    words = OWN | geo | {"inference_geo": "us", "input_cost_per_token_priority": 3e-6}
    assert price_of(words).prompt == pytest.approx(1_100)
    assert price_of(words).fast == 6.0
    assert price_of(words).uplift == 1.0
    assert price_of(words).priority.prompt == pytest.approx(3_300)
    monkeypatch.setattr(
        litellm, "cost_margin_config", {"a": 0.1, "b": {"percentage": 0.5, "fixed_amount": 0.01}}
    )
    raised = price_of(OWN | {"cache_read_input_token_cost": 1e-7})
    assert (raised.prompt, raised.cache_read, raised.per_request) == pytest.approx((1_500, 150, 1e7))
    assert raised.audio is None


@pytest.mark.parametrize(
    ("words", "asks", "does_not"),
    [
        (
            {"regional_processing_uplift_multiplier_eu": 1.1},
            {"api_base": "https://eu.api.openai.com/v1"},
            {"api_base": "https://api.openai.com/v1"},
        ),
        ({"regional_endpoint_uplift_multiplier": 1.1}, {"vertex_location": "europe-west4"}, {}),
        ({"provider_specific_entry": {"us": 1.1}}, {"inference_geo": "us"}, {"inference_geo": "global"}),
    ],
    ids=["openai", "vertex", "anthropic"],
)
def test_a_surcharge_that_a_deployment_does_not_ask_for_is_held_and_never_called_a_price(
    words, asks, does_not
):
    words = words | {"input_cost_per_token_priority": 3e-6}
    ask, used = Asked(text=1000), Usage(prompt=1000)
    for priority, rate in ((False, 1_000), (True, 3_000)):
        sure, may = price_of(OWN | words | asks), price_of(OWN | words | does_not)
        held = replace(ask, priority=priority)
        assert sure.bill(used, priority=priority) == pytest.approx(rate * 1_100, abs=1)
        assert may.bill(used, priority=priority) == pytest.approx(rate * 1_000, abs=1)
        assert sure.most(held) == pytest.approx(may.most(held), abs=1)
        assert may.most(held) == pytest.approx(rate * 1_100, abs=1)


def test_whose_caches_are_filled_unasked():
    write = OWN | {"cache_creation_input_token_cost": 2e-6}
    assert price_of(write | {"litellm_provider": "openai"}).writes_unasked
    assert not price_of(write | {"litellm_provider": "anthropic"}).writes_unasked
    assert not price_of(write | {"model": "bedrock/anthropic.claude-x"}).writes_unasked
    assert price_of(write | {"model": "claude-x", "cache_control_injection_points": [{}]}).writes_unasked
    assert not price_of(OWN | {"litellm_provider": "openai"}).writes_unasked


def test_a_groups_output_bound_is_that_of_its_longest_deployment():
    def group(*bounds):
        infos = [OWN | {"max_output_tokens": b} for b in bounds]
        found = group_facts([{"litellm_params": {"model": "x/y"}, "model_info": i} for i in infos])
        return found.capability.max_output_tokens

    assert (group(4_000, 16_000), group(4_000, None)) == (16_000, None)


def test_a_model_that_counts_images_in_its_own_way():
    assert facts("openai/gpt-4o-mini").capability.image_tokens > 40_000
    assert facts("openai/gpt-4o").capability.image_tokens < 2_000


PLAIN = {"prompt_tokens": 1_000, "completion_tokens": 500}
CACHED = PLAIN | {
    "prompt_tokens_details": {"cached_tokens": 700},
    "completion_tokens_details": {"reasoning_tokens": 400},
}
LONG = {"prompt_tokens": 300_000, "completion_tokens": 500}
WRITTEN = PLAIN | {"cache_creation_input_tokens": 600, "cache_read_input_tokens": 300}
AUDIO = PLAIN | {
    "prompt_tokens_details": {"audio_tokens": 800, "text_tokens": 200},
    "completion_tokens_details": {"audio_tokens": 300, "text_tokens": 200},
}


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-4o-mini", "openai"),
        ("gpt-audio", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("claude-opus-4-5", "anthropic"),
        ("gemini-2.5-pro", "gemini"),
        ("gemini-2.5-flash", "gemini"),
        ("dashscope/qwen-flash", "dashscope"),
    ],
)
@pytest.mark.parametrize("usage", [PLAIN, CACHED, LONG, WRITTEN, AUDIO])
@pytest.mark.parametrize("tier", [None, "priority"])
def test_our_bill_is_litellms_bill_and_the_hold_is_no_less(model, provider, usage, tier):
    name = model if "/" in model else f"{provider}/{model}"
    if not any(key in litellm.model_cost for key in (model, name)):
        pytest.skip(f"this LiteLLM does not know {model}")
    theirs = sum(
        generic_cost_per_token(
            model=name, usage=litellm.Usage(**usage), custom_llm_provider=provider, service_tier=tier
        )
    )
    price, used = facts(name).price, usage_in(litellm.Usage(**usage))
    ours = price.bill(used, priority=tier is not None)
    assert ours >= theirs * 1e9 - 1
    if tier is None and RECENT:
        # Prices of a region may come on top of what this call came to. Earlier releases bill nothing at all
        # for tokens of a kind that the map has no price for: there ours is more by any factor.
        assert ours <= theirs * 1.1e9 + 2
    asked = RequestFeatures(
        prompt_tokens=used.prompt,
        audio_tokens=used.audio,
        max_tokens=used.completion,
        cache_ttl_s=300 if used.written else 0,
        speaks=used.audio_out > 0,
        priority=tier is not None,
    )
    assert TierFacts(price).hold(asked) >= ours


def test_usage_is_a_whole_even_where_the_provider_tells_nothing():
    assert usage_in(None) is None
    assert usage_in({}) == Usage()
