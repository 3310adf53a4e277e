"""Notices what is worth telling, and tells it once per window and threshold over all workers and hosts.

A request's path compares numbers that it has, and looks into a set of this process; the rest happens in the
background. Two workers that cross a threshold at once ask the board who was first. While that is away both
tell: better twice than never, and both say it under the same reference.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.deadline import Deadline
from litellm_tiering.errors import StoreError
from litellm_tiering.events import Event, Kind, of_budget, tidy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.policy import Account
    from litellm_tiering.events import Sink
    from litellm_tiering.ports import Answer, Board, Clock

_log = logging.getLogger("litellm_tiering")

TOLD_MAX = 10_000
"""How many crossings are remembered here; of one that is forgotten the board is asked again."""

SEEN_MAX = 500
"""How many live budgets one worker keeps an eye on between requests."""

QUEUE_MAX = 1_000
"""How many events wait to be told; the oldest is dropped, and counted, for one too many."""

CLAIM_WITHIN_S = 1.0
"""How long the board may take to say who was first."""

DELIVER_WITHIN_S = 10.0
"""How long a sink may take with one event."""

STORE_EVERY_S = 60.0
"""A store that comes and goes is told of at most this often, in seconds, by each process."""

BEAT_S = 15.0
"""How often background work gets its turn, in seconds."""

CEILING_FROM = 0.5
"""A request that does not fit while less than this share of the limit is used says nothing of the budget."""

_MARGIN_S = 3600
_REFERENCE_CHARS = 24


class Announcer:
    """Notices what is worth telling and tells every sink of it. One per process; never fails a request.

    Args:
        board: Where workers agree who tells; None where there is one worker only.
        sinks: Whom to tell, in this order.
        clock: The time.
        on_fault: Told of a fault of ours or a sink's: where, and what was raised.
    """

    def __init__(
        self,
        board: Board | None,
        sinks: Sequence[Sink],
        clock: Clock,
        *,
        on_fault: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.sinks = tuple(sinks)
        self.clock = clock
        self.dropped = 0
        """How many events were dropped because too many were waiting."""
        self.works: list[Callable[[], Awaitable[None]]] = []
        """Background work that gets a turn with every beat, after that of the announcer itself."""
        self._board = board
        self._on_fault = on_fault or _logged
        self._told: dict[tuple[str, float | str], None] = {}
        self._seen: dict[str, Account] = {}
        self._queue: deque[tuple[Event, str, int]] = deque()
        self._telling: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._away: str | None = None
        self._away_told = False
        self._away_told_s = float("-inf")
        self._closed = False

    # ------------------------------------------------------------------ on a request's path

    def reserved(self, accounts: Sequence[Account], answer: Answer, *, starting: bool = True) -> None:
        """Look at the ledger's answer to a request; microseconds, and nothing is waited for.

        Args:
            accounts: The budgets that were asked, in the order of the answer's balances.
            answer: The answer. In shadow it knows no ceiling, since nothing is stopped there.
            starting: Whether it was asked for a request's first attempt. An escalation that does not fit
                leaves the request with the answer it has.
        """
        if _ended(self._beating):
            self._beating = self._in_background(self._beat)
        for account, balance in zip(accounts, answer.balances, strict=False):
            if account.budget.limit is not None:
                # The latest of a counter's accounts: its budget may have been changed meanwhile.
                self._seen[account.limit.key] = account
                if len(self._seen) > SEEN_MAX:
                    del self._seen[next(iter(self._seen))]
                self.crossed(account, balance)
        choice = answer.choice
        if choice.at_ceiling and choice.by is not None and starting:
            self._ceiling(accounts[choice.by], answer.balances[choice.by], stopped=choice.option is None)

    def crossed(self, account: Account, balance: Balance) -> None:
        """Tell of the budget's thresholds that its balance has reached, each once a window."""
        limit, used, key = account.budget.limit, balance.used, account.limit.key
        if limit is None:
            return
        for step in account.budget.downgrade:
            if used < step.at * limit:
                return
            if (key, step.at) not in self._told:
                now = self.clock.now()
                event = of_budget(Kind.THRESHOLD, account, balance, now, threshold=step.at)
                self.once(event, (key, step.at), account.window_end_s)

    def _ceiling(self, account: Account, balance: Balance, *, stopped: bool) -> None:
        mark = (account.limit.key, Kind.CEILING.value)
        # Clients choose how much a request may cost: a huge one must not use up the window's one event.
        near = balance.used >= CEILING_FROM * (account.budget.limit or 0)
        if near and mark not in self._told:
            detail = "requests are stopped" if stopped else "requests go to the cheapest tier"
            event = of_budget(Kind.CEILING, account, balance, self.clock.now(), detail=detail)
            self.once(event, mark, account.window_end_s)

    # ------------------------------------------------------------------ telling

    def once(self, event: Event, mark: tuple[str, float | str], until_s: float) -> None:
        """Tell of an event unless it was told before, here or elsewhere; waits for nothing.

        Args:
            event: What to tell.
            mark: The same for the same thing: the budget's counter, and what became of it.
            until_s: Until when it is the same thing, in seconds since the epoch, such as a window's end.
        """
        if mark in self._told:
            return
        self._told[mark] = None
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        # Clocks differ, and the last request of a window may be late.
        ttl_s = max(0, int(until_s - event.at_s)) + _MARGIN_S
        named = f"{event.kind.value}|{mark[1]}|{mark[0]}".encode("utf-8", "surrogatepass")
        reference = hashlib.sha256(named).hexdigest()[:_REFERENCE_CHARS]
        self.announce(replace(event, reference=reference), f"event|{reference}", ttl_s)

    def announce(self, event: Event, claim: str = "", ttl_s: int = 0) -> None:
        """Tell of an event, in the background; waits for nothing and raises nothing.

        Args:
            event: What to tell.
            claim: The first worker that claims it tells; empty where this one does in any case.
            ttl_s: For how long nobody else tells, in seconds.
        """
        if self._closed:
            return
        if not event.reference:
            event = replace(event, reference=secrets.token_hex(_REFERENCE_CHARS // 2))
        if len(self._queue) >= QUEUE_MAX:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append((event, claim, ttl_s))
        if _ended(self._telling):
            self._telling = self._in_background(self._tell)

    def store(self, up: bool, detail: str = "") -> None:
        """Tell that the store went away, or is back; of one that comes and goes once a minute at most.

        Args:
            up: Whether it is back.
            detail: How it went, or for how many seconds it was away.
        """
        self._away = None if up else detail
        if not up:
            self._tell_away()
        elif self._away_told:
            self._away_told = False
            event = Event(
                Kind.STORE_UP, self.clock.now(), detail=tidy(f"away for {detail} s" if detail else "")
            )
            self.announce(event, "event|store_up", int(STORE_EVERY_S))

    def _tell_away(self) -> None:
        now = self.clock.now()
        # A clock that was set back must not silence it either.
        if self._away is None or self._away_told or 0 <= now - self._away_told_s < STORE_EVERY_S:
            return
        self._away_told, self._away_told_s = True, now
        self.announce(
            Event(Kind.STORE_DOWN, now, detail=tidy(self._away)), "event|store_down", int(STORE_EVERY_S)
        )

    async def _tell(self) -> None:
        while self._queue:
            event, claim, ttl_s = self._queue.popleft()
            if not claim or await self._first(claim, ttl_s):
                await self._deliver(event)

    async def _first(self, claim: str, ttl_s: int) -> bool:
        """Whether this worker tells; also when nobody can say."""
        if self._board is None or self._away is not None:
            return True
        try:
            async with Deadline(CLAIM_WITHIN_S):
                return await self._board.claim(claim, max(1, ttl_s), self.clock.now())
        except (StoreError, TimeoutError, asyncio.TimeoutError):
            return True

    async def _deliver(self, event: Event) -> None:
        sinks = self.sinks
        found = await asyncio.gather(*(_hand(sink, event) for sink in sinks), return_exceptions=True)
        for sink, error in zip(sinks, found, strict=True):
            if isinstance(error, Exception):
                self._on_fault(f"events.{sink.name}", error)

    # ------------------------------------------------------------------ background

    def seen(self) -> tuple[Account, ...]:
        """The limited budgets that this worker has lately counted for and whose window has not ended."""
        now = self.clock.now()
        self._seen = {key: account for key, account in self._seen.items() if account.window_end_s > now}
        return tuple(self._seen.values())

    async def beat(self) -> None:
        """One turn of the background work: what could not be told before, and :attr:`works`."""
        self._tell_away()
        for error in await asyncio.gather(*(work() for work in self.works), return_exceptions=True):
            if isinstance(error, Exception):
                self._on_fault("events.beat", error)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.beat()

    def _in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
        if self._closed:
            return None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Nothing runs in the background of a command line; what waits is told once a loop runs.
            return None
        task = loop.create_task(work())
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_fault("events", error)

    async def close(self) -> None:
        """End what runs in the background; what was not told is lost."""
        self._closed = True
        loop = asyncio.get_running_loop()
        tasks = [t for t in (self._telling, self._beating) if t is not None and t.get_loop() is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(sink.close() for sink in self.sinks), return_exceptions=True)


async def _hand(sink: Sink, event: Event) -> None:
    await asyncio.wait_for(sink.deliver(event), DELIVER_WITHIN_S)


def _ended(task: asyncio.Task[None] | None) -> bool:
    """Whether there is no such task (any more): its event loop may have been closed around it."""
    return task is None or task.done() or task.get_loop().is_closed()


def _logged(where: str, error: BaseException) -> None:
    # Its kind only: a message may hold anything.
    _log.error("fault in %s: %s; requests go on unchanged", where, type(error).__name__)
