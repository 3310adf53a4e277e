"""What the kept decisions tell of the arms of an experiment: each by itself, and against the first.

Fed one row at a time; rows come from the store and are taken for what they are, or not at all. Callers are
what was drawn, so callers are what is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.agreement import UNUSED
from litellm_tiering.core.decision import Reason
from litellm_tiering.core.experiment import BASE, Arm
from litellm_tiering.core.savings import QUARTER_S
from litellm_tiering.core.sequential import LEVEL, Change, Kind, Part, change_of, shared_alpha
from litellm_tiering.telemetry.arms_text import verdict
from litellm_tiering.telemetry.sightings import Sample, cost_of, dicts_in, number_of
from litellm_tiering.units import nano_usd, usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.core.experiment import Experiment
    from litellm_tiering.records import Row

MOST_CALLERS = 100_000
MOST_ARMS = 16
"""How many are told apart: there may be rows of experiments that are over."""

_MOST_POLICIES = 64

KINDS: Mapping[str, Kind] = {
    "cost": Kind(relative=True, scale=0.3),
    "passes": Kind(relative=False, scale=0.1),
    "feedback": Kind(relative=False, scale=0.1),
    "asked": Kind(relative=True, scale=0.3),
}
"""What is compared: the cost of a request, the share of requests whose answer the gates let pass, what
callers say of answers, and how many requests there are in a quarter of an hour in which a caller asks at all.
The last because whoever gets a worse answer asks again, and costs of single requests do not tell."""


@dataclass(slots=True)
class _Caller:
    """What one caller did, its requests under way left out; money in nano-dollars."""

    cost: int = 0
    requests: int = 0
    judged: int = 0
    passed: int = 0
    said: float = 0.0
    rated: int = 0
    quarters: set[int] = field(default_factory=set)

    def part(self, what: str) -> Part:
        """Its part in one of the rates of :data:`KINDS`."""
        if what == "cost":
            return Part(self.cost, self.requests)
        if what == "passes":
            return Part(self.passed, self.judged)
        return Part(self.said, self.rated) if what == "feedback" else Part(self.requests, len(self.quarters))


@dataclass(slots=True)
class _Seen:
    """One arm's decisions."""

    callers: dict[str, _Caller] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    waits: Sample = field(default_factory=Sample)
    requests: int = 0
    refused: int = 0
    escalated: int = 0
    cost: int = 0
    baseline: int = 0


