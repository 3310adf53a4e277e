"""What answers come to once their wording is taken away: tables of what is the same and what is not."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.gates import canonical_compare
from litellm_tiering.gates.canonical import boxed, choice, label, said_value, whole_choice
from litellm_tiering.gates.canonical_compare import FORMS, Compared, compare, final_number, same_text
from litellm_tiering.gates.canonical_numbers import numbers, only_number

# ---------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18),
        ("$18", 18),
        ("-7", -7),
        ("\u22127", -7),
        ("-$5", -5),
        ("$-5", -5),
        ("1,234.50", Fraction("1234.5")),
        ("1.234,50 \u20ac", Fraction("1234.5")),
        ("1.234.567", 1_234_567),
        ("12,345", 12_345),
        ("12,5", Fraction("12.5")),
        ("1 500", None),
        ("1\u202f500", 1500),
        ("1'500", 1500),
        ("3/4", Fraction(3, 4)),
        ("2 1/2", Fraction(5, 2)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"\dfrac34", Fraction(3, 4)),
        (r"$\frac{1}{3}$", Fraction(1, 3)),
        ("6.02 \u00d7 10^23", 602 * 10**21),
        (r"1.5 \times 10^{-2}", Fraction("0.015")),
        ("1e3", 1000),
        ("5%", 5),
        ("750 miles per hour", 750),
        (".5", Fraction(1, 2)),
        ("x = 12", 12),
        ("3 + 4 = 7", 7),
        ("seven", 7),
        ("H2O", None),
        ("1/0", None),
        ("9" * 41, None),
        ("1e999", None),
        ("between 3 and 4", None),
        ("none", None),
        ("", None),
        ("12 " * 200, None),
    ],
)
def test_what_number_a_short_text_is(text, value):
    found = only_number(text)
    assert (None if found is None else found.value) == value


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("45", "45.00"),
        ("$45", "45 dollars"),
        ("45", "$45.00"),
        ("1,000", "1000"),
        ("0.5", "1/2"),
        ("3.33", "10/3"),
        ("3.33", "3.3333"),
        ("12%", "12"),
        ("12%", "0.12"),
        ("750", "750 miles per hour"),
        ("750 mph", "750 miles"),
        ("5 hours", "5 hrs"),
        ("18 eggs", "18"),
        ("1/3", "0.3"),
        ("three", "3"),
    ],
)
def test_numbers_that_say_the_same(one, two):
    assert same_text(one, two) is True
    assert same_text(two, one) is True


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("45", "54"),
        ("45", "-45"),
        ("4", "3.6"),
        ("3.33", "3.34"),
        ("5 hours", "5 minutes"),
        ("5 km", "5 miles"),
        ("$5", "\u20ac5"),
        ("12%", "0.13"),
        ("1,000", "1.5"),
        ("10 cents", "10 dollars"),
    ],
)
def test_numbers_that_do_not(one, two):
    assert same_text(one, two) is False
    assert same_text(two, one) is False


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_numbers(text):
    for number in numbers(text):
        assert number.same(number)


@given(st.integers(-(10**12), 10**12))
def test_a_whole_number_is_itself_however_its_thousands_are_set_apart(value):
    plain = only_number(str(value))
    assert plain is not None
    assert plain.value == value
    assert only_number(f"{value:,}").value == value


# ---------------------------------------------------------------------- choices


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is (B).", "B"),
        ("The answer is B", "B"),
        ("the answer is: C.", "C"),
        ("Answer: **D**", "D"),
        ("**Answer: A**", "A"),
        ("The correct option is (E) Paris", "E"),
        (r"Final Answer: The final answer is $\boxed{J}$", "J"),
        (r"\boxed{\text{(A)}}", "A"),
        ("B", "B"),
        ("(B)", "B"),
        ("B) Paris", "B"),
        ("B. Paris", "B"),
        ("**C**", "C"),
        ("Option B", "B"),
        ("First I thought the answer is (A). But no: the answer is (C).", "C"),
        ("Die richtige Antwort ist B.", "B"),
        ("La r\u00e9ponse est (D)", "D"),
        ("La respuesta es: A", "A"),
        ("\u7b54\u6848\u662f B\u3002", "B"),
        ("\u7b54\u6848\uff1aC", "C"),
        ("The answer is a dog.", None),
        ("The answer is Berlin", None),
        ("The answer is I think unclear", None),
        ("A dog walked into a bar and did not order anything at all.", None),
        ("I", "I"),
        ("A cat", None),
        ("K", None),
        ("The answer is 12", None),
        ("", None),
        ("Be brief", None),
    ],
)
def test_which_choice_a_text_settles_on(text, letter):
    assert choice(text) == letter


def test_only_a_short_text_is_a_choice_as_a_whole():
    assert whole_choice("B) " + "word " * 60) is None


def test_a_box_that_is_never_closed_is_none():
    assert boxed(r"so \boxed{12") is None
    assert boxed(r"so \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"


# ---------------------------------------------------------------------- labels and what is stated


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Positive", "positive"),
        ("  **Positive.** ", "positive"),
        ('"positive"', "positive"),
        ("The United States", "united states"),
        ("\uff30\uff21\uff32\uff29\uff33", "paris"),
        ("", None),
        ("...", None),
        ("one two three four five six seven", None),
        ("x" * 81, None),
        ("x" * 1000, None),
    ],
)
def test_a_label_in_one_spelling(text, plain):
    assert label(text) == plain


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("So the answer is 42.", "42."),
        ("blah\n#### 72", "72"),
        (r"thus \boxed{7}", "7"),
        ("I do not know.", None),
    ],
)
def test_what_a_text_says_its_answer_is(text, stated):
    assert said_value(text) == stated


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("She has 3 + 4 = 7 apples.", 7),
        ("3 apples.\nThen 4 more.\n\nSo she has 7 apples.", 7),
        ("The answer is 1,200 dollars.", 1200),
        ("10 - 3 = 7\n#### 7", 7),
        (r"Hence the total is $\boxed{96}$ in 3 days", 96),
        ("no number here", None),
    ],
)
def test_the_number_that_a_text_ends_on(text, value):
    found = final_number(text)
    assert (None if found is None else found.value) == value


# ---------------------------------------------------------------------- two answers


def same(one: str, two: str, *forms: str) -> bool | None:
    return compare(Said(one), Said(two), forms or FORMS).same


JSON_SAME = [
    ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
    ('{"answer": "18"}', '```json\n{"answer": 18}\n```'),
    ('{"answer": "$18"}', '{"answer": "18.00"}'),
    ('{"reasoning": "long and winding", "answer": "7"}', '{"reasoning": "quite otherwise", "answer": 7}'),
    ('{"reasoning": "with\nnewlines", "answer": "7"}', '{"answer": "7"}'),
    ('{"Answer ": "Yes"}', '{"answer": "yes"}'),
    ('{"tags": ["a", "b"]}', '{"tags": ["A", "b"]}'),
    ('{"ok": true}', '{"ok": "True"}'),
    ('{"x": null, "y": 1}', '{"y": 1}'),
    ('{"x": [], "y": 1}', '{"y": 1, "x": ""}'),
    ('{"p": {"q": [1, {"r": 2}]}}', 'Here it is: {"p": {"q": [1.0, {"r": "2"}]}} I hope that helps.'),
    ('{"label": "B", "confidence": 0.9}', '{"label": "B", "confidence": 0.4}'),
    ("[1, 2, 3]", "[1, 2, 3.0]"),
    ("{}", "{ }"),
    ('{"out": "[6, 2, 0, 0, 0, 0, 0, 0, 3]"}', '{"out": "[6,2,0,0,0,0,0,0,3]"}'),
]
JSON_DIFFERENT = [
    ('{"answer": "18"}', '{"answer": "19"}'),
    ('{"a": 1}', '{"a": 1, "b": 2}'),
    ('{"a": 1}', '{"b": 1}'),
    ("[1, 2]", "[2, 1]"),
    ("[1, 2]", "[1, 2, 3]"),
    ('{"ok": true}', '{"ok": false}'),
    ('{"ok": true}', '{"ok": 1}'),
    ('{"a": {"b": 1}}', '{"a": 1}'),
    ('{"a": [1]}', '{"a": {"0": 1}}'),
    ('{"name": "Ada", "note": "x"}', '{"name": "Bob", "note": "x"}'),
    ('{"out": "[6, 2, 0, 0, 0, 0, 0, 0, 3]"}', '{"out": "[6, 2, 0, 0, 0, 0, 0, 3, 0]"}'),
    ('{"out": "{}"}', '{"out": "{1: 38381, 3: 83607}"}'),
    ('{"out": ""}', '{"out": "p"}'),
    ('{"city": "Paris"}', '{"city": "That would be Lyon in the south of the country, I think"}'),
]
JSON_UNKNOWN = [
    ('{"summary": "it was good"}', '{"summary": "it was fine"}'),
    ('{"city": "Paris"}', '{"city": "That would be Paris in the north of the country, I think"}'),
    (
        '{"reply": "Dear customer, we are sorry to hear of your loss."}',
        '{"reply": "Hello! It is a pity that your parcel has gone astray."}',
    ),
]


@pytest.mark.parametrize(("one", "two"), JSON_SAME)
def test_json_that_says_the_same(one, two):
    assert same(one, two, "json") is True
    assert same(two, one, "json") is True


@pytest.mark.parametrize(("one", "two"), JSON_DIFFERENT)
def test_json_that_does_not(one, two):
    assert same(one, two, "json") is False
    assert same(two, one, "json") is False


@pytest.mark.parametrize(("one", "two"), JSON_UNKNOWN)
def test_prose_in_json_is_not_compared(one, two):
    assert same(one, two, "json") is None


def test_json_of_more_values_than_are_compared_is_unknown():
    most = [0] * (canonical_compare.MAX_NODES - 1)  # and the list itself
    assert same(json.dumps(most), json.dumps(most), "json") is True
    assert same(json.dumps([*most, 0]), json.dumps([*most, 0]), "json") is None


def test_prose_beside_fields_is_left_out():
    one = '{"city": "Paris", "why": "because it has been the capital for a very long time"}'
    two = '{"city": "paris", "why": "since the kings of France have always resided there"}'
    assert same(one, two, "json") is True
    assert same(one, two.replace("paris", "Lyon"), "json") is False


def test_an_answer_without_the_json_that_the_other_has_is_lacking():
    assert compare(Said("I can not."), Said('{"a": 1}'), ("json",)) == Compared(None, lacking=True)
    assert compare(Said('{"a": 1}'), Said("I can not."), ("json",)) == Compared(None)


def test_an_answer_that_settles_on_no_choice_is_lacking():
    assert compare(Said("It could be any of"), Said("The answer is (B)."), ("choice",)).lacking
    assert compare(Said("The answer is (B)."), Said("It could be any of"), ("choice",)) == Compared(None)


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [
        ("The answer is (B).", "B) Paris", True),
        ("The answer is (B).", "The answer is (C).", False),
        ("She makes $18 a day.", "The answer is 18", True),
        ("She makes $18 a day.", "16 - 3 - 4 = 9\n9 * 2 = 19", False),
        ("Positive", "positive.", True),
        ("Positive", "negative", False),
        ("The sentiment is: Positive", "positive", True),
        ("Not positive", "positive", False),
        (
            "Once upon a time there was a king who had three sons.",
            "Long ago, a queen lived by the sea.",
            None,
        ),
        ("", "", None),
    ],
)
def test_texts_by_whatever_they_have(one, two, found):
    forms = ("choice", "label") if found is None else FORMS
    assert same(one, two, *forms) is found


def test_a_form_that_was_not_asked_for_is_not_compared():
    assert same("B", "C", "number") is None
    assert same('{"a": 1}', '{"a": 2}', "label") is not True


# ---------------------------------------------------------------------- tool calls


def calls(*made: tuple[str, object]) -> Said:
    written = (ToolCall(name, a if isinstance(a, str) else json.dumps(a)) for name, a in made)
    return Said(tool_calls=tuple(written))


PARIS = ("get_weather", {"city": "Paris", "days": 3})
TOOLS = [
    (calls(PARIS), calls(("get_weather", '{ "days": 3.0,\n"city": "paris" }')), True),
    (calls(PARIS), calls(("get_weather", {"city": "Lyon", "days": 3})), False),
    (calls(PARIS), calls(("get_forecast", {"city": "Paris", "days": 3})), False),
    (calls(PARIS), calls(PARIS, PARIS), False),
    (calls(PARIS), Said("It is sunny."), False),
    (Said("It is sunny."), calls(PARIS), False),
    (calls(PARIS, ("now", "")), calls(("now", {}), PARIS), True),
    (calls(("now", "")), calls(("now", "{}")), True),
    (calls(("now", "{broken")), calls(("now", "{broken")), True),
    (calls(("now", "{broken")), calls(("now", "{}")), False),
    (calls(("f", {"a": None})), calls(("f", {})), True),
    (calls(("f", {"reason": "x"})), calls(("f", {"reason": "y"})), False),
    (
        calls(("mail", {"to": "a@b.c", "body": "Dear Ada, thank you for the letter that you wrote to me."})),
        calls(("mail", {"to": "a@b.c", "body": "Hello Ada! It was so good to hear from you the other day."})),
        True,
    ),
    (Said("text"), Said("text"), None),
]


@pytest.mark.parametrize(("one", "two", "found"), TOOLS)
def test_tool_calls(one, two, found):
    assert compare(one, two, ("tools",)).same is found


# ---------------------------------------------------------------------- hostile answers


def test_an_answer_of_many_values_is_not_compared():
    many = json.dumps(list(range(30_000)))
    assert compare(Said(many), Said(many), ("json",)).same is None


def test_an_answer_that_is_nested_too_deep_is_not_compared():
    deep = "[" * 150 + "1" + "]" * 150
    assert compare(Said(deep), Said(deep), ("json",)).same is None


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_answers_break_the_comparison(one, two):
    found = compare(Said(one), Said(two), FORMS)
    assert found.same in (True, False, None)


@given(st.text(max_size=200))
def test_an_answer_never_differs_from_itself(text):
    assert compare(Said(text), Said(text), FORMS).same is not False


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e3, 1e3) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), json_values, min_size=1, max_size=5))
def test_json_is_the_same_in_any_order_and_spacing(value):
    turned = dict(reversed(list(value.items())))
    one, two = json.dumps(value), json.dumps(turned, indent=3)
    assert compare(Said(one), Said(two), ("json",)).same is not False
