"""Two workers on one store, many requests: each event is told once, by webhook and by LiteLLM's alerting."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from houses import eventually, house
from openai import AsyncOpenAI, RateLimitError

SECRET = "a-secret-of-the-owners-own"
LIMIT_USD = 0.01


class Receiver:
    """Takes the webhook's requests, and those of LiteLLM's Slack alerting."""

    def __init__(self) -> None:
        self.events: list[tuple[dict[str, str], bytes]] = []
        self.slack: list[str] = []
        self.url = ""

    def told(self, kind: str) -> list[dict]:
        return [e for _, body in self.events if (e := json.loads(body))["event"] == kind]


@pytest.fixture(scope="module")
def receiver():
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/slack":
                found.slack.append(json.loads(body)["text"])
            else:
                found.events.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            """Say nothing: a test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def events_house(provider, redis_server, receiver, tmp_path_factory):
    tiering = {
        "store": {"url": redis_server.url},
        "budgets": [
            {
                "scope": "team",
                "match": "blue",
                "limit_usd": LIMIT_USD,
                "at_ceiling": "block",
                "downgrade": [{"at": 0.9, "to": "simple"}],
            },
        ],
        "events": {"webhook": {"url": f"{receiver.url}/events", "secret": SECRET}},
    }
    sections = {
        "general_settings": {
            "alerting": ["slack"],
            "alert_types": ["budget_alerts"],
            "alert_to_webhook_url": {"budget_alerts": f"{receiver.url}/slack"},
        }
    }
    folder = tmp_path_factory.mktemp("events")
    with house(provider, folder, tiering, workers=2, **sections) as running:
        yield running


def storm(running) -> tuple[int, int]:
    """Ask until well past the ceiling, many at once; how many were served and how many refused."""

    async def all_of_it() -> list[bool]:
        url = running.proxy.openai_url
        async with AsyncOpenAI(api_key="sk-blue", base_url=url, max_retries=0, timeout=120) as client:

            async def one() -> bool:
                try:
                    await client.chat.completions.create(
                        model="large", messages=[{"role": "user", "content": "hardplease"}], max_tokens=20
                    )
                except RateLimitError:
                    return False
                return True

            served: list[bool] = []
            while served.count(False) < 30:
                served += await asyncio.gather(*(one() for _ in range(10)))
                assert len(served) < 1_000
            return served

    served = asyncio.run(all_of_it())
    return served.count(True), served.count(False)


def test_many_requests_on_two_workers_tell_of_one_threshold_and_one_ceiling(events_house, receiver):
    served, refused = storm(events_house)
    assert served > 10
    assert refused >= 30
    eventually(lambda: receiver.told("ceiling") and receiver.told("threshold"), "a threshold and a ceiling")
    eventually(lambda: len(receiver.slack) >= 2, "two messages to Slack")
    storm(events_house)
    assert [e["event"] for _, body in receiver.events if (e := json.loads(body))] == ["threshold", "ceiling"]
    (threshold,), (ceiling,) = receiver.told("threshold"), receiver.told("ceiling")
    assert (threshold["scope"], threshold["id"], threshold["threshold"]) == ("team", "blue", 0.9)
    assert threshold["limit_usd"] == ceiling["limit_usd"] == LIMIT_USD
    assert 0.9 <= threshold["ratio"] <= ceiling["ratio"] <= 1.0
    for headers, body in receiver.events:
        stamp = headers["x-tiering-timestamp"].encode()
        signed = hmac.new(SECRET.encode(), stamp + b"." + body, hashlib.sha256).hexdigest()
        assert headers["x-tiering-signature"] == f"sha256={signed}"


def test_slack_hears_of_both_and_the_log_has_a_line_for_each(events_house, receiver):
    said = "\n".join(receiver.slack)
    assert said.count("event=threshold scope=team:blue") == 1
    assert said.count("event=ceiling scope=team:blue") == 1
    log = events_house.proxy.process.text()
    for kind in ("threshold", "ceiling"):
        assert log.count(f"tiering event={kind} scope=team:blue") == 1
    assert SECRET not in log
    assert "fault in events" not in log
