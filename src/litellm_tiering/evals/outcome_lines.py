"""The lines of an outcome file as JSON objects: unpacked, bounded, and refused where they are none."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STDIN = "-"

MAX_LINE_BYTES = 32_000_000
"""The longest line that is read; memory stays bounded by it, whatever the file holds."""

_BOM = b"\xef\xbb\xbf"


class OutcomeError(TieringError):
    """An outcome file cannot be used at all; the message names it and says what to do."""


class UnusableLine(ValueError):
    """One line cannot be used, and why; it never repeats what the line holds."""


def shown(name: str) -> str:
    """How a file is called in messages."""
    return "standard input" if name == STDIN else name


def lines_of(name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1; of one too long, only its beginning.

    Raises:
        OutcomeError: the file cannot be opened, or not be read to its end.
    """
    with _opened(name) as stream:
        number = 0
        while True:
            with _reading(name):
                raw = rest = stream.readline(MAX_LINE_BYTES + 2)
                while len(rest) > MAX_LINE_BYTES + 1 and not rest.endswith(b"\n"):
                    rest = stream.readline(MAX_LINE_BYTES + 2)
            if not raw:
                return
            number += 1
            line = raw.removeprefix(_BOM) if number == 1 else raw
            if line.strip():
                yield number, line.rstrip(b"\r\n")


def object_in(raw: bytes) -> Mapping[str, Any]:
    """The JSON object that a line holds.

    Raises:
        UnusableLine: it holds something else.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise UnusableLine(f"longer than {MAX_LINE_BYTES / 1e6:g} MB")
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise UnusableLine("not UTF-8") from None
    except RecursionError:
        raise UnusableLine("nested too deeply") from None
    except ValueError:
        # JSONDecodeError is one; so is a number of too many digits.
        raise UnusableLine("not JSON") from None
    if not isinstance(value, dict):
        raise UnusableLine("not a JSON object")
    return value


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as stack:
        with _reading(name):
            file = stack.enter_context(Path(name).open("rb"))
            unpacked = stack.enter_context(gzip.open(file)) if name.endswith(".gz") else file
        yield cast("IO[bytes]", unpacked)


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what goes wrong while a file is opened or read into a message that names it."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise OutcomeError(f"{shown(name)} is damaged ({error})") from None
    except (OSError, ValueError) as error:
        # ValueError: a name with a null byte.
        raise OutcomeError(
            f"{shown(name)} cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from None
