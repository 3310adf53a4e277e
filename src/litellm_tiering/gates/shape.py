"""Whether there is an answer at all, how long it is, and whether it came to its end."""

from __future__ import annotations

import re

from litellm_tiering.core.gate import Exchange, Verdict

SMALL_BOUND = 256
"""Output tokens: up to here a client's ``max_tokens`` is taken to mean "no more than this, cut it"."""

# All that shows nothing: white space and controls, soft hyphens, joiners, direction marks, fillers, tags and
# variation selectors. One class, searched for once: linear.
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_LONGEST_REASON = 32
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "content_filtered", "safety", "recitation", "prohibited_content"})
_ENDED = frozenset(
    {"stop", "tool_calls", "function_call", "end_turn", "stop_sequence", "tool_use", "eos", "completed"}
)


class NotEmptyGate:
    """Rejects an answer that shows nothing: no visible text, no tool call, no refusal by the provider.

    A refusal is for the refusal gate to judge. A prefix is accepted once there is something.
    """

    judges_prefix = True

    def __init__(self, *, name: str = "not_empty") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``empty``."""
        said = exchange.said
        if said.tool_calls or _VISIBLE.search(said.text) or said.refusal:
            return Verdict.accept()
        return Verdict.abstain() if exchange.partial else Verdict.reject("empty")


class MinLengthGate:
    """Rejects an answer of fewer than ``chars`` characters, white space around it not counted.

    An answer that calls a tool is accepted, whatever it says beside it. A prefix is accepted once it is long
    enough.
    """

    judges_prefix = True

    def __init__(self, *, chars: int = 1, name: str = "min_length") -> None:
        self.name = name
        self._chars = chars

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``short``."""
        if exchange.tool_calls or len(exchange.answer.strip()) >= self._chars:
            return Verdict.accept()
        return Verdict.abstain() if exchange.partial else Verdict.reject("short")


class MaxLengthGate:
    """Rejects an answer of more than ``chars`` characters, white space around it not counted.

    What a tool call's arguments hold is not counted. A prefix that is too long is rejected, and no other can
    be judged: an answer may always go on.
    """

    judges_prefix = True

    def __init__(self, *, chars: int, name: str = "max_length") -> None:
        self.name = name
        self._chars = chars

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``long``."""
        if len(exchange.answer.strip()) > self._chars:
            return Verdict.reject("long")
        return Verdict.abstain() if exchange.partial else Verdict.accept()


class FinishedGate:
    """Rejects an answer that was cut off or filtered, by the provider's word.

    An answer cut at the client's own bound is judged by the size of that bound. Up to :data:`SMALL_BOUND`
    tokens the client wants the beginning of an answer, a label or a preview: every tier would be cut at the
    same place, so the answer is accepted as ``client_bound``. A larger bound is a precaution that the client
    does not expect to meet; a stronger model often says the same in fewer words, so the answer is rejected
    as any other that was cut.
    """

    judges_prefix = False

    def __init__(self, *, name: str = "finished") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``length`` or ``content_filter``; abstains where the provider gave no known reason."""
        reason = exchange.finish_reason[:_LONGEST_REASON].strip().lower()
        if reason in _ENDED:
            return Verdict.accept()
        if reason in _FILTERED:
            return Verdict.reject("content_filter")
        if reason not in _CUT:
            return Verdict.abstain()
        bound = exchange.features.max_tokens
        if bound is not None and bound <= SMALL_BOUND:
            return Verdict.accept("client_bound")
        return Verdict.reject("length")
