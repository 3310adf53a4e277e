"""What a configuration's gates make of captured traffic, and what that would cost: ``check --traffic``.

Every gate is asked about every first answer by itself, so that it is seen what each adds. Where the traffic
holds what the next tier answered, that is what asking it costs; else it is its price times the tokens.
"""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.agreement import Known
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange, Ruling, Verdict
from litellm_tiering.evals.captures import is_captured
from litellm_tiering.evals.outcome_lines import (
    OutcomeError,
    UnusableLine,
    lines_of,
    messages_of,
    object_in,
    shown,
)
from litellm_tiering.gates.agreement_reading import forms_of
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.gate import Demand, Gate, Said
    from litellm_tiering.gates.panel import Panel

    Prices = Callable[[str], "tuple[float, float] | None"]

DAY_S = 86_400.0

LEAST_SPAN_S = 3_600.0
"""Traffic of a shorter time says nothing of a day."""

REJECTS_FROM, ACCEPTS_FROM = 20, 200
"""How many answers a gate must have judged before rejecting, or accepting, all of them is odd."""

REJECTS_SHARE = 0.99

_CHARS_PER_TOKEN = 4


@dataclass(slots=True)
class GateTally:
    """What one gate said, each request counted as often as the sample stands for.

    Attributes:
        judged: Answers that it accepted or rejected, in lines.
        rejected: Those of them that it rejected, in lines.
        alone: Requests whose answer it alone rejects.
        requests: Requests whose answer it rejects.
        usd: What asking the next tier costs for those.
        alone_usd: For those that it alone rejects: what one would save without it.
        faults: How often it failed.
    """

    judged: int = 0
    rejected: int = 0
    alone: float = 0.0
    requests: float = 0.0
    usd: float = 0.0
    alone_usd: float = 0.0
    faults: int = 0


@dataclass(slots=True)
class Traffic:
    """What the gates made of a file of captured requests.

    Attributes:
        lines: Lines read that are not blank.
        used: Lines whose first answer was judged.
        skipped: The others, by why.
        requests: How many requests those used stand for.
        rejected: How many of these some gate rejects.
        usd: What asking the next tier costs for those, as far as it is known.
        unpriced: Rejected answers whose next tier has no known price.
        first_usd: What the first answers cost, as far as it is known.
        asked_beside: How many requests ask a second model as well.
        beside_usd: What that costs.
        beside_known: How many of those lines hold the second answer.
        span_s: From the first request to the last, in seconds.
        gates: What each gate said.
    """

    lines: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    requests: float = 0.0
    rejected: float = 0.0
    usd: float = 0.0
    unpriced: int = 0
    first_usd: float = 0.0
    asked_beside: float = 0.0
    beside_usd: float = 0.0
    beside_known: int = 0
    span_s: float = 0.0
    gates: dict[str, GateTally] = field(default_factory=dict)

    @property
    def per_day(self) -> float | None:
        """By what to multiply for a day; None where the traffic is of less than an hour."""
        return DAY_S / self.span_s if self.span_s >= LEAST_SPAN_S else None

    def warnings(self, nets: frozenset[str] = frozenset()) -> list[str]:
        """Gates that say the same of everything; those of ``nets`` may accept all."""
        found = []
        for name, gate in self.gates.items():
            if gate.judged >= REJECTS_FROM and gate.rejected >= REJECTS_SHARE * gate.judged:
                found.append(
                    f"gate {name!r} rejects {gate.rejected:,} of the {gate.judged:,} answers that it judges: "
                    "each is paid for twice"
                )
            elif gate.judged >= ACCEPTS_FROM and not gate.rejected and name not in nets:
                found.append(f"gate {name!r} accepts all {gate.judged:,} answers that it judges")
            if not gate.judged and self.used >= ACCEPTS_FROM:
                found.append(f"gate {name!r} has no view on any of the {self.used:,} answers")
            if gate.faults:
                found.append(f"gate {name!r} failed on {gate.faults:,} answers")
        return found


@dataclass(frozen=True, slots=True)
class _First:
    """The first answer to a captured request: the cheapest tier's that was asked."""

    rank: int
    model: str
    answer: Mapping[str, Any]
    weight: float


