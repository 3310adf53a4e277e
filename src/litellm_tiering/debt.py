"""Calls that only ask what the better tier would have said: their money, their bills, their place in records.

They are the owner's own doing, and so are paid for by a budget of the owner's own: what one may cost at most
is held there first, so that the limit is never passed, whatever the number of workers. They count in the
global spend as well, once, and in no budget of whoever made the request.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.accounts import counter_key
from litellm_tiering.core.budget import NO_BOUND, Balance, Critical, Limit, Scope
from litellm_tiering.core.debt import PROBE, Debt
from litellm_tiering.deadline import HOLD_TTL_S
from litellm_tiering.ports import Hold
from litellm_tiering.units import WindowKind, usd, window_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.books import Books
    from litellm_tiering.core.budget import Budget
    from litellm_tiering.core.ladder import Tier
    from litellm_tiering.journeys import Journey
    from litellm_tiering.ports import Reservation, Tally
    from litellm_tiering.units import Window

MAX_OPEN = 1_000
"""Of so many calls it is remembered what they are; the bill of an older one counts as an unplanned call's."""

BILL_WITHIN_S = 30.0
"""How long after its answer a call's bill may take before what LiteLLM said of the answer is counted."""

ESTIMATED = "estimate"
"""The bill of a call whose cost was taken from its answer."""

LIMIT, BUDGET, STORE = "limit", "budget", "store"
"""Why no money is held: the owner's limit for this, a global budget's ceiling, or a store that is away."""


@dataclass(frozen=True, slots=True)
class DebtSettings:
    """How much of what money moves down is asked of the better tier as well, and for how much.

    Attributes:
        share: The share of those requests, 0 to 1.
        limit: What these calls may cost in a window, in nano-dollars.
        window: How long one lasts.
        timezone: Whose calendar it follows.
        never: Whose requests are never asked twice.
    """

    share: float
    limit: int
    window: WindowKind = WindowKind.DAY
    timezone: str = "UTC"
    never: tuple[Critical, ...] = ()


@dataclass(slots=True)
class Probe:
    """One such call, from its hold to its bill.

    Attributes:
        id: The secret id that ties LiteLLM's events to it.
        journey: The request it is about.
        tier: The tier that is asked.
        reservation: What is held, and the counters that the cost goes to.
        tally: Where it stands in the day's totals.
        found: What it showed; None until that is known.
        cost: What it cost, in nano-dollars.
        bill: The id of the upstream call that settled it; empty until one has.
        released: Whether its hold was let go of, as of a call that failed.
        paid: Set once it is paid for.
    """

    id: str
    journey: Journey
    tier: Tier
    reservation: Reservation
    tally: Tally
    found: Debt | None = None
    cost: int = 0
    bill: str = ""
    released: bool = False
    paid: asyncio.Event = field(default_factory=asyncio.Event)


