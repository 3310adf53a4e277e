"""The engine: from a request to a plan with its money held. Only here does a fault become behaviour."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from litellm_tiering.books import Books, Flight
from litellm_tiering.core.budget import NO_BOUND, Budget, Limit, choose
from litellm_tiering.core.classification import Classification, Subject
from litellm_tiering.core.decision import Decision, Reason, Refusal, Stage
from litellm_tiering.core.policy import Account, Case, Policy, Route, Spending, question
from litellm_tiering.core.record import Attempt, Record
from litellm_tiering.ports import Hold, Reservation
from litellm_tiering.units import window_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeVar

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
    from litellm_tiering.ports import Answer, Classifying, Clock, Ledger
    from litellm_tiering.units import Window

    T = TypeVar("T")

_log = logging.getLogger("litellm_tiering")

STORE_DEADLINE_S = 0.05
"""How long a request may wait for the store before it goes on as ``on_error`` says."""

HOLD_TTL_S = 900
"""After how long a hold that nobody settled lapses: longer than any ordinary answer takes."""

_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request as the gateway puts it to the engine.

    Attributes:
        features: Counts, flags and ids.
        prompt: The text, bounded; used by classifiers and dropped.
        caller: Who asks.
        route: The route the requested name fell to.
        asked: The rank whose group the client asked for, itself or by the virtual name's alias.
        facts: What each tier costs and can do, by rank.
        wish: The rank of the client's ``x-tiering-tier`` header.
        forbidden: Ranks the caller may not use, with why.
    """

    features: RequestFeatures
    prompt: PromptText
    caller: Caller
    route: Route
    asked: int
    facts: tuple[TierFacts, ...]
    wish: int | None = None
    forbidden: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with a request.

    Attributes:
        decision: Every step, and the refusal if it is not served.
        classification: What the classifiers said.
        case: What was decided on.
        record: What is kept of it.
        flight: The attempt to send upstream; None when refused, or when only explained.
    """

    decision: Decision
    classification: Classification
    case: Case
    record: Record
    flight: Flight | None


@dataclass(frozen=True, slots=True)
class Terms:
    """The owner's settings as far as the engine needs them.

    Attributes:
        policy: Decides.
        budgets: What is limited; one of them is global.
        classifiers: The chain.
        timezone: Whose wall clock rules by time of day follow.
        on_error: What a request does when the store is away.
        retention_s: How long a counter is kept after its window.
        enforce: False in shadow mode.
        hash: The policy's hash, for records.
    """

    policy: Policy
    budgets: tuple[Budget, ...]
    classifiers: Classifying
    timezone: str = "UTC"
    on_error: Literal["open", "cheap", "closed"] = "open"
    retention_s: int = 35 * 86_400
    enforce: bool = True
    hash: str = ""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request half decided: all that the ledger's question is made of."""

    inquiry: Inquiry
    classification: Classification
    case: Case
    decision: Decision
    options: tuple[int, ...]
    accounts: tuple[Account, ...]
    amounts: tuple[int, ...]
    enforced: bool
    now_s: float

    @property
    def floor(self) -> bool:
        return bool(self.options) and self.options[-1] == 0

    @property
    def limits(self) -> tuple[Limit, ...]:
        return tuple(a.limit for a in self.accounts)


