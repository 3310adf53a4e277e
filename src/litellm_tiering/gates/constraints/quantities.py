"""Numbers of things in the answer: "at most 50 words", "exactly three bullet points", "2-3 paragraphs"."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.bounds import (
    HOW_OFTEN,
    is_number,
    last_of_range,
    number_before,
    often,
    quantity,
)
from litellm_tiering.gates.constraints.kinds import MANY, Kind, Want, listed
from litellm_tiering.gates.constraints.mood import binding, evident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.constraints.bounds import Quantity
    from litellm_tiering.gates.constraints.clauses import Clause

_UNITS = {
    "WORD": Kind.WORDS,
    "SENT": Kind.SENTENCES,
    "PARA": Kind.PARAGRAPHS,
    "BULLET": Kind.BULLETS,
    "NUMBERED": Kind.NUMBERED,
    "ITEM": Kind.ITEMS,
    "SECTION": Kind.SECTIONS,
    "PART": Kind.PARTS,
    "LINE": Kind.LINES,
    "STANZA": Kind.STANZAS,
    "CHAR": Kind.CHARACTERS,
    "hanzi": Kind.CHARACTERS,
    "HASHTAG": Kind.HASHTAGS,
    "PLACEHOLDER": Kind.PLACEHOLDERS,
    "HIGHLIGHT": Kind.HIGHLIGHTS,
}
_HIGHLIGHTED = listed("SECTION PART WORD KEYWORD LINE SENT ITEM HIGHLIGHT")
_WHOLES = frozenset({Kind.WORDS, Kind.SENTENCES, Kind.PARAGRAPHS, Kind.LINES, Kind.CHARACTERS, Kind.STANZAS})
_LOOSE = frozenset({Kind.WORDS, Kind.CHARACTERS})
_VERBS = listed("IMP SPEAK INCLUDE MUST HIGHLIGHT")
_PARTIAL = listed("STARTING START ENDING followed then END")


_OF_DIVIDERS = frozenset({Kind.CHARACTERS, Kind.LINES})
_BARE = 0.9
"""The factor on a number that nothing is said to compare it by."""


def counted(clause: Clause) -> Iterator[Want]:
    """The numbers of things that a clause demands."""
    found: list[Want] = []
    for at, sign in enumerate(clause.signs):
        kind = _UNITS.get(sign) or (
            Kind.HIGHLIGHTS if sign == "KEYWORD" and clause.has("HIGHLIGHT") else None
        )
        if kind is not None:
            want = _at_unit(clause, at, kind)
            if (
                want is not None
                and found
                and found[-1].kind is want.kind
                and "or" in clause.signs[max(0, at - 3) : at]
            ):
                last = found.pop()  # "one sentence or two sentences"
                want = replace(last, low=min(last.low, want.low), high=max(last.high, want.high))
            if want is not None:
                found.append(want)
        elif (
            sign in HOW_OFTEN
            and clause.has("ALLCAPS", "CAPITALS")
            and clause.has("WORD")
            and not clause.has("LETTER")
        ):
            bounds = often(clause, at)
            if bounds is not None and binding(clause, at):
                found.append(Want(Kind.CAPITAL_WORDS, *bounds))
        elif sign == "COUNT":
            found += _after_count(clause, at)
        if kind is not None and clause.signs[max(0, at - 2) : at] == ("DIGITS", "of"):
            found += _in_number(clause, at, kind)
    yield from found


def _in_number(clause: Clause, at: int, kind: Kind) -> Iterator[Want]:
    """As in "the number of sentences in your response should be at least 5"."""
    for i in range(at + 1, min(at + 12, len(clause.signs))):
        if is_number(clause.signs[i]):
            found = quantity(clause, i, i + 1)
            if found is not None and "MUST" in clause.signs[at:i] and binding(clause, at):
                yield Want(_kind_in(clause, at, kind), found.low, found.high)
            return


def _after_count(clause: Clause, at: int) -> Iterator[Want]:
    """As in "Word limit: 200"."""
    raw = clause.raw[at].casefold()
    kind = Kind.WORDS if "word" in raw else Kind.CHARACTERS if "character" in raw else None
    if kind is None:
        return
    for i in range(at + 1, min(at + 6, len(clause.signs))):
        if is_number(clause.signs[i]):
            last = last_of_range(clause, i)
            # The unit may be said again: "Word count: 200 words or more".
            unit = clause.signs[last + 1 : last + 2] in (("WORD",), ("CHAR",))
            found = quantity(clause, last, last + 1 + unit)
            if found is not None and binding(clause, at):
                low, high, how = found.low, found.high, found.how
                if "limit" in raw and low:
                    low, how = 0, ""
                yield Want(kind, low, high, how=how)
            return


def _at_unit(clause: Clause, at: int, kind: Kind) -> Want | None:
    number = number_before(clause, at)
    if number < 0:
        return None
    found = quantity(clause, number, at + 1)
    if found is None or _of_something(clause, found, at):
        return None
    sure = binding(clause, found.start)
    if not sure or not _evident(clause, found, kind):
        return None
    kind = _kind_in(clause, at, kind)
    if kind in _WHOLES and _partial(clause, found, at):
        return None
    if kind in _OF_DIVIDERS and clause.has("SEPARATED", "asterisk", "asterisks", "password"):
        return None
    low, high, how = found.low, found.high, found.how
    if how == "bare":
        how, sure = ("about" if kind in _LOOSE else ""), sure * _BARE
    if kind is Kind.HIGHLIGHTS and low == high and "EXACT" not in clause.signs:
        high = MANY
    return Want(kind, low, high, how=f"{_variant(clause, at, kind)} {how}".strip(), sure=sure)


def _kind_in(clause: Clause, at: int, kind: Kind) -> Kind:
    """What is counted where the clause speaks of capitals or of highlights."""
    sign = clause.signs[at]
    if sign == "WORD" and clause.has("ALLCAPS", "CAPITALS") and not clause.has("LETTER"):
        return Kind.CAPITAL_WORDS
    if sign in _HIGHLIGHTED and clause.has("HIGHLIGHT"):
        return Kind.HIGHLIGHTS
    return kind


def _variant(clause: Clause, at: int, kind: Kind) -> str:
    """By which signs it is counted, where the clause names them."""
    if kind is Kind.BULLETS and clause.has("MARKDOWN", "***"):
        return "markdown"
    if kind is Kind.PARAGRAPHS and "only paragraph" in " ".join(clause.raw).casefold():
        return "strict"
    return "hanzi" if clause.signs[at] == "hanzi" else ""


def _evident(clause: Clause, found: Quantity, kind: Kind) -> bool:
    """Whether it shows that a number is a demand, and no part of a story or a sum."""
    if evident(clause):
        return True
    if kind in {Kind.LINES, Kind.ITEMS, Kind.CHARACTERS}:
        return found.how == "" and found.start <= 3  # noqa: PLR2004 - "it must not exceed"
    opening = clause.signs[: found.start]
    if {"INCLUDE", "REPORT", "THEY", "INDIC"} & set(opening):
        return False
    return found.how != "bare" or len(opening) <= 1 or bool({"SPEAK", "IMP"} & set(clause.signs))


def _of_something(clause: Clause, found: Quantity, at: int) -> bool:
    """Whether what is counted belongs to something given, or to each of several: no demand on the whole."""
    signs, start = clause.signs, found.start
    lead = signs[max(0, start - 2) : start]
    if lead[-1:] == ("THE",) and clause.raw[start - 1].casefold() == "that":
        lead = ()
    if lead and lead[-1] in {
        "THE",
        "my",
        "THEY",
        "FIRST",
        "LAST",
        "EACH",
        "SECOND",
        "THIRD",
        "our",
        "these",
        "those",
    }:
        return True
    if "EACH" in signs[max(0, start - 6) : start] and not _each_over(signs, start):
        return True
    near = signs[at + 1 : at + 3]
    if near and (
        near[0] == "EACH"
        or (near[0] in {"in", "for", ",", "(", "with"} and near[1:] == ("EACH",) and signs[at] != "SECTION")
    ):
        return not clause.has("SEPARATED")
    # "words of five letters", "words beginning with": some words, not all of them.
    return (
        signs[at] == "WORD"
        and bool(near)
        and near[0] in {"STARTING", "ENDING", "that", "THE"}
        and found.how == "bare"
    )


def _each_over(signs: tuple[str, ...], start: int) -> bool:
    return any(sign in {"ANSWER", "."} for sign in signs[max(0, start - 3) : start])


_PLACES = listed("FIRST LAST SECOND THIRD FOURTH EACH")
_STRETCHES = listed("SENT PARA LINE SECTION STANZA BULLET WORD")


def _partial(clause: Clause, found: Quantity, at: int) -> bool:
    """Whether a number is of a part of the answer: "a title of 10 words", "then two sentences on costs"."""
    signs = clause.signs
    before = signs[: found.start]
    last = max((i for i, sign in enumerate(before) if sign in {",", "and"}), default=-1)
    own = before[last + 1 :]
    if any(a in _PLACES and b in _STRETCHES for a, b in pairwise(own)):
        return True
    if "ANSWER" in signs and "PARTNOUN" not in signs[at : at + 3]:
        return any(sign in {"STARTING", "START"} for sign in before[-5:])
    own = before[len(before) - before[::-1].index(",") :] if "," in before and not clause.has(":") else before
    if not _VERBS & set(own):
        own = before  # "keep your explanation clear, and within 3 sentences": still of the explanation
    if {"PARTNOUN", "TITLE"} & set(own):
        return True
    if {"PARTNOUN", "TITLE", "ITEM", "BULLET"} & set(signs[at + 1 : at + 3]):
        return True
    if _PARTIAL & set(before[-8:]):
        return True
    return "INCLUDE" in before and found.how == "bare"
