"""The quality debt of downgrades: the better tier asked what a lower one has answered, and both compared.

Once the client has its answer, of a random share of the requests that money moved down, in the background, in
the caller's name, by the live router: such a call is never classified, cascaded or counted as a request, and
its answer is never served. Whatever goes wrong costs the comparison, and nothing else.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.debt import Debt, drawn, moved_down_from
from litellm_tiering.core.gate import Said
from litellm_tiering.core.price import Usage
from litellm_tiering.debt import Probes
from litellm_tiering.gateway import apply, bill, extract, taking
from litellm_tiering.gateway.beside import asked_whole
from litellm_tiering.gateway.debt_compare import LONGEST_CHARS, compared
from litellm_tiering.gateway.debt_upstream import ProbeUpstream, near_limit
from litellm_tiering.gateway.loose import get
from litellm_tiering.gateway.usage import usage_in
from litellm_tiering.gateway.wires import WIRES
from litellm_tiering.intake.answer_form import demand_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from litellm_tiering.core.gate import Demand
    from litellm_tiering.core.ladder import Tier
    from litellm_tiering.debt import DebtSettings, Probe
    from litellm_tiering.gateway.debt_upstream import Plain
    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.journeys import Journey

    Asker = tuple[Journey, Plain]

AFTER_S = 0.2
"""How long after the served answer is there the better tier is asked: that one is on its way by then."""

AT_ONCE = 2
"""How many such calls one worker makes at the same time; what is drawn beyond that is not asked twice."""

REST_S = 60.0
"""For how long a group is left alone after a call to it has failed: it may be at its limits, in seconds."""

LEAST_TOKENS = 2_048
"""How long an answer may be at least where the client sets no bound; beyond that it is not compared."""

_HOSTED = frozenset({"mcp_servers", "container", "background", "web_search_options"})
"""What has the provider act, or keep what it did: it is not done twice."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A request of the sample: what it is, the tier that it would have got, and what is asked of that."""

    journey: Journey
    rank: int
    tier: Tier
    settings: DebtSettings
    plain: Plain | None = None


