"""How the simulated models fare: which questions are hard, and who answers them well."""

from __future__ import annotations

import collections
import json

import jsonschema
import pytest

from litellm_tiering.testing.provider import MODELS, is_hard
from litellm_tiering.testing.provider.facts import sum_in
from litellm_tiering.testing.provider.fill import Hints, fill
from litellm_tiering.testing.provider.hardness import outcome_of
from litellm_tiering.testing.provider.mind import think
from litellm_tiering.testing.provider.prose import REFUSAL, topic_of
from litellm_tiering.testing.provider.shapes import Ask, Tool


def answer(model, said, **more):
    return think(Ask(model, said, prompt_tokens=1, **more)).choices[0]


@pytest.mark.parametrize(
    ("question", "hard"),
    [
        ("What is the capital of France?", False),
        ("Hello!", False),
        ("What is 2 + 2?", False),
        ("What is 7 * 12?", False),
        ("What is 17 * 23?", True),
        ("What is 17 times 23?", True),
        ("What is 123456 + 1?", True),
        ("Prove that there are infinitely many primes.", True),
        ("Please refactor this.", True),
        ("Write a Python function that sorts.", True),
        ("```x = 1```", True),
        ("word " * 79, False),
        ("word " * 81, True),
        ("Hello! [[hard]]", True),
        ("Prove it. [[easy]]", False),
        ("[[easy]] first counts [[hard]]", False),
    ],
)
def test_what_is_hard(question, hard):
    assert is_hard(question) is hard


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("What is 17 * 23?", "391"),
        ("17 times 23", "391"),
        ("12 \N{MULTIPLICATION SIGN} 12", "144"),
        ("2 + 3 * 4 - 1", "13"),
        ("10 divided by 4", "2.5"),
        ("1 / 3", "0.333333"),
        ("0.5 + 0.25", "0.75"),
        ("100 - 250", "-150"),
        ("8 / 0", None),
        ("on 2024-01-05", None),
        ("pages 3/4", None),
        ("room 12", None),
    ],
)
def test_sums_are_worked_out_exactly(question, result):
    total = sum_in(question)
    assert (total and total.result) == result


def test_easy_questions_are_answered_well_by_all():
    for model in MODELS:
        assert "Paris" in answer(model, "What is the capital of France?").text
        assert answer(model, "What is 2 + 2?").text.startswith("2 + 2 = 4")
    small, large = (answer(m, "What is the capital of France?") for m in ("sim-small", "sim-large"))
    assert small.tokens < large.tokens


def test_hard_questions_separate_the_models():
    questions = [f"Question {i} [[hard]]" for i in range(400)]
    fates = {m: collections.Counter(outcome_of(m, q, json=False) for q in questions) for m in MODELS}
    assert fates["sim-large"] == fates["sim-large-b"] == {"good": 400}
    assert fates["sim-small"] == fates["sim-small-b"]
    assert set(fates["sim-small"]) == {"refuses", "wrong", "stops"}
    assert min(fates["sim-small"].values()) > 90
    assert 60 < 400 - fates["sim-medium"]["good"] < 140
    assert outcome_of("a-model-nobody-knows", questions[0], json=False) == "good"


def test_failures_look_like_failures():
    by_fate = {outcome_of("sim-small", q := f"Question {i} [[hard]]", json=False): q for i in range(50)}
    assert answer("sim-small", by_fate["refuses"]).text == REFUSAL
    assert answer("sim-small", by_fate["stops"]).finish == "length"
    unsure = answer("sim-small", by_fate["wrong"])
    assert unsure.text != answer("sim-small-b", by_fate["wrong"]).text
    assert unsure.mean_logprob < -1 < answer("sim-large", by_fate["wrong"]).mean_logprob


def test_a_wrong_sum_is_never_the_right_one():
    wrong = 0
    for a in range(11, 61):
        said = f"What is {a} * 23?"
        assert answer("sim-large", said).text == f"{a} * 23 = {a * 23}."
        if outcome_of("sim-small", said, json=False) == "wrong":
            wrong += 1
            claimed = int(answer("sim-small", said).text.partition(" = ")[2])
            assert claimed != a * 23
            assert abs(claimed - a * 23) < 10
    assert wrong > 5


def test_the_small_model_breaks_the_arguments_of_some_hard_calls():
    tools = (Tool("get_weather", schema={"properties": {"city": {"type": "string"}}}),)
    kept = collections.Counter()
    for i in range(40):
        call = answer("sim-small", f"Weather in Oslo, {i} [[hard]]", tools=tools).call
        kept[call.arguments == '{"city": "Oslo"}'] += 1
        good = answer("sim-large", f"Weather in Oslo, {i} [[hard]]", tools=tools).call
        assert json.loads(good.arguments) == {"city": "Oslo"}
    assert set(kept) == {True, False}


def test_answers_are_the_same_every_time_and_repeat_only_a_few_words():
    question = "Tell me about " + " ".join(f"secret{i}" for i in range(50))
    one, two = (answer("sim-large", question) for _ in range(2))
    assert one == two
    assert sum(f"secret{i} " in one.text + " " for i in range(50)) <= 4
    assert len(topic_of(question)) <= 40
    assert "[[" not in answer("sim-large", "Tell me about [[hard]] [[fault:slow=1]] tides").text


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 7}},
            "required": ["n"],
        },
        {"type": ["null", "string"], "maxLength": 4},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"const": 3}}}], "type": "object"},
        {"oneOf": [{"type": "array", "items": {"type": "boolean"}, "minItems": 3}, {"type": "string"}]},
        {"type": "string", "format": "date"},
        {"enum": [1, 2]},
        {},
    ],
)
def test_filled_in_json_fits_its_schema(schema):
    jsonschema.validate(fill(schema, Hints("What about 99?", "an answer")), schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {
            "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}},
            "required": ["a", "b", "c"],
        },
        {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9, "items": {}}},
        {"type": "string", "minLength": 10**12},
        {"type": "number", "minimum": float("inf")},
        {"type": "integer", "minimum": float("inf")},
        {"type": "integer", "minimum": float("nan")},
        {"type": 7, "properties": [], "required": "all", "enum": {}, "anyOf": 3, "allOf": [4]},
    ],
)
def test_no_schema_is_too_strange_to_answer(schema):
    made = json.dumps(fill(schema, Hints("", "an answer")))
    assert len(made) < 2_000_000
