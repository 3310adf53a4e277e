"""Answers out of a given few: "one of [a, b, c]", "yes or no", "only the letter", "just the number"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import Kind, Want
from litellm_tiering.gates.constraints.mood import binding, leads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_tiering.gates.constraints.clauses import Clause
    from litellm_tiering.gates.constraints.source import Source

MAX_OPTIONS = 24
"""More are no choice to be made by name."""

_LONGEST_OPTION = 60
_BRACKETED = re.compile(r"[\[{(]([^\[\](){}\n]{3,400})[\])}]")
_SAYING = frozenset({"SPEAK", "ANSWER", "IMP", "ONEOF", "ONLY"})
_BULLET = re.compile(r"[ \t]*(?:[-*\u2022+]|\d{1,2}[.)]|[A-Za-z][.)])?[ \t]*")


def chosen(clauses: Sequence[Clause], at: int, source: Source) -> Iterator[Want]:
    """The choices that the clause ``at`` leaves."""
    clause = clauses[at]
    only = clause.has("ONLY") or "one word" in clause.text
    if clause.has("YESNO", "TRUEFALSE") and leads(clause):
        site = max(clause.find("YESNO"), clause.find("TRUEFALSE"))
        sure = binding(clause, site)
        if sure and not clause.has("NOT", "IF") and clause.has("SPEAK", "ANSWER", "IMP"):
            raw = clause.raw[site].casefold()
            words = (
                ("true", "false")
                if clause.has("TRUEFALSE")
                else ("yes", "no")
                if "yes" in raw
                else _local(raw)
            )
            yield Want(Kind.ONE_OF, words=words, how="only" if only else "begins", sure=sure)
        return
    if clause.has("ONEOF") and clause.has(*_SAYING):
        site = clause.find("ONEOF")
        sure = binding(clause, site)
        if clause.raw[site].casefold() == "one of" and not {"SPEAK", "ANSWER", "MUST", "IMP"} & set(
            clause.signs[:site]
        ):
            return
        options, strict = _options(clauses, at, site, source)
        if sure and 2 <= len(options) <= MAX_OPTIONS and not clause.has("NOT"):  # noqa: PLR2004 - one is no choice
            yield Want(Kind.ONE_OF, words=options, how="only" if only and strict else "", sure=sure)
        return
    yield from _either(clause, source)
    yield from _letter(clause)
    yield from _number(clause)


def _either(clause: Clause, source: Source) -> Iterator[Want]:
    """As in 'reply with "yes" or "no" only'."""
    signs = clause.signs
    at = clause.find("SPEAK")
    first = next((i for i, sign in enumerate(signs) if sign[0] == "$"), -1)
    near = 0 <= at < first <= at + 4
    if not near or not {"WITH", "ONLY"} & set(signs[at:first]) or "or" not in signs[first:]:
        return
    options: list[str] = []
    for sign in signs[first:]:
        if sign[0] == "$":
            options.append(_text(source, sign))
        elif sign not in {"or", ",", "either"}:
            break
    if len(options) >= 2 and all(options) and binding(clause, first) and not clause.has("NOT"):  # noqa: PLR2004 - one is no choice
        yield Want(Kind.ONE_OF, words=tuple(options), how="only" if clause.has("ONLY") else "begins")


def _local(raw: str) -> tuple[str, ...]:
    """The words of "ja oder nein"."""
    parts = raw.split()
    return (parts[0], parts[-1])


def _options(clauses: Sequence[Clause], at: int, site: int, source: Source) -> tuple[tuple[str, ...], bool]:
    """The options named after ``site``, in the clause or the lines below; whether they are all there is."""
    clause = clauses[at]
    quoted = [_text(source, s) for s in clause.signs[site:] if s[0] == "$"]
    if len(quoted) >= 2 and all(quoted):  # noqa: PLR2004 - one is no choice
        return tuple(quoted), True
    line = source.text[clause.at[site] :].split("\n", 1)[0]
    found = _BRACKETED.search(line)
    if found is not None:
        options = [_shown(source, part) for part in re.split(r"[,|/;]", found[1])]
        if all(0 < len(option) <= _LONGEST_OPTION for option in options):
            return tuple(options), True
    if ":" in clause.signs[site:] or source.text[clause.at[site] :].split("\n", 1)[0].rstrip().endswith(":"):
        rest = line.partition(":")[2].strip()
        if rest and "," in rest:
            options = [
                _shown(source, part).strip(" .")
                for part in re.split(r", (?:or |and )?| or ", rest.rstrip("."))
            ]
            if all(0 < len(o) <= _LONGEST_OPTION for o in options):
                return tuple(options), True
        if not rest:
            return _lines_below(source, clause.at[site]), True
    return (), False


def _lines_below(source: Source, at: int) -> tuple[str, ...]:
    """Options, one to a line: to the first line that is empty, too long or an order."""
    options: list[str] = []
    for line in source.text[at:].split("\n")[1 : MAX_OPTIONS + 2]:
        bare = _shown(source, _BULLET.sub("", line, count=1).strip())
        if not bare:
            if options:
                break
            continue
        if len(bare) > _LONGEST_OPTION or (
            options
            and bare.split()[0].casefold() in {"just", "only", "please", "do", "answer", "choose", "your"}
        ):
            break
        options.append(bare)
    return tuple(options)


def _text(source: Source, sign: str) -> str:
    number = sign[1:]
    if not number.isdigit() or int(number) >= len(source.quotes):
        return ""
    text = source.quotes[int(number)].strip(" ,")
    return text if len(text) <= _LONGEST_OPTION else ""


def _shown(source: Source, part: str) -> str:
    """``part`` with the text of its quote in place of the mark."""
    part = part.strip()
    if "\ue000" in part:
        bare = part.strip(" \ue000")
        return _text(source, f"${bare}") if bare.isdigit() else ""
    return part


def _letter(clause: Clause) -> Iterator[Want]:
    """As in "Answer with the letter only"."""
    at = max(clause.find("OPTION"), clause.find("LETTER"))
    if (
        at < 0
        or not (
            clause.has("ONLY")
            or "only" in clause.raw[at]
            or "just" in clause.raw[at]
            or "single" in clause.raw[at]
        )
        or not leads(clause)
        or clause.has("NOT", "START", "END", "TIMES", "WORD")
    ):
        return
    sure = binding(clause, at)
    following = clause.raw[at + 1 : at + 2]
    if sure and not (following and len(following[0]) == 1 and following[0].isalpha()):
        yield Want(Kind.CHOICE, sure=sure)


def _number(clause: Clause) -> Iterator[Want]:
    """As in "Just the number", "answer with a number only"."""
    at = clause.find("DIGITS")
    if at < 0 or not clause.has("ONLY") or not (clause.has("SPEAK", "ANSWER") or leads(clause)):
        return
    gap = [i for i, s in enumerate(clause.signs) if s == "ONLY"]
    near = any(abs(i - at) <= 3 for i in gap)  # noqa: PLR2004 - words between
    sure = binding(clause, at)
    if sure and near and not clause.has("NOT", "of", "TIMES", "INCLUDE") and len(clause.signs) <= 14:  # noqa: PLR2004 - a short order
        yield Want(Kind.NUMBER, sure=sure)
