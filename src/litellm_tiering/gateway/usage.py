"""What a call used, in any API's words: OpenAI's two, Anthropic's, and LiteLLM's own."""

from __future__ import annotations

from typing import Any

from litellm_tiering.core.price import Usage
from litellm_tiering.gateway.loose import get


def usage_in(usage: Any) -> Usage | None:
    """A usage block in numbers, None where there is none.

    Anthropic's own ``input_tokens`` leaves out what was read from the cache or written to it; everybody
    else's prompt tokens hold both.
    """
    if usage is None:
        return None
    details = get(usage, "prompt_tokens_details") or get(usage, "input_tokens_details")
    said = get(usage, "completion_tokens_details") or get(usage, "output_tokens_details")
    kept = get(usage, "cache_creation") or get(details, "cache_creation_token_details")
    read_apart = count(get(usage, "cache_read_input_tokens"))
    written_apart = count(get(usage, "cache_creation_input_tokens"))
    cached = read_apart or count(get(details, "cached_tokens"))
    written = (
        written_apart
        or count(get(details, "cache_creation_tokens"))
        or count(get(details, "cache_write_tokens"))
    )
    long = min(written, count(get(kept, "ephemeral_1h_input_tokens")))
    prompt = count(get(usage, "prompt_tokens"))
    if not prompt:
        prompt = count(get(usage, "input_tokens"))
        if details is None:
            prompt += read_apart + written_apart
    return Usage(
        prompt=prompt,
        completion=count(get(usage, "completion_tokens")) or count(get(usage, "output_tokens")),
        cached=cached,
        written=written - long,
        written_long=long,
        audio=count(get(details, "audio_tokens")),
        image=count(get(details, "image_tokens")),
        reasoning=count(get(said, "reasoning_tokens")),
        audio_out=count(get(said, "audio_tokens")),
    )


def count(value: Any) -> int:
    """A positive whole number; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
