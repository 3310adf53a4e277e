"""The kinds of demand that can be checked, what one says, and what came of checking it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(str, enum.Enum):
    """What is checked; the value is the check's name in reasons. A bounded set: it becomes a label."""

    WORDS = "words"
    SENTENCES = "sentences"
    PARAGRAPHS = "paragraphs"
    BULLETS = "bullets"
    NUMBERED = "numbered"
    ITEMS = "items"
    SECTIONS = "sections"
    PARTS = "parts"
    LINES = "lines"
    CHARACTERS = "characters"
    STANZAS = "stanzas"
    HASHTAGS = "hashtags"
    HIGHLIGHTS = "highlights"
    PLACEHOLDERS = "placeholders"
    CAPITAL_WORDS = "capital_words"
    INCLUDE = "include"
    FORBID = "forbid"
    FREQUENCY = "word_count"
    LETTERS = "letters"
    STARTS = "starts_with"
    ENDS = "ends_with"
    PARAGRAPH_START = "paragraph_start"
    REPEAT = "repeat"
    UPPER = "all_caps"
    LOWER = "lowercase"
    MARKS = "marks"
    QUOTED = "quoted"
    TITLE = "title"
    POSTSCRIPT = "postscript"
    JSON = "json"
    CSV = "csv"
    TABLE = "table"
    XML = "xml"
    CODE = "code"
    YAML = "yaml"
    PLAIN = "plain_text"
    LANGUAGE = "language"
    ONE_OF = "one_of"
    CHOICE = "choice"
    NUMBER = "number_only"


COUNTED = frozenset(
    {
        Kind.WORDS,
        Kind.SENTENCES,
        Kind.PARAGRAPHS,
        Kind.BULLETS,
        Kind.NUMBERED,
        Kind.ITEMS,
        Kind.SECTIONS,
        Kind.PARTS,
        Kind.LINES,
        Kind.CHARACTERS,
        Kind.STANZAS,
        Kind.HASHTAGS,
        Kind.HIGHLIGHTS,
        Kind.PLACEHOLDERS,
        Kind.CAPITAL_WORDS,
    }
)
"""The kinds that are a number of something in the whole answer."""

MANY = 1_000_000
"""What stands for "no upper bound"."""


def listed(text: str) -> frozenset[str]:
    """The words and signs listed in ``text``."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Want:
    """One demand.

    Attributes:
        kind: What is checked.
        low: The least number that keeps it.
        high: The greatest.
        words: What it speaks of: words, marks, options, keys, a label, a language's code. Of the prompt,
            so never recorded.
        how: A variant of the check, a word of the reader's own; empty for the plain one.
        sure: How sure the reading is, 0 to 1: a factor on the check's own precision.
    """

    kind: Kind
    low: int = 0
    high: int = MANY
    words: tuple[str, ...] = ()
    how: str = ""
    sure: float = 1.0

    def __repr__(self) -> str:
        """Nothing of the prompt's words."""
        return f"Want({self.kind.value}, {self.low}, {self.high}, {len(self.words)} words, {self.how!r})"


@dataclass(frozen=True, slots=True)
class Demands:
    """What a prompt demands, as far as a program can check it.

    Attributes:
        wants: The demands, in the order they were read; none that contradict each other.
        dropped: How many were left out because they contradict each other or cannot be met.
    """

    wants: tuple[Want, ...] = ()
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.wants)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check.

    Attributes:
        kind: What was checked.
        name: The check's name with the side that was missed: ``max_words``, ``min_bullets``, ``no_commas``.
        p_bad: How likely the answer is bad by this check alone, 0 to 1: the share of such rejections that
            were right, where it is broken; 0 where it is kept.
        final: Whether no continuation of the answer can mend it.
    """

    kind: Kind
    name: str
    p_bad: float = 0.0
    final: bool = False

    @property
    def broken(self) -> bool:
        """Whether the answer breaks the demand, as far as the check can tell."""
        return self.p_bad > 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check makes of an answer, the reading taken for granted; as :class:`Finding` has it."""

    name: str
    p_bad: float = 0.0
    final: bool = False
