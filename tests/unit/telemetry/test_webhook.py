from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import threading

import httpx
import pytest
from receiving import receiving

from litellm_tiering.announcer import Announcer
from litellm_tiering.config.schema_events import EVERY_KIND
from litellm_tiering.events import Event, Kind
from litellm_tiering.telemetry import webhook
from litellm_tiering.telemetry.log import LogSink
from litellm_tiering.telemetry.settings import WebhookSettings
from litellm_tiering.telemetry.webhook import WebhookSink

SECRET = "a-secret-of-some-length"
NOON = 1_795_000_000.0


class Clock:
    def __init__(self):
        self.time = NOON

    def now(self):
        return self.time


@pytest.fixture
def receiver(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with receiving() as found:
        yield found


@pytest.fixture
def waits():
    return []


@pytest.fixture
async def sink(receiver, waits):
    clock = Clock()

    async def pause(seconds):
        waits.append(seconds)
        clock.time += seconds

    def make(url=receiver.url, secret=SECRET, kinds=EVERY_KIND, draw=lambda: 0.5):
        made.append(
            WebhookSink(WebhookSettings(url, secret, frozenset(kinds)), clock, pause=pause, draw=draw)
        )
        return made[-1]

    made = []
    yield make
    for one in made:
        await one.close()
    assert len(asyncio.all_tasks()) <= 1 + len(made)


async def sent(sink):
    await asyncio.wait({sink._task})


def event(kind=Kind.THRESHOLD, **more):
    return Event(kind, NOON, scope="team", id="blue", ratio=0.8, reference="ref", **more)


async def test_an_event_arrives_as_signed_json(sink, receiver):
    one = sink()
    await one.deliver(event(detail="grün"))
    await sent(one)
    (taken,) = receiver.taken
    assert taken.event == event(detail="grün").as_json()
    assert taken.path == "/hook/s3cr3t-path"
    stamp = taken.headers["x-tiering-timestamp"]
    assert stamp == str(int(NOON))
    assert taken.headers["x-tiering-event"] == "threshold"
    assert taken.headers["content-type"] == "application/json"
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + taken.body, hashlib.sha256).hexdigest()
    assert taken.headers["x-tiering-signature"] == f"sha256={signed}"
    assert (one.sent, one.failed) == (1, 0)


async def test_without_a_secret_nothing_is_signed(sink, receiver):
    one = sink(secret=None)
    await one.deliver(event())
    await sent(one)
    assert "x-tiering-signature" not in receiver.taken[0].headers


async def test_only_the_kinds_that_were_asked_for_are_sent(sink, receiver):
    one = sink(kinds=["ceiling"])
    await one.deliver(event())
    await one.deliver(event(Kind.CEILING))
    await sent(one)
    assert receiver.kinds == ["ceiling"]


@pytest.mark.parametrize("status", [500, 503, 408, 429])
async def test_a_receiver_in_trouble_is_asked_again_and_each_try_is_signed_anew(
    sink, receiver, waits, status
):
    receiver.answers = [status, status, 204]
    one = sink()
    await one.deliver(event())
    await sent(one)
    assert waits == [1.0, 2.0]
    assert [t.headers["x-tiering-timestamp"] for t in receiver.taken] == [
        str(int(NOON) + s) for s in (0, 1, 3)
    ]
    assert len({t.headers["x-tiering-signature"] for t in receiver.taken}) == 3
    assert len({t.body for t in receiver.taken}) == 1
    assert (one.sent, one.failed) == (1, 0)


async def test_after_five_tries_it_is_given_up_and_the_next_event_has_its_turn(sink, receiver, waits, caplog):
    receiver.answers = [500] * 5 + [200]
    one = sink()
    await one.deliver(event())
    await one.deliver(event(Kind.CEILING))
    await sent(one)
    assert receiver.kinds == ["threshold"] * 5 + ["ceiling"]
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert (one.sent, one.failed) == (1, 1)
    assert "webhook 127.0.0.1: event=threshold not taken: status 500" in caplog.text


async def test_waiting_has_a_random_part(sink, receiver, waits):
    receiver.answers = [500]
    draws = iter([0.0, 0.999, 0.25, 0.75])
    one = sink(draw=lambda: next(draws))
    await one.deliver(event())
    await sent(one)
    assert waits == pytest.approx([0.5, 2.998, 3.0, 10.0])


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
async def test_a_receiver_that_refuses_is_not_asked_again(sink, receiver, waits, status):
    receiver.answers = [status]
    one = sink()
    await one.deliver(event())
    await sent(one)
    assert (len(receiver.taken), waits, one.failed) == (1, [], 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(sink, receiver, status):
    with receiving() as elsewhere:
        receiver.answers = [status]
        receiver.headers = {"location": elsewhere.url}
        one = sink()
        await one.deliver(event())
        await sent(one)
        assert (len(receiver.taken), elsewhere.taken, one.failed) == (1, [], 1)


async def test_a_receiver_that_hangs_costs_five_tries_of_bounded_time(
    sink, receiver, waits, monkeypatch, caplog
):
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.05)
    receiver.hangs = threading.Event()
    one = sink()
    await one.deliver(event())
    await sent(one)
    # Between tries it waits; on a busy machine not every one of them gets as far as the receiver.
    assert (len(waits), one.failed) == (4, 1)
    assert "Timeout" in caplog.text


async def test_nobody_there_is_no_fault(sink, receiver, waits, caplog):
    gone = sink(url="http://127.0.0.1:1/s3cr3t-path")
    await gone.deliver(event())
    await sent(gone)
    assert (len(waits), gone.failed) == (4, 1)
    assert "ConnectError" in caplog.text


async def test_the_queue_is_bounded_and_the_oldest_goes_first(sink, receiver):
    one = sink()
    for i in range(130):
        await one.deliver(event(detail=str(i)))
    await sent(one)
    assert [t.event["detail"] for t in receiver.taken] == [str(i) for i in range(30, 130)]
    assert (one.dropped, one.sent) == (30, 100)


async def test_neither_secret_nor_address_is_ever_logged_or_shown(sink, receiver, caplog):
    receiver.answers = [404]
    url = receiver.url.replace("http://", "http://me:hunter2@")
    one = sink(url=url)
    # LiteLLM keeps httpx quiet; another program may not.
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="httpx"):
        # Of others' requests httpx goes on to log.
        async with httpx.AsyncClient(trust_env=False) as other:
            await other.post(receiver.url.replace("s3cr3t-path", "public"))
        await one.deliver(event())
        await sent(one)
    assert "public" in caplog.text
    assert receiver.taken[1].headers["authorization"].startswith("Basic ")
    shown = caplog.text + repr(one) + repr(one._settings) + str(vars(one))
    for hidden in (SECRET, "s3cr3t-path", "hunter2"):
        assert hidden not in shown


async def test_closing_ends_a_delivery_and_what_waits_is_lost(sink, receiver):
    receiver.hangs = threading.Event()
    one = sink()
    await one.deliver(event())
    await one.deliver(event(Kind.CEILING))
    await asyncio.sleep(0)
    task = one._task
    await one.close()
    assert task.done()
    assert one.sent == 0
    await one.close()


async def test_an_announcer_tells_the_log_and_the_webhook(sink, receiver, caplog):
    one = sink()
    log = LogSink()
    announcer = Announcer(None, [log, one], Clock())
    announcer.announce(event())
    await asyncio.wait({announcer._telling})
    await sent(one)
    await announcer.close()
    assert receiver.kinds == ["threshold"]
    assert "tiering event=threshold scope=team:blue ratio=0.80" in caplog.text
