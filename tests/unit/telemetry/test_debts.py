from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry

from litellm_tiering.cli.report_text import sentences
from litellm_tiering.core.debt import PROBE
from litellm_tiering.ports import Tally
from litellm_tiering.records import Row
from litellm_tiering.telemetry.debts import MOST_WORDS, Downgrades, debt_sentence
from litellm_tiering.telemetry.metrics import metrics_in
from litellm_tiering.telemetry.reporting import Look, Scope, compose
from litellm_tiering.telemetry.reports import lines, total
from litellm_tiering.telemetry.sightings import Activity

NAMES = ("simple", "moderate", "complex")


def step(reason="budget", before="complex", after="simple", stage="budget", *, enforced=True):
    return {"stage": stage, "reason": reason, "from": before, "to": after, "enforced": enforced}


def row(*steps, debt=None, **more):
    record = {"id": "d", "at": 0.0, "steps": list(steps), **more}
    if debt is not None:
        record["debt"] = debt
    return Row("d", 0.0, "blue", "k", record)


def asked(agreed=None, served=True, better=True, cost=0.001):
    return {"agreed": agreed, "served_passed": served, "better_passed": better, "cost_usd": cost}


def told(*rows):
    found = Downgrades(NAMES)
    for one in rows:
        found.saw(one)
    return found.as_json()


def test_downgrades_are_what_money_moved_down_and_took_effect():
    found = told(
        row(step()),
        row(step("pace"), step("permission", "simple", "simple", "availability")),
        row(step("value", "complex", "moderate")),
        row(step("ceiling", "gone", "too")),
        row(step("exempt", "complex", "complex")),
        row(step("budget", "simple", "complex")),
        row(step("budget", "gone", "gone")),
        row(step("client", stage="client")),
        row(step(enforced=False)),
        row(step(before=None)),
        row(step(), refused="no"),
        row(),
    )
    assert (found["downgraded"], found["drawn"], found["probed"], found["note"]) == (4, 0, 0, "")
    assert found["different"] == {"share": None, "low": None, "high": None}
    assert debt_sentence(found) == ""


def test_what_came_of_those_that_were_asked_twice():
    found = told(
        *(row(step()) for _ in range(80)),
        *(row(step(), debt=asked(agreed=True)) for _ in range(11)),
        *(row(step(), debt=asked(agreed=False, served=False)) for _ in range(3)),
        *(row(step(), debt=asked(better=False)) for _ in range(4)),
        row(step(), debt=asked(served=None, better=None)),
        row(step(), debt={"skipped": "busy", "cost_usd": 0.5}),
    )
    assert (found["downgraded"], found["drawn"], found["probed"]) == (100, 20, 19)
    assert (found["comparable"], found["agreed"], found["skipped"]) == (14, 11, {"busy": 1})
    assert found["different"]["share"] == pytest.approx(3 / 14)
    assert found["agreement"]["low"] == pytest.approx(1 - found["different"]["high"])
    gates = (found["judged"], found["both_passed"], found["better_only_passed"], found["served_only_passed"])
    assert gates == (18, 11, 3, 4)
    assert found["cost_usd"] == pytest.approx(0.519)
    said = debt_sentence(found)
    assert "100 requests were moved down by a budget, and 19 of them" in said
    assert "of 14 answers that can be compared about 21.4% came out different" in said
    assert "between 7.6% and 47.6%" in said
    assert "alone 3 times in 18, and the served one alone 4 times" in said


def test_where_nothing_can_be_compared_no_rate_is_made_up():
    said = debt_sentence(told(row(step(), debt=asked(served=None))))
    assert said.endswith("none of the answers can be compared by their form.")
    assert debt_sentence(told(row(step(), debt={"skipped": "busy"}))).endswith("better tier as well.")


def test_a_limit_that_stops_much_of_the_sample_is_told_for_it_leans_to_early_hours():
    few = told(*(row(step(), debt=asked()) for _ in range(19)), row(step(), debt={"skipped": "limit"}))
    assert few["note"] == ""
    many = told(
        *(row(step(), debt=asked()) for _ in range(8)),
        row(step(), debt={"skipped": "limit"}),
        row(step(), debt={"skipped": "budget"}),
    )
    assert "stopped 2 of the 10" in many["note"]
    assert "Note: the limit stopped 2" in debt_sentence(many)


@pytest.mark.parametrize(
    "record",
    [
        {"debt": []},
        {"debt": "yes", "steps": 7},
        {"steps": [None, 7, {"stage": ["budget"], "enforced": True}]},
        {"steps": [{"stage": "budget", "reason": ["budget"], "enforced": True}]},
        {"steps": [{"stage": "budget", "reason": "budget", "from": [], "to": {}, "enforced": True}]},
    ],
)
def test_what_is_no_record_of_ours_is_passed_over(record):
    assert told(Row("d", 0.0, "", "", record))["downgraded"] == 0


def test_hostile_values_change_no_figure_and_use_no_memory():
    odd = {"agreed": "true", "served_passed": 1, "better_passed": None, "cost_usd": math.inf}
    found = told(row(debt=odd), row(debt={**odd, "cost_usd": True, "skipped": 7}))
    assert (found["probed"], found["comparable"], found["judged"], found["cost_usd"]) == (2, 0, 0, 0)
    words = told(*(row(debt={"skipped": f"{i}" * 99}) for i in range(10, 99)))["skipped"]
    assert len(words) == MOST_WORDS + 1
    assert max(map(len, words)) == 32
    assert words["(other)"] > 1


def test_the_totals_have_them_as_waste_of_the_owners_and_net_of_it_savings():
    rows = [
        Tally("2026-11-21", -1, 0, "auto", "simple", "small", "blue", "budget", 1, 0, 1, 10, 100, 0),
        Tally("2026-11-21", -1, 0, "auto", "complex", "large", "", PROBE, 0, 0, 1, 40, 0, 40),
    ]
    found = total(rows)
    assert (found.requests, found.attempts, found.probes, found.waste) == (1, 1, 40, 40)
    assert found.saved == 50
    assert {line.name: line.cost for line in lines(rows, "team")} == {"blue": 10, "(none)": 40}
    assert found.as_json("total")["probe_usd"] == pytest.approx(4e-8)


def test_metrics_count_them_as_attempts_with_a_verdict_of_their_own():
    registry = CollectorRegistry()
    metrics = metrics_in(registry)
    for count in (1, 0):
        metrics.probes("complex", "large", count)
    labels = {"tier": "complex", "model": "large", "verdict": PROBE}
    assert registry.get_sample_value("litellm_tiering_attempts_total", labels) == 1


def test_a_reports_sentences_tell_of_it_and_of_what_it_cost():
    scope = Scope(days=("2026-11-21",), by="day", timezone="UTC", now_s=1_795_000_000.0, tiers=NAMES)
    seen = Look(Activity())
    cost = 250_000_000
    rows = [Tally("2026-11-21", -1, 0, "auto", "complex", "large", "", PROBE, 0, 0, 1, cost, 0, cost)]
    seen.debts.saw(row(step(), debt=asked(agreed=False)))
    report = compose(scope, rows, {}, seen, None)
    said = sentences(report)
    assert "($0.250000 of it to ask what a better tier would have said)" in said[0]
    assert debt_sentence(report["debt"]) in said
    # Such calls are no tier's requests.
    assert [t["attempts"] for t in report["tiers"]] == [0, 0, 0]
    assert "better tier" not in " ".join(sentences(compose(scope, [], {}, None, None)))
