"""Starts LiteLLM proxies by fork, from a process that has imported LiteLLM already.

A proxy's start is six seconds of importing LiteLLM, and one of its own work. Run as
``python forkserver.py SOCKET``: each connection to that Unix socket asks for one proxy by a line of JSON
(``args``, ``env``, ``cwd``, ``output``), is told its process id by a line, and its exit code, negative for a
signal, by another.

What has to read its environment while LiteLLM is imported cannot be started like this: see ``proxies.py``.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import socket
import sys
from typing import Any

_ORPHANED_S = 2.0


def main() -> None:
    import litellm.proxy.proxy_cli  # noqa: PLC0415 - what this process exists for
    import litellm.proxy.proxy_server  # noqa: PLC0415 - as above
    import uvicorn._subprocess  # noqa: PLC0415 - as above

    # A proxy's own workers are forked as well; elsewhere they import everything anew.
    uvicorn._subprocess.spawn = multiprocessing.get_context("fork")
    # And so nothing else may run where they are forked: now and then LiteLLM's reaper of database engines was
    # importing a module at that moment, and in the workers the lock of that module was never let go of.
    litellm.proxy.proxy_cli.start_query_engine_reaper = lambda: None
    gc.collect()
    gc.freeze()
    order = _serve(sys.argv[1])
    if order is not None:
        _become(order)
        litellm.proxy.proxy_cli.run_server()


def _serve(path: str) -> dict[str, Any] | None:
    """Forks at every order; returns the order in a proxy-to-be, and None once nobody is there to ask."""
    parent = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the keepers need no waiting for
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        listening.settimeout(_ORPHANED_S)
        while os.getppid() == parent:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                listening.close()
                return _keep(connection)
            connection.close()
    return None


def _keep(connection: socket.socket) -> dict[str, Any]:
    """Forks the proxy, tells of it and of its end; returns in the proxy only."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with connection.makefile("rb") as asked:
            order: dict[str, Any] = json.loads(asked.readline())
        ready, leads = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            connection.close()
            os.setsid()
            os.write(leads, b".")
            os.close(leads)
            code = -1
            return order
        # Told of only once it leads a group of its own: whoever kills it kills the group.
        os.close(leads)
        os.read(ready, 1)
        connection.sendall(b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        code = 0
    finally:
        if code >= 0:
            os._exit(code)


def _become(order: dict[str, Any]) -> None:
    """Takes on the environment, folder, command line and output of the process that was ordered."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    found = [part for part in order["env"].get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:0] = ["", *(part for part in found if part not in sys.path)]
    sys.argv = ["-c", *order["args"]]
    output = os.open(order["output"], os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


if __name__ == "__main__":
    main()
