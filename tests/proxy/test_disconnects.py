"""Clients that leave, at every moment of a cascade: each paid attempt is counted, nothing stays held."""

from __future__ import annotations

import socket

import httpx
import pytest
from houses import CASCADE, CASCADE_ROUTER, eventually, house

from litellm_tiering.testing.processes import serve_provider

LATENCY_MS = 200.0
"""To a model's first token; an event of a stream takes a twentieth of it."""

LONG = "[[hard]] Tell me all about the capital of France"
REFUSED = f"{LONG} [[fault:refuse@sim-small]]"

PATHS = {
    "chat": "/v1/chat/completions",
    "completion": "/v1/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}


def body(surface: str, prompt: str, *, stream: bool) -> dict:
    messages = [{"role": "user", "content": prompt}]
    asked = {
        "chat": {"messages": messages, "max_tokens": 300},
        "completion": {"prompt": prompt, "max_tokens": 300},
        "messages": {"messages": messages, "max_tokens": 300},
        "responses": {"input": prompt, "max_output_tokens": 300},
    }[surface]
    return {"model": "auto", "stream": stream, **asked}


@pytest.fixture(scope="module")
def slow_provider():
    with serve_provider(latency_ms=LATENCY_MS) as running:
        yield running


@pytest.fixture(scope="module")
def prefix_house(slow_provider, tmp_path_factory):
    with house(slow_provider, tmp_path_factory.mktemp("slow"), CASCADE, **CASCADE_ROUTER) as running:
        yield running


@pytest.fixture(scope="module")
def held_house(slow_provider, tmp_path_factory):
    tiering = {**CASCADE, "cascade": {"stream": "buffer", "bypass_above": 1.0}}
    with house(slow_provider, tmp_path_factory.mktemp("held"), tiering, **CASCADE_ROUTER) as running:
        yield running


def reached(house, model: str, status: int) -> bool:
    return any(c["model"] == model and c["status"] == status for c in house.provider.calls())


MOMENTS = {
    "before_the_first_answer": (LONG, lambda h: reached(h, "sim-small", 0)),
    "in_the_first_answer": (LONG, lambda h: reached(h, "sim-small", 200)),
    "before_the_second_answer": (REFUSED, lambda h: reached(h, "sim-medium", 0)),
    "in_the_second_answer": (REFUSED, lambda h: reached(h, "sim-medium", 200)),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", PATHS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_client_leaves_while_it_waits(prefix_house, moment, surface, stream):
    leave(prefix_house, moment, surface, stream=stream)


@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_client_leaves_while_all_of_it_is_held(held_house, moment, surface):
    leave(held_house, moment, surface, stream=True)


def leave(house, moment: str, surface: str, *, stream: bool) -> None:
    prompt, come = MOMENTS[moment]
    before = begin(house)
    with client_of(house) as client:
        sent = client.build_request("POST", PATHS[surface], json=body(surface, prompt, stream=stream))
        waiting = Waiting(sent)
        eventually(lambda: come(house), moment)
        waiting.leave()
    check_books(house, before)


@pytest.mark.parametrize("surface", PATHS)
@pytest.mark.parametrize("prompt", [LONG, REFUSED], ids=["first", "second"])
def test_a_client_leaves_while_it_reads(prefix_house, prompt, surface):
    before = begin(prefix_house)
    with (
        client_of(prefix_house) as client,
        client.stream("POST", PATHS[surface], json=body(surface, prompt, stream=True)) as answer,
    ):
        assert answer.status_code == 200
        seen = 0
        for line in answer.iter_lines():
            seen += "delta" in line or '"text"' in line
            if seen > 3:
                break
    check_books(prefix_house, before)


def begin(house) -> int:
    house.settled(0)
    house.forget()
    return house.spent_nano()


def client_of(house) -> httpx.Client:
    return httpx.Client(
        base_url=house.proxy.base_url,
        headers={"authorization": f"Bearer {house.proxy.key}"},
        trust_env=False,
        timeout=30,
    )


class Waiting:
    """A request under way whose client hangs up."""

    def __init__(self, request: httpx.Request) -> None:
        url = request.url
        self.socket = socket.create_connection((url.host, url.port))
        head = f"{request.method} {url.raw_path.decode()} HTTP/1.1\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in request.headers.items())
        self.socket.sendall(head.encode() + b"\r\n" + request.read())

    def leave(self) -> None:
        self.socket.close()


def check_books(house, before: int) -> None:
    def record() -> dict:
        return house.proxy.client.get("/tiering/decisions?limit=1").json()["decisions"][0]

    def served() -> int:
        return sum(c["status"] == 200 for c in house.provider.calls())

    eventually(lambda: all(c["status"] != 0 for c in house.provider.calls()), "the provider is done")
    eventually(lambda: house.proxy.status()["background"] == 0, "nothing runs on", 40)
    eventually(lambda: house.budget()["reserved_usd"] == 0, "nothing is held")
    # A call that its provider gave up in time is counted all the same: nobody tells us that it was free.
    eventually(lambda: sum(a["cost_usd"] > 0 for a in record()["attempts"]) >= served(), "each is counted")
    spent = house.spent_nano() - before
    assert round(record()["cost_usd"] * 1e9) == spent
    assert spent >= house.costs_nano()
    assert not house.proxy.status()["alarms"]
