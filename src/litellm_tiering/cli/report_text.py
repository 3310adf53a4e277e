"""A report as a table for people, and as CSV for spreadsheets."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.cli.common import table, visible
from litellm_tiering.telemetry.arms_text import ARM_HEAD, arm_rows, arm_sentences
from litellm_tiering.telemetry.debts import debt_sentence
from litellm_tiering.telemetry.foreseen_text import HEAD, shadow_rows, shadow_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS = (
    "requests",
    "refused",
    "attempts",
    "cost_usd",
    "baseline_usd",
    "saved_usd",
    "saved_share",
    "waste_usd",
    "classifier_usd",
    "unplanned_usd",
    "holdout_requests",
    "holdout_usd",
    "probe_usd",
)

_HEAD = ("REQUESTS", "REFUSED", "ATTEMPTS", "COST", "BASELINE", "SAVED", "SHARE", "IN VAIN", "CLASSIFIERS")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(report: Mapping[str, Any]) -> str:
    """A line for each row of the report; a name that a spreadsheet would compute is quoted as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    by = report["by"]
    writer.writerow([by, *COLUMNS])
    for row in report["rows"]:
        name = visible(str(row[by]))
        harmless = f"'{name}" if name.startswith(_FORMULA) else name
        writer.writerow([harmless, *("" if row[c] is None else row[c] for c in COLUMNS)])
    return out.getvalue()


def text_of(report: Mapping[str, Any]) -> str:
    """The report for a terminal."""
    by, total = report["by"], report["total"]
    parts = [f"{report['from']} to {report['to']} ({report['timezone']})"]
    rows = [*report["rows"], {by: "total", **total}]
    parts.append(table([(by.upper(), *_HEAD), *(_row(row, by) for row in rows)]))
    parts += sentences(report)
    tiers = [t for t in report["tiers"] if t["p50_ms"] is not None]
    if tiers:
        head = ("TIER", "MEDIAN", "95 % WITHIN")
        times = [(t["tier"], _ms(t["p50_ms"]), _ms(t["p95_ms"])) for t in tiers]
        parts.append(table([head, *times]))
    if report["gates"]:
        head = ("GATE", "REJECTED", "OF JUDGED")
        said = [(g["gate"], f"{g['rejected']:,}", f"{g['judged']:,}") for g in report["gates"]]
        parts.append(table([head, *said]))
    arms = arm_rows(report)
    if arms:
        parts.append(table([tuple(word.upper() for word in ARM_HEAD), *arms]))
    silent = shadow_rows(report)
    if silent:
        words = [tuple(visible(word) for word in row) for row in silent]
        parts.append(table([tuple(word.upper() for word in HEAD), *words]))
    return "\n\n".join(parts)


def sentences(report: Mapping[str, Any]) -> list[str]:
    """What a reader of the figures should know, a sentence or two at a time."""
    total = report["total"]
    share = "" if total["saved_share"] is None else f", {total['saved_share']:.1%} of what was routed"
    booked = (
        f"Booked: {dollars(total['saved_usd'])} saved{share}, net of {dollars(total['waste_usd'])} for "
        f"answers that nobody got{_probes(total)} and {dollars(total['classifier_usd'])} for classifiers. "
        "It takes answers to be as long at the tier that clients would otherwise have got, and nobody to ask "
        "again."
    )
    said = [booked]
    if total["unplanned_usd"]:
        said.append(f"{dollars(total['unplanned_usd'])} went to models without a route: nothing was saved.")
    owed = debt_sentence(report["debt"]) if report["debt"] else ""
    said += [sentence for sentence in (owed, shadow_sentence(report)) if sentence]
    held = report["holdout"]
    if held is not None:
        said.append(measured_sentence(held, report["timezone"]))
    elif total["holdout_requests"]:
        said.append("The hold-out cannot be measured: its decisions are not kept, or nobody was routed.")
    return said + arm_sentences(report)


def _probes(total: Mapping[str, Any]) -> str:
    asked = total["probe_usd"]
    return f" ({dollars(asked)} of it to ask what a better tier would have said)" if asked else ""


def measured_sentence(held: Mapping[str, Any], timezone: str) -> str:
    """What the hold-out says, with its interval."""
    who = f"{_callers(held['callers'])} held out beside {held['routed_callers']:,} routed"
    who += ", by the decisions kept"
    since = held["since"]
    if since is not None:
        day = dt.datetime.fromtimestamp(since, ZoneInfo(timezone)).date()
        who += f" since {day}"
    if held["low"] is None:
        return f"Measured: {held['saved_share']:.1%} saved ({who}); {held['note']}."
    return (
        f"Measured: {held['saved_share']:.1%} saved, between {held['low']:.1%} and {held['high']:.1%} with "
        f"95 % confidence: {dollars(held['saved_usd'])}, between {dollars(held['saved_low_usd'])} and "
        f"{dollars(held['saved_high_usd'])} ({who})."
    )


def _callers(count: int) -> str:
    return f"{count:,} caller{'' if count == 1 else 's'}"


def _row(row: Mapping[str, Any], by: str) -> Sequence[str]:
    share = row["saved_share"]
    return (
        str(row[by]),
        f"{row['requests']:,}",
        f"{row['refused']:,}",
        f"{row['attempts']:,}",
        dollars(row["cost_usd"]),
        dollars(row["baseline_usd"]),
        dollars(row["saved_usd"]),
        "-" if share is None else f"{share:.1%}",
        dollars(row["waste_usd"]),
        dollars(row["classifier_usd"]),
    )


def dollars(amount: float) -> str:
    """Dollars: cents where they tell enough, more digits where they do not."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}${size:,.2f}" if size == 0 or size >= 1 else f"{sign}${size:.6f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"
