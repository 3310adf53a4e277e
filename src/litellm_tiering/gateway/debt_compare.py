"""A served answer beside the better tier's: judged alike, and compared by the form that fits both."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.core.debt import Debt
from litellm_tiering.core.gate import Exchange
from litellm_tiering.gates.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.config.build import CascadeSettings
    from litellm_tiering.core.features import PromptText
    from litellm_tiering.core.gate import Demand, Judging, Said
    from litellm_tiering.core.ladder import Tier
    from litellm_tiering.journeys import Journey

LONGEST_CHARS = 200_000
"""A longer answer is not compared."""


async def compared(  # noqa: PLR0913, PLR0917 - two answers, and all that they are judged by
    journey: Journey,
    prompt: PromptText,
    demand: Demand,
    lower: Tier,
    served: Said,
    better: tuple[Tier, Said],
    cascade: CascadeSettings | None,
) -> Debt:
    """What the better tier's answer shows of the one that was served.

    Args:
        journey: The request.
        prompt: Its text, bounded.
        demand: What shape of answer was asked for.
        lower: The tier that answered.
        served: Its answer.
        better: The tier that would have been asked, and its answer.
        cascade: The gates, where answers are judged.
    """
    tier, other = better
    features = journey.features
    debt = Debt(tier.name, tier.model)
    ours = features.max_tokens is None and other.finish_reason == "length"
    if ours or len(other.text) > LONGEST_CHARS:
        # It was our bound that cut it.
        return replace(debt, skipped="long")
    # Most proxies compare no answers, and start without what does.
    from litellm_tiering.gates.agreement_reading import forms_of  # noqa: PLC0415 - see above

    forms = forms_of("auto", features, prompt, demand)
    if forms:
        debt = replace(debt, agreed=await agreed(served, other, forms))
    gates = _gates(journey, cascade)
    if gates is None:
        return debt
    first = Exchange(served, features, prompt, demand, lower.name, lower.model)
    second = replace(first, said=other, tier=tier.name, model=tier.model)
    passed = [(await gates.judge(one)).accepted for one in (first, second)]
    return replace(debt, served_passed=passed[0], better_passed=passed[1])


def _gates(journey: Journey, cascade: CascadeSettings | None) -> Judging | None:
    """The route's gates, with counts and figures of their own: these answers are none of the traffic's."""
    if cascade is None or cascade.idle or not journey.case.route.cascade:
        return None
    if not isinstance(cascade.gates, Panel):
        return cascade.gates
    return Panel(cascade.gates.members, on_fault=cascade.gates.on_fault)


async def agreed(served: Said, better: Said, forms: Sequence[str]) -> bool | None:
    """Whether two answers come to the same; None where that cannot be told.

    One that lacks an answer of the form that was asked for, where the other has it, differs from it.
    """
    from litellm_tiering.gates.agreement import LONG_CHARS  # noqa: PLC0415 - as in compared
    from litellm_tiering.gates.canonical_compare import compare  # noqa: PLC0415 - as in compared

    def look() -> bool | None:
        one = compare(served, better, forms)
        if one.same is not None:
            return one.same
        return False if one.lacking or compare(better, served, forms).lacking else None

    if len(served.text) + len(better.text) > LONG_CHARS:
        return await asyncio.to_thread(look)
    return look()
