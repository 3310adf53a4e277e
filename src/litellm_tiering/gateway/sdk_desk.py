"""One tiered router's requests: planned, attempted, judged and served; and its books."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.features import Surface
from litellm_tiering.explain import explanation
from litellm_tiering.gateway import apply, extract, sdk_litellm, taking, timing
from litellm_tiering.gateway.beside import ask_beside
from litellm_tiering.gateway.sdk_answers import refused, report_of, with_report
from litellm_tiering.gateway.sdk_hub import CLOSED, HUB
from litellm_tiering.gateway.sdk_streams import TieredStream, without_usage
from litellm_tiering.gateway.streaming import as_asked, drop_logprobs
from litellm_tiering.gateway.upstream import METHODS, RouterUpstream
from litellm_tiering.gateway.wires import WIRES
from litellm_tiering.holding import Background, Held
from litellm_tiering.overdue import ESTIMATED
from litellm_tiering.status import classifier_status, live_budgets, store_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from litellm_tiering.core.features import Caller
    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.plan import Inquiry, Plan

    Plain = Callable[..., Awaitable[Any]]

TOLD_APART = (Surface.CHAT, Surface.COMPLETION)
"""Whose streams tell their usage in a chunk of its own, where they are asked to."""

_POLL_S = 0.02
_PRUNE_AT = 256


class Owned(Background):
    """Background work that its owner can stop."""

    async def stop(self) -> None:
        """Cancel what runs on this event loop, and wait for it."""
        loop = asyncio.get_running_loop()
        mine = [task for task in self._tasks if task.get_loop() is loop]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)


class PlainUpstream(RouterUpstream):
    """Sends a request by the router's own method, past the one that would plan it anew."""

    def __init__(self, plain: Plain, gateway: Gateway, data: Mapping[str, Any], journey: Journey) -> None:
        surface = journey.features.surface
        super().__init__(data, surface, journey.added, gateway.heard, gateway.router)
        self.plain = plain

    async def _send(self, router: Any, kwargs: dict[str, Any]) -> Any:  # noqa: ARG002 - the method is bound
        return await self.plain(**kwargs)

    def _adapt(self, kwargs: dict[str, Any], model: str, router: Any) -> None:
        super()._adapt(kwargs, model, router)
        if self._surface in TOLD_APART and kwargs.get("stream") is True:
            # Without it LiteLLM logs a stream with no tokens; it passes where a provider does not take it.
            options = kwargs.get("stream_options")
            kwargs["stream_options"] = {
                **(options if isinstance(options, dict) else {}),
                "include_usage": True,
            }


