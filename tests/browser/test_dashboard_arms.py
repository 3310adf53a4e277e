"""What the page shows of policies that are compared."""

from __future__ import annotations

import pytest
from page_kit import expect
from stub_proxy import KEY, report

NOW = {
    "arm": "now",
    "callers": 41,
    "requests": 5_120,
    "cost_usd": 12.5,
    "cost_per_request_usd": 0.00244,
    "saved_per_request_usd": 0.0051,
    "escalation_rate": 0.123,
    "pass_rate": 0.951,
    "feedback": None,
    "p95_ms": 2345.0,
}
ARMS = {
    "against": "now",
    "level": 0.95,
    "arms": [NOW, {**NOW, "arm": "<b>bolder</b>", "pass_rate": None, "feedback": 0.756}],
    "compared": [{"arm": "<b>bolder</b>", "verdict": "Looking <i>every</i> day is fine."}],
}


def test_the_arms_have_a_panel_with_what_may_be_said_of_them(stub, open_page):
    stub.answers["GET report"] = (200, report(arms=ARMS))
    page = open_page(stub.url, key=KEY)
    panel = page.locator("#p-arms")
    rows = panel.locator("tbody tr")
    first = ["now", "41", "5,120", "$12.50", "$0.0024", "$0.0051", "12.3 %", "95.1 %", "\N{EN DASH}", "2.3 s"]
    expect(rows.nth(0).locator("td")).to_have_text(first)
    expect(rows.nth(1)).to_contain_text("<b>bolder</b>")
    expect(rows.nth(1)).to_contain_text("0.76")
    expect(panel).to_contain_text("<b>bolder</b> against now: Looking <i>every</i> day is fine.")
    expect(panel).to_contain_text("at every look, with 95 % confidence")


@pytest.mark.parametrize("arms", [None, "x"])
def test_without_arms_there_is_no_panel(stub, open_page, arms):
    stub.answers["GET report"] = (200, report(arms=arms))
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#holdout")).to_contain_text("saved")
    expect(page.locator("#p-arms")).to_be_hidden()
