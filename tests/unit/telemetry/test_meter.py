"""Figures of requests: each once, in the right moment, and in agreement with the day's totals."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

prometheus_client = pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))  # the kit of the cascade's tests

from cascade_kit import FACTS, NOBODY, Says, depart, engine_on  # noqa: E402 - found by the line above

from litellm_tiering.core.budget import AtCeiling, Budget  # noqa: E402
from litellm_tiering.core.features import PromptText, RequestFeatures  # noqa: E402
from litellm_tiering.core.policy import Route  # noqa: E402
from litellm_tiering.plan import Inquiry, Unplanned  # noqa: E402
from litellm_tiering.telemetry import meter as module  # noqa: E402
from litellm_tiering.telemetry.meter import NO_ROUTE, Figures, Meters  # noqa: E402
from litellm_tiering.telemetry.metrics import NAMES_MAX, OTHER, Metrics  # noqa: E402


@pytest.fixture
def registry():
    return prometheus_client.CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return Metrics(prometheus_client, registry)


@pytest.fixture
def told(registry):
    def _told(name, **labels):
        return registry.get_sample_value(f"litellm_tiering_{name}", labels) or 0.0

    return _told


def measured(metrics, *budgets, **more):
    engine = engine_on(*budgets, **more)
    engine.books.meter = Meters([Figures(metrics)], engine.fault)
    return engine


async def test_a_request_counts_when_it_is_decided_and_its_attempt_when_it_was_judged(metrics, told):
    engine = measured(metrics)
    journey = await depart(engine)
    assert told("requests_total", route="auto", tier="simple", model="small", reason="heuristic") == 1
    flight = journey.flights[0]
    engine.books.judged(flight, "refusal", ("refusal:phrase",))
    assert told("attempts_total", tier="simple", model="small", verdict="refusal") == 1
    await engine.books.settle(flight, 2_000_000_000, baseline=5_000_000_000)
    assert told("attempts_total", tier="simple", model="small", verdict="refusal") == 1
    assert told("attempts_total", tier="simple", model="small", verdict="ok") == 0
    assert told("attempt_seconds_count", tier="simple") == 1
    assert told("spend_usd_total", tier="simple", model="small") == pytest.approx(2)
    assert told("baseline_usd_total", route="auto") == pytest.approx(5)


async def test_a_bill_that_comes_before_the_judgement_does_not_hide_the_verdict(metrics, told):
    engine = measured(metrics)
    journey = await depart(engine)
    flight = journey.flights[0]
    await engine.books.settle(flight, 1, baseline=1)
    assert told("attempts_total", tier="simple", model="small", verdict="ok") == 0
    engine.books.judged(flight, "schema")
    assert told("attempts_total", tier="simple", model="small", verdict="schema") == 1


async def test_an_attempt_that_nobody_judges_counts_a_moment_after_its_bill(metrics, told, monkeypatch):
    monkeypatch.setattr(module, "JUDGED_WITHIN_S", 0.0)
    engine = measured(metrics)
    journey = await depart(engine)
    await engine.books.settle(journey.flights[0], 1, baseline=1)
    for _ in range(3):
        await asyncio.sleep(0)
    assert told("attempts_total", tier="simple", model="small", verdict="ok") == 1
    engine.books.judged(journey.flights[0], "late")
    assert told("attempts_total", tier="simple", model="small", verdict="late") == 0


async def test_a_failed_attempt_counts_at_once(metrics, told):
    engine = measured(metrics)
    journey = await depart(engine)
    await engine.books.release(journey.flights[0])
    assert told("attempts_total", tier="simple", model="small", verdict="failed") == 1


async def test_an_escalation_takes_back_the_baseline_of_an_answer_that_nobody_got(metrics, told):
    engine = measured(metrics)
    journey = await depart(engine)
    first = journey.flights[0]
    await engine.books.settle(first, 1_000_000_000, baseline=4_000_000_000)
    second = await engine.escalate(journey, 1)
    engine.books.serve(second, journey.record.decision)
    await engine.books.settle(second, 2_000_000_000, baseline=4_500_000_000)
    # The first one's four dollars were counted already: of the second's only what is beyond them.
    assert told("baseline_usd_total", route="auto") == pytest.approx(4.5)
    assert told("spend_usd_total", tier="moderate", model="medium") == pytest.approx(2)


async def test_a_refused_request_counts_with_why(metrics, told):
    blocking = Budget(limit=1, at_ceiling=AtCeiling.BLOCK)
    engine = measured(metrics, blocking)
    route = Route("auto", ("auto",))
    plan = await engine.plan(
        Inquiry(RequestFeatures(max_tokens=10), PromptText("q"), NOBODY, route, 2, FACTS)
    )
    assert plan.decision.refusal is not None
    assert told("requests_total", route="auto", tier="simple", model="small", reason="refused:ceiling") == 1


async def test_calls_that_no_route_serves_are_counted_apart(metrics, told):
    engine = measured(metrics)
    await engine.charge(Unplanned("call:1", NOBODY, frozenset(), "embed", 3_000_000_000, engine.clock.now()))
    assert told("requests_total", route=NO_ROUTE, tier=NO_ROUTE, model="embed", reason="unplanned") == 1
    assert told("spend_usd_total", tier=NO_ROUTE, model="embed") == pytest.approx(3)
    assert told("baseline_usd_total", route=NO_ROUTE) == pytest.approx(3)


async def test_what_fails_in_a_meter_costs_no_request(metrics):
    class Broken(Figures):
        def decided(self, record):
            raise RuntimeError("no")

    engine = engine_on(says=Says(1))
    engine.books.meter = Meters([Broken(metrics)], engine.fault)
    journey = await depart(engine)
    assert journey.record.tier == "moderate"
    assert engine.faults == {"metrics:RuntimeError": 1}


async def test_more_meters_can_be_added(metrics, told):
    engine = measured(metrics)
    seen = []

    class Noting(Figures):
        def decided(self, record):
            seen.append(record.tier)

    engine.books.meter.add(Noting(metrics))
    await depart(engine)
    assert seen == ["simple"]
    engine.books.meter.took(0.002)
    engine.books.meter.judged("refusal", 0.001)
    engine.books.meter.escalated("simple", "complex", "refusal")
    assert told("decision_seconds_count") == 2
    assert told("gate_seconds_count", gate="refusal") == 2
    assert told("escalations_total", from_tier="simple", to_tier="complex", gate="refusal") == 2


def test_labels_are_bounded_whatever_is_told(metrics, registry, told):
    for i in range(NAMES_MAX + 50):
        metrics.spend("(unplanned)", f"model-{i}", 1_000_000_000)
    (family,) = [f for f in registry.collect() if f.name == "litellm_tiering_spend_usd"]
    assert len([s for s in family.samples if s.name.endswith("_total")]) == NAMES_MAX + 1
    assert told("spend_usd_total", tier=OTHER, model=OTHER) == pytest.approx(50)


def test_a_counter_of_the_baseline_never_goes_back(metrics, told):
    shown = []
    for amount in (2, -1, -3, 1, 4):
        metrics.baseline("auto", amount * 1_000_000_000)
        shown.append(told("baseline_usd_total", route="auto"))
    assert shown == pytest.approx([2, 2, 2, 2, 3])


def test_faults_are_counted_once(metrics, told):
    metrics.faults({"gate:mine:KeyError": 2})
    metrics.faults({"gate:mine:KeyError": 3})
    assert told("faults_total", where="gate:mine:KeyError") == 3


def test_store_errors_are_there_before_the_first(metrics, told, registry):
    assert registry.get_sample_value("litellm_tiering_store_errors_total", {"op": "reserve"}) == 0
