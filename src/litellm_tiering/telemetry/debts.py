"""What the kept decisions tell of downgrades: how many, and how often the better tier says otherwise."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.debt import MONEY, Debts
from litellm_tiering.core.decision import Stage
from litellm_tiering.units import nano_usd, usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.records import Row

MOST_WORDS = 32
"""How many different reasons for not asking twice are told apart."""

MISSED = 0.1
"""From this share of the sample on it is said that the limit stopped some: the rest leans to early hours."""

_MONEY = tuple(reason.value for reason in MONEY)
_LONGEST_WORD = 32
_OTHER = "(other)"


class Downgrades:
    """Takes in decisions, one row at a time, in constant memory.

    Args:
        ranks: The tiers' names, cheapest first, to tell a move down from one to the same tier.
    """

    def __init__(self, ranks: Sequence[str] = ()) -> None:
        self._ranks = {name: rank for rank, name in enumerate(ranks)}
        self._debts = Debts()
        self._skipped: Counter[str] = Counter()

    def saw(self, row: Row) -> None:
        """Take in one decision."""
        debts, found = self._debts, row.record.get("debt")
        told = isinstance(found, dict)
        if not told and not self._moved_down(row.record):
            return
        debts.downgraded += 1
        if not isinstance(found, dict):
            return
        debts.drawn += 1
        debts.cost += _nano(found.get("cost_usd"))
        why = found.get("skipped")
        if isinstance(why, str) and why:
            known = why[:_LONGEST_WORD]
            known = known if known in self._skipped or len(self._skipped) < MOST_WORDS else _OTHER
            self._skipped[known] += 1
        else:
            debts.add(found.get("agreed"), found.get("served_passed"), found.get("better_passed"))

    def _moved_down(self, record: Mapping[str, Any]) -> bool:
        """Whether money moved a request down, and that took effect."""
        if record.get("refused"):
            return False
        steps = record.get("steps")
        for step in steps if isinstance(steps, (list, tuple)) else ():
            if not isinstance(step, dict) or step.get("enforced") is not True:
                continue
            if step.get("stage") == Stage.BUDGET.value and step.get("reason") in _MONEY and self._lower(step):
                return True
        return False

    def _lower(self, step: Mapping[str, Any]) -> bool:
        before, after = step.get("from"), step.get("to")
        known = isinstance(before, str) and isinstance(after, str)
        if known and before in self._ranks and after in self._ranks:
            return self._ranks[after] < self._ranks[before]
        # Of a ladder that there is no more: money moves nothing up.
        return known and before != after

    def as_json(self) -> dict[str, Any]:
        """What it comes to; rates are ``{share, low, high}`` with 95 % intervals, null of nothing."""
        debts = self._debts
        return {
            "downgraded": debts.downgraded,
            "drawn": debts.drawn,
            "probed": debts.probed,
            "skipped": dict(self._skipped.most_common()),
            "comparable": debts.compared,
            "agreed": debts.agreed,
            "agreement": debts.same.as_json(),
            "different": debts.different.as_json(),
            "judged": debts.judged,
            "both_passed": debts.both,
            "served_only_passed": debts.served_only,
            "better_only_passed": debts.better_only,
            "cost_usd": usd(debts.cost),
            "note": self._note(),
        }

    def _note(self) -> str:
        missed = self._skipped["limit"] + self._skipped["budget"]
        if not self._debts.drawn or missed < MISSED * self._debts.drawn:
            return ""
        return (
            f"the limit stopped {missed} of the {self._debts.drawn} of the sample, the later ones of their "
            "window: lower `share`, or raise `limit_usd`, for a sample of all hours"
        )


def debt_sentence(debt: Mapping[str, Any]) -> str:
    """The honest estimate, for people; empty where nothing was asked twice."""
    if not debt["drawn"]:
        return ""
    said = (
        f"Quality debt: {debt['downgraded']:,} requests were moved down by a budget, and {debt['probed']:,} "
        "of them were asked of the better tier as well"
    )
    different = debt["different"]
    if debt["comparable"]:
        said += (
            f"; of {debt['comparable']:,} answers that can be compared about {different['share']:.1%} came "
            f"out different from what it says, between {different['low']:.1%} and {different['high']:.1%} "
            "with 95 % confidence"
        )
    elif debt["probed"]:
        said += "; none of the answers can be compared by their form"
    said += "."
    if debt["judged"]:
        said += (
            f" Gates passed the better tier's answer alone {debt['better_only_passed']:,} times in "
            f"{debt['judged']:,}, and the served one alone {debt['served_only_passed']:,} times."
        )
    note = debt["note"]
    return f"{said} Note: {note}." if note else said


def _nano(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0
    return int(nano_usd(max(0.0, float(value))))
