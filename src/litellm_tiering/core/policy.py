"""The policy: one ordered fold of stages from a request to a tier.

A decision is made in two halves around the ledger's one round trip: :meth:`Policy.draft` runs the stages up
to the budget, :func:`ask` turns the draft into the ledger's question, and :meth:`Policy.decide` runs all the
stages with the balances it answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.bounds import NO_PRESSURE, Pressure, bounds
from litellm_tiering.core.budget import NO_BOUND, AtCeiling, Budget
from litellm_tiering.core.case import Account, Case, Route, Spending
from litellm_tiering.core.decision import Decision, Reason, Refusal, Stage, Step
from litellm_tiering.core.ladder import settle_on
from litellm_tiering.core.overdrawn import over_budget, usage, why

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.core.ladder import Ladder

    Stager = Callable[["Policy", "Case", "Spending | None", Decision], Decision]

__all__ = ["STAGES", "Account", "Case", "Policy", "Route", "Spending", "question"]


class Policy:
    """Decides tiers on one ladder. Pure: the same case and balances always give the same decision."""

    __slots__ = ("_every_rank", "ladder")

    def __init__(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self._every_rank = ladder.every_rank()

    def draft(self, case: Case) -> Decision:
        """The decision up to the budget: what the request should get if money were no object."""
        return self._fold(case, None, _BEFORE_BUDGET, Decision(()))

    def decide(self, case: Case, spending: Spending | None, draft: Decision | None = None) -> Decision:
        """The whole decision. ``spending`` None leaves budgets out, as when the store is away.

        With the ``draft`` of this case at hand, only what comes after it is done.
        """
        if draft is None:
            draft = self.draft(case)
        return draft if draft.refusal else self._fold(case, spending, _FROM_BUDGET, draft)

    def usable(self, case: Case) -> frozenset[int]:
        """The ranks that can serve the request and that the caller may use."""
        if not case.unable and not case.forbidden:
            return self._every_rank
        return self._every_rank - case.unable.keys() - case.forbidden.keys()

    def options(self, case: Case, draft: Decision) -> tuple[int, ...]:
        """The ranks the request may end on, dearest first: where it belongs, and all usable ones below."""
        top = self.landing(case, draft.rank)
        if top is None:
            return ()
        return (top, *sorted((r for r in self.usable(case) if r < top), reverse=True))

    def classified(self, case: Case) -> int:
        """The rank that the classifiers alone ask for."""
        return _classify(self, case, None, Decision(())).rank

    def climbs_to(self, case: Case, decision: Decision) -> int:
        """The highest rank that an escalation may reach: nothing that lowered the request is undone by one.

        That is a rule's cap (unless its floor is higher), the client's own wish, and the budget.
        """
        cap, floor = case.classification.cap, case.classification.floor
        highest = self.ladder.top if cap is None else max(cap[0], floor[0] if floor else 0)
        heeded = case.wish is not None and "lower" in case.route.client_tier
        if heeded and not any(s.stage is Stage.CLIENT for s in decision.steps):
            # It wished for what it would have got anyway.
            highest = min(highest, decision.rank)
        for step in decision.steps:
            lowered = step.from_rank is not None and step.to_rank < step.from_rank
            # What value lowered for want of a reason to pay may climb for a good one: the ledger is asked.
            if step.reason is not Reason.VALUE and (
                step.enforced and lowered and step.stage in (Stage.CLIENT, Stage.BUDGET)
            ):
                highest = min(highest, max(step.to_rank, decision.rank))
        return highest

    def landing(self, case: Case, rank: int) -> int | None:
        """Where a request of ``rank`` ends, given what is usable: "stays where it is" included."""
        usable = self.usable(case)
        if rank in usable:
            return rank
        # A caller without rights to the tier keeps what it asked for, unless it may use one in between.
        return settle_on(rank, usable)

    def _fold(
        self, case: Case, spending: Spending | None, stages: Sequence[Stager], decision: Decision
    ) -> Decision:
        for stage in stages:
            decision = stage(self, case, spending, decision)
            if decision.refusal:
                break
        return decision


def _classify(policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May set any rank: it is the first word. A caller that is held out is not classified."""
    del decision
    found = case.classification
    if case.holdout:
        step = Step(Stage.EXPERIMENT, Reason.HOLDOUT, None, policy.ladder.top)
    elif not case.route.classify:
        rank = case.asked if case.route.rank is None else case.route.rank
        step = Step(Stage.CLASSIFY, Reason.REQUESTED, None, rank, detail="")
    elif found.fault:
        step = Step(Stage.CLASSIFY, Reason.FAULT, None, case.route.default_rank, detail=found.fault)
    elif found.rank is None:
        step = Step(Stage.CLASSIFY, Reason.DEFAULT, None, case.route.default_rank)
    else:
        reason = Reason.RULE if found.by == "rules" else Reason(found.by)
        step = Step(Stage.CLASSIFY, reason, None, found.rank, detail=found.name)
    return Decision((step,))


