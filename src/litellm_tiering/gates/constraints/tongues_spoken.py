"""Whether an answer is in the language that was demanded: by its script, or by its commonest words."""

from __future__ import annotations

import functools
import re

from litellm_tiering.intake.language import LATIN, detect_language
from litellm_tiering.intake.tasks import tokenise
from litellm_tiering.intake.tokens import Census, census

READ_CHARS = 3_000
"""How much of an answer is looked at."""

_FEWEST_LETTERS = 12
_FEWEST_WORDS = 6
_MOST = 0.5
_ENGLISH_WORDS = 5
_ENGLISH_SHARE = 0.15
_SCRIPTS = {
    "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff", "bg": "\u0400-\u04ff", "zh": "\u3400-\u9fff",
    "ja": "\u3040-\u30ff\u3400-\u9fff", "ko": "\uac00-\ud7af\u1100-\u11ff", "ar": "\u0600-\u06ff",
    "fa": "\u0600-\u06ff", "ur": "\u0600-\u06ff", "hi": "\u0900-\u097f", "mr": "\u0900-\u097f",
    "ne": "\u0900-\u097f", "he": "\u0590-\u05ff", "el": "\u0370-\u03ff", "th": "\u0e00-\u0e7f",
    "kn": "\u0c80-\u0cff", "pa": "\u0a00-\u0a7f", "bn": "\u0980-\u09ff",
    "ta": "\u0b80-\u0bff", "te": "\u0c00-\u0c7f", "gu": "\u0a80-\u0aff", "ml": "\u0d00-\u0d7f",
}  # fmt: skip
_LETTER = re.compile(r"[^\W\d_]")
_NO_PROSE = re.compile(r"```[\s\S]*?(?:```|\Z)|`[^`\n]*`?|https?://\S+|<[a-zA-Z/][^<>\n]{0,200}>")


@functools.cache
def _letters_of(code: str) -> re.Pattern[str]:
    """The letters of a language's script; made when asked for, as large classes take a millisecond."""
    return re.compile(f"[{_SCRIPTS[code]}]")


def speaks(text: str, code: str) -> bool | None:  # noqa: PLR0911 - one case for each way to tell
    """Whether ``text`` is in the language ``code``; None where that cannot be told."""
    prose = _NO_PROSE.sub(" ", text[:READ_CHARS])
    letters = len(_LETTER.findall(prose))
    if letters < _FEWEST_LETTERS:
        return None
    if code in _SCRIPTS:
        return len(_letters_of(code).findall(prose)) >= _MOST * letters
    latin = sum(1 for c in prose if (c.isascii() and c.isalpha()) or "\u00c0" <= c <= "\u1eff")
    if latin < _MOST * letters:
        return False
    folded = prose.casefold()
    words = tokenise(folded)
    if len(words) < _FEWEST_WORDS:
        return None
    found = detect_language(folded, words, census(prose))
    if found == code:
        return True
    if code in LATIN or code == "en":
        return False if found else None
    return False if found == "en" and _english(words) else None


def _english(words: list[str]) -> bool:
    """Whether so many words are English that the text is no other language's, even one not known here."""
    told = {word for word in set(words) if word.isalpha() and detect_language("", (word,), Census()) == "en"}
    return len(told) >= _ENGLISH_WORDS and sum(word in told for word in words) >= _ENGLISH_SHARE * len(words)
