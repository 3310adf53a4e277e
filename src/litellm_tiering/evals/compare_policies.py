"""Families of policies on recorded outcomes, and what the best of them cost on questions not chosen on.

A family holds every policy that a few thresholds can make: which tier a score leads to, and from which
``p_bad`` on a cheap answer is asked again. Thresholds are cross-fitted: chosen on four fifths of the
questions and counted on the fifth that is left, in turn. A figure that is read off the questions on which its
thresholds were chosen flatters; with a few hundred questions, by several percent of the cost.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from litellm_tiering.evals.metrics import first_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from litellm_tiering.evals.metrics import Floats

    Ints = NDArray[np.int64]

FOLDS = 5
"""In how many parts the questions are parted."""

BINS = 40
"""In how many steps of a score a threshold may lie, for two tiers; fewer for more."""

MAX_TIERS = 5
"""How many tiers a ladder may have for its thresholds to be searched."""

_BINS_OF = {2: BINS, 3: BINS, 4: 20, 5: 12}
_BINS_OF_BOTH = 24
_AMOUNTS = 201
_LEAST = 1e-300
_PRICES = np.r_[np.logspace(3, -3, 80), 0.0]


class Family(NamedTuple):
    """What every policy of a family comes to on every part of the questions, as sums.

    Attributes:
        quality: By part and policy.
        spend: By part and policy, in US dollars.
        n: By part, how many questions it has.
    """

    quality: Floats
    spend: Floats
    n: Floats


class Traded(NamedTuple):
    """What cross-fitted policies come to on questions they were not chosen on, the cheapest first.

    Attributes:
        quality: The mean quality.
        spend: The mean cost in US dollars.
    """

    quality: Floats
    spend: Floats

    def cost_at(self, quality: float) -> float:
        """The least mean cost with which ``quality`` is reached; NaN where it never is."""
        return first_at(self.spend, self.quality, quality)


def folds_of(n: int, seed: int = 0) -> Ints:
    """The part that each of ``n`` questions belongs to; the same for the same seed."""
    return np.random.default_rng([seed, FOLDS]).permutation(np.arange(n) % FOLDS)


def steps_of(score: Floats, bins: int = BINS) -> Ints:
    """The step of each score among ``bins`` of about equal numbers of questions; equal scores share one."""
    # The least score is an edge: so rare scores at either end have a step of their own.
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins)[:-1]))
    return np.searchsorted(edges, score, side="left").astype(np.int64)


class Ladders:
    """The policies of a score: thresholds for two or more tiers.

    Args:
        score: One for each question.
        quality: By tier, cheapest first, how good its answers are.
        cost: By tier, what they cost in US dollars.
        fold: The part each question belongs to.
    """

    def __init__(self, score: Floats, quality: Sequence[Floats], cost: Sequence[Floats], fold: Ints) -> None:
        bins = _BINS_OF[len(quality)]
        self._cells = _Cells((fold * bins + steps_of(score, bins)), FOLDS * bins)
        self._shape = (FOLDS, bins)
        self._fold, self._quality, self._cost = fold, quality, cost
        cuts = itertools.combinations_with_replacement(range(bins + 1), len(quality) - 1)
        found = np.array(list(cuts), int)
        zeros, all_ = np.zeros((len(found), 1), int), np.full((len(found), 1), bins)
        self._cuts: Ints = np.hstack([zeros, found, all_])

    def family(self, weights: Floats | None = None) -> Family:
        """The family; ``weights`` is how often each question counts."""
        return Family(
            self._sums(self._quality, weights), self._sums(self._cost, weights), _sizes(self._fold, weights)
        )

    def _sums(self, values: Sequence[Floats], weights: Floats | None) -> Floats:
        total = np.zeros((FOLDS, len(self._cuts)))
        for tier, value in enumerate(values):
            cells = self._cells.sums(value, weights).reshape(self._shape)
            upto = np.hstack([np.zeros((FOLDS, 1)), np.cumsum(cells, axis=1)])
            total += upto[:, self._cuts[:, tier + 1]] - upto[:, self._cuts[:, tier]]
        return total


class Cascades:
    """The policies of a score and a gate between two tiers.

    The highest scores go to the strong model at once; of the others the weak model is asked, and where its
    answer's ``p_bad`` is among the highest, the strong one as well: both are then paid for.

    Args:
        score: The router's, one for each question; a constant for a gate alone.
        p_bad: The gate's, of the weak model's answers; a constant for a router alone.
        quality: Of the weak model's answers and of the strong one's.
        cost: What they cost in US dollars.
        fold: The part each question belongs to.
    """

    def __init__(
        self,
        score: Floats,
        p_bad: Floats,
        quality: tuple[Floats, Floats],
        cost: tuple[Floats, Floats],
        fold: Ints,
    ) -> None:
        up, again = steps_of(score, _BINS_OF_BOTH), steps_of(p_bad, _BINS_OF_BOTH)
        # What does not differ needs no threshold.
        self._shape = (FOLDS, int(up.max()) + 1, int(again.max()) + 1)
        size = self._shape[1] * self._shape[2]
        self._cells = _Cells(fold * size + up * self._shape[2] + again, FOLDS * size)
        self._fold, self._quality, self._cost = fold, quality, cost

    def family(self, weights: Floats | None = None) -> Family:
        """The family; ``weights`` is how often each question counts."""
        (qw, qs), (cw, cs) = (
            tuple(self._tables(v, weights) for v in both) for both in (self._quality, self._cost)
        )
        # Below the router's threshold and the gate's: served by the weak model; otherwise by the strong one.
        served, spent = qw + _rest(qs), _below(cw) + _rest(cs)
        return Family(served.reshape(FOLDS, -1), spent.reshape(FOLDS, -1), _sizes(self._fold, weights))

    def _tables(self, values: Floats, weights: Floats | None) -> Floats:
        """Sums over all questions below step i of the score and below step j of ``p_bad``, by part."""
        parts, ups, agains = self._shape
        found = np.zeros((parts, ups + 1, agains + 1))
        cells = self._cells.sums(values, weights).reshape(self._shape)
        found[:, 1:, 1:] = cells.cumsum(axis=1).cumsum(axis=2)
        return found


def crossfit(family: Family) -> Traded:
    """What the family's best policies come to where they were not chosen, from the cheapest to the best.

    On the other parts the policies that no mixture of two others beats are found, and each part is served by
    the mixture of two neighbours among them that spends a given amount on the others. The amount goes from
    the least to the most.
    """
    quality, spend = (values.sum(axis=0) - values for values in (family.quality, family.spend))
    grid = np.linspace(0.0, 1.0, _AMOUNTS)
    found = np.zeros((2, len(grid)))
    for part in range(FOLDS):
        best = _undominated(quality[part], spend[part])
        spent = spend[part, best]
        amounts = spend[part].min() + grid * np.ptp(spend[part])
        found[0] += np.interp(amounts, spent, family.quality[part, best])
        found[1] += np.interp(amounts, spent, family.spend[part, best])
    n = family.n.sum()
    return Traded(found[0] / n, found[1] / n)


def _undominated(quality: Floats, spend: Floats) -> Ints:
    """The policies that no mixture of two others beats, by what they spend; found price by price."""
    scale = np.ptp(quality) / max(float(np.ptp(spend)), _LEAST)
    best = np.argmax(quality - scale * _PRICES[:, None] * spend, axis=1)
    best = np.unique(best)
    order = best[np.argsort(spend[best], kind="stable")]
    # Of policies that spend the same on these questions one will do: an interpolation needs them to differ.
    return order[np.r_[True, np.diff(spend[order]) > 0]]


def oracle(quality: Sequence[Floats], cost: Sequence[Floats]) -> Traded:
    """What somebody who knew every answer beforehand would make of the tiers."""
    good, dear = np.array(quality), np.array(cost)
    scale = np.ptp(good) / max(float(np.ptp(dear.mean(axis=1))), _LEAST)
    questions = np.arange(good.shape[1])
    found = [np.argmax(good - scale * price * dear, axis=0) for price in np.maximum(_PRICES, 1e-12)]
    return Traded(
        np.array([good[best, questions].mean() for best in found]),
        np.array([dear[best, questions].mean() for best in found]),
    )


class _Cells:
    """Sums by cell."""

    def __init__(self, cell: Ints, size: int) -> None:
        self._cell, self._size = cell, size

    def sums(self, value: Floats, weights: Floats | None) -> Floats:
        weighed = value if weights is None else value * weights
        return np.bincount(self._cell, weighed, minlength=self._size).astype(float)


def _sizes(fold: Ints, weights: Floats | None) -> Floats:
    return np.bincount(fold, weights, minlength=FOLDS).astype(float)


def _below(below: Floats) -> Floats:
    """By the router's threshold alone: what stays below it, whatever the gate says."""
    return np.broadcast_to(below[:, :, -1:], below.shape)


def _rest(below: Floats) -> Floats:
    """All that does not stay with the weak model."""
    found: Floats = below[:, -1:, -1:] - below
    return found
