"""Bills that do not come: an answer is there, and nobody ever says what it cost.

LiteLLM logs a stream when it ends by itself, and most that are cut; and of whole answers those whose request
its logging can read, which a client has a hand in. For the rest an estimate is counted, a stream's by the
answer's length: a cost that is forgotten would let a budget be passed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.price import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from litellm_tiering.books import Books
    from litellm_tiering.journeys import Flight
    from litellm_tiering.ports import Listener

BILL_WITHIN_S = 3.0
"""How long after its answer's end an attempt's bill may take, in seconds."""

ESTIMATED = "estimate"
"""The bill of an attempt whose cost was estimated."""

CHARS_PER_TOKEN = 4
"""A rough English average."""


class Overdue:
    """Waits for the bills of answers; one task for all of them, while there are any.

    Args:
        books: Where what is owed is counted.
        within_s: How long a bill may take, in seconds.
        on_fault: Told of a fault of ours in hearing or counting: where, and what was raised.
    """

    def __init__(
        self,
        books: Books,
        within_s: float = BILL_WITHIN_S,
        on_fault: Callable[[str, BaseException], object] = lambda _where, _error: None,
    ) -> None:
        self._books = books
        self._within_s = within_s
        self._on_fault = on_fault
        self._waiting: deque[tuple[float, Flight, Callable[[], Awaitable[None]]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def expect(self, flight: Flight, listener: Listener, *, broken: bool = False) -> None:
        """Expect the bill of an attempt whose stream the client is done with, or which ``broken`` off.

        One that broke off before it said anything is taken to be free.
        """
        self._expect(flight, partial(self._by_length, flight, listener, broken=broken))

    def owe(self, flight: Flight, quote: Callable[[Flight], int]) -> None:
        """Expect the bill of a whole answer; ``quote`` says what it comes to without one, in nano-dollars."""
        self._expect(flight, partial(self._as_quoted, flight, quote))

    async def heard(self, flight: Flight, listener: Listener, chunks: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - each API has chunks of its own
        """A stream as it is, whose bill is expected at its end."""
        hearing, broken = True, False
        try:
            async for chunk in chunks:
                if hearing:
                    try:
                        listener.hear(chunk)
                    except Exception as error:  # noqa: BLE001 - told; the client's stream goes on
                        hearing = False
                        self._on_fault("wire", error)
                yield chunk
        except Exception:
            broken = True
            raise
        finally:
            self.expect(flight, listener, broken=broken)

    async def close(self) -> None:
        """Expect nothing any more: whose bill has not come is not counted here."""
        self._waiting.clear()
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.wait({self._task})

    def _expect(self, flight: Flight, count: Callable[[], Awaitable[None]]) -> None:
        if flight.ended:
            return
        self._waiting.append((asyncio.get_running_loop().time() + self._within_s, flight, count))
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while self._waiting:
            due, flight, count = self._waiting.popleft()
            if not flight.ended:
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                if not flight.ended:
                    await self._count(count)

    async def _count(self, count: Callable[[], Awaitable[None]]) -> None:
        try:
            await count()
        except Exception as error:  # noqa: BLE001 - told; the others' bills are still waited for
            self._on_fault("overdue", error)

    async def _by_length(self, flight: Flight, listener: Listener, *, broken: bool) -> None:
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

    async def _as_quoted(self, flight: Flight, quote: Callable[[Flight], int]) -> None:
        journey, used = flight.journey, None if flight.used is None else Usage(*flight.used)
        baseline = journey.baseline_hold if used is None else journey.otherwise(used)
        if flight.cached:
            baseline, used = 0, None
        await self._books.settle(flight, quote(flight), baseline=baseline, bill=ESTIMATED, usage=used)
