"""The pictures of docs/how-to/read-the-dashboard.md, of a made-up day: python scripts/pictures.py [FOLDER].

Needs what the tests of the page need, Playwright and a Chromium; leaves them as they are without.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from stub_proxy import KEY, NOW, Stub, serve_stub, status  # noqa: E402 - from where the tests keep it

DESK: dict[str, Any] = {"viewport": {"width": 1360, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def signed_in(browser: Browser, stub: Stub, options: dict[str, Any]) -> Page:
    page = browser.new_context(timezone_id="UTC", locale="en-GB", **options).new_page()
    page.clock.install(time=NOW + 200)
    page.goto(stub.url)
    page.get_by_label("Key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    page.locator("#exemptions li").wait_for()
    page.locator("#hours svg").wait_for()
    return page


def take(browser: Browser, stub: Stub, folder: Path) -> None:
    for name, options in {"light": DESK, "dark": {**DESK, "color_scheme": "dark"}, "phone": PHONE}.items():
        page = signed_in(browser, stub, options)
        page.screenshot(path=folder / f"dashboard-{name}.png")
        if name == "light":
            page.locator("#decisions tr", has_text="escalation").first.locator("button.link").click()
            page.locator("#detail-body h3").first.wait_for()
            page.screenshot(path=folder / "dashboard-decision.png")
            page.keyboard.press("Escape")
            stub.answers["GET status"] = (200, status(store={"kind": "redis", "ok": False, "spooled": 7}))
            page.clock.run_for(6_000)
            page.locator("#banner").wait_for()
            page.mouse.wheel(0, -10_000)
            page.screenshot(
                path=folder / "dashboard-outage.png", clip={"x": 0, "y": 0, "width": 1360, "height": 420}
            )
            stub.answers["GET status"] = (200, status())
        page.context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "how-to" / "images")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        print("the pictures of the dashboard are left as they are: no Chromium (apt-get install chromium)")
        return 0
    with serve_stub() as stub, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        take(browser, stub, folder)
        browser.close()
    print(*sorted(p.name for p in folder.glob("dashboard-*.png")), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
