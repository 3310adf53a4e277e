from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Ruling
from litellm_tiering.gates.logprob import LogprobGate
from litellm_tiering.testing.gates import exchange

NAN, INF = math.nan, math.inf


def judge(logprobs, **more):
    return LogprobGate(**more).judge(exchange("An answer.", logprobs=logprobs))


@pytest.mark.parametrize(
    ("logprobs", "more", "ruling", "reason"),
    [
        ((), {}, Ruling.ABSTAIN, "no_logprobs"),
        ((NAN, NAN), {}, Ruling.ABSTAIN, "no_numbers"),
        ((-0.5, -1.5), {}, Ruling.ACCEPT, ""),
        ((-0.5, -1.6), {}, Ruling.REJECT, "mean"),
        ((-1.6, NAN, -0.4), {}, Ruling.ACCEPT, ""),
        ((5.0, -0.1), {}, Ruling.ACCEPT, ""),
        ((5.0, -2.5), {}, Ruling.REJECT, "mean"),
        ((-0.1,) * 99 + (-9999.0,), {}, Ruling.ACCEPT, ""),
        ((-0.1,) * 99 + (-INF,), {}, Ruling.ACCEPT, ""),
        ((-INF,), {}, Ruling.REJECT, "mean"),
        ((-0.1, -0.1, -4.0), {"min_mean": -2.0, "min_token": -3.0}, Ruling.REJECT, "token"),
        ((-0.1, -0.1, -2.9), {"min_mean": -2.0, "min_token": -3.0}, Ruling.ACCEPT, ""),
        ((-1.0,), {"min_mean": -5.0, "max_perplexity": 2.7}, Ruling.REJECT, "perplexity"),
        ((-1.0,), {"min_mean": -5.0, "max_perplexity": 2.8}, Ruling.ACCEPT, ""),
        ((-8.0,), {"min_mean": -INF}, Ruling.ACCEPT, ""),
    ],
)
def test_improbable_answers_are_rejected(logprobs, more, ruling, reason):
    verdict = judge(logprobs, **more)
    assert (verdict.ruling, verdict.reason) == (ruling, reason)


def test_one_bad_token_among_tens_of_thousands_is_found():
    many = [-0.1] * 50_000
    many[33_333] = -7.5
    assert judge(many, min_token=-7.0).reason == "token"
    assert judge(many).ruling is Ruling.ACCEPT


def test_how_bad_is_one_minus_the_mean_probability():
    assert judge((-0.2, -0.4)).p_bad == pytest.approx(1 - math.exp(-0.3))


@given(st.lists(st.floats(), min_size=1, max_size=50), st.floats(0, 5))
def test_a_lower_mean_is_never_less_bad(logprobs, shift):
    better, worse = judge(logprobs), judge([p - shift for p in logprobs])
    assert (better.p_bad is None) == (worse.p_bad is None)
    if better.p_bad is not None:
        assert 0.0 <= better.p_bad <= worse.p_bad + 1e-9 <= 1.0 + 1e-8


def test_a_prefix_is_not_its_to_judge():
    assert not LogprobGate.judges_prefix
