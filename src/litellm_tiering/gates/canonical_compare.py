"""Whether two answers come to the same, by the form that fits both: the work of the agreement gate.

Three-valued throughout: same, different, or not to be compared, which is never taken for either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.gates.canonical import choice, label, last_line, said_value, whole_choice
from litellm_tiering.gates.canonical_numbers import Number, numbers, only_number
from litellm_tiering.gates.lenient import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.gate import Said, ToolCall

MAX_NODES = 20_000
"""How many values of two JSON answers are compared; what is larger is not judged."""

PROSE_CHARS = 2_000
PROSE_WORDS = 8
PROSE_SHARE = 0.6
"""A text of so many words, most of them plain ones, is prose."""

MAX_DEPTH = 60
MAX_CALLS = 64

TOOLS, JSON, CHOICE, NUMBER, LABEL = "tools", "json", "choice", "number", "label"
FORMS = (TOOLS, JSON, CHOICE, NUMBER, LABEL)
"""What answers are compared by, in the order in which they are tried."""

_TALK = frozenset(
    {
        *("reasoning", "reason", "reasons", "rationale", "explanation", "explanations", "explain"),
        *("thought", "thoughts", "thinking", "analysis", "steps", "step_by_step", "chain_of_thought", "cot"),
        *("justification", "comment", "comments", "note", "notes", "description", "summary", "working"),
        *("work", "scratchpad", "reflection", "confidence", "confidence_score", "certainty", "probability"),
        *("evidence", "begründung", "erklärung", "explication", "raisonnement", "explicación"),
        *("razonamiento", "理由", "解释", "説明"),
    }
)
"""Fields that tell how an answer was come by, in nobody's own words alike."""


_LINKS = frozenset({"is", "ist", "est", "es", "\u00e8", "\u00e9"})
"""What stands before the answer in a label that is a short sentence."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What two answers were found to be.

    Attributes:
        same: Whether they come to the same; None where that cannot be told.
        form: What they were compared by, one of ``FORMS``; empty where they could not be.
        lacking: Whether the first gives no answer of the form that was asked for, and the second does.
    """

    same: bool | None
    form: str = ""
    lacking: bool = False


class _TooLarge(Exception):
    """More values than are compared."""


def compare(first: Said, second: Said, forms: Sequence[str]) -> Compared:
    """Compare two answers by the first of ``forms`` that both have.

    Where the first has none, and the second an answer of a form that was asked for, the first is lacking.
    """
    lacking = False
    for form in FORMS:
        if form not in forms:
            continue
        try:
            found = _BY_FORM[form](first, second)
        except (_TooLarge, ValueError, RecursionError):
            continue
        if found is None:
            continue
        if found is not _LACKING:
            return Compared(bool(found), form)
        lacking = lacking or form in (JSON, CHOICE)
    return Compared(None, lacking=lacking)


_LACKING = "lacking"


def _by_tools(first: Said, second: Said) -> bool | str | None:
    if not first.tool_calls and not second.tool_calls:
        return None
    mine, other = list(first.tool_calls), list(second.tool_calls)
    if len(mine) != len(other) or len(mine) > MAX_CALLS:
        return False
    found: bool | None = True
    for call in mine:
        # Parallel calls have no order.
        best: bool | None = False
        for i, candidate in enumerate(other):
            same = _same_call(call, candidate)
            if same is not False:
                best = same
                del other[i]
                break
        if best is False:
            return False
        found = found if best else None
    return found


def _same_call(one: ToolCall, two: ToolCall) -> bool | None:
    if one.name != two.name:
        return False
    mine, other = _arguments(one.arguments), _arguments(two.arguments)
    if mine == other:
        return True
    # Fields of prose are left to the models; the function and the rest must be the same.
    same = (
        _same_fields(mine, other, _Budget(), ())
        if isinstance(mine, dict) and isinstance(other, dict)
        else None
    )
    return _same_value(mine, other, _Budget(), 0) if not isinstance(mine, dict) else same


def _arguments(text: str) -> Any:  # noqa: ANN401 - a JSON value
    if not text.strip():
        return {}
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return text


