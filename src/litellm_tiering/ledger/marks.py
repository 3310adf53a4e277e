"""Marks in Redis: which attempts were ended, in some 8 to 14 bytes each.

A mark is a number made from the attempt's id, in a set of such numbers. Redis packs a set of whole numbers
tightly while it is small, so a set is full at 511 of them (4,096 bytes), and marks are spread over sets by
the instant at which the hold lapses, in steps of ten minutes, and by further bits of the id. How many sets
are right depends on the traffic: a set that is nearly empty costs more than its marks. So there are three
levels of sets, and a mark goes to the first level at which its set is not full:

======  =========  =====================================================================
level   sets       holds the marks of
======  =========  =====================================================================
1       16         up to 13 requests a second
2       512        up to 440 requests a second more
3       16,384     up to 13,900 requests a second more; beyond that the marks grow larger
======  =========  =====================================================================

The reservation alone says which sets these are, so whoever settles it, and whenever, finds the same ones. A
new mark is compared with 1,500 others at most, so that its 63 bits are taken is a matter of one in 10**15.
"""

from __future__ import annotations

import hashlib
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from litellm_tiering.ports import Reservation

MARK = "ltt:{t}:a:"
SPAN_S = 600
LEVELS = (16, 512, 16_384)
_FIRST = (0, *accumulate(LEVELS[:-1]))
FULL = 511


class Marks(NamedTuple):
    """Where an attempt's mark is kept.

    Attributes:
        keys: The sets it may be in; those of ``LEVELS`` first, where it is put.
        number: The mark.
        ends_s: When the last hold of these sets lapses.
    """

    keys: list[str]
    number: int
    ends_s: int


def marks(reservation: Reservation) -> Marks:
    """Where the mark of the reservation's attempt is kept.

    A cost that was never held carries the instant at which it was heard of, and the same news may come twice,
    on both sides of a step: for it, the sets of the neighbouring steps are looked at as well.
    """
    digest = hashlib.blake2b(reservation.attempt.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    number = int.from_bytes(digest[:8], "big") >> 1
    bits = int.from_bytes(digest[8:], "big")
    shards = [first + bits % sets for first, sets in zip(_FIRST, LEVELS, strict=True)]
    step = reservation.lapses_s // SPAN_S
    steps = (step,) if reservation.amount else (step, step - 1, step + 1)
    keys = [f"{MARK}{s}:{shard}" for s in steps for shard in shards]
    return Marks(keys, number, (step + 1) * SPAN_S)
