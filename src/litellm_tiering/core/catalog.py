"""What the tiers cost and can do, as far as it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.features import ResponseFormat
from litellm_tiering.core.price import Asked, Price

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.units import NanoUSD

__all__ = ["Capability", "Price", "TierFacts", "dearest"]

DEFAULT_OUTPUT_TOKENS = 1024
"""The output bound of a request that sets none: enough for nearly every answer."""

CONTEXT_MARGIN = 1.1
"""Prompt token counts are estimates: a window must hold this much more than the estimate."""

PROMPT_RATIO = 1.5
"""By how much a prompt may pass its estimate, until its model group's own traffic has shown better."""

FRAME_TOKENS = 16
"""What a provider adds to every prompt: its beginning, its end, the answer's first words."""

MESSAGE_TOKENS = 8
"""What it adds to every message at most: its role and separators."""

TOOLS_TOKENS = 700
"""What it adds where tools are offered: instructions of its own, with Anthropic up to some 700."""

CACHE_TTL_S = 300
"""How long a provider keeps a prompt in its cache unless it is asked for longer, which is dearer."""

IMAGE_TOKENS = 1_700
"""What an image comes to at most with most models; see :attr:`Capability.image_tokens`."""


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
        image_tokens: What one image comes to at most, in tokens.
    """

    vision: bool | None = None
    audio: bool | None = None
    files: bool | None = None
    tools: bool | None = None
    response_format: bool | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    image_tokens: int = IMAGE_TOKENS


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

    def hold(
        self,
        features: RequestFeatures,
        *,
        output_tokens: int = DEFAULT_OUTPUT_TOKENS,
        ratio: float = PROMPT_RATIO,
        firm: bool = False,
    ) -> NanoUSD:
        """What the answers to such a request cost at most: the prompt, and the output bound of each of them.

        Args:
            features: The request.
            output_tokens: The output bound of one answer where the client sets none, reasoning included.
            ratio: By how much the prompt may pass its estimate.
            firm: Whether the prompt counts as what it can be at most rather than as what it is likely to be.
        """
        text = self.prompt_bound(features, ratio=ratio, firm=firm)
        answers = max(1, features.drafts, features.choices)
        return self.price.most(
            Asked(
                text=text + features.file_tokens,
                audio=features.audio_tokens,
                image=features.images * self.capability.image_tokens,
                completion=self.output_bound(features, output_tokens) * answers,
                images=features.images,
                searches=features.searches,
                writes=features.cache_ttl_s > 0,
                writes_long=features.cache_ttl_s > CACHE_TTL_S,
                speaks=features.speaks,
                priority=features.priority,
                fast=features.fast,
            )
        )

    @staticmethod
    def prompt_bound(features: RequestFeatures, *, ratio: float = PROMPT_RATIO, firm: bool = False) -> int:
        """The most tokens that a request's text comes to, attachments left out.

        No tokenizer that works on bytes makes more tokens of a text than it has bytes: that is the proof. It
        is some four times what English comes to, which a learned ratio to the estimate is not.
        """
        added = overhead(features)
        likely = math.ceil(max(0, features.prompt_tokens - features.attached_tokens) * ratio)
        if not features.prompt_bytes:
            return likely + added
        return added + (features.prompt_bytes if firm else min(likely, features.prompt_bytes))

    def output_bound(self, features: RequestFeatures, output_tokens: int = DEFAULT_OUTPUT_TOKENS) -> int:
        """The most tokens of one answer, as the client, the model and experience have it."""
        bound = features.max_tokens if features.max_tokens is not None else output_tokens
        longest = self.capability.max_output_tokens
        return bound if longest is None else min(bound, longest)


def overhead(features: RequestFeatures) -> int:
    """The most tokens that a provider adds to a request's text by itself."""
    return FRAME_TOKENS + MESSAGE_TOKENS * features.messages + (TOOLS_TOKENS if features.tools else 0)


def dearest(facts: Sequence[TierFacts]) -> Price:
    """The dearest known price, by the cost of an even mix; zero and unknown when none is known."""
    known = [f.price for f in facts if f.price.known]
    return max(known, key=lambda p: p.prompt + p.completion, default=Price(known=False))
