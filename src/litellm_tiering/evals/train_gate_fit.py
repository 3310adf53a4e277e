"""Fitting the parts of an acceptability gate: a weighted sum, decision trees, hashed words. Needs numpy.

Each part is small, and all are deterministic: the same rows give the same weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from litellm_tiering.evals.metrics import Floats

    Ints = np.ndarray[tuple[int, ...], np.dtype[np.integer[Any]]]

TREES = 120
DEPTH = 3
RATE = 0.05
RIDGE = 30.0
WORD_RIDGE = 3.0

_BINS = 24
_LEAST_ROWS = 8
_LEAF_RIDGE = 8.0
_ROWS_SHARE, _FEATURES_SHARE = 0.7, 0.5
_NEWTON = 20
_CONJUGATE = 40
_TINY = 1e-9
_WORD_SCALE = 5.0  # from differences of a share to log-odds: 1 / (p * (1 - p))


class Trees(NamedTuple):
    """Trees, flat: the nodes of all, one after the other.

    Attributes:
        feature: Which feature a node looks at; -1 for a leaf.
        value: Up to where it goes left; of a leaf, what it adds.
        left: Its left child; the right one follows.
        root: Where each tree begins.
    """

    feature: list[int]
    value: list[float]
    left: list[int]
    root: list[int]


def logistic(x: Floats) -> Floats:
    """``1 / (1 + exp(-x))``."""
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(x, -30, 30)))
    return found


def log_odds(share: float) -> float:
    """The log-odds of a share, kept away from 0 and 1."""
    p = min(0.99, max(0.01, share))
    return float(np.log(p / (1 - p)))


def fit_linear(x: Floats, bad: Floats, offset: Floats, weight: Floats, ridge: float = RIDGE) -> Floats:
    """Weights of a logistic regression by Newton's method, shrunk; without a constant beyond ``offset``."""
    found = np.zeros(x.shape[1])
    for _ in range(_NEWTON):
        p = logistic(x @ found + offset)
        slope = x.T @ (weight * (p - bad)) + ridge * found
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x
        step = np.linalg.solve(curve + (ridge + _TINY) * np.eye(len(found)), slope)
        found -= step
        if np.abs(step).max(initial=0.0) < 1e-6:  # noqa: PLR2004 - log-odds
            break
    return found


def fit_curve(score: Floats, bad: Floats) -> tuple[float, float]:
    """The slope and the constant of Platt's curve, ``P(bad) = logistic(slope * score + constant)``.

    The targets are smoothed as Platt does (Advances in Large Margin Classifiers, 1999); the slope is not
    below 0, so that the order stays.
    """
    count = float(bad.sum())
    high, low = (count + 1) / (count + 2), 1 / (len(bad) - count + 2)
    target = np.where(bad > 0, high, low)
    x = np.c_[score, np.ones(len(score))]
    found = fit_linear(x, target, np.zeros(len(score)), np.ones(len(score)), ridge=1e-3)
    if found[0] <= 0:
        return 0.0, log_odds(float(bad.mean()))
    return float(found[0]), float(found[1])


def grow(  # noqa: PLR0913 - the rows, and what bounds the trees
    x: Floats,
    bad: Floats,
    offset: Floats,
    weight: Floats,
    *,
    trees: int = TREES,
    depth: int = DEPTH,
    rate: float = RATE,
    seed: int = 0,
) -> Trees:
    """Gradient-boosted trees on the logistic loss (Friedman 2001), each on a part of rows and features."""
    rng = np.random.default_rng(seed)
    edges = [np.unique(np.quantile(x[:, j], np.linspace(0, 1, _BINS + 1)[1:-1])) for j in range(x.shape[1])]
    binned = np.stack([np.searchsorted(edges[j], x[:, j], side="left") for j in range(x.shape[1])], axis=1)
    score = offset.astype(float).copy()
    found = Trees([], [], [], [])
    for _ in range(trees):
        p = logistic(score)
        tree = _Tree(binned, edges, weight * (bad - p), weight * p * (1 - p), rng)
        tree.grow(depth, rate)
        score += tree.adds
        start = len(found.feature)
        found.root.append(start)
        found.feature.extend(tree.feature)
        found.value.extend(tree.value)
        found.left.extend(left + start if left else 0 for left in tree.left)
    return found


