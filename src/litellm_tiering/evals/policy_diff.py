"""The same requests under two policies: which of them go elsewhere, by what cause, and what that comes to.

A request has moved where it lands on another tier, is refused, or is no longer. Its cause is the stage from
which on the two decisions differ to their end: a difference that a later stage evens out has moved nothing.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.evals.asking import Ask
    from litellm_tiering.evals.result import Result

REFUSED = "(refused)"
"""Where a refused request lands."""

PRICE = "price"
"""The cause of costs that change on a tier that has stayed the same."""

EXAMPLES = 20
"""How many moved requests are shown one by one."""

CAUSES: dict[Stage, str] = {
    Stage.EXPERIMENT: "experiment",
    Stage.CLASSIFY: "classifier",
    Stage.CONVERSATION: "conversation",
    Stage.CLIENT: "client",
    Stage.RULES: "rule",
    Stage.REQUIREMENTS: "requirement",
    Stage.BUDGET: "budget",
    Stage.AVAILABILITY: "availability",
    Stage.CASCADE: "cascade",
}
"""What a difference is called that begins at a stage."""

_STAGES = tuple(Stage)
_BEFORE_ANSWERS = {Reason.BYPASS, Reason.EXPECTED}
_REFUSES = {Reason.REQUIREMENT: Stage.REQUIREMENTS, Reason.PERMISSION: Stage.AVAILABILITY}
_Z95 = 1.959964


class Way(NamedTuple):
    """The steps of a decision that took effect: stage, reason, and the tier each led to."""

    steps: tuple[tuple[Stage, Reason, str], ...]

    @property
    def tier(self) -> str:
        """Where it ends."""
        return self.steps[-1][2]

    def after_stages(self) -> list[str]:
        """The tier after each stage, in their order; empty before the first word."""
        found, at = [], ""
        for stage in _STAGES:
            at = next((tier for said, _, tier in reversed(self.steps) if said is stage), at)
            found.append(at)
        return found

    def has(self, reasons: set[Reason]) -> bool:
        """Whether classification was for one of these reasons."""
        return any(stage is Stage.CLASSIFY and reason in reasons for stage, reason, _ in self.steps)

    def explained(self) -> list[str]:
        """The steps in words."""
        return [f"{reason.value} -> {tier}" for _, reason, tier in self.steps]


class Diary:
    """What one policy did with every request, in order and in little room: many go the same way.

    Args:
        ladder: The policy's tiers.
    """

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._known: dict[Way, int] = {}
        self.ways: list[Way] = []
        self.went = array("L")
        self.cost = array("q")

    def note(self, ask: Ask, decision: Decision) -> None:
        """Take in what was decided on a request."""
        way = self._way(decision)
        index = self._known.setdefault(way, len(self.ways))
        if index == len(self.ways):
            self.ways.append(way)
        self.went.append(index)
        price = ask.inquiry.facts[decision.rank].price
        refused = decision.refusal is not None
        self.cost.append(0 if refused else int(price.cost(ask.prompt_tokens, ask.completion_tokens)))

    def _way(self, decision: Decision) -> Way:
        steps = [(s.stage, s.reason, self._ladder[s.to_rank].name) for s in decision.steps if s.enforced]
        refusal = decision.refusal
        if refusal is not None:
            steps.append((_REFUSES.get(refusal.reason, Stage.BUDGET), refusal.reason, REFUSED))
        return Way(tuple(steps))


@dataclass(slots=True)
class Moved:
    """What one cause comes to; money in nano-dollars.

    Attributes:
        requests: How many it moved.
        up: Those to a dearer tier.
        down: Those to a cheaper one.
        refused: Those that are refused now.
        served: Those that no longer are.
        cost: By how much what they cost changes.
    """

    requests: int = 0
    up: int = 0
    down: int = 0
    refused: int = 0
    served: int = 0
    cost: int = 0

    def as_json(self) -> dict[str, Any]:
        """The same with money in dollars."""
        return {
            "requests": self.requests,
            "up": self.up,
            "down": self.down,
            "refused": self.refused,
            "served": self.served,
            "cost_change_usd": usd(self.cost),
        }


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Two policies on the same requests.

    Attributes:
        old: What the one in force comes to.
        new: What the other does.
        causes: What was moved, by cause.
        ways: Requests moved, by where from and where to.
        examples: The first of them: which request, in order of arrival, and how each policy decided.
    """

    old: Result
    new: Result
    causes: dict[str, Moved]
    ways: Counter[tuple[str, str]]
    examples: tuple[dict[str, Any], ...] = field(repr=False)

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return self.old.requests

    @property
    def moved(self) -> int:
        """How many go elsewhere."""
        return sum(self.ways.values())

    @property
    def lowered(self) -> int:
        """How many get a cheaper tier, or nothing any more."""
        return sum(m.down + m.refused for m in self.causes.values())

    @property
    def cost_increase(self) -> float:
        """What the new policy spends more, as a share of what the old one spends; negative where less."""
        if self.old.spent:
            return self.new.spent / self.old.spent - 1
        return math.inf if self.new.spent else 0.0

    @property
    def lowered_share(self) -> float:
        """The share of requests that get a cheaper tier, or nothing any more."""
        return self.lowered / self.requests if self.requests else 0.0

    def quality_change(self) -> tuple[float, float, float]:
        """The mean change of what answers are worth, with its 95 % interval over requests, paired."""
        changes = [b - a for a, b in zip(self.old.worth, self.new.worth, strict=True)]
        n = len(changes)
        if not n:
            return 0.0, 0.0, 0.0
        mean = math.fsum(changes) / n
        spread = math.sqrt(math.fsum((c - mean) ** 2 for c in changes) / max(n - 1, 1) / n)
        return mean, mean - _Z95 * spread, mean + _Z95 * spread

    def as_json(self) -> dict[str, Any]:
        """The comparison with money in dollars and shares from 0 to 1."""
        mean, low, high = self.quality_change()
        increase = self.cost_increase
        return {
            "requests": self.requests,
            "moved": self.moved,
            "lowered": self.lowered,
            "lowered_share": self.lowered_share,
            "cost_increase": increase if math.isfinite(increase) else None,
            "cost_change_usd": usd(self.new.spent - self.old.spent),
            "quality_change": mean,
            "quality_change_interval": [low, high],
            "quality_measured": self.old.measured,
            "causes": {cause: moved.as_json() for cause, moved in sorted(self.causes.items())},
            "ways": [{"from": a, "to": b, "requests": n} for (a, b), n in self.ways.most_common()],
            "examples": list(self.examples),
            "old": self.old.as_json(),
            "new": self.new.as_json(),
        }


