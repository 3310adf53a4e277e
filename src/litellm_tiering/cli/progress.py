"""How far long work has come, on a terminal: a bar by rich where that is installed, else a line now and then.

Nothing is shown where standard error is no terminal. A bar goes away when the work is done, leaves messages
above it alone, and keeps to ``NO_COLOR``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.cli.common import UsageError, note, visible
from litellm_tiering.cli.inputs import opened
from litellm_tiering.files import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY = 200
"""How many lines go by between two looks at the clock."""

_PAUSE_S = 10.0
_COUNTED_BYTES = 2_000_000_000
_PIECE = 1 << 20


class Progress(Protocol):
    """Told of how far it is."""

    def at(self, done: int, said: str | None = None) -> None:
        """So many are done; ``said`` takes the place of the words for that."""
        ...

    def doing(self, what: str) -> None:
        """Something else is being done now, nobody knows for how long."""
        ...


class _Silent:
    def at(self, done: int, said: str | None = None) -> None:
        """Nobody is looking."""

    def doing(self, what: str) -> None:
        """Nobody is looking."""


class _Lines:
    """A line of its own every ten seconds, which no terminal can get wrong."""

    def __init__(self, words: _Words, clock: Callable[[], float]) -> None:
        self._words, self._clock, self._told_s = words, clock, clock()

    def at(self, done: int, said: str | None = None) -> None:
        self._tell(said or self._words.of(done))

    def doing(self, what: str) -> None:
        self._tell(what)

    def _tell(self, text: str) -> None:
        if self._clock() - self._told_s >= _PAUSE_S:
            self._told_s = self._clock()
            note(text)


class _Rich:
    def __init__(self, bar: Any, task: Any, words: _Words) -> None:  # noqa: ANN401 - rich need not be there
        self._bar, self._task, self._words = bar, task, words

    def at(self, done: int, said: str | None = None) -> None:
        self._bar.update(self._task, completed=done, description=visible(said or self._words.of(done)))

    def doing(self, what: str) -> None:
        self._bar.reset(self._task, total=None, description=visible(what))


class _Words:
    def __init__(self, what: str, total: int | None, unit: str) -> None:
        self.what, self._total, self._unit = what, total, unit

    def of(self, done: int) -> str:
        among = "" if self._total is None else f" of {self._total:,}"
        return f"{self.what}: {done:,}{among} {self._unit}"


@contextlib.contextmanager
def progress(
    what: str,
    total: int | None = None,
    unit: str = "lines",
    *,
    beside_output: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Progress]:
    """A bar on standard error while the block lasts; nothing where that is no terminal.

    Args:
        what: What is being done.
        total: How much there is to do; None where nobody knows.
        unit: Of what.
        beside_output: Whether results are printed meanwhile: on a terminal, they show how far it is.
        clock: Seconds.
    """
    words = _Words(what, total, unit)
    if not watched() or (beside_output and sys.stdout.isatty()):
        yield _Silent()
    elif importlib.util.find_spec("rich") is None or os.environ.get("TERM") == "dumb":
        yield _Lines(words, clock)
    else:
        shown = importlib.import_module("rich.progress")
        console = importlib.import_module("rich.console").Console(stderr=True, highlight=False)
        columns = (
            shown.SpinnerColumn("line"),  # the one that every terminal can show
            shown.TextColumn("{task.description}", markup=False),
            shown.BarColumn(),
            shown.TimeElapsedColumn(),
            *(() if total is None else (shown.TimeRemainingColumn(),)),
        )
        # Messages go above the bar; results do not, wherever standard output leads to.
        with shown.Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
            yield _Rich(bar, bar.add_task(what, total=total), words)


def watched() -> bool:
    """Whether somebody may be looking."""
    return sys.stderr.isatty()


def lines_in(name: str) -> int | None:
    """How many lines a file has, where somebody is looking and it can be read twice; None elsewhere."""
    if not watched() or name == STDIN:
        return None
    try:
        if not Path(name).is_file():
            return None  # a pipe gives what it has once
        with opened(name) as stream:
            return _counted(iter(lambda: stream.read(_PIECE), b""))
    except (UsageError, OSError, EOFError, ValueError, zlib.error):
        return None  # whoever reads it for good says why


def _counted(pieces: Iterator[bytes]) -> int | None:
    """The lines in what may be unpacked from little, and be without end."""
    seen = lines = 0
    for piece in pieces:
        seen += len(piece)
        lines += piece.count(b"\n")
        if seen > _COUNTED_BYTES:
            return None
    return lines
