"""The result of a replay as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.cli.common import table
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.evals.result import Result


def text_of(result: Result, settings: Settings) -> str:
    """A summary, and a row for every hour that has requests."""
    days = f"{result.days} day{'s'[: result.days > 1]}"
    head = f"{result.requests:,} requests in {days}, policy {result.policy}"
    return "\n\n".join([head, table(_summary(result, settings)), table(_hours(result, settings))])


def _summary(result: Result, settings: Settings) -> list[tuple[str, str]]:
    limit = "" if result.limit is None else f" of {_usd(result.limit)} ({result.ratio:.1%})"
    kind = "of the answers, as recorded" if result.measured else "served at the tier they were classified for"
    late = f"{result.late_share:.1%} from 18:00 on"
    floor = f"{result.floored_share:.1%} to {settings.ladder[0].name}"
    rows = [
        ("spent", f"{_usd(result.spent)}{limit}; {_usd(result.wanted)} if money were no object"),
        (
            "moved down",
            f"{result.downgraded_share:.1%}{_by(result.reasons, result.requests)}; {late}; {floor}",
        ),
        ("refused", f"{result.refused_share:.1%}{_by(result.refused, result.requests)}"),
        ("quality", f"{result.quality:.3f} {kind}; {result.quality_wanted:.3f} if money were no object"),
        ("tier changes", f"{result.changes / result.days:.0f} a day"),
    ]
    if result.forecast_error is not None:
        rows.append(("forecasts", f"{result.forecast_error:.1%} off the window's end on average"))
    return rows


def _by(counts: Mapping[str, int], requests: int) -> str:
    shares = ", ".join(f"{k} {n / requests:.1%}" for k, n in sorted(counts.items()))
    return f" ({shares})" if shares else ""


def _hours(result: Result, settings: Settings) -> list[tuple[str, ...]]:
    tiers = [t.name for t in settings.ladder.tiers]
    foretold = any(h.forecast is not None for h in result.hours)
    rows: list[tuple[str, ...]] = [
        ("HOUR", "REQUESTS", "SPENT", *tiers, "DOWN", "REFUSED", *(("FORECAST",) if foretold else ()))
    ]
    for h in result.hours:
        if not h.requests:
            continue
        served = sum(h.tiers.values()) or 1
        rows.append(
            (
                f"{h.hour:02d}",
                f"{h.requests:,}",
                _usd(h.spent),
                *(f"{h.tiers[t] / served:.0%}" for t in tiers),
                f"{h.downgraded / h.requests:.0%}",
                f"{h.refused / h.requests:.0%}",
                *(("" if h.forecast is None else _usd(h.forecast),) if foretold else ()),
            )
        )
    return rows


def _usd(amount: int) -> str:
    dollars = usd(amount)
    return f"${dollars:,.2f}" if dollars >= 1 or not amount else f"${dollars:.4f}"
