"""Writes the completion scripts of the command line, made by shtab from its parser; `--check` only looks."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import shtab

from litellm_tiering.cli import parser
from litellm_tiering.cli.completion import SHELLS

TARGET = Path(__file__).parents[1] / "src" / "litellm_tiering" / "cli" / "completions"


def render(shell: str) -> str:
    """The script for a shell."""
    whole = parser()
    _mark(whole)
    made = shtab.complete(whole, shell)
    # One blank line at the end of the file, none at the ends of lines, whatever the templates leave.
    lines = [line.rstrip() for line in made.rstrip().splitlines()]
    return "\n".join(lines) + "\n"


def _mark(part: argparse.ArgumentParser) -> None:
    """Tell which options take files; the names of their values say so."""
    for action in part._actions:  # noqa: SLF001 - argparse has no other way to its own options
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for inner in dict.fromkeys(action.choices.values()):
                _mark(inner)
        elif action.metavar in {"FILE", "CONFIG"}:
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def main(argv: list[str]) -> int:
    stale = 0
    for shell in SHELLS:
        target, made = TARGET / f"litellm-tiering.{shell}", render(shell)
        if "--check" in argv:
            fresh = target.is_file() and target.read_text(encoding="utf-8") == made
            print(f"{target.name}: {'up to date' if fresh else 'out of date: run scripts/gen_completion.py'}")
            stale += not fresh
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(made, encoding="utf-8")
    print(f"by shtab {version('shtab')}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
