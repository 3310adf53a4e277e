"""Files in: ``-`` for standard input, ``.gz`` unpacked, and JSON lines that may hold anything."""

from __future__ import annotations

import json
import sys
from typing import IO, TYPE_CHECKING, Any

from litellm_tiering import files
from litellm_tiering.cli.common import UsageError
from litellm_tiering.evals import outcome_lines
from litellm_tiering.files import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

MAX_BODY_BYTES = 32_000_000
"""The largest request body that is read."""


class BadLine(ValueError):
    """A line that cannot be used, and why; it never repeats what the line holds."""


def opened(name: str) -> AbstractContextManager[IO[bytes]]:
    """The bytes of a file, of standard input for ``-``, or of what a ``.gz`` file holds.

    Raises:
        UsageError: it cannot be opened.
    """
    return files.opened(name, UsageError)


def numbered(name: str, longest: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1, without their ends.

    Of a line longer than ``longest`` bytes only a little more than that is kept, for
    :func:`parse_object` to refuse.

    Raises:
        UsageError: the file cannot be opened, or not be read to its end.
    """
    return files.numbered(name, UsageError, longest)


def parse_object(raw: bytes, longest: int = MAX_LINE_BYTES) -> Mapping[str, Any]:
    """The JSON object that a line or a body holds.

    Raises:
        BadLine: it holds something else.
    """
    if len(raw) > longest:
        raise BadLine(f"is longer than {longest / 1e6:g} MB")
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadLine("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine(f"is not JSON ({error.msg} at character {error.pos})") from None
    except ValueError:
        raise BadLine("is not JSON (a number of too many digits)") from None
    except RecursionError:
        raise BadLine("is nested too deeply") from None
    if not isinstance(value, dict):
        raise BadLine("is not a JSON object")
    return value


def body_in(name: str) -> Mapping[str, Any]:
    """The JSON object in a file, or in standard input for ``-``.

    Raises:
        UsageError: there is none.
    """
    with opened(name) as stream, files.reading(name, UsageError):
        raw = stream.read(MAX_BODY_BYTES + 1)
    try:
        return parse_object(raw.removeprefix(files.BOM), MAX_BODY_BYTES)
    except BadLine as error:
        raise UsageError(f"{files.shown(name)} {error}") from None


def text_in_stdin() -> str:
    """Standard input as text; bytes that are not UTF-8 are replaced."""
    return sys.stdin.buffer.read(MAX_BODY_BYTES).decode("utf-8", "replace")


def id_of(line: Mapping[str, Any]) -> str | int | float:
    """A line's ``id``.

    Raises:
        BadLine: it has none that is text or a number.
    """
    found = line.get("id")
    if isinstance(found, bool) or not isinstance(found, (str, int, float)) or found != found:  # noqa: PLR0124 - NaN
        raise BadLine("has no `id` that is text or a number")
    return found


def messages_of(line: Mapping[str, Any]) -> list[Any]:
    """A line's ``messages``, or its ``prompt`` as one.

    Raises:
        BadLine: it has neither.
    """
    try:
        return outcome_lines.messages_of(line)
    except outcome_lines.UnusableLine as error:
        raise BadLine(f"has {error}") from None
