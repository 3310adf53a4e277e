"""A score from cheap signs: the number of words first, then what they ask for.

On real outcomes (RouteLLM's GSM8K and MMLU, and eleven other sets) nothing that was learned on some kinds of
traffic ranked another kind better than the number of words does. So the score is a logarithm of the words
that ask: a prior, no learned difficulty. Corrections are kept to where length is known to mislead: firm signs
of hard work (a proof asked for, a design of something technical) count at any length; hints (the kind of
work, code, constraints) count in short questions and fade out by about 45 words, beyond which they made the
ranking worse on most sets. What is asked is told from a long document, from boilerplate and from pleas for a
better model as the request is read.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from litellm_tiering.core.classification import Opinion
from litellm_tiering.core.features import TaskType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.core.ladder import Ladder

SMALLTALK_SCORE = 0.02
"""What a greeting or thanks scores, whatever came before."""

_FULL_WORDS = 2_000
_WORDS_SHARE = 0.80
_DOCUMENT_SHARE = 0.03
_CLEAR_DISTANCE = 0.12
_CHOICES = 3
_SHORT_SCORE = 0.25
_HINTED_UP_TO = 0.40
"""The share of ``words`` from which hints say nothing: that of some 45 words."""
_MOST_HINTED = 0.38
_FEW, _MANY = 0.345, 0.40
"""Between these shares of ``words``, of 26 and 45 words, long words cease to pass for technical ones."""

# By how much a kind of work is harder than its number of words says. Small: a guess of the kind is a guess.
_TASKS: Mapping[TaskType, float] = {
    TaskType.CHAT: 0.0,
    TaskType.QUESTION: 0.0,
    TaskType.CLASSIFICATION: -0.16,
    TaskType.EXTRACTION: -0.10,
    TaskType.SUMMARY: -0.04,
    TaskType.TRANSLATION: -0.12,
    TaskType.CODE: 0.12,
    TaskType.MATHS: 0.08,
    TaskType.ANALYSIS: 0.06,
    TaskType.PLANNING: 0.04,
    TaskType.CREATIVE: 0.0,
}
_TRANSFORMS = frozenset(
    {TaskType.CLASSIFICATION, TaskType.EXTRACTION, TaskType.SUMMARY, TaskType.TRANSLATION}
)


class HeuristicClassifier:
    """Scores a request between 0 and 1, higher for those that need a stronger model.

    Args:
        ladder: The ladder; without ``thresholds`` its size says which are used.
        thresholds: One for each tier but the cheapest, rising; a score that reaches one gets its tier.
        abstain_below: With less confidence than this it gives no score; 0 lets it always decide.

    Raises:
        ValueError: the number of thresholds does not fit the ladder, or they do not rise.
    """

    kind = "heuristic"

    __slots__ = ("abstain_below", "thresholds")

    def __init__(
        self, ladder: Ladder, thresholds: Sequence[float] | None = None, *, abstain_below: float = 0.0
    ) -> None:
        found = default_thresholds(len(ladder)) if thresholds is None else tuple(thresholds)
        if len(found) != ladder.top:
            raise ValueError(f"{len(ladder)} tiers need {ladder.top} thresholds, not {len(found)}")
        if any(not low < high for low, high in pairwise(found)):
            raise ValueError("thresholds must rise from tier to tier")
        self.thresholds = found
        self.abstain_below = abstain_below

    def classify(self, subject: Subject) -> Opinion | None:
        """The score of ``subject``; None where there is no text to go by."""
        features = subject.features
        if not features.question_words and not subject.prompt.question:
            return None
        parts = explain_score(features)
        score = min(1.0, max(0.0, sum(parts.values())))
        confidence = self._confidence(features, score)
        parts["score"] = score
        abstains = confidence < self.abstain_below
        return Opinion(by=self.kind, score=None if abstains else score, confidence=confidence, signals=parts)

    def _confidence(self, features: RequestFeatures, score: float) -> float:
        """How sure the score is of its tier: 0.5 on a threshold, nearly 1 far from all of them."""
        if features.smalltalk:
            return 1.0
        distance = min(abs(score - t) for t in self.thresholds)
        confidence = 0.5 + 0.5 * min(1.0, distance / _CLEAR_DISTANCE)
        if not features.language and not features.code:
            confidence *= 0.8  # its words could not be read
        if features.truncated:
            confidence *= 0.9
        return round(confidence, 4)


def default_thresholds(tiers: int) -> tuple[float, ...]:
    """The thresholds for a ladder of ``tiers``: equal steps between those that three tiers have.

    With three tiers: plain questions of more than about 25 words, and shorter ones with some sign of
    difficulty, leave the cheapest tier; hard work, and questions of some 120 words, go to the dearest. Two
    tiers part where doubt is worth the dearer model's price.

    Raises:
        ValueError: a ladder has two tiers or more.
    """
    if tiers < 2:  # noqa: PLR2004 - a ladder has two rungs
        raise ValueError("a ladder needs at least two tiers")
    low, high = _LOWEST, _HIGHEST
    if tiers == 2:  # noqa: PLR2004 - as above
        return (round((low + high) / 2 - 0.02, 4),)
    step = (high - low) / (tiers - 2)
    return tuple(round(low + step * i, 4) for i in range(tiers - 1))


_LOWEST, _HIGHEST = 0.34, 0.50


def explain_score(features: RequestFeatures) -> dict[str, float]:
    """The parts that a score is the sum of, by name.

    ``words`` is the greatest of them: 0.8 at 2,000 words, on a logarithmic scale. ``hard`` lifts a short hard
    question as far as a long plain one. The others are hints, and fade as the words become more.
    """
    if features.smalltalk:
        return {"words": SMALLTALK_SCORE}
    s = features.signals
    asked = s.get("asked_words", float(features.question_words))
    document = s.get("document_words", 0.0)
    # In a question with choices the words of the choices are not what is asked for: only its length tells.
    choices = s.get("options", 0.0) >= _CHOICES
    if choices:
        asked, document = asked + document, 0.0
    words = _WORDS_SHARE * math.log1p(asked) / _LOG_FULL
    parts = {"words": words}
    if not choices:
        parts.update(_corrections(s, features, asked, words))
    if document:
        parts["document"] = _DOCUMENT_SHARE * min(1.0, math.log1p(document) / _LOG_FULL)
        if features.task_type not in _TRANSFORMS and not s.get("lookup"):
            parts["document"] *= 2.0
    if features.tools:
        parts["tools"] = 0.03
    if features.images or features.audio or features.files:
        parts["attachments"] = 0.03
    return parts


_LOG_FULL = math.log1p(_FULL_WORDS)


def _corrections(
    s: Mapping[str, float], features: RequestFeatures, asked: float, words: float
) -> dict[str, float]:
    """What signs add to what ``words`` says: firm ones at any length, hints in short questions."""
    few = max(0.0, min(1.0, (_MANY - words) / (_MANY - _FEW)))
    firm = _firm(s, features, few)
    hinted = max(0.0, 1.0 - words / _HINTED_UP_TO)
    hints = _hints(s, features, asked) if hinted else {}
    # With more in all than this, a word more would take more from the hints than it adds by itself.
    together = sum(hints.values())
    weight = hinted if together <= _MOST_HINTED else hinted * _MOST_HINTED / together
    parts = {name: weight * value for name, value in hints.items()}
    if firm:
        parts.pop("lookup", None)
        # What is left of the way to 1 is shared out: a long question says by its length what a short one can
        # only say by its words.
        parts["hard"] = firm * (1.0 - words) / (1.0 - _SHORT_SCORE)
    return parts


def _firm(s: Mapping[str, float], features: RequestFeatures, few: float) -> float:
    """What hard work adds: a verb of hard kind, and something technical to do it to; or a proof.

    Long words pass for technical ones in short questions only: there are some in every long text.
    """
    hard, proof = s.get("hard", 0.0), s.get("proof", 0.0)
    if not (hard or proof) or (features.task_type is TaskType.CREATIVE and not proof):
        return 0.0  # a letter or a story about something technical is still a letter or a story
    if s.get("lookup") and not proof and hard < 2:  # noqa: PLR2004 - "what does … mean" is looked up
        return 0.0
    technical = _technical(s, features) + few * min(2.0, _long_words(s, features))
    if proof:
        return min(1.0, proof) * (0.30 + 0.03 * min(3.0, technical))
    if technical < 1.0:
        return 0.0
    return min(1.0, hard) * (0.24 + 0.03 * min(3.0, technical - 1.0) + 0.03 * min(2.0, max(0.0, hard - 1.0)))


def _hints(s: Mapping[str, float], features: RequestFeatures, asked: float) -> dict[str, float]:
    """What each of the fainter signs adds to a question of hardly a word."""
    hints = {}
    task = _TASKS[features.task_type]
    if task:
        hints["task"] = task
    hard = _hint_of_hard(s, features)
    if hard:
        hints["hard"] = hard
    elif s.get("lookup") and asked <= 12:  # noqa: PLR2004 - words of a plain lookup
        hints["lookup"] = -0.12
    if features.code:
        hints["code"] = 0.06
    constraints, questions = s.get("constraints", 0.0), s.get("questions", 0.0)
    if constraints:
        hints["constraints"] = 0.01 * min(8.0, constraints)
    if questions > 1.0:
        hints["questions"] = 0.03 * min(3.0, questions - 1.0)
    return hints


def _hint_of_hard(s: Mapping[str, float], features: RequestFeatures) -> float:
    hard = s.get("hard", 0.0)
    if features.task_type is TaskType.CREATIVE:
        return 0.08 * min(2.0, hard)
    if s.get("lookup") and hard < 2:  # noqa: PLR2004 - as above
        return 0.0
    if hard:
        return 0.12 * min(2.0, hard)
    technical = _technical(s, features) + min(2.0, _long_words(s, features))
    if s.get("why") and technical >= _SOME:
        return 0.16 + 0.12 * min(3.0, technical)
    if s.get("maths", 0.0) > _FORMULAE and features.task_type is TaskType.MATHS and not s.get("questions"):
        return 0.24  # "find the sum of 1/(n^2 + 1)" has few words and no name
    return 0.08 * min(3.0, max(0.0, technical - _SOME))


def _technical(s: Mapping[str, float], features: RequestFeatures) -> float:
    return s.get("technical", 0.0) + (features.code or s.get("maths", 0.0) > 1.0)


def _long_words(s: Mapping[str, float], features: RequestFeatures) -> float:
    return 0.34 * s.get("long_words", 0.0) * (0.5 if features.language in _LONG_WORDED else 1.0)


_SOME = 0.6
_FORMULAE = 1.5
# Languages that write compounds and endings where English writes words.
_LONG_WORDED = frozenset({"de", "nl", "sv", "tr", "pl", "ru", "uk", "el"})
