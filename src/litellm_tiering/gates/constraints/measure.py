"""An answer in numbers: words, sentences, paragraphs, lists. Each is counted when first asked for."""

from __future__ import annotations

import functools
import re

from litellm_tiering.gates.constraints.kinds import listed

LONG_CHARS = 40_000
"""Of a longer answer only so much is counted in, words excepted: enough for any bound broken there."""

MAX_CHARS = 400_000
"""How much of an answer is looked at."""

_WORD = re.compile(r"\w+")
# A sentence's end, with what may follow it. A run of marks is read from its beginning only: in linear time.
_STOP = re.compile("(?<![.!?\u2026])[.!?\u2026]+[\"'\u201d\u2019)\\]*_]{0,4}(?=\\s|$)|[\u3002\uff01\uff1f]+")
_BEFORE = re.compile(r"[\w.]{1,12}\Z")
_ABBREVIATIONS = listed(
    """
    mr mrs ms dr prof st sr jr vs etc e.g i.e eg ie no fig inc ltd co corp approx dept est vol u.s u.k
    a.m p.m cf al z.b bzw usw ca sra m mme
    """
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_BULLET = re.compile(
    r"^[ \t]{0,40}(?:[*\-+][ \t]+|[\u2022\u2023\u25e6\u2043\u00b7\u25aa\u25cf\u2013][ \t]*"
    r"|\*(?![*\s])|-(?![-\s]))\S",
    re.MULTILINE,
)
_MARKDOWN_BULLET = re.compile(r"^[ \t]{0,40}(?:[*+][ \t]+\S|\*[^*\s]|-[ \t]*[^-\s])", re.MULTILINE)
_TOP_BULLET = re.compile(
    r"^(?:[*\-+][ \t]+|[\u2022\u2023\u25e6\u2043\u00b7\u25aa\u25cf\u2013][ \t]*)\S", re.MULTILINE
)
_NUMBERED = re.compile(r"^[ \t]{0,40}(?:\*\*)?\(?\d{1,3}[.)\uff0e\u3001](?:\*\*)?[ \t]*\S", re.MULTILINE)
_TOP_NUMBERED = re.compile(r"^(?:\*\*|#{1,6} )?\(?\d{1,3}[.):\uff0e\u3001](?:\*\*)?[ \t]*\S", re.MULTILINE)
_HEADING = re.compile(
    r"^(?:#{1,6}[ \t]+\S|\*\*[^*\n]{1,120}\*\*:?[ \t]*$|[A-Z0-9][^\n.!?]{0,60}:[ \t]*$)", re.MULTILINE
)
# Each alternative runs to the next sign of its own: linear.
_EMPHASIS = re.compile(r"\*[^*\n]+\*|\b_[^_\n]+_\b|==[^=\n]+==|<(?:mark|b|i|em|strong)>")
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]{1,120}\]")
_OTHER_PLACEHOLDER = re.compile(r"[\[{<][^\[\]{}<>\n]{1,80}[\]}>]")
_HASHTAG = re.compile(r"#\w")
_CAPITAL = re.compile(r"\b[A-Z][A-Z0-9'-]*\b")
_CAPITAL_APART = re.compile(r"\b[A-Z]+\b")
_LIST_NUMBER = re.compile(r"\d{1,3}\Z")


@functools.cache
def _hanzi() -> re.Pattern[str]:
    """Made when first asked for: so large a class takes milliseconds."""
    return re.compile("[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]")


