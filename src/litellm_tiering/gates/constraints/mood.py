"""Whether a clause demands what it speaks of, or only tells, asks, quotes, permits or supposes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import listed

if TYPE_CHECKING:
    from litellm_tiering.gates.constraints.clauses import Clause

SOFT = 0.4
"""The factor on what is only hoped for: "try to", "aim for"."""

_LIGHT = listed(
    """
    please also and then but finally additionally in your , - ( ) : so now next lastly furthermore
    moreover first secondly thirdly second third you to further again here ok okay hi hello important
    note nb rules rule requirements requirement constraint constraints und aber et mais y pero e ma
    """
) | {"REQ", "FIRST", "SECOND", "THIRD", "LAST", "MUST", "WITH", "WHOLE", "ONLY", "FOURTH", "FIFTH"}
_VERBS = listed(
    """
    IMP INCLUDE NOT WRAP SEPARATED START END REPEAT HIGHLIGHT SPEAK MAX MIN LT GT EXACT ANSWER ONEOF
    FORMAT
    """
)
_BOUND = listed(
    """
    the your it there you THE all both everything WHOLE its EACH WORD KEYWORD LETTER ANSWER
    """
)
_AIMS = listed("about on ABOUT explaining describing telling what how why HOW")


def leads(clause: Clause) -> bool:
    """Whether the clause opens with a verb that orders, or is a bare phrase of measure."""
    for sign in clause.signs[:6]:
        if sign in _VERBS:
            return True
        if sign not in _LIGHT and sign[0] != "#":
            return False
    return False


_PROGRAMS = listed(
    """
    function script program regex validator class method parser query macro endpoint algorithm module
    tests command pipeline app application api linter generator funktion skript fonction funcion
    programma
    """
)
_DONE_BY = listed("THE HOW THEY to for which that whose")


def evident(clause: Clause) -> bool:
    """Whether the clause orders, asks or obliges, rather than only telling."""
    if leads(clause) or _ORDERS & set(clause.signs):
        return True
    # "Must not" is one sign, so that its "must" is not another.
    return any(
        s == "NOT" and clause.raw[i].casefold().startswith(_DUTIES) for i, s in enumerate(clause.signs)
    )


_DUTIES = ("must", "should", "may not", "cannot", "can not", "can't", "shall not")
_ORDERS = frozenset({"ANSWER", "REQ", "MUST", "COUNT"})


def _of_a_program(before: tuple[str, ...]) -> bool:
    """Whether it is what a program to be written shall do: "a function that returns at most ten words"."""
    at = next((i for i, sign in enumerate(before) if sign in _PROGRAMS), -1)
    return at >= 0 and bool(_DONE_BY & set(before[at + 1 :])) and "ANSWER" not in before[at:]


def binding(clause: Clause, site: int) -> float:
    """How surely the clause demands what stands at ``site``: 0 where it does not, 1 where it plainly does."""
    before = clause.signs[:site]
    if _told(clause, before) or _supposed(clause, site, before) or _of_a_program(before):
        return 0.0
    imperative = leads(clause)
    asked = imperative or "REQ" in clause.signs
    if clause.asks and "REQ" not in clause.signs and not (imperative and ":" in clause.signs[site:]):
        return 0.0
    if before[:1] == ("HOW",) and "MUST" not in before and "ANSWER" not in clause.signs:
        return 0.0
    must = "MUST" in clause.signs
    mine = "ANSWER" in clause.signs
    if "INDIC" in before and not (asked or must or mine):
        return 0.0
    if must and not (asked or mine) and not _of_the_answer(clause):
        return 0.0
    return SOFT if "SOFT" in clause.signs else 1.0


def _told(clause: Clause, before: tuple[str, ...]) -> bool:
    """Whether somebody else's words or deeds are told, or the speaker's own."""
    if "WE" in before or "PAST" in clause.signs or _exemplified(clause, before):
        return True
    for i, sign in enumerate(before):
        if sign == "THEY":
            raw = clause.raw[i].casefold()
            follows = clause.signs[i + 1 : i + 4]
            if " " in raw or "REPORT" in follows or "ANSWER" in follows or "INDIC" in follows[:2]:
                return True
    return "REPORT" in before and not leads(clause) and "REQ" not in before


def _withheld(before: tuple[str, ...]) -> bool:
    """Whether what would permit something denies it: "no other language is allowed"."""
    at = before.index("MAY")
    near = before[max(0, at - 4) : at]
    return "NOT" in near and "," not in near[near.index("NOT") :]


_BOUNDING = frozenset({"may", "you can", "you could", "puedes", "puoi", "tu peux", "vous pouvez"})
_RESUMING = listed("INCLUDE IMP NOT MUST and USE WRAP END START")


def _exemplified(clause: Clause, before: tuple[str, ...]) -> bool:
    """Whether the end of ``before`` still belongs to an example: "i.e. <<title>>, and no commas" goes on."""
    if "EXAMPLE" not in before:
        return False
    at = len(before) - 1 - before[::-1].index("EXAMPLE")
    return not any(
        sign in {",", ")"} and i + 1 < len(clause.signs) and clause.signs[i + 1] in _RESUMING
        for i, sign in enumerate(before[at:], at)
    )


def _supposed(clause: Clause, site: int, before: tuple[str, ...]) -> bool:
    """Whether it is permitted or supposed rather than demanded."""
    if "MAY" in before and not _withheld(before):
        said = clause.raw[before.index("MAY")].casefold()
        return not (said in _BOUNDING and {"MAX", "LT", "ONLY"} & set(clause.signs))
    may = clause.find("MAY", site)
    if 0 <= may < site + 6 and not {"NOT", ","} & set(clause.signs[max(0, site - 4) : may]):
        return True
    if "IF" in before:
        return True
    later = clause.find("IF", site)
    return later >= 0 and not (_AIMS & set(clause.signs[site:later]))


def _of_the_answer(clause: Clause) -> bool:
    """Whether "must" is said of what is to be written, rather than of people and things at large."""
    return clause.signs[0] in _BOUND or clause.signs[0] in _LIGHT or clause.signs[0][0] in "#$"
