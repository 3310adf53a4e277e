"""What a trained router sees of a request: some fifty numbers, and the words, hashed. Pure Python, bounded.

The numbers are counts and shares on logarithmic scales; the words and pairs of neighbours go into buckets
by CRC-32, numbers as how many digits they have, scripts without spaces sign by sign. Of a long text the first
and the last 2,000 characters are read. ``VERSION`` stands in every model file: it changes whenever the same
request would give other values.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING
from zlib import crc32

from litellm_tiering.core.features import ResponseFormat, TaskType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.features import RequestFeatures

VERSION = 1
"""The version of these features."""

MAX_CHARS = 4_000
"""At most so many characters of a question are read: half of them its head, half its tail."""

MAX_SYSTEM_CHARS = 400
"""At most so many characters of a system prompt are read: what it is for stands in its first sentences."""

MAX_TAGS = 8
"""At most so many tags of a request are looked at."""

_TOKEN = re.compile(rb"[a-z_\x80-\xff]+|[0-9]+")
# Han, kana and Thai are written without spaces; Hangul takes its particles on.
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")
_DIGITS = tuple(b"#%d" % n for n in range(5))
_SYSTEM = crc32(b"system")
_NINE = 0x3A  # what follows "9"

_LOGS = tuple(math.log1p(n) for n in range(256))


def log1p(value: float) -> float:
    """``log(1 + value)``, looked up where it is a small whole number."""
    return _LOGS[value] if type(value) is int and value < 256 else math.log1p(value)  # noqa: PLR2004 - the table's


def clipped(text: str) -> str:
    """``text``, or its head and tail where it is longer than MAX_CHARS."""
    half = MAX_CHARS // 2
    return text if len(text) <= MAX_CHARS else f"{text[:half]}\n{text[-half:]}"


def tokens_of(text: str) -> list[bytes]:
    """The words of a bounded text in lower case, numbers as ``#`` and how many digits they have."""
    lower = text.lower()
    if not lower.isascii():
        lower = _UNSPACED.sub(r" \1 ", lower)
    found: list[bytes] = _TOKEN.findall(lower.encode("utf-8", "replace"))
    return [w if w[0] >= _NINE else _DIGITS[min(len(w), 4)] for w in found]


def buckets_of(tokens: Sequence[bytes], mask: int, seed: int = 0) -> Counter[int]:
    """How often each bucket is hit by a word, or by two words that follow each other.

    Args:
        tokens: The words.
        mask: One less than the number of buckets, which is a power of two.
        seed: Sets words of one place apart from those of another.
    """
    hashes = [crc32(w, seed) for w in tokens]
    hits = [h & mask for h in hashes]
    # The checksum of a pair goes on from that of its first word.
    hits += [crc32(w, h ^ 0x5BD1E995) & mask for w, h in zip(tokens[1:], hashes, strict=False)]
    return Counter(hits)


def system_buckets(system: str, mask: int) -> Counter[int]:
    """The buckets of a system prompt's beginning, apart from those of the question."""
    return buckets_of(tokens_of(system[:MAX_SYSTEM_CHARS]), mask, _SYSTEM)


def groups_of(features: RequestFeatures) -> list[str]:
    """The names of what a request belongs to by its own word: its use case and tags."""
    found = [f"use_case:{features.use_case}"] if features.use_case else []
    if features.tags:
        found += [f"tag:{tag}" for tag in sorted(features.tags)[:MAX_TAGS]]
    return found


_TASKS = tuple(TaskType)
_SIGNALS = (
    "asked_words", "document_words", "hard", "proof", "technical", "lookup", "constraints", "questions",
    "options", "long_words", "numbers",
)  # fmt: skip
_SIGNS = (",", ".", "$", "%", "\\", "(", "=", '"', "'", "\n")
_BRACKETS = ("[", "{")

# Words that tell how a question is built; counted among the tokens, so that a text is read once.
_FAMILIES: tuple[tuple[bytes, ...], ...] = (
    (b"not", b"except", b"never", b"no", b"least", b"without", b"cannot"),
    (b"if", b"when", b"then", b"unless", b"suppose", b"assume"),
    (b"twice", b"half", b"third", b"quarter", b"fraction", b"ratio", b"double", b"triple", b"times"),
    (b"more", b"less", b"fewer", b"than", b"older", b"younger", b"left", b"remaining"),
    (b"each", b"every", b"per", b"total", b"altogether", b"all", b"both"),
    tuple(b"hour hours minute minutes day days week weeks month year years".split()),
    (b"which", b"following", b"statement", b"true", b"false"),
    (b"who", b"where", b"what", b"name"),
    (b"why", b"how", b"explain"),
    (b"def", b"return", b"for", b"while", b"class", b"import"),
    (b"frac", b"sqrt", b"cdot", b"angle", b"triangle", b"integer", b"polynomial"),
)
_FAMILY_OF = {word: i for i, family in enumerate(_FAMILIES) for word in family}
_FAMILY_NAMES = (
    "negations", "conditions", "ratios", "comparisons", "totals", "times", "choosing", "asking", "reasons",
    "code_words", "maths_words",
)  # fmt: skip

