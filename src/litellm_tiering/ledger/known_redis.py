"""What the counters in Redis say, read by one process at a time for the day on which Redis comes back empty.

==============================  ==========================================================================
``ltt:{t}:known``               whose turn it is to read: there while it is somebody's
==============================  ==========================================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from litellm_tiering.ledger.batch import Script, text
from litellm_tiering.ports import Known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TURN = "ltt:{t}:known"
TURN_S = 4
"""So long nobody else reads, however many hosts there are: each asks every five seconds."""

PAGE = 100
"""How many counters are read at a time, at some 4 microseconds each: for so long others wait for Redis."""

KNOWN = Script.of("known.lua")


async def read_known(
    run: Callable[..., Awaitable[list[Any]]], index: str, identity: str, counter: str, now_s: float
) -> tuple[str, dict[str, Known]]:
    """Which store this is, and what it says of every live counter.

    Nothing is said of any where it is another process's turn, or where the store was emptied meanwhile.

    Args:
        run: Runs a script, as ``RedisLedger.run`` does.
        index: The key of the index of counters.
        identity: The key of the store's identity.
        counter: What a counter's key begins with.
        now_s: Seconds since the epoch.
    """
    found: dict[str, Known] = {}
    which, looked_at, so_many = "", 0, PAGE
    while so_many == PAGE:
        args = [math.floor(now_s), looked_at, PAGE, TURN_S * 1000]
        said, *page = await run(KNOWN, [index, identity, TURN], args, patient=True)
        if looked_at and text(said) != which:
            return text(said), {}
        which, so_many = text(said), int(page[0]) if page else 0
        looked_at += so_many
        for key, spent, expires_s in zip(page[1::3], page[2::3], page[3::3], strict=True):
            found[text(key).removeprefix(counter)] = Known(int(spent), int(expires_s))
    return which, found
