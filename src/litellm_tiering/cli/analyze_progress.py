"""How far a long read has come, on a terminal: rich's bar where rich is installed, else a plain counter."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 500
"""How many rows go by between two looks at the clock."""


class Progress(Protocol):
    """Told of how far it is."""

    def at(self, rows: int, read_bytes: int | None) -> None:
        """So many rows, and so many bytes of the file, have been read."""
        ...


class _Silent:
    def at(self, rows: int, read_bytes: int | None) -> None:
        """Nobody is looking."""


class _Plain:
    def __init__(self, total: int | None) -> None:
        self._total = total

    def at(self, rows: int, read_bytes: int | None) -> None:
        share = f", {100 * read_bytes / self._total:.0f} %" if self._total and read_bytes is not None else ""
        print(f"\r{rows:,} rows{share}", end="", file=sys.stderr, flush=True)


class _Rich:
    def __init__(self, bar: Any, task: Any) -> None:  # noqa: ANN401 - rich's own types, which need not be there
        self._bar, self._task = bar, task

    def at(self, rows: int, read_bytes: int | None) -> None:
        more = {} if read_bytes is None else {"completed": read_bytes}
        self._bar.update(self._task, description=f"{rows:,} rows", **more)


@contextlib.contextmanager
def progress(total_bytes: int | None) -> Iterator[Progress]:
    """A bar on standard error while the block lasts; nothing where that is no terminal.

    Args:
        total_bytes: The size of what is read; None where it is not known.
    """
    if not sys.stderr.isatty():
        yield _Silent()
    elif importlib.util.find_spec("rich") is None:
        yield _Plain(total_bytes)
        print(file=sys.stderr)
    else:
        shown = importlib.import_module("rich.progress")
        console = importlib.import_module("rich.console").Console(stderr=True)
        columns = (shown.TextColumn("{task.description}"), shown.BarColumn(), shown.TimeElapsedColumn())
        with shown.Progress(*columns, console=console, transient=True) as bar:
            yield _Rich(bar, bar.add_task("reading", total=total_bytes))