class _Budget:
    """How many more values may be compared."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooLarge


def _by_json(first: Said, second: Said) -> bool | str | None:
    mine, other = _json(first.text), _json(second.text)
    if other is None:
        return None
    if mine is None:
        return _LACKING
    return _same_value(mine, other, _Budget(), 0)


def _json(text: str) -> Any:  # noqa: ANN401 - a JSON value
    try:
        found = parse_json(text)
    except ValueError:
        return None
    return found if isinstance(found, (dict, list)) else None


def _same_value(mine: Any, other: Any, budget: _Budget, depth: int) -> bool | None:  # noqa: ANN401 - JSON values
    budget.spend()
    if depth > MAX_DEPTH:
        raise _TooLarge
    if isinstance(mine, dict) and isinstance(other, dict):
        return _same_fields(mine, other, budget, _TALK, depth)
    if isinstance(mine, list) and isinstance(other, list):
        if len(mine) != len(other):
            return False
        return _all([_same_value(a, b, budget, depth + 1) for a, b in zip(mine, other, strict=True)])
    if isinstance(mine, (dict, list)) or isinstance(other, (dict, list)):
        return False
    return same_scalar(mine, other)


def _same_fields(
    mine: Mapping[str, Any],
    other: Mapping[str, Any],
    budget: _Budget,
    left_out: Sequence[str] | frozenset[str],
    depth: int = 0,
) -> bool | None:
    a, b = _plain(mine, other), _plain(other, mine)
    found: list[bool | None] = []
    for key in dict.fromkeys((*a, *b)):
        one, two = a.get(key), b.get(key)
        # Left out, null and empty are one.
        if _is_empty(one) and _is_empty(two):
            continue
        if key in left_out:
            found.append(None)
        elif one is None or two is None:
            found.append(False)
        else:
            found.append(_same_value(one, two, budget, depth + 1))
    return _all(found)


def _is_empty(value: Any) -> bool:  # noqa: ANN401 - a JSON value
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def _plain(fields: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields by their names in one spelling, where that keeps those of both answers apart."""
    spelt = [{_key(k) for k in each} for each in (fields, other)]
    if len(spelt[0]) < len(fields) or len(spelt[1]) < len(other):
        return fields
    return {_key(k): v for k, v in fields.items()}


def _key(key: str) -> str:
    return key.strip().casefold().replace("-", "_").replace(" ", "_")


def _all(found: Sequence[bool | None]) -> bool | None:
    """All of a compound: different where any part is; the same where some part is and none is different."""
    if False in found:
        return False
    return True if True in found or not found else None


def same_scalar(mine: Any, other: Any) -> bool | None:  # noqa: ANN401 - JSON values
    """Whether two values of a field come to the same; None for prose."""
    if type(mine) is type(other) and mine == other:
        return True
    if isinstance(mine, bool) or isinstance(other, bool):
        return str(mine).strip().casefold() == str(other).strip().casefold()
    return same_text(_text(mine), _text(other))


def _text(value: Any) -> str:  # noqa: ANN401 - a JSON value
    return "" if value is None else str(value)


def same_text(mine: str, other: str) -> bool | None:
    """Whether two short texts come to the same: as choices, numbers or labels; None for prose."""
    a, b = whole_choice(mine), whole_choice(other)
    if a is not None and b is not None:
        return a == b
    one, two = _number(mine), _number(other)
    if one is not None and two is not None:
        return one.same(two)
    name, named = label(mine), label(other)
    if _bare(mine) == _bare(other) or (name is not None and name == named):
        return True
    if name is not None and named is not None:
        return name.replace(" ", "") == named.replace(" ", "") or _names(name, named)
    prose = _is_prose(mine), _is_prose(other)
    within = name is not None and any(prose) and name in other.casefold()
    within = within or (named is not None and any(prose) and named in mine.casefold())
    return None if all(prose) or within else False


def _bare(text: str) -> str:
    return "".join(text.split()).strip("\"'`")


def _is_prose(text: str) -> bool:
    """Whether a text is sentences, which no two models write alike, and no literal, list or expression."""
    words = text[:PROSE_CHARS].split()
    plain = sum(word.strip(".,;:!?()\"'").isalpha() for word in words)
    return len(words) >= PROSE_WORDS and plain >= PROSE_SHARE * len(words)


def _names(one: str, two: str) -> bool:
    """Whether the longer of two labels says that its answer is the shorter: ``sentiment is: positive``."""
    shorter, longer = sorted((one, two), key=len)
    before = longer.removesuffix(shorter).rstrip("*_`\"' ").split()
    return (
        longer.endswith(f" {shorter}")
        and bool(before)
        and (before[-1] in _LINKS or before[-1].endswith((":", "=")))
    )


def _number(text: str) -> Number | None:
    """The number that a short text is; None where it says more, as an expression does."""
    found = only_number(text)
    if found is None or any(sign in text for sign in ("\\sqrt", "√", "\\pi", "π", "^{\\", "\\infty", "∞")):
        return None
    return found


def _by_choice(first: Said, second: Said) -> bool | str | None:
    mine, other = choice(first.text), choice(second.text)
    if other is None:
        return None
    return _LACKING if mine is None else mine == other


def _by_number(first: Said, second: Said) -> bool | str | None:
    mine, other = final_number(first.text), final_number(second.text)
    return None if mine is None or other is None else mine.same(other)


def final_number(text: str) -> Number | None:
    """The number that a text ends on: what it says its answer is, or the last one of its last line."""
    stated = said_value(text)
    if stated is not None:
        found = _number(stated) or next(iter(numbers(stated[:160])), None)
        if found is not None:
            return found
    line = last_line(text)
    every = numbers(line.rpartition("=")[2]) or numbers(line[-400:])
    return every[-1] if every else None


def _by_label(first: Said, second: Said) -> bool | str | None:
    mine, other = _short(first.text), _short(second.text)
    return None if mine is None or other is None else same_text(mine, other)


def _short(text: str) -> str | None:
    """A text that is a label or short string, or says in so many words what its answer is."""
    if label(text) is not None:
        return text
    stated = said_value(text)
    return stated if stated is not None and label(stated) is not None else None


_BY_FORM = {TOOLS: _by_tools, JSON: _by_json, CHOICE: _by_choice, NUMBER: _by_number, LABEL: _by_label}
