"""From LiteLLM's hooks to the engine and back: admit, head, settle."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.cascading import Cascade
from litellm_tiering.core.features import Surface
from litellm_tiering.core.price import Usage
from litellm_tiering.gateway import apply, bill, compat, extract, taking, timing
from litellm_tiering.gateway.asides import RouterSideCalls
from litellm_tiering.gateway.beside import ask_beside
from litellm_tiering.gateway.debt import Debts
from litellm_tiering.gateway.permissions import forbidden
from litellm_tiering.gateway.policies import Policies
from litellm_tiering.gateway.streaming import as_asked, drop_logprobs
from litellm_tiering.gateway.tracing import fields_of
from litellm_tiering.gateway.upstream import RouterUpstream
from litellm_tiering.gateway.wires import WIRES
from litellm_tiering.holding import Background
from litellm_tiering.intake.answer_form import demand_of
from litellm_tiering.notices import Mode
from litellm_tiering.overdue import ESTIMATED, Overdue
from litellm_tiering.plan import Inquiry, Unplanned
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.capture import Capture
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.policy import Route
    from litellm_tiering.core.record import Record
    from litellm_tiering.engine import Engine
    from litellm_tiering.gateway.catalog import Catalog
    from litellm_tiering.gateway.tracing import Tracing
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.ports import Upstream


class Gateway:
    """One router's traffic: the proxy's, unless ``router`` names another.

    ``router`` is asked at request time: the proxy may replace its own.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        catalog: Catalog,
        router: Callable[[], Any] | None = None,
        background: Background | None = None,
    ) -> None:
        self.engine = engine
        self.router = router or compat.live_router
        self.background = background or Background()
        self.overdue = Overdue(engine.books, on_fault=engine.fault)
        self.alarms: dict[str, str] = {}
        """What an operator should look at besides faults, by what it is about."""
        self.capture: Capture | None = None
        self.tracing: Tracing | None = None
        """Puts spans beside LiteLLM's own; None where OpenTelemetry is not installed."""
        self.debts = Debts(self, self._cost)
        self.renew(settings, catalog)

    def renew(self, settings: Settings, catalog: Catalog) -> None:
        """Go on under other settings of the same ladder; cascades under way go on under their own."""
        self.settings = settings
        self.catalog = catalog
        self.policies = Policies(settings, catalog, self.engine, self.background, self.overdue)

    def other_alarms(self) -> list[str]:
        """Traffic that is no longer as it was, and captured requests that are lost."""
        drift, capture = self.engine.drift, self.capture
        drifted = [] if drift is None else drift.alarms()
        return [*drifted, *([] if capture is None else capture.alarms())]

    # ------------------------------------------------------------------ before the call

    async def admit(self, key: Any, data: dict[str, Any], call_type: str) -> Exception | None:
        """Plan a request and write the plan into it; the refusal as an error, where it is refused.

        A request of another kind, or for a model without a route, passes untouched.
        """
        apply.scrub(data)
        model = data.get("model")
        surface = extract.SURFACES.get(call_type)
        if self.settings.mode == "off" or surface is None or not isinstance(model, str):
            return None
        began_s = time.perf_counter()
        inquiry = await self.inquiry(key, data, model, extract.caller_of(key, data), call_type)
        if inquiry is None:
            return None
        at_s = self.engine.clock.now()
        plan = await timing.plan(self.engine, inquiry, began_s)
        if self.tracing is not None:
            self.tracing.planned(key, plan, at_s)
        if plan.decision.refusal is not None:
            refused: Exception = apply.refuse(plan.decision.refusal, plan.record)
            return refused
        if plan.flight is None:
            return None
        if self.enforced(inquiry):
            apply.send_to(data, plan.record.model)
        apply.mark(data, plan.flight.attempt)
        apply.tell(compat.metadata_of(data), fields_of(plan.record))
        taking.begin(self.capture, plan.flight.journey, data)
        streamed = data.get("stream") is True
        if surface is Surface.CHAT and plan.flight.journey.prompt is not None:
            plan.flight.journey.added = self._prepare(data, plan.record, streamed=streamed)
        if surface in (Surface.CHAT, Surface.COMPLETION) and streamed:
            # LiteLLM has asked for it by the name that the client gave, which may stand for another provider.
            apply.ask_for_usage(data)
        return None

    def _prepare(self, data: dict[str, Any], record: Record, *, streamed: bool) -> frozenset[str]:
        """Ready a chat request for its cascade; what was added to it, besides what LiteLLM may add."""
        added = {"stream_options"} if streamed and "stream_options" not in data else set()
        if streamed:
            apply.hide_usage(data)
        cascade = self.policies.of(record.arm).settings.cascade
        wanted = cascade is not None and cascade.wants_logprobs
        if wanted and not data.get("logprobs") and compat.takes(self.router(), record.model, "logprobs"):
            data["logprobs"] = True
            added.add("logprobs")
        return frozenset(added)

    def enforced(self, inquiry: Inquiry) -> bool:
        """Whether a request goes where its plan says, and not where it was sent."""
        return self.engine.terms.enforce and inquiry.route.enforce

    async def inquiry(
        self, key: Any, data: Mapping[str, Any], model: str, caller: Caller, call_type: str
    ) -> Inquiry | None:
        """The engine's question for a request, or None where no route serves its model."""
        route = await self._route(model)
        if route is None:
            return None
        router = self.router()
        ladder = self.settings.ladder
        arm = self.policies.arm_of(caller, route)
        policy, route = self.policies.of(arm), self.policies.route_of(arm, model, route)
        asked = self._asked(model, router)
        features, prompt = extract.read(data, extract.SURFACES[call_type])
        wish = extract.wish_of(data)
        return Inquiry(
            features=features,
            prompt=prompt,
            caller=caller,
            route=route,
            asked=asked,
            facts=policy.catalog.facts(router),
            wish=ladder.find(wish) if wish else None,
            forbidden=await forbidden(key, model, asked, ladder, router),
            side=self._side(data, caller, route, features.tags) if policy.settings.chain.asks else None,
            arm=arm,
        )

    def _side(
        self, data: Mapping[str, Any], caller: Caller, route: Route, tags: frozenset[str]
    ) -> RouterSideCalls | None:
        """What asks models for a request's classifiers; None where none of them would."""
        if not route.classify:
            return None
        asides, router = self.engine.asides, self.router
        return RouterSideCalls(asides, router, self._cost, data, caller, route.name, tags)

    async def _route(self, model: str) -> Route | None:
        """The route of a requested name, as it is configured and switched; None where it is left alone."""
        directives = self.engine.directives
        if directives is None:
            return self.settings.route_for(model)
        route = self.settings.routing.find(model)
        if route is None:
            return None
        await directives.ready()
        mode = directives.mode(route.name)
        if mode is None:
            return None if route.off else route
        if mode is Mode.OFF:
            return None
        return replace(route, off=False, enforce=mode is Mode.ENFORCE)

    def _asked(self, model: str, router: Any) -> int:
        """The rank that the requested name stands for: its own group's, or its alias's; else the dearest."""
        ladder = self.settings.ladder
        rank = ladder.rank_of_model(model)
        if rank is None:
            target = compat.alias_target(router, model)
            rank = None if target is None else ladder.rank_of_model(target)
        return ladder.top if rank is None else rank

    # ------------------------------------------------------------------ beside and after the call

    def beside(self, key: Any, data: Mapping[str, Any]) -> None:
        """Ask another model the same at the same time, where a gate compares answers; nobody waits here."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is not None:
            taking.asked(flight.journey, data)
            ask_beside(self, flight.journey, key, data)

    async def answered(self, data: Mapping[str, Any], response: Any) -> Any:
        """The answer to serve in place of a whole one: itself, or a better one from a higher tier."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is None:
            return response
        self._quote(flight, response)
        taking.answered(flight.journey, flight.index, response)
        cascade = self._cascade_of(flight.journey, data)
        served = response
        try:
            if cascade is not None:
                served = await cascade.whole(response)
        finally:
            if "logprobs" in flight.journey.added:
                drop_logprobs(served)
            if flight.journey.taken is not None:
                flight.journey.taken.over()
        return served

    def streamed(self, data: Mapping[str, Any], response: Any) -> Any:
        """The stream to serve in place of one: itself, or whichever the gates let through."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is None:
            return response
        journey = flight.journey
        cascade = self._cascade_of(journey, data)
        settings = self.policies.of(journey.record.arm).settings.cascade
        off = settings is None or settings.stream == "off"
        if cascade is not None and not off and cascade.can_climb:
            chunks = cascade.stream(response)
        else:
            # Heard, and not closed: LiteLLM closes its own, and bills a chat whose client leaves.
            listener = taking.listener_of(journey) or WIRES[journey.features.surface].listener()
            chunks = self.overdue.heard(flight, listener, response)
        if journey.taken is not None:
            chunks = taking.to_the_end(chunks, journey.taken)
        asked = data.get("_litellm_client_requested_model")
        name = asked if isinstance(asked, str) else ""
        logprobs = "logprobs" not in journey.added
        return as_asked(chunks, journey.features.surface, name, logprobs=logprobs)

    def _cascade_of(self, journey: Journey, data: Mapping[str, Any]) -> Cascade | None:
        if not isinstance(data.get("stream"), (bool, type(None))):
            return None  # One provider may take it for a stream, and the next not.
        upstream = RouterUpstream(data, journey.features.surface, journey.added, self.heard)
        return self.cascade(journey, data, upstream)

    def cascade(
        self, journey: Journey, data: Mapping[str, Any], upstream: Upstream, *, lent: bool = True
    ) -> Cascade | None:
        """The cascade of a request; None on a route without one, and the second time it is asked for."""
        setting = self.policies.of(journey.record.arm).setting
        if setting is None or journey.prompt is None:
            return None
        wire = WIRES[journey.features.surface]
        return Cascade(setting, journey, demand_of(data), wire, upstream, lent=lent)

    def heard(self, attempt: str, response: Any) -> None:
        """Note what LiteLLM says of an attempt's answer."""
        flight = self.engine.books.flight(attempt)
        if flight is not None:
            self._quote(flight, response)
            taking.answered(flight.journey, flight.index, response)

    def _quote(self, flight: Flight, response: Any) -> None:
        """Note what LiteLLM says of an answer while it still says so: headers are written later."""
        flight.quoted_usd = bill.cost_in(response)
        flight.answered_by = bill.answering_group(response)
        flight.deployment = bill.deployment_of(response)
        flight.used = bill.usage_of(response)
        flight.cached = bill.from_cache(response)
        if not hasattr(response, "__aiter__"):
            self.overdue.owe(flight, self.cost_so_far)

    def headers(self, data: Mapping[str, Any], response: Any) -> dict[str, str] | None:
        """The headers of a planned request; on a stream, whose cost is not known yet, the estimates."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is None:
            return None
        journey = flight.journey
        record = journey.record
        if response is None:
            return apply.response_headers(record, 0, 0)
        served = journey.flights[journey.served]
        used = served.used or bill.usage_of(response)
        answered = served.answered_by or bill.answering_group(response)
        if used is None:
            held = flight.hold + record.tax
            return apply.response_headers(record, held, journey.baseline_hold, model=answered)
        cost = sum(self.cost_so_far(f) for f in journey.flights) + record.tax
        found = apply.response_headers(record, cost, journey.baseline(*used), model=answered)
        if len(journey.flights) > 1:
            found.update(apply.corrected_headers(cost, served.deployment))
        return found

    def cost_so_far(self, flight: Flight) -> int:
        """What an attempt cost as far as is known, in nano-dollars: its bill, its quote, or its hold."""
        if flight.cost is not None:
            return flight.cost
        if flight.cached:
            return 0
        if flight.used is None:
            return flight.hold
        model = flight.group or self.settings.ladder[flight.rank].model
        return self._cost(flight.quoted_usd, Usage(*flight.used), flight.answered_by or model)

    async def failed(self, data: Mapping[str, Any]) -> None:
        """Let go of the hold of a request that failed as a whole."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is not None:
            if self.capture is not None:
                self.capture.drop(flight.journey)
            await self.engine.books.release(flight)

    async def paid(self, kwargs: Mapping[str, Any], response: Any) -> None:
        """Settle one upstream call from LiteLLM's success event; other models' calls are counted too."""
        if self.settings.mode == "off":
            return
        paid = bill.read(kwargs, response)
        if paid is None or not (paid.attempt or paid.group or paid.cost or paid.used != Usage()):
            # Nothing that could have cost: an upload of a file, a batch that was begun.
            return
        await self._settle(paid)

    async def _settle(self, paid: bill.Paid) -> None:
        flight = self.engine.books.flight(paid.attempt) if paid.attempt else None
        used = paid.used
        if used.prompt == 0 and flight is not None:
            used = replace(used, prompt=flight.journey.features.prompt_tokens)
        priority = flight is not None and flight.journey.features.priority
        cost = 0 if paid.cached else self._cost(paid.cost, used, paid.group, priority=priority)
        aside = next((a for a in (self.engine.asides, self.debts.probes) if a.knows(paid.attempt)), None)
        if flight is None and aside is not None:
            await aside.settle(paid.attempt, paid.call_id, cost)
            return
        if flight is None:
            caller = extract.caller_of_event(paid.metadata, paid.end_user)
            at_s = paid.began_s(self.engine.clock.now())
            call = Unplanned(f"call:{paid.call_id}", caller, paid.tags, paid.group, cost, at_s)
            await self.engine.charge(call)
            return
        if flight.journey.taken is not None:
            flight.journey.taken.billed(flight.index, used.prompt, used.completion)
        # LiteLLM's cache would have had the answer for nothing at any tier.
        baseline = 0 if paid.cached else flight.journey.otherwise(used)
        usage = None if paid.cached else used
        if not await self.engine.books.settle(
            flight, cost, baseline=baseline, bill=paid.call_id, usage=usage
        ):
            await self._again(flight, paid.call_id, cost)
        elif not paid.cached:
            told = (paid.used.prompt, paid.used.completion)
            self.engine.estimates.saw(flight, paid.group, told, cost)
            self.engine.figures.saw(flight, told, cost)

    async def _again(self, flight: Flight, call_id: str, cost: int) -> None:
        """Count a second paid call of one attempt, such as a fallback after a cut stream."""
        if flight.bill == ESTIMATED:
            # The bill itself, after all: what it comes to beyond the estimate is still owed.
            cost -= flight.cost or 0
            flight.bill = call_id
        elif flight.bill == call_id:
            return
        if cost > 0:
            await self.engine.books.more(flight, call_id, cost)

    async def broken(self, kwargs: Mapping[str, Any], response: Any) -> None:
        """Settle a call that failed after it had cost something: a stream cut short, an answer withheld."""
        if self.settings.mode == "off":
            return
        paid = bill.read(kwargs, response)
        if paid is not None and not paid.cost:
            paid = bill.withheld(kwargs, paid)
        if paid is not None:
            await self._settle(paid)

    def _cost(self, usd_cost: float | None, used: Usage, group: str, *, priority: bool = False) -> int:
        """What a call cost, in nano-dollars: LiteLLM's figure, else its tokens at the group's price.

        LiteLLM says 0 where it found no price, which includes prices in ``litellm_params`` on some APIs.
        """
        if usd_cost:
            return int(nano_usd(usd_cost))
        return int(self.catalog.price(group, self.router()).bill(used, priority=priority))
