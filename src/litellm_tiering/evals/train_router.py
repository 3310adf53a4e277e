"""``train``: a router from recorded outcomes, and what it is worth on rows held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.classifiers.learned_features import NAMES, VERSION
from litellm_tiering.classifiers.learned_model import TILT
from litellm_tiering.errors import TieringError
from litellm_tiering.evals.fit import fit
from litellm_tiering.evals.fit_design import NUMBER_SHARE
from litellm_tiering.evals.train_cv import (
    Figure,
    Point,
    apgr,
    apgr_gain,
    by_group,
    held_out,
    learning_curve,
    other_groups,
)
from litellm_tiering.evals.train_rows import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from litellm_tiering.evals.train_rows import Rows

    Floats = NDArray[np.float64]
    Told = Callable[[str], None]

LEAST_ROWS = 20
"""Fewer rows than this are not trained on at all."""

FEW_ROWS = 200
"""With fewer rows than this a person is warned: what is learned of them is mostly the prior."""

TARGET = 0.95
"""The share of the dearest tier's quality that the file's thresholds keep on rows held out: an estimate."""

_KNOT_ROWS = 40
_MOST_KNOTS = 16
_CANDIDATES = {2: 100, 3: 40, 4: 20}
_TOO_GOOD = 0.9
_CONTRADICTING = 0.05
_CHANCE = 0.5


class NothingToLearn(TieringError):
    """The outcomes cannot be trained on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A router, and what it is worth.

    Attributes:
        header: What its file says of it.
        arrays: Its weights.
        learned: The APGR on rows held out.
        words: That of the number of words, on the same rows.
        gain: By how much the first is above the second.
        now: What runs now: its APGR, and by how much the router is above it; None without a comparison.
        curve: What ever more rows bring.
        groups: Of each group that the file names: its rows, the router's APGR and the words'.
        unseen: The APGR on groups that were not trained on, and how far above the words; None for one group.
        warnings: What a person should know.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, Sequence[float]]
    learned: Figure
    words: Figure
    gain: Figure
    now: tuple[Figure, Figure] | None = None
    curve: tuple[Point, ...] = ()
    groups: Mapping[str, tuple[int, Figure, Figure]] = field(default_factory=dict)
    unseen: tuple[Figure, Figure] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def beats_words(self) -> bool:
        """Whether it ranks held-out questions better than counting their words does."""
        return self.gain.value > 0


def train(
    rows: Rows, *, sources: Sequence[Mapping[str, Any]] = (), curve: bool = True, told: Told | None = None
) -> Trained:
    """Train a router on all rows, and judge it on folds held out.

    Args:
        rows: The rows, closed.
        sources: What they were read from: ``{file, rows, sha256}`` each; stands in the model's file.
        curve: Whether to make a learning curve, which takes as long as all the rest.
        told: Told how far it is.

    Raises:
        NothingToLearn: there are too few rows, or no tier is better than a cheaper one.
    """
    _check(rows)
    raw = held_out(rows, told=told)
    if told is not None:
        told("all rows")
    design, linears = fit(rows, np.arange(rows.count))
    steps = rows.tiers - 1
    gains = np.diff(rows.quality[:, : rows.tiers].astype(float), axis=1)
    knots = [calibration(raw[:, k], gains[:, k]) for k in range(steps)]
    score = np.mean([_along(knots[k], raw[:, k]) for k in range(steps)], axis=0)
    words = rows.numbers[:, 0].astype(float)
    figures = apgr(rows, score), apgr(rows, words), apgr_gain(rows, score, words)
    arrays: dict[str, Any] = {
        "means": design.scaling.means,
        "scales": design.scaling.scales,
        "idf": design.scaling.idf,
        "base": [linear.base for linear in linears],
    }
    first, last = len(NAMES), len(NAMES) + len(design.groups)
    for k, linear in enumerate(linears):
        arrays[f"numbers:{k}"] = linear.weights[:first] * NUMBER_SHARE
        arrays[f"groups:{k}"] = linear.weights[first:last]
        arrays[f"words:{k}"] = linear.weights[last:]
    header = {
        "features": VERSION,
        "buckets": BUCKETS,
        "steps": steps,
        "models": rows.models[: rows.tiers],
        "groups": design.groups,
        "thresholds": list(thresholds(score, rows.quality[:, : rows.tiers], rows.costs)),
        "calibration": knots,
        "novelty": list(design.scaling.novelty),
        "quantiles": np.percentile(score, np.arange(101)).tolist(),
        "sources": list(sources),
        "training": {
            "rows": rows.count,
            "repeated": rows.repeated,
            "languages": dict(rows.languages.most_common(20)),
            "apgr_held_out": plain(figures[0]),
            "apgr_word_count": plain(figures[1]),
            "above_word_count": plain(figures[2]),
            "parts": [linear.parts for linear in linears],
            "target": TARGET,
        },
    }
    rest = _more(rows, score, words, curve=curve, told=told)
    return Trained(header, arrays, *figures, warnings=tuple(_warnings(rows, figures[0])), **rest)


