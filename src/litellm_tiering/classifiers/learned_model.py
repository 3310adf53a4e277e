"""A trained router, read from its file: from a request to the expected gain of each step up the ladder.

The gain of a step is how much better the stronger tier's answer is expected to be, on the scale of the
training data's qualities. It is linear in the request's numbers and words, with weights found by
:mod:`litellm_tiering.evals.fit`, then put on the scale of what was seen on rows held out: isotonic, joined by
straight lines, and rising everywhere, so that equal gains do not hide which request ranks higher.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.classifiers.learned_features import (
    NAMES,
    VERSION,
    buckets_of,
    clipped,
    groups_of,
    numbers_of,
    system_buckets,
    tokens_of,
)
from litellm_tiering.weights import read

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from litellm_tiering.core.features import PromptText, RequestFeatures
    from litellm_tiering.weights import Stored

KIND = "router"
"""What such a model is called in its file."""

FARTHEST = 4.0
"""So many standard deviations from the mean a number counts at most."""

SYSTEM_SHARE = 0.5
"""How much the words of the system prompt count beside those of the question."""

GROUP_SHARE = 0.5
"""How much one use case or tag counts beside all words of the question."""

UNFAMILIAR = 0.6
"""The confidence in a request that only one in a hundred of the training data is as unlike the others as."""

TILT = 1e-4
"""The least slope of a calibration: what keeps the order of requests whose gain is the same."""

MAX_STEPS = 9
MAX_BUCKETS = 1 << 16
MAX_GROUPS = 256
MAX_KNOTS = 64
_LARGEST = 1e6


class Predicted(NamedTuple):
    """What a model makes of one request.

    Attributes:
        score: The expected gain of one step up, the mean over the ladder's steps.
        gains: The expected gain of each step, the cheapest first.
        confidence: How like the training data the request is, 0 to 1.
    """

    score: float
    gains: tuple[float, ...]
    confidence: float


class Calibration:
    """A rising line through a few points.

    Args:
        points: Where the line bends, as pairs of a raw value and the gain seen there.

    Raises:
        ValueError: there are none, or they do not rise.
    """

    __slots__ = ("_xs", "_ys")

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        if not points or any(not (a[0] < b[0] and a[1] <= b[1]) for a, b in pairwise(points)):
            raise ValueError("a calibration needs points that rise")
        self._xs = tuple(x for x, _ in points)
        self._ys = tuple(y for _, y in points)

    def __call__(self, raw: float) -> float:
        """The gain that ``raw`` stands for."""
        xs, ys = self._xs, self._ys
        tilt = TILT * (raw - xs[0])
        if raw <= xs[0]:
            return ys[0] + tilt
        if raw >= xs[-1]:
            return ys[-1] + tilt
        i = bisect_right(xs, raw)
        part = (raw - xs[i - 1]) / (xs[i] - xs[i - 1])
        return ys[i - 1] + part * (ys[i] - ys[i - 1]) + tilt


class RouterModel:
    """The weights of a trained router, checked.

    Args:
        stored: The file's content.

    Raises:
        BadModel: it does not hold together, or was written for other features.
    """

    __slots__ = (
        "_base",
        "_calibrations",
        "_groups",
        "_idf",
        "_mask",
        "_means",
        "_novelty",
        "_numbers",
        "_scales",
        "_words",
        "digest",
        "header",
        "quantiles",
        "steps",
        "thresholds",
        "wants_rules",
    )

    def __init__(self, stored: Stored) -> None:
        if stored.whole("features", 0, 10**6) != VERSION:
            stored.refuse(f"it was trained for other features than these, of version {VERSION}")
        if any(abs(v) > _LARGEST for values in stored.arrays.values() for v in values):
            stored.refuse("its weights are larger than any training finds")
        self.header: Mapping[str, Any] = stored.header
        self.digest = stored.digest
        self.steps = stored.whole("steps", 1, MAX_STEPS)
        buckets = stored.whole("buckets", 2, MAX_BUCKETS)
        if buckets & (buckets - 1):
            stored.refuse("its number of buckets is no power of two")
        self._mask = buckets - 1
        steps = range(self.steps)
        self._means = stored.array("means", len(NAMES)).tolist()
        self._scales = stored.array("scales", len(NAMES)).tolist()
        self._idf = stored.array("idf", buckets).tolist()
        self._base = stored.array("base", self.steps).tolist()
        self._numbers = [stored.array(f"numbers:{k}", len(NAMES)).tolist() for k in steps]
        words = (stored.array(f"words:{k}", buckets) for k in steps)
        # A word's weight and how much it counts are always multiplied: once, here.
        self._words = [[w * i for w, i in zip(one, self._idf, strict=True)] for one in words]
        names = _names(stored)
        groups = [stored.array(f"groups:{k}", len(names)).tolist() for k in steps]
        self._groups = {name: tuple(one[i] for one in groups) for i, name in enumerate(names)}
        self.wants_rules = any(name.startswith("rule:") for name in names)
        self._calibrations = _calibrations(stored, self.steps)
        self._novelty = _rising(stored, "novelty", 2, strictly=False)
        self.quantiles = _rising(stored, "quantiles", 101, strictly=False)
        self.thresholds = _rising(stored, "thresholds", self.steps)

    @classmethod
    def load(cls, path: Path | str) -> RouterModel:
        """The model in a file.

        Raises:
            BadModel: there is none that can be used.
        """
        return cls(read(path, KIND))

    def predict(self, features: RequestFeatures, prompt: PromptText, rules: Iterable[str] = ()) -> Predicted:
        """The expected gains of a request; ``rules`` are the names of the rules that bound it."""
        text = clipped(prompt.question)
        tokens = tokens_of(text)
        zs = self._standard(numbers_of(features, text, tokens))
        raw = [b + sum(map(_times, zs, n)) for b, n in zip(self._base, self._numbers, strict=True)]
        novelty = self._add_words(raw, buckets_of(tokens, self._mask), 1.0)
        if prompt.system:
            self._add_words(raw, system_buckets(prompt.system, self._mask), SYSTEM_SHARE)
        if self._groups:
            for name in (*groups_of(features), *(f"rule:{r}" for r in rules)):
                for k, weight in enumerate(self._groups.get(name, ())):
                    raw[k] += GROUP_SHARE * weight
        gains = tuple(c(r) for c, r in zip(self._calibrations, raw, strict=True))
        return Predicted(sum(gains) / self.steps, gains, self._confidence(novelty))

    def _standard(self, numbers: list[float]) -> list[float]:
        """The numbers as the training saw them: mean 0, deviation 1, none very far off."""
        found = []
        for value, mean, scale in zip(numbers, self._means, self._scales, strict=True):
            z = (value - mean) * scale
            found.append(z if -FARTHEST < z < FARTHEST else math.copysign(FARTHEST, z))
        return found

    def _add_words(self, raw: list[float], hits: Counter[int], share: float) -> float:
        """Add what a text's words say to ``raw``; how rare they were in the training data, on average."""
        if not hits:
            return 0.0
        idf, square, total = self._idf, 0.0, 0.0
        weighed = [(bucket, _TF[n] if n < _TABLE else 1.0 + math.log(n)) for bucket, n in hits.items()]
        for bucket, tf in weighed:
            found = tf * idf[bucket]
            square += found * found
            total += tf
        norm = share / math.sqrt(square) if square > 0.0 else 0.0
        rarity = sum([tf * idf[bucket] for bucket, tf in weighed]) / total
        for k, words in enumerate(self._words):
            raw[k] += norm * sum([tf * words[bucket] for bucket, tf in weighed])
        return rarity

    def _confidence(self, novelty: float) -> float:
        usual, rare = self._novelty
        if novelty <= usual:
            return 1.0
        if novelty <= rare:
            return 1.0 - (1.0 - UNFAMILIAR) * (novelty - usual) / (rare - usual)
        span = 2.0 * max(rare - usual, 1e-6)
        return max(0.0, UNFAMILIAR * (1.0 - (novelty - rare) / span))

    def thresholds_for(self, tiers: int) -> tuple[float, ...]:
        """The scores from which each tier but the cheapest is chosen, on a ladder of ``tiers``.

        Those of the training where its ladder had as many; else spread around them, at quantiles of the
        scores that the training data got.
        """
        if tiers == self.steps + 1:
            return self.thresholds
        count = tiers - 1
        middle = sum(bisect_right(self.quantiles, t) for t in self.thresholds) / len(self.thresholds)
        middle = min(95.0, max(5.0, middle))
        width = 2.0 * min(middle, 100.0 - middle) / (count + 1)
        places = [middle + (i - (count - 1) / 2) * width for i in range(count)]
        found: list[float] = []
        for place in places:
            low = min(99, int(place))
            here = self.quantiles[low] + (place - low) * (self.quantiles[low + 1] - self.quantiles[low])
            found.append(here if not found or here > found[-1] else math.nextafter(found[-1], math.inf))
        return tuple(found)