def _arm(_policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May not move: it says whose policy has been followed, and is."""
    if not case.arm or case.holdout:
        return decision
    return decision.moved(decision.rank, stage=Stage.EXPERIMENT, because=Reason.ARM, detail=case.arm)


def _bypass(policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May raise by one tier, where the answers of the classified one fail too often."""
    if not case.bypass or decision.rank == policy.ladder.top:
        return decision
    return decision.moved(decision.rank + 1, stage=Stage.CLASSIFY, because=Reason.BYPASS, detail=case.bypass)


def _expected(policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May raise to the tier that a rejected answer would go to, where the classified one is no good bet."""
    choice = case.expected
    if choice is None:
        return decision
    return decision.moved(
        min(max(choice.rank, decision.rank), policy.ladder.top),
        stage=Stage.CLASSIFY,
        because=Reason.EXPECTED,
        detail=choice.detail,
        enforced=choice.changes,
    )


def _conversation(policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May raise to the rank that the conversation has reached: it goes up only."""
    kept = min(case.kept, policy.ladder.top)
    if kept <= decision.rank:
        return decision
    return decision.moved(kept, stage=Stage.CONVERSATION, because=Reason.CONVERSATION)


def _client(_policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May lower, or raise to a floor, as the route allows; never the other way."""
    wish = case.wish
    if wish is None or wish == decision.rank or case.holdout:
        return decision
    verb = "lower" if wish < decision.rank else "floor"
    allowed = verb in case.route.client_tier
    return decision.moved(
        wish,
        stage=Stage.CLIENT,
        because=Reason.CLIENT,
        detail=verb if allowed else f"{verb}-refused",
        enforced=allowed,
    )


def _rules(_policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May raise to a rule's floor and lower to a rule's cap; a floor wins over a cap."""
    cap, floor = case.classification.cap, case.classification.floor
    if cap and decision.rank > cap[0]:
        decision = decision.moved(cap[0], stage=Stage.RULES, because=Reason.CAP, detail=cap[1])
    if floor and decision.rank < floor[0]:
        decision = decision.moved(floor[0], stage=Stage.RULES, because=Reason.FLOOR, detail=floor[1])
    return decision


def _requirements(policy: Policy, case: Case, _: Spending | None, decision: Decision) -> Decision:
    """May move either way to a tier that can serve the request, up first; refuses where none can."""
    rank = decision.rank
    if rank not in case.unable:
        return decision
    able = policy.ladder.every_rank() - case.unable.keys()
    landing = settle_on(rank, able)
    if landing is None:
        lacks = ", ".join(sorted(set(case.unable.values())))
        return decision.refused(
            Refusal(
                Reason.REQUIREMENT, f"No tier of this route can serve this request: it needs {lacks}.", 400
            )
        )
    return decision.moved(
        landing, stage=Stage.REQUIREMENTS, because=Reason.REQUIREMENT, detail=case.unable[rank]
    )


def _budget(policy: Policy, case: Case, spending: Spending | None, decision: Decision) -> Decision:
    """May only lower, or refuse."""
    if spending is None or not spending.options:
        return decision
    spared = [a for a in spending.accounts if a.critical and a.budget.binds]
    if spared and case.exempt:
        # From all of them at once, so it is said once.
        decision = decision.moved(
            decision.rank, stage=Stage.BUDGET, because=Reason.EXEMPT, detail=case.exempt
        )
    else:
        for account in spared:
            decision = decision.moved(
                decision.rank, stage=Stage.BUDGET, because=Reason.CRITICAL, detail=account.name
            )
    choice = spending.choice
    if choice.by is None:
        return decision
    account = spending.accounts[choice.by]
    used = spending.used[choice.by]
    if choice.option is None:
        return decision.refused(over_budget(policy.ladder[0].name, case, spending, account, used))
    to = spending.options[choice.option]
    reason = Reason.CEILING if choice.at_ceiling else why(account, choice.option, used)
    ratio = usage(account, used)
    if reason in (Reason.PACE, Reason.VALUE) and account.budget.paced:
        ratio /= account.pressure.allowed
    detail = f"{account.name}:{ratio:.2f}"
    return decision.moved(min(to, decision.rank), stage=Stage.BUDGET, because=reason, detail=detail)


def _availability(policy: Policy, case: Case, spending: Spending | None, decision: Decision) -> Decision:
    """May move to a tier that the caller may use, within what the budget admitted."""
    rank = decision.rank
    if rank not in case.forbidden:
        return decision
    detail = case.forbidden[rank]
    if spending is not None and spending.choice.option is not None:
        landing: int | None = spending.options[spending.choice.option]
    else:
        landing = policy.landing(case, rank)
    if landing is None:
        return decision.refused(
            Refusal(Reason.PERMISSION, "No tier that can serve this request is open to this key.", 403)
        )
    return decision.moved(landing, stage=Stage.AVAILABILITY, because=Reason.PERMISSION, detail=detail)


STAGES: tuple[Stager, ...] = (
    _classify,
    _arm,
    _bypass,
    _expected,
    _conversation,
    _client,
    _rules,
    _requirements,
    _budget,
    _availability,
)
"""The order of a decision; each stage's docstring says which way it may move."""

_BEFORE_BUDGET, _FROM_BUDGET = STAGES[: STAGES.index(_budget)], STAGES[STAGES.index(_budget) :]


def question(  # noqa: PLR0913 - the pieces of one question
    policy: Policy,
    case: Case,
    rank: int,
    options: Sequence[int],
    budget: Budget,
    *,
    critical: bool,
    pressure: Pressure = NO_PRESSURE,
) -> tuple[tuple[int, ...], int, bool]:
    """What one budget asks of the ledger for a request of ``rank``: bounds, ceiling, whether it blocks."""
    if critical or budget.limit is None or budget.shadow:
        return (NO_BOUND,) * len(options), NO_BOUND, False
    below = bounds(budget, rank, options, policy.usable(case), pressure)
    return below, int(budget.limit), budget.at_ceiling is AtCeiling.BLOCK
