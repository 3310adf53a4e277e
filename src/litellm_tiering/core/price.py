"""What tokens of every kind cost, and what a bill comes to: as LiteLLM's cost calculator has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.units import NanoUSD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used, in tokens. All but the first two are parts of those; parts that overlap are cut.

    Attributes:
        prompt: All of the prompt.
        completion: All of the answer.
        cached: Prompt tokens read from the provider's cache.
        written: Prompt tokens written to it, for some minutes.
        written_long: Prompt tokens written to it for an hour.
        audio: Prompt tokens that are sound.
        image: Prompt tokens that are images.
        reasoning: Completion tokens that were thought and not said.
        audio_out: Completion tokens that are sound.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    written: int = 0
    written_long: int = 0
    audio: int = 0
    image: int = 0
    reasoning: int = 0
    audio_out: int = 0

    def explained(self) -> dict[str, int]:
        """The tokens by the names that routes and files have for them, without parts that are 0."""
        parts = {name: n for name, part in _PARTS.items() if (n := int(getattr(self, part)))}
        return {"prompt_tokens": self.prompt, "completion_tokens": self.completion, **parts}

    @classmethod
    def told(cls, said: Mapping[str, Any]) -> Usage | None:
        """What :meth:`explained` has told; None where that is not there, or is none."""
        found: dict[str, Any] = {part: said.get(name, 0) for name, part in _PARTS.items()}
        found |= {"prompt": said.get("prompt_tokens"), "completion": said.get("completion_tokens")}
        return cls(**found) if all(type(n) is int and 0 <= n <= _MOST for n in found.values()) else None


_MOST = 10**12
"""More tokens than this no call has used."""

_PARTS = {
    "cached_tokens": "cached",
    "cache_write_tokens": "written",
    "cache_write_1h_tokens": "written_long",
    "audio_tokens": "audio",
    "image_tokens": "image",
    "reasoning_tokens": "reasoning",
    "audio_output_tokens": "audio_out",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call may use at most, in tokens, and what it asked for that is priced apart.

    Attributes:
        text: Prompt tokens that are neither sound nor image.
        audio: Prompt tokens that are sound.
        image: Prompt tokens that are images.
        completion: Tokens of all answers.
        images: Images.
        searches: Searches of the web by the provider.
        writes: Whether the provider is told to keep the prompt in its cache.
        writes_long: Whether for an hour.
        speaks: Whether answers may be sound.
        priority: Whether the dearer service tier was asked for.
        fast: Whether the faster mode was asked for.
    """

    text: int = 0
    audio: int = 0
    image: int = 0
    completion: int = 0
    images: int = 0
    searches: int = 0
    writes: bool = False
    writes_long: bool = False
    speaks: bool = False
    priority: bool = False
    fast: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """List prices in nano-dollars per token (a cheap model's token costs a fraction of one).

    What is None has no price of its own: it is charged as the plain prompt or completion token it is.

    Attributes:
        prompt: Per prompt token.
        completion: Per completion token.
        known: Whether the prices are the model's own; otherwise they are the dearest known tier's.
        cache_read: Per prompt token read from the provider's cache.
        cache_write: Per prompt token written to it.
        cache_write_long: Per prompt token written to it for an hour.
        audio: Per prompt token of sound.
        image: Per prompt token of images.
        reasoning: Per completion token of reasoning.
        audio_out: Per completion token of sound.
        per_image: Per image in the prompt, besides its tokens.
        per_request: Per request.
        per_search: Per search of the web.
        writes_unasked: Whether the provider fills its cache without being told to.
        fast: By how much the faster mode multiplies everything.
        uplift: By how much a region may multiply everything, where that is known from the bill only.
        long: Prices of long prompts, shortest first: the prompt tokens above which they apply to all tokens.
        priority: The prices of the dearer service tier, where it has its own.
    """

    prompt: float = 0.0
    completion: float = 0.0
    known: bool = True
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_long: float | None = None
    audio: float | None = None
    image: float | None = None
    reasoning: float | None = None
    audio_out: float | None = None
    per_image: float = 0.0
    per_request: float = 0.0
    per_search: float = 0.0
    writes_unasked: bool = False
    fast: float = 1.0
    uplift: float = 1.0
    long: tuple[tuple[int, Price], ...] = ()
    priority: Price | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> NanoUSD:
        """What that many plain tokens cost, rounded up to a whole nano-dollar."""
        return self.bill(Usage(prompt_tokens, completion_tokens))

    def bill(self, used: Usage, *, priority: bool = False) -> NanoUSD:
        """What a call came to, rounded up to a whole nano-dollar, at the dearer service tier or not."""
        if priority and self.priority is not None:
            return self.priority.bill(used)
        at = self.at(used.prompt)
        written_long, left = _part(used.written_long, used.prompt)
        written, left = _part(used.written, left)
        cached, left = _part(used.cached, left)
        audio, left = _part(used.audio, left)
        image, left = _part(used.image, left)
        reasoning, rest = _part(used.reasoning, used.completion)
        audio_out, rest = _part(used.audio_out, rest)
        write = _or(at.cache_write, at.prompt)
        exact = (
            at.prompt * left
            + _or(at.cache_read, at.prompt) * cached
            + write * written
            + _or(at.cache_write_long, write) * written_long
            + _or(at.audio, at.prompt) * audio
            + _or(at.image, at.prompt) * image
            + at.completion * rest
            + _or(at.reasoning, at.completion) * reasoning
            + _or(at.audio_out, at.completion) * audio_out
        )
        return _up(exact + self.per_request)

    def at(self, prompt_tokens: int) -> Price:
        """The prices that hold for a prompt of that length."""
        found = self
        for above, price in self.long:
            if prompt_tokens > above:
                found = price
        return found

    def most(self, asked: Asked) -> NanoUSD:
        """What a call may come to at most, rounded up, whatever its tokens turn out to be.

        At the dearest of the prices that a prompt of up to that length may fall under.
        """
        prompt = asked.text + asked.audio + asked.image
        found = _most(self, asked)
        for above, price in self.long:
            # The provider's own price begins at its threshold with some, above it with others.
            if prompt >= above:
                found = max(found, _most(price, asked))
        if asked.fast:
            found *= max(1.0, self.fast)
        found *= self.uplift
        found += self.per_request + self.per_image * asked.images + self.per_search * asked.searches
        most = _up(found)
        return max(most, self.priority.most(asked)) if asked.priority and self.priority else most


