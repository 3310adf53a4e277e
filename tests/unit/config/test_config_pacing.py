from __future__ import annotations

import pytest

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.budget import Downgrade, Pacing
from litellm_tiering.errors import ConfigError

PROXY = None
TIERS = [{"name": n, "model": f"m-{n}"} for n in ("simple", "moderate", "complex")]


def section(*, store=None, **budget):
    made = {"tiers": TIERS, "budgets": [{"scope": "global", "limit_usd": 5, **budget}]}
    return {**made, "store": store} if store else made


def problems(made):
    """What is wrong with a section, or odd about it, line by line."""
    try:
        loaded = from_mapping(made, proxy=PROXY)
    except ConfigError as error:
        return [f"{p.path}: {p.message} | {p.fix}" for p in error.problems]
    return [f"{p.path}: {p.message} | {p.fix}" for p in loaded.warnings]


@pytest.mark.parametrize("pacing", ["off", "linear", "learned"])
def test_pacing_is_what_is_written(pacing):
    (budget,) = build(from_mapping(section(pacing=pacing)).config).budgets
    assert budget.pacing is Pacing(pacing)
    assert budget.paced == (pacing != "off")
    assert not budget.by_value


def test_value_has_the_default_thresholds():
    (budget,) = build(from_mapping(section(downgrade="value")).config).budgets
    assert budget.by_value
    assert budget.downgrade == (Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0))


NONSENSE = {
    "no-limit": (section(limit_usd=None, pacing="linear"), "`pacing` has nothing to act on"),
    "value-no-limit": (section(limit_usd=None, downgrade="value"), "`downgrade` has nothing to act on"),
    "no-steps": (section(downgrade=[], pacing="linear"), "has no step to take"),
    "hour": (section(window="hour", pacing="learned"), "write `pacing: linear`"),
    "nothing-kept": (section(pacing="learned", store={"retention_days": 2}), "keep 3 days or more"),
}


@pytest.mark.parametrize(("made", "words"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_explained(made, words):
    assert any(words in line for line in problems(made)), problems(made)


SENSE = [
    section(pacing="linear", window="hour"),
    section(pacing="learned", downgrade="value"),
    section(limit_usd=None, pacing="off"),
    section(pacing="learned", window="month", store={"retention_days": 3}),
]


@pytest.mark.parametrize("made", SENSE)
def test_sense_passes(made):
    assert problems(made) == []
