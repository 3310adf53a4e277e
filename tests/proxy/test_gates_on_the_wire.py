"""What gates see and what clients get: tools, several choices, schemas, log-probabilities, held streams."""

from __future__ import annotations

import json

import pytest
from asking import SIMPLE, SURFACES, ask
from houses import CASCADE, CASCADE_ROUTER, eventually, house
from openai import APIError, RateLimitError
from test_cascade import CASES, LARGE, MEDIUM, Case, check

from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.provider.prose import REFUSAL

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
# The small model stops half-way through a hard question's JSON.
HARD_WEATHER = "[[hard]] easyplease What is the weather in London?"
ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "certain": {"type": "boolean"}},
    "required": ["answer", "certain"],
    "additionalProperties": False,
}

TWICE = Case(
    "[[fault:refuse@sim-small]] [[fault:refuse@sim-medium]]",
    LARGE,
    {"sim-small": 1, "sim-medium": 1, "sim-large": 1},
    ("large", "medium", "small"),
    "small:refusal,medium:refusal,large:ok",
    "escalation:refusal",
    group="large",
)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("case", [CASES["accept"], CASES["reject_then_ok"], TWICE], ids=lambda c: c.attempts)
def test_a_stream_held_whole_climbs_as_far_as_it_may(buffer_house, surface, case):
    check(buffer_house, case, surface, stream=True)


@pytest.mark.parametrize("surface", SURFACES)
def test_two_escalations_of_whole_answers(buffer_house, surface):
    check(buffer_house, TWICE, surface, stream=False)


def test_a_stream_that_is_held_whole_is_kept_alive(tmp_path):
    tiering = {**CASCADE, "cascade": {"stream": "buffer"}}
    with serve_provider(latency_ms=500) as slow:
        settings = {"sse_keepalive_ping_interval_seconds": 0.1, "anthropic_sse_ping_interval_seconds": 0.1}
        with house(slow, tmp_path, tiering, **CASCADE_ROUTER, litellm_settings=settings) as running:
            for path in ("/v1/chat/completions", "/v1/messages"):
                pings, rest = lines_of(running, path)
                assert pings >= 2
                assert "Paris" in rest
            # The clients that people use read past the pings.
            for surface in SURFACES:
                assert "Paris" in ask(running, surface, SIMPLE, stream=True).text


def lines_of(running, path: str) -> tuple[int, str]:
    body = {"model": "auto", "stream": True, "max_tokens": 50}
    body["messages"] = [{"role": "user", "content": SIMPLE}]
    with running.proxy.client.stream("POST", path, json=body) as answer:
        lines = [line for line in answer.iter_lines() if line]
    first = next(i for i, line in enumerate(lines) if "Paris" in line or "delta" in line)
    return sum("ping" in line for line in lines[:first]), "".join(lines[first:])


CUT = "easyplease Tell me about the planets [[fault:cut_stream=4@sim-small]]"
CUT_LATER = CUT.replace("=4@", "=6@")


@pytest.mark.parametrize("surface", SURFACES)
def test_a_stream_that_breaks_while_it_is_held_is_replaced(cascade_house, surface):
    cascade_house.settled(0)
    cascade_house.forget()
    before = cascade_house.spent_nano()
    reply = ask(cascade_house, surface, CUT, stream=True)
    assert reply.text.startswith("In short")
    assert "Second, start small" in reply.text
    record = record_of(cascade_house, reply)
    # LiteLLM's bridge from responses to messages ends a broken stream as if it were an empty one.
    assert [a["verdict"] for a in record["attempts"]] == [
        "not_empty" if surface == "messages" else "failed",
        "ok",
    ]
    cascade_house.settled(2)
    # LiteLLM says 0 of most cut streams: what had come of this one is counted by an estimate.
    counted = round(record_of(cascade_house, reply)["cost_usd"] * 1e9)
    assert cascade_house.spent_nano() - before == counted >= cascade_house.costs_nano()


