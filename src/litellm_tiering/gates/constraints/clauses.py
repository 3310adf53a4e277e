"""A prompt's clauses as the grammar reads them: words, or the signs that phrases stand for."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import NamedTuple

from litellm_tiering.gates.constraints import lexicon
from litellm_tiering.gates.constraints.kinds import listed
from litellm_tiering.gates.constraints.lexicon_more import ASIAN, ASIAN_NUMBERS, EUROPEAN
from litellm_tiering.gates.constraints.source import MARK, Source
from litellm_tiering.intake.language import detect_language
from litellm_tiering.intake.tasks import plain, tokenise
from litellm_tiering.intake.tokens import census

MAX_CLAUSES = 160
"""How many clauses of a prompt are read."""

MAX_TOKENS = 90
"""How many words of one clause are; a longer one is no instruction."""

_LONGEST_NUMBER = 7
_LANGUAGE_CHARS = 600
_LANGUAGE_WORDS = 80

# One pass: every alternative is one class repeated, or of fixed length.
_TOKEN = re.compile(
    rf"{MARK}\d+{MARK}|\n+|<<|>>|<=|>=|\*{{3,}}|-{{3,}}|={{3,}}|#{{3,}}|~{{3,}}|_{{3,}}"
    r"|\b(?:[Pp]\.\s?){1,2}[Ss]\b\.?|\b[Pp]{1,2}[Ss]\b(?=[ .,:]|$)|\b[ie]\.\s?[eg]\.|\d+(?:[.,]\d+)*"
    r"|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\S"
)
_ENDS = frozenset(".!?;\u3002\uff01\uff1f\uff1b\n\u2022")
_STOPS = frozenset(".!?")
_DIVIDER = frozenset("*-=#~_")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+\Z")
_ASIAN_ENGLISH = dict(ASIAN)
# What a language's table must not take from the others'.
_NOT_IN = {
    "pt": listed("no si da e i mal die des der son"),
    "it": listed("no da i par mal son ate"),
    "fr": listed("no o i da mal es"),
    "es": frozenset({"i", "mal", "die"}),
    "de": listed("si a e o no des da com i son et y es sans est text"),
}


# What opens short orders, too short for their language to be told otherwise.
_OPENERS = {
    word: code
    for code, words in {
        "de": "antworte antworten schreibe schreib verwende verwenden nutze benutze vermeide erklare gib "
        "fasse nenne halte bitte",
        "fr": "reponds repondez ecris ecrivez redige redigez decris expliquez utilise utilisez evitez donne "
        "n'utilise",
        "es": "responde escribe escriba redacta utiliza evita contesta enumera",
        "pt": "responda escreva utilize evite descreva resuma",
        "it": "rispondi scrivi usa utilizza spiega descrivi elenca riassumi",
    }.items()
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause.

    Attributes:
        signs: Its words in lower case without accents, numbers as ``#3``, quotes as ``$0``, dividers as they
            are, and phrases as the signs of the tables, in capitals.
        raw: The same as they were written; of a phrase, its words.
        at: Where each begins in the source's text.
        asks: Whether it ends with a question mark.
        text: The signs, a space around each.
        line: The number of its line.
    """

    signs: tuple[str, ...]
    raw: tuple[str, ...]
    at: tuple[int, ...]
    asks: bool
    text: str
    line: int

    def has(self, *signs: str) -> bool:
        """Whether it holds one of ``signs``."""
        return any(f" {sign} " in self.text for sign in signs)

    def find(self, sign: str, start: int = 0) -> int:
        """Where ``sign`` is next, from ``start`` on; -1 where it is not."""
        try:
            return self.signs.index(sign, start)
        except ValueError:
            return -1


