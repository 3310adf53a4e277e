from __future__ import annotations

import pytest

from litellm_tiering.core.price import Asked, Price, Usage, highest

FULL = Price(
    prompt=10.0,
    completion=20.0,
    cache_read=1.0,
    cache_write=12.0,
    cache_write_long=18.0,
    audio=100.0,
    image=7.0,
    reasoning=30.0,
    audio_out=200.0,
    per_request=5.0,
)


def test_every_kind_of_token_is_billed_at_its_own_price():
    used = Usage(100, 50, cached=10, written=20, written_long=5, audio=3, image=2, reasoning=30, audio_out=4)
    prompt = 60 * 10 + 10 * 1 + 20 * 12 + 5 * 18 + 3 * 100 + 2 * 7
    assert FULL.bill(used) == prompt + 16 * 20 + 30 * 30 + 4 * 200 + 5


def test_without_a_price_of_its_own_a_token_costs_what_it_is_part_of():
    plain = Price(10.0, 20.0)
    parts = Usage(100, 50, cached=10, written=20, written_long=5, audio=3, image=2, reasoning=30)
    assert plain.bill(parts) == plain.cost(100, 50) == 2_000
    assert Price(10.0, cache_write=12.0).bill(Usage(1, 0, written_long=1)) == 12


def test_parts_are_never_more_than_the_whole():
    assert FULL.bill(Usage(5, 5, cached=10, reasoning=10)) == 5 * 1 + 5 * 30 + 5
    assert FULL.bill(Usage(5, 5, written_long=3, written=9, audio=9)) == 3 * 18 + 2 * 12 + 5 * 20 + 5
    assert FULL.bill(Usage(5, 0, cached=-3)) == 55


def test_a_long_prompt_costs_more_from_its_first_token_on():
    price = Price(1.0, 2.0, per_request=3.0, long=((100, Price(10.0, 20.0)), (200, Price(100.0, 200.0))))
    assert [int(price.cost(n, 1)) for n in (100, 101, 201)] == [105, 1_033, 20_303]


def test_the_dearer_service_tier_is_billed_where_it_has_prices():
    price = Price(1.0, priority=Price(3.0))
    assert [int(p.bill(Usage(10), priority=True)) for p in (price, Price(1.0))] == [30, 10]


def test_a_groups_price_is_for_each_kind_the_highest_of_its_deployments():
    one = Price(10.0, 20.0, cache_read=1.0, long=((100, Price(50.0, 60.0)),))
    other = Price(15.0, 5.0, reasoning=90.0, writes_unasked=True, known=False, priority=Price(40.0, 40.0))
    found = highest([one, other])
    assert (found.prompt, found.completion, found.known, found.writes_unasked) == (15.0, 20.0, False, True)
    # The other has no price for cached tokens: there they cost what any prompt token costs.
    assert (found.cache_read, found.reasoning, found.audio) == (15.0, 90.0, None)
    assert found.long == ((100, Price(50.0, 60.0, reasoning=90.0, known=False, writes_unasked=True)),)
    assert (found.priority.prompt, found.priority.completion) == (40.0, 40.0)
    assert highest([one, one]) is one


@pytest.mark.parametrize(
    "used", [Usage(), Usage(7, 3), Usage(9, 8, 7, 6, 5, 4, 3, 2, 1), Usage(1, 0, audio_out=10**12)]
)
def test_what_is_told_of_tokens_can_be_read_again(used):
    assert Usage.told(used.explained()) == used
    assert {"prompt_tokens", "completion_tokens"} <= used.explained().keys()


@pytest.mark.parametrize("odd", [None, -1, 1.5, True, "3", 10**12 + 1, [1], float("nan")])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "cached_tokens", "audio_tokens"])
def test_tokens_that_are_none_are_not_read(name, odd):
    assert Usage.told({**Usage(9, 8, 7, 6, 5, 4).explained(), name: odd}) is None
    assert Usage.told({}) is None


def test_a_call_that_asks_for_nothing_costs_what_every_request_costs_and_no_more():
    price = Price(1000.0, 2000.0, audio=9000.0, image=500.0, per_image=7.0, per_search=11.0, per_request=3.0)
    assert price.most(Asked()) == 3
    assert price.most(Asked(text=1)) > 3
