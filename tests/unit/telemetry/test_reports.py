from __future__ import annotations

import datetime as dt
import random

import pytest

from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.core.experiment import Experiment
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ports import Tally
from litellm_tiering.records import Row
from litellm_tiering.tallies import UNPLANNED
from litellm_tiering.telemetry.reporting import HOLDOUT_DAYS, Scope, compose, look, today
from litellm_tiering.telemetry.reports import BY, NONE, lines, span, total, week_of
from litellm_tiering.telemetry.sightings import MOST_GATES, SAMPLE, Activity, HoldOut, cost_of, holdout_json

USD = 1_000_000_000
NOW = dt.datetime(2026, 11, 21, 14, 30, tzinfo=dt.timezone.utc).timestamp()
TODAY = dt.date(2026, 11, 21)


def tally(day="2026-11-21", route="auto", tier="simple", model="small", team="blue", reason="heuristic", **n):
    return Tally(day, -1, 0, route, tier, model, team, reason, **n)


ROWS = (
    tally(requests=10, attempts=10, cost=2 * USD, baseline=10 * USD, waste=1 * USD),
    tally(
        day="2026-11-20",
        tier="complex",
        model="large",
        team="red",
        requests=1,
        attempts=3,
        cost=5 * USD,
        baseline=5 * USD,
    ),
    tally(tier="", reason=CLASSIFIER, attempts=10, cost=USD),
    tally(
        route="",
        tier="",
        model="other",
        team="",
        reason=UNPLANNED,
        requests=1,
        attempts=1,
        cost=USD,
        baseline=USD,
    ),
    tally(
        tier="complex", reason="holdout", requests=4, attempts=4, refused=1, cost=8 * USD, baseline=8 * USD
    ),
)


def test_the_total_is_net_of_classifiers_and_of_attempts_in_vain():
    found = total(ROWS)
    assert (found.requests, found.refused, found.attempts) == (15, 1, 17)
    assert (found.cost, found.baseline, found.saved) == (17 * USD, 24 * USD, 7 * USD)
    assert (found.waste, found.classifier, found.unplanned) == (USD, USD, USD)
    assert (found.held, found.held_cost) == (4, 8 * USD)
    # Of what was routed: neither what is held out nor what has no route can save anything.
    assert found.share == pytest.approx(7 / 15)


@pytest.mark.parametrize("by", BY)
def test_the_lines_of_every_kind_add_up_to_the_total(by):
    told = [line.as_json(by) for line in lines(ROWS, by)]
    whole = total(ROWS).as_json(by)
    for key in whole.keys() - {by, "saved_share"}:
        assert sum(line[key] for line in told) == pytest.approx(whole[key])


def test_days_and_weeks_go_in_order_and_the_rest_by_cost_with_a_name_for_none():
    assert [line.name for line in lines(ROWS, "day")] == ["2026-11-20", "2026-11-21"]
    assert [line.name for line in lines(ROWS, "week")] == ["2026-W47"]
    assert [line.name for line in lines(ROWS, "team")] == ["blue", "red", NONE]
    assert [line.name for line in lines(ROWS, "tier")] == ["complex", "simple", NONE]
    assert week_of("2027-01-01") == "2026-W53"
    assert week_of("soon") == ""
    assert lines((), "day") == []
    assert total(()).share is None


def test_a_span_is_the_last_days_or_those_between_two():
    assert span(TODAY, None, None, None)[::6] == ("2026-11-15", "2026-11-21")
    assert span(TODAY, 1, None, None) == ("2026-11-21",)
    assert span(TODAY, 2, None, "2024-03-01") == ("2024-02-29", "2024-03-01")
    assert len(span(TODAY, None, "2026-10-01", None)) == 52


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ((0, None, None), "1 to 400"),
        ((401, None, None), "1 to 400"),
        ((3, "2026-11-01", None), "leave one of them out"),
        ((None, "2026-11-22", None), "before it begins"),
        ((None, "2020-01-01", None), "at most 400 days"),
        ((None, "yesterday", None), "`from` must be a day"),
        ((None, None, "20261121x"), "`to` must be a day"),
        ((None, None, "9999-12-31"), "years 1971 to 9998"),
        ((400, None, "0001-01-01"), "years 1971 to 9998"),
    ],
)
def test_days_that_are_no_span_are_refused_with_the_reason(asked, why):
    with pytest.raises(ValueError, match=why):
        span(TODAY, *asked)


