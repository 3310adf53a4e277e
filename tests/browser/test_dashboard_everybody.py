"""The page for everybody: keyboard, screen reader, phone, light and dark."""

from __future__ import annotations

import pytest
from page_kit import AWAY, expect, next_refresh
from stub_proxy import KEY, status, tier_of


def test_the_skip_link_comes_first_and_leads_to_the_figures(dashboard):
    dashboard.reload()
    dashboard.locator("#decisions tr").first.wait_for()
    dashboard.keyboard.press("Tab")
    expect(dashboard.get_by_role("link", name="Skip to the figures")).to_be_focused()
    dashboard.keyboard.press("Enter")
    expect(dashboard.locator("#main")).to_be_focused()
    assert stub_filters(dashboard) == ["", "", "", "", ""]


def stub_filters(page):
    return [
        page.locator(f"#filters [name={name}]").input_value()
        for name in ("tier", "route", "verdict", "reason", "team")
    ]


def test_the_chart_reads_single_hours_by_arrow_keys(dashboard):
    dashboard.locator("#hours svg").focus()
    dashboard.keyboard.press("Home")
    dashboard.keyboard.press("ArrowRight")
    expect(dashboard.locator("#live")).to_contain_text(
        "01:00 \u2013 spend $0.282, baseline $0.794, 64 % saved"
    )


def test_a_new_alarm_is_announced_once(dashboard, stub):
    stub.answers["GET status"] = (200, status(alarms=[*status()["alarms"], "fault: KeyError x1"]))
    next_refresh(dashboard, stub)
    expect(dashboard.locator("#live")).to_have_text("Alarm: fault: KeyError x1")


def test_the_colours_can_be_chosen_and_are_remembered(dashboard):
    dark = "() => getComputedStyle(document.body).backgroundColor"
    before = dashboard.evaluate(dark)
    dashboard.get_by_label("Colours").select_option("dark")
    after = dashboard.evaluate(dark)
    assert after != before
    dashboard.reload()
    assert dashboard.evaluate(dark) == after


def test_a_phone_scrolls_one_way_only(stub, open_page):
    page = open_page(
        stub.url, key=KEY, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True
    )
    page.locator("#decisions tr").first.wait_for()
    page.locator("#hours svg").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("state", ["sign-in", "figures", "detail", "outage"])
def test_axe_finds_nothing_serious(stub, open_page, scheme, width, state):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is missing: pip install axe-playwright-python"
    )
    page = open_page(
        stub.url,
        color_scheme=scheme,
        viewport={"width": width, "height": 844},
        key="" if state == "sign-in" else KEY,
        bypass_csp=True,
    )
    if state != "sign-in":
        page.locator("#decisions tr").nth(3).wait_for()
        page.locator("#hours svg").wait_for()
        page.locator("#exemptions li").wait_for()
        page.get_by_label("Where would it go now").fill("hello")
        page.keyboard.press("Control+Enter")
        page.locator("#explained ol").wait_for()
    if state == "detail":
        page.locator("#decisions tr").nth(3).locator("button.link").click()
        page.get_by_role("dialog").wait_for()
    if state == "outage":
        stub.answers["GET status"] = (200, AWAY)
        next_refresh(page, stub)
        page.locator("#banner").wait_for()
    page.clock.resume()  # axe waits for timers of the page
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (v["id"], [n["target"] for n in v["nodes"]][:5])
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_the_stand_in_tells_tiers_apart():
    assert {tier_of(i) for i in range(4)} == {"simple", "moderate", "complex"}
