from __future__ import annotations

import pytest

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.budget import Critical
from litellm_tiering.debt import DebtSettings
from litellm_tiering.errors import ConfigError
from litellm_tiering.units import WindowKind, nano_usd

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
LIMITED = [{"scope": "global", "limit_usd": 5}]


def loaded(debt, **more):
    section = {"tiers": TIERS, "budgets": LIMITED, "experiment": {"debt": debt}, **more}
    return from_mapping(section)


def test_it_is_off_unless_it_is_written():
    assert build(from_mapping({"tiers": TIERS}).config).debt is None
    assert build(loaded(None).config).debt is None
    assert build(loaded({"share": 0}).config).debt is None


def test_written_without_more_it_asks_for_little():
    never = (Critical(), Critical())
    found = build(loaded({}, timezone="Europe/Berlin").config).debt
    assert found == DebtSettings(0.02, nano_usd(1), WindowKind.DAY, "Europe/Berlin", never)


def test_who_is_never_captured_is_never_asked_twice():
    debt = {"share": 0.5, "limit_usd": 0.25, "window": "month", "never": {"tags": ["gold"]}}
    found = build(loaded(debt, capture={"never": {"teams": ["red"]}}).config).debt
    assert found.never == (Critical(tags=("gold",)), Critical(teams=("red",)))
    assert (found.share, found.limit, found.window) == (0.5, 250_000_000, WindowKind.MONTH)


@pytest.mark.parametrize(
    ("debt", "place"),
    [
        ({"share": 2}, "share"),
        ({"share": True}, "share"),
        ({"limit_usd": 0}, "limit_usd"),
        ({"limit_usd": -1}, "limit_usd"),
        ({"window": "fortnight"}, "window"),
        ({"limit": 1}, "limit"),
        ({"never": {"users": ["a"]}}, "never.users"),
        (True, "debt"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(debt, place):
    with pytest.raises(ConfigError) as caught:
        loaded(debt)
    assert [p.path for p in caught.value.problems] == [
        "tiering.experiment.debt" if place == "debt" else f"tiering.experiment.debt.{place}"
    ]


def test_where_no_budget_moves_anything_down_it_is_said():
    (warning,) = loaded({}, budgets=[{"scope": "global"}]).warnings
    assert warning.path == "tiering.experiment.debt"
    assert "nothing is ever moved down" in warning.message
    assert not loaded({}).warnings
    assert not loaded({"share": 0}, budgets=[]).warnings


def test_budgets_that_cannot_be_read_are_not_said_to_be_missing():
    with pytest.raises(ConfigError) as caught:
        loaded({}, budgets=[{"scope": "global", "limit_usd": "much"}])
    assert [p.path for p in caught.value.problems] == ["tiering.budgets[0].limit_usd"]
