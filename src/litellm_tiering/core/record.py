"""What is kept of a request once it is decided and paid for. No prompt, no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.units import usd

if TYPE_CHECKING:
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.ladder import Ladder


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
    """

    tier: str
    model: str
    verdict: str = "pending"
    reasons: tuple[str, ...] = ()
    cost: int = 0
    elapsed_ms: float = 0.0


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

    @property
    def cost(self) -> int:
        """What all attempts cost together, in nano-dollars."""
        return sum(a.cost for a in self.attempts)

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
            "reasons": list(self.decision.reasons),
            "steps": self.decision.explained(ladder),
            "attempts": [
                {
                    "tier": a.tier,
                    "model": a.model,
                    "verdict": a.verdict,
                    "reasons": list(a.reasons),
                    "cost_usd": usd(a.cost),
                    "ms": round(a.elapsed_ms, 1),
                }
                for a in self.attempts
            ],
            "refused": None if self.decision.refusal is None else self.decision.refusal.message,
            "cost_usd": usd(self.cost),
            "baseline_usd": usd(self.baseline),
            "policy": self.policy,
        }
