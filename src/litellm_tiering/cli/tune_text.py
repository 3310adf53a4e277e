"""What tuning came to, as text and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.common import table, visible

if TYPE_CHECKING:
    from litellm_tiering.evals.tune_result import Ladder, Policy, Result

_HEAD = ("", "quality", "of dearest", "cost", "escalated", "begins at")


def as_json(result: Result) -> dict[str, Any]:
    """The result for programs; costs in US dollars a question, or in shares of calls."""
    goal, chosen = result.goal, result.chosen
    return {
        "feasible": chosen is not None,
        "target": goal.target,
        "confidence": goal.confidence,
        "questions": result.questions,
        "models": dict(result.models),
        "classifier": result.classifier,
        "decided": result.decided,
        "thresholds": None if chosen is None else dict(chosen.thresholds),
        "gates": None if chosen is None else dict(chosen.gates),
        "strong_quality": result.strong,
        "strong_cost": result.always,
        "cost_known": result.cost_known,
        "chosen": _policy(result, chosen),
        "point": _policy(result, result.point),
        "configured": _policy(result, result.configured),
        "highest_target": result.highest if chosen is None else None,
        "rows_needed": None if chosen is not None or math.isinf(result.rows) else math.ceil(result.rows),
        "ladders": [
            {"model": x.model, "questions": x.questions, "quality_share": x.share, "cost_share": x.cost}
            for x in result.ladders
        ],
    }


def _policy(result: Result, policy: Policy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "thresholds": dict(policy.thresholds) or None,
        "gates": dict(policy.gates),
        "quality": policy.quality,
        "quality_share": result.share(policy),
        "cost": policy.cost,
        "cost_share": result.spend(policy),
        "begins": dict(policy.begins),
        "escalated": policy.escalated,
    }


def text_of(result: Result) -> str:
    """The result for people."""
    goal = result.goal
    dearest = list(result.models)[-1]
    tiers = ", ".join(f"{tier} = {model}" for tier, model in result.models.items())
    sure = f"with {100 * goal.confidence:.4g} % confidence"
    promise = f"promise: {100 * goal.target:.4g} % of the quality of {dearest}, {sure}"
    lines = [
        f"{result.questions:,} questions; {tiers}",
        promise,
        "",
        table([_HEAD, *_rows(result, dearest)]),
        "",
    ]
    lines += _found(result) if result.chosen is not None else _not_found(result, dearest)
    if result.ladders:
        lines += ["", *_ladders(result)]
    return visible("\n".join(lines))


def _rows(result: Result, dearest: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (f"always {dearest}", f"{result.strong:.3f}", "100.0 %", "100.0 %", "", f"{dearest} 100 %")
    ]
    named = (
        ("promise kept", result.chosen),
        ("configured now", result.configured),
        ("by the mean alone", result.point),
    )
    for name, policy in named:
        if policy is not None:
            begins = ", ".join(f"{tier} {100 * share:.0f} %" for tier, share in policy.begins.items())
            figures = (policy.quality, result.share(policy), result.spend(policy), policy.escalated)
            quality, share, spend, escalated = figures
            cells = (
                f"{quality:.3f}",
                f"{100 * share:.1f} %",
                f"{100 * spend:.1f} %",
                f"{100 * escalated:.0f} %",
            )
            rows.append((name, *cells, begins))
    return rows


def _found(result: Result) -> list[str]:
    chosen = result.chosen
    if chosen is None:  # pragma: no cover - the caller has looked
        return []
    written = ", ".join(f"{tier} {value:.10g}" for tier, value in chosen.thresholds.items())
    lines = [f"thresholds of {result.classifier}: {written}"]
    lines += [f"gate {name}: {value:.10g}" for name, value in chosen.gates.items()]
    gap = 0.0 if result.point is None else 100 * (result.spend(chosen) - result.spend(result.point))
    if gap >= _NOTABLE:
        lines.append(
            f"the proof costs {gap:.1f} points: thresholds by the mean alone miss the target about every "
            "second time"
        )
    idle = [tier for tier, share in chosen.begins.items() if not share]
    if idle and len(result.models) > 2:  # noqa: PLR2004 - with two there is nothing in between
        lines.append(f"no request begins at {', '.join(idle)}: the ladder can do without")
    return lines


def _not_found(result: Result, dearest: str) -> list[str]:
    lines = [
        f"infeasible: no policy that saves anything is shown to keep this promise; always {dearest} keeps it",
    ]
    if result.highest > 0:
        lines.append(f"feasible with these questions: a target of about {result.highest:g}")
    if math.isinf(result.rows):
        lines.append("more questions like these would not help: no cheaper policy is good enough on average")
    elif result.rows > result.questions:
        lines.append(f"for this target it would take about {_about(result.rows)} questions like these")
    return lines


def _about(rows: float) -> str:
    step = 10 ** max(0, math.floor(math.log10(rows)) - 1)
    return f"{math.ceil(rows / step) * step:,}"


def _ladders(result: Result) -> list[str]:
    tiers = {model: tier for tier, model in result.models.items()}
    rows = [("one cheap model in front, routing alone", "its quality", "cost of the promise")]
    for x in result.ladders:
        named = f"{x.model} ({tiers[x.model]})" if x.model in tiers else x.model
        rows.append((named, f"{100 * x.share:.1f} %", _cost(x)))
    best = result.ladders[0]
    told = f"{best.model} in front of {list(result.models)[-1]} alone"
    spend = 1.0 if result.chosen is None else result.spend(result.chosen)
    if best.cost < spend - _NOTABLE:
        return [table(rows), f"{told} would keep the promise at {_cost(best)} instead of {100 * spend:.1f} %"]
    if best.model in tiers and len(tiers) > 2 and best.cost < spend + _NOTABLE:  # noqa: PLR2004 - as above
        return [table(rows), f"{told} does as well: a third tier brings nothing here"]
    return [table(rows), "no other model of the file in front would be notably cheaper"]


_NOTABLE = 0.005
"""The difference in cost, as a share of always asking the dearest tier, that is worth a word."""


def _cost(ladder: Ladder) -> str:
    return "nothing saved" if ladder.cost >= 1.0 else f"{100 * ladder.cost:.1f} %"
