"""LiteLLM's own complexity scorer as one signal among others.

The scorer itself is LiteLLM's, which only the gateway imports: :func:`provide` is where it hands over what
makes one. On recorded outcomes it ranks below counting words, so it is for
those who want its tiers, not a better default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.core.classification import Opinion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder

BOUNDARIES = (0.15, 0.35, 0.60)
"""Where LiteLLM's tiers SIMPLE, MEDIUM, COMPLEX and REASONING part, as it has them."""

MAX_CHARS = 2_000
"""How much of a question is scored: the scorer takes a tenth of a second at 100,000 characters."""

_CLEAR_DISTANCE = 0.15
_TAIL = 4


class Scored(NamedTuple):
    """What LiteLLM's scorer says of a text: its score, and which of its four tiers it chooses, from 0."""

    score: float
    tier: int


class _Source:
    """Where the scorer comes from; filled by the gateway, asked once."""

    def __init__(self) -> None:
        self.make: Callable[[], Callable[[str], Scored]] | None = None
        self.made: Callable[[str], Scored] | None = None


_SOURCE = _Source()


def provide(make: Callable[[], Callable[[str], Scored]]) -> None:
    """Say what makes LiteLLM's scorer; it is called when the first classifier is asked."""
    _SOURCE.make = make
    _SOURCE.made = None


def default_thresholds(tiers: int) -> tuple[float, ...]:
    """LiteLLM's own boundaries for a ladder of two, three or four tiers.

    Raises:
        ValueError: the ladder has more tiers than LiteLLM tells apart.
    """
    if not 1 < tiers <= len(BOUNDARIES) + 1:
        raise ValueError(f"LiteLLM tells {len(BOUNDARIES) + 1} tiers apart: give thresholds for {tiers}")
    return BOUNDARIES[: tiers - 1]


class LitellmClassifier:
    """Scores a question as LiteLLM's complexity router does, bounded in length.

    Args:
        ladder: The ladder.
        thresholds: One for each tier but the cheapest, rising; LiteLLM's own when None.
        abstain_below: With less confidence than this it gives no score; 0 lets it always decide.
        max_chars: How many characters are scored, of head and tail.
        score: The scorer; what the gateway provides when None.

    Raises:
        ValueError: the ladder needs thresholds.
    """

    kind = "litellm"

    __slots__ = ("_max_chars", "_score", "abstain_below", "thresholds")

    def __init__(
        self,
        ladder: Ladder,
        thresholds: Sequence[float] | None = None,
        *,
        abstain_below: float = 0.0,
        max_chars: int = MAX_CHARS,
        score: Callable[[str], Scored] | None = None,
    ) -> None:
        self.thresholds = default_thresholds(len(ladder)) if thresholds is None else tuple(thresholds)
        self.abstain_below = abstain_below
        self._max_chars = max_chars
        self._score = score

    def classify(self, subject: Subject) -> Opinion | None:
        """The score of ``subject``'s question; None where there is no text to go by.

        Raises:
            RuntimeError: LiteLLM's scorer is not to be had here; a chain contains it.
        """
        text = subject.prompt.question
        if not text:
            return None
        scored = (self._score or _scorer())(_bounded(text, self._max_chars))
        # Its rule for words of reasoning chooses the highest tier whatever the score.
        score = max(scored.score, BOUNDARIES[-1]) if scored.tier == len(BOUNDARIES) else scored.score
        distance = min(abs(score - t) for t in self.thresholds)
        confidence = round(0.5 + 0.5 * min(1.0, distance / _CLEAR_DISTANCE), 4)
        return Opinion(
            by=self.kind,
            score=None if confidence < self.abstain_below else score,
            confidence=confidence,
            # Its own signals quote words of the prompt, and are left out.
            signals={"score": score, "tier": float(scored.tier)},
        )


def _scorer() -> Callable[[str], Scored]:
    if _SOURCE.made is None:
        if _SOURCE.make is None:
            raise RuntimeError("LiteLLM's scorer is there only where the gateway is loaded")
        _SOURCE.made = _SOURCE.make()
    return _SOURCE.made


def _bounded(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    tail = most // _TAIL
    return f"{text[: most - tail - 1]}\n{text[-tail:]}"
