"""The simulated provider's faults, its log, and its patience with requests that make no sense."""

from __future__ import annotations

import json
import time

import httpx
import openai
import pytest

from litellm_tiering.testing.provider import Latency, ScriptedFault, create_app
from litellm_tiering.testing.provider.faults import fault_in
from litellm_tiering.testing.provider.prose import REFUSAL

LONG = "Explain how tides work. [[hard]]"


def said(text):
    return [{"role": "user", "content": text}]


def inside(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://provider")


def status_of(ask):
    try:
        ask()
    except openai.APIStatusError as error:
        return error.status_code
    return 200


def test_a_fault_heals_after_its_times(oai, provider):
    provider.faults("status", status=503, times=2)
    asked = {"model": "sim-medium", "messages": said("Hi")}
    statuses = [status_of(lambda: oai.chat.completions.create(**asked)) for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert [call["status"] for call in provider.calls()] == statuses


def test_a_cut_stream_ends_after_its_events_and_bills_what_was_sent(oai, claude, provider):
    provider.faults("cut_stream", after_events=4)
    got = []
    with pytest.raises(httpx.RemoteProtocolError):
        got.extend(oai.chat.completions.create(model="sim-large", messages=said(LONG), stream=True))
    assert len(got) == 4
    assert provider.calls()[0]["completion_tokens"] == 9  # three deltas of three tokens follow the role
    with pytest.raises(openai.APIConnectionError):
        oai.chat.completions.create(model="sim-large", messages=said(LONG))
    with pytest.raises(Exception, match="peer closed"):  # of the HTTP library that the client brings
        list(claude.messages.create(model="sim-large", messages=said(LONG), max_tokens=400, stream=True))
    with pytest.raises(httpx.RemoteProtocolError):
        list(oai.responses.create(model="sim-large", input=LONG, stream=True))


def test_malformed_answers_are_not_json(oai, provider):
    provider.faults("malformed")
    with pytest.raises(ValueError, match="Expecting"):
        oai.chat.completions.create(model="sim-large", messages=said("Hi"))
    with pytest.raises(ValueError, match="Expecting"):
        list(oai.chat.completions.create(model="sim-large", messages=said("Hi"), stream=True))


def test_empty_and_refusing_answers(oai, claude):
    def chat(text, **more):
        return oai.chat.completions.create(model="sim-large", messages=said(text), **more)

    assert chat("Hi [[fault:empty]]").choices[0].message.content == ""
    assert chat("Hi [[fault:refuse@sim-large]]").choices[0].message.content == REFUSAL
    streamed = chat("Hi [[fault:empty]]", stream=True)
    assert "".join(part.choices[0].delta.content or "" for part in streamed) == ""
    blank = claude.messages.create(model="sim-large", messages=said("Hi [[fault:empty]]"), max_tokens=9)
    assert blank.content == []


def test_timeouts_and_slow_answers(oai, provider):
    provider.faults("timeout", model="sim-small")
    with pytest.raises(openai.APITimeoutError):
        oai.with_options(timeout=0.2).chat.completions.create(model="sim-small", messages=said("Hi"))
    with pytest.raises(openai.APIStatusError) as gave_up:
        oai.chat.completions.create(model="sim-large", messages=said("Hi [[fault:timeout=5]]"))
    assert gave_up.value.status_code == 504
    began = time.monotonic()
    oai.chat.completions.create(model="sim-large", messages=said("Hi [[fault:slow=150]]"))
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[fault:429@sim-small]]", ScriptedFault("status", "sim-small", status=429)),
        ("[[fault:503=2]]", ScriptedFault("status", status=503, retry_after=2)),
        ("[[fault:slow=250@*]]", ScriptedFault("slow", delay_ms=250)),
        ("[[fault:cut_stream=0]]", ScriptedFault("cut_stream", after_events=0)),
        ("[[fault:500@sim-large]] [[fault:empty]]", ScriptedFault("empty")),
        ("[[fault:200]]", None),
        ("[[fault:status]]", None),
        ("[[fault:nonsense]]", None),
        ("[[fault:429@" + "m" * 65 + "]]", None),
        ("[[fault:slow=99999999]]", None),
        ("[[fault:empty@other]]" * 8 + "[[fault:empty]]", None),
    ],
)
def test_the_grammar_of_markers(text, expected):
    assert fault_in(f"Hello {text} there", "sim-small") == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "nonsense"},
        {"fault": "status", "status": 200},
        {"fault": "slow", "delay_ms": "long"},
        {"fault": "slow", "delay": 5},
        {"fault": "empty", "times": 0},
        {"fault": "empty", "model": ["sim-small"]},
    ],
)
def test_a_wrong_fault_is_refused(provider, wrong):
    with pytest.raises(ValueError, match=r"'|keys"):
        provider.faults(**wrong)
    assert provider.client.get("/control/faults").json() == {"faults": []}


