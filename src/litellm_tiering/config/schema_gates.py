"""The ``cascade:`` section: how an answer is checked before it is served, and when to try a stronger tier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from litellm_tiering.config.base import OFF_IS_A_WORD, Number, Section, Share, Text, Whole

MAX_DEPTH = 4
"""How deep gates may be combined: a gate in a combinator's list is one deeper than the combinator."""

MAX_GATES = 64
"""The most gates there may be in all, combinators and the gates in them counted alike."""

GateName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.\-]+$")]
"""What a gate is called in headers and metric labels: short and plain."""


class NamedGate(Section):
    """What every gate is called."""

    name: GateName | None = Field(
        default=None, description="What it is called in headers, records and metrics; its kind when absent."
    )


class GateSection(NamedGate):
    """What every gate has."""

    mode: Literal["enforce", "shadow"] = Field(
        default="enforce",
        description="`shadow`: it judges the answer that is served, in the background, and is recorded; it "
        "rejects nothing. Of a combination as a whole, not of a gate in it.",
    )


class NotEmptyGate(GateSection):
    """Rejects an answer without text and without tool calls."""

    kind: Literal["not_empty"]


class MinLengthGate(GateSection):
    """Rejects an answer shorter than so many characters."""

    kind: Literal["min_length"]
    chars: Whole = Field(default=1, ge=1, description="The fewest characters of an acceptable answer.")


class MaxLengthGate(GateSection):
    """Rejects an answer longer than so many characters."""

    kind: Literal["max_length"]
    chars: Whole = Field(ge=1, description="The most characters of an acceptable answer.")


class FinishedGate(GateSection):
    """Rejects an answer that was cut off (`finish_reason` length or content_filter)."""

    kind: Literal["finished"]


class RefusalGate(GateSection):
    """Rejects an answer that declines to answer."""

    kind: Literal["refusal"]


class JsonSchemaGate(NamedGate):
    """Rejects structured answers and tool-call arguments that do not fit their schema."""

    kind: Literal["json_schema"]
    strict: bool = Field(
        default=False,
        description="Whether nothing is forgiven. Otherwise what most readers of such answers mend "
        "themselves is, such as a code fence around the JSON.",
    )
    mode: Literal["enforce", "shadow", "lenient", "strict"] = Field(
        default="enforce",
        description="`shadow`, as of any gate; `lenient` and `strict` are an earlier way to write `strict`.",
    )

    @property
    def forgives(self) -> bool:
        """Whether it is lenient."""
        return not self.strict and self.mode != "strict"


class ConfidenceGate(GateSection):
    """Rejects a structured answer that reports too little confidence in itself."""

    kind: Literal["confidence"]
    path: Text = Field(
        default="confidence", description="Where the answer holds its confidence, dots between keys."
    )
    min: Share = Field(default=0.8, description="The least confidence that is accepted.")


LogProbability = Annotated[Number, Field(le=0)]
"""The natural logarithm of a probability."""


class LogprobGate(GateSection):
    """Rejects an answer whose tokens were improbable, where the provider gives log-probabilities."""

    kind: Literal["logprob"]
    min_mean: LogProbability | None = Field(
        default=-1.0,
        description="The least mean log-probability per token (natural log); `null` for no such bound.",
    )
    min_token: LogProbability | None = Field(
        default=None, description="The least log-probability of any one token (natural log)."
    )
    max_perplexity: Annotated[Number, Field(gt=1)] | None = Field(
        default=None, description="The highest perplexity, which is e to the power of minus the mean."
    )


class ConstraintsGate(GateSection):
    """Rejects an answer that breaks an instruction a program can check: length, bullets, case, format."""

    kind: Literal["constraints"]


class ArithmeticGate(GateSection):
    """Rejects an answer that says "a op b = c" where that is wrong."""

    kind: Literal["arithmetic"]


class AcceptableGate(GateSection):
    """Asks a small learned classifier whether the answer is good enough."""

    kind: Literal["acceptable"]
    path: Text | None = Field(
        default=None, description="The trained gate's file; the built-in one when absent."
    )
    min: Share = Field(default=0.5, description="The least probability of being good that is accepted.")


class AgreementGate(GateSection):
    """Asks a second cheap model, or the same one again, in parallel and rejects where the answers differ."""

    kind: Literal["agreement"]
    with_: Text | None = Field(
        default=None,
        alias="with",
        description="The model group that is asked as well, best of another family than the tier's own.",
    )
    samples: Whole | None = Field(
        default=None,
        ge=2,
        le=5,
        description="In place of `with`: how many answers the tier's own model gives in all.",
    )
    on: Literal["auto", "always", "tools", "json", "choice", "number", "label"] = Field(
        default="auto",
        description="What is compared: `auto` asks twice only where a request will have an answer of one of "
        "the forms (tool calls, JSON fields, a choice's letter, a final number, a label); `always` asks "
        'twice whatever the request; or one form. Quote the key: YAML reads a bare on as "true".',
    )
    at: Text | tuple[Text, ...] | None = Field(
        default=None,
        description="The tier, or tiers, at which requests that start there are asked twice; the cheapest "
        "one when absent.",
    )
    quorum: Whole | None = Field(
        default=None,
        ge=2,
        le=5,
        description="How many answers must agree, the tier's own included; more than half when absent.",
    )
    serve: Literal["tier", "with"] = Field(
        default="tier",
        description="Whose answer is served where both agree: the tier's own, or the second model's (of a "
        "stream always the tier's own).",
    )
    timeout_ms: Whole = Field(
        default=30_000,
        ge=1,
        le=600_000,
        description="How long the second answer may take, in milliseconds; one that is late has no vote.",
    )


