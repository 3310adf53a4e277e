"""The ``classifiers:`` section: who says which tier a request belongs to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from litellm_tiering.config.base import Name, Number, Section, Share, Text, Whole
from litellm_tiering.config.schema_when import WhenSection

Line = Annotated[str, Field(min_length=1, max_length=500)]
"""A sentence or two."""


class ClassifierSection(Section):
    """What every classifier has."""

    mode: Literal["enforce", "shadow"] = Field(
        default="enforce",
        description="`shadow`: it is asked where it would be, in the background, and recorded; the next one "
        "decides as if it were not there.",
    )


class RuleSection(Section):
    """One rule: what it asks for, and the tier it chooses or the bounds it sets."""

    name: Name = Field(description="What the rule is called in `x-tiering-reason` and records.")
    when: WhenSection = Field(
        default=WhenSection.model_construct(), description="What must hold for the rule to apply; all of it."
    )
    tier: Name | None = Field(default=None, description="The tier it chooses.")
    min_tier: Name | None = Field(default=None, description="The lowest tier it allows.")
    max_tier: Name | None = Field(
        default=None, description="The highest tier it allows; a floor wins over it."
    )


class RulesClassifier(ClassifierSection):
    """Your own rules, in order: the first that chooses a tier decides, and the bounds of all apply."""

    kind: Literal["rules"]
    rules: tuple[RuleSection, ...] = Field(description="The rules, in order.")


class HeuristicClassifier(ClassifierSection):
    """Counts and cues in the question, weighed by fixed weights; needs nothing to be trained."""

    kind: Literal["heuristic"]
    thresholds: dict[Name, Number] | None = Field(
        default=None,
        description="The score from which each tier is chosen, the cheapest left out; its own when absent.",
    )
    abstain_below: Share = Field(
        default=0.0, description="The confidence below which it leaves the decision to the next."
    )


class LearnedClassifier(ClassifierSection):
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


class EmbeddingClassifier(ClassifierSection):
    """What the request is like: your examples of each tier, or a head that was trained on your outcomes."""

    kind: Literal["embedding"]
    model: Text | None = Field(
        default=None, description="A model group of this proxy that embeds; the local model when absent."
    )
    examples: dict[Name, tuple[Line, ...]] | None = Field(
        default=None, description="Prompts that belong to a tier, by its name; at most 300 in all."
    )
    path: Text | None = Field(
        default=None, description="A YAML or JSON file of examples instead, a list for each tier."
    )
    head: Text | None = Field(
        default=None,
        description="The file that `litellm-tiering train --embedding` wrote, instead of examples.",
    )
    neighbours: Whole | None = Field(
        default=None,
        ge=1,
        le=50,
        description="How many of the nearest examples count; all of a tier when absent.",
    )
    bias: Number = Field(
        default=0.0, ge=-1, le=1, description="Added to the dearest tier's similarity: above 0 leans upwards."
    )
    min_similarity: Share = Field(
        default=0.0, description="A request less like every example than this is left to the next."
    )
    thresholds: dict[Name, Number] | None = Field(
        default=None,
        description="The score from which each tier but the cheapest is chosen; its own when absent.",
    )
    abstain_below: Share = Field(
        default=0.0, description="The confidence below which it leaves the decision to the next."
    )
    timeout_ms: Whole = Field(
        default=500, ge=1, le=30_000, description="How long a request waits for it, in milliseconds."
    )


class LlmClassifier(ClassifierSection):
    """A model of this proxy, asked to name the tier."""

    kind: Literal["llm"]
    model: Text = Field(description="The model group that is asked.")
    timeout_ms: Whole = Field(
        default=1500, ge=1, le=30_000, description="How long a request waits for it, in milliseconds."
    )
    tiers: dict[Name, Line] = Field(
        default_factory=dict,
        description="What each tier is for, in a sentence for the model; usual words for those left out.",
    )
    max_chars: Whole = Field(
        default=2000, ge=100, le=20_000, description="How many characters of a request it is shown."
    )
    max_tokens: Whole = Field(
        default=64, ge=8, le=4096, description="The most tokens of its answer; more for one that reasons."
    )
    cache_ttl_s: Whole = Field(
        default=3600, ge=0, le=86_400, description="For how long its answers are remembered, in seconds."
    )


class LitellmClassifier(ClassifierSection):
    """LiteLLM's own complexity scorer, as one signal; on recorded outcomes it ranks below counting words."""

    kind: Literal["litellm"]
    thresholds: dict[Name, Number] | None = Field(
        default=None,
        description="The score from which each tier but the cheapest is chosen; LiteLLM's own when absent.",
    )
    abstain_below: Share = Field(
        default=0.0, description="The confidence below which it leaves the decision to the next."
    )
    max_chars: Whole = Field(
        default=2000, ge=100, le=8000, description="How many characters of a question are scored."
    )


class CallbackClassifier(ClassifierSection):
    """A function of yours, sync or async: it returns a tier's name, a score, an Opinion, or None for none."""

    kind: Literal["callback"]
    target: Text = Field(
        description="The function, as `package.module:function`, or the name of an entry point in the group "
        "`litellm_tiering.classifiers`."
    )
    name: Name | None = Field(
        default=None, description="What it is called in records; the function's name when absent."
    )
    thresholds: dict[Name, Number] | None = Field(
        default=None,
        description="The score from which each tier but the cheapest is chosen; the heuristic's when absent.",
    )
    abstain_below: Share = Field(
        default=0.0, description="The confidence below which it leaves the decision to the next."
    )
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
