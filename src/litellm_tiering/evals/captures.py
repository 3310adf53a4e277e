"""Captured requests as outcomes: what the cascade itself made of an answer stands in for its quality.

Nobody has said how good these answers were, but for those with feedback. What is assumed instead is counted,
and told wherever the lines are used: see :meth:`CaptureReport.remarks`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.evals.outcome_lines import OutcomeError, UnusableLine, lines_of, object_in, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "captured"
"""The key by which a captured line is known; its value is the version of the line."""

FORMAT = 1

MAX_FEEDBACK = 1_000_000
"""How many decisions' feedback is kept in mind; further ones are left out."""

GOOD, BAD = 1.0, 0.0

AGREES = "agrees"
_UNJUDGED = "unjudged"
_NO_WORD = frozenset({"failed", "late", "pending", "unused", "differs", "incomparable", "cannot_climb"})
_NOT_GIVEN_ON = frozenset(
    {
        MARK,
        "at",
        "share",
        "tier",
        "model",
        "ladder",
        "policy",
        "routed",
        "cost_usd",
        "would_cost",
        "cut",
        "score",
    }
)


@dataclass(slots=True)
class CaptureReport:
    """What was assumed of captured lines.

    Attributes:
        lines: Captured requests that were given on.
        rejected: Answers that a gate rejected: taken to be bad.
        accepted: Answers that the gates accepted: taken to be good.
        unasked: Answers that dearer models would have given, had they been asked: taken to be good.
        feedback: Answers with a score from people.
        bad: Answers that are worth less than a good one.
    """

    lines: int = 0
    rejected: int = 0
    accepted: int = 0
    unasked: int = 0
    feedback: int = 0
    bad: int = 0

    def remarks(self) -> list[str]:
        """What a person must know of figures that rest on this; nothing without captured lines."""
        if not self.lines:
            return []
        told = (
            f"{self.lines:,} captured requests, whose quality is ASSUMED: {self.rejected:,} answers that a "
            f"gate rejected count as bad, {self.accepted:,} accepted ones and {self.unasked:,} of dearer "
            f"models that were never asked as good; {self.feedback:,} are scored by feedback"
        )
        return [told]


@dataclass(slots=True)
class Captures:
    """Reads the captured lines of one file.

    Attributes:
        report: What was assumed.
        scores: The feedback known so far, by decision.
    """

    report: CaptureReport = field(default_factory=CaptureReport)
    scores: dict[str, float] = field(default_factory=dict)
    _gathered: bool = False

    def gather(self, name: str) -> None:
        """Learn the feedback in a file before its captured lines are read, once: it comes after them.

        Standard input is read once only: there, feedback counts for the lines after it.
        """
        if self._gathered or name == "-":
            return
        self._gathered = True
        for _, raw in lines_of(name):
            if b'"feedback"' not in raw:
                continue
            try:
                self.note(object_in(raw))
            except UnusableLine:
                continue  # told of when it is read

    def note(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is feedback and nothing else; its score is kept.

        Raises:
            UnusableLine: its score is none.
        """
        if MARK not in line or "feedback" not in line or "responses" in line:
            return False
        score = _score(line["feedback"])
        if score is None:
            raise UnusableLine("feedback that is no number from 0 to 1")
        if len(self.scores) < MAX_FEEDBACK:
            self.scores[str(line.get("id"))] = score
        return True

    def outcome(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """A captured line as an outcome line: each answer with its quality, known or assumed.

        Raises:
            UnusableLine: it is of another version, or nothing is known of any of its answers.
        """
        if line[MARK] != FORMAT:
            raise UnusableLine(f"captured by another version of this package: {MARK} is not {FORMAT}")
        responses = line.get("responses")
        if not isinstance(responses, dict):
            raise UnusableLine("no `responses` that are an object")
        feedback = _score(line.get("score"))
        feedback = self.scores.get(str(line.get("id"))) if feedback is None else feedback
        found: dict[str, Any] = {}
        tally = CaptureReport(lines=1)
        ladder = _names(line.get("ladder"))
        for model, answer in responses.items():
            quality = _quality(answer, model, ladder, feedback, tally)
            if quality is not None:
                found[model] = {**answer, "score": quality}
        if not found:
            raise UnusableLine("captured, and no gate and nobody else judged an answer")
        costs = line.get("would_cost")
        for model in _dearer(found, ladder):
            found[model] = {"score": GOOD, "cost": costs.get(model) if isinstance(costs, dict) else None}
            tally.unasked += 1
        tally.bad = sum(a["score"] < GOOD for a in found.values())
        self._add(tally)
        rest = {key: value for key, value in line.items() if key not in _NOT_GIVEN_ON}
        return {**rest, "responses": found}

    def _add(self, more: CaptureReport) -> None:
        for name in CaptureReport.__slots__:
            setattr(self.report, name, getattr(self.report, name) + getattr(more, name))

    def check(self, name: str, *, others: bool) -> None:
        """Refuse a file whose captured lines tell nothing good from bad; ``others`` are lines that may.

        Raises:
            OutcomeError: so it is.
        """
        told = self.report
        if not told.lines or others:
            return
        if not told.bad:
            raise OutcomeError(
                f"none of the {told.lines:,} captured requests in {shown(name)} has an answer that a gate "
                "rejected, or bad feedback: nothing tells good answers from bad. Bring feedback, other "
                "gates, or lines whose answers were scored"
            )
        if not told.accepted and not told.feedback:
            raise OutcomeError(
                f"every judged answer of the {told.lines:,} captured requests in {shown(name)} was rejected: "
                "nothing tells good answers from bad. See which gate rejects everything: `check --traffic`"
            )


def is_captured(line: Mapping[str, Any]) -> bool:
    """Whether a line was written by the proxy's capture."""
    return MARK in line and not isinstance(line[MARK], bool) and isinstance(line[MARK], int)


def was_rejected(answer: Mapping[str, Any]) -> bool:
    """Whether a gate rejected a captured answer."""
    verdict = answer.get("verdict")
    return isinstance(verdict, str) and verdict not in {"ok", AGREES, *_NO_WORD} and "p_bad" in answer


def _quality(
    answer: object, model: str, ladder: list[str], feedback: float | None, tally: CaptureReport
) -> float | None:
    """How good one answer is; None where nobody can say."""
    if not isinstance(answer, Mapping) or "text" not in answer:
        return None
    scored = answer.get("score", answer.get("correct"))
    own = None if scored is None else _score(float(scored) if isinstance(scored, bool) else scored)
    if own is None and feedback is not None and answer.get("served") is True:
        own = feedback
    if own is not None:
        tally.feedback += 1
        return own
    if was_rejected(answer):
        tally.rejected += 1
        return BAD
    judged = "p_bad" in answer and answer.get("reasons") != [_UNJUDGED]
    accepted = answer.get("verdict") == "ok" and (judged or (ladder and model == ladder[-1]))
    if accepted or answer.get("verdict") == AGREES:
        tally.accepted += 1
        return GOOD
    return None


def _dearer(found: Iterable[str], ladder: list[str]) -> list[str]:
    """The models of the ladder above the dearest of those that answered."""
    ranks = [ladder.index(model) for model in found if model in ladder]
    return ladder[max(ranks) + 1 :] if ranks else []


def _names(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _score(value: object) -> float | None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 1 else None
