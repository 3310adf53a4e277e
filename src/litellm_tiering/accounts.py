"""Which counters a request falls under, and what each budget asks of the ledger for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Budget, Limit
from litellm_tiering.core.policy import Account, question
from litellm_tiering.ports import Reservation
from litellm_tiering.units import window_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.policy import Case, Policy
    from litellm_tiering.units import Window

_LONGEST_ID = 64


class Accounts:
    """The budgets as accounts of single requests.

    Args:
        policy: Decides what a budget asks for.
        budgets: What is limited; one of them is global.
        retention_s: How long a counter is kept after its window.
    """

    def __init__(self, policy: Policy, budgets: tuple[Budget, ...], retention_s: int) -> None:
        self._policy = policy
        self._budgets = budgets
        self._retention_s = retention_s

    def asked(  # noqa: PLR0913, PLR0917 - the pieces of one question
        self,
        caller: Caller,
        tags: frozenset[str],
        case: Case,
        rank: int,
        options: Sequence[int],
        now_s: float,
    ) -> tuple[Account, ...]:
        """What each budget that counts a request of ``rank`` asks of the ledger, for these options."""
        found: dict[str, Account] = {}
        for budget, id_, window in self._counted(caller, case.route.name, tags, now_s):
            key = counter_key(budget, id_, window.label)
            critical = budget.critical.holds(caller)
            below, ceiling, block = question(self._policy, case, rank, options, budget, critical=critical)
            limit = Limit(key, int(window.end_s) + self._retention_s, below, ceiling, block)
            # Of several budgets for one id and window the first in the file wins, as with routes.
            found.setdefault(key, Account(budget, id_, limit, critical, window.end_s))
        return tuple(found.values())

    def counters(
        self, attempt: str, caller: Caller, route: str, tags: frozenset[str], now_s: float
    ) -> Reservation:
        """A reservation of nothing, so that a cost goes to the counters it belongs to, held or not."""
        found = {
            counter_key(budget, id_, window.label): int(window.end_s) + self._retention_s
            for budget, id_, window in self._counted(caller, route, tags, now_s)
        }
        return Reservation(attempt, tuple(found), tuple(found.values()), 0, int(now_s))

    def _counted(
        self, caller: Caller, route: str, tags: frozenset[str], now_s: float
    ) -> list[tuple[Budget, str, Window]]:
        return [
            (budget, id_, window_at(budget.window, budget.timezone, now_s))
            for budget in self._budgets
            for id_ in budget.ids(caller, route=route, tags=tags)
        ]


def counter_key(budget: Budget, id_: str, window_label: str) -> str:
    """The ledger's key for one budget, id and window; long or odd ids, which clients choose, are hashed."""
    odd = len(id_) > _LONGEST_ID or not id_.isprintable() or "|" in id_
    safe = "#" + hashlib.sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()[:32] if odd else id_
    return f"{budget.scope.value}|{safe}|{window_label}"
