# ruff: noqa: E501, RUF001 - texts in many languages, by the line, are what is tested
from __future__ import annotations

import pytest

from litellm_tiering.core.gate import Demand, Ruling
from litellm_tiering.gates.language import LanguageGate
from litellm_tiering.testing.gates import exchange

GATE = LanguageGate()
QUESTIONS = {
    "en": "Why does the sea look blue, and what would change if the sky were another colour?",
    "de": "Warum sieht das Meer blau aus, und was wäre anders, wenn der Himmel eine andere Farbe hätte?",
    "fr": "Pourquoi la mer est-elle bleue, et qu'est-ce qui changerait dans une autre lumière pour nous ?",
    "es": "¿Por qué el mar es azul y qué pasaría si el cielo tuviera otro color? Explica los motivos.",
    "ru": "Почему море синее и что изменилось бы, если бы небо было другого цвета?",
    "zh": "为什么海是蓝色的，如果天空是另一种颜色会怎样？",
    "ja": "海はなぜ青いのですか。空が別の色だったらどうなりますか。",
    "ko": "바다는 왜 파란색이고 하늘이 다른 색이면 무엇이 달라질까요?",
    "ar": "لماذا يبدو البحر أزرق اللون وماذا سيتغير لو كانت السماء بلون آخر؟",
}
ANSWERS = {
    "en": "The sea looks blue because water absorbs the red part of the light and scatters what is left. If the "
    "sky were green, the surface would reflect that colour, but the water below it would still be blue, and "
    "you would see both of them at once when you look from the shore. ",
    "de": "Das Meer sieht blau aus, weil das Wasser den roten Teil des Lichts aufnimmt und den Rest streut. Wäre "
    "der Himmel grün, dann würde die Oberfläche diese Farbe spiegeln, aber das Wasser darunter bliebe blau, "
    "und man sähe beides zugleich, wenn man vom Ufer aus auf die Wellen schaut. ",
    "fr": "La mer est bleue parce que l'eau absorbe la partie rouge de la lumière et diffuse le reste. Si le ciel "
    "était vert, la surface aurait cette couleur, mais l'eau qui est dessous serait toujours bleue, et nous "
    "verrions les deux à la fois quand nous regardons depuis le rivage avec les autres. ",
    "es": "El mar se ve azul porque el agua absorbe la parte roja de la luz y dispersa el resto. Si el cielo fuera "
    "verde, la superficie tendría ese color, pero el agua de abajo seguiría siendo azul, y los dos se verían "
    "a la vez cuando usted mira desde la orilla, como lo hacen todos los que están allí. ",
    "ru": "Море выглядит синим, потому что вода поглощает красную часть света и рассеивает остальное. "
    "Если бы небо было зелёным, поверхность отражала бы этот цвет, но вода под ней осталась бы синей. ",
    "zh": "海水看起来是蓝色的，因为水吸收了光线中的红色部分，并散射其余的光。如果天空是绿色的，水面会反射这种颜色，"
    "但下面的水仍然是蓝色的，从岸边看去，两种颜色会同时出现。",
    "ja": "海が青く見えるのは、水が光の赤い部分を吸収し、残りを散乱させるからです。空が緑色だったら、水面はその色を"
    "映しますが、その下の水は青いままでしょう。",
    "ko": "바다가 파랗게 보이는 것은 물이 빛의 붉은 부분을 흡수하고 나머지를 산란시키기 때문입니다. 하늘이 초록색이라면 "
    "수면은 그 색을 반사하겠지만 그 아래의 물은 여전히 파란색일 것입니다.",
    "ar": "يبدو البحر أزرق لأن الماء يمتص الجزء الأحمر من الضوء ويشتت الباقي. لو كانت السماء خضراء لعكس السطح "
    "ذلك اللون ولكن الماء تحته سيبقى أزرق كما هو الآن. ",
}
CLOSE = {frozenset({"zh", "ja"})}
PAIRS = [(q, a) for q in QUESTIONS for a in ANSWERS if q != a and frozenset({q, a}) not in CLOSE]


@pytest.mark.parametrize("code", QUESTIONS)
def test_an_answer_in_the_language_of_its_question_is_accepted(code):
    assert GATE.judge(exchange(ANSWERS[code], QUESTIONS[code])).ruling is Ruling.ACCEPT


@pytest.mark.parametrize(("asked", "found"), PAIRS)
def test_an_answer_in_another_language_is_rejected(asked, found):
    verdict = GATE.judge(exchange(ANSWERS[found], QUESTIONS[asked]))
    assert (verdict.ruling, verdict.reason) == (Ruling.REJECT, f"{asked}-{found}")


