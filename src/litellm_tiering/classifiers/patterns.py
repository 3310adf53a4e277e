"""The owner's keywords and regular expressions, in linear time whatever they say.

The one module that imports google-re2, which ships no types. Python's ``re`` backtracks: one careless pattern
in a configuration would let one prompt stop a proxy.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MEMORY_BYTES = 8 << 20
"""What one regular expression, compiled, may take, its states included."""

MAX_SET_BYTES = 64 << 20
"""What all keywords together, compiled, may take, their states included."""

MAX_PATTERN_CHARS = 2_000
"""Longer keywords and patterns are refused."""

# The keywords are matched byte by byte: every byte of a letter beyond ASCII belongs to a word.
_WORD = rb"0-9A-Za-z_\x80-\xff"
_SIGN_BLOCKS = ((0x0080, 0x3400), (0xFE00, 0x10000))
# Scripts without spaces, and Hangul, whose words take their particles on: a part of a run will do.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Kana
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),  # Han
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # Kana of half width
    (0x20000, 0x3FFFF),  # Han, further planes
)


@cache
def _signs() -> re.Pattern[str]:
    """The punctuation marks and symbols between ASCII and the emoji: one class, so linear.

    Found when a text needs it: the start of a proxy need not wait for thousands of characters looked up.
    """
    found = (
        chr(code)
        for first, end in _SIGN_BLOCKS
        for code in range(first, end)
        if unicodedata.category(chr(code))[0] in "PS"
    )
    return re.compile(f"([{''.join(found)}])")


# Apart from the others: Python looks a class up in one step only where all of it is in the first plane.
_EMOJI = re.compile("([\U0001f000-\U0001faff])")


def normalise(text: str) -> str:
    """``text`` as keywords are compared: composed, without regard to case, signs beyond ASCII set apart."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    apart = " ".join(_EMOJI.split(" ".join(_signs().split(folded))))
    return " ".join(apart.split())


def encode(text: str) -> bytes:
    """``text`` as RE2 takes it; a lone surrogate, which UTF-8 has no bytes for, becomes a question mark."""
    return text.encode("utf-8", "replace")


def _options(max_memory: int) -> Any:  # noqa: ANN401 - re2 ships no types
    options = re2.Options()
    options.log_errors = False  # it would write the owner's patterns to standard error
    options.max_mem = max_memory
    options.never_capture = True
    return options


class Keywords:
    """Words and phrases, searched for all at once in one pass over a text.

    Whole words only, without regard to case: ``Refactor`` is found in "please refactor." and not in
    "refactored". Any white space stands between the words of a phrase. Where a keyword begins or ends with a
    sign (``c++``), or in a script without spaces, a part of a run is found as well.

    Args:
        keywords: The keywords as the owner wrote them.

    Raises:
        ValueError: one of them is blank or too long, or together they take too much memory.
    """

    __slots__ = ("_names", "_set")

    def __init__(self, keywords: Iterable[str]) -> None:
        by_folded: dict[str, list[str]] = {}
        for keyword in keywords:
            if not keyword.strip():
                raise ValueError("a keyword must not be blank")
            if len(keyword) > MAX_PATTERN_CHARS:
                raise ValueError(f"the keyword that begins {keyword[:40]!r} is too long")
            names = by_folded.setdefault(" ".join(normalise(keyword).split()), [])
            if keyword not in names:
                names.append(keyword)
        self._names = tuple(tuple(names) for names in by_folded.values())
        self._set: Any = None
        if by_folded:
            options = _options(MAX_SET_BYTES)
            options.encoding = re2.Options.Encoding.LATIN1
            self._set = re2.Set.SearchSet(options)
            for folded in by_folded:
                self._set.Add(_keyword_pattern(folded))
            try:
                self._set.Compile()
            except re2.error as error:
                raise ValueError(f"{len(by_folded)} keywords take too much memory") from error

    def __bool__(self) -> bool:
        return self._set is not None

    def find(self, text: str) -> frozenset[str]:
        """Those of the keywords that ``text`` holds, as the owner wrote them."""
        if self._set is None or not text:
            return frozenset()
        found = self._set.Match(encode(normalise(text)))
        return frozenset(name for i in found for name in self._names[i]) if found else frozenset()


def _keyword_pattern(folded: str) -> bytes:
    body = rb"\s+".join(re2.escape(encode(word)) for word in folded.split())
    before = rb"(?:^|[^" + _WORD + rb"])" if _bounded(folded[0]) else b""
    after = rb"(?:$|[^" + _WORD + rb"])" if _bounded(folded[-1]) else b""
    return before + body + after


def _bounded(char: str) -> bool:
    """Whether a word that begins or ends with ``char`` ends there: a letter of a script that puts spaces."""
    if not (char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M"):
        return False
    code = ord(char)
    return not any(first <= code <= last for first, last in _UNSPACED)


class Pattern:
    """One regular expression in RE2's syntax: no backreferences, no lookaround, linear time.

    Args:
        source: The expression as the owner wrote it; ``(?i)`` in front makes it blind to case.

    Raises:
        ValueError: it is none, or takes too much memory; names it and the reason.
    """

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN_CHARS:
            raise ValueError(f"the pattern that begins {source[:40]!r} is too long")
        try:
            self._compiled: Any = re2.compile(source, _options(MAX_MEMORY_BYTES))
        except (re2.error, UnicodeEncodeError) as error:
            raise ValueError(f"the pattern {source!r} is no RE2 expression: {_reason(error)}") from error
        self.source = source

    def found_in(self, encoded: bytes) -> bool:
        """Whether some part of a text matches, once it went through :func:`encode`."""
        return self._compiled.search(encoded) is not None


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


class Searched:
    """One text, searched when first asked and not again.

    Args:
        text: What is searched; bounded by whoever made it, and not kept longer than the decision.
        keywords: What it is searched for, all at once.
    """

    __slots__ = ("_bytes", "_found", "_keywords", "_matches", "_text")

    def __init__(self, text: str, keywords: Keywords) -> None:
        self._text = text
        self._keywords = keywords
        self._found: frozenset[str] | None = None
        self._bytes: bytes | None = None
        self._matches: dict[str, bool] = {}

    @property
    def keywords(self) -> frozenset[str]:
        """The keywords that the text holds."""
        if self._found is None:
            self._found = self._keywords.find(self._text)
        return self._found

    def matches(self, pattern: Pattern) -> bool:
        """Whether ``pattern`` is found in the text."""
        known = self._matches.get(pattern.source)
        if known is None:
            if self._bytes is None:
                self._bytes = encode(self._text)
            known = self._matches[pattern.source] = pattern.found_in(self._bytes)
        return known
