"""What the tests of the page share."""

from __future__ import annotations

import time

import pytest
from stub_proxy import status

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is missing: pip install playwright")
expect = sync_api.expect

PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)

REFRESH_MS = 5_100
AWAY = status(store={"kind": "redis", "ok": False, "spooled": 7}, budgets=[])


def settled(page) -> None:
    """Whatever the page had begun to ask before this call has reached the stand-in after it."""
    page.evaluate("() => fetch('/tiering/probe').then(answer => answer.text())")


def until(page, check, what: str, within_s: float = PATIENCE_MS / 1000) -> None:
    """Wait for something that the stand-in sees."""
    ends = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < ends, f"not within {within_s} s: {what}"
        settled(page)


def next_refresh(page, stub, name: str = "GET status", after_ms: int = REFRESH_MS) -> None:
    """Let the page's own clock run until it has asked once more."""
    before = stub.count(name)
    page.clock.run_for(after_ms)
    until(page, lambda: stub.count(name) > before, f"{name} asked again")
