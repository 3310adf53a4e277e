"""From a vector to a score: by examples of each tier, or by a trained head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARPNESS = 10.0
"""A tier whose examples are nearer by a cosine of 0.1 weighs e times as much."""

EXTRAS = 2
"""What a head knows besides the vector: the logarithm of the question's words, and a constant 1."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a vector says of a request.

    Attributes:
        score: How strong a model is needed, higher is stronger.
        confidence: How clearly, 0 to 1.
        similarity: The cosine to the most alike of the examples; 1 where there are none.
    """

    score: float
    confidence: float
    similarity: float = 1.0


class Reader(Protocol):
    """Reads vectors."""

    def read(self, vector: Sequence[float], words: int) -> Sight:
        """What a vector says of a question of so many words.

        Raises:
            ValueError: it is not of the length that it should be.
        """
        ...


class Examples:
    """Compares with the owner's examples of each tier.

    A tier's similarity is the cosine to the mean of its examples or, with ``neighbours``, the mean cosine to
    that many of them that are nearest. The score is the tiers' mean place on the ladder, 0 for the cheapest
    to 1 for the dearest, weighed by ``exp(SHARPNESS * similarity)``; ``bias`` is added to the similarity of
    the dearest tier, and in proportion to those between.

    Args:
        vectors: Each tier's examples, cheapest tier first; a tier may have none.
        neighbours: How many are looked at; None for the mean of all.
        bias: Above 0 leans to stronger tiers.

    Raises:
        ValueError: fewer than two tiers have examples, or their vectors differ in length.
    """

    def __init__(
        self,
        vectors: Sequence[Sequence[Sequence[float]]],
        *,
        neighbours: int | None = None,
        bias: float = 0.0,
    ) -> None:
        lengths = {len(v) for tier in vectors for v in tier}
        if len(lengths) != 1 or sum(map(bool, vectors)) < 2:  # noqa: PLR2004 - one tier alone is no choice
            raise ValueError("two tiers or more need examples, with vectors of one length")
        self._dimensions = lengths.pop()
        top = max(1, len(vectors) - 1)
        units = [[_unit(v) for v in tier] for tier in vectors]
        if neighbours is None:
            units = [[_unit([sum(xs) for xs in zip(*tier, strict=True)])] if tier else [] for tier in units]
        self._tiers = [(rank / top, tier) for rank, tier in enumerate(units) if tier]
        self._neighbours = neighbours or 1
        self._bias = bias

    def read(self, vector: Sequence[float], words: int) -> Sight:  # noqa: ARG002 - a head looks at them
        """What a vector says of a question of so many words."""
        if len(vector) != self._dimensions:
            raise ValueError(f"a vector of {len(vector)} numbers among ones of {self._dimensions}")
        asked = _unit(vector)
        found = [(place, self._similarity(asked, tier)) for place, tier in self._tiers]
        weights = [math.exp(SHARPNESS * (near + self._bias * place)) for place, near in found]
        total = sum(weights)
        score = sum(w * place for w, (place, _) in zip(weights, found, strict=True)) / total
        return Sight(score, max(weights) / total, max(near for _, near in found))

    def _similarity(self, asked: Sequence[float], tier: Sequence[Sequence[float]]) -> float:
        cosines = sorted((sum(map(mul, asked, one)) for one in tier), reverse=True)[: self._neighbours]
        return float(sum(cosines) / len(cosines))


class Head:
    """A trained linear head: ``weights`` for the vector, then for the log of the words, then a constant.

    Args:
        weights: As :mod:`litellm_tiering.evals.train_head` fits them.

    Raises:
        ValueError: there are none for a vector.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        if len(weights) <= EXTRAS:
            raise ValueError("a head needs weights for a vector")
        self._dimensions = len(weights) - EXTRAS
        self._weights = list(weights)

    def read(self, vector: Sequence[float], words: int) -> Sight:
        """What a vector says of a question of so many words."""
        if len(vector) != self._dimensions:
            raise ValueError(f"a vector of {len(vector)} numbers for a head of {self._dimensions}")
        rest = (log_words(words), 1.0)
        return Sight(sum(map(mul, self._weights, (*_unit(vector), *rest))), 1.0)


def log_words(words: int) -> float:
    """How a head counts words: their logarithm to the base of 2, a tenth of it."""
    return math.log2(1 + max(0, words)) / 10


def _unit(vector: Sequence[float]) -> list[float]:
    norm = math.hypot(*vector)
    return [x / norm for x in vector] if norm else list(vector)
