"""Files in: ``-`` for standard input, ``.gz`` unpacked, lines bounded, and errors that name the file."""

from __future__ import annotations

import contextlib
import gzip
import sys
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Refuse = Callable[[str], Exception]

STDIN = "-"

MAX_LINE_BYTES = 32_000_000
"""The longest line of an input that is read; memory stays bounded by it, whatever the file holds."""

BOM = b"\xef\xbb\xbf"


def shown(name: str) -> str:
    """How a file is called in messages."""
    return "standard input" if name == STDIN else name


@contextlib.contextmanager
def opened(name: str, refuse: Refuse) -> Iterator[IO[bytes]]:
    """The bytes of a file, of standard input for ``-``, or of what a ``.gz`` file holds.

    Args:
        name: The file.
        refuse: Makes the error that is raised where it cannot be opened.
    """
    if name == STDIN:
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as stack:
        with reading(name, refuse):
            file = stack.enter_context(Path(name).open("rb"))
            unpacked = stack.enter_context(gzip.open(file)) if name.endswith(".gz") else file
        yield cast("IO[bytes]", unpacked)


@contextlib.contextmanager
def reading(name: str, refuse: Refuse) -> Iterator[None]:
    """Turn what goes wrong while a file is opened or read into an error that names it."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise refuse(f"{shown(name)} is damaged ({error})") from None
    except (OSError, ValueError) as error:
        # ValueError: a name with a null byte.
        raise refuse(f"{shown(name)} cannot be read ({getattr(error, 'strerror', None) or error})") from None


def numbered(name: str, refuse: Refuse, longest: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1, without their ends.

    Args:
        name: The file.
        refuse: Makes the error that is raised where it cannot be opened, or not be read to its end.
        longest: Of a line of more bytes only a little more than that is kept, for its reader to refuse.
    """
    with opened(name, refuse) as stream:
        number = 0
        while True:
            with reading(name, refuse):
                raw = rest = stream.readline(longest + 2)
                while len(rest) > longest + 1 and not rest.endswith(b"\n"):
                    rest = stream.readline(longest + 2)
            if not raw:
                return
            number += 1
            line = raw.removeprefix(BOM) if number == 1 else raw
            if line.strip():
                yield number, line.rstrip(b"\r\n")