# --- from the decisions ------------------------------------------------------------------------------------


def row(
    id_="1",
    at=NOW,
    *,
    team="blue",
    key="k",
    tier="simple",
    cost=0.5,
    holdout=False,
    reason="heuristic",
    **more,
):
    record = {
        "id": id_,
        "route": "auto",
        "tier": tier,
        "cost_usd": cost,
        "steps": [{"stage": "experiment" if holdout else "classify", "reason": reason}],
        "attempts": [{"verdict": "ok", "ms": 100.0}],
        "classifiers": [],
        **more,
    }
    return Row(id_, at, team, key, record, holdout)


class Kept:
    """Keeps rows as a store does, and may be away."""

    def __init__(self, *rows, away=False):
        self.rows, self.away, self.asked = rows, away, []

    async def scan(self, since_s, until_s):
        self.asked.append((since_s, until_s))
        if self.away:
            raise StoreUnavailable("gone")
        for one in sorted(self.rows, key=lambda r: -r.at):
            if since_s <= one.at < until_s:
                yield one


def scope(**more):
    return Scope(**{"days": ("2026-11-21",), "by": "day", "timezone": "UTC", "now_s": NOW, **more})


def test_waiting_times_are_those_of_everything_the_client_waited_for():
    seen = Activity()
    for ms in range(100):
        tried = [
            {"verdict": "refusal", "ms": 10.0},
            {"verdict": "unused", "ms": 999.0},
            {"verdict": "ok", "ms": ms},
        ]
        seen.saw(row(attempts=tried, classifiers=[{"ms": 5.0}]))
    seen.saw(row(attempts=[{"verdict": "pending", "ms": 0.0}]))
    assert seen.waits_ms("simple") == (65.0, 110.0)
    assert seen.waits_ms("complex") == (None, None)
    assert seen.rows == 101


def test_of_very_many_waiting_times_a_fair_draw_is_kept():
    seen, chance = Activity(), random.Random(1)
    for _ in range(3 * SAMPLE):
        seen.saw(row(attempts=[{"verdict": "ok", "ms": chance.uniform(0, 1000)}]))
    middle, slow = seen.waits_ms("simple")
    assert middle == pytest.approx(500, abs=40)
    assert slow == pytest.approx(950, abs=20)


def judged(verdict, *by):
    return {"verdict": verdict, "judged": list(by)}


def test_each_gate_is_counted_for_the_answers_that_it_judged_itself():
    seen = Activity(frozenset({"auto"}))
    seen.saw(row(attempts=[judged("refusal", "empty", "refusal"), judged("ok", "empty", "refusal", "json")]))
    seen.saw(row(attempts=[judged("empty", "empty"), judged("refusal", "refusal"), {"verdict": "late"}]))
    seen.saw(row(holdout=True, attempts=[judged("ok", "empty")]))
    other = row(attempts=[judged("ok", "empty")])
    seen.saw(Row("2", NOW, "", "", {**other.record, "route": "explicit"}))
    assert seen.gates == [
        {"gate": "refusal", "judged": 3, "rejected": 2},
        {"gate": "empty", "judged": 3, "rejected": 1},
        {"gate": "json", "judged": 1, "rejected": 0},
    ]


