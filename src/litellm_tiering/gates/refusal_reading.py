# ruff: noqa: RUF001 - marks of many scripts are what this module reads
"""What the beginning and the end of an answer say: a refusal, a lecture, or neither.

A refusal is said by the answer's own voice, opens it (or is all of it), and no help follows. What is quoted,
fenced as code or put in somebody's mouth is not the answer's own voice. Only the beginning and the end of a
long answer are read, with RE2, whose time is linear whatever it is given.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from litellm_tiering.core.features import TaskType
from litellm_tiering.gates import refusal_languages as languages
from litellm_tiering.gates import refusal_phrases as phrases

if TYPE_CHECKING:
    from litellm_tiering.core.gate import Exchange

DECLINED, UNABLE, FILTERED = "declined", "unable", "filtered"

_HEAD_CHARS = 800  # what is read of an answer's beginning
_TAIL_CHARS = 400  # and of its end
_OPENING_CHARS = 300  # where a refusal must begin, unless the whole answer is short
_SHORT_CHARS = 600
_PLACEHOLDER_CHARS = 400
_MORAL_CHARS = 260
_SIGN_CHARS = 480  # where any sign must be, unless the whole answer is short
_AFTER_CHARS = 24  # what must be seen after a refusing sentence to know that no "however" follows
_HELP_CHARS = 40  # so much after a "however" is help
_SETTLED_CHARS = 300  # and a prefix of so many that helps will not take it back
_LAST_CHARS = 120  # what may follow a refusal that ends an answer
_OFFER_CHARS = 300  # an offer that goes on for longer is help
_LONG_CHARS = 1_500
_THOUGHT_CHARS = 100_000
_PROMPT_CHARS = 2_000
_POLICY_CHARS = 400  # where a refusal's principles are looked for
_TURN_CHARS = 260  # and its turn to help
_TALK_CHARS = 500  # talk of such length after a mere inability is help
_MAX_MEMORY_BYTES = 64 << 20


class _Pattern:
    """A pattern that is compiled when it is first asked: the largest two take longer than all the rest."""

    def __init__(self, source: str | bytes) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - re2 ships no types
        # Asked for what is not there yet, so once: from then on both are.
        if name not in ("search", "findall"):
            raise AttributeError(name)
        options = re2.Options()
        options.max_mem = _MAX_MEMORY_BYTES
        compiled = re2.compile(self._source, options=options)
        self.search, self.findall = compiled.search, compiled.findall
        return getattr(compiled, name)


_DECLINE = _Pattern(f"(?:{phrases.NOW})(?:{phrases.DECLINE_EN})|{languages.DECLINE_OTHERS}")
_ENDING = _Pattern(f"(?:{phrases.ENDING})(?:{phrases.DECLINE_EN})")
_MAYBE = _Pattern(f"(?:{phrases.NOW})(?:{phrases.MAYBE_EN})")
_UNABLE = _Pattern(f"(?:{phrases.NOW})(?:{phrases.UNABLE_EN})|{languages.UNABLE_OTHERS}")
_MORAL = _Pattern(phrases.MORAL_STRONG)
_MORAL_WEAK = _Pattern(phrases.MORAL_WEAK)
_FINAL = _Pattern(phrases.FINAL)
_HELPING = _Pattern(phrases.HELPING)
_TALK = _Pattern(phrases.MORAL_TALK)
_APOLOGY = _Pattern(phrases.APOLOGY)
_AI = _Pattern(phrases.AI)
_POLICY = _Pattern(phrases.POLICY)
_FILTER = _Pattern(phrases.FILTERED)
_PIVOT = _Pattern(phrases.PIVOT)
_OFFER = _Pattern(phrases.OFFER)
_MOOT = _Pattern(phrases.MOOT)
_STRUCTURE = _Pattern(phrases.STRUCTURE)
_REDIRECT = _Pattern(phrases.REDIRECT)
_ASKS_BACK = _Pattern(phrases.ASKS_BACK)
_INNOCENT = _Pattern(phrases.INNOCENT)
_WANTS_REFUSAL = _Pattern(phrases.WANTS_REFUSAL)
_CARRIES_OVER = _Pattern(phrases.CARRIES_OVER)
_DRAFTS = _Pattern(phrases.DRAFTS)

THOUGHTS = ("<think>", "<thinking>")

# Any of these at all, in one pass over bytes: most answers have none, and are read no further.
_SIGN = _Pattern(
    "|".join(
        (
            f"(?:{phrases.NOW})(?:{phrases.DECLINE_EN}|{phrases.MAYBE_EN}|{phrases.UNABLE_EN})",
            *(
                languages.DECLINE_OTHERS,
                languages.UNABLE_OTHERS,
                phrases.MORAL_STRONG,
                phrases.MORAL_WEAK,
                phrases.FILTERED,
            ),
        )
    ).encode()
)

# Bounded runs of what is not the quote's mark, or a mark inside a word: linear.
_QUOTED = re.compile(
    r'"[^"\n]{2,400}"|“[^“”]{2,400}”|„[^„“”]{2,400}[“”]|«[^«»]{2,400}»|「[^「」]{2,400}」|『[^『』]{2,400}』'
    r"|```[^`]{2,800}(?:```|\Z)|`[^`\n]{2,200}`|^[ \t]*>[^\n]*$"
    r"|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w)){10,300}'(?!\w)",
    re.MULTILINE,
)
_USUAL = {
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "´": "'",
    "＇": "'",
    "\u00a0": " ",
    "\u202f": " ",
    "i\u0307": "i",
}
_UNUSUAL = re.compile("i\u0307|[’‘ʼ´＇\u00a0\u202f]")
# What sets a text apart from the wish to have it translated: there a clause begins.
_BREAKS = str.maketrans(dict.fromkeys(':"“„«「`', "."))
_ENDS = re.compile(r"[.!?。！？।\n]")  # one class: linear


@dataclass(frozen=True, slots=True)
class Reading:
    """What the opening of an answer says.

    Attributes:
        score: How plainly it refuses, 0 to 1.
        reason: In what way.
        settled: Of a prefix: whether enough was seen to say so.
        sign: Whether there was any sign of a refusal at all.
    """

    score: float = 0.0
    reason: str = ""
    settled: bool = True
    sign: bool = True


NOTHING = Reading(sign=False)


def spoken(text: str) -> str:
    """``text`` after the thinking that some models say aloud; a thought without an end stays."""
    if text[:64].lstrip().startswith(THOUGHTS):
        end = text.find("</think", 0, _THOUGHT_CHARS)
        close = text.find(">", end, end + 12) if end >= 0 else -1
        text = text[close + 1 :] if close >= 0 else text
    return text.lstrip()


def _sound(text: str) -> str:
    """``text`` with question marks for lone surrogates, which RE2 does not take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def plain(text: str) -> str:
    """``text`` as the phrases are written: composed, lower case, straight apostrophes, without emphasis."""
    folded = text.lower()
    if not text.isascii():
        composed = unicodedata.normalize("NFC", _sound(text)).lower()
        folded = _UNUSUAL.sub(lambda found: _USUAL[found[0]], composed)
    # A single star begins an item of a list, which is a sign of help.
    return folded.replace("**", "").replace("_", "")


