"""The page against a stand-in for the proxy: what it shows, and what people do with it."""

from __future__ import annotations

from page_kit import expect, next_refresh
from stub_proxy import KEY, NOW, decision, exemptions, report, status


def test_every_panel_shows_what_the_proxy_says(dashboard):
    tiles = dashboard.locator("#tiles")
    for said in ("$31.44", "$61.07", "18,412", "$1.93", "62.9 %"):
        expect(tiles).to_contain_text(said)
    expect(dashboard.locator("#budgets")).to_contain_text("team research per day")
    expect(dashboard.locator("#budgets")).to_contain_text("102 % · 1 tier down")
    expect(dashboard.locator("#hours-readout")).to_contain_text("Today: spend")
    expect(dashboard.locator("#tiers")).to_contain_text("10,120")
    expect(dashboard.locator("#gates")).to_contain_text("9.6 %")
    expect(dashboard.locator("#latency")).to_contain_text("5.9 s")
    expect(dashboard.locator("#holdout")).to_contain_text(
        "61.2 % saved measured; 95 % between 54.8 % and 67.1 %"
    )
    expect(dashboard.locator("#alarms li")).to_have_count(2)
    expect(dashboard.locator("#exemptions")).to_contain_text("launch day")


def test_the_global_budget_stands_first_and_the_fullest_come_next(dashboard):
    whose = dashboard.locator("#budgets tr td:first-child").all_inner_texts()
    assert [w.removesuffix(" per day") for w in whose] == [
        "global",
        "team research",
        "team blue",
        "team red",
        "key b3c1",
    ]


def test_without_a_report_the_decisions_at_hand_tell_of_tiers_and_gates(stub, open_page):
    del stub.answers["GET report"]
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#tiers-of")).to_have_text("of the last 25")
    expect(page.locator("#tiers tbody tr")).to_have_count(3)
    expect(page.locator("#gates")).to_contain_text("refusal")
    expect(page.locator("#p-hours")).to_be_hidden()
    expect(page.locator("#p-holdout")).to_be_hidden()


def test_a_holdout_that_shows_nothing_says_so(stub, open_page):
    wide = {"callers": 3, "requests": 40, "saved_share": 0.2, "low": -0.3, "high": 0.6}
    stub.answers["GET report"] = (200, report(holdout=wide))
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#holdout")).to_contain_text("the interval holds zero")


def test_new_decisions_and_budgets_arrive_by_themselves(dashboard, stub):
    stub.total += 3
    moved = status()
    moved["budgets"][0]["spent_usd"], moved["budgets"][0]["ratio"] = 44.0, 0.88
    stub.answers["GET status"] = (200, moved)
    next_refresh(dashboard, stub)
    expect(dashboard.locator("#decisions tr").first).to_contain_text(":02")
    expect(dashboard.locator("#budgets tr").first).to_contain_text("88.0 %")
    expect(dashboard.locator("#decisions tr")).to_have_count(25)


def test_a_key_that_is_no_administrators_sees_no_exemptions_and_no_alarms(stub, open_page):
    stub.answers["GET exemptions"] = (
        403,
        {"detail": {"error": "only a proxy administrator's key may do this."}},
    )
    stub.answers["GET status"] = (200, status(alarms=[], classifiers={}))
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#decisions tr")).to_have_count(25)
    page.wait_for_function("() => document.querySelector('#p-tiers').hidden === false")
    expect(page.locator("#p-exemptions")).to_be_hidden()
    expect(page.locator("#p-alarms")).to_be_hidden()


def test_a_filter_asks_the_proxy_and_lasts_over_a_reload(dashboard, stub):
    dashboard.get_by_role("combobox", name="Tier").select_option("complex")
    expect(dashboard.locator("#decisions tr:not(:has-text('complex'))")).to_have_count(0)
    assert stub.last("GET decisions")[0] == {"limit": "25", "tier": "complex"}
    expect(dashboard.locator("#live")).to_contain_text("Filtered: 25 decisions")
    dashboard.get_by_label("Reason begins with").fill("budget:team")
    dashboard.keyboard.press("Enter")
    dashboard.wait_for_function("() => location.hash === '#tier=complex&reason=budget%3Ateam'")
    dashboard.reload()
    dashboard.locator("#decisions tr").nth(1).wait_for()
    assert stub.last("GET decisions")[0] == {"limit": "25", "tier": "complex", "reason": "budget:team"}
    expect(dashboard.get_by_role("combobox", name="Tier")).to_have_value("complex")
    dashboard.get_by_role("button", name="Clear").click()
    expect(dashboard.locator("#decisions tr:has-text('simple')").first).to_be_visible()
    assert stub.last("GET decisions")[0] == {"limit": "25"}


