# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request
from litellm_tiering.intake.ellipsis import MAX_CHARS, leans

HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."


def talk(*turns):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(turns)]}


LEANING = [
    "what about n = 2?",
    "I don't get step 3",
    "does that also hold for rings?",
    "can you do the same for graphs?",
    "it still fails",
    "ok, now test it",
    "and the converse?",
    "but what if the leader dies?",
    "why does this work?",
    "und wie geht der andere Fall?",
    "warum gilt dieser Schritt?",
    "et pour n = 2 ?",
    "pourquoi cette étape ?",
    "¿y el otro?",
    "¿por qué vale eso?",
    "e se n for par?",
    "e il passaggio due?",
    "en waarom klopt deze stap?",
    "а если n чётно?",
    "почему этот шаг верен?",
    "第二步为什么成立？",
    "如果n是偶数呢？",
    "それはなぜ成り立つのですか",
    "그럼 짝수는?",
    "وماذا عن الأعداد الزوجية؟",
    "यह चरण क्यों?",
]
ALONE = [
    "what is the capital of France?",
    "why is the sky blue?",
    "who was the last king of France?",
    "Wie heißt das Tier mit dem Rüssel?",
    "Quelle est la capitale du Pérou ?",
    "¿Cuántos días tiene un año?",
    "法国的首都是哪里？",
    "日本の首都はどこですか",
    "translate that into French",
    "summarise it in one sentence",
    "make it shorter",
    "perfect, I'll try that",
    "ok, ich werde das versuchen",
    "把它翻译成英文",
]


@pytest.mark.parametrize("turn", LEANING)
def test_a_turn_that_points_back_is_read_with_the_question_it_stands_on(turn):
    features, prompt = read_request(talk(HARD, "Consider …", turn), Surface.CHAT)
    assert features.follow_up
    assert prompt.question == f"{HARD}\n{turn}"


@pytest.mark.parametrize("turn", ALONE)
def test_a_turn_that_can_stand_alone_does(turn):
    features, prompt = read_request(talk(HARD, "Consider …", turn), Surface.CHAT)
    assert not features.follow_up
    assert prompt.question == turn


@pytest.mark.parametrize("turn", LEANING)
def test_with_nothing_before_it_even_such_a_turn_is_the_question(turn):
    features, prompt = read_request(talk(turn), Surface.CHAT)
    assert not features.follow_up
    assert prompt.question == turn


def test_several_such_turns_stand_on_the_same_question_and_the_latest_is_read():
    body = talk(HARD, "…", "what about 5?", "…", "thanks", "welcome", "and the second step?")
    features, prompt = read_request(body, Surface.CHAT)
    assert features.follow_up
    assert prompt.question == f"{HARD}\nand the second step?"


def test_go_on_after_such_a_turn_stands_for_both():
    features, prompt = read_request(talk(HARD, "…", "what about 5?", "…", "go on"), Surface.CHAT)
    assert features.follow_up
    assert prompt.question == f"{HARD}\nwhat about 5?"


def test_where_nothing_else_was_asked_the_turn_that_leans_is_what_go_on_stands_for():
    features, prompt = read_request(talk("what about that?", "…", "go on"), Surface.CHAT)
    assert features.follow_up
    assert prompt.question == "what about that?"


def test_a_question_in_blocks_gets_the_turn_as_a_block():
    asked = "Summarise the report.\n\nIt says that all is well."
    _, prompt = read_request(talk(asked, "…", "and the second part?"), Surface.CHAT)
    assert prompt.question == f"{asked}\n\nand the second part?"


def test_a_long_turn_or_one_of_several_lines_says_what_it_is_about():
    assert not leans("what about that " + "word " * 40)
    assert not leans("what about this?\nx = 1")
    assert not leans("and " + "x" * MAX_CHARS)


@given(st.text(max_size=200))
def test_whatever_is_written_there_is_an_answer(text):
    assert leans(text) in {True, False}
