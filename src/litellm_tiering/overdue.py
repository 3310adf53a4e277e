"""Bills that do not come: a stream is over, and nobody ever says what it cost.

LiteLLM logs a stream when it ends by itself, and most that are cut. For the rest an estimate is counted, by
the answer's length: a cost that is forgotten would let a budget be passed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from litellm_tiering.core.price import Usage

if TYPE_CHECKING:
    from litellm_tiering.books import Books
    from litellm_tiering.journeys import Flight
    from litellm_tiering.ports import Listener

BILL_WITHIN_S = 3.0
"""How long after its stream's end an attempt's bill may take, in seconds."""

ESTIMATED = "estimate"
"""The bill of an attempt whose cost was estimated."""

CHARS_PER_TOKEN = 4
"""A rough English average."""


class Overdue:
    """Waits for the bills of streams; one task for all of them, while there are any."""

    def __init__(self, books: Books, within_s: float = BILL_WITHIN_S) -> None:
        self._books = books
        self._within_s = within_s
        self._waiting: deque[tuple[float, Flight, Listener, bool]] = deque()
        self._task: asyncio.Task[None] | None = None

    def expect(self, flight: Flight, listener: Listener, *, broken: bool = False) -> None:
        """Expect the bill of an attempt whose stream the client is done with, or which ``broken`` off.

        One that broke off before it said anything is taken to be free.
        """
        if flight.ended:
            return
        due = asyncio.get_running_loop().time() + self._within_s
        self._waiting.append((due, flight, listener, broken))
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._watch())

    async def close(self) -> None:
        """Expect nothing any more: whose bill has not come is not counted here."""
        self._waiting.clear()
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while self._waiting:
            due, flight, listener, broken = self._waiting.popleft()
            if not flight.ended:
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                await self._settle(flight, listener, broken=broken)

    async def _settle(self, flight: Flight, listener: Listener, *, broken: bool) -> None:
        if flight.ended:
            return
        if flight.draining:
            self.expect(flight, listener, broken=broken)
            return
        if broken and not listener.chars:
            await self._books.release(flight)
            return
        journey = flight.journey
        used = Usage(journey.features.prompt_tokens, listener.chars // CHARS_PER_TOKEN + 1)
        cost = int(journey.facts[flight.rank].price.cost(used.prompt, used.completion))
        await self._books.settle(flight, cost, baseline=journey.otherwise(used), bill=ESTIMATED, usage=used)
