"""Prompts and answers kept for training and evaluation: opt-in, of a sample, once all of it is paid for.

Off by default: then no text of any request outlives it. One line for each request of the sample, with the
answer of every model that was asked, what the gates made of it, and what it cost. Who asked is not in it.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.core.budget import Critical
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.gate import Said
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.ports import Listener

FORMAT = 1
"""The version of a line; stands in it as ``captured``."""

MAX_OPEN = 256
"""How many requests of the sample may be under way; the oldest one's line is lost for one too many."""

ABANDONED_S = 1_800
"""A request that is under way for so long is taken to have been left by its client."""

MAX_ANSWER_CHARS = 50_000
MAX_ARGUMENT_CHARS = 20_000
MAX_CALLS = 64
MAX_LOGPROBS = 4_096
"""How much of one answer is kept."""

_PLACES = 6


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """What is kept, and where.

    Attributes:
        share: The share of requests, 0 to 1.
        path: The file; older lines are in the file of that name with ``.1`` behind it.
        max_mb: How large both may become together, in millions of bytes.
        never: Whose requests are never kept.
    """

    share: float = 0.0
    path: str = "capture.jsonl"
    max_mb: int = 256
    never: Critical = field(default_factory=Critical)


class CaptureSink(Protocol):
    """Takes lines, and holds nobody up; what it cannot keep is lost, and told of."""

    def put(self, line: Mapping[str, Any]) -> None:
        """Keep one line, in the background."""
        ...

    def alarms(self) -> list[str]:
        """What an operator should look at, a sentence each."""
        ...

    async def close(self) -> None:
        """Keep what waits, and nothing more."""
        ...


def sampled(decision: str, share: float) -> bool:
    """Whether a decision is of the sample, by its id: every worker, and every later day, says the same."""
    if share <= 0:
        return False
    digest = hashlib.blake2b(decision.encode(), digest_size=8, person=b"tiering-capture").digest()
    return int.from_bytes(digest, "big") < share * 2.0**64


class Taken:
    """What is kept of one request until its line is written.

    Args:
        journey: The request.
        capture: Whose sample it is of.
    """

    __slots__ = ("_capture", "_doubts", "_journey", "_listeners", "_over", "_said", "_tokens", "body")

    def __init__(self, journey: Journey, capture: Capture) -> None:
        self.body: Mapping[str, Any] | None = None
        """The request as it was sent, bounded; None while nobody has said."""
        self._journey = journey
        self._capture = capture
        self._said: dict[int, Sequence[Said]] = {}
        self._listeners: dict[int, Listener] = {}
        self._doubts: dict[int, float] = {}
        self._tokens: dict[int, tuple[int, int]] = {}
        self._over = False

    def heard(self, index: int, said: Sequence[Said]) -> None:
        """A whole answer to the attempt with this index."""
        self._said[index] = said

    def listens(self, index: int, listener: Listener) -> None:
        """Who makes out the answer in the attempt's stream, to its end."""
        self._listeners[index] = listener

    def judged(self, index: int, p_bad: float) -> None:
        """How likely the gates hold the attempt's answer to be bad, 0 to 1."""
        self._doubts[index] = p_bad

    def billed(self, index: int, prompt_tokens: int, completion_tokens: int) -> None:
        """What the attempt's bill counts."""
        self._tokens[index] = prompt_tokens, completion_tokens

    def over(self) -> None:
        """The client has its answer, or is gone: what is missing are bills."""
        self._over = True
        self.ended()

    def ended(self) -> None:
        """One more attempt is paid for; with the last of them the line is written."""
        if self._over and all(f.ended for f in self._journey.flights):
            self._capture.write(self._journey, self)

    # ------------------------------------------------------------------ the line

    def line(self, ladder: Ladder, share: float) -> dict[str, Any] | None:
        """The line; None where there is nothing to learn of it: no question, or no answer."""
        journey, record = self._journey, self._journey.record
        responses: dict[str, Any] = {}
        for flight in journey.flights:
            name, times = self._model(flight), 1
            while name in responses:
                times += 1
                name = f"{self._model(flight)}#{times}"
            responses[name] = self._response(flight)
        if not self.body or not any("text" in r for r in responses.values()):
            return None
        return {
            "captured": FORMAT,
            "id": record.id,
            "at": round(record.at_s, 3),
            "share": share,
            "route": record.route,
            "tier": record.tier,
            "model": self._model(journey.flights[journey.served]),
            "ladder": [tier.model for tier in ladder.tiers],
            "policy": record.policy,
            **self.body,
            **_labels(journey),
            "routed": self._routed(),
            "responses": responses,
            "cost_usd": usd(record.cost),
            "would_cost": self._would_cost(ladder),
        }

    def _would_cost(self, ladder: Ladder) -> dict[str, float]:
        """What each tier would have cost for the tokens of the answer that was served."""
        flight = self._journey.flights[self._journey.served]
        used = self._tokens.get(flight.index, flight.used)
        if used is None:
            return {}
        priced = zip(ladder.tiers, self._journey.facts, strict=False)
        return {tier.model: usd(int(facts.price.cost(*used))) for tier, facts in priced}

    def _model(self, flight: Flight) -> str:
        return flight.answered_by or flight.group or self._journey.record.attempts[flight.index].model

    def _routed(self) -> dict[str, Any]:
        """What the classifiers said, and why it went where it went."""
        said = self._journey.case.classification
        scores = [
            {"by": o.by, "score": round(o.score, _PLACES), "confidence": round(o.confidence, _PLACES)}
            for o in said.opinions
            if o.score is not None and math.isfinite(o.score)
        ]
        return {"by": said.by, "scores": scores, "reasons": list(self._journey.record.decision.reasons)}

    def _response(self, flight: Flight) -> dict[str, Any]:
        index = flight.index
        attempt = self._journey.record.attempts[index]
        listener = self._listeners.get(index)
        # A stream that was judged early has said more since.
        choices = self._said.get(index, ()) if listener is None else listener.said()
        prompt, completion = self._tokens.get(index, flight.used or (None, None))
        found = {
            **(_answer(choices[0]) if choices else {}),
            "cost": usd(flight.cost or 0),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "tier": attempt.tier,
            "verdict": attempt.verdict,
            "reasons": list(attempt.reasons),
            "p_bad": round(self._doubts[index], _PLACES) if index in self._doubts else None,
            "ms": round(attempt.elapsed_ms, 1),
            "served": index == self._journey.served,
            "beside": bool(flight.group) or None,
            "cached": flight.cached or None,
        }
        return {key: value for key, value in found.items() if value is not None}


