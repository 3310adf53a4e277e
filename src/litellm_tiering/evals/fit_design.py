"""Training rows as a matrix: numbers at a part of their standard scores, groups, and words by TF-IDF.

It is the mirror of :meth:`litellm_tiering.classifiers.learned_model.RouterModel.predict`, which computes the
same columns one request at a time without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from litellm_tiering.classifiers.learned_features import NAMES
from litellm_tiering.classifiers.learned_model import FARTHEST, GROUP_SHARE, SYSTEM_SHARE
from litellm_tiering.evals.train_rows import BUCKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from litellm_tiering.evals.train_rows import Ints, Rows, Words

    Floats = NDArray[np.float64]
    Matrix = NDArray[np.float32]

NUMBER_SHARE = 0.07
"""How much a standard deviation of one number counts beside all words of the question together."""

_CHUNK = 4_096
_FLAT = 1e-6


class Scaling(NamedTuple):
    """What the columns are scaled by; taken from rows without looking at any quality.

    Attributes:
        means: Of each number, its mean.
        scales: And one over its deviation; 0 for a number that is always the same.
        idf: How much each bucket of words counts: the rarer, the more.
        novelty: How rare a row's words are, on average: the median of all rows, and the 99th percentile.
    """

    means: Floats
    scales: Floats
    idf: Floats
    novelty: tuple[float, float]


class Design:
    """The matrix of training rows, made for a few rows at a time.

    Args:
        rows: The rows.
        scaling_rows: Those that the columns are scaled by.
    """

    __slots__ = ("_pairs", "groups", "rows", "scaling", "width")

    def __init__(self, rows: Rows, scaling_rows: Ints) -> None:
        self.rows = rows
        self.groups, self._pairs = rows.groups()
        self.scaling = _scaling(rows, scaling_rows)
        self.width = len(NAMES) + len(self.groups) + BUCKETS

    def standard(self, which: Ints) -> Floats:
        """The standard scores of the numbers of some rows."""
        values = self.rows.numbers[which].astype(float)
        return np.clip((values - self.scaling.means) * self.scaling.scales, -FARTHEST, FARTHEST)

    def matrix(self, which: Ints) -> Matrix:
        """All columns of some rows."""
        found = np.zeros((len(which), self.width), np.float32)
        found[:, : len(NAMES)] = NUMBER_SHARE * self.standard(which)
        for i, group in self._pairs(which):
            found[i, len(NAMES) + group] = GROUP_SHARE
        words = found[:, len(NAMES) + len(self.groups) :]
        self._add(words, self.rows.question, which, 1.0)
        self._add(words, self.rows.system, which, SYSTEM_SHARE)
        return found

    def _add(self, found: Matrix, words: Words, which: Ints, share: float) -> None:
        row, bucket, tf = words.of(which)
        value = tf * self.scaling.idf[bucket]
        norm = np.sqrt(np.bincount(row, value * value, len(which)))
        np.add.at(found, (row, bucket), (share * value / norm[row]).astype(np.float32))


def _scaling(rows: Rows, which: Ints) -> Scaling:
    numbers = rows.numbers[which].astype(float)
    means, deviations = numbers.mean(0), numbers.std(0)
    scales = np.where(deviations > _FLAT, 1.0 / (deviations + 0.01), 0.0)
    found = np.zeros(BUCKETS)
    for start in range(0, len(which), _CHUNK):
        found += _found_in(rows, which[start : start + _CHUNK])
    return Scaling(means, scales, _idf(found, len(which)), _novelty(rows, which, found))


def _found_in(rows: Rows, which: Ints) -> Floats:
    """In how many of some rows each bucket of words occurs."""
    total = np.zeros(BUCKETS)
    for words in (rows.question, rows.system):
        _, bucket, _ = words.of(which)
        total += np.bincount(bucket, minlength=BUCKETS)
    return total


def _idf(found: Floats, count: int) -> Floats:
    return np.log((1.0 + count) / (1.0 + np.minimum(found, count))) + 1.0


def _novelty(rows: Rows, which: Ints, found: Floats) -> tuple[float, float]:
    """How rare the words of a row are as the other rows know them: in fifths, each weighed by the rest."""
    values = []
    for part in range(5):
        held = which[part::5]
        if not len(held):
            continue
        idf = _idf(found - _found_in(rows, held), len(which) - len(held))
        row, bucket, tf = rows.question.of(held)
        total = np.bincount(row, tf, len(held))
        weighed = np.bincount(row, tf * idf[bucket], len(held))
        values.append(weighed[total > 0] / total[total > 0])
    pooled = np.concatenate(values) if values else np.zeros(0)
    if not len(pooled):
        return 0.0, 0.0
    usual, rare = np.percentile(pooled, (50, 99))
    return float(usual), float(rare)
