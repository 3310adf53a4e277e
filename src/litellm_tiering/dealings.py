"""What passes between the engine and a ledger: holds, settlements, and what is known of a counter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.core.budget import Balance, Choice, Limit
    from litellm_tiering.core.thread import Higher, Thread


@dataclass(frozen=True, slots=True)
class Hold:
    """What is asked of the ledger for one attempt.

    Attributes:
        attempt: The attempt's id, unique for all time; settling is idempotent by it.
        limits: The counters it falls under, in order.
        amounts: What each option would cost at most, in nano-dollars, dearest first.
        floor: Whether the last option is the cheapest tier, which a ceiling that does not block lets pass.
        now_s: The time of asking, in seconds since the epoch.
        ttl_s: After how long the hold lapses when nobody settles it.
        thread: The conversation it belongs to; None for none.
        higher: What is asked instead where that has reached a higher rank, by rising rank.
    """

    attempt: str
    limits: tuple[Limit, ...]
    amounts: tuple[int, ...]
    floor: bool
    now_s: float
    ttl_s: int
    thread: Thread | None = None
    higher: tuple[Higher, ...] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money held for one attempt. It carries all that settling needs, so any process can settle it.

    Attributes:
        attempt: The attempt's id.
        keys: The counters it is held under.
        expires_s: For each key, when the counter may be forgotten.
        amount: What is held, in nano-dollars.
        lapses_s: When the hold lapses by itself, in seconds since the epoch; a whole number.
    """

    attempt: str
    keys: tuple[str, ...]
    expires_s: tuple[int, ...]
    amount: int
    lapses_s: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The ledger's answer to a :class:`Hold`.

    Attributes:
        choice: Which option was admitted, or that none was.
        balances: Each counter as it stood before, in the order asked.
        reservation: The hold; None when refused: a refusal consumes nothing.
        kept: The rank that the conversation had reached before, as far as the store knows; else 0.
    """

    choice: Choice
    balances: tuple[Balance, ...]
    reservation: Reservation | None
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """One row of a day's totals, or what is added to it: the base of every report.

    Attributes:
        day: The calendar day in the owner's timezone, such as ``2026-11-21``.
        hour: The hour of that day, 0 to 23: each hour's baseline is kept for pacing; -1 in a row read back.
        expires_s: When the day may be forgotten, in seconds since the epoch; 0 in a row read back.
        route: The route's name, empty for calls that were not planned.
        tier: The tier that was asked, empty for calls that were not planned.
        model: The model group that was asked.
        team: The caller's team.
        reason: Why it went there, bounded: a :class:`~litellm_tiering.core.decision.Reason`, a rule's name.
        requests: Requests served.
        refused: Requests refused.
        attempts: Paid calls upstream.
        cost: What they cost, in nano-dollars.
        baseline: What the dearest tier would have cost, in nano-dollars; what is added may be negative.
        waste: What attempts cost whose answer nobody got, in nano-dollars; what is added may be negative.
    """

    day: str
    hour: int
    expires_s: int
    route: str
    tier: str
    model: str
    team: str
    reason: str
    requests: int = 0
    refused: int = 0
    attempts: int = 0
    cost: int = 0
    baseline: int = 0
    waste: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a settlement.

    Attributes:
        counted: False when this attempt was ended before, and nothing was added.
        spent: What is spent of each of its counters now, in nano-dollars; 0 for one forgotten already.
        identity: Which store says so, as ``hello`` does; empty where it has none yet, or needs none.
    """

    counted: bool
    spent: tuple[int, ...] = ()
    identity: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a counter elsewhere than in its store.

    Attributes:
        spent: In nano-dollars.
        expires_s: When the counter may be forgotten, in seconds since the epoch.
    """

    spent: int
    expires_s: int
