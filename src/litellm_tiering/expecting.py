"""What the ways to an answer may be expected to cost: learned as answers are judged and bills come.

How often the gates let answers pass is kept where segments are, for all workers, and outlives them; what
answers cost and how long they take is in this process's memory only, as what holds are made of. No request
waits for any of it, and nothing of one is kept but its place in an average.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.adaptive import segment_name
from litellm_tiering.core.catalog import DEFAULT_OUTPUT_TOKENS
from litellm_tiering.core.expected import (
    AGAINST,
    COMPARED,
    LEAST_SEEN,
    Effort,
    Prospect,
    Second,
    Seen,
    band_of,
    bands,
    choose,
    pass_probability,
    pooled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.adaptive import Watch
    from litellm_tiering.core.agreement import Agreement
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.classification import Classification
    from litellm_tiering.core.expected import Choice
    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.core.gate import Judgement
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.plan import Inquiry
    from litellm_tiering.ports import Clock

MEMORY = 200
"""An average follows what changes as that of the latest 200 bills would."""

NEEDED = 5
"""How many bills an average needs before it is gone by."""

TYPICAL_OUTPUT = DEFAULT_OUTPUT_TOKENS // 4
"""The length of an answer of which nothing is known, in tokens: the same guess at every tier."""

MAX_KEYS = 512
MAX_PROBED = 5_000
"""How many kinds of bills are told apart, and of how many segments it is known when one was probed last."""

QUIET_S = 600.0
"""After so many seconds without a probe the next request is one: with little traffic a share is nothing."""

SHOWN = 50
"""How many segments the status shows."""

_SECOND = "second"
_AS_STREAM = "~"


@dataclass(slots=True)
class Mean:
    """An average of which old values fade."""

    value: float = 0.0
    seen: int = 0

    def add(self, value: float) -> None:
        """Count one value."""
        self.seen = min(self.seen + 1, MEMORY)
        self.value += (value - self.value) / self.seen


@dataclass(slots=True)
class _Bills:
    """What the answers of one kind came to.

    Attributes:
        tokens: How long they were.
        seconds: How long they took.
        dearness: What they cost, beside what the tier's list price says of the prompt's estimate and of their
            length: caches, discounts, estimates that are off, and with a second model its own price.
    """

    tokens: Mean = field(default_factory=Mean)
    seconds: Mean = field(default_factory=Mean)
    dearness: Mean = field(default_factory=Mean)


class Figures:
    """What one process has learned of bills, by route and tier. Every method takes microseconds."""

    def __init__(self) -> None:
        self._bills: dict[tuple[str, ...], _Bills] = {}

    def saw(self, flight: Flight, used: tuple[int, int], cost: int) -> None:
        """Learn from an attempt's bill.

        Args:
            flight: The attempt.
            used: Prompt and completion tokens as the provider counted them; 0 where it did not.
            cost: In nano-dollars.
        """
        journey, completion = flight.journey, used[1]
        attempt = journey.record.attempts[flight.index]
        second = bool(flight.group) and flight.index > 0
        kind = _kind(journey.record.route, attempt.tier, journey.features, second=second)
        bills = self._bills.get(kind)
        if bills is None:
            if len(self._bills) >= MAX_KEYS:
                return
            bills = self._bills[kind] = _Bills()
        if attempt.elapsed_ms > 0:
            bills.seconds.add(attempt.elapsed_ms / 1000)
        if completion <= 0:
            return
        answers = _answers(journey.features)
        bills.tokens.add(completion / answers)
        listed = float(journey.facts[flight.rank].price.cost(journey.features.prompt_tokens, completion))
        if listed > 0:
            bills.dearness.add(cost / listed)

    def effort(
        self, route: str, tier: str, facts: TierFacts, features: RequestFeatures, otherwise: str
    ) -> Effort:
        """What an answer of a tier is expected to take.

        Args:
            route: The route's name.
            tier: The tier's name.
            facts: What it costs.
            features: The request.
            otherwise: The tier whose answers' length is taken where nothing is known of this one's.
        """
        own = self._bills.get(_kind(route, tier, features))
        other = self._bills.get(_kind(route, otherwise, features))
        tokens = _known(own, other, "tokens")
        return self._effort(own, facts, features, TYPICAL_OUTPUT if tokens is None else tokens)

    def second(self, route: str, tier: str, facts: TierFacts, features: RequestFeatures) -> Effort:
        """What asking a second model at a tier is expected to take; as the tier's own until that is known."""
        beside = self._bills.get(_kind(route, tier, features, second=True))
        own = self._bills.get(_kind(route, tier, features))
        tokens = _known(beside, own, "tokens")
        found = beside if beside is not None and beside.tokens.seen >= NEEDED else own
        return self._effort(found, facts, features, TYPICAL_OUTPUT if tokens is None else tokens)

    @staticmethod
    def _effort(bills: _Bills | None, facts: TierFacts, features: RequestFeatures, tokens: float) -> Effort:
        answers = _answers(features)
        bound = facts.output_bound(features, math.ceil(tokens))
        completion = round(min(tokens, bound) * answers)
        listed = float(facts.price.cost(features.prompt_tokens, completion))
        if bills is None:
            return Effort(listed)
        dearness = bills.dearness.value if bills.dearness.seen >= NEEDED else 1.0
        return Effort(listed * dearness, bills.seconds.value if bills.seconds.seen >= NEEDED else 0.0)


