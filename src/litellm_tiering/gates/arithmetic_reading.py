"""The equations in a text: what stands on both sides of each equals sign, as far as it is plain arithmetic.

An answer is prose, Markdown, LaTeX or JSON around its sums. Only what stands near an equals sign is read: the
ways of writing are brought down to one, and of each side the longest run of numbers and signs is taken.
Whatever is not surely arithmetic (a variable, a function, a root, an ellipsis, a question mark, two numbers
with nothing between them) makes that side unknown, and nothing is said of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.arithmetic_value import Token

from litellm_tiering.gates.arithmetic_value import read_number

MAX_EQUALS = 40
"""Of more equals signs the first and the last half are looked at."""

_LEFT, _RIGHT = 140, 60
_SIGNS_OF_A_RUN = "0123456789.,+-*/^()% \t'\u00a0\u202f"
_UNKNOWN = "_"
_ENDING = {"remainder", "rem", "mod", "modulo", "r", "or", "to", "and", "rest"}

# Linear: single signs, fixed words, runs of one class, and braces that hold no braces. Each is run over a
# stretch of a few hundred characters.
_EQUALS = re.compile(r"[=≈≅]|\\approx|\bequals?\b", re.IGNORECASE)
_NOT_EQUAL = re.compile(r"[<>!:+*/≠≤≥≡-]=+|==+|=+[<>]|\.{2,}|…|\\[lc]?dots")
_FRACTION = re.compile(r"\\[dtc]?frac ?\{([^{}]{1,40})\} ?\{([^{}]{1,40})\}")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|boxed|displaystyle)\b")
_NOTHING = re.compile(r"\\(?:left|right|quad|[$,;! ()\[\]])|\*\*(?!\d)|__|\{,\}(?=\d)")
_COMMANDS = re.compile(r"\\(?:([a-zA-Z]+)|(.))")
_WORDS = re.compile(
    r"(?<=[\d)%]) ?\b(times|multiplied by|divided by|plus|minus|mal|geteilt durch|fois|por)\b ?(?=[\d$(])",
    re.IGNORECASE,
)
_CROSS = re.compile(r"(?<=[\d)% ])[xX](?= ?[\d(.])")
_SHARE = re.compile(r"(?:(?<=%)|(?<=\d/\d)|(?<=\d/\d\d)) of (?:the )?(?=\d)")
_UNITS = re.compile(r"(?<=[\d)%])([ -]?)([^\W\d_]{2,}(?:[ -][^\W\d_]{2,}){0,2})\.?(?=[ \t]*(?:[-+*/=)\n]|$))")
_ABOUT = re.compile(
    r"^ *(?:about|approximately|approx\.?|roughly|around|nearly|almost|circa|ca\.|~)", re.IGNORECASE
)
_DOUBT = re.compile(
    r"\?|\b(?:not|n't|never|wrong|incorrect|instead|mistake|error|false|mod|modulo|remainder|base|if|suppose|"
    r"assume|assuming|try|trying|guess|check|nicht|wenn|falls|pas|si|no)\b|\\p?b?mod",
    re.IGNORECASE,
)
_PART = re.compile(r"\d(?:\d|[.,'\u00a0\u202f](?=\d))*|\.\d+|[-+*/^()%]")
_SIGN = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2013", "-"),
        **dict.fromkeys("\u00d7\u22c5\u00b7\u2217", "*"),
        **dict.fromkeys("\u00f7\u2215\u2044", "/"),
        **dict.fromkeys("{[", "("),
        **dict.fromkeys("}]", ")"),
        **dict.fromkeys("$\u20ac\u00a3\u20b9\u00a5&\u00b0`\t", " "),
        **dict.fromkeys("\u2248\u2245", "\u2248="),
        "\u00b2": "^2",
        "\u00b3": "^3",
        '"': "|",
    }
)
_COMMAND = {"times": "*", "cdot": "*", "div": "/", "approx": "\u2248=", "%": "%", "n": "\n", "\\": "\n"}
_WORD = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "mal": "*", "fois": "*", "por": "*"}
_CONVERTIBLE = re.compile(
    r"\b(second|sec|minute|min|hour|hr|day|week|month|year|decade|inch|inche|foot|feet|yard|mile|mm|cm|km"
    r"|meter|metre|centimeter|kilometer|gram|kg|kilogram|pound|lb|ounce|oz|cent|dollar|penny|pennie|nickel|dime|quarter|dozen"
    r"|pair|pint|cup|gallon|liter|litre|ml|percent|thousand|million|billion|k|Std|Stunde|Minute|Tag|heure|jour"
    r")s?\b|\u00a2",
    re.IGNORECASE,
)


class Equation(NamedTuple):
    """Two neighbouring sides of a chain ``a = b = c``.

    Attributes:
        left: The left side, numbers and signs alone.
        right: The right side.
        about: Whether the sign, or a word, says that it is only about so.
        written: Both sides as they stand, units and words included.
        line: The line, or what was read of it.
    """

    left: str
    right: str
    about: bool
    written: str
    line: str

    @property
    def doubted(self) -> bool:
        """Whether a word or a question mark nearby says that it may be meant not to hold."""
        return _DOUBT.search(self.line) is not None

    @property
    def converts(self) -> bool:
        """Whether several units of time, length, money and so on are named in it."""
        return len({found[0].lower().rstrip("s") for found in _CONVERTIBLE.finditer(self.written)}) > 1


def equations(text: str) -> Iterator[Equation]:
    """Every equation of ``text`` whose two sides may be arithmetic; the sides are not computed."""
    for start, end in _windows(text):
        cut_left = start > 0 and text[start - 1] != "\n"
        piece = ("_" if cut_left else "") + text[start:end] + ("_" if end < len(text) else "")
        for line in _plain(piece).split("\n"):
            if "=" in line:
                yield from _chain(line)


def _windows(text: str) -> list[tuple[int, int]]:
    """The stretches of ``text`` around equals signs, from the line's beginning where that is near."""
    marks = [found.start() for found in _EQUALS.finditer(text)]
    if len(marks) > MAX_EQUALS:
        marks = marks[: MAX_EQUALS // 2] + marks[-MAX_EQUALS // 2 :]
    found: list[tuple[int, int]] = []
    for at in marks:
        start, end = max(0, at - _LEFT), min(len(text), at + _RIGHT)
        line = text.rfind("\n", start, at)
        if line >= 0 and text[line:at].strip(" \t&\n"):
            start = line + 1
        line = text.find("\n", at, end)
        end = line + 1 if line >= 0 else end
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _plain(piece: str) -> str:
    """``piece`` with every way of writing brought down to digits, ``+-*/^()%`` and ``=``."""
    if "\\" in piece:
        piece = _FRACTION.sub(r"((\1)/(\2))", _FRACTION.sub(r"((\1)/(\2))", piece))
        piece = _TEXT.sub(" ", piece)
    if "\\" in piece or "*" in piece or "_" in piece:
        piece = _NOTHING.sub("", piece)
        piece = piece.replace("**", "^")
    if "\\" in piece:
        piece = _COMMANDS.sub(_command, piece)
    if "<<" in piece:  # a calculator's notes: 2 * 3 = <<2*3=6>>6
        piece = piece.replace("<<", " ").replace(">>", "|")
    piece = _NOT_EQUAL.sub(_UNKNOWN, piece).translate(_SIGN)
    piece = _WORDS.sub(_word, piece)
    piece = _CROSS.sub("*", _SHARE.sub(" * ", piece))
    if "qual" in piece or "QUAL" in piece:
        piece = re.sub(r"\b[Ee]quals?\b", "=", piece)
    # A chain may go on in the next line.
    return re.sub(r"\n[ ]*(?==)", " ", piece)


def _command(found: re.Match[str]) -> str:
    return _COMMAND.get(found[1] or found[2], _UNKNOWN)


def _word(found: re.Match[str]) -> str:
    return _WORD.get(found[1].lower(), " / ")


def _chain(line: str) -> Iterator[Equation]:
    """The equations of a line: each two sides with one equals sign between them."""
    named = line.split("=")
    sides = _UNITS.sub(_unit, line).split("=")
    for i in range(len(sides) - 1):
        left, right = sides[i].rstrip("\u2248"), sides[i + 1]
        about = left != sides[i]
        said = _ABOUT.match(right)
        if said:
            about, right = True, right[said.end() :]
        left_run = _left_run(left)
        right_run = _right_run(right) if left_run else ""
        if left_run and right_run:
            yield Equation(left_run, right_run, about, f"{named[i]}|{named[i + 1]}", line)


def _unit(found: re.Match[str]) -> str:
    """A space for the units after a number; what is no unit stays."""
    words = found[2].lower().replace("-", " ").split()
    return found[0] if not _ENDING.isdisjoint(words) or found[1] == "-" else " "


def _left_run(side: str) -> str:
    """The arithmetic that ``side`` ends with, or nothing where it is part of something unknown."""
    rest = side.rstrip(_SIGNS_OF_A_RUN)
    run = side[len(rest) :]
    if rest:
        if rest[-1] == _UNKNOWN or (
            run[:1] not in {" ", ""} and (rest[-1].isalpha() or rest[-1] not in ":;|>")
        ):
            return ""
        # After a word only a new expression may begin: "is 3 + 4", not "x + 4".
        before = rest.split()[-1] if rest.split() else ""
        if len(before) == 1 and before.isalpha():
            return ""
    run = _after_a_stop(run).strip(" \t'.,")
    if rest and run[:1] in {"+", "*", "/", "^", "-", ")"}:
        return ""
    run = run.lstrip("*")
    while run.startswith("(") and run.count("(") > run.count(")"):
        run = run[1:].lstrip()  # a bracket around the whole
    return run


def _after_a_stop(run: str) -> str:
    """What follows the last comma or full stop that ends something."""
    for stop in (". ", ", "):
        if stop in run.rstrip():
            run = run.rstrip().rpartition(stop)[2]
    return run


def _right_run(side: str) -> str:
    """The arithmetic that ``side`` begins with, or nothing where it goes on in a way that is unknown."""
    rest = side.lstrip(_SIGNS_OF_A_RUN)
    run = side[: len(side) - len(rest)]
    for stop in (". ", ", "):
        if stop in run:
            return run.partition(stop)[0].strip()
    trimmed = run.rstrip(" .,'\t")
    if rest:
        if trimmed.endswith(("(", "-")) and " " in trimmed:
            trimmed = trimmed[:-1].rstrip(" .,")  # a dash, or a bracket that explains
        if rest[0] == _UNKNOWN or (run == trimmed and rest[0] not in ";:|<>!?\u2248"):
            return ""
        word = re.match(r"[^\W\d_]+", rest)
        if word and (len(word[0]) == 1 or word[0].lower() in _ENDING):
            return ""
    while trimmed.endswith(")") and trimmed.count(")") > trimmed.count("("):
        trimmed = trimmed[:-1].rstrip(" .,")
    return trimmed


def parts_of(run: str, *, decimal_comma: bool = False) -> list[Token] | None:
    """The numbers and signs of a run; None where two numbers stand side by side, or one cannot be read."""
    parts: list[Token] = []
    for found in _PART.finditer(run):
        piece = found[0]
        if piece[0].isdigit() or piece[0] == ".":
            number = read_number(piece, decimal_comma=decimal_comma)
            if number is None or (parts and (parts[-1][1] is not None or parts[-1][0] == ")")):
                return None
            parts.append(("n", number))
        elif piece == "%":
            if not parts or parts[-1][1] is None:
                return None
            parts[-1] = ("n", parts[-1][1]._replace(percent=True))
        else:
            if piece == "(" and parts and parts[-1][1] is not None and "*" not in run:
                return None  # 2 (3 + 4): a product, or a remark
            parts.append((piece, None))
    return parts
