"""Decisions on a real proxy of two workers: every worker tells of all of them, to those they belong to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from asking import HARD, SIMPLE, ask
from houses import eventually, house

from litellm_tiering.testing.redis import serve_redis

STREAK = 12
"""So many answers on end come from both workers, but for 1 in 2,000 times."""


@pytest.fixture(scope="module")
def redis_here():
    with serve_redis() as server:
        yield server


@pytest.fixture(scope="module")
def kept(provider, redis_here, tmp_path_factory):
    tiering = {
        "store": {"url": redis_here.url},
        "routes": [{"name": "auto", "models": ["auto"]}],
        # However slow the machine, a stream's beginning is judged.
        "cascade": {"prefix_ms": 60_000},
        "classifiers": [
            {
                "kind": "rules",
                "rules": [
                    {"name": "easy", "when": {"any_keyword": ["capital"]}, "tier": "simple"},
                    {"name": "hard", "when": {"any_keyword": ["primes"]}, "tier": "complex"},
                ],
            }
        ],
        "budgets": [
            {"scope": "team", "match": "blue", "limit_usd": 0.000001, "downgrade": [{"at": 0.5, "steps": 1}]},
            {"scope": "team", "match": "red", "limit_usd": 0.000001, "at_ceiling": "block"},
        ],
    }
    sections = {"router_settings": {"model_group_alias": {"auto": "large"}, "num_retries": 0}}
    with house(provider, tmp_path_factory.mktemp("kept"), tiering, workers=2, **sections) as running:
        yield running


def get(running, path, key="", **params):
    return running.get(f"/tiering/{path}", key, **params)


def say(running, key="", **body):
    return running.post("/tiering/feedback", body, key)


def told_by_all(running, id_, fits, within_s=30.0):
    """What every worker says of a decision, once all of them say what fits."""
    ends = time.monotonic() + within_s
    streak = 0
    while streak < STREAK:
        reply = get(running, f"decisions/{id_}")
        found = reply.json() if reply.status_code == 200 else {}
        streak = streak + 1 if reply.status_code == 200 and fits(found) else 0
        assert time.monotonic() < ends, (reply.status_code, reply.text)
    return found


def settled(decision):
    return decision["cost_usd"] > 0 and all(a["verdict"] != "pending" for a in decision["attempts"])


def test_there_are_two_workers(kept):
    eventually(lambda: len(kept.workers()) == 2, "both workers answer")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells of threads there")
def test_workers_are_forked_where_nothing_else_runs(kept):
    """Of this suite's own making: whatever a thread has locked at that moment stays locked in the workers."""
    assert "\nThreads:\t1\n" in Path(f"/proc/{kept.proxy.process.pid}/status").read_text()


@pytest.mark.parametrize("stream", [False, True])
def test_every_worker_tells_of_a_decision_once_it_is_paid_for(kept, stream):
    reply = ask(kept, "chat", SIMPLE, key="sk-ops", stream=stream)
    id_ = reply.headers["x-tiering-decision"]
    found = told_by_all(kept, id_, settled)
    assert (found["id"], found["route"], found["tier"], found["team"]) == (id_, "auto", "simple", "ops")
    assert found["reasons"] == ["rule:easy"]
    (attempt,) = found["attempts"]
    assert attempt["verdict"] == "ok"
    assert attempt["prompt_tokens"] > 0
    assert attempt["completion_tokens"] > 0
    # The stream's answer is let go of by its beginning, which not every gate can judge.
    assert {"not_empty", "refusal"} <= set(attempt["judged"])
    newest = get(kept, "decisions", limit=1).json()
    assert (newest["decisions"][0]["id"], newest["complete"]) == (id_, True)


def test_an_escalation_is_told_with_its_attempts(kept):
    reply = ask(kept, "chat", f"[[refuse]] {SIMPLE}", key="sk-ops")
    found = told_by_all(kept, reply.headers["x-tiering-decision"], settled)
    if len(found["attempts"]) > 1:
        assert found["attempts"][0]["verdict"] == "refusal"
    assert found["cost_usd"] == pytest.approx(sum(a["cost_usd"] for a in found["attempts"]))


