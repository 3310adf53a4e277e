"""The hold-out: callers who always get the dearest tier, so that what routing saves can be measured. Pure.

What is drawn is the *caller*, not the request: one whose answers get worse asks again, and one whose
conversation moves tier meets what the other tier wrote, so that requests of one caller do not stand for
themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.core.features import Caller

_PERSON = b"tiering-holdout"
_WHOLE = 2**64


@dataclass(frozen=True, slots=True)
class Experiment:
    """Who is held out.

    Attributes:
        holdout: The share of callers, 0 to 1. Raised, it keeps those that were held out before.
        salt: Draws anew when it changes.
    """

    holdout: float = 0.0
    salt: str = ""

    def holds(self, caller: Caller) -> bool:
        """Whether a caller is held out; one that nobody has authenticated never is."""
        if self.holdout <= 0.0:
            return False
        unit = unit_of(caller)
        return bool(unit) and self.place(unit) < self.holdout

    def place(self, unit: str) -> float:
        """Where a caller lies in the draw, 0 to below 1: the same on every worker and host."""
        key = hashlib.sha256(self.salt.encode("utf-8", "surrogatepass")).digest()
        word = unit.encode("utf-8", "surrogatepass")
        drawn = hashlib.blake2b(word, digest_size=8, key=key, person=_PERSON)
        return int.from_bytes(drawn.digest(), "big") / _WHOLE


NO_EXPERIMENT = Experiment()


def unit_of(caller: Caller) -> str:
    """Who is drawn: the key, else the user, else the team; empty where there is none of them.

    Only what LiteLLM's auth established: the end user is the client's word, and a client that may choose it
    could draw until it is held out.
    """
    found = (("key", caller.key), ("user", caller.user), ("team", caller.team))
    return next((f"{kind}:{id_}" for kind, id_ in found if id_), "")
