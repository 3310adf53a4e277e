"""The form of the answer: letter case, marks, quotes, titles, data formats, language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import MANY, Kind, Want, listed
from litellm_tiering.gates.constraints.mood import binding, evident, leads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.constraints.clauses import Clause

_MARKS = {
    "COMMA": ",",
    "EXCLAM": "!",
    "QMARK": "?",
    "SEMI": ";",
    "COLON": ":",
    "DASH": "\u2014",
    "HASHTAG": "#",
    "EMOJI": "emoji",
    "DIGIT": "digit",
    "PAREN": "(",
    "CONTRACTION": "contraction",
    "HIGHLIGHT": "",
}
_PARTS = listed(
    """
    TITLE PARTNOUN KEYWORD WORD LINE SECTION EACH SENT BULLET PLACEHOLDER LETTER ITEM FIRST
    """
)


def formed(clause: Clause) -> Iterator[Want]:
    """The forms that a clause demands."""
    yield from _case(clause)
    yield from _marks(clause)
    yield from _wrapped(clause)
    yield from _furniture(clause)


def _case(clause: Clause) -> Iterator[Want]:
    for i, sign in enumerate(clause.signs):
        if sign not in {"ALLCAPS", "CAPITALS", "ALLLOWER", "LOWERS"}:
            continue
        refused = denied(clause, i)
        whole = sign in {"ALLCAPS", "ALLLOWER"}
        if refused and whole and "ONLY" not in clause.signs and "only" not in clause.raw[i].casefold():
            continue
        if not refused and not whole and not _led_in(clause, i):
            continue
        if _of_a_part(clause, i, refused=refused) or (
            clause.raw[i].casefold().endswith("letter") and not refused
        ):
            continue
        sure = binding(clause, i)
        if not sure or "TRANSLATE" in clause.signs[:i]:
            continue
        upper = (sign in {"ALLCAPS", "CAPITALS"}) != refused
        yield Want(Kind.UPPER if upper else Kind.LOWER, sure=sure)
        return


def denied(clause: Clause, at: int) -> bool:
    for i in range(at - 1, max(-1, at - 8), -1):
        sign = clause.signs[i]
        if sign == "NOT":
            return clause.raw[i].casefold() != "no" or i >= at - 3
        if sign in {"but", "MUST", "REQ", ";", ","} and sign != "MUST":
            return False
    for sign in clause.signs[at + 1 : at + 4]:
        if sign in {"and", ",", "but"}:
            return False
        if sign == "NOT":
            return True
    return False


def _led_in(clause: Clause, at: int) -> bool:
    """Whether letters are named as the ones to write in: "with lowercase letters", "only in lower case"."""
    before = clause.signs[max(0, at - 3) : at]
    if {"in", "with", "WITH", "using", "ONLY", "only"} & set(before) or "ONLY" in clause.signs[at : at + 3]:
        return True
    if before[-1:] != ("IMP",):
        return False
    verb = clause.raw[at - 1].casefold()
    ends = clause.signs[at + 1 : at + 2] in {(), ("in",), ("and",), (",",), ("WHOLE",)}
    return ends and (verb in {"use", "using"} or (verb == "be" and "ANSWER" in clause.signs))


def _of_a_part(clause: Clause, at: int, *, refused: bool) -> bool:
    """Whether the case is said of some words or headings, not of the whole."""
    if (
        "ANSWER" in clause.signs
        and "TITLE" not in clause.signs
        and "TIMES" not in clause.signs
        and not _words_in(clause, at)
    ):
        return False
    first = max(0, at - 5)
    first = max([first, *(i + 1 for i in range(first, at) if clause.signs[i] == ",")])
    near = tuple(
        s
        for i, s in enumerate(clause.signs[first : at + 4], first)
        if s != "SENT" or clause.signs[i - 1] != "THE"
    )
    if refused and "WORD" in near:
        return "not a single" not in " ".join(clause.raw).casefold()
    if "and" in near[:-4] and clause.signs[at - 1] in {"in", "be", "with", "WITH"} and "WORD" not in near:
        return False
    if refused and clause.signs[at + 1 : at + 2] == ("LETTER",):
        return False
    return bool(_PARTS & set(near)) or any(s[0] == "$" for s in clause.signs[max(0, at - 3) : at])


def _words_in(clause: Clause, at: int) -> bool:
    """Whether words in capitals are counted: "words with all capital letters"."""
    if clause.signs[at] not in {"ALLCAPS", "CAPITALS"}:
        return False
    near = clause.signs[max(0, at - 5) : at]
    return ("WORD" in near or "KEYWORD" in near) and (
        "TIMES" in clause.signs or any(s[0] == "#" for s in clause.signs)
    )


def _marks(clause: Clause) -> Iterator[Want]:
    """Marks that must not occur."""
    for i, sign in enumerate(clause.signs):
        mark = _MARKS.get(sign, "")
        if not mark or not (denied(clause, i) or clause.raw[i + 1 : i + 2] == ("free",)):
            continue
        if (
            any(s[0] == "#" for s in clause.signs[max(0, i - 3) : i])
            or {"GT", "LT", "MAX", "MIN", "unnecessary", "excessive", "too", "EACH"}
            & set(clause.signs[max(0, i - 4) : i])
            or "before" in clause.signs[i : i + 3]
        ):
            continue
        if {"SECTION", "TITLE", "PARTNOUN", "mistakes", "errors", "FIRST"} & set(clause.signs[i : i + 4]):
            continue
        after = clause.signs[i + 1 : i + 2]
        if after in {("splices",), ("splice",), ("between",), ("before",), ("after",), ("misuse",)}:
            continue
        sure = binding(clause, i)
        if sure and (evident(clause) or clause.signs[i + 1 : i + 2] in {("NOT",), ("free",)}):
            yield Want(Kind.MARKS, words=(mark,), sure=sure)


def _wrapped(clause: Clause) -> Iterator[Want]:
    """As in "Wrap your entire response with double quotation marks"."""
    at = clause.find("DQUOTES")
    if at < 0 or not clause.has("WRAP"):
        return
    whole = clause.has("ANSWER", "WHOLE", "everything", "it") or (
        leads(clause) and not any(s[0] == "$" for s in clause.signs)
    )
    part = {"KEYWORD", "WORD", "TITLE", "PARTNOUN", "SENT", "EACH"} & set(clause.signs)
    if not whole or (part and "ANSWER" not in clause.signs) or denied(clause, at):
        return
    sure = binding(clause, at)
    if sure:
        yield Want(Kind.QUOTED, sure=sure)


def _furniture(clause: Clause) -> Iterator[Want]:
    """Titles in angular brackets, postscripts, and bullets that no number is said of."""
    signs = clause.signs
    at = clause.find("ANGLES")
    at = at if at >= 0 else clause.find("<<")
    if (
        at >= 0
        and clause.has("TITLE", "PARTNOUN", "WRAP", "ANSWER")
        and not denied(clause, at)
        and binding(clause, max(0, at - 1))
    ):
        yield Want(Kind.TITLE)
    at = clause.find("POSTSCRIPT")
    if (
        at >= 0
        and not denied(clause, at)
        and (clause.has("INCLUDE", "MUST", "REQ", "END", "IMP", "with") or leads(clause))
    ):
        sure = binding(clause, at)
        last = max(i for i, s in enumerate(signs) if s == "POSTSCRIPT")
        named = clause.raw[last].casefold().replace(" ", "").replace(".", "")
        if sure and not clause.has("ITEM"):
            yield Want(Kind.POSTSCRIPT, words=("pps" if named == "pps" else "ps",), sure=sure)
    at = clause.find("BULLET")
    if at >= 0 and not any(s[0] == "#" for s in signs[max(0, at - 5) : at]) and _list_asked(clause, at):
        if denied(clause, at):
            yield Want(Kind.BULLETS, 0, 0, sure=0.9)
        else:
            yield Want(Kind.BULLETS, 1, MANY, how="any", sure=0.9)


def _list_asked(clause: Clause, at: int) -> bool:
    before = clause.signs[max(0, at - 5) : at]
    if before[-1:] == ("ABOUT",):
        return False
    led = {
        "IMP",
        "in",
        "as",
        "using",
        "with",
        "WITH",
        "use",
        "NOT",
        "INCLUDE",
        "FORMAT",
        "ONLY",
        "im",
        "en",
        "em",
        "als",
        "of",
        "a",
    } & set(before)
    if {"EACH", "FIRST", "LAST", "SECOND", "above", "IF"} & set(before) or before[-1:] == ("THE",):
        return False
    return bool(led) and bool(binding(clause, at)) and (leads(clause) or clause.has("ANSWER", "REQ", "MUST"))
