"""What a request is like: near the owner's examples of a tier, or as a trained head has it.

The vectors come from the local model, or from an embedding model of the proxy. Either is shown the head and
tail of the question only.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.embedding_local import encoder, reads
from litellm_tiering.classifiers.embedding_space import Examples
from litellm_tiering.classifiers.questions import Questions, Unread
from litellm_tiering.core.classification import Opinion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from litellm_tiering.classifiers.embedding_local import LocalEncoder
    from litellm_tiering.classifiers.embedding_space import Reader, Sight
    from litellm_tiering.core.aside import SideCalls
    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder

    OnFault = Callable[[str, BaseException], None]

EDGE_CHARS = 300
"""So much of a question's head is embedded, and of its tail."""

CACHE_TTL_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Looks:
    """How vectors are read.

    Attributes:
        reader: The reader, where it is known already: a head, or examples that the local model has read.
        examples: Else each tier's examples, cheapest tier first, which the proxy's model is to read.
        neighbours: As :class:`~litellm_tiering.classifiers.embedding_space.Examples` has it.
        bias: As above.
        min_similarity: A request less like every example than this is not judged.
    """

    reader: Reader | None = None
    examples: Sequence[Sequence[str]] = ()
    neighbours: int | None = None
    bias: float = 0.0
    min_similarity: float = 0.0


class EmbeddingClassifier:
    """Scores a request by its place among others.

    It abstains, with a signal of that name, on a ``language`` that the local model does not know, on what is
    ``unlike`` every example, where it was ``not_asked``, and as :meth:`Questions.ask` has it.

    Args:
        ladder: Whose tiers the scores are for.
        looks: How vectors are read.
        local: The local model; None where ``model`` is asked.
        model: The proxy's model group.
        thresholds: One for each tier but the cheapest, rising; midway between the tiers' places when None.
        abstain_below: The confidence below which it does not decide.
        timeout_s: How long a request waits for it, in seconds.
        on_fault: Told where it failed, and with what.
        clock: The time, in seconds from any start.
    """

    kind = "embedding"

    def __init__(  # noqa: PLR0913 - its settings
        self,
        ladder: Ladder,
        looks: Looks,
        *,
        local: LocalEncoder | None = None,
        model: str = "",
        thresholds: Sequence[float] | None = None,
        abstain_below: float = 0.0,
        timeout_s: float = 0.5,
        on_fault: OnFault | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.thresholds = tuple(thresholds or ((r + 0.5) / ladder.top for r in range(ladder.top)))
        self.abstain_below = abstain_below
        self.asks = local is None
        self._looks = looks
        self._local = local
        self._model = model
        self._reader = looks.reader
        self._learning = False
        self.questions: Questions[Sight] = Questions(
            self.kind, timeout_s=timeout_s, cache_ttl_s=CACHE_TTL_S, on_fault=on_fault, clock=clock
        )

    def classify(self, subject: Subject) -> Opinion | Awaitable[Opinion | None] | None:
        """A score; None for a request without text."""
        text = edges(subject.prompt.question)
        if not text:
            return None
        if self._local is not None and not reads(text, subject.features.language):
            return self._without("language")
        words = subject.features.question_words
        key = self.questions.known.key(text, str(words))
        known = self.questions.known.get(key)
        if known is not None:
            return self._opinion(known)
        side = subject.side
        if self._local is None and (side is None or self._learning):
            return self._without("not_asked" if side is None else "busy")
        found = self.questions.ask(key, lambda: self._begun(text, words, side))
        return self._without(found) if isinstance(found, str) else self._awaited(found)

    def _without(self, why: str) -> Opinion:
        return Opinion(self.kind, signals={why: 1.0})

    async def _awaited(self, coming: Awaitable[Sight | str]) -> Opinion:
        found = await coming
        return self._without(found) if isinstance(found, str) else self._opinion(found)

    def _opinion(self, sight: Sight) -> Opinion:
        if sight.similarity < self._looks.min_similarity:
            return Opinion(self.kind, signals={"unlike": 1.0, "similarity": sight.similarity})
        signals = {"similarity": sight.similarity}
        return Opinion(self.kind, score=sight.score, confidence=sight.confidence, signals=signals)

    def _begun(self, text: str, words: int, side: SideCalls | None) -> Awaitable[Sight] | None:
        if self._local is not None:
            waiting = self._local.submit(text)
            return None if waiting is None else self._read(asyncio.wrap_future(waiting), words)
        if side is None:  # pragma: no cover - whoever asks has looked
            return None
        coming = side.embed(self.kind, self._model, [text])
        return None if coming is None else self._learned(side, coming, words)

    async def _learned(self, side: SideCalls, coming: Awaitable[list[list[float]]], words: int) -> Sight:
        """A vector read by the proxy's model; the first one has the examples read before."""
        if self._reader is None:
            self._learning = True
            try:
                found = await asyncio.gather(coming, self._examples(side))
            finally:
                self._learning = False
            (vector,), self._reader = found
            return await self._sight(self._reader, vector, words)
        return await self._read(coming, words)

    async def _examples(self, side: SideCalls) -> Examples:
        """The examples as the proxy's model has them: every request's, and so nobody's in particular."""
        texts = [edges(text) for tier in self._looks.examples for text in tier]
        coming = side.embed(self.kind, self._model, texts, own=False)
        if coming is None:
            raise Unread("the global budget is used up")
        vectors = iter(await coming)
        by_tier = [[next(vectors) for _ in tier] for tier in self._looks.examples]
        return Examples(by_tier, neighbours=self._looks.neighbours, bias=self._looks.bias)

    async def _read(self, coming: Awaitable[list[list[float]]], words: int) -> Sight:
        (vector,) = await coming
        if self._reader is None:  # pragma: no cover - whoever asks has seen to it
            raise Unread("there is nothing to compare with yet")
        return await self._sight(self._reader, vector, words)

    async def _sight(self, reader: Reader, vector: Sequence[float], words: int) -> Sight:
        if self._looks.neighbours is None:
            return reader.read(vector, words)
        # Every example is looked at: some milliseconds, which the event loop shall not wait for.
        return await asyncio.to_thread(reader.read, vector, words)


def edges(text: str) -> str:
    """What is embedded of a text: all of it, or its head and tail."""
    text = text.strip()
    if len(text) <= 2 * EDGE_CHARS:
        return text
    return f"{text[:EDGE_CHARS]} {text[-EDGE_CHARS:]}"


def embed(texts: Sequence[str]) -> list[list[float]]:
    """The local model's vectors of texts, cut as requests are; for training and benchmarks, which may wait.

    Raises:
        ImportError: the extra ``embeddings`` is not installed.
    """
    return encoder().embed([edges(text) for text in texts])
