"""Checks of words and letters: what occurs, how often, and how the answer begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import MANY, Kind, Outcome, Want

if TYPE_CHECKING:
    from litellm_tiering.gates.constraints.measure import Answer

_STRAIGHT = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
_AROUND = " \t\n\r\"'`*_#>"


def _folded(text: str) -> str:
    return " ".join(text.casefold().translate(_STRAIGHT).split())


def occurrences(text: str, word: str, *, whole: bool) -> int:
    """How often ``word`` occurs in ``text``, both folded; as a whole word only, if ``whole``."""
    if not word:
        return 0
    if not whole:
        return text.count(word)
    count, at = 0, text.find(word)
    while at >= 0:
        end = at + len(word)
        before, after = text[at - 1 : at], text[end : end + 1]
        bounded = not (word[0].isalnum() and _joins(before)) and not (word[-1].isalnum() and _joins(after))
        count += bounded
        at = text.find(word, end)
    return count


def _joins(char: str) -> bool:
    """Whether a character makes a word longer: a letter of a script that puts spaces."""
    return bool(char) and (char.isalnum() or char == "_") and not "\u3040" <= char <= "\u9fff"


def _include(want: Want, answer: Answer) -> Outcome:
    text = answer.spaced if any(" " in word for word in want.words) else answer.folded
    missing = sum(1 for word in want.words if not occurrences(text, _folded(word), whole=False))
    broken = missing == len(want.words) if want.how == "any" else bool(missing)
    return Outcome("include", 0.9 if broken else 0.0)


def _forbid(want: Want, answer: Answer) -> Outcome:
    found = any(occurrences(answer.folded, _folded(word), whole=True) for word in want.words)
    return Outcome("forbid", 0.9 if found else 0.0, final=True)


def _frequency(want: Want, answer: Answer) -> Outcome:
    word = _folded(want.words[0])
    most = occurrences(answer.folded, word, whole=False)
    whole = occurrences(answer.folded, word, whole=True)
    if most < want.low:
        return Outcome("min_word_count", 0.92)
    if whole > want.high:
        return Outcome("max_word_count", 0.9, final=True)
    if whole < want.low:
        return Outcome("min_word_count", 0.4)
    return Outcome("min_word_count" if want.high >= MANY else "max_word_count")


def _letters(want: Want, answer: Answer) -> Outcome:
    count = answer.folded.count(want.words[0])
    if count > want.high:
        return Outcome("max_letters", 0.93, final=True)
    return Outcome("min_letters", 0.93 if count < want.low else 0.0)


def _starts(want: Want, answer: Answer) -> Outcome | None:
    said = _folded(want.words[0]).lstrip(_AROUND)
    head = answer.folded.lstrip(_AROUND)
    if answer.partial and len(head) <= len(said):
        return None
    return Outcome("starts_with", 0.0 if head.startswith(said) else 0.85, final=True)


def _ends(want: Want, answer: Answer) -> Outcome | None:
    if answer.partial:
        return None
    said, tail = _folded(want.words[0]), answer.folded.rstrip(_AROUND + ")")
    if tail.endswith(said.rstrip(_AROUND)) or answer.folded.rstrip().endswith(said):
        return Outcome("ends_with")
    marks = _AROUND + ".!?,;:"
    if tail.rstrip(marks).endswith(said.rstrip(marks)):
        return Outcome("ends_with", 0.6)
    return Outcome("ends_with", 0.93)


def _paragraph_start(want: Want, answer: Answer) -> Outcome | None:
    blocks = answer.blocks
    if want.low > len(blocks) or (answer.partial and want.low >= len(blocks)):
        return None if answer.partial else Outcome("paragraph_start", 0.9)
    said = _folded(want.words[0])
    starts = [_folded(block).lstrip(_AROUND).startswith(said) for block in blocks[: want.low + 1]]
    if starts[want.low - 1]:
        return Outcome("paragraph_start")
    # A heading in front makes the first paragraph the second block.
    if len(starts) > want.low and starts[want.low]:
        return Outcome("paragraph_start", 0.6)
    return Outcome("paragraph_start", 0.9)


def _repeat(want: Want, answer: Answer) -> Outcome | None:
    said = " ".join(_folded(want.words[0]).strip(_AROUND).split())
    head = " ".join(answer.folded[: 2 * len(said) + 200].lstrip(_AROUND).split())
    if answer.partial and len(head) <= len(said):
        return None
    if head.startswith(said):
        return Outcome("repeat")
    plain_said, plain_head = (text.translate(_UNMARKED) for text in (said, head))
    if plain_head.startswith(plain_said):
        return Outcome("repeat", 0.3)
    return Outcome("repeat", 0.85, final=True)


_UNMARKED = str.maketrans("", "", "\"'.,!?*_`")

CHECKS = {
    Kind.INCLUDE: _include,
    Kind.FORBID: _forbid,
    Kind.FREQUENCY: _frequency,
    Kind.LETTERS: _letters,
    Kind.STARTS: _starts,
    Kind.ENDS: _ends,
    Kind.PARAGRAPH_START: _paragraph_start,
    Kind.REPEAT: _repeat,
}
