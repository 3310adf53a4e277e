# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""Cheap numbers of a question: what it asks against what it asks it of, code, maths, numbers, constraints."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_TEXT_CHARS = 8_000
"""At most so many characters of a question or a system prompt are analysed: its head and its tail."""

_HEAD_CHARS = 5_000
_MAX_LINES = 160
_DOCUMENT_WORDS = 120
_INSTRUCTION_WORDS = 80
_EDGE_CHARS = 300
_UNSPACED = 12
"""Characters between two spaces from which a text is taken for one of a script without them."""

_DIGITS = bytes(b if chr(b) in "0123456789" else 0x20 for b in range(256))
_CODE_STARTS = frozenset(
    {
        "def",
        "class",
        "import",
        "return",
        "assert",
        "async",
        "await",
        "elif",
        "else:",
        "try:",
        "except",
        "function",
        "const",
        "let",
        "var",
        "public",
        "private",
        "static",
        "#include",
        "SELECT",
        "INSERT",
        "UPDATE",
        "CREATE",
        "FROM",
        "WHERE",
        "package",
        "func",
        "fn",
        "impl",
        "struct",
        "if(",
        "for(",
        "while(",
        "}",
        "};",
        "});",
        "{",
        "</div>",
        "Traceback",
        "raise",
        "print(",
    }
)
# Words that open prose as well: a line of code they open ends or goes on as prose does not.
_PROSE_TOO = frozenset(
    {
        "import", "return", "class", "public", "private", "static", "package", "let", "else:", "function",
        "CREATE", "UPDATE", "FROM", "WHERE", "SELECT", "INSERT", "assert", "await", "except", "raise",
    }
)  # fmt: skip
_CODE_ENDS = (";", "{", "}", "):", "()", ")", "else:", "try:")
_OPTIONS = ("A.", "B.", "C.", "D.", "E.", "F.", "A)", "B)", "C)", "D)", "E)", "(A)", "(B)", "(C)", "(D)")
_BULLETS = ("- ", "* ", "• ", "– ")
_CODE_SIGNS = b"{}();[]=<>_"
_MATHS = (b"\\frac", b"\\sqrt", b"\\int", b"\\sum", b"\\cdot", b"\\times", b"\\le", b"\\ge")
_MATHS_SYMBOLS = re.compile("[∫∑∏√≤≥≠≈∞∂∇∈∉⊂∀∃⇒→×÷±πθλ²³ℝℤℕ]")


class Shape(NamedTuple):
    """What the lines and signs of a text tell."""

    code: bool = False
    code_lines: int = 0
    list_items: int = 0
    options: int = 0
    maths: float = 0.0
    numbers: int = 0
    questions: int = 0


def clip(text: str) -> tuple[str, bool]:
    """``text`` stripped, or head and tail of one longer than MAX_TEXT_CHARS; and whether it was cut."""
    if len(text) <= MAX_TEXT_CHARS:
        return text.strip(), False
    tail = MAX_TEXT_CHARS - _HEAD_CHARS - 1
    return f"{text[:_HEAD_CHARS].lstrip()}\n{text[-tail:].rstrip()}", True


