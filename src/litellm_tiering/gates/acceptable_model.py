"""From features to P(the answer is bad): a trained model, read from its file and asked without numpy.

The score is a sum of three parts: a weighted sum of the features, a few hundred small decision trees, and
weights of hashed words; the last two may be absent. A
logistic curve turns it into a probability, fitted on answers that the parts were not trained on.
"""

from __future__ import annotations

import math
import re
import zlib
from typing import TYPE_CHECKING

from litellm_tiering.gates.acceptable_features import NAMES, VERSION
from litellm_tiering.weights import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from litellm_tiering.weights import Stored

KIND = "gate"
"""What :mod:`litellm_tiering.weights` calls such a model."""

CLIP = 4.0
"""In the weighted sum no feature counts as further than so many deviations from the mean."""

MAX_NODES = 100_000
MAX_WORD_SLOTS = 1 << 16
WORD_CHARS = 4_000
"""So much of the head of a prompt, and of an answer's head and tail, is read for words."""

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 600
_FURTHEST = 30.0


def slots_of(text: str, slots: int) -> set[int]:
    """The slots that the words of ``text`` fall into: the lower-case words themselves, each once."""
    if len(text) > 2 * WORD_CHARS:
        text = f"{text[:WORD_CHARS]} {text[-WORD_CHARS:]}"
    words = set(_WORD.findall(text.lower())[: 2 * _MOST_WORDS])
    return {zlib.crc32(word.encode("utf-8", "replace")) % slots for word in words}


class Model:
    """A trained model.

    Args:
        stored: What a file held.

    Raises:
        BadModel: it does not fit together, or was trained on other features.
    """

    __slots__ = (
        "_answer_words",
        "_linear",
        "_mean",
        "_nodes",
        "_offset",
        "_prompt_words",
        "_roots",
        "_scale",
        "_slope",
    )

    def __init__(self, stored: Stored) -> None:
        if stored.whole("features", 0, 10**6) != VERSION or stored.header.get("names") != list(NAMES):
            stored.refuse("was trained on other features than this version measures")
        count = len(NAMES)
        self._mean = stored.array("mean", count).tolist()
        self._scale = stored.array("scale", count).tolist()
        if min(self._scale) <= 0:
            stored.refuse("its weights `scale` are not all above 0")
        self._linear = stored.array("linear", count).tolist()
        self._slope = stored.number("slope", 0.0, 100.0)
        self._offset = stored.number("offset", -100.0, 100.0)
        self._nodes, self._roots = _trees(stored)
        self._prompt_words = _words(stored, "prompt_words")
        self._answer_words = _words(stored, "answer_words")

    def score(self, values: Sequence[float], prompt: str, answer: str) -> float:
        """The score, log-odds of some kind: higher for what is more likely bad.

        Args:
            values: The features, in the order of ``NAMES``.
            prompt: The question.
            answer: The answer's text.
        """
        total = 0.0
        for value, mean, scale, weight in zip(values, self._mean, self._scale, self._linear, strict=True):
            total += max(-CLIP, min(CLIP, (value - mean) / scale)) * weight
        nodes = self._nodes
        for root in self._roots:
            node = nodes[root]
            while node[0] >= 0:
                node = nodes[node[2] if values[node[0]] <= node[1] else node[2] + 1]
            total += node[1]
        for text, weights in ((prompt, self._prompt_words), (answer, self._answer_words)):
            if weights:
                slots = slots_of(text, len(weights))
                total += sum(map(weights.__getitem__, slots)) / math.sqrt(max(1, len(slots)))
        return total

    def p_bad(self, values: Sequence[float], prompt: str, answer: str) -> float:
        """How likely the answer is bad, 0 to 1."""
        return logistic(self._slope * self.score(values, prompt, answer) + self._offset)


def logistic(value: float) -> float:
    """``1 / (1 + exp(-value))``, whatever the value."""
    return 1.0 / (1.0 + math.exp(-max(-_FURTHEST, min(_FURTHEST, value))))


def load(path: Path | str) -> Model:
    """The model in a file.

    Raises:
        BadModel: there is none that can be used; the message names the file, what is wrong, and the fix.
    """
    return Model(read(path, KIND))


def _trees(stored: Stored) -> tuple[list[tuple[int, float, int]], list[int]]:
    """Nodes ``(feature, threshold, left child)``, the right child after the left; a leaf has feature -1."""
    features, values, lefts = (stored.array(f"tree_{part}") for part in ("feature", "value", "left"))
    roots = stored.array("tree_root")
    count = len(features)
    if count > MAX_NODES or len(values) != count or len(lefts) != count or len(roots) > count:
        stored.refuse("its trees do not fit together")
    nodes: list[tuple[int, float, int]] = []
    for i, (feature, value, left) in enumerate(zip(features, values, lefts, strict=True)):
        is_leaf = feature == -1
        # A child comes after its parent, so that every walk ends.
        sound = is_leaf or (feature in range(len(NAMES)) and left == int(left) and i < left < count - 1)
        if not sound:
            stored.refuse("its trees do not fit together")
        nodes.append((int(feature), value, int(left) if not is_leaf else 0))
    if not all(root == int(root) and 0 <= root < count for root in roots):
        stored.refuse("its trees do not fit together")
    return nodes, [int(root) for root in roots]


def _words(stored: Stored, name: str) -> list[float]:
    weights = stored.array(name).tolist()
    if len(weights) > MAX_WORD_SLOTS:
        stored.refuse(f"its weights `{name}` are more than {MAX_WORD_SLOTS}")
    return weights
