"""The watch of one process: which segments start one tier higher, as all workers together have seen.

No request waits for the store here. ``start`` looks at a snapshot; what is learned of an answer goes to the
store in the background, and what the store replies is the snapshot's next state.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from litellm_tiering.core.adaptive import (
    Tally,
    enters,
    is_segment,
    leaves,
    one_tier_alarm,
    quiet_alarm,
    segment_alarm,
)
from litellm_tiering.core.experiment import arm_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping
    from typing import Any, TypeVar

    from litellm_tiering.ports import Clock, Segment, Segments

    T = TypeVar("T")

_log = logging.getLogger("litellm_tiering")

PROBE_SHARE = 0.05
"""Which share of a bypassed segment's requests still starts at its own tier, to notice recovery."""

QUIET_S = 600.0
"""After so many seconds without a probe the next request is one: with little traffic a share is nothing."""

STALE_S = 30.0
"""How old a snapshot may be, in seconds, before it is read anew."""

KNOWN_MAX = 5_000
UNDER_WAY_MAX = 500
"""How many segments are known here, and how many tasks run in the background, at most."""

ALARMS_MAX = 20
"""How many segments are named in alarms; those with the most rejections come first."""


class Asking(Protocol):
    """Asks the store, for which being away is a value: :class:`litellm_tiering.books.Books`."""

    async def ask(self, call: Awaitable[T], op: str) -> T | None:
        """The store's answer, or None when it is away or too slow."""
        ...


@dataclass(frozen=True, slots=True)
class Start:
    """Where a request of a segment starts.

    Attributes:
        bypass: Whether it starts one tier higher. Its answer then says nothing of the segment.
        probe: Whether it starts at its own tier although the segment is bypassed.
        turn: The segment's turn, to be handed back with the verdict.
    """

    bypass: bool = False
    probe: bool = False
    turn: int = 0


@dataclass(slots=True)
class _Known:
    """A segment as last heard of, and when it was bypassed or probed last, here."""

    segment: Segment
    probed_s: float


