"""A trace out of decisions that were made: who asked when, for which tier, and at what cost. No prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.core.decision import Stage
from litellm_tiering.evals.trace import DAY_S, MAX_ROWS, Arrival, BadRow, Trace
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.records import Row

PROMPT_SHARE = 0.75
"""Which share of its tokens is taken to be a request's prompt: a decision knows its cost, not its tokens."""

_BEFORE_MONEY = {
    s.value for s in Stage if s not in {Stage.BUDGET, Stage.AVAILABILITY, Stage.CASCADE, Stage.EXPERIMENT}
}
_SOME = 100_000


def trace_of(rows: Iterable[Row], ladder: Ladder, facts: Sequence[TierFacts], midnight_s: float) -> Trace:
    """The arrivals of a day's decisions.

    Each is classified as it was: for the tier that it had before money was asked about. It is given as many
    tokens as cost what its answer cost at the tier that gave it, three of the prompt to one of the answer;
    one that was refused, or whose cost nobody knows, as many as the others have on average.

    Args:
        rows: The decisions, in any order.
        ladder: The tiers that they name.
        facts: What those cost.
        midnight_s: The day's beginning, in seconds since the epoch; decisions of other days are left out.

    Raises:
        BadRow: there are more than :data:`litellm_tiering.evals.trace.MAX_ROWS` of them.
    """
    found: list[tuple[Row, int | None]] = []
    for row in rows:
        if not midnight_s <= row.at < midnight_s + DAY_S:
            continue
        if len(found) >= MAX_ROWS:
            raise BadRow(f"there are more than {MAX_ROWS:,} decisions")
        found.append((row, _tokens(row.record, ladder, facts)))
    known = [tokens for _, tokens in found if tokens is not None]
    average = round(sum(known) / len(known)) if known else 0
    arrivals = [_arrival(row, ladder, average if n is None else n, midnight_s) for row, n in found]
    return Trace(tuple(sorted(arrivals, key=lambda a: a.t_s)))


def _arrival(row: Row, ladder: Ladder, tokens: int, midnight_s: float) -> Arrival:
    prompt = round(tokens * PROMPT_SHARE)
    return Arrival(
        t_s=row.at - midnight_s,
        prompt_tokens=prompt,
        completion_tokens=tokens - prompt,
        tier=_wanted(row.record, ladder),
        team=row.team,
        key=row.key,
    )


def _wanted(record: Mapping[str, Any], ladder: Ladder) -> str:
    """The tier that a request had before budgets; empty where the record does not say."""
    steps = _dicts(record.get("steps"))
    shadow = bool(steps) and steps[0].get("reason") == "shadow"
    asked = [
        s.get("to")
        for s in (steps[1:] if shadow else steps)
        if s.get("stage") in _BEFORE_MONEY and (shadow or s.get("enforced") is True)
    ]
    name = asked[-1] if asked else None
    return name if isinstance(name, str) and ladder.find(name) is not None else ""


def _tokens(record: Mapping[str, Any], ladder: Ladder, facts: Sequence[TierFacts]) -> int | None:
    """How many tokens cost what the latest paid attempt cost; None where that cannot be told."""
    for attempt in reversed(_dicts(record.get("attempts"))):
        name, cost = attempt.get("tier"), attempt.get("cost_usd")
        rank = ladder.find(name) if isinstance(name, str) else None
        if rank is None or not isinstance(cost, (int, float)) or not 0 < cost < _SOME:
            continue
        prompt = round(_SOME * PROMPT_SHARE)
        some = int(facts[rank].price.cost(prompt, _SOME - prompt))
        if some > 0:
            return round(int(nano_usd(cost)) / some * _SOME)
    return None


def _dicts(value: object) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
