"""Calls that classifiers make of the owner's models: what is asked, what comes back, what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.core.record import Consulted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence


@dataclass(slots=True)
class Aside:
    """One call beside the request's own attempts, from its asking to its bill.

    Attributes:
        id: The secret id that ties LiteLLM's events to it.
        by: The kind of classifier that asks.
        model: The model group that is asked.
        began_s: When, in seconds since the epoch.
        verdict: What became of it: ``pending``, ``ok``, ``unread`` (no tier in the answer), ``failed``, or
            ``late`` where nobody waited for it.
        cost: What it cost, in nano-dollars, as far as that is known.
        elapsed_ms: How long it took; 0 while it is under way.
        bill: The id of the upstream call that settled it; empty until one has.
    """

    id: str
    by: str
    model: str
    began_s: float
    verdict: str = "pending"
    cost: int = 0
    elapsed_ms: float = 0.0
    bill: str = ""

    def noted(self) -> Consulted:
        """The call as a record keeps it."""
        return Consulted(self.by, self.model, self.verdict, self.cost, self.elapsed_ms)


@dataclass(frozen=True, slots=True)
class Chat:
    """What a chat model is asked.

    Attributes:
        by: The kind of classifier that asks.
        model: The model group.
        system: The instructions.
        text: What they are about, as data; it holds a client's text.
        schema: The JSON schema of the answer, for models that can be held to one.
        max_tokens: The most tokens of the answer.
    """

    by: str
    model: str
    system: str = field(repr=False)
    text: str = field(repr=False)
    schema: Mapping[str, Any]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A chat model's answer, and the call that it came from."""

    text: str = field(repr=False)
    aside: Aside


class SideCalls(Protocol):
    """Asks models on behalf of one request, whose caller pays. None where nothing may be asked now.

    What is awaited raises what the call raises. Its cost is counted when its bill comes, whether or not
    anybody still waits for the answer.
    """

    @property
    def asides(self) -> Sequence[Aside]:
        """The calls made for this request, in order."""
        ...

    def chat(self, asked: Chat) -> Awaitable[Reply] | None:
        """The answer to a question."""
        ...

    def embed(
        self, by: str, model: str, texts: Sequence[str], *, own: bool = True
    ) -> Awaitable[list[list[float]]] | None:
        """The vectors of ``texts``; ``own`` False for what serves every request: nobody's budget but all."""
        ...
