"""Lines as calls of their own: so many at a time, each on the disk before its worker takes the next."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from litellm_tiering.batch.answers import Answer, Failure
from litellm_tiering.batch.journal import JournalError
from litellm_tiering.batch.pace import Stopped
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from litellm_tiering.batch.asks import Ask
    from litellm_tiering.batch.journal import Journal
    from litellm_tiering.batch.proxy import Proxy, Reply

_TIERING_COST = "x-tiering-cost-usd"
_LITELLM_COST = "x-litellm-response-cost"


class Calls:
    """Asks lines one by one.

    Args:
        proxy: Who is asked.
        journal: Where answers are kept.
        concurrency: How many calls are under way at most.
        on_answer: Told of each line once it is on the disk.
        halted: Set from outside to end the run with the calls that are under way.
    """

    def __init__(
        self,
        proxy: Proxy,
        journal: Journal,
        concurrency: int,
        on_answer: Callable[[Answer], None],
        halted: asyncio.Event,
    ) -> None:
        self._proxy = proxy
        self._journal = journal
        self._concurrency = concurrency
        self._on_answer = on_answer
        self._halted = halted
        self._arrived: list[Answer] = []
        self._written: asyncio.Future[None] | None = None

    async def run(self, asks: Iterable[Ask]) -> None:
        """Ask all of them; returns early where the run is halted.

        Raises:
            Stopped: the run cannot go on; what was under way has ended and is kept.
        """
        upcoming = iter(asks)
        stopped: list[Stopped] = []

        async def work() -> None:
            # Nobody awaits between taking a line and asking it, so no line is taken twice.
            while not self._halted.is_set() and (ask := next(upcoming, None)) is not None:
                try:
                    answer = await self.answer(ask)
                except Stopped as why:
                    stopped.append(why)
                    self._halted.set()
                    return
                await self._keep(answer)

        workers = [asyncio.create_task(work()) for _ in range(self._concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        if stopped:
            raise stopped[0]

    async def _keep(self, answer: Answer) -> None:
        """Have an answer on the disk. Those that arrive together share one write: it takes milliseconds."""
        self._arrived.append(answer)
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_soon(self._write, self._written)
        await asyncio.shield(self._written)

    def _write(self, written: asyncio.Future[None]) -> None:
        arrived, self._arrived, self._written = self._arrived, [], None
        try:
            self._journal.record(arrived)
        except JournalError as error:
            written.set_exception(error)
            return
        for answer in arrived:
            self._on_answer(answer)
        written.set_result(None)

    async def answer(self, ask: Ask) -> Answer:
        """What became of one line.

        Raises:
            Stopped: as :meth:`litellm_tiering.batch.proxy.Proxy.ask`.
        """
        found = await self._proxy.ask("POST", ask.path, ask.content())
        if isinstance(found, Failure):
            return Answer(ask.number, ask.id, found.status, failure=found)
        return _answered(ask, found)


def _answered(ask: Ask, reply: Reply) -> Answer:
    headers = reply.headers
    return Answer(
        line=ask.number,
        id=ask.id,
        status=reply.status,
        body=reply.body,
        tier=headers.get("x-tiering-tier", ""),
        model=headers.get("x-tiering-model", ask.model),
        cost=cost_in(headers),
    )


def cost_in(headers: Mapping[str, str]) -> int | None:
    """What an answer cost in nano-dollars, all attempts: as this package says, else as LiteLLM does."""
    for name in (_TIERING_COST, _LITELLM_COST):
        try:
            found = float(headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(found) and found >= 0:
            return int(nano_usd(found))
    return None
