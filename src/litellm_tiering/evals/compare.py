"""Routers beside each other on the same questions: curves, policies as they stand, calibration, effort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.evals.compare_policies import Ladders, Traded, crossfit, folds_of, oracle
from litellm_tiering.evals.metrics import COSTS, Pair, Ranking, interval, resamples
from litellm_tiering.evals.policy_sim import GateWord, Recorded, simulate
from litellm_tiering.evals.report import (
    Bin,
    Calibration,
    CrossLine,
    Effort,
    Figure,
    PairReport,
    Part,
    PolicyLine,
    RouterLine,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from litellm_tiering.evals.compare_policies import Ints
    from litellm_tiering.evals.metrics import Floats
    from litellm_tiering.evals.report_rows import Contender, Rows, Ways

WORDS = "word count"
RANDOM = "random"
ORACLE = "oracle"

BINS = 10
"""How many steps of a score a calibration has."""

_CURVE_POINTS = 200
_WORDS_MARK, _FIRST_MARK = "-words", "-first"


@dataclass(frozen=True, slots=True)
class Doubt:
    """How intervals are found: a percentile bootstrap over questions.

    Attributes:
        times: How many samples are drawn; 0 for no intervals.
        seed: Another number, other samples.
    """

    times: int
    seed: int = 0

    def over(self, found: Callable[[Floats | None], Mapping[Any, float]], n: int) -> dict[Any, Figure]:
        """The figures of ``found``, a function of how often each of ``n`` questions counts."""
        point = found(None)
        drawn: dict[Hashable, list[float]] = {key: [] for key in point}
        for weights in resamples(n, self.times, self.seed):
            for key, value in found(weights).items():
                drawn[key].append(value)
        return {key: Figure(value, *interval(drawn[key])) for key, value in point.items()}


@dataclass(frozen=True, slots=True)
class Tiers:
    """The tiers that are compared.

    Attributes:
        names: Their names, cheapest first.
        models: Whose answers stand for each.
    """

    names: tuple[str, ...]
    models: tuple[str, ...]

    def at(self, rank: int) -> tuple[str, str]:
        """A tier's name and model."""
        return self.names[rank], self.models[rank]


def scores_of(rows: Rows, contenders: Sequence[Contender]) -> dict[str, tuple[str, Floats]]:
    """By label: a kind and a score for each question, the contenders' first."""
    found: dict[str, tuple[str, Floats]] = {
        c.label: ("chain", way.score) for c, way in zip(contenders, rows.ways, strict=True)
    }
    found[WORDS] = ("words", rows.words)
    found |= {name: ("baseline", s) for name, s in rows.signals.items() if not np.isnan(s).any()}
    found[RANDOM] = ("baseline", np.zeros(len(rows)))
    return found


def pair_of(rows: Rows, weak: str, strong: str) -> Pair:
    """What two models made of the questions."""
    return Pair(rows.quality[weak], rows.quality[strong], rows.costs(weak), rows.costs(strong))


def compare_pair(
    rows: Rows, contenders: Sequence[Contender], weak: tuple[str, str], strong: tuple[str, str], doubt: Doubt
) -> PairReport:
    """Every score as a router between two tiers, each given as its name and its model."""
    pair = pair_of(rows, weak[1], strong[1])
    scores = {**scores_of(rows, contenders), ORACLE: ("oracle", pair.qs - pair.qw)}
    rankings = {label: Ranking(score) for label, (_, score) in scores.items()}

    def found(weights: Floats | None) -> dict[tuple[str, str], float]:
        each = {label: ranking.figures(pair, weights) for label, ranking in rankings.items()}
        flat = {(label, name): value for label, held in each.items() for name, value in held.items()}
        for label, held in each.items():
            for other, mark in ((WORDS, _WORDS_MARK), (next(iter(each)), _FIRST_MARK)):
                beside = {n: held[n] - each[other][n] for n in ("APGR", "cost95") if n in held}
                flat |= {(label, f"{name}{mark}"): value for name, value in beside.items()}
        flat["", "gap"] = _mean(pair.qs - pair.qw, weights)
        return flat

    spread = doubt.over(found, len(pair))
    first = next(iter(scores))
    lines = tuple(
        RouterLine(
            label,
            kind,
            _of(spread, label),
            {} if label == WORDS else _beside(spread, label, _WORDS_MARK),
            _beside(spread, label, _FIRST_MARK) if kind == "chain" and label != first else {},
            _curve(rankings[label], pair),
        )
        for label, (kind, _) in scores.items()
    )
    return PairReport(
        weak=weak,
        strong=strong,
        n=len(pair),
        gap=spread["", "gap"],
        better=float((pair.qs > pair.qw).mean()),
        worse=float((pair.qs < pair.qw).mean()),
        priced=pair.cw is not None,
        lines=lines,
    )


