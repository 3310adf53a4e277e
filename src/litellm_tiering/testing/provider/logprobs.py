"""Plausible log-probabilities: around the mean that the model's sureness sets, the same on every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider.shapes import pieces

if TYPE_CHECKING:
    from litellm_tiering.testing.provider.shapes import Choice

_OTHERS = (
    " the", " a", " of", " to", " is", " and", " in", " it", " that", " for",
    " as", " on", " with", " by", " an", " or", " at", " be", " from", ".",
)  # fmt: skip
_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token and the natural logarithm of its probability; ``top`` holds the likeliest alternatives."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


def token_logprob(choice: Choice, index: int, token: str, top: int) -> TokenLogprob:
    """The log-probability of the token at ``index``: between 0.4 and 1.6 times the choice's mean."""
    logprob = round(choice.mean_logprob * (0.4 + 1.2 * _noise(choice.seed, index)), 6)
    others = [(word, round(logprob - 1.5 - 0.25 * i, 6)) for i, word in enumerate(_OTHERS) if word != token]
    return TokenLogprob(token, logprob, ((token, logprob), *others)[:top])


def all_logprobs(choice: Choice, top: int) -> list[TokenLogprob]:
    """Those of every token of the choice's text."""
    return [token_logprob(choice, i, token, top) for i, token in enumerate(pieces(choice.text))]


def _noise(seed: int, index: int) -> float:
    """A number in [0, 1) that depends on both alone (the mixing steps of SplitMix64)."""
    x = (seed + (index + 1) * _MIX) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) / (1 << 64)
