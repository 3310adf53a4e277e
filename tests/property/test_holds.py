from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_tiering.core.catalog import Capability, TierFacts
from litellm_tiering.core.features import RequestFeatures, Surface
from litellm_tiering.core.price import Price, Usage, highest
from litellm_tiering.intake import read_request

RATE = st.sampled_from([0.0, 0.5, 10.0, 1e4]) | st.floats(0, 1e5, allow_subnormal=False)
OWN = st.none() | RATE
TOKENS = st.integers(0, 400) | st.integers(0, 300_000)


def up_to(most):
    """Any number up to one, that one as often as not: it is where holds are tight."""
    return st.just(most) | st.integers(0, most)


def flat():
    return st.builds(
        Price,
        prompt=RATE,
        completion=RATE,
        cache_read=OWN,
        cache_write=OWN,
        cache_write_long=OWN,
        audio=OWN,
        image=OWN,
        reasoning=OWN,
        audio_out=OWN,
        per_request=RATE,
        writes_unasked=st.booleans(),
    )


@st.composite
def prices(draw):
    def whole():
        levels = sorted(draw(st.sets(st.sampled_from([100, 128_000, 200_000]))))
        return replace(draw(flat()), long=tuple((n, draw(flat())) for n in levels))

    return replace(whole(), priority=whole() if draw(st.booleans()) else None)


@st.composite
def calls(draw):
    """A request, and a usage that respects it: as many tokens as it may have, of any kinds it may have."""
    asked = RequestFeatures(
        prompt_tokens=draw(TOKENS),
        prompt_bytes=draw(TOKENS),
        messages=draw(st.integers(0, 50)),
        tools=draw(st.integers(0, 3)),
        images=draw(st.integers(0, 3)),
        audio_tokens=draw(st.integers(0, 5_000)),
        file_tokens=draw(st.integers(0, 5_000)),
        max_tokens=draw(st.integers(1, 100_000)),
        drafts=draw(st.integers(1, 8)),
        cache_ttl_s=draw(st.sampled_from([0, 300, 3_600])),
        speaks=draw(st.booleans()),
        priority=draw(st.booleans()),
    )
    firm = draw(st.booleans())
    text = TierFacts.prompt_bound(asked, firm=firm) + asked.file_tokens
    audio = draw(up_to(asked.audio_tokens))
    image = draw(up_to(asked.images * Capability().image_tokens))
    prompt = draw(up_to(text)) + audio + image
    completion = draw(up_to(asked.max_tokens * asked.drafts))
    part = up_to(prompt)
    used = Usage(
        prompt,
        completion,
        cached=draw(part),
        written=draw(part) if asked.cache_ttl_s else 0,
        written_long=draw(part) if asked.cache_ttl_s > 300 else 0,
        audio=audio,
        image=image,
        reasoning=draw(up_to(completion)),
        audio_out=draw(up_to(completion)) if asked.speaks else 0,
    )
    return asked, firm, used


@settings(max_examples=4 * settings().max_examples)
@given(prices(), calls())
def test_no_usage_that_respects_its_request_costs_more_than_its_hold(price, call):
    asked, firm, used = call
    hold = TierFacts(price).hold(asked, firm=firm)
    assert price.bill(used, priority=asked.priority) <= hold + 1


@settings(max_examples=2 * settings().max_examples)
@given(st.lists(prices(), min_size=1, max_size=3), calls())
def test_whichever_deployment_of_a_group_answers_it_costs_no_more_than_the_groups_hold(each, call):
    asked, firm, used = call
    hold = TierFacts(highest(each)).hold(asked, firm=firm)
    for price in each:
        assert price.bill(used, priority=asked.priority) <= hold + 1


@given(st.integers(1, 300_000), st.integers(0, 1_000))
def test_a_prompt_that_may_pass_a_threshold_is_held_for_at_the_price_above_it(level, more):
    asked = RequestFeatures(prompt_bytes=level + more, max_tokens=1)
    price = Price(1.0, 1.0, long=((level, Price(9.0, 9.0)),))
    used = Usage(TierFacts.prompt_bound(asked, firm=True), 1)
    assert price.bill(used) == 9 * (used.prompt + 1) == TierFacts(price).hold(asked, firm=True)


@given(prices(), calls(), st.integers(0, 1_000))
def test_asking_for_more_is_never_held_cheaper(price, call, more):
    asked, firm, _ = call
    facts = TierFacts(price)
    longer = replace(asked, max_tokens=asked.max_tokens + more, prompt_bytes=asked.prompt_bytes + more)
    if asked.prompt_bytes:
        assert facts.hold(longer, firm=firm) >= facts.hold(asked, firm=firm)


@given(st.lists(st.text(max_size=400), min_size=1, max_size=8), st.integers(1, 5_000))
def test_a_firm_hold_covers_a_token_for_every_byte_of_a_prompt(texts, max_tokens):
    body = {"messages": [{"role": "user", "content": t} for t in texts], "max_tokens": max_tokens}
    asked, _ = read_request(body, Surface.CHAT)
    facts = TierFacts(Price(7.0, 11.0))
    tokens = sum(len(t.encode("utf-8", "surrogatepass")) + 4 for t in texts) + 3
    assert facts.price.cost(tokens, max_tokens) <= facts.hold(asked, firm=True)
