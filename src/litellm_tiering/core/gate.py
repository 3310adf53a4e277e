"""What a gate sees of an answer, what it says of it, and the protocol it says it by."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.core.features import PromptText, RequestFeatures

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from litellm_tiering.core.agreement import Peers


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, as the model wrote it: ``arguments`` is JSON text, or meant to be."""

    name: str
    arguments: str

    def __repr__(self) -> str:
        """Sizes only: text must not reach a log by way of a traceback."""
        return f"ToolCall({len(self.arguments)} chars)"


@dataclass(frozen=True, slots=True)
class Demand:
    """What shape the client demands of the answer.

    Attributes:
        json: Whether the text must be JSON: JSON mode, or a schema.
        schema: The JSON schema that the text must fit; None where none was given.
        tools: The offered tools by name, each with the schema of its arguments (None where it has none).
    """

    json: bool = False
    schema: Mapping[str, Any] | bool | None = None
    tools: Mapping[str, Mapping[str, Any] | bool | None] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Nothing of the schemas: they are the client's."""
        return f"Demand(json={self.json}, tools={len(self.tools)})"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, or one choice of several, as far as it has been heard.

    Attributes:
        text: The text; of a stream, what has come so far.
        tool_calls: The tools it calls.
        logprobs: The log-probability of each token (natural log); empty where the provider gave none.
        finish_reason: Why it ended: ``stop``, ``length``, ``content_filter``, ``tool_calls``; empty while it
            has not, or where nobody said.
        refusal: What the provider itself marked as a refusal; empty otherwise.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: str = ""
    refusal: str = ""

    def __repr__(self) -> str:
        """Sizes only, as of a prompt."""
        return f"Said(text={len(self.text)} chars, tool_calls={len(self.tool_calls)}, {self.finish_reason!r})"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and one answer to it: what a gate judges. Never kept or logged.

    Attributes:
        said: The answer.
        features: The request in numbers.
        prompt: The request's text, bounded.
        demand: What shape of answer was demanded.
        tier: The name of the tier that answered.
        model: Its model group.
        partial: Whether this is only the beginning of a streamed answer. A gate that judges a prefix then
            rejects what no ending can mend, accepts when it has seen all that it looks at, and abstains
            while it needs more.
        peers: What was asked beside this attempt; None where nobody was.
    """

    said: Said
    features: RequestFeatures = field(default_factory=RequestFeatures)
    prompt: PromptText = field(default_factory=PromptText)
    demand: Demand = field(default_factory=Demand)
    tier: str = ""
    model: str = ""
    partial: bool = False
    peers: Peers | None = field(default=None, repr=False, compare=False)

    @property
    def answer(self) -> str:
        """The answer's text."""
        return self.said.text

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the answer calls."""
        return self.said.tool_calls

    @property
    def logprobs(self) -> tuple[float, ...]:
        """The log-probability of each token (natural log), empty where there are none."""
        return self.said.logprobs

    @property
    def finish_reason(self) -> str:
        """Why the answer ended: ``stop``, ``length``, ``content_filter``, ``tool_calls``, or empty."""
        return self.said.finish_reason


class Ruling(str, enum.Enum):
    """What a gate can say."""

    ACCEPT = "accept"
    REJECT = "reject"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's word on an answer: ``Verdict.accept()``, ``Verdict.reject("placeholder")``, ``.abstain()``.

    Attributes:
        ruling: Whether the answer may be served, as far as this gate can tell.
        reason: Why, in a word or two; it is recorded, so it never quotes the prompt or the answer.
        p_bad: How likely the answer is bad, 0 to 1, where the gate has a view; 1 for a plain rejection.
    """

    ruling: Ruling
    reason: str = ""
    p_bad: float | None = None

    @classmethod
    def accept(cls, reason: str = "", *, p_bad: float = 0.0) -> Verdict:
        """The answer may be served."""
        return cls(Ruling.ACCEPT, reason, p_bad)

    @classmethod
    def reject(cls, reason: str = "", *, p_bad: float = 1.0) -> Verdict:
        """The answer is bad: a stronger tier should be asked."""
        return cls(Ruling.REJECT, reason, p_bad)

    @classmethod
    def abstain(cls, reason: str = "") -> Verdict:
        """This gate cannot tell, or (of a prefix) cannot tell yet."""
        return cls(Ruling.ABSTAIN, reason)

    @property
    def rejects(self) -> bool:
        """Whether the answer is bad."""
        return self.ruling is Ruling.REJECT


class Gate(Protocol):
    """Looks at an answer and gives a verdict.

    Attributes:
        name: What it is called in headers, records and metrics; from the configuration, never from a request.
        judges_prefix: Whether it can judge the beginning of a streamed answer.
    """

    name: str
    judges_prefix: bool

    def judge(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """The verdict on ``exchange``: quick and pure, or an awaitable of one. What it raises is a fault."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all gates together made of an answer.

    Attributes:
        by: The name of the gate that rejected it, the first in order; empty when it was accepted.
        p_bad: How likely it is bad, by the gate that is surest; 0 where none had a view.
        reasons: What each gate said that said something, as ``gate:reason``.
        undecided: Of a prefix: whether some gate needs to see more.
        judged: The gates that accepted or rejected it; those that abstained, or were not asked, did not.
    """

    by: str = ""
    p_bad: float = 0.0
    reasons: tuple[str, ...] = ()
    undecided: bool = False
    judged: tuple[str, ...] = field(default=(), compare=False)

    @property
    def accepted(self) -> bool:
        """Whether the answer may be served."""
        return not self.by


class Judging(Protocol):
    """The gates of a route: one judgement out of many verdicts."""

    judges_prefix: bool

    async def judge(self, exchange: Exchange) -> Judgement:
        """What the gates make of ``exchange``; a gate's fault is contained and counts as configured."""
        ...

    def alarms(self) -> list[str]:
        """What an operator should look at, a sentence each."""
        ...
