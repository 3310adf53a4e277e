"""A request's climb: attempt, judge, serve, or hold the money for the next tier and attempt again.

One :class:`Cascade` per request, over whole answers (:meth:`Cascade.whole`) or streams
(:meth:`Cascade.stream`). Whatever goes wrong here, an answer that there is is served.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.climbing import bounds_of, can_climb
from litellm_tiering.core.cascade import Because, GiveUp, Tried, Try, next_action
from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.core.experiment import within
from litellm_tiering.core.gate import Demand, Exchange, Judgement, Said
from litellm_tiering.holding import Held
from litellm_tiering.looking_on import instead, look_on, shown
from litellm_tiering.plan import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from litellm_tiering.config.build import CascadeSettings
    from litellm_tiering.core.cascade import Serve
    from litellm_tiering.engine import Engine
    from litellm_tiering.holding import Background
    from litellm_tiering.journeys import Flight, Journey
    from litellm_tiering.overdue import Overdue
    from litellm_tiering.ports import Upstream, Wire

MAX_CHOICES = 32
"""How many of several choices are judged; a request for more is judged by these."""

LOOK_EVERY_CHARS = 24
"""How much more of a stream must have come before its beginning is judged again."""

LINGER_S = 30.0
"""How long a client's stream, all of it sent, stays open for a rejected one to end and tell its cost."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every cascade of a process runs on."""

    engine: Engine
    settings: CascadeSettings
    background: Background
    overdue: Overdue


