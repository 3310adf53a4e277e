"""The numbers to write into a configuration for a policy that was found: short ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from litellm_tiering.evals.policy_sim import Recorded

    Floats = npt.NDArray[np.float64]

_DIGITS = 17


def thresholds(score: Floats, cuts: Sequence[int], used: Sequence[int], top: int) -> tuple[float, ...]:
    """A threshold for every rank of the ladder but the cheapest, rising.

    Ranks that are not used get none of the questions: their thresholds lie in the same gap between scores as
    the next one's.

    Args:
        score: The scores, sorted.
        cuts: How many of them lie below each tier used but the cheapest.
        used: The ranks used, rising; the last is ``top``.
        top: The highest rank.
    """
    places = [0 if r <= used[0] else cuts[sum(u < r for u in used) - 1] for r in range(1, top + 1)]
    found: list[float] = []
    for place in dict.fromkeys(places):
        found += _in_gap(score, place, places.count(place))
    return tuple(found)


def _in_gap(score: Floats, cut: int, count: int) -> list[float]:
    """So many numbers, rising, that part the scores below ``cut`` from the others; the last does it best."""
    if not len(score):
        return [float(i) for i in range(count)]
    low, high = float(score[0]), float(score[-1])
    reach = max(high - low, 1e-3 * max(1.0, abs(high), abs(low)))
    if cut == 0:
        # Whatever comes, lower scores than ever seen included, goes up.
        below, last = low - 3 * reach, short(low - 2 * reach, low - reach)
    elif cut == len(score):
        # A score higher than any that was seen is news, and goes up.
        below, last = high, short(high, high + reach / 100)
    else:
        below = float(score[cut - 1])
        last = short(below, float(score[cut]))
    found = [last]
    while len(found) < count:
        found.insert(0, short(below, math.nextafter(found[0], -math.inf)))
    return found


def short(above: float, to: float) -> float:
    """The number of the fewest decimals near the middle that is more than ``above`` and at most ``to``."""
    middle = above + (to - above) / 2
    for digits in range(_DIGITS):
        found = round(middle, digits)
        if above < found <= to:
            return found + 0.0  # not -0.0
    return to


def minima(recorded: Recorded, level: Mapping[str, float]) -> dict[str, float]:
    """The thresholds of gates that reject as those of ``level`` do."""
    found = {}
    for word in recorded.knobs:
        worth, least = word.worth, level[word.name]
        if worth is None or least == word.least:
            found[word.name] = least
            continue
        below, above = worth[worth < least], worth[worth >= least]
        low = float(below.max()) if below.size else least - abs(least) - 1e-3
        found[word.name] = short(low, min(float(above.min()), least) if above.size else least)
    return found
