"""One pass over an outcome file: everything an evaluation needs, as numbers; the text goes by."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.evals.gating import Unjudged, judged
from litellm_tiering.evals.scoring import Unscored, scored, word_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from litellm_tiering.evals.gating import JudgingLines
    from litellm_tiering.evals.metrics import Floats
    from litellm_tiering.evals.outcomes import Outcome
    from litellm_tiering.evals.scoring import Scoring

PROGRESS_EVERY = 500
"""How many questions go by between two calls of a progress function."""

MAX_GROUPS = 1000
"""How many groups of questions are told apart; the others count as one."""

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Contender:
    """A configuration that is evaluated.

    Attributes:
        label: What it is called.
        chain: Its classifiers.
        tiers: The names of its tiers, cheapest first.
        gates: Its gates; None where they are not evaluated.
        alone: Each of those gates by itself, by name.
        predicts_gain: Whether its score is meant as a gain in quality, and not only as an order.
        climbs: How many stronger tiers its cascade may try after a rejected answer.
    """

    label: str
    chain: Scoring
    tiers: tuple[str, ...]
    gates: JudgingLines | None = None
    alone: Mapping[str, JudgingLines] = field(default_factory=dict)
    predicts_gain: bool = False
    climbs: int = 1


@dataclass(slots=True)
class Verdicts:
    """What a contender's gates made of one model's answers, by question.

    Attributes:
        p_bad: How likely the answer is bad.
        accept: 1 where it would be served, else 0.
        by: The gate that rejected it, as a place in ``names``; -1 where none did.
        alone: By gate, 1 where that gate by itself rejects.
        names: The gates that rejected something.
    """

    p_bad: Any = field(default_factory=lambda: array("d"))
    accept: Any = field(default_factory=lambda: array("b"))
    by: Any = field(default_factory=lambda: array("h"))
    alone: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ways:
    """What a contender made of the questions.

    Attributes:
        score: Its scores.
        rank: The rank of the tier that it chose, on its own ladder.
        ms: How long that took, in milliseconds.
        verdicts: What its gates made of each lower tier's answers, by model.
    """

    score: Any = field(default_factory=lambda: array("d"))
    rank: Any = field(default_factory=lambda: array("b"))
    ms: Any = field(default_factory=lambda: array("f"))
    verdicts: dict[str, Verdicts] = field(default_factory=dict)


class Rows:
    """The numbers of all questions, in the order of the file.

    Attributes:
        quality: By model, how good its answers were; NaN where there is none.
        cost: By model, what they cost in US dollars; NaN where that is not known.
        words: How many words the questions have.
        signals: By name, scores of others: what the contenders are compared with.
        ways: What each contender made of them.
        group: The place of each question's group in ``groups``.
        groups: The groups.
        dropped: Questions left out because somebody could not score or judge them, by why.
    """

    def __init__(self, contenders: Sequence[Contender], signals: Sequence[str] = ()) -> None:
        self.quality: dict[str, Any] = {}
        self.cost: dict[str, Any] = {}
        self.words: Any = array("d")
        self.signals: dict[str, Any] = {name: array("d") for name in signals}
        self.ways = [Ways() for _ in contenders]
        self.group: Any = array("H")
        self.groups: list[str] = []
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.words)

    def seal(self) -> None:
        """Make arrays of numpy's of all that was gathered."""
        for held in (self.quality, self.cost, self.signals):
            held.update({name: np.asarray(values, float) for name, values in held.items()})
        self.words = np.asarray(self.words, float)
        self.group = np.asarray(self.group, int)
        for way in self.ways:
            way.score, way.rank = np.asarray(way.score, float), np.asarray(way.rank, int)
            way.ms = np.asarray(way.ms, float)
            for seen in way.verdicts.values():
                seen.p_bad, seen.accept = np.asarray(seen.p_bad, float), np.asarray(seen.accept, bool)
                seen.by = np.asarray(seen.by, int)
                seen.alone = {name: np.asarray(v, bool) for name, v in seen.alone.items()}

    def costs(self, model: str) -> Floats | None:
        """What a model's answers cost; None where that is not known of every one."""
        found: Floats = self.cost[model]
        return None if np.isnan(found).any() or not found.any() else found


