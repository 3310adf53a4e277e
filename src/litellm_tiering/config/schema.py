"""The ``tiering:`` section, whole: every key, its type, its default and what it means.

Only what one value can be judged by is judged here; what depends on another key is judged in
:mod:`litellm_tiering.config.sense`, so that everything wrong can be told at once.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from litellm_tiering.config.base import OFF_IS_A_WORD, Name, Section, Share, Text, Whole
from litellm_tiering.config.schema_budgets import BudgetSection  # noqa: TC001 - pydantic reads it
from litellm_tiering.config.schema_classifiers import AnyClassifier  # noqa: TC001 - pydantic reads it
from litellm_tiering.config.schema_events import EventsSection
from litellm_tiering.config.schema_experiment import ExperimentSection
from litellm_tiering.config.schema_policy import Cascade, Requirements  # noqa: TC001 - pydantic reads it


class TierSection(Section):
    """One rung of the ladder."""

    name: Name = Field(description="What the tier is called here, in headers and in metrics.")
    model: Text = Field(description="The model group of this proxy that serves it.")


class ConversationSection(Section):
    """Whether the conversations of a route keep the tier they have reached."""

    keep: bool = Field(
        default=True,
        description="Whether a conversation never goes below the tier it has reached, the budget apart. "
        "Only on routes that classify.",
    )
    ttl_s: Whole = Field(
        default=3600, ge=60, le=604_800, description="For how long after its latest turn, in seconds."
    )


class RouteSection(Section):
    """How requests for some model names are treated."""

    name: Name = Field(description="What the route is called in records and budgets.")
    models: tuple[Text, ...] = Field(
        description="The requested names it serves, globs; the first route that matches wins."
    )
    classify: bool = Field(
        default=True,
        description="Whether the tier follows from the request; else the client's choice stands.",
    )
    cascade: bool | None = Field(
        default=None, description="Whether answers are gated and escalated; as `classify` when absent."
    )
    tier: Name | None = Field(default=None, description="The tier of a route that does not classify.")
    default_tier: Name | None = Field(
        default=None, description="The tier when every classifier abstains; the middle one when absent."
    )
    latency: Literal["interactive", "batch"] = Field(
        default="interactive", description="Whether somebody waits for the answer; bounds a cascade."
    )
    deadline_ms: Whole | None = Field(
        default=None,
        ge=1,
        description="How long all attempts of a cascade may take, in milliseconds; when absent 60,000 for "
        "`interactive` and 600,000 for `batch`.",
    )
    client_tier: tuple[Literal["lower", "floor"], ...] = Field(
        default=("lower",),
        description="What the header `x-tiering-tier` may do: lower the tier, set a floor.",
    )
    conversation: ConversationSection = Field(
        default=ConversationSection.model_construct(),
        description="Whether a conversation keeps its tier and goes up only, and for how long.",
    )
    mode: Annotated[Literal["enforce", "shadow", "off"], OFF_IS_A_WORD] = Field(
        default="enforce",
        description="Shadow decides and records on this route, and changes nothing; `off` leaves its "
        "requests alone. `litellm-tiering switch` overrides it without a restart.",
    )


class StoreSection(Section):
    """Where spend is counted."""

    url: Text = Field(
        default="sqlite:///tiering.db",
        repr=False,
        description="`memory://`, `sqlite:///PATH`, `redis[s]://…`, `redis+sentinel://HOST,HOST/SERVICE` or "
        "`redis[s]+cluster://…`; several machines need Redis, several workers of one machine SQLite.",
    )
    on_error: Literal["open", "cheap", "closed"] = Field(
        default="open",
        description="What a request does while the store is away: go on, go on with the cheapest tier, or "
        "stop (503).",
    )
    spool: Annotated[Text, OFF_IS_A_WORD] = Field(
        default="tiering-spool.db",
        description="The file on this machine that keeps what is owed to the store while it is away; `off` "
        "keeps it in memory only, where it is lost with the process.",
    )
    retention_days: Whole = Field(
        default=35, ge=1, le=3660, description="How long counters are kept after their window, in days."
    )
    decisions: Whole = Field(
        default=100_000,
        ge=0,
        le=10_000_000,
        description="How many decisions are kept for all workers to see, without prompts or answers, and no "
        "longer than `retention_days`; up to 1 kB each. With 0 each worker remembers its latest only.",
    )


class NeverSection(Section):
    """Whose requests are never kept. Every entry is a glob."""

    teams: tuple[Text, ...] = Field(default=(), description="Teams, by id or alias.")
    key_aliases: tuple[Text, ...] = Field(default=(), description="Keys, by alias.")
    tags: tuple[Text, ...] = Field(
        default=(), description="Tags of keys and teams; a tag that a request brings along does not count."
    )


class CaptureSection(Section):
    """Prompts and answers kept for training and evaluation; opt-in."""

    share: Share = Field(
        default=0.0,
        description="The share of requests whose text is kept, by a stable hash of the decision's id; with 0 "
        "none is.",
    )
    path: Text = Field(
        default="capture.jsonl",
        description="The file they are written to, which only its owner may read; relative to the directory "
        "the proxy runs in. Several workers of one machine may share it.",
    )
    max_mb: Whole = Field(
        default=256,
        ge=4,
        le=1_000_000,
        description="How many millions of bytes are kept at most; older lines, in the file of that name with "
        "`.1` behind it, go first.",
    )
    never: NeverSection = Field(
        default=NeverSection.model_construct(),
        description="Whose requests are never kept. Nor are those that say `no-log: true`, or whose messages "
        "LiteLLM is told not to log.",
    )


class TieringSection(Section):
    """The `tiering:` section of a LiteLLM proxy's `config.yaml`, or the whole of a file of its own."""

    mode: Annotated[Literal["enforce", "shadow", "off"], OFF_IS_A_WORD] = Field(
        default="enforce",
        description="Whether decisions take effect; shadow decides and records, and changes nothing.",
    )
    timezone: Text = Field(
        default="UTC",
        description="Whose wall clock rules follow, and budgets that name no timezone; an IANA name.",
    )
    tiers: tuple[TierSection, ...] = Field(
        default=(),
        description="The ladder, cheapest first: two tiers or more. The one section there must be.",
        json_schema_extra={"required": True},  # told by a judge, so that the rest is judged beside it
    )
    routes: tuple[RouteSection, ...] | None = Field(
        default=None,
        description="Which requested names are routed, and how. When absent: `auto` is classified, a tier's "
        "own group stays as asked, everything else is left alone.",
    )
    classifiers: tuple[AnyClassifier, ...] | None = Field(
        default=None,
        description="Asked in order; the first that is sure enough decides. The heuristic when absent.",
    )
    requirements: Requirements = Field(
        default="auto",
        description="Whether requests leave a tier that cannot serve them: by LiteLLM's model map (`auto`), "
        "not at all (`off`), or by the model map with what is listed here per tier.",
    )
    cascade: Cascade | None = Field(
        default=None, description="How answers are gated and escalated; `false` turns it off for every route."
    )
    budgets: tuple[BudgetSection, ...] = Field(
        default=(), description="What is limited. All spend is counted, limited or not."
    )
    store: StoreSection = Field(default=StoreSection.model_construct(), description="Where spend is counted.")
    events: EventsSection = Field(
        default=EventsSection.model_construct(),
        description="Who is told of thresholds, ceilings, outages and forecasts.",
    )
    experiment: ExperimentSection = Field(
        default=ExperimentSection.model_construct(),
        description="A randomised hold-out, to measure what routing saves; and policies compared.",
    )
    capture: CaptureSection = Field(
        default=CaptureSection.model_construct(),
        description="Prompts and answers kept for training and evaluation.",
    )
