"""What goes into the engine and what comes out: a request, the owner's terms, and the plan made of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from litellm_tiering.core.experiment import NO_EXPERIMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.aside import SideCalls
    from litellm_tiering.core.budget import Budget
    from litellm_tiering.core.cascade import Because
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.classification import Chained, Classification
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.experiment import Experiment
    from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
    from litellm_tiering.core.policy import Case, Policy, Route
    from litellm_tiering.core.record import Record
    from litellm_tiering.journeys import Flight


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
        side: Asks models on its classifiers' behalf; None where none may be asked.
        arm: Which of several policies its caller follows in an experiment; empty outside one. What its route
            and its facts say is that arm's.
    """

    features: RequestFeatures
    prompt: PromptText
    caller: Caller
    route: Route
    asked: int
    facts: tuple[TierFacts, ...]
    wish: int | None = None
    forbidden: Mapping[int, str] = field(default_factory=dict)
    side: SideCalls | None = None
    arm: str = ""


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
class Stopped:
    """Why an escalation may not be made: the reason, and what exactly, such as a budget's scope."""

    because: Because
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A paid call that no plan was made for: one to the proxy's other models.

    Attributes:
        id: Its id, under which it is counted once.
        caller: Who asked.
        tags: The request's tags.
        model: The model group that answered.
        cost: What it cost, in nano-dollars.
        at_s: When it was made, in seconds since the epoch: it counts in that window.
    """

    id: str
    caller: Caller
    tags: frozenset[str]
    model: str
    cost: int
    at_s: float


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
        experiment: Which callers are held out of routing, and which follow another policy.
        arms: The chains of those other policies that have one of their own, by their names.
    """

    policy: Policy
    budgets: tuple[Budget, ...]
    classifiers: Chained
    timezone: str = "UTC"
    on_error: Literal["open", "cheap", "closed"] = "open"
    retention_s: int = 35 * 86_400
    enforce: bool = True
    hash: str = ""
    experiment: Experiment = NO_EXPERIMENT
    arms: Mapping[str, Chained] = field(default_factory=dict)
