"""From the rows of an outcome file to a whole evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from litellm_tiering.evals.compare import (
    WORDS,
    Doubt,
    Tiers,
    calibrations,
    compare_pair,
    compare_policies,
    cross_lines,
    effort,
)
from litellm_tiering.evals.compare_gates import compare_gates
from litellm_tiering.evals.compare_groups import compare_groups
from litellm_tiering.evals.compare_ladders import compare_ladders
from litellm_tiering.evals.compare_policies import MAX_TIERS
from litellm_tiering.evals.report import Effort
from litellm_tiering.evals.report_result import Evaluation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.evals.metrics import Floats
    from litellm_tiering.evals.report import GateReport, PairReport
    from litellm_tiering.evals.report_ladders import LadderReport
    from litellm_tiering.evals.report_rows import Contender, Rows

_GATE_TIMES = 200


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the rows.

    Attributes:
        source: The name of the outcome file.
        tiers: The tiers; None where only ladders are compared.
        doubt: How intervals are found.
        gates: Whether the gates are evaluated.
        ladders: Whether other models for the tiers are.
        paid: By contender, why its router tax cannot be told from here.
    """

    source: str
    tiers: Tiers | None
    doubt: Doubt
    gates: bool = False
    ladders: bool = False
    paid: Mapping[str, str] | None = None


def evaluate(rows: Rows, contenders: Sequence[Contender], asked: Question) -> Evaluation:
    """Everything that is asked of ``rows``, of which there must be some."""
    tiers, doubt = asked.tiers, asked.doubt
    if tiers is None:
        return Evaluation(asked.source, len(rows), ladders=_ladders(rows, contenders, (), doubt))
    searched = len(tiers.names) <= MAX_TIERS
    return Evaluation(
        source=asked.source,
        n=len(rows),
        tiers=tuple(zip(tiers.names, tiers.models, strict=True)),
        pairs=tuple(_pairs(rows, contenders, tiers, doubt)),
        groups=tuple(compare_groups(rows, contenders, tiers, doubt)),
        policies=compare_policies(rows, contenders, tiers, doubt),
        cross=cross_lines(rows, contenders, tiers, doubt) if searched else (),
        calibrations=calibrations(rows, contenders, tiers.models[0], tiers.models[-1]),
        efforts=tuple(_efforts(rows, contenders, asked.paid or {})),
        gates=tuple(_gates(rows, contenders, tiers, doubt)) if asked.gates else (),
        ladders=_ladders(rows, contenders, tiers.models, doubt) if asked.ladders else None,
        remarks=tuple(_remarks(rows, contenders, tiers)),
    )


def _pairs(rows: Rows, contenders: Sequence[Contender], tiers: Tiers, doubt: Doubt) -> Iterator[PairReport]:
    """Between the cheapest tier and the dearest, then step by step where there are more than two."""
    top = len(tiers.names) - 1
    steps = [(0, top)] + [(r, r + 1) for r in range(top) if top > 1]
    for low, high in steps:
        yield compare_pair(rows, contenders, tiers.at(low), tiers.at(high), doubt)


def _gates(rows: Rows, contenders: Sequence[Contender], tiers: Tiers, doubt: Doubt) -> Iterator[GateReport]:
    fewer = Doubt(min(doubt.times, _GATE_TIMES), doubt.seed)
    for contender, way in zip(contenders, rows.ways, strict=True):
        for rank in range(len(tiers.names) - 1):
            if tiers.models[rank] in way.verdicts:
                yield compare_gates(rows, contender, way, (tiers.at(rank), tiers.at(rank + 1)), fewer)


def _ladders(
    rows: Rows, contenders: Sequence[Contender], current: tuple[str, ...], doubt: Doubt
) -> LadderReport | None:
    scores: dict[str, Floats] = {c.label: w.score for c, w in zip(contenders, rows.ways, strict=True)}
    return compare_ladders(rows, {**scores, WORDS: rows.words}, current, doubt)


def _efforts(rows: Rows, contenders: Sequence[Contender], paid: Mapping[str, str]) -> Iterator[Effort]:
    for contender, way in zip(contenders, rows.ways, strict=True):
        found = effort(contender, way)
        why = paid.get(contender.label)
        yield found if why is None else Effort(found.label, found.median_ms, found.p95_ms, None, why)


def _remarks(rows: Rows, contenders: Sequence[Contender], tiers: Tiers) -> Iterator[str]:
    for contender in contenders:
        missing = [name for name in contender.tiers if name not in tiers.names]
        if missing:
            yield (
                f"{contender.label}: no model stands for {', '.join(missing)}, so what its thresholds come "
                "to is left out; give --tier NAME=MODEL for every tier"
            )
    for name, values in rows.signals.items():
        if np.isnan(values).any():
            yield f"{name} could not score every question and is left out"
    unpriced = [m for m in tiers.models if rows.costs(m) is None]
    if unpriced:
        yield f"costs are not known of every answer of {', '.join(unpriced)}: figures of cost are left out"
