"""Numbers as models write them at the end of an answer, read so that two of them can be compared.

``$1,234.50``, ``1.234,50 €``, ``-3/4``, a LaTeX ``frac{3}{4}``, ``12 %``, ``6e23``, ``seven``: each is
one fraction, a unit and how finely it was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARS = 256
"""What is longer is no single number."""

MAX_DIGITS = 40
MAX_EXPONENT = 60

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
_WORDS = {word: value for value, word in enumerate(_SMALL)}
_UNITS = {
    unit: names[0]
    for names in (
        ("second", "s", "sec", "secs", "seconds"),
        ("minute", "min", "mins", "minutes"),
        ("hour", "h", "hr", "hrs", "hours"),
        ("day", "days"),
        ("week", "weeks"),
        ("month", "months"),
        ("year", "yr", "yrs", "years"),
        ("mm", "millimeters", "millimetres"),
        ("cm", "centimeters", "centimetres"),
        ("m", "meter", "meters", "metre", "metres"),
        ("km", "kilometers", "kilometres"),
        ("inch", "inches", "in"),
        ("foot", "feet", "ft"),
        ("yard", "yards", "yd"),
        ("mile", "miles", "mi"),
        ("g", "gram", "grams"),
        ("kg", "kilogram", "kilograms"),
        ("pound", "pounds", "lb", "lbs"),
        ("ounce", "ounces", "oz"),
        ("ml", "milliliters", "millilitres"),
        ("l", "liter", "liters", "litre", "litres"),
        ("cent", "cents", "¢"),
        ("dollar", "dollars", "$", "usd"),
        ("euro", "euros", "€", "eur"),
        ("sterling", "£", "gbp"),
        ("%", "percent", "per cent"),
    )
    for unit in names
}
"""Measures whose difference makes another answer of the same number; any other word says what is counted."""

# Linear: runs of one character class each, told apart by their first character.
_NUMBER = re.compile(
    r"(?P<sign>[-+\u2212])?(?P<coin>[$€£¥₹])?(?P<late>[-\u2212])?"
    r"(?P<digits>(?:\d|\.(?=\d))[\d.,'\u2019\u00a0\u202f]*)"
    r"(?:\s?/\s?(?P<under>\d+))?"
    r"(?:\s?(?:\u00d7|x|\*|\\times|\\cdot)\s?10\s?\^?\s?\{?(?P<power>[-+\u2212]?\d{1,3})\}?|[eE](?P<exp>[-+]?\d{1,3})(?!\w))?"
)
_FRACTION = re.compile(r"\\[dt]?frac\s?\{?(-?\d{1,20})\}?\s?\{?(\d{1,20})\}?")
_MIXED = re.compile(r"(?<![\d.,/])(\d{1,9})\s+(\d{1,9})/(\d{1,9})(?!\d)")
_GROUPED = re.compile(r"\d{1,3}(?:[,'\u2019\u00a0\u202f]\d{3})+")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")
_UNIT_AFTER = re.compile(r"\s*\\?(%|per ?cent\b|[€$£¢]|[a-z]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in an answer.

    Attributes:
        value: What it comes to.
        places: How many decimals it was written with.
        unit: Its measure, empty where none was named that is known.
        exact: Whether it was written as a whole number or a fraction.
    """

    value: Fraction
    places: int = 0
    unit: str = ""
    exact: bool = True

    def same(self, other: Number) -> bool:
        """Whether both say the same: as finely as the coarser of the two was written, in no other unit."""
        units = {self.unit, other.unit} - {""}
        if len(units) > 1:
            return False
        if self._near(self.value, other):
            return True
        # 12 % and 0.12 are one share, whoever left the sign away.
        if units == {"%"} and self.unit != other.unit:
            scaled = self.value * 100 if not self.unit else self.value / 100
            return self._near(scaled, other)
        return False

    def _near(self, value: Fraction, other: Number) -> bool:
        if value == other.value:
            return True
        if self.exact and other.exact:
            return False
        if not self.exact and not other.exact:
            places = min(self.places, other.places)
        else:
            places = other.places if self.exact else self.places
            if (self.value if self.exact else other.value).denominator == 1:
                # A whole number beside a decimal one: rounding to it would make 4 of 3.6.
                return False
        return abs(value - other.value) <= Fraction(1, 2 * 10 ** min(places, MAX_DIGITS)) and places > 0


def numbers(text: str) -> list[Number]:
    """The numbers in a short text, in order; words for small ones where there are no digits."""
    text = _plain(text)
    found = [number for match in _NUMBER.finditer(text) if (number := _read(text, match)) is not None]
    if found:
        return found
    words = (w.strip(".,;:!?*\"'") for w in text.lower().split())
    return [Number(Fraction(_WORDS[w])) for w in words if w in _WORDS]


def only_number(text: str) -> Number | None:
    """The number that a short text is or names: its only one, or what its last ``=`` leads to."""
    if len(text) > MAX_CHARS:
        return None
    found = numbers(text)
    if len(found) > 1 and "=" in text:
        found = numbers(text.rpartition("=")[2])
    return found[0] if len(found) == 1 else None


def _plain(text: str) -> str:
    text = _FRACTION.sub(r" \1/\2", text).replace("\\$", "$").replace("\\%", "%").replace("\\,", "")
    text = text.replace("{,}", ",").replace("\u2044", "/")
    return _MIXED.sub(_improper, text)


def _improper(match: re.Match[str]) -> str:
    whole, over, under = (int(part) for part in match.groups())
    return f"{whole * under + over}/{under}"


def _read(text: str, match: re.Match[str]) -> Number | None:
    before = text[match.start() - 1 : match.start()]
    if before.isalpha() or before == "_":
        return None  # part of a name, such as H2
    negative = match["late"] is not None or (match["sign"] in ("-", "\u2212") and not before.isdigit())
    digits, places = _decimal(match["digits"].rstrip(".,'\u2019\u00a0\u202f"))
    if not digits or len(digits) > MAX_DIGITS:
        return None
    value = Fraction(digits)
    under = match["under"]
    if under is not None:
        if len(under) > MAX_DIGITS or int(under) == 0:
            return None
        value /= int(under)
    power = int((match["power"] or match["exp"] or "0").replace("\u2212", "-"))
    if abs(power) > MAX_EXPONENT:
        return None
    if power:
        value *= Fraction(10) ** power
        places = max(0, places - power)
    exact = (places == 0 and not power) or under is not None
    return Number(-value if negative else value, places, _unit(text, match), exact)


def _decimal(written: str) -> tuple[str, int]:
    """Digits with a point, and how many stand behind it, whichever way thousands are set apart."""
    if _GROUPED.fullmatch(written) or _DOTTED.fullmatch(written):
        return re.sub(r"\D", "", written), 0
    point = max(written.rfind("."), written.rfind(","))
    if point < 0:
        return re.sub(r"\D", "", written), 0
    whole, rest = re.sub(r"\D", "", written[:point]), written[point + 1 :]
    if not rest.isdecimal():
        return "", 0
    return f"{whole or 0}.{rest}", len(rest.rstrip("0"))


def _unit(text: str, match: re.Match[str]) -> str:
    if match["coin"]:
        return _UNITS.get(match["coin"], match["coin"])
    after = _UNIT_AFTER.match(text, match.end())
    return _UNITS.get(after[1].lower().replace("per cent", "percent"), "") if after else ""
