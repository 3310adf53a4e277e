"""What every ledger agrees on: when a hold lapses, what is remembered for how long, and what is refused.

A hold is not stored by itself. Its amount is added to a *bucket* of its counter, named after the instant at
which all that is in it lapses. So nothing is kept per request, reading a counter looks at no more than
``ttl_s / 60 + 1`` buckets, and a lapsed one is simply no longer counted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_tiering.ports import Answer, Reservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.budget import Balance, Choice
    from litellm_tiering.ports import Hold

BUCKET_S = 60
"""How wide a bucket is: a hold lapses up to this many seconds later than asked, never earlier."""

ENDED_TTL_S = 86_400
"""For how many seconds a settled or released attempt is remembered, so that it is not ended twice."""

ACTIVE_MAX = 5_000
"""How many counters ``active`` tells of at most; those that may be forgotten last win."""

MAX_NANO_USD = 2**53 - 1
"""The largest single amount, about 9 million dollars: Lua compares numbers exactly up to here."""


def lapses_at(now_s: float, ttl_s: int) -> int:
    """When a hold of ``ttl_s`` seconds taken at ``now_s`` lapses: its bucket's end, in whole seconds."""
    return math.ceil((now_s + ttl_s) / BUCKET_S) * BUCKET_S


def check_hold(hold: Hold) -> None:
    """Refuse what no store could count, before anything is touched.

    Raises:
        ValueError: there is no option, an amount is out of range, or a limit does not name every option.
    """
    if not hold.amounts:
        raise ValueError("a hold needs at least one option")
    for amount in hold.amounts:
        check_amount(amount)
    for limit in hold.limits:
        if len(limit.below) != len(hold.amounts):
            raise ValueError(f"{limit.key}: {len(limit.below)} thresholds for {len(hold.amounts)} options")


def check_amount(amount: int) -> None:
    """Refuse an amount, in nano-dollars, that is negative or larger than can be compared exactly.

    Raises:
        ValueError: it is.
    """
    if not 0 <= amount <= MAX_NANO_USD:
        raise ValueError(f"not an amount a ledger can count: {amount!r} nano-dollars")


def answer(hold: Hold, choice: Choice, balances: Sequence[Balance]) -> Answer:
    """The answer to ``hold``, with the reservation that an admitted option leads to."""
    if choice.option is None:
        return Answer(choice, tuple(balances), None)
    counters = unique([limit.key for limit in hold.limits], [limit.expires_s for limit in hold.limits])
    reservation = Reservation(
        attempt=hold.attempt,
        keys=tuple(counters),
        expires_s=tuple(counters.values()),
        amount=hold.amounts[choice.option],
        lapses_s=lapses_at(hold.now_s, hold.ttl_s),
    )
    return Answer(choice, tuple(balances), reservation)


def unique(keys: Sequence[str], expires_s: Sequence[int]) -> dict[str, int]:
    """Each counter once, with its expiry: two budgets may share a counter, and money is spent once."""
    counters: dict[str, int] = {}
    for key, expiry_s in zip(keys, expires_s, strict=True):
        counters.setdefault(key, expiry_s)
    return counters
