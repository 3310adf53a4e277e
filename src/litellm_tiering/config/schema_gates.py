"""The ``cascade:`` section: how an answer is checked before it is served, and when to try a stronger tier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from litellm_tiering.config.base import OFF_IS_A_WORD, Number, Section, Share, Text, Whole


class NotEmptyGate(Section):
    """Rejects an answer without text and without tool calls."""

    kind: Literal["not_empty"]


class MinLengthGate(Section):
    """Rejects an answer shorter than so many characters."""

    kind: Literal["min_length"]
    chars: Whole = Field(default=1, ge=1, description="The fewest characters of an acceptable answer.")


class MaxLengthGate(Section):
    """Rejects an answer longer than so many characters."""

    kind: Literal["max_length"]
    chars: Whole = Field(ge=1, description="The most characters of an acceptable answer.")


class FinishedGate(Section):
    """Rejects an answer that was cut off (`finish_reason` length or content_filter)."""

    kind: Literal["finished"]


class RefusalGate(Section):
    """Rejects an answer that declines to answer."""

    kind: Literal["refusal"]


class JsonSchemaGate(Section):
    """Rejects structured answers and tool-call arguments that do not fit their schema."""

    kind: Literal["json_schema"]


class ConfidenceGate(Section):
    """Rejects a structured answer that reports too little confidence in itself."""

    kind: Literal["confidence"]
    path: Text = Field(
        default="confidence", description="Where the answer holds its confidence, dots between keys."
    )
    min: Share = Field(default=0.8, description="The least confidence that is accepted.")


class LogprobGate(Section):
    """Rejects an answer whose tokens were improbable on average."""

    kind: Literal["logprob"]
    min_mean: Number = Field(
        default=-1.0, le=0, description="The least mean log-probability per token (natural log)."
    )


class ConstraintsGate(Section):
    """Rejects an answer that breaks an instruction a program can check: length, bullets, case, format."""

    kind: Literal["constraints"]


class ArithmeticGate(Section):
    """Rejects an answer that says "a op b = c" where that is wrong."""

    kind: Literal["arithmetic"]


class AcceptableGate(Section):
    """Asks a small learned classifier whether the answer is good enough."""

    kind: Literal["acceptable"]
    path: Text | None = Field(
        default=None, description="The trained gate's file; the built-in one when absent."
    )
    min: Share = Field(default=0.5, description="The least probability of being good that is accepted.")


class AgreementGate(Section):
    """Asks a second cheap model in parallel and rejects where the two differ."""

    kind: Literal["agreement"]
    with_: Text = Field(alias="with", description="The model group that is asked as well.")
    on: Text = Field(
        default="auto", description='What is compared; quote the key: YAML reads a bare on as "true".'
    )


class CallbackGate(Section):
    """Asks a function of yours."""

    kind: Literal["callback"]
    target: Text = Field(description="The function, as `package.module:function`.")
    timeout_ms: Whole = Field(
        default=50, ge=1, le=60_000, description="How long it may take, in milliseconds."
    )
    on_error: Literal["accept", "reject"] = Field(
        default="accept", description="What a fault or a timeout counts as."
    )


class RepetitionGate(Section):
    """Rejects an answer that repeats itself over and over."""

    kind: Literal["repetition"]


class UnbalancedGate(Section):
    """Rejects an answer with a code fence or bracket left open."""

    kind: Literal["unbalanced"]


class LanguageGate(Section):
    """Rejects an answer in another language than the question's."""

    kind: Literal["language"]


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
    | LanguageGate,
    Field(discriminator="kind"),
]


class CascadeSection(Section):
    """How answers are gated and escalated."""

    max_escalations: Whole = Field(default=1, ge=0, le=8, description="How many stronger tiers may be tried.")
    stream: Annotated[Literal["off", "prefix", "buffer"], OFF_IS_A_WORD] = Field(
        default="prefix", description="How much of a streamed answer is held back for the gates."
    )
    bypass_above: Share = Field(
        default=0.40, description="The escalation rate from which a segment starts one tier higher."
    )
    gates: tuple[AnyGate, ...] | None = Field(
        default=None,
        description="What checks an answer, in order; not_empty, finished, refusal, json_schema when absent.",
    )
