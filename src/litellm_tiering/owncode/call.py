"""Calling a function of the owner's: sync in a thread, ``async`` awaited, both within a time limit."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from litellm_tiering.deadline import LATE, ON_TIME, TICKS
from litellm_tiering.faults import blame
from litellm_tiering.owncode.target import place_of
from litellm_tiering.owncode.workers import Workers, WorkersBusy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

_THREADS = 8
_MAX_LINGERING = 64


class Late(Exception):
    """The function took longer than it may."""


class BoundedCall:
    """One function of the owner's, called as often as need be; what it raises is the caller's to contain.

    A plain function runs in a thread, so that it never holds up the event loop; an ``async`` one is awaited.
    One that hangs keeps its thread; once all eight hang, further calls are refused at once.

    Args:
        function: The function.
        limit_s: How long a call may take, in seconds; waiting for a thread counts.
        name: What its threads are called.
    """

    __slots__ = ("_async", "_function", "_lingering", "_place", "_workers", "limit_s")

    def __init__(self, function: Callable[..., Any], *, limit_s: float, name: str) -> None:
        self.limit_s = limit_s
        self._function = function
        self._async = is_async(function)
        self._place = place_of(function)
        self._workers = Workers(_THREADS, name)
        self._lingering: set[asyncio.Future[Any]] = set()

    async def __call__(self, argument: object) -> Any:  # noqa: ANN401 - whatever the owner returns
        """What the function returns for ``argument``, awaited where it is awaitable.

        Raises:
            Late: it took too long.
            WorkersBusy: every thread hangs.
            Exception: whatever the function raises; cancellation passes.
        """
        limit = _Limit(self.limit_s)
        if self._async:
            return await self._awaited(self._function(argument), limit)
        future = self._workers.submit(functools.partial(self._function, argument), limit_s=self.limit_s)
        result = await limit.wait(asyncio.wrap_future(future))
        return await self._awaited(result, limit) if inspect.isawaitable(result) else result

    def blamed(self, error: E) -> E:
        """``error``, which our code raised, as this function's fault: it was late, or returned wrongly."""
        return blame(error, self._place)

    async def _awaited(self, awaitable: Awaitable[Any], limit: _Limit) -> Any:  # noqa: ANN401 - as above
        if len(self._lingering) >= _MAX_LINGERING:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise WorkersBusy("calls that ignore their cancellation")
        task = asyncio.ensure_future(_not_exiting(awaitable))
        # One that ignores its cancellation is not waited for; it is kept from being collected while it runs.
        self._lingering.add(task)
        task.add_done_callback(self._ended)
        return await limit.wait(task)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._lingering.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain that nobody has


class _Limit:
    """A time limit over one or two waits, counted as :mod:`litellm_tiering.deadline` counts it.

    Not that module's ``Deadline``: it cancels the task that waits, and a function that cancels itself must
    not be taken for a client that has gone.
    """

    __slots__ = ("_left", "_tick_s")

    def __init__(self, limit_s: float) -> None:
        self._tick_s = limit_s / TICKS
        self._left = TICKS * ON_TIME

    async def wait(self, future: asyncio.Future[Any]) -> Any:  # noqa: ANN401 - whatever the owner returns
        """The result of ``future``; raises Late when it does not come in time, or what it raised."""
        loop = asyncio.get_running_loop()
        try:
            while not future.done():
                if self._left <= 0:
                    raise Late
                due_s = loop.time() + self._tick_s
                await asyncio.wait({future}, timeout=self._tick_s)
                self._left -= LATE if loop.time() - due_s > self._tick_s else ON_TIME
        finally:
            future.cancel()
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or isinstance(error, asyncio.CancelledError):
            raise RuntimeError("the function cancelled itself") from error
        return future.result()


async def _not_exiting(awaitable: Awaitable[T]) -> T:
    """The result of ``awaitable``; asyncio lets an exit out of a task and thereby stops the event loop."""
    try:
        return await awaitable
    except SystemExit as error:
        raise RuntimeError("the function called sys.exit") from error


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling ``function`` gives a coroutine: a function, a partial of one, or an object."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - asked what it is, not whether it is there
    )
