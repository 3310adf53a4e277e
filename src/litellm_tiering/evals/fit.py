"""Fits a router: ridge regressions on the gain, weighed against the number of words.

Two regressions on numbers and words are made, each with its strength chosen by leave-one-out error: of the
gain, and of the mean quality of all models of the file, which tells how hard a question is with far less
noise than the difference of two answers. Their leave-one-out predictions and the number of words are then
combined by weights that are not negative and are drawn towards a prior in which the number of words counts
most: of 50 rows little is believed, of 5,000 nearly all. Nothing but the gain itself decides the weights.

Stacking of leave-one-out predictions: Wolpert 1992, Breiman 1996. Leave-one-out in closed form: Allen 1974.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from litellm_tiering.evals.fit_design import NUMBER_SHARE, Design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from litellm_tiering.evals.train_rows import Ints, Rows

    Floats = NDArray[np.float64]

STRENGTHS = (1.0, 3.0, 10.0, 30.0)
"""How strongly the weights of words and numbers together are held down: the choices."""

WORDS_FIRST = 0.08
"""How strongly the gain is believed to follow the number of words before any row is seen: a correlation."""

LEARNED_FIRST = 0.05
"""The same for each regression, once there are far more rows than HALF_BELIEVED."""

HALF_BELIEVED = 500.0
"""Of how many rows a regression is believed half of that."""

PRIOR_ROWS = 400.0
"""How many rows the prior counts for."""

DENSE_ROWS = 12_000
"""Up to how many rows the matrix is held in memory; more are summed up in pieces."""

SAMPLE = 4_000
"""From how many rows at most the leave-one-out predictions are taken."""

_CHUNK = 4_096
_TINY = 1e-9
_SWEEPS = 500


class Linear(NamedTuple):
    """A step's gain as a linear function of the design's columns.

    Attributes:
        base: The constant.
        weights: One for each column of the design's matrix.
        parts: How much each part of the mixture counts, by its name.
    """

    base: float
    weights: Floats
    parts: dict[str, float]

    def raw(self, design: Design, which: Ints) -> Floats:
        """The gain of some rows, not calibrated yet."""
        pieces = [
            self.base + design.matrix(which[i : i + _CHUNK]) @ self.weights
            for i in range(0, len(which), _CHUNK)
        ]
        return np.concatenate(pieces) if pieces else np.zeros(0)


class _Ridge(NamedTuple):
    """Ridge regressions of a few targets on the same columns."""

    weights: Floats
    left_out: Floats


def fit(rows: Rows, which: Ints, design: Design | None = None) -> tuple[Design, list[Linear]]:
    """The gain of every step of the ladder, from some of the rows.

    Args:
        rows: The rows.
        which: Those to learn from, two or more.
        design: Their columns; made from them when None.
    """
    design = Design(rows, which) if design is None else design
    steps = rows.tiers - 1
    quality = rows.quality[which].astype(float)
    gains = np.diff(quality[:, : steps + 1], axis=1)
    hardness = -_mean_quality(quality)
    targets = np.column_stack([gains, hardness])
    middle, spread = targets.mean(0), targets.std(0)
    targets = (targets - middle) / np.where(spread > _TINY, spread, 1.0)
    sample = which if len(which) <= SAMPLE else which[:: -(-len(which) // SAMPLE)]
    at = np.searchsorted(which, sample)
    found_by = _ridge_rows(design, which, targets, STRENGTHS, at)
    words = design.standard(sample)[:, 0]
    found = []
    for k in range(steps):
        columns = np.column_stack([words, found_by.left_out[:, k], found_by.left_out[:, steps]])
        lengths = columns.std(0)
        columns = (columns - columns.mean(0)) / np.where(lengths > _TINY, lengths, 1.0)
        mix = _mixed(columns, targets[at, k], len(which))
        share = np.where(lengths > _TINY, mix / np.where(lengths > _TINY, lengths, 1.0), 0.0)
        weights = share[1] * found_by.weights[:, k] + share[2] * found_by.weights[:, steps]
        weights[0] += share[0] / NUMBER_SHARE
        scale = spread[k] if spread[k] > _TINY else 0.0
        linear = Linear(0.0, weights * scale, dict(zip(_PARTS, mix.tolist(), strict=True)))
        base = float(middle[k] - linear.raw(design, sample).mean())
        found.append(linear._replace(base=base))
    return design, found


_PARTS = ("word count", "gain", "hardness")


def _mean_quality(quality: Floats) -> Floats:
    """The mean quality of the models that have an answer in every row, each on its own scale."""
    whole = quality[:, ~np.isnan(quality).any(0)]
    spread = whole.std(0)
    whole = whole[:, spread > _TINY]
    if not whole.shape[1]:
        return np.zeros(len(quality))
    standard = (whole - whole.mean(0)) / whole.std(0)
    return np.asarray(standard.mean(1), float)


def _mixed(columns: Floats, target: Floats, count: int) -> Floats:
    """How much each column counts: not negative, least squares with the prior as PRIOR_ROWS rows more."""
    believed = LEARNED_FIRST * count / (count + HALF_BELIEVED)
    prior = np.array([WORDS_FIRST, *([believed] * (columns.shape[1] - 1))])
    # A sample stands for all rows.
    times = count / len(target)
    gram = times * columns.T @ columns + PRIOR_ROWS * np.eye(len(prior))
    pull = times * columns.T @ target + PRIOR_ROWS * prior
    found: Floats = prior.copy()
    for _ in range(_SWEEPS):
        for j in range(len(found)):
            found[j] = max(0.0, found[j] + (pull[j] - gram[j] @ found) / gram[j, j])
    return found


def _ridge_rows(
    design: Design, which: Ints, targets: Floats, strengths: tuple[float, ...], at: Ints
) -> _Ridge:
    """:func:`_ridge` on the design's matrix, which is held in memory only where it is small."""
    if len(which) <= DENSE_ROWS:
        return _ridge(design.matrix(which), targets, strengths, at)
    gram = np.zeros((design.width, design.width))
    pull = np.zeros((design.width, targets.shape[1]))
    mean = np.zeros(design.width)
    for i in range(0, len(which), _CHUNK):
        piece = design.matrix(which[i : i + _CHUNK])
        gram += piece.T @ piece
        pull += piece.T @ targets[i : i + _CHUNK]
        mean += piece.sum(0)
    mean /= len(which)
    gram -= len(which) * np.outer(mean, mean)
    return _primal(gram, pull, design.matrix(which[at]) - mean, targets[at], strengths)


