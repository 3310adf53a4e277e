"""What every verb shares: exit codes, errors, and output that cannot harm a terminal."""

from __future__ import annotations

import enum
import json
import sys
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.options import add_common
from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litellm_tiering.errors import Problem

__all__ = [
    "Exit",
    "Interrupted",
    "Unavailable",
    "UsageError",
    "add_common",
    "note",
    "print_error",
    "print_json",
    "problems_json",
    "table",
    "visible",
]


class Exit(enum.IntEnum):
    """What the command's exit status says."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    INFEASIBLE = 4
    INTERRUPTED = 130
    """As a shell reports a process that SIGINT has ended."""


class UsageError(TieringError):
    """The command was asked for something that cannot be done as asked; the message is for people."""


class Unavailable(TieringError):
    """What the command was to tell or to do could not be seen or reached; the message is for people."""


class Interrupted(TieringError):
    """Somebody pressed Ctrl-C."""


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print one JSON document; ASCII only, so that any terminal and any pipe can carry it."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_error(kind: str, message: str, problems: Iterable[Problem] = ()) -> None:
    """Print why there is no result as JSON, on a line of its own: what was printed before may be lines."""
    found = {"kind": kind, "message": message, "problems": problems_json(problems)}
    print(json.dumps({"error": found}, allow_nan=False))


def problems_json(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """What is wrong in a configuration, for programs."""
    return [{"file": p.file, "path": p.path, "message": p.message, "fix": p.fix} for p in problems]


def note(message: str) -> None:
    """Say something to people without disturbing standard output."""
    print(f"litellm-tiering: {visible(message)}", file=sys.stderr)


def visible(text: str) -> str:
    """``text`` with control characters, which may come from a request, made harmless."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def table(rows: Sequence[Sequence[str]], *, indent: str = "") -> str:
    """``rows`` with their columns aligned, two spaces apart; the first row is the head."""
    # No cell begins a row of its own, whatever a team or a model is called.
    cells = [[visible(cell).replace("\n", "\\n") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )
