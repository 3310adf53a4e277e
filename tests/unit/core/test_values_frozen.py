"""What flows through a decision cannot be changed on its way."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest

import litellm_tiering.core

OPEN = {"Aside", "Debts"}
"""Accounts that are kept while something runs, and end up in a value."""

MODULES = [m.name for m in pkgutil.iter_modules(litellm_tiering.core.__path__, "litellm_tiering.core.")]


@pytest.mark.parametrize("name", MODULES, ids=lambda n: n.rpartition(".")[2])
def test_every_value_of_the_core_is_frozen_and_has_no_room_for_more(name):
    module = importlib.import_module(name)
    kinds = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == name]
    values = [v for v in kinds if dataclasses.is_dataclass(v)]
    assert {v.__name__ for v in values if not v.__dataclass_params__.frozen} <= OPEN
    assert [v.__name__ for v in values if "__slots__" not in vars(v)] == []