class CallbackGate(GateSection):
    """Asks a function of yours; several callbacks need a `name` each."""

    kind: Literal["callback"]
    target: Text = Field(
        description="The function, as `package.module:function`, or the name of an entry point in the group "
        "`litellm_tiering.gates`."
    )
    timeout_ms: Whole = Field(
        default=50, ge=1, le=60_000, description="How long it may take, in milliseconds."
    )
    on_error: Literal["accept", "reject"] = Field(
        default="accept", description="What a fault or a timeout counts as."
    )


class RepetitionGate(GateSection):
    """Rejects an answer that repeats itself over and over."""

    kind: Literal["repetition"]


class UnbalancedGate(GateSection):
    """Rejects an answer with a code fence or bracket left open."""

    kind: Literal["unbalanced"]


class LanguageGate(GateSection):
    """Rejects an answer in another language than the question's."""

    kind: Literal["language"]


class AllGate(GateSection):
    """Accepts an answer that all of its gates accept: a group of gates with one name."""

    kind: Literal["all"]
    gates: tuple[AnyGate, ...] = Field(description="The gates, in order.")


class AnyOfGate(GateSection):
    """Accepts an answer that any one of its gates accepts."""

    kind: Literal["any"]
    gates: tuple[AnyGate, ...] = Field(description="The gates, in order.")


class WeightedEntry(Section):
    """One gate of a weighted vote."""

    weight: Annotated[Number, Field(gt=0, le=1000)] = Field(
        default=1.0, description="How much its word counts, beside the other weights."
    )
    gate: AnyGate = Field(description="The gate.")


class WeightedGate(GateSection):
    """Rejects by the weighted mean of how bad its gates find the answer; one that abstains has no vote."""

    kind: Literal["weighted"]
    threshold: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.5, description="The mean from which the answer is rejected; a plain rejection is a 1."
    )
    gates: tuple[WeightedEntry, ...] = Field(
        description="The votes, such as `{weight: 2, gate: {kind: refusal}}`."
    )


AnyGate = Annotated[
    NotEmptyGate
    | MinLengthGate
    | MaxLengthGate
    | FinishedGate
    | RefusalGate
    | JsonSchemaGate
    | ConfidenceGate
    | LogprobGate
    | ConstraintsGate
    | ArithmeticGate
    | AcceptableGate
    | AgreementGate
    | CallbackGate
    | RepetitionGate
    | UnbalancedGate
    | LanguageGate
    | AllGate
    | AnyOfGate
    | WeightedGate,
    Field(discriminator="kind"),
]


class CascadeSection(Section):
    """How answers are gated and escalated."""

    max_escalations: Whole = Field(default=1, ge=0, le=8, description="How many stronger tiers may be tried.")
    stream: Annotated[Literal["off", "prefix", "buffer"], OFF_IS_A_WORD] = Field(
        default="prefix",
        description="How much of a streamed answer is held back for the gates: nothing (`off`: it is not "
        "checked), its beginning (`prefix`), or all of it (`buffer`).",
    )
    prefix_chars: Whole = Field(
        default=160, ge=1, le=100_000, description="How many characters of a stream `prefix` holds at most."
    )
    prefix_ms: Whole = Field(
        default=2000,
        ge=1,
        le=600_000,
        description="For how long after its first piece `prefix` holds a stream at most, in milliseconds.",
    )
    bypass_above: Share = Field(
        default=0.40,
        gt=0,
        description="The escalation rate above which a segment starts one tier higher; 1.0 for never. Only "
        "under `strategy: rules`.",
    )
    probe_share: Share = Field(
        default=0.05,
        description="The share of a bypassed segment's requests that still try the lower tier, to see "
        "whether it serves again; under `strategy: expected` of those that would leave the fixed rules' way.",
    )
    strategy: Literal["rules", "expected"] = Field(
        default="rules",
        description="Which way a request goes: always as the other keys say (`rules`), or, once enough "
        "answers have been judged, that which is expected to cost least (`expected`): the tier with its "
        "gates, two models there where `agreement` is a gate, or straight to the next tier.",
    )
    latency_usd_per_s: Number = Field(
        default=0.0,
        ge=0,
        le=1_000,
        description="What a second of waiting counts for beside money, in dollars. Only under `strategy: "
        "expected`.",
    )
    gates: tuple[AnyGate, ...] | None = Field(
        default=None,
        description="What checks an answer, in order; not_empty, finished, refusal, json_schema when absent.",
    )
    escalates: Share | None = Field(
        default=None,
        description="The share of requests that tuning expects to ask more than one tier. An alarm tells "
        "when live traffic is far from it; not watched when absent.",
    )
