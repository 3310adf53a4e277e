# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""What kind of work a text asks for, guessed from the words it begins its sentences with."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.features import TaskType
from litellm_tiering.intake.idioms import PHRASES
from litellm_tiering.intake.language import JOINING
from litellm_tiering.intake.vocabulary import UNSPACED, WORDS, Cue

if TYPE_CHECKING:
    from litellm_tiering.intake.signals import Shape

_STEM = 4
_HEAD_WORDS = 130
_TAIL_WORDS = 60
_LONG_WORD = 8
_MAX_UNSPACED_CHARS = 1_200

# A word, with an apostrophe or hyphens in it at most twice; Devanagari's vowel signs are part of it, which
# Python counts as no letters. Disjoint classes: linear.
_WORD = re.compile(r"[\w\u0900-\u0963]+(?:['’\-][\w\u0900-\u0963]+){0,2}|[.!?:\n;。！？,，、।]")
_ASCII_WORD = re.compile(r"[a-z0-9_]+(?:['\-][a-z0-9_]+){0,2}|[.!?:\n;,]")
_BREAKS = frozenset(".!?:\n;。！？।")
_COMMAS = frozenset(",，、")
_MARKS = _BREAKS | _COMMAS
# After one of these, as after a comma, a second verb commands as the first does: "state and prove".
_JOINTS = _COMMAS | {
    "and",
    "then",
    "und",
    "dann",
    "et",
    "puis",
    "y",
    "luego",
    "e",
    "poi",
    "en",
    "i",
    "och",
    "ve",
    "и",
}


_ACCENTS = re.compile("[\u0300-\u036f]+")


