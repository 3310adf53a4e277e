"""The lines of an outcome file as JSON objects: unpacked, bounded, and refused where they are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_tiering.errors import TieringError
from litellm_tiering.files import MAX_LINE_BYTES, numbered, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OutcomeError", "UnusableLine", "lines_of", "object_in", "shown"]


class OutcomeError(TieringError):
    """An outcome file cannot be used at all; the message names it and says what to do."""


class UnusableLine(ValueError):
    """One line cannot be used, and why; it never repeats what the line holds."""


def lines_of(name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1; of one too long, only its beginning.

    Raises:
        OutcomeError: the file cannot be opened, or not be read to its end.
    """
    return numbered(name, OutcomeError)


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


def messages_of(line: Mapping[str, Any]) -> list[Any]:
    """A line's ``messages``, or its ``prompt`` as one.

    Raises:
        UnusableLine: it has neither.
    """
    messages, prompt = line.get("messages"), line.get("prompt")
    if messages is None and isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    if isinstance(messages, list) and messages and all(isinstance(m, dict) for m in messages):
        return messages
    raise UnusableLine("neither a `prompt` that is text nor `messages` that are a list of objects")
