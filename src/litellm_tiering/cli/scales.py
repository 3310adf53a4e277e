"""On whose scale `score` prints: one classifier's, so that scores of different ones are never mixed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.heuristic import HeuristicClassifier, default_thresholds
from litellm_tiering.classifiers.learned import LearnedClassifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.classification import Opinion


@dataclass(frozen=True, slots=True)
class Scale:
    """The scores of one classifier.

    Attributes:
        kind: The classifier's kind.
        edges: Where the scores of each tier begin, and where those of the dearest end.
        middle: A score in the middle of those it usually gives.
        width: How far they usually lie from it; 0 for scores that are shares, from 0 to 1.
    """

    kind: str
    edges: tuple[float, ...]
    middle: float = 0.0
    width: float = 0.0

    def share(self, opinions: Sequence[Opinion]) -> float | None:
        """The classifier's score, sure of it or not, as a number from 0 to 1; None where it gave none."""
        for opinion in opinions:
            if opinion.by == self.kind and opinion.score is not None and math.isfinite(opinion.score):
                return self._share(opinion.score)
        return None

    def _share(self, score: float) -> float:
        if not self.width:
            return min(1.0, max(0.0, score))
        return 0.5 + math.atan((score - self.middle) / self.width) / math.pi


def scale_of(settings: Settings) -> Scale:
    """The scale that requests are scored on: a trained classifier's, else that of the first with scores."""
    chain = settings.chain
    scored: list[Any] = []
    if isinstance(chain, Chain):
        scored = [c for c in chain.classifiers if getattr(c, "thresholds", ())]
    trained = (c for c in scored if isinstance(c, LearnedClassifier))
    first = next(trained, scored[0] if scored else None)
    if isinstance(first, LearnedClassifier):
        low, high = first.model.quantiles[0], first.model.quantiles[-1]
        width = max(high - low, 1e-6)
        edges = (
            min(low, first.thresholds[0]) - width,
            *first.thresholds,
            max(high, first.thresholds[-1]) + width,
        )
        return Scale(first.kind, edges, first.model.quantiles[len(first.model.quantiles) // 2], width)
    if first is None or isinstance(first, HeuristicClassifier):
        found = default_thresholds(len(settings.ladder)) if first is None else first.thresholds
        return Scale("heuristic", _edges(found))
    thresholds = tuple(first.thresholds)
    middle = sum(thresholds) / len(thresholds)
    return Scale(first.kind, _edges(thresholds), middle, max(1.0, thresholds[-1] - thresholds[0]))


def _edges(thresholds: Sequence[float]) -> tuple[float, ...]:
    """The ends of every tier's scores: most lie between 0 and 1, thresholds may lie outside."""
    low = 0.0 if thresholds[0] > 0 else thresholds[0] - 1
    high = 1.0 if thresholds[-1] < 1 else thresholds[-1] + 1
    return (low, *thresholds, high)