class Cascade:
    """One request's attempts, from the first answer on.

    Args:
        setting: The engine, the gates and their settings.
        journey: The request, its first attempt sent.
        demand: What shape of answer was asked for.
        wire: How its API writes answers.
        upstream: Sends it to further tiers.
        lent: Whether the first stream belongs to LiteLLM, which closes and bills it.
    """

    def __init__(  # noqa: PLR0913 - one request and all that it touches
        self,
        setting: Setting,
        journey: Journey,
        demand: Demand,
        wire: Wire,
        upstream: Upstream,
        *,
        lent: bool = True,
    ) -> None:
        self._engine = setting.engine
        self._books = setting.engine.books
        self._settings = setting.settings
        self._background = setting.background
        self._overdue = setting.overdue
        self._journey = journey
        self._wire = wire
        self._upstream = upstream
        self._lent = lent
        self._blank = Exchange(Said(), journey.features, journey.prompt or Exchange(Said()).prompt, demand)
        journey.prompt = None
        self._decision = journey.record.decision
        self._bounds = bounds_of(setting, journey)
        self._tried: list[Tried] = []
        # The attempt of each that was tried: what is asked beside the first one is none of them.
        self._flights = [journey.flights[0]]
        self._stopped: Stopped | None = None
        self._served_by: Serve | None = None

    @property
    def can_climb(self) -> bool:
        """Whether a rejected answer could be replaced at all."""
        return can_climb(self._journey, self._bounds)

    # ------------------------------------------------------------------ whole answers

    async def whole(self, first: Any) -> Any:  # noqa: ANN401 - each API has answers of its own
        """The answer to serve: the first, or a better one."""
        answers = [first]
        judgement = await self._judge(self._flights[0], self._wire.whole(first))
        self._watched(judgement)
        self._tried.append(Tried(self._flights[0].rank, judgement))
        while isinstance(action := self._next(), Try):
            flight = await self._climb(action.rank)
            if flight is None:
                continue
            answer = await self._within_deadline(flight)
            answers.append(answer)
            found = None if answer is None else await self._judge(flight, self._wire.whole(answer))
            self._tried.append(Tried(flight.rank, found))
        if isinstance(action, GiveUp):  # pragma: no cover - the first answer is always there
            return first
        better = await self._better(action)
        self._serve(action, better)
        if better is not None:
            return better[1]
        self._looked_on(action, self._wire.whole(answers[action.index]))
        return answers[action.index]

    async def _better(self, action: Serve) -> tuple[Flight, Any] | None:
        """An answer that was asked for beside the first and agrees, where it is to be served in its place."""
        peers = self._journey.peers
        if peers is None or action.index > 0 or action.because is not Because.ACCEPTED:
            return None
        found = peers.better()
        if found is None:
            return None
        flight, answer = found
        # The other gates have not seen it yet; and it is compared with no one.
        blank = replace(
            self._blank, tier=self._engine.terms.policy.ladder[flight.rank].name, model=flight.group
        )
        for said in self._wire.whole(answer)[:MAX_CHOICES] or (Said(),):
            if not (await self._settings.gates.judge(replace(blank, said=said))).accepted:
                return None
        return found

    async def _within_deadline(self, flight: Flight) -> Any | None:  # noqa: ANN401 - as above
        """An answer or stream of the attempt's tier; None when it failed, or does not come in time.

        One that is late goes on by itself: it is paid for, and its bill tells what it cost.
        """
        model = self._engine.terms.policy.ladder[flight.rank].model
        task = self._background.spawn(self._upstream.call(model, flight.attempt))
        in_time = False
        try:
            await asyncio.wait({task}, timeout=self._left_s())
            in_time = task.done()
        finally:
            # The client may hang up in the very moment in which the answer comes.
            if not in_time:
                task.add_done_callback(self._too_late(flight))
        if not in_time:
            self._books.judged(flight, "late")
            return None
        if task.cancelled() or task.exception() is not None:
            await self._books.release(flight)
            return None
        return task.result()

    def _too_late(self, flight: Flight) -> Callable[[asyncio.Task[Any]], None]:
        def ended(task: asyncio.Task[Any]) -> None:
            if task.cancelled() or task.exception() is not None:
                self._background.spawn(self._books.release(flight, "late"))
            elif hasattr(task.result(), "__aiter__"):
                held = self._hold(task.result(), flight, lent=False)
                held.discard()
                self._overdue.expect(flight, held.listener)

        return ended

    # ------------------------------------------------------------------ streams

    async def stream(self, first: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - as above
        """The chunks to serve: of the first stream, or of a better one, always of one alone."""
        streams = [self._hold(first, self._flights[0], lent=self._lent)]
        chosen = streams[0]
        whole = False
        try:
            chosen = await self._engine.contained("cascade", lambda: self._choose(streams), chosen)
            for other in streams:
                if other is not chosen:
                    other.discard()
            async with aclosing(chosen.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
            whole = True
        finally:
            await self._leave(streams, chosen, whole=whole)

    def _hold(self, stream: Any, flight: Flight, *, lent: bool) -> Held:  # noqa: ANN401 - as above
        listener = self._wire.listener()
        if self._journey.taken is not None:
            self._journey.taken.listens(flight.index, listener)
        return Held(stream, listener, flight, self._background, lent=lent)

    async def _choose(self, streams: list[Held]) -> Held:
        """The stream to serve; it, and those before it, are held as far as they were judged."""
        heard = [streams[0]]
        # Where every gate is in shadow mode nothing is held back for them.
        judgement = Judgement() if self._settings.idle else await self._heard(streams[0])
        self._watched(judgement)
        self._tried.append(Tried(streams[0].flight.rank, judgement))
        while isinstance(action := self._next(), Try):
            heard[-1].reject()
            flight = await self._climb(action.rank)
            if flight is None:
                continue
            opened = await self._within_deadline(flight)
            if opened is None:
                self._tried.append(Tried(flight.rank, None))
                heard.append(heard[0])
                continue
            streams.append(self._hold(opened, flight, lent=False))
            heard.append(streams[-1])
            self._tried.append(Tried(flight.rank, await self._heard(streams[-1])))
        if isinstance(action, GiveUp):
            return streams[0]
        self._serve(action)
        self._served_by = action
        return heard[action.index]

    async def _heard(self, held: Held) -> Judgement | None:
        """What the gates make of a stream, of as much of it as they need; None where it broke."""
        whole = self._settings.stream == "buffer"
        most = self._settings.prefix_chars
        gate_early = self._settings.gates.judges_prefix
        look_at, hold_until = min(LOOK_EVERY_CHARS, most), None
        while not held.full and held.fault is None:
            if not await held.more(self._patience_s(hold_until)):
                break
            chars = held.listener.chars
            if chars and hold_until is None and not whole:
                hold_until = self._engine.clock.now() + self._settings.prefix_ms / 1000
            enough = chars >= most and not whole
            if enough and not gate_early:
                break
            if chars < look_at or not gate_early or (whole and chars > 2 * most):
                continue
            look_at = chars + LOOK_EVERY_CHARS
            if chars < most:
                look_at = min(look_at, most)
            found = await self._judge(held.flight, held.listener.said(), partial=True)
            if not found.accepted or enough or not (whole or found.undecided):
                return found
        if held.error is not None:
            self._books.judged(held.flight, "failed")
            return None
        if not held.ended:
            self._books.judged(held.flight, "ok", ("unjudged",))
            return Judgement()
        return await self._judge(held.flight, held.listener.said())

    def _patience_s(self, hold_until: float | None) -> float | None:
        """How long to wait for the next chunk while holding: for the prefix's time, and the deadline."""
        limits = [self._left_s()]
        if hold_until is not None:
            limits.append(max(0.0, hold_until - self._engine.clock.now()))
        known = [limit for limit in limits if limit is not None]
        return min(known) if known else None

    async def _leave(self, streams: Sequence[Held], chosen: Held, *, whole: bool) -> None:
        """See that every stream ends and is paid for, the client still there (``whole``) or gone."""
        try:
            for held in streams:
                if held.lent and held is not chosen and whole:
                    # LiteLLM closes it as soon as the client's stream is over: its end must come first.
                    await held.drained(LINGER_S)
                elif held.lent and not whole:
                    await held.stop()
                elif not held.ended:
                    held.discard()
        finally:
            if whole and self._served_by is not None:
                choices, partial = shown(chosen, self._settings)
                self._looked_on(self._served_by, choices, partial=partial)
            for held in streams:
                broken = held.error is not None
                self._overdue.expect(held.flight, held.listener, broken=broken)
                if held.fault is not None:
                    self._engine.fault("wire", held.fault)

    # ------------------------------------------------------------------ judging and climbing

    def _watched(self, judgement: Judgement | None) -> None:
        """Let all workers know how the first attempt's answer did, where a better one could be had."""
        engine, journey = self._engine, self._journey
        arm, drift = journey.record.arm, engine.drift
        lookout = engine.lookout(arm)
        watch = lookout.watch
        # Traffic is held against what the owner's policy was trained on, and not another's.
        if drift is not None and not engine.differs(arm) and judgement is not None:
            escalated = self.can_climb and not judgement.accepted
            drift.judged(journey.record.route, journey.record.decision, escalated=escalated)
        if watch is None or judgement is None or not self.can_climb:
            return
        watch.judged(within(journey.record.route, arm), rejected=not judgement.accepted)
        if journey.watched is not None:
            key, turn = journey.watched
            watch.note_soon(key, rejected=not judgement.accepted, turn=turn)
            if lookout.expecting is not None:
                lookout.expecting.judged(journey, judgement)

    def _exchange(self, flight: Flight, *, partial: bool) -> Exchange:
        """What gates see of an attempt's answer, the answer itself left out."""
        tier = self._engine.terms.policy.ladder[flight.rank]
        peers = self._journey.peers if flight is self._flights[0] else None
        return replace(self._blank, tier=tier.name, model=tier.model, partial=partial, peers=peers)

    def _looked_on(self, action: Serve, choices: Sequence[Said], *, partial: bool = False) -> None:
        """Have the gates in shadow mode judge the answer that is served; nobody waits for them."""
        flight, shadows = self._flights[action.index], self._settings.shadows
        if shadows is not None and choices:
            blank = self._exchange(flight, partial=partial)
            seen = [replace(blank, said=said) for said in choices[:MAX_CHOICES]]
            look_on(self._engine.shadowing, shadows, seen, flight, instead(action, self._tried, self._bounds))

    async def _judge(self, flight: Flight, choices: Sequence[Said], *, partial: bool = False) -> Judgement:
        """What the gates make of an answer: the first choice that is rejected rejects it."""
        blank = self._exchange(flight, partial=partial)
        found = Judgement()
        for said in choices[:MAX_CHOICES] or (Said(),):
            one = await self._settings.gates.judge(replace(blank, said=said))
            found = Judgement(
                by=one.by,
                p_bad=max(found.p_bad, one.p_bad),
                reasons=tuple(dict.fromkeys((*found.reasons, *one.reasons))),
                undecided=found.undecided or one.undecided,
                judged=tuple(dict.fromkeys((*found.judged, *one.judged))),
            )
            if not one.accepted:
                break
        if not partial or not found.accepted:
            self._books.judged(flight, found.by or "ok", found.reasons, found.judged)
            if self._journey.taken is not None:
                self._journey.taken.judged(flight.index, found.p_bad)
        return found

    def _next(self) -> Try | Serve | GiveUp:
        left = self._left_s()
        stopped = None if self._stopped is None else self._stopped.because
        return next_action(self._tried, self._bounds, late=left is not None and left <= 0, stopped=stopped)

    def _left_s(self) -> float | None:
        """How much of the deadline is left, in seconds; None without one."""
        limit = self._journey.case.route.deadline_s
        if limit is None:
            return None
        return max(0.0, self._journey.began_s + limit - self._engine.clock.now())

    async def _climb(self, rank: int) -> Flight | None:
        """One more attempt, its money held; None where it may not be made."""
        rejected_by = self._tried[-1].judgement
        found = await self._engine.escalate(self._journey, rank)
        if isinstance(found, Stopped):
            self._stopped = found
            return None
        detail = rejected_by.by if rejected_by is not None else "failed"
        self._decision = self._decision.moved(
            rank, stage=Stage.CASCADE, because=Reason.ESCALATION, detail=detail
        )
        if self._books.meter is not None:
            ladder = self._engine.terms.policy.ladder
            self._books.meter.escalated(ladder[self._tried[-1].rank].name, ladder[rank].name, detail)
        self._flights.append(found)
        return found

    def _serve(self, action: Serve, better: tuple[Flight, Any] | None = None) -> None:
        flight = self._flights[action.index] if better is None else better[0]
        if action.because is not Because.ACCEPTED:
            self._decision = self._decision.moved(
                flight.rank, stage=Stage.CASCADE, because=Reason.KEPT, detail=self._why(action)
            )
        self._books.serve(flight, self._decision)
        self._engine.served(self._journey, flight)

    def _why(self, action: Serve) -> str:
        """Why a rejected answer is served after all."""
        if self._stopped is not None:
            detail = self._stopped.detail
            return f"{action.because.value}:{detail}" if detail else action.because.value
        if len(self._tried) > 1 and self._tried[-1].judgement is None:
            return "failed"
        return "worse" if action.index < len(self._tried) - 1 else action.because.value