def compare_policies(
    rows: Rows, contenders: Sequence[Contender], tiers: Tiers, doubt: Doubt
) -> tuple[PolicyLine, ...]:
    """Every contender at its own thresholds, with its gates where they were asked, and always each tier."""
    quality = np.array([rows.quality[m] for m in tiers.models])
    costs = [rows.costs(m) for m in tiers.models]
    cost = None if any(c is None for c in costs) else np.array(costs)
    ranks = {f"always {name}": np.full(len(rows), rank) for rank, name in enumerate(tiers.names)}
    for contender, way in zip(contenders, rows.ways, strict=True):
        if contender.tiers == tiers.names:
            ranks[contender.label] = way.rank
    found = [_policy(label, rank, tiers, (quality, cost), doubt) for label, rank in ranks.items()]
    for contender, way in zip(contenders, rows.ways, strict=True):
        if contender.tiers == tiers.names and set(tiers.models[:-1]) <= set(way.verdicts):
            found.append(_cascade(contender, way, tiers, (quality, cost), doubt))
    return tuple(found)


def cross_lines(
    rows: Rows, contenders: Sequence[Contender], tiers: Tiers, doubt: Doubt
) -> tuple[CrossLine, ...]:
    """What each score costs at a quality, with thresholds that were not chosen on the questions counted.

    Empty where costs are not known.
    """
    quality = [rows.quality[m] for m in tiers.models]
    cost = [c for m in tiers.models if (c := rows.costs(m)) is not None]
    if len(cost) < len(quality):
        return ()
    fold = folds_of(len(rows), doubt.seed)
    families = {
        label: Ladders(score, quality, cost, fold)
        for label, (_, score) in scores_of(rows, contenders).items()
    }

    def found(weights: Floats | None) -> dict[tuple[str, int], float]:
        target, dear = _mean(quality[-1], weights), _mean(cost[-1], weights)
        traded = {label: crossfit(ladders.family(weights)) for label, ladders in families.items()}
        return {(label, p): share_at(t, p, target, dear) for label, t in traded.items() for p in COSTS}

    spread = doubt.over(found, len(rows))
    known = oracle(quality, cost)
    target, dear = _mean(quality[-1], None), _mean(cost[-1], None)
    best = CrossLine(ORACLE, {p: Figure(share_at(known, p, target, dear)) for p in COSTS})
    return (*(CrossLine(label, {p: spread[label, p] for p in COSTS}) for label in families), best)


def calibrations(
    rows: Rows, contenders: Sequence[Contender], weak: str, strong: str
) -> tuple[Calibration, ...]:
    """By steps of each contender's score, how much better the strong model's answers really are."""
    gain = rows.quality[strong] - rows.quality[weak]
    return tuple(
        reliability(c.label, way.score, gain, judged=c.predicts_gain)
        for c, way in zip(contenders, rows.ways, strict=True)
    )


def reliability(label: str, said: Floats, so: Floats, *, judged: bool) -> Calibration:
    """What was so beside what was said, in steps of about equal numbers.

    ``judged`` tells whether the two are meant to be equal. Intervals are of the mean, by its standard error.
    """
    edges = np.unique(np.quantile(said, np.linspace(0, 1, BINS + 1)[1:-1]))
    step = np.searchsorted(edges, said, side="right")
    bins, distance = [], 0.0
    for i in np.unique(step):
        here = step == i
        n, mean_said, mean_so = int(here.sum()), float(said[here].mean()), float(so[here].mean())
        half = 1.96 * float(so[here].std(ddof=1)) / n**0.5 if n > 1 else float("nan")
        bins.append(Bin(n, mean_said, Figure(mean_so, mean_so - half, mean_so + half)))
        distance += n * abs(mean_said - mean_so)
    return Calibration(label, tuple(bins), Figure(distance / len(said)) if judged else None)


def effort(contender: Contender, way: Ways) -> Effort:
    """How long the contender's decisions took."""
    return Effort(contender.label, float(np.median(way.ms)), float(np.percentile(way.ms, 95)))


