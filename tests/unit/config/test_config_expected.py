"""What a configuration says of ways and what they cost, and what becomes of it."""

from __future__ import annotations

import pytest

from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError
from litellm_tiering.expecting import Weighing
from litellm_tiering.ledger.memory import MemoryLedger

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
PAIR = {"kind": "agreement", "with": "small-b"}


def loaded(**cascade):
    return from_mapping({"tiers": TIERS, "store": {"url": "memory://"}, "cascade": cascade})


def settings(**cascade):
    return build(loaded(**cascade).config)


def test_the_fixed_rules_hold_where_nothing_is_said():
    assert settings().cascade.weighing is None
    assert engine_of(settings(), MemoryLedger()).expecting is None


def test_all_that_can_be_said():
    found = settings(
        strategy="expected", latency_usd_per_s=0.001, probe_share=0.1, stream="buffer", gates=[PAIR]
    ).cascade
    assert found.weighing == Weighing(1e6, 0.1, "buffer", found.agreement)


def test_what_is_expected_takes_the_place_of_the_bypass():
    engine = engine_of(settings(strategy="expected"), MemoryLedger())
    assert engine.expecting is not None
    assert engine.watch._above == 1.0
    assert engine_of(settings(), MemoryLedger()).watch._above == 0.40


def test_without_a_cascade_nothing_is_expected():
    config = from_mapping({"tiers": TIERS, "store": {"url": "memory://"}, "cascade": False}).config
    assert engine_of(build(config), MemoryLedger()).expecting is None


def test_it_names_another_policy():
    assert settings().policy_hash != settings(strategy="expected").policy_hash


@pytest.mark.parametrize(
    ("cascade", "place", "told"),
    [
        ({"strategy": "expected", "bypass_above": 0.3}, "bypass_above", "`strategy: expected`"),
        ({"latency_usd_per_s": 0.01}, "latency_usd_per_s", "`strategy: rules`"),
        ({"strategy": "expected", "max_escalations": 0}, "strategy", "nothing to weigh"),
    ],
)
def test_what_has_no_effect_is_told(cascade, place, told):
    found = [w for w in loaded(**cascade).warnings if w.path == f"tiering.cascade.{place}"]
    assert len(found) == 1
    assert told in str(found[0])


@pytest.mark.parametrize(
    "cascade",
    [
        {},
        {"strategy": "rules", "bypass_above": 0.3},
        {"strategy": "expected"},
        {"strategy": "expected", "bypass_above": 0.4},
        {"strategy": "expected", "latency_usd_per_s": 0.01},
        {"latency_usd_per_s": 0.0},
    ],
)
def test_what_has_an_effect_or_changes_nothing_is_not(cascade):
    assert loaded(**cascade).warnings == ()


def test_nothing_is_expected_where_nothing_is_ever_escalated():
    assert settings(strategy="expected", max_escalations=0).cascade.weighing is None


@pytest.mark.parametrize(
    ("cascade", "place"),
    [
        ({"strategy": "cheapest"}, "strategy"),
        ({"strategy": True}, "strategy"),
        ({"latency_usd_per_s": -0.1}, "latency_usd_per_s"),
        ({"latency_usd_per_s": "a lot"}, "latency_usd_per_s"),
        ({"latency_usd_per_s": float("nan")}, "latency_usd_per_s"),
        ({"latency_usd_per_s": 1e9}, "latency_usd_per_s"),
    ],
)
def test_what_is_no_value_is_refused_by_its_place(cascade, place):
    with pytest.raises(ConfigError) as found:
        loaded(**cascade)
    assert f"tiering.cascade.{place}" in str(found.value)
