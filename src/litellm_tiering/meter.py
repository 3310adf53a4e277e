"""Who is told what becomes of requests, for figures and for traces: a port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from litellm_tiering.core.record import Record
    from litellm_tiering.core.shadow import Would
    from litellm_tiering.journeys import Flight
    from litellm_tiering.ports import Tally


class Meter(Protocol):
    """Is told what becomes of requests, while it happens; see :mod:`litellm_tiering.telemetry.meter`."""

    def decided(self, record: Record) -> None:
        """A request was decided; it may have been refused."""
        ...

    def took(self, seconds: float) -> None:
        """A decision took so long."""
        ...

    def attempted(self, flight: Flight) -> None:
        """An attempt has ended, or its answer was judged."""
        ...

    def escalated(self, from_tier: str, to_tier: str, gate: str) -> None:
        """A further attempt is made, since ``gate`` rejected the answer before it."""
        ...

    def judged(self, gate: str, seconds: float) -> None:
        """A gate took so long over an answer."""
        ...

    def shadowed(self, would: Would) -> None:
        """A part in shadow mode would have done something, or nothing else."""
        ...

    def counted(self, tally: Tally) -> None:
        """Something was added to the day's totals."""
        ...
