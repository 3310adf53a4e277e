from __future__ import annotations

import httpx
import pytest
from batch_kit import KEY, Clock, scripted, talking

from litellm_tiering.batch.answers import BUDGET, Failure
from litellm_tiering.batch.pace import Stopped
from litellm_tiering.batch.proxy import Reply

OVER = (429, {"error": {"message": "over", "type": BUDGET, "code": "429"}}, {"retry-after": "3600"})


async def test_an_answer_is_handed_on():
    handler = scripted((200, {"ok": 1}, {"x-tiering-tier": "simple"}))
    found = await talking(handler).ask("POST", "/v1/chat/completions", b"{}")
    assert isinstance(found, Reply)
    assert (found.body, found.headers["x-tiering-tier"]) == ({"ok": 1}, "simple")
    assert handler.seen[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_what_may_pass_is_asked_again(status):
    clock = Clock()
    handler = scripted(status, status, (200, {"ok": 1}))
    found = await talking(handler, clock).ask("POST", "/x", b"{}")
    assert isinstance(found, Reply)
    assert clock.slept == [0.5, 1.0]


async def test_a_retry_after_is_honoured():
    clock = Clock()
    handler = scripted((503, {}, {"retry-after": "7"}), (200, {"ok": 1}))
    await talking(handler, clock).ask("POST", "/x", b"{}")
    assert clock.now_s >= 1_007


async def test_what_cannot_pass_is_asked_once():
    handler = scripted((400, {"error": {"message": "no such thing", "type": "invalid_request_error"}}))
    found = await talking(handler).ask("POST", "/x", b"{}")
    assert found == Failure(400, "invalid_request_error", "no such thing")
    assert len(handler.seen) == 1


async def test_tries_end():
    handler = scripted(500)
    found = await talking(handler, tries=4).ask("POST", "/x", b"{}")
    assert found == Failure(500, "http_500", "")
    assert len(handler.seen) == 4


@pytest.mark.parametrize("error", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut")])
async def test_a_connection_that_breaks_is_the_lines_failure_after_its_tries(error):
    found = await talking(scripted(error), tries=2).ask("POST", "/x", b"{}")
    assert isinstance(found, Failure)
    assert found.status is None


async def test_a_proxy_that_is_gone_stops_the_run():
    with pytest.raises(Stopped, match="cannot be reached"):
        await talking(scripted(httpx.ConnectError("refused")), tries=2).ask("POST", "/x", b"{}")


async def test_a_budget_is_not_asked_again_without_wait():
    handler = scripted(OVER)
    found = await talking(handler).ask("POST", "/x", b"{}")
    assert found == Failure(429, BUDGET, "over")
    assert len(handler.seen) == 1


async def test_litellms_own_budget_error_is_one_too():
    body = {"error": {"message": "over", "type": "budget_exceeded", "code": "400"}}
    found = await talking(scripted((400, body))).ask("POST", "/x", b"{}")
    assert isinstance(found, Failure)
    assert found.kind == BUDGET


async def test_with_wait_a_budget_is_waited_for_to_the_windows_end_and_as_often_as_it_takes():
    clock, told = Clock(), []
    handler = scripted(*[OVER] * 8, (200, {"ok": 1}))
    proxy = talking(handler, clock, wait=True, tries=2, on_wait=told.append)
    assert isinstance(await proxy.ask("POST", "/x", b"{}"), Reply)
    assert clock.now_s >= 1_000 + 8 * 3_600
    assert told[0] == 4_600.0


async def test_an_answer_that_is_no_object_is_no_answer():
    found = await talking(lambda _: httpx.Response(200, content=b"<html>")).ask("GET", "/x")
    assert found == Failure(200, "bad_answer", "the answer is not a JSON object")


async def test_an_answer_without_end_is_cut(monkeypatch):
    monkeypatch.setattr("litellm_tiering.batch.proxy.MAX_ANSWER_BYTES", 100)
    assert isinstance(await talking(scripted((200, {"a": "x" * 80}))).ask("GET", "/x"), Reply)
    found = await talking(scripted((200, {"a": "x" * 101}))).ask("GET", "/x")
    assert isinstance(found, Failure)
    assert found.kind == "bad_answer"


async def test_the_key_is_in_no_message():
    body = {"error": {"message": f"Invalid key {KEY}!", "type": "auth_error"}}
    found = await talking(scripted((401, body))).ask("GET", "/x")
    assert found == Failure(401, "auth_error", "Invalid key ***!")
    with pytest.raises(Stopped) as stopped:
        await talking(scripted(httpx.ConnectError(f"cannot send {KEY}")), tries=1).ask("GET", "/x")
    assert KEY not in str(stopped.value)


async def test_lines_of_a_download_come_whole_whatever_the_chunks():
    async def chunks():
        for part in (b'{"a"', b": 1}\n{", b'"b": 2}\n', b"last"):
            yield part

    proxy = talking(lambda _: httpx.Response(200, content=chunks()))
    assert [line async for line in proxy.lines("/f")] == [b'{"a": 1}', b'{"b": 2}', b"last"]


async def test_a_line_of_a_download_is_bounded(monkeypatch):
    monkeypatch.setattr("litellm_tiering.batch.proxy.MAX_LINE_BYTES", 10)
    proxy = talking(lambda _: httpx.Response(200, content=b"x" * 11))
    with pytest.raises(Stopped):
        [line async for line in proxy.lines("/f")]


async def test_waiting_for_money_uses_up_no_tries():
    handler = scripted(OVER, OVER, OVER, 500, (200, {"ok": 1}))
    assert isinstance(await talking(handler, wait=True, tries=2).ask("POST", "/x", b"{}"), Reply)
