"""What becomes of requests, told as figures while it happens. Nothing waits for it, and nothing fails by it.

Requests count when they are decided, under the tier they are sent to first; escalations tell which went on.
An attempt counts when its answer was judged, or else when it has ended: the bill of an answer that is still
being judged may come first, so an attempt that gates may look at is given a moment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.core.agreement import UNUSED
from litellm_tiering.core.debt import PROBE
from litellm_tiering.core.shadow import Part
from litellm_tiering.tallies import UNPLANNED, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.core.record import Record
    from litellm_tiering.core.shadow import Would
    from litellm_tiering.journeys import Flight
    from litellm_tiering.meter import Meter
    from litellm_tiering.ports import Tally
    from litellm_tiering.telemetry.metrics import Metrics

JUDGED_WITHIN_S = 1.0
"""How long an attempt that was paid for waits for its verdict before it counts as it stands, in seconds."""

_MAY_CHANGE = {"ok", UNUSED}

NO_ROUTE = "(unplanned)"
"""The route and the tier of calls that no route serves."""


class Figures:
    """Tells the figures of requests to Prometheus; a :class:`~litellm_tiering.meter.Meter`.

    Args:
        metrics: The figures.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def decided(self, record: Record) -> None:
        """Count a request under the tier that it is sent to first."""
        self._metrics.requests(record.route, record.tier, record.model, reason_of(record.decision))

    def took(self, seconds: float) -> None:
        """Note how long a decision took."""
        self._metrics.decision(seconds)

    def attempted(self, flight: Flight) -> None:
        """Count an attempt with what became of it."""
        told = flight.journey.record.attempts[flight.index]
        self._metrics.attempt(told.tier, told.model, told.verdict, told.elapsed_ms / 1000)

    def escalated(self, from_tier: str, to_tier: str, gate: str) -> None:
        """Count one more attempt at a higher tier."""
        self._metrics.escalation(from_tier, to_tier, gate)

    def judged(self, gate: str, seconds: float) -> None:
        """Note how long a gate took."""
        self._metrics.gate(gate, seconds)

    def shadowed(self, would: Would) -> None:
        """Count what a part in shadow mode would have done; a budget goes by its scope alone."""
        name = would.name
        if would.part is Part.BUDGET:
            name = name.replace(" ", ":").partition(":")[0]
        self._metrics.shadow(would.part.value, name, would.does.value)

    def counted(self, tally: Tally) -> None:
        """Count money as the day's totals do, so that they and the figures agree."""
        if tally.reason == CLASSIFIER:
            return
        if tally.reason == UNPLANNED:
            self._metrics.requests(NO_ROUTE, NO_ROUTE, tally.model, UNPLANNED, tally.requests)
        if tally.reason == PROBE:
            self._metrics.probes(tally.tier, tally.model, tally.attempts)
        self._metrics.spend(tally.tier or NO_ROUTE, tally.model, tally.cost)
        if tally.baseline:
            self._metrics.baseline(tally.route or NO_ROUTE, tally.baseline)


class Meters:
    """Several meters as one: each is told, and a fault of one is contained; itself a Meter.

    It also sees that an attempt is told of once, in the right moment.

    Args:
        meters: Whom to tell.
        on_fault: Told of a fault: where, and what was raised.
    """

    def __init__(self, meters: Sequence[Meter], on_fault: Callable[[str, BaseException], None]) -> None:
        self._meters = tuple(meters)
        self._on_fault = on_fault

    def add(self, meter: Meter) -> None:
        """Tell one more from now on."""
        self._meters = (*self._meters, meter)

    def decided(self, record: Record) -> None:
        """A request was decided."""
        self._each(lambda meter: meter.decided(record))

    def took(self, seconds: float) -> None:
        """A decision took so long."""
        self._each(lambda meter: meter.took(seconds))

    def attempted(self, flight: Flight) -> None:
        """An attempt has ended or was judged; it is told of once."""
        if flight.metered:
            return
        verdict = flight.journey.record.attempts[flight.index].verdict
        if verdict in _MAY_CHANGE and flight.journey.case.route.cascade and not flight.judged:
            try:
                asyncio.get_running_loop().call_later(JUDGED_WITHIN_S, self._at_last, flight)
            except RuntimeError:
                self._at_last(flight)
            return
        self._at_last(flight)

    def _at_last(self, flight: Flight) -> None:
        if not flight.metered:
            flight.metered = True
            self._each(lambda meter: meter.attempted(flight))

    def escalated(self, from_tier: str, to_tier: str, gate: str) -> None:
        """One more attempt was made."""
        self._each(lambda meter: meter.escalated(from_tier, to_tier, gate))

    def judged(self, gate: str, seconds: float) -> None:
        """A gate took so long."""
        self._each(lambda meter: meter.judged(gate, seconds))

    def shadowed(self, would: Would) -> None:
        """A part in shadow mode would have done something."""
        self._each(lambda meter: meter.shadowed(would))

    def counted(self, tally: Tally) -> None:
        """Something was added to the day's totals."""
        self._each(lambda meter: meter.counted(tally))

    def _each(self, tell: Callable[[Meter], None]) -> None:
        for meter in self._meters:
            try:
                tell(meter)
            except Exception as error:  # noqa: BLE001, PERF203 - figures must not cost a request or its books
                self._on_fault("metrics", error)
