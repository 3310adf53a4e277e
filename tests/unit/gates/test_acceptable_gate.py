from __future__ import annotations

import json
import math
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.gate import Ruling
from litellm_tiering.errors import BadModel, ConfigError
from litellm_tiering.gates.acceptable import BUILT_IN, AcceptableGate, built_in
from litellm_tiering.gates.acceptable_features import HEAD_CHARS, NAMES, TAIL_CHARS, VERSION, measured, named
from litellm_tiering.gates.acceptable_model import KIND, load, logistic, slots_of
from litellm_tiering.gates.acceptable_result import BOX, FIELD, LETTER, MARK, NONE, NUMBER, SAID, result_of
from litellm_tiering.testing.gates import check_gate, exchange
from litellm_tiering.weights import read, write

QUESTION = "Kylar buys 16 glasses. One costs $5, every second one only 60% of that. How much does he pay?"
GOOD = "Every second glass costs 0.6 * $5 = $3. So 8 * $5 + 8 * $3 = $40 + $24 = $64.\n\nThe answer is $64."
BAD = "I am not sure, but perhaps 16 glasses could cost about 5 * 16 = 90, or maybe less. However, it seems"


@pytest.fixture
def stored():
    """The built-in model's parts, to be changed and written again."""
    found = read(BUILT_IN, KIND)
    return dict(found.header), {name: list(values) for name, values in found.arrays.items()}


@pytest.fixture
def saved(tmp_path):
    def _saved(header, arrays):
        write(tmp_path / "gate.json", KIND, header, arrays)
        return tmp_path / "gate.json"

    return _saved


def test_the_built_in_model_names_its_sources_and_what_it_is_worth():
    header = read(BUILT_IN, KIND).header
    assert header["features"] == VERSION
    assert header["names"] == list(NAMES)
    assert len(header["sources"]) == 6
    assert header["figures"]["auroc_unseen_kind"]["mean"] > 0.68


def test_a_doubtful_answer_is_more_likely_bad_than_a_plain_one():
    gate = AcceptableGate()
    good, bad = (gate.judge(exchange(answer, QUESTION)) for answer in (GOOD, BAD))
    assert good.p_bad < bad.p_bad


def test_the_least_probability_decides():
    p_bad = AcceptableGate().p_bad(exchange(GOOD, QUESTION))
    strict, lax = AcceptableGate(min=1 - p_bad + 0.01), AcceptableGate(min=1 - p_bad - 0.01)
    assert strict.judge(exchange(GOOD, QUESTION)).reason == "unlikely"
    assert strict.judge(exchange(GOOD, QUESTION)).rejects
    assert lax.judge(exchange(GOOD, QUESTION)).ruling is Ruling.ACCEPT
    assert lax.judge(exchange(GOOD, QUESTION)).p_bad == p_bad


@pytest.mark.parametrize("answer", ["", " \n"])
def test_an_answer_without_text_is_not_judged(answer):
    verdict = AcceptableGate().judge(exchange(answer, tool_calls=[("f", "{}")]))
    assert (verdict.ruling, verdict.reason, verdict.p_bad) == (Ruling.ABSTAIN, "no_text", None)


def test_a_broken_instruction_and_a_wrong_sum_make_it_worse():
    gate = AcceptableGate()
    kept, broken = (
        gate.p_bad(exchange(answer, "Describe the harbour. Do not use any commas."))
        for answer in ("The harbour is calm.", "The harbour is calm, and wide.")
    )
    assert broken > kept + 0.1
    right, wrong = (
        named(exchange(f"So 3 + 4 = {total}.", "What is 3 + 4 in total?"))["s_wrong"] for total in (7, 8)
    )
    assert (right, wrong) == (0, 1)


def test_the_largest_number_is_told_by_its_digits_before_the_point():
    assert named(exchange("It costs 1,250.5 in all, or 12.125 each."))["n_largest"] == 4.0
    assert named(exchange("Nobody can say."))["n_largest"] == 0.0


def test_log_probabilities_are_features_where_there_are_any():
    unknown = named(exchange(GOOD))
    assert [unknown[name] for name in ("l_known", "l_mean", "l_low")] == [0.0] * 3
    found = named(exchange(GOOD, logprobs=[-0.1] * 95 + [-5.0] * 5))
    assert (found["l_known"], found["l_low"]) == (1.0, -5.0)
    assert math.isclose(found["l_mean"], -0.345)
    assert all(map(math.isfinite, measured(exchange(GOOD, logprobs=[math.nan, -math.inf, math.inf, 3.0]))))


def test_it_keeps_the_rules_of_gates():
    check_gate(AcceptableGate())


@pytest.mark.parametrize(
    "piece", ["a", " ", "\n", "1", "A. x\n", "\\", "\ud800", "=", '"answer": ', "<<1=1>>", "("]
)
def test_features_are_finite_whatever_the_text(piece):
    found = measured(exchange(piece * 20_000, piece * 20_000))
    assert len(found) == len(NAMES)
    assert all(map(math.isfinite, found))


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_answer_to_any_question_has_a_probability(answer, prompt):
    p_bad = AcceptableGate().p_bad(exchange(answer, prompt))
    assert p_bad is None if not answer.strip() else 0.0 <= p_bad <= 1.0


