"""What the kept decisions tell beyond the totals: how long answers took, what gates rejected, the hold-out.

Fed one row at a time, in constant memory for each caller and tier; rows come from the store and are taken
for what they are, or not at all.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.agreement import UNUSED
from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.core.savings import QUARTER_S, Measured, Use, measured
from litellm_tiering.units import nano_usd, usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.records import Row

SAMPLE = 4096
"""How many latencies are kept of each tier: beyond that a fair draw of them."""

MOST_CALLERS = 100_000
MOST_GATES = 200

DAY_S = 86_400

_BY_THE_WAY = frozenset({Reason.REQUESTED.value, Reason.SHADOW.value})


class Activity:
    """How long answers took by tier, and how many each gate rejected.

    Args:
        gated: The routes whose answers are judged.
    """

    def __init__(self, gated: frozenset[str] = frozenset()) -> None:
        self._gated = gated
        self._waits: dict[str, Sample] = defaultdict(Sample)
        self._rejected: dict[str, int] = defaultdict(int)
        self._judged: dict[str, int] = defaultdict(int)
        self.rows = 0
        """How many decisions were seen."""
        self.hours: dict[int, int] = defaultdict(int)
        """What each hour since the epoch cost, in nano-dollars."""

    def saw(self, row: Row) -> None:
        """Take in one decision."""
        self.rows += 1
        self.hours[int(row.at // 3600)] += cost_of(row.record)
        told = (a for a in dicts_in(row.record.get("attempts")) if a.get("shadow") is not True)
        attempts = [a for a in told if a.get("verdict") != UNUSED]
        waits = [number_of(a.get("ms")) for a in attempts]
        if attempts and all(a.get("verdict") != "pending" for a in attempts) and row.tier:
            asked = (number_of(c.get("ms")) for c in dicts_in(row.record.get("classifiers")))
            self._waits[row.tier].add(math.fsum((*waits, *asked)))
        if row.route not in self._gated or row.holdout:
            return
        for attempt in attempts:
            by, verdict = attempt.get("judged"), attempt.get("verdict")
            for gate in by if isinstance(by, list) else ():
                if isinstance(gate, str) and (gate in self._judged or len(self._judged) < MOST_GATES):
                    self._judged[gate] += 1
                    self._rejected[gate] += gate == verdict

    def waits_ms(self, tier: str) -> tuple[float | None, float | None]:
        """The median and the 95th percentile of how long a tier's requests took, in milliseconds.

        From the first call to the last byte of the answer, classifiers and rejected attempts included.
        """
        sample = self._waits.get(tier)
        return (None, None) if sample is None else (sample.at(0.5), sample.at(0.95))

    @property
    def gates(self) -> list[dict[str, Any]]:
        """``{gate, judged, rejected}``, the one that rejects most first.

        Judged are the answers that it accepted or rejected: not those it had no opinion of, as of plain text
        where JSON is checked, and not those that a gate before it had rejected.
        """
        found = sorted(self._rejected.items(), key=lambda item: (-item[1], item[0]))
        return [{"gate": gate, "judged": self._judged[gate], "rejected": n} for gate, n in found]


class Sample:
    """A fair draw of bounded size: J. S. Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985)."""

    def __init__(self) -> None:
        self._kept: list[float] = []
        self._seen = 0
        # The same draw each time: two looks at the same rows must not differ.
        self._draw = random.Random(0)  # noqa: S311 - a sample of latencies, no secret

    def add(self, value: float) -> None:
        """Take in one value."""
        self._seen += 1
        if len(self._kept) < SAMPLE:
            self._kept.append(value)
        elif (place := self._draw.randrange(self._seen)) < SAMPLE:
            self._kept[place] = value

    def at(self, share: float) -> float:
        """The value that this share of them stays under, of some."""
        kept = sorted(self._kept)
        return round(kept[min(len(kept) - 1, int(share * len(kept)))], 1)


@dataclass(slots=True)
class _Day:
    """What one caller did on one day, on the routes that classify."""

    cost: int = 0
    requests: int = 0
    quarters: set[int] = field(default_factory=set)


class HoldOut:
    """What callers that are held out cost beside those that are routed."""

    def __init__(self) -> None:
        self._sides: dict[bool, dict[str, dict[int, _Day]]] = {True: {}, False: {}}
        self.left_out = 0
        """How many decisions were of callers that cannot be compared: nobody knows who they are."""

    def saw(self, row: Row) -> None:
        """Take in one decision."""
        if not (row.holdout or _routed(row.record)):
            return
        side = self._sides[row.holdout]
        who = f"key:{row.key}" if row.key else f"team:{row.team}"
        if not (row.key or row.team) or (who not in side and len(side) >= MOST_CALLERS):
            self.left_out += 1
            return
        day = side.setdefault(who, {}).setdefault(int(row.at // DAY_S), _Day())
        day.cost += cost_of(row.record)
        day.requests += 1
        day.quarters.add(int(row.at // QUARTER_S))

    def found(self) -> Measured | None:
        """What routing saves; None where nobody was held out, or nobody was routed.

        Only of the days from the first with somebody held out to the last. A caller that was on both sides,
        as when the share was raised, stands on neither.
        """
        held_on = [day for days in self._sides[True].values() for day in days]
        if not held_on:
            return None
        days = range(min(held_on), max(held_on) + 1)
        return measured(list(self._uses(days, held=False)), list(self._uses(days, held=True)))

    def _uses(self, days: range, *, held: bool) -> Iterator[Use]:
        for who, by_day in self._sides[held].items():
            seen = [day for at, day in by_day.items() if at in days]
            if who in self._sides[not held] or not seen:
                continue
            active = sum(len(day.quarters) for day in seen)
            yield Use(sum(day.cost for day in seen), active, sum(day.requests for day in seen))


def holdout_json(found: Measured | None, *, since_s: float | None = None) -> dict[str, Any] | None:
    """The hold-out's result with its money in dollars; None where there is none."""
    if found is None:
        return None
    return {
        "callers": found.callers,
        "requests": found.requests,
        "routed_callers": found.routed,
        "saved_share": found.share,
        "low": found.low,
        "high": found.high,
        "otherwise_usd": usd(found.cost + found.saved),
        "cost_usd": usd(found.cost),
        "saved_usd": usd(found.saved),
        "saved_low_usd": None if found.saved_low is None else usd(found.saved_low),
        "saved_high_usd": None if found.saved_high is None else usd(found.saved_high),
        "since": since_s,
        "note": found.note,
    }


def cost_of(record: Mapping[str, Any]) -> int:
    """What a kept decision cost, in nano-dollars; 0 where it does not say."""
    return int(nano_usd(number_of(record.get("cost_usd"))))


def _routed(record: Mapping[str, Any]) -> bool:
    """Whether a decision was the router's: not the client's own choice, nor one that changed nothing."""
    first = next(iter(dicts_in(record.get("steps"))), {})
    return first.get("stage") == Stage.CLASSIFY.value and first.get("reason") not in _BY_THE_WAY


def dicts_in(value: object) -> Sequence[Mapping[str, Any]]:
    """The mappings in what should be a list of them."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, (list, tuple)) else ()


def number_of(value: object) -> float:
    """A finite number; 0 for whatever is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0.0
    return float(value)
