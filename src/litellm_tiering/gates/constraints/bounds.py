"""Numbers with their bounds: "at most 50", "2 to 3", "one hundred or more", "no more than twice"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.gates.constraints.kinds import MANY, listed

if TYPE_CHECKING:
    from litellm_tiering.gates.constraints.clauses import Clause

_COMPARING = listed("MAX LT MIN GT EXACT ABOUT BETWEEN")
_BETWEEN_UNIT = listed(
    """
    - short complete full different distinct separate very long simple concise brief bold italic text
    main key markdown well formatted unique hash single english individual highlighted good great funny
    possible such kurze kurzen ganze courtes phrases frases breves cortas simples clear asterisk of
    """
) | {
    "CAPITALS",
    "ALLCAPS",
    "MARKDOWN",
    "HIGHLIGHT",
    "WHOLE",
    "BULLET",
    "ORMORE",
    "ORLESS",
    "+",
    "NUMBERED",
    "SQUARE",
    "EXACT",
}
_AND = frozenset({"TO", "to", "-", "\u2013", "\u2014", "and", "or", "~", "BETWEEN"})
_FILLERS = listed("a an of total be the in is it for long length : = or des de um un ein eine") | {"WHOLE"}
_LIMITS = listed(
    """
    limit restrict confine cap limited limite limita limitez limitar beschranke begrenze halte keep
    under within
    """
)
_UNDER = listed("limit restrict confine cap limited limite limita limitez begrenze")
HOW_OFTEN = {"TIMES": 0, "ONCE": 1, "TWICE": 2, "THRICE": 3}
_NO_ADJECTIVES = listed("of in and or to with for the a an by on at per than is are as from you your my")


class Quantity(NamedTuple):
    """A number with its bounds, and where in the clause it begins and ends."""

    low: int
    high: int
    start: int
    end: int
    how: str  # "" for bounds, "about" for a round number


def often(clause: Clause, at: int) -> tuple[int, int] | None:
    """The bounds that "at least 3 times", "once", "no more than twice" set, by the word at ``at``."""
    signs = clause.signs
    value = HOW_OFTEN[signs[at]]
    if value:
        near = (s for s in reversed(signs[max(0, at - 2) : at]) if s in _COMPARING)
        table = {
            "MAX": (0, value),
            "LT": (0, value - 1),
            "MIN": (value, MANY),
            "GT": (value + 1, MANY),
            "EXACT": (value, value),
        }
        return table.get(next(near, ""), (value, MANY) if value == 1 else (value, value))
    for i in range(at - 1, max(-1, at - 3), -1):
        if is_number(signs[i]):
            found = quantity(clause, i, at + 1)
            return None if found is None or found.how == "about" else (found.low, found.high)
    return None


def is_number(sign: str) -> bool:
    """Whether a sign is a number, and no divider such as "###"."""
    return sign[0] == "#" and sign[1:].isdecimal()


def number_before(clause: Clause, at: int) -> int:
    """Where the number of a unit stands; -1 where there is none."""
    for i in range(at - 1, max(-1, at - 6), -1):
        sign = clause.signs[i]
        if is_number(sign):
            return i
        if sign not in _BETWEEN_UNIT and not (
            i == at - 1 and sign.isalpha() and sign.islower() and _adjective(sign)
        ):
            # "three rhyming words" may speak of any words; "three rhyming paragraphs" of the answer's.
            return -1
    return -1


def last_of_range(clause: Clause, number: int) -> int:
    """Where the last number of "150 to 200" stands, whose first stands at ``number``, or that one."""
    follows = clause.signs[number + 1 : number + 3]
    return number + 2 if len(follows) == 2 and follows[0] in _AND and is_number(follows[1]) else number  # noqa: PLR2004 - a pair


def _adjective(word: str) -> bool:
    return word not in _NO_ADJECTIVES


def quantity(clause: Clause, number: int, end: int) -> Quantity | None:
    """The quantity whose last number stands at ``number``; ``end`` is past what is counted."""
    signs = clause.signs
    value = int(signs[number][1:])
    start = number
    if number and value in {100, 1000} and is_number(signs[number - 1]):
        value, start = value * int(signs[number - 1][1:]), number - 1
    elif number > 1 and value < 100 and signs[number - 1] == "and" and signs[number - 2] in {"#100", "#1000"}:  # noqa: PLR2004 - "one hundred and fifty"
        value, start = value + int(signs[number - 2][1:]), number - 2
        start -= start > 0 and is_number(signs[start - 1]) and signs[start - 1] == "#1"
    other, first = -1, start - 2
    if first >= 0 and signs[start - 1] in _AND and is_number(signs[first]):
        other, start = int(signs[first][1:]), first
    compared, at = _comparator(clause, start)
    after = _after(clause, number, end)
    if compared in {"MAX", "LT", "GT", "MIN"} and _denied(signs, at):
        compared = {"GT": "MAX", "LT": "MIN"}.get(compared, "?")
    if compared == "?":
        return None
    start = min(start, at)
    if other >= 0 and compared not in {"MAX", "LT", "GT", "MIN"}:
        low, high = min(other, value), max(other, value)
        return Quantity(low, high, start, end, "about" if compared == "ABOUT" else "")
    compared = compared or after
    if compared not in {"MAX", "LT", "GT", "MIN"} and _refused(signs, start):
        return None
    if not compared and _limited(clause, start):
        compared = "MAX"
    bounds = {
        "MAX": (0, value),
        "LT": (0, value - 1),
        "MIN": (value, MANY),
        "GT": (value + 1, MANY),
        "EXACT": (value, value),
    }.get(compared, (value, value))
    how = {"ABOUT": "about", "": "bare"}.get(compared, "")
    return Quantity(*bounds, start, end, how)


def _refused(signs: tuple[str, ...], start: int) -> bool:
    """Whether a number is said not to be asked for: "do not stop at 100 words"."""
    for i in range(start - 1, max(-1, start - 6), -1):
        if signs[i] == "NOT":
            return True
        if signs[i] in {",", "and", "but", ";", ":"}:
            return False
    return False


def _denied(signs: tuple[str, ...], at: int) -> bool:
    """Whether a comparison is turned round: "do not write more than"."""
    before = signs[max(0, at - 4) : at]
    return "NOT" in before and "," not in before[before.index("NOT") :]


def _comparator(clause: Clause, start: int) -> tuple[str, int]:
    """What stands before a number to compare by, and where; "" where nothing does."""
    signs = clause.signs
    for i in range(start - 1, max(-1, start - 4), -1):
        if signs[i] in _COMPARING:
            if signs[i] == "EXACT" and i and signs[i - 1] in {"MAX", "MIN"}:
                continue
            if signs[i] == "ABOUT" and clause.raw[i].casefold() in {"about", "some"} and i + 1 < start:
                return "", start
            return signs[i], i
        if signs[i] == "ONLY" and i == start - 1:
            return ("MAX" if clause.has("WORD", "CHAR") else "EXACT"), i
        if signs[i] not in _FILLERS:
            break
    return "", start


def _after(clause: Clause, number: int, end: int) -> str:
    """What stands after a number, or after what is counted, to compare by."""
    signs = clause.signs
    near = signs[number + 1 : end]
    rest = [
        s
        for s in signs[end : end + 5]
        if s not in {"(", ",", ")", "in", "as", "a", "the", "WHOLE", "long", "length", "each"}
    ][:1]
    for sign in (*near, *rest):
        if sign in {"ORMORE", "+", "MIN"}:
            return "MIN"
        if sign in {"ORLESS", "MAX"}:
            # "5 sentences, at most 50 words": the bound is the next number's.
            if sign == "MAX" and _bounds_next(signs, end):
                continue
            return "MAX"
        if sign == "below_that":
            return "LT"
    if "MIN" in rest and not _bounds_next(signs, end):
        return "MIN"
    return ""


def _bounds_next(signs: tuple[str, ...], end: int) -> bool:
    return any(map(is_number, signs[end : end + 5]))


def _limited(clause: Clause, start: int) -> bool:
    """Whether a verb of limiting stands before: "limit it to 50 words", "keep it to two sentences"."""
    words = [clause.raw[i].casefold() for i in range(max(0, start - 8), start)]
    if any(word in _UNDER for word in words):
        return True
    return bool(words) and words[-1] in {"to", "within", "a"} and any(word in _LIMITS for word in words[:-1])
