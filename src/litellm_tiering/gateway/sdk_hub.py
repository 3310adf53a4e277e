"""What the tiered routers of a process share: one callback in LiteLLM, and one event loop for sync calls.

One each, however many routers there are: LiteLLM takes no second callback of a class, and its log queue
moves whenever calls come from another event loop than before.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any

from litellm.integrations.custom_logger import CustomLogger

from litellm_tiering.gateway import sdk_litellm
from litellm_tiering.gateway.apply import ATTEMPT_KEY
from litellm_tiering.gateway.compat import logged_metadata

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from typing import TypeVar

    from litellm_tiering.gateway.sdk_desk import Desk

    T = TypeVar("T")

CLOSED = "this TieredRouter was closed"

JOIN_S = 10.0
"""How long closing waits for the thread of the sync calls to end, in seconds."""


class Hub:
    """The desks of this process, and the event loop that serves their sync calls while there are any."""

    def __init__(self) -> None:
        # A desk may be collected, and leave, while this very thread holds the lock.
        self._lock = threading.RLock()
        self._desks: dict[int, weakref.ref[Desk]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._logger = Settling(self)

    # ------------------------------------------------------------------ desks

    def join(self, desk: Desk) -> weakref.finalize[[int], Desk]:
        """Have LiteLLM's events brought to ``desk``; what is returned takes it out again when called."""
        with self._lock:
            self._desks[id(desk)] = weakref.ref(desk)
        return weakref.finalize(desk, self._leave, id(desk))

    def listen(self) -> None:
        """See that LiteLLM tells us of its calls: its list of callbacks may have been replaced."""
        sdk_litellm.listen(self._logger)

    def _leave(self, token: int) -> None:
        with self._lock:
            self._desks.pop(token, None)
            if self._desks:
                return
            sdk_litellm.unlisten(self._logger)
            loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            # The thread ends what is left on it: see _serve. Nobody waits here, since this may run inside a
            # garbage collection, wherever that happens.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)

    def desk_of(self, attempt: str) -> Desk | None:
        """The desk that an attempt went out from; None where it is of another kind of caller."""
        for ref in tuple(self._desks.values()):
            desk = ref()
            if desk is not None and desk.knows(attempt):
                return desk
        return None

    # ------------------------------------------------------------------ sync calls

    @property
    def running(self) -> bool:
        """Whether there is a thread for sync calls."""
        return self._thread is not None and self._thread.is_alive()

    def block(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work`` on the hub's event loop; waits for it.

        Raises:
            RuntimeError: it was called on that very event loop, which would wait for itself; or every router
                was closed.
        """
        if self._thread is threading.current_thread():
            work.close()
            raise RuntimeError("a sync call from within a sync call's own event loop: use the async method")
        try:
            loop = self._started()
        except RuntimeError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if not self._desks:
                raise RuntimeError(CLOSED)
            # After a fork there is the loop, and no thread that runs it.
            if self._loop is None or not self.running:
                self._loop = asyncio.new_event_loop()
                args = (self._loop,)
                self._thread = threading.Thread(target=_serve, args=args, name="litellm-tiering", daemon=True)
                self._thread.start()
            return self._loop

    @property
    def ending(self) -> bool:
        """Whether that thread is about to end, since the last desk has left."""
        return self._loop is None and self.running

    def wait(self) -> None:
        """Wait for that end."""
        thread = self._thread
        if self.ending and thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_S)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_wind_up())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _wind_up() -> None:
    await sdk_litellm.leave_loop()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


class Settling(CustomLogger):
    """Brings LiteLLM's success and failure events to the desk whose attempt they are about."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def __deepcopy__(self, memo: dict[int, Any]) -> Settling:
        """Itself: LiteLLM copies what it holds, and there is one of each set of books."""
        return self

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002 - LiteLLM passes it by position
        end_time: Any,  # noqa: ARG002 - as above
    ) -> None:
        """One upstream call was paid for: settle it, where it is one of ours."""
        desk = self._hub.desk_of(_attempt_in(kwargs))
        if desk is not None:
            await desk.paid(kwargs, response_obj)

    async def async_log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002 - LiteLLM passes it by position
        end_time: Any,  # noqa: ARG002 - as above
    ) -> None:
        """One upstream call failed; a stream cut short has still cost what it had sent."""
        desk = self._hub.desk_of(_attempt_in(kwargs))
        if desk is not None:
            await desk.broken(kwargs, response_obj)


def _attempt_in(kwargs: Mapping[str, Any]) -> str:
    found = (m.get(ATTEMPT_KEY) for m in logged_metadata(kwargs))
    return next((attempt for attempt in found if isinstance(attempt, str)), "")


HUB = Hub()
