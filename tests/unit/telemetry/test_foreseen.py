from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from litellm_tiering.cli.report_text import sentences, text_of
from litellm_tiering.core.shadow import Does, Part, Would
from litellm_tiering.evals.savings_page import page_of
from litellm_tiering.gates.panel import Panel, Shadows
from litellm_tiering.gateway.timing import tell
from litellm_tiering.records import Row
from litellm_tiering.telemetry import foreseen
from litellm_tiering.telemetry.foreseen import Foreseen
from litellm_tiering.telemetry.foreseen_text import MOST_MOVES, shadow_rows, shadow_sentence
from litellm_tiering.telemetry.meter import Figures, Meters
from litellm_tiering.telemetry.metrics import metrics_in
from litellm_tiering.telemetry.reporting import Look, Scope, compose
from litellm_tiering.telemetry.sightings import Activity


def row(*shadow, **more):
    return Row("d", 0.0, "blue", "k", {"id": "d", "at": 0.0, "shadow": list(shadow), **more})


def would(part="gate", name="refusal", does="reject", before="simple", after="complex", extra=0.001):
    return {"part": part, "name": name, "does": does, "from": before, "to": after, "extra_usd": extra}


def summed(*rows, **more):
    found = Foreseen()
    for one in rows:
        found.saw(one)
    return found.as_json(**more)


def test_what_each_part_would_have_done_is_summed_with_its_money():
    found = summed(
        row(would(), would("budget", "team:* $5/day", "move", "complex", "simple", -0.5)),
        row(would(does="accept", before=None, after=None, extra=None)),
        row(would(after=None, extra=None)),
        row(would("budget", "team:* $5/day", "refuse", "complex", None, -0.25)),
        row(),
    )
    assert found == {
        "parts": [
            {
                "part": "gate",
                "name": "refusal",
                "judged": 3,
                "changed": 2,
                "moved": 0,
                "rejected": 2,
                "refused": 0,
                "moves": [{"from": "simple", "to": "complex", "requests": 1}],
                "extra_usd": 0.001,
                "priced": 1,
            },
            {
                "part": "budget",
                "name": "team:* $5/day",
                "judged": 2,
                "changed": 2,
                "moved": 1,
                "rejected": 0,
                "refused": 1,
                "moves": [{"from": "complex", "to": "simple", "requests": 1}],
                "extra_usd": -0.75,
                "priced": 2,
            },
        ],
        "left_out": 0,
    }


@pytest.mark.parametrize(
    "odd",
    [
        "text",
        {},
        would(part="king"),
        would(name=7),
        would(does="explode"),
        {"part": "gate", "name": "x"},
    ],
)
def test_what_is_no_such_word_is_left_out(odd):
    assert summed(row(odd))["parts"] == []


@pytest.mark.parametrize("extra", [math.nan, math.inf, True, "1", None])
def test_money_that_is_none_is_not_summed(extra):
    (part,) = summed(row(would(extra=extra)))["parts"]
    assert (part["extra_usd"], part["priced"]) == (0, 0)


@pytest.mark.parametrize("odd", [None, 7, {"a": 1}, "gate"])
def test_a_row_without_a_list_tells_nothing(odd):
    assert summed(Row("d", 0.0, "", "", {"shadow": odd}))["parts"] == []


def test_parts_and_moves_are_bounded(monkeypatch):
    monkeypatch.setattr(foreseen, "MOST_PARTS", 2)
    monkeypatch.setattr(foreseen, "MOST_MOVES", 1)
    found = summed(row(would(name="a"), would(name="b"), would(name="c"), would(name="a", after="other")))
    assert [p["name"] for p in found["parts"]] == ["a", "b"]
    assert (found["left_out"], len(found["parts"][0]["moves"])) == (1, 1)


def test_others_do_not_see_whose_personal_budget_it_is():
    told = [
        would("budget", "user:ann $5/day", "move"),
        would("budget", "user:bob $5/day", "move"),
        would("budget", "team:blue $5/day", "refuse"),
    ]
    found = summed(row(*told), discreet=True)
    assert [(p["name"], p["changed"]) for p in found["parts"]] == [
        ("user:* $5/day", 2),
        ("team:blue $5/day", 1),
    ]
    assert "ann" in str(summed(row(*told)))


HOSTILE = "<script>\x1b[31m"


def report(*rows, team=None):
    scope = Scope(("2026-11-21",), "day", "UTC", 1_795_000_000.0, team=team)
    seen = Look(Activity())
    for one in rows:
        seen.foreseen.saw(one)
    return compose(scope, (), {}, seen, None)


