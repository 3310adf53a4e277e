"""A savings report as one page that needs nothing beside it: no script, no resource; light and dark."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from litellm_tiering.evals.savings_bars import Bar, bars
from litellm_tiering.telemetry.arms_text import ARM_HEAD, arm_rows
from litellm_tiering.telemetry.foreseen_text import HEAD, shadow_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ALLOWED = "default-src 'none'; style-src 'unsafe-inline'"
_MOST_BARS = 62

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #5b646e; --line: #dfe3e8;
  --cost: #0072b2; --saved: #7ccbb0; --over: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14181c; --faint: #a0aab4;
  --line: #343b43; --cost: #56b4e9; --saved: #23705a; --over: #ff9350; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.said { border-left: 4px solid var(--cost); padding-left: .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: right; padding: .25rem 0 .25rem 1.1rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; max-width: 22rem; overflow: hidden;
  text-overflow: ellipsis; }
thead th { color: var(--faint); font-weight: 600; }
tfoot td { font-weight: 600; }
figure { margin: 1rem 0; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--faint); }
.grid { stroke: var(--line); }
.cost { fill: var(--cost); } .saved { fill: var(--saved); } .over { fill: var(--over); }
.mark { stroke: var(--ink); stroke-width: 2; }
figcaption { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .85rem; color: var(--faint); }
figcaption i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem;
  vertical-align: -.1rem; }
figcaption .cost { background: var(--cost); } figcaption .saved { background: var(--saved); }
figcaption .over { background: var(--over); }
"""

_COLUMNS = (
    ("requests", "requests", "count"),
    ("refused", "refused", "count"),
    ("attempts", "attempts", "count"),
    ("cost_usd", "cost", "usd"),
    ("baseline_usd", "baseline", "usd"),
    ("saved_usd", "saved", "usd"),
    ("saved_share", "share", "share"),
    ("waste_usd", "in vain", "usd"),
    ("classifier_usd", "classifiers", "usd"),
)


def page_of(report: Mapping[str, Any], sentences: Sequence[str]) -> str:
    """The whole page; every name from the store is escaped.

    Args:
        report: As :func:`litellm_tiering.telemetry.reporting.compose` makes it.
        sentences: What a reader of the figures should know.
    """
    by = report["by"]
    title = f"Savings, {report['from']} to {report['to']}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{_text(title)}</h1><p>Days in {_text(report['timezone'])}.</p>",
        *(f'<p class="said">{_text(s)}</p>' for s in sentences),
    ]
    if len(report["days"]) > 1 and by != "day":
        parts += _figure("Spent and saved by day", report["days"], "day")
    parts += _figure(f"Spent and saved by {by}", report["rows"], by)
    parts += _table(report["rows"], report["total"], by)
    parts += _small("Tiers", ("tier", "attempts", "p50_ms", "p95_ms"), report["tiers"])
    parts += _small("Gates", ("gate", "rejected", "judged"), report["gates"])
    parts += _words("Policies compared", ARM_HEAD, arm_rows(report))
    parts += _words("In shadow mode", HEAD, shadow_rows(report))
    return "\n".join([*parts, "</main></body></html>"]) + "\n"


def _figure(title: str, rows: Sequence[Mapping[str, Any]], by: str) -> Iterator[str]:
    if not rows:
        return
    shown = rows[-_MOST_BARS:] if by in ("day", "week") else rows[:_MOST_BARS]
    drawn = bars([Bar(_clean(str(r[by])), r["cost_usd"], r["baseline_usd"]) for r in shown], title)
    yield f"<h2>{_text(title)}</h2><figure>{drawn}<figcaption>"
    yield '<span><i class="cost"></i>spent</span><span><i class="saved"></i>saved</span>'
    if any(0 < r["baseline_usd"] < r["cost_usd"] for r in shown):
        yield '<span><i class="over"></i>spent beyond the baseline</span>'
    yield "</figcaption></figure>"


def _table(rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any], by: str) -> Iterator[str]:
    head = "".join(f'<th scope="col">{_text(name)}</th>' for _, name, _ in _COLUMNS)
    yield f'<div class="wide"><table><thead><tr><th scope="col">{_text(by)}</th>{head}</tr></thead><tbody>'
    for row in rows:
        yield f"<tr><td>{_text(str(row[by]))}</td>{_cells(row)}</tr>"
    yield f"</tbody><tfoot><tr><td>total</td>{_cells(total)}</tr></tfoot></table></div>"


def _cells(row: Mapping[str, Any]) -> str:
    return "".join(f"<td>{_text(_value(row[key], kind))}</td>" for key, _, kind in _COLUMNS)


def _small(title: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    head = "".join(f'<th scope="col">{_text(_SAID.get(key, key))}</th>' for key in keys)
    yield f'<h2>{title}</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
    for row in rows:
        cells = [_text(str(row[keys[0]])), *(_text(_value(row[key], "count")) for key in keys[1:])]
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"


def _words(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    named = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    yield f'<h2>{title}</h2><div class="wide"><table><thead><tr>{named}</tr></thead><tbody>'
    for row in rows:
        yield "<tr>" + "".join(f"<td>{_text(word)}</td>" for word in row) + "</tr>"
    yield "</tbody></table></div>"


_SAID = {"p50_ms": "median, ms", "p95_ms": "95 % within, ms"}


def _value(value: float | None, kind: str) -> str:
    if value is None:
        return "-"
    if kind == "share":
        return f"{value:.1%}"
    if kind == "count":
        return f"{value:,.0f}"
    digits = 2 if value == 0 or abs(value) >= 1 else 6
    return f"{'-' if value < 0 else ''}${abs(value):,.{digits}f}"


def _clean(value: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)


def _text(value: str) -> str:
    return html.escape(_clean(value))
