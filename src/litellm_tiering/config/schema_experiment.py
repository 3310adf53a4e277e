"""The ``experiment:`` section: who is held out, who follows another policy, and what downgrades cost."""

from __future__ import annotations

from pydantic import Field

from litellm_tiering.config.base import Name, Section, Share, Text
from litellm_tiering.config.schema_classifiers import AnyClassifier  # noqa: TC001 - pydantic reads it
from litellm_tiering.config.schema_debt import DebtSection  # noqa: TC001 - pydantic reads it
from litellm_tiering.config.schema_policy import Cascade, Requirements  # noqa: TC001 - pydantic reads it


class ArmSection(Section):
    """A policy for a share of the callers: what it says otherwise than the keys of that name do for all."""

    name: Name = Field(description="What the arm is called in records and reports.")
    share: Share = Field(
        description="The share of callers that follow it, by a stable hash that differs from the hold-out's. "
        "Those that no arm has a share of follow the policy as it is written for all, called `base`."
    )
    classifiers: tuple[AnyClassifier, ...] | None = Field(
        default=None, description="Asked in place of `tiering.classifiers`; the same ones when absent."
    )
    requirements: Requirements | None = Field(
        default=None, description="As `tiering.requirements`; what it says of a tier goes before that."
    )
    cascade: Cascade | None = Field(
        default=None,
        description="As `tiering.cascade`; the keys written here go before those; the others are as there.",
    )


class ExperimentSection(Section):
    """A randomised hold-out, to measure what routing saves; policies compared; and what downgrades cost."""

    holdout: Share = Field(
        default=0.0,
        description="The share of callers, by a stable hash, that always get the dearest tier on the routes "
        "that classify. A caller is a key, else a user, else a team; never the end user of a body.",
    )
    salt: Text | None = Field(
        default=None, repr=False, description="Any text: another one draws other callers."
    )
    arms: tuple[ArmSection, ...] = Field(
        default=(),
        description="Policies that are compared on live traffic, at most four. A caller is in one of them "
        "for good; whoever is held out is in none.",
    )
    debt: DebtSection | None = Field(
        default=None,
        description="Whether some of what a budget moves down is asked of the better tier as well, after the "
        "client has its answer, to see what the downgrade cost in quality. Absent: not.",
    )
