"""Sums written in an answer, computed again.

Reject only what is surely wrong: precision matters more than finding every slip, for the learned gate has the
rest as a feature.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.arithmetic_reading import Equation, equations, parts_of
from litellm_tiering.gates.arithmetic_value import NotExact, Side, Token, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.core.gate import Exchange

HEAD_CHARS = 6_000
"""So much of a long answer's beginning is read."""

TAIL_CHARS = 6_000
"""And so much of its end."""

# Fixed words: linear.
_OTHER_RULES = re.compile(
    r"\b(?:mod|modulo|modular|remainders?|divisible|divides|base|bases|digits?|clock|congruent|binary|hexadecimal|octal"
    r"|operation|defined?|symbol)\b",
    re.IGNORECASE,
)
_ABOUT = Fraction(3, 100)
_ROUNDED = Fraction(1, 100)
_SUBTLE = Fraction(5, 100)
_SCALES = (Fraction(1), Fraction(100), Fraction(1, 100))


class Sums(NamedTuple):
    """What became of the sums of a text.

    Attributes:
        checked: How many could be computed.
        wrong: How many of them are surely wrong.
        near: How many are wrong, but by so little or in such a place that it may be meant.
    """

    checked: int = 0
    wrong: int = 0
    near: int = 0


def sums(text: str, prompt: str = "") -> Sums:
    """Compute every sum written in ``text`` again: its head and its tail, where it is long.

    Where ``prompt`` speaks of remainders or number bases, ``3 + 5 = 1`` may be right: none is surely wrong.
    """
    other_rules = _OTHER_RULES.search(prompt) is not None
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    checked = wrong = near = 0
    for equation in equations(text):
        found = _holds(equation)
        if found is None:
            continue
        checked += 1
        if found:
            continue
        if other_rules or equation.doubted or equation.converts or _is_subtle(equation):
            near += 1
        else:
            wrong += 1
    return Sums(checked, wrong, near)


def _holds(equation: Equation) -> bool | None:
    """Whether the equation holds in any way that it can be read; None where there is nothing to compute."""
    if not _is_sum(equation.left) or (equation.left.count("/") > 1 and "(" not in equation.left):
        # 7 / 1/2 may mean two things, and "the price of 8 = 8 * 5" is no sum that could be wrong.
        return None
    known = False
    for left, right in _readings(equation):
        known = True
        if _equal(left, right, about=equation.about):
            return True
    return False if known else None


def _is_subtle(equation: Equation) -> bool:
    """Whether what looks wrong may be meant otherwise: powers, steps of a derivation, rounded figures."""
    if "^" in equation.left or any(sign in equation.right.lstrip("-( ") for sign in "+-*/^"):
        return True
    for left, right in _readings(equation):
        if (left.rounded or right.step != 1) and abs(left.value - right.value) <= _SUBTLE * abs(right.value):
            return True
    return False


def _is_sum(run: str) -> bool:
    """Whether ``run`` computes something: more than a number, a sign before it, or a plain fraction."""
    signs = [sign for sign in run.lstrip("-( ") if sign in "+-*/^"]
    return bool(signs) and (signs != ["/"] or " / " in run or "*" in run)


def _readings(equation: Equation) -> Iterator[tuple[Side, Side]]:
    """The values of both sides, in every way that the equation may be meant."""
    for decimal_comma in (False, True):
        left = parts_of(equation.left, decimal_comma=decimal_comma)
        right = parts_of(equation.right, decimal_comma=decimal_comma)
        if left is None or right is None:
            continue
        percent = any(number is not None and number.percent for _, number in left + right)
        for counts in (False, True) if percent else (False,):
            yield from _computed(left, right, percent_counts=counts)
        if not any(number is not None and number.doubtful for _, number in left + right):
            return


def _computed(left: list[Token], right: list[Token], *, percent_counts: bool) -> Iterator[tuple[Side, Side]]:
    """The values of both sides, where they have any; a leading minus may be a bullet or a dash."""
    try:
        there = value_of(right, percent_counts=percent_counts)
        yield value_of(left, percent_counts=percent_counts), there
        if left[0][0] == "-":
            yield value_of(left[1:], percent_counts=percent_counts), there
    except NotExact:
        return


def _equal(left: Side, right: Side, *, about: bool) -> bool:
    step = max(left.step, right.step)
    scales = _SCALES if left.percent or right.percent else _SCALES[:1]
    for scale in scales:
        difference = abs(left.value * scale - right.value)
        size = max(abs(left.value * scale), abs(right.value))
        if difference == 0 or (difference < step and (left.value * scale).denominator != 1):
            return True
        loose = _ABOUT if about else (_ROUNDED if left.rounded or right.rounded else Fraction(0))
        if difference <= size * loose:
            return True
    return False


class ArithmeticGate:
    """Rejects an answer in which a sum is surely wrong; abstains where there is none to compute.

    ``p_bad`` of a rejection is how often such answers were wrong on recorded ones, see
    ``bench/quality_gating.py``.

    Args:
        name: What it is called.
    """

    judges_prefix = False

    def __init__(self, *, name: str = "arithmetic") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``wrong_sum``."""
        found = sums(exchange.answer, exchange.prompt.question)
        if not found.checked:
            return Verdict.abstain()
        if found.wrong:
            return Verdict.reject("wrong_sum", p_bad=0.9)
        return Verdict.accept(p_bad=0.2)
