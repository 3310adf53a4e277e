# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request
from litellm_tiering.intake.tokens import Bulk, census

# Counted with cl100k_base.
COUNTED = [
    ("Hello world, how are you?", 7),
    ("The quick brown fox jumps over the lazy dog while the farmer watches from the gate.", 17),
    (
        "Larry loves animals. He has 3 cats. He has 3 times as many dogs as cats. He has 2 fewer rabbits.",
        28,
    ),
    ("今天天气怎么样？请帮我翻译这段文字", 22),
    ("Докажите, что существует бесконечно много простых чисел, и объясните, почему.", 35),
    ("다음 계약서를 세 문단으로 요약하고 세입자에게 불리할 수 있는 조항이 무엇인지 설명해 주세요.", 46),
    ("कृपया नीचे दिए गए लेख का पाँच वाक्यों में सारांश लिखिए और लेखक के निष्कर्ष स्पष्ट कीजिए।", 90),
    ("ช่วยสรุปบทความต่อไปนี้เป็นห้าประโยคและอธิบายข้อสรุปของผู้เขียนให้ชัดเจน", 70),
    ("def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n", 20),
]


def estimate(text):
    bulk = Bulk()
    bulk.add(text)
    return bulk.tokens()


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_estimates_come_near_a_tokenizers_count(text, tokens):
    assert estimate(text) == pytest.approx(tokens, rel=0.25)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "Bitte fasse den folgenden Vertrag in drei Absätzen zusammen und erkläre die Klauseln.",
            22,
        ),
        ("¿Podrías explicarme la diferencia entre una función convexa y una función cuasiconvexa?", 23),
        ("Kun je uitleggen waarom de hypotheekrente de afgelopen jaren zo sterk is gestegen?", 28),
    ],
)
def test_other_languages_in_latin_script_take_more_tokens(text, tokens):
    features, _ = read_request({"messages": [{"role": "user", "content": text}]}, Surface.CHAT)
    assert features.question_tokens == pytest.approx(tokens, rel=0.25)


def test_a_long_text_is_scaled_up_from_a_sample():
    sentence = "The committee met on Tuesday and approved the budget for the coming year. "
    assert estimate(sentence * 5_000) == pytest.approx(5_000 * estimate(sentence), rel=0.1)


def test_nothing_is_no_tokens():
    assert estimate("") == Bulk().tokens() == 0


def test_a_run_without_spaces_is_not_one_token():
    assert estimate("x" * 4_000) > 500


def test_words_of_scripts_without_spaces_are_counted_by_their_characters():
    assert census("请证明素数有无穷多个并解释原因").word_equivalents == pytest.approx(9, abs=2)
    assert census("ช่วยสรุปบทความต่อไปนี้เป็นห้าประโยค").word_equivalents > 4
    assert census("three plain words").word_equivalents == 3


def test_a_bulk_counts_a_text_as_often_as_it_weighs():
    bulk = Bulk()
    bulk.add("ten words " * 10, 50.0)
    assert bulk.chars == 5_000
    assert bulk.tokens() == pytest.approx(1_000, rel=0.25)
