"""What an evaluation found, in a form that text, JSON, a page and a picture are all made from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Figure(NamedTuple):
    """A figure and its 95 % interval; NaN for what is not defined or never reached."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is a value at all."""
        return not math.isnan(self.value)

    @property
    def sure(self) -> int:
        """1 where the whole interval lies above zero, -1 where it lies below, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def as_json(self) -> dict[str, float | None]:
        """``{value, low, high}``, null for what is not a number."""
        return {k: None if math.isnan(v) else v for k, v in self._asdict().items()}


@dataclass(frozen=True, slots=True)
class RouterLine:
    """What one score is worth between two models.

    Attributes:
        label: Whose score.
        kind: ``chain`` for a configuration's; ``baseline`` or ``oracle``.
        figures: By name, as in :func:`~litellm_tiering.evals.metrics.router_metrics`.
        over_words: How much more than the number of words, of ``APGR`` and of ``cost95``.
        over_first: How much more than the first configuration; empty for itself and for what is none.
        curve: Cost and quality along the score, thinned: cost in percent of the strong model's, or where
            costs are not known the percentage of questions sent up.
    """

    label: str
    kind: str
    figures: Mapping[str, Figure]
    over_words: Mapping[str, Figure] = field(default_factory=dict)
    over_first: Mapping[str, Figure] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """All of it but the curve's points, which are for pictures."""
        return {
            "label": self.label,
            "kind": self.kind,
            "figures": _figures(self.figures),
            "over_words": _figures(self.over_words),
            "over_first": _figures(self.over_first),
        }


@dataclass(frozen=True, slots=True)
class PairReport:
    """Routers between two models.

    Attributes:
        weak: The name of the lower tier, and its model.
        strong: Those of the higher one.
        n: How many questions both answered.
        gap: How much better the strong model is on average.
        better: The share of questions on which it is better.
        worse: The share on which it is worse.
        priced: Whether the costs of both are known.
        lines: The routers.
    """

    weak: tuple[str, str]
    strong: tuple[str, str]
    n: int
    gap: Figure
    better: float
    worse: float
    priced: bool
    lines: tuple[RouterLine, ...]

    def line(self, kind: str) -> RouterLine | None:
        """The first line of a kind."""
        return next((line for line in self.lines if line.kind == kind), None)

    def as_json(self) -> dict[str, Any]:
        """The report, tiers by name and model."""
        return {
            "weak": {"tier": self.weak[0], "model": self.weak[1]},
            "strong": {"tier": self.strong[0], "model": self.strong[1]},
            "n": self.n,
            "gap": self.gap.as_json(),
            "strong_better": self.better,
            "strong_worse": self.worse,
            "routers": [line.as_json() for line in self.lines],
        }


