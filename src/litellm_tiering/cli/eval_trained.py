"""Models that were trained on the very outcomes by which they are evaluated: their figures flatter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.cli.settings import optional
from litellm_tiering.config.fingerprint import models_of
from litellm_tiering.config.load import load
from litellm_tiering.errors import TieringError
from litellm_tiering.evals.provenance import digest_of, digests_in
from litellm_tiering.files import STDIN
from litellm_tiering.weights import read

if TYPE_CHECKING:
    from collections.abc import Iterator


def flattered(config: str | None, outcomes: str, *, gates: bool) -> Iterator[str]:
    """What to say of each model of a configuration that was trained on this very file.

    Args:
        config: The configuration's file; None for the one that is found, or none.
        outcomes: The outcome file.
        gates: Whether gates are evaluated.

    Raises:
        ConfigError: the configuration is wrong.
    """
    where = optional(config)
    if where is None or outcomes == STDIN:
        return
    loaded = load(where.path, where.env)
    digest: str | None = None
    for kind, path in models_of(loaded.config, gates=gates):
        sources = _sources(loaded.base / Path(path).expanduser(), kind)
        if sources:
            digest = digest or digest_of(outcomes)
        if digest in sources:
            yield f"{path} was trained on this very file: it knows these answers, and its figures flatter"


def _sources(path: Path, kind: str) -> frozenset[str]:
    """The checksums of the files that a model says it was trained on."""
    try:
        return digests_in(read(path, kind).header)
    except TieringError:
        return frozenset()  # it was read a moment ago, when the configuration was built
