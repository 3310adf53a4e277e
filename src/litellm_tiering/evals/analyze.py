"""What traffic there is, and what routing it would save: one pass over recorded calls, in constant memory.

The tokens of a call are taken to be the same whichever model answers it, prices are those of the
configuration, and a call that stays on its model costs what it cost. Calls without text can only be bounded:
from below by none of them moving, from above by all of them going to the cheapest tier that could hold them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.features import RequestFeatures
from litellm_tiering.core.price import Usage
from litellm_tiering.evals.analyze_ladders import Ladders
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.price import Price
    from litellm_tiering.evals.analyze_calls import Call

MOST_NAMES = 1_000
"""How many models and teams are told apart; the rest are counted together."""

OTHERS = "(others)"
_HOUR_S = 3600.0
_MOST_HOURS = 20_000
_FEW_HOURS = 10
_BUCKETS = 20  # a millisecond figure is right to one part in this many
_DEVIATION = 0.1


@dataclass(frozen=True, slots=True)
class Market:
    """The tiers, and what they cost.

    Attributes:
        names: The tiers, cheapest first.
        models: Their model groups.
        facts: What they cost and can do.
        aliases: Other names of model groups.
        price: The price of a model group or a model by its name; None where it is not known.
        rivals: Model groups of the proxy that are no tier: each might be the cheap one.
    """

    names: tuple[str, ...]
    models: tuple[str, ...]
    facts: tuple[TierFacts, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    price: Callable[[str], Price | None] = lambda _: None
    rivals: Mapping[str, TierFacts] = field(default_factory=dict)

    @property
    def priced(self) -> bool:
        """Whether every tier has a price of its own."""
        return all(f.price.known for f in self.facts)

    def rank(self, model: str) -> int | None:
        """The rank of the tier that a name stands for; None where it is no tier's."""
        named = self.aliases.get(model, model)
        return self.models.index(named) if named in self.models else None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the classifiers made of a call's request.

    Attributes:
        rank: The tier, after requirements.
        features: The request in numbers.
        ms: How long that took, in milliseconds.
    """

    rank: int
    features: RequestFeatures
    ms: float


@dataclass(slots=True)
class Sums:
    """Calls added up; money in nano-dollars.

    Attributes:
        calls: All of them.
        prompt_tokens: What was sent.
        completion_tokens: What was answered.
        paid: What they cost, as far as that is known.
        judged: Those that were classified.
        top: Of these, those that need the dearest tier.
        text_paid: What classified calls cost whose routing has a price.
        routed: What the same would cost routed.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    paid: int = 0
    judged: int = 0
    top: int = 0
    text_paid: int = 0
    routed: int = 0


@dataclass(slots=True)
class Totals:
    """Everything that one pass finds; money in nano-dollars.

    Attributes:
        rows: Calls of every kind.
        failed: Calls that failed.
        from_cache: Calls that LiteLLM answered from its cache.
        other: Calls that are not routed: embeddings, images and the like.
        routable: All others.
        with_text: Of these, those whose request was kept and classified.
        cut: Of these, those of which only a part was kept.
        unserved: Those that no tier can serve.
        faults: Those on which the classifiers failed.
        unpriced: Routable calls whose cost is not known, and which no saving is told of.
        stands_for: How many calls the routable ones stand for: more where they are a sample.
        first_s: The first call's time, in seconds since the epoch.
        last_s: The last call's.
    """

    rows: int = 0
    failed: int = 0
    from_cache: int = 0
    other: int = 0
    routable: int = 0
    with_text: int = 0
    cut: int = 0
    unserved: int = 0
    faults: int = 0
    unpriced: int = 0
    stands_for: float = 0.0
    first_s: float = math.inf
    last_s: float = -math.inf
    paid: int = 0  # of calls whose cost and tokens are known
    least: int = 0  # of the same, each at the cheapest tier that can hold it
    dearest: int = 0  # of the same, each at the dearest tier
    text_paid: int = 0
    routed: int = 0
    saved_down: int = 0
    added_up: int = 0
    moved_down: int = 0
    moved_up: int = 0
    lost_cache: int = 0