async def test_the_control_routes_show_what_came():
    app = create_app(faults=[ScriptedFault("status", "sim-large", status=500)], latency=Latency(0, 0, 0))
    tool = {"type": "function", "function": {"name": "f"}}
    body = {"model": "openai/sim-small", "messages": said("Hi"), "tools": [tool], "user": "u"}
    async with inside(app) as client:
        assert (await client.get("/control/requests/last")).status_code == 404
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
        second = {"model": "sim-large", "input": "Hi"}
        assert (await client.post("/v1/responses", json=second)).status_code == 500
        log = (await client.get("/control/calls")).json()
        assert [
            (c["n"], c["model"], c["path"], c["status"], c["tools"], c["fault"]) for c in log["calls"]
        ] == [
            (1, "sim-small", "/v1/chat/completions", 200, 1, ""),
            (2, "sim-large", "/v1/responses", 500, 0, "status"),
        ]
        assert log["totals"]["sim-small"]["ok"] == log["totals"]["sim-large"]["failed"] == 1
        assert (await client.get("/control/requests/last")).json() == second
        assert (await client.request("DELETE", "/control/calls")).json() == {"calls": [], "totals": {}}
        assert (await client.get("/control/usage")).json() == {}
        assert (await client.get("/control/calls")).json() == {"calls": [], "totals": {}}


NONSENSE = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"model": "sim-small"}',
    b'{"model": 7, "messages": [], "input": 3, "prompt": {}, "max_tokens": 5}',
    b'{"model": "sim-small", "messages": "Hi", "input": {}, "prompt": 1, "max_tokens": 5}',
    b'{"model": "sim-small", "messages": [7], "input": [7, {}], "prompt": null, "max_tokens": 5}',
    b'{"model": "sim-small", "messages": [{"role": "user", "content": {}}], "input": [], "max_tokens": 5}',
    b'{"model": "sim-small", "messages": [{"content": "Hi"}], "input": [null], "max_tokens": 5}',
]
PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/messages"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_makes_no_sense_is_a_400_in_the_format_of_the_api(path):
    async with inside(create_app()) as client:
        for raw in NONSENSE:
            answer = await client.post(path, content=raw)
            assert answer.status_code == 400, (path, raw[:80])
            assert answer.json()["error"]["type"] == "invalid_request_error"
            assert ("type" in answer.json()) is (path == "/v1/messages")
        log = (await client.get("/control/calls")).json()
        assert sum(total["failed"] for total in log["totals"].values()) == len(NONSENSE)


FINE = {"model": "sim-small", "messages": said("Hi"), "input": "Hi", "prompt": "Hi", "max_tokens": 5}
ODD_FIELDS = [
    {"max_tokens": 0, "max_output_tokens": 0, "dimensions": 0},
    {"max_tokens": "many", "max_output_tokens": 1.5, "dimensions": True},
    {"tools": {"name": "f"}, "dimensions": -1, "logprobs": "x"},
]


@pytest.mark.parametrize("odd", ODD_FIELDS)
@pytest.mark.parametrize("path", PATHS)
async def test_a_field_that_makes_no_sense_is_a_400(path, odd):
    async with inside(create_app()) as client:
        assert (await client.post(path, json=FINE)).status_code == 200
        assert (await client.post(path, json=FINE | odd)).status_code == 400


async def test_messages_need_a_limit_as_with_the_real_api():
    async with inside(create_app()) as client:
        answer = await client.post("/v1/messages", json={"model": "sim-small", "messages": said("Hi")})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "max_tokens: Field required"


@pytest.mark.parametrize("fault", [ScriptedFault("timeout"), ScriptedFault("slow", delay_ms=60_000)])
async def test_a_client_that_leaves_while_it_waits_is_noted_and_billed_nothing(fault):
    app = create_app(faults=[fault])
    body = json.dumps({"model": "sim-small", "messages": said("Hi")}).encode()
    coming = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])

    async def receive():
        return next(coming)

    async def send(_message):
        """Nobody is there to hear it."""

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    await app(scope | {"query_string": b""}, receive, send)
    async with inside(app) as client:
        (call,) = (await client.get("/control/calls")).json()["calls"]
    assert (call["status"], call["prompt_tokens"], call["completion_tokens"]) == (499, 0, 0)


async def test_strange_but_proper_requests_are_answered():
    deep = json.loads("[" * 60 + "]" * 60)
    strange = [
        {"messages": said("\ud800 lone"), "input": "\ud800", "prompt": "\ud800"},
        {"messages": [{"role": "user", "content": None}], "metadata": deep, "stop": 3, "stream": "yes"},
        {"messages": said("Hi"), "response_format": 7, "text": [], "stream_options": 1, "user": None},
    ]
    async with inside(create_app()) as client:
        for more in strange:
            for path in PATHS:
                answer = await client.post(path, content=json.dumps(FINE | more))
                assert answer.status_code == 200, (path, more)
                assert answer.json()["model"] == "sim-small"


async def test_what_is_not_served_is_named_in_the_format_of_the_api():
    async with inside(create_app()) as client:
        assert (await client.get("/v1/messages")).json()["type"] == "error"
        lost = await client.post("/v1/images/generations", json={})
        assert (lost.status_code, lost.json()["error"]["type"]) == (404, "not_found_error")


async def test_only_the_last_ten_thousand_calls_are_listed_and_all_are_counted(monkeypatch):
    monkeypatch.setattr("litellm_tiering.testing.provider.calls.KEPT", 2)
    async with inside(create_app()) as client:
        for _ in range(3):
            await client.post("/v1/embeddings", json={"model": "sim-small", "input": "Hi"})
        log = (await client.get("/control/calls?model=sim-small")).json()
        assert [call["n"] for call in log["calls"]] == [2, 3]
        assert log["totals"]["sim-small"]["calls"] == 3
        assert (await client.get("/control/calls?model=other")).json()["calls"] == []
