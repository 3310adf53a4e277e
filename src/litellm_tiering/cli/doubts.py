"""``p_bad`` as the verb ``gate`` prints it: one order over all answers, that never contradicts the verdict.

The gates of a cascade decide; most of them say little of what they accept. So the order is the acceptability
gate's: that of the configuration, or, beside the default gates, the built-in one as an observer, which
decides nothing. Where the configuration lists other gates only, it is theirs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_tiering.gates.acceptable import AcceptableGate

if TYPE_CHECKING:
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.gate import Exchange, Gate, Judgement
    from litellm_tiering.gates.panel import Panel

DOUBTFUL = 0.5
"""From this probability on an answer counts as bad."""

_BELOW = math.nextafter(DOUBTFUL, 0.0)


class Doubts:
    """Tells ``p_bad`` of judged answers.

    What a gate accepts lies below 0.5, what is rejected at 0.5 or above. Where an acceptability gate decides
    with ``min: 0.5``, its own probability is told unchanged; with another ``min`` it is stretched so that
    the bound lies at 0.5; an observer's is halved. An answer that another gate rejects is as bad as both say
    together, ``1 - (1 - p) * (1 - q)``.

    Args:
        settings: The configuration.
        panel: Its gates.
    """

    def __init__(self, settings: Settings, panel: Panel) -> None:
        self._gate = _first(panel.members)
        self._decides = self._gate is not None
        cascade = settings.config.cascade
        if self._gate is None and cascade is not False and (cascade is None or cascade.gates is None):
            self._gate = AcceptableGate()
        self._bound = 1.0 - self._gate.min if self._gate is not None and self._decides else 1.0

    def p_bad(self, found: Judgement, exchange: Exchange) -> float:
        """How likely the answer is bad, 0 to 1: below 0.5 where it was accepted, and only there."""
        own = None if self._gate is None else self._gate.p_bad(exchange)
        stated = found.p_bad
        if own is None:
            return within(stated, accepted=found.accepted)
        if found.by and found.by != (self._gate.name if self._decides and self._gate else ""):
            stated = stated if math.isfinite(stated) else 1.0
            own = 1.0 - (1.0 - own) * (1.0 - min(1.0, max(0.0, stated)))
        return within(self._stretched(own), accepted=found.accepted)

    def _stretched(self, p_bad: float) -> float:
        """``p_bad`` with the gate's own bound moved to 0.5, in two straight pieces."""
        if p_bad <= self._bound:
            return DOUBTFUL * p_bad / self._bound if self._bound else 0.0
        return DOUBTFUL + DOUBTFUL * (p_bad - self._bound) / (1.0 - self._bound)


def within(p_bad: float, *, accepted: bool) -> float:
    """``p_bad`` moved, if need be, to the side of 0.5 that the verdict is on; a gate may say anything."""
    low, high = (0.0, _BELOW) if accepted else (DOUBTFUL, 1.0)
    if not math.isfinite(p_bad):
        return low if accepted else high
    return min(max(p_bad, low), high)


def _first(gates: tuple[Gate, ...]) -> AcceptableGate | None:
    """The first acceptability gate among ``gates`` and those that they combine."""
    for gate in gates:
        found = gate if isinstance(gate, AcceptableGate) else _first(getattr(gate, "members", ()))
        if found is not None:
            return found
    return None
