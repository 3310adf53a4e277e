# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.intake import read_request
from litellm_tiering.intake.turns import TurnKind, kind_of, set_aside

HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."


def talk(*turns: str) -> dict:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(turns)]}


FOLLOW_UPS = [
    "go on",
    "Continue.",
    "and?",
    "ok",
    "Yes please!",
    "more",
    "why?",
    "try again",
    "keep going…",
    "?",
    "...",
    "no",
    "ok, go on",
    "thanks, now continue",
    "that's wrong",
    "do it",
    "weiter",
    "Mach weiter, bitte",
    "warum?",
    "nochmal",
    "continuez",
    "la suite",
    "vas-y",
    "pourquoi ?",
    "continúa",
    "sigue",
    "¿y luego?",
    "¿por qué?",
    "sì",
    "vai avanti",
    "perché?",
    "prossiga",
    "e depois?",
    "mais",
    "ga door",
    "kontynuuj",
    "fortsätt",
    "devam et",
    "продолжай",
    "дальше",
    "почему?",
    "继续",
    "请继续",
    "然后呢？",
    "好的，继续吧",
    "続けてください",
    "続き",
    "なぜ？",
    "계속해줘",
    "왜?",
    "أكمل",
    "जारी रखें",
]
SMALLTALK = [
    "thanks",
    "Thank you so much!",
    "great, thank you",
    "hello",
    "Hi there!",
    "ok thanks",
    "bye",
    "no thanks",
    "👍",
    "perfect",
    "Thanks again :)",
    "Perfect, that's all for now, have a nice day!",
    "good morning",
    "yes, thank you",
    "danke",
    "Vielen Dank für deine Hilfe!",
    "tschüss",
    "guten Morgen",
    "merci beaucoup",
    "bonjour",
    "au revoir",
    "gracias",
    "muchas gracias por tu ayuda",
    "hola",
    "grazie mille",
    "ciao",
    "obrigado",
    "muito obrigada",
    "bom dia",
    "dank je wel",
    "dziękuję",
    "tack så mycket",
    "teşekkürler",
    "спасибо большое",
    "привет",
    "谢谢",
    "你好",
    "再见",
    "太好了，谢谢你的帮助",
    "ありがとうございました",
    "こんにちは",
    "감사합니다",
    "안녕하세요",
    "شكرا جزيلا",
    "धन्यवाद",
]
QUESTIONS = [
    "What is the capital of France?",
    "hello world in Rust",
    "continue the story with a dragon",
    "thanks to whom did Rome fall?",
    "more than 3 primes below 10?",
    "why is the sky blue?",
    "Mach weiter mit Kapitel drei und kürze es",
    "🚀🎯",
    "x",
    "42",
    "继续写一个关于龙的故事",
    "谢谢怎么用英语说",
    "続きを英語に訳して",
    "gracias en inglés",
    "Danke-Karte schreiben",
    "спасибо по-английски",
    "yes or no: is 7 prime?",
]


@pytest.mark.parametrize("turn", FOLLOW_UPS)
def test_a_turn_that_only_asks_to_go_on_inherits_the_question(turn):
    features, prompt = read_request(talk(HARD, "Consider …", turn), Surface.CHAT)
    assert features.follow_up
    assert not features.smalltalk
    assert prompt.question == HARD


@pytest.mark.parametrize("turn", SMALLTALK)
def test_thanks_after_a_hard_question_are_a_question_of_their_own(turn):
    features, prompt = read_request(talk(HARD, "Consider …", turn), Surface.CHAT)
    assert features.smalltalk
    assert not features.follow_up
    assert prompt.question == turn


@pytest.mark.parametrize("turn", QUESTIONS)
def test_a_turn_that_asks_for_something_is_the_question(turn):
    features, prompt = read_request(talk(HARD, "Consider …", turn), Surface.CHAT)
    assert not features.follow_up
    assert not features.smalltalk
    assert prompt.question == turn


def test_go_on_looks_past_thanks_and_other_go_ons():
    features, prompt = read_request(talk(HARD, "…", "thanks", "welcome", "go on", "…", "and?"), Surface.CHAT)
    assert features.follow_up
    assert prompt.question == HARD


