"""The quality debt of downgrades: how much of what money moves down is asked of the better tier as well."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from litellm_tiering.config.base import Number, Section, Share, Text
from litellm_tiering.units import WindowKind


class NeverTwiceSection(Section):
    """Whose requests are never asked twice. Every entry is a glob."""

    teams: tuple[Text, ...] = Field(default=(), description="Teams, by id or alias.")
    key_aliases: tuple[Text, ...] = Field(default=(), description="Keys, by alias.")
    tags: tuple[Text, ...] = Field(
        default=(), description="Tags of keys and teams; a tag that a request brings along does not count."
    )


class DebtSection(Section):
    """Some requests that a budget moves down, asked of the better tier as well; nobody is served that."""

    share: Share = Field(
        default=0.02,
        description="The share of requests moved down by a budget that are asked of the better tier as well, "
        "by a stable hash of the decision's id; with 0 none is.",
    )
    limit_usd: Annotated[Number, Field(gt=0, le=1_000_000)] = Field(
        default=1.0,
        description="What these calls may cost in a window, of all workers together: a budget of its own, "
        "which is never passed. They count in the global budget too, and in no other.",
    )
    window: WindowKind = Field(
        default=WindowKind.DAY, description="How long a window lasts, by the calendar of `timezone`."
    )
    never: NeverTwiceSection = Field(
        default=NeverTwiceSection.model_construct(),
        description="Whose requests are never asked twice, beside those of `capture.never`. Nor are those "
        "that say `no-log: true`, or that tell LiteLLM to log no messages.",
    )
