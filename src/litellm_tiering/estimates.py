"""What requests turn out to use, learned as they are paid for, and how far their holds were off.

In this process's memory only: a worker that starts anew begins with the priors. Nothing of a request is
kept but its place in a histogram.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.catalog import DEFAULT_OUTPUT_TOKENS, PROMPT_RATIO, overhead
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.core.ladder import Tier
    from litellm_tiering.journeys import Flight

OUTPUT_QUANTILE = 0.98
"""The share of answers without a bound of the client's that their hold is to cover."""

OUTPUTS_NEEDED = 50
"""How many outputs must have been seen before they are gone by."""

RATIO_QUANTILE = 0.999
RATIOS_NEEDED = 500
RATIO_MARGIN = 1.1
LEAST_RATIO = 1.05
"""A learned ratio of prompts to their estimates is its quantile with a margin, and never less than this."""

MAX_KEYS = 512
"""How many kinds of requests are told apart; all further ones are one kind."""

_KEPT = 4_096
_FRESH = 32
_SHOWN = 50
_OTHER = ("(other)",)


class Histogram:
    """Counts by logarithmic buckets, old ones fading: constant memory, and constant time on average.

    Args:
        least: Where the first bucket begins; what is less falls into it.
        growth: By how much each bucket ends further up than it begins.
        buckets: How many there are; what is more than the last one falls into it.
        share: The quantile that is asked for.
    """

    __slots__ = ("_counts", "_growth", "_known", "_least", "_share", "_stale", "_total", "seen")

    def __init__(self, least: float, growth: float, buckets: int, share: float) -> None:
        self.seen = 0
        self._least = least
        self._growth = math.log(growth)
        self._counts = [0.0] * buckets
        self._share = share
        self._total = 0.0
        self._known = least
        self._stale = 0

    def add(self, value: float) -> None:
        """Count one value."""
        place = int(math.log(max(value, self._least) / self._least) / self._growth)
        self._counts[min(place, len(self._counts) - 1)] += 1
        self._total += 1
        self.seen += 1
        self._stale += 1
        if self._total >= _KEPT:
            self._counts = [count / 2 for count in self._counts]
            self._total /= 2

    def quantile(self) -> float:
        """The end of the bucket that holds the quantile; as of some 32 values ago at most."""
        if self._stale >= min(_FRESH, self.seen):
            self._stale = 0
            needed = self._share * self._total
            place = sum(1 for below in accumulate(self._counts) if below < needed)
            self._known = self._least * math.exp(self._growth * (place + 1))
        return self._known


@dataclass(slots=True)
class Errors:
    """How often and by how much costs passed their holds.

    Attributes:
        count: Attempts settled.
        exceeded: Those that cost more than was held.
        excess: By how much in all, in nano-dollars.
        worst: By how much at most, in nano-dollars.
        held: What was held for all attempts, in nano-dollars.
        cost: What they cost, in nano-dollars.
    """

    count: int = 0
    exceeded: int = 0
    excess: int = 0
    worst: int = 0
    held: int = 0
    cost: int = 0

    def add(self, held: int, cost: int) -> None:
        """Count one attempt."""
        self.count += 1
        self.held += held
        self.cost += cost
        if cost > held:
            self.exceeded += 1
            self.excess += cost - held
            self.worst = max(self.worst, cost - held)

    def as_json(self) -> dict[str, Any]:
        """The counts, money in dollars."""
        return {
            "count": self.count,
            "exceeded": self.exceeded,
            "excess_usd": usd(self.excess),
            "worst_usd": usd(self.worst),
            "held_usd": usd(self.held),
            "cost_usd": usd(self.cost),
        }


