"""What the engine asks of the ledger for a draft, and what it makes of the answer."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import NO_BOUND, choose
from litellm_tiering.core.decision import Reason, Refusal, Stage
from litellm_tiering.core.policy import Spending
from litellm_tiering.core.record import Attempt, Record, stood
from litellm_tiering.core.thread import Higher
from litellm_tiering.deadline import HOLD_TTL_S
from litellm_tiering.ports import Hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.amounts import Amounts
    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.drafting import Draft
    from litellm_tiering.plan import Terms
    from litellm_tiering.ports import Answer


def hold_of(draft: Draft, amounts: Amounts, higher: Sequence[Draft]) -> Hold:
    """The question: what each tier that the request may end on would hold, and what bounds it.

    Args:
        draft: The request.
        amounts: What to hold.
        higher: The drafts for ranks that its conversation may have reached.
    """
    limits, held = draft.limits, draft.amounts
    if not draft.enforced:
        # In shadow the request stays where it is: that is what is held, and nothing limits it.
        held = (amounts.to_start(draft.inquiry, draft.inquiry.asked),)
        limits = tuple(replace(lim, below=(NO_BOUND,), ceiling=NO_BOUND, block=False) for lim in limits)
    return Hold(
        attempt=secrets.token_hex(16),
        limits=limits,
        amounts=held,
        floor=draft.floor,
        now_s=draft.now_s,
        ttl_s=HOLD_TTL_S,
        thread=draft.thread if draft.remembers else None,
        higher=tuple(Higher(d.case.kept, d.keeps, d.limits, d.amounts, d.floor) for d in higher),
    )


def spending_of(draft: Draft, answer: Answer | None) -> Spending | None:
    """The answer as the policy needs it; None where the store was away."""
    if answer is None:
        return None
    used = tuple(b.used for b in answer.balances)
    choice = answer.choice
    if not draft.enforced:
        choice = choose(draft.limits, draft.amounts, used, floor=draft.floor)
    return Spending(draft.accounts, draft.options, choice, used, draft.now_s)


def without_store(terms: Terms, decision: Decision, draft: Draft) -> Decision:
    """The decision where the store is away: on, to the cheapest tier, or not at all, as the owner says."""
    on_error = terms.on_error
    if decision.refusal is not None:
        return decision
    if on_error == "closed":
        message = "The budget store is away, and this proxy is set to stop until it is back."
        return decision.refused(Refusal(Reason.STORE, message, 503, retry_after_s=1))
    rank = min(draft.options[-1], decision.rank) if on_error == "cheap" else decision.rank
    return decision.moved(rank, stage=Stage.BUDGET, because=Reason.STORE, detail=on_error)


def record_of(terms: Terms, draft: Draft, decision: Decision, balances: Sequence[Balance]) -> Record:
    """What is kept of a request, with the budgets as they stood; ``balances`` none where unknown."""
    tier = terms.policy.ladder[decision.rank]
    return Record(
        id=secrets.token_hex(8),
        at_s=draft.now_s,
        route=draft.inquiry.route.name,
        team=draft.inquiry.caller.team,
        key=draft.inquiry.caller.key,
        decision=decision,
        tier=tier.name,
        model=tier.model,
        attempts=() if decision.refusal else (Attempt(tier.name, tier.model),),
        policy=terms.hash,
        budgets=stood(draft.accounts, balances),
        arm=draft.inquiry.arm,
    )