def cause_of(old: Way, new: Way) -> str | None:
    """Why a request lands elsewhere; None where it does not."""
    if old.tier == new.tier:
        return None
    before, after = old.after_stages(), new.after_stages()
    place = len(_STAGES) - 1
    while place > 0 and before[place - 1] != after[place - 1]:
        place -= 1
    if _STAGES[place] is Stage.CLASSIFY:
        for reasons, cause in (({Reason.RULE}, "rule"), (_BEFORE_ANSWERS, "cascade")):
            if old.has(reasons) or new.has(reasons):
                return cause
    return CAUSES[_STAGES[place]]


def compare(old: tuple[Diary, Result], new: tuple[Diary, Result]) -> PolicyDiff:
    """What differs between two policies that were asked the same requests in the same order."""
    (one, was), (other, is_) = old, new
    causes: dict[str, Moved] = {}
    ways: Counter[tuple[str, str]] = Counter()
    examples: list[dict[str, Any]] = []
    known: dict[tuple[int, int], str | None] = {}
    for index, pair in enumerate(zip(one.went, other.went, strict=True)):
        first, then = one.ways[pair[0]], other.ways[pair[1]]
        if pair not in known:
            known[pair] = cause_of(first, then)
        cause, change = known[pair], other.cost[index] - one.cost[index]
        if cause is None:
            if change:
                causes.setdefault(PRICE, Moved()).cost += change
            continue
        _add(causes.setdefault(cause, Moved()), first.tier, then.tier, change)
        ways[first.tier, then.tier] += 1
        if len(examples) < EXAMPLES:
            shown: Sequence[list[str]] = (first.explained(), then.explained())
            examples.append({"request": index, "cause": cause, "old": shown[0], "new": shown[1]})
    return PolicyDiff(was, is_, causes, ways, tuple(examples))


def _add(moved: Moved, before: str, after: str, change: int) -> None:
    moved.requests += 1
    moved.cost += change
    moved.refused += after == REFUSED
    moved.served += before == REFUSED
    if REFUSED not in {before, after}:
        moved.up += change > 0
        moved.down += change < 0
