"""What tuning came to: the thresholds, what they keep and cost, and what other choices would.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.config.build_chain import deciding
from litellm_tiering.evals.policy_sim import Recorded
from litellm_tiering.evals.tune import Goal, always, highest, rows_needed, search
from litellm_tiering.evals.tune_paths import Field, Path, Questions
from litellm_tiering.evals.tune_rows import Untunable
from litellm_tiering.evals.tune_values import minima, thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.evals.tune_rows import Gathered


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in numbers to be written down, and what it comes to.

    Attributes:
        thresholds: The score from which each tier but the cheapest is chosen, by tier.
        gates: The threshold of each gate that can be tuned, by its name.
        quality: Its mean quality.
        cost: Its mean cost.
        begins: The share of questions that begin at each tier, by tier.
        escalated: The share of questions that ask more than one tier.
    """

    thresholds: Mapping[str, float]
    gates: Mapping[str, float]
    quality: float
    cost: float
    begins: Mapping[str, float]
    escalated: float


@dataclass(frozen=True, slots=True)
class Ladder:
    """Another model in front of the dearest tier's, routing alone.

    Attributes:
        model: The model, as the outcomes name it.
        questions: How many questions both answered.
        share: Its mean quality as a share of the dearest tier's.
        cost: What keeping the promise costs as a share of always asking the dearest tier; 1 where no policy
            is shown to keep it.
    """

    model: str
    questions: int
    share: float
    cost: float


@dataclass(frozen=True, slots=True)
class Result:
    """What tuning came to.

    Attributes:
        goal: What was to be promised.
        classifier: The kind of the classifier whose thresholds are tuned.
        models: The recorded model of each tier used.
        questions: How many questions it rests on.
        decided: The share of them that this classifier decides.
        strong: The dearest tier's mean quality.
        always: What always asking it costs.
        cost_known: Whether costs are in US dollars; else they are shares of calls.
        chosen: The cheapest policy that is shown to keep the promise; None where none that saves anything is.
        point: The cheapest whose mean is enough, without any proof.
        configured: What is configured now.
        highest: Where nothing was chosen: about the highest target that would be.
        rows: Where nothing was chosen: about how many questions it would take; infinite where none will do.
        ladders: Other models in front.
    """

    goal: Goal
    classifier: str
    models: Mapping[str, str]
    questions: int
    decided: float
    strong: float
    always: float
    cost_known: bool
    chosen: Policy | None
    point: Policy | None
    configured: Policy
    highest: float = 0.0
    rows: float = math.inf
    ladders: tuple[Ladder, ...] = ()

    def share(self, policy: Policy) -> float:
        """A policy's quality as a share of the dearest tier's."""
        return policy.quality / self.strong if self.strong else 1.0

    def spend(self, policy: Policy) -> float:
        """A policy's cost as a share of always asking the dearest tier."""
        return policy.cost / self.always if self.always else 1.0


def tuned(gathered: Gathered, goal: Goal) -> Result:
    """The cheapest policy that keeps a promise, and what stands beside it.

    Raises:
        Untunable: no classifier with thresholds decides any of the questions, or a quality is no share.
    """
    settings = gathered.asked.settings
    kind = classifier_of(gathered)
    field = Field(gathered.questions(kind))
    if not field.questions.recorded.quality[-1].any():
        raise Untunable("no answer of the dearest tier is worth anything: there is no quality to keep")
    found = search(field, goal)
    scale, ranks = gathered.scale, gathered.asked.ranks
    return Result(
        goal=goal,
        classifier=kind,
        models={settings.ladder[r].name: gathered.asked.models[r] for r in ranks},
        questions=len(gathered),
        decided=float(np.mean([by == kind for by in gathered.by])),
        strong=scale * float(field.questions.recorded.quality[-1].mean()),
        always=always(field),
        cost_known=gathered.cost_known,
        chosen=None if found.choice is None else _policy(gathered, field, found.choice.path),
        point=None if found.point is None else _policy(gathered, field, found.point.path),
        configured=_now(gathered, field),
        highest=highest(field, goal) if found.choice is None else 0.0,
        rows=rows_needed(field, goal) if found.choice is None else math.inf,
        ladders=_ladders(gathered, field, goal),
    )


