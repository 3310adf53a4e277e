"""How good a router would be on rows that it was not trained on: cross-validation, and a learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from litellm_tiering.evals.fit import fit
from litellm_tiering.evals.metrics import Pair, Ranking, interval, resamples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from litellm_tiering.evals.train_rows import Ints, Rows

    Floats = NDArray[np.float64]

FOLDS = 5
"""Into how many parts the rows are cut; each is predicted by what was learned of the others."""

CURVE = (50, 100, 200, 500, 1_000, 2_000, 5_000)
"""For how many training rows the learning curve tells what they bring."""

BOOTSTRAPS = 300
"""How many samples an interval is of."""

_LEAST = 20


class Figure(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def held_out(
    rows: Rows,
    which: Ints | None = None,
    *,
    size: int | None = None,
    told: Callable[[str], None] | None = None,
) -> Floats:
    """The gain of every step, of every row, predicted from the other folds; NaN for rows not among ``which``.

    Args:
        rows: The rows.
        which: Those to learn from and to predict; all when None.
        size: To learn from so many of the other folds' rows only.
        told: Told how far it is.
    """
    which = np.arange(rows.count) if which is None else which
    steps = rows.tiers - 1
    found = np.full((rows.count, steps), np.nan)
    folds = rows.folds(FOLDS)[which]
    gains = np.diff(rows.quality[:, : steps + 1].astype(float), axis=1)
    overall = gains[which].mean(0)
    for j in range(FOLDS):
        if told is not None:
            told(f"fold {j + 1} of {FOLDS}")
        train, test = which[folds != j], which[folds == j]
        if size is not None:
            # The same rows for the same file, spread over it.
            train = np.sort(np.random.default_rng(j).permutation(train)[:size])
        if len(train) < 2 or not len(test):  # noqa: PLR2004 - a line needs two points
            continue
        design, linears = fit(rows, train)
        middle = gains[train].mean(0)
        for k, linear in enumerate(linears):
            # A fold's own mean is missing from the others': left in, it would put good folds last.
            found[test, k] = linear.raw(design, test) - middle[k] + overall[k]
    return found


def apgr(rows: Rows, score: Floats, which: Ints | None = None) -> Figure:
    """The APGR of a score between the cheapest and the dearest tier; NaN where both are equally good."""
    pair, score = _pair(rows, score, which)
    ranking = Ranking(score)
    values = [ranking.figures(pair, w)["APGR"] for w in resamples(len(pair), BOOTSTRAPS)]
    return Figure(ranking.figures(pair)["APGR"], *interval(values))


def apgr_gain(rows: Rows, score: Floats, other: Floats, which: Ints | None = None) -> Figure:
    """By how much the APGR of ``score`` is above that of ``other``, on the same samples."""
    pair, score = _pair(rows, score, which)
    _, other = _pair(rows, other, which)
    mine, theirs = Ranking(score), Ranking(other)

    def above(weights: Floats | None) -> float:
        return mine.figures(pair, weights)["APGR"] - theirs.figures(pair, weights)["APGR"]

    values = [above(w) for w in resamples(len(pair), BOOTSTRAPS)]
    return Figure(above(None), *interval(values))


def _pair(rows: Rows, score: Floats, which: Ints | None) -> tuple[Pair, Floats]:
    which = np.arange(rows.count) if which is None else which
    quality = rows.quality[which].astype(float)
    return Pair(quality[:, 0], quality[:, rows.tiers - 1]), score[which]


class Point(NamedTuple):
    """One point of a learning curve."""

    rows: int
    apgr: Figure


def learning_curve(
    rows: Rows, sizes: Sequence[int] = CURVE, told: Callable[[str], None] | None = None
) -> list[Point]:
    """What ever more training rows bring, each point on all rows, held out."""
    most = rows.count * (FOLDS - 1) // FOLDS
    points = []
    for size in sizes:
        if size >= most:
            break
        if told is not None:
            told(f"learning curve, {size:,} rows")
        points.append(Point(size, apgr(rows, held_out(rows, size=size).mean(1))))
    return points


def by_group(
    rows: Rows, score: Floats, words: Floats, most: int = 20
) -> dict[str, tuple[int, Figure, Figure]]:
    """Of each group that the file names, the largest first: its rows, the score's APGR and the words'."""
    groups = sorted(rows.strata.items(), key=lambda item: (-len(item[1]), item[0]))
    return {
        name: (len(which), apgr(rows, score, which), apgr(rows, words, which))
        for name, which in groups[:most]
        if len(which) >= _LEAST
    }


def other_groups(rows: Rows, told: Callable[[str], None] | None = None) -> Floats:
    """The gain of every step, of every row, predicted from the rows of all other groups; NaN for none."""
    steps = rows.tiers - 1
    found = np.full((rows.count, steps), np.nan)
    gains = np.diff(rows.quality[:, : steps + 1].astype(float), axis=1)
    everything = np.arange(rows.count)
    groups = rows.strata
    for name, test in groups.items():
        train = np.setdiff1d(everything, test)
        if len(train) < _LEAST or not len(test):
            continue
        if told is not None:
            told(f"without {name or 'the rest'}")
        design, linears = fit(rows, train)
        middle = gains[train].mean(0)
        for k, linear in enumerate(linears):
            found[test, k] = linear.raw(design, test) - middle[k]
    return found
