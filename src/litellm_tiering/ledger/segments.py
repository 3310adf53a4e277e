"""What every store of segments agrees on: what is kept, for how long, and what changes a segment."""

from __future__ import annotations

from litellm_tiering.core.adaptive import WINDOW
from litellm_tiering.ports import Segment

FORGET_S = 86_400
"""After how many seconds without an answer or a turn of its own a segment is forgotten."""

SEGMENTS_MAX = 5_000
"""How many segments a store keeps at most; the one untouched for longest makes room for a new one."""


def pushed(segment: Segment, *, rejected: bool, turn: int) -> Segment | None:
    """``segment`` with one more judged answer, of the turn ``turn``; None when that turn is not this one."""
    if segment.turn != turn:
        return None
    return Segment(turn, segment.bypassed, (segment.window + "01"[rejected])[-WINDOW:])


def turned(segment: Segment, *, turn: int, bypassed: bool) -> Segment | None:
    """The segment in the turn after ``turn``; None when that turn is over already, or has not begun."""
    return Segment(turn + 1, bypassed) if segment.turn == turn else None