class Arms:
    """What was seen of every arm."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._arm_of: dict[str, str] = {}
        self._moved: set[str] = set()
        self.left_out = 0
        """How many decisions were of callers that cannot be told apart, or that are too many."""
        self.oldest_s: float | None = None

    def saw(self, row: Row) -> None:
        """Take in one decision; of those outside the experiment nothing."""
        if not row.arm or (row.arm not in self._seen and len(self._seen) >= MOST_ARMS):
            return
        seen = self._seen.setdefault(row.arm, _Seen())
        if self.oldest_s is None or row.at < self.oldest_s:
            self.oldest_s = row.at
        policy = row.record.get("policy")
        if isinstance(policy, str) and len(seen.policies) < _MOST_POLICIES:
            seen.policies.add(policy)
        attempts = [a for a in dicts_in(row.record.get("attempts")) if a.get("shadow") is not True]
        if row.record.get("refused") or not attempts:
            seen.refused += 1
        elif all(a.get("verdict") != "pending" for a in attempts):
            self._served(seen, row, attempts)

    def _served(self, seen: _Seen, row: Row, attempts: Sequence[Mapping[str, Any]]) -> None:
        cost = cost_of(row.record)
        seen.requests += 1
        seen.cost += cost
        seen.baseline += int(nano_usd(number_of(row.record.get("baseline_usd"))))
        steps = dicts_in(row.record.get("steps"))
        seen.escalated += any(s.get("reason") == Reason.ESCALATION.value for s in steps)
        asked = dicts_in(row.record.get("classifiers"))
        took = (number_of(a.get("ms")) for a in (*asked, *attempts) if a.get("verdict") != UNUSED)
        seen.waits.add(math.fsum(took))
        caller = self._caller(seen, row)
        if caller is None:
            self.left_out += 1
            return
        caller.cost += cost
        caller.requests += 1
        caller.quarters.add(int(row.at // QUARTER_S))
        if any(isinstance(a.get("judged"), list) and a["judged"] for a in attempts):
            caller.judged += 1
            caller.passed += any(a.get("verdict") == "ok" for a in attempts)
        if row.feedback is not None:
            caller.rated += 1
            caller.said += min(1.0, max(0.0, number_of(row.feedback)))

    def _caller(self, seen: _Seen, row: Row) -> _Caller | None:
        """Whose decision it is; None where nobody knows, or too many are known already."""
        who = f"key:{row.key}" if row.key else f"team:{row.team}"
        known = who in self._arm_of
        if not (row.key or row.team) or not (known or len(self._arm_of) < MOST_CALLERS):
            return None
        if self._arm_of.setdefault(who, row.arm) != row.arm:
            self._moved.add(who)
        return seen.callers.setdefault(who, _Caller())

    def found(self, experiment: Experiment) -> dict[str, Any] | None:
        """The arms beside one another, with what can be said of their differences; None where there are none.

        Args:
            experiment: What is being compared now; rows may be left of what was compared before.
        """
        arms = self._listed(experiment)
        if not arms:
            return None
        first, *others = arms
        alpha = shared_alpha(len(others) * len(KINDS))
        # Differences of a drawn caller that was moved since are not those of the draw.
        return {
            "against": first.name,
            "level": LEVEL,
            "since": self.oldest_s,
            "moved_callers": len(self._moved),
            "left_out": self.left_out,
            "arms": [self._told(arm) for arm in arms],
            "compared": [self._compared(first, other, alpha) for other in others],
        }

    def _listed(self, experiment: Experiment) -> list[Arm]:
        """The arms in order, the first being what others are compared with: the base beside a single one."""
        listed = [*experiment.arms] or [Arm(name, 0.0) for name in sorted(self._seen.keys() - {BASE})]
        rest = BASE in self._seen or 0 < sum(arm.parts for arm in experiment.arms) < experiment.base.parts
        if not listed or not rest:
            return listed
        return [experiment.base, *listed] if len(listed) == 1 else [*listed, experiment.base]

    def _told(self, arm: Arm) -> dict[str, Any]:
        seen = self._seen.get(arm.name, _Seen())
        every = seen.callers.values()
        judged, rated = sum(c.judged for c in every), sum(c.rated for c in every)
        return {
            "arm": arm.name,
            "share": arm.share,
            "callers": len(seen.callers),
            "requests": seen.requests,
            "refused": seen.refused,
            "cost_usd": usd(seen.cost),
            "baseline_usd": usd(seen.baseline),
            "cost_per_request_usd": _each(usd(seen.cost), seen.requests),
            "saved_per_request_usd": _each(usd(seen.baseline - seen.cost), seen.requests),
            "escalation_rate": _each(seen.escalated, seen.requests),
            "judged": judged,
            "pass_rate": _each(sum(c.passed for c in every), judged),
            "rated": rated,
            "feedback": _each(sum(c.said for c in every), rated),
            "p95_ms": seen.waits.at(0.95) if seen.requests else None,
            "policies": len(seen.policies),
        }

    def _compared(self, first: Arm, other: Arm, alpha: float) -> dict[str, Any]:
        found = {what: self._change(what, first, other, alpha) for what in KINDS}
        moved = max(len(self._seen.get(arm.name, _Seen()).policies) for arm in (first, other))
        return {
            "arm": other.name,
            **{what: _change_json(change) for what, change in found.items()},
            "verdict": verdict(first.name, other.name, found, policies=moved),
        }

    def _change(self, what: str, first: Arm, other: Arm, alpha: float) -> Change:
        sides = [list(self._parts(what, arm)) for arm in (first, other)]
        names = (first.name, other.name)
        if what == "passes" and first.gates != other.gates:
            return Change(None, None, note="the two judge answers by other gates: their rates say nothing")
        return change_of(sides[0], sides[1], KINDS[what], names, alpha)

    def _parts(self, what: str, arm: Arm) -> Iterator[Part]:
        for who, caller in self._seen.get(arm.name, _Seen()).callers.items():
            if who not in self._moved:
                yield caller.part(what)


def _each(amount: float, count: int) -> float | None:
    return amount / count if count else None


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "first": change.first,
        "other": change.other,
        "change": change.change,
        "low": change.low,
        "high": change.high,
        "sure": change.sure,
        "note": change.note,
    }