def test_why_a_request_was_downgraded_is_told_with_the_budget_of_that_moment(kept):
    ask(kept, "chat", HARD, key="sk-blue", max_tokens=5)

    def moved():
        return ask(kept, "chat", HARD, key="sk-blue", max_tokens=5).headers

    eventually(lambda: "team:blue" in moved()["x-tiering-reason"], "a downgrade")
    headers = moved()
    found = told_by_all(kept, headers["x-tiering-decision"], settled)
    budget = next(b for b in found["budgets"] if b["scope"] == "team")
    assert (budget["id"], budget["limit_usd"]) == ("blue", 0.000001)
    assert budget["ratio"] == pytest.approx(budget["used_usd"] / budget["limit_usd"])
    assert budget["ratio"] > 0.5
    moving = [s for s in found["steps"] if s["stage"] == "budget"]
    assert moving[-1]["detail"].startswith("team:blue:")
    assert found["policy"] == get(kept, "status").json()["policy"]
    path = f"decisions/{found['id']}"
    assert get(kept, path, "sk-blue").json()["budgets"] == found["budgets"]
    assert get(kept, path, "sk-red").status_code == 404
    assert get(kept, path, "sk-only-small").status_code == 404
    mine = get(kept, "decisions", "sk-blue", reason="budget:team").json()["decisions"]
    assert {d["team"] for d in mine} <= {"blue"}
    assert all("key" not in d for d in mine)
    assert get(kept, "decisions", "sk-red", team="blue").json()["decisions"] == []


def test_the_hours_of_the_report_add_up_to_the_day(kept):
    ask(kept, "chat", SIMPLE, key="sk-ops")

    def adds_up():
        report = get(kept, "report", days=1).json()
        hours = [hour["cost_usd"] for hour in report["hours"]]
        total = report["days"][0]["cost_usd"] if report["days"] else 0
        return None not in hours and total > 0 and sum(hours) == pytest.approx(total, abs=1e-9)

    eventually(adds_up, "hours that add up to the day")


def test_a_refused_request_is_told_of_too(kept):
    ask(kept, "chat", SIMPLE, key="sk-ops")
    body = {"model": "auto", "messages": [{"role": "user", "content": SIMPLE}]}
    reply = kept.post("/v1/chat/completions", body, "sk-red")
    assert reply.status_code == 429

    def told():
        found = get(kept, "decisions", "sk-red", verdict="refused").json()["decisions"]
        return bool(found) and found[0]["refused"].startswith("The day budget of team:red ")

    eventually(told, "the refusal")


def test_feedback_reaches_all_workers_and_each_callers_latest_word_counts(kept):
    reply = ask(kept, "chat", SIMPLE, key="sk-ops")
    id_ = reply.headers["x-tiering-decision"]
    told_by_all(kept, id_, settled)
    assert say(kept, "sk-ops", decision=id_, score=0).json()["feedback"] == 0
    for _ in range(4):
        assert say(kept, "sk-ops", decision=id_, score=1, comment="zebra-crossing").json() == {
            "decision": id_,
            "score": 1.0,
            "feedback": 1.0,
            "comment": "dropped",
        }
    told_by_all(kept, id_, lambda d: d["feedback"] == 1.0)
    assert say(kept, decision=id_, score=0).json()["feedback"] == 0.5
    assert say(kept, "sk-blue", decision=id_, score=0).status_code == 404
    assert say(kept, "sk-unknown", decision=id_, score=0).status_code == 401
    assert "zebra" not in get(kept, "decisions", limit=500).text


def test_feedback_right_behind_the_answer_is_taken_by_the_worker_that_made_it(kept):
    reply = ask(kept, "chat", SIMPLE, key="sk-ops")
    id_ = reply.headers["x-tiering-decision"]
    eventually(lambda: say(kept, "sk-ops", decision=id_, score=0.5).status_code == 200, "feedback taken")
    told_by_all(kept, id_, lambda d: d["feedback"] == 0.5 and settled(d))


def test_a_wrong_token_gets_litellms_own_answer(kept):
    for path in ("decisions", "decisions/0123456789abcdef"):
        assert get(kept, path, "sk-unknown").status_code == 401


def test_while_the_store_is_away_a_worker_tells_of_its_own_and_requests_go_on(kept, redis_here):
    reply = ask(kept, "chat", SIMPLE, key="sk-ops")
    told_by_all(kept, reply.headers["x-tiering-decision"], settled)
    redis_here.pause()
    try:
        during = ask(kept, "chat", SIMPLE, key="sk-ops").headers["x-tiering-decision"]
        eventually(lambda: get(kept, "decisions").json()["complete"] is False, "said to be incomplete")
    finally:
        redis_here.resume()
    told_by_all(kept, during, settled)
    eventually(lambda: get(kept, "decisions").json()["complete"] is True, "whole again")
