"""What every verb shares: exit codes, errors, options, and output that cannot harm a terminal."""

from __future__ import annotations

import enum
import json
import sys
from typing import TYPE_CHECKING, Any

from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


class Exit(enum.IntEnum):
    """What the command's exit status says."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    INFEASIBLE = 4


class UsageError(TieringError):
    """The command was asked for something that cannot be done as asked; the message is for people."""


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every verb takes."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a LiteLLM config.yaml with a tiering section, or a file of that section alone; when absent, "
        "the file that LITELLM_TIERING_CONFIG names, else ./config.yaml where there is one",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print one JSON document; ASCII only, so that any terminal and any pipe can carry it."""
    print(json.dumps(value, indent=2, allow_nan=False))


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
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )
