"""What a part in shadow mode would have done to a request: said, recorded, and never done. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.bounds import bounds
from litellm_tiering.core.budget import AtCeiling, choose
from litellm_tiering.core.decision import Reason, Stage, Step
from litellm_tiering.core.overdrawn import usage, why
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.budget import Choice, Limit
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.classification import Classification, Reached
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.policy import Account, Case, Policy
    from litellm_tiering.core.price import Usage


class Part(str, enum.Enum):
    """What can be in shadow mode."""

    ROUTE = "route"
    CLASSIFIER = "classifier"
    GATE = "gate"
    BUDGET = "budget"


class Does(str, enum.Enum):
    """What it would have done; ``keep`` and ``accept`` would have changed nothing."""

    KEEP = "keep"
    MOVE = "move"
    ACCEPT = "accept"
    REJECT = "reject"
    REFUSE = "refuse"


PERSONAL = frozenset({"key", "user", "end_user", "tag"})
"""The scopes whose ids are not for every colleague."""

CHANGES = frozenset({Does.MOVE, Does.REJECT, Does.REFUSE})
"""What would have been another outcome for the client or the bill."""


@dataclass(frozen=True, slots=True)
class Would:
    """What one part in shadow mode would have done to one request, all else being as it was.

    Attributes:
        part: What kind of part.
        name: Which, in the owner's words; of a budget its scope, match and limit, and no id.
        does: What it would have done.
        step: The step that it would have been, not enforced; None where there would have been none. For a
            rejection without one there is no tier that would have been tried instead.
        extra: How much more would have been paid, in nano-dollars by the catalog's prices; below 0 for less,
            None while or where that is not known.
    """

    part: Part
    name: str
    does: Does
    step: Step | None = None
    extra: int | None = None

    @property
    def label(self) -> str:
        """What it is found by among a record's reasons; empty where nothing would have changed."""
        if self.does not in CHANGES or self.part is Part.ROUTE:
            return ""
        return f"shadow:{self.name if self.step is None else self.step.label}"

    def priced(self, facts: Sequence[TierFacts], used: Usage, *, priority: bool = False) -> Would:
        """This, with what it would have cost or saved had the answer been as long at the other tier.

        Moved: the other tier's price for these tokens less this one's. Rejected: another call at the tier
        that would have been tried. Refused: nothing would have been paid.
        """
        step = self.step
        if step is None or self.does not in CHANGES:
            return self
        there = _bill(facts, step.to_rank, used, priority=priority)
        here = None
        if step.from_rank is not None:
            here = _bill(facts, step.from_rank, used, priority=priority)
        extra = there
        if self.does is Does.MOVE:
            extra = None if there is None or here is None else there - here
        elif self.does is Does.REFUSE:
            extra = None if here is None else -here
        return replace(self, extra=extra)

    def explained(self, ladder: Ladder) -> dict[str, Any]:
        """What it would have done, as records show it: tiers by name, money in dollars."""
        step = self.step
        source = None if step is None or step.from_rank is None else ladder[step.from_rank].name
        return {
            "part": self.part.value,
            "name": self.name,
            "does": self.does.value,
            "from": source,
            "to": None if step is None or self.does is Does.REFUSE else ladder[step.to_rank].name,
            "detail": "" if step is None else step.detail,
            "extra_usd": None if self.extra is None else usd(self.extra),
        }


def _bill(facts: Sequence[TierFacts], rank: int, used: Usage, *, priority: bool) -> int | None:
    """What these tokens cost at a tier, in nano-dollars; None where its price is not known."""
    price = facts[rank].price
    return int(price.bill(used, priority=priority)) if price.known else None


def steps_of(woulds: Sequence[Would], ladder: Ladder) -> list[dict[str, object]]:
    """The steps that they would have been, as JSON, marked as those of a shadow.

    A route's are left out: the decision's own steps tell them, not enforced.
    """
    return [
        {
            "stage": step.stage.value,
            "reason": step.reason.value,
            "from": None if step.from_rank is None else ladder[step.from_rank].name,
            "to": ladder[step.to_rank].name,
            "enforced": False,
            "detail": step.detail,
            "shadow": True,
        }
        for would in woulds
        if (step := would.step) is not None and would.part is not Part.ROUTE
    ]


# --- routes ------------------------------------------------------------------------------------------------


def of_route(name: str, decision: Decision) -> tuple[Would, ...]:
    """What a route in shadow mode would have done: empty for a decision that took effect."""
    whole = decision.instead
    if whole is None:
        return ()
    stays = decision.rank
    if whole.refusal is not None:
        step = Step(Stage.BUDGET, whole.refusal.reason, stays, stays, enforced=False)
        return (Would(Part.ROUTE, name, Does.REFUSE, step),)
    last = next(s for s in reversed(whole.steps) if s.enforced)
    does = Does.KEEP if whole.rank == stays else Does.MOVE
    step = Step(last.stage, last.reason, stays, whole.rank, enforced=False, detail=last.detail)
    return (Would(Part.ROUTE, name, does, step),)


