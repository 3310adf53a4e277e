"""``check --traffic``: what each gate would cost on captured traffic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.answers import demand_in, panel_of, said_in
from litellm_tiering.cli.common import UsageError, table
from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.config.build import Settings
    from litellm_tiering.evals.traffic import Traffic

    Prices = Callable[[str], "tuple[float, float] | None"]


def replayed(name: str, settings: Settings, prices: Prices | None) -> tuple[Traffic, list[str]]:
    """What the gates make of the traffic in a file, and what is odd about them.

    Raises:
        UsageError: the file cannot be used, or the configuration has no gates.
    """
    from litellm_tiering.evals.traffic import Replay  # noqa: PLC0415 - only where it is asked for

    # Faults are counted by the replay.
    panel = panel_of(settings, lambda _where, _error: None)
    known: dict[str, tuple[float, float] | None] = {}

    def price(group: str) -> tuple[float, float] | None:
        if group not in known:
            known[group] = None if prices is None else prices(group)
        return known[group]

    try:
        found = asyncio.run(Replay(settings, panel, price, said_in, demand_in).read(name))
    except TieringError as error:
        raise UsageError(str(error)) from None
    return found, found.warnings(panel.nets)


def as_json(found: Traffic, odd: list[str]) -> dict[str, Any]:
    """The same for programs; ``…_per_day`` is null where the traffic is of less than an hour."""
    times = found.per_day
    return {
        "lines": found.lines,
        "used": found.used,
        "skipped": dict(found.skipped),
        "requests": found.requests,
        "hours": found.span_s / 3600,
        "rejected_share": found.rejected / found.requests,
        "escalation_usd": found.usd,
        "escalation_usd_per_day": None if times is None else found.usd * times,
        "unpriced": found.unpriced,
        "first_usd": found.first_usd,
        "asked_beside_share": found.asked_beside / found.requests,
        "beside_usd": found.beside_usd,
        "beside_usd_per_day": None if times is None else found.beside_usd * times,
        "gates": [
            {
                "gate": name,
                "judged": gate.judged,
                "rejected_share": gate.requests / found.requests,
                "alone_share": gate.alone / found.requests,
                "usd": gate.usd,
                "usd_per_day": None if times is None else gate.usd * times,
                "alone_usd_per_day": None if times is None else gate.alone_usd * times,
                "faults": gate.faults,
            }
            for name, gate in found.gates.items()
        ],
        "warnings": odd,
    }


def text_of(name: str, found: Traffic, odd: list[str]) -> str:
    """The same for people."""
    times, n = found.per_day, found.requests
    per = "a day" if times is not None else "in this traffic"
    scale = 1.0 if times is None else times
    rows = [("gate", "judged", "rejects", "it alone", f"escalating {per}", "it alone")]
    rows += [
        (
            gate,
            f"{one.judged:,}",
            f"{one.requests / n:.1%}",
            f"{one.alone / n:.1%}",
            _usd(one.usd * scale),
            _usd(one.alone_usd * scale),
        )
        for gate, one in found.gates.items()
    ]
    rows.append(("together", f"{found.used:,}", f"{found.rejected / n:.1%}", "", _usd(found.usd * scale), ""))
    source = "standard input" if name == "-" else name
    lines = [f"{source}: {found.used:,} of {found.lines:,} lines judged, for {n:,.0f} requests", table(rows)]
    lines.append(f"the first answers cost {_usd(found.first_usd * scale)} {per}")
    if found.asked_beside:
        lines.append(
            f"agreement asks a second time for {found.asked_beside / n:.1%} of requests: "
            f"{_usd(found.beside_usd * scale)} {per}; {found.beside_known:,} lines hold that answer, and the "
            "gate has no view on the others"
        )
    if times is None:
        lines.append("the lines are of less than an hour, or do not say when: no figures for a day")
    if found.unpriced:
        lines.append(
            f"for {found.unpriced:,} rejected answers the next tier's price is not known: not counted"
        )
    lines += [f"{count:,} lines left out: {why}" for why, count in found.skipped.most_common()]
    return "\n".join([*lines, *(f"warning: {told}" for told in odd)])


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"
