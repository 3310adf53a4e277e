"""Exemptions and the kill switch on a real proxy: posted to one worker, in force on both."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asking import SIMPLE
from houses import eventually, house

from litellm_tiering.testing.redis import serve_redis

TINY_USD = 1e-9
STREAK = 12
"""So many answers on end come from both workers, but for 1 in 2,000 times."""

LASTS_S = 6
"""Long enough to be seen in force on a busy machine, short enough to wait for its end."""

PAUSE_S = 0.03
"""Between two requests of one hand: what comes into force does so while there is room for it."""

_log = logging.getLogger("tests")


@pytest.fixture(scope="module")
def directed(provider, tmp_path_factory):
    with serve_redis() as server:
        tiering = {
            "store": {"url": server.url},
            "routes": [
                {"name": "auto", "models": ["auto"]},
                {"name": "shady", "models": ["shady"], "mode": "shadow"},
                {"name": "resting", "models": ["resting"], "mode": "off"},
            ],
            "classifiers": [
                {
                    "kind": "rules",
                    "rules": [
                        {"name": "easy", "when": {"any_keyword": ["capital"]}, "tier": "simple"},
                    ],
                }
            ],
            "cascade": False,
            "budgets": [
                {"scope": "team", "match": "red", "limit_usd": TINY_USD, "at_ceiling": "block"},
                {"scope": "team", "match": "blue", "limit_usd": TINY_USD, "at_ceiling": "block"},
            ],
        }
        alias = {"auto": "large", "shady": "large", "resting": "large"}
        sections = {"router_settings": {"model_group_alias": alias, "num_retries": 0}}
        folder = tmp_path_factory.mktemp("directed")
        with house(provider, folder, tiering, workers=2, **sections) as running:
            yield running


class Asked:
    """One request's outcome, and when it was asked."""

    def __init__(self, at_s, reply):
        self.at_s = at_s
        self.status = reply.status_code
        self.reasons = reply.headers.get("x-tiering-reason", "")
        self.tier = reply.headers.get("x-tiering-tier", "")


def ask(running, key="sk-red", model="auto", **more):
    body = {
        "model": model,
        "messages": [{"role": "user", "content": SIMPLE}],
        "max_tokens": 5,
        **more,
    }
    began = time.monotonic()
    return Asked(began, running.post("/v1/chat/completions", body, key))


def asked_until(running, then, done, *, key="sk-red", model="auto", within_s=60.0):
    """Ask by four hands from before ``then()`` until ``STREAK`` answers on end are ``done``."""
    stop = threading.Event()
    lock = threading.Lock()
    found = []

    def hands():
        while not stop.is_set():
            one = ask(running, key, model)
            with lock:
                found.append(one)
            stop.wait(PAUSE_S)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(hands) for _ in range(4)]
        try:
            answer = then()
            stamp = time.monotonic()
            while True:
                with lock:
                    latest = sorted(found, key=lambda a: a.at_s)[-STREAK:]
                if len(latest) == STREAK and latest[0].at_s > stamp and all(done(a) for a in latest):
                    break
                assert time.monotonic() < stamp + within_s, [(a.status, a.reasons) for a in latest]
                stop.wait(0.01)
        finally:
            stop.set()
        for future in futures:
            future.result()
    last = max((a.at_s - stamp for a in found if a.at_s > stamp and not done(a)), default=0.0)
    _log.info("in force everywhere after %.2f s", last)
    return answer


def blocked(one):
    return one.status == 429


def exempt(one):
    return one.status == 200 and one.reasons.endswith("exempt:team:red")


def test_an_exemption_ends_by_itself(directed):
    assert blocked(ask(directed))
    body = {"scope": "team", "id": "red", "until": LASTS_S, "reason": "the launch"}
    reply = directed.post("/tiering/exemptions", body)
    assert reply.status_code == 201, reply.text
    granted = reply.json()
    eventually(lambda: exempt(ask(directed)), "the exemption is in force", LASTS_S)
    assert blocked(ask(directed, "sk-blue"))
    listed = directed.proxy.client.get("/tiering/exemptions").json()
    assert [e["exemption"] for e in listed["active"]] in ([granted["exemption"]], [])
    asked_until(directed, lambda: None, blocked)
    listed = directed.proxy.client.get("/tiering/exemptions").json()
    assert listed["active"] == []
    (entry,) = [e for e in listed["history"] if e.get("exemption") == granted["exemption"]]
    assert (entry["what"], entry["reason"], entry["scope"], entry["id"]) == (
        "exempted",
        "the launch",
        "team",
        "red",
    )
    assert entry["by"] == granted["by"] != ""


def test_an_exemption_reaches_both_workers_within_a_second_and_ends_there_when_it_is_revoked(directed):
    eventually(lambda: len(directed.workers()) == 2, "both workers answer")
    body = {"scope": "team", "id": "r?d", "until": "1h", "reason": "x"}
    granted = asked_until(
        directed,
        lambda: directed.post("/tiering/exemptions", body).json(),
        lambda a: a.reasons.endswith("exempt:team:r?d"),
    )
    shown = directed.proxy.status()["exemptions"]
    assert [e["id"] for e in shown] == ["r?d"]

    def revoke():
        reply = directed.proxy.client.delete(f"/tiering/exemptions/{granted['exemption']}?reason=over")
        assert reply.status_code == 200, reply.text

    asked_until(directed, revoke, blocked)
    again = directed.proxy.client.delete(f"/tiering/exemptions/{granted['exemption']}")
    assert again.status_code == 404


