"""What a comparison of ladders found, and what it says in plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.evals.report import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAIR, _TRIPLE = 2, 3
_TELLING = 0.05


class Rung(NamedTuple):
    """One model: its name, its mean quality, and its mean cost in percent of the best model's."""

    model: str
    quality: float
    cost: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One ladder.

    Attributes:
        models: Cheapest first.
        cost: By score and percentage of the best model's quality, in percent of always asking that one; with
            an interval where the ladder is among those that were looked at closely.
        oracle: The same for somebody who knew every answer beforehand.
        first: By percentage, in which part of the bootstrap samples it is the cheapest of all.
        beside: By another ladder and percentage, how much more it costs than that one.
    """

    models: tuple[str, ...]
    cost: Mapping[tuple[str, int], Figure]
    oracle: Mapping[int, float]
    first: Mapping[int, float]
    beside: Mapping[tuple[tuple[str, ...], int], Figure]

    @property
    def name(self) -> str:
        """The models, an arrow between them."""
        return " -> ".join(self.models)

    def as_json(self) -> dict[str, Any]:
        """The costs, by score and percentage."""
        costs: dict[str, dict[str, Any]] = {}
        for (label, p), figure in self.cost.items():
            costs.setdefault(label, {})[str(p)] = figure.as_json()
        return {
            "models": list(self.models),
            "cost": costs,
            "oracle": {str(p): None if math.isnan(c) else c for p, c in self.oracle.items()},
            "cheapest_in": {str(p): share for p, share in self.first.items()},
        }


@dataclass(frozen=True, slots=True)
class LadderReport:
    """Ladders beside each other.

    Attributes:
        best: The model of the best quality, which the others are measured by.
        n: How many questions all models answered.
        by: Whose score parts the questions.
        rungs: The models, cheapest first.
        current: The models of the ladder that is there now; empty for none.
        choices: The ladders.
    """

    best: str
    n: int
    by: str
    rungs: tuple[Rung, ...]
    current: tuple[str, ...]
    choices: tuple[Choice, ...]

    def ranked(self, percent: int, size: int | None = None) -> list[Choice]:
        """The ladders that reach ``percent`` of the best quality, the cheapest first."""
        key = (self.by, percent)
        found = [c for c in self.choices if c.cost[key].known and size in (None, len(c.models))]
        return sorted(found, key=lambda c: c.cost[key].value)

    def findings(self, percent: int) -> list[str]:
        """What is to be said of the choice of models, in sentences."""
        pairs = self.ranked(percent, _PAIR)
        found = [self._alone(percent)]
        if pairs:
            found.append(self._pair(pairs[0], percent))
            found.append(self._now(pairs[0], percent))
            found.append(self._third(pairs[0], percent))
        elif any(len(c.models) == _PAIR for c in self.choices):
            found.append(f"No pair reaches {percent} % of the quality of {self.best} by {self.by}.")
        else:
            found.append("No two of these models make a ladder: none is both dearer and better than another.")
        return [sentence for sentence in found if sentence]

    def as_json(self) -> dict[str, Any]:
        """The models, the ladders and the sentences."""
        return {
            "best": self.best,
            "n": self.n,
            "by": self.by,
            "current": list(self.current),
            "models": [r._asdict() for r in self.rungs],
            "ladders": [c.as_json() for c in self.choices],
            "findings": {
                str(p): self.findings(p) for p in sorted({p for c in self.choices for _, p in c.cost})
            },
        }

    def _alone(self, percent: int) -> str:
        """Of a single cheap model that is good enough."""
        best = next(r for r in self.rungs if r.model == self.best)
        enough = [r for r in self.rungs if r.model != self.best and r.quality >= percent / 100 * best.quality]
        if not enough or not best.quality:
            return ""
        least = min(enough, key=lambda r: r.cost)
        return (
            f"{least.model} alone has {least.quality / best.quality:.1%} of the quality of {self.best}, "
            f"at {least.cost:.0f} % of its cost."
        )

    def _pair(self, pair: Choice, percent: int) -> str:
        cost, first = pair.cost[self.by, percent], pair.first.get(percent)
        often = (
            "" if first is None or math.isnan(first) else f"; the cheapest ladder in {first:.0%} of samples"
        )
        return f"Cheapest pair: {pair.name}, {_percent(cost)} of always {self.best}{often}."

    def _now(self, pair: Choice, percent: int) -> str:
        """Of the ladder that is there now, beside the cheapest pair."""
        now = next((c for c in self.choices if c.models == self.current), None)
        if now is None or now.models == pair.models:
            return "" if now is None else "That is the ladder that is there now."
        cost = now.cost[self.by, percent]
        if not cost.known:
            return f"The ladder that is there now, {now.name}, never reaches {percent} %."
        more = now.beside.get((pair.models, percent), Figure(math.nan))
        sure = "another choice of models is surely cheaper" if more.sure > 0 else "the difference is in doubt"
        return f"The ladder that is there now costs {_percent(cost)}, {_points(more)} beside it: {sure}."

    def _third(self, pair: Choice, percent: int) -> str:
        """Of what a third tier brings."""
        triples = self.ranked(percent, _TRIPLE)
        if not triples:
            return (
                ""
                if not any(len(c.models) == _TRIPLE for c in self.choices)
                else "No third tier brings anything."
            )
        best = triples[0]
        more = best.beside.get((pair.models, percent), Figure(math.nan))
        costs = f"the cheapest triple, {best.name}, costs {_percent(best.cost[self.by, percent])}"
        if more.sure < 0:
            return f"A third tier pays: {costs}, {_points(more)} beside the pair."
        return f"A third tier brings nothing that can be shown: {costs}, {_points(more)} beside the pair."


def _percent(figure: Figure) -> str:
    return f"{figure.value:.1f} %" + (
        "" if math.isnan(figure.low) else f" ({figure.low:.0f} to {figure.high:.0f})"
    )


def _points(figure: Figure) -> str:
    span = "" if math.isnan(figure.low) else f" ({figure.low:+.1f} to {figure.high:+.1f})"
    return f"{figure.value:+.1f} points{span}"
