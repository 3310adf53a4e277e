"""What an answer looks like beside its question, in numbers: the features of the acceptability gate.

Nothing here knows whether an answer is right. What tells, on recorded answers, is how hard the question
looks, whether the answer uses what the question gives, whether it comes to one clear result, whether that
result is the one its own reasoning ended with, how long and how broken the way there was, and what the other
gates say.

One pass each of a few expressions over bounded text: the time does not grow with the answer.
"""

from __future__ import annotations

import math
import re
import zlib
from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.gates.acceptable_result import Result, result_of
from litellm_tiering.gates.acceptable_words import HARD, HEDGES, LINKS, TURNS
from litellm_tiering.gates.arithmetic import sums
from litellm_tiering.gates.constraints import ConstraintsGate

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Of the features below: a model is only used with those that it was trained on."""

HEAD_CHARS = 3_000
"""So much of a long answer's beginning is looked at."""

TAIL_CHARS = 3_000
"""And so much of its end."""

_CONSTRAINTS = ConstraintsGate()
_SURE = 0.02
_PACKED_CHARS = 4_000
_MOST_NUMBERS = 400

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+")
_CAPITALS = re.compile(r"[A-Z]{2,}")
_FOREIGN = re.compile(r"[^\x00-\u024f]+")
_OPTION = re.compile(r"^[ \t]*\(?([A-P])[.):] ?(.{1,300})$", re.MULTILINE)


