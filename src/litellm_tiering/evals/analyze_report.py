"""What an analysis comes to, for programs; people's text is made of the same."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.evals.analyze_verdict import monthly, verdict
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.evals.analyze import Analysis, Sums

MOST_LISTED = 100
"""How many models and teams are listed, those that cost most first."""


def report(analysis: Analysis, timezone: str, *, asks: bool = False) -> dict[str, Any]:
    """Everything that was found; money in US dollars.

    Args:
        analysis: The calls, added up.
        timezone: Whose hours the day is told by.
        asks: Whether there are classifiers that ask a model: they were not asked.
    """
    market = analysis.market
    found = verdict(analysis)
    return {
        "verdict": found.word.value,
        "reasons": list(found.reasons),
        "calls": _calls(analysis),
        "span": _span(analysis),
        "classes": [
            {"tier": name, "model": model, **_sums(sums, analysis)}
            for name, model, sums in zip(market.names, market.models, analysis.classes, strict=True)
        ],
        "tasks": _table(analysis.tasks, "task", analysis),
        "models": _table(analysis.models, "model", analysis),
        "teams": _table(analysis.teams, "team", analysis),
        "hours": _hours(analysis, timezone),
        "bounds": _bounds(analysis),
        "savings": _savings(analysis),
        "router_tax": _tax(analysis, asks=asks),
        "ladders": _ladders(analysis),
        "logged_to_list_price": analysis.deviations(),
    }


def _calls(analysis: Analysis) -> dict[str, int]:
    t = analysis.totals
    return {
        "all": t.rows,
        "routable": t.routable,
        "failed": t.failed,
        "from_cache": t.from_cache,
        "other": t.other,
        "with_text": t.with_text,
        "cut": t.cut,
        "unserved": t.unserved,
        "faults": t.faults,
        "unpriced": t.unpriced,
        "stands_for": round(t.stands_for),
    }


def _span(analysis: Analysis) -> dict[str, Any] | None:
    t = analysis.totals
    if not math.isfinite(t.first_s):
        return None
    first, last = (dt.datetime.fromtimestamp(s, dt.timezone.utc).isoformat() for s in (t.first_s, t.last_s))
    return {"from": first, "to": last, "days": (t.last_s - t.first_s) / 86_400}


def _sums(sums: Sums, analysis: Analysis) -> dict[str, Any]:
    return {
        "calls": sums.calls,
        "share": sums.calls / max(1, analysis.totals.routable),
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "paid_usd": usd(sums.paid),
        "classified": sums.judged,
        "dearest_share": sums.top / sums.judged if sums.judged else None,
        "saved_usd": usd(sums.text_paid - sums.routed) if sums.text_paid else None,
    }


def _table(table: Mapping[str, Sums], name: str, analysis: Analysis) -> list[dict[str, Any]]:
    ordered = sorted(table.items(), key=lambda pair: (-pair[1].paid, -pair[1].calls, pair[0]))
    return [{name: key, **_sums(sums, analysis)} for key, sums in ordered[:MOST_LISTED]]


def _hours(analysis: Analysis, timezone: str) -> list[dict[str, Any]]:
    """The hours of the day, all days together."""
    zone = ZoneInfo(timezone)
    found: list[list[int]] = [[0, 0] for _ in range(24)]
    for hour, sums in analysis.hours.items():
        of_day = dt.datetime.fromtimestamp(hour * 3600, zone).hour
        found[of_day][0] += sums.calls
        found[of_day][1] += sums.paid
    if not analysis.hours:
        return []
    return [{"hour": i, "calls": calls, "paid_usd": usd(paid)} for i, (calls, paid) in enumerate(found)]


def _bounds(analysis: Analysis) -> dict[str, Any] | None:
    """What tokens and prices alone say."""
    t = analysis.totals
    if not t.paid:
        return None
    return {
        "paid_usd": usd(t.paid),
        "at_most_usd": usd(t.paid - t.least),
        "at_most_share": (t.paid - t.least) / t.paid,
        "always_dearest_usd": usd(t.dearest),
        "at_most_monthly_usd": monthly(analysis, t.paid - t.least),
    }


def _savings(analysis: Analysis) -> dict[str, Any] | None:
    """What the classifiers' word on the requests with text comes to; None where there are none."""
    t = analysis.totals
    if not t.text_paid:
        return None
    interval = analysis.saved_interval()
    option = analysis.ladders.options()[0] if analysis.ladders is not None else None
    return {
        "paid_usd": usd(t.text_paid),
        "routed_usd": usd(t.routed),
        "saved_usd": usd(t.text_paid - t.routed),
        "saved_share": (t.text_paid - t.routed) / t.text_paid,
        "low": None if interval is None else interval[0],
        "high": None if interval is None else interval[1],
        "monthly_usd": monthly(analysis, t.text_paid - t.routed),
        "moved_down": t.moved_down,
        "moved_down_saves_usd": usd(t.saved_down),
        "moved_up": t.moved_up,
        "moved_up_costs_usd": usd(t.added_up),
        "break_even_rejections": None if option is None else option.break_even,
    }


def _tax(analysis: Analysis, *, asks: bool) -> dict[str, Any]:
    """What routing itself costs, before any answer is asked for twice."""
    return {
        "median_ms": analysis.percentile_ms(0.5),
        "p95_ms": analysis.percentile_ms(0.95),
        "p99_ms": analysis.percentile_ms(0.99),
        "lost_provider_cache_usd": usd(analysis.totals.lost_cache),
        "classifiers_not_asked": asks,
    }


def _ladders(analysis: Analysis) -> list[dict[str, Any]]:
    if analysis.ladders is None or not analysis.totals.paid:
        return []
    return [
        {
            "models": list(o.models),
            "current": o.current,
            "saved_share": o.saved if o.paid else None,
            "at_most_share": o.at_most,
            "break_even_rejections": o.break_even,
        }
        for o in analysis.ladders.options()
    ]
