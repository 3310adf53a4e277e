from __future__ import annotations

import pytest

from litellm_tiering.core.catalog import Capability, Price, TierFacts, dearest
from litellm_tiering.core.features import RequestFeatures, ResponseFormat

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
    assert facts.hold(RequestFeatures(prompt_tokens=100, max_tokens=10)) == 110 * 100 + 10 * 1000
    assert facts.hold(RequestFeatures(prompt_tokens=0, max_tokens=10, choices=3)) == 30_000
    assert facts.hold(RequestFeatures()) == 1024 * 1000


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