_TABLE = 256
_TF = (0.0, *(1.0 + math.log(n) for n in range(1, _TABLE)))


def _times(a: float, b: float) -> float:
    return a * b


def _names(stored: Stored) -> list[str]:
    """The groups that the model knows."""
    names = stored.header.get("groups")
    if not isinstance(names, list) or len(names) > MAX_GROUPS or not all(isinstance(n, str) for n in names):
        stored.refuse("its groups are no list of names")
    if len(set(names)) != len(names):
        stored.refuse("it names a group twice")
    return names


def _rising(stored: Stored, key: str, count: int, *, strictly: bool = True) -> tuple[float, ...]:
    """So many numbers of the header that rise, or at least do not fall."""
    found = stored.header.get(key)
    if not isinstance(found, list) or len(found) != count or not all(map(_is_number, found)):
        stored.refuse(f"its `{key}` are not {count} numbers")
    values = tuple(map(float, found))
    if not all(a < b if strictly else a <= b for a, b in pairwise(values)):
        stored.refuse(f"its `{key}` do not rise")
    return values


def _calibrations(stored: Stored, steps: int) -> list[Calibration]:
    found = stored.header.get("calibration")
    if not isinstance(found, list) or len(found) != steps:
        stored.refuse(f"it has no calibration for {steps} steps")
    lines = []
    for points in found:
        if (
            not isinstance(points, list)
            or not 0 < len(points) <= MAX_KNOTS
            or not all(map(_is_point, points))
        ):
            stored.refuse("its calibration is no list of a few points")
        try:
            lines.append(Calibration([(float(x), float(y)) for x, y in points]))
        except ValueError:
            stored.refuse("its calibration does not rise")
    return lines


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))  # noqa: PLR2004 - x and y


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= _LARGEST
