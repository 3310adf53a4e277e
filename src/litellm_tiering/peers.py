"""What is asked beside a request's first attempt, at the same time: another cheap model, or the same again.

Nothing here holds a request up or fails it: whoever is not asked, fails or comes too late has no vote, and
every call that was made is paid for, whether anybody waited for it or not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.agreement import Heard
from litellm_tiering.plan import Stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from litellm_tiering.core.agreement import Agreement
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.engine import Engine
    from litellm_tiering.holding import Background
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.ports import Upstream, Wire

AGREES = "agrees"
"""What the gate says of an answer that comes to the same as the tier's own."""


@dataclass(slots=True)
class _Asked:
    """One call beside: its attempt once its money is held, what it answered, or why it did not."""

    task: asyncio.Task[Any] | None = None
    flight: Flight | None = None
    answer: Any = None
    why: str = ""
    word: str = ""


@dataclass(slots=True)
class Seconds:
    """The calls beside one request's first attempt: a :class:`~litellm_tiering.core.agreement.Peers`.

    Attributes:
        why: Why nobody is asked; empty where somebody is.
    """

    engine: Engine
    journey: Journey
    agreement: Agreement
    background: Background
    wire: Wire
    why: str = ""
    _asked: list[_Asked] = field(default_factory=list)
    _began_s: float = 0.0

    def ask(
        self,
        upstream: Upstream,
        facts: TierFacts,
        allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        """Begin to ask, in the background.

        Args:
            upstream: Sends the request to another group.
            facts: What that group costs.
            allowed: Whether the caller may use it.
        """
        self._began_s = self.engine.clock.now()
        group = self.agreement.model or self.journey.record.model
        for _ in range(self.agreement.more):
            one = _Asked()
            self._asked.append(one)
            one.task = self.background.spawn(self._one(one, upstream, facts, group, allowed))

    async def _one(
        self,
        mine: _Asked,
        upstream: Upstream,
        facts: TierFacts,
        group: str,
        allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        try:
            await self._call(mine, upstream, facts, group, allowed)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs this opinion, not the request
            self.engine.fault("agreement", error)
            mine.why = mine.why or "fault"
            await self._failed(mine)

    async def _call(
        self,
        mine: _Asked,
        upstream: Upstream,
        facts: TierFacts,
        group: str,
        allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        if not await allowed():
            mine.why = "permission"
            return
        found = await self.engine.beside(self.journey, facts, group)
        if isinstance(found, Stopped):
            mine.why = found.because.value
            return
        mine.flight = found
        if self.agreement.shadow:
            record, index = self.journey.record, found.index
            hidden = replace(record.attempts[index], shadow=True)
            self.journey.record = record.with_attempt(index, hidden)
        try:
            mine.answer = await upstream.call(group, found.attempt)
        except Exception:  # noqa: BLE001 - whatever the provider raises, the first answer goes on without it
            mine.why = "failed"
            await self._failed(mine)

    async def _failed(self, mine: _Asked) -> None:
        flight = mine.flight
        if flight is not None and not flight.ended:
            self.engine.books.judged(flight, "failed")
            await self.engine.books.release(flight)

    # ------------------------------------------------------------------ what came of it

    async def heard(self) -> tuple[Heard, ...]:
        """Every answer, in the order asked, as soon as all are there or their time is over."""
        waiting = {one.task for one in self._asked if one.task is not None and not one.task.done()}
        if waiting:
            await asyncio.wait(waiting, timeout=self._left_s())
        return tuple(map(self._heard, self._asked))

    def _heard(self, one: _Asked) -> Heard:
        if one.task is None or not one.task.done():
            return Heard(why="late")
        if one.why or one.answer is None:
            return Heard(why=one.why or "failed")
        flight = one.flight
        asked = self.journey.flights[0].group or self.journey.record.attempts[0].model
        answered = self.journey.flights[0].answered_by or asked
        if flight is not None and flight.answered_by not in (None, flight.group):
            return Heard(why="fallback")
        if self.agreement.model and answered == self.agreement.model:
            # The first attempt fell back on this very model: it would agree with itself.
            return Heard(why="same_model")
        choices = self.wire.whole(one.answer)
        return Heard(choices[0]) if choices else Heard(why="failed")

    def _left_s(self) -> float:
        now = self.engine.clock.now()
        left = self._began_s + self.agreement.timeout_s - now
        limit = self.journey.case.route.deadline_s
        if limit is not None:
            left = min(left, self.journey.began_s + limit - now)
        return max(0.0, left)

    def compared(self, words: Sequence[str]) -> None:
        """Note what the gate made of each, in the order asked."""
        for one, word in zip(self._asked, words, strict=True):
            one.word = word
            if one.flight is not None and one.why != "failed":
                self.engine.books.judged(one.flight, word)

    def better(self) -> tuple[Flight, Any] | None:
        """The second model's answer, where the owner prefers it and it agrees."""
        if self.agreement.serve_with:
            for one in self._asked:
                if one.word == AGREES and one.flight is not None:
                    return one.flight, one.answer
        return None
