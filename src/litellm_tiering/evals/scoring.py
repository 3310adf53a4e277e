"""The scores and tiers that a configuration's chain gives recorded questions: those that ``score`` prints.

Whoever scores is handed in: it is the object that the verb ``score`` asks, so that what is evaluated is what
a user sees, and what runs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from litellm_tiering.evals.outcomes import body_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.evals.outcomes import Outcome


class Scoring(Protocol):
    """What ``litellm_tiering.cli.score.Scorer`` does."""

    async def score(self, line: Mapping[str, Any]) -> Mapping[str, Any]:
        """``{id, score, tier}`` of ``{id, messages, …}``; ValueError where it cannot be scored."""
        ...


class Unscored(ValueError):
    """A question cannot be scored, and why; it never repeats the question."""


class Scored(NamedTuple):
    """What a chain makes of one question.

    Attributes:
        score: Any finite number, higher for those that need a stronger model.
        tier: The name of the tier that it is sent to.
        ms: How long that took, reading the request included, in milliseconds.
    """

    score: float
    tier: str
    ms: float


async def scored(chain: Scoring, outcome: Outcome) -> Scored:
    """What ``chain`` makes of a question.

    Raises:
        Unscored: its classifiers fail on it, or give no number.
    """
    began_s = time.perf_counter()
    try:
        found = await chain.score({**body_of(outcome), "id": outcome.id})
    except ValueError as error:
        raise Unscored(str(error)) from None
    took_ms = 1000 * (time.perf_counter() - began_s)
    score = float(found["score"])
    if not -float("inf") < score < float("inf"):
        raise Unscored("makes the classifiers give a score that is not a finite number")
    return Scored(score, str(found["tier"]), took_ms)


def word_count(outcome: Outcome) -> float:
    """The number of words in the question: what every classifier has to beat."""
    return float(len(outcome.prompt.split()))
