"""The documentation's code blocks, and a terminal that types them."""

from __future__ import annotations

import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.cli import main
from litellm_tiering.testing.processes import free_port, spawned, wait_http

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SERVERS = ("python -m litellm_tiering.testing.provider", "litellm --config")


@dataclass(frozen=True)
class Block:
    """A code block: its page, as a path in the repository, its place there, its language and its text."""

    page: str
    index: int
    language: str
    text: str
    below: str = ""

    @property
    def id(self) -> str:
        return f"{self.page}:{self.index}"

    def commands(self) -> list[str]:
        """Its lines, with those that go on in the next one put together."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def blocks(*languages: str, page: str = "") -> list[Block]:
    """The blocks in some languages, or in all; of one page, or of all."""
    found = []
    for path in PAGES:
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        if page and name != page:
            continue
        fences = list(FENCE.finditer(text))
        ends = [*(fence.start() for fence in fences[1:]), len(text)]
        for i, (fence, end) in enumerate(zip(fences, ends, strict=True) if fences else ()):
            found.append(Block(name, i, fence[2], fence[3], text[fence.end() : end]))
    return [block for block in found if not languages or block.language in languages]


class Terminal:
    """Somebody who types what the documentation says, in a directory of their own.

    Our own commands run in this process, which spares each of them a start of Python; that they are installed
    under their names is shown by the tests of the packages. Servers and `curl` are processes of their own.
    """

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.ports = {"9100": str(free_port()), "4000": str(free_port())}
        source = str(ROOT / "src")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("LITELLM_", "TIERING_"))},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")])),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no download at start
        }

    def own_ports(self, text: str) -> str:
        """The text with ports that are free on this machine."""
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text

    def run(self, command: str, *, statuses: tuple[int, ...] = (0,)) -> str:
        """Types one command; a server gets a terminal to itself. Returns what is printed."""
        command = self.own_ports(command)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.env[name] = value
            return ""
        if command.startswith(SERVERS):
            return self.serve(command)
        first, _, then = command.partition(" | ")
        if not is_ours(first):
            return self.ours(then, self.shell(first), statuses) if then else self.shell(first)
        return self.ours(command, "", statuses)

    def shell(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def ours(self, command: str, given: str, statuses: tuple[int, ...]) -> str:
        """One of this project's commands, with what it is given on its standard input."""
        words = shlex.split(command)
        target = words.pop() if len(words) > 1 and words[-2] == ">" else ""
        if target:
            words.pop()
        out, told = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in "12")
        feed = io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8")
        with self.here(), patched_stdin(feed), redirect_stdout(out), redirect_stderr(told):
            if words[0] == "litellm-tiering":
                status = main(words[1:])
            else:
                module = importlib.import_module(words[2])
                status = module.main(words[3:]) if words[3:] else module.main()
        said, errors = (stream.buffer.getvalue().decode() for stream in (out, told))
        assert status in statuses, f"{command}\n{status}\n{said}{errors}"
        if target:
            (self.folder / target).write_text(said, encoding="utf-8")
        return said + errors

    @contextmanager
    def here(self) -> Iterator[None]:
        """This process in the directory and with the environment of the terminal."""
        before, where = dict(os.environ), Path.cwd()
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.env)
        try:
            yield
        finally:
            os.chdir(where)
            os.environ.clear()
            os.environ.update(before)

    def serve(self, command: str) -> str:
        words = shlex.split(command)
        process = self.stack.enter_context(spawned(words, env=self.env, cwd=self.folder, name=words[0]))
        path = "/health/liveliness" if words[0] == "litellm" else "/v1/models"
        wait_http(f"http://127.0.0.1:{words[-1]}{path}", process, 300)
        return ""


def is_ours(command: str) -> bool:
    return command.startswith(("litellm-tiering ", "python -m litellm_tiering."))


@contextmanager
def patched_stdin(feed: io.TextIOWrapper) -> Iterator[None]:
    before, sys.stdin = sys.stdin, feed
    try:
        yield
    finally:
        sys.stdin = before