class Answer:
    """One answer, measured.

    Args:
        text: What was answered; what is longer than MAX_CHARS is cut.
        partial: Whether it is only a beginning: then it is cut at the last white space.

    Attributes:
        head: What sentences, paragraphs, lists and the like are counted in.
        cut: Whether there is more than the head: then what is too few in it may be enough in the whole.
    """

    def __init__(self, text: str, *, partial: bool = False) -> None:
        text = text[:MAX_CHARS]
        if partial:
            cut = max(text.rfind(" "), text.rfind("\n"))
            text = text[: cut + 1]
        self.text = text
        self.head = text[:LONG_CHARS]
        self.cut = len(text) > LONG_CHARS
        self.partial = partial

    @functools.cached_property
    def bare(self) -> str:
        """The text without white space around it."""
        return self.text.strip()

    @functools.cached_property
    def folded(self) -> str:
        """The text casefolded, with straight quotes and apostrophes."""
        folded = self.text.casefold()
        if folded.isascii():
            return folded
        return folded.translate(_STRAIGHT)

    @functools.cached_property
    def spaced(self) -> str:
        """The folded text with single spaces."""
        return " ".join(self.folded.split())

    @functools.cached_property
    def words(self) -> tuple[int, int]:
        """The words: as white space parts them, and as other signs do too."""
        spaced = len(self.text.split())
        if len(self.text) > LONG_CHARS:
            return spaced, spaced + spaced // 8
        runs = len(_WORD.findall(self.text))
        return min(spaced, runs), max(spaced, runs)

    @functools.cached_property
    def hanzi(self) -> int:
        """The Chinese, Japanese and Korean characters."""
        return 0 if self.head.isascii() else len(_hanzi().findall(self.head))

    @functools.cached_property
    def sentences(self) -> tuple[int, int]:
        """The sentences: those that end in a mark, and with lines that end in none."""
        ended = unended = 0
        cased = self.head != self.head.lower()
        for line in self.head.split("\n"):
            bare = line.strip()
            if not bare:
                continue
            stops = _stops(bare, cased=cased)
            ended += stops
            unended += not stops or bare[-1] not in _ENDINGS
        return max(ended, 1 if unended else 0), ended + unended

    @functools.cached_property
    def blocks(self) -> list[str]:
        """What blank lines part."""
        return [block for block in _BLANK_LINE.split(self.head.strip()) if block.strip()]

    @functools.cached_property
    def paragraphs(self) -> tuple[int, ...]:
        """The paragraphs by every way to count them that somebody may have meant."""
        blocks = self.blocks
        prose = [b for b in blocks if not _is_furniture(b)]
        lines = [line for line in self.head.strip().split("\n") if line.strip()]
        proper = [line for line in lines if not _is_furniture(line)]
        return tuple(sorted({len(blocks), len(prose), len(lines), len(proper)}))

    @functools.cached_property
    def bullets(self) -> tuple[int, int]:
        """The bullets that stand at the margin, and all."""
        every = len(_BULLET.findall(self.head))
        return (len(_TOP_BULLET.findall(self.head)) or every), every

    @functools.cached_property
    def markdown_bullets(self) -> int:
        """The bullets that Markdown knows: not those of typographers."""
        return len(_MARKDOWN_BULLET.findall(self.head))

    @functools.cached_property
    def numbered(self) -> tuple[int, int]:
        """The numbered items that stand at the margin, and all."""
        every = len(_NUMBERED.findall(self.head))
        return (len(_TOP_NUMBERED.findall(self.head)) or every), every

    @functools.cached_property
    def lines(self) -> int:
        """The lines that are not blank."""
        return sum(1 for line in self.head.split("\n") if line.strip())

    @functools.cached_property
    def headings(self) -> int:
        """The headings."""
        return len(_HEADING.findall(self.head))

    @functools.cached_property
    def emphasised(self) -> int:
        """The passages set off by asterisks, underscores or tags."""
        return sum(1 for _ in _EMPHASIS.finditer(self.head))

    def placeholders(self, *, square: bool) -> int:
        """The placeholders; only those in square brackets, if ``square``."""
        return len((_PLACEHOLDER if square else _OTHER_PLACEHOLDER).findall(self.head))

    @functools.cached_property
    def hashtags(self) -> int:
        """The hashtags."""
        return len(_HASHTAG.findall(self.head))

    @functools.cached_property
    def capital_words(self) -> tuple[int, int]:
        """The words in capitals: hyphened ones as one, and as several."""
        text = self.head
        one, more = len(_CAPITAL.findall(text)), len(_CAPITAL_APART.findall(text))
        return min(one, more), max(one, more)


_ENDINGS = ".!?\u2026\u3002\uff01\uff1f\"')]*\u201d"
_STRAIGHT = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})


def _stops(line: str, *, cased: bool) -> int:
    """How many sentences end within a line; ``cased``, if they begin with capitals."""
    count = 0
    for found in _STOP.finditer(line):
        if found[0][0] == "." and len(found[0].rstrip("\"')*_]")) == 1:
            before = _BEFORE.search(line, max(0, found.start() - 12), found.start())
            word = before[0].casefold() if before else ""
            following = line[found.end() : found.end() + 2].strip()
            if word in _ABBREVIATIONS and (following or word != "etc"):
                continue
            if len(word) == 1 and word.isalpha() and following and word != "i":
                continue
            if _LIST_NUMBER.match(word) and found.start() - len(word) <= 4:  # noqa: PLR2004 - "1." at the margin
                continue
            if cased and following and following[0].islower():
                continue
        count += 1
    return count


def _is_furniture(block: str) -> bool:
    """Whether a block is a heading, a rule or a list rather than a paragraph."""
    bare = block.strip()
    if bare[0] in "#|>" or not any(c.isalnum() for c in bare) or bare.startswith(("<<", "---", "***")):
        return True
    if "\n" in bare:
        return all(_BULLET.match(line) or _NUMBERED.match(line) for line in bare.split("\n") if line.strip())
    short = len(bare) < 70  # noqa: PLR2004 - a heading's length
    return (short and bare[-1] not in ".!?\u2026\"')\u3002") or bool(
        _BULLET.match(bare) or _NUMBERED.match(bare)
    )
