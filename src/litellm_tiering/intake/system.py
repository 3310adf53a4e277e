"""The task that a system prompt states, where it states one: "Translate the user's text into French."."""

from __future__ import annotations

from typing import NamedTuple

from litellm_tiering.core.features import TaskType
from litellm_tiering.intake.inflation import deflated
from litellm_tiering.intake.tasks import plain, read_cues, tokenise

MAX_STATING_CHARS = 1_500
"""A longer system prompt describes an assistant rather than one task, and states none."""

_MAX_WORDS = 12
_STATABLE = (
    TaskType.SUMMARY,
    TaskType.TRANSLATION,
    TaskType.CLASSIFICATION,
    TaskType.EXTRACTION,
    TaskType.MATHS,
    TaskType.ANALYSIS,
    TaskType.PLANNING,
    TaskType.CODE,
)
_OPENERS = (
    "your task is to ",
    "your job is to ",
    "your role is to ",
    "your goal is to ",
    "task: ",
    "tu tarea es ",
    "ta tache est de ",
    "votre tache est de ",
    "il tuo compito e ",
    "sua tarefa e ",
)
_FIRM = 2.0


class Stated(NamedTuple):
    """A task that a system prompt states, and how hard a kind it is."""

    task: TaskType
    hard: float
    proof: float
    words: int


def stated_task(system: str) -> Stated | None:
    """The task stated in ``system``; None where it only says who the assistant is and how to behave.

    A task is stated by a verb of work that opens a sentence. What a prompt asks of every answer ("write
    clearly", "explain your reasoning", "think step by step") states none.
    """
    if len(system) > MAX_STATING_CHARS:
        return None
    text = plain(system)
    text = deflated(text, tokenise(text))
    for opener in _OPENERS:
        text = text.replace(opener, ". ")
    cues = read_cues(text)
    if not cues.leading:
        return None
    weights = {task: cues.weights[task] for task in _STATABLE if cues.weights.get(task, 0.0) >= _FIRM}
    if not weights:
        return None
    task = max(weights, key=weights.__getitem__)
    worked_out = task in {TaskType.MATHS, TaskType.ANALYSIS, TaskType.PLANNING, TaskType.CODE}
    return Stated(
        task=task,
        hard=cues.hard if worked_out else 0.0,
        proof=cues.proof if worked_out else 0.0,
        words=min(_MAX_WORDS, len(cues.words)),
    )