def _policy(gathered: Gathered, field: Field, path: Path) -> Policy:
    """The first policy of a path in numbers."""
    ladder, ranks = gathered.asked.settings.ladder, gathered.asked.ranks
    weighed = field.weigh(path, 1.0)
    cuts, level = path.cuts[0], int(path.levels[0])
    values = thresholds(field.score, [int(c) for c in cuts], ranks, ladder.top)
    starts, run = field.starts(cuts), field.run(level)
    begun = np.maximum(np.minimum(starts, field.questions.ceiling), field.questions.floor)
    attempts = np.take_along_axis(run.attempts, starts[None, :], axis=0)[0]
    return Policy(
        thresholds={t.name: v for t, v in zip(ladder.tiers[1:], values, strict=True)},
        gates=minima(field.questions.recorded, field.levels[level]),
        quality=gathered.scale * float(weighed.quality[0]),
        cost=float(weighed.cost[0]),
        begins={ladder[r].name: float(np.mean(begun == i)) for i, r in enumerate(ranks)},
        escalated=float(np.mean(attempts > 1)),
    )


def _now(gathered: Gathered, field: Field) -> Policy:
    """What is configured now: every question where the configuration sends it."""
    known = field.questions
    as_it_is = Field(replace(known, score=np.full(len(known), np.nan)))
    path = Path("configured", np.zeros((1, field.tiers - 1), np.int64), np.array([len(field.levels) - 1]))
    return replace(_policy(gathered, as_it_is, path), thresholds={})


def classifier_of(gathered: Gathered) -> str:
    """The kind of the classifier to tune: of those with thresholds, the one that decides the most.

    Raises:
        Untunable: there is none.
    """
    listed = gathered.asked.settings.config.classifiers
    able = (
        {"heuristic"}
        if listed is None
        else {c.kind for c in deciding(listed) if "thresholds" in type(c).model_fields}
    )
    scored = (by for by, score in zip(gathered.by, gathered.score, strict=True) if not math.isnan(score))
    decided = Counter(by for by in scored if by in able)
    if not decided:
        raise Untunable(
            "no classifier with thresholds decides any of these questions: rules decide them all, or none is "
            "listed; add `- kind: heuristic` to `classifiers`"
        )
    return decided.most_common(1)[0][0]


def _ladders(gathered: Gathered, field: Field, goal: Goal) -> tuple[Ladder, ...]:
    """What every model of the outcomes would be worth as the one cheap tier, compared on the same terms."""
    strong_q, strong_c = field.questions.recorded.quality[-1], field.questions.recorded.cost[-1]
    scale, models = gathered.scale, gathered.asked.models
    listed = {models[r]: (gathered.quality[r], gathered.cost[r]) for r in gathered.asked.ranks[:-1]}
    fronts = {**listed, **gathered.others}
    found = []
    for model, held in fronts.items():
        quality, cost = (np.asarray(h, float) for h in held)
        known = ~np.isnan(quality) & ~np.isnan(cost)
        if not gathered.cost_known or known.mean() < _ENOUGH or cost[known].mean() >= strong_c[known].mean():
            continue
        if quality[known].min() < 0 or quality[known].max() > scale:
            continue
        found.append((model, known, quality / scale, cost))
    if len(found) <= 1:
        return ()
    terms = Goal(goal.target, goal.confidence, len(found))
    return tuple(
        sorted(
            (_front(field.questions, one, strong_q, strong_c, terms) for one in found), key=lambda x: x.cost
        )
    )


_ENOUGH = 0.9
"""The share of the questions that a model must have answered to be compared."""


def _front(questions: Questions, one: Any, strong_q: Any, strong_c: Any, goal: Goal) -> Ladder:  # noqa: ANN401 - arrays of numpy's
    model, known, quality, cost = one
    recorded = Recorded(
        np.stack([quality, strong_q])[:, known],
        np.stack([cost, strong_c])[:, known],
        (),
        np.ones(int(known.sum()), np.int64),
        0,
    )
    score = questions.score[known]
    top = len(questions.recorded.quality) - 1
    fixed = (questions.chosen[known] == top).astype(np.int64)
    ones = np.ones(len(score), np.int64)
    field = Field(Questions(score, fixed, 0 * ones, ones, recorded))
    choice = search(field, goal).choice
    share = float(quality[known].mean() / strong_q[known].mean())
    return Ladder(model, int(known.sum()), share, 1.0 if choice is None else choice.cost / always(field))
