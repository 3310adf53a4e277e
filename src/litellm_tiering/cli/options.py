"""Options that more than one verb takes, each worded and read in one place."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = "the lines; - for standard input, .gz is unpacked"


class Misused(Exception):
    """The words of the command line are no command; the usage has been shown, the message has not."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints can be told to programs too; that of a verb is of this class as well."""

    def error(self, message: str) -> NoReturn:
        """Show how the command is used, and leave the rest to whoever called.

        Raises:
            Misused: always.
        """
        self.print_usage(sys.stderr)
        raise Misused(f"{self.prog}: error: {message}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every verb takes."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a LiteLLM config.yaml with a tiering section, or a file of that section alone; when absent, "
        "the file that LITELLM_TIERING_CONFIG names, else ./config.yaml where there is one",
    )
    add_json(parser)


def add_json(parser: argparse._ActionsContainer) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON, for programs; what goes wrong as well"
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the file of lines that a verb reads."""
    parser.add_argument("--input", required=True, metavar="FILE", help=LINES)


def add_outcomes(parser: argparse.ArgumentParser) -> None:
    """Add the file of recorded outcomes."""
    parser.add_argument("--outcomes", required=True, metavar="FILE", help=LINES)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add which recorded model stands for which tier."""
    models = parser.add_argument_group("whose answers stand for which tier (else the model groups' names)")
    models.add_argument("--weak", metavar="MODEL", help="those of the cheapest tier, as the file names it")
    models.add_argument("--strong", metavar="MODEL", help="those of the dearest")
    models.add_argument(
        "--tier", action="append", default=[], metavar="NAME=MODEL", help="each tier's, cheapest first"
    )


def wants_json(words: Sequence[str]) -> bool:
    """Whether words that make no command ask for JSON all the same."""
    return "--json" in words
