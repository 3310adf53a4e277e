from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import stat

import httpx
import pytest

from litellm_tiering.batch.pace import SystemTimes
from litellm_tiering.testing.provider import create_app

SECRET = "sk-a-secret-that-is-never-shown"
ANSWER = {"choices": [{"message": {"content": "Paris"}}]}


@pytest.fixture
def proxy(monkeypatch):
    """Stands in for the proxy: `answer` says what is said to a request with such a body."""

    class Stub:
        def __init__(self):
            self.seen = []
            self.transport = httpx.MockTransport(self.handle)

        @staticmethod
        def answer(_body):
            headers = {"x-tiering-tier": "simple", "x-tiering-cost-usd": "0.000002000"}
            return httpx.Response(200, json=ANSWER, headers=headers)

        async def handle(self, request):
            await asyncio.sleep(0)  # as a network would
            if request.url.path == "/v1/models":
                return self.models()
            body = json.loads(request.content)
            self.seen.append(body)
            return self.answer(body)

        @staticmethod
        def models():
            return httpx.Response(200, json={"data": []})

    stub = Stub()
    monkeypatch.setenv("LITELLM_API_KEY", SECRET)
    monkeypatch.setattr(
        "litellm_tiering.cli.batch._client",
        lambda _options: httpx.AsyncClient(transport=stub.transport, base_url="http://proxy"),
    )
    return stub


@pytest.fixture
def lines(tmp_path):
    def _write(*values):
        path = tmp_path / "in.jsonl"
        path.write_bytes(
            b"".join((v if isinstance(v, bytes) else json.dumps(v).encode()) + b"\n" for v in values)
        )
        return path

    return _write


@pytest.fixture
def batch(run, tmp_path):
    def _batch(path, *more, output="out.jsonl"):
        status, out, err = run("batch", "--input", path, "--output", output, *more)
        written = tmp_path / output
        found = [json.loads(x) for x in written.read_text().splitlines()] if written.exists() else None
        assert SECRET not in out + err
        return status, found, out + err

    return _batch


QUESTIONS = [{"id": f"q{i}", "prompt": "What is the capital of France?"} for i in range(5)]


def test_lines_are_answered_and_the_journal_goes(batch, lines, proxy, tmp_path):
    status, found, said = batch(lines(*QUESTIONS))
    assert status == 0
    assert [x["id"] for x in found] == ["q0", "q1", "q2", "q3", "q4"]
    assert found[0] == {
        "id": "q0",
        "custom_id": "q0",
        "line": 1,
        "response": {"status_code": 200, "body": ANSWER},
        "error": None,
        "tier": "simple",
        "model": "auto",
        "cost_usd": 0.000002,
        "batch": None,
    }
    assert "5 of 5 lines answered (simple 5)" in said
    assert "$0.000010" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_everything_asks_for_auto_unless_told_otherwise(batch, lines, proxy):
    batch(lines({"prompt": "a"}, {"prompt": "b", "model": "large"}))
    assert [b["model"] for b in proxy.seen] == ["auto", "large"]
    batch(lines({"prompt": "a"}, {"prompt": "b", "model": "large"}), "--model", "small", output="other")
    assert [b["model"] for b in proxy.seen[2:]] == ["small", "small"]


def test_from_standard_input_to_standard_output(run, stdin, proxy):
    stdin(b'{"prompt": "a", "id": 1}\n\n{"prompt": "b", "id": 2}\n')
    status, out, _ = run("batch", "--input", "-", "--output", "-")
    assert status == 0
    assert [json.loads(x)["id"] for x in out.splitlines()] == [1, 2]


def test_bad_lines_are_told_by_their_number_and_not_by_what_they_hold(batch, lines, proxy):
    status, found, said = batch(lines({"prompt": "a"}, b"hushhush", {"id": 3}, {"prompt": "b"}))
    assert status == 1
    assert re.search(r"line 2 is not JSON", said)
    assert re.search(r"line 3 has neither", said)
    assert "hushhush" not in said
    assert [bool(x["response"]) for x in found] == [True, False, False, True]
    assert len(proxy.seen) == 2


