"""What the verb `gate` prints as `p_bad`: the acceptability gate's order, on the verdict's side of 0.5."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from litellm_tiering.cli import main
from litellm_tiering.cli.doubts import within
from litellm_tiering.gates.acceptable import BUILT_IN, AcceptableGate
from litellm_tiering.testing.gates import exchange

QUESTION = "A harbour has 12 boats on one side and 30 on the other. How many boats in all?"
ANSWERS = (
    "There are 12 + 30 = 42 boats. The answer is 42.",
    "There are 42 boats, about.",
    "It is not clear, but perhaps there might be some 17 boats, however",
    "12 + 30 = 43 boats, so the answer is 43.",
    "Hm.",
    "I'm sorry, but I can't help with that.",
    "",
)


@pytest.fixture
def printed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def _printed(gates=None):
        lines = [{"id": i, "prompt": QUESTION, "answer": answer} for i, answer in enumerate(ANSWERS)]
        (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        words = ["gate", "--input", "in.jsonl"]
        if gates is not None:
            tiers = [{"name": n, "model": n} for n in ("simple", "complex")]
            section = {"tiering": {"tiers": tiers, "cascade": {"gates": gates}}}
            (tmp_path / "tiering.yaml").write_text(yaml.safe_dump(section))
            words += ["--config", "tiering.yaml"]
        assert main(words) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return _printed


def own():
    gate = AcceptableGate()
    return [gate.p_bad(exchange(answer, QUESTION)) for answer in ANSWERS]


def order(values):
    return sorted(range(len(values)), key=values.__getitem__)


def test_without_a_configuration_the_built_in_gate_ranks_and_decides_nothing(printed):
    found = printed()
    assert [one["accept"] for one in found] == [True] * 5 + [False] * 2
    assert [one["p_bad"] for one in found[:5]] == pytest.approx([p / 2 for p in own()[:5]])
    assert all(one["p_bad"] >= 0.5 for one in found[5:])
    assert "acceptable" not in json.dumps(found)


def test_a_configured_gate_tells_its_own_probability(printed):
    found = printed([{"kind": "acceptable"}])
    assert [one["p_bad"] for one in found[:6]] == pytest.approx(own()[:6])
    assert [one["accept"] for one in found[:6]] == [p <= 0.5 for p in own()[:6]]


@pytest.mark.parametrize("least", [0.3, 0.7, 0.0, 1.0])
def test_with_any_bound_its_order_stays_and_the_verdict_lies_at_a_half(printed, least):
    found = printed([{"kind": "acceptable", "min": least}])[:6]
    assert all((one["p_bad"] < 0.5) == one["accept"] for one in found)
    assert order([one["p_bad"] for one in found]) == order(own()[:6])


def test_other_gates_beside_it_do_not_flatten_its_order(printed, tmp_path):
    for suffix in (".json", ".f32"):
        shutil.copy(BUILT_IN.with_suffix(suffix), tmp_path / f"own{suffix}")
    found = printed(
        [
            {"kind": "refusal"},
            {"kind": "arithmetic"},
            {"kind": "any", "gates": [{"kind": "acceptable", "path": "own.json", "min": 0.2}]},
        ]
    )
    assert [one["p_bad"] for one in found[:3]] == pytest.approx([p * 0.5 / 0.8 for p in own()[:3]])
    assert found[3]["reasons"] == ["arithmetic:wrong_sum"]
    assert found[3]["p_bad"] > max(0.5, own()[3])


def test_where_other_gates_are_listed_the_figure_is_theirs(printed):
    found = printed([{"kind": "arithmetic"}])
    assert [one["p_bad"] for one in found[1:3]] == [0.0, 0.0]
    assert found[0]["p_bad"] == pytest.approx(0.2)
    assert found[3]["p_bad"] == pytest.approx(0.9)


@pytest.mark.parametrize("p_bad", [float("nan"), float("inf"), -3.0, 7.0])
def test_a_figure_that_is_none_takes_the_side_of_the_verdict(p_bad):
    assert within(p_bad, accepted=True) < 0.5 <= within(p_bad, accepted=False)
