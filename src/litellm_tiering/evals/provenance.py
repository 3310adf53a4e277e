"""What a model was trained on: checksums of outcome files, written by training and read by evaluation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.files import STDIN

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = 1 << 20


def digest_of(name: str) -> str | None:
    """The SHA-256 of a file as it lies there, in hexadecimal; None for standard input and the unreadable."""
    if name == STDIN:
        return None  # it is gone by now
    digest = hashlib.sha256()
    try:
        with Path(name).open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()


def digests_in(header: Mapping[str, Any]) -> frozenset[str]:
    """The checksums of the files that a model's header names as its sources."""
    sources = header.get("sources")
    listed = sources if isinstance(sources, list) else []
    return frozenset(s["sha256"] for s in listed if isinstance(s, dict) and isinstance(s.get("sha256"), str))


def trained_on(header: Mapping[str, Any], outcomes: str) -> bool:
    """Whether a model's header names a file with the content of ``outcomes`` among its sources."""
    digests = digests_in(header)
    return bool(digests) and digest_of(outcomes) in digests
