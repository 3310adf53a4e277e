"""How the answer begins and ends, and how a paragraph of it begins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import Kind, Want
from litellm_tiering.gates.constraints.mood import binding, evident
from litellm_tiering.gates.constraints.wording import LONGEST_ARGUMENT, NOUNS, REACH, STOP, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.constraints.clauses import Clause
    from litellm_tiering.gates.constraints.source import Source

_LONGEST_ENDING = 300
_SENTENCE = re.compile("[^.!?\n\ue000]+[.!?]*")
_ORDINALS = {"FIRST": 1, "SECOND": 2, "THIRD": 3, "FOURTH": 4, "FIFTH": 5, "SIXTH": 6}


def edged(clause: Clause, source: Source) -> Iterator[Want]:
    """The beginnings and ends that a clause demands."""
    if clause.has("START", "STARTING"):
        yield from _starts(clause, source)
    if clause.has("END", "ENDING"):
        yield from _ends(clause, source)
    yield from _outermost(clause, source)


def _outermost(clause: Clause, source: Source) -> Iterator[Want]:
    """As in "the last sentence of your response should be …"."""
    for at, sign in enumerate(clause.signs[:-1]):
        if sign not in {"FIRST", "LAST"} or clause.signs[at + 1] not in {"SENT", "LINE", "WORD", "KEYWORD"}:
            continue
        end = clause.find("MUST", at)
        said = (
            quote(source, clause.signs[end + 2], _LONGEST_ENDING) if 0 <= end < len(clause.signs) - 2 else ""
        )
        if said and clause.raw[end + 1].casefold() == "be" and binding(clause, at):
            yield Want(Kind.ENDS if sign == "LAST" else Kind.STARTS, words=(said,))


def _place(clause: Clause, at: int) -> int:
    """Which paragraph is spoken of around ``at``: 0 for none, -1 for another part than one paragraph."""
    signs = clause.signs
    near = range(max(0, at - 6), min(len(signs), at + 6))
    for i in near:
        if signs[i] != "PARA":
            continue
        if i + 1 < len(signs) and signs[i + 1][0] == "#" and signs[i + 1][1:].isdigit():
            return int(signs[i + 1][1:])
        if i and signs[i - 1] in _ORDINALS:
            return _ORDINALS[signs[i - 1]]
        return -1
    others = {
        "EACH",
        "SENT",
        "LINE",
        "WORD",
        "HASHTAG",
        "SECTION",
        "BULLET",
        "POSTSCRIPT",
        "PARTNOUN",
        "TITLE",
        "STANZA",
        "ITEM",
        "PART",
        "PLACEHOLDER",
    }
    lead = signs[max(0, at - 5) : at]
    for joint in ("and", ","):
        if joint in lead:
            lead = lead[len(lead) - lead[::-1].index(joint) :]
    return (
        -1
        if others & set(lead) or {"EACH", "SENT", "LINE", "BULLET", "SECTION"} & set(signs[at : at + 3])
        else 0
    )


def _edge(clause: Clause, source: Source, at: int, longest: int) -> tuple[str, int, bool]:
    """What the answer begins or ends with, by the verb at ``at``; where it stands; whether it was quoted."""
    signs = clause.signs
    for i in range(at + 1, min(at + REACH + 4, len(signs))):
        said = quote(source, signs[i], longest)
        if said:
            return said, i, True
        if signs[i] in NOUNS and i + 1 < len(signs):
            j = i + 1 + (signs[i + 1] == ":")
            if (
                j < len(signs)
                and signs[j][0] != "$"
                and clause.raw[j].isalpha()
                and signs[j] not in STOP
                and signs[i] == "WORD"
            ):
                return clause.raw[j], i, False
    return "", -1, False


def _has_with(clause: Clause, at: int, where: int) -> bool:
    return "WITH" in clause.signs[at:where]


def _starts(clause: Clause, source: Source) -> Iterator[Want]:
    """As in "Start with …", "the second paragraph must begin with the word …"."""
    for at, sign in enumerate(clause.signs):
        if sign not in {"START", "STARTING"}:
            continue
        said, where, _ = _edge(clause, source, at, LONGEST_ARGUMENT)
        if not said or not _has_with(clause, at, where) or not evident(clause):
            continue
        sure = binding(clause, at)
        if not sure or "NOT" in clause.signs[:where]:
            continue
        place = _place(clause, at)
        if place > 0:
            yield Want(Kind.PARAGRAPH_START, place, place, (said,), sure=sure)
        elif place == 0 and sign == "START":
            yield Want(Kind.STARTS, words=(said,), sure=sure)


def _ends(clause: Clause, source: Source) -> Iterator[Want]:
    """As in "End with the exact phrase …"."""
    for at, sign in enumerate(clause.signs):
        if sign not in {"END", "ENDING"}:
            continue
        said, where, _ = _edge(clause, source, at, _LONGEST_ENDING)
        if not said:
            said, where = _after_colon(clause, source, at)
        if not said or not _has_with(clause, at, where) or not evident(clause):
            continue
        sure = binding(clause, at)
        if not sure or "NOT" in clause.signs[max(0, at - 4) : at] or _place(clause, at) != 0:
            continue
        if sign == "END" or "ANSWER" in clause.signs[:at]:
            yield Want(Kind.ENDS, words=(said,), sure=sure)


def _after_colon(clause: Clause, source: Source, at: int) -> tuple[str, int]:
    """The rest of the line after a colon, where it is what the answer ends with."""
    for i in range(at + 1, len(clause.signs)):
        if clause.signs[i] == ":" and (NOUNS | {"question", "HOW", "SENT", "LINE"}) & set(clause.signs[at:i]):
            line = source.text[clause.at[i] + 1 :].split("\n", 1)[0].strip()
            return (line, i) if 0 < len(line) <= _LONGEST_ENDING and "\ue000" not in line else ("", -1)
        named = clause.signs[i - 1] in {"KEYWORD", "question", "SENT"} and i > at + 1
        if named and clause.raw[i][:1].isupper() and "WITH" in clause.signs[at:i]:
            found = _SENTENCE.match(source.text, clause.at[i])
            return (found[0].strip(), i) if found and len(found[0]) <= _LONGEST_ENDING else ("", -1)
    return "", -1
