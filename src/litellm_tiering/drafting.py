"""A request half decided: all that the ledger's question is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.adaptive import Start
from litellm_tiering.core.adaptive import segment_key
from litellm_tiering.core.decision import Stage
from litellm_tiering.core.experiment import within
from litellm_tiering.core.policy import Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.accounts import Accounts
    from litellm_tiering.adaptive import Watch
    from litellm_tiering.amounts import Amounts
    from litellm_tiering.core.budget import Limit
    from litellm_tiering.core.classification import Classification
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.policy import Account
    from litellm_tiering.core.thread import Thread
    from litellm_tiering.expecting import Expecting
    from litellm_tiering.plan import Inquiry, Terms


@dataclass(frozen=True, slots=True)
class InSegment:
    """The segment of a request, and where it starts in it: the key, the classified rank, the kind.

    ``leaf`` is what its answer is kept under for what is expected of later ones; empty for nothing.
    """

    key: str
    rank: int
    kind: str
    start: Start
    leaf: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request decided up to the budget, with the money that each of its options asks for.

    Attributes:
        inquiry: The request.
        case: What is decided on.
        decision: The steps up to the budget.
        options: The ranks it may end on, dearest first; empty where there is none.
        accounts: The budgets that apply.
        amounts: What each option would hold, in nano-dollars.
        enforced: Whether it goes where the plan says.
        now_s: When, in seconds since the epoch.
        segment: The segment that its answer will tell something of; None for none.
        thread: Its conversation, with the rank that this turn leaves for the next ones; None for none.
    """

    inquiry: Inquiry
    case: Case
    decision: Decision
    options: tuple[int, ...]
    accounts: tuple[Account, ...]
    amounts: tuple[int, ...]
    enforced: bool
    now_s: float
    segment: InSegment | None
    thread: Thread | None

    @property
    def classification(self) -> Classification:
        """What the classifiers said."""
        return self.case.classification

    @property
    def floor(self) -> bool:
        """Whether the last option is the cheapest tier."""
        return bool(self.options) and self.options[-1] == 0

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The budgets as the ledger sees them."""
        return tuple(a.limit for a in self.accounts)

    @property
    def keeps(self) -> int:
        """The rank that this turn leaves its conversation at; 0 outside one."""
        return 0 if self.thread is None else self.thread.rank

    @property
    def remembers(self) -> bool:
        """Whether the store knows of the conversation or is to know: a first turn at rank 0 is forgotten."""
        return self.thread is not None and bool(self.thread.reads or self.thread.rank)


class Drafting:
    """Makes drafts under some terms.

    Args:
        terms: The owner's settings.
        accounts: The budgets.
        amounts: What to hold.
    """

    def __init__(self, terms: Terms, accounts: Accounts, amounts: Amounts) -> None:
        self._terms = terms
        self._policy = terms.policy
        self._accounts = accounts
        self._amounts = amounts

    def holds(self, inquiry: Inquiry) -> bool:
        """Whether a request's caller is held out of routing: not on a route where the client chooses."""
        routed = inquiry.route.classify and inquiry.route.enforce and self._terms.enforce
        return routed and self._terms.experiment.holds(inquiry.caller)

    def draft(  # noqa: PLR0913 - a request, and what this process knows that bears on it
        self,
        inquiry: Inquiry,
        classification: Classification,
        now_s: float,
        watch: Watch | None,
        thread: Thread | None,
        *,
        kept: int = 0,
        exempt: str = "",
        asking: bool = False,
        expecting: Expecting | None = None,
    ) -> Draft:
        """A request's draft.

        Args:
            inquiry: The request.
            classification: What the classifiers said of it.
            now_s: The time, in seconds since the epoch.
            watch: Tells which segments start one tier higher.
            thread: Its conversation.
            kept: The rank that this has surely reached.
            exempt: The exemption that spares the caller every budget.
            asking: Whether it is only asked what would be done: that leaves no trace.
            expecting: Says which way is expected to cost least; None where the fixed rules hold.
        """
        holdout = self.holds(inquiry)
        if holdout:
            # Its conversations reach no tier: they would keep it after the experiment.
            thread, kept = None, 0
        unable = {r: lack for r, f in enumerate(inquiry.facts) if (lack := f.lacks(inquiry.features))}
        gone = {r: "gone" for r, f in enumerate(inquiry.facts) if not f.exists}
        forbidden = {**inquiry.forbidden, **gone}
        enforced = self._terms.enforce and inquiry.route.enforce
        probed = enforced and not holdout
        segment = self._segment(inquiry, classification, watch, asking=asking) if probed else None
        bypass = segment.kind if segment is not None and segment.start.bypass else ""
        case = Case(
            inquiry.route,
            inquiry.asked,
            classification,
            inquiry.wish,
            unable,
            forbidden,
            bypass,
            exempt,
            kept,
            holdout,
            arm=inquiry.arm,
        )
        if expecting is not None and segment is not None:
            leaf = expecting.leaf(segment.key, classification, inquiry.features)
            segment = replace(segment, leaf=leaf)
            case = self._expected(inquiry, case, segment, expecting, asking=asking)
        return self._costed(inquiry, case, now_s, segment, thread, {}, enforced=enforced)

    def _expected(
        self, inquiry: Inquiry, case: Case, segment: InSegment, expecting: Expecting, *, asking: bool
    ) -> Case:
        """The case with the way that is expected to cost least, where that is known.

        Only where nothing but the classifiers has spoken: of requests that something else moves, or that the
        client has a wish for, what is known of their segment tells nothing.
        """
        decision = self._policy.draft(case)
        if inquiry.wish is not None or decision.refusal is not None or decision.rank != segment.rank:
            return case
        highest = self._policy.climbs_to(case, decision)
        usable = self._policy.usable(case)
        above = min((r for r in usable if segment.rank < r <= highest), default=None)
        if above is None or segment.rank not in usable:
            return case
        choice = expecting.choice(inquiry, segment.key, segment.leaf, segment.rank, above, asking=asking)
        return replace(case, expected=choice)

    def higher(self, draft: Draft) -> tuple[Draft, ...]:
        """The drafts for every rank that the conversation may have reached beyond what is known here."""
        thread = draft.thread
        if thread is None or not thread.reads or not draft.enforced or not draft.options:
            return ()
        found: list[Draft] = []
        for rank in range(self._stands(draft.decision) + 1, self._policy.ladder.top + 1):
            # From the one below it: what its options would hold is known.
            found.append(self._raised(found[-1] if found else draft, rank))
        return tuple(found)

    def at(self, draft: Draft, kept: int, higher: Sequence[Draft]) -> Draft:
        """The draft that holds where the conversation has reached the rank ``kept``."""
        found = next((d for d in reversed(higher) if d.case.kept <= kept), draft)
        # In shadow nothing else was asked of the store; and of a ladder's end it may know more than there is.
        if found.thread is not None and kept > max(found.case.kept, self._stands(found.decision)):
            found = self._raised(draft, kept)
        return found

    def _raised(self, draft: Draft, kept: int) -> Draft:
        case = replace(draft.case, kept=kept)
        known = dict(zip(draft.options, draft.amounts, strict=True))
        return self._costed(
            draft.inquiry, case, draft.now_s, draft.segment, draft.thread, known, enforced=draft.enforced
        )

    @staticmethod
    def _stands(decision: Decision) -> int:
        """The rank that the classifiers and the conversation ask for."""
        own = (s.to_rank for s in decision.steps if s.stage in (Stage.CLASSIFY, Stage.CONVERSATION))
        return max(own, default=0)

    def _costed(  # noqa: PLR0913, PLR0917 - the parts of a draft
        self,
        inquiry: Inquiry,
        case: Case,
        now_s: float,
        segment: InSegment | None,
        thread: Thread | None,
        known: Mapping[int, int],
        *,
        enforced: bool,
    ) -> Draft:
        decision = self._policy.draft(case)
        options = self._policy.options(case, decision)
        amounts = tuple(known[r] if r in known else self._amounts.to_start(inquiry, r) for r in options)
        accounts = self._accounts.asked(
            inquiry.caller,
            inquiry.features.tags,
            case,
            decision.rank,
            options,
            now_s,
            lambda: [self._amounts.likely(inquiry, r, m) for r, m in zip(options, amounts, strict=True)],
        )
        if thread is not None:
            # What raised it before the budget is kept, and what lowered it is not.
            thread = replace(thread, rank=max(self._stands(decision), decision.rank))
        return Draft(inquiry, case, decision, options, accounts, amounts, enforced, now_s, segment, thread)

    def _segment(
        self, inquiry: Inquiry, classification: Classification, watch: Watch | None, *, asking: bool
    ) -> InSegment | None:
        """The segment that a request's answer will tell something of; ``asking`` leaves no trace there."""
        route = inquiry.route
        if watch is None or not (route.classify and route.cascade):
            return None
        rank = self._policy.classified(Case(route, inquiry.asked, classification))
        if rank == self._policy.ladder.top:
            return None
        kind = (
            classification.name if classification.by == "rules" else inquiry.features.task_type.value
        ) or classification.by
        key = segment_key(within(route.name, inquiry.arm), self._policy.ladder[rank].name, kind)
        start = Start(bypass=watch.bypassed(key)) if asking else watch.start(key)
        return InSegment(key, rank, kind, start)
