"""Which counters a request falls under, and what each budget asks of the ledger for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.bounds import NO_PRESSURE, Pressure, final_bounds, thresholds
from litellm_tiering.core.budget import NO_BOUND, Budget, Limit, Scope
from litellm_tiering.core.names import safe_name
from litellm_tiering.core.policy import Account, question
from litellm_tiering.core.value import PROVEN, gains, wanted
from litellm_tiering.ports import Reservation
from litellm_tiering.units import window_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.policy import Case, Policy
    from litellm_tiering.core.value import Wanted
    from litellm_tiering.market import Market
    from litellm_tiering.pacer import Pacer
    from litellm_tiering.units import Window


class Accounts:
    """The budgets as accounts of single requests.

    Args:
        policy: Decides what a budget asks for.
        budgets: What is limited; one of them is global.
        retention_s: How long a counter is kept after its window.
        pacer: Knows the forecasts; without one no budget is paced.
        market: Knows what money buys; without one no budget spends by value.
    """

    def __init__(
        self,
        policy: Policy,
        budgets: tuple[Budget, ...],
        retention_s: int,
        pacer: Pacer | None = None,
        market: Market | None = None,
    ) -> None:
        self.policy = policy
        # Those in force first: of two that share a counter the one in shadow mode only looks on.
        self._ordered = tuple(sorted(budgets, key=lambda b: b.shadow))
        self._retention_s = retention_s
        self._pacer = pacer
        self._market = market
        self._by_value = market is not None and any(b.by_value and b.limit is not None for b in budgets)
        self._any_silent = any(b.shadow and b.limit is not None for b in budgets)

    def asked(  # noqa: PLR0913, PLR0917 - the pieces of one question
        self,
        caller: Caller,
        tags: frozenset[str],
        case: Case,
        rank: int,
        options: Sequence[int],
        now_s: float,
        costs: Callable[[], Sequence[int]] = tuple,
        *,
        rejected: bool = False,
    ) -> tuple[Account, ...]:
        """What each budget that counts a request of ``rank`` asks of the ledger, for these options.

        ``costs`` finds what each option would probably cost, in nano-dollars, where that matters;
        ``rejected`` says that a gate has rejected the answer of the last one.
        """
        wants: Wanted | None = None
        if self._by_value and (probable := costs()):
            expected = (PROVEN,) if rejected else gains(case.classification, rank, options)
            wants = wanted(expected, probable)
        found: dict[str, Account] = {}
        for budget, id_, window in self._counted(caller, case.route.name, tags, now_s):
            key = counter_key(budget, id_, window.label)
            critical = bool(case.exempt) or budget.critical.holds(caller)
            if key in found:
                # Of several budgets for one id and window the first in the file wins, as with routes.
                continue
            limited = not critical and budget.limit is not None
            asks = wants if limited and budget.by_value else None
            pressure = self._pressure(budget, id_, key, window, asks, now_s) if limited else NO_PRESSURE
            below, ceiling, block = question(
                self.policy, case, rank, options, budget, critical=critical, pressure=pressure
            )
            limit = Limit(key, int(window.end_s) + self._retention_s, below, ceiling, block)
            plain: tuple[int, ...] = ()
            if pressure is not NO_PRESSURE:
                plain = self._plain(budget, rank, options, case, pressure)
            found[key] = Account(budget, id_, limit, critical, window.end_s, pressure, plain, asks)
        return tuple(found.values())

    def silent(  # noqa: PLR0913, PLR0917 - as above
        self,
        caller: Caller,
        tags: frozenset[str],
        case: Case,
        rank: int,
        options: Sequence[int],
        now_s: float,
        costs: Callable[[], Sequence[int]] = tuple,
    ) -> tuple[Account, ...]:
        """The limited budgets in shadow mode that count such a request, but not those that spare its caller.

        Their counters are among those of :meth:`asked`, where one in force may count under the same.
        """
        if not self._any_silent or case.exempt:
            return ()
        found: list[Account] = []
        for budget, id_, window in self._counted(caller, case.route.name, tags, now_s):
            if not budget.shadow or budget.limit is None or budget.critical.holds(caller):
                continue
            key = counter_key(budget, id_, window.label)
            asks = None
            if self._market is not None and budget.by_value and (probable := costs()):
                asks = wanted(gains(case.classification, rank, options), probable)
            pressure = self._pressure(budget, id_, key, window, asks, now_s)
            plain = self._plain(budget, rank, options, case, pressure) if pressure is not NO_PRESSURE else ()
            limit = Limit(key, int(window.end_s) + self._retention_s, (NO_BOUND,) * len(options))
            found.append(Account(budget, id_, limit, False, window.end_s, pressure, plain, asks))
        return tuple(found)

    def _pressure(  # noqa: PLR0913, PLR0917 - one account and what it is asked
        self, budget: Budget, id_: str, key: str, window: Window, asks: Wanted | None, now_s: float
    ) -> Pressure:
        paced = self._pacer is not None and budget.paced
        standing = None
        if self._market is not None and asks is not None and asks.upgrades:
            standing = self._market.standing(_book(key), asks)
        if not paced and standing is None:
            return NO_PRESSURE
        allowed, held, firm = 1.0, 0, False
        if self._pacer is not None:
            allowed, held, firm = self._pacer.state(budget, id_, key, window, now_s)
        return Pressure(allowed, held, firm, standing)

    def _plain(
        self, budget: Budget, rank: int, options: Sequence[int], case: Case, pressure: Pressure
    ) -> tuple[int, ...]:
        """The usage from which each option goes whatever the forecast and the value."""
        if pressure.standing is not None:
            return final_bounds(budget, options)
        return thresholds(budget, rank, options, self.policy.usable(case))

    def seen(self, accounts: Sequence[Account], balances: Sequence[Balance], now_s: float) -> None:
        """Learn from the ledger's answer to a request: how far budgets are used, what wants their money."""
        for account, balance in zip(accounts, balances, strict=True):
            limit = account.budget.limit
            if limit is None or account.critical:
                continue
            if self._market is not None and account.wanted is not None:
                self._market.saw(_book(account.limit.key), account.wanted, now_s)
            if self._pacer is not None and account.budget.paced:
                ratio = balance.used / limit / account.pressure.allowed
                self._pacer.seen(account.limit.key, account.budget, ratio, now_s)

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
            for budget in self._ordered
            for id_ in budget.ids(caller, route=route, tags=tags)
        ]


def _book(key: str) -> str:
    """The market's book of a counter: the same from window to window."""
    return key.rpartition("|")[0]


def counter_key(budget: Budget, id_: str, window_label: str) -> str:
    """The ledger's key for one budget, id and window; long or odd ids, which clients choose, are hashed."""
    return f"{counter_head(budget.scope, id_)}{window_label}"


def counter_head(scope: Scope, id_: str) -> str:
    """How the keys of an id's counters begin, whatever the window."""
    # What reads like a hash is hashed too: nobody gets at another's counter by writing its hash.
    return f"{scope.value}|{safe_name(id_, '|#')}|"
