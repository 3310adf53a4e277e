r"""Regular expressions of JSON Schema (ECMA-262, Unicode mode) on RE2: linear time whatever they say.

The two differ in what ``\s`` and ``.`` take, in how characters and classes are escaped, and in the names of
Unicode properties; those are translated. What RE2 cannot do (lookaround, backreferences, more than 1,000
repetitions) or what ECMA-262 refuses and others read in several ways (``\Z``) has no translation.
"""

from __future__ import annotations

from typing import Any

import re2

MAX_CHARS = 2_000
"""Longer patterns are not compiled."""

MAX_MEMORY_BYTES = 1 << 20
"""What one pattern, compiled, may take, its states included."""

_LAST = 0x10FFFF
_HIGH, _LOW, _AFTER = 0xD800, 0xDC00, 0xE000  # where surrogates begin, and end
# White space and line ends as ECMA-262 has them, in order.
_SPACES = (
    (0x9, 0xD),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)


def _items(ranges: tuple[tuple[int, int], ...]) -> str:
    return "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)


_SPACE = _items(_SPACES)
_NO_SPACE = _items(
    tuple(
        (before[1] + 1, after[0] - 1)
        for before, after in zip(((0, -1), *_SPACES), (*_SPACES, (_LAST + 1, 0)), strict=True)
    )
)
_DOT = r"[^\n\r\x{2028}\x{2029}]"
_ANYTHING = r"[\x{0}-\x{10ffff}]"
_NOTHING = r"[^\x{0}-\x{10ffff}]"
_HEX = frozenset("0123456789abcdefABCDEF")
_UNSUPPORTED = ("(?=", "(?!", "(?<=", "(?<!")

# The long names of general categories, which RE2 knows by their short ones only.
_CATEGORIES = {
    "Letter": "L",
    "Cased_Letter": "L&",
    "LC": "L&",
    "Uppercase_Letter": "Lu",
    "Lowercase_Letter": "Ll",
    "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm",
    "Other_Letter": "Lo",
    "Mark": "M",
    "Combining_Mark": "M",
    "Nonspacing_Mark": "Mn",
    "Spacing_Mark": "Mc",
    "Enclosing_Mark": "Me",
    "Number": "N",
    "Decimal_Number": "Nd",
    "digit": "Nd",
    "Letter_Number": "Nl",
    "Other_Number": "No",
    "Punctuation": "P",
    "punct": "P",
    "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps",
    "Close_Punctuation": "Pe",
    "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf",
    "Other_Punctuation": "Po",
    "Symbol": "S",
    "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc",
    "Modifier_Symbol": "Sk",
    "Other_Symbol": "So",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp",
    "Control": "Cc",
    "cntrl": "Cc",
    "Format": "Cf",
    "Private_Use": "Co",
}
_PREFIXES = ("General_Category=", "gc=", "Script=", "sc=")


