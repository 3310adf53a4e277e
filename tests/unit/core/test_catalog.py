from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_tiering.core.catalog import (
    FRAME_TOKENS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    TOOLS_TOKENS,
    Capability,
    Price,
    TierFacts,
    dearest,
)
from litellm_tiering.core.features import RequestFeatures, ResponseFormat
from litellm_tiering.core.price import highest

NONE = Capability(
    vision=False, audio=False, files=False, tools=False, response_format=False, max_input_tokens=100
)


@pytest.mark.parametrize(
    ("features", "lacks"),
    [
        (RequestFeatures(images=1), "vision"),
        (RequestFeatures(audio=1), "audio"),
        (RequestFeatures(files=2), "files"),
        (RequestFeatures(tools=1), "tools"),
        (RequestFeatures(response_format=ResponseFormat.JSON_SCHEMA), "response_format"),
        (RequestFeatures(response_format=ResponseFormat.JSON_OBJECT), None),
        (RequestFeatures(prompt_tokens=91), "context_window"),
        (RequestFeatures(prompt_tokens=90), None),
    ],
)
def test_a_tier_lacks_what_it_is_known_to_lack(features, lacks):
    assert TierFacts(capability=NONE).lacks(features) == lacks
    assert TierFacts().lacks(features) is None


def test_a_hold_covers_the_prompt_and_the_output_bound_of_every_choice():
    facts = TierFacts(Price(prompt=100.0, completion=1000.0))
    frame = FRAME_TOKENS * 100
    assert facts.hold(RequestFeatures(prompt_tokens=100, max_tokens=10)) == frame + 150 * 100 + 10 * 1000
    assert facts.hold(RequestFeatures(max_tokens=10, choices=3)) == frame + 30_000
    assert facts.hold(RequestFeatures(max_tokens=10, choices=3, drafts=6)) == frame + 60_000
    assert facts.hold(RequestFeatures()) == frame + 1024 * 1000
    assert facts.hold(RequestFeatures(), output_tokens=7) == frame + 7_000


def test_a_prompt_is_bound_by_its_estimate_and_by_what_its_bytes_can_come_to():
    facts = TierFacts()
    asked = RequestFeatures(prompt_tokens=100, prompt_bytes=400, messages=2)
    added = FRAME_TOKENS + 2 * MESSAGE_TOKENS
    assert facts.prompt_bound(asked, ratio=1.5) == added + 150
    assert facts.prompt_bound(asked, ratio=9.0) == added + 400
    assert facts.prompt_bound(asked, firm=True) == added + 400
    assert facts.prompt_bound(replace(asked, tools=1), firm=True) == added + 400 + TOOLS_TOKENS
    assert facts.prompt_bound(replace(asked, prompt_bytes=0), firm=True) == added + 150
    assert facts.prompt_bound(replace(asked, attached_tokens=60)) == added + 60


def test_attachments_are_held_at_their_own_prices():
    price = Price(prompt=1.0, audio=100.0, image=10.0, per_image=5_000.0, per_request=7.0, per_search=900.0)
    facts = TierFacts(price)
    asked = RequestFeatures(max_tokens=1, images=2, audio_tokens=30, file_tokens=40, searches=3)
    most = FRAME_TOKENS + 40 + 30 * 100 + 2 * IMAGE_TOKENS * 10 + 2 * 5_000 + 7 + 3 * 900
    assert facts.hold(asked) == most


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ({}, 1),
        ({"cache_ttl_s": 300}, 1.25),
        ({"cache_ttl_s": 3600}, 2),
        ({"fast": True}, 6),
        ({"priority": True}, 3),
    ],
)
def test_a_hold_is_at_the_price_of_what_is_asked_for(asked, times):
    plain = Price(prompt=100.0, cache_write=125.0, cache_write_long=200.0, fast=6.0, priority=Price(300.0))
    facts = TierFacts(plain)
    features = RequestFeatures(prompt_tokens=1_000, max_tokens=10, **asked)
    assert facts.hold(features) == times * (1_500 + FRAME_TOKENS) * 100


def test_a_surcharge_that_only_the_bill_tells_of_is_held_and_no_price():
    price = Price(prompt=100.0, completion=200.0, uplift=1.5)
    assert price.cost(10, 10) == 3_000
    assert TierFacts(price).hold(RequestFeatures(max_tokens=10)) == (FRAME_TOKENS * 100 + 2_000) * 1.5
    assert highest([Price(prompt=120.0, completion=100.0), price]).uplift == 1.5


def test_a_cache_that_is_filled_unasked_is_held_for():
    facts = TierFacts(Price(prompt=100.0, cache_write=125.0, writes_unasked=True))
    assert facts.hold(RequestFeatures(max_tokens=1)) == 125 * FRAME_TOKENS


def test_a_prompt_that_may_pass_a_threshold_is_held_at_the_dearer_price():
    facts = TierFacts(Price(10.0, 20.0, long=((1_000, Price(30.0, 50.0)), (2_000, Price(40.0, 60.0)))))
    short, longer, longest = (RequestFeatures(prompt_tokens=n, max_tokens=1) for n in (600, 1_200, 2_000))
    assert facts.hold(short) == (900 + FRAME_TOKENS) * 10 + 20
    assert facts.hold(longer) == (1_800 + FRAME_TOKENS) * 30 + 50
    assert facts.hold(longest) == (3_000 + FRAME_TOKENS) * 40 + 60


def test_a_hold_is_no_more_than_the_model_can_say():
    facts = TierFacts(Price(completion=1.0), Capability(max_output_tokens=8))
    assert facts.hold(RequestFeatures(max_tokens=1000)) == 8


def test_a_cost_is_rounded_up_to_a_whole_nano_dollar():
    assert Price(prompt=0.1).cost(1, 0) == 1
    assert Price(prompt=150.0, completion=600.0).cost(11, 7) == 5850


def test_the_dearest_known_price_stands_in_for_unknown_ones():
    cheap, dear = TierFacts(Price(1, 2)), TierFacts(Price(5, 9))
    unknown = TierFacts(Price(100, 100, known=False))
    assert dearest([cheap, unknown, dear]) == Price(5, 9)
    assert dearest([unknown]) == Price(known=False)