def test_failed_lines_are_asked_again_with_resume_after_being_mended(batch, lines, proxy, tmp_path):
    proxy_answer = proxy.answer
    proxy.answer = lambda body: (
        httpx.Response(400, json={"error": {"message": "hm", "type": "invalid_request_error"}})
        if body["messages"][0]["content"] == "b"
        else proxy_answer(body)
    )
    path = lines({"prompt": "a"}, {"prompt": "b"}, b"nonsense")
    status, found, said = batch(path)
    assert status == 1
    assert found[1]["error"] == {"status": 400, "type": "invalid_request_error", "message": "hm"}
    assert "1 failed with bad_line, line 3 first" in said
    assert "1 failed with invalid_request_error, line 2 first" in said
    assert stat.S_IMODE((tmp_path / "out.jsonl.journal").stat().st_mode) == 0o600
    status, _, said = batch(path)
    assert (status, "--resume" in said) == (2, True)
    proxy.seen.clear()
    path = lines({"prompt": "a"}, {"prompt": "mended"}, {"prompt": "c"})
    status, found, _ = batch(path, "--resume")
    assert status == 0
    assert [b["messages"][0]["content"] for b in proxy.seen] == ["mended", "c"]
    assert all(x["response"] for x in found)
    assert not (tmp_path / "out.jsonl.journal").exists()


def test_an_answered_line_that_was_changed_stops_the_resumption(batch, lines, proxy):
    batch(lines({"prompt": "a"}, b"nonsense"))
    status, _, said = batch(lines({"prompt": "other"}, b"nonsense"), "--resume")
    assert status == 2
    assert "line 1" in said
    status, _, said = batch(lines({"prompt": "a"}, b"nonsense"), "--resume", "--model", "small")
    assert status == 2


def test_an_output_is_never_overwritten(batch, lines, proxy):
    path = lines(*QUESTIONS)
    batch(path)
    status, _, said = batch(path)
    assert (status, "is there already" in said) == (2, True)
    status, _, said = batch(path, "--resume")
    assert (status, "nothing to do" in said) == (0, True)
    assert len(proxy.seen) == 5


def test_nothing_in_nothing_out(batch, lines, proxy):
    assert batch(lines())[:2] == (0, [])


def test_a_proxy_that_goes_away_leaves_a_journal_and_no_output(batch, lines, proxy, tmp_path):
    def gone(_body):
        raise httpx.ConnectError("refused")

    status, found, said = batch(lines(*QUESTIONS), "--tries", "1")
    assert status == 0
    (tmp_path / "out.jsonl").unlink()
    proxy.answer = gone
    status, found, said = batch(lines(*QUESTIONS), "--tries", "1")
    assert (status, found) == (1, None)
    assert "stopped: the proxy cannot be reached" in said
    assert "go on with --resume" in said


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_under_way_end(batch, lines, proxy, kind):
    plain = proxy.answer

    def answer(body):
        if len(proxy.seen) == 3:
            os.kill(os.getpid(), kind)
        return plain(body)

    proxy.answer = answer
    path = lines(*[{"prompt": "x"}] * 200)
    status, found, said = batch(path, "--concurrency", "2")
    assert (status, found) == (1, None)
    assert "stopped: interrupted" in said
    under_way = len(proxy.seen)
    assert under_way < 200
    status, found, said = batch(path, "--resume")
    assert (status, len(found)) == (0, 200)
    assert len(proxy.seen) == 200, "nothing was asked twice"


def test_json_is_for_programs(batch, lines, proxy):
    status, _, out = batch(lines({"prompt": "a"}, b"nonsense"), "--json")
    told = json.loads(out[out.index("{") : out.rindex("}") + 1])
    assert status == 1
    assert told["lines"] == 2
    assert (told["answered"], told["failed"], told["complete"]) == (1, 1, True)
    assert told["tiers"] == {"simple": {"lines": 1, "batched": 0, "calls_cost_usd": 0.000002}}
    assert told["failures"] == [{"type": "bad_line", "lines": 1, "first_line": 2}]


