"""A picture of an evaluation: what quality costs under each router, and what its score is worth.

matplotlib is imported only when something is drawn. Colours are those of Okabe and Ito, which people with any
kind of colour vision can tell apart; dashes say the same again in black and white.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.evals.plot import NoPlots, figure_class

if TYPE_CHECKING:
    from litellm_tiering.evals.report import Calibration, PairReport
    from litellm_tiering.evals.report_result import Evaluation

_CHAINS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_OTHERS = ("#E69F00", "#56B4E9", "#7a6000")
_GREY = "#767676"
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1)))
_MOST_CHARS = 40


def draw_curves(found: Evaluation, path: Path | str) -> None:
    """Write a picture of ``found``; the file's ending says of which kind.

    Raises:
        NoPlots: matplotlib is not installed, there is nothing to draw, or the file cannot be written.
    """
    if not found.pairs:
        raise NoPlots("there are no routers to draw: name models with --weak and --strong, or with --tier")
    panels = [list(found.calibrations), [g.calibration for g in found.gates if len(g.calibration.bins) > 1]]
    shown = [panel for panel in panels if panel]
    figure = figure_class()(figsize=(9, 5 + 2.6 * len(shown)), dpi=110, layout="constrained")
    heights = {"height_ratios": [3, *(2 for _ in shown)]}
    above, *below = figure.subplots(1 + len(shown), 1, gridspec_kw=heights, squeeze=False)[:, 0]
    pair = found.pairs[0]
    _curves(above, pair)
    _policies(above, found, pair)
    above.set_title(_safe(f"{found.n:,} questions of {found.source}", 90), loc="left", fontsize=11)
    above.legend(loc="lower right", fontsize=9, frameon=False)
    for axes, panel in zip(below, shown, strict=True):
        _foretold(axes, panel)
    for axes in (above, *below):
        axes.grid(color="#e4e4e4", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        # ValueError: an ending that matplotlib does not know.
        why = getattr(error, "strerror", None) or f"the kind {Path(path).suffix!r} is not known"
        raise NoPlots(f"{path} cannot be written ({why})") from None


def _curves(axes: Any, pair: PairReport) -> None:  # noqa: ANN401 - matplotlib's Axes
    chains, others = iter(range(len(pair.lines))), iter(range(len(pair.lines)))
    for line in pair.lines:
        x, y = zip(*line.curve, strict=True)
        pen: dict[str, Any] = {"color": _GREY, "linestyle": (0, (1, 2)), "linewidth": 1.2}
        if line.kind == "chain":
            i = next(chains)
            pen = {
                "color": _CHAINS[i % len(_CHAINS)],
                "linestyle": _DASHES[i % len(_DASHES)],
                "linewidth": 2.2,
            }
        elif line.kind == "oracle":
            pen = {"color": _GREY, "linestyle": "-", "linewidth": 1.2}
        elif line.label != "random":
            i = next(others)
            pen = {"color": _OTHERS[i % len(_OTHERS)], "linestyle": "-", "linewidth": 1.5}
        axes.plot(x, y, label=_safe(line.label), zorder=3 if line.kind == "chain" else 2, **pen)
    weak, strong = (_safe(model) for _, model in (pair.weak, pair.strong))
    axes.set_xlabel(
        f"cost, % of always {strong}" if pair.priced else f"% of questions that are sent to {strong}"
    )
    axes.set_ylabel(f"quality, {weak} to {strong}" if len(weak + strong) < _MOST_CHARS else "quality")
    level = pair.line("chain")
    if level is not None and level.figures["strong"].known:
        at = 0.95 * level.figures["strong"].value
        axes.axhline(at, color=_GREY, linewidth=0.8)
        note = {"textcoords": "offset points", "fontsize": 9, "ha": "left", "color": _GREY}
        axes.annotate("95 % of the stronger's quality", (axes.get_xlim()[0], at), (4, 3), **note)


def _policies(axes: Any, found: Evaluation, pair: PairReport) -> None:  # noqa: ANN401 - matplotlib's Axes
    """A mark where each configuration stands at its own thresholds."""
    chains = [line.label for line in pair.lines if line.kind == "chain"]
    for policy in found.policies:
        if policy.label not in chains:
            continue
        cost = policy.cost if pair.priced else None
        x = 100 * policy.parts[-1].share if cost is None else cost.value
        axes.plot(
            [x],
            [policy.quality.value],
            marker="D",
            markersize=7,
            color=_CHAINS[chains.index(policy.label) % len(_CHAINS)],
            markeredgecolor="#000000",
            linestyle="none",
            label=_safe(f"{policy.label}, as it stands"),
        )


def _foretold(axes: Any, calibrations: list[Calibration]) -> None:  # noqa: ANN401 - as above
    """What was so beside what was said, a point for each step of each score."""
    for i, found in enumerate(calibrations):
        said, so = [b.said for b in found.bins], [b.so.value for b in found.bins]
        spans = [
            [0.0 if math.isnan(b.so.low) else b.so.value - b.so.low for b in found.bins],
            [0.0 if math.isnan(b.so.high) else b.so.high - b.so.value for b in found.bins],
        ]
        pen = {"color": _CHAINS[i % len(_CHAINS)], "linestyle": _DASHES[i % len(_DASHES)]}
        axes.errorbar(said, so, yerr=spans, marker="o", markersize=4, label=_safe(found.label), **pen)
        if found.error is not None:
            ends = [min(said), max(said)]
            axes.plot(ends, ends, color=_GREY, linewidth=1, linestyle=(0, (1, 2)))
    order = all(found.error is None for found in calibrations)
    axes.set_xlabel("score" if order else "what was foretold")
    axes.set_ylabel("how much better the dearest is" if order else "what was so")
    axes.legend(loc="upper left", fontsize=9, frameon=False)


def _safe(name: str, most: int = _MOST_CHARS) -> str:
    """A name from a file as a label: short, on one line, and no formula, which ``$`` would begin."""
    plain = "".join(c if c.isprintable() else "?" for c in name)
    return (plain if len(plain) <= most else plain[: most - 3] + "...").replace("$", r"\$").lstrip("_")
