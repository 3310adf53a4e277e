"""What LiteLLM's logs and traces are told of a request."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from litellm import Router

from litellm_tiering.config.assemble import engine_of, measure
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.gateway import apply, compat
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.hooks import TieringHandler
from litellm_tiering.gateway.tracing import ATTEMPT, DECIDE, Tracing, open_tracing, tell
from litellm_tiering.gateway.upstream import request_for
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS, config_for

WORDS = "zanzibarian umbrellas"


class Parent:
    """A span as LiteLLM opens one for each request."""

    def __init__(self):
        self.told = {}

    def is_recording(self):
        return True

    def set_attributes(self, told):
        self.told.update(told)

    def get_span_context(self):
        return "place"


class Api:
    """As much of ``opentelemetry.trace`` as is used."""

    def __init__(self):
        self.spans = []

    NonRecordingSpan = staticmethod(lambda context: ("span at", context))
    set_span_in_context = staticmethod(lambda span: {"parent": span})

    def get_tracer(self, name):
        assert name == "litellm_tiering"
        return self

    def start_span(self, name, *, context, start_time, attributes):
        span = SimpleNamespace(
            name=name, context=context, start=start_time, told=dict(attributes), ended=None
        )

        def end(end_time):
            span.ended = end_time

        span.end = end
        self.spans.append(span)
        return span


@pytest.fixture
def gateway(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    router = Router(model_list=config["model_list"], model_group_alias={"auto": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: router)
    settings = build(from_mapping({"tiers": TIERS, "store": {"url": "memory://"}}).config)
    engine = engine_of(settings, MemoryLedger())
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


def key(span=None):
    return SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue", parent_otel_span=span)


def asking(**metadata):
    return {"model": "auto", "messages": [{"role": "user", "content": WORDS}], "metadata": metadata}


def event(data):
    said = {"prompt_tokens": 10, "completion_tokens": 5, "model_group": "small", "litellm_call_id": "call"}
    payload = {**said, "response_cost": 1e-5, "startTime": 1.0, "metadata": {"user_api_key_alias": "mine"}}
    return {"standard_logging_object": payload, "litellm_params": {"metadata": data["metadata"]}}


async def test_a_call_is_logged_with_what_was_decided_and_what_it_would_have_cost(gateway):
    data = asking(spend_logs_metadata={"project": "blue"})
    await gateway.admit(key(), data, "acompletion")
    first = data["metadata"][apply.LOGGED]
    assert (first["project"], first["tiering_tier"], first["tiering_attempt"]) == ("blue", "simple", 1)
    kwargs = event(data)
    handler = TieringHandler(gateway)
    found = await handler.async_logging_hook(kwargs=kwargs, result="answer", call_type="acompletion")
    assert found == (kwargs, "answer")
    logged = kwargs["standard_logging_object"]["metadata"]
    assert logged["user_api_key_alias"] == "mine"
    assert logged[apply.LOGGED]["tiering_baseline_usd"] == pytest.approx(10 * 5e-6 + 5 * 3e-5)
    assert logged[apply.LOGGED]["tiering_attempts"] == "small:pending"
    assert data["metadata"][apply.LOGGED]["tiering_baseline_usd"] > 0
    assert WORDS not in str(logged)


async def test_a_call_that_is_not_ours_is_logged_as_it_is(gateway):
    kwargs = event(asking())
    before = str(kwargs)
    tell(gateway.engine.books, kwargs, None)
    tell(gateway.engine.books, {}, None)
    assert str(kwargs) == before


async def test_a_client_cannot_speak_for_us(gateway):
    data = asking(spend_logs_metadata={"tiering_tier": "free", "own": 1, 7: "odd"})
    data["model"] = "another"
    await gateway.admit(key(), data, "acompletion")
    assert data["metadata"][apply.LOGGED] == {"own": 1, 7: "odd"}


async def test_a_further_attempt_says_nothing_of_the_first(gateway):
    data = asking(spend_logs_metadata={"project": "blue"})
    await gateway.admit(key(), data, "acompletion")
    logged = request_for(data, "large", "second")["metadata"][apply.LOGGED]
    assert set(logged) == {"project", "tiering_decision", "tiering_route", "tiering_policy"}
    assert data["metadata"][apply.LOGGED]["tiering_attempt"] == 1


async def test_the_clients_own_metadata_stays_its_own_where_litellm_has_another():
    ours, theirs = {"a": 1}, {"b": 2}
    params = {"litellm_metadata": ours, "metadata": theirs}
    assert compat.metadata_to_log({"litellm_params": params}) == (ours,)
    assert compat.metadata_to_log({"litellm_params": "odd", "standard_logging_object": None}) == ()


async def test_spans_stand_below_litellms_own(gateway):
    api, span = Api(), Parent()
    engine = gateway.engine
    gateway.tracing = Tracing(api, engine.clock, engine.fault)
    measure(engine, gateway.tracing)
    data = asking()
    await gateway.admit(key(span), data, "acompletion")
    flight = engine.books.flight(apply.attempt_of(data))
    engine.books.judged(flight, "refusal", ("refusal:phrase",))
    decide, attempt = api.spans
    assert (decide.name, attempt.name) == (DECIDE, ATTEMPT)
    assert decide.context == attempt.context == {"parent": ("span at", "place")}
    assert span.told["litellm_tiering.tier"] == decide.told["litellm_tiering.tier"] == "simple"
    assert attempt.told["litellm_tiering.verdict"] == "refusal"
    assert all(0 < s.start <= s.ended for s in api.spans)
    assert WORDS not in str([s.told for s in api.spans])
    assert engine.faults == {}


async def test_without_a_span_of_litellms_there_is_none_of_ours(gateway):
    api = Api()
    gateway.tracing = Tracing(api, gateway.engine.clock, gateway.engine.fault)
    measure(gateway.engine, gateway.tracing)
    data = asking()
    await gateway.admit(key(), data, "acompletion")
    await gateway.engine.books.release(gateway.engine.books.flight(apply.attempt_of(data)))
    assert api.spans == []


async def test_a_trace_that_fails_costs_no_request(gateway):
    gateway.tracing = Tracing(SimpleNamespace(), gateway.engine.clock, gateway.engine.fault)
    data = asking()
    assert await gateway.admit(key(Parent()), data, "acompletion") is None
    assert data["model"] == "small"
    assert gateway.engine.faults == {"tracing:AttributeError": 1}


def test_without_opentelemetry_there_are_no_spans(monkeypatch, gateway):
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    assert open_tracing(gateway.engine.clock, gateway.engine.fault) is None


def test_opentelemetrys_own_api_is_used(gateway):
    pytest.importorskip("opentelemetry.trace", reason="opentelemetry-api is not installed")
    assert open_tracing(gateway.engine.clock, gateway.engine.fault) is not None
