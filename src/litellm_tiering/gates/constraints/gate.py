"""Whether an answer keeps to what its prompt demands, as far as a program can check it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.core.features import PromptText
from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.constraints.checks import check
from litellm_tiering.gates.constraints.kinds import Demands, Finding, Kind
from litellm_tiering.gates.constraints.reading import has_document, read_demands
from litellm_tiering.gates.refusal_reading import THOUGHTS, spoken

if TYPE_CHECKING:
    from litellm_tiering.core.gate import Exchange

_THRESHOLD = 0.5
_MAX_NAMES = 4
_CUT_CHARS = 7_900
_IN_JSON = frozenset({Kind.JSON, Kind.INCLUDE, Kind.FORBID, Kind.FREQUENCY})


class ConstraintsGate:
    """Rejects an answer that breaks an instruction of the prompt, or of the system prompt.

    Reasons are the names of the checks that failed, such as ``max_words`` or ``no_commas+json``; ``p_bad`` is
    how often such a rejection is right. It abstains where nothing is demanded that a program can check, where
    the demand cannot be read with certainty, and of a prefix until it breaks what no ending can mend.

    Args:
        name: What it is called in records.
    """

    judges_prefix = True

    def __init__(self, *, name: str = "constraints") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Reject what surely breaks a demand; accept what keeps to all that could be checked."""
        if exchange.tool_calls or exchange.said.refusal:
            return Verdict.abstain()
        text = spoken(exchange.answer)
        if not text or (exchange.partial and text.startswith(THOUGHTS)):
            return Verdict.abstain()
        demands = demanded(exchange)
        if not demands:
            # Of a prefix nothing more is to be seen; of a whole answer nothing was.
            return Verdict.accept() if exchange.partial else Verdict.abstain()
        return verdict_on(check(demands, text, partial=exchange.partial), partial=exchange.partial)


def demanded(exchange: Exchange) -> Demands:
    """What the request demands of this answer.

    Of a follow-up ("go on") and of small talk only what the system prompt demands. Of a question that was
    cut only what is asked of a document given along, for the middle may have said otherwise. Of an answer
    that the API makes JSON only what can be said of JSON.
    """
    features, prompt = exchange.features, exchange.prompt
    inherits = features.follow_up or features.smalltalk
    if inherits or (
        features.truncated and len(prompt.question) >= _CUT_CHARS and not has_document(prompt.question)
    ):
        prompt = PromptText(system=prompt.system if prompt.system != prompt.question else "")
    demands = read_demands(prompt)
    if exchange.demand.json:
        demands = replace(demands, wants=tuple(want for want in demands.wants if want.kind in _IN_JSON))
    return demands


def odds(findings: tuple[Finding, ...]) -> float:
    """How likely the answer is bad by all checks together, each taken as independent of the others."""
    good = 1.0
    for finding in findings:
        good *= 1.0 - finding.p_bad
    return round(1.0 - good, 3)


def verdict_on(findings: tuple[Finding, ...], *, partial: bool = False) -> Verdict:
    """The verdict that checks come to."""
    worst = max((finding.p_bad for finding in findings), default=0.0)
    if worst >= _THRESHOLD:
        names = dict.fromkeys(f.name for f in findings if f.p_bad >= _THRESHOLD)
        return Verdict.reject("+".join(list(names)[:_MAX_NAMES]), p_bad=odds(findings))
    if partial or not findings:
        return Verdict.abstain()
    return Verdict.accept(p_bad=min(0.49, odds(findings)))