class Analysis:
    """Adds up calls.

    Args:
        market: The tiers and prices; without prices only the mix is told.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.totals = Totals()
        self.classes = [Sums() for _ in market.names]
        self.models: dict[str, Sums] = {}
        self.teams: dict[str, Sums] = {}
        self.tasks: dict[str, Sums] = {}
        self.hours: dict[int, Sums] = {}
        self.ladders = Ladders(market) if market.priced else None
        self._logged = [[0, 0] for _ in market.names]
        self._ms: dict[int, int] = {}

    def add(self, call: Call, judged: Judged | None) -> None:
        """Count one call; ``judged`` is None where its text is not known or could not be classified."""
        t = self.totals
        t.rows += 1
        if call.failed:
            t.failed += 1
        elif call.cached:
            t.from_cache += 1
        elif call.surface is None:
            t.other += 1
        else:
            self._add(call, judged)

    def _add(self, call: Call, judged: Judged | None) -> None:
        t = self.totals
        t.routable += 1
        t.stands_for += call.stands_for
        if call.at_s is not None:
            t.first_s, t.last_s = min(t.first_s, call.at_s), max(t.last_s, call.at_s)
        if judged is not None:
            t.with_text += 1
            t.cut += call.cut
            bucket = math.floor(math.log(max(judged.ms, 1e-3)) * _BUCKETS)
            self._ms[bucket] = self._ms.get(bucket, 0) + 1
        prompt, completion = _tokens(call, judged)
        paid, routed = self._money(call, judged, prompt, completion)
        top = judged is not None and judged.rank == len(self.market.names) - 1
        for sums in self._places(call, judged):
            sums.calls += 1
            sums.prompt_tokens += prompt or 0
            sums.completion_tokens += completion or 0
            sums.paid += paid or 0
            sums.judged += judged is not None
            sums.top += top
            if routed is not None and paid is not None:
                sums.text_paid += paid
                sums.routed += routed

    def _places(self, call: Call, judged: Judged | None) -> list[Sums]:
        """Every sum that a call belongs to."""
        found = [_in(self.models, call.model or "(none)"), _in(self.teams, call.team or "(none)")]
        if judged is not None:
            found += [self.classes[judged.rank], _in(self.tasks, judged.features.task_type.value)]
        if call.at_s is not None:
            hour = int(call.at_s // _HOUR_S)
            if hour in self.hours or len(self.hours) < _MOST_HOURS:
                found.append(self.hours.setdefault(hour, Sums()))
        return found

    def _money(
        self, call: Call, judged: Judged | None, prompt: int | None, completion: int | None
    ) -> tuple[int | None, int | None]:
        """What a call cost and what it would cost routed; None each where that is not known."""
        t = self.totals
        now = self.market.rank(call.model)
        used = (
            None
            if prompt is None or completion is None
            else Usage(prompt, completion, cached=call.cached_tokens)
        )
        paid = self._paid(call, used, now)
        if paid is None or used is None or not self.market.priced:
            t.unpriced += 1
            return paid, None
        whole = Usage(used.prompt, used.completion)
        costs = [f.price.bill(whole) for f in self.market.facts]
        features = RequestFeatures(prompt_tokens=used.prompt) if judged is None else judged.features
        able = [c for c, f in zip(costs, self.market.facts, strict=True) if f.lacks(features) is None]
        least = min(paid, *able) if able else paid
        t.paid += paid
        t.least += least
        t.dearest += costs[-1]
        if self.ladders is not None:
            self.ladders.bound(whole, features, paid)
        if judged is None:
            return paid, None
        routed = paid if judged.rank == now else costs[judged.rank]
        t.text_paid += paid
        t.routed += routed
        if routed < paid:
            t.moved_down += 1
            t.saved_down += paid - routed
        elif routed > paid:
            t.moved_up += 1
            t.added_up += routed - paid
        if judged.rank != now and used.cached:
            t.lost_cache += routed - self.market.facts[judged.rank].price.bill(used)
        if self.ladders is not None:
            self.ladders.add(judged, whole, paid, now)
        return paid, routed

    def _paid(self, call: Call, used: Usage | None, now: int | None) -> int | None:
        """What a call cost, in nano-dollars: as logged, else by its model's price; None without either."""
        price = self.market.facts[now].price if now is not None else None
        if price is None or not price.known:
            price = self.market.price(call.model) or self.market.price(call.upstream)
        computed = None if used is None or price is None or not price.known else price.bill(used)
        if call.usd is None or (call.usd == 0 and computed):
            return computed
        paid = nano_usd(call.usd)
        if call.usd == 0 and computed is None:
            return None
        if now is not None and computed is not None:
            logged = self._logged[now]
            logged[0] += paid
            logged[1] += computed
        return paid

    def deviations(self) -> dict[str, float]:
        """By model group: what was logged as a share of what its tokens come to, where they are apart."""
        return {
            model: logged / computed
            for model, (logged, computed) in zip(self.market.models, self._logged, strict=True)
            if computed and abs(logged / computed - 1) > _DEVIATION
        }

    def percentile_ms(self, share: float) -> float | None:
        """How long reading and classifying took at most in that share of requests, in milliseconds."""
        left = share * sum(self._ms.values())
        for bucket in sorted(self._ms):
            left -= self._ms[bucket]
            if left <= 0:
                return math.exp((bucket + 0.5) / _BUCKETS)
        return None

    def saved_interval(self) -> tuple[float, float] | None:
        """A 95 % interval for the saved share of what classified calls cost, None where there is too little.

        Of a ratio of sums, by the spread of its hours (Cochran, Sampling Techniques, 3rd ed., section 6.8):
        calls of an hour are alike. It holds for traffic like this, and says nothing of answers' quality.
        """
        hours = [s for s in self.hours.values() if s.text_paid]
        paid = sum(s.text_paid for s in hours)
        if len(hours) < _FEW_HOURS:
            return None
        ratio = sum(s.text_paid - s.routed for s in hours) / paid
        spread = sum((s.text_paid - s.routed - ratio * s.text_paid) ** 2 for s in hours)
        error = math.sqrt(spread * len(hours) / (len(hours) - 1)) / paid
        return ratio - _Z * error, ratio + _Z * error


_Z = 1.96


def _tokens(call: Call, judged: Judged | None) -> tuple[int | None, int | None]:
    """Tokens of prompt and answer; the prompt's are estimated where only its text is known."""
    prompt = call.prompt_tokens
    if prompt is None and judged is not None:
        prompt = judged.features.prompt_tokens
    return prompt, call.completion_tokens


def _in(table: dict[str, Sums], name: str) -> Sums:
    """The sums of a name; those of all the rest where there are too many names."""
    if name not in table and len(table) >= MOST_NAMES:
        name = OTHERS
    return table.setdefault(name, Sums())
