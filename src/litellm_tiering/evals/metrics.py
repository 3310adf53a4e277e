"""The figures by which routers and gates are judged, and how sure one can be of them.

PGR at a share c of questions sent to the strong model is the part of the quality gap that is won back,
``(quality(c) - weak) / (strong - weak)``; APGR is the area under it, 0.5 for chance; CPT(x) is the smallest
share with a PGR of x percent at least (RouteLLM, arXiv 2406.18665). Tied scores are split in expectation: a
router that cannot tell two questions apart gains nothing by their order. The cost at a quality is the least
spend with which it is reached, in percent of always asking the strong model.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray["np.float64"]

INSTALL = "pip install 'litellm-tiering[train]'"


class NoNumpy(TieringError):
    """Evaluation needs numpy, which is not installed."""


try:
    import numpy as np
except ImportError:
    raise NoNumpy(f"evaluating and training need numpy: {INSTALL}") from None

CPTS = (50, 80, 95)
"""For which percentages of the gap the share of strong calls is told."""

COSTS = (95, 99)
"""For which percentages of the strong model's quality the cost is told."""

_SLACK = 1e-12
_TARGET = 0.95
_NO_GAP = 1e-9
_TAILS = (2.5, 97.5)


class Curve(NamedTuple):
    """What a score buys: one point for each group of questions with the same score, from none sent up to all.

    Attributes:
        share: The share of questions that are sent to the strong model.
        quality: The mean quality of the answers.
        spend: The mean cost in US dollars; None where costs are not known.
    """

    share: Floats
    quality: Floats
    spend: Floats | None


class Pair:
    """What a weak and a strong model made of the same questions.

    Args:
        qw: How good the weak model's answers were.
        qs: The strong model's.
        cw: What the weak model's cost, in US dollars; None where that is not known.
        cs: The strong model's.
    """

    __slots__ = ("cs", "cw", "qs", "qw")

    def __init__(
        self, qw: ArrayLike, qs: ArrayLike, cw: ArrayLike | None = None, cs: ArrayLike | None = None
    ) -> None:
        self.qw, self.qs = np.asarray(qw, float), np.asarray(qs, float)
        known = cw is not None and cs is not None
        self.cw = np.asarray(cw, float) if known else None
        self.cs = np.asarray(cs, float) if known else None

    def __len__(self) -> int:
        return len(self.qw)


class Ranking:
    """Questions in the order of a score, highest first, ready to be weighed again and again.

    Args:
        score: One for each question; the higher, the sooner the strong model is asked.

    Raises:
        ValueError: a score is not a number.
    """

    __slots__ = ("_ends", "_order")

    def __init__(self, score: ArrayLike) -> None:
        found = np.asarray(score, float)
        if np.isnan(found).any():
            raise ValueError("a score is not a number")
        self._order = np.argsort(-found, kind="stable")
        self._ends = np.r_[np.nonzero(np.diff(found[self._order]))[0] + 1, len(found)]

    def curve(self, pair: Pair, weights: Floats | None = None) -> Curve:
        """The curve over ``pair``; ``weights`` is how often each question counts, once each when None."""
        n = float(len(pair)) if weights is None else float(weights.sum())
        counts = np.r_[0.0, self._ends] if weights is None else self._along(weights)
        gain, dearer = pair.qs - pair.qw, None
        base, cheap = pair.qw, pair.cw
        if pair.cw is not None and pair.cs is not None:
            dearer = pair.cs - pair.cw
        if weights is not None:
            gain, base = gain * weights, base * weights
            dearer = None if dearer is None else dearer * weights
            cheap = None if cheap is None else cheap * weights
        quality = (base.sum() + self._along(gain)) / n
        if dearer is None or cheap is None:
            return Curve(counts / n, quality, None)
        return Curve(counts / n, quality, (cheap.sum() + self._along(dearer)) / n)

    def figures(self, pair: Pair, weights: Floats | None = None) -> dict[str, float]:
        """The figures of a router with this score; see :func:`router_metrics`."""
        curve = self.curve(pair, weights)
        weak, strong = (_mean(q, weights) for q in (pair.qw, pair.qs))
        found = {"weak": weak, "strong": strong, **_gap_figures(curve, weak, strong)}
        if curve.spend is not None and pair.cs is not None and pair.cw is not None:
            dear, cheap = _mean(pair.cs, weights), _mean(pair.cw, weights)
            for p in COSTS:
                least = first_at(curve.spend, curve.quality, p / 100 * strong)
                found[f"cost{p}"] = 100 * least / dear if dear else np.nan
            found["cost_weak"] = 100 * cheap / dear if dear else np.nan
        return found

    def _along(self, value: Floats) -> Floats:
        """What ``value`` sums to over the questions sent up, from none on, equal scores at a time."""
        sums: Floats = np.r_[0.0, np.cumsum(value[self._order])][np.r_[0, self._ends]]
        return sums