def test_gates_are_counted_up_to_a_number_whatever_rows_say():
    seen = Activity(frozenset({"auto"}))
    seen.saw(row(attempts=[judged("ok", 7, None, *(f"g{i}" for i in range(2 * MOST_GATES)))]))
    seen.saw(row(attempts=[judged("g0", "g0"), {"verdict": "x", "judged": "x"}]))
    assert len(seen.gates) == MOST_GATES
    assert seen.gates[0] == {"gate": "g0", "judged": 2, "rejected": 1}


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"attempts": "x", "steps": 7, "cost_usd": "1", "tier": 3, "classifiers": {}},
        {"attempts": [None, {"ms": "long", "verdict": 5}], "steps": [[]], "cost_usd": float("nan")},
        {"cost_usd": True, "tier": "simple", "route": "auto", "attempts": [{"ms": float("inf")}]},
    ],
)
def test_a_row_that_is_not_what_it_should_be_counts_for_nothing(record):
    hostile = Row("1", NOW, "blue", "k", record)
    seen, held = Activity(frozenset({"auto"})), HoldOut()
    seen.saw(hostile)
    held.saw(hostile)
    assert cost_of(record) == 0
    assert seen.gates == []
    assert held.found() is None


def sides(days=1):
    """Ten callers routed at half the cost of ten held out."""
    for day in range(days):
        for n in range(10):
            at = NOW + 86_400 * day + 900 * n
            yield row(f"r{day}-{n}", at, key=f"r{n}", cost=1.0 + n % 3 / 10)
            yield row(f"h{day}-{n}", at, key=f"h{n}", cost=2.0 + n % 3 / 5, holdout=True, reason="holdout")


def test_the_hold_out_compares_callers_and_its_result_is_told_in_dollars():
    held = HoldOut()
    for one in sides():
        held.saw(one)
    found = holdout_json(held.found(), since_s=NOW)
    assert (found["callers"], found["routed_callers"], found["requests"]) == (10, 10, 10)
    assert found["saved_share"] == pytest.approx(0.5)
    assert found["low"] < 0.5 < found["high"]
    assert found["saved_usd"] == pytest.approx(found["cost_usd"])
    assert found["otherwise_usd"] == pytest.approx(2 * found["cost_usd"])
    assert found["saved_low_usd"] < found["saved_usd"] < found["saved_high_usd"]
    assert (found["since"], found["note"]) == (NOW, "")
    assert holdout_json(None) is None


def test_who_chose_a_model_or_is_in_shadow_or_is_unknown_or_changed_sides_is_compared_with_nobody():
    held = HoldOut()
    for one in sides():
        held.saw(one)
    before = held.found()
    held.saw(row(key="r0", cost=99.0, reason="requested"))
    held.saw(row(key="r0", cost=99.0, reason="shadow"))
    held.saw(row(key="", team="", cost=99.0))
    assert held.found() == before
    assert held.left_out == 1
    held.saw(row(key="r0", holdout=True, reason="holdout"))
    assert (held.found().routed, held.found().callers) == (9, 10)


def test_only_the_days_with_somebody_held_out_are_compared():
    held = HoldOut()
    for one in sides():
        held.saw(one)
    before = held.found()
    held.saw(row(at=NOW - 3 * 86_400, key="r0", cost=99.0))
    held.saw(row(at=NOW + 3 * 86_400, key="r1", cost=99.0))
    assert held.found() == before


async def test_a_report_holds_the_totals_and_what_the_decisions_tell():
    store = Kept(row(at=NOW - 7200, cost=0.25), row("2", NOW, team="red"), *sides())
    asked = scope(days=("2026-11-20", "2026-11-21"), tiers=("simple", "moderate"), experiment=Experiment(0.5))
    hours = {"2026-11-21": {"*": (*(0,) * 12, USD, 0, 2 * USD, *(0,) * 9), "blue": (USD,) * 24}}
    seen, held = await look(store, asked), await look(store, asked, measure=True)
    report = compose(asked, ROWS, hours, seen, held)
    assert (report["from"], report["to"], report["timezone"]) == ("2026-11-20", "2026-11-21", "UTC")
    assert (
        [r["day"] for r in report["rows"]]
        == [d["day"] for d in report["days"]]
        == ["2026-11-20", "2026-11-21"]
    )
    needed = {"requests", "cost_usd", "baseline_usd", "saved_usd", "waste_usd", "classifier_usd"}
    assert needed <= report["days"][0].keys()
    assert report["total"]["saved_usd"] == 7.0
    assert [h["hour"] for h in report["hours"]] == list(range(15))
    assert report["hours"][12] == {"hour": 12, "cost_usd": 0.25, "baseline_usd": 1.0}
    assert [t["tier"] for t in report["tiers"]] == ["simple", "moderate", "complex"]
    assert report["tiers"][0] == {
        "tier": "simple",
        "requests": 10,
        "attempts": 10,
        "cost_usd": 2.0,
        "p50_ms": 100.0,
        "p95_ms": 100.0,
    }
    assert report["tiers"][1]["requests"] == 0
    assert report["holdout"]["callers"] == 10
    assert report["decisions"]["whole"]
    # The hold-out is looked at over more than a day or two.
    assert store.asked[1][0] == store.asked[1][1] - HOLDOUT_DAYS * 86_400


