from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.config.schema import TieringSection
from litellm_tiering.config.schema_budgets import BudgetSection
from litellm_tiering.config.source import parse
from litellm_tiering.config.translate import keys_of
from litellm_tiering.errors import ConfigError

TIERS = [{"name": "a", "model": "x"}, {"name": "b", "model": "y"}, {"name": "c", "model": "z"}]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**4000)])
    | st.floats()
    | st.text(max_size=20)
    | st.characters(categories=["Cs"])
    | st.binary(max_size=5)
    | st.just(dt.date(2026, 1, 1))
    | st.sampled_from(
        ["auto", "off", "value", "*", "redis://x:y@h", "redis://[", "sqlite:///", "rules", "a", "../UTC"]
    )
)
KEYS = sorted(
    {*keys_of([TieringSection, BudgetSection]), "kind", "rules", "name", "models", "when", "at", "to", "url"}
)
keys = st.sampled_from(KEYS) | scalars
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)
thresholds = st.lists(
    st.fixed_dictionaries(
        {"at": st.sampled_from([0.2, 0.4, 0.6, 0.8, 1])},
        optional={"steps": st.integers(1, 3), "to": st.sampled_from("abc")},
    ),
    max_size=4,
)


def read(section):
    """The configuration, or the error that is raised for a wrong one."""
    try:
        return from_mapping(section, file="f").config
    except ConfigError as error:
        refusal = error
    assert refusal.problems
    assert all(p.path and p.message for p in refusal.problems)
    assert str(refusal).replace("\n", " ").isprintable()
    return refusal


@given(trees)
def test_any_value_is_read_or_refused(section):
    read(section)


@given(st.dictionaries(st.sampled_from(KEYS), trees, max_size=4))
def test_any_keys_beside_a_sound_ladder_are_built_or_refused(keys):
    config = read({**keys, "tiers": TIERS})
    if isinstance(config, TieringSection):
        assert build(config).policy_hash


@given(st.text() | st.binary())
def test_any_text_is_yaml_or_refused(text):
    try:
        found = parse(text, "f").file
    except ConfigError as error:
        found = error.problems[0].file
    assert found.split(":")[0] == "f"


@given(thresholds, st.floats(0, 2), st.floats(0, 2))
def test_more_spend_never_raises_a_tier_under_accepted_thresholds(plan, one, other):
    config = read({"tiers": TIERS, "budgets": [{"limit_usd": 1, "downgrade": plan}]})
    if isinstance(config, ConfigError):
        return
    (budget,) = build(config).budgets
    low, high = sorted((one, other))

    def rank(ratio, asked):
        # The last threshold that is reached holds, as an owner would read the list.
        reached = [d for d in budget.downgrade if ratio >= d.at]
        return reached[-1].target(asked) if reached else asked

    assert all(rank(high, asked) <= rank(low, asked) for asked in range(3))
