"""Which models should be the tiers, as far as calls and prices can tell: what each ladder would cost.

Compared are the configuration's ladder, what is left of it without a tier, and its dearest tier with any
other model group of the proxy in front. How good the answers of a cheap model are is not known here; how many
of them may be bad, and asked for again, before a ladder saves nothing, is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.core.price import Usage
    from litellm_tiering.evals.analyze import Judged, Market

MOST_RIVALS = 12
"""How many other models are tried as the cheap tier, the cheapest first."""


@dataclass(slots=True)
class Option:
    """One ladder; money in nano-dollars.

    Attributes:
        models: Its model groups, cheapest first.
        current: Whether it is the configuration's.
        paid: What the calls cost.
        routed: What they would cost.
        below: What those that it answers below its dearest tier would cost one tier higher.
        all_cheap: What every call would cost at its cheapest tier that can hold it.
        all_paid: What these cost.
    """

    models: tuple[str, ...]
    current: bool = False
    paid: int = 0
    routed: int = 0
    below: int = 0
    all_cheap: int = 0
    all_paid: int = 0

    @property
    def saved(self) -> float:
        """The share of what was paid that it saves; 0 where nothing was classified."""
        return (self.paid - self.routed) / self.paid if self.paid else 0.0

    @property
    def at_most(self) -> float:
        """The share that would be saved if its cheapest tier answered all it can hold."""
        return (self.all_paid - self.all_cheap) / self.all_paid if self.all_paid else 0.0

    @property
    def break_even(self) -> float | None:
        """The share of answers below its dearest tier that may be asked for again before nothing is saved."""
        return (self.paid - self.routed) / self.below if self.below and self.paid > self.routed else None


@dataclass(frozen=True, slots=True)
class _Ladder:
    option: Option
    facts: tuple[TierFacts, ...]
    ranks: tuple[int, ...]  # by the configuration's rank: which of these it goes to
    stays: tuple[int | None, ...]  # by rank of these: which of the configuration's tiers it is


class Ladders:
    """Adds up calls for every ladder.

    Args:
        market: The tiers, with prices.
    """

    def __init__(self, market: Market) -> None:
        self._ladders = [_part(market, kept) for kept in _parts(len(market.names))]
        top = market.facts[-1].price
        dear = top.prompt + top.completion
        prices = {
            name: f.price.prompt + f.price.completion for name, f in market.rivals.items() if f.price.known
        }
        rivals = sorted((n for n, p in prices.items() if p < dear), key=lambda n: prices[n])
        self._ladders += [_in_front(market, name) for name in rivals[:MOST_RIVALS]]

    def bound(self, used: Usage, features: RequestFeatures, paid: int) -> None:
        """Count a call for what each ladder might save at most."""
        for ladder in self._ladders:
            able = [f.price.bill(used) for f in ladder.facts if f.lacks(features) is None]
            ladder.option.all_paid += paid
            ladder.option.all_cheap += min((paid, *able))

    def add(self, judged: Judged, used: Usage, paid: int, now: int | None) -> None:
        """Count a call that was classified."""
        for ladder in self._ladders:
            rank = ladder.ranks[judged.rank]
            while rank < len(ladder.facts) - 1 and ladder.facts[rank].lacks(judged.features) is not None:
                rank += 1
            stays = now is not None and ladder.stays[rank] == now
            ladder.option.paid += paid
            ladder.option.routed += paid if stays else ladder.facts[rank].price.bill(used)
            if rank < len(ladder.facts) - 1:
                ladder.option.below += ladder.facts[rank + 1].price.bill(used)

    def options(self) -> tuple[Option, ...]:
        """Every ladder, the configuration's first, the others by what they save."""
        first, *others = (ladder.option for ladder in self._ladders)
        return (first, *sorted(others, key=lambda o: (-o.saved, -o.at_most)))


def _parts(count: int) -> list[tuple[int, ...]]:
    """The whole ladder, then each part of it with two tiers or more that ends with the dearest."""
    whole = tuple(range(count))
    sizes = range(2, count)
    parts = itertools.chain.from_iterable(itertools.combinations(whole[:-1], size - 1) for size in sizes)
    return [whole, *((*part, count - 1) for part in parts)][:MOST_RIVALS]


def _part(market: Market, kept: tuple[int, ...]) -> _Ladder:
    option = Option(tuple(market.models[r] for r in kept), current=len(kept) == len(market.names))
    ranks = tuple(next(i for i, r in enumerate(kept) if r >= rank) for rank in range(len(market.names)))
    return _Ladder(option, tuple(market.facts[r] for r in kept), ranks, kept)


def _in_front(market: Market, name: str) -> _Ladder:
    """The dearest tier with another model in front, which gets what the cheapest tier would."""
    top = len(market.names) - 1
    ranks = (0, *(1 for _ in range(top)))
    facts = (market.rivals[name], market.facts[top])
    return _Ladder(Option((name, market.models[top])), facts, ranks, (None, top))
