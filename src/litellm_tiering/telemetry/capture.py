"""The file that captured requests are written to: whole lines, in batches, off the event loop.

Several workers of one machine may share it. Each batch is appended under a lock on the file, and a batch that
cannot be written whole is taken back, so that no line is ever torn. When the file has half of the room that
both may take, it is renamed to ``NAME.1``, in place of an older one. Where the system has no such locks
(Windows), give each process a file of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

QUEUE_MAX = 256
"""How many lines wait to be written; one too many is lost, and counted."""

BATCH = 64
BATCH_BYTES = 1_000_000
"""How much is written at once, under one lock."""

LOCK_WITHIN_S = 5.0
"""How long a batch waits for other workers' batches."""

OLDER = ".1"
"""What is put behind the name of the file that older lines are in."""

_LOCK_EVERY_S = 0.02
_TURNS = 16


class CaptureFile:
    """Appends JSON lines to a file that only its owner may read.

    Args:
        path: The file; relative to the working directory.
        max_bytes: How large it and the older one may become together.
        on_fault: Told of a fault of ours in the background: where, and what was raised.
    """

    def __init__(
        self, path: str, max_bytes: int, *, on_fault: Callable[[str, BaseException], None] | None = None
    ) -> None:
        self.path = path
        self.written = 0
        """How many lines this process has written."""
        self.lost = 0
        """How many it could not write."""
        self._half = max_bytes // 2
        self._on_fault = on_fault
        self._queue: deque[Mapping[str, Any]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._closed = False

    def put(self, line: Mapping[str, Any]) -> None:
        """Have a line written in the background; nothing is waited for, and nothing raised."""
        if self._closed or len(self._queue) >= QUEUE_MAX:
            self.lost += 1
            self._trouble = self._trouble or "the disk is too slow"
            return
        self._queue.append(line)
        if self._task is None or self._task.done() or self._task.get_loop().is_closed():
            # Where no loop runs it waits for the next line, or the end.
            with contextlib.suppress(RuntimeError):
                self._task = asyncio.get_running_loop().create_task(self._drain())

    def alarms(self) -> list[str]:
        """That lines are lost, and why, until one is written again."""
        if not self._trouble:
            return []
        return [
            f"capture: {self.path} cannot be written ({self._trouble}): {self.lost} lines are lost so far"
        ]

    async def close(self) -> None:
        """Write what waits, and take no more."""
        self._closed = True
        task = self._task
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait({task})
        await self._drain()

    async def _drain(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                await asyncio.to_thread(self.write, batch)
            except Exception as error:  # noqa: BLE001 - a fault here costs these lines, and no request
                self.lost += len(batch)
                self._trouble = type(error).__name__
                if self._on_fault is not None:
                    self._on_fault("capture", error)

    # ------------------------------------------------------------------ in a worker thread

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines; those that the disk does not take are counted as lost."""
        for piece, count in _pieces(lines):
            self._trouble = self._tried(piece)
            if self._trouble:
                self.lost += count
            else:
                self.written += count

    def _tried(self, data: bytes) -> str:
        """Append whole lines; why that was not possible, or nothing."""
        try:
            self._append(data)
        except OSError as error:
            return error.strerror or type(error).__name__
        return ""

    def _append(self, data: bytes) -> None:
        """Append whole lines under a lock.

        Raises:
            OSError: they cannot be written; the file is then as it was.
        """
        for _ in range(_TURNS):
            with _opened(self.path) as fd:
                _lock(fd)
                found = os.fstat(fd)
                if not _is_still(self.path, found):
                    continue  # another worker has renamed it meanwhile
                if found.st_size and found.st_size + len(data) > self._half:
                    Path(self.path).replace(self.path + OLDER)
                    continue
                if found.st_size and os.pread(fd, 1, found.st_size - 1) != b"\n":
                    data = b"\n" + data  # a process was killed in the middle of a line
                _write_whole(fd, data, found.st_size)
                return
        raise OSError(0, "other workers keep renaming it")


def _pieces(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[bytes, int]]:
    """The lines as bytes, some at a time, and how many those are."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        raw = json.dumps(line, separators=(",", ":"), default=str).encode() + b"\n"
        if held and size + len(raw) > BATCH_BYTES:
            yield b"".join(held), len(held)
            held, size = [], 0
        held.append(raw)
        size += len(raw)
    if held:
        yield b"".join(held), len(held)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """The file, made for its owner alone where it is not there.

    Raises:
        OSError: it cannot be opened, or is no file that lines can be kept in.
    """
    # Nobody may be listening at the other end of a pipe: opening it must not wait.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    fd = os.open(path, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, "not a regular file")
        yield fd
    finally:
        os.close(fd)  # which lets go of the lock


def _lock(fd: int) -> None:
    """Wait for the lock on a file, in a worker thread.

    Raises:
        OSError: others have held it for too long.
    """
    until = time.monotonic() + LOCK_WITHIN_S
    while not _locked(fd):
        if time.monotonic() >= until:
            raise OSError(0, "another process holds its lock")
        time.sleep(_LOCK_EVERY_S)


def _locked(fd: int) -> bool:
    if sys.platform == "win32":  # pragma: no cover - it has no such locks
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: str, found: os.stat_result) -> bool:
    try:
        now = Path(path).stat()
    except FileNotFoundError:
        return False
    return (now.st_dev, now.st_ino) == (found.st_dev, found.st_ino)


def _write_whole(fd: int, data: bytes, size: int) -> None:
    """Append all of ``data`` to a file of this size, or none of it."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(fd, left) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, size)
        raise
