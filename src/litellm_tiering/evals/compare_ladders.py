"""Which models should be the tiers: every sensible pair and triple of a file's models, by what they cost.

On recorded outcomes this choice matters more than any classifier, and a third tier rarely brings anything
that the right two do not.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.evals.compare import Doubt, share_at
from litellm_tiering.evals.compare_policies import Ladders, crossfit, folds_of, oracle
from litellm_tiering.evals.metrics import COSTS
from litellm_tiering.evals.report import Figure
from litellm_tiering.evals.report_ladders import Choice, LadderReport, Rung

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.evals.compare_policies import Ints
    from litellm_tiering.evals.metrics import Floats
    from litellm_tiering.evals.report_rows import Rows

MOST_MODELS = 12
"""Of how many models ladders are made, those of the best quality."""

MOST_TIMES = 200
"""How many bootstrap samples are drawn at most."""

MOST_ROWS = 20_000
"""On how many questions ladders are compared at most: the first of the file."""

_LOOKED_AT = 8
_PRESENT = 0.5


@dataclass(frozen=True, slots=True)
class _Field:
    """The models and questions that ladders are compared on."""

    models: tuple[str, ...]  # by mean cost
    quality: Mapping[str, Floats]
    cost: Mapping[str, Floats]
    scores: Mapping[str, Floats]
    fold: Ints

    @property
    def n(self) -> int:
        return len(self.fold)

    @property
    def best(self) -> str:
        return max(self.models, key=lambda m: float(self.quality[m].mean()))


def compare_ladders(
    rows: Rows, scores: Mapping[str, Floats], current: tuple[str, ...], doubt: Doubt
) -> LadderReport | None:
    """Every sensible ladder of the models in ``rows``; None where fewer than two have known costs.

    Args:
        rows: The questions, with all models' answers.
        scores: By label, what parts questions between tiers; the first one decides which ladder is best.
        current: The models of the ladder that is there now, cheapest first; empty for none.
        doubt: How intervals are found.
    """
    field = _field(rows, scores)
    if field is None:
        return None
    deciding = next(iter(scores))
    listed = [m for m in _sensible(field) if m != current]
    points = {models: _costs(field, models, None) for models in listed}
    looked_at = _shortlist(points, deciding)
    if current and all(m in field.models for m in current):
        looked_at.insert(0, current)
    sampled = Doubt(min(doubt.times, MOST_TIMES), doubt.seed)
    firsts: Counter[tuple[tuple[str, ...] | None, int]] = Counter()

    def found(weights: Floats | None) -> dict[tuple[Any, ...], float]:
        costs = {models: _costs(field, models, weights) for models in looked_at}
        if weights is not None:
            firsts.update((_cheapest(costs, (deciding, p)), p) for p in COSTS)
        return _flat(costs, deciding)

    spread = sampled.over(found, field.n)
    choices = tuple(
        _choice(field, models, spread, points, {p: firsts[models, p] / max(1, sampled.times) for p in COSTS})
        for models in dict.fromkeys((*looked_at, *listed))
    )
    dear = float(field.cost[field.best].mean())
    rungs = tuple(
        Rung(m, float(field.quality[m].mean()), 100 * float(field.cost[m].mean()) / dear)
        for m in field.models
    )
    return LadderReport(field.best, field.n, deciding, rungs, current, choices)


def _field(rows: Rows, scores: Mapping[str, Floats]) -> _Field | None:
    """The models that most questions have a priced answer of, and the questions that all of them have."""
    priced = [m for m, cost in rows.cost.items() if np.nansum(cost) > 0]
    known = {m: ~np.isnan(rows.quality[m]) & ~np.isnan(rows.cost[m]) for m in priced}
    common = [m for m, has in known.items() if has.mean() >= _PRESENT]
    common.sort(key=lambda m: -float(rows.quality[m][known[m]].mean()))
    models = common[:MOST_MODELS]
    if len(models) < 2:  # noqa: PLR2004 - a ladder has two rungs
        return None
    both = np.nonzero(np.logical_and.reduce([known[m] for m in models]))[0][:MOST_ROWS]
    if not len(both):
        return None
    quality, cost = ({m: held[m][both] for m in models} for held in (rows.quality, rows.cost))
    models.sort(key=lambda m: float(cost[m].mean()))
    return _Field(tuple(models), quality, cost, {k: s[both] for k, s in scores.items()}, folds_of(len(both)))


def _sensible(field: _Field) -> list[tuple[str, ...]]:
    """Pairs and triples in which whoever costs more is better, on average."""
    quality = {m: float(q.mean()) for m, q in field.quality.items()}
    cost = {m: float(c.mean()) for m, c in field.cost.items()}
    found = itertools.chain.from_iterable(itertools.combinations(field.models, k) for k in (2, 3))
    return [
        ladder
        for ladder in found
        if all(cost[a] < cost[b] and quality[a] < quality[b] for a, b in itertools.pairwise(ladder))
    ]


def _costs(field: _Field, models: Sequence[str], weights: Floats | None) -> dict[tuple[str, int], float]:
    """By score and percentage: what a ladder costs at that part of the best model's quality."""
    quality, cost = ([held[m] for m in models] for held in (field.quality, field.cost))
    best = (field.quality[field.best], field.cost[field.best])
    target, dear = (float(np.average(values, weights=weights)) for values in best)
    found: dict[tuple[str, int], float] = {}
    for label, score in field.scores.items():
        ladders = Ladders(score, quality, cost, field.fold)
        traded = crossfit(ladders.family(weights))
        found |= {(label, p): share_at(traded, p, target, dear) for p in COSTS}
    return found