def plain(figure: Figure) -> list[float | None]:
    """A figure as JSON has it: value, low and high; null for what is not a number."""
    return [None if math.isnan(v) else v for v in figure]


def _more(rows: Rows, score: Floats, words: Floats, *, curve: bool, told: Told | None) -> dict[str, Any]:
    """What else there is to tell of a router's worth."""
    found: dict[str, Any] = {}
    if not np.isnan(rows.baseline).any():
        found["now"] = apgr(rows, rows.baseline), apgr_gain(rows, score, rows.baseline)
    if curve:
        found["curve"] = tuple(learning_curve(rows, told=told))
    if len(rows.strata) > 1:
        found["groups"] = by_group(rows, score, words)
        raw = other_groups(rows, told) if curve else np.full((rows.count, 1), np.nan)
        which = np.nonzero(~np.isnan(raw).any(1))[0]
        if len(which) >= LEAST_ROWS:
            unseen = raw.mean(1)
            found["unseen"] = apgr(rows, unseen, which), apgr_gain(rows, unseen, words, which)
    return found


def _check(rows: Rows) -> None:
    """Refuse rows that nothing can be learned of."""
    if rows.count < LEAST_ROWS:
        raise NothingToLearn(
            f"there are {rows.count} different questions: a router needs {LEAST_ROWS} at the very least, "
            f"and {FEW_ROWS} to learn anything worth having"
        )
    quality = rows.quality[:, : rows.tiers].astype(float)
    means = quality.mean(0)
    cheap, dear = rows.models[0], rows.models[rows.tiers - 1]
    if not np.diff(quality, axis=1).any():
        raise NothingToLearn(
            f"{cheap} and {dear} are equally good in every row: there is no gain to predict. Use rows that "
            "tell them apart, or keep the cheaper one"
        )
    if means[-1] <= means[0]:
        raise NothingToLearn(
            f"{dear} is not better than {cheap} on these rows ({means[-1]:.3f} against {means[0]:.3f}): name "
            "the models cheapest first, or keep the cheaper one"
        )
    if not np.diff(quality[:, [0, -1]], axis=1).std():
        raise NothingToLearn(
            f"{dear} is better than {cheap} by the same in every row: no question needs it more than another"
        )


def _warnings(rows: Rows, learned: Figure) -> list[str]:
    found = []
    if rows.count < FEW_ROWS:
        found.append(
            f"there are {rows.count} rows: with fewer than {FEW_ROWS} the router is little more than a word "
            "count, and its figures say little"
        )
    if rows.repeated:
        found.append(
            f"{rows.repeated:,} lines repeat an earlier question and were left out"
            + (f"; {rows.contradicting:,} of them with other qualities" if rows.contradicting else "")
        )
    if rows.contradicting > _CONTRADICTING * rows.count:
        found.append("many questions were judged differently when asked again: expect little of any router")
    quality = rows.quality.astype(float)
    best = apgr(rows, quality[:, rows.tiers - 1] - quality[:, 0]).value
    if learned.value > _CHANCE + _TOO_GOOD * (best - _CHANCE):
        found.append(
            "the figures are too good to be true: does the question, a tag or the system prompt hold "
            "something that is known only after the answer?"
        )
    return found