def test_a_terminal_sees_how_far_it_is_and_a_file_does_not(batch, lines, proxy, terminal):
    _, _, said = batch(lines(*QUESTIONS))
    assert "answered: " not in said
    terminal()
    _, _, said = batch(lines(*QUESTIONS), output="other.jsonl")
    assert "answered: 3 of 5 lines" in said
    assert "answered: 5 of 5 lines" in said


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--concurrency", "0"], "--concurrency"),
        (["--concurrency", "100000"], "--concurrency"),
        (["--rate", "nan"], "--rate"),
        (["--rate", "0"], "--rate"),
        (["--tries", "0"], "--tries"),
        (["--poll", "-1"], "--poll"),
        (["--url", "ftp://x"], "--url"),
        (["--url", "http://[::1"], "--url"),
        (["--url", "not a url"], "--url"),
        (["--key-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        (["--mode", "batches"], "--config"),
        (["--output", "in.jsonl"], "same file"),
        (["--output", "-", "--resume"], "--resume"),
        (["--output", "nowhere/out.jsonl"], "cannot be opened"),
        (["--input", "absent.jsonl"], "absent.jsonl"),
    ],
)
def test_wrong_usage_says_so_and_asks_nothing(run, lines, proxy, more, why, tmp_path, monkeypatch):
    lines(*QUESTIONS)
    status, out, err = run("batch", "--input", "in.jsonl", "--output", "out.jsonl", *more)
    assert (status, out) == (2, "")
    assert why in err
    assert proxy.seen == []


def test_no_way_in_is_told_before_anything_is_written(batch, lines, proxy, tmp_path):
    path = lines(*QUESTIONS)
    proxy.models = lambda: httpx.Response(401, json={"error": {"message": f"bad key {SECRET}"}})
    status, _, said = batch(path)
    assert (status, "status 401" in said) == (2, True)

    def refused():
        raise httpx.ConnectError(f"no way for {SECRET}")

    proxy.models = refused
    status, _, said = batch(path)
    assert (status, "does not let us in" in said) == (2, True)
    assert [p.name for p in tmp_path.iterdir()] == ["in.jsonl"]


def test_with_a_configuration_lines_go_to_their_tiers_batches(batch, lines, proxy, config):
    proxy.transport = httpx.ASGITransport(app=create_app())
    path = lines({"prompt": "hi"}, {"prompt": "hello"})
    status, found, said = batch(path, "--config", config(), "--mode", "batches", "--poll", "0.01")
    assert status == 0
    assert [x["tier"] for x in found] == ["simple", "simple"]
    assert "2 lines are in a batch for small" in said
    assert "2 lines came from provider batches" in said


def test_a_wait_for_money_is_told_with_its_end(batch, lines, proxy, monkeypatch):
    plain = proxy.answer
    over = httpx.Response(
        429, json={"error": {"message": "over", "type": "budget_exceeded"}}, headers={"retry-after": "0"}
    )
    left = [over]
    proxy.answer = lambda body: left.pop() if left else plain(body)
    monkeypatch.setattr(SystemTimes, "sleep", lambda *_: asyncio.sleep(0))
    later = itertools.count(1_000_000, 10)
    monkeypatch.setattr(SystemTimes, "now", lambda _: float(next(later)))
    status, _, said = batch(lines({"prompt": "a"}), "--wait")
    assert status == 0
    assert re.search(r"a budget is exhausted: waiting until 1970-01-12 \d\d:\d\d:\d\d UTC", said)


def test_lines_that_go_as_calls_after_all_are_told_on_a_terminal_too(batch, lines, proxy, config, terminal):
    terminal()
    inside = proxy.handle

    async def handle(request):
        return httpx.Response(404, json={}) if request.url.path == "/v1/files" else await inside(request)

    proxy.transport = httpx.MockTransport(handle)
    status, found, said = batch(lines({"prompt": "hi"}), "--config", config())
    assert (status, len(found)) == (0, 1)
    assert "sorting lines into tiers" in said
    assert "no batch for small (404): its lines go as calls" in said
