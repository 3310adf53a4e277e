"""What a classifier says, and the protocol it says it by."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - a Protocol's annotations are read at run time by users' tools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from litellm_tiering.core.aside import SideCalls
    from litellm_tiering.core.features import Caller, PromptText, RequestFeatures


@dataclass(frozen=True, slots=True)
class Subject:
    """One request as a classifier sees it; ``prompt`` is bounded text and must not be kept.

    Attributes:
        features: Counts, flags and ids.
        caller: Who asks.
        prompt: The text, bounded.
        local_time: The wall clock of the configuration's timezone, for rules by time of day.
        side: Asks the owner's models for this request; None where none may be asked, as in ``explain``.
    """

    features: RequestFeatures
    caller: Caller
    prompt: PromptText
    local_time: dt.datetime
    side: SideCalls | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one classifier makes of a request.

    Attributes:
        by: The classifier's kind (``rules``, ``heuristic``, …).
        name: What decided within it, such as a rule's name; empty where there is no more to say.
        score: How strong a model is needed, higher is stronger; None when it names a rank outright.
        rank: The rank it chooses, None when it abstains and only bounds.
        floor: The lowest rank it allows, with the name of what demands it.
        cap: The highest rank it allows, with the name of what demands it.
        confidence: How sure it is, 0 to 1.
        signals: What it saw, in numbers.
    """

    by: str
    name: str = ""
    score: float | None = None
    rank: int | None = None
    floor: tuple[int, str] | None = None
    cap: tuple[int, str] | None = None
    confidence: float = 1.0
    signals: Mapping[str, float] = field(default_factory=dict)


class Classifier(Protocol):
    """Looks at a request and gives an opinion, or None when it has none."""

    kind: str

    def classify(self, subject: Subject) -> Opinion | Awaitable[Opinion | None] | None:
        """An opinion on ``subject``, or an awaitable of it; None abstains.

        Must be quick: it runs before the upstream call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Classification:
    """What a chain of classifiers agreed on.

    Attributes:
        rank: The chosen rank, or None when every classifier abstained.
        by: Who chose: a classifier's kind, empty when nobody did.
        name: What decided within it, such as a rule's name.
        score: The deciding score, None when a rank was named outright.
        floor: The lowest rank allowed and the name of what demands it.
        cap: The highest rank allowed and the name of what demands it.
        opinions: Everyone's opinion, in the order asked.
        fault: What kind of error kept them from choosing; empty when they chose, or had nothing to say.
        reached: Those in shadow mode that would have been asked; they are once nobody waits for their word.
    """

    rank: int | None = None
    by: str = ""
    name: str = ""
    score: float | None = None
    floor: tuple[int, str] | None = None
    cap: tuple[int, str] | None = None
    opinions: tuple[Opinion, ...] = ()
    fault: str = ""
    reached: tuple[Reached, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reached:
    """A classifier in shadow mode, for one request that it would have been asked of.

    Attributes:
        by: Its kind.
        name: What it is called besides; empty where its kind says enough.
        asks: Whether it may ask models of the proxy, which costs.
        ask: Asks it; its word alone, its faults contained.
    """

    by: str
    name: str
    asks: bool
    ask: Callable[[], Awaitable[Classification]] = field(repr=False)


class Chained(Protocol):
    """A chain of classifiers: one opinion out of many."""

    @property
    def asks(self) -> bool:
        """Whether one of them may ask models of the proxy."""
        ...

    def classify(self, subject: Subject) -> Classification | Awaitable[Classification]:
        """What the chain makes of ``subject``, or an awaitable of it. It runs before the upstream call."""
        ...
