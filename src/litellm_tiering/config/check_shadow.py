"""What is risky about parts in shadow mode: they change nothing, and some of them cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.config.build_gates import every_gate, name_of, silent
from litellm_tiering.config.schema_classifiers import EmbeddingClassifier, LlmClassifier
from litellm_tiering.config.schema_gates import AgreementGate, CascadeSection
from litellm_tiering.config.words import Words
from litellm_tiering.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.schema import TieringSection

_FIX = "keep it for as long as you compare, then enforce or remove it."


def shadow_risks(section: TieringSection) -> Iterator[Problem]:
    """Models that are asked, and paid for, on behalf of what changes nothing."""
    words = Words()
    for i, one in enumerate(section.classifiers or ()):
        if one.mode == "shadow" and isinstance(one, (LlmClassifier, EmbeddingClassifier)) and one.model:
            yield Problem(
                f"tiering.classifiers[{i}].mode",
                f"is shadow, and {words.show(one.model)} is asked of every request that reaches it: that is "
                "paid for, and changes nothing",
                _FIX,
            )
    cascade = section.cascade
    if not isinstance(cascade, CascadeSection):
        return
    for i, gate in enumerate(cascade.gates or ()):
        asks = any(isinstance(one, AgreementGate) for _, one in every_gate((gate,)))
        if silent(gate) and asks:
            yield Problem(
                f"tiering.cascade.gates[{i}].mode",
                f"is shadow, and for {words.show(name_of(gate))} requests are asked twice: that is paid for, "
                "and rejects nothing",
                _FIX,
            )
