"""What was spent and saved as bars: an inline SVG picture for the page, and a PNG by matplotlib."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.evals.plot import NoPlots, figure_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH, HEIGHT = 760, 320

_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 8, 12, 64
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS = 5
_LONGEST_NAME = 14
_MOST_NAMES = 16


class Bar(NamedTuple):
    """One bar: a name, what was spent and what the baseline was, in dollars."""

    name: str
    cost: float
    baseline: float


def bars(found: Sequence[Bar], title: str) -> str:
    """An SVG element: each bar is what was spent, topped up to the baseline by what was saved."""
    most = max((max(b.cost, b.baseline) for b in found), default=0.0)
    step = _step(most)
    top = max(step, math.ceil(most / step - 1e-9) * step)
    parts = [*_grid(step, top)]
    room = (WIDTH - _LEFT - _RIGHT) / max(1, len(found))
    every = math.ceil(len(found) / _MOST_NAMES)
    for i, bar in enumerate(found):
        parts += _bar(bar, _LEFT + i * room, room, top)
        if i % every == 0:
            parts.append(_name(bar.name, _LEFT + (i + 0.5) * room))
    label = html.escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">' + "".join(parts) + "</svg>"


def _step(most: float) -> float:
    if most <= 0:
        return 1.0
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - max(0.0, value) / top * (HEIGHT - _TOP - _BOTTOM)


def _grid(step: float, top: float) -> Iterator[str]:
    for i in range(round(top / step) + 1):
        at = _y(i * step, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">${i * step:,.4g}</text>'


def _bar(bar: Bar, left: float, room: float, top: float) -> Iterator[str]:
    x, width = left + room * 0.15, room * 0.7
    said = f"{bar.name}: ${bar.cost:,.6g} spent, baseline ${bar.baseline:,.6g}"
    yield f"<g><title>{html.escape(said)}</title>"
    within = min(bar.cost, bar.baseline) if bar.baseline > 0 else bar.cost
    yield _box("cost", x, width, 0.0, within, top)
    if bar.baseline > bar.cost:
        yield _box("saved", x, width, bar.cost, bar.baseline, top)
    elif 0 < bar.baseline < bar.cost:
        yield _box("over", x, width, bar.baseline, bar.cost, top)
    yield "</g>"


def _box(kind: str, x: float, width: float, low: float, high: float, top: float) -> str:  # noqa: PLR0913, PLR0917 - a rectangle
    above, below = _y(high, top), _y(low, top)
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{above:.1f}" width="{width:.1f}" '
        f'height="{max(0.0, below - above):.1f}"/>'
    )


def _name(name: str, x: float) -> str:
    short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    y = HEIGHT - _BOTTOM + 14
    turned = f'transform="translate({x + 4:.1f} {y}) rotate(-35)"'
    return f'<text {turned} text-anchor="end">{html.escape(short)}</text>'


def draw(report: Mapping[str, Any], path: Path | str) -> None:
    """Write a picture of a report; the file's ending says of which kind.

    Raises:
        NoPlots: matplotlib is not installed, or the file cannot be written.
    """
    by, rows = report["by"], report["rows"]
    figure = figure_class()(figsize=(9, 4.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    cost = [row["cost_usd"] for row in rows]
    baseline = [row["baseline_usd"] for row in rows]
    saved = [max(0.0, b - c) for b, c in zip(baseline, cost, strict=True)]
    places = range(len(rows))
    axes.bar(places, cost, 0.7, label="spent", color="#0072B2")
    axes.bar(places, saved, 0.7, bottom=cost, label="saved", color="#7CCBB0", hatch="//", edgecolor="white")
    # A name from the store is no formula to set.
    names = [str(row[by]).replace("$", r"\$") for row in rows]
    axes.set_xticks(list(places), names, rotation=35, ha="right")
    axes.set_ylabel("USD")
    axes.set_title(f"Spent and saved by {by}, {report['from']} to {report['to']}", loc="left", fontsize=11)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if rows:
        axes.legend(frameon=False, fontsize=9, ncols=2)
        axes.set_ylim(0, 1.14 * max(axes.get_ylim()[1], 1e-9))
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        # ValueError: an ending that matplotlib does not know.
        why = getattr(error, "strerror", None) or f"the kind {Path(path).suffix!r} is not known"
        raise NoPlots(f"{path} cannot be written ({why})") from None