def share_at(traded: Traded, percent: int, target: float, dear: float) -> float:
    """The cost at ``percent`` of the quality ``target``, in percent of the cost ``dear``."""
    return 100 * traded.cost_at(percent / 100 * target) / dear if dear else float("nan")


def _policy(
    label: str, rank: Ints, tiers: Tiers, known: tuple[Floats, Floats | None], doubt: Doubt
) -> PolicyLine:
    quality, cost = known
    questions = np.arange(quality.shape[1])
    served = quality[rank, questions]
    at = [rank == r for r in range(len(tiers.names))]

    def found(weights: Floats | None) -> dict[str, float]:
        good = _mean(served, weights)
        random = sum(
            _mean(here.astype(float), weights) * _mean(q, weights)
            for here, q in zip(at, quality, strict=True)
        )
        held = {"quality": good, "over_random": good - random}
        if cost is not None:
            held["cost"] = 100 * _mean(cost[rank, questions], weights) / _mean(cost[-1], weights)
        return held

    spread = doubt.over(found, len(questions))
    alone = any(here.all() for here in at)
    parts = _parts(rank, tiers, quality)
    return PolicyLine(
        label, spread["quality"], spread.get("cost"), None if alone else spread["over_random"], parts
    )


def _cascade(
    contender: Contender, way: Ways, tiers: Tiers, known: tuple[Floats, Floats | None], doubt: Doubt
) -> PolicyLine:
    """A contender with its gates: rejected answers are asked for again, and paid for too.

    The dearest tier's answers were not judged; behind a rejected one they are taken to be served.
    """
    quality, cost = known
    seen = [way.verdicts[m] for m in tiers.models[:-1]]
    questions = np.arange(quality.shape[1])
    top = np.full(len(questions), len(seen))
    word = GateWord(
        "gates",
        np.array([*(~v.accept for v in seen), np.zeros(len(questions), bool)]),
        np.array([*(v.p_bad for v in seen), np.zeros(len(questions))]),
    )
    paid = np.zeros_like(quality) if cost is None else cost
    run = simulate(Recorded(quality, paid, (word,), top, contender.climbs))
    served, spent = run.quality[way.rank, questions], run.cost[way.rank, questions]

    def found(weights: Floats | None) -> dict[str, float]:
        held = {"quality": _mean(served, weights)}
        if cost is not None:
            held["cost"] = 100 * _mean(spent, weights) / _mean(cost[-1], weights)
        return held

    spread = doubt.over(found, len(questions))
    parts = _parts(run.served[way.rank, questions], tiers, quality)
    return PolicyLine(f"{contender.label} with gates", spread["quality"], spread.get("cost"), None, parts)


def _parts(rank: Ints, tiers: Tiers, quality: Floats) -> tuple[Part, ...]:
    """By tier, the share of the questions that it answers and how good the answers to these are."""
    served = quality[rank, np.arange(quality.shape[1])]
    found = []
    for r, name in enumerate(tiers.names):
        here = rank == r
        means = (
            float(q[here].mean()) if here.any() else float("nan") for q in (served, quality[-1], quality[0])
        )
        found.append(Part(name, float(here.mean()), *means))
    return tuple(found)


def _curve(ranking: Ranking, pair: Pair) -> tuple[tuple[float, float], ...]:
    curve = ranking.curve(pair)
    across = (
        100 * curve.share if curve.spend is None or pair.cs is None else 100 * curve.spend / pair.cs.mean()
    )
    keep = np.unique(np.linspace(0, len(across) - 1, _CURVE_POINTS).astype(int))
    return tuple(zip(across[keep].tolist(), curve.quality[keep].tolist(), strict=True))


def _of(spread: Mapping[Any, Figure], label: str) -> dict[str, Figure]:
    marked = (_WORDS_MARK, _FIRST_MARK)
    return {key[1]: f for key, f in spread.items() if key[0] == label and not key[1].endswith(marked)}


def _beside(spread: Mapping[Any, Figure], label: str, mark: str) -> dict[str, Figure]:
    return {k[1].removesuffix(mark): f for k, f in spread.items() if k[0] == label and k[1].endswith(mark)}


def _mean(value: Floats, weights: Floats | None) -> float:
    return float(value.mean() if weights is None else (value * weights).sum() / weights.sum())
