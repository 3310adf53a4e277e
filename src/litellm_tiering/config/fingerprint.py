"""What names a policy in records: its settings, and the very models that it decides by."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from litellm_tiering.config.arms import KEYS, policies
from litellm_tiering.config.build_gates import every_gate
from litellm_tiering.config.schema_classifiers import EmbeddingClassifier, LearnedClassifier
from litellm_tiering.config.schema_gates import AcceptableGate, CascadeSection
from litellm_tiering.errors import TieringError
from litellm_tiering.weights import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from litellm_tiering.config.schema import TieringSection
    from litellm_tiering.config.schema_experiment import ArmSection


def models_of(config: TieringSection, *, gates: bool = True) -> Iterator[tuple[str, str]]:
    """The kind and the file, as it is written, of every trained model that a configuration names."""
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


def policy_hash(config: TieringSection, base: Path) -> str:
    """Twelve hexadecimal digits that name a policy: the same for the same policy, wherever it is written.

    Defaults are written out and addresses left out. A model counts by its content: one that is trained anew
    under the same name makes another policy.

    Args:
        config: The section.
        base: The directory that relative paths are meant from.
    """
    left_out: Mapping[str, Any] = {
        "store": {"url", "spool"},
        "events": True,
        "capture": {"path"},
        "experiment": {"arms"},
    }
    plain = config.model_dump(mode="json", by_alias=True, exclude=left_out)
    plain["models"] = _models(config, base)
    if config.experiment.arms:
        # What an arm comes to counts, and not what of that it writes itself.
        plain["arms"] = [_arm(arm, policy, base) for arm, policy in policies(config)]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _models(config: TieringSection, base: Path) -> list[str]:
    return [_digest(base, path, kind) for kind, path in models_of(config)]


def _arm(arm: ArmSection, policy: TieringSection, base: Path) -> list[object]:
    said = policy.model_dump(mode="json", by_alias=True, include=set(KEYS))
    return [arm.name, arm.share, said, _models(policy, base)]


def _digest(base: Path, path: str, kind: str) -> str:
    try:
        return read(base / path, kind).digest
    except TieringError:
        return ""  # whoever builds the model says what is wrong with it
