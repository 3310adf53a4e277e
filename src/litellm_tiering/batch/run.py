"""A whole run: read, sort, submit, ask, collect, and what it came to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from litellm_tiering.batch.answers import BAD_LINE, BUDGET, Answer, Failure
from litellm_tiering.batch.asks import Ask, Bad, digest_of
from litellm_tiering.batch.calls import Calls
from litellm_tiering.batch.pace import Stopped
from litellm_tiering.batch.parts import Parts, collect_all
from litellm_tiering.batch.proxy import may_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from litellm_tiering.batch.asks import Source
    from litellm_tiering.batch.journal import Journal, Part
    from litellm_tiering.batch.proxy import Proxy
    from litellm_tiering.batch.sorting import Sorter

Mode = Literal["calls", "batches", "auto"]

_AT_ONCE = 500


class Told(Protocol):
    """Who follows a run."""

    def begins(self, total: int, answered: int) -> None:
        """So many lines there are, and so many have an answer from before."""

    def sorting(self) -> None:
        """Lines are being classified."""

    def batched(self, part: Part, lines: int) -> None:
        """So many lines are in a provider's batch."""

    def alone(self, part: Part, failure: Failure) -> None:
        """A group's provider has no batch API after all: its lines go as calls."""

    def became(self, answer: Answer) -> None:
        """A line was answered, or failed, and is on the disk."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run goes about it.

    Attributes:
        mode: As calls, in the providers' batches, or in batches where there are any.
        concurrency: Calls under way at most.
        poll_s: The longest pause between two looks at a batch, in seconds.
        folder: Where files for upload are made.
        secret: The key, to be kept out of messages.
    """

    mode: Mode
    concurrency: int
    poll_s: float
    folder: Path
    secret: str = ""


class Run:
    """One run over one input.

    Args:
        source: The input.
        journal: What is known of it.
        proxy: Who is asked.
        manner: How.
        told: Who follows it.
        sorter: Who knows what belongs into which batch; None for calls alone.
        halted: Set from outside to end it with what is under way.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        source: Source,
        journal: Journal,
        proxy: Proxy,
        manner: Manner,
        told: Told,
        *,
        sorter: Sorter | None,
        halted: asyncio.Event,
    ) -> None:
        self._source = source
        self._journal = journal
        self._proxy = proxy
        self._manner = manner
        self._told = told
        self._sorter = sorter
        self._halted = halted

    async def go(self) -> None:
        """Answer every line that has no answer yet, or say why it has none.

        Raises:
            Stopped: it cannot go on; what is done is kept.
            JournalError: the journal cannot be written, or is of another input.
        """
        name, bad, total = self._read()
        self._journal.forget_failures()
        answered = self._journal.answered()
        self._told.begins(total, len(answered))
        for i in range(0, len(bad), _AT_ONCE):
            some = bad[i : i + _AT_ONCE]
            self._keep(Answer(b.number, None, failure=Failure(None, BAD_LINE, b.why)) for b in some)
        if self._sorter is None or self._manner.mode == "calls":
            await self._calls(lambda ask: ask.number not in answered)
            return
        await self._sort(self._sorter, answered)
        parts = Parts(
            self._proxy,
            self._journal,
            name,
            folder=self._manner.folder,
            poll_s=self._manner.poll_s,
            on_answer=self._told.became,
            secret=self._manner.secret,
        )
        await self._submit(parts)
        waiting = self._journal.members()
        ids = {ask.number: ask.id for ask in self._asks() if ask.number in waiting}
        there = [p for p in self._journal.parts() if p.state != "done"]
        settled = waiting.keys() | self._journal.recorded()
        both = await asyncio.gather(
            collect_all(parts, there, ids),
            self._calls(lambda ask: ask.number not in settled),
            return_exceptions=True,
        )
        for fault in both:
            if isinstance(fault, BaseException):
                raise fault

    def _read(self) -> tuple[str, list[Bad], int]:
        """The run's name, the lines that cannot be sent, and how many there are."""
        bad: list[Bad] = []
        total = 0

        def digests() -> Iterator[tuple[int, bytes]]:
            nonlocal total
            for one in self._source():
                total += 1
                if isinstance(one, Bad):
                    bad.append(one)
                yield one.number, digest_of(one)

        return self._journal.claim(digests()), bad, total

    def _asks(self) -> Iterator[Ask]:
        return (one for one in self._source() if isinstance(one, Ask))

    def _keep(self, answers: Iterable[Answer]) -> None:
        kept = list(answers)
        self._journal.record(kept)
        for answer in kept:
            self._told.became(answer)

    async def _calls(self, wanted: Callable[[Ask], bool]) -> None:
        calls = Calls(self._proxy, self._journal, self._manner.concurrency, self._told.became, self._halted)
        await calls.run(ask for ask in self._asks() if wanted(ask))

    async def _sort(self, sorter: Sorter, answered: set[int]) -> None:
        """Put lines that are in no part yet into one."""
        self._told.sorting()
        there = self._journal.members()
        # Planned and not uploaded: as good as not planned, and the configuration may have changed.
        for part in self._journal.parts():
            if part.state == "planned":
                there = {n: p for n, p in there.items() if p != part.part}
                self._journal.drop(part)
        free = (a for a in self._asks() if a.number not in answered and a.number not in there)
        await sorter.plan(free, self._journal, self._halted)

    async def _submit(self, parts: Parts) -> None:
        """See that every part has a batch; those that no provider wants become calls, or fail."""
        for part in self._journal.parts():
            if self._halted.is_set():
                return
            failure = await parts.submit(part, self._asks)
            lines = self._journal.members(part.part)
            if failure is None:
                if part.state != "done":
                    self._told.batched(part, len(lines))
            elif failure.kind == BUDGET or self._manner.mode == "batches":
                ids = {a.number: a.id for a in self._asks() if a.number in lines}
                self._journal.drop(part)
                self._keep(Answer(n, ids[n], failure.status, failure=failure, tier=part.tier) for n in lines)
            elif may_pass(failure):
                raise Stopped(f"a batch could not be submitted: {failure.message or failure.kind}")
            else:
                self._journal.drop(part)
                self._told.alone(part, failure)
