"""Data formats and languages of the answer: "in JSON format", "as a table", "only in German"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.forms import denied
from litellm_tiering.gates.constraints.kinds import Kind, Want, listed
from litellm_tiering.gates.constraints.mood import binding, leads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.constraints.clauses import Clause
    from litellm_tiering.gates.constraints.source import Source

_FORMATS = {
    "JSON": Kind.JSON,
    "CSV": Kind.CSV,
    "YAML": Kind.YAML,
    "XML": Kind.XML,
    "HTML": Kind.XML,
    "TABLE": Kind.TABLE,
    "CODEBLOCK": Kind.CODE,
}
_LEADS_IN = listed(
    """
    in as into to a an valid only ONLY WRAP raw strict single your using im als en au no em come un su
    well formed BETWEEN follows following THE simple markdown MARKDOWN bare einer eine une una uma WITH
    nested structured minified PLAIN FORMAT of FIRST
    """
)
_MAKES = listed("IMP ANSWER WRAP MUST REQ SPEAK ONLY FORMAT")
_NO_FORMAT_AFTER = listed(
    """
    parser file files schema library string strings reader data encoder decoder serializer of api
    payload column columns cell cells tag tags page element elements manners salt tennis lamp email
    request body below above input into to from vs and or module dump field
    """
)


def formatted(clause: Clause, source: Source) -> Iterator[Want]:
    """The formats and the language that a clause demands."""
    yield from _plain(clause)
    yield from _format(clause, source)
    yield from _language(clause)


def _plain(clause: Clause) -> Iterator[Want]:
    """Text without markup: "plain text only", "no markdown"."""
    at = clause.find("PLAIN")
    if (
        at >= 0
        and binding(clause, at)
        and not denied(clause, at)
        and (leads(clause) or clause.has("ONLY", "ANSWER"))
    ):
        yield Want(Kind.PLAIN)
    at = clause.find("MARKDOWN")
    if at >= 0 and denied(clause, at) and binding(clause, at) and not any(s[0] == "#" for s in clause.signs):
        yield Want(Kind.PLAIN)


def _format(clause: Clause, source: Source) -> Iterator[Want]:
    """Data formats: "in JSON format", "as a table", "plain text only"."""
    signs = clause.signs
    for i, sign in enumerate(signs):
        kind = _FORMATS.get(sign)
        if kind is None or not _asked_for(clause, i):
            continue
        sure = binding(clause, i)
        if not sure:
            continue
        if denied(clause, i):
            if kind is Kind.TABLE:
                yield Want(kind, 0, 0, sure=sure)
            continue
        if sign == "TABLE" and clause.has("title", "insert") and not leads(clause):
            continue
        whole = clause.has("WHOLE", "ONLY", "WRAP") or "valid" in signs
        keys = _keys(source) if kind is Kind.JSON else ()
        yield Want(
            kind,
            1,
            words=("html",) if sign == "HTML" else keys,
            how="whole" if whole and kind is Kind.JSON else "",
            sure=sure,
        )
        return


_OF_PROGRAMS = listed(
    """
    function script program code class endpoint parse parses method that which THEY query explain
    difference describe how
    """
)


def _asked_for(clause: Clause, at: int) -> bool:  # noqa: PLR0911 - one case for each way it is not
    """Whether a format is the answer's own, rather than what is spoken of."""
    signs = clause.signs
    after = signs[at + 1 : at + 2]
    if after and (after[0] in _NO_FORMAT_AFTER or after[0] == "PARTNOUN"):
        return False
    before = signs[max(0, at - 4) : at]
    if not (_LEADS_IN & set(before[-2:]) or denied(clause, at) or (not before and after == ("FORMAT",))):
        return False
    if signs[at] == "TABLE" and not _tabled(clause, at):
        return False
    if before[-1:] and before[-1] in {"THE", "my", "from", "this"} and "FORMAT" not in after:
        return False
    if "TRANSLATE" in signs[:at] and before[-1] not in {"to", "into"}:
        return False
    if _OF_PROGRAMS & {w.casefold() for w in clause.raw[:at]} and "ANSWER" not in signs[:at]:
        return False
    if signs[at] == "HTML" and "page" in signs:
        return True
    return bool(_MAKES & set(signs)) or leads(clause)


