"""An evaluation as titles, tables and sentences: what the text and the page are both made from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.evals.metrics import COSTS, CPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_tiering.evals.report import (
        Calibration,
        CrossLine,
        Figure,
        GateReport,
        GroupLine,
        PairReport,
        PolicyLine,
        Share,
    )
    from litellm_tiering.evals.report_ladders import Choice, LadderReport
    from litellm_tiering.evals.report_result import Evaluation

Row = tuple[str, ...]

MOST_LADDERS = 12
"""How many ladders are shown, the cheapest first."""

_NOTHING = "-"
_GATE_FIGURES = {
    "AUROC": "AUROC of p_bad",
    "escalated": "rejected",
    "precision": "precision",
    "recall": "recall",
    "false_alarm": "false alarms",
    "accept_given_wrong": "accepted, if wrong",
    "quality": "quality behind the gates",
    "cost": "cost, % of always the stronger",
}


class Block(NamedTuple):
    """One part of the report.

    Attributes:
        title: What it tells.
        rows: A table, its head first; empty for none.
        sentences: What is said below it.
    """

    title: str
    rows: tuple[Row, ...] = ()
    sentences: tuple[str, ...] = ()


def headline(found: Evaluation) -> str:
    """What was evaluated, in a line."""
    tiers = ", ".join(f"{name} = {model}" for name, model in found.tiers)
    return f"{found.n:,} questions of {found.source}" + (f"; {tiers}" if tiers else "")


def blocks_of(found: Evaluation) -> Iterator[Block]:
    """The parts of the report, in order."""
    for pair in found.pairs:
        yield _pair(pair)
    if found.groups:
        yield _groups(found.groups)
    if found.policies:
        yield from _policies(found.policies)
    if found.cross:
        yield _cross(found.cross, "dearest")
    yield from (_calibration(c) for c in found.calibrations)
    if found.efforts:
        yield _efforts(found)
    for gates in found.gates:
        yield from _gates(gates)
    if found.ladders is not None:
        yield from _ladders(found.ladders)
    told = dict.fromkeys((*(f for f in found.findings() if f), *found.remarks))
    if found.ladders is None and not found.pairs:
        told["No ladders can be compared: that needs two models or more whose costs are known."] = None
    if told:
        yield Block("In short", sentences=tuple(told))


def _pair(pair: PairReport) -> Block:
    costs = [f"COST {p} %" for p in COSTS] if pair.priced else []
    rows: list[Row] = [
        ("ROUTER", "APGR", "95 % INTERVAL", "OVER WORDS", *(f"CPT{p}" for p in CPTS), *costs),
    ]
    for line in pair.lines:
        f, more = line.figures, line.over_words.get("APGR")
        beside = more if line.kind == "chain" else None
        cost = [f[f"cost{p}"] for p in COSTS] if pair.priced else []
        rows.append(
            (
                line.label,
                number(f["APGR"].value),
                span(f["APGR"]),
                _more(beside),
                *(percent(100 * f[f"CPT{p}"].value) for p in CPTS),
                *(f"{percent(c.value)} {span(c, 0)}".rstrip() for c in cost),
            )
        )
    weak, strong = (f"{name} ({model})" for name, model in (pair.weak, pair.strong))
    title = f"From {weak} to {strong}: quality {_more(pair.gap)}"
    often = f"The stronger is better on {pair.better:.1%} of the questions, worse on {pair.worse:.1%}."
    said = f"{often} Costs are in % of always the stronger." if pair.priced else often
    return Block(title, tuple(rows), (said,))


def _groups(lines: Sequence[GroupLine]) -> Block:
    labels = list(lines[0].apgr)
    rows: list[Row] = [
        ("GROUP", "QUESTIONS", "GAP", *(cell for label in labels for cell in (label.upper(), "")))
    ]
    for line in lines:
        cells = (cell for f in line.apgr.values() for cell in (number(f.value), span(f, 2)))
        rows.append((line.group, f"{line.n:,}", f"{line.gap.value:+.3f}", *cells))
    return Block("APGR by group, from the cheapest tier to the dearest", tuple(rows))


def _policies(lines: Sequence[PolicyLine]) -> Iterator[Block]:
    rows: list[Row] = [("POLICY", "QUALITY", "95 % INTERVAL", "COST", "", "OVER RANDOM", "SHARES")]
    for line in lines:
        shares = ", ".join(f"{p.tier} {p.share:.0%}" for p in line.parts if p.share)
        cost = ("", "") if line.cost is None else (percent(line.cost.value), span(line.cost, 0))
        quality = (number(line.quality.value), span(line.quality))
        rows.append((line.label, *quality, *cost, _more(line.over_random), shares))
    yield Block("As they stand, at their own thresholds", tuple(rows))
    head: Row = ("TIER", "SHARE", "QUALITY", "THE DEAREST TIER'S", "THE CHEAPEST TIER'S")
    for line in lines:
        if line.over_random is not None:
            told: list[Row] = [
                (p.tier, f"{p.share:.1%}", *(number(q) for q in (p.quality, p.dearest, p.cheapest)))
                for p in line.parts
            ]
            yield Block(f"{line.label}: each tier's answers, and what others' would be", (head, *told))


def _cross(lines: Sequence[CrossLine], tier: str) -> Block:
    rows: list[Row] = [("", *(cell for p in COSTS for cell in (f"COST {p} %", "95 % INTERVAL")))]
    for line in lines:
        cells = (c for p in COSTS for c in (percent(line.cost[p].value), span(line.cost[p], 0)))
        rows.append((line.label, *cells))
    return Block(f"Least cost at a part of the {tier} tier's quality, in % of it", tuple(rows), (_ELSEWHERE,))


_ELSEWHERE = "Thresholds were chosen on other questions than those that are counted."


def _calibration(found: Calibration) -> Block:
    if found.error is None:
        title = f"{found.label}: how much better the dearest tier's answer is, by steps of the score"
    else:
        off = f"off by {found.error.value:.3f} on average (ECE)"
        title = f"{found.label}: what was foretold and what was so; {off}"
    rows: list[Row] = [("QUESTIONS", "SAID", "SO", "95 % INTERVAL")]
    rows += [(f"{b.n:,}", number(b.said), number(b.so.value), span(b.so)) for b in found.bins]
    return Block(title, tuple(rows))


def _efforts(found: Evaluation) -> Block:
    rows: list[Row] = [("CLASSIFIERS", "MEDIAN MS", "95 % UNDER", "ROUTER TAX")]
    for e in found.efforts:
        tax = f"not known: {e.remark}" if e.tax is None else f"{e.tax:.1f} %"
        rows.append((e.label, f"{e.median_ms:.2f}", f"{e.p95_ms:.2f}", tax))
    return Block("What deciding takes, reading the request included", tuple(rows))


def _gates(found: GateReport) -> Iterator[Block]:
    rows: list[Row] = [("FIGURE", "", "95 % INTERVAL")]
    for name, told in _GATE_FIGURES.items():
        f = found.figures.get(name)
        if f is None:
            continue
        if name == "precision" and not found.figures["escalated"].value:
            rows.append((told, _NOTHING, ""))
        elif name == "cost":
            rows.append((told, percent(f.value), span(f, 0)))
        else:
            rows.append((told, number(f.value), span(f)))
    judged, behind = (f"{name} ({model})" for name, model in (found.weak, found.strong))
    said = [f"{found.bad:.1%} of the {found.n:,} answers are bad. Rejected ones are asked again of {behind}."]
    least = found.both.get("cost95_router_and_gate", math.nan)
    if not math.isnan(least):
        said.append(
            f"With the router before these verdicts, {least:.1f} % of the cost for 95 % of the quality, at "
            "the threshold that is best on these very questions."
        )
    yield Block(f"{found.label}: the gates on the answers of {judged}", tuple(rows), tuple(said))
    head: Row = (
        "GATE",
        "REJECTS FIRST",
        "PRECISION",
        "ALONE",
        "PRECISION",
        "NO OTHER",
        "PRECISION",
        "RECALL",
    )
    lines: list[Row] = [
        (g.name, *_share(g.first), *_share(g.alone), *_share(g.only), number(g.recall)) for g in found.lines
    ]
    if lines:
        yield Block(f"{found.label}: what each gate rejects", (head, *lines))
    if found.cross:
        yield _cross(found.cross, "stronger")
    yield _calibration(found.calibration)


def _share(held: Share | None) -> Row:
    return (_NOTHING, _NOTHING) if held is None else (f"{held.n:,}", number(held.precision))


def _ladders(found: LadderReport) -> Iterator[Block]:
    models: list[Row] = [("MODEL", "QUALITY", "COST")]
    models += [(r.model, number(r.quality), f"{r.cost:.1f} %") for r in found.rungs]
    said = f"On {found.n:,} questions that all of them answered; costs are in % of always {found.best}."
    yield Block("Models that could be tiers", tuple(models), (said,))
    for p in COSTS:
        ranked = found.ranked(p)
        labels = list(dict.fromkeys(label for c in ranked for label, _ in c.cost))
        head: Row = ("LADDER", *(cell for label in labels for cell in (label.upper(), "")), "ORACLE")
        rows = tuple(_choice(c, labels, p) for c in ranked[:MOST_LADDERS])
        title = f"Ladders at {p} % of the quality of {found.best}"
        yield Block(title, (head, *rows) if rows else (), tuple(found.findings(p)))


def _choice(choice: Choice, labels: Sequence[str], p: int) -> Row:
    costs = [choice.cost[label, p] for label in labels]
    cells = (cell for cost in costs for cell in (percent(cost.value), span(cost, 0)))
    return (choice.name, *cells, percent(choice.oracle[p]))


def number(value: float) -> str:
    """A figure to three places; a dash for none."""
    return _NOTHING if math.isnan(value) else f"{value:.3f}"


def percent(value: float) -> str:
    """A percentage to one place; ``never`` where a quality is not reached."""
    return "never" if math.isnan(value) else f"{value:.1f} %"


def span(figure: Figure, digits: int = 3) -> str:
    """An interval; empty where there is none."""
    if math.isnan(figure.low) or math.isnan(figure.value):
        return ""
    return f"({figure.low:.{digits}f} to {figure.high:.{digits}f})"


def _more(figure: Figure | None) -> str:
    """A difference with its interval, signs shown."""
    if figure is None or math.isnan(figure.value):
        return _NOTHING
    interval = "" if math.isnan(figure.low) else f" ({figure.low:+.3f} to {figure.high:+.3f})"
    return f"{figure.value:+.3f}{interval}"
