"""How the simulated models answer: a pure function of the request, the same on every run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider import prose
from litellm_tiering.testing.provider.facts import sum_in
from litellm_tiering.testing.provider.fill import Hints, fill
from litellm_tiering.testing.provider.hardness import (
    is_hard,
    mean_logprob,
    outcome_of,
    seed_of,
    size_of,
    without_markers,
)
from litellm_tiering.testing.provider.shapes import Answer, Choice, ToolCall, cut

if TYPE_CHECKING:
    from litellm_tiering.testing.provider.hardness import Outcome
    from litellm_tiering.testing.provider.shapes import Ask, Finish, Tool

_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_LEAST_WORD = 5
"""Letters that a word of a tool's name must have for the question to call for it by that word alone."""

_LOOKED_AT = 20_000
_UNSURE = 0.45
_SURE = 0.95


def think(ask: Ask) -> Answer:
    """What the model answers."""
    question = without_markers(ask.said)
    # Deployments of one model are samples of the same behaviour: they fail alike, in different words.
    seed = seed_of(f"{ask.model}\n{question}")
    tool = tool_called_for(ask, question)
    outcome = outcome_of(ask.model, ask.said, json=tool is not None or ask.structured)
    mean = mean_logprob(ask.model, ask.said, outcome)
    if tool is not None:
        call = ToolCall(tool.name, _json(_arguments(tool, question, ask, outcome, seed), outcome))
        return _answer(ask, [Choice("", call, "tool_calls", mean, seed)] * ask.n)
    text = (
        _structured(ask, question, outcome, seed) if ask.structured else _text(ask, question, outcome, seed)
    )
    finish: Finish = "length" if outcome == "stops" and not ask.structured else "stop"
    choices = [
        Choice(text if ask.structured else prose.rephrased(text, i), None, finish, mean, seed + i)
        for i in range(ask.n)
    ]
    return _answer(ask, choices)


def refusing(ask: Ask) -> Answer:
    """A refusal, whatever was asked."""
    return _answer(ask, [Choice(prose.REFUSAL, mean_logprob=-0.2, seed=seed_of(ask.said))] * ask.n)


def empty(ask: Ask) -> Answer:
    """A proper answer with nothing in it."""
    return _answer(ask, [Choice("")] * ask.n)


def tool_called_for(ask: Ask, question: str) -> Tool | None:
    """The tool to call: the one that must be, or the first whose name the question takes up."""
    if not ask.tools or ask.tool_choice == "none":
        return None
    if ask.tool_named:
        return next((tool for tool in ask.tools if tool.name == ask.tool_named), None)
    # With a tool's result at hand the model answers, unless it must call again.
    called = None if ask.tool_result is not None else _mentioned(ask.tools, question[:_LOOKED_AT].casefold())
    return called or (ask.tools[0] if ask.tool_choice == "required" else None)


def _mentioned(tools: tuple[Tool, ...], question: str) -> Tool | None:
    for tool in tools:
        if tool.name.casefold() in question:
            return tool
        words = (word.casefold() for word in _NAME_WORD.findall(tool.name))
        if any(len(word) >= _LEAST_WORD and word in question for word in words):
            return tool
        if "weather" in question and "weather" in tool.description.casefold():
            return tool
    return None


def _answer(ask: Ask, choices: list[Choice]) -> Answer:
    return Answer(tuple(cut(choice, ask.max_tokens) for choice in choices), ask.prompt_tokens)


def _text(ask: Ask, question: str, outcome: Outcome, seed: int) -> str:
    size = size_of(ask.model)
    if outcome == "refuses":
        return prose.REFUSAL
    if outcome == "wrong":
        return prose.wrong(question, seed)
    if outcome == "stops":
        return prose.half_way(question)
    if ask.tool_result is not None:
        return prose.about_result(ask.tool_result, size)
    return prose.good(question, size, is_hard(ask.said))


def _structured(ask: Ask, question: str, outcome: Outcome, seed: int) -> str:
    hints = _hints(ask, question, outcome, seed)
    value = {"answer": hints.reply} if ask.schema is None else fill(ask.schema, hints)
    return _json(value, outcome)


def _arguments(tool: Tool, question: str, ask: Ask, outcome: Outcome, seed: int) -> object:
    value = fill(tool.schema, _hints(ask, question, outcome, seed))
    return value if isinstance(value, dict) else {}


def _hints(ask: Ask, question: str, outcome: Outcome, seed: int) -> Hints:
    failing = outcome != "good"
    reply = prose.wrong(question, seed) if failing else _text(ask, question, outcome, seed)
    number: float | None = None
    if total := sum_in(question):
        number = float(prose.wrong_result(total, seed)) if failing else float(total.value)
    return Hints(question, reply, number, _UNSURE if failing else _SURE)


def _json(value: object, outcome: Outcome) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # One character short is enough to break it; half is what a careless model leaves.
    return text[: max(1, len(text) // 2)] if outcome == "stops" else text
