"""The same routers on each group of a mixed stream: what orders the whole may order none of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from litellm_tiering.evals.compare import ORACLE, Doubt, scores_of
from litellm_tiering.evals.metrics import Pair, Ranking
from litellm_tiering.evals.report import Figure, GroupLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_tiering.evals.compare import Tiers
    from litellm_tiering.evals.metrics import Floats
    from litellm_tiering.evals.report_rows import Contender, Rows

LEAST = 30
"""A group of fewer questions says nothing."""

MOST = 30
"""How many groups are shown, the largest first."""

_TIMES = 100


def compare_groups(
    rows: Rows, contenders: Sequence[Contender], tiers: Tiers, doubt: Doubt
) -> Iterator[GroupLine]:
    """Each group between the cheapest tier and the dearest; nothing where there is only one."""
    sizes = np.bincount(rows.group, minlength=len(rows.groups))
    large = [int(g) for g in np.argsort(-sizes, kind="stable")[:MOST] if sizes[g] >= LEAST]
    if (sizes > 0).sum() < 2:  # noqa: PLR2004 - one group is all
        return
    every = scores_of(rows, contenders)
    scores = {label: score for label, (kind, score) in every.items() if kind != "baseline"}
    fewer = Doubt(min(doubt.times, _TIMES), doubt.seed)
    low, high = rows.quality[tiers.models[0]], rows.quality[tiers.models[-1]]
    for group in large:
        here = rows.group == group
        pair = Pair(low[here], high[here])
        rankings = {label: Ranking(score[here]) for label, score in scores.items()}

        def found(
            weights: Floats | None, pair: Pair = pair, rankings: dict[str, Ranking] = rankings
        ) -> dict[str, float]:
            return {label: r.figures(pair, weights)["APGR"] for label, r in rankings.items()}

        spread = fewer.over(found, len(pair))
        best = Ranking(pair.qs - pair.qw).figures(pair)["APGR"]
        gap = Figure(float((pair.qs - pair.qw).mean()))
        name = rows.groups[group] or "(none)"
        yield GroupLine(name, len(pair), gap, {**spread, ORACLE: Figure(best)})
