"""The ladder of tiers, cheapest first, and the moves on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Tier:
    """One rung: a name the owner chose, and the model group of the proxy that serves it."""

    name: str
    model: str


class Ladder:
    """Two or more tiers, cheapest first; a tier's *rank* is its place, 0 for the cheapest."""

    __slots__ = ("_by_model", "_by_name", "tiers")

    def __init__(self, tiers: Iterable[Tier]) -> None:
        self.tiers = tuple(tiers)
        if len(self.tiers) < 2:  # noqa: PLR2004 - a ladder has two rungs
            raise ValueError("a ladder needs at least two tiers")
        self._by_name = {t.name: i for i, t in enumerate(self.tiers)}
        self._by_model: dict[str, int] = {}
        for i, t in enumerate(self.tiers):
            self._by_model.setdefault(t.model, i)
        if len(self._by_name) != len(self.tiers):
            raise ValueError("tier names must differ")

    def __len__(self) -> int:
        return len(self.tiers)

    def __getitem__(self, rank: int) -> Tier:
        return self.tiers[rank]

    @property
    def top(self) -> int:
        """The rank of the dearest tier."""
        return len(self.tiers) - 1

    def rank(self, name: str) -> int:
        """The rank of the tier called ``name``.

        Raises:
            KeyError: no tier has that name.
        """
        return self._by_name[name]

    def find(self, name: str) -> int | None:
        """The rank of the tier called ``name``, or None."""
        return self._by_name.get(name)

    def rank_of_model(self, model: str) -> int | None:
        """The rank of the cheapest tier that ``model`` serves, or None."""
        return self._by_model.get(model)

    def every_rank(self) -> frozenset[int]:
        """All ranks, as a set."""
        return frozenset(range(len(self.tiers)))


def settle_on(target: int, usable: frozenset[int]) -> int | None:
    """The usable rank for a request that should go to ``target``.

    The nearest usable rank at or above it; where there is none, the highest below; None where nothing is
    usable. Never lower for a higher target, so more spend (a lower target) never raises a tier.
    """
    if target in usable:
        return target
    above = [r for r in usable if r > target]
    if above:
        return min(above)
    return max(usable, default=None)
