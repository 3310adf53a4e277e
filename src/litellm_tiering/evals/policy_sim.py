"""What a cascade makes of recorded answers, for every tier that a question may begin at.

It does what :func:`litellm_tiering.core.cascade.next_action` and
:class:`litellm_tiering.gates.panel.Panel` do, for all questions at once: the first gate that rejects an
answer decides, a rejected answer sends the question one tier up while that is allowed, every answer asked for
is paid, and where all are rejected the least doubtful is served, of equals the stronger tier's. A test holds
the two together.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]
    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class GateWord:
    """What one gate says of every tier's answer to every question.

    Attributes:
        name: The gate's name.
        rejects: Whether it rejects, by tier and question.
        p_bad: How likely bad it finds the answer, 0 to 1.
        worth: What its threshold is compared with: an answer is rejected where this is below it. None of a
            gate without a threshold that can be tuned. Not a number where the gate abstains.
        least: The threshold that the configuration gives it.
    """

    name: str
    rejects: Bools
    p_bad: Floats
    worth: Floats | None = None
    least: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What the model that stands for each tier made of each question; arrays are by tier and question.

    Attributes:
        quality: How good the answers were.
        cost: What they cost.
        words: What each gate says, in the order in which they are asked; empty without a cascade.
        cap: The highest tier that an escalation may reach, by question.
        max_escalations: How many stronger tiers may be tried.
    """

    quality: Floats
    cost: Floats
    words: Sequence[GateWord]
    cap: Ints
    max_escalations: int = 1

    @property
    def knobs(self) -> tuple[GateWord, ...]:
        """The gates whose thresholds can be tuned."""
        return tuple(w for w in self.words if w.worth is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What becomes of every question, by the tier that it begins at.

    Attributes:
        quality: How good the answer is that is served.
        cost: What all attempts cost.
        served: The tier whose answer is served.
        attempts: How many tiers were asked.
    """

    quality: Floats
    cost: Floats
    served: Ints
    attempts: Ints


def simulate(recorded: Recorded, least: Mapping[str, float] | None = None) -> Run:
    """The outcome for each tier to begin at.

    Args:
        recorded: The answers.
        least: Thresholds by a gate's name, where they are not the configuration's.
    """
    tiers, count = recorded.quality.shape
    every = range(tiers)
    if not recorded.words:
        served = np.repeat(np.arange(tiers)[:, None], count, axis=1)
        return Run(recorded.quality, recorded.cost, served, np.ones((tiers, count), np.int64))
    rejected, p_bad = judged(recorded.words, least or {})
    climbs = [_climb(recorded, rejected, p_bad, r) for r in every]
    tier = np.stack([served for served, _, _ in climbs])
    cost, attempts = np.stack([c for _, c, _ in climbs]), np.stack([a for _, _, a in climbs])
    quality = np.take_along_axis(recorded.quality, tier, axis=0)
    return Run(quality, cost, tier, attempts)


def judged(words: Sequence[GateWord], least: Mapping[str, float]) -> tuple[Bools, Floats]:
    """Whether any gate rejects, and how likely bad the answer is by those that were asked until then."""
    rejected = np.zeros(words[0].rejects.shape, bool)
    p_bad = np.zeros(words[0].rejects.shape)
    for word in words:
        asked = ~rejected
        p_bad = np.where(asked, np.maximum(p_bad, word.p_bad), p_bad)
        rejects = word.rejects
        if word.worth is not None and word.name in least:
            rejects = word.worth < least[word.name]  # never true where it abstains
        rejected = rejected | (asked & rejects)
    return rejected, p_bad


def _climb(recorded: Recorded, rejected: Bools, p_bad: Floats, start: int) -> tuple[Ints, Floats, Ints]:
    """Where each question that begins at ``start`` ends, what was paid, and how many attempts were made."""
    count = recorded.quality.shape[1]
    served = np.full(count, start)
    least_doubt = p_bad[start].copy()
    cost, attempts = recorded.cost[start].copy(), np.ones(count, np.int64)
    open_ = rejected[start]
    top = len(recorded.quality) - 1
    for tier in range(start + 1, min(top, start + recorded.max_escalations) + 1):
        tried = open_ & (tier <= recorded.cap)
        cost += np.where(tried, recorded.cost[tier], 0.0)
        attempts += tried
        better = tried & (~rejected[tier] | (p_bad[tier] <= least_doubt))
        served = np.where(better, tier, served)
        least_doubt = np.where(better, p_bad[tier], least_doubt)
        open_ = tried & rejected[tier]
    return served, cost, attempts
