"""Policies in an order from the safest to the cheapest, and what each of them makes of recorded answers.

A policy is where the questions, sorted by their score, are cut into tiers, and the thresholds of the gates.
The order of policies is fixed before anything is known of how good answers are: it follows from the scores
alone, and, of gates, from how likely they find answers bad.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from litellm_tiering.evals import bounds
from litellm_tiering.evals.policy_sim import Recorded, Run, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]
    Ints = npt.NDArray[np.int64]

LAGS = {2: (), 3: (0.0, 0.5, 1.0), 4: (0.0, 1.0)}
"""By the number of tiers: by what share of the questions a cheaper tier's cut may follow the next one's."""

LAGS_TUNED = {2: (), 3: (0.0, 1.0)}
"""The same where gates are tuned as well: the more paths, the weaker the proof along each."""

LEVELS = 24
"""How many thresholds of a gate are looked at."""

DIRECT = (0.0, 0.15, 0.4)
"""What share of the questions goes to the dearest tier at once while a gate's threshold is moved."""

BESIDE = 0.2
"""What share of the answers the gates reject while cuts are moved, besides as configured."""

_STRICTEST = 0.98
"""What share of the answers the strictest level of the gates rejects."""


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """The questions as far as policies go by them, with the answers.

    Attributes:
        score: The score whose thresholds are tuned; not a number where something else decides.
        chosen: The tier that is chosen whatever the thresholds are, where there is no score; else anything.
        floor: The lowest tier that rules allow.
        ceiling: The highest tier that rules allow; a floor above it wins.
        recorded: The answers.
    """

    score: Floats
    chosen: Ints
    floor: Ints
    ceiling: Ints
    recorded: Recorded

    def __len__(self) -> int:
        return len(self.score)

    def part(self, rows: Ints | Bools) -> Questions:
        """Some of the questions, by number or by a mask."""
        known = self.recorded
        words = [
            replace(
                w,
                rejects=w.rejects[:, rows],
                p_bad=w.p_bad[:, rows],
                worth=None if w.worth is None else w.worth[:, rows],
            )
            for w in known.words
        ]
        fewer = replace(
            known, quality=known.quality[:, rows], cost=known.cost[:, rows], words=words, cap=known.cap[rows]
        )
        return Questions(self.score[rows], self.chosen[rows], self.floor[rows], self.ceiling[rows], fewer)


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What policies come to: for each, the mean of its quality and its cost, and the evidence for it.

    Attributes:
        quality: The mean quality.
        cost: The mean cost.
        evidence: The logarithm of what was won by betting on it, see :mod:`~litellm_tiering.evals.bounds`.
    """

    quality: Floats
    cost: Floats
    evidence: Floats


class Field:
    """Questions in the order of their scores, and levels of the gates, on which policies are weighed."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.levels = _levels(questions.recorded)
        """Thresholds of the gates, from those that reject the most; as configured comes last."""
        scored = np.flatnonzero(~np.isnan(questions.score))
        order = scored[np.argsort(questions.score[scored], kind="stable")]
        self.score = questions.score[order]
        self._order = order
        self._rest = np.flatnonzero(np.isnan(questions.score))
        self.tiers = len(questions.recorded.quality)
        changes = np.flatnonzero(np.diff(self.score)) + 1
        self.ends: Ints = np.concatenate([[0], changes, [len(order)]]).astype(np.int64)
        """Where the sorted questions may be cut: never between equal scores."""

    def run(self, level: int) -> Run:
        """What becomes of each question, by the tier that is chosen for it, with the gates at ``level``."""
        known = self.questions
        run = simulate(known.recorded, self.levels[level])
        every = np.arange(self.tiers)[:, None]
        begins = np.maximum(np.minimum(every, known.ceiling), known.floor)
        if (begins == every).all():
            return run
        return Run(
            quality=np.take_along_axis(run.quality, begins, axis=0),
            cost=np.take_along_axis(run.cost, begins, axis=0),
            served=np.take_along_axis(run.served, begins, axis=0),
            attempts=np.take_along_axis(run.attempts, begins, axis=0),
        )

    def starts(self, cuts: Ints) -> Ints:
        """The tier that is chosen for each question where the sorted ones are cut at ``cuts``."""
        found: Ints = self.questions.chosen.copy()
        found[self._order] = np.searchsorted(cuts, np.arange(len(self._order)), side="right")
        return found

    def margins(self, path: Path, target: float) -> Floats:
        """By how much a path's first policy beats ``target`` times the dearest tier, for each question."""
        run = self.run(int(path.levels[0]))
        starts = self.starts(path.cuts[0])
        quality = np.take_along_axis(run.quality, starts[None, :], axis=0)[0]
        return np.asarray(quality - target * self.questions.recorded.quality[-1])

    def weigh(self, path: Path, target: float) -> Weighed:
        """What each policy of a path comes to, beside ``target`` times the dearest tier's quality."""
        found = Weighed(*(np.zeros(len(path)) for _ in range(3)))
        count = len(self.questions)
        bets = bounds.stakes(count, -target)
        strong = target * self.questions.recorded.quality[-1]
        for level in np.unique(path.levels):
            here = np.flatnonzero(path.levels == level)
            run = self.run(int(level))
            cuts = path.cuts[here]
            found.quality[here] = self._sums(run.quality, cuts) / count
            found.cost[here] = self._sums(run.cost, cuts) / count
            margins = run.quality - strong
            logs = np.stack([self._sums(np.log1p(bet * margins), cuts) for bet in bets])
            found.evidence[here] = bounds.log_winnings(logs)
        return found

    def _sums(self, value: Floats, cuts: Ints) -> Floats:
        """The sum over all questions of ``value``, which is by the tier chosen, for each row of ``cuts``."""
        steps = np.zeros((self.tiers, len(self._order) + 1))
        np.cumsum(value[:, self._order], axis=1, out=steps[:, 1:])
        rest = value[self.questions.chosen[self._rest], self._rest].sum()
        edges = np.column_stack([np.zeros(len(cuts), np.int64), cuts, np.full(len(cuts), len(self._order))])
        total = np.full(len(cuts), float(rest))
        for tier in range(self.tiers):
            total += steps[tier, edges[:, tier + 1]] - steps[tier, edges[:, tier]]
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Policies from the safest to the cheapest.

    Attributes:
        name: What moves along it.
        cuts: For each policy, how many of the sorted questions lie below each tier but the cheapest.
        levels: For each policy, the level of the gates.
    """

    name: str
    cuts: Ints
    levels: Ints

    def __len__(self) -> int:
        return len(self.levels)

    def only(self, at: int) -> Path:
        """A path of one of its policies."""
        return Path(self.name, self.cuts[at : at + 1], self.levels[at : at + 1])


def paths(field: Field) -> Iterator[Path]:
    """The paths to look along: thresholds of scores are moved, or of gates; the plainest first."""
    configured, tuned = len(field.levels) - 1, bool(field.questions.recorded.knobs)
    lags = (LAGS_TUNED if tuned else LAGS).get(field.tiers, (0.5,))
    for level in dict.fromkeys((configured, _level_of(field, BESIDE))) if tuned else (configured,):
        for lag in product(lags, repeat=field.tiers - 2):
            yield _by_score(field, lag, level)
    if tuned:
        for share, start in product(DIRECT, range(field.tiers - 1)):
            yield _by_gate(field, share, start)


def _by_score(field: Field, lags: Sequence[float], level: int) -> Path:
    """From all questions at the dearest tier to all at the cheapest, each cut behind the next by its lag."""
    count = len(field.score)
    behind = np.r_[0, np.cumsum(lags)][::-1] * count  # of the cheapest tier's cut first
    steps = np.unique(np.concatenate([field.ends + round(b) for b in behind]))
    cuts = _snapped(field, np.clip(steps[:, None] - np.round(behind).astype(np.int64), 0, count))
    kept = np.r_[True, (np.diff(cuts, axis=0) != 0).any(axis=1)]
    cuts = cuts[kept]
    name = (
        "scores" if not any(lags) else f"scores, cheaper tiers behind by {'/'.join(f'{x:g}' for x in lags)}"
    )
    return Path(name, cuts, np.full(len(cuts), level))


def _by_gate(field: Field, direct: float, start: int) -> Path:
    """From gates that reject nearly everything to gates that let everything pass."""
    count = len(field.score)
    cut = np.where(np.arange(field.tiers - 1) < start, 0, round((1 - direct) * count))
    levels = np.arange(len(field.levels) - 1)
    cuts = np.repeat(_snapped(field, cut[None, :]), len(levels), axis=0)
    return Path(f"gates, {direct:.0%} to the dearest tier at once", cuts, levels)


def _snapped(field: Field, cuts: Ints) -> Ints:
    """The nearest places at or below ``cuts`` that do not part equal scores."""
    return np.asarray(field.ends[np.searchsorted(field.ends, cuts, side="right") - 1])


def _level_of(field: Field, share: float) -> int:
    """The level at which the gates that can be tuned reject about ``share`` of the answers."""
    ways = len(field.levels) - 1
    return min(ways - 1, round((1 - share / _STRICTEST) * (ways - 1)))


def _levels(recorded: Recorded) -> tuple[Mapping[str, float], ...]:
    """Thresholds of the gates, from those that reject the most; as configured comes last."""
    knobs = recorded.knobs
    if not knobs:
        return ({},)
    found = [{w.name: _quantile(w.worth, s) for w in knobs} for s in np.linspace(_STRICTEST, 0.0, LEVELS)]
    return (*_distinct(found), {w.name: w.least for w in knobs})


def _quantile(worth: Floats | None, share: float) -> float:
    """The threshold below which ``share`` of the answers of all tiers but the dearest lie."""
    known = np.zeros(1) if worth is None else worth[:-1][~np.isnan(worth[:-1])]
    return float(np.quantile(known, share)) if len(known) else 0.0


def _distinct(levels: Sequence[Mapping[str, float]]) -> Iterator[Mapping[str, float]]:
    before: Mapping[str, float] | None = None
    for level in levels:
        if level != before:
            yield level
        before = level
