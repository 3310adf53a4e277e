"""Whether an answer goes round in circles, as a model does that has lost its thread."""

from __future__ import annotations

import re
from collections import Counter

from litellm_tiering.core.gate import Exchange, Verdict

ENOUGH_CHARS = 1_500
"""A prefix of so many characters without a loop is accepted: holding more back would be buffering."""

_NEEDLE = 32
_LONGEST_UNIT = 2_048
_STRIDE = 128
_MAX_PROBES = 256
_HEAD_CHARS = 16_384
_STEP = 8
_LINES_CHARS = 6_000
_LONG_UNIT = 160
_UNIT_HEAD = 200
_MANY_LINES = 12
_MOST_LINES = 0.6
_COUNTER = 3  # "12." is no line
_LETTERS_OF_A_LINE = 12
_BARE = "0123456789 \t.,:;()-*#>_"
_MARKS = frozenset('{}[]|<>=;"\\/`')

# What asks for repetition. Alternatives of fixed words and bounded runs: linear.
_ASKED = re.compile(
    r"repeat|over and over|[0-9]{2,6} (?:times|mal\b|fois|veces|volte|vezes|keer|раз)|lorem ipsum|wiederhol"
    r"|répét|repét|repit|ripet|herhaal|powt[oó]rz|повтор|重复|重複|繰り返|반복",
    re.IGNORECASE,
)


class RepetitionGate:
    """Rejects an answer that says the same thing over and over.

    A loop is one stretch of text again and again without a break: eight times and 300 characters of prose,
    four times where the stretch is long. Code, tables and JSON repeat themselves with reason and need many
    more; numbers, rules and white space still more. Of a whole answer it also counts lines and sentences, so
    that a loop with a counter in it is found: most of a part of the answer must be one and the same.

    The text is probed at even distances, the first 16 KB closely and all the rest at most 256 times, so the
    time is bounded, and a loop far into a very long answer must itself be long. Of a prefix only loops
    without a break are judged: those no ending can mend. A prompt that asks for repetition is left alone.
    """

    judges_prefix = True

    def __init__(self, *, name: str = "repetition") -> None:
        self.name = name

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``loop`` or ``lines``."""
        text = exchange.answer
        found = "loop" if _loops(text) else ""
        if not found and not exchange.partial and _same_lines(text):
            found = "lines"
        if found:
            asked = _ASKED.search(exchange.prompt.question) or _ASKED.search(exchange.prompt.system)
            return Verdict.abstain("asked") if asked else Verdict.reject(found)
        if exchange.partial and len(text) < ENOUGH_CHARS:
            return Verdict.abstain()
        return Verdict.accept()


def _loops(text: str) -> bool:
    """Whether some stretch of ``text`` is repeated without a break more often than it may be."""
    length = len(text)
    at = 0
    while at + 2 * _NEEDLE <= length:
        # The distance to where the next few characters come again is the period, if there is one.
        again = text.find(text[at : at + _NEEDLE], at + 1, at + _LONGEST_UNIT + _NEEDLE)
        end = at
        if again > 0 and _goes_on(text, at, again):
            period = again - at
            need = _needed(text[at : at + period])
            start = _extended_back(text, at, period, need)
            end = _extended(text, again + _NEEDLE, period, start + need)
            if end - start >= need:
                return True
            end -= period  # the last time round may hold a loop of its own
        stride = _STRIDE if end < _HEAD_CHARS else max(_STRIDE, length // _MAX_PROBES)
        at += stride * ((max(end, at) - at) // stride + 1)
    return False


def _goes_on(text: str, at: int, again: int) -> bool:
    """Whether what is at ``at`` and at ``again`` comes a third time, as far from them, before or after.

    Every loop is four times as long as its period, so it does; a phrase that merely came twice does not.
    """
    period = again - at
    if period < _NEEDLE:
        return True
    needle = text[at:again][:_NEEDLE]
    return text.startswith(needle, again + period) or (at >= period and text.startswith(needle, at - period))


def _needed(unit: str) -> int:
    """How many characters of ``unit`` after ``unit`` are a loop."""
    period = len(unit)
    head = unit[:_UNIT_HEAD]
    if len(set(head)) == 1:
        return 200 - 2 * _STEP if head.isalpha() or not (head.isascii() or head.isspace()) else 2_000
    if not any(map(str.isalpha, head)):
        return max(8 * period, 2_000)
    if not _MARKS.isdisjoint(head):
        return max((8 if period >= _LONG_UNIT else 25) * period, 1_500)
    return max((4 if period >= _LONG_UNIT else 8) * period, 300)


def _extended(text: str, end: int, period: int, goal: int) -> int:
    """How far from ``end`` the text goes on with its ``period``; no further than needed to reach ``goal``."""
    goal = min(goal, len(text))
    while end < goal:
        stop = min(end + _STEP, goal)
        if text[end:stop] != text[end - period : stop - period]:
            return end
        end = stop
    return end


def _extended_back(text: str, start: int, period: int, need: int) -> int:
    """Where the stretch with ``period`` that ``start`` lies in began; no further back than it need be."""
    least = max(0, start - min(need, 2 * _STRIDE))
    while start - _STEP >= least:
        before = start - _STEP
        if text[before:start] != text[before + period : start + period]:
            return start
        start = before
    return start


def _same_lines(text: str) -> bool:
    """Whether most lines or sentences of the head, the middle or the tail are one and the same."""
    if len(text) <= 3 * _LINES_CHARS:
        return _same(text[:_LINES_CHARS]) or (len(text) > _LINES_CHARS and _same(text[-_LINES_CHARS:]))
    middle = len(text) // 2
    parts = (text[:_LINES_CHARS], text[middle : middle + _LINES_CHARS], text[-_LINES_CHARS:])
    return any(map(_same, parts))


def _same(part: str) -> bool:
    parts = part.replace(". ", ".\n").replace("。", "。\n").split("\n")
    lines = [line for line in map(str.strip, parts) if len(line) > _COUNTER]
    if len(lines) < _MANY_LINES:
        return False
    # Counters and bullets aside: "1. The cat sat." and "2. The cat sat." are the same.
    line, count = Counter(line.strip(_BARE) for line in lines).most_common(1)[0]
    if count < max(_MANY_LINES, _MOST_LINES * len(lines)) or not _MARKS.isdisjoint(line):
        return False
    return sum(map(str.isalpha, line)) >= _LETTERS_OF_A_LINE
