"""The cheapest policy whose quality is shown to be a share of the dearest tier's.

Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei, arXiv 2110.01052), fixed-sequence testing: along
a path of policies whose order was settled beforehand, from the safest to the cheapest, each is tested at the
path's full level, and at the first that fails its search ends. However many are passed, the chance that one
of them keeps less than was promised is at most that level; where there are several paths (gates' thresholds
beside the scores', three tiers and more), they share ``1 - confidence`` out. The cheapest policy that passed
is chosen. The test is :mod:`~litellm_tiering.evals.bounds`'s, of the mean of
``quality(policy) - target * quality(dearest tier)``.

Letting a part of the questions choose the path, for the others to test it at the full level, was measured to
find dearer policies than sharing the level out does.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from litellm_tiering.evals import bounds
from litellm_tiering.evals.tune_paths import Field, Path, paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from litellm_tiering.evals.tune_paths import Weighed

    Bools = npt.NDArray[np.bool_]

_SAVES = 1e-9
_PLAIN = 1 / 3
"""The share of the chance of error that the plainest of several paths has; the others share the rest."""

_LOOKED_AT = 24
"""Along how many policies of a path it is asked how many questions would do."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is promised.

    Attributes:
        target: The share of the dearest tier's quality to keep, above 0 and at most 1.
        confidence: How sure the promise is, between 0 and 1.
        tests: Among how many such searches the chance of error is shared out.
    """

    target: float
    confidence: float = 0.95
    tests: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One policy, and what it comes to.

    Attributes:
        path: A path of this policy alone.
        quality: Its mean quality.
        cost: Its mean cost.
    """

    path: Path
    quality: float
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search came to.

    Attributes:
        choice: The cheapest policy that is shown to keep the promise; None where none that saves anything is.
        point: The cheapest whose mean quality is enough, as if these questions were all there are.
        paths: How many paths there were.
        passed: How many policies passed.
    """

    choice: Choice | None
    point: Choice | None
    paths: int
    passed: int


def search(field: Field, goal: Goal) -> Found:
    """The cheapest policy that keeps the promise, by the questions in ``field``."""
    every = tuple(paths(field))
    weighed = tuple(field.weigh(path, goal.target) for path in every)
    most = always(field) * (1 - _SAVES)
    passed = [
        _passed(field, p, w, goal, share)
        for p, w, share in zip(every, weighed, _shares(len(every)), strict=True)
    ]
    best = _cheapest(
        every, weighed, [np.arange(len(p)) < n for p, n in zip(every, passed, strict=True)], most
    )
    enough = goal.target * float(field.questions.recorded.quality[-1].mean()) - 1e-12
    point = _cheapest(every, weighed, [w.quality >= enough for w in weighed], math.inf)
    return Found(best, point, len(every), sum(passed))


def _shares(count: int) -> Sequence[float]:
    """How the chance of error is shared out among so many paths."""
    return (1.0,) if count == 1 else (_PLAIN, *[(1 - _PLAIN) / (count - 1)] * (count - 1))


def _passed(field: Field, path: Path, weighed: Weighed, goal: Goal, share: float) -> int:
    """How many policies of a path pass before the first that fails."""
    passes = weighed.evidence >= bounds.needed(goal.confidence, goal.tests / share)
    if goal.target <= 1.0 and _is_dearest(field, path):
        passes[0] = True  # it keeps all of its own quality: there is nothing to be shown
    return len(passes) if passes.all() else int(np.argmin(passes))


def _is_dearest(field: Field, path: Path) -> bool:
    """Whether the first policy of a path is to ask the dearest tier and nobody else."""
    run, top = field.run(int(path.levels[0])), field.tiers - 1
    return bool((field.starts(path.cuts[0]) == top).all() and (run.served[-1] == top).all())


def _cheapest(
    every: Sequence[Path], weighed: Sequence[Weighed], may: Sequence[Bools], below: float
) -> Choice | None:
    """The cheapest policy among those that ``may`` be chosen, where it costs less than ``below``."""
    best: Choice | None = None
    for path, found, allowed in zip(every, weighed, may, strict=True):
        costs = np.where(allowed, found.cost, np.inf)
        at = int(np.argmin(costs))
        if costs[at] < (below if best is None else best.cost):
            best = Choice(path.only(at), float(found.quality[at]), float(found.cost[at]))
    return best


def always(field: Field) -> float:
    """What always asking the dearest tier costs, for each question."""
    return float(field.questions.recorded.cost[-1].mean())


def highest(field: Field, goal: Goal, steps: int = 12) -> float:
    """About the highest target that a policy which saves something is shown to keep, rounded down; or 0."""
    low, high = 0.0, goal.target
    for _ in range(steps):
        middle = (low + high) / 2
        if search(field, replace(goal, target=middle)).choice is None:
            high = middle
        else:
            low = middle
    return math.floor(low * 1000) / 1000


def rows_needed(field: Field, goal: Goal) -> float:
    """About how many questions like these would show that some policy keeps the promise; may be infinite."""
    found, every = math.inf, tuple(paths(field))
    for path, share in zip(every, _shares(len(every)), strict=True):
        for at in np.unique(np.linspace(0, len(path) - 1, _LOOKED_AT).astype(int)):
            one = path.only(int(at))
            if field.weigh(one, goal.target).cost[0] < always(field) * (1 - _SAVES):
                margins = field.margins(one, goal.target)
                found = min(
                    found, bounds.rows_needed(margins, -goal.target, goal.confidence, goal.tests / share)
                )
    return found