@dataclass(slots=True)
class Estimates:
    """What one process has learned of its requests. Every method takes microseconds and holds no lock."""

    bounded: Errors = field(default_factory=Errors)
    unbounded: Errors = field(default_factory=Errors)
    _outputs: dict[tuple[str, ...], Histogram] = field(default_factory=dict)
    _ratios: dict[tuple[str, ...], Histogram] = field(default_factory=dict)

    def hold(
        self, facts: TierFacts, features: RequestFeatures, route: str, tier: Tier, *, firm: bool = False
    ) -> int:
        """What to hold for a request at a tier, in nano-dollars; see :meth:`TierFacts.hold`."""
        output = DEFAULT_OUTPUT_TOKENS
        if features.max_tokens is None:
            output = self.output_tokens(route, tier.name, features)
        return int(facts.hold(features, output_tokens=output, ratio=self.ratio(tier.model), firm=firm))

    def output_tokens(self, route: str, tier: str, features: RequestFeatures) -> int:
        """The bound of one answer to a request that sets none, reasoning included."""
        found = self._outputs.get(_kind(route, tier, features)) or self._outputs.get(_OTHER)
        if found is None or found.seen < OUTPUTS_NEEDED:
            return DEFAULT_OUTPUT_TOKENS + features.thinking_tokens
        return math.ceil(found.quantile())

    def ratio(self, model: str) -> float:
        """By how much prompts to a model group may pass their estimates."""
        found = self._ratios.get((model,)) or self._ratios.get(_OTHER)
        if found is None or found.seen < RATIOS_NEEDED:
            return PROMPT_RATIO
        return max(LEAST_RATIO, found.quantile() * RATIO_MARGIN)

    def saw(self, flight: Flight, model: str, used: tuple[int, int], cost: int) -> None:
        """Learn from an attempt's bill.

        Args:
            flight: The attempt.
            model: The model group that answered.
            used: Prompt and completion tokens as the provider counted them; 0 where it did not.
            cost: In nano-dollars.
        """
        features = flight.journey.features
        errors = self.unbounded if features.max_tokens is None else self.bounded
        errors.add(flight.reservation.amount or flight.hold, cost)
        prompt, completion = used
        if features.max_tokens is None and completion > 0:
            tier = flight.journey.record.attempts[flight.index].tier
            kind = _kind(flight.journey.record.route, tier, features)
            answers = max(1, features.drafts, features.choices)
            _of(self._outputs, kind, _output_histogram).add(completion / answers)
        # Nobody here knows what attachments, searches and turns kept elsewhere come to.
        plain = features.prompt_tokens - features.attached_tokens
        unknown = features.attached_tokens or features.searches or features.elsewhere
        if prompt > 0 and plain > 0 and not unknown:
            _of(self._ratios, (model,), _ratio_histogram).add((prompt - overhead(features)) / plain)

    def as_json(self) -> dict[str, Any]:
        """For status: how far holds were off, for requests with a bound on the answer and without."""
        return {
            "with_max_tokens": self.bounded.as_json(),
            "without_max_tokens": self.unbounded.as_json(),
            "output_tokens": [
                {"kind": ":".join(kind), "seen": h.seen, "bound": math.ceil(h.quantile())}
                for kind, h in list(self._outputs.items())[:_SHOWN]
            ],
            "prompt_ratio": [
                {"model": kind[0], "seen": h.seen, "ratio": round(self.ratio(kind[0]), 3)}
                for kind, h in list(self._ratios.items())[:_SHOWN]
            ],
        }


def _kind(route: str, tier: str, features: RequestFeatures) -> tuple[str, ...]:
    """What answers are told apart by: those of requests that ask for reasoning are longer."""
    return (route, tier, "reasoning") if features.thinking_tokens else (route, tier)


def _output_histogram() -> Histogram:
    return Histogram(1.0, 2 ** (1 / 8), 192, OUTPUT_QUANTILE)


def _ratio_histogram() -> Histogram:
    return Histogram(0.1, 1.02, 233, RATIO_QUANTILE)


def _of(
    kept: dict[tuple[str, ...], Histogram], kind: tuple[str, ...], new: Callable[[], Histogram]
) -> Histogram:
    found = kept.get(kind)
    if found is None:
        kind = kind if len(kept) < MAX_KEYS else _OTHER
        found = kept.setdefault(kind, new())
    return found
