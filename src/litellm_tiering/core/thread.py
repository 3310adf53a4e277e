"""A conversation as the ledger knows it, and what is asked where it stands higher than the asker knew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.core.budget import Limit


@dataclass(frozen=True, slots=True)
class Thread:
    """The conversation of a request, as the store knows it: by keys that hold no text.

    Attributes:
        reads: Under what an earlier turn left the rank it had reached; empty for a first turn.
        writes: Under what this turn leaves it for the next ones.
        rank: The least rank that is left there. Rank 0 is not kept: nothing can fall below it.
        ttl_s: For how long it is kept, in seconds; each turn begins anew.
    """

    reads: str
    writes: str
    rank: int
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Higher:
    """What is asked instead, where the store knows the conversation to have reached a higher rank.

    Attributes:
        rank: From which rank on.
        keeps: The least rank that is left for the next turns then.
        limits: As in the :class:`~litellm_tiering.ports.Hold`: the same counters in the same order.
        amounts: As in the hold.
        floor: As in the hold.
    """

    rank: int
    keeps: int
    limits: tuple[Limit, ...]
    amounts: tuple[int, ...]
    floor: bool