def plain(text: str) -> str:
    """``text`` casefolded and without the accents of Latin letters."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", folded)))


def _load() -> tuple[dict[str, Cue], dict[str, tuple[tuple[str, int], ...]]]:
    exact: dict[str, int] = {}
    stems: dict[str, dict[str, int]] = {}
    for cue, words in WORDS:
        for written in words.split():
            word = plain(written)
            if word.endswith("*") and len(word) > _STEM:
                by_stem = stems.setdefault(word[:_STEM], {})
                by_stem[word[:-1]] = by_stem.get(word[:-1], 0) | int(cue)
            else:
                # Too short for a stem, as two syllables of Hangul are: with the commonest ending and without.
                exact[word.rstrip("*")] = exact.get(word.rstrip("*"), 0) | int(cue)
    return (
        {word: Cue(value) for word, value in exact.items()},
        {head: tuple(found.items()) for head, found in stems.items()},
    )


_EXACT, _STEMS = _load()
_SHORT_STEMS = {
    plain(w)[:-1]: int(cue)
    for cue, words in WORDS
    for w in words.split()
    if w.endswith("*") and len(plain(w)) <= _STEM
}
# What the stems of verbs would take for verbs.
_NOUNS = frozenset(
    {"analysis", "analyses", "analyst", "analysts", "analytics", "evaluation", "comparison", "designer"}
)


def _rarest(phrase: str) -> str:
    """The word of a phrase that fewest texts hold; of one with an open end, its first."""
    words = phrase.replace(",", "").split()
    return words[0] if phrase.endswith("*") else max(words, key=lambda w: (w not in JOINING, len(w)))


# By their rarest word: a phrase is searched for only in texts that hold it, and seldom within a longer word.
_HEADED = tuple((_rarest(phrase), phrase.rstrip("*"), word) for phrase, word in PHRASES)
_PHRASE_HEADS = frozenset(head for head, _, _ in _HEADED)
_UNSPACED_RUNS = re.compile("[\u3040-\u9fff\u0e00-\u0e7f]+")
_SUBSTRINGS = tuple((int(cue), word) for cue, words in UNSPACED for word in words.split())
_INTS = {word: int(cue) for word, cue in _EXACT.items()}

_VERB, _POLITE = int(Cue.VERB), int(Cue.POLITE)
_HARD, _PROOF, _TECHNICAL = int(Cue.HARD), int(Cue.PROOF), int(Cue.TECHNICAL)
_WHY, _LOOKUP, _CONSTRAINT, _ASKING = int(Cue.WHY), int(Cue.LOOKUP), int(Cue.CONSTRAINT), int(Cue.ASKING)
_DOCUMENT, _CODE, _CREATIVE = int(Cue.DOCUMENT), int(Cue.CODE), int(Cue.CREATIVE)

_TASKS: tuple[tuple[int, TaskType], ...] = (
    (int(Cue.SUMMARY), TaskType.SUMMARY),
    (int(Cue.TRANSLATION), TaskType.TRANSLATION),
    (int(Cue.CLASSIFICATION), TaskType.CLASSIFICATION),
    (int(Cue.EXTRACTION), TaskType.EXTRACTION),
    (int(Cue.CODE), TaskType.CODE),
    (int(Cue.MATHS), TaskType.MATHS),
    (int(Cue.ANALYSIS), TaskType.ANALYSIS),
    (int(Cue.PLANNING), TaskType.PLANNING),
    (int(Cue.CREATIVE), TaskType.CREATIVE),
    (_ASKING, TaskType.QUESTION),
)
_DOCUMENT_WORDS = frozenset(word for word, mask in _INTS.items() if mask & _DOCUMENT)
_DOCUMENT_STEMS = tuple(s for found in _STEMS.values() for s, mask in found if mask & _DOCUMENT)
_DOCUMENT_HEADS = frozenset(stem[:_STEM] for stem in _DOCUMENT_STEMS)
_ANY_TASK = sum(mask for mask, _ in _TASKS)

_MATHS_TASK = int(Cue.MATHS)
# Words that ask for a person or a time. "Who can …" and "when does …" may ask for more.
_WHO = frozenset(
    """who whom whose when wer wen wann qui quand quien quienes cuando chi quando quem kto kiedy vem kim
    wanneer кто когда 누가 언제 من متى कौन किसने कब""".split()  # noqa: SIM905 - as a list it would fill a page
)
_ABLE = (
    ["can"],
    ["could"],
    ["should"],
    ["does"],
    ["do"],
    ["is"],
    ["are"],
    ["must"],
    ["kann"],
    ["peut"],
    ["puede"],
)
_UNSPACED_WHO = ("谁", "誰", "哪一年", "哪年", "哪位", "何年", "いつ", "何時")
_MADE = 3

_LEADING_VERB = 2.0
_PREFIXES, _THE = "وفبلكا", "ال"
_LEADING_WEAK = 0.9
"""For "write", "create", "draft": what is to be written says more."""
_LEADING_ASKING = 1.2
_VERB_ELSEWHERE = 0.7
_NOUN = 0.6
_MOST = 3.0


@functools.cache
def _tasks_of(mask: int) -> tuple[TaskType, ...]:
    """The kinds of work in a mask. There are as many masks as the vocabulary has, so the cache is bounded."""
    return tuple(task for bit, task in _TASKS if mask & bit)


@dataclass(slots=True)
class Cues:
    """What the words of an instruction hint at.

    Attributes:
        words: The words and marks looked at, without accents.
        weights: How much speaks for each kind of work.
        hard: Verbs of hard kind; half for one that neither opens nor closes a sentence, as a noun does not.
        proof: Verbs of proof and derivation, likewise.
        technical: Different technical terms.
        lookup: Words of a question whose answer is looked up, not worked out.
        why: Whether it asks why.
        asking: Whether a sentence opens with a question word.
        constraints: Words that constrain the answer.
        document: Words that point at a text given along.
        leading: Whether a sentence opens with a verb that names a kind of work.
        long_words: Different words of nine letters and more.
        code_nouns: Different things that programmers work on.
        makes: Whether a sentence opens with "write", "build", "create": what is to be made says how hard.
        fiction: Whether something to be told or sent is named: a story, a letter.
    """

    words: list[str] = field(default_factory=list)
    weights: dict[TaskType, float] = field(default_factory=dict)
    hard: float = 0.0
    proof: float = 0.0
    technical: int = 0
    lookup: int = 0
    why: bool = False
    asking: bool = False
    constraints: int = 0
    document: int = 0
    leading: bool = False
    long_words: int = 0
    code_nouns: int = 0
    makes: bool = False
    fiction: bool = False

    def _vote(self, mask: int, weight: float) -> None:
        for task in _tasks_of(mask & _ANY_TASK):
            self.weights[task] = min(_MOST, self.weights.get(task, 0.0) + weight)

    def note(self, mask: int, *, leads: bool, new: bool, commands: bool = True) -> None:
        """Count one word's cues.

        Args:
            mask: The cues.
            leads: Whether the word opens a sentence.
            new: Whether it was not seen before.
            commands: Whether it stands where a verb commands: first, or in many languages last.
        """
        if mask & _ANY_TASK:
            if mask & _VERB:
                leading = _LEADING_WEAK if mask & _CREATIVE else _LEADING_VERB
                self._vote(mask, leading if leads else _VERB_ELSEWHERE)
                self.leading = self.leading or leads
                self.makes = self.makes or (leads and bool(mask & _CREATIVE))
            elif mask & _ASKING:
                if leads:
                    self._vote(mask, _LEADING_ASKING)
                    self.asking = True
            elif new:
                self._vote(mask, _NOUN)
                self.fiction = self.fiction or bool(mask & _CREATIVE)
        if new:
            self.code_nouns += bool(mask & _CODE and not mask & _VERB)
            if mask & (_HARD | _PROOF):
                weight = 1.0 if commands else 0.5
                self.hard += weight * bool(mask & _HARD)
                self.proof += weight * bool(mask & _PROOF)
            self.technical += bool(mask & _TECHNICAL)
            self.lookup += bool(mask & _LOOKUP)
            self.document += bool(mask & _DOCUMENT)
        self.constraints += bool(mask & _CONSTRAINT)
        if mask & _WHY:
            self.why = True


def mask_of(word: str) -> int:
    """The cues of one word, without accents and in lower case."""
    mask = _INTS.get(word, 0)
    candidates = _STEMS.get(word[:_STEM])
    if candidates and word not in _NOUNS:
        for stem, value in candidates:
            if word.startswith(stem):
                mask |= value
    if not word.isascii():
        mask |= _SHORT_STEMS.get(word[:2], 0) | _SHORT_STEMS.get(word[:3], 0)
        if not mask and word[0] in _PREFIXES and len(word) > _STEM:
            # Arabic writes "and", "the", "for" in one word with the next.
            return mask_of(word[2:] if word[:2] == _THE else word[1:])
    return mask


def tokenise(text: str) -> list[str]:
    """The words and marks of a :func:`plain` text; of a long one, those of its head and tail."""
    tokens: list[str] = (_ASCII_WORD if text.isascii() else _WORD).findall(text)
    if len(tokens) > _HEAD_WORDS + _TAIL_WORDS:
        tokens = [*tokens[:_HEAD_WORDS], "\n", *tokens[-_TAIL_WORDS:]]
    return tokens


def read_cues(text: str, tokens: list[str] | None = None) -> Cues:
    """The cues of an instruction, already :func:`plain`, given its tokens where they are known."""
    if tokens is None:
        tokens = tokenise(text)
    different = set(tokens)
    if not different.isdisjoint(_PHRASE_HEADS):
        text, tokens = _phrased(text, tokens, different)
        different = set(tokens)
    cues = Cues(words=tokens)
    # A run of a script without spaces is long without being a word.
    cues.long_words = sum(1 for word in different if len(word) > _LONG_WORD and word[0] < "\u0e00")
    # Most words are in no list: asked here, so that only the others cost a call.
    listed = [w for w in different if w in _INTS or w[:_STEM] in _STEMS or not w.isascii()]
    masks = {word: found for word in listed if (found := mask_of(word))}
    _note_words(cues, tokens, masks)
    if cues.makes and not cues.fiction and cues.technical >= _MADE and cues.code_nouns:
        cues.hard += 1.0  # "write a lock-free queue" names no verb of hard kind, and is hard all the same
    if not text.isascii():
        runs = " ".join(_UNSPACED_RUNS.findall(text, 0, _MAX_UNSPACED_CHARS))
        if runs:
            _read_unspaced(cues, runs)
    return cues


def _phrased(text: str, tokens: list[str], different: set[str]) -> tuple[str, list[str]]:
    """``text`` and its tokens with phrases read as the word they stand for."""
    before = text
    for head, phrase, word in _HEADED:
        if head in different and phrase in text:
            text = text.replace(phrase, word)
    return text, tokens if text is before else tokenise(text)


def _note_words(cues: Cues, tokens: list[str], masks: dict[str, int]) -> None:
    """Note every word that has a mask, in order."""
    new = set(masks)
    told_of = False  # within a sentence that asks who, or when: its verbs say what was done, not what to do
    for at, word in enumerate(tokens):
        if word not in masks:
            continue
        mask = masks[word]
        if mask == _POLITE:
            continue
        opens = _opens(tokens, at, masks)
        if opens:
            told_of = word in _WHO and tokens[at + 1 : at + 2] not in _ABLE
            cues.lookup += told_of
        if told_of:
            mask &= ~(_HARD | _PROOF | _MATHS_TASK)
        cues.note(mask, leads=opens, new=word in new, commands=opens or _commands(tokens, at))
        new.discard(word)


def names_work(text: str) -> bool:
    """Whether a :func:`plain` text holds any word that names a kind of work, or asks."""
    if any(mask_of(word) & _ANY_TASK for word in tokenise(text)):
        return True
    return not text.isascii() and any(word in text for mask, word in _SUBSTRINGS if mask & _ANY_TASK)


def points_at_document(text: str) -> bool:
    """Whether ``text`` speaks of a text given along: "the following article"."""
    plain_text = plain(text)
    tokens = tokenise(plain_text)
    if not _DOCUMENT_WORDS.isdisjoint(tokens):
        return True
    if any(w.startswith(_DOCUMENT_STEMS) for w in tokens if w[:_STEM] in _DOCUMENT_HEADS):
        return True
    return not text.isascii() and any(word in plain_text for mask, word in _SUBSTRINGS if mask & _DOCUMENT)


def _opens(tokens: list[str], at: int, masks: dict[str, int]) -> bool:
    """Whether the word at ``at`` opens a sentence, but for words of politeness."""
    while at > 0 and masks.get(tokens[at - 1], 0) & _POLITE:
        at -= 1
    return at == 0 or tokens[at - 1] in _BREAKS


def _commands(tokens: list[str], at: int) -> bool:
    """Whether a verb at ``at`` stands where it commands: after a joint, or last, as in many languages."""
    last = at + 1 == len(tokens) or tokens[at + 1] in _MARKS or tokens[at + 1] == "ve"  # Turkish ends on it
    return last or tokens[at - 1] in _JOINTS or not tokens[at].isascii()


def _read_unspaced(cues: Cues, text: str) -> None:
    """Cues by substring, for Han, kana and Thai."""
    told_of = len(text) < 40 and any(word in text for word in _UNSPACED_WHO)  # noqa: PLR2004 - characters
    cues.lookup += told_of
    for mask, word in _SUBSTRINGS:
        at = text.find(word)
        if at >= 0:
            if told_of:
                mask &= ~(_HARD | _PROOF | _MATHS_TASK)  # noqa: PLW2901 - as in read_cues
            # Chinese and Thai open with the verb, Japanese ends on it: a short text leads with all it has.
            cues.note(mask, leads=at < 12 or len(text) < 60, new=True)  # noqa: PLR2004 - characters


def guess_task(cues: Cues, shape: Shape) -> TaskType:
    """The kind of work that a question's words and shape speak for."""
    weights = dict(cues.weights)
    if shape.code:
        weights[TaskType.CODE] = weights.get(TaskType.CODE, 0.0) + 1.3
    elif not cues.technical and not cues.code_nouns:
        # "Refactor my grocery list": a programmer's verb with nothing of a programmer's to do it to.
        weights.pop(TaskType.CODE, None)
    if shape.maths > 2.0:  # noqa: PLR2004 - signs for every hundred characters
        weights[TaskType.MATHS] = weights.get(TaskType.MATHS, 0.0) + 0.8
    if cues.lookup and cues.asking:
        weights[TaskType.QUESTION] = weights.get(TaskType.QUESTION, 0.0) + 1.0
    if shape.options > 2:  # noqa: PLR2004 - a question of choices has three or more
        weights[TaskType.QUESTION] = weights.get(TaskType.QUESTION, 0.0) + 0.5
    if weights:
        best = max(weights, key=weights.__getitem__)
        if weights[best] >= _NOUN:
            return best
    return TaskType.QUESTION if shape.questions or cues.asking else TaskType.CHAT
