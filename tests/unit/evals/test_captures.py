from __future__ import annotations

import gzip
import json

import pytest

from litellm_tiering.evals.captures import is_captured, was_rejected
from litellm_tiering.evals.outcomes import OutcomeError, OutcomeReport, body_of, gate_line, read_outcomes

LADDER = ["small", "medium", "large"]


def answer(verdict="ok", *, text="x", p_bad=0.1, **more):
    found = {
        "text": text,
        "cost": 0.001,
        "verdict": verdict,
        "reasons": [],
        "served": verdict == "ok",
        **more,
    }
    return found if p_bad is None else {**found, "p_bad": p_bad}


def captured(id_, prompt=None, **more):
    line = {
        "captured": 1,
        "id": id_,
        "at": 1_795_000_000.0,
        "share": 0.5,
        "route": "auto",
        "tier": "simple",
        "model": "small",
        "ladder": LADDER,
        "messages": [{"role": "user", "content": prompt or f"question {id_}"}],
        "routed": {"by": "heuristic", "scores": []},
        "would_cost": {"small": 0.001, "medium": 0.01, "large": 0.1},
        "responses": {"small": answer()},
    }
    return {**line, **more}


REJECTED = captured("r", responses={"small": answer("refusal", p_bad=0.9), "medium": answer()})


@pytest.fixture
def written(tmp_path):
    def write(*lines, name="capture.jsonl"):
        path = tmp_path / name
        text = "".join(json.dumps(line) + "\n" for line in lines)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return str(path)

    return write


def qualities(name, **more):
    return {o.id: {m: a.quality for m, a in o.answers.items()} for o in read_outcomes(name, **more)}


def test_rejected_is_bad_accepted_is_good_and_so_are_dearer_models_that_were_not_asked(written):
    report = OutcomeReport()
    found = qualities(written(captured("a"), REJECTED), report=report)
    assert found == {
        "a": {"small": 1.0, "medium": 1.0, "large": 1.0},
        "r": {"small": 0.0, "medium": 1.0, "large": 1.0},
    }
    (told,) = report.remarks()
    assert told == (
        "2 captured requests, whose quality is ASSUMED: 1 answers that a gate rejected count as bad, 2 "
        "accepted ones and 3 of dearer models that were never asked as good; 0 are scored by feedback"
    )


def test_costs_are_what_was_paid_and_what_the_others_would_have_cost(written):
    first = next(iter(read_outcomes(written(captured("a"), REJECTED))))
    assert {m: a.cost_usd for m, a in first.answers.items()} == {"small": 0.001, "medium": 0.01, "large": 0.1}
    assert first.answers["large"].text is None


def test_feedback_goes_before_what_is_assumed_wherever_in_the_file_it_stands(written):
    lines = (
        captured("a"),
        captured("b", score=0.2),
        {"captured": 1, "id": "a", "feedback": 0.4},
        captured("c", responses={"small": answer(score=0.7), "medium": answer(correct=True, served=False)}),
        REJECTED,
        {"captured": 1, "id": "r", "feedback": 0.3},
    )
    report = OutcomeReport()
    found = qualities(written(*lines), report=report)
    assert found["a"]["small"] == 0.4
    assert found["b"]["small"] == 0.2
    assert (found["c"]["small"], found["c"]["medium"]) == (0.7, 1.0)
    assert (found["r"]["small"], found["r"]["medium"]) == (0.0, 0.3)
    assert report.captured.feedback == 5
    assert report.skipped_count == 0


@pytest.mark.parametrize("score", [1.5, -1, "good", True, float("nan"), None])
def test_feedback_that_is_no_score_is_left_out_and_told_of(written, score):
    report = OutcomeReport()
    found = qualities(
        written(captured("a"), REJECTED, {"captured": 1, "id": "a", "feedback": score}), report=report
    )
    assert found["a"]["small"] == 1.0
    assert report.skipped == {"feedback that is no number from 0 to 1": 1}


