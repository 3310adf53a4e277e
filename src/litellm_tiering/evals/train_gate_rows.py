"""Recorded answers as rows to train an acceptability gate on: measured one by one, their text not kept."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.evals.outcomes import OutcomeError, OutcomeReport, body_of, read_outcomes
from litellm_tiering.gates.acceptable_features import measured
from litellm_tiering.gates.acceptable_model import slots_of
from litellm_tiering.intake import read_request
from litellm_tiering.intake.answer_form import demand_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.evals.outcomes import Answer, Outcome

MAX_ROWS = 20_000
"""The most answers of the model that are trained on; of more, as many are drawn by lot."""

SLOTS = 2_048
"""Into how many slots the words of prompts are hashed, and those of answers."""

OTHERS_SHARE = 4
"""At most so many times as many answers of other models are kept."""

_FULL = 1.0
_TELL_EVERY = 200
_MOST_LOGPROBS = 100_000


class Row(NamedTuple):
    """One answer.

    Attributes:
        values: Its features.
        prompt_slots: The slots of its prompt's words.
        answer_slots: The slots of its own words.
        quality: How good it was.
        bad: Whether it was bad.
        lost: Whether the stronger model's answer was better.
        model: Whose it is: 0 for the model that is trained for.
        question: A digest of the prompt.
        together: A digest of what is held out together: the question, or what the owner named.
        answer: A digest of the answer.
    """

    values: tuple[float, ...]
    prompt_slots: set[int]
    answer_slots: set[int]
    quality: float
    bad: bool
    lost: bool
    model: int
    question: int
    together: int
    answer: int


@dataclass(slots=True)
class Rows:
    """What a file came to.

    Attributes:
        own: The answers of the model that is trained for.
        others: Those of other models to the same questions, which help to tell what is hard.
        models: The names of all, the trained one first.
        seen: How many answers of the model there were.
        textless: How many had no text.
        repeated: How many were the same question, answer and label as one before.
        contradictory: How many were the same question and answer with another label; none of them counts.
        report: What became of the lines.
    """

    own: list[Row] = field(default_factory=list)
    others: list[Row] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    seen: int = 0
    textless: int = 0
    repeated: int = 0
    contradictory: int = 0
    report: OutcomeReport = field(default_factory=OutcomeReport)


def read_rows(  # noqa: PLR0913 - what to read, and what counts as bad
    name: str,
    weak: str,
    strong: str | None,
    *,
    seed: int = 0,
    most: int = MAX_ROWS,
    others: bool = True,
    fold_by: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> Rows:
    """The answers of ``weak`` in an outcome file, and those of other models beside them.

    An answer is bad where it is not right: below 1 where every score is 0 or 1, and otherwise where the
    answer of ``strong`` is better.

    Args:
        name: The file.
        weak: The model whose answers the gate is to judge.
        strong: The model that is asked next; needed where scores are other numbers than 0 and 1.
        seed: Of the lots drawn where there are more rows than ``most``.
        most: How many rows are kept.
        others: Whether to use other models' answers too.
        fold_by: A field of the lines: those that share its value are held out together.
        progress: Told how many lines were read, now and then.

    Raises:
        OutcomeError: the file cannot be read, or holds nothing that can be trained on; the message says why.
    """
    found = Rows(models=[weak])
    lots = random.Random(seed)  # noqa: S311 - a sample, no secret
    known: dict[tuple[int, int], float | None] = {}
    graded = False
    for outcome in read_outcomes(name, (), report=found.report):
        if found.report.lines % _TELL_EVERY == 0:
            progress(found.report.lines)
        answer = outcome.answers.get(weak)
        if answer is None:
            continue
        rival = outcome.answers.get(strong) if strong else None
        graded = graded or answer.quality not in {0.0, _FULL}
        if graded and rival is None:
            raise OutcomeError(_needs_strong(name, strong))
        if answer.text is None or not answer.text.strip():
            found.textless += 1
            continue
        row = _row(outcome, answer, 0, rival, fold_by)
        if not _is_new(row, known, found):
            continue
        found.seen += 1
        if _keep(found.own, lots, found.seen, most):
            found.own.append(row)
            if others:
                _add_others(found, outcome, weak, fold_by)
    if graded:
        found.own = [row._replace(bad=row.lost) for row in found.own]
        found.others.clear()
    found.own = [row for row in found.own if known[row.question, row.answer] is not None]
    _check(found, name, weak)
    return found


def _is_new(row: Row, known: dict[tuple[int, int], float | None], found: Rows) -> bool:
    """Whether this question and answer come for the first time; else they are counted."""
    key = (row.question, row.answer)
    if key not in known:
        known[key] = row.quality
        return True
    if known[key] == row.quality:
        found.repeated += 1
    else:
        known[key] = None
        found.contradictory += 1
    return False


def _keep(kept: list[Row], lots: random.Random, seen: int, most: int) -> bool:
    """Whether the next row is among those drawn; one kept before then makes room."""
    if len(kept) < most:
        return True
    at = lots.randrange(seen)
    if at < most:
        kept[at] = kept[-1]
        kept.pop()
        return True
    return False


def _add_others(found: Rows, outcome: Outcome, weak: str, fold_by: str) -> None:
    for model, answer in outcome.answers.items():
        if model == weak or not answer.text or len(found.others) >= OTHERS_SHARE * max(len(found.own), 1):
            continue
        if model not in found.models:
            found.models.append(model)
        found.others.append(_row(outcome, answer, found.models.index(model), None, fold_by))


def exchange_of(outcome: Outcome, answer: Answer) -> Exchange:
    """A recorded answer as gates see it.

    Parts of the recording that cannot belong to an answer are left out.
    """
    body = {"model": "auto", **body_of(outcome)}
    features, prompt = read_request(body, Surface.CHAT)
    return Exchange(_said(answer), features, prompt, demand_of(body))


def _said(answer: Answer) -> Said:
    reason, given = answer.more.get("finish_reason"), answer.more.get("logprobs")
    if isinstance(given, dict):
        given = given.get("content", given.get("token_logprobs"))
    each = given[:_MOST_LOGPROBS] if isinstance(given, list) else []
    numbers = (one.get("logprob") if isinstance(one, dict) else one for one in each)
    return Said(
        text=answer.text or "",
        finish_reason=reason if isinstance(reason, str) else "",
        logprobs=tuple(float(n) for n in numbers if isinstance(n, float) or n == 0),
    )


def _row(outcome: Outcome, answer: Answer, model: int, rival: Answer | None, fold_by: str) -> Row:
    exchange = exchange_of(outcome, answer)
    question = exchange.prompt.question
    return Row(
        measured(exchange),
        slots_of(question, SLOTS),
        slots_of(exchange.answer, SLOTS),
        answer.quality,
        answer.quality < _FULL,
        rival is not None and answer.quality < rival.quality,
        model,
        digest_of(question),
        digest_of(_shared(outcome, fold_by) or question),
        digest_of(exchange.answer),
    )


def _shared(outcome: Outcome, field_: str) -> str:
    """The value of a field that several lines may share; empty where there is none."""
    value = outcome.request.get(field_) if field_ else None
    return str(value) if isinstance(value, (str, int)) else ""


def digest_of(text: str) -> int:
    """What a text is known by."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def _needs_strong(name: str, strong: str | None) -> str:
    if strong:
        return f"{name} has scores between 0 and 1, and lines without an answer of {strong} to compare with"
    return (
        f"{name} has scores that are not 0 or 1: name the model that is asked next with --strong; "
        "an answer then counts as bad where that model's is better"
    )


def _check(found: Rows, name: str, weak: str) -> None:
    if not found.own:
        if found.textless:
            raise OutcomeError(f"{name} has answers of {weak} without their text: a gate judges texts")
        known = ", ".join(model for model, _ in found.report.models.most_common(12))
        raise OutcomeError(
            f"{name} has no answer of {weak}. It has answers of: {known}. "
            "Say by --weak MODEL which of them the cheapest tier asks"
        )
    bad = sum(row.bad for row in found.own)
    if bad in {0, len(found.own)}:
        which = "bad" if bad else "good"
        raise OutcomeError(
            f"every answer of {weak} in {name} is {which}: there is nothing to tell apart. "
            "Fix: add answers of both kinds"
        )
