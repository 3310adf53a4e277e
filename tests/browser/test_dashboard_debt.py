"""What the page shows of downgrades that the better tier was asked about as well."""

from __future__ import annotations

import pytest
from page_kit import expect
from stub_proxy import KEY, decision, report

DEBT = {
    "downgraded": 1_234,
    "drawn": 26,
    "probed": 25,
    "skipped": {"busy": 1, "<b>limit</b>": 3},
    "comparable": 14,
    "agreed": 11,
    "agreement": {"share": 11 / 14, "low": 0.524, "high": 0.924},
    "different": {"share": 3 / 14, "low": 0.0757, "high": 0.4759},
    "judged": 25,
    "both_passed": 20,
    "served_only_passed": 1,
    "better_only_passed": 3,
    "cost_usd": 0.0312,
    "note": "the limit stopped 3 of the 26",
}


def test_the_quality_of_downgrades_has_a_panel_with_its_interval(stub, open_page):
    told = report(debt=DEBT)
    told["days"][0].update(waste_usd=1.92, probe_usd=0.0312)
    stub.answers["GET report"] = (200, told)
    page = open_page(stub.url, key=KEY)
    panel = page.locator("#p-debt")
    for said in (
        "21.4 % came out different from the better tier; 95 % between 7.6 % and 47.6 %",
        "1,234 requests moved down by a budget; 25 asked of the better tier as well, 14 of these can be",
        "It cost $0.031.",
        "busy 1, <b>limit</b> 3",
        "the limit stopped 3 of the 26",
    ):
        expect(panel).to_contain_text(said)
    expect(panel.locator("tbody tr").nth(1)).to_have_text("the better tier's alone3")
    expect(page.locator("#tiles")).to_contain_text("rejected answers $1.89")
    expect(page.locator("#tiles")).to_contain_text("the better tier asked as well $0.031")


def test_where_nothing_can_be_compared_it_says_so(stub, open_page):
    nothing = {"share": None, "low": None, "high": None}
    told = {**DEBT, "comparable": 0, "different": nothing, "note": ""}
    stub.answers["GET report"] = (200, report(debt=told))
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#debt")).to_contain_text("No answers could be compared by their form yet.")


@pytest.mark.parametrize("debt", [None, {**DEBT, "drawn": 0}])
def test_without_the_experiment_there_is_no_panel(stub, open_page, debt):
    stub.answers["GET report"] = (200, report(debt=debt))
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#holdout")).to_contain_text("saved")
    expect(page.locator("#p-debt")).to_be_hidden()


def test_a_decision_tells_what_the_better_tier_said(stub, open_page):
    asked = {"tier": "complex", "model": "large", "agreed": False, "served_passed": True, "cost_usd": 0.001}
    stub.answers["GET decision"] = (200, decision(3, debt={**asked, "better_passed": False}))
    page = open_page(stub.url, key=KEY)
    page.locator("#find-id").fill("dec-000003")
    page.locator("#find").click()
    expect(page.locator("#detail")).to_contain_text(
        "The better tier complex (large) was asked as well: it says something else, served passed the gates, "
        "better failed the gates. $0.0010, the owner's."
    )
