"""What ``batch`` tells people: a bar while it runs, and what it came to."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.batch.answers import BAD_LINE
from litellm_tiering.cli.common import note
from litellm_tiering.cli.progress import progress
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from litellm_tiering.batch.answers import Answer, Failure
    from litellm_tiering.batch.journal import Part, Share
    from litellm_tiering.cli.progress import Progress

_BAD_TOLD = 20


class Follower:
    """Follows a run: a bar on a terminal, nothing but what matters elsewhere.

    Attributes:
        total: How many lines there are.
        before: How many had an answer from an earlier run.
        answered: How many have one now.
        failed: How many failed in this run.
    """

    def __init__(self) -> None:
        self.total = self.before = self.answered = self.failed = 0
        self._bad = 0
        self._bar: Progress | None = None
        self._shown = contextlib.ExitStack()

    def begins(self, total: int, answered: int) -> None:
        """So many lines there are, and so many have an answer from before."""
        self.total, self.before, self.answered = total, answered, answered
        self._bar = self._shown.enter_context(progress("answered", total))
        if answered:
            note(f"{answered:,} of {total:,} lines were answered before")

    def sorting(self) -> None:
        """Lines are being classified."""
        if self._bar is not None:
            self._bar.at(self.answered, "sorting lines into tiers")

    def batched(self, part: Part, lines: int) -> None:
        """So many lines are in a provider's batch."""
        note(f"{lines:,} lines are in a batch for {part.model}")

    def alone(self, part: Part, failure: Failure) -> None:
        """A group's provider has no batch API after all: its lines go as calls."""
        note(f"no batch for {part.model} ({failure.status or failure.kind}): its lines go as calls")

    def waits(self, until_s: float) -> None:
        """A budget is exhausted, and the run waits for the next window."""
        at = dt.datetime.fromtimestamp(until_s, dt.timezone.utc)
        note(f"a budget is exhausted: waiting until {at:%Y-%m-%d %H:%M:%S} UTC")

    def became(self, answer: Answer) -> None:
        """A line was answered, or failed, and is on the disk."""
        if answer.ok:
            self.answered += 1
        else:
            self.failed += 1
            self._tell(answer)
        if self._bar is not None:
            done = self.answered + self.failed
            failed = f", {self.failed:,} of them failed" if self.failed else ""
            self._bar.at(done, f"answered: {done:,} of {self.total:,} lines{failed}")

    def _tell(self, answer: Answer) -> None:
        """The number of a line that cannot be sent; of the others the output tells."""
        if answer.failure is not None and answer.failure.kind == BAD_LINE:
            self._bad += 1
            if self._bad <= _BAD_TOLD:
                note(f"line {answer.line} {answer.failure.message}")

    def ends(self) -> None:
        """Take the bar away."""
        self._bar = None
        self._shown.close()


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    Attributes:
        total: Lines in the input.
        before: Lines answered in an earlier run.
        shares: What each tier answered, earlier runs included.
        failures: The kinds of failure: how many lines, and the number of the first.
        why: Why the run stopped early; empty where it did not.
        complete: Whether the output was written.
    """

    total: int
    before: int
    shares: Sequence[Share]
    failures: Sequence[tuple[str, int, int]]
    why: str
    complete: bool

    @property
    def answered(self) -> int:
        """Lines with an answer."""
        return sum(s.lines for s in self.shares)

    @property
    def batched(self) -> int:
        """Lines that were answered in a provider's batch."""
        return sum(s.batched for s in self.shares)

    @property
    def cost(self) -> int:
        """What the calls cost, in nano-dollars; batches are not in it."""
        return sum(s.cost for s in self.shares)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "lines": self.total,
            "answered": self.answered,
            "answered_before": self.before,
            "failed": sum(count for _, count, _ in self.failures),
            "complete": self.complete,
            "stopped": self.why or None,
            "calls_cost_usd": usd(self.cost),
            "batched": self.batched,
            "tiers": {
                s.tier or "-": {"lines": s.lines, "batched": s.batched, "calls_cost_usd": usd(s.cost)}
                for s in self.shares
            },
            "failures": [
                {"type": kind, "lines": count, "first_line": first} for kind, count, first in self.failures
            ],
        }

    def as_text(self, output: str, journal: Path) -> list[str]:
        """For people, a line each."""
        tiers = ", ".join(f"{s.tier or 'no tier'} {s.lines:,}" for s in self.shares)
        told = [f"{self.answered:,} of {self.total:,} lines answered" + (f" ({tiers})" if tiers else "")]
        priced = sum(s.priced for s in self.shares)
        if priced:
            told.append(f"{priced:,} calls cost ${usd(self.cost):.6f}, all attempts included")
        if self.batched:
            told.append(
                f"{self.batched:,} lines came from provider batches: the proxy's books have their cost"
            )
        told += [f"{count:,} failed with {kind}, line {first} first" for kind, count, first in self.failures]
        if self.why:
            told.append(f"stopped: {self.why}")
        if not self.complete:
            told.append(f"{output} is not written yet: what is answered is in {journal}; go on with --resume")
        elif self.failures and output != "-":
            told.append(f"--resume asks for the failed lines again, and keeps the others ({journal})")
        return told
