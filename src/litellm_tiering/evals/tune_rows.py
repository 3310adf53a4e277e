"""From recorded outcomes and a configuration to the questions that its thresholds are tuned on.

Each question goes through the engine that the proxy runs, budgets left out, and each answer through the
gates, one by one, so that what any thresholds would have done can be told afterwards. Text goes by and is not
kept.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.config import schema_gates
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.build_chain import deciding
from litellm_tiering.config.build_gates import DEFAULT_GATES, judging, name_of
from litellm_tiering.config.schema_classifiers import LearnedClassifier
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.policy import Route
from litellm_tiering.evals.outcomes import body_of, gate_line
from litellm_tiering.evals.policy_sim import GateWord, Recorded
from litellm_tiering.evals.tune_paths import Questions
from litellm_tiering.gates.panel import Panel
from litellm_tiering.intake import read_request
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.classification import Classification
    from litellm_tiering.core.gate import Exchange
    from litellm_tiering.evals.outcomes import Outcome
    from litellm_tiering.evals.tune_relearn import Relearning
    from litellm_tiering.plan import Plan

PROGRESS_EVERY = 200
"""How many questions go by between two calls of a progress function."""

MAX_OTHERS = 16
"""How many models that stand for no tier are looked at besides."""

_NAN = float("nan")
_ADJUSTABLE = {"acceptable": "min", "confidence": "min", "logprob": "min_mean"}
"""The gates whose threshold can be tuned, and the key of it."""


class Untunable(ValueError):
    """The outcomes, or the configuration, leave nothing to tune; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of recorded outcomes.

    Attributes:
        settings: The configuration.
        models: The recorded model of each tier that has one, by rank.
        gates: Whether answers are judged by the configuration's gates.
        exchange: Reads a line ``{messages, answer, …}`` as gates see it; ValueError where it cannot.
        relearning: Scores the questions anew for a learned classifier that was trained on them; None where
            none was.
    """

    settings: Settings
    models: Mapping[int, str]
    gates: bool
    exchange: Callable[[Mapping[str, Any]], Exchange]
    relearning: Relearning | None = None

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that have a recorded model, cheapest first."""
        return tuple(sorted(self.models))


@dataclass(slots=True)
class Gate:
    """One gate of the configuration, and what it said so far.

    Attributes:
        kind: Its kind.
        name: Its name.
        key: The key of the threshold that can be tuned; empty where there is none.
        least: That threshold as configured.
        panel: The gate by itself, its faults contained.
        rejects: By rank, 1 for each answer that it rejects.
        p_bad: By rank, how likely bad it finds each answer.
    """

    kind: str
    name: str
    key: str
    least: float
    panel: Panel
    rejects: dict[int, Any] = field(default_factory=dict)
    p_bad: dict[int, Any] = field(default_factory=dict)


