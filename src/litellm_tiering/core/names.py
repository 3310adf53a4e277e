"""Names that come from outside, made fit for a store's keys: short and printable, and still told apart."""

from __future__ import annotations

import hashlib

LONGEST = 64
"""How many characters a name may have before it is hashed."""


def safe_name(name: str, barred: str = "") -> str:
    """``name``, or a hash of it where it is overlong, unprintable or holds a character of ``barred``."""
    if len(name) > LONGEST or not name.isprintable() or any(char in name for char in barred):
        return hashed(name)
    return name


def hashed(name: str) -> str:
    """A name of 33 printable characters that stands for ``name``."""
    return "#" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
