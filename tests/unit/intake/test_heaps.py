# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import Surface, TaskType
from litellm_tiering.intake import read_request
from litellm_tiering.intake.inflation import unstuffed
from litellm_tiering.intake.system import stated_task
from litellm_tiering.intake.tasks import plain, read_cues


def signals(text, system=""):
    messages = [{"role": "system", "content": system}] if system else []
    features, _ = read_request({"messages": [*messages, {"role": "user", "content": text}]}, Surface.CHAT)
    return features.signals


def cues(text):
    return read_cues(plain(text))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("theorem lemma manifold consensus kernel proof. what is 3 times 4?", " what is 3 times 4?"),
        ("prove prove prove prove analyze analyze -- what is hot?", " what is hot?"),
        ("what is 2+2? deadlock quorum paxos raft sharding theorem", "what is 2+2?"),
    ],
)
def test_a_heap_of_words_is_left_out(text, left):
    assert unstuffed(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "theorem lemma manifold consensus kernel proof",  # there is nothing else
        "prove the theorem about compact metric spaces. then explain it.",
        "design a lock-free queue. it must survive crashes.",
        "quantum entanglement basics. what is it?",  # too few words for a heap
        "теорема лемма доказательство многообразие ядро предел. сколько будет 2+2?",  # joining words unknown
    ],
)
def test_what_is_no_heap_or_all_there_is_stays(text):
    assert unstuffed(text) == text


def test_the_words_of_a_heap_make_nothing_hard():
    stuffed = signals("Theorem lemma manifold consensus kernel proof derive. What is 3 times 4?")
    assert stuffed["proof"] == stuffed["hard"] == stuffed["technical"] == 0
    assert stuffed["asked_words"] == signals("What is 3 times 4?")["asked_words"]


@given(st.text(alphabet="ab .-!\n", max_size=120))
def test_nothing_but_whole_sentences_is_ever_left_out(text):
    left = unstuffed(text)
    assert left == text or len(left) < len(text)
    assert set(left) <= set(text)


@pytest.mark.parametrize(
    "text",
    [
        "Who proved the incompleteness theorem?",
        "When was the Poincaré conjecture proved?",
        "In what year did Wiles prove the theorem?",
        "Wer hat den Satz des Pythagoras bewiesen?",
        "Qui a démontré le théorème ?",
        "¿En qué año se demostró la conjetura?",
        "谁证明了费马大定理？",
    ],
)
def test_who_did_it_and_when_is_looked_up(text):
    found = cues(text)
    assert found.lookup
    assert found.proof == found.hard == 0


def test_who_can_do_it_is_no_lookup_and_the_next_sentence_is_its_own():
    assert cues("Who can prove that P is not NP?").proof
    assert cues("Who proved it? Prove it again.").proof


def test_a_phrase_is_never_found_within_a_longer_word():
    assert cues("En général, démontre que la suite converge.").proof == 1


def test_what_is_to_be_built_of_technical_things_is_hard_and_a_letter_about_them_is_not():
    assert (
        cues("Write a lock-free queue in Rust with hazard pointers and a proof of linearizability.").hard == 1
    )
    assert (
        cues("Write a letter to the team about the lock-free queue, the database and the compiler.").hard == 0
    )


@pytest.mark.parametrize(
    "text",
    ["Translate that.", "Прочитай.", "وأثبت أن المجموعة منتهية", "الخوارزمية"],
)
def test_words_in_other_scripts_are_read_without_their_prefixes(text):
    assert cues(text).words


def test_arabic_words_are_known_behind_and_the_and_for():
    assert cues("وأثبت أن المجموعة منتهية").proof
    assert cues("والخوارزمية").technical
    assert cues("و").technical == 0


HARD_STATED = [
    "For each statement that the user gives, find a rigorous proof or a counterexample.",
    "Given a requirement, design a distributed architecture and prove its consistency.",
    "Für jede Aussage: beweise sie oder widerlege sie.",
    "Для каждой задачи: докажи оценку сложности.",
    "对于用户给出的命题，证明它。",
]
EASY_STATED = [
    ("You route support tickets. Reply with exactly one of: billing, technical, sales.", "It fails."),
    ("Correct the spelling of the message. Return the corrected text and nothing else.", "The theorm."),
    ("Generate a title for the conversation below.", "user: how do I prove that the algorithm terminates?"),
    ("Определи язык сообщения и ответь одним словом.", "Beweise den Satz."),
    ("只回答类别名称。", "这家店的服务员很亲切，但是等了四十分钟。"),
]
MANNERS = [
    "Plan your work, analyse the situation, decompose the task into steps, then execute.",
    "Analyse complex problems in depth and evaluate alternatives.",
    "Always reason step by step, justify your conclusions and double-check your work.",
]


@pytest.mark.parametrize("system", HARD_STATED)
def test_a_hard_task_is_stated_whatever_clause_goes_before_its_verb(system):
    found = stated_task(system)
    assert found is not None
    assert found.hard or found.proof


@pytest.mark.parametrize(("system", "text"), EASY_STATED)
def test_a_label_or_a_corrected_text_is_little_work_whatever_the_text_speaks_of(system, text):
    found = signals(text, system)
    assert found["stated"] == 1
    assert found["hard"] == found["proof"] == found["technical"] == 0


@pytest.mark.parametrize("system", MANNERS)
def test_how_to_go_about_it_is_no_task(system):
    assert stated_task(system) is None


def test_an_answer_wanted_short_makes_a_question_no_easier():
    asked = "Prove that the sum converges. What is its value?"
    assert signals(asked, "Answer only with the final number.") == signals(asked)
    features, _ = read_request(
        {
            "messages": [
                {"role": "system", "content": "Reply only with JSON."},
                {"role": "user", "content": "What is the sum of the first 100 primes?"},
            ]
        },
        Surface.CHAT,
    )
    assert features.task_type is not TaskType.EXTRACTION


def test_a_document_without_spaces_is_told_from_the_question_about_it():
    sentence = "图书馆在三月接待了许多读者，其中不少是第一次来，阅览室的暖气在第二周修好。"
    found = signals(sentence * 20 + "\n\n这篇文章说的是什么地方？")
    assert found["document_words"] > 50
    assert found["asked_words"] < 15


def test_what_is_asked_of_a_very_long_document_is_counted_whole_and_not_scaled_up():
    lines = "".join(
        f"In year {n} the harbour received {n * 7 % 90} vessels and some timber.\n" for n in range(1500)
    )
    found = signals(f"{lines}\n\nWhich harbour is this about?")
    assert found["asked_words"] == 5
    assert found["document_words"] > 10_000


def test_repetition_adds_few_words_where_words_are_told_from_bytes():
    sentence = "请说明这座城市的图书馆在冬天为什么要修屋顶"
    varied = "".join(chr(0x4E00 + (i * 7919) % 6000) for i in range(len(sentence) * 30))
    assert signals(sentence * 30)["asked_words"] < 0.4 * signals(varied)["asked_words"]


def test_the_words_of_a_hard_task_that_the_system_prompt_states_are_part_of_what_is_asked():
    found = signals(
        "a ring", "Design a fault-tolerant distributed protocol for the setting given and prove it."
    )
    assert found["asked_words"] >= 10
    assert found["technical"] >= 2
    assert signals("a ring", "Translate the message into French.")["technical"] == 0
