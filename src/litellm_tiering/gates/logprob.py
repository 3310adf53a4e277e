"""How sure the model was of its own words, by the log-probabilities of its tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Exchange, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

LOWEST = -20.0
"""In a mean no token counts for less: providers write ``-9999`` or minus infinity for "very unlikely"."""

_MAX_TOKENS = 4_096


class LogprobGate:
    """Rejects an answer whose tokens were improbable; abstains where the provider gave no log-probabilities.

    Of more than 4,096 tokens every n-th counts towards the mean. A value above 0 counts as 0, one that is not
    a number does not count.

    Its ``p_bad`` is one minus the geometric mean of the tokens' probabilities, ``1 - exp(mean)``: it rises as
    the mean falls, and ranks answers; it is no calibrated probability.

    Args:
        min_mean: The least mean log-probability per token (natural log).
        min_token: The least log-probability of any token; None for no bound.
        max_perplexity: The greatest perplexity, ``exp(-mean)``; None for no bound.
        name: What it is called.
    """

    judges_prefix = False

    def __init__(
        self,
        *,
        min_mean: float = -1.0,
        min_token: float | None = None,
        max_perplexity: float | None = None,
        name: str = "logprob",
    ) -> None:
        self.name = name
        self._min_mean = min_mean
        self._min_token = min_token
        self._max_perplexity = max_perplexity

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``mean``, ``token`` or ``perplexity``."""
        given = exchange.logprobs
        if not given:
            return Verdict.abstain("no_logprobs")
        mean = _mean(given[:: len(given) // (_MAX_TOKENS + 1) + 1])
        if mean is None:
            return Verdict.abstain("no_numbers")
        p_bad = 1.0 - math.exp(mean)
        if mean < self._min_mean:
            return Verdict.reject("mean", p_bad=p_bad)
        if self._max_perplexity is not None and math.exp(-mean) > self._max_perplexity:
            return Verdict.reject("perplexity", p_bad=p_bad)
        # Every token, not the sample; a comparison with NaN is never true.
        if self._min_token is not None and any(p < self._min_token for p in given):
            return Verdict.reject("token", p_bad=p_bad)
        return Verdict.accept(p_bad=p_bad)


def _mean(given: Sequence[float]) -> float | None:
    """The mean of ``given``, each within its bounds; None where there is no number among them."""
    if min(given) >= LOWEST and max(given) <= 0.0:
        mean = sum(given) / len(given)
        if mean == mean:  # noqa: PLR0124 - NaN; what is not like this is rare, and slower to add up
            return mean
    known = [max(LOWEST, min(0.0, p)) for p in given if p == p]  # noqa: PLR0124 - as above
    return math.fsum(known) / len(known) if known else None
