"""What goes wrong upstream, in the store, in a client's body: nothing held, nothing lost."""

from __future__ import annotations

import json

import httpx
import pytest
from asking import HARD, SIMPLE, ask
from houses import eventually, house
from openai import APIError, APIStatusError

from litellm_tiering.testing.processes import NotReady
from litellm_tiering.testing.proxy import config_for, serve_proxy
from litellm_tiering.testing.redis import serve_redis


def test_a_failed_request_holds_and_costs_nothing(memory_house):
    memory_house.settled(0)
    memory_house.forget()
    before = memory_house.spent_nano()
    memory_house.provider.faults("status", model="*", status=500)
    with pytest.raises(APIStatusError) as caught:
        ask(memory_house, "chat", SIMPLE)
    assert caught.value.status_code == 500
    assert caught.value.response.headers["x-tiering-attempts"] == "small:failed"
    memory_house.settled(1)
    assert memory_house.spent_nano() == before


def test_a_stream_that_is_cut_costs_what_it_had_sent(memory_house):
    memory_house.settled(0)
    memory_house.forget()
    before = memory_house.spent_nano()
    memory_house.provider.faults("cut_stream", model="*")
    with pytest.raises((APIError, httpx.HTTPError)):
        ask(memory_house, "chat", HARD, stream=True)
    memory_house.settled(1)
    assert memory_house.spent_nano() - before == memory_house.costs_nano()


def test_a_client_that_leaves_a_stream_pays_for_what_was_made(memory_house):
    memory_house.settled(0)
    memory_house.forget()
    before = memory_house.spent_nano()
    messages = [{"role": "user", "content": SIMPLE}]
    with memory_house.openai().chat.completions.create(
        model="auto", messages=messages, stream=True
    ) as stream:
        next(iter(stream))
    memory_house.settled(1)
    assert memory_house.spent_nano() - before == memory_house.costs_nano() > 0


BODIES = {
    "no messages": ("/v1/chat/completions", {"model": "auto", "messages": []}),
    "messages of another kind": ("/v1/chat/completions", {"model": "auto", "messages": "hello"}),
    "odd parts": (
        "/v1/chat/completions",
        {"model": "auto", "messages": [{"role": "user", "content": [{"type": "hologram"}, 7, None]}]},
    ),
    "metadata of another kind": (
        "/v1/chat/completions",
        {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "metadata": ["x"]},
    ),
    "absurd numbers": (
        "/v1/chat/completions",
        {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "max_tokens": -5, "n": 1e9},
    ),
    "no input": ("/v1/responses", {"model": "auto", "input": None}),
    "numbers for a prompt": ("/v1/completions", {"model": "auto", "prompt": [1, 2, 3]}),
    "nested blocks": (
        "/v1/messages",
        {"model": "auto", "max_tokens": 5, "messages": [{"role": "user", "content": [[[[]]]]}]},
    ),
    "a model that is no string": ("/v1/chat/completions", {"model": {"a": 1}, "messages": []}),
    "no model": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_we_cannot_read_fails_no_worse_than_without_us(memory_house, name):
    path, body = BODIES[name]
    memory_house.proxy.client.post(path, json=body)
    assert not [a for a in memory_house.proxy.status()["alarms"] if "fault" in a]
    eventually(lambda: memory_house.budget()["reserved_usd"] == 0, "nothing held")
    assert ask(memory_house, "chat", SIMPLE).headers["x-tiering-tier"] == "simple"


def test_five_megabytes_are_routed_not_choked_on(memory_house):
    memory_house.settled(0)
    words = "lorem ipsum dolor " * 280_000
    reply = ask(memory_house, "chat", words, max_tokens=5)
    assert reply.headers["x-tiering-tier"] == "complex"
    memory_house.settled(0)


def test_the_log_holds_no_prompt_and_no_answer(memory_house):
    secret = "zanzibar-4711-orchid"
    ask(memory_house, "chat", f"{SIMPLE} {secret}")
    memory_house.proxy.client.post("/tiering/explain", json={"prompt": secret})
    memory_house.settled(0)
    assert secret not in memory_house.proxy.process.text()
    assert secret not in json.dumps(memory_house.proxy.client.get("/tiering/decisions").json())


def test_a_store_that_dies_does_not_stop_requests_and_nothing_is_lost(provider, tmp_path):
    with serve_redis() as server, house(provider, tmp_path, {"store": {"url": server.url}}) as running:
        ask(running, "chat", SIMPLE)
        running.settled(1)
        server.pause()
        held = [ask(running, "chat", SIMPLE) for _ in range(3)]
        assert {r.headers["x-tiering-reason"].split(",")[-1] for r in held} == {"store:open"}
        eventually(lambda: running.proxy.status()["store"]["spooled"] == 3, "three costs wait")
        assert running.proxy.status()["store"]["ok"] is False
        server.resume()
        eventually(lambda: running.proxy.status()["store"]["ok"], "the store is seen to be back")
        ask(running, "chat", SIMPLE)
        running.settled(5)
        eventually(lambda: running.spent_nano() == running.costs_nano(), "every cost is counted")
        assert running.proxy.process.text().count("budget store away") == 1


def test_a_proxy_with_a_wrong_section_does_not_start_and_says_everything(provider):
    wrong = {
        "routes": [{"name": "auto", "models": ["auto"], "default_tier": "middling"}],
        "budgets": [{"scope": "global", "limit_usd": -1, "downgrade": [{"at": 3, "steps": 1}]}],
        "classifiers": [{"kind": "learnt", "path": "x.json"}],
        "colour": "blue",
    }
    with pytest.raises(NotReady) as caught, serve_proxy(config_for(provider.base_url, wrong)):
        pass
    said = str(caught.value)
    for piece in ("default_tier", "limit_usd", "downgrade", "learnt", "colour"):
        assert piece in said
    assert "Fix:" in said
