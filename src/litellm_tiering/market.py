"""What money buys just now: the upgrades that were asked for lately, by what they gain for a dollar.

One book per counter of a budget that spends by value, so that all who share its money pay one price.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from litellm_tiering.core.value import Standing

if TYPE_CHECKING:
    from litellm_tiering.core.value import Wanted

HALF_LIFE_S = 3600.0
"""After how long what was asked for counts half."""

ENOUGH = 30
"""How many requests must have been seen until a price is made of them."""

MAX_BOOKS = 1_000
"""Some 4 kB each; the one that was used longest ago goes first."""

_PER_OCTAVE = 8
_LOWEST, _HIGHEST = -48, 8
_BUCKETS = (_HIGHEST - _LOWEST) * _PER_OCTAVE
_REBASE = 64.0


class Market:
    """Knows how each upgrade compares with the others that want the same money."""

    def __init__(self) -> None:
        self._books: OrderedDict[str, _Book] = OrderedDict()

    def saw(self, key: str, asked: Wanted, now_s: float) -> None:
        """Note what a request would like to have of one budget's money."""
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = _Book(now_s)
            while len(self._books) > MAX_BOOKS:
                self._books.popitem(last=False)
        self._books.move_to_end(key)
        book.add(asked, now_s)

    def standing(self, key: str, asked: Wanted) -> Standing | None:
        """How these upgrades compare; None while too little is known."""
        book = self._books.get(key)
        if book is None or book.seen < ENOUGH or book.total <= 0:
            return None
        places = tuple(book.place(u.density) for u in asked.upgrades)
        return Standing(places, book.kept / book.total, book.base / book.total)


class _Book:
    """A histogram of money by density, on a logarithmic scale, that forgets."""

    __slots__ = ("_money", "_origin_s", "base", "kept", "seen", "total")

    def __init__(self, now_s: float) -> None:
        self._money = [0.0] * _BUCKETS
        self._origin_s = now_s
        self.seen = 0
        self.total = 0.0
        self.kept = 0.0
        self.base = 0.0

    def add(self, asked: Wanted, now_s: float) -> None:
        # What is new weighs more than what was there, rather than all of that less: one addition does.
        age = (now_s - self._origin_s) / HALF_LIFE_S
        if age > _REBASE:
            self._rebase(now_s, age)
            age = 0.0
        weight = 2.0 ** max(age, -_REBASE)
        self.seen += 1
        self.base += asked.base * weight
        for i, upgrade in enumerate(asked.upgrades):
            if upgrade.cost > 0:
                money = upgrade.cost * weight
                self._money[int(_scale(upgrade.density))] += money
                self.total += money
                self.kept += money if i else 0.0

    def _rebase(self, now_s: float, age: float) -> None:
        fade = 2.0 ** -min(age, 1000.0)
        self._money = [money * fade for money in self._money]
        self.total, self.kept, self.base = sum(self._money), self.kept * fade, self.base * fade
        self._origin_s = now_s

    def place(self, density: float) -> float:
        if density == math.inf:
            return 1.0
        at = _scale(density)
        i = int(at)
        # Within its bucket money is taken to be spread evenly.
        return min(1.0, (sum(self._money[:i]) + self._money[i] * (at - i)) / self.total)


def _scale(density: float) -> float:
    """Where a density lies on the scale of buckets."""
    if density <= 0:
        return 0.0
    return min(_BUCKETS - 0.5, max(0.0, (math.log2(density) - _LOWEST) * _PER_OCTAVE))