def test_the_report_tells_it_in_words_as_a_table_and_as_a_page():
    moves = [would("classifier", HOSTILE, "move", "simple", f"t{i}", 2.5) for i in range(MOST_MOVES + 2)]
    told = report(row(*moves, would("gate", "g", "accept", extra=None), would("gate", "g", extra=None)))
    words = shadow_rows(told)
    assert words[0][2:] == (
        "6",
        "moved 6",
        "simple to t0 1, simple to t1 1, simple to t2 1, simple to t3 1, 2 more ways",
        "$15.00",
    )
    assert words[1][2:] == ("2", "rejected 1", "simple to complex 1", "-")
    table = text_of(told)
    assert "IN SHADOW" in table
    assert "\x1b" not in table
    page = page_of(told, sentences(told))
    assert "In shadow mode" in page
    assert "<script>" not in page
    assert any(s.startswith("In shadow:") for s in sentences(told))


def test_of_what_changed_nothing_and_of_what_is_partly_priced_the_table_says_so(monkeypatch):
    monkeypatch.setattr(foreseen, "MOST_PARTS", 2)
    kept = would("classifier", "llm", "keep", extra=None)
    told = report(row(kept, would(extra=-0.5), would(extra=None), would(name="more")))
    assert [r[3:] for r in shadow_rows(told)] == [
        ("changed nothing", "-", "-"),
        ("rejected 2", "simple to complex 2", "-$0.500000 of 1"),
    ]
    assert shadow_sentence(told).endswith("1 words of further parts are not summed.")


def test_without_anything_in_shadow_a_report_says_nothing_of_it():
    told = report(row())
    assert (shadow_rows(told), shadow_sentence(told)) == ([], "")
    assert "SHADOW" not in text_of(told)
    assert "In shadow" not in page_of(told, sentences(told))


def test_gates_in_shadow_stand_among_the_gates_with_what_they_would_have_rejected():
    told = report(row(would(), would(does="accept", extra=None), would("budget", "b", "move")))
    shadow = {"gate": "refusal", "judged": 2, "rejected": 0, "mode": "shadow", "would_reject": 1}
    assert told["gates"] == [shadow]


class Counted:
    """Takes what a meter tells."""

    def __init__(self):
        self.told = []

    def shadow(self, *labels):
        self.told.append(labels)


def test_figures_name_a_budget_in_shadow_by_its_scope_alone():
    metrics, faults = Counted(), []
    meters = Meters([Figures(metrics)], lambda *fault: faults.append(fault))
    for part, name in (
        (Part.BUDGET, "team:blue $5/day"),
        (Part.BUDGET, "global $5/day"),
        (Part.CLASSIFIER, "callback:mine"),
    ):
        meters.shadowed(Would(part, name, Does.MOVE))
    assert metrics.told == [
        ("budget", "team", "move"),
        ("budget", "global", "move"),
        ("classifier", "callback:mine", "move"),
    ]
    assert faults == []


def test_prometheus_counts_what_parts_in_shadow_would_have_done():
    registry = CollectorRegistry()
    metrics_in(registry).shadow("gate", "refusal", "reject")
    labels = {"part": "gate", "name": "refusal", "does": "reject"}
    assert registry.get_sample_value("litellm_tiering_shadow_total", labels) == 1


def test_gates_in_shadow_tell_the_figures_how_long_they_take():
    gates, shadows = Panel([]), Shadows([])
    cascade = SimpleNamespace(gates=gates, shadows=shadows)
    tell(cascade, SimpleNamespace(meter=None))
    assert gates.on_time is shadows.on_time is not None
    tell(SimpleNamespace(gates=None, shadows=None), SimpleNamespace(meter=None))


def test_a_team_is_told_of_budgets_without_others_ids():
    told = report(row(would("budget", "user:ann $5/day", "move")), team="blue")
    assert told["shadow"]["parts"][0]["name"] == "user:* $5/day"


def test_what_was_asked_for_shadows_alone_is_no_waiting_time():
    seen = Activity()
    attempts = [
        {"verdict": "ok", "ms": 10.0},
        {"verdict": "agrees", "ms": 5000.0, "shadow": True},
    ]
    seen.saw(Row("d", 0.0, "", "", {"tier": "simple", "attempts": attempts}))
    assert seen.waits_ms("simple") == (10.0, 10.0)
