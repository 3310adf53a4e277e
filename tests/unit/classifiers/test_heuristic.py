# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.heuristic import (
    SMALLTALK_SCORE,
    HeuristicClassifier,
    default_thresholds,
    explain_score,
)
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, RequestFeatures, Surface, TaskType
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.intake import read_request

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
SIMPLE, MODERATE, COMPLEX = range(3)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
DOCUMENT = (
    "The committee met on Tuesday and approved the budget for the coming year after a long debate. " * 60
)


def talk(*turns, system=""):
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(turns)]
    return {"messages": messages}


def opinion(body, **options):
    features, prompt = read_request(body, Surface.CHAT)
    return HeuristicClassifier(LADDER, **options).classify(Subject(features, Caller(), prompt, NOW))


def score(*turns, system=""):
    return opinion(talk(*turns, system=system)).score


def rank(*turns, system=""):
    features, prompt = read_request(talk(*turns, system=system), Surface.CHAT)
    return (
        Chain([HeuristicClassifier(LADDER)], LADDER).classify(Subject(features, Caller(), prompt, NOW)).rank
    )


@pytest.mark.parametrize(
    "question",
    [
        "Prove that there are infinitely many primes.",
        "Derive the Euler-Lagrange equation.",
        "Show that sqrt(2) is irrational.",
        "Design a lock-free queue.",
        "Implement a B+ tree with concurrent inserts in Rust.",
        "Can a non-compete clause survive the sale of the business under Delaware law? Analyse.",
        "Beweise, dass es unendlich viele Primzahlen gibt.",
        "Entwirf eine fehlertolerante verteilte Architektur für einen Zahlungsdienst.",
        "Démontrez que la racine carrée de 2 est irrationnelle.",
        "Demuestra que hay infinitos números primos.",
        "Diseña una arquitectura distribuida tolerante a fallos para pagos.",
        "Dimostra che la radice di 2 è irrazionale.",
        "Projete uma arquitetura distribuída tolerante a falhas.",
        "Докажите, что простых чисел бесконечно много.",
        "请证明素数有无穷多个。",
        "分散システムにおける合意アルゴリズムを設計してください。",
        "소수가 무한히 많다는 것을 증명해 주세요.",
        "أثبت أن الأعداد الأولية لا نهائية.",
        "सिद्ध कीजिए कि अभाज्य संख्याएँ अनंत हैं।",
        "Bewijs dat er oneindig veel priemgetallen zijn.",
        "Udowodnij, że istnieje nieskończenie wiele liczb pierwszych.",
    ],
)
def test_short_hard_questions_reach_the_dearest_tier_in_any_language(question):
    assert rank(question) == COMPLEX


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "refactor my grocery list wording",
        "what does 'asymptotic' mean?",
        "Spell 'eigenvalue' for me.",
        "Prove me wrong: pizza is tasty",
        "Optimize my shopping: milk, eggs, bread",
        "Design a birthday card greeting for my mum",
        "Translate 'distributed consensus' into German",
        "Write a haiku about autumn",
        'Was bedeutet "Eigenwert"?',
        "Quelle est la capitale de l'Espagne ?",
        '¿Qué significa "algoritmo"?',
        "Что означает слово «теорема»?",
        "“定理”是什么意思？",
        "「定理」の意味は何ですか？",
        "프랑스의 수도는 어디인가요?",
    ],
)
def test_easy_questions_stay_on_the_cheapest_tier_whatever_words_they_use(question):
    assert rank(question) == SIMPLE


def test_more_words_never_score_less():
    sentence = "the farmer walks to the market and buys some apples for his friends "
    scores = [score(sentence * n) for n in (1, 2, 4, 8, 16, 64, 200)]
    assert all(low < high for low, high in pairwise(scores))


def test_a_long_plain_question_reaches_the_dearest_tier_and_a_middling_one_the_middle():
    sentence = "A farmer keeps sheep in one field and goats in another, and sells some of them each spring. "
    assert rank(sentence * 2) == MODERATE
    assert rank(sentence * 12) == COMPLEX


HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."


@pytest.mark.parametrize("turn", ["go on", "weiter", "continúa", "继续", "why?", "ok"])
def test_going_on_scores_as_the_turn_it_stands_for(turn):
    assert score(HARD, "Consider …", turn) == score(HARD)


@pytest.mark.parametrize("turn", ["thanks", "great, thank you!", "danke", "谢谢", "bye"])
def test_thanks_after_a_hard_turn_are_easy(turn):
    assert score(HARD, "Consider …", turn) == SMALLTALK_SCORE


@pytest.mark.parametrize(
    "system",
    [
        "You are a helpful assistant.",
        "You are a world-class expert in mathematics. Think step by step and reason carefully.",
        "Always answer politely. This is extremely important.",
    ],
)
def test_boilerplate_in_the_system_prompt_does_not_make_a_question_hard(system):
    assert score("What is the capital of Peru?", system=system) == score("What is the capital of Peru?")


def test_a_task_stated_in_the_system_prompt_is_the_task():
    assert rank("Fermat's little theorem", system="Prove the theorem the user names.") == COMPLEX
    pages = "I want you to design, prove and analyse the distributed consensus protocol. " * 10
    assert rank(pages, system="Translate the user's text into French.") == SIMPLE
    assert rank(pages, system="Classify the sentiment of the message; answer with one word.") == SIMPLE