# --- classifiers -------------------------------------------------------------------------------------------


def of_classifier(one: Reached, alone: Classification, decision: Decision) -> Would | None:
    """What a classifier would have made of a request, had its word counted; None where it has none.

    Args:
        one: The classifier.
        alone: Its word, and nobody else's.
        decision: What was decided without it.
    """
    first = decision.instead.steps[0] if decision.instead is not None else decision.steps[0]
    stood = first.to_rank
    rank, detail = stood, alone.name
    stage, reason = Stage.CLASSIFY, Reason.RULE if one.by == "rules" else Reason(one.by)
    if alone.rank is not None:
        rank = alone.rank
        if alone.score is not None:
            detail = f"{alone.name}:{alone.score:.2f}" if alone.name else f"{alone.score:.2f}"
    if alone.cap is not None and rank > alone.cap[0]:
        rank, stage, reason, detail = alone.cap[0], Stage.RULES, Reason.CAP, alone.cap[1]
    if alone.floor is not None and rank < alone.floor[0]:
        rank, stage, reason, detail = alone.floor[0], Stage.RULES, Reason.FLOOR, alone.floor[1]
    if alone.rank is None and stage is Stage.CLASSIFY:
        return None
    does = Does.KEEP if rank == stood else Does.MOVE
    name = f"{one.by}:{one.name}" if one.name else one.by
    return Would(Part.CLASSIFIER, name, does, Step(stage, reason, stood, rank, enforced=False, detail=detail))


# --- gates -------------------------------------------------------------------------------------------------


def of_gate(name: str, rank: int, to: int | None, *, rejects: bool) -> Would:
    """What a gate would have done to an answer of the tier ``rank``; ``to`` is what would be tried next."""
    step = None
    if rejects and to is not None:
        step = Step(Stage.CASCADE, Reason.ESCALATION, rank, to, enforced=False, detail=name)
    return Would(Part.GATE, name, Does.REJECT if rejects else Does.ACCEPT, step)


# --- budgets -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asked of the ledger.

    Attributes:
        case: The request.
        rank: Where it belongs.
        options: The ranks it may end on, dearest first.
        amounts: What each would hold, in nano-dollars.
        floor: Whether the last option is the cheapest tier.
    """

    case: Case
    rank: int
    options: tuple[int, ...]
    amounts: tuple[int, ...]
    floor: bool


def of_budgets(
    policy: Policy,
    asked: Question,
    accounts: Sequence[Account],
    silent: Sequence[Account],
    used: Mapping[str, int],
) -> tuple[Would, ...]:
    """What each budget in shadow mode would have done, by itself, beside those that are in force.

    Args:
        policy: The policy.
        asked: The request.
        accounts: The budgets that the ledger was asked about.
        silent: Those in shadow mode; their counters are among the others'.
        used: What was used of each counter before, in nano-dollars.
    """
    amounts, options, floor = asked.amounts, asked.options, asked.floor
    limits = [a.limit for a in accounts]
    spent = [used.get(limit.key, 0) for limit in limits]
    real = choose(limits, amounts, spent, floor=floor)
    if real.option is None:
        return ()  # refused as it is
    found: list[Would] = []
    for account in silent:
        mine = used.get(account.limit.key, 0)
        # Last, so that it decides only what the others would not have done anyway.
        told = choose([*limits, _limit(policy, asked, account)], amounts, [*spent, mine], floor=floor)
        if told.option != real.option:
            found.append(_budget(account, told, options, options[real.option], mine))
    return tuple(found)


def _limit(policy: Policy, asked: Question, account: Account) -> Limit:
    """What a budget in shadow mode would ask of the ledger."""
    budget, usable = account.budget, policy.usable(asked.case)
    below = bounds(budget, asked.rank, asked.options, usable, account.pressure)
    block = budget.at_ceiling is AtCeiling.BLOCK
    return replace(account.limit, below=below, ceiling=int(budget.limit or 0), block=block)


def _budget(account: Account, told: Choice, options: Sequence[int], stays: int, used: int) -> Would:
    detail = f"{account.name}:{usage(account, used):.2f}"
    name = account.budget.name
    if told.option is None:
        step = Step(Stage.BUDGET, Reason.CEILING, stays, stays, enforced=False, detail=detail)
        return Would(Part.BUDGET, name, Does.REFUSE, step)
    reason = Reason.CEILING if told.at_ceiling else why(account, told.option, used)
    step = Step(Stage.BUDGET, reason, stays, options[told.option], enforced=False, detail=detail)
    return Would(Part.BUDGET, name, Does.MOVE, step)


def impersonal(name: str) -> str:
    """A budget's name without the id of a personal one: ``user:* $5/day`` for ``user:ann $5/day``."""
    whose, _, limit = name.rpartition(" ")
    scope = whose.partition(":")[0]
    return f"{scope}:* {limit}" if scope in PERSONAL else name
