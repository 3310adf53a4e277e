"""What an answer comes to, once its wording is taken away: the choice, the number, the label that it gives.

Reads the end of a text, where answers stand, and no more than that; anchors are literal, so it is linear.
"""

from __future__ import annotations

import re
import unicodedata

TAIL_CHARS = 2_000
"""How much of a text's end is read for its final answer."""

LABEL_CHARS = 80
LABEL_WORDS = 6
"""A text no longer than this is a label or short string; a longer one is free text."""

_ANSWER_WORDS = (
    r"(?:answer|option|choice|solution|result|antwort|l[öo]sung|ergebnis|r[ée]ponse|r[ée]sultat|solution|"
    r"respuesta|resultado|resposta|risposta|risultato|ответ|答案|答え|正解|정답|답)"
)
_LINK = r"(?:\s{0,3}(?:is|ist|lautet|est|es|[ée]|è|是|为|は|:|\uff1a|=|→|\*\*|\*|-)){1,5}\s{0,3}"
_DECOR = r"[\s*_`\"'\u201c\u201d$]{0,6}"
_OPEN = r"(?:\\\(|\\boxed\{|\\text\{|\\textbf\{|\\mathrm\{|\(|\[|\*\*|\uff08){0,4}"
_LETTER = r"(?P<letter>[A-J])(?![\w'\u2019+/=-])(?!\*\s?\w)(?!\s[a-z])"

# Linear: each begins at a literal word and goes on for a bounded stretch.
_SAID_CHOICE = re.compile(
    rf"(?i:{_ANSWER_WORDS}){_LINK}(?i:(?:the\s|option\s|choice\s|letter\s|die\s|la\s)?){_DECOR}{_OPEN}{_DECOR}{_LETTER}"
)
_BOXED = re.compile(r"\\boxed\{")
_WHOLE_CHOICE = re.compile(
    rf"{_DECOR}(?i:(?:option|choice|answer)\s)?{_OPEN}{_DECOR}(?P<letter>[A-J])(?:[)\].:\s*_`\"'\uff09]|$)"
)
_SAID_VALUE = re.compile(
    rf"(?i:{_ANSWER_WORDS}){_LINK}(?P<rest>[^\n]{{1,160}})|####\s{{0,3}}(?P<mark>[^\n]{{1,160}})"
)
_STRIP = " \t\r\n.,;:!?*_`\"'\u201c\u201d\u2018\u2019$()[]{}\uff08\uff09\u3002\uff0c"
_MARKUP = re.compile(r"\\(?:left|right|text|textbf|mathrm|mathbf|displaystyle|,|!|;|\(|\)|\[|\])")
_ARTICLE = re.compile(r"^(?:the|a|an)\s")


def tail(text: str) -> str:
    """The end of a text."""
    return text[-TAIL_CHARS:]


def boxed(text: str) -> str | None:
    """What stands in the last ``boxed{…}`` of a text; None where there is none."""
    starts = [m.end() for m in _BOXED.finditer(tail(text))]
    if not starts:
        return None
    rest, depth = tail(text)[starts[-1] :], 1
    for at, char in enumerate(rest):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return rest[:at]
    return None


def choice(text: str) -> str | None:
    """The letter of the choice that a text settles on, A to J; None where it names none."""
    inside = boxed(text)
    if inside is not None and (letter := whole_choice(inside)) is not None:
        return letter
    said = [m["letter"] for m in _SAID_CHOICE.finditer(tail(text))]
    return said[-1] if said else whole_choice(text)


def whole_choice(text: str) -> str | None:
    """The letter that a text is, or begins with, as in ``B) Paris``."""
    if len(text) > LABEL_CHARS * 2:
        return None
    text = text.strip()
    match = _WHOLE_CHOICE.match(text)
    if match is None:
        return None
    marked = len(text) <= match.end() or text[match.end() - 1] in ")].:\uff09"
    return match["letter"] if marked or match.start("letter") > 0 else None


def said_value(text: str) -> str | None:
    """What a text says its answer is, in a few words; None where it does not say so."""
    inside = boxed(text)
    if inside is not None:
        return inside
    found = [m["mark"] or m["rest"] for m in _SAID_VALUE.finditer(tail(text))]
    return found[-1] if found else None


def last_line(text: str) -> str:
    """The last line of a text that is not blank."""
    lines = [line for line in tail(text).splitlines() if line.strip(_STRIP)]
    return lines[-1] if lines else ""


def label(text: str) -> str | None:
    """A short text in one spelling: case, width, quotes, marks and articles away; None of a longer one."""
    if len(text) > LABEL_CHARS * 2:
        return None
    plain = _MARKUP.sub("", unicodedata.normalize("NFKC", text)).casefold()
    plain = " ".join(plain.strip(_STRIP).split())
    plain = _ARTICLE.sub("", plain)
    if not plain or len(plain) > LABEL_CHARS or len(plain.split()) > LABEL_WORDS:
        return None
    return plain
