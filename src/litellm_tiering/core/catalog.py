"""What the tiers cost and can do, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.features import ResponseFormat
from litellm_tiering.units import NanoUSD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.features import RequestFeatures

DEFAULT_OUTPUT_TOKENS = 1024
"""The output bound of a request that sets none: enough for nearly every answer."""

CONTEXT_MARGIN = 1.1
"""Prompt token counts are estimates: a window must hold this much more than the estimate."""


@dataclass(frozen=True, slots=True)
class Price:
    """List prices in nano-dollars per token (a cheap model's token costs a fraction of one).

    Attributes:
        prompt: Per prompt token.
        completion: Per completion token.
        known: Whether the prices are the model's own; otherwise they are the dearest known tier's.
    """

    prompt: float = 0.0
    completion: float = 0.0
    known: bool = True

    def cost(self, prompt_tokens: int, completion_tokens: int) -> NanoUSD:
        """What that many tokens cost, rounded up to a whole nano-dollar."""
        exact = self.prompt * prompt_tokens + self.completion * completion_tokens
        return NanoUSD(-int(-exact // 1))


@dataclass(frozen=True, slots=True)
class Capability:
    """What every deployment of a tier can do; None where nobody has said, which counts as able.

    Attributes:
        vision: Images in the prompt.
        audio: Audio in the prompt.
        files: Documents in the prompt.
        tools: Tool calls.
        response_format: Answers held to a JSON schema.
        max_input_tokens: The context window for input, in tokens.
        max_output_tokens: The longest answer, in tokens.
    """

    vision: bool | None = None
    audio: bool | None = None
    files: bool | None = None
    tools: bool | None = None
    response_format: bool | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TierFacts:
    """One tier: its prices, what it can do, and whether the proxy still has its model group."""

    price: Price = field(default_factory=Price)
    capability: Capability = field(default_factory=Capability)
    exists: bool = True

    def lacks(self, features: RequestFeatures) -> str | None:
        """The first thing this tier is known to lack for such a request, or None when it can serve it."""
        can = self.capability
        too_long = can.max_input_tokens is not None and (
            features.prompt_tokens * CONTEXT_MARGIN > can.max_input_tokens
        )
        schema = features.response_format is ResponseFormat.JSON_SCHEMA
        needs = (
            ("vision", features.images and can.vision is False),
            ("audio", features.audio and can.audio is False),
            ("files", features.files and can.files is False),
            ("tools", features.tools and can.tools is False),
            ("response_format", schema and can.response_format is False),
            ("context_window", too_long),
        )
        return next((name for name, missing in needs if missing), None)

    def hold(self, features: RequestFeatures) -> NanoUSD:
        """What an answer to such a request costs at most: the prompt, and the output bound of each choice."""
        bound = features.max_tokens if features.max_tokens is not None else DEFAULT_OUTPUT_TOKENS
        if self.capability.max_output_tokens is not None:
            bound = min(bound, self.capability.max_output_tokens)
        prompt = int(features.prompt_tokens * CONTEXT_MARGIN)
        return self.price.cost(prompt, bound * max(1, features.choices))


def dearest(facts: Sequence[TierFacts]) -> Price:
    """The dearest known price, by the cost of an even mix; zero and unknown when none is known."""
    known = [f.price for f in facts if f.price.known]
    return max(known, key=lambda p: p.prompt + p.completion, default=Price(known=False))
