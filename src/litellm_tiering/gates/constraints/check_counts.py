"""Checks of how many there are: words, sentences, paragraphs, list items, placeholders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import MANY, Kind, Outcome, Want

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.gates.constraints.measure import Answer

_NEAR = 0.45
"""For what misses by so little that the way of counting may be to blame."""

_ABOUT = 0.35
"""How far from a round number is still about it."""

_FAR_OFF = 0.6
_NUMBERED = re.compile(r"\b([a-z]{3,20})[ \t]+(\d+|[ivx]+\b|one\b|two\b|three\b|four\b)")
"""A word with a number, as labels have it: "section 3"."""


def _outcome(  # noqa: PLR0913 - all but the first three by name
    want: Want, low: int, high: int, *, sure: float, margin: float = 0.0, final: bool = True
) -> Outcome:
    """By the least and the greatest count that somebody may have come to."""
    name = want.kind.value
    if low > want.high:
        if low <= want.high * (1 + margin):
            return Outcome(f"max_{name}", min(sure, _NEAR), final=False)
        return Outcome(f"max_{name}", sure, final)
    if high < want.low:
        if high >= want.low * (1 - margin):
            return Outcome(f"min_{name}", min(sure, _NEAR))
        return Outcome(f"min_{name}", sure)
    return Outcome(f"min_{name}" if want.high >= MANY else f"max_{name}" if not want.low else name)


def _round_number(want: Want, low: int, high: int) -> Outcome:
    """By a round number: "about 200 words" is kept by anything near it."""
    name = want.kind.value
    if low > want.high * (1 + _ABOUT) + 3:
        return Outcome(f"max_{name}", _FAR_OFF if low > want.high * 2 else _NEAR)
    if high < want.low * (1 - _ABOUT) - 3:
        return Outcome(f"min_{name}", _FAR_OFF if high < want.low / 2 else _NEAR)
    return Outcome(name)


def _words(want: Want, answer: Answer) -> Outcome:
    low, high = answer.words
    if answer.hanzi > low:
        return Outcome(want.kind.value)
    return _round_number(want, low, high) if "about" in want.how else _outcome(want, low, high, sure=0.93)


def _characters(want: Want, answer: Answer) -> Outcome:
    if "hanzi" in want.how:
        low, high = answer.hanzi, len(answer.bare)
        if not low:
            return Outcome(want.kind.value)
    else:
        low, high = len(answer.bare) - answer.bare.count(" "), len(answer.bare)
    return (
        _round_number(want, low, high)
        if "about" in want.how
        else _outcome(want, low, high, sure=0.9, margin=0.03)
    )


def _sentences(want: Want, answer: Answer) -> Outcome:
    low, high = answer.sentences
    if "about" in want.how:
        return _round_number(want, low, high)
    if answer.partial:
        low -= 1
    if high >= want.low > low and want.low > 2:  # noqa: PLR2004 - a line or two without a mark is a title
        # Lines that end in no mark are no sentences to those who count marks.
        return Outcome("min_sentences", 0.75 if low < want.low * 0.9 else _NEAR)
    if low <= want.high and high > 2 * want.high + 2:
        return Outcome("max_sentences", _FAR_OFF)  # a long list without a full stop
    return _outcome(want, low, high, sure=0.9, margin=0.05)


def _paragraphs(want: Want, answer: Answer) -> Outcome:
    if "blank" in want.how:
        count = len(answer.blocks)
        postscript = (
            count > 1
            and "strict" not in want.how
            and answer.blocks[-1].lstrip("*_ ").casefold().startswith("p.")
        )
        return _outcome(want, count - postscript, count, sure=0.9, final=False)
    ways = answer.paragraphs
    if any(want.low <= count <= want.high for count in ways):
        return Outcome("paragraphs")
    return _outcome(want, ways[0], ways[-1], sure=0.8, final=False)


def _bullets(want: Want, answer: Answer) -> Outcome:  # noqa: PLR0911 - one case for each way of counting
    top, every = answer.bullets
    numbered, _ = answer.numbered
    if want.how == "any":
        return Outcome("bullets", 0.0 if every or numbered else 0.7)
    if want.high == 0:
        return Outcome("no_bullets", 0.8 if every > 1 else 0.0, final=every > 1)
    name = "bullets" if want.low == want.high else "min_bullets" if want.high >= MANY else "max_bullets"
    if "markdown" in want.how and every and not answer.markdown_bullets:
        return Outcome(name, 0.7)
    if want.low <= every <= want.high:
        return Outcome(name)
    if want.low <= top <= want.high:
        return Outcome(name, 0.6)
    if not every and want.low <= numbered <= want.high:
        return Outcome(name, 0.6)
    return Outcome(name, 0.93, final=top > want.high)


def _numbered(want: Want, answer: Answer) -> Outcome:
    top, every = answer.numbered
    return _outcome(want, min(top, every), max(top, every), sure=0.8)


def _items(want: Want, answer: Answer) -> Outcome | None:
    counts = [n for pair in (answer.bullets, answer.numbered) for n in pair if n]
    if not counts:
        return None
    if any(want.low <= count <= want.high for count in (*counts, answer.headings)):
        return Outcome("items")
    return _outcome(want, min(counts), max(counts), sure=0.55, final=False)


def _sections(want: Want, answer: Answer) -> Outcome | None:
    if want.words:
        found = _labelled(want.words[0], answer.head)
        return _outcome(want, len(set(found)), len(found), sure=0.85, final=False)
    counts = [n for n in (answer.headings, len(answer.blocks), *answer.numbered) if n]
    if any(want.low <= n <= want.high for n in counts):
        return Outcome("sections")
    return _outcome(want, min(counts, default=0), max(counts, default=0), sure=0.6, final=False)


def _labelled(label: str, text: str) -> list[str]:
    """The numbers that stand behind ``label``, as in "Section 3"."""
    return [number for name, number in _NUMBERED.findall(text.casefold()) if name == label]


def _parts(want: Want, answer: Answer) -> Outcome | None:
    divider = want.words[0]
    sign, size = divider[0], len(divider)
    size = 6 if 5 <= size <= 7 else size  # noqa: PLR2004 - "6 asterisks", miswritten by one
    pieces = answer.head.split(sign * size)
    count = sum(1 for piece in pieces if piece.strip(f"{sign} \n\t\"'"))
    empty = sum(1 for piece in pieces[1:-1] if not piece.strip(f"{sign} \n\t\"'"))
    found = _outcome(want, count, count, sure=0.93, final=False)
    return Outcome("parts", 0.6) if not found.p_bad and empty and size <= 3 else found  # noqa: PLR2004 - as above


def _lines(want: Want, answer: Answer) -> Outcome:
    count = answer.lines
    return _outcome(want, count - 1, count, sure=0.8)  # one may be a title


def _stanzas(want: Want, answer: Answer) -> Outcome:
    count = len(answer.blocks)
    return _outcome(want, count - 1, count, sure=0.7, final=False)


def _simple(count: Callable[[Answer], int], sure: float) -> Callable[[Want, Answer], Outcome]:
    def checked(want: Want, answer: Answer) -> Outcome:
        found = count(answer)
        return _outcome(want, found, found, sure=sure)

    return checked


def _capital_words(want: Want, answer: Answer) -> Outcome:
    low, high = answer.capital_words
    return _outcome(want, low, high, sure=0.85)


def _placeholders(want: Want, answer: Answer) -> Outcome:
    count = answer.placeholders(square=True)
    other = answer.placeholders(square=False)
    return _outcome(want, count, count or max(count, other), sure=0.92)


CHECKS = {
    Kind.WORDS: _words,
    Kind.CHARACTERS: _characters,
    Kind.SENTENCES: _sentences,
    Kind.PARAGRAPHS: _paragraphs,
    Kind.BULLETS: _bullets,
    Kind.NUMBERED: _numbered,
    Kind.ITEMS: _items,
    Kind.SECTIONS: _sections,
    Kind.PARTS: _parts,
    Kind.LINES: _lines,
    Kind.STANZAS: _stanzas,
    Kind.HASHTAGS: _simple(lambda answer: answer.hashtags, 0.9),
    Kind.HIGHLIGHTS: _simple(lambda answer: answer.emphasised, 0.9),
    Kind.PLACEHOLDERS: _placeholders,
    Kind.CAPITAL_WORDS: _capital_words,
}
