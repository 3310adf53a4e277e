from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_tiering.config.assemble import announce, engine_of, expected_of, watch_drift
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.classification import Classification, Opinion
from litellm_tiering.core.decision import Decision, Reason, Stage, Step
from litellm_tiering.core.drift import Scores
from litellm_tiering.drift import ROUTES_MAX, Drift, Expected
from litellm_tiering.events import Kind
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS

TRAINED = Expected("learned", Scores.of([i / 100 for i in range(101)], 1_000), 1_000, 0.2)
DIRECT = Decision((Step(Stage.CLASSIFY, Reason.LEARNED, None, 0),))
MOVED = DIRECT.moved(1, stage=Stage.BUDGET, because=Reason.BUDGET)


class Clock:
    def __init__(self):
        self.time = 1_795_000_000.0

    def now(self):
        return self.time


def said(score, confidence=1.0, by="learned"):
    return Classification(rank=0, by=by, opinions=(Opinion(by, score=score, confidence=confidence),))


@pytest.fixture
def told():
    return []


@pytest.fixture
def drift(told):
    return Drift(TRAINED, Clock(), lambda event, claim, ttl_s: told.append((event, claim, ttl_s)))


def test_traffic_like_the_trainings_is_no_alarm(drift, told):
    for i in range(5_000):
        drift.classified("auto", said((i * 37 % 101) / 100))
        drift.judged("auto", DIRECT, escalated=i % 5 == 0)
    assert (drift.alarms(), told) == ([], [])


def test_drifting_scores_are_an_alarm_and_one_event_and_so_is_their_return(drift, told):
    for _ in range(1_000):
        drift.classified("auto", said(0.9))
    (alarm,) = drift.alarms()
    assert alarm.startswith("scores drift on route 'auto': the latest 1000 are not spread like the training")
    assert alarm.endswith("since 2026-11-18 11:06 UTC")
    ((event, claim, ttl_s),) = told
    assert (event.kind, ttl_s) == (Kind.DRIFT, 3600)
    assert event.detail.startswith("scores drift on route 'auto'")
    for i in range(2_000):
        drift.classified("auto", said((i * 37 % 101) / 100))
    assert drift.alarms() == []
    assert told[1][0].detail == "scores drift no longer on route 'auto'"
    assert told[1][1] != claim


def test_requests_unlike_the_training_data_are_an_alarm(drift):
    for i in range(1_000):
        drift.classified("auto", said((i * 37 % 101) / 100, confidence=0.3 if i % 5 == 0 else 1.0))
    (alarm,) = drift.alarms()
    assert alarm.startswith("unlike the training data on route 'auto': 20% of the latest 1000 requests are")


def test_escalations_far_from_what_tuning_expected_are_an_alarm_each_way(drift):
    for _ in range(1_000):
        drift.judged("often", DIRECT, escalated=True)
        drift.judged("never", DIRECT, escalated=False)
    assert [a.split(",")[0] for a in drift.alarms()] == [
        "escalations drift on route 'often': 100% of the latest 1000 requests escalated",
        "escalations drift on route 'never': 0% of the latest 1000 requests escalated",
    ]
    assert "and 20% were expected" in drift.alarms()[0]


def test_what_a_budget_moved_says_nothing_of_the_router(drift):
    for _ in range(1_000):
        drift.judged("auto", MOVED, escalated=True)
    assert drift.alarms() == []


@pytest.mark.parametrize(
    "other", [said(0.9, by="heuristic"), said(None), said(float("nan")), Classification()]
)
def test_other_classifiers_and_no_scores_do_not_count(drift, other):
    for _ in range(1_000):
        drift.classified("auto", other)
    assert drift.alarms() == []


def test_without_a_training_nothing_is_watched_and_routes_are_bounded(told):
    nothing = Drift(Expected(), Clock())
    for _ in range(1_000):
        nothing.classified("auto", said(0.9))
        nothing.judged("auto", DIRECT, escalated=True)
    assert nothing.alarms() == []
    drift = Drift(TRAINED, Clock())
    for _ in range(600):
        drift.classified("route-0", said(0.9))
    assert drift.alarms()
    for i in range(ROUTES_MAX):
        drift.classified(f"route-{i + 1}", said(0.5))
    assert drift.alarms() == []


def settings_with(**cascade):
    section = {"tiers": TIERS, "store": {"url": "memory://"}}
    return build(from_mapping({**section, "cascade": cascade} if cascade else section).config)


def test_what_tuning_wrote_down_is_what_escalations_are_held_against():
    assert expected_of(settings_with()) == Expected()
    assert expected_of(settings_with(escalates=0.3)) == Expected(escalates=0.3)
    assert expected_of(build(from_mapping({"tiers": TIERS, "cascade": False}).config)) == Expected()


async def test_what_was_seen_outlives_a_reload_that_changes_no_expectation():
    settings = settings_with(escalates=0.3)
    engine = engine_of(settings, MemoryLedger())
    announcer = announce(settings, engine)
    before = engine.drift
    watch_drift(settings, engine, announcer)
    assert engine.drift is before
    watch_drift(settings_with(escalates=0.5), engine, announcer)
    assert engine.drift is not before
    watch_drift(settings_with(), engine, announcer)
    assert engine.drift is None
    await engine.close()


def test_an_expectation_is_a_value():
    assert replace(TRAINED, rows=5) != TRAINED
    assert TRAINED.any
    assert not Expected().any
