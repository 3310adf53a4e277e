"""The gate that compares a tier's answer with what another cheap model, or the same one again, answers.

Of two models of different families that come to the same answer both are seldom wrong: on recorded answers
to grade-school maths 3.7 % of agreeing answers were wrong, and 81 % of the cheaper model's differing ones.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.agreement_reading import forms_of
from litellm_tiering.gates.canonical_compare import Compared, compare

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from litellm_tiering.core.agreement import Heard, Peers
    from litellm_tiering.core.gate import Exchange, Said

P_AGREES = 0.1
P_DIFFERS = 0.85
"""How likely an answer is bad where another agrees or differs: rounded from four sets of recorded answers,
where .04 to .33 of agreeing and .81 to .95 of differing answers were wrong."""

LONG_CHARS = 20_000
"""Longer answers are compared in a worker thread, so that the event loop is not held up."""

AGREES, DIFFERS, LACKING, INCOMPARABLE = "agrees", "differs", "no_answer", "incomparable"


class AgreementGate:
    """Accepts an answer that enough others agree with, rejects one that they differ from, else abstains.

    It judges nothing where nobody else was asked, and whoever failed, came too late or cannot be compared
    has no vote. Free text is not compared.

    Args:
        on: What is compared; see :func:`~litellm_tiering.gates.agreement_reading.forms_of`.
        quorum: How many answers must agree, the tier's own included; None for more than half of those asked.
        name: What it is called.
    """

    judges_prefix = False

    def __init__(self, *, on: str = "auto", quorum: int | None = None, name: str = "agreement") -> None:
        self.name = name
        self._on = on
        self._quorum = quorum

    def judge(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """An awaitable of the verdict where others were asked; else an abstention that says why not."""
        peers = exchange.peers
        if exchange.partial or peers is None:
            return Verdict.abstain()
        return Verdict.abstain(peers.why) if peers.why else self._wait(exchange, peers)

    async def _wait(self, exchange: Exchange, peers: Peers) -> Verdict:
        heard = await peers.heard()
        forms = forms_of(self._on, exchange.features, exchange.prompt, exchange.demand)
        # What was asked for and has no form of its own is compared by whatever there is.
        found = [await _compared(exchange.said, h, forms) for h in heard]
        words = [_word(h, one) for h, one in zip(heard, found, strict=True)]
        peers.compared(words)
        return self._verdict(words)

    def _verdict(self, words: Sequence[str]) -> Verdict:
        votes = [w for w in words if w in (AGREES, DIFFERS, LACKING)]
        if not votes:
            return Verdict.abstain(words[0] if words else "")
        answers = len(votes) + 1
        quorum = min(self._quorum or (len(words) + 1) // 2 + 1, answers)
        agreeing = 1 + votes.count(AGREES)
        share = (agreeing - 1) / len(votes)
        p_bad = P_DIFFERS + share * (P_AGREES - P_DIFFERS)
        if agreeing >= quorum:
            return Verdict.accept(AGREES, p_bad=min(p_bad, 0.49))
        return Verdict.reject(LACKING if LACKING in votes else DIFFERS, p_bad=max(p_bad, 0.5))


def _word(heard: Heard, found: Compared | None) -> str:
    if found is None:
        return heard.why or "failed"
    if found.same is None:
        return LACKING if found.lacking else INCOMPARABLE
    return AGREES if found.same else DIFFERS


async def _compared(mine: Said, heard: Heard, forms: Sequence[str]) -> Compared | None:
    if heard.said is None:
        return None
    if len(mine.text) + len(heard.said.text) > LONG_CHARS:
        return await asyncio.to_thread(compare, mine, heard.said, forms)
    return compare(mine, heard.said, forms)