def test_ten_thousand_decisions_are_paged_and_an_older_page_stands_still(stub, open_page):
    stub.total = 10_000
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#decisions tr")).to_have_count(25)
    for n in range(2, 6):
        page.get_by_role("button", name="Older").click()
        expect(page.locator("#page-of")).to_have_text(f"page {n}")
    assert stub.last("GET decisions")[0]["before"] == "dec-009900"
    first = page.locator("#decisions tr").first.inner_text()
    asked = stub.count("GET decisions")
    stub.total += 500
    next_refresh(page, stub)
    assert page.locator("#decisions tr").first.inner_text() == first
    assert stub.count("GET decisions") == asked
    expect(page.locator("#decisions tr")).to_have_count(25)
    page.get_by_role("button", name="Newer").click()
    expect(page.locator("#page-of")).to_have_text("page 4")
    page.get_by_role("button", name="Newest").click()
    expect(page.locator("#page-of")).to_have_text("")
    assert stub.last("GET decisions")[0] == {"limit": "25"}
    # However many there are, the document holds a page of them: that is what keeps the page quick.
    assert page.locator("*").count() < 2_000


def looks(found_at):
    """Decisions among which something fits in the look with this number only; there are 13 looks in all."""

    def answer(query, _):
        look = int(query.get("before", "0"))
        rows = [decision(5)] if look == found_at else []
        following = str(look + 1) if look < 12 else None
        return 200, {"decisions": rows, "next": following, "reached": NOW - 60 * look}

    return answer


def test_what_is_seldom_is_looked_for_further_back_by_itself(stub, open_page):
    stub.answers["GET decisions"] = looks(found_at=3)
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#decisions tr")).to_have_count(1)
    expect(page.locator("#page-of")).to_contain_text("looked back to 17:37:00; Older looks further")
    assert stub.count("GET decisions") == 4
    page.get_by_role("button", name="Older").click()
    expect(page.locator("#page-of")).to_have_text("page 2")
    expect(page.locator("#decisions")).to_have_text("No decision yet.")
    assert stub.count("GET decisions") == 13
    expect(page.get_by_role("button", name="Older")).to_be_disabled()


def test_what_is_nowhere_is_not_looked_for_without_end(stub, open_page):
    stub.answers["GET decisions"] = lambda query, _: (
        200,
        {"decisions": [], "next": str(int(query.get("before", "0")) + 1), "reached": NOW},
    )
    page = open_page(f"{stub.url}#tier=complex", key=KEY)
    expect(page.locator("#decisions")).to_have_text("No decision fits so far.")
    expect(page.get_by_role("button", name="Older")).to_be_enabled()
    assert stub.count("GET decisions") == 10


def test_a_cursor_that_the_proxy_gives_is_the_one_that_is_used(stub, open_page):
    stub.answers["GET decisions"] = lambda query, _: (
        200,
        {"decisions": [decision(5)], "next": None if query.get("before") else "place-7"},
    )
    page = open_page(stub.url, key=KEY)
    page.get_by_role("button", name="Older").click()
    expect(page.locator("#page-of")).to_have_text("page 2")
    expect(page.get_by_role("button", name="Older")).to_be_disabled()
    assert stub.last("GET decisions")[0]["before"] == "place-7"


def test_an_answer_with_far_too_many_rows_fills_one_page_only(stub, open_page):
    stub.answers["GET decisions"] = (200, {"decisions": [decision(i) for i in range(5_000)]})
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#decisions tr")).to_have_count(25)


def test_focus_stays_where_it_is_when_rows_arrive(dashboard, stub):
    third = dashboard.locator("#decisions tr").nth(2)
    said = third.inner_text()
    third.get_by_role("button", name="A good answer").focus()
    stub.total += 1
    next_refresh(dashboard, stub)
    expect(dashboard.locator("#decisions tr").first).to_contain_text("17:43:00")
    assert dashboard.locator("#decisions tr").nth(3).inner_text() == said
    expect(
        dashboard.locator("#decisions tr").nth(3).get_by_role("button", name="A good answer")
    ).to_be_focused()


