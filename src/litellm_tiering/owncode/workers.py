"""A few threads for functions that may hang, and a way to tell when all of them do.

Not a ThreadPoolExecutor: that queues without end behind functions that hang, and joins its threads when the
interpreter exits, so that one function which never returns would keep the proxy from stopping.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_IDLE_S = 30.0
_Job = tuple["Future[Any]", "Callable[[], Any]", float]


class WorkersBusy(RuntimeError):
    """Every thread has been at one function for longer than that may take."""


class Workers:
    """At most ``size`` threads, started as they are needed; idle ones end, and all do with the process."""

    __slots__ = ("_due", "_idle", "_jobs", "_lock", "_name", "_size", "_started")

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._due: dict[int, float] = {}  # by thread: when its function is due, on the monotonic clock
        self._started = 0
        self._idle = 0

    def submit(self, work: Callable[[], Any], *, limit_s: float) -> Future[Any]:
        """Have ``work`` done by the next free thread; its future, which may be cancelled while it waits.

        Raises:
            WorkersBusy: every thread is past its time limit.
        """
        future: Future[Any] = Future()
        now = time.monotonic()
        with self._lock:
            if len(self._due) == self._size and all(due < now for due in self._due.values()):
                raise WorkersBusy(f"all {self._size} threads hang")
            if self._idle <= self._jobs.qsize() and self._started < self._size:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
                self._started += 1
            self._jobs.put((future, work, now + limit_s))
        return future

    def _next(self, me: int) -> _Job | None:
        """The next thing to do; None when there was none for a while, and the thread is to end."""
        with self._lock:
            self._due.pop(me, None)
            self._idle += 1
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                job = None
            with self._lock:
                if job is None and not self._jobs.empty():
                    continue
                self._idle -= 1
                if job is None:
                    self._started -= 1
                else:
                    self._due[me] = job[2]
                return job

    def _run(self) -> None:
        while (job := self._next(threading.get_ident())) is not None:
            future, work, _ = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - the user's code; the caller judges it
                future.set_exception(error)
            else:
                future.set_result(result)
            # Nothing of a request stays here until the next one.
            job = future = work = result = None  # type: ignore[assignment]
