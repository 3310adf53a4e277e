from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import litellm
import pytest
from litellm import ModelResponse, Router

from litellm_tiering import capture as captures
from litellm_tiering.capture import Capture, CaptureSettings, sampled
from litellm_tiering.config.assemble import capture_of, engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.budget import Critical
from litellm_tiering.core.gate import Said, ToolCall
from litellm_tiering.gateway import apply, compat, taking
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS, config_for

ADMIN = SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue")
QUESTION = "What is the capital of France?"


class Kept:
    """A sink in memory."""

    def __init__(self):
        self.lines = []
        self.closed = False

    def put(self, line):
        self.lines.append(line)

    def alarms(self):
        return ["the sink's"]

    async def close(self):
        self.closed = True


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def gateway(monkeypatch, kept):
    config = config_for("http://127.0.0.1:1", {})
    router = Router(model_list=config["model_list"], model_group_alias={"auto": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: router)
    settings = build(from_mapping({"tiers": TIERS, "store": {"url": "memory://"}}).config)
    engine = engine_of(settings, MemoryLedger())
    made = Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))
    wanted = CaptureSettings(1.0, never=Critical(teams=("red-*",)))
    made.capture = Capture(wanted, settings.ladder, kept, engine.fault)
    return made


def asking(**more):
    return {"model": "auto", "messages": [{"role": "user", "content": QUESTION}], "metadata": {}, **more}


def answering(text="Paris"):
    message = {"role": "assistant", "content": text}
    return ModelResponse(choices=[{"index": 0, "message": message, "finish_reason": "stop"}])


def bill(data, **payload):
    said = {
        "response_cost": 1e-5,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "model_group": "small",
        "litellm_call_id": "call",
        "startTime": 1.0,
        **payload,
    }
    return {"standard_logging_object": said, "litellm_params": {"metadata": data.get("metadata")}}


async def admitted(gateway, key=ADMIN, **more):
    data = asking(**more)
    assert await gateway.admit(key, data, "acompletion") is None
    gateway.beside(key, data)
    return data, gateway.engine.books.flight(apply.attempt_of(data)).journey


@pytest.mark.parametrize("bill_first", [False, True], ids=["answer then bill", "bill then answer"])
async def test_a_line_is_written_once_when_all_is_known(gateway, kept, bill_first):
    data, journey = await admitted(gateway)
    if bill_first:
        await gateway.paid(bill(data), None)
        assert kept.lines == []
    await gateway.answered(data, answering())
    if not bill_first:
        assert kept.lines == []
        await gateway.paid(bill(data), None)
    await gateway.paid(bill(data), None)
    (line,) = kept.lines
    assert line["id"] == journey.record.id
    assert line["messages"] == [{"role": "user", "content": QUESTION}]
    assert line["responses"]["small"] == {
        "text": "Paris",
        "finish_reason": "stop",
        "cost": 1e-5,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "tier": "simple",
        "verdict": "ok",
        "reasons": [],
        "p_bad": line["responses"]["small"]["p_bad"],
        "ms": line["responses"]["small"]["ms"],
        "served": True,
    }
    assert line["would_cost"]["large"] > line["would_cost"]["small"] > 0
    assert line["routed"]["by"] == "heuristic"
    assert line["routed"]["scores"][0]["by"] == "heuristic"
    assert journey.taken is None, "its text is let go of"


async def test_a_stream_is_listened_to_and_passes_as_it_is(gateway, kept):
    data, journey = await admitted(gateway, model="large", stream=True)

    async def stream():
        for piece in ("Par", "is"):
            delta = SimpleNamespace(content=piece)
            yield SimpleNamespace(choices=[SimpleNamespace(index=0, delta=delta, finish_reason=None)])

    source = stream()
    seen = [chunk async for chunk in gateway.streamed(data, source)]
    assert [c.choices[0].delta.content for c in seen] == ["Par", "is"]
    await gateway.paid(bill(data, model_group="large"), None)
    assert kept.lines[0]["responses"]["large"]["text"] == "Paris"
    assert journey.taken is None


async def test_a_stream_that_the_client_leaves_is_kept_as_far_as_it_came(gateway, kept):
    data, _ = await admitted(gateway, model="large", stream=True)

    async def stream():
        delta = SimpleNamespace(content="Par")
        while True:
            yield SimpleNamespace(choices=[SimpleNamespace(index=0, delta=delta, finish_reason=None)])

    served = gateway.streamed(data, stream())
    await anext(served)
    await served.aclose()
    await gateway.paid(bill(data, model_group="large"), None)
    assert kept.lines[0]["responses"]["large"]["text"] == "Par"


OPT_OUT = {
    "no-log": {"no-log": True},
    "no-log as text": {"no-log": "true"},
    "no-log in metadata": {"metadata": {"no-log": True}},
    "no messages logged": {"turn_off_message_logging": True},
    "a header": {"proxy_server_request": {"headers": {"LiteLLM-Enable-Message-Redaction": "True"}}},
}


@pytest.mark.parametrize("more", OPT_OUT.values(), ids=OPT_OUT)
async def test_nothing_is_kept_of_a_request_that_opts_out(gateway, more):
    _, journey = await admitted(gateway, **more)
    assert journey.taken is None


@pytest.mark.parametrize(
    "more", [{"no-log": False}, {"metadata": []}, {"proxy_server_request": {"headers": 1}}]
)
async def test_whoever_does_not_opt_out_is_kept(gateway, more):
    _, journey = await admitted(gateway, **more)
    assert journey.taken is not None


async def test_where_litellm_logs_no_messages_nothing_is_kept(gateway, monkeypatch):
    monkeypatch.setattr(litellm, "turn_off_message_logging", True)
    _, journey = await admitted(gateway)
    assert journey.taken is None


