"""The ``classifiers:`` section: who says which tier a request belongs to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from litellm_tiering.config.base import Name, Number, Section, Share, Text, Whole
from litellm_tiering.config.schema_when import WhenSection


class RuleSection(Section):
    """One rule: what it asks for, and the tier it chooses or the bounds it sets."""

    name: Name = Field(description="What the rule is called in `x-tiering-reason` and records.")
    when: WhenSection = Field(
        default=WhenSection(), description="What must hold for the rule to apply; all of it."
    )
    tier: Name | None = Field(default=None, description="The tier it chooses.")
    min_tier: Name | None = Field(default=None, description="The lowest tier it allows.")
    max_tier: Name | None = Field(
        default=None, description="The highest tier it allows; a floor wins over it."
    )


class RulesClassifier(Section):
    """Your own rules, in order: the first that chooses a tier decides, and the bounds of all apply."""

    kind: Literal["rules"]
    rules: tuple[RuleSection, ...] = Field(description="The rules, in order.")


class HeuristicClassifier(Section):
    """Counts and cues in the question, weighed by fixed weights; needs nothing to be trained."""

    kind: Literal["heuristic"]
    thresholds: dict[Name, Number] | None = Field(
        default=None,
        description="The score from which each tier is chosen, the cheapest left out; its own when absent.",
    )
    abstain_below: Share = Field(
        default=0.0, description="The confidence below which it leaves the decision to the next."
    )


class LearnedClassifier(Section):
    """A model trained on your own outcomes."""

    kind: Literal["learned"]
    path: Text = Field(description="The file that `litellm-tiering train` wrote.")
    thresholds: dict[Name, Number] | None = Field(
        default=None,
        description="The score from which each tier but the cheapest is chosen; as trained when absent.",
    )
    abstain_below: Share = Field(
        default=0.6, description="The confidence below which it leaves the decision to the next."
    )


class EmbeddingClassifier(Section):
    """The nearest of your reference prompts."""

    kind: Literal["embedding"]
    path: Text = Field(description="The file of reference prompts.")
    model: Text | None = Field(default=None, description="The embedding model; a local one when absent.")
    abstain_below: Share = Field(
        default=0.6, description="The confidence below which it leaves the decision to the next."
    )


class LlmClassifier(Section):
    """A model of this proxy, asked to name the tier."""

    kind: Literal["llm"]
    model: Text = Field(description="The model group that is asked.")
    timeout_ms: Whole = Field(
        default=1500, ge=1, le=60_000, description="How long it may take, in milliseconds."
    )


class LitellmClassifier(Section):
    """LiteLLM's own complexity scorer."""

    kind: Literal["litellm"]


class CallbackClassifier(Section):
    """A function of yours."""

    kind: Literal["callback"]
    target: Text = Field(description="The function, as `package.module:function`.")
    timeout_ms: Whole = Field(
        default=50, ge=1, le=60_000, description="How long it may take, in milliseconds."
    )


AnyClassifier = Annotated[
    RulesClassifier
    | HeuristicClassifier
    | LearnedClassifier
    | EmbeddingClassifier
    | LlmClassifier
    | LitellmClassifier
    | CallbackClassifier,
    Field(discriminator="kind"),
]
