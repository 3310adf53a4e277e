"""What a cascade does next: try a stronger tier, serve an answer, or give up. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.gate import Judgement


class Because(str, enum.Enum):
    """Why an answer is served, or a rejected one kept; the closed list behind ``kept:…`` labels."""

    ACCEPTED = "accepted"
    LIMIT = "limit"
    TOP = "top"
    CAP = "cap"
    PERMISSION = "permission"
    REQUIREMENT = "requirement"
    DEADLINE = "deadline"
    BUDGET = "budget"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as far as it matters for the next: its rank, and what the gates made of it.

    Attributes:
        rank: The tier that was asked.
        judgement: The gates' word; None where there is no answer to serve, since the attempt failed.
    """

    rank: int
    judgement: Judgement | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far one request may climb.

    Attributes:
        top: The rank of the dearest tier.
        cap: The highest rank that rules, the client's wish and the budget leave open.
        max_escalations: How many stronger tiers may be tried.
        unable: Ranks that cannot serve the request, with what they lack.
        forbidden: Ranks that the caller may not use, with why.
    """

    top: int
    cap: int
    max_escalations: int = 1
    unable: Mapping[int, str] = field(default_factory=dict)
    forbidden: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Try:
    """Ask the tier of this rank."""

    rank: int


@dataclass(frozen=True, slots=True)
class Serve:
    """Serve the answer of the attempt with this index."""

    index: int
    because: Because


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no answer: the first attempt's error stands."""


def next_action(
    tried: Sequence[Tried], bounds: Bounds, *, late: bool = False, stopped: Because | None = None
) -> Try | Serve | GiveUp:
    """What to do after these attempts, the latest last; it climbs at every try, so it ends.

    Args:
        tried: The attempts so far, one at least.
        bounds: How far this request may climb.
        late: Whether the deadline has passed.
        stopped: Why no further attempt may be made, where the ledger has said so.
    """
    last = tried[-1]
    if last.judgement is not None and last.judgement.accepted:
        return Serve(len(tried) - 1, Because.ACCEPTED)
    found = stopped or _target(tried, bounds, late=late)
    if isinstance(found, int):
        return Try(found)
    index = best(tried)
    return GiveUp() if index is None else Serve(index, found)


def _target(tried: Sequence[Tried], bounds: Bounds, *, late: bool) -> int | Because:
    """The next rank to try, or why there is none."""
    # Failures do not climb: the rank that counts is the highest that was asked.
    rank = max(t.rank for t in tried)
    if rank >= bounds.top:
        return Because.TOP
    if len(tried) > bounds.max_escalations:
        return Because.LIMIT
    if rank >= bounds.cap:
        return Because.CAP
    above = range(rank + 1, bounds.cap + 1)
    able = [r for r in above if r not in bounds.unable]
    if not able:
        return Because.REQUIREMENT
    open_to = [r for r in able if r not in bounds.forbidden]
    if not open_to:
        return Because.PERMISSION
    return Because.DEADLINE if late else open_to[0]


def best(tried: Sequence[Tried]) -> int | None:
    """The index of the best answer there is: the least likely to be bad, of equals the stronger tier's."""
    found = [(t.judgement.p_bad, -i) for i, t in enumerate(tried) if t.judgement is not None]
    return -min(found)[1] if found else None
