"""Complexity routing, answer cascades and exact daily budgets for the LiteLLM proxy."""

from __future__ import annotations

__version__ = "0.1.0"