@pytest.mark.parametrize(
    "prompt",
    [
        "Why is the sea blue? Answer in German, please, and tell me about the sky.",
        "Why is the sea blue? Antworte bitte auf Deutsch, and tell me about the sky.",
        "Please translate this into my mother tongue: the sea is blue because of the light.",
        "Why is the sea blue, and what about the sky? Answer in Mandarin.",
        "Why is the sea blue, and what about the sky? (用中文)",
        "What would a Frenchman say of why the sea is blue? Answer en français.",
        "Continue this text for me: 'Das Meer ist blau, und der Himmel ist es auch.'",
        "What does this mean?\nDas Meer ist blau und der Himmel ist es auch, wenn die Sonne auf das Wasser scheint.",
    ],
)
def test_where_another_language_may_have_been_asked_for_both_will_do(prompt):
    assert not GATE.judge(exchange(ANSWERS["de"], prompt)).rejects
    assert not GATE.judge(exchange(ANSWERS["en"], prompt)).rejects


@pytest.mark.parametrize(
    "system",
    ["Always answer in Chinese.", "你是一个有用的助手。", "Reply in the user's language.", "回答请用中文"],
)
def test_the_system_prompt_may_ask_for_a_language(system):
    verdict = GATE.judge(exchange(ANSWERS["zh"], QUESTIONS["en"], system=system))
    assert (verdict.ruling, verdict.reason) == (Ruling.ABSTAIN, "asked")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "42",
        "Ja, genau.",
        "海は青い",
        "x = 3.14 + 2j; y = [1, 2, 3]",
        '{"antwort": "Das Meer ist blau und der Himmel ist es auch, wenn die Sonne auf das Wasser scheint."}',
        f"```\n{ANSWERS['de']}\n```",
        f"`{ANSWERS['de']}`",
        "1. John Smith\n2. Michael Chang\n3. Emily Lee\n4. David Kim\n5. Andrew Nguyen\n6. Rachel Wong\n7. Ali Kaya",
        "\\begin{align*} I(R) &= \\iint_{x^2+y^2 \\leq R^2} \\frac{1+2 x^2}{1+x^4} dx dy \\end{align*} " * 4,
        "https://example.com/der/die/das " * 20,
        "POST http://api.example.com/users\nContent-Type: application/json\nname=John&email=johndoe@example.com",
        "\ud800\udfff" * 400,
        "\x00" * 4_000,
    ],
)
def test_what_is_short_or_no_prose_is_never_rejected(answer):
    assert not GATE.judge(exchange(answer, QUESTIONS["en"])).rejects


@pytest.mark.parametrize(
    "prompt", ["x+y = 4z, x*y = 4z^2, express x-y in z", "$0.1\\overline{7}$: A. \\frac{8}{45} o e"]
)
def test_a_question_whose_language_is_a_guess_rejects_nothing(prompt):
    assert GATE.judge(exchange(ANSWERS["en"], prompt)).ruling is not Ruling.REJECT


def test_a_question_in_no_language_is_not_judged():
    assert GATE.judge(exchange(ANSWERS["de"], "2+2")).reason == "unsure"


def test_demanded_json_and_tagged_translations_are_not_judged():
    assert (
        GATE.judge(exchange(ANSWERS["de"], QUESTIONS["en"], demand=Demand(json=True))).reason == "structured"
    )
    tagged = {"metadata": {"task_type": "translation"}}
    assert GATE.judge(exchange(ANSWERS["de"], QUESTIONS["en"], body=tagged)).reason == "asked"


def test_another_script_is_told_early_and_another_vocabulary_later():
    def judge(code, chars):
        return GATE.judge(exchange((ANSWERS[code] * 5)[:chars], QUESTIONS["en"], partial=True)).ruling

    assert [judge("zh", n) for n in (20, 119, 120)] == [Ruling.ABSTAIN, Ruling.ABSTAIN, Ruling.REJECT]
    assert [judge("de", n) for n in (120, 590, 610)] == [Ruling.ABSTAIN, Ruling.ABSTAIN, Ruling.REJECT]
    assert [judge("en", n) for n in (120, 590, 610)] == [Ruling.ABSTAIN, Ruling.ABSTAIN, Ruling.ACCEPT]


@pytest.mark.parametrize("asked", QUESTIONS)
@pytest.mark.parametrize("found", ANSWERS)
def test_the_whole_gets_the_verdict_that_its_beginning_got(asked, found):
    whole = f"`x`\n{ANSWERS[found]}\n```py\nx\n```\n{ANSWERS['en']}" * 6
    final = GATE.judge(exchange(whole, QUESTIONS[asked]))
    for cut in range(50, 3_200, 77):
        verdict = GATE.judge(exchange(whole[:cut], QUESTIONS[asked], partial=True))
        assert not verdict.rejects or final.rejects