async def test_nothing_is_kept_of_whom_the_owner_spares(gateway):
    _, journey = await admitted(gateway, SimpleNamespace(models=[], team_models=[], team_id="red-1"))
    assert journey.taken is None


async def test_a_failed_request_is_dropped(gateway, kept):
    data, journey = await admitted(gateway)
    await gateway.failed(data)
    assert (journey.taken, kept.lines) == (None, [])
    gateway.capture.drop(journey)


async def test_without_a_capture_no_text_is_kept(gateway):
    gateway.capture = None
    data, journey = await admitted(gateway)
    assert journey.taken is None
    await gateway.answered(data, answering())
    await gateway.failed(data)
    assert gateway.other_alarms() == []


async def test_too_many_under_way_lose_the_oldest_and_those_left_by_their_clients_silently(
    gateway, monkeypatch
):
    monkeypatch.setattr(captures, "MAX_OPEN", 2)
    journeys = [(await admitted(gateway))[1] for _ in range(3)]
    assert [j.taken is None for j in journeys] == [True, False, False]
    assert gateway.other_alarms() == [
        "capture: 1 requests were not kept: too many were under way",
        "the sink's",
    ]
    journeys[1].began_s -= captures.ABANDONED_S
    await admitted(gateway)
    assert journeys[1].taken is None
    assert gateway.capture.lost == 1


async def test_a_fault_of_ours_harms_neither_the_bill_nor_the_answer(gateway, kept, monkeypatch):
    def boom(*_):
        raise KeyError("SECRET")

    monkeypatch.setattr(captures.Taken, "line", boom)
    data, journey = await admitted(gateway)
    await gateway.answered(data, answering())
    await gateway.paid(bill(data), None)
    assert journey.flights[0].cost == 10_000
    assert journey.taken is None
    assert dict(gateway.engine.faults) == {"capture:KeyError": 1}


async def test_no_question_and_no_answer_are_no_line(gateway, kept):
    data, _ = await admitted(gateway, messages=[])
    await gateway.answered(data, answering())
    await gateway.paid(bill(data), None)
    assert kept.lines == []


async def test_a_long_answer_with_tools_and_logprobs_is_bounded(gateway, kept):
    data, journey = await admitted(gateway, metadata={"tags": ["faq"], "use_case": "faq"})
    await gateway.answered(data, answering())
    calls = (ToolCall("f", "x" * 10**6),) * 100
    said = Said("y" * 10**6, calls, (-0.123456,) * 10_000 + (float("-inf"),), "stop", "r" * 10**6)
    journey.taken.heard(0, (said,))
    await gateway.paid(bill(data), None)
    (line,) = kept.lines
    small = line["responses"]["small"]
    assert small["cut"] is True
    assert len(small["text"]) == len(small["refusal"]) == captures.MAX_ANSWER_CHARS
    assert len(small["tool_calls"]) == captures.MAX_CALLS
    assert len(small["tool_calls"][0]["function"]["arguments"]) == captures.MAX_ARGUMENT_CHARS
    assert len(small["logprobs"]) == captures.MAX_LOGPROBS
    assert small["logprobs"][0] == -0.1235
    assert line["metadata"] == {"tags": ["faq"], "use_case": "faq"}


def test_the_sample_is_the_same_everywhere_and_about_as_large_as_it_should_be():
    ids = [f"{i:016x}" for i in range(5_000)]
    tenth = [i for i in ids if sampled(i, 0.1)]
    assert 400 < len(tenth) < 600
    assert set(tenth) <= {i for i in ids if sampled(i, 0.5)}
    assert not any(sampled(i, 0.0) for i in ids)
    assert all(sampled(i, 1.0) for i in ids)


def test_feedback_is_kept_for_those_of_the_sample_only(gateway, kept):
    assert gateway.capture.feedback("abc", 0.5)
    assert kept.lines == [{"captured": 1, "id": "abc", "feedback": 0.5}]
    gateway.capture.settings = replace(gateway.capture.settings, share=0.0)
    assert not gateway.capture.feedback("abc", 0.5)
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1"):
            gateway.capture.feedback("abc", wrong)


async def test_closing_lets_go_of_everything(gateway, kept):
    _, journey = await admitted(gateway)
    await gateway.capture.close()
    assert journey.taken is None
    assert kept.closed


def settings_with(mode="enforce", **capture):
    section = {"tiers": TIERS, "store": {"url": "memory://"}, "mode": mode, "capture": capture}
    return build(from_mapping(section).config)


def test_a_capture_goes_on_where_a_reload_changes_nothing_of_it(gateway):
    engine = gateway.engine
    assert capture_of(settings_with(), engine) is None
    assert capture_of(settings_with("off", share=0.5), engine) is None
    first = capture_of(settings_with(share=0.5), engine)
    assert first.settings == CaptureSettings(0.5)
    assert capture_of(settings_with(share=0.5), engine, first) is first
    other = capture_of(settings_with(share=0.5, never={"tags": ["x"]}), engine, first)
    assert other is not first
    assert other.settings.never.tags == ("x",)


async def test_what_breaks_a_stream_is_raised_and_its_bill_is_yet_to_come(gateway):
    async def stream():
        yield 1
        yield 2
        raise OSError("cut")

    _, journey = await admitted(gateway)
    seen = []
    with pytest.raises(OSError, match="cut"):
        async for chunk in taking.to_the_end(stream(), journey.taken):
            seen.append(chunk)  # noqa: PERF401 - what came before the break
    assert seen == [1, 2]
    assert journey.taken is not None
