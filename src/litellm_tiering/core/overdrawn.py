"""What is said of a budget that moved or refused a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.budget import NO_BOUND, AtCeiling
from litellm_tiering.core.decision import Reason, Refusal

if TYPE_CHECKING:
    from litellm_tiering.core.policy import Account, Case, Spending


def why(account: Account, option: int, used: int) -> Reason:
    """What a budget moved a request down by: its thresholds where they alone would have, else the rest."""
    if not account.plain or NO_BOUND != account.plain[option - 1] <= used:
        return Reason.BUDGET
    return Reason.PACE if account.pressure.standing is None else Reason.VALUE


def usage(account: Account, used: int) -> float:
    """What share of its limit a budget has used."""
    limit = account.budget.limit
    return used / limit if limit else 1.0


def over_budget(cheapest: str, case: Case, spending: Spending, account: Account, used: int) -> Refusal:
    """What a client is told whose request a budget refuses; ``cheapest`` is the cheapest tier's name.

    ``used`` nano-dollars are spent or held: less than the limit, where only this request has no room.
    """
    wait = max(1, int(account.window_end_s - spending.now_s) + 1)
    state = "is used up" if used >= (account.budget.limit or 0) else "has too little left for this request"
    message = f"The {account.budget.window.value} budget of {account.name} {state}"
    if account.budget.at_ceiling is AtCeiling.CHEAPEST:
        lack = case.unable.get(0)
        message += f", and the tier {cheapest!r} that remains cannot serve this request" + (
            f" (it needs {lack})" if lack else " for this key"
        )
    return Refusal(
        Reason.CEILING, f"{message}. It starts anew in {wait} s.", 429, retry_after_s=wait, scope=account.name
    )