def read_shape(text: str) -> Shape:
    """The shape of a text of at most MAX_TEXT_CHARS characters."""
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        lines = lines[: _MAX_LINES // 2] + lines[-_MAX_LINES // 2 :]
    code_lines = items = options = 0
    if len(lines) > 1:
        for line in lines:
            bare = line.strip()
            if bare:
                indented = line[:4] == "    " or line[0] == "\t"
                code_lines += _is_code(bare, indented=indented)
                items += bare.startswith(_BULLETS) or (
                    bare[0].isdigit() and bare[1:3].strip()[:1] in {".", ")"}
                )
                options += bare.startswith(_OPTIONS)
    else:
        code_lines = _is_code(text, indented=False)
    raw = text.encode("utf-8", "replace")
    fenced = text.count("```") > 1
    digits = raw.translate(_DIGITS, b".,").split()
    return Shape(
        code=_has_code(raw, code_lines, fenced=fenced),
        code_lines=code_lines,
        list_items=items,
        options=options,
        maths=_maths_share(text, raw),
        numbers=len(digits),
        questions=_questions(text),
    )


def _questions(text: str) -> int:
    """Question marks at the end of something; a row of them, or one within code, is none or one."""
    count = text.count("? ") + text.count("?\n") + text.endswith("?")
    return count if text.isascii() else count + text.count("？") + text.count("؟")


def _is_code(line: str, *, indented: bool) -> bool:
    first, _, rest = line.partition(" ")
    if first in _CODE_STARTS:
        return (
            indented
            or first not in _PROSE_TOO
            or line.endswith(_CODE_ENDS)
            or "=" in rest
            or "(" in rest
            or "." in rest[:-1]
        )
    if line[-1] in ";{}":
        return True
    return line.endswith(("):", "();")) or (" = " in line and first.isidentifier() and rest[:1] in "=+-*|&")


def _has_code(raw: bytes, code_lines: int, *, fenced: bool) -> bool:
    if code_lines > 1 or (fenced and code_lines > 0):
        return True
    if b"SELECT " in raw and b" FROM " in raw:
        return True
    if raw.count(b"\\") > 2:  # noqa: PLR2004 - LaTeX has braces too
        return False
    signs = len(raw) - len(raw.translate(None, _CODE_SIGNS))
    # One line of code among few words: "fix `for i in range(10) print(i)`", "SELECT * FROM …".
    return signs >= 5 and signs / len(raw) > 0.05 and (b"(" in raw or b"{" in raw)  # noqa: PLR2004 - shares


def _maths_share(text: str, raw: bytes) -> float:
    """Signs of mathematics for every hundred characters."""
    signs = len(raw) - len(raw.translate(None, b"^="))
    if b"\\" in raw:
        signs += sum(raw.count(s) for s in _MATHS)
    if not text.isascii():
        signs += len(_MATHS_SYMBOLS.findall(text))
    return round(100.0 * signs / len(text), 2) if signs else 0.0


def split_instruction(text: str) -> tuple[str, str]:
    """What is asked, and the document it is asked of; no document where the two cannot be told apart.

    A document is a block between blank lines, fences, tags or quotes with far more words than all the rest;
    or the middle of one long block of which a short first or last line points at "the following text".
    """
    if len(text) < (5 if text.isascii() else 2) * _DOCUMENT_WORDS:
        return text, ""
    blocks: list[str] = []
    if "\n\n" in text or "```" in text or '"""' in text:
        blocks = [b for b in text.replace("```", "\n\n").replace('"""', "\n\n").split("\n\n") if b.strip()]
    if len(blocks) > 1:
        # Neighbouring blocks of a document belong together: the instruction is at the beginning or the end.
        first, last = blocks[0], blocks[-1]
        edges = [b for b in (first, last) if len(b) <= _EDGE_CHARS * 2 and _may_ask(b)]
        inner = text
        for edge in edges:
            inner = inner.replace(edge, "", 1)
        asked = "\n".join(edges)
        if edges and _words(asked) <= _INSTRUCTION_WORDS and _words(inner) >= _DOCUMENT_WORDS:
            return asked, inner
        return text, ""
    head, tail = _first_sentence(text), _last_sentence(text)
    body = text[len(head) : len(text) - len(tail)]
    if _words(body) < _DOCUMENT_WORDS:
        return text, ""
    return f"{head}\n{tail}", body


def _words(text: str) -> int:
    """The words of ``text``; of one without spaces, one for every two characters."""
    spaced = len(text.split())
    return spaced if text.isascii() or len(text) < _UNSPACED * spaced else len(text) // 2


def _may_ask(block: str) -> bool:
    """Whether a block may be an instruction: words, and no heading, markup or data."""
    return _words(block) > 2 and block.lstrip()[0] not in "#{[<|"  # noqa: PLR2004 - "Thank you." asks nothing


def _first_sentence(text: str) -> str:
    edge = text[:_EDGE_CHARS]
    ends = [at for mark in ("\n", ": ", ". ", "? ", "。", "？", "：") if (at := edge.find(mark)) > 0]
    return edge[: min(ends) + 1] if ends else ""


def _last_sentence(text: str) -> str:
    edge = text[-_EDGE_CHARS:].rstrip()
    starts = [edge.rfind(mark, 0, len(edge) - 1) for mark in ("\n", ". ", "? ", "! ", "。", "？")]
    at = max(starts)
    return text[len(text) - min(len(text), _EDGE_CHARS) + at + 1 :] if at >= 0 else ""
