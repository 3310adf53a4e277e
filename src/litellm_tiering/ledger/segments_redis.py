"""Segments in the Redis of the ledger, for several processes and hosts.

``push`` and ``turn_over`` are one Lua script and one round trip; ``segments`` is one for every 1,000.

==============================  ==========================================================================
``ltt:{t}:s:<segment>``         a segment, a hash (see ``segment.lua``); gone a day after it was touched
``ltt:{t}:segments``            the index of live segments, a sorted set of at most 5,000
==============================  ==========================================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.adaptive import WINDOW
from litellm_tiering.ledger.redis import PAGE, script
from litellm_tiering.ledger.segments import FORGET_S, SEGMENTS_MAX
from litellm_tiering.ports import Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.ledger.redis import RedisLedger

SEGMENT = "ltt:{t}:s:"
INDEX = "ltt:{t}:segments"

PUSH, TURN_OVER = script("segment.lua", "segment_push.lua"), script("segment.lua", "segment_turn.lua")
LIST = script("segment.lua", "segment_list.lua")


class RedisSegments:
    """Segments over the connection of a Redis ledger, in its pipelines.

    Raises StoreUnavailable as the ledger does. When a connection breaks after a script was sent, the script
    is sent once more: an answer may then stand twice in a window, a turn begins once.

    Args:
        ledger: Whose Redis it is; closing it ends this too.
    """

    def __init__(self, ledger: RedisLedger) -> None:
        self._ledger = ledger

    async def push(self, key: str, *, rejected: bool, turn: int, now_s: float) -> Segment:
        """Add one judged answer of the turn ``turn`` and return the segment as it now stands."""
        args = [math.floor(now_s), FORGET_S, SEGMENTS_MAX, turn, int(rejected), WINDOW]
        return _segment(await self._ledger.run(PUSH, [INDEX, SEGMENT + key], args, patient=True))

    async def turn_over(self, key: str, *, turn: int, bypassed: bool, now_s: float) -> Segment:
        """Begin the turn after ``turn`` with an empty window; where another worker already has, nothing."""
        args = [math.floor(now_s), FORGET_S, SEGMENTS_MAX, turn, int(bypassed)]
        return _segment(await self._ledger.run(TURN_OVER, [INDEX, SEGMENT + key], args))

    async def segments(self, now_s: float) -> Mapping[str, Segment]:
        """Every live segment, the one touched last at the end."""
        found: dict[str, Segment] = {}
        start, looked_at = 0, PAGE
        # One that is touched meanwhile moves to a page that was read: it is missing until the next time.
        while looked_at == PAGE:
            args = [math.floor(now_s), start, PAGE]
            looked_at, *flat = await self._ledger.run(LIST, [INDEX], args, patient=True)
            start += looked_at
            for at in range(0, len(flat), 4):
                found[_text(flat[at]).removeprefix(SEGMENT)] = _segment(flat[at + 1 : at + 4])
        return dict(reversed(found.items()))


def _segment(reply: Sequence[Any]) -> Segment:
    turn, bypassed, window = reply
    return Segment(int(turn), bool(int(bypassed)), _text(window))


def _text(reply: Any) -> str:  # noqa: ANN401 - the caller's client may decode or not
    return reply if isinstance(reply, str) else str(reply, "utf-8")
