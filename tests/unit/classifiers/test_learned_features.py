from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from learned_kit import subject_of

from litellm_tiering.classifiers import learned_features as lf


def numbers(text: str, **body) -> dict[str, float]:
    subject = subject_of(text, **body)
    short = lf.clipped(subject.prompt.question)
    return dict(zip(lf.NAMES, lf.numbers_of(subject.features, short, lf.tokens_of(short)), strict=True))


def test_words_are_in_lower_case_and_numbers_are_their_length():
    assert lf.tokens_of("Add 7 and 12,500 to X_1!") == [
        b"add",
        b"#1",
        b"and",
        b"#2",
        b"#3",
        b"to",
        b"x_",
        b"#1",
    ]


def test_scripts_without_spaces_fall_apart_into_signs():
    assert lf.tokens_of("证明 素数") == ["证".encode(), "明".encode(), "素".encode(), "数".encode()]
    assert len(lf.tokens_of("Größe é")) == 2


def test_pairs_of_neighbours_count_beside_the_words_and_order_matters():
    one, two = (lf.buckets_of(lf.tokens_of(t), (1 << 16) - 1) for t in ("man bites dog", "dog bites man"))
    assert one.total() == two.total() == 5
    assert len(one & two) == 3
    assert one != two


def test_the_same_word_in_a_system_prompt_is_another_word():
    mask = (1 << 16) - 1
    assert not lf.system_buckets("translate", mask) & lf.buckets_of([b"translate"], mask)


def test_a_long_text_is_read_at_its_head_and_tail():
    text = "a" * 5_000 + "b" * 5_000
    assert lf.clipped(text) == "a" * 2_000 + "\n" + "b" * 2_000
    assert lf.clipped("short") == "short"


def test_use_case_and_tags_name_the_groups():
    metadata = {"use_case": "faq", "tags": ["b", "a"]}
    assert lf.groups_of(subject_of("Hello there", metadata=metadata).features) == [
        "use_case:faq",
        "tag:a",
        "tag:b",
    ]
    assert lf.groups_of(subject_of("Hello there").features) == []


def test_the_numbers_tell_what_a_question_is_made_of():
    found = numbers("Tom has 3 apples and 12 pears. Each costs $2. How many dollars is half of them worth?")
    assert found["words"] == math.log1p(18)
    assert found["number_kinds"] == math.log1p(3)
    assert found["totals"] == found["ratios"] == math.log1p(1)
    assert found["sign:$"] == math.log1p(1)
    assert found["last_sentence"] == math.log1p(8)


def test_a_multiple_choice_tells_the_length_of_its_choices():
    found = numbers("Which of the following is prime?\nA. 4\nB. 15\nC. 7\nD. none of these")
    assert found["option_numbers"] == 0.75
    assert found["option_length"] == math.log1p((1 + 2 + 1 + 13) / 4)
    assert found["option_spread"] > 1
    assert numbers("Which one is prime?")["option_length"] == 0


def test_upper_case_is_counted_in_every_script_that_has_cases():
    assert numbers("ABC def ghi jkl")["upper"] == 3 / 15
    assert numbers("ÄÖÜ def ghi jkl")["upper"] == 3 / 15


def test_what_the_request_demands_is_among_the_numbers():
    plain = numbers("Write a poem about the sea")
    asked = numbers(
        "Write a poem about the sea",
        max_tokens=100,
        response_format={"type": "json_object"},
        tools=[{"type": "function"}],
    )
    assert plain["bounded"] == plain["structured"] == plain["tools"] == 0
    assert 0 < asked["bounded"] < 1
    assert asked["structured"] == 1
    assert asked["tools"] > 0


def test_the_version_changes_when_the_values_do():
    # If this fails, the features have changed: count VERSION up, or undo it. Trained files depend on them.
    found = numbers("Prove that 17 is prime, e.g. by trial division.\nWhy is √17 < 5? (Answer in 2 lines)")
    assert lf.VERSION == 1
    assert len(lf.NAMES) == len(set(lf.NAMES)) == 70
    words = sum(lf.buckets_of(lf.tokens_of("Prove that 17 is prime"), 2047))
    assert (round(sum(v for k, v in found.items() if k in _OF_THE_TEXT), 6), words) == _AS_TRAINED


_OF_THE_TEXT = {
    "upper", "digits", "word_length", "different", "number_kinds", "number_length", "capitalised",
    "last_sentence", "negations", "conditions", "ratios", "comparisons", "totals", "times", "choosing",
    "asking", "reasons", "sign:,", "sign:.", "sign:(", "sign:line",
}  # fmt: skip
_AS_TRAINED = (13.738854, 9303)


@given(st.text(max_size=300))
def test_whatever_the_text_the_numbers_are_finite_and_as_many_as_named(text):
    found = numbers(text)
    assert len(found) == len(lf.NAMES)
    assert all(math.isfinite(v) and v >= 0 for v in found.values())