class Desk:
    """Where a router's requests go in and its money is counted.

    Args:
        gateway: Plans and settles.
        caller: Who asks, as far as budgets and rules go by it.
    """

    def __init__(self, gateway: Gateway, background: Owned, caller: Caller) -> None:
        self.gateway = gateway
        self.caller = caller
        self._engine = gateway.engine
        self._background = background
        self._journeys: list[Journey] = []
        self._settling = 0
        self._closed = False
        self._leave = HUB.join(self)

    def serves(self, data: Mapping[str, Any]) -> bool:
        """Whether a request is to be planned: its model has a route, and it is no attempt of ours already."""
        model = data.get("model")
        if self.gateway.settings.mode == "off" or not isinstance(model, str):
            return False
        return self.gateway.settings.route_for(model) is not None and not self.knows(apply.attempt_of(data))

    def knows(self, attempt: str) -> bool:
        """Whether an attempt's id is one of this desk's."""
        if not attempt:
            return False
        beside = self._engine.asides.knows(attempt) or self.gateway.debts.probes.knows(attempt)
        return beside or self._engine.books.flight(attempt) is not None

    @property
    def closed(self) -> bool:
        """Whether no more requests are taken."""
        return self._closed

    # ------------------------------------------------------------------ requests

    async def ask(self, data: dict[str, Any], surface: Surface, plain: Plain) -> Any:
        """The answer to a request, or its stream.

        Args:
            data: The arguments of the router's method.
            surface: Which method it is.
            plain: That method as LiteLLM has it.

        Raises:
            litellm exceptions: the request was refused, or its first attempt failed.
            RuntimeError: the router was closed.
        """
        if self._closed:
            raise RuntimeError(CLOSED)
        HUB.listen()
        planned = await self._engine.contained("admit", lambda: self._plan(data, surface), None)
        if planned is None:
            return await plain(**data)
        plan, model = planned
        if plan.decision.refusal is not None:
            raise refused(plan.decision.refusal, plan.record, data["model"])
        flight = plan.flight
        if flight is None:  # pragma: no cover - a plan that is not refused has one
            return await plain(**data)
        self._remember(flight.journey)
        taking.begin(self.gateway.capture, flight.journey, data)
        taking.asked(flight.journey, data)
        flight.journey.added = self._added(data, flight.journey)
        upstream = PlainUpstream(plain, self.gateway, data, flight.journey)
        await self._beside(plain, data, flight)
        first = await self._first(upstream, model, flight)
        if data.get("stream") is True:
            return self._stream(flight, data, upstream, first)
        return await self._whole(flight.journey, data, upstream, first)

    async def _beside(self, plain: Plain, data: Mapping[str, Any], flight: Flight) -> None:
        """Ask another model as well, where a gate compares answers; nobody waits for it here."""

        def upstream(sent: Mapping[str, Any]) -> PlainUpstream:
            return PlainUpstream(plain, self.gateway, sent, flight.journey)

        async def ask() -> None:
            ask_beside(self.gateway, flight.journey, None, data, upstream)

        await self._engine.contained("agreement", ask, None)

    async def _plan(self, data: dict[str, Any], surface: Surface) -> tuple[Plan, str] | None:
        """The plan of a request, and the model group that it goes to first."""
        began_s = time.perf_counter()
        inquiry = await self._inquiry(data, surface)
        if inquiry is None:  # pragma: no cover - whoever asks has seen that there is a route
            return None
        if surface in (Surface.MESSAGES, Surface.RESPONSES):
            # Their `metadata` is the provider's; LiteLLM's own has another name.
            data.setdefault("litellm_metadata", {})
        plan = await timing.plan(self._engine, inquiry, began_s)
        return plan, plan.record.model if self.gateway.enforced(inquiry) else data["model"]

    async def _inquiry(self, data: Mapping[str, Any], surface: Surface) -> Inquiry | None:
        caller = extract.calling(self.caller, data)
        return await self.gateway.inquiry(None, data, data["model"], caller, METHODS[surface])

    def _added(self, data: Mapping[str, Any], journey: Journey) -> frozenset[str]:
        """What is added to a request for our gates' sake, where its model takes it."""
        cascade = self.gateway.policies.of(journey.record.arm).settings.cascade
        chat = journey.features.surface is Surface.CHAT and journey.prompt is not None
        wanted = chat and cascade is not None and cascade.wants_logprobs and not data.get("logprobs")
        return frozenset({"logprobs"} if wanted else ())

    async def _first(self, upstream: PlainUpstream, model: str, flight: Flight) -> Any:
        """The first answer. It is paid for, so one whose caller goes away comes all the same."""
        task = self._background.spawn(upstream.call(model, flight.attempt))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: self._unclaimed(done, flight))
            raise
        try:
            return task.result()
        except BaseException:
            if self.gateway.capture is not None:
                self.gateway.capture.drop(flight.journey)
            await self._engine.books.release(flight)
            raise

    def _unclaimed(self, task: asyncio.Task[Any], flight: Flight) -> None:
        if task.cancelled() or task.exception() is not None:
            self._background.spawn(self._engine.books.release(flight))
        elif hasattr(task.result(), "__aiter__"):
            self._unread(task.result(), flight)

    def _unread(self, stream: Any, flight: Flight) -> None:
        """Read a stream that nobody reads to its end, which tells what it cost."""
        held = self._held(stream, flight)
        held.discard()
        self.gateway.overdue.expect(flight, held.listener)

    def _held(self, stream: Any, flight: Flight) -> Held:
        listener = WIRES[flight.journey.features.surface].listener()
        return Held(stream, listener, flight, self._background, lent=False)

    async def _whole(
        self, journey: Journey, data: Mapping[str, Any], upstream: PlainUpstream, first: Any
    ) -> Any:
        async def judged() -> Any:
            cascade = self.gateway.cascade(journey, data, upstream, lent=False)
            return first if cascade is None else await cascade.whole(first)

        served = await self._engine.contained("cascade", judged, first)

        async def compare() -> None:
            self.gateway.debts.answered(data, served, (journey, upstream.plain))

        await self._engine.contained("debt", compare, None)
        if journey.taken is not None:
            journey.taken.over()
        if "logprobs" in journey.added:
            drop_logprobs(served)
        return with_report(served, report_of(journey, self.gateway))

    def _stream(
        self, flight: Flight, data: Mapping[str, Any], upstream: PlainUpstream, first: Any
    ) -> TieredStream:
        journey = flight.journey
        cascade = self.gateway.cascade(journey, data, upstream, lent=False)
        settings = self.gateway.policies.of(journey.record.arm).settings.cascade
        off = settings is None or settings.stream == "off"
        if cascade is not None and not off and cascade.can_climb:
            chunks = cascade.stream(first)
        else:
            chunks = self._passing(first, flight)
        if journey.taken is not None:
            chunks = taking.to_the_end(chunks, journey.taken)
        surface = journey.features.surface
        chunks = as_asked(chunks, surface, "", logprobs="logprobs" not in journey.added)
        options = data.get("stream_options")
        told = isinstance(options, dict) and options.get("include_usage") is True
        if surface in TOLD_APART and not told:
            chunks = without_usage(chunks)
        try:
            chunks = self.gateway.debts.streamed(data, chunks, first, (journey, upstream.plain))
        except Exception as error:  # noqa: BLE001 - as in Engine.contained, which awaits
            self._engine.fault("debt", error)
        hidden = getattr(first, "_hidden_params", None)
        return TieredStream(
            chunks,
            report=lambda: report_of(journey, self.gateway),
            hidden=hidden if isinstance(hidden, dict) else {},
            unread=lambda: self._unread(first, flight),
            background=self._background,
        )

    async def _passing(self, stream: Any, flight: Flight) -> AsyncGenerator[Any, None]:
        """A stream that is not judged, heard so that its length tells its cost where no bill comes."""
        held = self._held(stream, flight)
        if flight.journey.taken is not None:
            flight.journey.taken.listens(flight.index, held.listener)
        broken = False
        try:
            async with aclosing(held.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Exception:
            broken = True
            raise
        finally:
            if not held.ended:
                held.discard()
            self.gateway.overdue.expect(flight, held.listener, broken=broken)

    # ------------------------------------------------------------------ money

    async def paid(self, kwargs: Mapping[str, Any], response: Any) -> None:
        """Settle an attempt from LiteLLM's success event."""
        await self._settle(lambda: self.gateway.paid(kwargs, response))

    async def broken(self, kwargs: Mapping[str, Any], response: Any) -> None:
        """Settle an attempt that failed after it had cost something."""
        await self._settle(lambda: self.gateway.broken(kwargs, response))

    async def _settle(self, work: Callable[[], Awaitable[None]]) -> None:
        self._settling += 1
        try:
            await self._engine.contained("settle", work, None)
        finally:
            self._settling -= 1

    def _remember(self, journey: Journey) -> None:
        if len(self._journeys) > _PRUNE_AT:
            self._journeys = [j for j in self._journeys if not all(f.ended for f in j.flights)]
        self._journeys.append(journey)

    def _open(self) -> list[Flight]:
        """The attempts whose bill has not come."""
        return [f for j in tuple(self._journeys) for f in j.flights if not f.ended]

    async def settled(self, within_s: float) -> bool:
        """Wait until every attempt is paid for; False where some are not after ``within_s`` seconds."""
        ends = time.monotonic() + within_s
        while self._open() or self._settling or self._engine.asides.unpaid or self.gateway.debts.waiting:
            if time.monotonic() >= ends:
                return False
            sdk_litellm.adopt_logs()
            await asyncio.sleep(_POLL_S)
        return True

    async def close(self, within_s: float) -> None:
        """Wait for the bills, count what has none by its estimate, and let go of everything."""
        self._closed = True
        await self.settled(within_s)
        await self._background.stop()
        await self.gateway.overdue.close()
        for flight in self._open():
            journey = flight.journey
            await self._engine.books.settle(
                flight, flight.hold, baseline=journey.baseline_hold, bill=ESTIMATED
            )
        if self.gateway.capture is not None:
            await self.gateway.capture.close()
        await self._engine.close()
        self._leave()

    # ------------------------------------------------------------------ reports

    async def status(self) -> dict[str, Any]:
        """Live budgets and alarms, as the ``status`` route has them."""
        engine, settings = self._engine, self.gateway.settings
        now = engine.clock.now()
        live = await engine.books.ask(engine.ledger.active(now), "active")
        budgets = live_budgets(engine.terms.budgets, live or {}, now, engine.pacer)
        faults = [f"fault: {name} x{count}" for name, count in engine.faults.items()]
        return {
            "mode": settings.mode,
            "store": await store_status(engine, ok=live is not None),
            "budgets": [b.as_json(settings.ladder.top) for b in budgets],
            "classifiers": await classifier_status(engine),
            "background": len(self._background),
            "alarms": [
                *faults,
                *(alarm for watch in engine.watches() for alarm in watch.alarms()),
                *self.gateway.policies.gate_alarms(),
                *self.gateway.other_alarms(),
            ],
            "policy": settings.policy_hash,
        }

    async def explain(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The decision that a chat request would get now, and why.

        Raises:
            ValueError: no route serves its model.
        """
        inquiry = await self._inquiry(data, Surface.CHAT)
        if inquiry is None:
            raise ValueError(f"no route of the tiering section serves the model {data['model']!r}")
        return explanation(await self._engine.explain(inquiry), inquiry, self.gateway.settings.ladder)
