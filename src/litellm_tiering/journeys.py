"""One request while it is under way: its journey, an attempt for each tier asked, and who listens.

What is decided on and what it costs stand here together, since both are needed until the last bill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.core.agreement import Peers
from litellm_tiering.core.savings import otherwise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
    from litellm_tiering.core.gate import Said
    from litellm_tiering.core.policy import Case
    from litellm_tiering.core.price import Usage
    from litellm_tiering.core.record import Record
    from litellm_tiering.core.thread import Thread
    from litellm_tiering.ports import Listener, Reservation


class Beside(Peers, Protocol):
    """What was asked beside a request's first attempt, for whoever serves the answer."""

    def better(self) -> tuple[Flight, Any] | None:
        """An attempt and its answer that are to be served in the first one's place; None for none."""
        ...


class Taking(Protocol):
    """What is kept of one request for training, while it is under way; see :mod:`litellm_tiering.capture`."""

    body: Mapping[str, Any] | None

    def heard(self, index: int, said: Sequence[Said]) -> None:
        """A whole answer to the attempt with this index."""
        ...

    def listens(self, index: int, listener: Listener) -> None:
        """Who makes out the answer in the attempt's stream, to its end."""
        ...

    def judged(self, index: int, p_bad: float) -> None:
        """How likely the gates hold the attempt's answer to be bad, 0 to 1."""
        ...

    def billed(self, index: int, prompt_tokens: int, completion_tokens: int) -> None:
        """What the attempt's bill counts."""
        ...

    def over(self) -> None:
        """The client has its answer, or is gone: what is missing are bills."""
        ...

    def ended(self) -> None:
        """One more attempt is paid for."""
        ...


@dataclass(slots=True)
class Journey:
    """One request from its plan to its last bill: what is known of it, and an attempt for each tier asked.

    Attributes:
        record: What is kept of it.
        case: What was decided on.
        caller: Who asked.
        features: The request in numbers; its tags decide which budgets count it.
        facts: The tiers' prices at the time, for the baseline.
        began_s: When it was admitted.
        prompt: Its text, for gates; gone once they have judged, or nothing is left to judge.
        flights: The attempts, in order.
        served: The index of the attempt whose answer the client gets, as far as that is known.
        watched: The segment it was sent out in: its key and turn; None where it tells nothing of one.
        leaf: What its answer is kept under for what is expected of later ones; empty for nothing.
        added: Parameters that were added to the request for our own sake.
        thread: Its conversation; None for none.
        dearest_hold: What the dearest tier was estimated to cost at most, in nano-dollars; None for not yet.
        peers: What was asked beside the first attempt; None where nobody was.
        taken: What is kept of it for training; None where nothing is.
        span: Its span in a trace, where somebody traces it.
    """

    record: Record
    case: Case
    caller: Caller
    features: RequestFeatures
    facts: tuple[TierFacts, ...]
    began_s: float
    prompt: PromptText | None = None
    flights: list[Flight] = field(default_factory=list)
    served: int = 0
    watched: tuple[str, int] | None = None
    leaf: str = ""
    added: frozenset[str] = frozenset()
    thread: Thread | None = None
    dearest_hold: int | None = None
    peers: Beside | None = None
    taken: Taking | None = None
    span: Any = None

    @property
    def baseline_hold(self) -> int:
        """What the dearest tier was estimated to cost at most, in nano-dollars."""
        if self.dearest_hold is None:
            self.dearest_hold = int(self.facts[-1].hold(self.features))
        return self.dearest_hold

    def baseline(self, prompt_tokens: int, completion_tokens: int) -> int:
        """What the dearest tier would have cost for that many tokens, in nano-dollars."""
        return int(self.facts[-1].price.cost(prompt_tokens, completion_tokens))

    def otherwise(self, used: Usage) -> int:
        """What the request would have cost without routing, in nano-dollars, used alike."""
        rank = otherwise(self.case.asked, len(self.facts), self.case.unable)
        return int(self.facts[rank].price.bill(used, priority=self.features.priority))


@dataclass(slots=True)
class Flight:
    """An attempt between its hold and its bill.

    Attributes:
        attempt: The secret id that ties upstream events to it; never shown to a client.
        reservation: What is held, and the counters that the cost goes to.
        journey: The request it belongs to.
        rank: The tier that is asked.
        index: Its place among the request's attempts.
        hold: What was estimated for it, in nano-dollars.
        began_s: When it was sent.
        ended: Whether it was settled or released.
        ended_s: When it was, in seconds since the epoch; 0 until then.
        bill: The id of the upstream call that settled it.
        cost: What it cost, in nano-dollars; None until it is settled.
        baseline: What its tokens would have cost at the dearest tier, in nano-dollars; None until known.
        quoted_usd: What LiteLLM said a whole answer cost, in dollars, before its success event.
        answered_by: The model group that answered, after LiteLLM's own fallbacks; None until it has.
        deployment: LiteLLM's id of the deployment that answered; empty until it has.
        used: The prompt and completion tokens of a whole answer; None until it is there.
        usage: All that its bill counts; None until that is there, and of an answer from a cache.
        cached: Whether the answer came from LiteLLM's cache, and so for nothing.
        draining: Whether its stream is being read to its end with nobody listening.
        counted: Whether it stands in the day's totals.
        told: The baseline and the waste it stands there with, in nano-dollars.
        group: The model group that is asked, where it is not the tier's own.
        judged: Whether its verdict is that of the gates.
        metered: Whether the figures know of it.
    """

    attempt: str
    reservation: Reservation
    journey: Journey
    rank: int
    index: int
    hold: int
    began_s: float
    ended: bool = False
    ended_s: float = 0.0
    bill: str = ""
    cost: int | None = None
    baseline: int | None = None
    quoted_usd: float | None = None
    answered_by: str | None = None
    deployment: str = ""
    used: tuple[int, int] | None = None
    usage: Usage | None = None
    cached: bool = False
    draining: bool = False
    counted: bool = False
    told: tuple[int, int] = (0, 0)
    group: str = ""
    judged: bool = False
    metered: bool = False
