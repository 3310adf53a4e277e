"""Ledgers, where money is counted: in memory, in a SQLite file, or in Redis for several hosts."""

from __future__ import annotations

from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.open import open_ledger, open_segments

__all__ = ["MemoryLedger", "open_ledger", "open_segments"]