def _shortlist(
    points: Mapping[tuple[str, ...], Mapping[tuple[str, int], float]], deciding: str
) -> list[tuple[str, ...]]:
    """The ladders that intervals are found for: the cheapest pairs and triples at each quality."""
    found: list[tuple[str, ...]] = []
    for p, size in itertools.product(COSTS, (2, 3)):
        ladders = [m for m in points if len(m) == size and not np.isnan(points[m][deciding, p])]
        found += sorted(ladders, key=lambda m: points[m][deciding, p])[: _LOOKED_AT // 2]
    return list(dict.fromkeys(found))


def _cheapest(
    costs: Mapping[tuple[str, ...], Mapping[tuple[str, int], float]], key: tuple[str, int]
) -> tuple[str, ...] | None:
    """The cheapest ladder of those that reach the quality; None where none does."""
    reached = {models: held[key] for models, held in costs.items() if not np.isnan(held[key])}
    return min(reached, key=lambda m: reached[m], default=None)


def _flat(
    costs: Mapping[tuple[str, ...], Mapping[tuple[str, int], float]], deciding: str
) -> dict[tuple[Any, ...], float]:
    """Each ladder's costs, and how much more it costs than each other one."""
    found: dict[tuple[Any, ...], float] = {}
    for models, held in costs.items():
        found |= {("cost", models, key): cost for key, cost in held.items()}
        for (other, theirs), p in itertools.product(costs.items(), COSTS):
            found["beside", models, (other, p)] = held[deciding, p] - theirs[deciding, p]
    return found


def _choice(
    field: _Field,
    models: tuple[str, ...],
    spread: Mapping[tuple[Any, ...], Figure],
    points: Mapping[tuple[str, ...], Mapping[tuple[str, int], float]],
    first: Mapping[int, float],
) -> Choice:
    closely = {key[2]: f for key, f in spread.items() if key[:2] == ("cost", models)}
    target, dear = (float(held[field.best].mean()) for held in (field.quality, field.cost))
    known = oracle([field.quality[m] for m in models], [field.cost[m] for m in models])
    return Choice(
        models=models,
        cost=closely or {key: Figure(c) for key, c in points[models].items()},
        oracle={p: share_at(known, p, target, dear) for p in COSTS},
        first=first if closely else {},
        beside={key[2]: f for key, f in spread.items() if key[:2] == ("beside", models)},
    )
