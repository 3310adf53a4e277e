"""The quality debt of downgrades: which requests are asked of the better tier too, and what came of it. Pure.

A request that a budget moved down is answered by a lower tier than it would have got. Of a random share of
them the better tier's answer is had too, which nobody is served, and the two are compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.adaptive import wilson
from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from litellm_tiering.core.decision import Decision

PROBE = "probe"
"""The verdict of such a call in the figures, and its reason in the day's totals."""

MONEY = frozenset({Reason.BUDGET, Reason.PACE, Reason.VALUE, Reason.CEILING})
"""Why a request is moved down for money's sake."""

Z95 = 1.959964
"""Two-sided 95 %."""

_WHOLE = 2**64
_PERSON = b"tiering-debt"


@dataclass(frozen=True, slots=True)
class Debt:
    """What the better tier's answer to one request showed. No prompt, no answer.

    Attributes:
        tier: The tier that the request would have got.
        model: Its model group.
        agreed: Whether both answers come to the same; None where they cannot be compared, as of free text.
        served_passed: Whether the served answer passes the route's gates; None where nobody judged it.
        better_passed: The same of the better tier's answer.
        cost: What that one cost, in nano-dollars; 0 until it is known.
        skipped: Why it was not asked, or could not be compared, in a fixed word; empty otherwise.
    """

    tier: str
    model: str
    agreed: bool | None = None
    served_passed: bool | None = None
    better_passed: bool | None = None
    cost: int = 0
    skipped: str = ""

    def explained(self) -> dict[str, Any]:
        """As the ``decisions/{id}`` route shows it; money in dollars."""
        told: dict[str, Any] = {
            "tier": self.tier,
            "model": self.model,
            "agreed": self.agreed,
            "served_passed": self.served_passed,
            "better_passed": self.better_passed,
            "cost_usd": usd(self.cost),
        }
        if self.skipped:
            told["skipped"] = self.skipped
        return told


def moved_down_from(decision: Decision) -> int | None:
    """The rank from which money first moved a request down, and that took effect; None where it did not."""
    for step in decision.steps:
        lowered = step.from_rank is not None and step.to_rank < step.from_rank
        if step.enforced and lowered and step.stage is Stage.BUDGET and step.reason in MONEY:
            return step.from_rank
    return None


def drawn(decision: str, share: float) -> bool:
    """Whether a decision is of the sample, by its id: every worker, and every later day, says the same."""
    if share <= 0:
        return False
    digest = hashlib.blake2b(decision.encode(), digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest, "big") < share * _WHOLE


@dataclass(frozen=True, slots=True)
class Rate:
    """A share that was seen, and its 95 % interval (Wilson); all None of nothing."""

    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, hits: int, n: int) -> Rate:
        """The rate of ``hits`` in ``n``."""
        if n == 0:
            return cls(None, None, None)
        low, high = wilson(hits, n, Z95)
        return cls(hits / n, low, high)

    def as_json(self) -> dict[str, float | None]:
        """``{share, low, high}``, null where nothing was seen."""
        return {"share": self.share, "low": self.low, "high": self.high}


@dataclass(slots=True)
class Debts:
    """What many requests' debts come to.

    Attributes:
        downgraded: Requests that money moved down.
        drawn: Those of the sample.
        probed: Those that the better tier answered too.
        agreed: Answers that come to the same.
        differed: Answers that do not.
        judged: Pairs of answers that gates judged both of.
        both: Those that both passed.
        served_only: Those that only the served answer passed.
        better_only: Those that only the better tier's answer passed.
        cost: What it cost, in nano-dollars.
    """

    downgraded: int = 0
    drawn: int = 0
    probed: int = 0
    agreed: int = 0
    differed: int = 0
    judged: int = 0
    both: int = 0
    served_only: int = 0
    better_only: int = 0
    cost: int = 0

    def add(self, agreed: object, served: object, better: object) -> None:
        """Count one request that the better tier answered too; what is neither True nor False has no vote."""
        self.probed += 1
        self.agreed += agreed is True
        self.differed += agreed is False
        if isinstance(served, bool) and isinstance(better, bool):
            self.judged += 1
            self.both += served and better
            self.served_only += served and not better
            self.better_only += better and not served

    @property
    def compared(self) -> int:
        """How many pairs of answers could be compared."""
        return self.agreed + self.differed

    @property
    def different(self) -> Rate:
        """The share of compared answers that differ from the better tier's."""
        return Rate.of(self.differed, self.compared)

    @property
    def same(self) -> Rate:
        """The share of compared answers that come to the same."""
        return Rate.of(self.agreed, self.compared)