def first_at(x: Floats, y: Floats, target: float) -> float:
    """The smallest ``x`` at which the piecewise linear curve ``y(x)`` reaches ``target``, NaN if never."""
    reached = y >= target - _SLACK
    i = int(np.argmax(reached))
    if not reached[i]:
        return float("nan")
    if i == 0 or y[i - 1] == y[i]:
        return float(x[i])
    return float(x[i - 1] + (x[i] - x[i - 1]) * (target - y[i - 1]) / (y[i] - y[i - 1]))


def router_metrics(
    score: ArrayLike, qw: ArrayLike, qs: ArrayLike, cw: ArrayLike | None = None, cs: ArrayLike | None = None
) -> dict[str, float]:
    """The figures of a router that sends the questions of the highest score to the strong model.

    ``n``, ``weak`` and ``strong`` (mean qualities), ``APGR``, ``CPT50``, ``CPT80``, ``CPT95``; where costs
    are given, ``cost95`` and ``cost99`` (the least spend at that part of the strong model's quality) and
    ``cost_weak``, in percent of always asking the strong model. NaN is what is never reached, or not
    defined, as APGR where both models are equally good.

    Raises:
        ValueError: a score is not a number.
    """
    pair = Pair(qw, qs, cw, cs)
    return {"n": len(pair), **Ranking(score).figures(pair)}


def gate_metrics(
    accept: ArrayLike, qw: ArrayLike, qs: ArrayLike, cw: ArrayLike | None = None, cs: ArrayLike | None = None
) -> dict[str, float]:
    """The figures of a gate behind which a rejected answer is asked of the strong model again.

    ``escalated``; ``precision`` and ``recall`` of its rejections, ``false_alarm`` (the share of good answers
    that it rejects), ``accept_given_wrong`` (the share of bad ones that it lets pass), ``quality`` with
    ``weak`` and ``strong``, and ``cost`` in percent of always-strong: a rejected answer is paid for too.
    """
    return gate_figures(accept, Pair(qw, qs, cw, cs))


def gate_figures(accept: ArrayLike, pair: Pair, weights: Floats | None = None) -> dict[str, float]:
    """:func:`gate_metrics`, where ``weights`` is how often each question counts."""
    times = np.ones(len(pair)) if weights is None else weights
    up, bad = ~np.asarray(accept, bool), bad_answers(pair.qw, pair.qs)
    good, n = ~bad, float(times.sum())
    ups, bads, goods, caught = (float(times[which].sum()) for which in (up, bad, good, up & bad))
    found = {
        "n": n,
        "escalated": ups / n,
        "precision": caught / max(1.0, ups),
        "recall": caught / max(1.0, bads),
        "false_alarm": (ups - caught) / max(1.0, goods),
        "accept_given_wrong": (bads - caught) / max(1.0, bads),
        "quality": _mean(np.where(up, pair.qs, pair.qw), weights),
        "weak": _mean(pair.qw, weights),
        "strong": _mean(pair.qs, weights),
    }
    if pair.cw is not None and pair.cs is not None:
        dear = _mean(pair.cs, weights)
        spent = _mean(pair.cw + np.where(up, pair.cs, 0.0), weights)
        found["cost"] = 100 * spent / dear if dear else np.nan
    return found


