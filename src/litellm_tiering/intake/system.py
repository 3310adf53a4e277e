# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""The task that a system prompt states, where it states one: "Translate the user's text into French."."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.core.features import TaskType
from litellm_tiering.intake.inflation import deflated
from litellm_tiering.intake.tasks import plain, read_cues, tokenise

if TYPE_CHECKING:
    from litellm_tiering.intake.tasks import Cues

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
# "For each statement that the user gives, find …": the verb of work comes after.
_GIVEN = re.compile(
    r"(?:^|[.!?:;\n])\s{0,4}(?:for (?:each|every|any|the)|given|whenever|when|if|to (?:each|every)"
    r"|fur jede\w{0,2}|zu jede\w{0,2}|bei jede\w{0,2}|wenn|pour (?:chaque|tout\w{0,2})|quand|para cada|cuando"
    r"|per ogni|para todo\w?|для кажд\w{1,3}|на кажд\w{1,3}|по кажд\w{1,3}|когда)\b[^.,:!?\n]{0,90}[,:]"
)
_GIVEN_UNSPACED = re.compile("(?:^|[。！？\n])(?:对于?|對於?|针对|根据|给出)[^。，：\n]{0,40}[，：]")
# How to go about it, whatever "it" is: "plan your work", "analyse each question in depth".
_MANNER = re.compile(
    r"(?:^|[.!?,\n])\s{0,4}(?:always )?(?:plan|think|reason|analy[sz]e|reflect|decompose|evaluate"
    r"|consider|weigh|justify|explain|double-check|check|verify|review|critique|debug|solve)\s+"
    r"(?:on |through |about )?(?:your|the (?:situation|problem|question|request|task|alternatives)"
    r"|the user's (?:question|request|needs)|alternatives|step|carefully|deeply"
    r"|(?:every |each |any |all )?(?:complex |hard |difficult )?(?:questions?|problems?|requests?|steps?))"
    r"\b[^.!?\n]{0,200}"
)
# "Reply with the label only": whoever says so wants a small thing, whatever the text speaks of.
_ONLY = re.compile(
    r"\b(?:answer|reply|respond|output|return|print|give)\b[^.!?\n]{0,60}\b(?:only|nothing else|one word"
    r"|a single word|exactly one(?: of)?|and nothing|just the)\b"
    r"|\bonly (?:answer|reply|respond|output|return)\b"
    r"|\b(?:antworte|gib)\b[^.!?\n]{0,40}\b(?:nur|ausschliesslich|einem wort)\b"
    r"|\b(?:reponds?|repondez)\b[^.!?\n]{0,40}\b(?:uniquement|seulement|un mot)\b"
    r"|\brespond[ea]\b[^.!?\n]{0,40}\b(?:solo|solamente|unicamente|apenas|somente|una palabra|uma palavra)\b"
    r"|\brispondi\b[^.!?\n]{0,40}\b(?:solo|soltanto|una parola)\b"
    r"|\bответь\w{0,2}\b[^.!?\n]{0,40}\b(?:только|одним словом)\b|\bтолько ответ\w{0,2}\b"
)
_ONLY_UNSPACED = re.compile(
    "(?:只|仅|僅)(?:需)?(?:回答|返回|输出|輸出|给出|回复)|(?:だけ|のみ)(?:を)?(?:返|出力|答)"
    "|만 (?:답|출력|반환)"
)
# A title for a conversation: chat front ends ask for one all the time, and the text may ask for anything.
_TITLE = re.compile(
    r"\b(?:generate|write|create|suggest|give|provide)\b[^.!?\n]{0,40}\b(?:title|headline|subject line)\b"
    r"|\btitel\b[^.!?\n]{0,40}\bfur\b|\btitre\b[^.!?\n]{0,40}\bpour\b|\btitulo\b[^.!?\n]{0,40}\bpara\b"
    r"|\bзаголовок\b[^.!?\n]{0,40}\bдля\b"
)
_ONLY_WORDS = 4


class Stated(NamedTuple):
    """A task that a system prompt states and how hard a kind it is; a question overrules a doubtful one."""

    task: TaskType
    hard: float
    proof: float
    words: int
    technical: int = 0
    doubtful: bool = False


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
    text = _MANNER.sub(". ", _GIVEN.sub(". ", text))
    if not text.isascii():
        text = _GIVEN_UNSPACED.sub("。", text)
    cues = read_cues(text)
    weights = {task: cues.weights[task] for task in _STATABLE if cues.weights.get(task, 0.0) >= _FIRM}
    if _TITLE.search(text) and not cues.proof:
        return Stated(TaskType.SUMMARY, 0.0, 0.0, _ONLY_WORDS)
    if not cues.leading or not weights:
        return (
            Stated(TaskType.EXTRACTION, 0.0, 0.0, _ONLY_WORDS, doubtful=True)
            if _wants_little(text, cues)
            else None
        )
    task = max(weights, key=weights.__getitem__)
    worked_out = task in {TaskType.MATHS, TaskType.ANALYSIS, TaskType.PLANNING, TaskType.CODE}
    return Stated(
        task=task,
        hard=cues.hard if worked_out else 0.0,
        proof=cues.proof if worked_out else 0.0,
        words=min(_MAX_WORDS, len(cues.words)),
        technical=cues.technical if worked_out else 0,
    )


def _wants_little(text: str, cues: Cues) -> bool:
    """Whether a prompt that states no task asks for a word, a label or a corrected text and nothing else."""
    if cues.proof >= 1 or cues.hard > 1:
        return False
    return bool(_ONLY.search(text)) or (not text.isascii() and bool(_ONLY_UNSPACED.search(text)))
