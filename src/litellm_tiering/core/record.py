"""What is kept of a request once it is decided and paid for. No prompt, no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.shadow import steps_of
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.debt import Debt
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.policy import Account
    from litellm_tiering.core.price import Usage
    from litellm_tiering.core.shadow import Would


@dataclass(frozen=True, slots=True)
class Attempt:
    """One paid (or failed) call upstream.

    Attributes:
        tier: The tier's name.
        model: The model group that was asked.
        verdict: What became of it: ``pending``, ``ok``, ``failed``, or the name of the gate that rejected it.
        reasons: More on the verdict.
        cost: What it cost, in nano-dollars.
        elapsed_ms: How long it took.
        shadow: Whether it was asked for by a gate in shadow mode alone: clients are not told of it.
        used: The tokens that were paid for; None where nobody knows, or nothing was paid.
        judged: The gates that accepted or rejected the answer; one that abstained did not.
    """

    tier: str
    model: str
    verdict: str = "pending"
    reasons: tuple[str, ...] = ()
    cost: int = 0
    elapsed_ms: float = 0.0
    shadow: bool = False
    used: Usage | None = None
    judged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consulted:
    """One call that a classifier made before the first attempt: router tax.

    Attributes:
        by: The kind of classifier.
        model: The model group that was asked.
        verdict: What became of it: ``ok``, ``late``, ``unread`` or ``failed``.
        cost: What it cost, in nano-dollars.
        elapsed_ms: How long it took; 0 while nobody knows.
    """

    by: str
    model: str
    verdict: str
    cost: int = 0
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Stood:
    """How one limited budget stood when a request was decided, that request not counted.

    Attributes:
        scope: What it is a budget of, such as ``team``.
        id: Whose, as people read it; ``*`` for everybody.
        window: How long it lasts, such as ``day``.
        limit: In nano-dollars.
        used: What was spent and held, in nano-dollars.
        ends_s: When its window ended, in seconds since the epoch.
        spared: Whether this caller is counted by it, and neither moved nor stopped.
        shadow: Whether nobody is.
    """

    scope: str
    id: str
    window: str
    limit: int
    used: int
    ends_s: float
    spared: bool = False
    shadow: bool = False

    def explained(self) -> dict[str, Any]:
        """The budget as the ``decisions/{id}`` route shows it; money in dollars."""
        return {
            "scope": self.scope,
            "id": self.id,
            "window": self.window,
            "limit_usd": usd(self.limit),
            "used_usd": usd(self.used),
            "ratio": self.used / self.limit if self.limit else 1.0,
            "window_end": self.ends_s,
            "spared": self.spared,
            **({"mode": "shadow"} if self.shadow else {}),
        }


def stood(accounts: Sequence[Account], balances: Sequence[Balance]) -> tuple[Stood, ...]:
    """How the limited budgets among ``accounts`` stood; ``balances`` in the same order, none when unknown."""
    return tuple(
        Stood(
            account.budget.scope.value,
            account.name.partition(":")[2] or "*",
            account.budget.window.value,
            int(account.budget.limit),
            balance.used,
            account.window_end_s,
            account.critical,
            account.budget.shadow,
        )
        for account, balance in zip(accounts, balances, strict=False)
        if account.budget.limit is not None
    )


@dataclass(frozen=True, slots=True)
class Record:
    """One request from decision to bill.

    Attributes:
        id: The decision's id, as in ``x-tiering-decision``.
        at_s: When it was decided, in seconds since the epoch.
        route: The route's name.
        team: The caller's team, which may see this record.
        key: The caller's key hash, which may see this record.
        decision: The steps.
        tier: The tier that answers.
        model: Its model group.
        attempts: Every call upstream, in order.
        baseline: What the dearest tier would have cost, in nano-dollars.
        policy: The hash of the policy in force.
        consulted: The calls that its classifiers made.
        budgets: How the budgets that count it stood when it was decided; none where the store was away.
        shadow: What parts in shadow mode would have done.
        debt: What the better tier's answer showed, where money moved it down; None where it was not asked.
        arm: Which of several policies was followed in an experiment; empty outside one.
    """

    id: str
    at_s: float
    route: str
    team: str
    key: str
    decision: Decision
    tier: str
    model: str
    attempts: tuple[Attempt, ...] = ()
    baseline: int = 0
    policy: str = ""
    consulted: tuple[Consulted, ...] = ()
    budgets: tuple[Stood, ...] = ()
    shadow: tuple[Would, ...] = ()
    debt: Debt | None = None
    arm: str = ""

    @property
    def cost(self) -> int:
        """What all attempts and the classifiers' calls cost together, in nano-dollars."""
        return sum(a.cost for a in self.attempts) + self.tax

    @property
    def tax(self) -> int:
        """What the classifiers' calls cost together, in nano-dollars."""
        return sum(c.cost for c in self.consulted)

    def trying(self, attempt: Attempt) -> Record:
        """This record with one more attempt under way."""
        return replace(self, attempts=(*self.attempts, attempt))

    def with_attempt(self, index: int, attempt: Attempt) -> Record:
        """This record with more known of the attempt with this index."""
        return replace(self, attempts=(*self.attempts[:index], attempt, *self.attempts[index + 1 :]))

    def served_by(self, index: int, decision: Decision) -> Record:
        """This record once it is settled whose answer the client gets."""
        answer = self.attempts[index]
        return replace(self, tier=answer.tier, model=answer.model, decision=decision)

    def explained(self, ladder: Ladder) -> dict[str, Any]:
        """The record as the ``decisions/{id}`` route shows it."""
        return {
            "id": self.id,
            "at": self.at_s,
            "route": self.route,
            "tier": self.tier,
            "model": self.model,
            "reasons": [*self.decision.reasons, *(w.label for w in self.shadow if w.label)],
            "steps": [*self.decision.explained(ladder), *steps_of(self.shadow, ladder)],
            "budgets": [budget.explained() for budget in self.budgets],
            "attempts": [
                {
                    "tier": a.tier,
                    "model": a.model,
                    "verdict": a.verdict,
                    "reasons": list(a.reasons),
                    "cost_usd": usd(a.cost),
                    "ms": round(a.elapsed_ms, 1),
                    **({"shadow": True} if a.shadow else {}),
                    **({} if a.used is None else a.used.explained()),
                    **({"judged": list(a.judged)} if a.judged else {}),
                }
                for a in self.attempts
            ],
            "classifiers": [
                {
                    "kind": c.by,
                    "model": c.model,
                    "verdict": c.verdict,
                    "cost_usd": usd(c.cost),
                    "ms": round(c.elapsed_ms, 1),
                }
                for c in self.consulted
            ],
            "refused": None if self.decision.refusal is None else self.decision.refusal.message,
            "cost_usd": usd(self.cost),
            "baseline_usd": usd(self.baseline),
            "policy": self.policy,
            **({"arm": self.arm} if self.arm else {}),
            **({"shadow": [w.explained(ladder) for w in self.shadow]} if self.shadow else {}),
            **({} if self.debt is None else {"debt": self.debt.explained()}),
        }