def test_go_on_with_nothing_before_it_is_all_there_is():
    features, prompt = read_request(talk("go on"), Surface.CHAT)
    assert not features.follow_up
    assert prompt.question == "go on"


def test_go_on_where_the_provider_keeps_the_conversation_has_no_question():
    body = {"input": "go on", "previous_response_id": "resp_1"}
    features, prompt = read_request(body, Surface.RESPONSES)
    assert features.follow_up
    assert prompt.question == ""


def test_a_long_turn_is_a_question_whatever_it_begins_with():
    assert kind_of("thanks " * 30) is TurnKind.QUESTION


@pytest.mark.parametrize(
    ("turn", "own"),
    [
        ("<system-reminder>Prove it all.</system-reminder>\nfix the typo", "fix the typo"),
        ("fix the typo\n<system-reminder>\nplan\n</system-reminder>", "fix the typo"),
        ("<env>a</env><env>b</env>hi there<system-reminder>x</system-reminder>", "hi there"),
        ("<system-reminder>only this</system-reminder>", ""),
        ("<environment_details>\n# files\na.py\n</environment_details>\nrename a.py", "rename a.py"),
        ("<additional_data>x</additional_data><user_query>\nwhat is this?\n</user_query>", "what is this?"),
        (
            "<system-reminder>never closed, so the user's own",
            "<system-reminder>never closed, so the user's own",
        ),
        ("what does <div> mean?", "what does <div> mean?"),
        ("[Request interrupted by user]", ""),
        ("Tool result: 300 lines", ""),
        ("<env>x</env>[Request interrupted by user]", ""),
        ("OBSERVATION: exit code 0", ""),
    ],
)
def test_what_a_harness_wrote_is_set_aside(turn, own):
    assert set_aside(turn).strip() == own


def test_a_block_at_the_end_of_a_very_long_turn_is_set_aside():
    turn = "word " * 30_000 + "<system-reminder>Prove things.</system-reminder>"
    assert set_aside(turn).endswith("word ")


def test_a_turn_that_only_a_harness_wrote_is_not_the_question():
    body = talk("rename the file", "done", "<system-reminder>Design a distributed system.</system-reminder>")
    features, prompt = read_request(body, Surface.CHAT)
    assert prompt.question == "rename the file"
    assert not features.follow_up


def test_tool_results_are_not_user_turns_on_any_surface():
    chat = {
        "messages": [
            {"role": "user", "content": "list the files"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"function": {"name": "ls", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "Prove the Riemann hypothesis " * 50},
        ]
    }
    messages = {
        "messages": [
            {"role": "user", "content": "list the files"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "1", "name": "ls", "input": {"p": "."}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "1", "content": "Prove it " * 50}],
            },
        ]
    }
    responses = {
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "list the files"}]},
            {"type": "function_call", "name": "ls", "arguments": "{}", "call_id": "1"},
            {"type": "function_call_output", "call_id": "1", "output": "Prove it " * 50},
        ]
    }
    for body, surface in (
        (chat, Surface.CHAT),
        (messages, Surface.MESSAGES),
        (responses, Surface.RESPONSES),
    ):
        features, prompt = read_request(body, surface)
        assert prompt.question == "list the files"
        assert (features.turns, features.tool_results, features.messages) == (1, 1, 3)
        assert features.prompt_tokens > 80


CODEX = (
    "# AGENTS.md instructions for /home/me/repo\n\n<INSTRUCTIONS>\nProve every theorem; refactor boldly.\n"
    "</INSTRUCTIONS>\n<environment_context>\n  <cwd>/home/me/repo</cwd>\n</environment_context>"
)


def test_what_codex_writes_before_the_users_first_turn_is_set_aside():
    assert set_aside(CODEX) == ""
    assert set_aside(f"{CODEX}\nList the files.") == "List the files."
    assert set_aside("<turn_aborted>\nThe user interrupted.\n</turn_aborted>") == ""


def test_instructions_of_the_users_own_are_no_harness_text():
    own = "<INSTRUCTIONS>Prove it.</INSTRUCTIONS> Begin with 2."
    assert set_aside(own) == own
    assert set_aside(f"{CODEX}\n{own}") == own