def clauses_of(source: Source) -> list[Clause]:
    """The clauses of a prompt, at most MAX_CLAUSES: the first half and the last."""
    text = source.text
    if not text.isascii() and _asian().letter.search(text):
        text = source.text = _english(text)
    phrases = _table(_language(text))
    found: list[Clause] = []
    words: list[tuple[str, int]] = []
    line = 0
    for token in _TOKEN.finditer(text):
        word, at = token[0], token.start()
        if word[0] in _ENDS:
            if word == "." and at + 1 < len(text) and text[at + 1].isalnum():
                continue
            _close(found, words, phrases, asks=word in "?\uff1f", line=line)
            words = []
            line += word.count("\n")
        elif word not in "*_`#|" and not word.startswith("\ue001"):
            words.append((word, at))
            if word[0] == MARK and _closes(source, word, text[token.end() : token.end() + 4]):
                _close(found, words, phrases, asks=False, line=line)
                words = []
    _close(found, words, phrases, asks=False, line=line)
    if len(found) > MAX_CLAUSES:
        return found[: MAX_CLAUSES // 2] + found[-MAX_CLAUSES // 2 :]
    return found


def _closes(source: Source, mark: str, following: str) -> bool:
    """Whether a sentence ends within the quote at its end: a capital letter follows."""
    said = source.quotes[int(mark[1:-1])].rstrip()
    return said[-1:] in _STOPS and following.lstrip(" ")[:1].isupper()


class _Asian(NamedTuple):
    """What Chinese and Japanese are read by."""

    letter: re.Pattern[str]
    words: re.Pattern[str]
    seam: re.Pattern[str]
    digit: re.Pattern[str]


@functools.cache
def _asian() -> _Asian:
    """Made when first asked for: such large classes take milliseconds."""
    return _Asian(
        re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
        re.compile("|".join(sorted((re.escape(word) for word, _ in ASIAN), key=len, reverse=True))),
        re.compile("(?<=[\u3040-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u3040-\u9fff])"),
        re.compile(f"[{''.join(ASIAN_NUMBERS)}](?=(?:[个つ句段条点字文]|行))"),
    )


def _english(text: str) -> str:
    """What Chinese and Japanese phrases stand for, in English; the rest as it is."""
    asian = _asian()
    text = asian.digit.sub(lambda m: str(ASIAN_NUMBERS[m[0]]), text)
    return asian.seam.sub(" ", asian.words.sub(lambda m: _ASIAN_ENGLISH[m[0]], text))


def _language(text: str) -> str:
    folded = text[:_LANGUAGE_CHARS].casefold()
    words = tokenise(folded)[:_LANGUAGE_WORDS]
    code = detect_language(folded, words, census(folded))
    return code if code in _NOT_IN else next((c for w in words[:4] if (c := _OPENERS.get(plain(w)))), "en")


def _close(
    found: list[Clause],
    words: list[tuple[str, int]],
    phrases: dict[str, tuple[tuple[tuple[str, ...], str], ...]],
    *,
    asks: bool,
    line: int,
) -> None:
    if not words or len(words) > MAX_TOKENS * 2:
        return
    flat: list[tuple[str, str, int]] = []
    for word, at in words[:MAX_TOKENS]:
        flat += [parted for parted in _split(word, at) if parted[0]]
    if not flat:
        return
    norm = [part[0] for part in flat]
    signs: list[str] = []
    raw: list[str] = []
    places: list[int] = []
    i = 0
    while i < len(flat):
        taken, sign = 1, norm[i]
        for rest, known in phrases.get(norm[i], ()):
            n = len(rest)
            if not n or tuple(norm[i + 1 : i + 1 + n]) == rest:
                taken, sign = n + 1, known
                break
        signs.append(sign)
        raw.append(" ".join(part[1] for part in flat[i : i + taken]))
        places.append(flat[i][2])
        i += taken
    _nouns(signs, raw)
    found.append(Clause(tuple(signs), tuple(raw), tuple(places), asks, f" {' '.join(signs)} ", line))


_OWNING = listed(
    """
    THEY your THE WHOLE an entire whole its each deine ihre ta votre tu su la a sua tua die
    """
)
_TELLING = frozenset({"was", "were", "did", "does"})
_ANSWERS = frozenset({"answer", "reply", "output", "antwort"})


def _nouns(signs: list[str], raw: list[str]) -> None:
    """As in "Your answer" is a thing, "answer" alone an order."""
    for i in range(1, len(signs)):
        if signs[i] == "SPEAK" and signs[i - 1] in _OWNING and raw[i].casefold() in _ANSWERS:
            signs[i] = "ANSWER"
        elif signs[i] == "HOW" and raw[i].casefold() in _TELLING:
            signs[i] = "INDIC"


def _split(word: str, at: int) -> list[tuple[str, str, int]]:  # noqa: PLR0911 - one case for each form
    """A token as its parts: normal form, as written, place."""
    if word[0] == MARK:
        return [(f"${word[1:-1]}", word, at)]
    if word[0] in _DIVIDER and len(word) > 2:  # noqa: PLR2004 - a run of three is a divider
        return [(word, word, at)]
    if word[0].isdigit():
        return [(_number(word), word, at)]
    bare = word.replace("\u2019", "'")
    folded = plain(bare)
    if not folded:
        return []
    if folded in {"i.e.", "e.g.", "i. e.", "e. g."}:
        return [("EXAMPLE", word, at)]
    if folded[0] == "p" and folded.rstrip(".").replace(".", "").replace(" ", "") in {"ps", "pps"}:
        return [("POSTSCRIPT", word, at)]
    if folded[:2] in {"d'", "l'"} and len(folded) > 3:  # noqa: PLR2004 - "d'au moins"
        return [(_worded(folded[2:]), bare[2:], at + 2)]
    if "-" in folded and len(folded) > 1 and folded not in _table_words():
        parts, out, place = bare.split("-"), [], at
        for part in parts:
            out.append((_worded(plain(part)), part, place))
            place += len(part) + 1
        joined = _compound(parts)
        return joined_as(joined, word, at) if joined else out
    return [(_worded(folded), word, at)]


def joined_as(value: int, word: str, at: int) -> list[tuple[str, str, int]]:
    """A number written in several words, as one token."""
    return [(f"#{value}", word, at)]


def _compound(parts: list[str]) -> int:
    """The value of "twenty-five"; 0 where the parts are no such number."""
    if len(parts) != 2:  # noqa: PLR2004 - tens and ones
        return 0
    tens, ones = (lexicon.NUMBERS.get(plain(part), 0) for part in parts)
    return tens + ones if 20 <= tens < 100 and 0 < ones < 10 else 0  # noqa: PLR2004 - tens and ones


def _number(digits: str) -> str:
    if _GROUPED.match(digits):
        digits = digits.replace(",", "").replace(".", "")
    return f"#{int(digits)}" if digits.isdecimal() and len(digits) <= _LONGEST_NUMBER else digits


def _worded(word: str) -> str:
    if word in lexicon.AMBIGUOUS:
        return word
    value = lexicon.NUMBERS.get(word)
    return word if value is None else f"#{value}"


Table = dict[str, tuple[tuple[tuple[str, ...], str], ...]]


@functools.cache
def _table_words() -> frozenset[str]:
    """The hyphened words that are known whole."""
    return frozenset(word for table in (lexicon.ENGLISH, EUROPEAN) for word in table.split() if "-" in word)


@functools.cache
def _table(language: str) -> Table:
    """The phrases of a language by their first word, the longest first."""
    by_head: dict[str, dict[tuple[str, ...], str]] = {}
    left_out = _NOT_IN.get(language, frozenset())
    tables = [lexicon.ENGLISH] if language == "en" else [_NEUTRAL, EUROPEAN]
    for table in tables:
        for row in table.strip().splitlines():
            sign, _, phrases = row.partition(": ")
            for phrase in phrases.split(" | "):
                words = [part for word in phrase.split() for part in _parts(word)]
                if words and phrase not in left_out:
                    by_head.setdefault(words[0], {})[tuple(words[1:])] = sign
    for code, names in lexicon.LANGUAGES.items():
        for name in names.split():
            by_head.setdefault(name, {})[()] = f"LANG:{code}"
    for number in ("once", "twice", "thrice"):
        if language == "en":
            by_head.setdefault(number, {})[()] = number.upper()
    return {
        head: tuple(sorted(found.items(), key=lambda item: -len(item[0]))) for head, found in by_head.items()
    }


def _parts(word: str) -> list[str]:
    """A word of a table as :func:`_split` will give it."""
    return [_worded(word)]


_NEUTRAL = "\n".join(
    row
    for row in lexicon.ENGLISH.strip().splitlines()
    if row.split(":")[0]
    in {
        "JSON",
        "CSV",
        "YAML",
        "XML",
        "HTML",
        "MARKDOWN",
        "HASHTAG",
        "EMOJI",
        "POSTSCRIPT",
        "BULLET",
        "ANGLES",
        "FORMAT",
    }
)
