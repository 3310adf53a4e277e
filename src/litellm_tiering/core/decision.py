"""A decision: the steps that led to a tier, each with its reason."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.core.ladder import Ladder


class Stage(str, enum.Enum):
    """The stages of a decision, in the order in which they are asked; the cascade speaks after the answer."""

    EXPERIMENT = "experiment"
    CLASSIFY = "classify"
    CONVERSATION = "conversation"
    CLIENT = "client"
    RULES = "rules"
    REQUIREMENTS = "requirements"
    BUDGET = "budget"
    AVAILABILITY = "availability"
    CASCADE = "cascade"


class Reason(str, enum.Enum):
    """Why a step was taken; the closed list that headers, metrics, ``explain`` and the docs share."""

    RULE = "rule"
    HEURISTIC = "heuristic"
    LEARNED = "learned"
    EMBEDDING = "embedding"
    LLM = "llm"
    LITELLM = "litellm"
    CALLBACK = "callback"
    DEFAULT = "default"
    REQUESTED = "requested"
    HOLDOUT = "holdout"
    ARM = "arm"
    CLIENT = "client"
    FLOOR = "floor"
    CAP = "cap"
    REQUIREMENT = "requirement"
    BUDGET = "budget"
    PACE = "pace"
    VALUE = "value"
    CEILING = "ceiling"
    CRITICAL = "critical"
    EXEMPT = "exempt"
    STORE = "store"
    PERMISSION = "permission"
    SHADOW = "shadow"
    FAULT = "fault"
    BYPASS = "bypass"
    EXPECTED = "expected"
    CONVERSATION = "conversation"
    ESCALATION = "escalation"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Step:
    """One stage's word on the tier.

    Attributes:
        stage: Which stage speaks.
        reason: Why.
        from_rank: The rank before it; None for the first step.
        to_rank: The rank it asks for.
        enforced: Whether it took effect; False in shadow mode, or where something stronger forbade it.
        detail: What exactly, such as a rule's name, a budget's scope and ratio, a missing capability.
    """

    stage: Stage
    reason: Reason
    from_rank: int | None
    to_rank: int
    enforced: bool = True
    detail: str = ""

    @property
    def label(self) -> str:
        """The step as it stands in ``x-tiering-reason``, such as ``rule:faq`` or ``budget:global:0.83``."""
        return f"{self.reason.value}:{self.detail}" if self.detail else self.reason.value


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not served, and why: an expected outcome, turned into an HTTP error by the gateway.

    Attributes:
        reason: Why.
        message: For the client: what happened and what it can do. Never holds prompt text.
        status: The HTTP status to answer with.
        retry_after_s: When trying again may help, in seconds from now; None when it will not.
        scope: The budget that refused, empty otherwise.
    """

    reason: Reason
    message: str
    status: int
    retry_after_s: int | None = None
    scope: str = ""

    @property
    def label(self) -> str:
        """The refusal as it stands in ``x-tiering-reason``, such as ``refused:ceiling:team:blue``."""
        return f"refused:{self.reason.value}:{self.scope}" if self.scope else f"refused:{self.reason.value}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request goes: every step in order; the tier is that of the last enforced one."""

    steps: tuple[Step, ...]
    refusal: Refusal | None = None
    instead: Decision | None = None
    """In shadow mode, what would have been done; None elsewhere."""

    @property
    def rank(self) -> int:
        """The rank of the last enforced step."""
        for step in reversed(self.steps):
            if step.enforced:
                return step.to_rank
        raise ValueError("a decision has at least one enforced step")

    def moved(
        self, to: int, *, stage: Stage, because: Reason, detail: str = "", enforced: bool = True
    ) -> Decision:
        """This decision with one more step: the only way to change its tier."""
        step = Step(stage, because, self.rank, to, enforced, detail)
        return replace(self, steps=(*self.steps, step))

    def refused(self, refusal: Refusal) -> Decision:
        """This decision, refused."""
        return replace(self, refusal=refusal)

    def shadowed(self, rank: int) -> Decision:
        """What is done in shadow mode: the request stays at ``rank``, and every step is on record only."""
        stays = Step(Stage.CLASSIFY, Reason.SHADOW, None, rank)
        return Decision((stays, *(replace(s, enforced=False) for s in self.steps)), instead=self)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The labels of the steps in order, for headers and records; of shadow steps, marked as such."""
        if self.steps and self.steps[0].reason is Reason.SHADOW:
            return tuple(f"shadow:{s.label}" for s in self.steps[1:])
        if self.refusal is not None:
            return (*(s.label for s in self.steps), self.refusal.label)
        return tuple(s.label for s in self.steps)

    def explained(self, ladder: Ladder) -> list[dict[str, object]]:
        """The steps as JSON: ``{stage, reason, from, to, enforced, detail}``, tiers by name."""
        return [
            {
                "stage": s.stage.value,
                "reason": s.reason.value,
                "from": None if s.from_rank is None else ladder[s.from_rank].name,
                "to": ladder[s.to_rank].name,
                "enforced": s.enforced,
                "detail": s.detail,
            }
            for s in self.steps
        ]
