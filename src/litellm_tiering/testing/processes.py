"""Servers as processes of their own, for tests and demos: started, waited for, and always ended.

Example:
    with serve_provider() as provider:
        provider.faults("status", model="sim-small", status=429, times=1)
        ...  # talk to provider.base_url
        assert provider.totals()["sim-small"]["calls"] == 2
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0
TAIL_CHARS = 4_000
_POLL_S = 0.05
_PROBE_S = 2.0
_SAID = re.compile(r"simulated provider on (http://\S+)")


class NotReady(Exception):
    """A server did not come up in time; the message ends with the last of what it wrote."""


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now; whoever binds it first has it."""
    with socket.socket() as bound:
        bound.bind((host, 0))
        port: int = bound.getsockname()[1]
        return port


@dataclass(frozen=True)
class Process:
    """A running process, and the file that takes what it writes."""

    popen: subprocess.Popen[bytes]
    output: Path
    name: str

    @property
    def pid(self) -> int:
        return self.popen.pid

    def text(self) -> str:
        """Everything that it has written so far, errors included."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The last 4,000 characters of that."""
        return self.text()[-TAIL_CHARS:].strip() or "(nothing)"

    def stop(self, within_s: float = STOP_WITHIN_S) -> int:
        """Ends it, first kindly, then after ``within_s`` seconds by force; returns its exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.popen.wait(within_s)

    def kill(self) -> None:
        """Ends it at once, with the children that it has started."""
        if self.popen.poll() is not None:
            return
        if os.name == "posix":
            # It leads a group of its own (see spawned), which holds its children and nobody else.
            os.killpg(self.popen.pid, signal.SIGKILL)
        else:
            self.popen.kill()


@contextlib.contextmanager
def spawned(
    args: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, name: str = ""
) -> Iterator[Process]:
    """Runs ``args`` for as long as the block lasts.

    Args:
        args: The command line.
        env: The environment; None for a copy of this process's own.
        cwd: Where it runs; None for here.
        name: What errors call it; its first argument, without one.
    """
    # A file, and not a pipe: nobody has to read it for the process to go on writing.
    with tempfile.TemporaryDirectory(prefix="litellm-tiering-") as folder:
        output = Path(folder) / "output.txt"
        with output.open("wb") as sink:
            popen = subprocess.Popen(
                list(args),
                env=None if env is None else dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(popen, output, name or Path(args[0]).name)
        try:
            yield process
        finally:
            process.stop()


def wait_http(url: str, process: Process, deadline_s: float = READY_WITHIN_S) -> None:
    """Waits until ``url`` answers with a status below 500.

    Raises:
        NotReady: the process ended first, or ``deadline_s`` seconds went by.
    """
    seen = "no answer yet"
    ends = time.monotonic() + deadline_s
    # A proxy set in the environment must not stand between this process and its own child.
    with httpx.Client(trust_env=False, timeout=_PROBE_S) as client:
        while time.monotonic() < ends:
            _must_live(process)
            try:
                status = client.get(url).status_code
            except httpx.HTTPError as error:
                seen = f"{type(error).__name__}: {error}"
            else:
                if status < 500:  # noqa: PLR2004 - HTTP
                    return
                seen = f"status {status}"
            time.sleep(_POLL_S)
    raise NotReady(
        f"{process.name}: {url} was not ready after {deadline_s:g} s ({seen}). It wrote:\n{process.tail()}"
    )


def _must_live(process: Process) -> None:
    code = process.popen.poll()
    if code is not None:
        raise NotReady(
            f"{process.name} ended with exit code {code} before it was ready. It wrote:\n{process.tail()}"
        )


@dataclass(frozen=True)
class Provider:
    """A simulated provider that runs, and what a test wants from it.

    Attributes:
        base_url: Without a path; OpenAI's clients want ``openai_url``.
    """

    base_url: str
    process: Process
    client: httpx.Client

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI's clients."""
        return f"{self.base_url}/v1"

    def calls(self, model: str = "") -> list[dict[str, object]]:
        """The last calls, oldest first; of one model where it is named."""
        found: list[dict[str, object]] = self._get("/control/calls", model=model)["calls"]
        return found

    def totals(self) -> dict[str, dict[str, int]]:
        """Per model: ``calls``, ``ok``, ``failed`` and the tokens served."""
        found: dict[str, dict[str, int]] = self._get("/control/calls")["totals"]
        return found

    def usage(self) -> dict[str, dict[str, int]]:
        """Per model: ``prompt_tokens``, ``completion_tokens``, ``total_tokens`` served."""
        return self._get("/control/usage")

    def last_request(self) -> dict[str, object]:
        """The last request body that reached it."""
        found: dict[str, object] = self._get("/control/requests/last")
        return found

    def faults(self, fault: str, **fields: object) -> None:
        """Plants a fault; the fields are those of ScriptedFault (``model``, ``status``, ``times`` …)."""
        answer = self.client.post("/control/faults", json={"fault": fault, **fields})
        if answer.is_error:
            raise ValueError(answer.json()["error"]["message"])

    def heal(self) -> None:
        """Ends all faults."""
        self.client.delete("/control/faults").raise_for_status()

    def clear(self) -> None:
        """Ends all faults and forgets all calls."""
        self.heal()
        self.client.delete("/control/calls").raise_for_status()

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.client.get(path, params=query)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextlib.contextmanager
def serve_provider(
    *, port: int = 0, latency_ms: float | None = 0, deadline_s: float = READY_WITHIN_S
) -> Iterator[Provider]:
    """The simulated provider as a process on 127.0.0.1, for as long as the block lasts.

    Args:
        port: 0 takes a free one.
        latency_ms: Milliseconds to the first token of every model; None for its own defaults.
        deadline_s: How long it may take to start, in seconds.

    Raises:
        NotReady: it did not start in time.
    """
    args = [sys.executable, "-m", "litellm_tiering.testing.provider", "--port", str(port)]
    if latency_ms is not None:
        for size in ("small", "medium", "large"):
            args += [f"--latency-ms-{size}", f"{latency_ms:g}"]
    source = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH", "")]))
    env = {**os.environ, "PYTHONPATH": path}
    with spawned(args, env=env, name="the simulated provider") as process:
        base_url = _announced(process, deadline_s)
        wait_http(f"{base_url}/v1/models", process, deadline_s)
        with httpx.Client(base_url=base_url, trust_env=False, timeout=READY_WITHIN_S) as client:
            yield Provider(base_url, process, client)


def _announced(process: Process, deadline_s: float) -> str:
    """Where the provider says it listens: with port 0 only it knows."""
    ends = time.monotonic() + deadline_s
    while time.monotonic() < ends:
        if found := _SAID.search(process.text()):
            return found[1]
        _must_live(process)
        time.sleep(_POLL_S)
    raise NotReady(
        f"{process.name} did not say where it listens within {deadline_s:g} s. It wrote:\n{process.tail()}"
    )
