"""Numbers as people and models write them, and exact values of short sums: no floats, no ``eval``."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

MAX_DIGITS = 18
"""Longer numbers are not read."""

MAX_TOKENS = 48
"""Nor are expressions of more parts."""

MAX_POWER = 64
"""Nor powers above this."""

MAX_BITS = 512
"""Nor values larger than so many bits."""

_DEEPEST = 12
_GROUP = 3  # digits between two separators of thousands
_OTHER_SEPARATORS = str.maketrans("", "", "\u00a0\u202f'")


class Number(NamedTuple):
    """A number as written.

    Attributes:
        value: What it comes to.
        step: What one more in its last digit would add.
        percent: Whether a percent sign follows it.
        doubtful: Whether it could be read in another way: ``1.500``, ``1,500``.
    """

    value: Fraction
    step: Fraction
    percent: bool = False
    doubtful: bool = False


class NotExact(Exception):
    """An expression that cannot be read, or not be computed within the bounds."""


def read_number(text: str, *, decimal_comma: bool = False) -> Number | None:
    """The number that ``text`` writes, or None where it is none that can be told.

    Args:
        text: Digits with separators between them: ``1,234.5``, ``1.234,5``, ``1'000``, ``3,5``.
        decimal_comma: Whether what could be read both ways has a decimal comma.
    """
    if len(text) > MAX_DIGITS:
        return None
    if text.isdecimal():
        return Number(Fraction(int(text)), Fraction(1))
    text = text.translate(_OTHER_SEPARATORS)
    decimal_comma, doubtful = _has_decimal_comma(text, decimal_comma)
    point, separator = (",", ".") if decimal_comma else (".", ",")
    whole, _, after = text.partition(point)
    groups = whole.split(separator)
    if point in after or separator in after:
        return None
    if len(groups) > 1 and (len(groups[0]) > _GROUP or any(len(group) != _GROUP for group in groups[1:])):
        return None
    digits = "".join(groups) + after
    if not digits.isdecimal():
        return None
    step = Fraction(1, 10 ** len(after))
    return Number(int(digits) * step, step, doubtful=doubtful)


def _has_decimal_comma(text: str, otherwise: bool) -> tuple[bool, bool]:
    """Whether the comma is the decimal one, and whether that is a guess: ``otherwise`` then."""
    dots, commas = text.count("."), text.count(",")
    if dots and commas:
        return text.rfind(",") > text.rfind("."), False
    if max(dots, commas) != 1:
        return dots > 1, False
    if len(text) - text.find("," if commas else ".") - 1 == _GROUP:
        return otherwise, True
    return bool(commas), False


class Side(NamedTuple):
    """One side of an equation, computed.

    Attributes:
        value: What it comes to.
        step: The last digit's worth, where it is one number; else 0.
        sums: Whether anything was computed.
        percent: Whether a percent sign stood in it.
        rounded: Whether numbers in it were written with decimals, or a division left some.
    """

    value: Fraction
    step: Fraction
    sums: bool
    percent: bool
    rounded: bool


Token = tuple[str, "Number | None"]
"""A sign, or ``n`` with its number."""


def value_of(tokens: list[Token], *, percent_counts: bool) -> Side:
    """What the expression comes to.

    Args:
        tokens: Numbers, brackets and ``+ - * / ^``.
        percent_counts: Whether a percent sign divides by a hundred.

    Raises:
        NotExact: it is no expression, or passes the bounds.
    """
    if not tokens or len(tokens) > MAX_TOKENS:
        raise NotExact
    if len(tokens) == 1 and tokens[0][1] is not None:
        number = tokens[0][1]
        scale = Fraction(1, 100) if number.percent and percent_counts else 1
        return Side(
            number.value * scale, number.step * scale, sums=False, percent=number.percent, rounded=False
        )
    reader = _Reader(tokens, percent_counts=percent_counts)
    value = reader.sum(0)
    if reader.at != len(tokens):
        raise NotExact
    single = reader.count == 1
    return Side(value, reader.step if single else Fraction(0), not single, reader.percent, reader.rounded)


class _Reader:
    """Recursive descent, a few brackets deep."""

    def __init__(self, tokens: list[Token], *, percent_counts: bool) -> None:
        self.at = 0
        self.count = 0
        self.percent = False
        self.rounded = False
        self.step = Fraction(1)
        self._tokens = tokens
        self._percent_counts = percent_counts

    def sum(self, depth: int) -> Fraction:
        value = self._product(depth)
        while (sign := self._peek()) in {"+", "-"}:
            self.at += 1
            more = self._product(depth)
            value = value + more if sign == "+" else value - more
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._signed(depth)
        while (sign := self._peek()) in {"*", "/"}:
            self.at += 1
            by = self._signed(depth)
            if sign == "*":
                value *= by
            elif by:
                value /= by
                self.rounded = self.rounded or value.denominator != 1
            else:
                raise NotExact
            _bounded(value)
        return value

    def _signed(self, depth: int) -> Fraction:
        if self._peek() == "-":
            self.at += 1
            return -self._power(depth)
        return self._power(depth)

    def _power(self, depth: int) -> Fraction:
        value = self._atom(depth)
        if self._peek() != "^":
            return value
        self.at += 1
        power = self._signed(depth)
        if power.denominator != 1 or abs(power) > MAX_POWER or (power < 0 and not value):
            raise NotExact
        if value.numerator.bit_length() * abs(power) > MAX_BITS or self._peek() == "^":
            raise NotExact
        return _bounded(value ** int(power))

    def _atom(self, depth: int) -> Fraction:
        if self.at >= len(self._tokens) or depth > _DEEPEST:
            raise NotExact
        sign, number = self._tokens[self.at]
        self.at += 1
        if number is not None:
            self.count += 1
            self.step = number.step
            self.rounded = self.rounded or number.step != 1
            self.percent = self.percent or number.percent
            return number.value / 100 if number.percent and self._percent_counts else number.value
        if sign != "(":
            raise NotExact
        value = self.sum(depth + 1)
        if self._peek() != ")":
            raise NotExact
        self.at += 1
        if self._peek() == "(":  # (2)(3)
            raise NotExact
        return value

    def _peek(self) -> str:
        return self._tokens[self.at][0] if self.at < len(self._tokens) else ""


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise NotExact
    return value
