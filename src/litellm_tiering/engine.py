"""The engine: from a request to a plan with its money held. Only here does a fault become behaviour."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.accounts import Accounts
from litellm_tiering.admission import hold_of, record_of, spending_of, without_store
from litellm_tiering.amounts import Amounts
from litellm_tiering.asides import Asides
from litellm_tiering.books import Books
from litellm_tiering.classifying import Classifying
from litellm_tiering.conversations import Conversations
from litellm_tiering.core.agreement import UNUSED
from litellm_tiering.core.budget import choose
from litellm_tiering.core.cascade import Because
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Stage
from litellm_tiering.core.experiment import within
from litellm_tiering.core.policy import Spending
from litellm_tiering.core.record import Attempt
from litellm_tiering.deadline import FILE_DEADLINE_S, HOLD_TTL_S, STORE_DEADLINE_S
from litellm_tiering.drafting import Draft, Drafting
from litellm_tiering.estimates import Estimates
from litellm_tiering.expecting import Figures, Lookout
from litellm_tiering.faults import Faults
from litellm_tiering.journeys import Flight, Journey
from litellm_tiering.market import Market
from litellm_tiering.pacer import Pacer
from litellm_tiering.plan import Plan, Stopped
from litellm_tiering.ports import Hold
from litellm_tiering.shadowing import Shadowing
from litellm_tiering.tallies import Days

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from litellm_tiering.adaptive import Watch
    from litellm_tiering.announcer import Announcer
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.record import Record
    from litellm_tiering.directives import Directives
    from litellm_tiering.drift import Drift
    from litellm_tiering.expecting import Expecting
    from litellm_tiering.plan import Inquiry, Terms, Unplanned
    from litellm_tiering.ports import Answer, Clock, Ledger, Reservation, Spool


class Engine(Faults):
    """Plans requests. One per proxy process; every method may run concurrently.

    ``watch`` tells which segments start one tier higher; without one none does. ``events`` tells people of
    what becomes of the budgets; without one nobody does. ``directives`` tell who is exempt from them; without
    them nobody is. ``drift`` watches whether requests are like those that the router was trained on.
    ``expecting`` tells which way is expected to cost least; without it the fixed rules hold. ``arms`` have a
    watch of their own, and may expect something of their own, where a policy of theirs judges answers.
    """

    def __init__(self, terms: Terms, ledger: Ledger, clock: Clock, spool: Spool | None = None) -> None:
        super().__init__()
        self.ledger, self.clock = ledger, clock
        self.books = Books(ledger, clock, spool=spool)
        self.books.guard.on_fault = self.fault
        self.watch: Watch | None = None
        self.directives: Directives | None = None
        self.events: Announcer | None = None
        self.drift: Drift | None = None
        self.expecting: Expecting | None = None
        self.arms: Mapping[str, Lookout] = {}
        self._within_s = FILE_DEADLINE_S if ledger.kind == "sqlite" else STORE_DEADLINE_S
        self.market = Market()
        self.estimates = Estimates()
        self.figures = Figures()
        self.conversations = Conversations(terms.policy.ladder, self.books)
        self.asides = Asides(self.books, clock, self._counters)
        self.shadowing = Shadowing(self.books, self.asides, self.fault)
        self._adopt(terms)

    def lookout(self, arm: str = "") -> Lookout:
        """What is learned while requests are served, under an arm's policy or for the rest of them."""
        return self.arms.get(arm) or Lookout(self.watch, self.expecting)

    def differs(self, arm: str) -> bool:
        """Whether an arm classifies or judges otherwise than the base: its traffic tells nothing of that."""
        return arm in self.arms or arm in self.terms.arms

    def watches(self) -> tuple[Watch, ...]:
        """Every watch there is, the base's first."""
        found = (self.watch, *(lookout.watch for lookout in self.arms.values()))
        return tuple(watch for watch in found if watch is not None)

    def _adopt(self, terms: Terms) -> None:
        self.terms = terms
        top = terms.policy.ladder.top
        self.pacer = Pacer(
            terms.budgets, terms.timezone, top, self.clock, self.ledger, self.books, self.fault
        )
        self.accounts = Accounts(terms.policy, terms.budgets, terms.retention_s, self.pacer, self.market)
        self.books.days = Days(terms.timezone, terms.retention_s)
        self.amounts = Amounts(terms, self.estimates)
        self.drafting = Drafting(terms, self.accounts, self.amounts)
        self.classifying = Classifying(terms, self.fault)

    def _counters(
        self, id_: str, caller: Caller, route: str, tags: frozenset[str], now_s: float
    ) -> Reservation:
        return self.accounts.counters(id_, caller, route, tags, now_s)

    # ------------------------------------------------------------------ planning

    async def plan(self, inquiry: Inquiry) -> Plan:
        """Decide where a request goes and hold its money, with one round trip to the store at most.

        Never raises for want of a store; a refusal is a value in the plan. Where classifiers ask a model,
        their question comes first, and the time of the decision is that of its end.
        """
        draft = await self._drafted(inquiry)
        higher = self.drafting.higher(draft)
        if not draft.options or (draft.decision.refusal is not None and draft.enforced):
            return self._planned(draft, self.terms.policy.decide(draft.case, None, draft.decision), None)
        answer = await self._reserve(draft, higher)
        if answer is not None:
            draft = self.drafting.at(draft, answer.kept, higher)
            self.accounts.seen(draft.accounts, answer.balances, draft.now_s)
        if self.events is not None and answer is not None:
            self.events.reserved(draft.accounts, answer)
        spending = spending_of(draft, answer)
        decision = self.terms.policy.decide(draft.case, spending, draft.decision)
        if spending is None:
            decision = without_store(self.terms, decision, draft)
        return self._planned(draft, decision, answer)

    async def _drafted(self, inquiry: Inquiry, *, asking: bool = False) -> Draft:
        now = self.clock.now()
        held = self.drafting.holds(inquiry)
        found = Classification() if held else self.classifying.ask(inquiry, now)
        if not isinstance(found, Classification):
            found = await found
            now = self.clock.now()
        if self.drift is not None and not asking and not held and not self.differs(inquiry.arm):
            self.drift.classified(inquiry.route.name, found)
        return self._draft(inquiry, found, now, asking=asking)

    def _draft(self, inquiry: Inquiry, said: Classification, now: float, *, asking: bool) -> Draft:
        thread, kept = self.conversations.thread(inquiry.features, inquiry.caller, inquiry.route, now)
        exempt = ""
        if self.directives is not None:
            exempt = self.directives.exempt(inquiry.caller, inquiry.route.name, now)
        lookout = self.lookout(inquiry.arm)
        return self.drafting.draft(
            inquiry,
            said,
            now,
            lookout.watch,
            thread,
            kept=kept,
            exempt=exempt,
            asking=asking,
            expecting=lookout.expecting,
        )

    async def explain(self, inquiry: Inquiry) -> Plan:
        """The plan as it would be made now, with nothing held and nothing counted.

        No model is asked, as that costs: classifiers that would ask one say what they know already.
        """
        await self.pacer.refresh_when_due()
        draft = await self._drafted(replace(inquiry, side=None), asking=True)
        keys = tuple(a.limit.key for a in draft.accounts)
        found = await self.books.ask(self.ledger.balances(keys, draft.now_s), "balances")
        spending = None
        if found is not None and draft.options:
            used = tuple(b.used for b in found)
            choice = choose(draft.limits, draft.amounts, used, floor=draft.floor)
            spending = Spending(draft.accounts, draft.options, choice, used, draft.now_s)
        decision = self.terms.policy.decide(draft.case, spending, draft.decision)
        if not draft.enforced:
            decision = decision.shadowed(inquiry.asked)
        record = record_of(self.terms, draft, decision, found or ())
        record = self.shadowing.noted(record, draft, found or (), self.accounts)
        record = await self.shadowing.told(draft.classification, record)
        return Plan(decision, draft.classification, draft.case, record, None)

    async def _reserve(self, draft: Draft, higher: Sequence[Draft]) -> Answer | None:
        hold = hold_of(draft, self.amounts, higher)
        return await self.books.ask(self.ledger.reserve(hold), "reserve", self._within_s)

    def _planned(self, draft: Draft, decision: Decision, answer: Answer | None) -> Plan:
        inquiry = draft.inquiry
        if not draft.enforced:
            decision = decision.shadowed(inquiry.asked)
        balances = () if answer is None else answer.balances
        record = record_of(self.terms, draft, decision, balances)
        record = self.shadowing.noted(record, draft, balances, self.accounts)
        if decision.refusal is not None:
            if answer is not None and answer.reservation is not None:  # pragma: no cover - the ledger refused
                raise AssertionError("a refused request holds nothing")
            if answer is not None and answer.choice.by is not None:
                self.asides.bar(draft.accounts[answer.choice.by].limit.key)
            if inquiry.side is not None:
                record = self.asides.attach(inquiry.side.asides, record, None)
            self.books.refused(record)
            self.shadowing.planned(inquiry, draft.classification, record, None)
            return Plan(decision, draft.classification, draft.case, record, None)
        flight = self._depart(draft, decision, record, answer.reservation if answer else None)
        self.shadowing.planned(inquiry, draft.classification, flight.journey.record, flight.journey)
        return Plan(decision, draft.classification, draft.case, flight.journey.record, flight)

    def _depart(
        self, draft: Draft, decision: Decision, record: Record, reservation: Reservation | None
    ) -> Flight:
        inquiry = draft.inquiry
        gated = inquiry.route.cascade and draft.enforced and not draft.case.holdout
        journey = Journey(
            record=record,
            case=draft.case,
            caller=inquiry.caller,
            features=inquiry.features,
            facts=inquiry.facts,
            began_s=draft.now_s,
            prompt=inquiry.prompt if gated else None,
        )
        if inquiry.side is not None:
            journey.record = self.asides.attach(inquiry.side.asides, record, journey)
        if draft.thread is not None:
            self.conversations.heard(draft.thread, draft.thread.rank, draft.now_s)
            journey.thread = draft.thread
        journey.dearest_hold = self.amounts.estimate(journey, self.terms.policy.ladder.top)
        segment = draft.segment
        if segment is not None and not segment.start.bypass and decision.rank == segment.rank:
            journey.watched = (segment.key, segment.start.turn)
            journey.leaf = segment.leaf
        watch = self.lookout(inquiry.arm).watch
        if watch is not None and draft.enforced:
            moved = any(s.stage in (Stage.BUDGET, Stage.CONVERSATION) and s.enforced for s in decision.steps)
            routed = inquiry.route.classify and not draft.case.holdout
            classified = routed and inquiry.wish is None and not moved
            watch.decided(within(record.route, inquiry.arm), record.tier, classified=classified)
        return self._fly(journey, decision.rank, reservation, draft.now_s)

    def _fly(self, journey: Journey, rank: int, reservation: Reservation | None, now_s: float) -> Flight:
        """Send an attempt on its way; without a reservation its cost still finds its counters."""
        if reservation is None:
            reservation = self.accounts.counters(
                secrets.token_hex(16), journey.caller, journey.record.route, journey.features.tags, now_s
            )
        flight = Flight(
            attempt=reservation.attempt,
            reservation=reservation,
            journey=journey,
            rank=rank,
            index=len(journey.flights),
            hold=self.amounts.estimate(journey, rank),
            began_s=now_s,
        )
        self.books.depart(flight)
        return flight

    # ------------------------------------------------------------------ escalating

    async def escalate(self, journey: Journey, rank: int) -> Flight | Stopped:
        """Hold the money for one more attempt, at a higher tier; or why it may not be made.

        A budget that would not let the request start at that tier does not let it climb there either. The
        rest of a stopped request is unharmed: it is served the answer there is.
        """
        now = self.clock.now()
        options = (rank, max(f.rank for f in journey.flights))
        # The second option is to stay, which holds nothing: it is what the budgets fall back on.
        amounts = (self.amounts.to_climb(journey, rank), 0)
        accounts = self.accounts.asked(
            journey.caller,
            journey.features.tags,
            journey.case,
            rank,
            options,
            now,
            lambda: (self.amounts.likely(journey, rank, amounts[0]), 0),
            rejected=True,
        )
        limits = tuple(a.limit for a in accounts)
        hold = Hold(secrets.token_hex(16), limits, amounts, False, now, HOLD_TTL_S)
        answer = await self.books.ask(self.ledger.reserve(hold), "reserve", self._within_s)
        if answer is not None:
            self.accounts.seen(accounts, answer.balances, now)
        if self.events is not None and answer is not None:
            self.events.reserved(accounts, answer, starting=False)
        if answer is None and self.terms.on_error != "open":
            return Stopped(Because.STORE, self.terms.on_error)
        if answer is not None and answer.choice.option != 0:
            if answer.reservation is not None:
                await self.books.ask(self.ledger.release(answer.reservation, now), "release")
            by = answer.choice.by
            return Stopped(Because.BUDGET, "" if by is None else accounts[by].name)
        tier = self.terms.policy.ladder[rank]
        journey.record = journey.record.trying(Attempt(tier.name, tier.model))
        return self._fly(journey, rank, answer.reservation if answer else None, now)

    async def beside(self, journey: Journey, facts: TierFacts, group: str) -> Flight | Stopped:
        """Hold the money for asking another group what the first attempt is asked; or why that is not done.

        It may run while the first attempt is under way: no request waits for it.
        """
        now, rank = self.clock.now(), journey.flights[0].rank
        features, case = journey.features, journey.case
        # As in `escalate`: the second option is not to ask.
        amounts = (self.amounts.beside(journey, rank, facts, group), 0)
        accounts = self.accounts.asked(journey.caller, features.tags, case, rank, (rank, rank), now)
        limits = tuple(a.limit for a in accounts)
        hold = Hold(secrets.token_hex(16), limits, amounts, False, now, HOLD_TTL_S)
        answer = await self.books.ask(self.ledger.reserve(hold), "reserve", self._within_s)
        if answer is None and self.terms.on_error != "open":
            return Stopped(Because.STORE, self.terms.on_error)
        if answer is not None and answer.choice.option != 0:
            if answer.reservation is not None:
                await self.books.ask(self.ledger.release(answer.reservation, now), "release")
            return Stopped(Because.BUDGET)
        tier = self.terms.policy.ladder[rank]
        journey.record = journey.record.trying(Attempt(tier.name, group, UNUSED))
        flight = self._fly(journey, rank, answer.reservation if answer else None, now)
        flight.group, flight.hold = group, amounts[0]
        return flight

    def served(self, journey: Journey, flight: Flight) -> None:
        """Note whose answer the client gets: an escalation raises its conversation."""
        if journey.thread is not None:
            self.conversations.served(journey.thread, flight.rank)

    # ------------------------------------------------------------------ counting what was not planned

    async def charge(self, call: Unplanned) -> None:
        """Count a cost that was never planned, in the windows in which the call was made."""
        if call.cost > 0:
            counters = self.accounts.counters(call.id, call.caller, "", call.tags, call.at_s)
            row = self.books.days.of_call(call.at_s, call.model, call.caller.team)
            tally = replace(row, requests=1, attempts=1, cost=call.cost, baseline=call.cost)
            await self.books.payments.pay(counters, call.cost, self.books.counted(tally))

    # ------------------------------------------------------------------ changing, ending

    def renew(self, terms: Terms, watch: Watch | None) -> Callable[[], Awaitable[None]]:
        """Go on under other terms of the same ladder; what is under way is paid for as it was planned.

        What is expected, and what arms look out for, is the caller's to set anew.

        Returns:
            What lets go of that which served the old terms.
        """
        pacer, watched = self.pacer, self.watches()
        self._adopt(terms)
        self.watch, self.expecting, self.arms = watch, None, {}

        async def close() -> None:
            await pacer.close()
            for one in watched:
                await one.close()

        return close

    async def close(self) -> None:
        """End what runs in the background, and let go of the store; the engine is not used afterwards."""
        if self.events is not None:
            await self.events.close()
        if self.directives is not None:
            await self.directives.close()
        for watch in self.watches():
            await watch.close()
        await self.pacer.close()
        await self.shadowing.close()
        await self.conversations.close()
        await self.books.close()
        await self.ledger.close()
