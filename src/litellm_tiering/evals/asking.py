"""From arrivals to requests that an engine can be asked: who asks, what for, and how hard it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.heuristic import default_thresholds
from litellm_tiering.core.classification import Opinion
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.plan import Inquiry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.policy import Route
    from litellm_tiering.evals.questions import Question
    from litellm_tiering.evals.trace import Trace

DIFFICULTY = "replay.difficulty"
"""The signal that carries a request's score where there is no prompt to read it from."""

_NO_TEXT = PromptText()
_CLEAR_DISTANCE = 0.12  # as the heuristic has it: this far from every threshold a score is sure of its tier


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be put to an engine, and what its answer will be like.

    Attributes:
        t_s: When, in seconds since the trace's first midnight.
        inquiry: The request.
        prompt_tokens: What is sent.
        completion_tokens: What is answered, by whichever tier.
        question: The real question it is paired with; None without outcomes.
    """

    t_s: float
    inquiry: Inquiry
    prompt_tokens: int
    completion_tokens: int
    question: Question | None = None


class Given:
    """Stands in for the heuristic where a trace has no prompts: tells the score that was made up or noted.

    Args:
        ladder: The ladder.
    """

    kind = "heuristic"

    def __init__(self, ladder: Ladder) -> None:
        self.thresholds = default_thresholds(len(ladder))

    def classify(self, subject: Subject) -> Opinion | None:
        """The score in the request's signals; None where there is none."""
        score = subject.features.signals.get(DIFFICULTY)
        if score is None:
            return None
        distance = min(abs(score - t) for t in self.thresholds)
        confidence = 0.5 + 0.5 * min(1.0, distance / _CLEAR_DISTANCE)
        return Opinion(by=self.kind, score=score, confidence=confidence)


class Asking:
    """Turns the arrivals of a trace into requests under one configuration.

    A request's difficulty is, in this order: that of the question it is paired with, which the
    configuration's own classifiers read; its trace's ``tier``; a place drawn by a seeded hash of its index,
    every tier being as likely as the others.

    Args:
        settings: The owner's settings.
        facts: What the tiers cost and can do.
        questions: What requests are paired with, by a seeded hash of their index; empty for none.
        seed: Another seed, other draws.
    """

    def __init__(
        self,
        settings: Settings,
        facts: tuple[TierFacts, ...],
        questions: Sequence[Question] = (),
        seed: int = 0,
    ) -> None:
        self._ladder = settings.ladder
        self._facts = facts
        self._questions = questions
        self._seed = seed
        self._model = settings.virtual_model
        self._route = _route(settings)
        self._edges = (0.0, *default_thresholds(len(settings.ladder)), 1.0)
        self.settings = settings if questions else replace(settings, chain=_given(settings.ladder))

    def requests(self, trace: Trace, salt: str = "") -> Iterator[Ask]:
        """The requests of a trace, in order; another ``salt`` is another day of like requests."""
        callers: dict[tuple[str, ...], Caller] = {}
        for index, a in enumerate(trace.arrivals):
            who = (a.team, a.key, a.user, a.end_user)
            caller = callers.get(who)
            if caller is None:
                caller = callers[who] = _caller(*who)
            drawn = _drawn(f"{self._seed}:{salt}:{index}")
            question = self._questions[int(drawn * len(self._questions))] if self._questions else None
            # The trace says how much was sent and answered, the question only what was asked.
            base = RequestFeatures(model=self._model) if question is None else question.features
            signals = base.signals if question is not None else {DIFFICULTY: self._score(a.tier, drawn)}
            features = replace(base, prompt_tokens=a.prompt_tokens, max_tokens=a.max_tokens, signals=signals)
            prompt = _NO_TEXT if question is None else question.prompt
            inquiry = Inquiry(features, prompt, caller, self._route, self._ladder.top, self._facts)
            yield Ask(a.t_s, inquiry, a.prompt_tokens, a.completion_tokens, question)

    def _score(self, tier: str, drawn: float) -> float:
        """A score that stands for the tier, or, without one, for any tier with equal chance."""
        count = len(self._ladder)
        rank = self._ladder.find(tier) if tier else None
        if rank is None:
            rank = min(int(drawn * count), count - 1)
            drawn = drawn * count - rank
        low, high = self._edges[rank], self._edges[rank + 1]
        return low + (high - low) * min(drawn, 0.999)


def _given(ladder: Ladder) -> Chain:
    return Chain([Given(ladder)], ladder)


def _route(settings: Settings) -> Route:
    """The route of the virtual name, classified and in force; answers are not there to be gated."""
    found = settings.route_for(settings.virtual_model) or settings.routes[0]
    return replace(found, classify=True, cascade=False, enforce=True)


def _caller(team: str, key: str, user: str, end_user: str) -> Caller:
    return Caller(key=key, key_alias=key, team=team, team_alias=team, user=user, end_user=end_user)


def _drawn(of: str) -> float:
    """A number from 0 to below 1 that looks random and is always the same for the same text."""
    digest = hashlib.blake2b(of.encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
