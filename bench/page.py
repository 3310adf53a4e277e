"""The dashboard in a real Chromium, with 10,000 decisions in the store and requests coming in meanwhile.

    python bench/page.py [--decisions 10000] [--rounds 5]

A real proxy on a SQLite store. Told are: how long it takes from the key's last keystroke to a page that shows
budgets and decisions; from a chosen filter to its rows; and from "Older" to the next page; each in
milliseconds, the median and the longest of some rounds. Beside them what the proxy itself takes for the same
question, so that what is the page's is seen as a ratio. Then the page's *long tasks*, pieces of work of more
than 50 ms in which it answers nobody (https://www.w3.org/TR/longtasks/), and how many rows there are in the
document. Needs what the tests of the page need: Playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import sync_playwright

from kept import Kept
from litellm_tiering.ledger.open import open_ledger, open_records
from litellm_tiering.records import Row
from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy
from records import LADDER, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

BUDGETS = [
    {"scope": "global", "limit_usd": 50},
    {"scope": "team", "match": "*", "limit_usd": 10},
]
BATCH = 64
KEPT = Kept(__file__)
WATCH = """
window.long = [];
new PerformanceObserver(list => list.getEntries().forEach(e => window.long.push(e.duration)))
  .observe({ type: "longtask", buffered: true });
"""


async def fill(url: str, count: int) -> None:
    """So many decisions in a store, the latest a moment ago."""
    ledger = open_ledger(url)
    store = open_records(ledger)
    draw, now = random.Random(7), time.time()
    for at in range(0, count, BATCH):
        numbers = range(at, min(at + BATCH, count))
        made = [replace(record(i, draw), at_s=now - (count - i) * 0.5) for i in numbers]
        await store.append([Row.of(one, LADDER) for one in made])
    await ledger.close()


@contextlib.contextmanager
def load(proxy: Proxy) -> Iterator[None]:
    """Ten requests a second, as long as the block lasts."""
    stop = threading.Event()

    def ask() -> None:
        body = {"model": "auto", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello!"}]}
        with httpx.Client(headers={"authorization": f"Bearer {proxy.key}"}, timeout=30) as client:
            while not stop.wait(0.1):
                client.post(f"{proxy.openai_url}/chat/completions", json=body)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def timed(work: Callable[[], None]) -> float:
    """How long that takes, in milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def one_round(page: Page, proxy: Proxy, told: dict[str, list[float]]) -> None:
    """Sign in, filter, and turn a page, as somebody would."""
    page.goto(f"{proxy.base_url}/tiering")
    page.get_by_label("Key", exact=True).fill(proxy.key)

    def sign_in() -> None:
        page.keyboard.press("Enter")
        page.locator("#decisions tr").nth(24).wait_for()
        page.locator("#budgets tr").first.wait_for()

    def choose() -> None:
        page.get_by_label("Reason begins with").fill("budget:")
        page.keyboard.press("Enter")
        page.locator("#live", has_text="Filtered: 25").wait_for()

    def older() -> None:
        page.get_by_role("button", name="Older").click()
        page.locator("#page-of", has_text="page 2").wait_for()

    for name, work in (("usable", sign_in), ("filtered", choose), ("older", older)):
        told[name].append(timed(work))
    asked = {"limit": 25, "reason": "budget:"}
    told["route"].append(timed(lambda: proxy.client.get("/tiering/decisions", params=asked)))
    told["long"] += page.evaluate("() => window.long")
    told["rows"].append(page.locator("#decisions tr").count())
    told["nodes"].append(page.evaluate("() => document.querySelectorAll('*').length"))


def measure(proxy: Proxy, chromium: str, rounds: int) -> dict[str, list[float]]:
    told: dict[str, list[float]] = {
        name: [] for name in ("usable", "filtered", "older", "route", "long", "rows", "nodes")
    }
    with sync_playwright() as playwright, load(proxy):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        # The first one warms up the browser, and is not counted.
        for number in range(rounds + 1):
            page = browser.new_page()
            page.add_init_script(WATCH)
            one_round(page, proxy, told if number else {name: [] for name in told})
            page.close()
        browser.close()
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        print("there is no Chromium: apt-get install chromium, or set CHROMIUM to one", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, serve_provider() as provider:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        asyncio.run(fill(url, options.decisions))
        config = config_for(provider.base_url, {"budgets": BUDGETS, "store": {"url": url}})
        with serve_proxy(config) as proxy:
            told = measure(proxy, chromium, options.rounds)
    route = statistics.median(told["route"])
    print(
        f"{options.decisions:,} decisions in SQLite, ten requests a second meanwhile; {options.rounds} rounds"
    )
    kept = KEPT.table(
        "page", "what", ("median, ms", ".0f"), ("longest, ms", ".0f"), ("of the route's own", ".1f")
    )
    for name in ("usable", "filtered", "older"):
        middle, longest = statistics.median(told[name]), max(told[name])
        kept.row(name, middle, longest, middle / route)
        print(
            f"  {name:10} {middle:7.0f} ms  (longest {longest:.0f}), {middle / route:.1f} x the route's own"
        )
    kept.row("the route alone", route, max(told["route"]), 1.0)
    tasks = KEPT.table(
        "tasks", ("long tasks", "d"), ("the longest, ms", ".0f"), ("rows", ".0f"), ("elements", ".0f")
    )
    tasks.row(len(told["long"]), max(told["long"], default=0), max(told["rows"]), max(told["nodes"]))
    print(f"  {'route':10} {route:7.0f} ms  (longest {max(told['route']):.0f})")
    print(f"  long tasks {len(told['long'])}, the longest {max(told['long'], default=0):.0f} ms")
    print(f"  rows {max(told['rows']):.0f}, elements {max(told['nodes']):.0f}")
    return 0


if __name__ == "__main__":
    KEPT.run(main)
