"""The little that the simulated models know by heart, and their arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

_CAPITALS = {
    "france": "Paris", "germany": "Berlin", "italy": "Rome", "spain": "Madrid", "portugal": "Lisbon",
    "japan": "Tokyo", "china": "Beijing", "india": "New Delhi", "canada": "Ottawa", "brazil": "Brasília",
    "australia": "Canberra", "egypt": "Cairo", "kenya": "Nairobi", "norway": "Oslo", "sweden": "Stockholm",
    "finland": "Helsinki", "poland": "Warsaw", "greece": "Athens", "turkey": "Ankara",
    "mexico": "Mexico City", "argentina": "Buenos Aires", "switzerland": "Bern", "austria": "Vienna",
    "ireland": "Dublin", "england": "London", "the uk": "London", "the united kingdom": "London",
    "the usa": "Washington, D.C.", "the united states": "Washington, D.C.", "the us": "Washington, D.C.",
}  # fmt: skip
_SPELT = {"the uk": "the UK", "the us": "the US", "the usa": "the USA"}
_CAPITAL = re.compile(r"\bcapital (?:city )?of ((?:the )?[a-z]{2,20}(?: [a-z]{2,20}){0,2})")


@dataclass(frozen=True, slots=True)
class Fact:
    """A known answer: in a word, as a sentence, and with a little more for a model that likes to talk."""

    brief: str
    sentence: str
    more: str = ""


_FACTS: tuple[tuple[tuple[str, ...], Fact], ...] = (
    (("boil", "water"), Fact("100 °C", "Water boils at 100 °C at sea level.", "Higher up it boils at less.")),
    (("freez", "water"), Fact("0 °C", "Water freezes at 0 °C.", "Salt in it lowers that point.")),
    (("wrote", "hamlet"), Fact("William Shakespeare", "William Shakespeare wrote Hamlet.", "About 1600.")),
    (("wrote", "1984"), Fact("George Orwell", "George Orwell wrote 1984.", "It came out in 1949.")),
    (("largest", "planet"), Fact("Jupiter", "Jupiter is the largest planet of the Solar System.")),
    (("closest", "sun"), Fact("Mercury", "Mercury is the planet closest to the Sun.")),
    (("speed", "light"), Fact("299,792,458 m/s", "Light travels at 299,792,458 m/s in a vacuum.")),
    (("days", "leap year"), Fact("366", "A leap year has 366 days.", "The extra day is 29 February.")),
    (("days", "week"), Fact("7", "A week has seven days.")),
    (("colour", "sky"), Fact("Blue", "The sky is blue on a clear day.", "Air scatters blue light the most.")),
    (("color", "sky"), Fact("Blue", "The sky is blue on a clear day.", "Air scatters blue light the most.")),
    (("chemical", "gold"), Fact("Au", "The chemical symbol of gold is Au.", "It is Latin: aurum.")),
    (("chemical", "water"), Fact("H2O", "The chemical formula of water is H2O.")),
    (("opposite", "hot"), Fact("Cold", "The opposite of hot is cold.")),
    (("thank you", "french"), Fact("Merci", 'In French, "thank you" is "merci".')),
    (("hello", "french"), Fact("Bonjour", 'In French, "hello" is "bonjour".')),
    (("hello", "spanish"), Fact("Hola", 'In Spanish, "hello" is "hola".')),
    (("hello", "german"), Fact("Hallo", 'In German, "hello" is "hallo".')),
    (("reset", "password"), Fact(
        "Choose 'Forgot password' on the sign-in page.",
        "Choose 'Forgot password' on the sign-in page and follow the link in the message that you get.",
        "The link works for one hour.")),
    (("opening hours",), Fact("9 to 17, Monday to Friday", "We are open from 9 to 17, Monday to Friday.")),
)  # fmt: skip

_GREETING = re.compile(r"\s{0,9}(hi|hello|hey|good (?:morning|evening|day))\b[^a-z]{0,20}$")


def fact_about(question: str) -> Fact | None:
    """What is known by heart on the question, or None."""
    text = question.casefold()
    if _GREETING.match(text):
        return Fact("Hello!", "Hello! How can I help you today?")
    for found in _CAPITAL.finditer(text):
        words = found[1].split(" ")
        # "of france and why" must find France: the longest run of words that names a country.
        for end in range(len(words), 0, -1):
            country = " ".join(words[:end])
            if city := _CAPITALS.get(country):
                shown = _SPELT.get(country) or country.title().replace("The U", "the U")
                return Fact(
                    city,
                    f"The capital of {shown} is {city.rstrip('.')}.",
                    "It is the seat of the government.",
                )
    return next((fact for words, fact in _FACTS if all(word in text for word in words)), None)


_WORDS = (
    ("multiplied by", "*"), ("times", "*"), ("divided by", "/"), ("plus", "+"), ("minus", "-"),
    ("\N{MULTIPLICATION SIGN}", "*"), ("\N{DIVISION SIGN}", "/"), ("\N{MINUS SIGN}", "-"),
)  # fmt: skip
_NUMBER = r"\d{1,12}(?:\.\d{1,6})?"
# A minus or a slash needs room around it, so that dates, ranges and paths are not sums.
_OPERATOR = r"(?:\s{0,2}[*+]\s{0,2}|\s{1,2}[-/]\s{1,2})"
_SUM = re.compile(rf"(?<![\w.]){_NUMBER}(?:{_OPERATOR}{_NUMBER}){{1,8}}(?![\w]|\.\d)")
_TOKEN = re.compile(rf"{_NUMBER}|[-+*/]")
_LOOKED_AT = 2_000
"""Characters of a question in which a sum is looked for."""


@dataclass(frozen=True, slots=True)
class Sum:
    """An arithmetic question: ``terms`` are numbers and operators, alternating."""

    terms: tuple[str, ...]
    value: Fraction

    @property
    def text(self) -> str:
        return " ".join(self.terms)

    @property
    def result(self) -> str:
        return plain_number(self.value)

    @property
    def hard(self) -> bool:
        """A product or quotient of two numbers of two digits or more, a long number, or a long sum."""
        numbers, operators = self.terms[::2], self.terms[1::2]
        long = [len(n.replace(".", "")) for n in numbers]
        products = any(
            op in "*/" and min(a, b) > 1 for op, a, b in zip(operators, long, long[1:], strict=False)
        )
        return products or max(long) > 4 or len(operators) > 3  # noqa: PLR2004 - as the docstring says


def sum_in(question: str) -> Sum | None:
    """The first arithmetic question in the text, worked out exactly; None where there is none."""
    text = question[:_LOOKED_AT].casefold()
    for word, sign in _WORDS:
        text = text.replace(word, sign)
    found = _SUM.search(text)
    if found is None:
        return None
    terms = tuple(_TOKEN.findall(found[0]))
    value = _value(terms)
    return None if value is None else Sum(terms, value)


def _value(terms: tuple[str, ...]) -> Fraction | None:
    total, product, sign = Fraction(0), Fraction(terms[0]), 1
    for operator, number in zip(terms[1::2], map(Fraction, terms[2::2]), strict=True):
        if operator == "*":
            product *= number
        elif operator == "/":
            if not number:
                return None
            product /= number
        else:
            total += sign * product
            product, sign = number, 1 if operator == "+" else -1
    return total + sign * product


def plain_number(value: Fraction) -> str:
    """The number as people write it: whole where it is whole, else with at most six decimals."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = round(Decimal(value.numerator) / Decimal(value.denominator), 6)
    return f"{rounded:f}".rstrip("0").rstrip(".")