class Probes:
    """The books of one process's calls.

    Args:
        books: Pays, and keeps the records.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._open: OrderedDict[str, Probe] = OrderedDict()
        self.skipped: Counter[str] = Counter()
        """How many requests of the sample this process did not ask twice, or could not compare, by reason."""

    async def hold(  # noqa: PLR0913, PLR0917 - one call, and what it is charged to
        self,
        settings: DebtSettings,
        journey: Journey,
        tier: Tier,
        amount: int,
        budgets: Sequence[Budget],
        retention_s: int,
    ) -> Probe | str:
        """Hold what a call may cost at most, in nano-dollars; or why that may not be spent, in a word."""
        now = self._books.clock.now()
        limits = _limits(settings, budgets, retention_s, now)
        id_ = f"{PROBE}-{secrets.token_hex(16)}"
        asked = Hold(id_, limits, (amount,), floor=False, now_s=now, ttl_s=HOLD_TTL_S)
        answer = await self._books.ask(self._books.ledger.reserve(asked), "reserve")
        if answer is None:
            return STORE
        if answer.reservation is None:
            return LIMIT if answer.choice.by == 0 else BUDGET
        row = self._books.days.of_call(now, tier.model, "")
        tally = replace(row, route=journey.record.route, tier=tier.name, reason=PROBE)
        probe = Probe(id_, journey, tier, answer.reservation, tally)
        self._open[id_] = probe
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return probe

    # ------------------------------------------------------------------ bills

    def knows(self, id_: str) -> bool:
        """Whether an id is a call's, whose bill is to be brought to :meth:`settle`."""
        return id_ in self._open

    @property
    def unpaid(self) -> int:
        """How many calls have not been billed; those that failed are not."""
        return sum(not probe.bill and not probe.released for probe in self._open.values())

    async def settle(self, id_: str, bill: str, cost: int) -> None:
        """Count what a call cost, in nano-dollars; each upstream call ``bill`` once."""
        probe = self._open[id_]
        if bill == probe.bill or (probe.bill and bill == ESTIMATED):
            return
        if probe.bill == ESTIMATED:
            # The bill itself, after all: what it comes to beyond the estimate is still owed.
            cost = max(0, cost - probe.cost)
        first = not probe.bill
        probe.bill = bill
        probe.cost += cost
        probe.paid.set()
        counters = probe.reservation
        if not first or probe.released:
            counters = replace(counters, attempt=f"{probe.id}:{bill}", amount=0)
        tally = replace(probe.tally, attempts=int(first), cost=cost, waste=cost)
        await self._books.payments.pay(counters, cost, self._books.counted(tally))
        self._note(probe)

    async def billed(self, probe: Probe, quoted: int) -> None:
        """Wait for a call's bill; where none comes, count what LiteLLM said of its answer (nano-dollars)."""
        try:
            await asyncio.wait_for(probe.paid.wait(), BILL_WITHIN_S)
        except asyncio.TimeoutError:
            if self.knows(probe.id):
                await self.settle(probe.id, ESTIMATED, quoted)

    async def release(self, probe: Probe) -> None:
        """Let go of the hold of a call that failed; should it have cost something, its bill still counts."""
        if not probe.bill and not probe.released:
            probe.released = True
            now = self._books.clock.now()
            await self._books.ask(self._books.ledger.release(probe.reservation, now), "release")

    # ------------------------------------------------------------------ records

    def found(self, probe: Probe, debt: Debt) -> None:
        """Note in the request's record what a call showed."""
        if debt.skipped:
            self.skipped[debt.skipped] += 1
        probe.found = debt
        self._note(probe)

    def skip(self, journey: Journey, tier: Tier, why: str) -> None:
        """Note in a request's record why it is not asked twice, in a fixed word."""
        self.skipped[why] += 1
        self._write(journey, Debt(tier.name, tier.model, skipped=why))

    def _note(self, probe: Probe) -> None:
        if probe.found is not None:
            self._write(probe.journey, replace(probe.found, cost=probe.cost))

    def _write(self, journey: Journey, debt: Debt) -> None:
        journey.record = replace(journey.record, debt=debt)
        self._books.remember(journey.record)


def debt_status(
    settings: DebtSettings | None, live: Mapping[str, Balance], now_s: float
) -> dict[str, Any] | None:
    """How much of the owner's limit is used in this window; None where nothing is asked twice.

    Args:
        settings: The limit.
        live: Every live counter, by its key.
        now_s: The time, in seconds since the epoch.
    """
    if settings is None:
        return None
    window = window_at(settings.window, settings.timezone, now_s)
    balance = live.get(_own_key(window), Balance())
    return {
        "limit_usd": usd(settings.limit),
        "spent_usd": usd(balance.spent),
        "reserved_usd": usd(balance.reserved),
        "window": settings.window.value,
        "window_end": window.end_s,
    }


def _own_key(window: Window) -> str:
    """The ledger's key of the owner's limit; no scope of a budget is called so."""
    return f"debt|*|{window.label}"


def _limits(
    settings: DebtSettings, budgets: Sequence[Budget], retention_s: int, now_s: float
) -> tuple[Limit, ...]:
    """The owner's limit for this, and the global budgets, whose ceilings hold for these calls too."""
    own = window_at(settings.window, settings.timezone, now_s)
    found = {_own_key(own): (own.end_s, settings.limit)}
    for budget in budgets:
        if budget.scope is Scope.GLOBAL:
            window = window_at(budget.window, budget.timezone, now_s)
            ceiling = NO_BOUND if budget.limit is None or budget.shadow else int(budget.limit)
            # As with requests, of two for one window the first in the file counts.
            found.setdefault(counter_key(budget, "*", window.label), (window.end_s, ceiling))
    return tuple(
        Limit(key, int(end_s) + retention_s, (NO_BOUND,), ceiling, ceiling != NO_BOUND)
        for key, (end_s, ceiling) in found.items()
    )
