"""The page of a real proxy under load: budgets move, filters and explain work, and outages show."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from page_kit import expect, until

from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy
from litellm_tiering.testing.redis import RedisServer, serve_redis

CUSTOM_AUTH = """
import os
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

async def auth(request, api_key):
    if api_key == os.environ["LITELLM_MASTER_KEY"]:
        return UserAPIKeyAuth(api_key=api_key, user_role="proxy_admin", key_alias="boss")
    if not api_key.startswith("sk-team-"):
        raise ProxyException("unknown key", type="auth_error", param=None, code=401)
    return UserAPIKeyAuth(api_key=api_key, team_id=api_key.removeprefix("sk-team-"))
"""
HOSTILE = "<img src=x onerror=alert(1)>"
TIERING = {
    # Some of these answers are refusals on purpose: that must not teach the proxy to start higher.
    "cascade": {"bypass_above": 1.0},
    "budgets": [
        {"scope": "global", "limit_usd": 50},
        {"scope": "team", "match": "*", "limit_usd": 0.05, "window": "day"},
        {"scope": "end_user", "match": "*", "limit_usd": 5},
    ],
}
EASY, HARD = (
    "What is the capital of France?",
    "Prove that the square root of 2 is irrational, then generalise the proof.",
)


@dataclass
class Town:
    """A proxy, its store, and people who ask it without end."""

    proxy: Proxy
    redis: RedisServer
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.proxy.base_url}/tiering"

    def ask(self, team: str, prompt: str, **more: object) -> httpx.Response:
        body = {"model": "auto", "max_tokens": 60, "messages": [{"role": "user", "content": prompt}], **more}
        headers = {"authorization": f"Bearer sk-team-{team}"}
        return httpx.post(f"{self.proxy.openai_url}/chat/completions", json=body, headers=headers, timeout=30)

    def load(self) -> None:
        asks = [
            ("blue", EASY, {}),
            ("red", HARD, {"user": HOSTILE}),
            ("blue", "Hi! [[fault:refuse@sim-small]]", {}),
        ]
        while not self.stop.wait(0.05):
            for team, prompt, more in asks:
                # The proxy dies under this load at the end.
                with contextlib.suppress(httpx.HTTPError):
                    self.ask(team, prompt, **more)


@pytest.fixture(scope="module")
def town(browser) -> Iterator[Town]:
    with serve_redis() as redis, serve_provider() as provider:
        config = config_for(provider.base_url, {**TIERING, "store": {"url": redis.url}})
        config["general_settings"]["custom_auth"] = "custom_keys.auth"
        with serve_proxy(config, files={"custom_keys.py": CUSTOM_AUTH}) as proxy:
            running = Town(proxy, redis)
            loader = threading.Thread(target=running.load, daemon=True)
            loader.start()
            try:
                yield running
            finally:
                running.stop.set()
                loader.join(30)


@pytest.fixture
def dashboard(town, open_page):
    page = open_page(town.url, key=town.proxy.key, clock=None)
    page.locator("#decisions tr td button").first.wait_for()
    return page


def test_budgets_and_decisions_move_under_load(dashboard):
    budget, newest = dashboard.locator("#budgets tr").first, dashboard.locator("#decisions tr").first
    spent, row = budget.inner_text(), newest.inner_text()
    expect(budget).not_to_have_text(spent, use_inner_text=True)
    expect(newest).not_to_have_text(row, use_inner_text=True)
    expect(dashboard.locator("#tiles")).to_contain_text("Global budget used")
    # What the report tells of decisions is looked up now and then: it may be half a minute old.
    expect(dashboard.locator("#gates")).to_contain_text("refusal", timeout=90_000)
    expect(dashboard.locator("#tiers tbody tr").first).to_be_visible()
    expect(dashboard.locator("#budgets")).to_contain_text(HOSTILE)
    assert dashboard.locator("img").count() == 0


def test_filters_find_what_they_say(dashboard):
    dashboard.get_by_role("combobox", name="Verdict").select_option("refusal")
    dashboard.locator("#filters [name=team]").fill("blue")
    dashboard.get_by_role("button", name="Filter").click()
    expect(dashboard.locator("#decisions tr:not(:has-text('refusal'))")).to_have_count(0)
    expect(dashboard.locator("#decisions tr", has_text="small refusal →").first).to_be_visible()
    dashboard.get_by_label("Reason begins with").fill("nothing-begins-so")
    dashboard.get_by_role("button", name="Filter").click()
    expect(dashboard.locator("#decisions")).to_have_text("No decision fits.")


def test_explain_says_where_a_prompt_would_go(dashboard):
    dashboard.get_by_label("Where would it go now").fill(HARD)
    dashboard.get_by_role("button", name="Explain").click()
    expect(dashboard.locator("#explained")).to_contain_text("on route auto · score")
    expect(dashboard.locator("#explained ol li").first).to_be_visible()
    dashboard.get_by_label("Asked for as").fill("no-such-model")
    dashboard.get_by_role("button", name="Explain").click()
    expect(dashboard.locator("#explain-note")).to_have_text(
        "no route of the tiering section serves this model"
    )


def test_a_decision_opens_with_its_budgets_and_takes_a_thumb(dashboard, town):
    told = town.ask("green", EASY)
    id_ = told.headers["x-tiering-decision"]
    dashboard.get_by_label("Id", exact=True).first.fill(id_)
    dashboard.get_by_role("button", name="Open", exact=True).click()
    box = dashboard.get_by_role("dialog")
    expect(box).to_contain_text(id_)
    expect(box).to_contain_text("team green per day")
    box.get_by_role("button", name="A bad answer").click()
    expect(dashboard.locator("#live")).to_have_text("Noted: a bad answer.")
    found = town.proxy.client.get(f"/tiering/decisions/{id_}").json()
    assert found["feedback"] == 0


def test_older_decisions_are_paged_by_the_proxys_cursor(dashboard, town):
    def two_pages():
        told = town.proxy.client.get("/tiering/decisions", params={"limit": 50})
        return len(told.json()["decisions"]) == 50

    until(dashboard, two_pages, "two pages of decisions", 90)
    dashboard.reload()
    dashboard.locator("#decisions tr").nth(24).wait_for()
    dashboard.get_by_role("button", name="Older").click()
    expect(dashboard.locator("#page-of")).to_have_text("page 2")
    expect(dashboard.locator("#decisions tr")).to_have_count(25)
    dashboard.get_by_role("button", name="Newest").click()
    expect(dashboard.locator("#page-of")).to_have_text("")


def test_an_exemption_given_here_is_in_force_at_once_and_ends(dashboard, town):
    dashboard.locator("#exempt").get_by_label("Id").fill("gold")
    dashboard.locator("#exempt").get_by_label("Reason").fill(HOSTILE)
    dashboard.get_by_role("button", name="Exempt", exact=True).click()
    expect(dashboard.locator("#exemptions")).to_contain_text(HOSTILE)
    assert "exempt:team:gold" in town.ask("gold", EASY).headers["x-tiering-reason"]
    end = dashboard.get_by_role("button", name="End the exemption of team gold")
    end.click()
    end.click()
    expect(dashboard.locator("#exemptions")).to_have_text("None in force.")


def test_a_teams_key_sees_its_own_and_a_wrong_key_nothing(town, open_page):
    page = open_page(town.url, key="sk-team-red", clock=None)
    page.locator("#decisions tr td button").first.wait_for()
    expect(page.locator("#budgets")).to_contain_text("team red")
    expect(page.locator("#budgets")).not_to_contain_text("blue")
    expect(page.locator("#teams option")).to_have_count(1)
    expect(page.locator("#p-exemptions")).to_be_hidden()
    expect(page.locator("#p-alarms")).to_be_hidden()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key", exact=True).fill("sk-nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#sign-note")).to_have_text("The proxy does not accept this key.")


def test_the_page_comes_with_a_strict_policy_and_holds_no_data(town):
    answer = httpx.get(town.url)
    assert answer.status_code == 200
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert town.proxy.status()["policy"] not in answer.text
    assert "green" not in answer.text


def test_a_dead_store_and_then_a_dead_proxy_show_and_the_figures_stay(dashboard, town):
    banner = dashboard.locator("#banner")
    town.redis.kill()
    expect(banner).to_contain_text("The budget store is away since")
    expect(dashboard.locator("#budgets")).to_contain_text("team blue")
    expect(dashboard.locator("#facts")).to_contain_text("store: redis, away")
    with serve_redis(port=town.redis.port):
        expect(banner).to_be_hidden()
        town.proxy.process.kill()
        expect(banner).to_contain_text("The proxy does not answer since")
        expect(dashboard.locator("#budgets tr").first).to_contain_text("global")
        expect(dashboard.locator("#decisions tr td button").first).to_be_visible()