async def test_a_team_sees_its_own_rows_alone():
    store = Kept(row(at=NOW, cost=0.25), row("2", NOW, team="red", cost=7.0))
    asked = scope(days=("2026-11-20", "2026-11-21"), team="red", by="team")
    hours = {"2026-11-21": {"*": (USD,) * 24, "red": (0,) * 24}}
    report = compose(asked, ROWS, hours, await look(store, asked), None)
    assert [r["team"] for r in report["rows"]] == ["red"]
    assert report["total"]["cost_usd"] == 5.0
    assert (report["hours"][14]["cost_usd"], report["hours"][14]["baseline_usd"]) == (7.0, 0.0)
    assert report["decisions"]["seen"] == 1
    assert report["holdout"] is None


async def test_without_kept_decisions_only_what_the_totals_know_is_told():
    report = compose(scope(), ROWS, {}, None, None)
    assert report["hours"][0] == {"hour": 0, "cost_usd": None, "baseline_usd": 0.0}
    assert (report["gates"], report["holdout"], report["decisions"]["kept"]) == ([], None, False)
    assert compose(scope(days=("2026-11-20",)), ROWS, {}, None, None)["hours"] == []


async def test_where_not_all_decisions_are_looked_at_earlier_hours_are_unknown_and_not_nothing():
    store = Kept(*(row(str(n), NOW - 1800 * n) for n in range(10)))
    found = await look(store, scope(), most=3)
    assert not found.whole
    assert found.activity.rows == 3
    hours = compose(scope(), (), {}, found, None)["hours"]
    assert [h["cost_usd"] for h in hours[12:]] == [None, None, 1.0]


async def test_what_the_books_know_of_an_hours_cost_is_told_before_what_the_decisions_say():
    found = await look(Kept(row(at=NOW - 7200, cost=0.25)), scope())
    spending = {"2026-11-21": {"*": (USD, *(0,) * 11, 3 * USD, *(0,) * 11), "red": (5 * USD,) * 24}}
    hours = compose(scope(), (), {}, found, None, spending)["hours"]
    assert [h["cost_usd"] for h in hours] == [1.0, *[0.0] * 11, 3.0, 0.0, 0.0]
    red = compose(scope(team="red"), (), {}, None, None, spending)["hours"]
    assert {h["cost_usd"] for h in red} == {5.0}
    nobody = compose(scope(team="blue"), (), {}, None, None, spending)["hours"]
    assert {h["cost_usd"] for h in nobody} == {0.0}
    another = {"2026-11-20": {"*": (USD,) * 24}}
    assert compose(scope(), (), {}, found, None, another)["hours"][12]["cost_usd"] == 0.25


async def test_a_look_at_very_many_decisions_lets_others_go_on():
    store = Kept(*(row(str(n), NOW - n) for n in range(450)))
    assert (await look(store, scope())).activity.rows == 450


async def test_a_store_that_is_away_is_told_as_such():
    with pytest.raises(StoreUnavailable):
        await look(Kept(away=True), scope())


def test_days_are_those_of_the_owners_clock():
    late = dt.datetime(2026, 11, 21, 23, 30, tzinfo=dt.timezone.utc).timestamp()
    assert str(today("Europe/Berlin", late)) == "2026-11-22"
    berlin = scope(days=("2026-03-29",), timezone="Europe/Berlin")
    # The day on which an hour is left out.
    assert berlin.until_s - berlin.since_s == 23 * 3600