def both_metrics(score: ArrayLike, accept: ArrayLike, pair: Pair) -> dict[str, float]:
    """The least cost at 95 % of strong quality of a router with a gate behind what stays with the weak model.

    ``cost95_router_and_gate`` in percent of always-strong, with its ``quality``, ``threshold``, ``direct``
    (the share that is sent to the strong model at once) and ``strong_share``: of 101 quantiles of the score
    the best threshold, chosen on these very questions. Only the first, and that not a number, where none will
    do.
    """
    found = np.asarray(score, float)
    accepted = np.asarray(accept, bool)
    best: dict[str, float] = {"cost95_router_and_gate": np.nan}
    if pair.cw is None or pair.cs is None or not pair.cs.any():
        return best
    for threshold in np.quantile(found, np.linspace(0, 1, 101)):
        direct = found > threshold
        strong = direct | ~accepted
        quality = float(np.where(strong, pair.qs, pair.qw).mean())
        spent = (np.where(direct, 0.0, pair.cw) + np.where(strong, pair.cs, 0.0)).mean()
        cost = 100 * float(spent / pair.cs.mean())
        if quality >= _TARGET * pair.qs.mean() and not best["cost95_router_and_gate"] <= cost:
            best = {
                "cost95_router_and_gate": cost,
                "quality": quality,
                "threshold": float(threshold),
                "direct": float(direct.mean()),
                "strong_share": float(strong.mean()),
            }
    return best


def bad_answers(qw: ArrayLike, qs: ArrayLike) -> NDArray[np.bool_]:
    """Which of the weak model's answers a gate should reject.

    Where answers are right or wrong, the wrong ones; on a finer scale, those that the strong model beats.
    """
    low = np.asarray(qw, float)
    graded = bool(set(np.unique(low).tolist()) - {0.0, 1.0})
    found: NDArray[np.bool_] = low < np.asarray(qs, float) if graded else low < 1.0
    return found


def auroc(p_bad: ArrayLike, bad: ArrayLike, weights: Floats | None = None) -> float:
    """How likely a bad answer has a higher ``p_bad`` than a good one, ties counting half; NaN for one class.

    Raises:
        ValueError: a ``p_bad`` is not a number.
    """
    found, truth = np.asarray(p_bad, float), np.asarray(bad, bool)
    if np.isnan(found).any():
        raise ValueError("a p_bad is not a number")
    _, place = np.unique(found, return_inverse=True)
    times = np.ones(len(found)) if weights is None else weights
    bads = np.bincount(place, np.where(truth, times, 0.0))
    goods = np.bincount(place, np.where(truth, 0.0, times))
    pairs = bads.sum() * goods.sum()
    below = np.cumsum(goods) - goods
    return float((bads * (below + goods / 2)).sum() / pairs) if pairs else float("nan")


def resamples(n: int, times: int, seed: int = 0) -> Iterator[Floats]:
    """How often each of ``n`` questions is drawn, in each of ``times`` bootstrap samples."""
    rng = np.random.default_rng(seed)
    for _ in range(times):
        yield np.bincount(rng.integers(0, n, n), minlength=n).astype(float)


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float], n: int, times: int = 300, seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of ``figure``, a function of the numbers of the questions drawn.

    Samples for which it is not a number are left out; the interval is NaN where none is left.
    """
    rng = np.random.default_rng(seed)
    return interval([figure(rng.integers(0, n, n)) for _ in range(times)])


def interval(values: ArrayLike) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile of what is a number among ``values``; NaN where nothing is."""
    found: Any = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if not len(found):
        return float("nan"), float("nan")
    low, high = np.percentile(found, _TAILS)
    return float(low), float(high)


def _gap_figures(curve: Curve, weak: float, strong: float) -> dict[str, float]:
    gap = strong - weak
    if abs(gap) <= _NO_GAP:
        return dict.fromkeys(("APGR", *(f"CPT{p}" for p in CPTS)), float("nan"))
    pgr = (curve.quality - weak) / gap
    area = float(((pgr[1:] + pgr[:-1]) / 2 * np.diff(curve.share)).sum())
    return {"APGR": area, **{f"CPT{p}": first_at(curve.share, pgr, p / 100) for p in CPTS}}


def _mean(value: Floats, weights: Floats | None) -> float:
    return float(value.mean() if weights is None else (value * weights).sum() / weights.sum())
