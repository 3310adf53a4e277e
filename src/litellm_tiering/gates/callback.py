"""Gates that users write: a function, found by its name, called within a time limit; its faults contained."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from litellm_tiering.core.gate import Exchange, Ruling, Verdict
from litellm_tiering.deadline import LATE, ON_TIME, TICKS
from litellm_tiering.gates.target import gate, load_target, mark_of, safe_word
from litellm_tiering.gates.workers import Workers, WorkersBusy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Literal

__all__ = ["CallbackGate", "gate", "load_target"]

T = TypeVar("T")

_THREADS = 8
_MAX_LINGERING = 64


class CallbackGate:
    """Asks a function of the user's, which may be ``async``; whatever it does, the request goes on.

    A plain function runs in a thread, so that it never holds up the event loop; an ``async`` one is awaited.
    It returns a :class:`Verdict`, or True to accept and False to reject. Where it raises, takes too long or
    returns anything else, ``on_error`` says what that counts as; the reason is then ``raised``, ``timeout``
    or ``wrong_return``, and ``on_fault`` is told. A function that hangs keeps its thread; once all eight of a
    gate hang, further calls count as ``busy`` at once. Cancellation passes.

    The reason of its verdict is recorded as at most 64 letters, digits and ``_.:-``.

    Args:
        target: The function, or what :func:`load_target` finds by this text.
        name: What it is called; else what ``@gate`` said, else the function's name.
        timeout_ms: How long it may take, in milliseconds; waiting for a thread counts.
        on_error: What a fault counts as.
        prefix: Whether it judges the beginning of a streamed answer; else what ``@gate`` said.

    Raises:
        ValueError: there is no such function.

    Attributes:
        on_fault: Told of each fault with ``gate:NAME`` and the error; a panel sets it.
    """

    def __init__(
        self,
        target: Callable[[Exchange], Any] | str,
        *,
        name: str | None = None,
        timeout_ms: float = 50,
        on_error: Literal["accept", "reject"] = "accept",
        prefix: bool | None = None,
    ) -> None:
        function = load_target(target) if isinstance(target, str) else target
        mark = mark_of(function)
        self.name = safe_word(name) if name else mark.name
        self.judges_prefix = mark.prefix if prefix is None else prefix
        self.on_fault: Callable[[str, BaseException], None] | None = None
        self._function = function
        self._async = _is_async(function)
        self._limit_s = timeout_ms / 1_000
        self._on_error = on_error
        self._workers = Workers(_THREADS, f"tiering-gate-{self.name}")
        self._lingering: set[asyncio.Future[Any]] = set()

    async def judge(self, exchange: Exchange) -> Verdict:
        """The function's verdict, or what a fault of it counts as."""
        limit = _Limit(self._limit_s)
        try:
            if self._async:
                result = await self._awaited(self._function(exchange), limit)
            else:
                result = await self._threaded(exchange, limit)
                if inspect.isawaitable(result):
                    result = await self._awaited(result, limit)
            return _verdict(result)
        except asyncio.CancelledError:
            raise
        except _Late:
            return self._fault("timeout", TimeoutError(f"took longer than {self._limit_s * 1_000:g} ms"))
        except WorkersBusy as error:
            return self._fault("busy", error)
        except _WrongReturn as error:
            return self._fault("wrong_return", error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code: its fault fails no request
            return self._fault("raised", error)

    async def _threaded(self, exchange: Exchange, limit: _Limit) -> Any:  # noqa: ANN401 - whatever the user returns
        future = self._workers.submit(functools.partial(self._function, exchange), limit_s=self._limit_s)
        return await limit.wait(asyncio.wrap_future(future))

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

    def _fault(self, reason: str, error: BaseException) -> Verdict:
        if self.on_fault is not None:
            self.on_fault(f"gate:{self.name}", error)
        return Verdict.accept(reason) if self._on_error == "accept" else Verdict.reject(reason)


class _Late(Exception):
    """The function took longer than it may."""


class _WrongReturn(TypeError):
    """The function returned what is no verdict."""


class _Limit:
    """A time limit over one or two waits, counted as :mod:`litellm_tiering.deadline` counts it.

    Not that module's ``Deadline``: it cancels the task that waits, and a function that cancels itself must
    not be taken for a client that has gone.
    """

    __slots__ = ("_left", "_tick_s")

    def __init__(self, limit_s: float) -> None:
        self._tick_s = limit_s / TICKS
        self._left = TICKS * ON_TIME

    async def wait(self, future: asyncio.Future[Any]) -> Any:  # noqa: ANN401 - whatever the user returns
        """The result of ``future``; raises _Late when it does not come in time, or what it raised."""
        loop = asyncio.get_running_loop()
        try:
            while not future.done():
                if self._left <= 0:
                    raise _Late
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


def _is_async(function: Callable[..., Any]) -> bool:
    """Whether calling ``function`` gives a coroutine: a function, a partial of one, or an object."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - asked what it is, not whether it is there
    )


def _verdict(result: object) -> Verdict:
    """``result`` as a verdict that may be recorded.

    Raises:
        _WrongReturn: it is neither a verdict nor True nor False.
    """
    if isinstance(result, bool):
        return Verdict.accept() if result else Verdict.reject()
    if not isinstance(result, Verdict) or not isinstance(result.ruling, Ruling):
        raise _WrongReturn(f"returned {type(result).__name__}, not a Verdict, True or False")
    reason = safe_word(result.reason) if isinstance(result.reason, str) and result.reason else ""
    p_bad = result.p_bad
    if not isinstance(p_bad, (int, float)) or not 0.0 <= p_bad <= 1.0:  # never true of NaN
        p_bad = None if result.ruling is Ruling.ABSTAIN else float(result.rejects)
    return Verdict(result.ruling, reason, None if p_bad is None else float(p_bad))