class Replay:
    """Has the gates of a configuration judge captured traffic.

    Args:
        settings: The configuration; it has a cascade.
        panel: Its gates.
        prices: The price of a model group, prompt and completion, in US dollars per token.
        said_in: The answer in a line as ``gate`` takes it; ValueError where there is none.
        demand_in: What shape of answer its request demands.
    """

    def __init__(
        self,
        settings: Settings,
        panel: Panel,
        prices: Prices | None,
        said_in: Callable[[Mapping[str, Any]], Said],
        demand_in: Callable[[Mapping[str, Any]], Demand],
    ) -> None:
        self.told = Traffic(gates={gate.name: GateTally() for gate in panel.members})
        self._ladder = settings.ladder
        self._agreement = None if settings.cascade is None else settings.cascade.agreement
        self._gates = panel.members
        self._prices = prices
        self._said_in = said_in
        self._demand_in = demand_in
        self._first_s: float | None = None
        self._last_s = 0.0

    async def read(self, name: str) -> Traffic:
        """Judge every line of a file.

        Raises:
            OutcomeError: it cannot be read, or no line of it can be used.
        """
        told = self.told
        for _, raw in lines_of(name):
            told.lines += 1
            try:
                line = object_in(raw)
                if is_captured(line) and "feedback" in line and "responses" not in line:
                    told.lines -= 1
                    continue
                await self._judge(line)
            except ValueError as error:
                told.skipped[str(error)] += 1
        if not told.used:
            why = f": {told.skipped.most_common(1)[0][0]}" if told.skipped else ": it is empty"
            raise OutcomeError(f"no line of {shown(name)} holds a first answer that gates could judge{why}")
        told.span_s = self._last_s - (self._first_s or 0.0)
        return told

    async def _judge(self, line: Mapping[str, Any]) -> None:
        first = self._first(line)
        answer = first.answer
        body = {**line, "messages": messages_of(line)}
        said = self._said_in({**answer, "answer": answer.get("text")})
        demand = self._demand_in(line)
        features, prompt = read_request(body, Surface.CHAT)
        forms: tuple[str, ...] = ()
        agreement = self._agreement
        if agreement is not None and first.rank in agreement.ranks:
            forms = forms_of(agreement.on, features, prompt, demand)
        second = self._second(line, first) if forms else None
        peers = Known([self._said_in({**second, "answer": second.get("text")})]) if second else None
        tier = self._ladder[first.rank]
        exchange = Exchange(said, features, prompt, demand, tier.name, tier.model, peers=peers)
        told = self.told
        told.used += 1
        told.requests += first.weight
        self._note_time(line)
        tokens = _tokens(answer, features.prompt_tokens)
        paid = _amount(answer.get("cost"))
        told.first_usd += first.weight * ((self._cost(first.model, tokens) if paid is None else paid) or 0.0)
        if forms and agreement is not None:
            told.asked_beside += first.weight
            told.beside_known += second is not None
            group = agreement.model or tier.model
            price = None if second is None else _amount(second.get("cost"))
            one = self._cost(group, tokens) if price is None else price
            told.beside_usd += first.weight * agreement.more * (one or 0.0)
        rejecting = [gate.name for gate in self._gates if await self._rejects(gate, exchange)]
        if rejecting:
            self._note_rejection(line, first, rejecting, tokens)

    def _note_rejection(
        self, line: Mapping[str, Any], first: _First, rejecting: list[str], tokens: tuple[int, int]
    ) -> None:
        told = self.told
        above = self._ladder[first.rank + 1].model
        recorded = line["responses"].get(above)
        known = _amount(recorded.get("cost")) if isinstance(recorded, dict) else None
        usd = self._cost(above, tokens) if known is None else known
        told.unpriced += usd is None
        cost = first.weight * (usd or 0.0)
        told.rejected += first.weight
        told.usd += cost
        for name in rejecting:
            gate = told.gates[name]
            gate.requests += first.weight
            gate.usd += cost
            if len(rejecting) == 1:
                gate.alone += first.weight
                gate.alone_usd += cost

    async def _rejects(self, gate: Gate, exchange: Exchange) -> bool:
        tally = self.told.gates[gate.name]
        try:
            found = gate.judge(exchange)
            verdict = found if isinstance(found, Verdict) else None
            if verdict is None and inspect.isawaitable(found):
                verdict = await found
        except Exception:  # noqa: BLE001 - an owner's gate may raise anything: it is counted, and named
            verdict = None
        if not isinstance(verdict, Verdict):
            tally.faults += 1
            return False
        if verdict.ruling is not Ruling.ABSTAIN:
            tally.judged += 1
        tally.rejected += verdict.rejects
        return verdict.rejects

    def _first(self, line: Mapping[str, Any]) -> _First:
        """The first answer of a line.

        Raises:
            UnusableLine: there is none that a better tier could replace.
        """
        responses = line.get("responses")
        if not isinstance(responses, dict):
            raise UnusableLine("no `responses` that are an object")
        for rank, tier in enumerate(self._ladder.tiers):
            answer = responses.get(tier.model)
            if isinstance(answer, dict) and answer.get("verdict") != "failed":
                if rank == self._ladder.top:
                    raise UnusableLine("began at the dearest tier, where nothing better can be asked")
                if answer.get("text") is None and not answer.get("tool_calls"):
                    raise UnusableLine("an answer without its text")
                return _First(rank, tier.model, answer, _weight(line))
        raise UnusableLine("no answer of a model of this ladder")

    def _second(self, line: Mapping[str, Any], first: _First) -> Mapping[str, Any] | None:
        group = (self._agreement and self._agreement.model) or f"{first.model}#2"
        found = line["responses"].get(group)
        return found if isinstance(found, dict) and isinstance(found.get("text"), str) else None

    def _cost(self, model: str, tokens: tuple[int, int]) -> float | None:
        price = None if self._prices is None else self._prices(model)
        return None if price is None else price[0] * tokens[0] + price[1] * tokens[1]

    def _note_time(self, line: Mapping[str, Any]) -> None:
        at_s = _amount(line.get("at"))
        if at_s is not None:
            self._first_s = at_s if self._first_s is None else min(self._first_s, at_s)
            self._last_s = max(self._last_s, at_s)


def _weight(line: Mapping[str, Any]) -> float:
    """How many requests a line stands for."""
    share = _amount(line.get("share")) if is_captured(line) else None
    return 1 / share if share and share <= 1 else 1.0


def _tokens(answer: Mapping[str, Any], prompt_tokens: int) -> tuple[int, int]:
    """What was sent and answered; estimated where nobody counted."""
    asked, said = _amount(answer.get("prompt_tokens")), _amount(answer.get("completion_tokens"))
    text = answer.get("text")
    length = len(text) if isinstance(text, str) else 0
    return (
        prompt_tokens if asked is None else int(asked),
        length // _CHARS_PER_TOKEN + 1 if said is None else int(said),
    )


def _amount(value: object) -> float | None:
    """A number that is not below zero, and not absurd."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e12:  # noqa: PLR2004 - absurd
        return None
    return float(value)
