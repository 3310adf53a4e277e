"""Which exemptions and switches are in force, as this process last heard from the board.

One task per process reads the board twice a second, so a directive is in force on all workers within a
second. Requests only look up what is known here. While the store is away what was last known stands, as
long as it lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import TYPE_CHECKING, Protocol

from litellm_tiering.deadline import Deadline
from litellm_tiering.standing import Index, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeVar

    from litellm_tiering.core.features import Caller
    from litellm_tiering.notices import Exemption, Mode, Switch
    from litellm_tiering.ports import Board, Clock, Notice

    T = TypeVar("T")

_log = logging.getLogger("litellm_tiering")

EVERY_S = 0.5
"""How often the board is read, in seconds."""

READ_WITHIN_S = 0.5
"""How long the board may take to answer, in seconds."""

FIRST_WITHIN_S = 0.05
"""How long a process's first requests may wait for the first answer, in seconds."""


class Asking(Protocol):
    """Asks the store, for which being away is a value: :class:`litellm_tiering.books.Books`."""

    async def ask(self, call: Awaitable[T], op: str, deadline_s: float) -> T | None:
        """The store's answer, or None when it is away or too slow."""
        ...


class Directives:
    """The exemptions and switches in force. One per process.

    Args:
        board: Where they are put up.
        books: Asks the store.
        clock: The time.
        pause: Waits so many seconds between two readings.
        on_fault: Told of a fault of ours in the background: where, and what was raised.
    """

    def __init__(
        self,
        board: Board,
        books: Asking,
        clock: Clock,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_fault: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.board = board
        self.on_reload: Callable[[int], None] | None = None
        """Told the generation of the configuration whenever another one is called for than at first."""
        self._books = books
        self._clock = clock
        self._pause = pause
        self._on_fault = on_fault or _logged
        self._notices: Mapping[str, Notice] = {}
        self._standing = Standing()
        self._index = Index(self._standing)
        self._generation: int | None = None
        self._read = False
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._begun_s = -math.inf
        self._closed = False

    # ------------------------------------------------------------------ looking up

    def exempt(self, caller: Caller, route: str, now_s: float) -> str:
        """The exemption that spares this caller every budget, such as ``team:blue``; empty for none.

        Keys and teams are known by their id or alias, tags are those of the key and team: nothing counts
        that a client may write into a request.
        """
        return self._index.exempt(caller, route, now_s)

    def mode(self, route: str) -> Mode | None:
        """How a route is switched now; None for as configured."""
        return self._index.mode(route, self._clock.now())

    @property
    def exemptions(self) -> tuple[Exemption, ...]:
        """The exemptions in force, the oldest first."""
        now = self._clock.now()
        return tuple(e for e in self._standing.exemptions if now < e.until_s)

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The switches in force, the oldest first."""
        now = self._clock.now()
        return tuple(s for s in self._standing.switches if s.until_s is None or now < s.until_s)

    # ------------------------------------------------------------------ keeping up

    async def ready(self) -> None:
        """See to it that the board is read; a process's first requests wait for the first answer, a moment.

        Otherwise a worker that is started anew would first do what a switch forbids.
        """
        self._begin()
        task = self._task
        if self._looked.is_set() or task is None or task.get_loop() is not asyncio.get_running_loop():
            return
        with contextlib.suppress(asyncio.TimeoutError):
            async with Deadline(FIRST_WITHIN_S):
                await self._looked.wait()

    async def refresh(self) -> bool:
        """Read the board now; False when it is away, and what was last known stands."""
        found = await self._books.ask(self._board_now(), "notices", READ_WITHIN_S)
        if found is None:
            return False
        if found != self._notices or not self._read:
            self._learn(found)
        return True

    async def close(self) -> None:
        """End the reading; what is known stands."""
        self._closed = True
        task = self._task
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _board_now(self) -> Awaitable[Mapping[str, Notice]]:
        return self.board.notices(self._clock.now())

    def _learn(self, notices: Mapping[str, Notice]) -> None:
        before = self._standing.skipped
        self._notices, self._standing = notices, standing(notices)
        self._index = Index(self._standing)
        for key, why in self._standing.skipped.items():
            if before.get(key) != why:
                _log.warning("the notice %.80r on the board is skipped: %s", key, why)
        first, self._read = not self._read, True
        generation = self._standing.generation
        if generation is None or generation == self._generation:
            return
        self._generation = generation
        if not first and self.on_reload is not None:
            self.on_reload(generation)

    def _begin(self) -> None:
        task = self._task
        if self._closed or (task is not None and not task.done() and not task.get_loop().is_closed()):
            return
        now = self._clock.now()
        # After a fault the next requests begin anew, not each of them.
        if 0 <= now - self._begun_s < EVERY_S:
            return
        self._begun_s = now
        self._looked = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._watch(self._looked))
        self._task.add_done_callback(self._done)

    async def _watch(self, looked: asyncio.Event) -> None:
        try:
            while True:
                await self.refresh()
                looked.set()
                await self._pause(EVERY_S)
        finally:
            looked.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_fault("directives", error)


def _logged(where: str, error: BaseException) -> None:
    # Its kind only: a message may hold anything.
    _log.error("fault in %s: %s; requests go on unchanged", where, type(error).__name__)
