"""The ``budgets:`` section: whose spend is limited, and what happens on the way to the limit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from litellm_tiering.config.base import OFF_IS_A_WORD, Name, Number, Section, Text, Whole
from litellm_tiering.core.budget import AtCeiling, Scope
from litellm_tiering.units import WindowKind


class DowngradeSection(Section):
    """From a share of the limit on, requests go to a cheaper tier. Give `steps` or `to`, not both."""

    at: Number = Field(description="The share of the limit from which it applies: above 0, at most 1.")
    steps: Whole | None = Field(default=None, ge=1, description="How many tiers down.")
    to: Name | None = Field(default=None, description="The tier that dearer requests are moved to.")


class CriticalSection(Section):
    """Whose traffic is counted but never downgraded or stopped. Every entry is a glob."""

    teams: tuple[Text, ...] = Field(default=(), description="Teams, by id or alias.")
    key_aliases: tuple[Text, ...] = Field(default=(), description="Keys, by alias.")
    tags: tuple[Text, ...] = Field(
        default=(), description="Tags of keys and teams; a tag that a request brings along does not count."
    )


def _downgrade_form(value: object) -> str:
    return "~word" if isinstance(value, str) else "~list"


DowngradePlan = Annotated[
    Annotated[Literal["value"], Tag("~word")] | Annotated[tuple[DowngradeSection, ...], Tag("~list")],
    Discriminator(_downgrade_form),
]
"""A list of thresholds, or the word ``value``: spend what is left where it buys most."""


class BudgetSection(Section):
    """One budget. Every id that `match` covers has a budget of its own."""

    scope: Scope = Field(default=Scope.GLOBAL, description="Whose spend is counted.")
    mode: Literal["enforce", "shadow"] = Field(
        default="enforce",
        description="`shadow`: it counts, and records what it would have done; it moves and stops nothing.",
    )
    match: Text = Field(default="*", description="Which ids of that scope, a glob; `global` takes only `*`.")
    limit_usd: Number | None = Field(
        default=None,
        description="What a window may cost, in US dollars, below 9 million; absent: counted, not limited.",
    )
    window: WindowKind = Field(default=WindowKind.DAY, description="How long it lasts, by the calendar.")
    timezone: Text | None = Field(
        default=None,
        description="Whose calendar, an IANA name such as `Europe/Berlin`; `tiering.timezone` when absent.",
    )
    downgrade: DowngradePlan | None = Field(
        default=None,
        description="Thresholds in ascending order; `[]` for none. When absent: one step down from 80 % of "
        "the limit, the cheapest tier from 95 %. `value`: the same thresholds and the same money, but spent "
        "where it buys most.",
    )
    pacing: Annotated[Literal["off", "linear", "learned"], OFF_IS_A_WORD] = Field(
        default="off",
        description="Whether to act on the forecast rather than only on what is spent: `linear` takes money "
        "to go evenly, `learned` as it went in the last days.",
    )
    at_ceiling: AtCeiling = Field(
        default=AtCeiling.CHEAPEST,
        description="At the limit: go on with the cheapest tier, or block (429 with `retry-after`).",
    )
    critical: CriticalSection = Field(
        default=CriticalSection.model_construct(),
        description="Whose traffic is counted but never downgraded or stopped.",
    )