def test_a_decision_opens_by_keyboard_says_why_and_gives_the_focus_back(dashboard):
    opener = dashboard.locator("#decisions tr").nth(5).locator("button.link")
    opener.focus()
    dashboard.keyboard.press("Enter")
    box = dashboard.get_by_role("dialog")
    expect(box).to_contain_text("A budget is used up to one of its thresholds.")
    expect(box).to_contain_text("dec-000174")
    dashboard.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_decision_is_found_by_its_id_and_one_of_others_is_not(dashboard, stub):
    dashboard.get_by_label("Id", exact=True).first.fill("dec-000003")
    dashboard.keyboard.press("Enter")
    box = dashboard.get_by_role("dialog")
    expect(box).to_contain_text("escalation:refusal")
    dashboard.keyboard.press("Escape")
    stub.answers["GET decision"] = (404, {"detail": {"error": "no such decision"}})
    dashboard.get_by_label("Id", exact=True).first.fill("../status?x=1#")
    dashboard.keyboard.press("Enter")
    expect(box).to_contain_text("There is no such decision, or it is not for this key to see.")
    assert stub.count("GET decision") == 2


def test_a_decision_tells_how_the_budgets_stood(dashboard, stub):
    told = decision(2, feedback=0.5)
    stood = {
        "scope": "team",
        "id": "blue",
        "window": "day",
        "limit_usd": 10.0,
        "used_usd": 8.3,
        "ratio": 0.83,
        "window_end": 0.0,
        "spared": True,
    }
    told["budgets"] = [stood, {**stood, "scope": "global", "id": "*", "spared": False}]
    told["steps"][1]["share"] = 0.25
    told["attempts"][0].update(prompt_tokens=1234, completion_tokens=56, cached_tokens=800)
    stub.answers["GET decision"] = (200, told)
    dashboard.locator("#decisions tr").first.locator("button.link").click()
    box = dashboard.get_by_role("dialog")
    expect(box.get_by_role("region", name="Budgets").locator("tbody tr")).to_have_count(2)
    expect(box).to_contain_text("team blue per day")
    expect(box).to_contain_text("83.0 % $8.30 of $10.00")
    expect(box.get_by_text("counts this caller and leaves it alone", exact=True)).to_have_count(1)
    expect(box).to_contain_text("50 % good")
    expect(box).to_contain_text("share0.25")
    expect(box).to_contain_text("1,234 + 56 tokens, 800 cached")


def test_a_thumb_is_sent_shown_and_taken_back_where_it_was_refused(dashboard, stub):
    row = dashboard.locator("#decisions tr").first
    row.get_by_role("button", name="A good answer").click()
    expect(row.get_by_role("button", name="A good answer")).to_have_attribute("aria-pressed", "true")
    expect(dashboard.locator("#live")).to_have_text("Noted: a good answer.")
    assert stub.last("POST feedback")[1] == {"decision": "dec-000179", "score": 1}
    stub.answers["POST feedback"] = (503, {"detail": {"error": "the store is away"}})
    row.get_by_role("button", name="A bad answer").click()
    expect(dashboard.locator("#decisions-note")).to_contain_text("Not noted: the store is away")
    expect(row.get_by_role("button", name="A good answer")).to_have_attribute("aria-pressed", "true")
    expect(row.get_by_role("button", name="A bad answer")).to_have_attribute("aria-pressed", "false")


def test_a_comment_goes_with_the_thumb(dashboard, stub):
    dashboard.locator("#decisions tr").nth(1).locator("button.link").click()
    box = dashboard.get_by_role("dialog")
    box.get_by_label("A comment").fill("it made up a <b>source</b>")
    box.get_by_role("button", name="A bad answer").click()
    expect(box.get_by_role("button", name="A bad answer")).to_have_attribute("aria-pressed", "true")
    expect(box.get_by_label("A comment")).to_have_value("")
    assert stub.last("POST feedback")[1] == {
        "decision": "dec-000178",
        "score": 0,
        "comment": "it made up a <b>source</b>",
    }
    assert stub.count("POST feedback") == 1


def open_late(page, row):
    """Open a decision in the list whose full story is on its way; what lets it come."""
    waiting = []

    def hold(route):
        waiting.append(route)

    page.route("**/tiering/decisions/*", hold, times=1)
    with page.expect_request("**/tiering/decisions/*"):
        page.locator("#decisions tr").nth(row).locator("button.link").click()

    def comes():
        with page.expect_response("**/tiering/decisions/*"):
            waiting[0].continue_()
        page.evaluate("() => fetch('/tiering/status')")  # by now the page has heard the one before, too

    return comes