class Debts:
    """Asks the better tier, for one gateway.

    Args:
        gateway: Whose requests they are.
        priced: What a call cost, in nano-dollars, by LiteLLM's figure, its tokens and its group.
        after_s: How long to wait once the served answer is there, in seconds.
    """

    def __init__(
        self, gateway: Gateway, priced: Callable[[float | None, Usage, str], int], after_s: float = AFTER_S
    ) -> None:
        self.probes = Probes(gateway.engine.books)
        self._gateway = gateway
        self._priced = priced
        self._after_s = after_s
        self._running = 0
        self._resting: dict[str, float] = {}

    # ------------------------------------------------------------------ which requests

    @property
    def waiting(self) -> bool:
        """Whether such a call is under way, or has not been billed."""
        return self._running > 0 or self.probes.unpaid > 0

    def answered(self, data: Mapping[str, Any], served: Any, of: Asker | None = None) -> None:
        """A whole answer is about to be served.

        Args:
            data: The request.
            served: Its answer.
            of: Whose request it is, and how it is sent past what would plan it anew; None in the proxy.
        """
        found = self._drawn(data, of)
        if found is not None:
            choices = WIRES[found.journey.features.surface].whole(served)
            self._begin(found, data, choices[0] if choices else Said())

    def streamed(self, data: Mapping[str, Any], chunks: Any, first: Any, of: Asker | None = None) -> Any:
        """The stream that is about to be served: itself, or, of the sample, listened to.

        Args:
            data: The request.
            chunks: The stream.
            first: LiteLLM's own stream of the first attempt, which is LiteLLM's to close.
            of: As above.
        """
        found = self._drawn(data, of)
        if found is None:
            return chunks
        if found.journey.flights[0].answered_by is None:
            found.journey.flights[0].answered_by = bill.answering_group(first)
        return self._listening(found, data, chunks, ours=chunks is not first)

    def _drawn(self, data: Mapping[str, Any], of: Asker | None) -> _Drawn | None:
        settings = self._gateway.settings.debt
        if settings is None:
            return None
        if of is None:
            flight = self._gateway.engine.books.flight(apply.attempt_of(data))
            journey = None if flight is None else flight.journey
        else:
            journey = of[0]
        if journey is None or not drawn(journey.record.id, settings.share):
            return None
        before = moved_down_from(journey.record.decision)
        policy = self._gateway.engine.terms.policy
        rank = None if before is None else policy.landing(journey.case, before)
        if rank is None or journey.record.debt is not None:
            return None
        return _Drawn(journey, rank, policy.ladder[rank], settings, None if of is None else of[1])

    async def _listening(
        self, found: _Drawn, data: Mapping[str, Any], chunks: Any, *, ours: bool
    ) -> AsyncGenerator[Any, None]:
        listener = WIRES[found.journey.features.surface].listener()
        whole = False
        try:
            async with aclosing(chunks) if ours else nullcontext(chunks) as source:
                async for chunk in source:
                    if listener.chars <= LONGEST_CHARS:
                        # What cannot be made out is not compared, and harms no chunk.
                        with suppress(Exception):
                            listener.hear(chunk)
                    yield chunk
            whole = True
        finally:
            try:
                if whole:
                    choices = listener.said()
                    self._begin(found, data, choices[0] if choices else Said())
                else:
                    self._skip(found, "cut")
            except Exception as error:  # noqa: BLE001 - the client's stream is over: nothing of it is ours to break
                self._gateway.engine.fault("debt", error)

    def _begin(self, found: _Drawn, data: Mapping[str, Any], said: Said) -> None:
        """Ask the better tier, in the background; or note why not."""
        demand = demand_of(data)
        why = self._why_not(found, data, said, demand)
        if why:
            self._skip(found, why)
            return
        sent = asked_whole(data)
        # Those that only our gates asked for are gone from a served answer.
        plain = replace(said, logprobs=())

        async def ask() -> None:
            await self._asked(found, sent, plain, demand)

        self._running += 1
        self._gateway.background.spawn(self._gateway.engine.contained("debt", ask, None))

    def _skip(self, found: _Drawn, why: str) -> None:
        self.probes.skip(found.journey, found.tier, why)

    def _why_not(self, found: _Drawn, data: Mapping[str, Any], said: Said, demand: Demand) -> str:
        """Why a request is not asked twice, in a fixed word; empty where it is."""
        journey, features = found.journey, found.journey.features
        served, facts = journey.flights[journey.served], journey.facts[found.rank]
        model = served.group or self._gateway.engine.terms.policy.ladder[served.rank].model
        private = taking.asks_privacy(data) or any(n.holds(journey.caller) for n in found.settings.never)
        group = served.answered_by or model
        hosted = (features.tools > 0 and not demand.tools) or bool(features.searches)
        now = self._gateway.engine.clock.now()
        reasons = (
            ("private", private),
            # The answer came from as high in the end, or from the very model: there is no debt.
            ("climbed", served.rank >= found.rank or found.tier.model in {model, group}),
            ("fallback", group != model),
            ("choices", features.choices > 1 or features.drafts > 1),
            ("elsewhere", features.elsewhere),
            ("hosted_tools", hosted or not data.keys().isdisjoint(_HOSTED)),
            ("sound", features.speaks),
            ("gone", not facts.exists),
            ("unpriced", not facts.price.known),
            ("long", len(said.text) > LONGEST_CHARS),
            ("limiter", self._resting.get(found.tier.model, 0.0) > now),
            ("busy", self._running >= AT_ONCE),
        )
        return next((word for word, holds in reasons if holds), "")

    # ------------------------------------------------------------------ asking

    async def _asked(self, found: _Drawn, data: dict[str, Any], said: Said, demand: Demand) -> None:
        try:
            await asyncio.sleep(self._after_s)
            probe = await self._held(found)
            if isinstance(probe, str):
                self._skip(found, probe)
                return
            answer = await self._sent(found, probe, data)
        finally:
            self._running -= 1
        if answer is not None:
            try:
                choices = WIRES[found.journey.features.surface].whole(answer)
                better = replace(choices[0], logprobs=()) if choices else Said()
                self.probes.found(probe, await self._compared(found, data, said, better, demand))
            finally:
                await self.probes.billed(probe, self._quoted(found, answer))

    async def _held(self, found: _Drawn) -> Probe | str:
        """The money for a call; or why it is not made."""
        if await near_limit(self._gateway.router(), found.tier.model):
            return "limiter"
        engine, journey = self._gateway.engine, found.journey
        amount = journey.facts[found.rank].hold(
            journey.features,
            output_tokens=self._longest(found),
            ratio=engine.estimates.ratio(found.tier.model),
            firm=True,
        )
        terms = engine.terms
        return await self.probes.hold(
            found.settings, journey, found.tier, int(amount), terms.budgets, terms.retention_s
        )

    def _longest(self, found: _Drawn) -> int:
        """How long an answer may be where the client sets no bound, in tokens: what is held covers it."""
        record, features = found.journey.record, found.journey.features
        likely = self._gateway.engine.estimates.output_tokens(record.route, found.tier.name, features)
        return max(LEAST_TOKENS, 2 * likely) + features.thinking_tokens

    async def _sent(self, found: _Drawn, probe: Probe, data: dict[str, Any]) -> Any | None:
        """The better tier's answer; None where it failed."""
        journey = found.journey
        bound = None
        if journey.features.max_tokens is None:
            bound = journey.facts[found.rank].output_bound(journey.features, self._longest(found))
        upstream = ProbeUpstream(data, journey, found.tier, bound, self._gateway.router, found.plain)
        try:
            return await upstream.call(found.tier.model, probe.id)
        except Exception:  # noqa: BLE001 - whatever the provider raises; its message may hold the prompt
            self._resting[found.tier.model] = self._gateway.engine.clock.now() + REST_S
            self.probes.found(probe, Debt(found.tier.name, found.tier.model, skipped="failed"))
            await self.probes.release(probe)
            return None

    def _quoted(self, found: _Drawn, answer: Any) -> int:
        """What LiteLLM says of an answer's cost, in nano-dollars."""
        if bill.from_cache(answer):
            return 0
        used = usage_in(get(answer, "usage")) or Usage()
        return self._priced(bill.cost_in(answer), used, found.tier.model)

    async def _compared(
        self, found: _Drawn, data: Mapping[str, Any], said: Said, better: Said, demand: Demand
    ) -> Debt:
        journey = found.journey
        served = journey.flights[journey.served]
        lower = self._gateway.engine.terms.policy.ladder[served.rank]
        lower = replace(lower, model=served.group or lower.model)
        _, prompt = extract.read(data, journey.features.surface)
        cascade = self._gateway.policies.of(journey.record.arm).settings.cascade
        return await compared(journey, prompt, demand, lower, said, (found.tier, better), cascade)
