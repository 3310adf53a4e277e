"""A whole evaluation, and what is to be said of it in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.evals.report import (
        Calibration,
        CrossLine,
        Effort,
        Figure,
        GateReport,
        GroupLine,
        PairReport,
        PolicyLine,
        RouterLine,
    )
    from litellm_tiering.evals.report_ladders import LadderReport

FEW = 200
"""With fewer questions than this, nearly every difference is in doubt."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything an evaluation found.

    Attributes:
        source: The name of the outcome file.
        n: How many questions were used.
        tiers: The names of the tiers and their models, cheapest first.
        pairs: Routers between neighbouring tiers, and of three tiers or more between the ends.
        groups: The routers on each group of the questions; empty where there is only one.
        policies: The configurations as they stand, and always each tier.
        cross: What each score costs at a quality, with thresholds chosen on other questions.
        calibrations: What each configuration's score is worth as a prediction.
        efforts: What deciding costs.
        gates: The gates; empty where they were not asked for.
        ladders: Other models for the tiers; None where they were not asked for.
        left_out: How many lines were left out, by why.
        remarks: What else is to be known.
    """

    source: str
    n: int
    tiers: tuple[tuple[str, str], ...] = ()
    pairs: tuple[PairReport, ...] = ()
    groups: tuple[GroupLine, ...] = ()
    policies: tuple[PolicyLine, ...] = ()
    cross: tuple[CrossLine, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    efforts: tuple[Effort, ...] = ()
    gates: tuple[GateReport, ...] = ()
    ladders: LadderReport | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The evaluation as one JSON document; what is not a number is null."""
        return {
            "outcomes": self.source,
            "n": self.n,
            "tiers": [{"tier": name, "model": model} for name, model in self.tiers],
            "pairs": [p.as_json() for p in self.pairs],
            "groups": [g.as_json() for g in self.groups],
            "policies": [p.as_json() for p in self.policies],
            "cross_fitted": [c.as_json() for c in self.cross],
            "calibration": [c.as_json() for c in self.calibrations],
            "decisions": [e.as_json() for e in self.efforts],
            "gates": [g.as_json() for g in self.gates],
            "ladders": None if self.ladders is None else self.ladders.as_json(),
            "left_out": dict(self.left_out),
            "findings": self.findings(),
            "remarks": list(self.remarks),
        }

    def findings(self) -> list[str]:
        """What the figures come to, in sentences."""
        found = (
            []
            if self.n >= FEW or not self.pairs
            else [f"Only {self.n} questions: most differences are in doubt."]
        )
        for pair in self.pairs:
            found += gap_findings(pair)
            if pair.gap.value > 0:
                where = f" from {pair.weak[0]} to {pair.strong[0]}" if len(self.pairs) > 1 else ""
                chains = [line for line in pair.lines if line.kind == "chain"]
                found += [beside_words(line, where) for line in chains]
                found += [beside_first(line, chains[0].label, where) for line in chains[1:]]
        return found


def gap_findings(pair: PairReport) -> list[str]:
    """What the two models themselves allow a router between them to do; empty where all is well."""
    weak, strong, gap = pair.weak[1], pair.strong[1], pair.gap
    if gap.value == 0:
        return [
            f"{strong} and {weak} are equally good here: APGR and CPT are not defined, and {weak} will do."
        ]
    if gap.value < 0:
        less = f"{strong} is worse than {weak} here, by {-gap.value:.3f}: it should not be the dearer tier"
        return [f"{less}, and APGR and CPT measure how well its answers are avoided."]
    if gap.sure <= 0 and gap.low == gap.low:  # NaN where none was asked for
        return [f"That {strong} is better than {weak} at all is in doubt here: APGR and CPT say little."]
    return []


def beside_words(line: RouterLine, where: str = "") -> str:
    """How a configuration's score compares with the number of words; ``where`` names the step."""
    return _beside(line.label, where, line.over_words.get("APGR"), "word count")


def beside_first(line: RouterLine, first: str, where: str = "") -> str:
    """How a configuration's score compares with that of the one called ``first``."""
    return _beside(line.label, where, line.over_first.get("APGR"), first)


def _beside(label: str, where: str, more: Figure | None, other: str) -> str:
    if more is None or not more.known:
        return ""
    if more.low != more.low:  # NaN: no interval was asked for
        return f"{label}{where}: {more.value:+.3f} of APGR beside {other}."
    span = f"{more.value:+.3f} ({more.low:+.3f} to {more.high:+.3f})"
    words = {1: "better than", -1: "worse than", 0: "not surely different from"}
    return f"{label}{where}: {words[more.sure]} {other}, APGR {span}."
