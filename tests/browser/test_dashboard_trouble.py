"""Outages, answers of the wrong shape, wrong keys, hostile strings: what the page keeps and refuses."""

from __future__ import annotations

import pytest
from page_kit import AWAY, REFRESH_MS, expect, next_refresh, settled, until
from stub_proxy import KEY, decision, report, status


def test_a_store_that_is_away_gets_a_banner_and_the_last_figures_stay(dashboard, stub):
    stub.answers["GET status"] = (200, AWAY)
    next_refresh(dashboard, stub)
    banner = dashboard.locator("#banner")
    expect(banner).to_contain_text("The budget store is away since")
    expect(banner).to_contain_text("7 costs wait to be counted. Figures are as of")
    expect(dashboard.locator("#budgets")).to_contain_text("team research")
    expect(dashboard.locator("#facts")).to_contain_text("store: redis, away")
    stub.answers["GET status"] = (200, status())
    next_refresh(dashboard, stub)
    expect(banner).to_be_hidden()


@pytest.mark.parametrize(
    "answer",
    [(502, b"<html>Bad Gateway</html>"), (200, b"<html>a login page</html>"), (500, {"detail": "x"})],
)
def test_a_proxy_in_trouble_gets_a_banner_and_is_asked_ever_more_slowly(dashboard, stub, answer):
    stub.answers["GET status"] = answer
    next_refresh(dashboard, stub)
    expect(dashboard.locator("#banner-text")).to_contain_text("What you see is as of")
    expect(dashboard.locator("#decisions tr")).to_have_count(25)
    next_refresh(dashboard, stub, after_ms=11_000)
    expect(dashboard.locator("#banner-next")).to_have_text("Trying again in 20 s.")
    asked = stub.count("GET status")
    dashboard.clock.run_for(15_000)
    settled(dashboard)
    assert stub.count("GET status") == asked
    stub.answers["GET status"] = (200, status())
    dashboard.get_by_role("button", name="Try now").click()
    expect(dashboard.locator("#banner")).to_be_hidden()


def test_a_proxy_that_is_gone_gets_a_banner(dashboard, stub):
    dashboard.context.set_offline(True)
    dashboard.clock.run_for(REFRESH_MS)
    expect(dashboard.locator("#banner-text")).to_contain_text("The proxy does not answer since")
    expect(dashboard.locator("#budgets")).to_contain_text("team research")
    dashboard.context.set_offline(False)  # the browser says that it is online again: that is enough
    expect(dashboard.locator("#banner")).to_be_hidden()


def test_a_route_of_ours_in_trouble_leaves_the_other_panels_alone(stub, open_page):
    stub.answers["GET decisions"] = (
        503,
        {"detail": {"error": "the store is away; try again once it is back."}},
    )
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#decisions-note")).to_have_text(
        "Not refreshed: the store is away; try again once it is back."
    )
    expect(page.locator("#budgets")).to_contain_text("team research")
    expect(page.locator("#tiles")).to_contain_text("$31.44")


def test_a_hidden_page_asks_nothing_and_asks_at_once_when_it_is_seen(dashboard, stub):
    show = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    dashboard.evaluate(show, True)
    asked = stub.count("GET status")
    dashboard.clock.run_for(60_000)
    settled(dashboard)
    assert stub.count("GET status") == asked
    dashboard.evaluate(show, False)
    until(dashboard, lambda: stub.count("GET status") > asked, "asked again")
    assert stub.count("GET status") == asked + 1


def test_pause_stops_the_refresh(dashboard, stub):
    dashboard.get_by_role("button", name="Pause").click()
    asked = stub.count("GET status")
    dashboard.clock.run_for(30_000)
    settled(dashboard)
    assert stub.count("GET status") == asked
    dashboard.get_by_role("button", name="Paused").click()
    until(dashboard, lambda: stub.count("GET status") > asked, "asked again")
    assert stub.count("GET status") == asked + 1