class _Reader:
    """Reads one pattern from left to right and writes it as RE2 has it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def take(self, count: int = 1) -> str:
        taken = self.source[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("the pattern ends too early")
        self.at += count
        return taken

    def sees(self, text: str) -> bool:
        return self.source.startswith(text, self.at)

    def whole(self) -> str:
        out = []
        while self.at < len(self.source):
            if any(self.sees(opening) for opening in _UNSUPPORTED):
                raise ValueError("lookaround")
            if self.sees("(?<"):
                self.at = self.source.index(">", self.at) + 1
                out.append("(?:")
                continue
            char = self.take()
            if char == "\\":
                out.append(self._escape())
            elif char == "[":
                out.append(self._class())
            else:
                out.append(_DOT if char == "." else char)
        return "".join(out)

    def _escape(self) -> str:
        char = self.take()
        if char in "sS":
            return f"[{_SPACE if char == 's' else _NO_SPACE}]"
        return rf"\{char}" if char in "bB" else self._common(char)[0]

    def _class(self) -> str:
        negated = self.sees("^")
        self.at += negated
        items: list[tuple[str, bool]] = []
        while (char := self.take()) != "]":
            if char == "\\":
                items.append(self._class_escape())
            else:
                items.append((char if char == "-" or char.isalnum() else _literal(ord(char)), False))
        if not items:
            return _ANYTHING if negated else _NOTHING
        out = ["[^" if negated else "["]
        for i, (text, _) in enumerate(items):
            beside = items[i - 1 : i] + items[i + 1 : i + 2]
            # Beside a set, a dash is no range: RE2 wants to be told.
            out.append(r"\-" if text == "-" and any(is_set for _, is_set in beside) else text)
        return "".join((*out, "]"))

    def _class_escape(self) -> tuple[str, bool]:
        char = self.take()
        if char in "sS":
            return (_SPACE if char == "s" else _NO_SPACE), True
        return (_literal(8), False) if char == "b" else self._common(char)

    def _common(self, char: str) -> tuple[str, bool]:
        """What an escape means both in a class and outside, and whether it is a set of characters."""
        if char in "dDwW":
            return rf"\{char}", True
        if char in "pP":
            return self._property(char), True
        if char in "tnrfv":
            return rf"\{char}", False
        if char == "0" and not self.source[self.at : self.at + 1].isdigit():
            return _literal(0), False
        if char in "xuc":
            return _literal(self._code(char)), False
        if char.isalnum():
            raise ValueError("an escape of no one meaning")
        return _literal(ord(char)), False

    def _property(self, char: str) -> str:
        if not self.sees("{"):
            raise ValueError("a property without a name")
        end = self.source.index("}", self.at)
        name = self.source[self.at + 1 : end]
        self.at = end + 1
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        return rf"\{char}{{{_CATEGORIES.get(name, name)}}}"

    def _code(self, char: str) -> int:
        if char == "c":
            letter = self.take()
            if not (letter.isascii() and letter.isalpha()):
                raise ValueError("no control character")
            return ord(letter) % 32
        if char == "u" and self.sees("{"):
            end = self.source.index("}", self.at)
            digits, self.at = self.source[self.at + 1 : end], end + 1
            return _number(digits)
        code = _number(self.take(2 if char == "x" else 4))
        if _HIGH <= code < _LOW and self.sees("\\u"):
            self.at += 2
            low = _number(self.take(4))
            code = 0x10000 + ((code - _HIGH) << 10) + (low - _LOW)
        return code


def _number(digits: str) -> int:
    if not digits or not _HEX.issuperset(digits):
        raise ValueError("no hexadecimal number")
    return int(digits, 16)


def _literal(code: int) -> str:
    if code > _LAST or _HIGH <= code < _AFTER:
        raise ValueError("no character")
    return rf"\x{{{code:x}}}"


def translate(source: str) -> str:
    """``source``, of ECMA-262 in Unicode mode, as RE2 writes it; raises ValueError where it cannot be."""
    return _Reader(source).whole()


class Pattern:
    """One compiled pattern.

    Args:
        source: The pattern as the schema has it.

    Raises:
        ValueError: RE2 cannot take it, or it is too large.
    """

    __slots__ = ("_compiled", "size")

    def __init__(self, source: str) -> None:
        if len(source) > MAX_CHARS:
            raise ValueError("the pattern is too long")
        options: Any = re2.Options()
        options.log_errors = False  # it would write the client's patterns to standard error
        options.max_mem = MAX_MEMORY_BYTES
        options.never_capture = True
        try:
            self._compiled: Any = re2.compile(translate(source), options)
        except (re2.error, UnicodeEncodeError) as error:
            raise ValueError("RE2 cannot take the pattern") from error
        self.size: int = self._compiled.programsize

    def found_in(self, text: str) -> bool:
        """Whether some part of ``text`` matches; raises ValueError where it is no Unicode text."""
        return self._compiled.search(text.encode()) is not None