class Gathered:
    """Everything known of the questions, as numbers.

    Attributes:
        by: The kind of the classifier that decided each, empty where none did.
        score: Its score; not a number where it named a tier outright.
        rank: The tier that the configuration sends it to.
        floor: The lowest rank that rules allow.
        ceiling: The highest; a floor wins.
        quality: By rank, how good the recorded answers are.
        cost: By rank, what they cost in US dollars; not a number where that is not known.
        others: Of each further model, how good its answers are and what they cost; the first few models.
        gates: The gates, and what they said.
        dropped: Questions left out because they could not be scored or judged, by why.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.by: list[str] = []
        self.score: Any = array("d")
        self.rank, self.floor, self.ceiling = (array("i") for _ in range(3))
        self.quality: dict[int, Any] = {r: array("d") for r in asked.ranks}
        self.cost: dict[int, Any] = {r: array("d") for r in asked.ranks}
        self.others: dict[str, tuple[Any, Any]] = {}
        self.gates = _gates(asked)
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.by)

    @property
    def cost_known(self) -> bool:
        """Whether the cost of every answer is known."""
        return all(not np.isnan(np.asarray(c)).any() and np.asarray(c).any() for c in self.cost.values())

    def questions(self, kind: str, ranks: Sequence[int] | None = None) -> Questions:
        """The questions with the scores of the classifier ``kind`` to be cut by thresholds.

        Args:
            kind: The classifier whose thresholds are tuned; what others decide stays as it is.
            ranks: The tiers to use, all that have a recorded model when None.
        """
        used = list(self.asked.ranks if ranks is None else ranks)
        score = np.where(np.array(self.by) == kind, np.asarray(self.score), np.nan)
        cap = np.array([_below(used, max(c, f)) for c, f in zip(self.ceiling, self.floor, strict=True)])
        recorded = Recorded(
            np.stack([np.asarray(self.quality[r]) for r in used]) / self.scale,
            self._costs(used),
            [self._word(g, used) for g in self.gates],
            cap,
            self._escalations(),
        )
        rank, floor = (np.array([_settled(used, r) for r in held]) for held in (self.rank, self.floor))
        ceiling = np.array([_below(used, r) for r in self.ceiling])
        return Questions(score, rank, floor, ceiling, recorded)

    @property
    def scale(self) -> float:
        """The best quality that an answer can have: 1, or what scales to 5, 10 and 100 end at.

        Raises:
            Untunable: a quality lies below 0, or above all of those.
        """
        found = [np.asarray(q) for q in self.quality.values()]
        least, most = min(float(q.min()) for q in found), max(float(q.max()) for q in found)
        if least < 0:
            raise Untunable("a quality is below 0, and a share of it means nothing: use scores from 0 up")
        scale = next((s for s in _SCALES if most <= s), None)
        if scale is None:
            raise Untunable(
                f"a quality of {most:g} is above every known scale: use scores from 0 to 1, or to 100"
            )
        return scale

    def _costs(self, used: Sequence[int]) -> Any:  # noqa: ANN401 - an array of numpy's
        if self.cost_known:
            return np.stack([np.asarray(self.cost[r]) for r in used])
        # Every call one unit at the dearest tier, and nothing at the cheapest.
        return np.repeat(np.linspace(0.0, 1.0, len(used))[:, None], len(self), axis=1)

    def _word(self, gate: Gate, used: Sequence[int]) -> GateWord:
        rejects = np.stack([np.asarray(gate.rejects[r], bool) for r in used])
        p_bad = np.stack([np.asarray(gate.p_bad[r]) for r in used])
        if not gate.key:
            return GateWord(gate.name, rejects, p_bad)
        good = 1.0 - p_bad
        worth = np.log(np.maximum(good, 1e-300)) if gate.kind == "logprob" else good
        return GateWord(gate.name, rejects, p_bad, worth, gate.least)

    def _escalations(self) -> int:
        cascade = self.asked.settings.cascade
        return 0 if cascade is None else cascade.max_escalations


_SCALES = (1.0, 5.0, 10.0, 100.0)


async def gather(
    asked: Asked, outcomes: Iterable[Outcome], progress: Callable[[int], None] | None = None
) -> Gathered:
    """Score every question and judge every answer; those that cannot be are left out, and counted.

    Raises:
        OutcomeError: the outcomes cannot be read.
        Untunable: none of them can be used.
    """
    found, desk = Gathered(asked), _Desk(asked.settings)
    for seen, outcome in enumerate(outcomes, 1):
        try:
            _has_all(asked, outcome)
            plan = await desk.plan(body_of(outcome))
            said = await _judged(found, outcome)
            if asked.relearning is not None:
                asked.relearning.add(outcome)
        except ValueError as error:
            found.dropped[str(error)] += 1
            continue
        _keep(found, outcome, plan, said)
        if progress is not None and seen % PROGRESS_EVERY == 0:
            progress(seen)
    if not len(found):
        why = next(iter(found.dropped), "there is none")
        raise Untunable(f"no question can be used: {why}")
    if asked.relearning is not None:
        _relearned(found, asked.relearning)
    return found


def _relearned(found: Gathered, relearning: Relearning) -> None:
    """Put honest scores in the place of those that the learned classifier gave its training rows."""
    own = np.array(found.by) == "learned"
    if not own.any():
        return
    score = np.asarray(found.score)
    score[own] = relearning.scores()[own]
    values = _listed_thresholds(found.asked.settings) or relearning.thresholds()
    for i in np.flatnonzero(own & ~np.isnan(score)):
        found.rank[i] = max(min(bisect_right(values, score[i]), found.ceiling[i]), found.floor[i])


def _listed_thresholds(settings: Settings) -> tuple[float, ...] | None:
    """The learned classifier's thresholds in the configuration; None where it leaves them to the model."""
    listed = (c for c in deciding(settings.config.classifiers) if isinstance(c, LearnedClassifier))
    values = next((c.thresholds for c in listed), None)
    return None if not values else tuple(values[t.name] for t in settings.ladder.tiers[1:])


def _has_all(asked: Asked, outcome: Outcome) -> None:
    for model in asked.models.values():
        if model not in outcome.answers:
            raise ValueError(f"there is no usable answer of {model}")