@pytest.mark.parametrize("wrong", [None, 7, "x", [], [None, 3, "y"], {}, [{}], {"a": [1]}])
def test_answers_of_the_wrong_shape_break_nothing(stub, open_page, wrong):
    stub.answers["GET status"] = (
        200,
        {**status(), "budgets": wrong, "alarms": wrong, "switches": wrong, "store": wrong},
    )
    stub.answers["GET report"] = (
        200,
        dict.fromkeys(("days", "hours", "tiers", "gates", "holdout", "debt"), wrong),
    )
    told = [
        {
            **decision(3),
            "reasons": wrong,
            "steps": wrong,
            "attempts": wrong,
            "cost_usd": wrong,
            "model": wrong,
        },
        {},
    ]
    stub.answers["GET decisions"] = (200, {"decisions": told})
    stub.answers["GET exemptions"] = (200, {"active": wrong, "history": wrong})
    stub.answers["POST explain"] = (
        200,
        {"tier": wrong, "steps": wrong, "reasons": wrong, "features": wrong, "refusal": wrong},
    )
    page = open_page(stub.url, key=KEY)
    expect(page.locator("#decisions tr")).to_have_count(2)
    page.get_by_label("Where would it go now").fill("hello")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#explained .verdict")).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


def test_a_wrong_key_is_named_as_such_and_nothing_is_shown(stub, open_page):
    page = open_page(stub.url, key="sk-wrong")
    expect(page.get_by_role("alert").first).to_have_text("The proxy does not accept this key.")
    expect(page.locator("#board")).to_be_hidden()
    assert page.evaluate("() => sessionStorage.length") == 0


@pytest.mark.parametrize("key", ["a b", "schlüssel", "x" * 600])
def test_a_key_that_cannot_be_one_is_not_sent(stub, open_page, key):
    page = open_page(stub.url, key=key)
    expect(page.locator("#sign-note")).to_have_text("A key is one word of plain characters.")
    assert stub.asked == []


def test_the_key_lies_in_session_storage_only_and_signing_out_forgets_all(dashboard):
    everywhere = """() => [JSON.stringify({...localStorage}), document.cookie, location.href,
        document.documentElement.outerHTML].join()"""
    assert KEY not in dashboard.evaluate(everywhere)
    assert dashboard.evaluate("() => ({...sessionStorage})") == {"tiering-key": KEY}
    assert dashboard.locator("#key").input_value() == KEY or dashboard.locator("#key").is_hidden()
    dashboard.get_by_role("button", name="Sign out").click()
    assert dashboard.evaluate("() => sessionStorage.length") == 0
    expect(dashboard.get_by_label("Key", exact=True)).to_be_focused()
    body = dashboard.locator("body").inner_text() + dashboard.locator("#board").inner_text()
    assert "research" not in dashboard.content()
    assert "launch day" not in body
    assert dashboard.locator("#key").input_value() == ""


def test_a_key_that_is_no_longer_accepted_takes_the_figures_away(dashboard, stub):
    stub.answers["GET status"] = (401, {"error": {"message": "expired"}})
    next_refresh(dashboard, stub)
    expect(dashboard.locator("#sign-note")).to_have_text("The proxy does not accept this key.")
    assert "research" not in dashboard.content()


def test_a_proxy_under_a_path_of_its_own_is_asked_there(stub, open_page):
    page = open_page(f"{stub.base_url}/llm/tiering", key=KEY)
    expect(page.locator("#decisions tr")).to_have_count(25)
    assert {path.split("/")[1] for path in stub.paths} == {"llm"}


HOSTILE = (
    "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    '\u202eabc" onmouseover="x{{7*7}}&lt;b&gt;'
)


