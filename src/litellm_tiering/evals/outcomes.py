"""Recorded outcomes: questions, and how good each model's answer was. A stream, trusted in nothing.

A line is ``{id, prompt | messages, responses: {MODEL: {text?, correct | score, cost?, …}}}``. Lines that
cannot be used are counted and told of, never guessed at; what they hold is never repeated.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.evals.captures import CaptureReport, Captures, is_captured
from litellm_tiering.evals.outcome_lines import (
    OutcomeError,
    UnusableLine,
    lines_of,
    messages_of,
    object_in,
    shown,
)
from litellm_tiering.intake.labels import label_of, read_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Answer", "Outcome", "OutcomeError", "OutcomeReport", "body_of", "gate_line", "read_outcomes"]

MAX_MODELS = 200
"""How many models a file may name, and a line hold, for all of them to be looked at."""

MAX_IDS = 1_000_000
"""Among how many lines repeated ids and prompts are noticed: what is kept of them comes to some 250 MB."""

MAX_MODEL_CHARS = 256
"""Longer names are no models'."""

_SHOWN = 5
_LARGEST = 1e12
_GROUP_KEYS = ("group", "set", "task")
_NOT_THE_REQUEST = frozenset({"id", "set", "group", "prompt", "messages", "responses", "qkey"})
_OF_AN_ANSWER = ("finish_reason", "logprobs", "tool_calls", "refusal")


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's answer to a question.

    Attributes:
        text: What it wrote; None where nobody kept it.
        quality: How good it was, on the file's own scale, higher is better: ``score``, else ``correct``.
        cost_usd: What it cost, in US dollars; None where that is not known.
        prompt_tokens: What was sent; None where that is not known.
        completion_tokens: What was answered; None where that is not known.
        more: What else gates look at, as the line has it: ``finish_reason``, ``logprobs``, ``tool_calls``.
    """

    text: str | None
    quality: float
    cost_usd: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Figures only: text must not reach a log by way of a traceback."""
        return f"Answer(quality={self.quality}, cost_usd={self.cost_usd})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, and the answers to it.

    Attributes:
        id: The line's id, a number as its text.
        prompt: The question; of a conversation, the text of its last user turn.
        messages: The conversation; None where the line has a plain prompt.
        group: What it belongs to, by the line's ``group``, ``set``, ``task`` or use case; empty for nothing.
        tags: The request's own tags, sorted.
        answers: By the model's name in the file.
        request: What else the line holds, ``metadata``, ``tools``, ``response_format`` among it.
    """

    id: str
    prompt: str
    messages: tuple[Mapping[str, Any], ...] | None
    group: str
    tags: tuple[str, ...]
    answers: Mapping[str, Answer]
    request: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """No text."""
        return f"Outcome({len(self.answers)} answers)"


@dataclass(slots=True)
class OutcomeReport:
    """What a reading came to; filled while it goes on.

    Attributes:
        lines: Lines that are not blank.
        used: Lines that were given on.
        skipped: Lines that were not, by why.
        first: The first few of those, with their numbers.
        models: In how many of the lines read each model has a usable answer; the first few hundred models.
        repeated: Lines given on whose question was there before.
        contradicted: Those of them whose answers were not worth the same then.
        captured: What was assumed of captured lines.
    """

    lines: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    first: list[tuple[int, str]] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    contradicted: int = 0
    captured: CaptureReport = field(default_factory=CaptureReport)

    @property
    def skipped_count(self) -> int:
        """How many lines could not be used."""
        return self.skipped.total()

    def skip(self, number: int, why: str) -> None:
        """Count a line that is left out."""
        self.skipped[why] += 1
        if len(self.first) < _SHOWN:
            self.first.append((number, why))

    def remarks(self) -> list[str]:
        """What a person should know of the lines left out, for each reason; the commonest first."""
        where = {why: number for number, why in reversed(self.first)}
        found = [
            f"{n:,} line{'s' if n != 1 else ''} left out: {why}"
            + (f" (first: line {where[why]})" if why in where else "")
            for why, n in self.skipped.most_common()
        ]
        if self.repeated:
            other = f", {self.contradicted:,} of them with other outcomes" if self.contradicted else ""
            found.append(f"{self.repeated:,} questions were there before{other}: intervals are too narrow")
        return [*self.captured.remarks(), *found]


def read_outcomes(
    name: str, models: Sequence[str] = (), *, report: OutcomeReport | None = None, others: bool = False
) -> Iterator[Outcome]:
    """The outcomes in a file, one by one; memory stays bounded by the longest line and the ids seen.

    Args:
        name: The file; ``.gz`` is unpacked, ``-`` is standard input.
        models: Which models must have an answer, and whose alone are kept; empty for any and all.
        report: Filled in while lines are read.
        others: Whether the answers of other models than ``models`` are kept too.

    Requests that the proxy captured are read as well: :mod:`litellm_tiering.evals.captures` says what is
    assumed of them.

    Raises:
        OutcomeError: the file cannot be read, or not to its end, or no line of it can be used; or captured
            requests are all there is, and nothing tells their good answers from the bad.
    """
    told = OutcomeReport() if report is None else report
    seen, captures, plain = _Seen(), Captures(told.captured), False
    for number, raw in lines_of(name):
        told.lines += 1
        try:
            line = object_in(raw)
            if is_captured(line):
                captures.gather(name)
                if captures.note(line):
                    continue
                line = captures.outcome(line)
            else:
                plain = True
            found = _outcome(line, models, told, others=others)
            seen.note(found, told)
        except UnusableLine as error:
            told.skip(number, str(error))
            continue
        told.used += 1
        yield found
    if not told.used:
        raise OutcomeError(_nothing(name, models, told))
    captures.check(name, others=plain)


def body_of(outcome: Outcome) -> dict[str, Any]:
    """The chat body of a question, as :func:`~litellm_tiering.intake.read_request` takes it."""
    messages = [{"role": "user", "content": outcome.prompt}] if outcome.messages is None else outcome.messages
    return {**outcome.request, "messages": list(messages)}


def gate_line(outcome: Outcome, model: str) -> dict[str, Any] | None:
    """One model's answer as the verb ``gate`` reads it; None where its text was not kept.

    Raises:
        KeyError: the model has no answer in this outcome.
    """
    answer = outcome.answers[model]
    if answer.text is None and not answer.more.get("tool_calls"):
        return None
    return {**body_of(outcome), "id": outcome.id, "answer": answer.text, **answer.more}


def _outcome(line: Mapping[str, Any], models: Sequence[str], told: OutcomeReport, *, others: bool) -> Outcome:
    """A line as an outcome.

    Raises:
        UnusableLine: it has no id, no question, or not the answers that are needed.
    """
    id_, (prompt, messages) = _id(line), _question(line)
    answers = _answers(line, models, told)
    if models and not others:
        answers = {model: answers[model] for model in models}
    request = {k: v for k, v in line.items() if k not in _NOT_THE_REQUEST}
    labels = read_labels(request)
    stated = (label_of(line.get(key)) for key in _GROUP_KEYS)
    group = next((label for label in stated if label), labels.use_case)
    return Outcome(id_, prompt, messages, group, tuple(sorted(labels.tags)), answers, request)


def _id(line: Mapping[str, Any]) -> str:
    found = line.get("id")
    if isinstance(found, bool) or not isinstance(found, (str, int, float)) or found != found:  # noqa: PLR0124 - NaN
        raise UnusableLine("no `id` that is text or a number")
    return str(found)


class _Seen:
    """The ids and the questions of the lines so far, as digests."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._questions: dict[int, int] = {}

    def note(self, outcome: Outcome, told: OutcomeReport) -> None:
        """Count a question that was there before.

        Raises:
            UnusableLine: its id was.
        """
        id_ = _digest(outcome.id)
        if id_ in self._ids:
            raise UnusableLine("the id of a line before it")
        if len(self._ids) >= MAX_IDS:
            return
        self._ids.add(id_)
        question = _digest(outcome.prompt if outcome.messages is None else repr(outcome.messages))
        worth = hash(tuple(sorted((model, a.quality) for model, a in outcome.answers.items())))
        if question in self._questions:
            told.repeated += 1
            told.contradicted += self._questions[question] != worth
        else:
            self._questions[question] = worth


