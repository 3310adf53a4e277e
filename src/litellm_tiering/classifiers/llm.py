"""A model of the proxy names the tier: asked last, for a short while, and never twice for the same text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.llm_prompt import instructions, schema_of, shown, tier_in
from litellm_tiering.classifiers.questions import Questions, Unread
from litellm_tiering.core.aside import Chat
from litellm_tiering.core.classification import Opinion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from litellm_tiering.core.aside import Reply, SideCalls
    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder

    OnFault = Callable[[str, BaseException], None]


class LlmClassifier:
    """Asks a chat model which tier a request belongs to.

    What it is shown is bounded, and shown as data; see :mod:`litellm_tiering.classifiers.llm_prompt`. Answers
    are remembered by a keyed hash of the text. It abstains, with a signal of that name, where it was
    ``not_asked`` since nobody may be asked, and as :meth:`Questions.ask` has it.

    Args:
        ladder: Whose tiers it names.
        model: The model group that is asked.
        timeout_s: How long a request waits for it, in seconds.
        max_chars: How much of a request's text it is shown.
        max_tokens: The most tokens of its answer.
        cache_ttl_s: For how long an answer is remembered, in seconds.
        described: What the owner says of the tiers, by name.
        on_fault: Told where it failed, and with what.
        clock: The time, in seconds from any start.
    """

    kind = "llm"
    asks = True

    def __init__(  # noqa: PLR0913 - its settings
        self,
        ladder: Ladder,
        model: str,
        *,
        timeout_s: float = 1.5,
        max_chars: int = 2_000,
        max_tokens: int = 64,
        cache_ttl_s: float = 3_600.0,
        described: Mapping[str, str] | None = None,
        on_fault: OnFault | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self._names = tuple(tier.name for tier in ladder.tiers)
        self._max_chars = max_chars
        self._max_tokens = max_tokens
        self._system = instructions(self._names, described or {})
        self._schema = schema_of(self._names)
        self.questions: Questions[int] = Questions(
            self.kind, timeout_s=timeout_s, cache_ttl_s=cache_ttl_s, on_fault=on_fault, clock=clock
        )

    def classify(self, subject: Subject) -> Opinion | Awaitable[Opinion | None] | None:
        """The tier that the model names; None for a request without text."""
        if not subject.prompt.question and not subject.prompt.system:
            return None
        text = shown(subject.prompt, subject.features, self._max_chars)
        key = self.questions.known.key(text)
        rank = self.questions.known.get(key)
        if rank is not None:
            return Opinion(self.kind, rank=rank, signals={"cached": 1.0})
        side = subject.side
        if side is None:
            return self._without("not_asked")
        found = self.questions.ask(key, lambda: self._begun(side, text))
        return self._without(found) if isinstance(found, str) else self._opinion(found)

    def _without(self, why: str) -> Opinion:
        return Opinion(self.kind, signals={why: 1.0})

    async def _opinion(self, coming: Awaitable[int | str]) -> Opinion:
        found = await coming
        return self._without(found) if isinstance(found, str) else Opinion(self.kind, rank=found)

    def _begun(self, side: SideCalls, text: str) -> Awaitable[int] | None:
        asked = Chat(self.kind, self.model, self._system, text, self._schema, self._max_tokens)
        coming = side.chat(asked)
        return None if coming is None else self._rank(coming)

    async def _rank(self, coming: Awaitable[Reply]) -> int:
        """The rank that the model names.

        Raises:
            Unread: it names none.
        """
        reply = await coming
        name = tier_in(reply.text, self._names)
        if name is None:
            reply.aside.verdict = "unread"
            raise Unread("the answer names no tier")
        return self._names.index(name)