def test_hostile_strings_stay_text_wherever_they_stand(stub, open_page):
    bad = status(
        alarms=[HOSTILE], mode=HOSTILE, policy=HOSTILE, store={"kind": HOSTILE, "ok": True, "spooled": 0}
    )
    bad["budgets"][1].update(id=HOSTILE, scope=HOSTILE, window=HOSTILE)
    bad["switches"] = [
        {"route": HOSTILE, "mode": HOSTILE, "reason": HOSTILE, "by": HOSTILE, "until": HOSTILE}
    ]
    stub.answers["GET status"] = (200, bad)
    row = decision(
        1,
        id=HOSTILE,
        tier=HOSTILE,
        model=HOSTILE,
        route=HOSTILE,
        team=HOSTILE,
        reasons=[HOSTILE],
        arm=HOSTILE,
        refused=HOSTILE,
        policy=HOSTILE,
    )
    row["attempts"] = [
        {
            "tier": HOSTILE,
            "model": HOSTILE,
            "verdict": HOSTILE,
            "reasons": [HOSTILE],
            "cost_usd": 1.0,
            "ms": 1.0,
        }
    ]
    row["steps"] = [
        {
            "stage": HOSTILE,
            "reason": HOSTILE,
            "from": HOSTILE,
            "to": HOSTILE + "2",
            "enforced": True,
            "detail": HOSTILE,
            HOSTILE: HOSTILE,
        }
    ]
    row["classifiers"] = [{"kind": HOSTILE, "model": HOSTILE, "verdict": HOSTILE, "cost_usd": 1.0, "ms": 1.0}]
    stub.answers["GET decisions"] = (
        200,
        {"decisions": [row, {**row, "id": "2", "refused": None}], "next": HOSTILE},
    )
    stub.answers["GET decision"] = (200, row)
    told = report(hours=[{"hour": HOSTILE, "cost_usd": 1.0, "baseline_usd": 2.0}])
    told["tiers"][0]["tier"] = told["gates"][0]["gate"] = HOSTILE
    stub.answers["GET report"] = (200, told)
    one = dict.fromkeys(
        ("exemption", "scope", "id", "until", "reason", "by", "since", "at", "what", "route", "mode"), HOSTILE
    )
    stub.answers["GET exemptions"] = (200, {"active": [one], "history": [one]})
    refusal = {"status": HOSTILE, "reason": HOSTILE, "message": HOSTILE}
    stub.answers["POST explain"] = (
        200,
        {
            "tier": HOSTILE,
            "model": HOSTILE,
            "reasons": [HOSTILE],
            "steps": row["steps"],
            "signals": {HOSTILE: HOSTILE},
            "features": {HOSTILE: [HOSTILE]},
            "refusal": refusal,
        },
    )
    stub.answers["POST feedback"] = (400, {"detail": {"error": HOSTILE}})
    page = open_page(stub.url, key=KEY)
    page.get_by_label("Where would it go now").fill(HOSTILE)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#explained")).to_contain_text(HOSTILE)
    page.locator("#decisions tr").first.get_by_role("button", name="A good answer").click()
    expect(page.locator("#decisions-note")).to_contain_text(HOSTILE)
    for id_ in ("facts", "budgets", "alarms", "switches", "decisions", "tiers", "gates", "exemptions"):
        expect(page.locator(f"#{id_}")).to_contain_text(HOSTILE)
    page.locator("#decisions tr").first.locator("button.link").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    assert page.title() == "litellm-tiering"
    assert page.locator("img, iframe, object, a:not(.skip)").count() == 0
    assert page.locator("script").count() == 1


def test_a_script_that_somebody_adds_does_not_run(stub, open_page):
    page = open_page(stub.url, expect="TrustedScript|Content Security Policy")
    refused = page.evaluate(
        """() => new Promise(done => {
            document.addEventListener("securitypolicyviolation", e => done(e.violatedDirective));
            const script = document.createElement("script");
            try { script.text = "document.title = 'hacked'"; document.body.append(script); }
            catch (e) { done(e.name); }
        })"""
    )
    assert refused in {"TypeError", "require-trusted-types-for", "script-src-elem"}
    assert page.title() == "litellm-tiering"
