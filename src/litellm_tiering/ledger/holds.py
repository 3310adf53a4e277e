"""What every ledger agrees on: when a hold lapses, what is remembered for how long, and what is refused.

A hold is not stored by itself. Its amount is added to a *bucket* of its counter, named after the instant at
which all that is in it lapses. So nothing is kept per request, reading a counter looks at no more than
``ttl_s / 60 + 1`` buckets, and a lapsed one is simply no longer counted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Scope
from litellm_tiering.ports import Answer, Reservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.budget import Balance, Choice
    from litellm_tiering.core.thread import Higher
    from litellm_tiering.ports import Hold

BUCKET_S = 60
"""How wide a bucket is: a hold lapses up to this many seconds later than asked, never earlier."""

ENDED_TTL_S = 86_400
"""For how many seconds a settled or released attempt is remembered, so that it is not ended twice."""

ACTIVE_MAX = 5_000
"""How many counters ``active`` tells of at most; those that may be forgotten last win."""

CLIENTS_OWN = tuple(f"{scope.value}|" for scope in (Scope.END_USER, Scope.TAG))
"""How the keys of counters begin whose ids clients choose: ``active`` tells of them after all others, so that
nobody hides a budget by making up ids."""

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
    every: tuple[Hold | Higher, ...] = (hold, *hold.higher)
    for asked in every:
        if not asked.amounts:
            raise ValueError("a hold needs at least one option")
        for amount in asked.amounts:
            check_amount(amount)
        for limit in asked.limits:
            if len(limit.below) != len(asked.amounts):
                count = len(asked.amounts)
                raise ValueError(f"{limit.key}: {len(limit.below)} thresholds for {count} options")
    if not hold.higher:
        return
    keys = [limit.key for limit in hold.limits]
    if hold.thread is None or any([limit.key for limit in other.limits] != keys for other in hold.higher):
        raise ValueError("what is asked instead goes with a conversation, and falls under the same counters")


def check_amount(amount: int) -> None:
    """Refuse an amount, in nano-dollars, that is negative or larger than can be compared exactly.

    Raises:
        ValueError: it is.
    """
    if not 0 <= amount <= MAX_NANO_USD:
        raise ValueError(f"not an amount a ledger can count: {amount!r} nano-dollars")


def asked_at(hold: Hold, kept: int) -> Hold:
    """What ``hold`` asks where its conversation has reached the rank ``kept``."""
    found = next((other for other in reversed(hold.higher) if other.rank <= kept), None)
    if found is None or hold.thread is None:
        return hold
    thread = replace(hold.thread, rank=found.keeps)
    return replace(
        hold, limits=found.limits, amounts=found.amounts, floor=found.floor, thread=thread, higher=()
    )


def answer(hold: Hold, choice: Choice, balances: Sequence[Balance], kept: int = 0) -> Answer:
    """The answer to ``hold``, as it is asked at ``kept``, with the reservation of the admitted option."""
    if choice.option is None:
        return Answer(choice, tuple(balances), None, kept)
    counters = unique([limit.key for limit in hold.limits], [limit.expires_s for limit in hold.limits])
    reservation = Reservation(
        attempt=hold.attempt,
        keys=tuple(counters),
        expires_s=tuple(counters.values()),
        amount=hold.amounts[choice.option],
        lapses_s=lapses_at(hold.now_s, hold.ttl_s),
    )
    return Answer(choice, tuple(balances), reservation, kept)


def unique(keys: Sequence[str], expires_s: Sequence[int]) -> dict[str, int]:
    """Each counter once, with its expiry: two budgets may share a counter, and money is spent once."""
    counters: dict[str, int] = {}
    for key, expiry_s in zip(keys, expires_s, strict=True):
        counters.setdefault(key, expiry_s)
    return counters
