"""Runs pytest again and again in children of one interpreter, which has loaded what all of them need.

A line of standard input is a JSON list of pytest's arguments; a line of output is its exit code, or -1 when
it was ended after as many seconds as the first argument says. Nothing of ours is loaded but in the children.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time

import pytest

HEAVY = (
    "aiohttp",
    "httpx",
    "hypothesis.stateful",
    "hypothesis.strategies",
    "jsonschema",
    "numpy",
    "pydantic",
    "pytest_asyncio.plugin",
    "pytest_cov.plugin",
    "re2",
    "redis.asyncio.cluster",
    "sqlite3",
    "yaml",
)
"""What tests load that is not ours; what is not there is left out."""


def child(arguments: list[str]) -> None:
    """A process group of its own: a Redis that a test started ends with it."""
    os.setsid()
    sink = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(sink, descriptor)
    code = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        code = int(pytest.main(arguments))
    finally:
        os._exit(code)


def wait(pid: int, deadline_s: float) -> int:
    until = time.monotonic() + deadline_s
    code = None
    while code is None and time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if code is None:
        os.waitpid(pid, 0)
        return -1
    return code


def main() -> None:
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            child(json.loads(line))
        print(wait(pid, float(sys.argv[1])), flush=True)


if __name__ == "__main__":
    main()
