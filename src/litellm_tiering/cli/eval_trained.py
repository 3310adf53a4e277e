"""Models that were trained on the very outcomes by which they are evaluated: their figures flatter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.cli.inputs import STDIN
from litellm_tiering.cli.settings import optional
from litellm_tiering.config.build_gates import every_gate
from litellm_tiering.config.load import load
from litellm_tiering.config.schema_classifiers import EmbeddingClassifier, LearnedClassifier
from litellm_tiering.config.schema_gates import AcceptableGate, CascadeSection
from litellm_tiering.errors import TieringError
from litellm_tiering.evals.provenance import digest_of, digests_in
from litellm_tiering.weights import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.schema import TieringSection


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
    for kind, path in _models(loaded.config, gates=gates):
        sources = _sources(loaded.base / Path(path).expanduser(), kind)
        if sources:
            digest = digest or digest_of(outcomes)
        if digest in sources:
            yield f"{path} was trained on this very file: it knows these answers, and its figures flatter"


def _models(config: TieringSection, *, gates: bool) -> Iterator[tuple[str, str]]:
    """The kinds and the files of the models that a configuration names."""
    for one in config.classifiers or ():
        if isinstance(one, LearnedClassifier):
            yield "router", one.path
        elif isinstance(one, EmbeddingClassifier) and one.head:
            yield "head", one.head
    cascade = config.cascade
    if gates and isinstance(cascade, CascadeSection):
        for _, gate in every_gate(cascade.gates or ()):
            if isinstance(gate, AcceptableGate) and gate.path:
                yield "gate", gate.path


def _sources(path: Path, kind: str) -> frozenset[str]:
    """The checksums of the files that a model says it was trained on."""
    try:
        return digests_in(read(path, kind).header)
    except TieringError:
        return frozenset()  # it was read a moment ago, when the configuration was built