class Engine:
    """Plans requests. One per proxy process; every method may run concurrently."""

    def __init__(self, terms: Terms, ledger: Ledger, clock: Clock) -> None:
        self.terms = terms
        self.ledger = ledger
        self.clock = clock
        self.books = Books(ledger, clock)
        self.faults: dict[str, int] = {}
        self._zone = ZoneInfo(terms.timezone)

    # ------------------------------------------------------------------ planning

    async def plan(self, inquiry: Inquiry) -> Plan:
        """Decide where a request goes and hold its money, with one round trip to the store at most.

        Never raises for want of a store; a refusal is a value in the plan.
        """
        draft = self._draft(inquiry)
        if not draft.options or (draft.decision.refusal is not None and draft.enforced):
            return self._planned(draft, self.terms.policy.decide(draft.case, None, draft.decision), None)
        answer = await self._reserve(draft)
        spending = self._spending(draft, answer)
        decision = self.terms.policy.decide(draft.case, spending, draft.decision)
        if spending is None:
            decision = self._store_away(decision, draft)
        return self._planned(draft, decision, answer)

    async def explain(self, inquiry: Inquiry) -> Plan:
        """The plan as it would be made now, with nothing held and nothing counted."""
        draft = self._draft(inquiry)
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
        return Plan(decision, draft.classification, draft.case, self._record(draft, decision), None)

    def _draft(self, inquiry: Inquiry) -> _Draft:
        now = self.clock.now()
        policy = self.terms.policy
        classification = self._classify(inquiry, now) if inquiry.route.classify else Classification()
        unable = {r: lack for r, f in enumerate(inquiry.facts) if (lack := f.lacks(inquiry.features))}
        gone = {r: "gone" for r, f in enumerate(inquiry.facts) if not f.exists}
        forbidden = {**inquiry.forbidden, **gone}
        case = Case(inquiry.route, inquiry.asked, classification, inquiry.wish, unable, forbidden)
        decision = policy.draft(case)
        options = policy.options(case, decision)
        amounts = tuple(int(inquiry.facts[r].hold(inquiry.features)) for r in options)
        accounts = self._accounts(inquiry, case, decision, options, now)
        enforced = self.terms.enforce and inquiry.route.enforce
        return _Draft(inquiry, classification, case, decision, options, accounts, amounts, enforced, now)

    def _classify(self, inquiry: Inquiry, now: float) -> Classification:
        local = dt.datetime.fromtimestamp(now, self._zone)
        subject = Subject(inquiry.features, inquiry.caller, inquiry.prompt, local)
        try:
            return self.terms.classifiers.classify(subject)
        except Exception as error:  # noqa: BLE001 - a classifier's fault costs its opinion, not the request
            self.fault("classifier", error)
            return Classification(fault=type(error).__name__)

    def _accounts(
        self, inquiry: Inquiry, case: Case, draft: Decision, options: tuple[int, ...], now: float
    ) -> tuple[Account, ...]:
        found: dict[str, Account] = {}
        for budget, id_, window in self._counted(
            inquiry.caller, inquiry.route.name, inquiry.features.tags, now
        ):
            key = counter_key(budget, id_, window.label)
            critical = budget.critical.holds(inquiry.caller)
            below, ceiling, block = question(
                self.terms.policy, case, draft, options, budget, critical=critical
            )
            limit = Limit(key, int(window.end_s) + self.terms.retention_s, below, ceiling, block)
            # Of several budgets for one id and window the first in the file wins, as with routes.
            found.setdefault(key, Account(budget, id_, limit, critical, window.end_s))
        return tuple(found.values())

    def _counted(
        self, caller: Caller, route: str, tags: frozenset[str], now: float
    ) -> list[tuple[Budget, str, Window]]:
        return [
            (budget, id_, window_at(budget.window, budget.timezone, now))
            for budget in self.terms.budgets
            for id_ in budget.ids(caller, route=route, tags=tags)
        ]

    async def _reserve(self, draft: _Draft) -> Answer | None:
        limits, amounts = draft.limits, draft.amounts
        if not draft.enforced:
            # In shadow the request stays where it is: that is what is held, and nothing limits it.
            asked = draft.inquiry.facts[draft.inquiry.asked]
            amounts = (int(asked.hold(draft.inquiry.features)),)
            limits = tuple(replace(lim, below=(NO_BOUND,), ceiling=NO_BOUND, block=False) for lim in limits)
        hold = Hold(secrets.token_hex(16), limits, amounts, draft.floor, draft.now_s, HOLD_TTL_S)
        return await self.books.ask(self.ledger.reserve(hold), "reserve", STORE_DEADLINE_S)

    @staticmethod
    def _spending(draft: _Draft, answer: Answer | None) -> Spending | None:
        if answer is None:
            return None
        used = tuple(b.used for b in answer.balances)
        choice = answer.choice
        if not draft.enforced:
            choice = choose(draft.limits, draft.amounts, used, floor=draft.floor)
        return Spending(draft.accounts, draft.options, choice, used, draft.now_s)

    def _store_away(self, decision: Decision, draft: _Draft) -> Decision:
        on_error = self.terms.on_error
        if decision.refusal is not None:
            return decision
        if on_error == "closed":
            message = "The budget store is away, and this proxy is set to stop until it is back."
            return decision.refused(Refusal(Reason.STORE, message, 503, retry_after_s=1))
        rank = min(draft.options[-1], decision.rank) if on_error == "cheap" else decision.rank
        return decision.moved(rank, stage=Stage.BUDGET, because=Reason.STORE, detail=on_error)

    def _planned(self, draft: _Draft, decision: Decision, answer: Answer | None) -> Plan:
        inquiry = draft.inquiry
        if not draft.enforced:
            decision = decision.shadowed(inquiry.asked)
        record = self._record(draft, decision)
        if decision.refusal is not None:
            if answer is not None and answer.reservation is not None:  # pragma: no cover - the ledger refused
                raise AssertionError("a refused request holds nothing")
            self.books.remember(record)
            return Plan(decision, draft.classification, draft.case, record, None)
        reservation = answer.reservation if answer else None
        if reservation is None:
            reservation = self.counters(
                secrets.token_hex(16), inquiry.caller, inquiry.route.name, inquiry.features.tags
            )
        flight = Flight(
            attempt=reservation.attempt,
            reservation=reservation,
            record=record,
            caller=inquiry.caller,
            route=inquiry.route.name,
            features=inquiry.features,
            facts=inquiry.facts,
            hold=int(inquiry.facts[decision.rank].hold(inquiry.features)),
            began_s=draft.now_s,
        )
        self.books.depart(flight)
        return Plan(decision, draft.classification, draft.case, record, flight)

    def _record(self, draft: _Draft, decision: Decision) -> Record:
        tier = self.terms.policy.ladder[decision.rank]
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
            policy=self.terms.hash,
        )

    # ------------------------------------------------------------------ counting what was not planned

    def counters(self, attempt: str, caller: Caller, route: str, tags: frozenset[str]) -> Reservation:
        """A reservation of nothing, so that a cost goes to the counters it belongs to, held or not."""
        now = self.clock.now()
        found = {
            counter_key(budget, id_, window.label): int(window.end_s) + self.terms.retention_s
            for budget, id_, window in self._counted(caller, route, tags, now)
        }
        return Reservation(attempt, tuple(found), tuple(found.values()), 0, int(now))

    async def charge(self, id_: str, caller: Caller, route: str, tags: frozenset[str], cost: int) -> None:
        """Count a cost that was never planned: other models of the proxy, a second bill of one attempt."""
        if cost > 0:
            await self.books.pay(self.counters(id_, caller, route, tags), cost)

    # ------------------------------------------------------------------ faults

    def fault(self, where: str, error: BaseException) -> None:
        """Leave a trace of a fault of ours: its kind and place, never a message that may hold a prompt."""
        name = f"{where}:{type(error).__name__}"
        self.faults[name] = self.faults.get(name, 0) + 1
        if self.faults[name] == 1:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
            _log.error("fault in %s: %s at %s; requests go on unchanged", where, type(error).__name__, place)

    async def contained(self, where: str, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """The result of ``work``; on a fault of ours ``otherwise``, so that no request fails by us."""
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - the outermost guard: a plugin fault never fails a request
            self.fault(where, error)
            return otherwise


def counter_key(budget: Budget, id_: str, window_label: str) -> str:
    """The ledger's key for one budget, id and window; long or odd ids, which clients choose, are hashed."""
    odd = len(id_) > _LONGEST_ID or not id_.isprintable() or "|" in id_
    safe = "#" + hashlib.sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()[:32] if odd else id_
    return f"{budget.scope.value}|{safe}|{window_label}"
