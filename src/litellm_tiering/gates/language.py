"""Whether an answer is in the language of its question, unless another was asked for."""

from __future__ import annotations

import re
from collections import Counter

from litellm_tiering.core.features import TaskType
from litellm_tiering.core.gate import Exchange, Verdict
from litellm_tiering.gates.tongues import names_a_language
from litellm_tiering.intake.language import detect_language
from litellm_tiering.intake.tasks import tokenise
from litellm_tiering.intake.tokens import Census, census

_READ_CHARS = 3_000
_FIRST_CHARS = 120
_PROSE_CHARS = 600
_THIRDS_FROM = 400
_FEWEST_LETTERS = 40
_LETTERS_OF_A_SIGN = 3
_SURE_SHARE = 0.9
_MOST = 0.5
_ASKING_WORDS = 2
_TELLING_WORDS = 5
_LEAD = 3
_MAX_PIECES = 40
_PIECE_CHARS = 400

# Code, within a line and in blocks, addresses and tags: no language. Each loop is over one class or ends at
# the end of the text at the latest, so nothing is scanned twice: linear.
_NO_PROSE = re.compile(r"```[\s\S]*?(?:```|\Z)|`[^`\n]*`?|https?://\S+|<[a-zA-Z/][^<>\n]{0,200}>")
# Where a question may turn to another language: at quotes and at line ends.
_QUOTES = re.compile("[\"\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\n:]|(?<!\\w)'|'(?!\\w)")
# Pairs that share too much to be told apart with certainty.
_CLOSE = (frozenset({"ru", "uk"}), frozenset({"ar", "fa"}), frozenset({"es", "pt"}), frozenset({"zh", "ja"}))
_SCRIPTS = {
    "el": "greek", "ru": "cyrillic", "uk": "cyrillic", "he": "hebrew", "ar": "arabic", "fa": "arabic",
    "hi": "indic", "th": "indic", "ja": "asian", "zh": "asian", "ko": "hangul",
}  # fmt: skip


class LanguageGate:
    """Rejects an answer in another language than the question's.

    Only where both are sure: the answer's first 600 characters of prose are read in two or three pieces that
    must agree, with words that no other language has, and no piece of the question may be in its language.
    Whatever names a language, in the question or the system prompt, is taken to ask for one, and so is a
    translation; then it abstains, as it does of short answers, code and JSON. Only the beginning counts, so a
    prefix gets the verdict that the whole will get: another script's after 120 characters, any other's after
    600.
    """

    judges_prefix = True

    def __init__(self, *, name: str = "language") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with the two codes, as ``en-zh``: question, answer."""
        asked = exchange.features.language
        if not asked or exchange.features.task_type is TaskType.TRANSLATION:
            return Verdict.abstain("unsure" if not asked else "asked")
        head = exchange.answer[:_READ_CHARS]
        if exchange.demand.json or head.lstrip()[:1] in {"{", "["}:
            return Verdict.abstain("structured")
        prose = _NO_PROSE.sub(" ", head).lstrip()
        more = exchange.partial and len(exchange.answer) < _READ_CHARS
        found = _by_script(prose[:_FIRST_CHARS], asked) if len(prose) >= _FIRST_CHARS or not more else ""
        if not found:
            if more and len(prose) < _PROSE_CHARS:
                return Verdict.abstain()
            found = _by_words(prose[:_PROSE_CHARS])
        return _verdict(exchange, asked, found, prose[:_PROSE_CHARS])


def _verdict(exchange: Exchange, asked: str, found: str, prose: str) -> Verdict:
    """The verdict on an answer in the language ``found``: where they differ, it may have been asked for."""
    if found and (found == asked or any({found, asked} <= pair for pair in _CLOSE)):
        return Verdict.accept()
    question = exchange.prompt.question
    if not found or not (_sure(question, asked, _ASKING_WORDS) and _sure(prose, found, _TELLING_WORDS)):
        return Verdict.abstain("unsure")
    for text in (exchange.prompt.question, exchange.prompt.system):
        if text and (names_a_language(text) or _speaks(text, found)):
            return Verdict.abstain("asked")
    return Verdict.reject(f"{asked}-{found}")


def _weight(counted: Census) -> int:
    """Letters as Latin script would need them: a Han character or a syllable says more than a letter."""
    s = counted.script
    return counted.letters + (_LETTERS_OF_A_SIGN - 1) * (s.han + s.kana + s.hangul)


def _detect(piece: str) -> str:
    folded = piece.casefold()
    return detect_language(folded, tokenise(folded), census(piece))


def _sure(text: str, code: str, fewest: int) -> bool:
    """Whether ``text`` is in the language ``code`` beyond doubt.

    By its script, or by so many different words that no other language here has, and hardly any of another's:
    names, formulas and addresses look like some language or other.
    """
    if code in _SCRIPTS:
        return _share(census(text), _SCRIPTS[code]) >= _MOST
    words = {word for word in tokenise(text.casefold()) if word.isalpha() and len(word) > 1}
    counted = Counter(own for word in words if (own := detect_language("", (word,), Census())))
    others = max((count for other, count in counted.items() if other != code), default=0)
    return counted[code] >= max(fewest, _LEAD * others)


def _share(counted: Census, script: str) -> float:
    s = counted.script
    of_script = s.han + s.kana if script == "asian" else getattr(s, script)
    return float(of_script) / max(1, counted.letters)


def _by_script(piece: str, asked: str) -> str:
    """The language of ``piece`` where its script alone tells it from ``asked``; else empty."""
    if piece.isascii() and asked not in _SCRIPTS:
        return ""
    counted = census(piece)
    if _weight(counted) < _FEWEST_LETTERS:
        return ""
    code = _detect(piece)
    script = _SCRIPTS.get(code, "")
    if script and script != _SCRIPTS.get(asked, "") and _share(counted, script) >= _SURE_SHARE:
        return code
    return ""


def _by_words(prose: str) -> str:
    """The language that two or three pieces of ``prose`` agree on; empty where they do not, or are short."""
    prose = prose.rstrip()
    counted = census(prose)
    if _weight(counted) < _FEWEST_LETTERS:
        return ""
    parts = 3 if len(prose) >= _THIRDS_FROM else 2
    size = -(-len(prose) // parts)
    first = _detect(prose[:size])
    if first and all(_detect(prose[i : i + size]) == first for i in range(size, len(prose), size)):
        return first
    return ""


def _speaks(text: str, code: str) -> bool:
    """Whether ``text``, or some quote or line of it, is in the language ``code``."""
    if code in _SCRIPTS and _share(census(text), _SCRIPTS[code]) > 0:
        return True
    pieces = (piece.strip() for piece in _QUOTES.split(text)[:_MAX_PIECES])
    return any(_detect(piece[:_PIECE_CHARS]) == code for piece in pieces if piece) or _detect(text) == code
