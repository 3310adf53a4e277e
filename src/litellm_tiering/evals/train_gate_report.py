"""What training an acceptability gate came to, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """What training came to; shares are 0 to 1, intervals hold 95 in 100.

    Attributes:
        rows: How many answers were trained on.
        bad: The share of them that is bad.
        others: How many answers of other models helped.
        auroc: How well held-out answers are ranked, 0.5 for chance.
        interval: Its interval.
        length: The same by the answer's length alone, the better way round.
        gain: How much better than length, and the interval of that.
        curve: The AUROC by how many rows it is trained on.
        levels: For each ``min``: what share escalates, and what share of the bad and good answers does.
        calibration: For each tenth of predictions: the mean prediction, and the share that was bad.
        written: Whether the file was written.
        notes: What a person should know.
    """

    rows: int
    bad: float
    others: int
    auroc: float
    interval: tuple[float, float]
    length: float
    gain: tuple[float, float, float]
    curve: list[tuple[int, float]] = field(default_factory=list)
    levels: list[dict[str, float]] = field(default_factory=list)
    calibration: list[tuple[float, float]] = field(default_factory=list)
    written: bool = False
    notes: list[str] = field(default_factory=list)


def tell(report: Report, out: str) -> str:
    """The report for people."""
    low, high = report.interval
    gain, least, most = report.gain
    lines = [
        f"{report.rows:,} answers, {report.bad:.0%} of them bad"
        + (f"; {report.others:,} of other models beside them" if report.others else ""),
        (
            f"held out: AUROC {report.auroc:.3f} ({low:.3f} to {high:.3f}); by the answer's length "
            f"{report.length:.3f}; better by {gain:.3f} ({least:.3f} to {most:.3f})"
        ),
    ]
    if report.curve:
        lines.append("by rows trained on: " + ", ".join(f"{n:,}: {value:.3f}" for n, value in report.curve))
    lines += ["", "  min   escalated   bad ones caught   good ones escalated   right among those served"]
    lines += [
        f"  {level['min']:.1f}   {level['escalated']:>9.0%}   {level['bad_caught']:>15.0%}   "
        f"{level['good_escalated']:>19.0%}   {level['quality_served']:>24.0%}"
        for level in report.levels
    ]
    lines += ["", *(f"note: {note}" for note in report.notes)]
    lines.append(f"written: {out}" if report.written else "not written")
    return "\n".join(lines)
