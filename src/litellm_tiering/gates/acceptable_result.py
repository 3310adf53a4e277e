"""The result that an answer comes to: the field, the box, the letter or the last number it ends with."""

from __future__ import annotations

import re
from typing import NamedTuple

_FIELD = re.compile(r'"(?:final_?)?(?:answer|result|output|label)" ?: ?', re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
# Linear: each begins at fixed words, and goes on for one bounded run.
_LETTER = re.compile(r"(?:answer|option|choice) (?:is|would be) ?:? ?\**\(?([A-P])\b", re.IGNORECASE)
_SAID = re.compile(r"(?:answer|result|total|solution)[^.\n]{0,40}?(?:is|are|=|:) ?", re.IGNORECASE)
_LONGEST = 200
_LETTER_CHARS, _SAID_CHARS = 1_500, 800
NONE, NUMBER, LETTER, FIELD, BOX, MARK, SAID = range(7)


class Result(NamedTuple):
    """What an answer comes to.

    Attributes:
        kind: How it was found; 0 where it was not.
        text: It, shortened.
        number: The number in it, without separators; empty where there is none.
        letter: The letter of a choice; empty where there is none.
        start: Where it stands.
    """

    kind: int = NONE
    text: str = ""
    number: str = ""
    letter: str = ""
    start: int = 0


def result_of(text: str) -> Result:
    """The result of an answer, by its most explicit mark; the last where there are several."""
    at, kind = -1, NONE
    for found in _FIELD.finditer(text):
        at, kind = found.end(), FIELD
    if at < 0:
        at, kind = _after(text, "\\boxed{"), BOX
    if at < 0:
        at, kind = _after(text, "####"), MARK
    if at >= 0:
        return _read(kind, text, at, len(text))
    return _unmarked(text)


def _unmarked(text: str) -> Result:
    """The result that the end of a text names in plain words, or the last number there."""
    letter = _last(_LETTER, text, _LETTER_CHARS)
    if letter is not None:
        chosen = letter[1].upper()
        return Result(LETTER, chosen, "", chosen, letter.start())
    said = _last(_SAID, text, _SAID_CHARS)
    if said is not None:
        found = _read(SAID, text, said.end(), min(len(text), said.end() + _LONGEST // 2))
        if found.number:
            return found
    number = _last(_NUMBER, text, _SAID_CHARS)
    if number is not None:
        return Result(NUMBER, number[0], number[0].replace(",", ""), "", number.start())
    return Result(start=len(text))


def _last(pattern: re.Pattern[str], text: str, within: int) -> re.Match[str] | None:
    """The last place in the end of ``text`` that fits."""
    found = None
    for found in pattern.finditer(text, max(0, len(text) - within)):  # noqa: B007 - the last one is wanted
        pass
    return found


def _after(text: str, mark: str) -> int:
    at = text.rfind(mark)
    return at + len(mark) if at >= 0 else -1


def _read(kind: int, text: str, at: int, end: int) -> Result:
    line = text.find("\n", at + 1, end)
    told = text[at : min(end if line < 0 else line, at + _LONGEST)].strip(" \t\n\"'`*$,{}.")
    number = _NUMBER.search(told)
    letter = told[0] if len(told) == 1 and told.isalpha() and told.isupper() else ""
    return Result(kind, told, number[0].replace(",", "") if number else "", letter, at)
