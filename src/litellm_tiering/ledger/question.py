"""A hold as the arguments of ``reserve.lua``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_tiering.ledger.holds import lapses_at

if TYPE_CHECKING:
    from litellm_tiering.core.thread import Higher
    from litellm_tiering.ports import Hold


def told_hold(hold: Hold) -> list[int]:
    """The script's ARGV; its head says what stands where."""
    thread = hold.thread
    args: list[int] = [
        math.floor(hold.now_s),
        lapses_at(hold.now_s, hold.ttl_s),
        len(hold.limits),
        1 + len(hold.higher),
        0 if thread is None else thread.ttl_s,
        0,
        0 if thread is None else thread.rank,
    ]
    _table(args, hold)
    for other in hold.higher:
        args += (other.rank, other.keeps)
        _table(args, other)
    return args


def _table(args: list[int], asked: Hold | Higher) -> None:
    args += (int(asked.floor), len(asked.amounts), *asked.amounts)
    for limit in asked.limits:
        args += (limit.expires_s, limit.ceiling, int(limit.block), *limit.below)