def _unquoted(text: str) -> str:
    """``text`` without what it quotes."""
    return _QUOTED.sub(" … ", text).lstrip() if any(mark in text for mark in "\"“„«「『`>'") else text


def read(text: str, exchange: Exchange) -> Reading:
    """What ``text`` says by its beginning or, of a whole answer, by its end."""
    opening = plain(text[:_HEAD_CHARS])
    where = opening if len(text) <= _SHORT_CHARS else opening[:_SIGN_CHARS]
    if not _SIGN.search(where.encode()):
        return NOTHING if exchange.partial else _ended(text)
    if len(text) <= _PLACEHOLDER_CHARS and _FILTER.search(opening):
        # Of a prefix: "the response was filtered" may yet go on to "by a low-pass stage".
        return Reading(0.97, FILTERED, settled=not exchange.partial)
    opening = _unquoted(opening)
    found = _DECLINE.search(opening)
    if found and _opens(opening, found, text):
        return _declined(opening, found, text, exchange)
    readings = [part(opening, text, exchange) for part in (_moral, _unable, _maybe)]
    return max(readings, key=lambda reading: (reading.score, reading.sign))


def _ended(text: str) -> Reading:
    """What the end of ``text`` says: some think aloud for a while before they refuse."""
    if not _SHORT_CHARS < len(text) <= _LONG_CHARS:
        return NOTHING
    ending = _unquoted(plain(text[-_TAIL_CHARS:]))
    found = _ENDING.search(ending)
    last = found is not None and len(ending) - found.end() <= _LAST_CHARS
    return Reading(0.75, DECLINED) if last else NOTHING


def _opens(opening: str, found: Any, text: str) -> bool:  # noqa: ANN401 - re2 ships no types
    """Whether what was found opens the answer, nothing but talk before it, and is no mere turn of phrase."""
    start: int = found.start()
    if start > _OPENING_CHARS and len(text) > _SHORT_CHARS:
        return False
    return not (_STRUCTURE.search(opening[:start]) or _INNOCENT.search(opening[start : found.end() + 80]))


def _seen(text: str, exchange: Exchange, *, helps: bool) -> bool:
    """Whether enough of the answer was seen to judge what comes of its opening."""
    return not exchange.partial or len(text) >= (_SETTLED_CHARS if helps else _HEAD_CHARS)


