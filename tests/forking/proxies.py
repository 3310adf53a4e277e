"""Proxies for tests, started by fork (see ``forkserver.py``) where that is the same as starting them anew."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.testing import processes, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORKSERVER = Path(__file__).with_name("forkserver.py")
READY_WITHIN_S = 120.0
_PROXY = [sys.executable, "-c", "from litellm import run_server; run_server()"]
_READ_AT_IMPORT = ("LITELLM_LOG", "PROMETHEUS_", "JSON_LOGS")
_POLL_S = 0.02


class Forked:
    """A forked proxy, to whoever has a :class:`subprocess.Popen` in mind."""

    def __init__(self, connection: socket.socket, order: dict[str, Any]) -> None:
        self._connection = connection
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        self._said = b""
        self.returncode: int | None = None
        self.pid = int(self._line(None) or b"0")
        if not self.pid:
            raise processes.NotReady("the process that forks proxies has ended")

    def _line(self, within_s: float | None) -> bytes | None:
        """What it says next, without the end of the line; None where it says nothing in time."""
        self._connection.settimeout(within_s)
        while b"\n" not in self._said:
            try:
                more = self._connection.recv(64)
            except (TimeoutError, BlockingIOError):
                return None
            if not more:
                return b""
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("the LiteLLM proxy", timeout or 0)
        return code

    def _ended(self, within_s: float | None) -> int | None:
        if self.returncode is None and (line := self._line(within_s)) is not None:
            # Nothing at all: what would have told of its end was killed with it.
            self.returncode = int(line or -signal.SIGKILL)
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def forked_proxies() -> Iterator[None]:
    """While it lasts, :func:`litellm_tiering.testing.proxy.serve_proxy` forks its proxies.

    But not those that are given variables which LiteLLM reads while it is imported: they start anew.
    """
    cold = proxy.spawned
    with tempfile.TemporaryDirectory(prefix="tiering-fork-") as folder:
        path = str(Path(folder) / "fork.sock")
        server: list[processes.Process] = []

        @contextlib.contextmanager
        def spawned(
            args: Sequence[str], *, env: Mapping[str, str], cwd: Path, name: str
        ) -> Iterator[processes.Process]:
            given = {key for key, value in env.items() if os.environ.get(key) != value}
            if list(args[:3]) != _PROXY or any(key.startswith(_READ_AT_IMPORT) for key in given):
                with cold(args, env=env, cwd=cwd, name=name) as process:
                    yield process
                return
            if not server:
                command = [sys.executable, str(FORKSERVER), path]
                server.append(stack.enter_context(cold(command, env=_clean(env), name="the fork server")))
            with tempfile.TemporaryDirectory(prefix="litellm-tiering-") as own:
                output = Path(own) / "output.txt"
                output.touch()
                order = {"args": args[3:], "env": dict(env), "cwd": str(cwd), "output": str(output)}
                process = processes.Process(Forked(_connected(path, server[0]), order), output, name)
                try:
                    yield process
                finally:
                    process.stop()

        with contextlib.ExitStack() as stack:
            proxy.spawned = spawned
            try:
                yield
            finally:
                proxy.spawned = cold


def _clean(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without what is one proxy's own."""
    kept = {*os.environ, "PYTHONPATH", "LITELLM_LOCAL_MODEL_COST_MAP"}
    return {key: value for key, value in env.items() if key in kept}


def _connected(path: str, server: processes.Process) -> socket.socket:
    ends = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < ends and server.popen.poll() is None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            time.sleep(_POLL_S)
        else:
            return connection
    raise processes.NotReady(f"the process that forks proxies is not there. It wrote:\n{server.tail()}")