NAMES: tuple[str, ...] = (
    "words",
    *_SIGNALS,
    "maths", "code", "chars", "upper", "digits", "word_length", "different", "number_kinds", "number_length",
    "number_share", "decimals", "percents", "questions_asked", "capitalised", "last_sentence",
    "option_length", "option_spread", "option_numbers",
    *(f"sign:{s}" for s in (",", ".", "$", "%", "\\", "(", "=", '"', "'", "line")),
    "sign:[",
    *_FAMILY_NAMES,
    *(f"task:{t.value}" for t in _TASKS),
    "turns", "system", "context", "tools", "structured", "bounded", "attached",
)  # fmt: skip
"""What :func:`numbers_of` returns, in order; the first is the number of words, on a logarithmic scale."""

_OPTION = re.compile(r"^\s{0,4}\(?[A-J][.)] ?(.*)$", re.MULTILINE)
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")


def numbers_of(features: RequestFeatures, text: str, tokens: Sequence[bytes]) -> list[float]:
    """The numbers of a request.

    Args:
        features: The request in numbers.
        text: Its question, :func:`clipped`.
        tokens: That text's words.
    """
    s = features.signals
    get = s.get
    size, words = max(1, len(text)), max(1, len(tokens))
    found = [math.log1p(features.question_words)]
    found += [math.log1p(get(name, 0.0)) for name in _SIGNALS]
    different = set(tokens)
    numbers = _NUMBER.findall(text)
    written = text.split()
    found += [
        math.log1p(get("maths", 0.0)),
        float(features.code),
        math.log1p(features.question_chars),
        _upper(text) / size,
        sum(map(len, numbers)) / size,
        size / words,
        len(different) / words,
        log1p(len(set(numbers))),
        log1p(max(map(len, numbers), default=0)),
        len(numbers) / words,
        log1p(sum("." in n for n in numbers)),
        log1p(text.count("%") + tokens.count(b"percent")),
        float("?" in text),
        sum(map(str.istitle, written)) / max(1, len(written)),
        log1p(_last_sentence(text)),
    ]
    found += _options(text) if get("options", 0.0) else (0.0, 0.0, 0.0)
    found += [log1p(text.count(sign)) for sign in _SIGNS]
    found.append(log1p(sum(text.count(b) for b in _BRACKETS)))
    families = [0] * len(_FAMILIES)
    if not different.isdisjoint(_FAMILY_OF):
        for word in tokens:
            if word in _FAMILY_OF:
                families[_FAMILY_OF[word]] += 1
    found += map(log1p, families)
    found += [1.0 if features.task_type is task else 0.0 for task in _TASKS]
    found += [
        log1p(features.turns),
        math.log1p(features.system_tokens),
        math.log1p(max(0, features.prompt_tokens - features.question_tokens)),
        log1p(features.tools),
        float(features.response_format is not ResponseFormat.TEXT),
        0.0 if features.max_tokens is None else 1.0 / (1.0 + math.log1p(features.max_tokens)),
        log1p(features.images + features.audio + features.files),
    ]
    return found


def _upper(text: str) -> int:
    """How many letters are not lower case, of scripts that have cases."""
    return len(text) - len(text.translate(_NO_UPPER)) if text.isascii() else sum(map(str.isupper, text))


_NO_UPPER = dict.fromkeys(range(ord("A"), ord("Z") + 1))


def _last_sentence(text: str) -> int:
    """How many words the last sentence has: in a story with a question, that is the question."""
    edge = text.rstrip(" \n.?!\"')")[-400:]
    at = max(edge.rfind(mark) for mark in (". ", "? ", "! ", "\n"))
    return len(edge[at + 1 :].split())


def _options(text: str) -> tuple[float, float, float]:
    """Of a multiple choice: the mean length of the choices, how it varies, the share with a digit."""
    found: list[str] = _OPTION.findall(text)
    if not found:
        return 0.0, 0.0, 0.0
    sizes = [len(o) for o in found]
    mean = sum(sizes) / len(sizes)
    spread = math.sqrt(sum((n - mean) ** 2 for n in sizes) / len(sizes))
    numeric = sum(any(c.isdecimal() for c in o[:40]) for o in found)
    return math.log1p(mean), math.log1p(spread), numeric / len(found)
