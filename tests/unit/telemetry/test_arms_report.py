"""Policies compared, in the report: what was seen of each, what may be said of them, and in which words."""

from __future__ import annotations

import json
import math

import pytest

from litellm_tiering.core.experiment import BASE, Arm, Experiment
from litellm_tiering.core.sequential import Change
from litellm_tiering.evals.armsim import World, simulate
from litellm_tiering.records import Row
from litellm_tiering.telemetry import arms as module
from litellm_tiering.telemetry.arms import Arms
from litellm_tiering.telemetry.arms_text import ARM_HEAD, arm_rows, arm_sentences, verdict

TWO = Experiment(arms=(Arm("now", 0.5, "g"), Arm("bolder", 0.5, "g")), base=Arm(BASE, 1.0, "g"))


def row(i, arm="now", key=None, cost=0.01, verdicts=("ok",), judged=True, feedback=None, **record):
    told = {
        "attempts": [
            {"verdict": v, "ms": 100, **({"judged": ["refusal"]} if judged else {})} for v in verdicts
        ],
        "steps": [{"reason": "escalation"}] if len(verdicts) > 1 else [],
        "cost_usd": cost,
        "baseline_usd": 0.05,
        "policy": "p",
        "classifiers": [{"ms": 5}],
        **record,
    }
    return Row(
        f"d{i}", 1e9 + 60.0 * i, "blue", f"k{i % 30}" if key is None else key, told, False, arm, feedback
    )


def seen(*rows):
    found = Arms()
    for one in rows:
        found.saw(one)
    return found


def two_sides(n=600, **other):
    both = []
    for i in range(n):
        cost = 0.01 * (1 + 0.2 * ((i // 30) % 3))
        both += [row(i, cost=cost), row(i, "bolder", key=f"b{i % 30}", **{"cost": cost / 2, **other})]
    return seen(*both)


def told(found, name):
    return next(arm for arm in found["arms"] if arm["arm"] == name)


def test_each_arm_by_itself():
    found = seen(
        row(1, feedback=1.0),
        row(2, verdicts=("refusal", "ok"), cost=0.03),
        row(3, verdicts=("refusal",), feedback=0.5),
        row(4, judged=False),
        row(5, attempts=[], refused="no"),
        row(6, attempts=[{"verdict": "pending"}]),
        row(7, policy="q", attempts=[{"verdict": "ok", "shadow": True}]),
    ).found(TWO)
    now = told(found, "now")
    assert {k: now[k] for k in ("callers", "requests", "refused", "judged", "rated", "policies")} == {
        "callers": 4,
        "requests": 4,
        "refused": 2,
        "judged": 3,
        "rated": 2,
        "policies": 2,
    }
    assert math.isclose(now["pass_rate"], 2 / 3)
    assert (now["escalation_rate"], now["feedback"], now["p95_ms"]) == (0.25, 0.75, 205.0)
    assert math.isclose(now["cost_per_request_usd"], 0.06 / 4)
    assert math.isclose(now["saved_per_request_usd"], 0.14 / 4)
    empty = told(found, "bolder")
    assert (empty["requests"], empty["pass_rate"], empty["p95_ms"]) == (0, None, None)
    (compared,) = found["compared"]
    assert compared["cost"]["note"] == "nothing to compare yet"
    assert found["since"] == 1e9 + 60
    json.dumps(found, allow_nan=False)


def test_a_cheaper_arm_is_told_of_against_the_first():
    found = two_sides().found(TWO)
    assert (found["against"], found["level"]) == ("now", 0.95)
    (compared,) = found["compared"]
    assert (compared["arm"], compared["cost"]["sure"], compared["passes"]["sure"]) == ("bolder", -1, 0)
    assert math.isclose(compared["cost"]["change"], -0.5)
    assert compared["verdict"].startswith("Bolder costs 50 % less per request than now (between")
    assert "bolder is cheaper, and no loss of quality has shown." in compared["verdict"]
    assert "Feedback: nothing to compare yet." in compared["verdict"]
    assert compared["verdict"].endswith("Looking every day is fine.")


def test_answers_that_pass_less_often_are_told_of_beside_the_price():
    (compared,) = two_sides(verdicts=("refusal",), feedback=None).found(TWO)["compared"]
    assert (compared["passes"]["sure"], compared["passes"]["change"]) == (-1, -1.0)
    assert "The gates let its answers pass less often, by 100 points of 100" in compared["verdict"]
    assert "bolder is cheaper, and its answers are worse: weigh the two." in compared["verdict"]


def test_a_caller_that_was_moved_stands_in_no_comparison_but_is_counted():
    rows = [row(i, arm, key=f"k{i % 12}") for i, arm in enumerate(("now", "bolder") * 60)]
    alone = [row(i, "bolder", key=f"k{i % 12}") for i in range(120)]
    found = seen(*rows, *alone).found(TWO)
    assert (found["moved_callers"], told(found, "now")["requests"]) == (6, 60)
    assert found["compared"][0]["cost"]["note"] == "nothing to compare yet"


def test_those_whom_nobody_knows_or_who_are_too_many_are_left_out(monkeypatch):
    monkeypatch.setattr(module, "MOST_CALLERS", 2)
    monkeypatch.setattr(module, "MOST_ARMS", 1)
    nobody = Row("x", 1e9, "", "", row(1).record, False, "now")
    found = seen(nobody, *(row(i, key=f"c{i}") for i in range(5)), row(9, "second"), row(1, "")).found(TWO)
    assert (found["left_out"], told(found, "now")["callers"], told(found, "now")["requests"]) == (4, 2, 6)
    assert told(found, "bolder")["requests"] == 0


def test_gates_that_differ_make_no_difference_in_what_passes():
    other = Experiment(arms=(Arm("now", 0.5, "g"), Arm("bolder", 0.5, "h")))
    (compared,) = two_sides(verdicts=("refusal",)).found(other)["compared"]
    assert compared["passes"]["sure"] == 0
    assert "Gate pass rate: the two judge answers by other gates" in compared["verdict"]


def test_a_single_arm_is_compared_with_the_base_and_the_base_comes_last_beside_several():
    one = Experiment(arms=(Arm("bolder", 0.5),))
    assert seen(row(1, "bolder")).found(one)["against"] == BASE
    several = Experiment(arms=(Arm("now", 0.3), Arm("bolder", 0.3)))
    assert [a["arm"] for a in seen(row(1)).found(several)["arms"]] == ["now", "bolder", BASE]
    assert [a["arm"] for a in seen(row(1)).found(TWO)["arms"]] == ["now", "bolder"]


def test_arms_of_an_experiment_that_is_over_are_told_of_as_long_as_they_are_kept():
    over = Experiment()
    found = seen(row(1), row(2, "bolder")).found(over)
    assert [a["arm"] for a in found["arms"]] == ["bolder", "now"]
    assert seen().found(over) is None
    assert seen(row(1, BASE)).found(over) is None


def test_rows_from_the_store_are_taken_for_what_they_are():
    bad = row(1, attempts=[{"verdict": 5, "ms": "x", "judged": 3}], steps="?", cost_usd=None, policy=7)
    found = seen(bad, Row("y", 1e9, "t", "", {}, False, "now")).found(TWO)
    assert (told(found, "now")["requests"], told(found, "now")["judged"]) == (1, 0)


def test_a_policy_that_was_changed_meanwhile_is_told_of():
    rows = [row(i, policy=f"p{i % 3}") for i in range(30)]
    (compared,) = seen(*rows).found(TWO)["compared"]
    assert "It was changed while it ran, 2 times" in compared["verdict"]


NONE = Change(0.9, 0.9, 0.0, -0.02, 0.03)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "No difference shown yet in cost (between -2 % and +3 %), gate pass rate (between -2",
        ),
        (
            {"cost": Change(1.0, 1.3, 0.3, 0.1, 0.5)},
            "Bolder costs 30 % more per request than now (between 10 %",
        ),
        (
            {"feedback": Change(0.9, 0.6, -0.3, -0.4, -0.2)},
            "Callers rate its answers lower, by 30 points of 100",
        ),
        ({"asked": Change(1.0, 1.3, 0.3, 0.1, 0.5)}, "Its callers ask 30 % more at a time (between 10 %"),
        (
            {"cost": Change(1.0, 0.7, -0.3, -0.4, -0.2), "asked": Change(1.0, 1.3, 0.3, 0.1, 0.5)},
            "bolder is cheaper, and its answers are worse",
        ),
        (
            {"passes": Change(None, None, note="too few"), "feedback": Change(None, None, note="too few")},
            "Gate pass rate, feedback: too few.",
        ),
    ],
)
def test_a_verdict_in_words(changes, said):
    every = {"cost": NONE, "passes": NONE, "feedback": NONE, "asked": NONE, **changes}
    assert said in verdict("now", "bolder", every)