def test_the_middle_of_a_long_answer_changes_only_its_length():
    head, tail = GOOD + " x" * HEAD_CHARS, " y" * TAIL_CHARS + GOOD
    one, other = (named(exchange(f"{head}{middle}{tail}")) for middle in ("z " * 100, "3 + 4 = 8 " * 20))
    assert one == other


@pytest.mark.parametrize(
    ("answer", "kind", "text", "number", "letter"),
    [
        ('{"reasoning": "3", "answer": "42"}', FIELD, "42", "42", ""),
        ('{"reasoning": "3", "answer": 1,234.5}', FIELD, "1,234.5", "1234.5", ""),
        ("So it is \\boxed{17}.", BOX, "17", "17", ""),
        ("2+2\n#### 64\n", MARK, "64", "64", ""),
        ("Clearly the answer is (C).", LETTER, "C", "", "C"),
        ("First 3. The total cost is $12. Thanks.", SAID, "12. Thanks", "12", ""),
        ("He has 3, then 5", NUMBER, "5", "5", ""),
        ("Nothing.", NONE, "", "", ""),
    ],
)
def test_the_result_is_found_by_its_most_explicit_mark(answer, kind, text, number, letter):
    found = result_of(answer)
    assert (found.kind, found.text, found.number, found.letter) == (kind, text, number, letter)


def test_words_fall_into_slots_whatever_their_case_and_number():
    assert slots_of("Tide tide TIDE", 64) == slots_of("tide", 64)
    assert len(slots_of(" ".join(f"w{i}" for i in range(100_000)), 1 << 16)) < 2_000
    assert slots_of("", 64) == set()


def test_the_curve_never_overflows():
    assert 0.999 < logistic(1e300) <= 1.0
    assert 0.0 <= logistic(-1e300) < 0.001


CHANGES = {
    "other features": lambda h, _: h.update(features=VERSION + 1),
    "other names": lambda h, _: h.update(names=["x", *h["names"][1:]]),
    "no names": lambda h, _: h.pop("names"),
    "no slope": lambda h, _: h.pop("slope"),
    "a slope below zero": lambda h, _: h.update(slope=-1.0),
    "a slope that is text": lambda h, _: h.update(slope="steep"),
    "an offset out of range": lambda h, _: h.update(offset=1e9),
    "a mean too few": lambda _, a: a["mean"].pop(),
    "a scale of zero": lambda _, a: a["scale"].__setitem__(0, 0.0),
    "weights too many": lambda _, a: a["linear"].append(0.0),
    "no words": lambda _, a: a.pop("prompt_words"),
    "too many words": lambda _, a: a.update(answer_words=[0.0] * ((1 << 16) + 1)),
    "a value too few": lambda _, a: a["tree_value"].pop(),
    "a feature that is none": lambda _, a: a["tree_feature"].__setitem__(0, 1e6),
    "a feature between two": lambda _, a: a["tree_feature"].__setitem__(0, 1.5),
    "a child before its parent": lambda _, a: a["tree_left"].__setitem__(0, 0.0),
    "a child beyond the end": lambda _, a: a["tree_left"].__setitem__(0, 1e6),
    "a child between two": lambda _, a: a["tree_left"].__setitem__(0, 1.5),
    "a root beyond the end": lambda _, a: a["tree_root"].__setitem__(0, 1e6),
    "a root below zero": lambda _, a: a["tree_root"].__setitem__(0, -1.0),
    "more roots than nodes": lambda _, a: a.update(tree_root=[0.0] * (len(a["tree_value"]) + 1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_model_that_does_not_hold_together_is_refused(change, stored, saved):
    header, arrays = stored
    CHANGES[change](header, arrays)
    path = saved(header, arrays)
    with pytest.raises(BadModel) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "Fix:" in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_model_with_anything_in_its_trees_is_refused_or_ends(data, stored, saved):
    header, arrays = stored
    values = st.lists(st.integers(-3, 12).map(float), max_size=12)
    for part in ("feature", "value", "left", "root"):
        arrays[f"tree_{part}"] = data.draw(values)
    try:
        model = load(saved(header, arrays))
    except BadModel:
        return
    assert 0.0 <= model.p_bad(measured(exchange(GOOD, QUESTION)), QUESTION, GOOD) <= 1.0


def test_a_trained_model_is_found_beside_the_configuration_and_a_bad_one_is_told_of(tmp_path):
    for suffix in (".json", ".f32"):
        shutil.copy(BUILT_IN.with_suffix(suffix), tmp_path / f"own{suffix}")
    section = {
        "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}],
        "cascade": {
            "gates": [{"kind": "arithmetic"}, {"kind": "acceptable", "path": "own.json", "min": 0.4}]
        },
    }
    config = from_mapping(section).config
    gates = build(config, base=tmp_path).cascade.gates.members
    assert [gate.name for gate in gates] == ["arithmetic", "acceptable"]
    assert gates[1].min == 0.4
    (tmp_path / "own.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ConfigError) as caught:
        build(config, base=tmp_path)
    (problem,) = caught.value.problems
    assert problem.path == "tiering.cascade.gates[1]"
    assert problem.file.endswith("own.json")


def test_the_built_in_model_is_read_once():
    assert built_in() is built_in()