def head_and_tail(text: str) -> str:
    """``text``, or its head and its tail where it is long."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def measured(exchange: Exchange) -> tuple[float, ...]:
    """The features of an exchange in the order of :data:`NAMES`; every one is finite."""
    return tuple(named(exchange).values())


def named(exchange: Exchange) -> dict[str, float]:
    """The features of an exchange by name."""
    whole = exchange.answer
    text = head_and_tail(whole)
    prompt = exchange.prompt.question
    options = _options(prompt)
    result = result_of(text)
    return {
        **_of_prompt(prompt, options, exchange.prompt.system),
        **_of_shape(text, len(whole), prompt),
        **_of_words(text),
        **_of_numbers(text, prompt, result),
        **_of_result(result, text, prompt, options),
        **_of_sums(text, prompt),
        **_of_constraints(exchange),
        **_of_logprobs(exchange.logprobs),
        "cut": float(exchange.finish_reason.lower() in {"length", "max_tokens"}),
    }


def _log(value: float) -> float:
    return math.log1p(max(0.0, value))


def _options(prompt: str) -> Mapping[str, str]:
    found = _OPTION.findall(prompt[-6_000:])
    return {letter: told.strip() for letter, told in found} if len(found) > 1 else {}


def _of_prompt(prompt: str, options: Mapping[str, str], system: str) -> dict[str, float]:
    words = _WORD.findall(prompt[:HEAD_CHARS].lower())
    return {
        "p_chars": _log(len(prompt)),
        "p_system": _log(len(system)),
        "p_numbers": _log(len(_NUMBER.findall(prompt[:HEAD_CHARS]))),
        "p_lines": _log(prompt.count("\n")),
        "p_latex": _log(prompt.count("\\") + prompt.count("$") / 2),
        "p_code": _log(sum(map(prompt.count, ("def ", "return ", "import ", "class ", "();", "print(")))),
        "p_json": float("json" in prompt.lower()),
        "p_loops": _log(prompt.count("for ") + prompt.count("while ") + prompt.count("if ")),
        "p_calls": _log(prompt.count("(")),
        "p_quotes": _log(prompt.count('"') + prompt.count("'")),
        "p_questions": _log(prompt.count("?")),
        "p_options": float(len(options)),
        "p_word_length": sum(map(len, words)) / max(1, len(words)),
        "p_hard": _log(sum(map(HARD.__contains__, words))),
        "p_commas": _log(prompt.count(",")),
        "p_percent": _log(prompt.count("%") + prompt.count("percent")),
        "p_capitals": _log(len(_CAPITALS.findall(prompt[:HEAD_CHARS]))),
    }


def _of_shape(text: str, chars: int, prompt: str) -> dict[str, float]:
    packed = zlib.compress(text[:_PACKED_CHARS].encode("utf-8", "replace"), 1)
    lines = text.count("\n") + 1
    stripped = text.rstrip()
    return {
        "a_chars": _log(chars),
        "a_ratio": _log(chars) - _log(len(prompt)),
        "a_lines": _log(lines),
        "a_line_length": _log(len(text) / lines),
        "a_packed": len(packed) / max(20, min(len(text), _PACKED_CHARS)),
        "a_latex": _log(text.count("\\") + text.count("$") / 2),
        "a_bold": _log(text.count("**") / 2),
        "a_bullets": _log(text.count("\n- ") + text.count("\n* ") + text.count("\n• ")),
        "a_equals": _log(text.count("=")),
        "a_brackets": _log(text.count("(")),
        "a_quotes": _log(text.count('"') + text.count("'")),
        "a_questions": _log(text.count("?")),
        "a_fences": float(min(4, text.count("```"))),
        "a_json": float(stripped[-1:] in {"}", "]"} or stripped.endswith("```")),
        "a_ends": float(stripped[-1:] in {".", "!", "}", "]", ")", "`", '"', "*", "。"}),
        "a_colon": float(stripped[-1:] == ":"),
    }


def _of_words(text: str) -> dict[str, float]:
    words = _WORD.findall(text.lower())
    count = max(1, len(words))
    return {
        "a_words": _log(len(words)),
        "a_word_length": sum(map(len, words)) / count,
        "a_variety": len(set(words)) / math.sqrt(count),
        "a_hedges": _log(sum(map(HEDGES.__contains__, words))),
        "a_turns": _log(sum(map(TURNS.__contains__, words))),
        "a_links": _log(sum(map(LINKS.__contains__, words))),
        "a_capitals": len(_CAPITALS.findall(text)) / count,
        "a_foreign": _log(len(_FOREIGN.findall(text))),
    }


def _of_numbers(text: str, prompt: str, result: Result) -> dict[str, float]:
    given = [n.replace(",", "") for n in _NUMBER.findall(prompt[-HEAD_CHARS:])[:_MOST_NUMBERS]]
    used = [n.replace(",", "") for n in _NUMBER.findall(text)[-_MOST_NUMBERS:]]
    distinct, known = set(used), set(given)
    decimals = sum("." in n for n in used)
    largest = max((len(n.partition(".")[0]) for n in used), default=0)
    return {
        "n_used": _log(len(used)),
        "n_distinct": _log(len(distinct)),
        "n_new": len(distinct - known) / max(1, len(distinct)),
        "n_covered": len(distinct & known) / max(1, len(known)),
        "n_missed": _log(len(known - distinct)),
        "n_decimals": decimals / max(1, len(used)),
        "n_largest": float(min(20, largest)),
        "n_per_given": _log(len(distinct)) - _log(len(known)),
        "n_again": float(bool(result.text) and result.number in known),
    }


def _of_result(result: Result, text: str, prompt: str, options: Mapping[str, str]) -> dict[str, float]:
    number = result.number
    before = text[: result.start]
    last = ""
    for found in _NUMBER.finditer(before[-600:]):
        last = found[0].replace(",", "")
    chosen = options.get(result.letter, "")
    chosen_numbers = [n.replace(",", "") for n in _NUMBER.findall(chosen)]
    chosen_words = {word.lower() for word in _WORD.findall(chosen) if len(word) > 3}  # noqa: PLR2004 - a word with a meaning
    lowered = before[-3_000:].lower()
    reached = _NUMBER.findall(before[-400:])
    return {
        "r_kind": float(result.kind),
        "r_none": float(result.kind == 0),
        "r_chars": _log(len(result.text)),
        "r_number": float(bool(number)),
        "r_decimal": float("." in number),
        "r_digits": float(min(12, len(number.partition(".")[0]))),
        "r_is_last": float(bool(number) and number == last),
        "r_not_last": float(bool(number) and bool(last) and number != last),
        "r_seen": _log(before.count(number)) if number else 0.0,
        "r_said": float(bool(result.text) and result.text in before),
        "r_in_prompt": float(bool(result.text) and result.text in prompt),
        "r_place": result.start / max(1, len(text)),
        "r_letter": float(ord(result.letter) - 64) if result.letter else 0.0,
        "r_unlisted": float(bool(options) and result.letter not in options),
        "o_number_said": float(bool(chosen_numbers) and any(n in reached for n in chosen_numbers)),
        "o_number_unsaid": float(bool(chosen_numbers) and not any(n in reached for n in chosen_numbers)),
        "o_words_said": sum(word in lowered for word in chosen_words) / max(1, len(chosen_words)),
        "o_chars": _log(len(chosen)),
        "r_round": float(number.endswith("0")),
        "r_symbols": _log(sum(not (c.isalnum() or c.isspace()) for c in result.text)),
    }


def _of_sums(text: str, prompt: str) -> dict[str, float]:
    found = sums(text, prompt)
    return {
        "s_checked": _log(found.checked),
        "s_wrong": float(min(3, found.wrong)),
        "s_near": float(min(3, found.near)),
    }


def _of_constraints(exchange: Exchange) -> dict[str, float]:
    """What the constraints gate says, on one scale: log-odds, 0 where it says nothing."""
    verdict = _CONSTRAINTS.judge(exchange)
    if verdict.p_bad is None:
        return {"c_known": 0.0, "c_rejects": 0.0, "c_odds": 0.0}
    p_bad = min(1 - _SURE, max(_SURE, verdict.p_bad))
    return {"c_known": 1.0, "c_rejects": float(verdict.rejects), "c_odds": math.log(p_bad / (1 - p_bad))}


def _of_logprobs(given: tuple[float, ...]) -> dict[str, float]:
    known = [max(-20.0, min(0.0, p)) for p in given[-2_000:] if p == p]  # noqa: PLR0124 - not NaN
    if not known:
        return {"l_known": 0.0, "l_mean": 0.0, "l_low": 0.0}
    return {
        "l_known": 1.0,
        "l_mean": math.fsum(known) / len(known),
        "l_low": math.fsum(sorted(known)[: max(1, len(known) // 20)]) / max(1, len(known) // 20),
    }


NAMES = tuple(named(Exchange(Said())))
"""The features, in order."""
