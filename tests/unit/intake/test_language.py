# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What is the capital of France?", "en"),
        ("Write a python function that reverses a list", "en"),
        ("Wie spät ist es in Berlin?", "de"),
        ("Übersetze diesen Text ins Englische", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("Résume ce texte en trois phrases", "fr"),
        ("¿Cuál es la capital de Perú?", "es"),
        ("Escribe un cuento para niños sobre el mar", "es"),
        ("Qual è la capitale della Francia?", "it"),
        ("Escreva uma carta formal para o síndico sobre o elevador", "pt"),
        ("Waarom is de lucht blauw en niet groen?", "nl"),
        ("Dlaczego niebo jest niebieskie?", "pl"),
        ("Varför är himlen blå och inte grön?", "sv"),
        ("Gökyüzü neden mavi ve bu nasıl açıklanır?", "tr"),
        ("Почему небо голубое?", "ru"),
        ("Чому небо блакитне і як це пояснити?", "uk"),
        ("为什么天空是蓝色的？", "zh"),
        ("空はなぜ青いのですか？", "ja"),
        ("하늘은 왜 파란가요?", "ko"),
        ("لماذا السماء زرقاء؟", "ar"),
        ("آسمان چرا آبی است؟", "fa"),
        ("आसमान नीला क्यों है?", "hi"),
        ("ทำไมท้องฟ้าเป็นสีฟ้า", "th"),
        ("למה השמיים כחולים?", "he"),
        ("Γιατί ο ουρανός είναι μπλε;", "el"),
        ("请用 Python 写一个 quicksort 函数", "zh"),
        ("xkcd qwerty zzz", ""),
        ("12345 67", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_question(text, code):
    features, _ = read_request({"messages": [{"role": "user", "content": text}]}, Surface.CHAT)
    assert features.language == code