UNKNOWN = {
    "never judged": answer(p_bad=None),
    "judged too late": answer(reasons=["unjudged"]),
    "failed": {"verdict": "failed", "cost": 0},
    "not compared": answer("unused", p_bad=None, beside=True),
    "differs": answer("differs", p_bad=None, beside=True),
    "no object": "text",
}


@pytest.mark.parametrize("held", UNKNOWN.values(), ids=UNKNOWN)
def test_what_nobody_judged_is_not_made_up(written, held):
    report = OutcomeReport()
    name = written(captured("u", responses={"small": held}), captured("a"), REJECTED)
    assert "u" not in qualities(name, report=report)
    assert report.skipped == {"captured, and no gate and nobody else judged an answer": 1}


def test_the_dearest_tiers_answer_needs_no_gate_and_one_that_agrees_is_as_good(written):
    lines = (
        captured("d", responses={"large": answer(p_bad=None)}),
        captured("g", responses={"small": answer(), "small-b": answer("agrees", p_bad=None, beside=True)}),
        REJECTED,
    )
    found = qualities(written(*lines))
    assert found["d"] == {"large": 1.0}
    assert found["g"] == {"small": 1.0, "small-b": 1.0, "medium": 1.0, "large": 1.0}


def test_answers_alone_that_are_all_good_or_all_bad_are_refused_with_what_to_do(written):
    with pytest.raises(OutcomeError, match=r"nothing tells good answers from bad\. Bring feedback"):
        list(read_outcomes(written(captured("a"), captured("b"))))
    bad = [captured(i, responses={"small": answer("refusal", p_bad=1.0)}) for i in "ab"]
    with pytest.raises(OutcomeError, match=r"was rejected.*check --traffic"):
        list(read_outcomes(written(*bad)))


def test_other_outcomes_beside_them_are_enough(written):
    plain = {"id": "p", "prompt": "q", "responses": {"small": {"correct": False}, "large": {"correct": True}}}
    assert set(qualities(written(captured("a"), plain))) == {"a", "p"}


def test_another_version_is_refused_by_name(written):
    report = OutcomeReport()
    list(read_outcomes(written(captured("a", captured=2), captured("b"), REJECTED), report=report))
    assert list(report.skipped) == ["captured by another version of this package: captured is not 1"]


def test_a_packed_file_and_the_models_asked_for(written):
    name = written(captured("a"), REJECTED, {"captured": 1, "id": "a", "feedback": 0.5}, name="c.jsonl.gz")
    assert qualities(name, models=["small", "medium"]) == {
        "a": {"small": 0.5, "medium": 1.0},
        "r": {"small": 0.0, "medium": 1.0},
    }


def test_what_classifiers_and_gates_get_is_the_request_and_the_answer_only(written):
    line = captured(
        "a", tools=[], metadata={"tags": ["faq"]}, responses={"small": answer(finish_reason="stop")}
    )
    first = next(iter(read_outcomes(written(line, REJECTED))))
    assert first.tags == ("faq",)
    assert set(body_of(first)) == {"messages", "tools", "metadata", "route"}
    judged = gate_line(first, "small")
    assert (judged["answer"], judged["finish_reason"]) == ("x", "stop")


def test_captured_lines_are_known_by_their_mark():
    assert is_captured({"captured": 1})
    assert not is_captured({"captured": True})
    assert not is_captured({})
    assert was_rejected(answer("refusal", p_bad=0.9))
    assert not was_rejected(answer("refusal", p_bad=None))


@pytest.mark.parametrize(
    "wrong", [{"responses": []}, {"ladder": "x"}, {"would_cost": 1}, {"ladder": [1, None]}]
)
def test_hostile_lines_are_left_out_or_used_as_far_as_they_go(written, wrong):
    name = written(captured("h", **wrong), captured("a"), REJECTED)
    assert set(qualities(name)) >= {"a", "r"}
