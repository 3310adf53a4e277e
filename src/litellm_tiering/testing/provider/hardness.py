"""Which questions are hard, and how each model fares on them.

A question is **hard** when the first of these that applies says so:

1. a marker in the user's last message: ``[[hard]]`` or ``[[easy]]``, the first one counting;
2. a sum: hard with a product or quotient of two numbers of two digits or more, with a number of more than
   four digits, or with more than three operators; otherwise easy;
3. more than 400 characters: hard;
4. a word of mathematics, proof or code (``prove``, ``integral``, ``refactor``, ``step by step``, a code
   fence …): hard.

Everything else is easy, and every model answers it well. On a hard question:

========  ============================================================================================
small     always fails, by a hash of the question: refuses, gives a wrong answer, or stops half-way
          (finish ``length``). With a JSON answer or a tool call: cut JSON in half of the cases.
medium    fails so on a quarter of them
large     answers well; so does every model whose name is not known
========  ============================================================================================
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from litellm_tiering.testing.provider.facts import sum_in

Size = Literal["small", "medium", "large"]
Outcome = Literal["good", "refuses", "wrong", "stops"]

MODELS: dict[str, Size] = {
    "sim-small": "small",
    "sim-small-b": "small",
    "sim-medium": "medium",
    "sim-large": "large",
    "sim-large-b": "large",
}
LONG_CHARS = 400
LOOKED_AT_CHARS = 20_000
"""How much of a question is searched for words; beyond it the length has decided long ago."""

_MARKER = re.compile(r"\[\[(hard|easy)\]\]", re.IGNORECASE)
_SEED = re.compile(r"\[\[seed:(\d{1,9})\]\]")
_ANY_MARKER = re.compile(r"[ \t]?\[\[(?:hard|easy|seed:\d{1,9}|fault:[^\[\]\s]{1,120})\]\]", re.IGNORECASE)
_WORDS = re.compile(
    r"""```|\b(?:prove|proof|theorem|lemma|induction|deriv(?:e|ative)|integra(?:l|te)|differential|
    eigenvalue|matrix|polynomial|probability|equation|optimi[sz]e|algorithm|complexity|
    refactor|implement|debug|traceback|stack\ trace|regex|deadlock|concurrency|race\ condition|
    write\ an?\ (?:\w{1,20}\ )?(?:function|program|script|class|query)|step\ by\ step)\b""",
    re.IGNORECASE | re.VERBOSE,
)


def size_of(model: str) -> Size:
    """How able the model is; a name that is not known is a large one."""
    return MODELS.get(model, "large")


def without_markers(said: str) -> str:
    """The question as a person would have put it."""
    return _ANY_MARKER.sub("", said).strip()


def seed_in(said: str) -> int:
    """The number by which a test tells this request apart, ``[[seed:N]]``; -1 where it has none.

    Not every API has a field of that name, and not every client sends it on.
    """
    found = _SEED.search(said[:LOOKED_AT_CHARS])
    return int(found[1]) if found else -1


def is_hard(said: str) -> bool:
    """Whether the question is hard, by the rule above; ``said`` is the user's text with its markers."""
    if marker := _MARKER.search(said):
        return marker[1].lower() == "hard"
    question = without_markers(said)
    if total := sum_in(question):
        return total.hard
    return len(question) > LONG_CHARS or _WORDS.search(question[:LOOKED_AT_CHARS]) is not None


def seed_of(text: str) -> int:
    """A number that depends on the text alone, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode(errors="replace")).digest()[:8], "big")


def outcome_of(model: str, said: str, *, json: bool) -> Outcome:
    """How the model fares; ``json`` says that its answer must be JSON or the arguments of a tool."""
    size = size_of(model)
    if size == "large" or not is_hard(said):
        return "good"
    seed = seed_of(without_markers(said))
    if size == "medium" and seed // 6 % 4 != 0:
        return "good"
    if json:
        return ("stops", "wrong")[seed % 2]
    return ("refuses", "wrong", "stops")[seed % 3]


def mean_logprob(model: str, said: str, outcome: Outcome) -> float:
    """How sure the model is of its answer's tokens, on average (natural logarithm).

    Large models are surer than small ones, everybody is surer of what is easy, and a model that fails is
    unsure, except of a refusal.
    """
    if outcome == "refuses":
        return -0.2
    if outcome != "good":
        return -1.7
    easy, hard = {"small": (-0.15, -1.3), "medium": (-0.1, -0.35), "large": (-0.05, -0.15)}[size_of(model)]
    return hard if is_hard(said) else easy
