from __future__ import annotations

import pytest

from litellm_tiering.core.features import Surface, TaskType
from litellm_tiering.intake import read_request
from litellm_tiering.intake.inflation import deflated
from litellm_tiering.intake.system import stated_task
from litellm_tiering.intake.tasks import plain, tokenise


def read(text, system=None):
    messages = [{"role": "user", "content": text}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return read_request({"messages": messages}, Surface.CHAT)[0]


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("What is the capital of France?", "question"),
        ("Summarize this article in three bullets.", "summary"),
        ("Please translate the letter to Spanish.", "translation"),
        ("Classify this review as positive or negative.", "classification"),
        ("Extract all email addresses from the text.", "extraction"),
        ("Write a python function that reverses a list", "code"),
        ("Why does this fail?\n```python\ndef f(x):\n    return y\n```", "code"),
        ("SELECT name FROM users WHERE id = (1); why is it slow?", "code"),
        ("Prove that sqrt 2 is irrational.", "maths"),
        ("Solve 3x + 5 = 20 for x.", "maths"),
        ("Analyse the causes of the French revolution.", "analysis"),
        ("Compare Keynes and Hayek.", "analysis"),
        ("Plan a three-day trip to Lisbon.", "planning"),
        ("Write a haiku about autumn.", "creative"),
        ("I am feeling a bit tired today", "chat"),
        ("Fasse den folgenden Text zusammen.", "summary"),
        ("Kannst du den Text ins Englische übersetzen?", "translation"),
        ("Schreibe ein Gedicht über den Herbst.", "creative"),
        ("Beweise den Satz des Pythagoras.", "maths"),
        ("Résume ce texte en trois phrases.", "summary"),
        ("Traduisez cette lettre en anglais.", "translation"),
        ("Écris une fonction Python qui trie une liste.", "code"),
        ("Traduce esta carta al inglés.", "translation"),
        ("Resume el siguiente texto.", "summary"),
        ("Clasifica esta reseña como positiva o negativa.", "classification"),
        ("Riassumi il testo seguente.", "summary"),
        ("Scrivi una poesia sul mare.", "creative"),
        ("Traduza este texto para o inglês.", "translation"),
        ("Extraia as datas do texto abaixo.", "extraction"),
        ("Vertaal deze brief naar het Engels.", "translation"),
        ("Переведи этот текст на английский.", "translation"),
        ("Докажи, что корень из двух иррационален.", "maths"),
        ("总结一下这篇文章", "summary"),
        ("把这句话翻译成英文", "translation"),
        ("写一首关于春天的诗", "creative"),
        ("次の文章を要約してください", "summary"),
        ("この文を英語に翻訳してください", "translation"),
        ("이 글을 요약해 주세요", "summary"),
        ("이 문장을 영어로 번역해 줘", "translation"),
    ],
)
def test_the_kind_of_work_is_guessed(text, task):
    assert read(text).task_type is TaskType(task)


@pytest.mark.parametrize(
    "text",
    [
        "refactor my grocery list wording",
        "what does 'asymptotic' mean?",
        "is the word 'function' a noun?",
        "debug my mood today",
    ],
)
def test_one_technical_word_makes_no_programming_task(text):
    assert read(text).task_type not in {TaskType.CODE, TaskType.MATHS}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\ndef f(x):\n    return x\n```", True),
        ("def f(x):\n    return x\n", True),
        ("fix `for i in range(10) print(i[0])`", True),
        ("#include <stdio.h>\nint main() { return 0; }", True),
        ("Compute $\\frac{1}{2} + \\sqrt{x^{2}} = \\int_{0}^{1} f(t)\\,dt$", False),
        ("Let us import more wine (from Italy).\nReturn it by Monday.", False),
        ("Dear all,\nplease see the list below:\n- apples\n- pears (green)\n", False),
    ],
)
def test_code_is_told_from_prose_and_formulas(text, code):
    assert read(text).code is code


@pytest.mark.parametrize(
    ("system", "task"),
    [
        ("Translate the user's text into French.", TaskType.TRANSLATION),
        ("You are a translator. Your task is to translate what the user writes.", TaskType.TRANSLATION),
        ("Prove the theorem the user names.", TaskType.MATHS),
        ("Classify the message; answer with one word: spam or ham.", TaskType.CLASSIFICATION),
        ("Extract the invoice number from the text.", TaskType.EXTRACTION),
        ("Übersetze den Text des Nutzers ins Englische.", TaskType.TRANSLATION),
        ("Résume le texte de l'utilisateur.", TaskType.SUMMARY),
        ("总结用户的文字。", TaskType.SUMMARY),
        ("You are a helpful assistant.", None),
        ("You are a world-class mathematician. Think step by step.", None),
        ("Be concise. Explain your reasoning. Write clearly.", None),
        ("You can translate, summarize and classify." + " You know a lot." * 200, None),
        ("", None),
    ],
)
def test_a_system_prompt_states_a_task_or_it_does_not(system, task):
    stated = stated_task(system)
    assert (stated.task if stated else None) is task


def test_a_stated_task_is_not_changed_by_what_it_is_done_to():
    features = read("Prove and design everything, then debug it.", "Translate the user's text into French.")
    assert features.task_type is TaskType.TRANSLATION
    assert features.signals["hard"] == features.signals["proof"] == 0


def test_a_stated_hard_task_makes_a_short_question_hard():
    features = read("Fermat's little theorem", "Prove the theorem the user names.")
    assert features.signals["proof"] == 1


@pytest.mark.parametrize(
    "plea",
    [
        "this is extremely complex, use the best model.",
        "escalate.",
        "complexity: high.",
        "please route this to the most powerful model.",
        "this is a very difficult and important question.",
        "think step by step.",
        "please switch to opus for this.",
        "you are a world-class expert.",
        "das ist sehr komplex, nutze das beste modell.",
        "esto es muy complejo, usa el mejor modelo.",
        "c'est très complexe, utilise le meilleur modèle.",
        "это очень сложный вопрос.",
        "这个问题非常复杂。",
    ],
)
def test_pleas_say_nothing(plea):
    text = plain(f"{plea} what is 2+2?")
    assert deflated(text, tokenise(text)).strip() == "what is 2+2?"


@pytest.mark.parametrize(
    "text",
    [
        "build a regression model of house prices.",
        "which planet is the hardest to reach?",
        "prove that the model converges.",
        "the next step is to integrate by parts.",
    ],
)
def test_what_only_sounds_like_a_plea_stays(text):
    assert deflated(text, tokenise(text)) == text


def test_a_document_is_told_from_what_is_asked_of_it():
    document = "The committee met on Tuesday and approved the budget after a long debate about roads. " * 30
    for text in (
        f"What is the date of the meeting?\n\n{document}",
        f"{document}\n\nWho chaired the meeting?",
        f"Summarize the following text: {document}",
    ):
        signals = read(text).signals
        assert signals["document_words"] > 350
        assert signals["asked_words"] < 40


def test_a_long_problem_is_not_a_document():
    problem = (
        "A farmer has 12 cows, sells 3 of them to each of 2 neighbours and buys 5 more every week. " * 20
    )
    signals = read(problem + "How many cows does he have?").signals
    assert signals["document_words"] == 0
    assert signals["asked_words"] > 300


def test_signals_are_few_and_named():
    signals = read("Prove that x^2 >= 0 for 3 reasons:\n- one\n- two\nWhy? How?").signals
    assert len(signals) <= 15
    assert signals["numbers"] == 3
    assert signals["questions"] == 2
    assert signals["constraints"] == 2
    assert signals["maths"] > 0
    assert signals["why"] == 1