class Part(NamedTuple):
    """The questions that a policy sends to one tier.

    Attributes:
        tier: Its name.
        share: Their share.
        quality: How good the answers are; NaN where there are none.
        dearest: How good the dearest tier's would have been.
        cheapest: The same of the cheapest tier's.
    """

    tier: str
    share: float
    quality: float
    dearest: float
    cheapest: float


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """What a policy comes to as it stands, at its own thresholds.

    Attributes:
        label: Whose.
        quality: The mean quality.
        cost: What is spent, in percent of always asking the dearest tier; None where costs are not known.
        over_random: How much better than sending as many questions to each tier at random; None where all go
            to one.
        parts: By tier.
    """

    label: str
    quality: Figure
    cost: Figure | None = None
    over_random: Figure | None = None
    parts: tuple[Part, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The policy's figures."""
        return {
            "label": self.label,
            "quality": self.quality.as_json(),
            "cost": None if self.cost is None else self.cost.as_json(),
            "over_random": None if self.over_random is None else self.over_random.as_json(),
            "tiers": [{k: _plain(v) for k, v in p._asdict().items()} for p in self.parts],
        }


class Bin(NamedTuple):
    """Questions, or answers, of about the same score: what was said and what was so.

    Attributes:
        n: How many.
        said: The mean of the score.
        so: The mean of what it should foretell.
    """

    n: int
    said: float
    so: Figure


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far a score can be taken at its word.

    Attributes:
        label: Whose.
        bins: By score, lowest first.
        error: The mean distance between what was said and what was so (ECE); None where the score is only an
            order.
    """

    label: str
    bins: tuple[Bin, ...]
    error: Figure | None = None

    def as_json(self) -> dict[str, Any]:
        """The bins and the error."""
        return {
            "label": self.label,
            "ece": None if self.error is None else self.error.as_json(),
            "bins": [{"n": b.n, "said": _plain(b.said), "so": b.so.as_json()} for b in self.bins],
        }


@dataclass(frozen=True, slots=True)
class Effort:
    """What deciding costs.

    Attributes:
        label: Whose chain.
        median_ms: The median time of a decision, in milliseconds.
        p95_ms: The time that 95 % of decisions stay under.
        tax: What paid classifiers cost, in percent of the answers of the dearest tier; None where that cannot
            be told from here.
        remark: Why it cannot, or what the tax is made of; empty when there is nothing to say.
    """

    label: str
    median_ms: float
    p95_ms: float
    tax: float | None = 0.0
    remark: str = ""

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return {
            "label": self.label,
            "median_ms": self.median_ms,
            "p95_ms": self.p95_ms,
            "router_tax_percent": self.tax,
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class CrossLine:
    """The least cost at a quality, with thresholds chosen on other questions.

    Attributes:
        label: Whose score.
        cost: By percentage of the dearest tier's quality, in percent of always asking it.
    """

    label: str
    cost: Mapping[int, Figure]

    def as_json(self) -> dict[str, Any]:
        """The costs."""
        return {"label": self.label, "cost": {str(p): f.as_json() for p, f in self.cost.items()}}


@dataclass(frozen=True, slots=True)
class GroupLine:
    """Routers on one group of the questions.

    Attributes:
        group: Its name.
        n: How many questions it has.
        gap: How much better the dearest tier is.
        apgr: By label, APGR between the cheapest tier and the dearest.
    """

    group: str
    n: int
    gap: Figure
    apgr: Mapping[str, Figure]

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return {"group": self.group, "n": self.n, "gap": self.gap.value, "APGR": _figures(self.apgr)}


class Share(NamedTuple):
    """Answers that a gate rejects.

    Attributes:
        n: How many.
        precision: Which part of them is bad; NaN where there are none.
    """

    n: int
    precision: float


@dataclass(frozen=True, slots=True)
class GateLine:
    """What one gate does.

    Attributes:
        name: Its name.
        first: What it rejects that no gate before it rejects.
        alone: What it rejects by itself; None where it was not asked alone.
        only: What it rejects and no other gate does; None as above.
        recall: Which part of the bad answers it rejects by itself; NaN as above.
    """

    name: str
    first: Share
    alone: Share | None
    only: Share | None
    recall: float

    def as_json(self) -> dict[str, Any]:
        """Counts and precisions."""
        shares = {"first": self.first, "alone": self.alone, "only": self.only}
        return {
            "gate": self.name,
            **{
                name: None if s is None else {"n": s.n, "precision": _plain(s.precision)}
                for name, s in shares.items()
            },
            "recall": _plain(self.recall),
        }


@dataclass(frozen=True, slots=True)
class GateReport:
    """A contender's gates on one model's answers, with a stronger model behind them.

    Attributes:
        label: Whose gates.
        weak: The name of the tier whose answers are judged, and its model.
        strong: Those of the tier that rejected answers go to.
        n: How many answers were judged.
        bad: Which part of them is bad.
        figures: By name, as in :func:`~litellm_tiering.evals.metrics.gate_metrics`, and ``AUROC``.
        both: The least cost at 95 % with the contender's score before the gates, its threshold chosen on
            these very questions, as :func:`~litellm_tiering.evals.metrics.both_metrics` has it.
        lines: The gates, one by one.
        cross: What router, gates, and both cost at a quality, with thresholds chosen on other questions.
        calibration: What ``p_bad`` is worth.
    """

    label: str
    weak: tuple[str, str]
    strong: tuple[str, str]
    n: int
    bad: float
    figures: Mapping[str, Figure]
    both: Mapping[str, float]
    lines: tuple[GateLine, ...]
    cross: tuple[CrossLine, ...]
    calibration: Calibration

    def as_json(self) -> dict[str, Any]:
        """The report, tiers by name and model."""
        return {
            "label": self.label,
            "weak": {"tier": self.weak[0], "model": self.weak[1]},
            "strong": {"tier": self.strong[0], "model": self.strong[1]},
            "n": self.n,
            "bad": self.bad,
            "figures": _figures(self.figures),
            "with_router": {name: _plain(value) for name, value in self.both.items()},
            "gates": [line.as_json() for line in self.lines],
            "cross_fitted": [line.as_json() for line in self.cross],
            "calibration": self.calibration.as_json(),
        }


def _figures(held: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: figure.as_json() for name, figure in held.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    return None if isinstance(value, float) and math.isnan(value) else value
