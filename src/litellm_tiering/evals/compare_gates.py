"""Gates on recorded answers: what they catch, what they cost, and what they are worth behind a router."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from litellm_tiering.evals.compare import WORDS, pair_of, reliability, share_at
from litellm_tiering.evals.compare_policies import Cascades, crossfit, folds_of
from litellm_tiering.evals.metrics import COSTS, auroc, bad_answers, both_metrics, gate_figures
from litellm_tiering.evals.report import CrossLine, GateLine, GateReport, Share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from litellm_tiering.evals.compare import Doubt
    from litellm_tiering.evals.metrics import Floats, Pair
    from litellm_tiering.evals.report_rows import Contender, Rows, Verdicts, Ways

    Flags = NDArray[np.bool_]

GATES = "gates alone"
BOTH = "router and gates"


def compare_gates(
    rows: Rows, contender: Contender, way: Ways, tiers: tuple[tuple[str, str], tuple[str, str]], doubt: Doubt
) -> GateReport:
    """A contender's gates on the answers of the first of two tiers, with the second behind them."""
    weak, strong = tiers
    seen, pair = way.verdicts[weak[1]], pair_of(rows, weak[1], strong[1])
    bad = bad_answers(pair.qw, pair.qs)

    def found(weights: Floats | None) -> dict[str, float]:
        return {"AUROC": auroc(seen.p_bad, bad, weights), **gate_figures(seen.accept, pair, weights)}

    return GateReport(
        label=contender.label,
        weak=weak,
        strong=strong,
        n=len(pair),
        bad=float(bad.mean()),
        figures=doubt.over(found, len(pair)),
        both=both_metrics(way.score, seen.accept, pair),
        lines=_lines(seen, bad),
        cross=_cross(rows, way, seen, pair, doubt),
        calibration=reliability(
            f"{contender.label}, gates on {weak[0]}", seen.p_bad, bad.astype(float), judged=True
        ),
    )


def _lines(seen: Verdicts, bad: Flags) -> tuple[GateLine, ...]:
    """The gates in the order in which they are listed; those that were not asked alone after them."""
    names = [*seen.alone, *(n for n in seen.names if n not in seen.alone)]
    places = {name: i for i, name in enumerate(seen.names)}
    rejections = np.array(list(seen.alone.values())).sum(axis=0) if seen.alone else None
    found = []
    for name in names:
        first = _share(seen.by == places.get(name, len(places)), bad)
        rejects = seen.alone.get(name)
        if rejects is None or rejections is None:
            found.append(GateLine(name, first, None, None, float("nan")))
            continue
        caught = float((rejects & bad).sum() / bad.sum()) if bad.any() else float("nan")
        only = _share(rejects & (rejections == 1), bad)
        found.append(GateLine(name, first, _share(rejects, bad), only, caught))
    return tuple(found)


def _cross(rows: Rows, way: Ways, seen: Verdicts, pair: Pair, doubt: Doubt) -> tuple[CrossLine, ...]:
    """Router, gates, and both, by scores and ``p_bad`` whose thresholds were chosen on other questions."""
    if pair.cw is None or pair.cs is None:
        return ()
    fold, level = folds_of(len(pair), doubt.seed), np.zeros(len(pair))
    quality, cost = (pair.qw, pair.qs), (pair.cw, pair.cs)
    kinds = {
        f"{WORDS} alone": (rows.words, level),
        "router alone": (way.score, level),
        GATES: (level, seen.p_bad),
        BOTH: (way.score, seen.p_bad),
        f"{WORDS} and gates": (rows.words, seen.p_bad),
    }
    families = {name: Cascades(score, p_bad, quality, cost, fold) for name, (score, p_bad) in kinds.items()}
    dear_of, good_of = pair.cs, pair.qs

    def found(weights: Floats | None) -> dict[tuple[str, int], float]:
        target, dear = (float(np.average(v, weights=weights)) for v in (good_of, dear_of))
        traded = {name: crossfit(family.family(weights)) for name, family in families.items()}
        return {(name, p): share_at(t, p, target, dear) for name, t in traded.items() for p in COSTS}

    spread = doubt.over(found, len(pair))
    return tuple(CrossLine(name, {p: spread[name, p] for p in COSTS}) for name in families)


def _share(which: Flags, bad: Flags) -> Share:
    n = int(which.sum())
    return Share(n, float(bad[which].mean()) if n else float("nan"))