def test_a_client_cannot_put_itself_under_an_exemption(directed):
    body = {"scope": "tag", "id": "gold", "until": "1h", "reason": "x"}
    granted = directed.post("/tiering/exemptions", body).json()
    user = directed.post("/tiering/exemptions", {**body, "scope": "user", "id": "vip"}).json()
    eventually(lambda: len(directed.proxy.status()["exemptions"]) == 2, "both are in force")
    forged = {
        "user": "vip",
        "tags": ["gold"],
        "metadata": {"tags": ["gold"], "user_api_key_user_id": "vip", "user_api_key_team_id": "gold"},
    }
    for _ in range(12):
        assert blocked(ask(directed, **forged))
    for one in (granted, user):
        assert directed.proxy.client.delete(f"/tiering/exemptions/{one['exemption']}").status_code == 200


def switch(running, route, mode, **more):
    reply = running.post("/tiering/switch", {"route": route, "mode": mode, "reason": "a fire", **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_kill_switch_reaches_both_workers_within_a_second_and_back(directed):
    def off(one):
        # Nobody's budget stops what is left alone, and nothing is decided.
        return one.status == 200 and not one.reasons

    def shadowed(one):
        return one.status == 200 and one.reasons.startswith("shadow:")

    assert blocked(ask(directed))
    for mode, done in (("off", off), ("shadow", shadowed), ("configured", blocked)):
        asked_until(directed, lambda mode=mode: switch(directed, "auto", mode), done)
    spent = directed.budget("global")["spent_usd"]
    assert spent > 0
    history = directed.proxy.client.get("/tiering/exemptions?limit=3").json()["history"]
    assert [(e["what"], e["route"], e["mode"]) for e in history] == [
        ("switched", "auto", "configured"),
        ("switched", "auto", "shadow"),
        ("switched", "auto", "off"),
    ]


def test_what_is_off_is_counted(directed):
    before = directed.spent_nano()
    asked = [ask(directed, "sk-premium", "resting") for _ in range(4)]
    assert [(a.status, a.reasons) for a in asked] == [(200, "")] * 4
    eventually(lambda: directed.spent_nano() > before, "they are counted")


def test_a_switch_wins_over_the_configuration_and_ends_by_itself(directed):
    key = "sk-premium"
    assert ask(directed, key, "shady").reasons == "shadow:rule:easy"
    assert ask(directed, key, "resting").reasons == ""

    def routed(one):
        return (one.reasons, one.tier) == ("rule:easy", "simple")

    for route in ("shady", "resting"):
        switch(directed, route, "enforce", until=LASTS_S)
    for route in ("shady", "resting"):
        eventually(lambda route=route: routed(ask(directed, key, route)), "the switch is in force", LASTS_S)
    assert {s["mode"] for s in directed.proxy.status()["switches"]} <= {"enforce"}
    asked_until(directed, lambda: None, lambda a: not a.reasons, key=key, model="resting")
    asked_until(directed, lambda: None, lambda a: a.reasons.startswith("shadow:"), key=key, model="shady")


SOUND = {"scope": "team", "id": "red", "until": "2h", "reason": "x"}


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("exemptions", {**SOUND, "scope": "end_user"}, 400, "scope"),
        ("exemptions", {**SOUND, "until": "2026-11-21"}, 400, "until"),
        ("exemptions", {**SOUND, "until": "400d"}, 400, "until"),
        ("exemptions", {**SOUND, "reason": ""}, 400, "reason"),
        ("exemptions", {**SOUND, "by": "the boss"}, 400, None),
        ("exemptions", {**SOUND, "reason": "x" * 20_000}, 413, None),
        ("switch", {"route": "nowhere", "mode": "off", "reason": "x"}, 400, "route"),
        ("switch", {"route": "auto", "mode": "on", "reason": "x"}, 400, "mode"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(directed, path, body, status, field):
    reply = directed.post(f"/tiering/{path}", body)
    assert reply.status_code == status, reply.text
    detail = reply.json()["detail"]
    assert detail.get("field") == field
    assert len(detail["error"]) > 20
    if field:
        assert field in detail["error"]


def test_only_an_administrator_may(directed):
    client = directed.proxy.client
    headers = {"authorization": "Bearer sk-red"}
    switched = {"route": "*", "mode": "off", "reason": "x"}
    for reply in (
        directed.post("/tiering/exemptions", SOUND, "sk-red"),
        directed.post("/tiering/switch", switched, "sk-red"),
        client.get("/tiering/exemptions", headers=headers),
        client.delete("/tiering/exemptions/x", headers=headers),
        directed.post("/tiering/exemptions", SOUND, "sk-nobody"),
    ):
        assert reply.status_code in (401, 403), reply.text
    seen = client.get("/tiering/status", headers=headers).json()
    assert (seen["exemptions"], seen["switches"]) == ([], [])