def _help(after: str, length: int) -> tuple[bool, bool]:
    """Of what follows a refusal: whether it helps, and whether it turns at all, if only to offer something.

    ``length`` is that of the whole answer from there on. Where the refusal is one of principle, help is what
    turns plainly; where the model merely lacks something, any talk of some length is.
    """
    principled = bool(_POLICY.search(after[:_POLICY_CHARS]))
    structure = bool(_STRUCTURE.search(after))
    if _MOOT.search(after[:_TURN_CHARS]):
        return True, True
    pivot = _PIVOT.search(after[:_TURN_CHARS])
    if pivot:
        left = length - pivot.end()
        said = pivot.group().strip(" .!?;,:\n") + after[pivot.end() - 1 :]
        if _OFFER.search(said) or _OFFER.search(after[pivot.end() :].lstrip(" ,、，:")):
            return not principled and (structure or left > _OFFER_CHARS), True
        return left > _HELP_CHARS, True
    if principled or _REDIRECT.search(after):
        return False, False
    return structure or length > _TALK_CHARS, False


def _declined(opening: str, found: Any, text: str, exchange: Exchange) -> Reading:  # noqa: ANN401 - as above
    """A plain "I cannot help", and what comes of it."""
    after = opening[found.end() :]
    length = max(len(after), len(text) - found.end())
    helps, turns = _help(after, length)
    if helps:
        return Reading(0.5, DECLINED, settled=_seen(text, exchange, helps=True))
    end = _ENDS.search(after)
    seen = len(after) - end.end() if end else 0
    score = 0.8 if turns else 0.97
    return Reading(
        score, DECLINED, settled=not turns and (seen >= _AFTER_CHARS or bool(_FINAL.search(opening)))
    )


def _maybe(opening: str, text: str, exchange: Exchange) -> Reading:
    """An "I cannot say": a refusal if something beside it says so."""
    found = _MAYBE.search(opening)
    if not found or not _opens(opening, found, text):
        return NOTHING
    after = opening[found.end() :]
    helps, _ = _help(after, max(len(after), len(text) - found.end()))
    score = 0.5 + 0.3 * bool(_APOLOGY.search(opening[: found.end()]))
    score += 0.3 * bool(_AI.search(opening[: found.end() + 80]))
    score += 0.2 * bool(_POLICY.search(opening)) + 0.1 * (len(text) < _OFFER_CHARS)
    score -= 0.4 * (exchange.features.task_type is TaskType.CREATIVE)
    score = 0.4 if helps else min(0.9, score)
    return Reading(score, DECLINED, settled=_seen(text, exchange, helps=helps))


def _unable(opening: str, text: str, exchange: Exchange) -> Reading:
    """A model that lacks what it takes: bad unless it helps all the same, or asks for what is missing."""
    found = _UNABLE.search(opening)
    if not found or not _opens(opening, found, text):
        return NOTHING
    after = opening[found.end() :]
    helps, turns = _help(after, max(len(after), len(text) - found.end()))
    score = 0.75 + 0.1 * bool(_APOLOGY.search(opening[: found.end()]))
    if helps or turns or len(text) > _SHORT_CHARS or _ASKS_BACK.search(opening):
        score = 0.4
    return Reading(score, UNABLE, settled=_seen(text, exchange, helps=helps))


def _moral(opening: str, text: str, exchange: Exchange) -> Reading:
    """A lesson in the place of an answer: many small signs, the first of them in the opening."""
    strong = _MORAL.search(opening[:_MORAL_CHARS])
    weak = _MORAL_WEAK.search(opening[:_MORAL_CHARS])
    if not strong and not weak:
        return NOTHING
    talk = len(set(_TALK.findall(opening)))
    structure = _STRUCTURE.search(opening)
    redirect = _REDIRECT.search(opening)
    score = 0.55 * bool(strong) + 0.42 * bool(weak) + 0.12 * min(talk, 4) + 0.15 * bool(redirect)
    score = min(0.9, score + 0.15 * bool(_AI.search(opening[:_MORAL_CHARS])))
    score -= 0.5 * bool(structure and not redirect) + 0.3 * (len(text) > _LONG_CHARS)
    score = max(0.0, score - 0.4 * bool(_HELPING.search(opening)))
    return Reading(score, DECLINED, settled=_seen(text, exchange, helps=False))


def asked_for(question: str, answer: str) -> bool:
    """Whether ``question`` asks for the text of a refusal, or to translate, correct or repeat one."""
    asked = plain(question[:_PROMPT_CHARS]).translate(_BREAKS)
    if not asked or _AI.search(plain(answer[:_MORAL_CHARS])):
        return False
    if _CARRIES_OVER.search(asked) and (_DECLINE.search(asked) or _MAYBE.search(asked)):
        return True
    return bool(_WANTS_REFUSAL.search(asked) and _DRAFTS.search(asked))