class Watch:
    """Knows which segments are bypassed. One per event loop.

    Args:
        segments: Where all workers keep what they see.
        books: Asks the store.
        clock: The time.
        above: The escalation rate, 0 to 1, at which a segment starts one tier higher. At 1 nothing is ever
            bypassed, since no rate is higher; what is counted still leads to alarms.
        probe_share: Which share of a bypassed segment's requests is a probe, 0 to 1.
        draw: A number from 0 up to but not including 1, for the probes.
        on_fault: Told of a fault of ours in the background: where, and what was raised.
        owns: Whose segments its alarms are about, by the arm that they lie in; all when None.
    """

    def __init__(  # noqa: PLR0913 - four parts, and three that only tests and the composition root name
        self,
        segments: Segments,
        books: Asking,
        clock: Clock,
        above: float,
        *,
        probe_share: float = PROBE_SHARE,
        draw: Callable[[], float] = random.random,
        on_fault: Callable[[str, BaseException], None] | None = None,
        owns: Callable[[str], bool] | None = None,
    ) -> None:
        self._segments = segments
        self._owns = owns
        self._books = books
        self._clock = clock
        self._above = above
        self._probe_share = probe_share
        self._draw = draw
        self._on_fault = on_fault or _logged
        # By when they were last heard of: dicts keep their order.
        self._known: dict[str, _Known] = {}
        self._meanwhile: dict[str, Segment] | None = None
        self._read_s = -math.inf
        self._tasks: set[asyncio.Task[None]] = set()
        self._judged = Tally()
        self._decided = Tally()
        self._closed = False

    # ------------------------------------------------------------------ segments

    def start(self, key: str) -> Start:
        """Where a request of this segment starts, as far as this process knows; asks nobody."""
        now = self._clock.now()
        if not 0 <= now - self._read_s <= STALE_S:
            # At once: of a burst only the first asks.
            self._read_s = now
            self._in_background(self.refresh)
        known = self._known.get(key)
        if known is None:
            return Start()
        turn = known.segment.turn
        if not known.segment.bypassed or self._above >= 1:
            return Start(turn=turn)
        # A clock that was set back must not silence the probes either.
        quiet = not 0 <= now - known.probed_s < QUIET_S
        if quiet or self._draw() < self._probe_share:
            known.probed_s = now
            return Start(probe=True, turn=turn)
        return Start(bypass=True, turn=turn)

    async def note(self, key: str, *, rejected: bool, turn: int) -> None:
        """Tell all workers how an answer of this segment's own tier was judged, and act on the rate.

        Not for requests that started with ``bypass``. With the store away nothing happens.

        Args:
            key: The segment.
            rejected: Whether the gates rejected the answer.
            turn: What :meth:`start` said; an answer of an earlier turn no longer counts.
        """
        now = self._clock.now()
        segment = await self._books.ask(
            self._segments.push(key, rejected=rejected, turn=turn, now_s=now), "segment_push"
        )
        if segment is None:
            return
        self._learn(key, segment)
        decide = leaves if segment.bypassed else enters
        if decide(segment.window, self._above):
            begun = await self._books.ask(
                self._segments.turn_over(
                    key, turn=segment.turn, bypassed=not segment.bypassed, now_s=self._clock.now()
                ),
                "segment_turn",
            )
            if begun is not None:
                self._learn(key, begun)

    def note_soon(self, key: str, *, rejected: bool, turn: int) -> None:
        """As :meth:`note`, in the background. With too much under way already it is left out.

        A window is a sample, so little is lost.
        """
        self._in_background(lambda: self.note(key, rejected=rejected, turn=turn))

    async def refresh(self) -> None:
        """Read what all workers have seen; with the store away, what is known here stands."""
        if self._meanwhile is not None:
            return
        now = self._read_s = self._clock.now()
        meanwhile = self._meanwhile = {}
        try:
            found = await self._books.ask(self._segments.segments(now), "segments")
        finally:
            self._meanwhile = None
        if found is None:
            return
        before, self._known = self._known, {}
        # What was heard while the answer was under way is newer than the answer.
        for key, segment in {**found, **meanwhile}.items():
            self._learn(key, segment, before)

    def bypassed(self, key: str) -> bool:
        """Whether requests of a segment start one tier higher, probes aside; draws nothing."""
        known = self._known.get(key)
        return known is not None and known.segment.bypassed and self._above < 1

    def segment(self, key: str) -> Segment | None:
        """One segment as this process last heard of it; draws nothing and begins nothing."""
        known = self._known.get(key)
        return None if known is None else known.segment

    def known(self) -> Mapping[str, Segment]:
        """The segments by their keys, as this process last heard of them."""
        return {key: known.segment for key, known in self._known.items()}

    def _learn(self, key: str, segment: Segment, before: Mapping[str, _Known] | None = None) -> None:
        if self._meanwhile is not None:
            self._meanwhile[key] = segment
        was = self._known.pop(key, None) if before is None else before.get(key)
        same = was is not None and (was.segment.turn, was.segment.bypassed) == (
            segment.turn,
            segment.bypassed,
        )
        probed_s = was.probed_s if was is not None and same else self._clock.now()
        self._known[key] = _Known(segment, probed_s)
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    # ------------------------------------------------------------------ alarms

    def judged(self, route: str, *, rejected: bool) -> None:
        """Count one judged answer of a route, whichever tier gave it."""
        self._judged.add(route, "rejected" if rejected else "accepted")

    def decided(self, route: str, tier: str, *, classified: bool) -> None:
        """Count one decision of a route.

        Args:
            route: The route's name.
            tier: The name of the tier that was chosen.
            classified: Whether the classifiers' word stood. Where the client named the tier, or a budget
                moved the request, the tier says nothing of the router, and is not counted.
        """
        if classified:
            self._decided.add(route, tier)

    def alarms(self) -> list[str]:
        """What an operator should look at, in short sentences, from what this process knows."""
        own = ((key, known) for key, known in self._known.items() if is_segment(key) and self._is_own(key))
        worst = sorted(own, key=lambda item: _badness(item[1].segment), reverse=True)
        bad = [
            segment_alarm(key, known.segment.window, bypassed=known.segment.bypassed and self._above < 1)
            for key, known in worst
        ]
        told = [alarm for alarm in bad if alarm]
        if len(told) > ALARMS_MAX:
            more = len(told) - ALARMS_MAX
            told[ALARMS_MAX:] = [f"threshold too low: {more} more segments escalate too often"]
        rates = [quiet_alarm(route, counts["rejected"], counts.total()) for route, counts in self._judged]
        shares = [one_tier_alarm(route, counts) for route, counts in self._decided]
        return told + [alarm for alarm in rates + shares if alarm]

    def _is_own(self, key: str) -> bool:
        return self._owns is None or self._owns(arm_within(key.partition("|")[0]))

    # ------------------------------------------------------------------ background

    async def close(self) -> None:
        """Cancel what is under way in the background and begin nothing more there."""
        self._closed = True
        tasks = [task for task in self._tasks if task.get_loop() is asyncio.get_running_loop()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._closed or len(self._tasks) >= UNDER_WAY_MAX:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # A command line explains one request: nothing runs in the background of that.
            return
        task = loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_fault("adaptive", error)


def _badness(segment: Segment) -> tuple[bool, float]:
    return segment.bypassed, segment.window.count("1") / max(1, len(segment.window))


def _logged(where: str, error: BaseException) -> None:
    # Its kind only: a message may hold anything.
    _log.error("fault in %s: %s; requests go on unchanged", where, type(error).__name__)