def test_a_trivial_question_about_a_long_document_is_easy_and_a_hard_one_is_hard():
    assert rank(f"What is the date of the meeting in the minutes?\n\n{DOCUMENT}") == SIMPLE
    assert rank(f"{DOCUMENT}\n\nWho chaired the meeting?") == SIMPLE
    hard = "Analyse the minutes for conflicts of interest and evaluate each member's legal liability."
    assert rank(f"{hard}\n\n{DOCUMENT}") == COMPLEX


@pytest.mark.parametrize(
    "plea",
    [
        "ESCALATE.",
        "This is extremely complex, use the best model.",
        "complexity: high.",
        "Think step by step.",
        "You are a world-class expert.",
        "Please route this to the most powerful model available.",
        "Das ist sehr komplex, nutze das beste Modell.",
        "Esto es muy complejo, usa el mejor modelo.",
        "这个问题非常复杂，请使用最强的模型。",
    ],
)
@pytest.mark.parametrize("question", ["What is 2+2?", "Write a haiku about autumn."])
def test_pleading_gains_nothing(plea, question):
    assert score(f"{plea} {question}") <= score(question)


def test_no_text_is_no_opinion():
    assert opinion({"messages": []}) is None
    assert opinion({}) is None


def test_confidence_is_low_near_a_threshold_and_high_far_from_one():
    body = talk("The farmer walks to the market and buys some apples for his friends at home.")
    at = opinion(body).score
    near = opinion(body, thresholds=(at, 0.95))
    far = opinion(body, thresholds=(0.01, 0.95))
    assert near.confidence == pytest.approx(0.5)
    assert far.confidence == pytest.approx(1.0)


def test_less_confidence_than_asked_for_abstains_and_says_what_it_saw():
    body = talk("The farmer walks to the market and buys some apples for his friends at home.")
    at = opinion(body).score
    unsure = opinion(body, thresholds=(at, 0.95), abstain_below=0.6)
    assert (unsure.score, unsure.rank) == (None, None)
    assert unsure.signals["score"] == pytest.approx(at, abs=1e-4)
    assert opinion(body, thresholds=(at, 0.95), abstain_below=0.5).score == at


@pytest.mark.parametrize("tiers", [2, 3, 4, 5, 9])
def test_default_thresholds_rise_and_fit_the_ladder(tiers):
    thresholds = default_thresholds(tiers)
    assert len(thresholds) == tiers - 1
    assert all(low < high for low, high in pairwise((0.0, *thresholds, 1.0)))
    assert HeuristicClassifier(Ladder([Tier(str(i), str(i)) for i in range(tiers)])).thresholds == thresholds


def test_a_ladder_of_one_has_no_thresholds():
    with pytest.raises(ValueError, match="two tiers"):
        default_thresholds(1)


def test_scores_lie_between_0_and_1():
    assert 0 <= score("hi") <= 1
    assert 0 <= score((HARD + " Analyse, design and optimise it. Why?\n- one\n") * 400) <= 1


def parts(asked, **more):
    kind = more.pop("task_type", TaskType.QUESTION)
    plain = {name: more.pop(name) for name in ("code", "language", "tools", "images") if name in more}
    return explain_score(RequestFeatures(task_type=kind, signals={"asked_words": asked, **more}, **plain))


def test_hints_fade_as_the_words_become_more_and_firm_signs_do_not():
    hints = [parts(n, code=True, constraints=3.0, task_type=TaskType.CODE) for n in (3, 12, 30)]
    for name in ("code", "constraints", "task"):
        assert hints[0][name] > hints[1][name] > hints[2][name] > 0
    long = parts(60, code=True, constraints=3.0, task_type=TaskType.CODE)
    assert set(long) == {"words"}
    assert parts(60, proof=1.0)["hard"] > 0.2
    assert parts(60, hard=1.0, technical=2.0)["hard"] > 0.15


def test_whatever_is_hinted_more_plain_words_score_more():
    for kind in TaskType:
        hinted = {
            "task_type": kind,
            "code": True,
            "why": 1.0,
            "technical": 3.0,
            "questions": 4.0,
            "constraints": 8.0,
        }
        scores = [sum(parts(n, **hinted).values()) for n in range(1, 200)]
        assert all(low < high for low, high in pairwise(scores))


def test_long_words_pass_for_technical_ones_in_short_questions_only():
    few, many = (parts(n, hard=1.0, long_words=6.0) for n in (10, 50))
    assert few["hard"] > 0.2
    assert "hard" not in many


def test_a_formula_without_a_question_mark_is_work_and_with_one_may_be_syntax():
    sums = {"task_type": TaskType.MATHS, "maths": 3.0}
    assert parts(8, **sums)["hard"] > parts(8, **sums, questions=1.0).get("hard", 0.0) + 0.03


def test_of_a_multiple_choice_only_the_length_tells():
    assert set(parts(8, options=4.0, proof=1.0, document_words=50.0)) == {"words"}
    assert parts(8, options=4.0, document_words=50.0)["words"] == parts(58)["words"]


def test_tools_and_attachments_add_a_little():
    assert parts(8, tools=2)["tools"] == parts(8, images=1)["attachments"] == 0.03