def test_what_was_let_through_is_not_taken_back(tmp_path):
    tiering = {**CASCADE, "cascade": {"prefix_chars": 8}}
    # At a pace, so that what was sent before the cut arrives before it.
    with serve_provider(latency_ms=400) as slow, house(slow, tmp_path, tiering, **CASCADE_ROUTER) as running:
        # A proxy's first request keeps its loop busy: the cut would be read before what came ahead of it.
        ask(running, "chat", SIMPLE, stream=True)
        slow.clear()
        messages = [{"role": "user", "content": CUT_LATER}]
        text = ""
        with pytest.raises(APIError):
            for chunk in running.openai().chat.completions.create(
                model="auto", messages=messages, stream=True
            ):
                text += chunk.choices[0].delta.content or ""
        # It was on its way to the client as it came: nothing but the prefix had been held.
        assert text.startswith("In short")
        assert set(slow.totals()) == {"sim-small"}
        record = running.proxy.client.get("/tiering/decisions").json()["decisions"][0]
        assert [a["model"] for a in record["attempts"]] == ["small"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_broken_tool_call_is_replaced(buffer_house, stream):
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
    create = buffer_house.openai().chat.completions.with_raw_response.create
    raw = create(
        model="auto",
        messages=[{"role": "user", "content": HARD_WEATHER}],
        tools=[tool],
        tool_choice="required",
        stream=stream,
    )
    found = raw.parse()
    if stream:
        parts = [c.choices[0].delta.tool_calls for c in found if c.choices and c.choices[0].delta.tool_calls]
        arguments = "".join(p[0].function.arguments or "" for p in parts)
        names = {p[0].function.name for p in parts if p[0].function.name}
    else:
        (call,) = found.choices[0].message.tool_calls
        arguments, names = call.function.arguments, {call.function.name}
    assert names == {"get_weather"}
    assert isinstance(json.loads(arguments)["city"], str)
    attempts = record_of(buffer_house, raw)["attempts"]
    assert attempts[0]["verdict"] == "json_schema"
    assert attempts[-1]["verdict"] == "ok"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_broken_tool_call_of_anthropics_is_replaced(buffer_house, stream):
    create = buffer_house.anthropic().messages.with_raw_response.create
    raw = create(
        model="auto",
        max_tokens=300,
        messages=[{"role": "user", "content": HARD_WEATHER}],
        tools=[{"name": "get_weather", "input_schema": WEATHER}],
        tool_choice={"type": "any"},
        stream=stream,
    )
    found = raw.parse()
    if stream:
        deltas = [e.delta for e in found if e.type == "content_block_delta"]
        given = json.loads("".join(d.partial_json for d in deltas if d.type == "input_json_delta"))
    else:
        given = next(b.input for b in found.content if b.type == "tool_use")
    assert isinstance(given["city"], str)
    assert record_of(buffer_house, raw)["attempts"][0]["verdict"] == "json_schema"


def test_structured_output_that_does_not_fit_is_replaced(cascade_house):
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": ANSWER}}
    raw = cascade_house.openai().chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": HARD_WEATHER}],
        response_format=form,
    )
    found = json.loads(raw.parse().choices[0].message.content)
    assert set(found) == {"answer", "certain"}
    assert raw.headers["x-tiering-attempts"] == "small:json_schema,medium:ok"


def test_one_refusal_among_several_choices_is_one_too_many(cascade_house):
    raw = cascade_house.openai().chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": f"{SIMPLE} [[fault:refuse@sim-small]]"}],
        n=3,
        max_tokens=50,
    )
    texts = [c.message.content for c in raw.parse().choices]
    assert len(texts) >= 1
    assert REFUSAL not in texts
    assert raw.headers["x-tiering-attempts"] == "small:refusal,medium:ok"


def test_a_cap_is_not_climbed_past(cascade_house):
    reply = ask(cascade_house, "chat", f"cappedplease {SIMPLE} [[fault:refuse@sim-small]]")
    assert reply.text == REFUSAL
    assert reply.headers["x-tiering-reason"].endswith("kept:cap")


def test_a_client_that_asks_for_a_lower_tier_is_not_lifted_above_it(cascade_house):
    hard = "[[fault:refuse]] Prove that there are infinitely many primes congruent to 3 modulo 4. " * 30
    reply = ask(cascade_house, "chat", hard, extra_headers={"x-tiering-tier": "simple"})
    assert reply.headers["x-tiering-attempts"] == "small:refusal"
    assert reply.headers["x-tiering-reason"].endswith("client:lower,kept:cap")


def record_of(house, raw) -> dict:
    return house.proxy.client.get(f"/tiering/decisions/{raw.headers['x-tiering-decision']}").json()


# ---------------------------------------------------------------- log-probabilities


@pytest.fixture(scope="module")
def logprob_house(provider, tmp_path_factory):
    gates = [{"kind": "not_empty"}, {"kind": "logprob", "min_mean": -0.6}]
    tiering = {**CASCADE, "cascade": {"stream": "buffer", "gates": gates, "bypass_above": 1.0}}
    with house(provider, tmp_path_factory.mktemp("logprobs"), tiering, **CASCADE_ROUTER) as running:
        yield running


