"""What parts in shadow mode would have done, summed over the decisions that are kept.

Fed one row at a time, in bounded memory: parts are the owner's own, and what a row says beyond so many of
them is counted and left out. Rows come from the store and are taken for what they are, or not at all.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.shadow import CHANGES, Does, Part, impersonal
from litellm_tiering.units import nano_usd, usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litellm_tiering.records import Row

MOST_PARTS = 100
"""How many parts are told apart."""

MOST_MOVES = 64
"""How many ways from one tier to another are told apart of each; a ladder of eight has 56."""

LONGEST_NAME = 100

_ORDER = {part.value: place for place, part in enumerate(Part)}
_DOES = {does.value: does for does in Does}


@dataclass(slots=True)
class _Sum:
    """What one part would have done."""

    does: Counter[Does] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    extra: int = 0
    priced: int = 0

    @property
    def changes(self) -> int:
        return sum(self.does[does] for does in CHANGES)


class Foreseen:
    """The sums, by part and name."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sum] = {}
        self.left_out = 0
        """How often a part was not summed, since there were too many."""

    def saw(self, row: Row) -> None:
        """Take in one decision."""
        told = row.record.get("shadow")
        for one in told if isinstance(told, (list, tuple)) else ():
            if isinstance(one, dict):
                self._add(one)

    def _add(self, one: Mapping[str, Any]) -> None:
        part, name = one.get("part"), one.get("name")
        does = _DOES.get(str(one.get("does")))
        if part not in _ORDER or not isinstance(name, str) or does is None:
            return
        place = (str(part), name[:LONGEST_NAME])
        found = self._sums.get(place)
        if found is None:
            if len(self._sums) >= MOST_PARTS:
                self.left_out += 1
                return
            found = self._sums[place] = _Sum()
        found.does[does] += 1
        if does not in CHANGES:
            return
        source, target = one.get("from"), one.get("to")
        if isinstance(source, str) and isinstance(target, str):
            move = (source[:LONGEST_NAME], target[:LONGEST_NAME])
            if move in found.moves or len(found.moves) < MOST_MOVES:
                found.moves[move] += 1
        extra = one.get("extra_usd")
        if isinstance(extra, (int, float)) and not isinstance(extra, bool) and math.isfinite(extra):
            found.extra += int(nano_usd(extra))
            found.priced += 1

    def as_json(self, *, discreet: bool = False) -> dict[str, Any]:
        """``{parts, left_out}``: what each part would have done, those that would have changed most first.

        Args:
            discreet: Whether ids of personal budgets are left out, as for those who are no administrators.
        """
        parts = [_told(part, name, one) for (part, name), one in self._merged(discreet=discreet)]
        parts.sort(key=lambda told: (_ORDER[told["part"]], -told["changed"], told["name"]))
        return {"parts": parts, "left_out": self.left_out}

    @property
    def gates(self) -> list[dict[str, Any]]:
        """``{gate, judged, rejected, mode, would_reject}`` of the gates: they have rejected nothing."""
        found = [(name, one) for (part, name), one in self._sums.items() if part == Part.GATE.value]
        return [
            {
                "gate": name,
                "judged": sum(one.does.values()),
                "rejected": 0,
                "mode": "shadow",
                "would_reject": one.does[Does.REJECT],
            }
            for name, one in found
        ]

    def _merged(self, *, discreet: bool) -> Iterator[tuple[tuple[str, str], _Sum]]:
        found: dict[tuple[str, str], _Sum] = {}
        for (part, name), one in self._sums.items():
            place = (part, impersonal(name) if discreet and part == Part.BUDGET.value else name)
            into = found.setdefault(place, _Sum())
            into.does.update(one.does)
            into.moves.update(one.moves)
            into.extra += one.extra
            into.priced += one.priced
        yield from found.items()


def _told(part: str, name: str, one: _Sum) -> dict[str, Any]:
    moves = sorted(one.moves.items(), key=lambda move: (-move[1], move[0]))
    return {
        "part": part,
        "name": name,
        "judged": sum(one.does.values()),
        "changed": one.changes,
        "moved": one.does[Does.MOVE],
        "rejected": one.does[Does.REJECT],
        "refused": one.does[Does.REFUSE],
        "moves": [{"from": source, "to": target, "requests": n} for (source, target), n in moves],
        "extra_usd": usd(one.extra),
        "priced": one.priced,
    }
