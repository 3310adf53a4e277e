"""Checks of form: letter case, marks, quotes, data formats, language, a choice of a few."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.kinds import Kind, Outcome, Want
from litellm_tiering.gates.constraints.tongues_spoken import speaks
from litellm_tiering.gates.lenient import Unreadable, parse_json

if TYPE_CHECKING:
    from litellm_tiering.gates.constraints.measure import Answer

_PS = re.compile(r"\bp\.\s?s\b|\bps\b")
_PPS = re.compile(r"\bp\.\s?p\.\s?s\b|\bpps\b")
_ROW = re.compile(r"^\|?[^|\n]+\|", re.MULTILINE)
_TAG = re.compile(r"<[a-zA-Z!?/][^<>\n]{0,300}>")
_YAML = re.compile(r"^[ \t]*(?:- )?[\w\"'-]{1,60}:(?:[ \t]|$)", re.MULTILINE)
_MARKUP = re.compile(r"\*\*[^*\n]{1,200}\*\*|^#{1,6} \S|```|^\|[^\n]+\|[ \t]*$", re.MULTILINE)
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_CONTRACTED = re.compile(r"\b\w+(?:n't|'re|'ve|'ll|'m|'d)\b", re.IGNORECASE)
_LETTER = re.compile(
    r"[\s(\[*_\"'`]*(?:option |answer(?: is)?:? ?)?[(\[*]{0,3}([A-Za-z])[)\].:*\"'`]{0,4}(?:\s|$)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"[\s$\u20ac\u00a3*_(\[\"'`\\boxed{]{0,12}[-+\u2212]?[\d.,\u00a0 /%eE^-]{1,40}"
    r"[%)\]}*_.\"'`\s$\u20ac\u00a3]{0,8}\Z"
)
_DIGIT = re.compile(r"\d")
_FENCE = "```"
_LANGUAGE = re.compile(r"[\w+-]{0,20}")
_QUOTES = '"\u201c\u201d\u00ab\u00bb\u201e\uff02'
_NO_COMMAS = {",": ",\uff0c"}
_LONGEST_WORD = 40
_IN_WORDS = 2  # "forty two"
_WITH_UNIT = 6


def _upper(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - every check takes both
    if answer.text == answer.text.upper():
        return Outcome("all_caps")
    return _case("all_caps", sum(1 for c in answer.head if c.islower()))


def _lower(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    if answer.text == answer.text.lower():
        return Outcome("lowercase")
    return _case("lowercase", sum(1 for c in answer.head if c.isupper()))


def _case(name: str, wrong: int) -> Outcome:
    if not wrong:
        return Outcome(name)
    return Outcome(name, 0.92 if wrong > 3 else 0.8, final=True)  # noqa: PLR2004 - a slip or two


def _marks(want: Want, answer: Answer) -> Outcome:
    mark = want.words[0]
    if mark == "emoji":
        return Outcome("no_emoji", 0.9 if _EMOJI.search(answer.text) else 0.0, final=True)
    if mark == "digit":
        return Outcome("no_digits", 0.8 if _DIGIT.search(answer.text) else 0.0, final=True)
    if mark == "contraction":
        return Outcome("no_contractions", 0.8 if _CONTRACTED.search(answer.head) else 0.0, final=True)
    found = any(sign in answer.text for sign in _NO_COMMAS.get(mark, mark))
    name = "no_commas" if mark == "," else "no_marks"
    return Outcome(name, 0.95 if found else 0.0, final=True)


def _quoted(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    bare = answer.bare
    if answer.partial:
        return Outcome("quoted", 0.0 if bare[:1] in _QUOTES else 0.9, final=True)
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return Outcome("quoted")
    kept = len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES
    return Outcome("quoted", 0.3 if kept else 0.93, final=bare[:1] not in _QUOTES)


def _title(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    lines = answer.head.split("\n") if "<<" in answer.text else ()
    there = any(0 <= line.find("<<") < line.rfind(">>") - 2 for line in lines)
    return Outcome("title", 0.0 if there else 0.92)


def _postscript(want: Want, answer: Answer) -> Outcome:
    pattern = _PPS if want.words[0] == "pps" else _PS
    found = pattern.search(answer.folded) or (want.words[0] == "ps" and _PPS.search(answer.folded))
    return Outcome("postscript", 0.0 if found else 0.9)


def _json(want: Want, answer: Answer) -> Outcome | None:
    text = answer.bare
    try:
        value = parse_json(text)
    except Unreadable:
        return None
    except ValueError:
        return Outcome("json", 0.45 if _nearly(want, text) else 0.92)
    if want.how == "whole":
        body = _unfenced(text)
        if body[:1] not in '{["' or body[-1:] not in '}]"':
            return Outcome("json", 0.85)
        try:
            parse_json(body, strict=True)
        except ValueError:
            return Outcome("json", 0.6)
    if want.words and isinstance(value, dict) and not set(want.words) <= set(value):
        return Outcome("json", 0.6)
    return Outcome("json")


def _unfenced(text: str) -> str:
    """What stands between the fences that a text begins and ends with; the text, where it does not."""
    if len(text) < 2 * len(_FENCE) or not (text.startswith(_FENCE) and text.endswith(_FENCE)):
        return text
    body = text[len(_FENCE) : -len(_FENCE)]
    language = _LANGUAGE.match(body)
    return body[language.end() if language else 0 :].strip()


def _nearly(want: Want, text: str) -> bool:
    """Whether all keys shown are there and the object is closed: but for a comma or an escape it is JSON."""
    closed = text.rstrip("` \n").endswith("}")
    return bool(want.words) and closed and all(f'"{key}"' in text for key in want.words)


def _csv(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    rows = [line for line in answer.bare.split("\n") if line.strip() and not line.startswith("```")]
    parted = sum(1 for row in rows if any(sign in row for sign in ",;\t"))
    return Outcome("csv", 0.0 if parted and parted * 2 >= len(rows) else 0.8)


def _table(want: Want, answer: Answer) -> Outcome:
    there = len(_ROW.findall(answer.head)) > 1 or "<table" in answer.folded or answer.text.count("\t") > 2  # noqa: PLR2004 - two rows
    if want.high == 0:
        return Outcome("no_table", 0.8 if there else 0.0, final=there)
    return Outcome("table", 0.0 if there else 0.85)


def _xml(want: Want, answer: Answer) -> Outcome:
    name = "html" if want.words == ("html",) else "xml"
    return Outcome(name, 0.0 if _TAG.search(answer.head) else 0.85)


def _yaml(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    return Outcome("yaml", 0.0 if _YAML.search(answer.head) else 0.8)


def _code(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    return Outcome("code_block", 0.0 if "```" in answer.text or "\n    " in answer.text else 0.8)


def _plain(want: Want, answer: Answer) -> Outcome:  # noqa: ARG001 - as above
    found = _MARKUP.search(answer.head) is not None
    return Outcome("plain_text", 0.8 if found else 0.0, final=found)


def _language(want: Want, answer: Answer) -> Outcome | None:
    if answer.partial:
        return None
    spoken = speaks(answer.text, want.words[0])
    return None if spoken is None else Outcome("language", 0.0 if spoken else 0.88)


def _one_of(want: Want, answer: Answer) -> Outcome | None:
    if answer.partial:
        return None
    said = answer.folded.strip(" \t\n\"'`*_.!")
    options = [option.casefold().strip(" \"'`*_.!") for option in want.words]
    if said in options:
        return Outcome("one_of")
    if want.how == "begins":
        head = said.lstrip("\"'`*_( ")
        return Outcome(
            "one_of", 0.0 if head.startswith(tuple(options)) or any(o in said for o in options) else 0.85
        )
    held = any(option and option in said for option in options)
    if want.how == "only":
        return Outcome(
            "one_of",
            0.88 if not held else 0.75 if len(said) > 2 * max(map(len, options)) + _LONGEST_WORD else 0.3,
        )
    return Outcome("one_of", 0.0 if held else 0.88)


def _choice(want: Want, answer: Answer) -> Outcome | None:  # noqa: ARG001 - as above
    if answer.partial:
        return None
    if len(answer.bare) <= 8 and _LETTER.match(answer.bare):  # noqa: PLR2004 - "**(B)**."
        return Outcome("choice")
    return Outcome("choice", 0.8 if len(answer.bare) > _LONGEST_WORD else 0.4)


def _number(want: Want, answer: Answer) -> Outcome | None:  # noqa: ARG001 - as above
    if answer.partial:
        return None
    words = len(answer.bare.split())
    if _DIGIT.search(answer.bare) is None:
        return Outcome("number_only", 0.4 if words <= _IN_WORDS else 0.85)
    bare = _NUMBER.match(answer.bare) is not None
    return Outcome("number_only", 0.0 if bare else 0.75 if words > _WITH_UNIT else 0.35)


CHECKS = {
    Kind.UPPER: _upper,
    Kind.LOWER: _lower,
    Kind.MARKS: _marks,
    Kind.QUOTED: _quoted,
    Kind.TITLE: _title,
    Kind.POSTSCRIPT: _postscript,
    Kind.JSON: _json,
    Kind.CSV: _csv,
    Kind.TABLE: _table,
    Kind.XML: _xml,
    Kind.YAML: _yaml,
    Kind.CODE: _code,
    Kind.PLAIN: _plain,
    Kind.LANGUAGE: _language,
    Kind.ONE_OF: _one_of,
    Kind.CHOICE: _choice,
    Kind.NUMBER: _number,
}
