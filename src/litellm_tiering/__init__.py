"""Complexity routing, answer cascades and exact daily budgets for the LiteLLM proxy."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.classifiers.callback import classifier
    from litellm_tiering.core.gate import Verdict
    from litellm_tiering.gates.target import gate

__all__ = ["TieredRouter", "Verdict", "__version__", "classifier", "gate"]

__version__ = "0.1.0"

# Fetched when they are asked for: whoever imports a part of this package need not pay for all of it, and
# TieredRouter brings LiteLLM, which takes seconds.
_WHERE = {
    "TieredRouter": "litellm_tiering.gateway.sdk",
    "Verdict": "litellm_tiering.core.gate",
    "classifier": "litellm_tiering.classifiers.callback",
    "gate": "litellm_tiering.gates.target",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
