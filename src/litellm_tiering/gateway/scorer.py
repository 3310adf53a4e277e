"""LiteLLM's complexity scorer, handed to the classifier that uses it as one signal.

Importing this module brings no LiteLLM: that takes seconds, and hardly anybody asks for the scorer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.classifiers.litellm_score import Scored, provide
from litellm_tiering.errors import IncompatibleLiteLLM

if TYPE_CHECKING:
    from collections.abc import Callable

_TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")


def make_scorer() -> Callable[[str], Scored]:
    """LiteLLM's scorer with its own keywords and weights.

    Raises:
        IncompatibleLiteLLM: this LiteLLM has no such scorer.
    """
    try:
        from litellm.router_strategy.complexity_router.complexity_router import (  # noqa: PLC0415 - as above
            ComplexityRouter,
        )

        # It scores by itself; the router is for its other kinds of classifier, and is not asked.
        classify = ComplexityRouter("tiering", None, default_model="none").classify
        classify("")
    except Exception as error:
        # Whatever it is: an import that is gone, or another signature.
        raise IncompatibleLiteLLM(
            "this LiteLLM has no complexity scorer that the classifier `litellm` knows; use `heuristic`"
        ) from error

    def score(text: str) -> Scored:
        tier, score, _ = classify(text)
        name = str(getattr(tier, "value", tier)).upper()
        return Scored(float(score), _TIERS.index(name) if name in _TIERS else 0)

    return score


provide(make_scorer)
