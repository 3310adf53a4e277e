"""What brings the decisions of one process to the store, for every worker to see.

Each is written by the worker that made it, a moment after it has changed, in the background: a request waits
for none of it, and a store that is away costs nothing but rows.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litellm_tiering.deadline import Deadline
from litellm_tiering.guard import AWAY
from litellm_tiering.records import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import TypeVar

    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.record import Record
    from litellm_tiering.guard import Guard
    from litellm_tiering.records import RecordStore

    T = TypeVar("T")

EVERY_S = 1.0
"""How often what has changed is written, in seconds."""

AT_ONCE = 64
"""How many rows one round trip carries: Redis and the event loop are busy with them for some 3 ms each."""

A_TURN = 16
"""How many rows are made before the event loop gets its turn."""

WAITING_MAX = 5_000
"""So many decisions wait for a store that is away; of one too many the oldest is not recorded."""

WRITE_WITHIN_S = 2.0

ALARM_S = 3_600.0
"""For how long decisions that were not recorded are told of, in seconds."""

UNDER_WAY_S = 5.0
"""A request that is under way is written when it has been so for this long, in seconds, and at its end."""


class Writer:
    """Brings the decisions of one process to the store, in the background. It never fails anything.

    Args:
        store: Where they are kept.
        ladder: The tiers' names.
        guard: Of the store that the rows share with the money: while that is away, rows wait.
        on_fault: Told of a fault of ours: where, and what was raised.
    """

    def __init__(
        self,
        store: RecordStore,
        ladder: Ladder,
        guard: Guard,
        *,
        on_fault: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.store = store
        self.ladder = ladder
        self.dropped = 0
        """How many decisions were not recorded."""
        self.dropped_s = float("-inf")
        """When one was last not recorded, in seconds since the epoch."""
        self._guard = guard
        self._on_fault = on_fault or guard.on_fault
        self._waiting: dict[str, Record] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many decisions have changed since they were last written."""
        return len(self._waiting)

    def note(self, record: Record) -> None:
        """Write a record's newer state soon; waits for nothing."""
        self._waiting[record.id] = record
        if len(self._waiting) > WAITING_MAX:
            self._drop(next(iter(self._waiting)))
        self._soon()

    def unwritten(self) -> tuple[Row, ...]:
        """The rows of what was not written yet, newest first."""
        rows = [Row.of(record, self.ladder) for record in self._waiting.values()]
        return tuple(sorted(rows, key=lambda row: row.place, reverse=True))

    async def flush(self, *, everything: bool = False) -> bool:
        """Write what waits, a batch at a time; ``everything`` includes what has only just begun.

        Returns:
            False when the store did not take it.
        """
        async with self._turn:
            began = self._ready(everything=everything)
            for at in range(0, len(began), AT_ONCE):
                batch = began[at : at + AT_ONCE]
                if not await self._write(batch):
                    return False
                for record in batch:
                    # Unless it has changed meanwhile.
                    if self._waiting.get(record.id) is record:
                        del self._waiting[record.id]
        return True

    def _ready(self, *, everything: bool) -> list[Record]:
        now = self._guard.clock.now()
        return [r for r in self._waiting.values() if everything or _ended(r) or now - r.at_s >= UNDER_WAY_S]

    async def ask(self, call: Coroutine[Any, Any, T], op: str, within_s: float) -> T | None:
        """The answer of :attr:`store`, or None when it is away or too slow.

        Not the guard's way of asking: rows that cannot be had must not keep requests from their budgets.
        """
        if self._guard.open:
            # What asks the store then is the guard's probe alone.
            call.close()
            return None
        try:
            async with Deadline(within_s):
                return await call
        except AWAY:
            self._guard.errors[op] = self._guard.errors.get(op, 0) + 1
            return None

    async def _write(self, batch: Sequence[Record]) -> bool:
        try:
            rows = []
            for at, record in enumerate(batch, 1):
                rows.append(Row.of(record, self.ladder))
                if at % A_TURN == 0:
                    await asyncio.sleep(0)
            if not await self.ask(self._appended(rows), "records", WRITE_WITHIN_S):
                return False
        except Exception as error:  # noqa: BLE001 - a row that no store takes must not stop those after it
            self._on_fault("records", error)
            for record in batch:
                self._drop(record.id)
        return True

    async def _appended(self, rows: Sequence[Row]) -> bool:
        await self.store.append(rows)
        return True

    def _drop(self, id_: str) -> None:
        if self._waiting.pop(id_, None) is not None:
            self.dropped += 1
            self.dropped_s = self._guard.clock.now()

    def alarms(self) -> list[str]:
        """What an operator should look at: decisions of the last hour that were not recorded."""
        if self._guard.clock.now() - self.dropped_s > ALARM_S:
            return []
        return [f"records: {self.dropped} decisions were not recorded: the store did not take them in time"]

    # ------------------------------------------------------------------ in the background

    def _soon(self) -> None:
        if self._closed:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # It is written with the next one that is noted while a loop runs.
            return
        # One that is long overdue was another loop's, which has been closed around it.
        if self._timer is None or self._timer.when() + EVERY_S < loop.time():
            self._timer = loop.call_later(EVERY_S, self._start)

    def _start(self) -> None:
        self._timer = None
        if self._task is None or self._task.done() or self._task.get_loop().is_closed():
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: a fault must be told, not lost
            self._on_fault("records", error)
        if self._waiting:
            self._soon()

    async def close(self) -> None:
        """Write what waits as far as that can be done at once, and end what runs in the background."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task, self._task = self._task, None
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait({task})
        await self.flush(everything=True)


def _ended(record: Record) -> bool:
    """Whether nothing of a request is under way; bills may still come."""
    return all(attempt.verdict != "pending" for attempt in record.attempts)