def test_a_comment_begun_while_the_whole_story_is_on_its_way_stays(dashboard, stub):
    told = decision(1)
    told["budgets"] = [{"scope": "team", "id": "blue", "window": "day", "limit_usd": 10.0, "used_usd": 8.3}]
    stub.answers["GET decision"] = (200, told)
    comes = open_late(dashboard, 1)
    box = dashboard.get_by_role("dialog")
    box.get_by_label("A comment").fill("it made up a source")
    expect(box).not_to_contain_text("Budgets at that moment")
    comes()
    expect(box).to_contain_text("Budgets at that moment")
    expect(box.get_by_label("A comment")).to_be_focused()
    expect(box.get_by_label("A comment")).to_have_value("it made up a source")
    box.get_by_role("button", name="A bad answer").click()
    expect(box.get_by_label("A comment")).to_have_value("")
    assert stub.last("POST feedback")[1]["comment"] == "it made up a source"


def test_a_story_that_comes_late_is_not_drawn_over_another_decision(dashboard):
    comes = open_late(dashboard, 1)
    dashboard.keyboard.press("Escape")
    dashboard.locator("#decisions tr").nth(2).locator("button.link").click()
    box = dashboard.get_by_role("dialog")
    expect(box).to_contain_text("dec-000177")
    comes()
    expect(box).to_contain_text("dec-000177")
    expect(box).not_to_contain_text("dec-000178")


def test_explain_shows_tier_score_and_steps_and_keeps_the_prompt_nowhere(dashboard, stub):
    dashboard.get_by_label("Where would it go now").fill("a secret plan")
    dashboard.keyboard.press("Control+Enter")
    box = dashboard.locator("#explained")
    expect(box).to_contain_text("moderate · medium on route auto · score 0.412")
    expect(box.locator("ol li")).to_have_count(2)
    assert stub.last("POST explain")[1] == {"prompt": "a secret plan"}
    kept = dashboard.evaluate(
        "() => JSON.stringify([{...sessionStorage}, {...localStorage}, location.href, document.cookie])"
    )
    assert "secret" not in kept


def test_explain_says_what_is_wrong(dashboard, stub):
    stub.answers["POST explain"] = (
        404,
        {"detail": {"error": "no route of the tiering section serves this model"}},
    )
    dashboard.get_by_label("Asked for as").fill("nosuch")
    dashboard.get_by_label("Where would it go now").fill("hello")
    dashboard.get_by_role("button", name="Explain").click()
    expect(dashboard.locator("#explain-note")).to_have_text(
        "no route of the tiering section serves this model"
    )
    expect(dashboard.get_by_role("button", name="Explain")).to_be_enabled()


def test_an_exemption_is_given_and_ended_after_a_second_click(dashboard, stub):
    (first,) = exemptions()["active"]
    given = {**first, "exemption": "77", "id": "blue-*", "reason": "launch"}

    def give(*_):
        stub.answers["GET exemptions"] = (200, exemptions(active=[first, given]))
        return 201, given

    stub.answers["POST exemptions"] = give
    dashboard.locator("#exempt").get_by_label("Id").fill("blue-*")
    dashboard.locator("#exempt").get_by_label("For").select_option("1d")
    dashboard.locator("#exempt").get_by_label("Reason").fill("launch")
    dashboard.get_by_role("button", name="Exempt", exact=True).click()
    expect(dashboard.locator("#exempt-note")).to_have_text("Exempt from now on.")
    assert stub.last("POST exemptions")[1] == {
        "scope": "team",
        "id": "blue-*",
        "until": "1d",
        "reason": "launch",
    }
    # The list is there anew: nothing takes the button away between two clicks.
    expect(dashboard.locator("#exemptions li")).to_have_count(2)
    end = dashboard.get_by_role("button", name="End the exemption of team blue", exact=True)
    end.click()
    expect(end).to_have_text("End it now?")
    assert stub.count("DELETE exemptions") == 0
    stub.answers["GET exemptions"] = (200, exemptions(active=[]))
    end.click()
    expect(dashboard.locator("#exemptions")).to_have_text("None in force.")
    assert stub.last("DELETE exemptions")[0] == {"id": "3f2a9c01b7de"}


def test_an_exemption_that_is_refused_says_why(dashboard, stub):
    stub.answers["POST exemptions"] = (
        400,
        {"detail": {"error": "until: lies in the past", "field": "until"}},
    )
    dashboard.locator("#exempt-scope").select_option("global")
    dashboard.locator("#exempt").get_by_label("Reason").fill("x")
    dashboard.get_by_role("button", name="Exempt", exact=True).click()
    expect(dashboard.locator("#exempt-note")).to_have_text("until: lies in the past")
    assert stub.last("POST exemptions")[1]["id"] == "*"