def _digest(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def _question(line: Mapping[str, Any]) -> tuple[str, tuple[Mapping[str, Any], ...] | None]:
    """The prompt, and the conversation where there is one; as ``score`` reads them."""
    messages = messages_of(line)
    return (line["prompt"], None) if line.get("messages") is None else (_last_turn(messages), tuple(messages))


def _last_turn(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last turn of the user; empty where there is none."""
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        parts = content if isinstance(content, list) else []
        texts = (p.get("text") for p in parts if isinstance(p, dict))
        return "\n".join(t for t in texts if isinstance(t, str))
    return ""


def _answers(line: Mapping[str, Any], models: Sequence[str], told: OutcomeReport) -> dict[str, Answer]:
    responses = line.get("responses")
    if not isinstance(responses, dict):
        raise UnusableLine("no `responses` that are an object")
    found: dict[str, Answer] = {}
    for model, held in list(responses.items())[:MAX_MODELS]:
        answer = _answer(held)
        if answer is not None and len(model) <= MAX_MODEL_CHARS:
            found[model] = answer
            if model in told.models or len(told.models) < MAX_MODELS:
                told.models[model] += 1
    if not models:
        if not found:
            raise UnusableLine("no answer whose `score` or `correct` is a number")
        return found
    for model in models:
        if model not in found:
            why = "without a `score` or `correct` that is a number" if model in responses else "missing"
            raise UnusableLine(f"the answer of {model} is {why}")
    return found


def _answer(held: object) -> Answer | None:
    """An answer, None where nobody said how good it was."""
    if not isinstance(held, dict):
        return None
    quality = _number(held.get("score", held.get("correct")))
    if quality is None:
        return None
    cost = _amount(held.get("cost"))
    text = held.get("text")
    return Answer(
        text=text if isinstance(text, str) else None,
        quality=quality,
        cost_usd=cost,
        prompt_tokens=_count(held.get("prompt_tokens")),
        completion_tokens=_count(held.get("completion_tokens")),
        more={key: held[key] for key in _OF_AN_ANSWER if held.get(key) is not None},
    )


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    # Never true of what is not a number.
    return found if abs(found) <= _LARGEST else None


def _amount(value: object) -> float | None:
    """A number of dollars or tokens: not below zero, and not a yes or no."""
    found = None if isinstance(value, bool) else _number(value)
    return None if found is None or found < 0 else found


def _count(value: object) -> int | None:
    found = _amount(value)
    return None if found is None else int(found)


def _nothing(name: str, models: Sequence[str], told: OutcomeReport) -> str:
    """Why nothing of a file could be used, and what to do."""
    if not told.lines:
        form = "{id, prompt, responses: {MODEL: {correct or score, text, cost}}}"
        return f"{shown(name)} is empty: it should hold lines {form}"
    why, _ = told.skipped.most_common(1)[0]
    message = f"no line of {shown(name)} can be used: {why}"
    if models and told.models:
        known = ", ".join(m for m, _ in told.models.most_common(_MODELS_NAMED))
        message += (
            f". It has answers of: {known}. Say which of them stands for which tier "
            "by --weak MODEL --strong MODEL, or by --tier NAME=MODEL"
        )
    return message


_MODELS_NAMED = 12
