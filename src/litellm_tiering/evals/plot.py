"""A picture of replays: what was spent and what was moved down, hour by hour, a line for each policy.

matplotlib is imported only when something is drawn. Colours are those of Okabe and Ito, which people with any
kind of colour vision can tell apart; dashes and marks say the same again in black and white.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.errors import TieringError
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.evals.result import Result

INSTALL = "pip install 'litellm-tiering[plots]'"

_INK = (
    ("#000000", "-", "o"),
    ("#0072B2", "--", "s"),
    ("#D55E00", "-.", "^"),
    ("#009E73", ":", "D"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#E69F00", (0, (3, 1)), "P"),
    ("#56B4E9", "-", "X"),
)
_GREY = "#767676"
_HOURS_A_DAY = 24


class NoPlots(TieringError):
    """A picture cannot be drawn, or not be written; the message says why."""


def figure_class() -> Any:  # noqa: ANN401 - matplotlib's, which is not there for the type checker
    """The Figure of matplotlib.

    Raises:
        NoPlots: matplotlib is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        raise NoPlots(f"a plot needs matplotlib: {INSTALL}") from None


def draw(results: Sequence[Result], path: Path | str, title: str = "") -> None:
    """Write a picture of replays of one trace; the file's ending says of which kind.

    Raises:
        NoPlots: matplotlib is not installed, or the file cannot be written.
    """
    figure = figure_class()(figsize=(9, 6.4), dpi=110, layout="constrained")
    money, moved = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    hours = max((_width(r) for r in results), default=1)
    for i, result in enumerate(results):
        colour, dash, mark = _INK[i % len(_INK)]
        pen = {"color": colour, "linestyle": dash, "marker": mark, "markersize": 3.5, "linewidth": 1.7}
        spent = _spent(result)
        money.plot(range(len(spent)), spent, label=result.label or "this policy", **pen)
        shares = [100 * h.downgraded / h.requests if h.requests else float("nan") for h in result.hours]
        moved.plot([h + 0.5 for h in range(len(shares))], shares, **pen)
    _bounds(money, results, hours)
    money.set_ylabel("spent, USD")
    if results:
        money.legend(loc="upper left", fontsize=9, frameon=False)
    moved.set_ylabel("moved down, % of requests")
    moved.set_xlabel("hour")
    moved.set_ylim(-3, 103)
    for axes in (money, moved):
        axes.set_xlim(0, hours)
        axes.grid(color="#e4e4e4", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
    if hours <= 2 * _HOURS_A_DAY:
        moved.set_xticks(range(0, hours + 1, 2))
    if title:
        money.set_title(title, loc="left", fontsize=11)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        # ValueError: an ending that matplotlib does not know.
        why = getattr(error, "strerror", None) or f"the kind {Path(path).suffix!r} is not known"
        raise NoPlots(f"{path} cannot be written ({why})") from None


def _width(result: Result) -> int:
    """How many hours are shown: whole days, unless the trace is a short one."""
    hours = len(result.hours)
    return max(1, hours) if hours < _HOURS_A_DAY // 2 else _HOURS_A_DAY * result.days


def _spent(result: Result) -> list[float]:
    """What was spent of the window by each hour's end, in dollars, from nothing on."""
    found, window, total = [0.0], "", 0
    for h in result.hours:
        total = total + h.spent if h.window == window or not window else h.spent
        window = h.window
        found.append(usd(total))
    return found


def _bounds(axes: Any, results: Sequence[Result], hours: int) -> None:  # noqa: ANN401 - matplotlib's Axes
    """The limit, and the line of an even pace, where all have the same limit; days anew each day."""
    limits = {r.limit for r in results}
    limit = limits.pop() if len(limits) == 1 else None
    if limit is None:
        axes.set_ylim(bottom=0)
        return
    axes.axhline(usd(limit), color=_GREY, linewidth=1.2)
    axes.annotate("limit", (hours, usd(limit)), (-4, 3), ha="right", color=_GREY, **_OFFSET)
    if hours == _HOURS_A_DAY:
        axes.plot([0, hours], [0, usd(limit)], color=_GREY, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate("even pace", (hours * 0.8, usd(limit) * 0.8), (6, -12), color=_GREY, **_OFFSET)
    axes.set_ylim(0, max(axes.get_ylim()[1], 1.08 * usd(limit)))


_OFFSET = {"textcoords": "offset points", "fontsize": 9}