class _Desk:
    """Decides on questions as the proxy does, budgets left out."""

    def __init__(self, settings: Settings) -> None:
        # What a question needs does not depend on whether this proxy acts on it.
        self._engine = engine_of(replace(settings, mode="enforce"), MemoryLedger(), ())
        self._model = settings.virtual_model
        route = settings.route_for(self._model) or Route(
            "tune", ("*",), default_rank=len(settings.ladder) // 2
        )
        self._route = replace(route, classify=True, enforce=True)
        self._ladder = settings.ladder
        self._facts = (TierFacts(Price(known=False)),) * len(settings.ladder)

    async def plan(self, body: Mapping[str, Any]) -> Plan:
        features, prompt = read_request({**body, "model": self._model}, Surface.CHAT)
        plan = await self._engine.explain(
            Inquiry(features, prompt, Caller(), self._route, self._ladder.top, self._facts)
        )
        if plan.classification.fault:
            raise ValueError(f"the classifiers fail ({plan.classification.fault})")
        return plan


def _gates(asked: Asked) -> tuple[Gate, ...]:
    cascade = asked.settings.cascade
    if not asked.gates or cascade is None:
        return ()
    section = asked.settings.config.cascade
    listed = judging(section.gates) if isinstance(section, schema_gates.CascadeSection) else None
    members = getattr(cascade.gates, "members", ())
    found = []
    for one, gate in zip(DEFAULT_GATES if listed is None else listed, members, strict=True):
        key = "" if _bounded_otherwise(one) else _ADJUSTABLE.get(one.kind, "")
        least = float(getattr(one, key)) if key else 0.0
        found.append(Gate(one.kind, name_of(one), key, least, Panel([gate])))
    return tuple(found)


def _bounded_otherwise(one: schema_gates.AnyGate) -> bool:
    """Whether a gate has other bounds than the one that is tuned, or not that one."""
    return isinstance(one, schema_gates.LogprobGate) and (
        one.min_mean is None or one.min_token is not None or one.max_perplexity is not None
    )


async def _judged(found: Gathered, outcome: Outcome) -> list[dict[int, tuple[bool, float]]]:
    """For each gate, what it makes of each tier's answer: whether it rejects it, and how likely it is bad."""
    if not found.gates:
        return []
    exchanges = {r: _exchange(found.asked, outcome, r) for r in found.asked.ranks}
    said: list[dict[int, tuple[bool, float]]] = []
    for gate in found.gates:
        told = {r: await gate.panel.judge(exchange) for r, exchange in exchanges.items()}
        said.append({r: (not t.accepted, t.p_bad) for r, t in told.items()})
    return said


def _exchange(asked: Asked, outcome: Outcome, rank: int) -> Exchange:
    line = gate_line(outcome, asked.models[rank])
    if line is None:
        raise ValueError("an answer's text was not kept")
    tier = asked.settings.ladder[rank]
    return replace(asked.exchange(line), tier=tier.name, model=tier.model)


def _keep(
    found: Gathered, outcome: Outcome, plan: Plan, said: Sequence[Mapping[int, tuple[bool, float]]]
) -> None:
    heard: Classification = plan.classification
    top = len(found.asked.settings.ladder) - 1
    found.by.append(heard.by)
    found.score.append(np.nan if heard.score is None else heard.score)
    found.rank.append(plan.decision.rank)
    found.floor.append(heard.floor[0] if heard.floor else 0)
    found.ceiling.append(heard.cap[0] if heard.cap else top)
    for rank, model in found.asked.models.items():
        answer = outcome.answers[model]
        found.quality[rank].append(answer.quality)
        found.cost[rank].append(np.nan if answer.cost_usd is None else answer.cost_usd)
    _keep_others(found, outcome)
    for gate, told in zip(found.gates, said, strict=True):
        for rank, (rejects, p_bad) in told.items():
            gate.rejects.setdefault(rank, array("b")).append(rejects)
            gate.p_bad.setdefault(rank, array("d")).append(p_bad)


def _keep_others(found: Gathered, outcome: Outcome) -> None:
    before = len(found) - 1
    mapped = set(found.asked.models.values())
    for model in outcome.answers.keys() - mapped:
        if model not in found.others and len(found.others) < MAX_OTHERS:
            found.others[model] = (array("d", [_NAN]) * before, array("d", [_NAN]) * before)
    for model, (quality, cost) in found.others.items():
        answer = outcome.answers.get(model)
        quality.append(_NAN if answer is None else answer.quality)
        cost.append(_NAN if answer is None or answer.cost_usd is None else answer.cost_usd)


def _settled(used: Sequence[int], rank: int) -> int:
    """The place among the tiers used for a question of ``rank``: the nearest from it on, else the last."""
    return min(bisect_left(used, rank), len(used) - 1)


def _below(used: Sequence[int], rank: int) -> int:
    """The highest place among the tiers used that does not lie above ``rank``; the first where all do."""
    return max(bisect_right(used, rank) - 1, 0)
