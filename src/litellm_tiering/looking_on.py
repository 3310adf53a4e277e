"""Gates in shadow mode: what they are shown of an answer that is served, and what they say of all of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from litellm_tiering.core.cascade import Because, Tried, Try, next_action
from litellm_tiering.core.gate import Judgement, Ruling, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.config.build import CascadeSettings
    from litellm_tiering.core.cascade import Bounds, Serve
    from litellm_tiering.core.gate import Exchange, Gate, Said
    from litellm_tiering.gates.panel import Shadows
    from litellm_tiering.holding import Held
    from litellm_tiering.journeys import Flight
    from litellm_tiering.shadowing import Shadowing


def shown(held: Held, settings: CascadeSettings) -> tuple[tuple[Said, ...], bool]:
    """As much of a stream, which was served whole, as gates are shown; and whether that is its beginning."""
    most = settings.prefix_chars
    if settings.stream == "prefix" and held.listener.chars > most:
        return tuple(_beginning(said, most) for said in held.listener.said()), True
    return held.listener.said(), False


def _beginning(said: Said, most: int) -> Said:
    kept = len(said.logprobs) * most // max(1, len(said.text))
    if len(said.text) <= most:
        return replace(said, finish_reason="")
    # The rest was not there yet when they would have been asked.
    return replace(
        said, text=said.text[:most], tool_calls=(), logprobs=said.logprobs[:kept], finish_reason=""
    )


def instead(action: Serve, tried: Sequence[Tried], bounds: Bounds) -> int | None:
    """The rank that would have been tried next had the answer that is served been rejected; None for none."""
    if action.because is not Because.ACCEPTED:
        return None
    found = next_action([*tried[:-1], Tried(tried[-1].rank, Judgement("shadow"))], bounds)
    return found.rank if isinstance(found, Try) else None


def look_on(
    shadowing: Shadowing, gates: Shadows, exchanges: Sequence[Exchange], flight: Flight, to: int | None
) -> None:
    """Have each gate judge an answer in the background.

    Args:
        shadowing: Brings what they say to the record.
        gates: The gates.
        exchanges: The answer, an exchange for each choice.
        flight: The attempt that it came of.
        to: The rank that would have been tried instead.
    """
    for gate in gates.members:
        shadowing.judge(gate, partial(_verdict, gates, gate, exchanges), flight, to)


async def _verdict(gates: Shadows, gate: Gate, exchanges: Sequence[Exchange]) -> Verdict:
    """One gate's word on all choices: the first that it rejects is what counts, else one that it accepts."""
    found = Verdict.abstain()
    for exchange in exchanges:
        one = await gates.judge(gate, exchange)
        if one.rejects:
            return one
        if one.ruling is Ruling.ACCEPT:
            found = one
    return found
