"""Whether what comes in is still like what was trained on: a distribution and rates, block by block.

What is compared is a window of the latest few hundred, never one request. An alarm takes a difference that
matters, that chance does not explain, and that lasts; it goes when the difference has halved.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 100
"""After how many more requests a window is judged again."""

BLOCKS = 10
"""How many blocks a window holds."""

LEAST = 300
"""How many requests there must be for a window to be judged at all."""

IN_A_ROW = 3
"""So many judgements in a row raise an alarm, or end it."""

PSI_FLOOR = 0.15
"""A smaller difference between distributions is none that matters. Lenders, whose measure it is, speak of a
shift from 0.1 on and of a large one from 0.25 on."""

RATE_FLOOR, RATE_SHARE = 0.05, 0.25
"""A rate that is off by less than five points, or by less than a quarter of what it was, does not matter."""

CLEARED = 0.5
"""An alarm goes when the difference is below this share of what raises it."""

Z = 3.72
"""One-sided 1 in 10,000."""

BINS = 10


class Judged(NamedTuple):
    """What a window comes to: the difference, and the one that would raise an alarm."""

    off: float
    limit: float


class Expectation(Protocol):
    """What a window is held against.

    Attributes:
        bins: How many bins the window counts.
    """

    @property
    def bins(self) -> int:
        """How many bins the window counts."""
        ...

    def judge(self, counts: Sequence[int]) -> Judged:
        """How far ``counts`` are off, and how far they may be."""
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of the training: about equally many in each bin.

    Attributes:
        edges: The upper end of each bin but the last, rising; what is equal to one lies below it.
        shares: What share of the training lies in each bin.
        rows: On how many rows that rests.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    rows: int

    @classmethod
    def of(cls, quantiles: Sequence[float], rows: int) -> Scores | None:
        """From quantiles at even steps, the least and the greatest among them; None where all are equal."""
        last = len(quantiles) - 1
        if last < 1 or rows < 1:
            return None
        picked = (quantiles[round(i * last / BINS)] for i in range(1, BINS))
        edges = sorted({edge for edge in picked if edge < quantiles[-1]})
        if not edges:
            return None
        below = [0.0, *(bisect_right(quantiles, edge) / len(quantiles) for edge in edges), 1.0]
        shares = tuple(b - a for a, b in pairwise(below))
        return cls(tuple(edges), shares, rows)

    @property
    def bins(self) -> int:
        """How many there are."""
        return len(self.shares)

    def bin_of(self, score: float) -> int:
        """The bin of a score."""
        return bisect_left(self.edges, score)

    def judge(self, counts: Sequence[int]) -> Judged:
        """The population stability index, and what it must pass.

        Of samples of one distribution it is about ``(1/n + 1/m)`` times a chi-squared variable with a degree
        of freedom less than bins: B. Yurdakul, "Statistical Properties of Population Stability Index" (2018).
        """
        n = sum(counts)
        return Judged(
            stability(counts, self.shares, self.rows),
            max(PSI_FLOOR, chi_squared(len(counts) - 1) * (1 / max(1, n) + 1 / self.rows)),
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something was seen: hits are counted in the second bin.

    Attributes:
        rate: How often, 0 to 1.
        rows: On how many rows that rests.
        only_above: Whether less of it is no news.
    """

    rate: float
    rows: int
    only_above: bool = False

    @property
    def bins(self) -> int:
        """Missed, and hit."""
        return 2

    def judge(self, counts: Sequence[int]) -> Judged:
        """How far the rate is off, and what chance or a trifle would explain."""
        n = max(1, sum(counts))
        off = counts[1] / n - self.rate
        # Half a hit more and half a miss: what was never seen in the training may still be seen.
        known = (self.rate * self.rows + 0.5) / (self.rows + 1)
        spread = math.sqrt(known * (1 - known) * (1 / n + 1 / self.rows))
        limit = max(RATE_FLOOR, RATE_SHARE * self.rate, Z * spread)
        return Judged(max(0.0, off) if self.only_above else abs(off), limit)


def stability(counts: Sequence[int], shares: Sequence[float], rows: int) -> float:
    """The population stability index of counts against the shares of so many rows; 0 where both are alike.

    Half a count is added everywhere: one empty bin must not make it infinite.
    """
    k, n = len(counts), sum(counts)
    found = 0.0
    for count, share in zip(counts, shares, strict=True):
        live = (count + 0.5) / (n + 0.5 * k)
        known = (share * rows + 0.5) / (rows + 0.5 * k)
        found += (live - known) * math.log(live / known)
    return found


def chi_squared(freedom: int, z: float = Z) -> float:
    """The value that a chi-squared variable passes as seldom as a normal one passes ``z``.

    E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", Proceedings of the National Academy of
    Sciences 17 (1931), pages 684-688.
    """
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + z * math.sqrt(part)) ** 3)


class Watched:
    """One figure of a stream of requests, and whether it has drifted.

    Args:
        expected: What it is held against.

    Attributes:
        since_s: Since when it is off, in seconds since the epoch; None while it is not.
        latest: What the latest window came to; None until there is one.
    """

    __slots__ = ("_block", "_blocks", "_in_a_row", "expected", "latest", "since_s")

    def __init__(self, expected: Expectation) -> None:
        self.expected = expected
        self.since_s: float | None = None
        self.latest: Judged | None = None
        self._block = [0] * expected.bins
        self._blocks: deque[list[int]] = deque(maxlen=BLOCKS)
        self._in_a_row = 0

    @property
    def counts(self) -> list[int]:
        """What the whole blocks of the window hold, by bin."""
        return [sum(column) for column in zip(*self._blocks, strict=True)] or [0] * self.expected.bins

    @property
    def seen(self) -> int:
        """How many requests that is."""
        return sum(self.counts)

    def _without_the_oddest(self) -> list[int]:
        """The counts without the block that is farthest off: one burst of like requests is no drift."""
        oddest = max(self._blocks, key=lambda block: self.expected.judge(block).off)
        return [total - odd for total, odd in zip(self.counts, oddest, strict=True)]

    def add(self, bin_: int, now_s: float) -> bool:
        """Count one more request; whether an alarm began or ended with it.

        Raises:
            IndexError: there is no such bin.
        """
        self._block[bin_] += 1
        if sum(self._block) < BLOCK:
            return False
        self._blocks.append(self._block)
        self._block = [0] * self.expected.bins
        if self.seen < LEAST:
            return False
        self.latest = found = self.expected.judge(self._without_the_oddest())
        turns = found.off > found.limit if self.since_s is None else found.off < CLEARED * found.limit
        self._in_a_row = self._in_a_row + 1 if turns else 0
        if self._in_a_row < IN_A_ROW:
            return False
        self._in_a_row = 0
        self.since_s = now_s if self.since_s is None else None
        return True