def _labels(journey: Journey) -> dict[str, Any]:
    """The request's own tags, as outcome lines have them."""
    features = journey.features
    metadata: dict[str, Any] = {"tags": sorted(features.tags)} if features.tags else {}
    if features.use_case:
        metadata["use_case"] = features.use_case
    return {"metadata": metadata} if metadata else {}


def _answer(said: Said) -> dict[str, Any]:
    """The text and what else gates look at; of several choices the first is kept."""
    found: dict[str, Any] = {"text": said.text[:MAX_ANSWER_CHARS]}
    if said.tool_calls:
        found["tool_calls"] = [
            {"type": "function", "function": {"name": c.name, "arguments": c.arguments[:MAX_ARGUMENT_CHARS]}}
            for c in said.tool_calls[:MAX_CALLS]
        ]
    if said.logprobs:
        kept = said.logprobs[:MAX_LOGPROBS]
        found["logprobs"] = [round(p, 4) if math.isfinite(p) else None for p in kept]
    if said.finish_reason:
        found["finish_reason"] = said.finish_reason
    if said.refusal:
        found["refusal"] = said.refusal[:MAX_ANSWER_CHARS]
    if len(said.text) > MAX_ANSWER_CHARS:
        found["cut"] = True
    return found


class Capture:
    """Chooses the sample, and has its lines written. One per process; never fails a request.

    Args:
        settings: What is kept.
        ladder: The tiers.
        sink: Where lines go.
        on_fault: Told of a fault of ours: where, and what was raised. It costs a line, and no request.
    """

    def __init__(
        self,
        settings: CaptureSettings,
        ladder: Ladder,
        sink: CaptureSink,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self.settings = settings
        self.sink = sink
        self.lost = 0
        """How many requests of the sample were too many under way at once."""
        self._ladder = ladder
        self._on_fault = on_fault
        self._open: OrderedDict[str, Journey] = OrderedDict()

    def begin(self, journey: Journey, caller: Caller) -> None:
        """Keep what comes of a request, where it is of the sample."""
        id_ = journey.record.id
        if not sampled(id_, self.settings.share) or self.settings.never.holds(caller):
            return
        journey.taken = Taken(journey, self)
        self._open[id_] = journey
        if len(self._open) > MAX_OPEN:
            oldest = next(iter(self._open.values()))
            # One whose client never read its stream is missed by nobody.
            self.lost += journey.began_s - oldest.began_s < ABANDONED_S
            self._forget(oldest)

    def drop(self, journey: Journey) -> None:
        """Keep nothing of a request after all."""
        if journey.taken is not None:
            self._forget(journey)

    def write(self, journey: Journey, taken: Taken) -> None:
        """Write a request's line, and let go of its text."""
        self._forget(journey)
        try:
            line = taken.line(self._ladder, self.settings.share)
            if line is not None:
                self.sink.put(line)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep a bill from being paid
            self._on_fault("capture", error)

    def feedback(self, decision: str, score: float, comment: str = "") -> bool:
        """Keep how good somebody found the answer to a decision, 0 to 1; False where it is not of the sample.

        Raises:
            ValueError: the score is no number from 0 to 1.
        """
        if not 0 <= score <= 1:
            raise ValueError("a score is a number from 0 to 1")
        if not sampled(decision, self.settings.share):
            return False
        words = {"comment": comment} if comment else {}
        self.sink.put({"captured": FORMAT, "id": decision, "feedback": score, **words})
        return True

    def alarms(self) -> list[str]:
        """What an operator should look at, a sentence each."""
        lost = [f"capture: {self.lost} requests were not kept: too many were under way"] if self.lost else []
        return [*lost, *self.sink.alarms()]

    async def close(self) -> None:
        """Write what waits, and keep nothing more."""
        for journey in tuple(self._open.values()):
            self._forget(journey)
        await self.sink.close()

    def _forget(self, journey: Journey) -> None:
        journey.taken = None
        self._open.pop(journey.record.id, None)
