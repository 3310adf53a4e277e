"""Recorded outcomes for replay: questions, and what a weak and a strong model's answers were worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.features import PromptText, RequestFeatures


@dataclass(frozen=True, slots=True)
class Question:
    """One question that both models answered.

    Attributes:
        features: The question in numbers, as the classifiers see it.
        prompt: Its text, bounded.
        weak: How good the weak model's answer was, on the file's own scale.
        strong: The same of the strong model.
    """

    features: RequestFeatures
    prompt: PromptText
    weak: float
    strong: float

    def quality(self, rank: int, top: int) -> float:
        """What the answer of a tier is worth: the weak model stands for rank 0, the strong one for ``top``.

        Nobody has recorded the tiers between: they lie on the straight line from one to the other, which no
        single answer does and the average of many may.
        """
        return self.weak + (self.strong - self.weak) * rank / top


def question_in(line: Mapping[str, Any], weak: str, strong: str, model: str) -> Question | None:
    """The question of an outcome line; None where one of the models did not answer, or there is no prompt.

    Args:
        line: ``{id, prompt | messages, responses: {MODEL: {correct | score}}}``.
        weak: The weak model's name in the file.
        strong: The strong one's.
        model: The model name that is asked for.
    """
    responses = line.get("responses")
    if not isinstance(responses, dict):
        return None
    low, high = (_score(responses.get(name)) for name in (weak, strong))
    messages, prompt = line.get("messages"), line.get("prompt")
    if isinstance(prompt, str):
        messages = [{"role": "user", "content": prompt}]
    if low is None or high is None or not isinstance(messages, list) or not messages:
        return None
    features, text = read_request({"messages": messages, "model": model}, Surface.CHAT)
    return Question(features, text, low, high)


def _score(response: object) -> float | None:
    """How good an answer was: its ``score``, else whether it was ``correct``; None where nobody said."""
    if not isinstance(response, dict):
        return None
    found = response.get("score", response.get("correct"))
    if not isinstance(found, (int, float)) or not math.isfinite(found):
        return None
    return float(found)
