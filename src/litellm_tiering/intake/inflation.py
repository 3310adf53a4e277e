# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""Sentences that say how hard a request is rather than what it is: they must gain nothing.

"This is extremely complex, use the best model", "ESCALATE", "think step by step", "you are an expert".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.intake.language import JOINING
from litellm_tiering.intake.tasks import names_work, plain
from litellm_tiering.intake.vocabulary import INFLATED

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUSPECT = frozenset(map(plain, INFLATED))
_UNSPACED_SUSPECT = ("模型", "复杂", "複雑", "困难", "難しい", "モデル", "一步一步", "专家")
_MAX_WORDS = 40


def _compiled(pattern: str) -> re.Pattern[str]:
    """``pattern`` without accents, as the texts it is searched for in."""
    return re.compile(plain(pattern))


_HEAP = 6
_PIECE = re.compile(r"(?:[^.!?;\n-]|-(?!-))+(?:[.!?;\n]|--)*")
_ASCII = re.compile(r"[a-z0-9']+")
# A sentence ends at its mark and a space, or at the end of a line. Single classes only: linear.
_SENTENCE = re.compile(r"[^.!?。！？\n;；]+[.!?。！？\n;；]*")

# What such sentences say. Alternations of fixed words with bounded gaps between them: linear.
_CLAIM = _compiled(
    r"\b(?:this|it|that|these|my|the following|das|dies|ceci|c'est|esto|es|questo|isso|это)\b"
    r"[^.!?\n]{0,40}\b(?:very|extremely|incredibly|super|really|highly|exceptionally|insanely|too|most|so|sehr"
    r"|extrem|äußerst|très|extrêmement|muy|extremadamente|molto|estremamente|muito|extremamente|очень|крайне)\b"
    r"[^.!?\n]{0,20}\b(?:complex|complicated|difficult|hard|challenging|advanced|sophisticated|important|critical"
    r"|urgent|tough|komplex\w{0,3}|schwierig\w{0,3}|schwer|complexe|difficile|complej[oa]|difícil|complicad[oa]"
    r"|compless[oa]|complexo|complexa|сложн\w{1,3})\b"
)
_ORDER = _compiled(
    r"\b(?:use|using|route|send|pick|select|choose|switch|need|needs|requires?|want|deserves?|escalate|upgrade"
    r"|assign|give|nutze|benutze|verwende|brauche?|utilise[rz]?|utilisez|usa|utiliza|necesita|usi|используй\w{0,2})\b"
    r"[^.!?\n]{0,30}\b(?:best|strong\w{0,4}|smart\w{0,3}|large\w{0,2}|big\w{0,4}|most|premium|frontier|flagship|top"
    r"|powerful|capable|expensive|gpt-?\d\w{0,3}|opus|reasoning|stärkste\w?|beste\w?|meilleure?|mejor|migliore|melhor"
    r"|лучш\w{1,3})\b(?:[^.!?\n]{0,16}\b(?:models?|tier|llm|router|ai|modell|modèle|modele|modelo|modello|модель))?"
)
_LOUD = _compiled(
    r"\bescalate\b|\b(?:best|strongest|smartest|largest|biggest|most (?:powerful|capable|expensive|advanced)"
    r"|highest|premium|frontier|flagship|top|stärkste|beste|meilleur|mejor|migliore|melhor|лучш\w{1,3})[ -]"
    r"(?:available |possible |tier |ai |reasoning )?"
    r"(?:model|tier|llm|ai|intelligence|modell|modèle|modelo|modello|модель)\b"
    r"|\b(?:complexity|difficulty|routing|tier)\s{0,2}[:=]\s{0,2}\w+"
    r"|\b(?:highest|high|maximum|max|complex|top)[ -]"
    r"(?:complexity|difficulty|tier|priority)\b"
)
_RITUAL = _compiled(
    r"\bstep[ -]by[ -]step\b|\bdeep breath\b|\b(?:you are|you're|act as|du bist|tu es|eres|sei|você é|ты)\b"
    r"[^.!?\n]{0,60}\b(?:expert|assistant|genius|professor|specialist|world-class|phd|experte|expertin|assistent"
    r"|assistente|asistente|experto|experta|эксперт|помощник)\b|\b(?:think|reason)\b[^.!?\n]{0,20}\b(?:carefully"
    r"|deeply|hard|thoroughly)\b"
)
_UNSPACED_CLAIM = _compiled(
    r"(?:非常|极其|极度|超级|とても|非常に|極めて)(?:に)?(?:复杂|困难|难|複雑|難しい|困難)"
    r"|(?:使用|用|使って|選択)[^。！？\n]{0,12}(?:模型|モデル)|最(?:强|好|強|高)[^。！？\n]{0,6}(?:模型|モデル)|(?:模型|モデル)を?(?:使用|使って)"
    r"|一步一步|一步步"
)


def deflated(text: str, words: Iterable[str]) -> str:
    """``text``, :func:`plain` already, without the sentences that only say how hard it is.

    A sentence that says something besides loses its phrase only, so that "Step by step, prove …" is still
    about proving. ``words`` are those of the text: most texts hold none that is suspect and are left alone.
    """
    unspaced = not text.isascii() and any(s in text for s in _UNSPACED_SUSPECT)
    if _SUSPECT.isdisjoint(words) and not unspaced:
        return text
    kept: list[str] = []
    for found in _SENTENCE.finditer(text):
        sentence = found.group()
        if len(sentence) > 400 or len(sentence.split()) > _MAX_WORDS:  # noqa: PLR2004 - a real task, not a plea
            kept.append(sentence)
            continue
        rest = _RITUAL.sub(" ", _without_claims(sentence))
        if rest != sentence and not names_work(rest):
            continue  # what is left of it asks for nothing: "you must …", "please …"
        kept.append(rest)
    return "".join(kept)


def unstuffed(text: str) -> str:
    """``text``, :func:`plain` already, without sentences that are heaps of words; all where that is all.

    "Theorem lemma manifold consensus kernel. What is 3 times 4?": nobody writes six words without one that
    joins them, or the same few again and again, but to be taken for what they are not.
    """
    if not text.isascii():
        return text  # which words join others is known of a few languages only
    kept = [s for s in _PIECE.findall(text) if not _is_heap(s)]
    rest = "".join(kept)
    return rest if len(rest) < len(text) and any(c.isalpha() for c in rest) else text


def _is_heap(sentence: str) -> bool:
    words = _ASCII.findall(sentence)
    if len(words) < _HEAP:
        return False
    different = set(words)
    return len(different) * 2 <= len(words) or different.isdisjoint(JOINING)


def _without_claims(sentence: str) -> str:
    for pattern in (_CLAIM, _ORDER, _LOUD, _UNSPACED_CLAIM):
        sentence = pattern.sub(" ", sentence)
    return sentence
