"""Words and letters in the answer: what must occur, how often, what must not, and how it begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.bounds import number_before, often, quantity
from litellm_tiering.gates.constraints.kinds import MANY, Kind, Want, listed
from litellm_tiering.gates.constraints.mood import binding, evident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.constraints.clauses import Clause
    from litellm_tiering.gates.constraints.source import Source

MAX_ARGUMENTS = 24
"""How many words one clause may list."""

LONGEST_ARGUMENT = 80
REACH = 9
STOP = listed(
    """
    in at to for should must is are be the a an of that with on appear appears appearing each throughout
    anywhere from as your you it which and or , : . ( ) limit count long max total per length choice
    order problem used need not nor have has will can than then so but by if into when where while this
    those these i we he she they do does did would could us
    """
)
_LIST = listed(", and or und et y e o oder ou TO & / nor as well ( ) : [ ]")
NOUNS = frozenset({"WORD", "KEYWORD"})
_HOLDING = listed("use has have using with includes contains uses mentions features")
_GAP = listed("THE both also : , and or EXACT items either following WITH ITEM text at ( [")
_TIMES = frozenset({"ONCE", "TWICE", "THRICE"})


def worded(clause: Clause, source: Source) -> Iterator[Want]:
    """The words and letters that a clause demands or forbids."""
    yield from _signed(clause)
    if clause.has("LETTER"):
        yield from _letters(clause, source)
    yield from _words(clause, source)


def quote(source: Source, sign: str, longest: int = LONGEST_ARGUMENT) -> str:
    """What the quote ``sign`` says, where it may be what is spoken of; else empty."""
    if sign[0] != "$" or not sign[1:].isdigit() or int(sign[1:]) >= len(source.quotes):
        return ""
    text = source.quotes[int(sign[1:])].strip()
    return text if len(text) <= longest and "\n" not in text else ""


def _arguments(clause: Clause, source: Source, start: int, *, bare: bool) -> tuple[tuple[str, ...], int]:
    """The words listed from ``start`` on, and where the list ends."""
    found: list[str] = []
    i, listed, end = start, False, start
    while i < len(clause.signs) and len(found) < MAX_ARGUMENTS:
        sign = clause.signs[i]
        quoted = quote(source, sign)
        if quoted:
            found.append(quoted)
            end = i + 1
            bare = bare and listed
        elif (
            sign in _LIST
            or (sign in NOUNS and found)
            or (not found and sign in {"THE", "EXAMPLE", "any", "following", "either", "both"})
        ):
            if sign == "EXAMPLE" and not found and not bare:
                pass
        elif bare and _is_bare(clause, i):
            found.append(clause.raw[i])
            listed, end = True, i + 1
        else:
            break
        i += 1
    return tuple(found), end


def _is_bare(clause: Clause, i: int) -> bool:
    """Whether the word at ``i`` is named without quotes: "the word war"."""
    sign, raw = clause.signs[i], clause.raw[i]
    if not raw.isalpha() or sign in STOP or len(raw) < 2:  # noqa: PLR2004 - single letters are letters
        return False
    if sign.isupper() and sign not in {
        "IMP",
        "SPEAK",
        "PARTNOUN",
        "ITEM",
        "TITLE",
        "LINE",
        "INDIC",
        "REPORT",
        "HOW",
        "LAST",
        "FIRST",
        "HIGHLIGHT",
        "PART",
    }:
        return False
    # Of a list, each but the first stands after a comma or an "and".
    return (
        i == 0 or clause.signs[i - 1] in _LIST or clause.signs[i - 1] in NOUNS or clause.signs[i - 1] == ":"
    )


def _words(clause: Clause, source: Source) -> Iterator[Want]:
    i = 0
    while i < len(clause.signs):
        sign = clause.signs[i]
        words: tuple[str, ...] = ()
        end = i + 1
        noun = sign in NOUNS or clause.raw[i].casefold() in {
            "le mot",
            "la palabra",
            "a palavra",
            "la parola",
            "das wort",
            "the phrase",
            "the words",
            "the terms",
            "the keywords",
            "die worter",
            "following words",
        }
        if noun and not (i and clause.signs[i - 1][0] == "#"):
            words, end = _arguments(clause, source, i + 1, bare=_may_be_bare(clause, i))
            colon = clause.find(":", i)
            if not words and colon > i and clause.raw[i].casefold().endswith("s"):
                words, end = _arguments(clause, source, colon + 1, bare=True)
        elif sign[0] == "$" and _spoken_of(clause, i):
            words, end = _arguments(clause, source, i, bare=False)
        if words:
            yield from _said_of(clause, words, i, end)
            i = max(end, i + 1)
        else:
            i += 1


def _may_be_bare(clause: Clause, at: int) -> bool:
    """Whether the word after "word" at ``at`` is named by it."""
    if "KEYWORD" in clause.signs[at] and "key" in clause.raw[at].casefold():
        return True
    near = clause.signs[max(0, at - 2) : at]
    return (
        " " in clause.raw[at] or bool({"THE", "INCLUDE"} & set(near)) or clause.raw[at - 1 : at] == ("the",)
    )


def _spoken_of(clause: Clause, at: int) -> bool:
    """Whether the quote at ``at``, which no "word" stands before, is what the answer shall hold or not."""
    before = clause.signs[max(0, at - 5) : at]
    if any(
        sign in before
        for sign in (
            "START",
            "END",
            "STARTING",
            "ENDING",
            "REPEAT",
            "ONEOF",
            "WITH",
            "EXAMPLE",
            "LETTER",
            "HOW",
            "TITLE",
            "PARTNOUN",
            "TRANSLATE",
            "TITLE",
        )
    ):
        return False
    if any(sign in clause.signs[at + 1 : at + 6] for sign in ("TIMES", "ONCE", "TWICE", "THRICE")):
        return True
    near = before[-3:]
    gap = clause.signs[at - 1 - before[::-1].index("INCLUDE") + 1 : at] if "INCLUDE" in before else ("x",)
    included = (
        _GAP.issuperset(s for s in gap if s[0] != "$")
        or ("NOT" in near and "ANSWER" in clause.signs)
        or ("NOT" in before[-1:])
    )
    return included and clause.signs[0] != "HOW"


def _said_of(clause: Clause, words: tuple[str, ...], at: int, end: int) -> Iterator[Want]:
    """What a clause says of the words that it lists from ``at`` to ``end``."""
    signs = clause.signs
    sure = binding(clause, at)
    if not sure or not _of_the_whole(clause, at, end):
        return
    denied = _denied(clause, at) or "NOT" in signs[at : end + 5]
    times = _times(clause, end)
    if times is not None:
        low, high = times
        if denied and high >= MANY:
            low, high = 0, max(0, low - 1)  # "do not use it more than twice"
        for word in words if not denied or not low else ():
            yield Want(Kind.FREQUENCY, low, high, (word,), sure=sure)
    elif clause.has("CAPITALS", "ALLCAPS", "LOWERS", "HIGHLIGHT"):
        return
    elif denied:
        yield Want(Kind.FORBID, words=words, sure=sure)
    elif "INCLUDE" in signs[max(0, at - REACH) : end + 4] or _with_the(clause, at):
        every = "or" not in signs[at:end]
        yield Want(Kind.INCLUDE, words=words, how="" if every else "any", sure=sure)


def _of_the_whole(clause: Clause, at: int, end: int) -> bool:
    """Whether a clause orders something of the words from ``at`` to ``end``, and not of a place in it."""
    signs = clause.signs
    if {"START", "END"} & set(signs[max(0, at - REACH) : at]) or clause.has("REPEAT"):
        return False
    if "TRANSLATE" in signs[max(0, at - 4) : at] or _defined(clause, at):
        return False
    return evident(clause) or "NOT" in signs[at : end + 5] or ":" in signs[at:end]


def _with_the(clause: Clause, at: int) -> bool:
    """As in "Use the word", "has the word"."""
    near = clause.signs[max(0, at - 3) : at]
    raw = [word.casefold() for word in clause.raw[max(0, at - 3) : at]]
    return bool(_HOLDING & set(raw)) or "INCLUDE" in near


def _defined(clause: Clause, at: int) -> bool:
    """Whether a word is asked about: "what does the word X mean"."""
    return (clause.signs[0] == "HOW" and not clause.has("MUST", "REQ", "NOT")) or (
        "EXAMPLE" in clause.signs[max(0, at - 4) : at - 1] and "NOT" not in clause.signs[:at]
    )


def _denied(clause: Clause, at: int) -> bool:
    """Whether "not" governs what stands at ``at``."""
    for i in range(at - 1, max(-1, at - 12), -1):
        sign = clause.signs[i]
        if sign == "NOT":
            return clause.raw[i].casefold() != "no" or i >= at - 3
        if sign in {"but", "MUST", "REQ", ";"} or (
            sign == "IMP"
            and i < at - 2
            and clause.raw[i].casefold() not in {"use", "using", "say", "have", "let"}
        ):
            return False
    return False


def _times(clause: Clause, end: int) -> tuple[int, int] | None:
    """How often, said after the words that end at ``end``: bounds, or None."""
    for i in range(end, min(end + 10, len(clause.signs))):
        sign = clause.signs[i]
        if sign in _TIMES or sign == "TIMES":
            bounds = often(clause, i)
            if bounds is not None:
                return bounds
        if sign in NOUNS or sign[0] == "$":
            return None
    return None


def _letters(clause: Clause, source: Source) -> Iterator[Want]:
    """As in "The letter e should appear at least 6 times", "without the letter e"."""
    for at, sign in enumerate(clause.signs[:-1]):
        if sign != "LETTER":
            continue
        named = quote(source, clause.signs[at + 1]) or clause.raw[at + 1]
        if len(named) != 1 or not (named.isalpha() or named in "#!?$&@%"):
            continue
        sure = binding(clause, at)
        if not sure or clause.has("START", "STARTING", "END", "ENDING", "EACH") or clause.has("OPTION"):
            continue
        times = _times(clause, at + 2) or _counted_before(clause, at)
        if times is not None and not _denied(clause, at):
            yield Want(Kind.LETTERS, *times, (named.casefold(),), sure=sure)
        elif times is None and (_denied(clause, at) or "NOT" in clause.signs[at + 2 : at + 7]):
            yield Want(Kind.LETTERS, 0, 0, (named.casefold(),), sure=sure)


_SIGNS = {"EXCLAM": "!", "QMARK": "?", "SEMI": ";", "COMMA": ",", "EMOJI": ""}


def _signed(clause: Clause) -> Iterator[Want]:
    """As in "use at least three exclamation marks"."""
    for at, sign in enumerate(clause.signs):
        number = number_before(clause, at) if _SIGNS.get(sign) else -1
        found = quantity(clause, number, at + 1) if number >= 0 else None
        if found is not None and found.how == "" and binding(clause, number) and evident(clause):
            yield Want(Kind.LETTERS, found.low, found.high, (_SIGNS[sign],))


def _counted_before(clause: Clause, at: int) -> tuple[int, int] | None:
    """As in "Less than 3 instances of the letter"."""
    for i in range(at - 1, max(-1, at - 4), -1):
        if clause.signs[i] == "TIMES":
            return often(clause, i)
    return None