def _known(first: _Bills | None, then: _Bills | None, what: str) -> float | None:
    for bills in (first, then):
        if bills is not None:
            mean: Mean = getattr(bills, what)
            if mean.seen >= NEEDED:
                return mean.value
    return None


def _answers(features: RequestFeatures) -> int:
    return max(1, features.drafts, features.choices)


def _kind(route: str, tier: str, features: RequestFeatures, *, second: bool = False) -> tuple[str, ...]:
    """What bills are told apart by: answers to requests that ask for reasoning are longer."""
    parts = [route, tier]
    if features.thinking_tokens:
        parts.append("reasoning")
    if second:
        parts.append(_SECOND)
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class Weighing:
    """What the owner's settings say of expecting.

    Attributes:
        per_second: What a second of waiting counts for, in nano-dollars.
        probe_share: Which share of the requests that would leave the fixed rules' way goes it all the same.
        stream: How much of a streamed answer is held back for the gates: ``off``, ``prefix`` or ``buffer``.
        agreement: Whom the fixed rules ask beside a tier's own model; None for nobody.
    """

    per_second: float = 0.0
    probe_share: float = 0.05
    stream: str = "prefix"
    agreement: Agreement | None = None


class Expecting:
    """Says which way a request should go. One per event loop.

    Args:
        ladder: The tiers.
        weighing: The owner's settings.
        watch: Keeps what was seen of segments, for all workers.
        figures: What bills came to.
        clock: The time.
        draw: A number from 0 up to but not including 1, for the probes.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it knows, and a draw that only tests name
        self,
        ladder: Ladder,
        weighing: Weighing,
        watch: Watch,
        figures: Figures,
        clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._ladder = ladder
        self._weighing = weighing
        self._watch = watch
        self._figures = figures
        self._clock = clock
        self._draw = draw
        # A window's figures, while it is that window: weighing 100 answers takes longer than all the rest.
        self._seen: dict[str, tuple[str, Seen]] = {}
        self._probed: dict[str, float] = {}

    # ------------------------------------------------------------------ on the request's path

    def leaf(self, key: str, said: Classification, features: RequestFeatures) -> str:
        """What the store calls the answers that tell something of this request's: its segment and band.

        Streams of which only the beginning is judged pass more often, and are kept apart.
        """
        prefixed = features.stream and self._weighing.stream == "prefix"
        return f"{key}|{band_of(said)}{_AS_STREAM if prefixed else ''}"

    def choice(  # noqa: PLR0913 - a request, and where it stands
        self, inquiry: Inquiry, key: str, leaf: str, rank: int, above: int, *, asking: bool = False
    ) -> Choice | None:
        """The way of a request; None where there is too little to go by, and the fixed rules hold.

        Args:
            inquiry: The request.
            key: Its segment.
            leaf: What :meth:`leaf` said.
            rank: The tier where it belongs.
            above: The tier that it would climb to.
            asking: Whether it is only asked what would be done: that leaves no trace, and is no probe.
        """
        lower, upper = inquiry.facts[rank], inquiry.facts[above]
        if not (lower.price.known and upper.price.known):
            return None
        if inquiry.features.stream and self._weighing.stream == "off":
            # Its answer is not judged, so nothing is ever wasted on it.
            return None
        kind = pooled(self._of(f"{key}|{band}{leaf[len(leaf.rstrip(_AS_STREAM)) :]}") for band in bands())
        if kind.count < LEAST_SEEN:
            return None
        given = self._prospect(inquiry, key, rank, above, *pass_probability(self._of(leaf), kind))
        found = choose(given)
        if found.changes and not asking and self._is_probe(leaf):
            found = choose(given, probe=True)
        return found

    def _prospect(  # noqa: PLR0913, PLR0917 - a request, where it stands, and how its like pass
        self, inquiry: Inquiry, key: str, rank: int, above: int, passes: float, hopes: float
    ) -> Prospect:
        route, features, facts = inquiry.route.name, inquiry.features, inquiry.facts
        lower, upper = self._ladder[rank].name, self._ladder[above].name
        cheap = self._figures.effort(route, lower, facts[rank], features, upper)
        strong = self._figures.effort(route, upper, facts[above], features, lower)
        if not (cheap.seconds and strong.seconds):
            # Beside a time that nobody knows no other means anything.
            cheap, strong = Effort(cheap.cost), Effort(strong.cost)
        agreement, second = self._weighing.agreement, None
        judged_whole = not features.stream or self._weighing.stream == "buffer"
        if agreement is not None and rank in agreement.ranks and judged_whole:
            one = self._figures.second(route, lower, facts[rank], features)
            effort = Effort(one.cost * agreement.more, one.seconds if cheap.seconds else 0.0)
            second = Second(effort, self._of(f"{key}|{_SECOND}"))
        return Prospect(rank, above, passes, hopes, cheap, strong, second, self._weighing.per_second)

    def _of(self, key: str) -> Seen:
        segment = self._watch.segment(key)
        window = "" if segment is None else segment.window
        if not window:
            return _NOTHING
        known = self._seen.get(key)
        if known is None or known[0] != window:
            if len(self._seen) >= MAX_PROBED:
                self._seen.clear()
            known = self._seen[key] = (window, Seen.of(window))
        return known[1]

    def _is_probe(self, leaf: str) -> bool:
        now = self._clock.now()
        if leaf not in self._probed and len(self._probed) >= MAX_PROBED:
            del self._probed[next(iter(self._probed))]
        probed_s = self._probed.setdefault(leaf, now)
        # A clock that was set back must not silence the probes either.
        quiet = not 0 <= now - probed_s < QUIET_S
        if quiet or self._draw() < self._weighing.probe_share:
            self._probed[leaf] = now
            return True
        return False

    # ------------------------------------------------------------------ learning

    def judged(self, journey: Journey, judgement: Judgement) -> None:
        """Learn from what the gates made of a first attempt's answer, before anything else is asked."""
        if not journey.leaf or journey.watched is None:
            return
        words = {a.verdict for a in journey.record.attempts[1:]}
        # Whichever gate it was that the comparison went into: the others had let it pass.
        changed = not judgement.accepted and bool(words & AGAINST)
        self._watch.note_soon(journey.leaf, rejected=not judgement.accepted and not changed, turn=0)
        if words & COMPARED and (judgement.accepted or changed):
            self._watch.note_soon(f"{journey.watched[0]}|{_SECOND}", rejected=changed, turn=0)

    # ------------------------------------------------------------------ for people

    def as_json(self) -> list[dict[str, Any]]:
        """What is known of each segment's bands, those with most answers first: for the status.

        ``rate`` is how often the gates but the comparing one reject; of the band called ``second``, how often
        the comparing one does what no other did.
        """
        known: Mapping[str, Any] = self._watch.known()
        leaves = {k: self._of(k) for k in known if k.count("|") == _LEAF_BARS}
        most = sorted(leaves.items(), key=lambda item: (-item[1].count, item[0]))[:SHOWN]
        return [{"segment": segment_name(k), "seen": s.count, "rate": round(s.rate(), 3)} for k, s in most]


@dataclass(frozen=True, slots=True)
class Lookout:
    """What is learned while requests are served under one policy.

    Attributes:
        watch: Which segments start one tier higher; None where answers are not judged.
        expecting: Which way is expected to cost least; None where the fixed rules hold.
    """

    watch: Watch | None = None
    expecting: Expecting | None = None


_NOTHING = Seen()
_LEAF_BARS = 3
