"""Whether an answer refuses: the provider's mark, a filter's placeholder, or the model's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.refusal_reading import FILTERED, THOUGHTS, Reading, asked_for, read, spoken

if TYPE_CHECKING:
    from litellm_tiering.core.gate import Exchange

PROVIDER = "provider"

_CLEAR_CHARS = 140  # a prefix of so many without a sign of refusal is an answer
_THRESHOLD = 0.65

# What providers call it when a filter, or the model's own judgement, ended the answer.
_FILTERING = frozenset(
    {
        "content_filter",
        "content_filtered",
        "refusal",
        "safety",
        "blocked",
        "guardrail_intervened",
        "guardrails",
    }
    | {"prohibited_content", "blocklist", "spii", "image_safety", "model_armor", "sensitive", "moderation"}
)


class RefusalGate:
    """Rejects refusals: marked by the provider, filtered away, or said in any of some twenty languages.

    Reasons are ``provider``, ``filtered``, ``declined`` and ``unable``. An answer that cannot do one thing
    and then helps all the same is accepted, and so is a refusal that the prompt asked for: a draft, a
    translation.

    Args:
        name: What it is called in records.
    """

    judges_prefix = True

    def __init__(self, *, name: str = "refusal") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Reject a refusal; abstain on an empty answer, and on a prefix that is too short to tell."""
        said = exchange.said
        if said.refusal.strip():
            return Verdict.reject(PROVIDER, p_bad=0.99)
        if said.finish_reason.lower() in _FILTERING:
            return Verdict.reject(FILTERED, p_bad=0.99)
        if said.tool_calls:
            return Verdict.accept()
        text = spoken(said.text)
        if not text or (exchange.partial and text.startswith(THOUGHTS)):
            return Verdict.abstain()
        return _verdict(read(text, exchange), len(text), exchange)


def _verdict(reading: Reading, chars: int, exchange: Exchange) -> Verdict:
    """What a reading comes to; of a prefix, only one that no ending can mend."""
    if exchange.partial and not (reading.settled if reading.sign else chars >= _CLEAR_CHARS):
        return Verdict.abstain()
    if reading.score < _THRESHOLD:
        return Verdict.accept(p_bad=round(reading.score / 2, 2))
    if reading.reason != FILTERED and asked_for(exchange.prompt.question, exchange.answer):
        return Verdict.accept(p_bad=0.3)
    return Verdict.reject(reading.reason, p_bad=round(min(0.99, reading.score), 2))
