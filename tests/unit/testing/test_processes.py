"""Processes for tests: started, waited for, always ended."""

from __future__ import annotations

import sys
import time

import httpx
import pytest

from litellm_tiering.testing.processes import NotReady, free_port, serve_provider, spawned, wait_http


def test_the_provider_ends_with_its_block_even_when_that_fails():
    port = free_port()
    seen = []

    def fail_inside():
        with serve_provider(port=port) as provider:
            seen.append(provider)
            assert provider.process.popen.poll() is None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    (provider,) = seen
    assert provider.base_url == f"http://127.0.0.1:{port}"
    assert provider.process.popen.returncode is not None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{provider.base_url}/v1/models", trust_env=False)


def test_the_latency_is_that_of_the_model():
    with serve_provider(latency_ms=120) as provider:
        began = time.monotonic()
        answer = provider.client.post("/v1/embeddings", json={"model": "sim-small", "input": "Hi"})
        assert answer.status_code == 200
        assert time.monotonic() - began >= 0.12


def test_a_process_that_dies_is_reported_with_what_it_wrote():
    script = "print('the port is taken'); raise SystemExit(3)"
    with spawned([sys.executable, "-c", script], name="a proxy") as process:  # noqa: SIM117 - the order counts
        with pytest.raises(NotReady, match=r"(?s)a proxy ended with exit code 3.*the port is taken"):
            wait_http(f"http://127.0.0.1:{free_port()}/", process, 20)


def test_a_process_that_never_answers_is_reported_after_the_deadline():
    script = "import sys, threading; print('thinking', flush=True); threading.Event().wait(60)"
    with spawned([sys.executable, "-c", script]) as process:
        with pytest.raises(NotReady, match=r"was not ready after 0.3 s \(ConnectError"):
            wait_http(f"http://127.0.0.1:{free_port()}/", process, 0.3)
        assert process.popen.poll() is None
    assert process.popen.returncode is not None


def test_a_process_that_will_not_stop_is_killed():
    script = (
        "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); threading.Event().wait(60)"
    )
    with spawned([sys.executable, "-c", script]) as process:
        while "deaf" not in process.text():
            assert process.popen.poll() is None
        assert process.stop(within_s=0.2) == -9
