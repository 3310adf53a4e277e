"""Answers in words: by heart, worked out, or a neutral text that takes up a few words of the question."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider.facts import Sum, fact_about, plain_number, sum_in

if TYPE_CHECKING:
    from litellm_tiering.testing.provider.hardness import Size

REFUSAL = "I'm sorry, but I can't help with that."

_TOPIC_WORDS = 4
_TOPIC_CHARS = 40
_RESULT_WORDS = 12
_LOOKED_AT = 600
_WORD = re.compile(r"\w[\w'^-]{0,24}")
_COMMON = frozenset({
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "between", "briefly", "by",
    "calculate", "can", "compute", "could", "create", "debug", "derive", "describe", "did", "do", "does",
    "explain", "find", "for", "from", "give", "has", "have", "help", "how", "i", "if", "implement", "in",
    "into", "is", "it", "list", "make", "me", "my", "of", "on", "optimise", "optimize", "or", "our",
    "please", "prove", "refactor", "say", "should", "show", "so", "solve", "some", "step", "tell", "that",
    "the", "their", "them", "then", "there", "these", "this", "to", "us", "using", "was", "we", "were",
    "what", "when", "where", "which", "who", "why", "will", "with", "would", "write", "you", "your",
})  # fmt: skip
_CODE = re.compile(
    r"```|\b(?:code|function|program|script|class|refactor|implement|debug|regex|query)\b", re.IGNORECASE
)
_PROOF = re.compile(r"\b(?:prove|proof|theorem|lemma|induction)\b", re.IGNORECASE)


def topic_of(question: str) -> str:
    """A few words of the question, at most four and 40 characters, that say what it is about."""
    words = _WORD.findall(question[:_LOOKED_AT])
    while words and words[0].casefold() in _COMMON:
        del words[0]
    words = words[:_TOPIC_WORDS]
    while words and words[-1].casefold() in _COMMON:
        del words[-1]
    return " ".join(words)[:_TOPIC_CHARS].strip() or "your question"


def good(question: str, size: Size, hard: bool) -> str:
    """A right answer, brief from a small model and fuller from a large one."""
    if total := sum_in(question):
        plain = f"{total.text} = {total.result}"
        return plain if size == "small" else f"{plain}."
    if fact := fact_about(question):
        full = f"{fact.sentence} {fact.more}".strip() if size == "large" else fact.sentence
        return f"{fact.brief.rstrip('.!')}." if size == "small" else full
    topic = topic_of(question)
    if hard:
        return _worked_out(question, topic)
    brief = f"In short, {topic} comes down to a few simple points."
    if size == "small":
        return brief
    fuller = f"{brief} First, know what you need it for. Second, start small and check the result."
    return (
        fuller
        if size == "medium"
        else f"{fuller} Third, write down what you learned, so that others can follow."
    )


def _worked_out(question: str, topic: str) -> str:
    if _PROOF.search(question):
        return (
            f"Proof ({topic}). Suppose the claim were false. Then it fails in some smallest case. "
            "That is not the first one, which holds by inspection, so the case before it holds. The step "
            "from one case to the next keeps the claim true, which contradicts the choice of the smallest "
            "failing case. Hence the claim holds in every case. ∎"
        )
    if _CODE.search(question):
        return (
            f"Here is a solution for {topic}:\n\n```python\ndef solve(items):\n    seen = set()\n"
            "    result = []\n    for item in items:\n"
            "        if item not in seen:\n            seen.add(item)\n"
            "            result.append(item)\n    return result\n```\n\n"
            "It runs in linear time, keeps the order of the input and needs no other library."
        )
    return (
        f"Let us take {topic} step by step.\n\n1. State what is given and what is wanted.\n"
        "2. Split the problem into parts that do not depend on each other.\n"
        "3. Solve each part and check it against a simple case.\n"
        "4. Put the parts together and test the whole at its limits.\n\n"
        "Done in this order, every step can be checked before the next one begins."
    )


def wrong(question: str, seed: int) -> str:
    """An answer that looks fine and is not; ``seed`` decides how it is wrong."""
    if total := sum_in(question):
        return f"{total.text} = {wrong_result(total, seed)}"
    if fact_about(question):
        return "I believe that was changed some years ago, so it is hard to name one."
    return f"I think {topic_of(question)} comes to about {seed % 89 + 11}, but I have not checked it."


def wrong_result(total: Sum, seed: int) -> str:
    """A number near the right one, never the right one."""
    return plain_number(total.value + Fraction(seed % 9 + 1) * (1 if seed & 64 else -1))


def half_way(question: str) -> str:
    """An answer that stops in the middle of a sentence."""
    return f"On {topic_of(question)}, let us first look at what is given. The first step is to tak"


def about_result(result: str, size: Size) -> str:
    """What a model says once it has a tool's result: a few words of it, wrapped in a sentence."""
    words = " ".join(result[:_LOOKED_AT].split()[:_RESULT_WORDS])
    return words if size == "small" and words else f"Here is what I found: {words or 'nothing'}."


def rephrased(text: str, index: int) -> str:
    """The same answer for the choice ``index``, 0 being the first, in other words."""
    openings = ("", "Briefly: ", "In other words: ", "Put simply: ")
    return openings[index % len(openings)] + text