def calibration(raw: Floats, gain: Floats) -> list[list[float]]:
    """Points of a rising line from ``raw`` to the mean gain seen there: isotonic over bins of equal size.

    Pool adjacent violators: Ayer et al. 1955.
    """
    order = np.argsort(raw, kind="stable")
    bins = min(_MOST_KNOTS, max(2, len(raw) // _KNOT_ROWS))
    blocks: list[list[float]] = []
    for part in np.array_split(order, bins):
        blocks.append([float(raw[part].mean()), float(gain[part].mean()), float(len(part))])
        while len(blocks) > 1 and (blocks[-2][1] >= blocks[-1][1] or blocks[-2][0] >= blocks[-1][0]):
            x, y, n = blocks.pop()
            before = blocks[-1]
            total = before[2] + n
            blocks[-1] = [
                (before[0] * before[2] + x * n) / total,
                (before[1] * before[2] + y * n) / total,
                total,
            ]
    return [[x, y] for x, y, _ in blocks]


def _along(knots: Sequence[Sequence[float]], raw: Floats) -> Floats:
    """:class:`~litellm_tiering.classifiers.learned_model.Calibration`, for many values at once."""
    xs, ys = np.array(knots).T
    return np.asarray(np.interp(raw, xs, ys) + TILT * (raw - xs[0]), float)


def thresholds(score: Floats, quality: NDArray[Any], costs: NDArray[Any]) -> tuple[float, ...]:
    """The cheapest thresholds with which TARGET of the dearest tier's quality is kept on these rows.

    Where costs are not known, a tier costs one more than the one below it. Where nothing keeps the target,
    those of the best quality. It is an estimate without any promise: that is what `tune` is for.
    """
    tiers = quality.shape[1]
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    below = np.vstack([np.zeros(tiers), np.cumsum(quality[order].astype(float), axis=0)])
    known = not np.isnan(costs).any() and bool((costs.mean(0) > 0).all())
    price = costs.mean(0) if known else np.arange(1.0, tiers + 1)
    places = np.unique(np.linspace(0, len(score), _CANDIDATES.get(tiers, 12) + 1).astype(int))
    # A threshold parts different scores: equal ones go the same way.
    places = np.array([p for p in places if p in (0, len(score)) or ranked[p - 1] < ranked[p]])
    best: tuple[tuple[bool, float, float], tuple[int, ...]] | None = None
    least = TARGET * below[-1, -1]
    for cuts in combinations(places.tolist(), tiers - 1):
        edges = np.array([0, *cuts, len(score)])
        reached = float(sum(below[edges[i + 1], i] - below[edges[i], i] for i in range(tiers)))
        cost = float((np.diff(edges) * price).sum())
        enough = reached >= least
        worth = (enough, -cost if enough else reached, reached)
        if best is None or worth > best[0]:
            best = worth, cuts
    cuts = best[1] if best is not None else tuple(range(tiers - 1))
    return _rising(cuts, ranked)


def _rising(cuts: Sequence[int], ranked: Floats) -> tuple[float, ...]:
    """Thresholds in the middle between the scores that they part, each above the one before."""
    found: list[float] = []
    for cut in cuts:
        if cut <= 0:
            value = float(ranked[0])
        elif cut >= len(ranked):
            value = float(ranked[-1]) + TILT
        else:
            value = (float(ranked[cut - 1]) + float(ranked[cut])) / 2
        found.append(value if not found or value > found[-1] else math.nextafter(found[-1], math.inf))
    return tuple(found)
