"""What is read from prompts, and above all what is not."""

from __future__ import annotations

import pytest
from constraint_phrasings import DEMANDS, TRAPS
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import PromptText
from litellm_tiering.gates.constraints import Demands, Kind, Want, read_demands
from litellm_tiering.gates.constraints.kinds import COUNTED, MANY

TRAPPED = [(kind, prompt) for kind, prompts in TRAPS.items() for prompt in prompts]


def shown(want: Want) -> str:
    """A demand as the table writes it."""
    words = "|".join(want.words)
    if want.kind in COUNTED or want.kind in {Kind.FREQUENCY, Kind.LETTERS}:
        low = str(want.low) if want.low or not want.high else ""
        high = str(want.high) if want.high < MANY else ""
        how = "".join({"about": "~", "markdown": ""}.get(part, part) for part in sorted(want.how.split()))
        return f"{want.kind.value} {low}-{high}{how} {words}".strip()
    if want.kind is Kind.PARAGRAPH_START:
        return f"{want.kind.value} {want.low} {words}"
    how = want.how if want.kind is Kind.JSON else ""
    return " ".join(part for part in (want.kind.value, words, how) if part)


def read(prompt: str) -> list[str]:
    return sorted(shown(want) for want in read_demands(prompt).wants)


def test_there_are_enough_phrasings_and_half_of_them_are_traps():
    every = [prompt for prompt, _ in DEMANDS] + [prompt for _, prompt in TRAPPED]
    assert len(every) == len(set(every)) >= 400
    assert len(TRAPPED) >= len(every) / 2


@pytest.mark.parametrize(("prompt", "expected"), DEMANDS)
def test_a_demand_is_read(prompt, expected):
    assert read(prompt) == sorted(expected.split("; "))


@pytest.mark.parametrize(("kind", "prompt"), TRAPPED)
def test_a_trap_demands_nothing(kind, prompt):
    assert read(prompt) == []


@pytest.mark.parametrize(
    "prompt", [prompt for prompt, _ in DEMANDS if not prompt.startswith(("-", "1.")) and '"' not in prompt]
)
def test_what_is_quoted_demands_nothing(prompt):
    assert read(f'What do you think of this prompt? "{prompt}"') == []


@pytest.mark.parametrize("prompt", [prompt for prompt, _ in DEMANDS if "```" not in prompt])
def test_what_stands_in_a_block_of_code_demands_nothing(prompt):
    assert read(f"Explain what happens here.\n```\n{prompt}\n```\n") == []


def test_the_system_prompt_counts_as_well():
    prompt = PromptText(question="What is a fjord?", system="You are a guide. Answer in at most 40 words.")
    assert [shown(want) for want in read_demands(prompt).wants] == ["words -40"]


def test_question_and_system_prompt_that_contradict_each_other_demand_nothing():
    prompt = PromptText(question="Write at least 300 words on fjords.", system="Use at most 100 words.")
    assert read_demands(prompt) == Demands(dropped=2)


def test_bounds_that_go_together_become_one():
    assert read("Write at least 20 words. Write no more than 60 words.") == ["words 20-60"]
    assert read("Write about 100 words on ferries. Use at most 120 words.") == ["words -120"]


def test_a_demand_behind_a_document_is_read_where_it_speaks_of_the_answer():
    document = "The sea was calm. " * 8
    prompt = f"Summarise the following text:\n\n{document}\n\nYour summary must not exceed 30 words."
    assert read(prompt) == ["words -30"]


def test_of_a_long_question_only_what_asks_is_read():
    document = "The rules say: write at least 500 words and use no commas in your answer. " * 40
    assert read(f"What is this about?\n\n{document}") == []
    assert read(f"{document}\n\nSummarise this in at most 50 words.") == ["words -50"]


def test_the_forms_that_a_prompt_shows_name_the_keys_of_its_json():
    (want,) = read_demands('Answer in JSON format:\n```json\n{"a": 1, "b": [2]}\n```').wants
    assert want.words == ("a", "b")


def test_a_demand_never_shows_its_words():
    (want,) = read_demands('Do not use the word "secret".').wants
    assert want.words == ("secret",)
    assert "secret" not in repr(want)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \n ",
        '"' * 9_000,
        "'a" * 4_000,
        "`" * 9_000,
        "<a>" * 3_000,
        "[" * 9_000,
        "###" * 3_000,
        "### words ### sentences in ###100 words",
        "\ue0000\ue000 \ue00099999999999\ue000 words",
        "at most " * 1_000,
        "use the word " * 700,
        "at least 99999999999999999999 words",
        "at most ²³ words, at least ٣ sentences",
        "\ud800 words \udfff",
        "Do not use " + ", ".join(f'"w{n}"' for n in range(500)),
        "a:\n" * 3_000,
    ],
)
def test_hostile_prompts_are_read_without_a_fault(prompt):
    assert len(read_demands(prompt).wants) <= 64


PIECES = (
    'at most least no more than exactly 3 5 100 two words sentences bullet points paragraphs the word "x" '
    "'y' include do not use avoid commas in German JSON format all caps lowercase start end your answer with "
    "? . , ; : each if should must title *** ### $0 #3 LANG:en NOT"
)
WORDS = st.sampled_from([*PIECES.split(), "\n"])


@given(st.lists(WORDS, max_size=60).map(" ".join))
def test_any_jumble_of_such_words_is_read(prompt):
    demands = read_demands(prompt)
    assert all(want.low <= want.high for want in demands.wants)
    assert read_demands(prompt) == demands


@given(st.text(max_size=300))
def test_any_text_is_read(prompt):
    read_demands(prompt)
