"""Traces: when requests came, and how long they and their answers were. No prompts."""

from __future__ import annotations

import csv
import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY_S = 86_400.0
"""A day as most are, in seconds."""

MAX_ROWS = 2_000_000
"""The most arrivals that are replayed, repeats included: about 600 MB of them."""

MAX_ROW_BYTES = 10_000
"""The longest row of a trace that is read."""

MAX_T_S = 31 * DAY_S
"""The longest trace, in seconds."""

JITTER_S = 300.0
"""How far, either way, a repeated arrival lies from the one that it repeats, in seconds."""

_MAX_TOKENS = 100_000_000
_MAX_ID = 256
_NEEDED = ("t_s", "prompt_tokens", "completion_tokens")
_IDS = ("tier", "team", "key", "user", "end_user")


class BadRow(ValueError):
    """A row that cannot be used, and why; it never repeats what the row holds."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of a trace.

    Attributes:
        t_s: When it came, in seconds since the trace's first midnight.
        prompt_tokens: What was sent.
        completion_tokens: What was answered.
        tier: The tier it was classified for, by name; empty where the trace does not say.
        team: Whose it was, as budgets by scope count it; so are the next three.
        key: The virtual key's hash or alias.
        user: The key's owner.
        end_user: The client's own customer.
        max_tokens: The client's bound on the answer; None where it set none.
    """

    t_s: float
    prompt_tokens: int
    completion_tokens: int
    tier: str = ""
    team: str = ""
    key: str = ""
    user: str = ""
    end_user: str = ""
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Arrivals in the order in which they came, and what could not be read.

    Attributes:
        arrivals: By time.
        bad: The numbers of rows that could not be used, with why; the first few of them.
        bad_count: How many those were.
    """

    arrivals: tuple[Arrival, ...]
    bad: tuple[tuple[int, str], ...] = ()
    bad_count: int = 0

    @property
    def days(self) -> int:
        """How many days it touches, one at least."""
        return int(self.arrivals[-1].t_s // DAY_S) + 1 if self.arrivals else 1

    def scaled(self, times: int, seed: int) -> Trace:
        """Every arrival ``times`` over, the repeats up to :data:`JITTER_S` seconds off, on the same day.

        Raises:
            ValueError: that is less than once, or more than :data:`MAX_ROWS` arrivals.
        """
        if times < 1:
            raise ValueError("a trace is repeated once or more")
        if times * len(self.arrivals) > MAX_ROWS:
            raise ValueError(f"{times} times {len(self.arrivals):,} arrivals are more than {MAX_ROWS:,}")
        draw = random.Random(f"scale:{seed}")  # noqa: S311 - a simulation, to be the same every time
        repeats = [_moved(a, draw, JITTER_S) for a in self.arrivals for _ in range(times - 1)]
        return replace(self, arrivals=_sorted([*self.arrivals, *repeats]))

    def noisy(self, seed: int) -> Trace:
        """Another day like this one: as many arrivals, drawn anew from these with their times moved."""
        draw = random.Random(f"day:{seed}")  # noqa: S311 - as above
        drawn = draw.choices(self.arrivals, k=len(self.arrivals)) if self.arrivals else []
        return replace(self, arrivals=_sorted([_moved(a, draw, 2 * JITTER_S) for a in drawn]))


def _moved(arrival: Arrival, draw: random.Random, by_s: float) -> Arrival:
    """The arrival a little earlier or later, on its own day."""
    midnight = arrival.t_s - arrival.t_s % DAY_S
    moved = arrival.t_s + draw.uniform(-by_s, by_s)
    return replace(arrival, t_s=min(max(moved, midnight), midnight + DAY_S - 0.001))


def _sorted(arrivals: Iterable[Arrival]) -> tuple[Arrival, ...]:
    return tuple(sorted(arrivals, key=lambda a: a.t_s))


def read_trace(lines: Iterable[tuple[int, bytes]], tiers: Sequence[str] = (), *, told: int = 10) -> Trace:
    """The trace in the numbered lines of a CSV file; columns that are not known are left aside.

    Args:
        lines: The lines that are not blank, with their numbers.
        tiers: The names that a tier may have; anything where empty.
        told: Of how many bad rows it is kept what is wrong with them.

    Raises:
        BadRow: there is no head that names ``t_s``, ``prompt_tokens`` and ``completion_tokens``, or there
            are more than :data:`MAX_ROWS` rows.
    """
    rows = iter(lines)
    head = _head(next(rows, None))
    found: list[Arrival] = []
    bad: list[tuple[int, str]] = []
    bad_count = 0
    for number, raw in rows:
        try:
            found.append(_arrival(_cells(raw), head, tiers))
        except BadRow as error:
            bad_count += 1
            if len(bad) < told:
                bad.append((number, str(error)))
        if len(found) > MAX_ROWS:
            raise BadRow(f"there are more than {MAX_ROWS:,} rows")
    return Trace(_sorted(found), tuple(bad), bad_count)


def _head(first: tuple[int, bytes] | None) -> dict[str, int]:
    names = [] if first is None else [c.strip() for c in _cells(first[1])]
    head = {name: i for i, name in reversed(list(enumerate(names)))}
    missing = [name for name in _NEEDED if name not in head]
    if missing:
        raise BadRow(f"the first row does not name the column{'s'[: len(missing) > 1]} {', '.join(missing)}")
    return head


def _cells(raw: bytes) -> list[str]:
    if len(raw) > MAX_ROW_BYTES:
        raise BadRow(f"is longer than {MAX_ROW_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8")
        return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error, StopIteration):
        raise BadRow("is not a row of CSV in UTF-8") from None


def _arrival(cells: Sequence[str], head: dict[str, int], tiers: Sequence[str]) -> Arrival:
    def cell(name: str) -> str:
        place = head.get(name, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    t_s = _number(cell("t_s"))
    if not 0 <= t_s < MAX_T_S:
        raise BadRow(f"has a t_s that is not from 0 to {MAX_T_S:,.0f} seconds")
    ids = {name: cell(name)[:_MAX_ID] for name in _IDS}
    if ids["tier"] and tiers and ids["tier"] not in tiers:
        raise BadRow(f"has a tier that is none of {', '.join(tiers)}")
    bound = cell("max_tokens")
    return Arrival(
        t_s,
        _tokens(cell("prompt_tokens"), "prompt_tokens"),
        _tokens(cell("completion_tokens"), "completion_tokens"),
        **ids,
        max_tokens=_tokens(bound, "max_tokens") if bound else None,
    )


def _tokens(cell: str, name: str) -> int:
    value = _number(cell)
    if not 0 <= value <= _MAX_TOKENS or value != int(value):
        raise BadRow(f"has {name} that are not a whole number from 0 to {_MAX_TOKENS:,}")
    return int(value)


def _number(cell: str) -> float:
    """A finite number; -1, which nothing here may be, for anything else."""
    try:
        value = float(cell)
    except ValueError:
        return -1.0
    return value if math.isfinite(value) else -1.0
