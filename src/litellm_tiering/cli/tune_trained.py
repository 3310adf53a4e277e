"""Models that were trained on the very outcomes that are to be tuned on: what is done about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.cli.common import note
from litellm_tiering.cli.settings import optional
from litellm_tiering.config.build_chain import deciding
from litellm_tiering.config.build_gates import judging
from litellm_tiering.config.load import load
from litellm_tiering.config.schema_classifiers import LearnedClassifier
from litellm_tiering.config.schema_gates import AcceptableGate, CascadeSection
from litellm_tiering.errors import TieringError
from litellm_tiering.evals.provenance import trained_on
from litellm_tiering.weights import read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from litellm_tiering.config.build import Settings
    from litellm_tiering.evals.tune_relearn import Relearning


def relearning_of(options: argparse.Namespace, settings: Settings) -> Relearning | None:
    """Who scores the questions anew, where a learned classifier was trained on this very file; else None."""
    listed = deciding(settings.config.classifiers)
    path = next((c.path for c in listed if isinstance(c, LearnedClassifier)), None)
    if path is None:
        return None
    from litellm_tiering.classifiers.learned_model import RouterModel  # noqa: PLC0415 - only where there is one
    from litellm_tiering.evals.tune_relearn import Relearning  # noqa: PLC0415 - numpy

    model = RouterModel.load(_base(options) / Path(path).expanduser())
    if not trained_on(model.header, options.outcomes):
        return None
    note(
        "the learned classifier was trained on this very file: its questions are scored anew, each by what "
        "is learned of the others"
    )
    return Relearning(model, settings)


def trained_gates(options: argparse.Namespace, settings: Settings) -> Iterator[str]:
    """What to say of gates that may have been trained on this file, or were."""
    section = settings.config.cascade
    gates = judging(section.gates) or () if isinstance(section, CascadeSection) else ()
    for path in (g.path for g in gates if isinstance(g, AcceptableGate) and g.path):
        try:
            header = read(_base(options) / Path(path).expanduser(), "gate").header
        except TieringError:  # pragma: no cover - it was read a moment ago, when the gates were built
            continue
        if trained_on(header, options.outcomes):
            yield (
                f"the gate in {path} was trained on this very file: it knows these answers, and the "
                "promise is worth little; train it on what `tune --holdout 0.5 --rest FILE` writes, and tune "
                "with the same --holdout"
            )


def _base(options: argparse.Namespace) -> Path:
    """The directory that relative paths of the configuration are meant from."""
    where = optional(options.config)
    return Path() if where is None else load(where.path, where.env).base
