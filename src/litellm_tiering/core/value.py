"""Value: what an upgrade is expected to gain, and what it buys for its price. Pure.

An *upgrade* is the step from one tier that a request may end on to the next dearer one. Where money is tight,
those that gain least for a dollar go first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.classification import Classification

NEUTRAL = 0.5
"""The gain of an upgrade of which nothing is known."""

PINNED = 0.9
"""The gain of one that a rule asked for: somebody has thought about it."""

PROVEN = 1.0
"""The gain of one after a gate has rejected the cheaper answer."""

LEAST = 0.05
"""The smallest gain: scores are guesses, and no request is worth nothing."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One step up.

    Attributes:
        density: The expected gain (0 to 1) for a nano-dollar; infinite where it costs nothing.
        cost: What it costs more than the step below, in nano-dollars.
    """

    density: float
    cost: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request would like to have of a budget's money.

    Attributes:
        upgrades: The steps up to each option but the last, dearest first.
        base: What the last option costs, in nano-dollars: it is had in any case.
    """

    upgrades: tuple[Upgrade, ...]
    base: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request's upgrades compare with all that want the same money.

    Attributes:
        places: For each, what share of the money for upgrades buys less than it does, 0 to 1.
        kept: Which share of that money is left when everybody goes one step down.
        base: What everybody costs without any upgrade, as a multiple of that money.
    """

    places: tuple[float, ...]
    kept: float = 0.0
    base: float = 0.0


def gains(said: Classification, rank: int, options: Sequence[int]) -> tuple[float, ...]:
    """What each option but the last is expected to gain over the next one, 0 to 1.

    On recorded answers (IFEval, GSM8K, MMLU) what the stronger model adds grows about as the score does. Each
    step further below the rank that was asked for halves the doubt in the one above: a request for the
    dearest tier surely needs more than the cheapest.

    Args:
        said: What the classifiers said.
        rank: The rank that the request should have if money were no object.
        options: The ranks it may end on, dearest first.
    """
    doubt = 1.0 - _gain(said)
    floor = said.floor[0] if said.floor else -1
    found = []
    for option in options[:-1]:
        gain = 1.0 - doubt * 0.5 ** max(0, rank - option)
        found.append(max(gain, PINNED) if option <= floor else gain)
    return tuple(found)


def _gain(said: Classification) -> float:
    if said.rank is None:
        return NEUTRAL
    if said.score is None:
        return PINNED if said.by == "rules" else NEUTRAL
    if not math.isfinite(said.score):
        return NEUTRAL
    sure = said.opinions[-1].confidence if said.opinions else 1.0
    score = NEUTRAL + (min(1.0, max(0.0, said.score)) - NEUTRAL) * min(1.0, max(0.0, sure))
    return max(LEAST, score)


def likely(prompt: int, hold: int) -> int:
    """What an answer will probably cost, of which ``hold`` is the most, in nano-dollars.

    ``prompt`` is the prompt's part. A hold covers the longest answers; a typical one is a quarter as long.
    """
    return prompt + max(0, hold - prompt) // _TYPICAL


_TYPICAL = 4


def wanted(expected: Sequence[float], amounts: Sequence[int]) -> Wanted:
    """The upgrades of a request.

    Where a higher step buys more than the one below it, the two are one step: it makes no sense to keep the
    first and to give up the second.

    Args:
        expected: What each gains, 0 to 1.
        amounts: What each option would probably cost, in nano-dollars, the last one included.
    """
    blocks: list[tuple[float, int, int]] = []
    for i in reversed(range(len(expected))):
        block = (expected[i], max(0, amounts[i] - amounts[i + 1]), 1)
        while blocks and _density(block) >= _density(blocks[-1]):
            below = blocks.pop()
            block = (block[0] + below[0], block[1] + below[1], block[2] + below[2])
        blocks.append(block)
    densities = [_density(b) for b in reversed(blocks) for _ in range(b[2])]
    steps = (Upgrade(density, max(0, amounts[i] - amounts[i + 1])) for i, density in enumerate(densities))
    return Wanted(tuple(steps), amounts[-1])


def _density(block: tuple[float, int, int]) -> float:
    return block[0] / block[1] if block[1] else math.inf
