"""Whether something was opened in an answer and never closed: a code fence, a bracket, an environment."""

from __future__ import annotations

import re
from typing import NamedTuple

from litellm_tiering.core.gate import Exchange, Verdict

MAX_BLOCK_CHARS = 32_768
"""In a longer block of code, or longer JSON, brackets are not looked at: only how it ends."""

_BEFORE_A_FENCE = " \t>*+-0123456789.)"  # white space, quotes, bullets, the number of a list
_MAX_FENCES = 4_096
_ENVIRONMENT = re.compile(r"(?<!`)\\(begin|end)\{([A-Za-z]{1,20}\*?)\}")
_JSON = re.compile(r"\{\s{0,200}[\"}]|\[\s{0,200}[\[{\"\-\d\]]")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))
_ELISIONS = ("...", "\u2026")
_JSON_NAMES = frozenset({"json", "jsonc", "json5"})

# Strings, comments and escaped characters, which may hold any bracket. Every alternative's end is optional or
# bounded to its line and each loop is over one class, so nothing is scanned twice: linear.
_STRING = r'"(?:[^"\\\n]|\\.)*"?'
_CHAR = r"'(?:[^'\\\n]|\\.){1,4}'"
_QUOTED = r"'(?:[^'\\\n]|\\.)*'?"
_COMMENT = r"/\*[\s\S]*?(?:\*/|\Z)|//[^\n]*"
_PYTHON = rf'"""[\s\S]*?(?:"""|\Z)|\'\'\'[\s\S]*?(?:\'\'\'|\Z)|#[^\n]*|{_STRING}|{_QUOTED}|\\.'
_SCRIPT = rf"{_COMMENT}|{_STRING}|{_QUOTED}|`(?:[^`\\]|\\.)*`?|\\."
_CLIKE = rf"{_COMMENT}|{_STRING}|{_CHAR}|\\."
_SKIPPED = {
    name: re.compile(pattern, re.DOTALL)
    for names, pattern in (
        # Models put raw line breaks into JSON strings.
        ("json jsonc json5", rf'"(?:[^"\\]|\\.)*"?|{_COMMENT}'),
        ("python py python3", _PYTHON),
        ("javascript js jsx typescript ts tsx php", _SCRIPT),
        ("java c cpp c++ h hpp cs csharp go kotlin swift scala rust rs css", _CLIKE),
    )
    for name in names.split()
}


class UnbalancedGate:
    """Rejects an answer with a code fence, a bracket of code or JSON, or a LaTeX environment left open.

    Brackets count where they are code: in a fence with the name of a language known here, or where the whole
    answer is JSON. A smiley or "1)" in prose opens and closes nothing, code with "..." in it is a sketch, and
    a bracket too many that closes says that the scan misread the code, so nothing is said of it.
    """

    judges_prefix = False

    def __init__(self, *, name: str = "unbalanced") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``fence``, ``brackets`` or ``environment``."""
        text = exchange.answer
        fences = _fences(text) if "```" in text or "~~~" in text else _NO_FENCES
        if fences.open and text.count("```") % 2 + text.count("~~~") % 2:
            return Verdict.reject("fence")
        if (fences.block and _left_open(fences.block, fences.language)) or (
            not fences.block and _is_json(text) and _left_open(text, "json")
        ):
            return Verdict.reject("brackets")
        if "\\begin{" in text and _environment_open(text):
            return Verdict.reject("environment")
        return Verdict.accept()


class _Fences(NamedTuple):
    """What the fences of a text come to: whether one is open, and the last closed block and its language."""

    open: bool = False
    block: str = ""
    language: str = ""


_NO_FENCES = _Fences()


def _fences(text: str) -> _Fences:
    """Read the fences as CommonMark does: closed by one as long, of the same kind, with nothing after it."""
    mark = language = block = ""
    start = count = 0
    for line_start, at, end in sorted([*_lines_with("```", text), *_lines_with("~~~", text)]):
        line = text[at:end]
        info = line.lstrip(line[0])
        if text[line_start:at].strip(_BEFORE_A_FENCE) or (line[0] == "`" and "`" in info):
            continue  # code within a line
        fence, info = line[: len(line) - len(info)], info.strip()
        count += 1
        if not mark:
            mark, start = fence, end
            language = info.partition(" ")[0].lower()
        elif fence[0] == mark[0] and len(fence) >= len(mark) and not info:
            mark, block = "", text[start:line_start]
    # An even number of fences is the habit of nesting a block in a block of the same mark: nothing is cut.
    return _Fences(bool(mark) and count % 2 == 1, "" if mark else block, language)


def _lines_with(sign: str, text: str) -> list[tuple[int, int, int]]:
    """Each line with ``sign`` in it, of the first few thousand: its start, the sign, its end."""
    found: list[tuple[int, int, int]] = []
    at = text.find(sign)
    while at >= 0 and len(found) < _MAX_FENCES:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        found.append((text.rfind("\n", 0, at) + 1, at, end))
        at = text.find(sign, end)
    return found


def _is_json(text: str) -> bool:
    return _JSON.match(text.lstrip()[:300]) is not None


def _left_open(code: str, language: str) -> bool:
    """Whether ``code`` opens brackets that it does not close; what strings and comments hold is set aside."""
    surplus = [code.count(opens) - code.count(closes) for opens, closes in _PAIRS]
    if max(surplus) <= 0 or language not in _SKIPPED:
        return False
    if len(code) > MAX_BLOCK_CHARS:
        return language in _JSON_NAMES and code.rstrip()[-1:] not in {"}", "]"}
    if language not in _JSON_NAMES and any(sign in code for sign in _ELISIONS):
        return False
    bare = _SKIPPED[language].sub(" ", code)
    surplus = [bare.count(opens) - bare.count(closes) for opens, closes in _PAIRS]
    return max(surplus) > 0 and min(surplus) >= 0


def _environment_open(text: str) -> bool:
    """Whether the last LaTeX environment that was opened is still open."""
    opened: dict[str, int] = {}
    for kind, name in _ENVIRONMENT.findall(text):
        opened[name] = opened.get(name, 0) + (1 if kind == "begin" else -1)
    return max(opened.values(), default=0) > 0 and min(opened.values()) >= 0