def test_a_report_has_rows_and_sentences_for_people():
    report = {"arms": two_sides().found(TWO)}
    rows = arm_rows(report)
    assert [r[0] for r in rows] == ["now", "bolder"]
    assert all(len(r) == len(ARM_HEAD) for r in rows)
    assert rows[0][3:6] == ("$7.14", "$0.011900", "$0.038100")
    said = arm_sentences(report)
    assert said[0].startswith("bolder against now: Bolder costs 50 % less")
    assert said[-1].startswith("All of these intervals hold together with 95 % confidence")
    moved = seen(row(1), row(2, "bolder", key="k1")).found(TWO)
    assert arm_sentences({"arms": moved})[-1].startswith("1 caller moved from one arm to another")
    for nothing in ({}, {"arms": None}):
        assert (arm_rows(nothing), arm_sentences(nothing)) == ([], [])
    assert arm_rows({"arms": seen(row(1)).found(TWO)})[1][4:] == ("-",) * 6


# --- looking every day -------------------------------------------------------------------------------------

RUNS = 15


def test_looking_every_day_raises_hardly_any_false_alarm_where_the_usual_intervals_raise_many():
    runs = [simulate(World(callers=40, days=20), seed) for seed in range(RUNS)]
    alarms = [{look for look, _ in run.found} for run in runs]
    assert sum("sequential" in found for found in alarms) <= 1
    assert sum("requests" in found for found in alarms) > RUNS * 0.7
    assert sum("callers" in found for found in alarms) > sum("sequential" in found for found in alarms)
    # They hold the truth at every look as well where there is a difference.
    worse = World(callers=40, days=20, cheaper=0.5, worse=0.1)
    wrong = [simulate(worse, seed).wrong for seed in range(RUNS)]
    assert sum(any(look.startswith("sequential") for look in found) for found in wrong) <= 1


def test_a_true_difference_is_found():
    world = World(callers=300, days=20, daily=1.0, cheaper=0.6, worse=0.2)
    for seed in range(4):
        found = simulate(world, seed).found
        assert found["sequential", "cost"] <= 20
        assert found["sequential", "passes"] <= 20
        assert found["callers", "cost"] <= found["sequential", "cost"]
