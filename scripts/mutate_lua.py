"""Which small faults can be planted in the ledger's Lua scripts; see mutate.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGES = (
    ("less-or-equal", r"<=", "<"),
    ("less", r"<(?!=)", "<="),
    ("greater-or-equal", r">=", ">"),
    ("greater", r">(?!=)", ">="),
    ("equal", r"==", "~="),
    ("unequal", r"~=", "=="),
    ("and", r"\band\b", "or"),
    ("or", r"\bor\b", "and"),
    ("not", r"\bnot ", ""),
    ("plus", r" \+ ", " - "),
    ("minus", r" - ", " + "),
    ("true", r"\btrue\b", "false"),
    ("false", r"\bfalse\b", "true"),
    ("max", r"\bmath\.max\b", "math.min"),
    ("min", r"\bmath\.min\b", "math.max"),
    ("number", r"(?<![\w.%])\d+\b(?!\.)", None),
    ("call-dropped", r"^\s*(?:redis\.call|drop|keep|note|outlive|forget|table\.\w+)\(.*\)[ \t]*$", ""),
)
"""What is changed into what; a number into the next one."""


def changes(source: str) -> Iterator[tuple[int, str, str]]:
    """Every change of a script: its line, what it is called, and the text after it."""
    lines = source.splitlines(keepends=True)
    for at, line in enumerate(lines):
        code = line.split("--")[0]
        for name, pattern, becomes in CHANGES:
            for found in re.finditer(pattern, code):
                new = str(int(found[0]) + 1) if becomes is None else becomes
                changed = line[: found.start()] + new + line[found.end() :]
                yield at + 1, name, "".join((*lines[:at], changed, *lines[at + 1 :]))
