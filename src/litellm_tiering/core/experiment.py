"""Experiments: callers who always get the dearest tier, and callers who are served by another policy. Pure.

The hold-out measures what routing saves, the arms which of several policies is the better one. What is drawn
is the *caller*, not the request: one whose answers get worse asks again, and one whose conversation moves
tier meets what the other tier wrote, so that requests of one caller do not stand for themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.core.features import Caller

BASE = "base"
"""What the rest of the callers follow, for whom no arm has a share: the policy itself."""

_HOLDOUT, _ENDS, _MIDDLE = b"tiering-holdout", b"tiering-arm", b"tiering-arm-2"
_WHOLE = 2**64
_PARTS = 10**9
"""Shares are compared in billionths: a half and a half are a whole, and so are three that sum up to one."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One policy of several that are compared.

    Attributes:
        name: What it is called in records.
        share: The share of callers that follow it, 0 to 1.
        gates: What its gates are known by: arms with the same word judge answers alike. Empty where answers
            are not judged.
    """

    name: str
    share: float
    gates: str = ""

    @property
    def parts(self) -> int:
        """Its share in billionths."""
        return round(self.share * _PARTS)


@dataclass(frozen=True, slots=True)
class Experiment:
    """Who is held out, and who follows which policy.

    Attributes:
        holdout: The share of callers, 0 to 1. Raised, it keeps those that were held out before.
        salt: Draws anew when it changes.
        arms: The policies that are compared; none for one policy for all.
        base: The policy of those callers that no arm has a share of, beside some arms.
    """

    holdout: float = 0.0
    salt: str = ""
    arms: tuple[Arm, ...] = ()
    base: Arm = Arm(BASE, 1.0)

    def holds(self, caller: Caller) -> bool:
        """Whether a caller is held out; one that nobody has authenticated never is."""
        if self.holdout <= 0.0:
            return False
        unit = unit_of(caller)
        return bool(unit) and self.place(unit) < self.holdout

    def arm(self, caller: Caller) -> str:
        """The arm that a caller is in for good, :data:`BASE` for that of the rest; empty outside all of them.

        Outside are callers that are held out, and those that nobody has authenticated: they cannot be told
        from one another.
        """
        unit = unit_of(caller)
        if not self.arms or not unit or self.holds(caller):
            return ""
        return self._drawn(unit)

    def _drawn(self, unit: str) -> str:
        """The first arm takes its share from below and the second from above.

        So either can be raised, and lowered, without moving anybody between the two. Further arms draw among
        the callers in between, in the same way.
        """
        left = _PARTS
        for person, at in ((_ENDS, 0), (_MIDDLE, 2)):
            low, high = (self.arms[i].parts if i < len(self.arms) else 0 for i in (at, at + 1))
            # In whole numbers: at the edges fractions would leave out a caller, or take one twice.
            place = self._lot(unit, person) * left
            if place < low * _WHOLE:
                return self.arms[at].name
            if place >= (left - high) * _WHOLE:
                return self.arms[at + 1].name
            left -= low + high
        return BASE

    def place(self, unit: str) -> float:
        """Where a caller lies in the hold-out's draw, 0 to below 1: the same on every worker and host."""
        return self._lot(unit, _HOLDOUT) / _WHOLE

    def _lot(self, unit: str, person: bytes) -> int:
        key = hashlib.sha256(self.salt.encode("utf-8", "surrogatepass")).digest()
        word = unit.encode("utf-8", "surrogatepass")
        drawn = hashlib.blake2b(word, digest_size=8, key=key, person=person)
        return int.from_bytes(drawn.digest(), "big")


NO_EXPERIMENT = Experiment()


def unit_of(caller: Caller) -> str:
    """Who is drawn: the key, else the user, else the team; empty where there is none of them.

    Only what LiteLLM's auth established: the end user is the client's word, and a client that may choose it
    could draw until it is held out.
    """
    found = (("key", caller.key), ("user", caller.user), ("team", caller.team))
    return next((f"{kind}:{id_}" for kind, id_ in found if id_), "")


def within(route: str, arm: str) -> str:
    """What a route is called in what is learned of its requests: another policy's are none of its own.

    Neither a route nor an arm has an ``@`` in its name.
    """
    return f"{route}@{arm}" if arm not in {"", BASE} else route


def arm_within(place: str) -> str:
    """The arm in what :func:`within` has said; empty for the base's."""
    return place.partition("@")[2]
