"""A real Chromium, driven by Playwright; without one these tests are skipped, with a reason."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from stub_proxy import KEY, NOW, Stub, serve_stub

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator:
    from page_kit import sync_api  # noqa: PLC0415 - skips where Playwright is missing

    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or set CHROMIUM to one")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield running
        running.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serve_stub() as running:
        yield running


@pytest.fixture
def open_page(browser):
    """Opens pages; at the end none may have raised an error, or asked for anything beyond its own origin."""
    contexts, faults = [], []

    def _open(url: str, *, key: str = "", clock: float | None = NOW + 200, expect: str = "(?!)", **options):
        context = browser.new_context(
            **{"timezone_id": "UTC", "viewport": {"width": 1360, "height": 900}, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        origin = "/".join(url.split("/")[:3])

        def said(message):
            # The browser itself writes a line for every answer that is an error: those are planted here.
            if message.type in {"error", "warning"} and not re.search(
                f"Failed to load resource|{expect}", message.text
            ):
                faults.append(message.text)

        page.on("console", said)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: None if request.url.startswith((origin, "data:")) else faults.append(request.url),
        )
        if clock is not None:
            page.clock.install(time=clock)
        page.goto(url)
        if clock is not None:
            page.clock.pause_at(clock + 60)  # from here on the page's time is the test's
        if key:
            sign_in(page, key)
        return page

    yield _open
    for context in contexts:
        context.close()
    assert faults == []


def sign_in(page, key: str = KEY) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")


@pytest.fixture
def dashboard(stub, open_page):
    """The page of the stand-in, signed in, with everything on it."""
    page = open_page(stub.url, key=KEY)
    page.locator("#decisions tr").nth(24).wait_for()
    page.locator("#hours svg").wait_for()
    page.locator("#exemptions li").wait_for()
    return page
