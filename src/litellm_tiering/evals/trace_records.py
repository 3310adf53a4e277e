"""A trace out of decisions that were made: who asked when, for which tier, and at what cost. No prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.core.decision import Stage
from litellm_tiering.core.price import Usage
from litellm_tiering.evals.trace import DAY_S, MAX_ROWS, Arrival, BadRow, Trace
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.price import Price
    from litellm_tiering.records import Row

PROMPT_SHARE = 0.75
"""Which share of its tokens is taken to be a request's prompt, where only its cost is known."""

_BEFORE_MONEY = {
    s.value for s in Stage if s not in {Stage.BUDGET, Stage.AVAILABILITY, Stage.CASCADE, Stage.EXPERIMENT}
}
_SOME = 100_000


def trace_of(rows: Iterable[Row], ladder: Ladder, facts: Sequence[TierFacts], midnight_s: float) -> Trace:
    """The arrivals of a day's decisions.

    Each is classified as it was: for the tier that it had before money was asked about. It is given the
    tokens that its answer was billed for; of the prompt as many as would have cost the same without the
    provider's cache. Where only its cost is known, as many as cost that at the tier that gave it, three of
    the prompt to one of the answer; one that was refused, or whose cost nobody knows, as many as the others
    have on average.

    Args:
        rows: The decisions, in any order.
        ladder: The tiers that they name.
        facts: What those cost.
        midnight_s: The day's beginning, in seconds since the epoch; decisions of other days are left out.

    Raises:
        BadRow: there are more than :data:`litellm_tiering.evals.trace.MAX_ROWS` of them.
    """
    found: list[tuple[Row, tuple[int, int] | None]] = []
    for row in rows:
        if not midnight_s <= row.at < midnight_s + DAY_S:
            continue
        if len(found) >= MAX_ROWS:
            raise BadRow(f"there are more than {MAX_ROWS:,} decisions")
        found.append((row, _tokens(row.record, ladder, facts)))
    known = [tokens for _, tokens in found if tokens is not None]
    average = tuple(round(sum(n) / len(known)) for n in zip(*known, strict=True)) if known else (0, 0)
    arrivals = [_arrival(row, ladder, average if n is None else n, midnight_s) for row, n in found]
    return Trace(tuple(sorted(arrivals, key=lambda a: a.t_s)))


def _arrival(row: Row, ladder: Ladder, tokens: Sequence[int], midnight_s: float) -> Arrival:
    return Arrival(
        t_s=row.at - midnight_s,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
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


def _tokens(record: Mapping[str, Any], ladder: Ladder, facts: Sequence[TierFacts]) -> tuple[int, int] | None:
    """The tokens, prompt and answer, of the latest paid attempt; None where they cannot be told."""
    for attempt in reversed(_dicts(record.get("attempts"))):
        name, cost = attempt.get("tier"), attempt.get("cost_usd")
        rank = ladder.find(name) if isinstance(name, str) else None
        if rank is None:
            continue
        used = Usage.told(attempt)
        if used is not None:
            return _uncached(used, facts[rank].price), used.completion
        if not isinstance(cost, (int, float)) or not 0 < cost < _SOME:
            continue
        prompt = round(_SOME * PROMPT_SHARE)
        some = int(facts[rank].price.cost(prompt, _SOME - prompt))
        if some > 0:
            tokens = round(int(nano_usd(cost)) / some * _SOME)
            return round(tokens * PROMPT_SHARE), tokens - round(tokens * PROMPT_SHARE)
    return None


def _uncached(used: Usage, price: Price) -> int:
    """As many prompt tokens as would have cost the same without the provider's cache."""
    plain = int(price.bill(Usage(used.prompt, used.completion)))
    kept = Usage(used.prompt, used.completion, used.cached, used.written, used.written_long)
    prompt = int(price.bill(Usage(used.prompt)))
    if prompt <= 0:
        return used.prompt
    return max(0, round(used.prompt * (1 + (int(price.bill(kept)) - plain) / prompt)))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