UNSURE = "[[hard]] easyplease Why is the sky blue?"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_log_probabilities_are_asked_for_and_taken_out_again(logprob_house, stream):
    logprob_house.forget()
    messages = [{"role": "user", "content": SIMPLE}]
    create = logprob_house.openai().chat.completions.create
    found = create(model="auto", messages=messages, stream=stream)
    seen = [c.logprobs for chunk in found for c in chunk.choices] if stream else [found.choices[0].logprobs]
    assert seen
    assert not any(seen)
    assert logprob_house.provider.last_request()["logprobs"] is True
    # A client that asks gets them.
    asked = create(model="auto", messages=messages, logprobs=True)
    assert asked.choices[0].logprobs.content


def test_an_unsure_answer_is_escalated_and_a_tier_without_log_probabilities_is_not_asked_for_them(
    logprob_house,
):
    reply = ask(logprob_house, "chat", UNSURE)
    # The middle tier is an Anthropic model, which has none.
    assert reply.headers["x-tiering-attempts"] == "small:logprob,medium:ok"


# ---------------------------------------------------------------- LiteLLM's own machinery


def test_a_gate_neither_repeats_the_cheap_model_nor_cools_it_down(provider, tmp_path):
    alias = {"auto": "large", "hasty": "large"}
    strict = {"model_group_alias": alias, "num_retries": 2, "allowed_fails": 0, "cooldown_time": 600}
    with house(provider, tmp_path, CASCADE, router_settings=strict) as running:
        running.forget()
        for _ in range(5):
            ask(running, "chat", f"{SIMPLE} [[fault:refuse@sim-small]]")
        assert {m: t["calls"] for m, t in provider.totals().items()} == {"sim-small": 5, "sim-medium": 5}
        assert ask(running, "chat", SIMPLE).headers["x-tiering-model"] == "small"


def test_litellms_retries_work_within_each_attempt(provider, tmp_path):
    with house(provider, tmp_path, CASCADE, **with_retries()) as running:
        running.forget()
        provider.faults("status", model="sim-medium", status=503, times=1)
        reply = ask(running, "chat", f"{SIMPLE} [[fault:refuse@sim-small]]")
        assert reply.text == MEDIUM
        assert {m: t["calls"] for m, t in provider.totals().items()} == {"sim-small": 1, "sim-medium": 2}
        running.settled(2)
        eventually(lambda: running.spent_nano() == running.costs_nano(), "both answers are counted, once")


def with_retries() -> dict:
    settings = {**CASCADE_ROUTER["router_settings"], "num_retries": 2, "fallbacks": []}
    return {"router_settings": settings}


def test_a_callback_that_hangs_or_breaks_never_fails_a_request(provider, tmp_path, monkeypatch):
    (tmp_path / "odd_gates.py").write_text(ODD_GATES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    gates = [
        {"kind": "callback", "target": f"odd_gates:{name}", "timeout_ms": 50, "on_error": on_error}
        for name, on_error in (("hangs", "accept"), ("raises", "accept"), ("lies", "accept"))
    ]
    tiering = {**CASCADE, "cascade": {"gates": [*gates, {"kind": "refusal"}]}}
    with house(provider, tmp_path, tiering, **CASCADE_ROUTER) as running:
        reply = ask(running, "chat", f"{SIMPLE} [[fault:refuse@sim-small]]")
        assert reply.headers["x-tiering-attempts"] == "small:refusal,medium:ok"
        found = record_of(running, reply)["attempts"][0]["reasons"]
        assert found[:3] == ["hangs:timeout", "raises:raised", "lies:wrong_return"]
        alarms = running.proxy.status()["alarms"]
        assert sum("gate:" in alarm for alarm in alarms) == 3
        assert "a secret in an exception" not in running.proxy.process.text()


ODD_GATES = """
import threading

def hangs(exchange):
    threading.Event().wait(5)

def raises(exchange):
    raise RuntimeError("a secret in an exception")

def lies(exchange):
    return "fine"
"""


def test_a_budget_spent_by_escalations_is_kept(provider, tmp_path):
    """Escalations hold their money like everything else: the ceiling is not passed by them."""
    limit = 0.012
    tiering = {
        **CASCADE,
        "budgets": [{"scope": "global", "limit_usd": limit, "at_ceiling": "block", "downgrade": []}],
    }
    with house(provider, tmp_path, tiering, **CASCADE_ROUTER) as running:
        seen = set()
        for _ in range(200):
            try:
                reply = ask(running, "chat", f"{SIMPLE} [[fault:refuse@sim-small]]", max_tokens=400)
            except RateLimitError:
                break
            seen.add(reply.headers["x-tiering-attempts"])
            running.settled(0)
        assert "small:refusal,medium:ok" in seen
        assert "small:refusal" in seen
        assert running.spent_nano() <= limit * 1e9
