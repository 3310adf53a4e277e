"""Gates that say the same of everything: the first sign of one that is broken, misread or asleep.

In this process's memory only, and of a few counters for each gate that is configured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Ruling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.gate import Verdict

REJECTED_ENOUGH = 200
"""How many answers a gate must have judged before rejecting nearly all of them is odd."""

REJECTED_SHARE = 0.99

ACCEPTED_ENOUGH = 1_000
"""How many it must have judged before accepting all of them is odd, of a gate that is there to tell apart."""

SILENT_ENOUGH = 100
SILENT_SHARE = 0.9
"""From when on a second model that is asked and not heard of is odd."""

_SILENCE = frozenset({"failed", "late", "fault", "permission", "gone"})

KEPT = 4_000
"""From here on older verdicts fade: all counts are halved."""


@dataclass(slots=True)
class _Count:
    accepted: float = 0.0
    rejected: float = 0.0
    silent: float = 0.0

    @property
    def judged(self) -> float:
        return self.accepted + self.rejected

    def fade(self) -> None:
        if self.judged + self.silent >= KEPT:
            self.accepted, self.rejected, self.silent = (
                self.accepted / 2,
                self.rejected / 2,
                self.silent / 2,
            )


class Counts:
    """What each gate of a route has said of whole answers.

    Args:
        names: The gates.
        nets: Those that are there for what hardly ever happens: that they accept everything is no news.
    """

    def __init__(self, names: Sequence[str], nets: frozenset[str] = frozenset()) -> None:
        self._nets = nets
        self._counts = {name: _Count() for name in names}

    def saw(self, name: str, verdict: Verdict) -> None:
        """Count one verdict."""
        count = self._counts[name]
        if verdict.ruling is Ruling.ACCEPT:
            count.accepted += 1
        elif verdict.rejects:
            count.rejected += 1
        elif verdict.reason in _SILENCE:
            count.silent += 1
        count.fade()

    def alarms(self) -> list[str]:
        """What an operator should look at, one sentence for each gate that is odd."""
        return [told for name, count in self._counts.items() if (told := self._told(name, count))]

    def _told(self, name: str, count: _Count) -> str:
        if count.judged >= REJECTED_ENOUGH and count.rejected >= REJECTED_SHARE * count.judged:
            share = count.rejected / count.judged
            return (
                f"gate {name!r} rejected {share:.0%} of its last {count.judged:.0f} answers: each was "
                "paid for twice"
            )
        if count.judged >= ACCEPTED_ENOUGH and not count.rejected and name not in self._nets:
            return f"gate {name!r} accepted all of its last {count.judged:.0f} answers: it may be asleep"
        heard = count.judged + count.silent
        if heard >= SILENT_ENOUGH and count.silent >= SILENT_SHARE * heard:
            share = count.silent / heard
            return f"gate {name!r} had no second answer to go by in {share:.0%} of its last {heard:.0f} cases"
        return ""
