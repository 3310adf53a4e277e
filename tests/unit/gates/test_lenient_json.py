from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.gates import lenient
from litellm_tiering.gates.lenient import MAX_CHARS, MAX_DEPTH, Unreadable, parse_json

BARE = '{"a": [1, "two"], "b": null}'
VALUE = {"a": [1, "two"], "b": None}
FENCED = f"```json\n{BARE}\n```"
SOURCES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f"\ufeff{BARE}",
        f"  \n{BARE}\n\n",
        FENCED,
        f"```\n{BARE}\n```",
        f"```JSON {BARE}```",
        f"Sure, here it is:\n\n{FENCED}\n\nI hope that helps!",
        f"Here is the JSON: {BARE}",
        f"{BARE}\n\nLet me know if you need more.",
        f"As in [see above], {{name}} lies in (0, 1] or [0, 1): {BARE}",
        rf"By \frac{{1}}{{2}} and \[ x \] and [1] it is {BARE} (see [2]).",
        f'For example {{"a": 1}}.\n{FENCED}',
        '{"a": [1, "two",], "b": null,}',
        '{"a": [1, "two"], "b": None}',
    ],
)
def test_what_models_write_around_a_value_is_taken_off(text):
    assert parse_json(text) == VALUE
    if text.strip() != BARE:
        with pytest.raises(ValueError):
            parse_json(text, strict=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "one\ntwo\tthree\x01"}', {"a": "one\ntwo\tthree\x01"}),
        (
            r'{"a": "costs \$5, \(x\) \underline{y}, \"q\", \\n"}',
            {"a": r'costs \$5, \(x\) \underline{y}, "q", \n'},
        ),
        ('{"a": "1,] None, }", "b": [True,],}', {"a": "1,] None, }", "b": [True]}),
        (r'{"a": "quoted \\", "b": 1,}', {"a": "quoted \\", "b": 1}),
        ("42", 42),
        ('```json\n"yes"\n```', "yes"),
        ("True", True),
        ("None", None),
        ("[]", []),
        ('{"a": 1, "a": 2}', {"a": 2}),
        # Python's words and commas stand inside strings, beside quotes that end them and quotes that do not.
        (r'{"a": "\", True, ]", "b": True,}', {"a": '", True, ]', "b": True}),
        (r'{"a": "x\\", "b": True,}', {"a": "x\\", "b": True}),
        (r'{"a": "x\\\", None,}", "b": None,}', {"a": 'x\\", None,}', "b": None}),
    ],
)
def test_what_models_write_inside_a_value_is_read(text, value):
    assert parse_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "```json\n```",
        "I cannot do that.",
        "42 apples",
        "no {value} in [here]",
        '{"a": {"b": 1}, "c": "broke off',
        '[{"a": 1}, {"b"',
        '```json\n{"code": "def f(): return {}',
        '{"a" 1, "b": {"c": 2}}',
        '{"a": NaN}',
        '{"a": NaN, "b": {"c": 1}}',
        '{"a": -Infinity}',
        '{"a": "an "inner" quote"}',
        "{'a': 1}",
    ],
)
def test_what_is_broken_is_not_searched_for_a_smaller_value(text):
    with pytest.raises(ValueError) as raised:
        parse_json(text)
    assert not isinstance(raised.value, Unreadable)


@pytest.mark.parametrize(
    "text", ['{"a": 1} x', '{"a": 1,}', "NaN", "[1][2]", '"raw\nline"', "\ufeff{}", "True", "{"]
)
def test_strict_is_the_letter_of_the_rfc(text):
    with pytest.raises(ValueError):
        parse_json(text, strict=True)


@pytest.mark.parametrize(
    ("text", "value"), [(" 1 ", 1), ('"x"', "x"), ("null", None), ("\r\n\t[1e400]", [math.inf])]
)
def test_strict_takes_any_value_with_space_around_it(text, value):
    assert parse_json(text, strict=True) == value


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 10_000 + "]" * 10_000, "too_deep"),
        ('{"a":' * (MAX_DEPTH + 5) + "1" + "}" * (MAX_DEPTH + 5), "too_deep"),
        ("[" + "1" * 5_000 + "]", "too_long"),
        (f'"{"x" * MAX_CHARS}"', "too_long"),
    ],
)
def test_what_cannot_be_read_within_bounds_is_said_so(text, reason, strict):
    with pytest.raises(Unreadable) as raised:
        parse_json(text, strict=strict)
    assert raised.value.reason == reason


def test_many_brackets_at_one_level_are_not_deep():
    assert parse_json(json.dumps([[]] * 1_000)) == [[]] * 1_000


def test_prose_full_of_brackets_costs_a_bounded_number_of_tries(monkeypatch):
    tries = []
    read = lenient._Search._read

    def counting(self, start):
        tries.append(start)
        return read(self, start)

    monkeypatch.setattr(lenient._Search, "_read", counting)
    with pytest.raises(ValueError):
        parse_json("so {x " * 50_000)
    assert len(tries) == lenient.MAX_STARTS


def test_a_broken_value_is_mended_at_most_a_few_times(monkeypatch):
    mended = []
    mend = lenient._mend

    def counting(text):
        mended.append(len(text))
        return mend(text)

    monkeypatch.setattr(lenient, "_mend", counting)
    with pytest.raises(ValueError):
        parse_json("so [,,] " * 1_000)
    assert len(mended) == lenient.MAX_MENDS


@given(value=SOURCES)
def test_whatever_json_writes_is_read_the_same_both_ways(value):
    text = json.dumps(value)
    assert parse_json(text) == value
    assert parse_json(text, strict=True) == value


@given(value=SOURCES.filter(lambda value: isinstance(value, (dict, list))), ascii_only=st.booleans())
def test_a_fence_and_a_sentence_change_nothing(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    assert parse_json(f"Here you are:\n```json\n{text}\n```\nDone.") == value


@given(text=st.text(alphabet=st.sampled_from('{}[]",:\\`\n truefalsnN1.-\ud800\ufeff'), max_size=60))
def test_what_is_strictly_json_is_leniently_the_same(text):
    try:
        value = parse_json(text, strict=True)
    except ValueError:
        with suppress(ValueError):  # any other error is a fault
            parse_json(text)
    else:
        assert parse_json(text) == value
