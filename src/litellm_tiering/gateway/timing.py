"""How long routing takes: told to whoever keeps the figures, where there is somebody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from litellm_tiering.gates.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.books import Books
    from litellm_tiering.config.build import CascadeSettings
    from litellm_tiering.engine import Engine
    from litellm_tiering.plan import Inquiry, Plan


async def plan(engine: Engine, inquiry: Inquiry, began_s: float) -> Plan:
    """The engine's plan for a request that came at ``began_s``, by :func:`time.perf_counter`."""
    found = await engine.plan(inquiry)
    if engine.books.meter is not None:
        engine.books.meter.took(time.perf_counter() - began_s)
    return found


def tell(cascade: CascadeSettings, books: Books) -> None:
    """Have the gates of a cascade, those in shadow mode too, tell the figures how long each takes."""
    told = of_gates(books)
    if isinstance(cascade.gates, Panel):
        cascade.gates.on_time = told
    if cascade.shadows is not None:
        cascade.shadows.on_time = told


def of_gates(books: Books) -> Callable[[str, float], None]:
    """What a panel of gates tells the time of each."""

    def told(gate: str, seconds: float) -> None:
        if books.meter is not None:
            books.meter.judged(gate, seconds)

    return told