class _Tree:
    """One tree while it grows."""

    def __init__(
        self, binned: Ints, edges: list[Floats], slope: Floats, curve: Floats, rng: np.random.Generator
    ) -> None:
        self._binned, self._edges, self._slope, self._curve = binned, edges, slope, curve
        self._columns = np.sort(
            rng.choice(binned.shape[1], max(1, int(binned.shape[1] * _FEATURES_SHARE)), replace=False)
        )
        self._sample = rng.random(len(binned)) < _ROWS_SHARE
        self.adds = np.zeros(len(binned))
        self.feature: list[int] = []
        self.value: list[float] = []
        self.left: list[int] = []

    def grow(self, depth: int, rate: float) -> None:
        """Split level by level, so that both children of a node lie side by side after it."""
        level = [np.arange(len(self._binned))]
        self._node()
        places = [0]
        for left in range(depth, -1, -1):
            below, below_places = [], []
            for place, rows in zip(places, level, strict=True):
                split = self._best(rows[self._sample[rows]]) if left else None
                if split is None:
                    self._leaf(place, rows, rate)
                    continue
                feature, cut = split
                goes_left = self._binned[rows, feature] <= cut
                self.feature[place] = int(feature)
                self.value[place] = float(np.float32(self._edges[feature][cut]))
                self.left[place] = self._node()
                self._node()
                below += [rows[goes_left], rows[~goes_left]]
                below_places += [self.left[place], self.left[place] + 1]
            level, places = below, below_places

    def _node(self) -> int:
        self.feature.append(-1)
        self.value.append(0.0)
        self.left.append(0)
        return len(self.feature) - 1

    def _leaf(self, place: int, rows: Ints, rate: float) -> None:
        inside = rows[self._sample[rows]]
        adds = rate * self._slope[inside].sum() / (self._curve[inside].sum() + _LEAF_RIDGE)
        self.value[place] = float(np.float32(adds))
        self.adds[rows] += adds

    def _best(self, rows: Ints) -> tuple[int, int] | None:
        """The feature and the bin up to which to go left, for the greatest gain; None where nothing gains."""
        if len(rows) < 2 * _LEAST_ROWS:
            return None
        columns = self._columns
        cells = (self._binned[np.ix_(rows, columns)] + np.arange(len(columns)) * _BINS).ravel()
        slopes, curves, counts = (
            np.bincount(
                cells, None if of is None else np.repeat(of[rows], len(columns)), len(columns) * _BINS
            )
            .reshape(-1, _BINS)
            .cumsum(axis=1)
            for of in (self._slope, self._curve, None)
        )
        slope, curve = self._slope[rows].sum(), self._curve[rows].sum()
        gain = slopes**2 / (curves + _LEAF_RIDGE) + (slope - slopes) ** 2 / (curve - curves + _LEAF_RIDGE)
        gain -= slope**2 / (curve + _LEAF_RIDGE)
        gain[(counts < _LEAST_ROWS) | (len(rows) - counts < _LEAST_ROWS)] = -1.0
        at = int(np.argmax(gain))
        if gain.flat[at] <= 1e-3:  # noqa: PLR2004 - nothing
            return None
        feature, cut = int(columns[at // _BINS]), at % _BINS
        return (feature, cut) if cut < len(self._edges[feature]) else None


def ask_trees(trees: Trees, x: Floats) -> Floats:
    """What the trees add for each row."""
    feature, value, left = (np.asarray(part) for part in (trees.feature, trees.value, trees.left))
    total = np.zeros(len(x))
    rows = np.arange(len(x))
    for root in trees.root:
        at = np.full(len(x), root)
        while (inner := feature[at] >= 0).any():
            here = at[inner]
            right = x[rows[inner], feature[here]] > value[here]
            at[inner] = left[here] + right
        total += value[at]
    return total


class Words:
    """Which slots the words of each text fall into, as one sparse matrix with rows of length one."""

    def __init__(self, slots: list[set[int]], width: int) -> None:
        self.width = width
        lengths = np.array([len(s) for s in slots], dtype=np.int64)
        self.slot = np.fromiter((i for s in slots for i in sorted(s)), np.int64, int(lengths.sum()))
        self.row = np.repeat(np.arange(len(slots)), lengths)
        self.unit = 1.0 / np.sqrt(np.maximum(1, lengths))
        self.rows = len(slots)

    def times(self, weights: Floats) -> Floats:
        """The weighted sum of each row."""
        return np.bincount(self.row, weights[self.slot], self.rows) * self.unit

    def back(self, values: Floats) -> Floats:
        """The transposed product: what the rows with ``values`` give each slot."""
        return np.bincount(self.slot, (values * self.unit)[self.row], self.width).astype(float)


def fit_words(parts: list[Words], rest: Floats, weight: Floats, ridge: float = WORD_RIDGE) -> list[Floats]:
    """Ridge regression of ``rest`` on the words, by conjugate gradients; scaled to log-odds."""
    found = [np.zeros(part.width) for part in parts]
    residue = [part.back(weight * rest) for part in parts]
    direction = [r.copy() for r in residue]
    size = sum(float(r @ r) for r in residue)
    for _ in range(_CONJUGATE):
        if size < _TINY:
            break
        along = weight * sum(part.times(d) for part, d in zip(parts, direction, strict=True))
        bent = [part.back(along) + ridge * d for part, d in zip(parts, direction, strict=True)]
        step = size / sum(float(d @ b) for d, b in zip(direction, bent, strict=True))
        found = [f + step * d for f, d in zip(found, direction, strict=True)]
        residue = [r - step * b for r, b in zip(residue, bent, strict=True)]
        now = sum(float(r @ r) for r in residue)
        direction = [r + now / size * d for r, d in zip(residue, direction, strict=True)]
        size = now
    return [_WORD_SCALE * f for f in found]
