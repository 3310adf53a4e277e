from __future__ import annotations

import pytest

from litellm_tiering.classifiers.callback import CallbackClassifier
from litellm_tiering.classifiers.litellm_score import LitellmClassifier
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]


def chain(*classifiers, tiers=TIERS):
    """The classifiers that a configuration is built to."""
    found = build(from_mapping({"tiers": tiers, "classifiers": list(classifiers)}).config)
    return found.chain._classifiers


def problems(*classifiers, tiers=TIERS):
    with pytest.raises(ConfigError) as caught:
        chain(*classifiers, tiers=tiers)
    return str(caught.value)


def test_a_callback_is_built_as_it_is_written():
    (asked,) = chain(
        {
            "kind": "callback",
            "target": "json:dumps",
            "name": "mine",
            "timeout_ms": 20,
            "thresholds": {"complex": 3.5},
            "abstain_below": 0.4,
        }
    )
    assert isinstance(asked, CallbackClassifier)
    assert (asked.name, asked.thresholds, asked.abstain_below) == ("mine", (3.5,), 0.4)
    assert asked._call.limit_s == 0.02


def test_several_callbacks_may_be_asked_each_by_its_name():
    one, two = {"kind": "callback", "target": "json:dumps"}, {"kind": "callback", "target": "json:loads"}
    assert [c.name for c in chain(one, two)] == ["dumps", "loads"]
    assert [c.name for c in chain(one, {**one, "name": "again"})] == ["dumps", "again"]
    assert "a second classifier" in problems(one, one)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("no_such_module_here:f", "no module 'no_such_module_here'"),
        ("json:no_such", "has no 'no_such'"),
        ("nothing", "litellm_tiering.classifiers"),
    ],
)
def test_a_function_that_is_not_there_is_told_where_it_is_written(target, told):
    said = problems({"kind": "callback", "target": target})
    assert told in said
    assert "tiering.classifiers[0].target" in said


def test_litellms_scorer_is_built_as_it_is_written():
    (asked,) = chain({"kind": "litellm", "abstain_below": 0.3, "thresholds": {"complex": 0.2}})
    assert isinstance(asked, LitellmClassifier)
    assert (asked.thresholds, asked.abstain_below) == ((0.2,), 0.3)
    assert chain({"kind": "litellm"})[0].thresholds == (0.15,)


def test_litellms_scorer_on_a_long_ladder_needs_thresholds():
    tiers = [{"name": f"t{i}", "model": f"m{i}"} for i in range(5)]
    assert "tells 4 tiers apart" in problems({"kind": "litellm"}, tiers=tiers)
    assert len(chain({"kind": "litellm"}, tiers=tiers[:4])) == 1


@pytest.mark.parametrize("kind", [{"kind": "litellm"}, {"kind": "callback", "target": "json:dumps"}])
def test_thresholds_of_unknown_tiers_are_told(kind):
    assert "thresholds" in problems({**kind, "thresholds": {"complx": 0.2}})