def _tabled(clause: Clause, at: int) -> bool:
    """Whether a table is one to be written: "in a table", "as a table", "create a comparison table"."""
    before = clause.signs[max(0, at - 3) : at]
    if (clause.raw[at].casefold() != "table" and "tab" not in clause.raw[at].casefold()[:3]) or clause.raw[
        at
    ].casefold() == "tables":
        return False
    if denied(clause, at):
        return "a" in before or "ANSWER" in clause.signs
    if "FORMAT" in clause.signs[at + 1 : at + 2] or "MARKDOWN" in before:
        return True
    if before[-2:] in {
        ("in", "a"),
        ("as", "a"),
        ("into", "a"),
        ("als",),
        ("em", "uma"),
        ("en", "una"),
    } or before[-1:] in {("als",), ("MARKDOWN",)}:
        return leads(clause) or clause.has("ANSWER", "REQ", "MUST")
    if {"dans", "sous", "in", "en", "em", "als", "come", "como"} & set(before) and "THE" not in before:
        return leads(clause)
    words = [word.casefold() for word in clause.raw[max(0, at - 4) : at]]
    return leads(clause) and bool({"create", "draw", "build", "generate", "produce", "output"} & set(words))


def _keys(source: Source) -> tuple[str, ...]:
    """The keys of the object that the prompt shows as a form."""
    for template in source.templates:
        if len(template) > 4_000 or "{" not in template:  # noqa: PLR2004 - a form is short
            continue
        try:
            shown = json.loads(template)
        except (ValueError, RecursionError):
            continue
        if isinstance(shown, dict):
            return tuple(str(key) for key in shown)[:24]
    return ()


def _language(clause: Clause) -> Iterator[Want]:
    for i, sign in enumerate(clause.signs):
        if not sign.startswith("LANG:") or not _spoken(clause, i):
            continue
        sure = binding(clause, i)
        if sure and not denied(clause, i):
            yield Want(Kind.LANGUAGE, words=(sign[5:],), sure=sure)
            return


_PREPOSITIONS = listed("in auf en em into ONLY using WHOLE")
_OF_SPEECH = listed(
    """
    word words WORD KEYWORD teacher class course grammar food history literature restaurant students
    language: speakers novel cuisine people culture
    """
)


def _spoken(clause: Clause, at: int) -> bool:
    """Whether the answer is to be in the language named."""
    signs = clause.signs
    before = signs[max(0, at - 3) : at]
    if "TRANSLATE" in signs[:at] or "TRANSLATE" in signs[at : at + 3] or "from" in signs[max(0, at - 2) : at]:
        return False
    if (
        _OF_SPEECH & set(signs[at + 1 : at + 3])
        or "HOW" in signs[:1]
        or {"WORD", "KEYWORD"} & set(signs[max(0, at - 3) : at])
    ):
        return False
    if signs[at + 1 : at + 3] in {("and",), ("or",)} or any(
        s.startswith("LANG:") and s != signs[at] for s in signs[max(0, at - 4) : at + 5]
    ):
        return False
    only = clause.has("ONLY", "ANSWER")
    led = bool(before) and before[-1] in _PREPOSITIONS
    if before[-1:] == ("THE",) and "LANGUAGE" in signs[at + 1 : at + 2]:
        led = bool(_PREPOSITIONS & set(before[-2:-1]))
    named = led or ("LANGUAGE" in signs[at + 1 : at + 2] and bool({"in", "ONLY", "using"} & set(before)))
    if "ONLY" in signs[at : at + 4] and bool({"SPEAK", "IMP", "INCLUDE"} & set(signs)):
        named = True
    return named and (only or leads(clause) or clause.has("SPEAK"))
