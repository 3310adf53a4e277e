"""What parts in shadow mode would have done to the requests of a process, brought to their records.

Budgets are held against the balances that the ledger told anyway. Classifiers and gates are asked in the
background, beside the call upstream or once the answer is served: their word joins the record when it comes.
Nothing here moves, holds up or fails a request.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.amounts import Amounts
from litellm_tiering.core.gate import Ruling
from litellm_tiering.core.shadow import Question, of_budgets, of_classifier, of_gate, of_route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Any

    from litellm_tiering.accounts import Accounts
    from litellm_tiering.asides import Asides
    from litellm_tiering.books import Books
    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.classification import Classification, Reached
    from litellm_tiering.core.gate import Gate, Verdict
    from litellm_tiering.core.record import Record
    from litellm_tiering.core.shadow import Would
    from litellm_tiering.drafting import Draft
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.plan import Inquiry

AT_ONCE = 256
"""How many classifiers and gates in shadow mode may be under way; beyond that none is asked."""


class Shadowing:
    """The parts in shadow mode of one process.

    Args:
        books: Keep the records.
        asides: Keep the books of classifiers' calls.
        fault: Told of a fault of ours: where, and what was raised.
    """

    def __init__(self, books: Books, asides: Asides, fault: Callable[[str, BaseException], None]) -> None:
        self._books = books
        self._asides = asides
        self._fault = fault
        self._tasks: set[asyncio.Task[None]] = set()
        self.skipped = 0
        """How often one was not asked, since too many were under way."""
        books.settled = self.paid

    # ------------------------------------------------------------------ routes and budgets

    @staticmethod
    def noted(record: Record, draft: Draft, balances: Sequence[Balance], accounts: Accounts) -> Record:
        """A request's record with what its route and its budgets in shadow mode would have done.

        Args:
            record: The record.
            draft: The request.
            balances: Those of its accounts; none where they are not known.
            accounts: Find the budgets.
        """
        found = of_route(record.route, record.decision)
        if balances and draft.options:
            found += _of_budgets(draft, balances, accounts)
        return replace(record, shadow=found) if found else record

    # ------------------------------------------------------------------ classifiers

    def planned(
        self, inquiry: Inquiry, said: Classification, record: Record, journey: Journey | None
    ) -> None:
        """Tell the figures what the decision brought, and ask the classifiers that were reached.

        Args:
            inquiry: The request.
            said: What its classifiers made of it.
            record: Its record.
            journey: Its journey; None where it was refused.
        """
        for would in record.shadow:
            self._tell(would)
        for one in said.reached:
            self._spawn(self._classified(inquiry, one, record.id, journey))

    async def told(self, said: Classification, record: Record) -> Record:
        """The record with the word of those that ask no model, where it is only asked what would be done."""
        for one in said.reached:
            if not one.asks:
                would = of_classifier(one, await one.ask(), record.decision)
                record = record if would is None else replace(record, shadow=(*record.shadow, would))
        return record

    async def _classified(self, inquiry: Inquiry, one: Reached, id_: str, journey: Journey | None) -> None:
        alone = await one.ask()
        record = self._books.record(id_) if journey is None else journey.record
        if record is None:
            return
        if one.asks and inquiry.side is not None:
            # Its calls were made after the record, which knows nothing of them yet.
            record = self._asides.attach(inquiry.side.asides, record, journey)
            self._keep(record, journey)
        would = of_classifier(one, alone, record.decision)
        if would is not None:
            self._add(would, record, journey)

    # ------------------------------------------------------------------ gates

    def judge(
        self, gate: Gate, ask: Callable[[], Awaitable[Verdict]], flight: Flight, to: int | None
    ) -> None:
        """Have a gate in shadow mode judge an answer that is served, in the background.

        Args:
            gate: The gate.
            ask: Asks it, its faults contained.
            flight: The attempt that the answer came of.
            to: The rank that would have been tried next; None for none.
        """
        self._spawn(self._judged(gate, ask, flight, to))

    async def _judged(
        self, gate: Gate, ask: Callable[[], Awaitable[Verdict]], flight: Flight, to: int | None
    ) -> None:
        verdict = await ask()
        if verdict.ruling is Ruling.ABSTAIN:
            return
        journey = flight.journey
        if verdict.rejects:
            said = f"{gate.name}:{verdict.reason}" if verdict.reason else gate.name
            self._books.remarked(flight, f"shadow:{said}")
        self._add(of_gate(gate.name, flight.rank, to, rejects=verdict.rejects), journey.record, journey)

    # ------------------------------------------------------------------ records

    def _add(self, would: Would, record: Record, journey: Journey | None) -> None:
        self._tell(would)
        self._keep(replace(record, shadow=(*record.shadow, would)), journey)
        if journey is not None:
            self._priced(journey)

    def _keep(self, record: Record, journey: Journey | None) -> None:
        if journey is not None:
            journey.record = record
        self._books.remember(record)

    def _tell(self, would: Would) -> None:
        if self._books.meter is not None:
            self._books.meter.shadowed(would)

    def paid(self, flight: Flight) -> None:
        """Work out what would have been paid, now that it is known what an attempt used."""
        if flight.journey.record.shadow:
            self._priced(flight.journey)

    def _priced(self, journey: Journey) -> None:
        used = journey.flights[journey.served].usage
        if used is None:
            return
        priority = journey.features.priority
        told = tuple(w.priced(journey.facts, used, priority=priority) for w in journey.record.shadow)
        if told != journey.record.shadow:
            self._keep(replace(journey.record, shadow=told), journey)

    # ------------------------------------------------------------------ in the background

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= AT_ONCE:
            work.close()
            self.skipped += 1
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fault("shadow", error)

    async def settled(self) -> None:
        """Wait for all that is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """End what is under way."""
        loop = asyncio.get_running_loop()
        tasks = [t for t in self._tasks if t.get_loop() is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _of_budgets(draft: Draft, balances: Sequence[Balance], accounts: Accounts) -> tuple[Would, ...]:
    """What the budgets in shadow mode would have done to a request."""
    inquiry, options, amounts = draft.inquiry, draft.options, draft.amounts

    def likely() -> list[int]:
        return [Amounts.likely(inquiry, r, m) for r, m in zip(options, amounts, strict=True)]

    case, rank = draft.case, draft.decision.rank
    silent = accounts.silent(inquiry.caller, inquiry.features.tags, case, rank, options, draft.now_s, likely)
    if not silent:
        return ()
    used = {a.limit.key: b.used for a, b in zip(draft.accounts, balances, strict=True)}
    question = Question(case, rank, options, amounts, draft.floor)
    return of_budgets(accounts.policy, question, draft.accounts, silent, used)
