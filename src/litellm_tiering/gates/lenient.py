"""JSON as models write it: fenced, introduced, commented on, with raw newlines and stray backslashes in it.

Everything is one pass, or a few: brackets in prose fail at once, values do not overlap, and what looks like
a value that broke off is not searched for smaller ones inside.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias

Json: TypeAlias = Any

MAX_CHARS = 1_000_000
"""Longer texts are not read."""

MAX_DEPTH = 200
"""Nor are values nested deeper."""

MAX_STARTS = 128
"""How many brackets in prose are tried."""

MAX_MENDS = 3
"""How many times what follows a bracket is mended."""

MAX_QUOTES = 10_000
"""Where more quotes follow, nothing is mended between strings."""

_JSON_SPACE = " \t\r\n"
# Linear: a character class each, or a run that ends at the first other character.
_FENCE = re.compile(r"```[\w+-]*")
_FENCED = re.compile(r"```[\w+-]*[ \t\r\n]*(?=[{\[])")
_BRACKET = re.compile(r"[{\[]")
_BEGUN = re.compile(r'["{\[]')
_LOOSE = re.compile(r"\b(?:True|False|None)\b|,(?=[ \t\r\n]*[}\]])")
_LOOSE_WORDS = {"True": "true", "False": "false", "None": "null", ",": ""}
_MENDABLE = frozenset("TFN,]}")
_WORDS = {"True": True, "False": False, "None": None}
_LONGEST_WORD = 16
# A backslash with what it escapes: taken in pairs, so that the second of two is not taken for a stray one.
_ESCAPE = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4})|\\")


class Unreadable(ValueError):
    """The text may hold JSON, but is too long or too deep to be read: ``reason`` is a fixed word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Prose(Exception):
    """A bracket that begins no JSON."""


def _refuse(constant: str) -> NoReturn:
    # Where it stands is not known: as far in as may be, so that nothing behind it is taken for prose.
    raise json.JSONDecodeError("not of JSON", constant, MAX_CHARS)


_STRICT = json.JSONDecoder(parse_constant=_refuse)
_LENIENT = json.JSONDecoder(strict=False, parse_constant=_refuse)


def parse_json(text: str, *, strict: bool = False) -> Json:
    """The JSON value that ``text`` is, or (lenient) holds.

    Lenient is: a byte order mark; a Markdown fence; a sentence before and after; raw newlines, tabs and other
    control characters and unknown escapes in strings; trailing commas; Python's ``True``, ``False`` and
    ``None``. A value that stands in prose must be an object or an array; of several, the longest is taken.

    Args:
        text: What the model wrote.
        strict: Whether the text must be one JSON value as RFC 8259 has it, no more around it than
            white space.

    Raises:
        ValueError: there is none; :class:`Unreadable` when the text is too long or nested too deep to tell.
    """
    if len(text) > MAX_CHARS:
        raise Unreadable("too_long")
    try:
        value = _STRICT.decode(text.strip(_JSON_SPACE)) if strict else _find(text)
    except RecursionError:
        raise Unreadable("too_deep") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python's own bound on the digits of an integer
        raise Unreadable("too_long") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _measure(value)
    return value


def _measure(value: Json) -> None:
    """Raises Unreadable where the value is nested too deep for what will walk through it."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Json] = []
        for part in level:
            if isinstance(part, dict):
                below.extend(part.values())
            elif isinstance(part, list):
                below.extend(part)
        if not below:
            return
        level = below
    raise Unreadable("too_deep")


def _find(text: str) -> Json:
    text = text.lstrip("\ufeff \t\r\n").rstrip()
    fence = _FENCE.match(text)
    body = text[fence.end() :].lstrip() if fence is not None else text
    if body and body[0] not in "{[":
        try:
            return _LENIENT.decode(body.removesuffix("```").rstrip())
        except json.JSONDecodeError:
            if len(body) < _LONGEST_WORD and (known := body.removesuffix("```").rstrip()) in _WORDS:
                return _WORDS[known]
        # Reasoning first and the value in a fence at the end is what models like best.
        fences = [fence.end() for fence in _FENCED.finditer(body)]
        if fences:
            with suppress(json.JSONDecodeError):
                return _Search(body[fences[-1] :]).longest()
    return _Search(body).longest()


class _Search:
    """Looks for objects and arrays in one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.mends = MAX_MENDS

    def longest(self) -> Json:
        """The longest object or array; raises JSONDecodeError where there is none."""
        best, longest, at = None, 0, 0
        for _ in range(MAX_STARTS):
            start = _BRACKET.search(self.text, at)
            if start is None:
                break
            try:
                value, at = self._read(start.start())
            except _Prose:
                at = start.end()
                continue
            except json.JSONDecodeError:
                break  # what follows may be a part of the value that broke off
            if at - start.start() > longest:
                best, longest = value, at - start.start()
        if not longest:
            raise json.JSONDecodeError("no JSON", "", 0)
        return best

    def _read(self, start: int) -> tuple[Json, int]:
        """The object or array that begins at ``start``, and where it ends."""
        try:
            return _LENIENT.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            got = error.pos
        # A bracket of prose, (0, 1] or {x}, holds no string and no other bracket up to where it fails.
        prose = _BEGUN.search(self.text, start + 1, got + 1) is None
        if self.mends and not (prose and self.text[got : got + 1] not in _MENDABLE):
            self.mends -= 1
            try:
                # Where it ends in the text as it was is not known: it counts as reaching to the end.
                return _LENIENT.raw_decode(_mend(self.text[start:]))[0], len(self.text)
            except json.JSONDecodeError:
                pass
        if prose:
            raise _Prose
        raise json.JSONDecodeError("no JSON", "", 0)


def _mend(text: str) -> str:
    """``text`` without stray backslashes, trailing commas and Python's words."""
    if "\\" in text:
        text = _ESCAPE.sub(_escape, text)
    if _LOOSE.search(text) is None or text.count('"') > MAX_QUOTES:
        return text
    out, at = [], 0
    while (quote := text.find('"', at)) >= 0:
        end = _string_end(text, quote + 1)
        out.append(_LOOSE.sub(_tidy, text[at:quote]))
        out.append(text[quote:end])
        at = end
    out.append(_LOOSE.sub(_tidy, text[at:]))
    return "".join(out)


def _tidy(found: re.Match[str]) -> str:
    return _LOOSE_WORDS[found[0]]


def _escape(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) > 1 else r"\\"


def _string_end(text: str, at: int) -> int:
    """Past the quote that ends the string whose inside begins at ``at``; without one, the text's end."""
    begin = at
    while (quote := text.find('"', at)) >= 0:
        slash = quote
        while slash > begin and text[slash - 1] == "\\":
            slash -= 1
        if (quote - slash) % 2 == 0:
            return quote + 1
        at = quote + 1
    return len(text)
