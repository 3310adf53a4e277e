"""How sure one can be that a mean is above zero, from a finite sample and without assuming its distribution.

The test is a bet (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
JRSS-B 2024, arXiv 2010.09686). Whoever stakes a share ``b`` of his money on each value ``d`` of the sample
ends with ``product(1 + b * d)``. Where the mean is zero or less, the expectation of that is at most 1, so by
Markov's inequality it reaches ``1 / (1 - confidence)`` with a probability of at most ``1 - confidence``: a
valid test for every sample size, whatever the values, as long as none lies below the known least one.

Here the stakes are fixed beforehand and their winnings averaged, which keeps the expectation at 1, makes the
result independent of the order of the sample, and lets it be summed along a path of policies. The two stakes
are those that win most where the mean lies as far above zero as a test can just see and the values spread by
:data:`SPREADS`. On recorded answers, 300 to 1,500 rows (``bench/tune_promise.py --bounds``), this finds
policies where Hoeffding's bound and Maurer and Pontil's find none or hardly any. The paper's stakes that
adapt to the sample find somewhat cheaper ones still, but other ones for every order of the rows.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SPREADS = (0.15, 0.35)
"""The standard deviations, in the unit of the values, for which the stakes are made."""

_SEEN_AT = 2.7
"""How many standard errors a mean must lie above zero for the test to see it, about."""

_MOST = 0.8
"""The most that is staked, as a share of what would lose everything at the least value."""


def stakes(n: int, least: float) -> Floats:
    """The stakes for a sample of ``n`` values, none of them below ``least``.

    They must not depend on the values: only on how many there are.

    Raises:
        ValueError: ``least`` is not below zero, or there is no sample.
    """
    if n < 1 or not -math.inf < least < 0.0:
        raise ValueError("a test needs a sample, and a least value below zero")
    wanted = _SEEN_AT / (math.sqrt(n) * np.array(SPREADS))
    found: Floats = np.minimum(wanted, _MOST / -least)
    return found


def needed(confidence: float, tests: float = 1.0) -> float:
    """The logarithm of the winnings from which one is so confident; ``tests`` share out the chance of error.

    Raises:
        ValueError: the confidence does not lie between 0 and 1, or there is no test.
    """
    if not 0.0 < confidence < 1.0 or not tests >= 1.0:
        raise ValueError("a confidence lies between 0 and 1")
    return math.log(tests / (1.0 - confidence))


def log_winnings(logs: Floats) -> Floats:
    """The logarithm of the mean winnings, where each row of ``logs`` has those of one stake."""
    found: Floats = np.logaddexp.reduce(logs, axis=0) - math.log(len(logs))
    return found


def evidence(values: npt.ArrayLike, least: float) -> float:
    """The logarithm of what was won by betting that the mean of ``values`` is above zero.

    Raises:
        ValueError: the sample is empty, or a value is not a number or lies below ``least``.
    """
    found = np.asarray(values, float)
    if not np.isfinite(found).all() or (found < least).any():
        raise ValueError("a value is not a number, or lies below the least one")
    bets = stakes(len(found), least)
    return float(log_winnings(np.log1p(bets[:, None] * found).sum(axis=1)))


def rows_needed(values: npt.ArrayLike, least: float, confidence: float, tests: float = 1.0) -> float:
    """About how many rows like ``values`` would do; infinite where their mean is not above zero.

    An estimate, and no bound: it takes the sample for the distribution.

    Raises:
        ValueError: as :func:`evidence`, :func:`needed`.
    """
    found = np.asarray(values, float)
    if not len(found) or found.mean() <= 0.0:
        return math.inf
    enough = needed(confidence, tests)
    low, high = 1, 1
    while _won(found, high, least) < enough:
        low, high = high, 2 * high
        if high > _MOST_ROWS:
            return math.inf
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if _won(found, middle, least) >= enough else (middle, high)
    return float(high)


_MOST_ROWS = 10**9


def _won(values: Floats, n: int, least: float) -> float:
    """What would be won on ``n`` rows, in expectation of the logarithm."""
    bets = stakes(n, least)
    return float(log_winnings(n * np.log1p(bets[:, None] * values).mean(axis=1)))