@dataclass(frozen=True, slots=True)
class Plan:
    """What is gathered.

    Attributes:
        contenders: The configurations.
        judged: The models whose answers the gates judge.
        signals: By name, a function from the text of a question to a score; None where it has none.
    """

    contenders: Sequence[Contender]
    judged: Sequence[str] = ()
    signals: Mapping[str, Callable[[str], float | None]] = field(default_factory=dict)


async def gather(
    outcomes: Iterable[Outcome], plan: Plan, progress: Callable[[int], None] | None = None
) -> Rows:
    """Score and judge every question; those that somebody cannot score or judge are left out, and counted.

    Raises:
        OutcomeError: the outcomes cannot be read.
    """
    rows = Rows(plan.contenders, tuple(plan.signals))
    for seen, outcome in enumerate(outcomes, 1):
        try:
            said = [await scored(c.chain, outcome) for c in plan.contenders]
            told = [await _verdicts(c, outcome, plan.judged) for c in plan.contenders]
        except (Unscored, Unjudged) as error:
            rows.dropped[str(error)] += 1
            continue
        for contender, way, one, verdicts in zip(plan.contenders, rows.ways, said, told, strict=True):
            way.score.append(one.score)
            way.rank.append(contender.tiers.index(one.tier))
            way.ms.append(one.ms)
            _keep(way, verdicts)
        _keep_outcome(rows, outcome, plan)
        if progress is not None and seen % PROGRESS_EVERY == 0:
            progress(seen)
    rows.seal()
    return rows


def _keep_outcome(rows: Rows, outcome: Outcome, plan: Plan) -> None:
    before = len(rows)
    for model, answer in outcome.answers.items():
        for held, value in ((rows.quality, answer.quality), (rows.cost, answer.cost_usd)):
            column = held.setdefault(model, array("d", [_NAN]) * before)
            column.append(_NAN if value is None else value)
    rows.words.append(word_count(outcome))
    for name, signal in plan.signals.items():
        value = signal(outcome.prompt)
        rows.signals[name].append(_NAN if value is None else value)
    rows.group.append(_place(rows.groups, outcome.group, MAX_GROUPS))
    for held in (rows.quality, rows.cost):
        for column in held.values():
            if len(column) <= before:
                column.append(_NAN)


async def _verdicts(
    contender: Contender, outcome: Outcome, models: Sequence[str]
) -> dict[str, tuple[bool, float, str, dict[str, bool]]]:
    """By model: whether its answer is accepted, p_bad, by whom it was rejected, and each gate's rejection."""
    if contender.gates is None:
        return {}
    found = {}
    for model in models:
        whole = await judged(contender.gates, outcome, model)
        alone = {
            name: not (await judged(gate, outcome, model)).accept for name, gate in contender.alone.items()
        }
        found[model] = (whole.accept, whole.p_bad, whole.by, alone)
    return found


def _keep(way: Ways, verdicts: Mapping[str, tuple[bool, float, str, dict[str, bool]]]) -> None:
    for model, (accept, p_bad, by, alone) in verdicts.items():
        seen = way.verdicts.setdefault(model, Verdicts())
        seen.p_bad.append(p_bad)
        seen.accept.append(accept)
        seen.by.append(_place(seen.names, by, MAX_GROUPS) if by else -1)
        for name, rejects in alone.items():
            seen.alone.setdefault(name, array("b")).append(rejects)


def _place(names: list[str], name: str, most: int) -> int:
    """The place of ``name`` among ``names``, where it is added; the last one where there are too many."""
    try:
        return names.index(name)
    except ValueError:
        if len(names) < most:
            names.append(name)
        return len(names) - 1