def _ridge(matrix: NDArray[np.floating], targets: Floats, strengths: tuple[float, ...], at: Ints) -> _Ridge:
    """Ridge regressions of centred ``targets``, each with the strength of the least leave-one-out error.

    Args:
        matrix: The columns.
        targets: One column for each regression, their means 0.
        strengths: What is added to the diagonal: the choices.
        at: For which rows the leave-one-out predictions are told.
    """
    centred = matrix.astype(float) - matrix.mean(0, dtype=float)
    if len(centred) > centred.shape[1]:
        return _primal(centred.T @ centred, centred.T @ targets, centred[at], targets[at], strengths)
    kernel = centred @ centred.T
    best = _Best(targets[at])
    for strength in strengths:
        inverse = np.linalg.inv(kernel + strength * np.eye(len(kernel)))
        dual = inverse @ targets
        # The mean is taken from the rows as well: one part in their number.
        errors = (dual / np.diag(inverse)[:, None])[at]
        best.offer(errors, centred.T @ dual)
    return best.found()


def _primal(
    gram: Floats, pull: Floats, centred: Floats, targets: Floats, strengths: tuple[float, ...]
) -> _Ridge:
    best = _Best(targets)
    single = centred.astype(np.float32)
    for strength in strengths:
        inverse = np.linalg.inv(gram + strength * np.eye(len(gram)))
        weights = inverse @ pull
        # By far the longest step, and needed to three digits only.
        leverage = np.einsum("ij,ij->i", single @ inverse.astype(np.float32), single)
        errors = (targets - centred @ weights) / np.maximum(1.0 - leverage, _TINY)[:, None]
        best.offer(errors, weights)
    return best.found()


class _Best:
    """Keeps, for each target, the regression of the least leave-one-out error."""

    __slots__ = ("_errors", "_least", "_targets", "_weights")

    def __init__(self, targets: Floats) -> None:
        self._targets = targets
        self._least = np.full(targets.shape[1], np.inf)
        self._errors = np.zeros_like(targets)
        self._weights: Floats | None = None

    def offer(self, errors: Floats, weights: Floats) -> None:
        square = (errors**2).mean(0)
        better = square < self._least
        if self._weights is None:
            self._weights = np.zeros_like(weights)
        self._least[better] = square[better]
        self._errors[:, better] = errors[:, better]
        self._weights[:, better] = weights[:, better]

    def found(self) -> _Ridge:
        assert self._weights is not None  # noqa: S101 - strengths are never empty
        return _Ridge(self._weights, self._targets - self._errors)