def _most(at: Price, asked: Asked) -> float:
    """The token part at one set of prices: each kind at the dearest it may be charged as."""
    text = max(at.prompt, at.cache_read or 0.0)
    if asked.writes or at.writes_unasked:
        text = max(text, at.cache_write or 0.0)
    if asked.writes_long:
        text = max(text, at.cache_write_long or 0.0)
    said = max(at.completion, at.reasoning or 0.0, (at.audio_out or 0.0) if asked.speaks else 0.0)
    return (
        text * asked.text
        + max(text, at.audio or 0.0) * asked.audio
        + max(text, at.image or 0.0) * asked.image
        + said * asked.completion
    )


def highest(prices: Sequence[Price]) -> Price:
    """For each kind of token the highest of several prices: those of a group with several deployments."""
    first, *others = prices
    if all(p == first for p in others):
        return first
    levels = sorted({above for p in prices for above, _ in p.long})
    flat = _highest([replace(p, long=(), priority=None) for p in prices])
    tiers = [p.priority or p for p in prices] if any(p.priority for p in prices) else []
    # Just above a threshold each deployment charges what it charges for prompts of that length.
    steps = ((n, [replace(p.at(n + 1), long=(), priority=None) for p in prices]) for n in levels)
    return replace(
        flat,
        long=tuple((n, _highest(each)) for n, each in steps),
        priority=highest([replace(p, priority=None) for p in tiers]) if tiers else None,
    )


_KINDS = (
    ("cache_read", "prompt"),
    ("cache_write", "prompt"),
    ("cache_write_long", "cache_write"),
    ("audio", "prompt"),
    ("image", "prompt"),
    ("reasoning", "completion"),
    ("audio_out", "completion"),
)
"""The kinds of tokens with a price of their own, and what they are charged as without one."""

_PLAIN = ("prompt", "completion", "per_image", "per_request", "per_search", "fast", "uplift")


def _highest(prices: Sequence[Price]) -> Price:
    found: dict[str, Any] = {name: max(getattr(p, name) for p in prices) for name in _PLAIN}
    for name, base in _KINDS:
        if any(getattr(p, name) is not None for p in prices):
            # Where one has no price of its own for them, its tokens cost what they are part of.
            found[name] = max(_or(getattr(p, name), _or(getattr(p, base), p.prompt)) for p in prices)
    return Price(
        **found,
        known=all(p.known for p in prices),
        writes_unasked=any(p.writes_unasked for p in prices),
    )


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price


def _part(tokens: int, of: int) -> tuple[int, int]:
    """As many of ``of`` tokens as there are, and the rest."""
    taken = min(max(0, tokens), of)
    return taken, of - taken


def _up(exact: float) -> NanoUSD:
    return NanoUSD(-int(-exact // 1))
