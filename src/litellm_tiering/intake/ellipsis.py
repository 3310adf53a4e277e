# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""Short turns that cannot be understood without the turn before: "what about n = 2?", "I don't get step 3".

Such a turn asks for something of its own, and how hard that is, the turn it leans on tells better than its
few words. One that can stand alone ("what is the capital of Peru?") does not lean, whatever came before.
"""

from __future__ import annotations

import re

from litellm_tiering.intake.tasks import plain

MAX_CHARS = 72
"""A longer turn says what it is about."""

_MAX_WORDS = 9
_MAX_UNSPACED = 22

# What such a turn begins with, after the marks that open a question.
_OPENERS = tuple(
    plain(phrase).strip() + " "
    for phrase in """
    and|but|or|what about|how about|what if|how come|same for|also for
    |und|aber|oder|und wenn|was ist mit|wie ist es mit|et|mais|ou|et si|qu'en est-il|y|pero|o|y si
    |qué pasa con|qué tal con|e|ma|mas|e se|che ne dici di|en|maar|wat als|a jeśli|ale|a co z|men|och|ve|peki
    |ama|и|но|а|а если|а что|а как|или|وماذا عن|ماذا عن|ماذا لو|और|लेकिन|और अगर
    """.replace("\n", " ").split("|")
)
_UNSPACED_OPENERS = (
    "那", "如果", "但是", "可是", "不过", "还有", "では", "じゃあ", "でも", "もし", "しかし",
    "그럼", "그러면", "그런데", "하지만", "만약",
)  # fmt: skip
# Words that point back: at what was said, or at a part of it.
_BACK = frozenset(
    plain(
        """it its that this these those them they same above step steps part proof
        dies diese dieser dieses davon dazu damit daran dafür dasselbe schritt teil beweis
        ça cela ceci celui celle étape partie preuve eso esto ello aquello mismo paso parte prueba
        isso isto aquilo mesmo passo prova questo quello stesso passaggio dimostrazione dit deze stap deel
        bewijs krok część dowód steg beviset bunu şunu adım kısım kanıtın это этот эта этого эту его её их
        шаг часть доказательство هذا هذه ذلك تلك الخطوة الجزء البرهان यह इसे उसे चरण भाग प्रमाण"""
    ).split()
)
_UNSPACED_BACK = (
    "它", "这", "那", "上面", "前面", "刚才", "一步", "二步", "三步", "步骤", "部分", "同样", "一样",
    "これ", "それ", "その", "この", "上の", "同じ", "ステップ", "그것", "이것", "단계", "부분",
)  # fmt: skip
# Verbs that hand on what was said rather than go on with it: "translate that", "shorten it".
_HANDING_ON = (
    "translat", "summar", "shorten", "rephras", "rewrite", "format", "print", "copy", "save", "send", "read",
    "make it short", "in one sentence", "übersetz", "fass", "kürze", "traduis", "traduire", "résum",
    "raccourci", "traduc", "traduz", "resum", "acorta", "riassum", "traduci", "vertaal", "samenvat",
    "перевед", "кратко", "сократи", "翻译", "总结", "缩短", "翻訳", "要約", "번역", "요약",
    "ترجم", "لخص", "अनुवाद", "सारांश",
)  # fmt: skip
_HANDS_ON = tuple(map(plain, _HANDING_ON))
# "I'll try that" asks for nothing.
_PROMISE = re.compile(r"\b(?:i'll|i will|let me|ich werde|je vais|voy a|vou|proverò|попробую)\b")
_WORD = re.compile(r"[\w\u0900-\u0963']+")


def leans(text: str) -> bool:
    """Whether a short turn that asks for something stands on the turn before it."""
    if len(text) > MAX_CHARS or "\n" in text.strip():
        return False
    folded = plain(text).strip().lstrip("¿¡«\"'(„“ ")
    for nod in ("ok, ", "ok ", "okay, ", "yes, ", "no, ", "hm, ", "thanks, "):
        folded = folded.removeprefix(nod)
    if any(verb in folded for verb in _HANDS_ON) or _PROMISE.search(folded):
        return False
    words = _WORD.findall(folded)
    if not folded.isascii() and any("\u3040" <= c <= "\ud7a3" for c in folded):
        return len(folded) <= _MAX_UNSPACED and (
            folded.startswith(_UNSPACED_OPENERS) or any(w in folded for w in _UNSPACED_BACK)
        )
    return len(words) <= _MAX_WORDS and (folded.startswith(_OPENERS) or not _BACK.isdisjoint(words))
