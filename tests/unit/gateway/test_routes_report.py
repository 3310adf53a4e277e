"""The report's route: whose rows it shows, what it refuses, and a store that is away or slow."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.config.assemble import engine_of, record
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.gateway import routes_report
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.routes_report import report_endpoints
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry
from litellm_tiering.testing.proxy import TIERS

ADMIN = SimpleNamespace(user_role=SimpleNamespace(value="proxy_admin"), team_id=None, token="a")
BLUE = SimpleNamespace(user_role=None, team_id="blue", token="b")
NOBODY = SimpleNamespace(user_role=None, team_id=None, token="n")
FACTS = tuple(TierFacts(Price(completion=float(p))) for p in (1_000_000, 10_000_000, 100_000_000))


class Line(MemoryLedger):
    """The memory ledger behind a cable that can be pulled."""

    down = False

    async def totals(self, days):
        if self.down:
            raise StoreUnavailable("the cable is out")
        return await super().totals(days)


def make(holdout=0.0, **section):
    found = {"tiers": TIERS, "store": {"url": "memory://"}, "experiment": {"holdout": holdout}, **section}
    settings = build(from_mapping(found).config)
    engine = engine_of(settings, Line())
    record(settings, engine)
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


async def ask(gateway, *callers):
    """One request of each caller, paid for, recorded and in the totals."""
    engine = gateway.engine
    route = gateway.settings.route_for("auto")
    for caller in callers:
        features = RequestFeatures(max_tokens=10, question_words=3)
        plan = await engine.plan(Inquiry(features, PromptText("hi"), caller, route, 2, FACTS))
        await engine.books.settle(plan.flight, 10_000_000, baseline=1_000_000_000)
    await engine.books.payments.tell_now()
    await engine.books.writer.flush(everything=True)


def client_of(gateway, key=ADMIN):
    app = FastAPI()
    for path, method, endpoint in report_endpoints(gateway):
        app.add_api_route(path, endpoint, methods=[method])
    app.dependency_overrides[user_api_key_auth] = lambda: key
    return TestClient(app)


CALLERS = [Caller(key=f"k{i}", team=("blue", "red")[i % 2]) for i in range(24)]


def test_an_administrator_sees_everybody_and_the_hold_out():
    gateway = make(holdout=0.5)
    asyncio.run(ask(gateway, *CALLERS))
    found = client_of(gateway).get("/report", params={"days": 1, "by": "team", "format": "json"}).json()
    assert [r["team"] for r in found["rows"]] == ["blue", "red"]
    assert found["total"]["requests"] == 24
    assert found["total"]["cost_usd"] == pytest.approx(0.24)
    assert found["days"][0]["saved_usd"] == pytest.approx(24 - 0.24)
    assert sum(h["cost_usd"] for h in found["hours"]) == pytest.approx(0.24)
    assert sum(h["baseline_usd"] for h in found["hours"]) == pytest.approx(24)
    assert found["holdout"]["callers"] + found["holdout"]["routed_callers"] == 24
    assert found["holdout"]["low"] <= found["holdout"]["saved_share"] <= found["holdout"]["high"]
    assert found["total"]["holdout_requests"] == found["holdout"]["requests"] > 0
    assert {t["tier"] for t in found["tiers"]} == {"simple", "moderate", "complex"}


def test_a_teams_key_sees_its_own_rows_and_no_hold_out():
    gateway = make(holdout=0.5)
    asyncio.run(ask(gateway, *CALLERS))
    found = client_of(gateway, BLUE).get("/report", params={"by": "team"}).json()
    assert [r["team"] for r in found["rows"]] == ["blue"]
    assert (found["total"]["requests"], found["decisions"]["seen"]) == (12, 12)
    assert found["holdout"] is None
    assert "'red'" not in str(found)


def test_a_key_without_a_team_sees_no_sums_of_others():
    gateway = make()
    asyncio.run(ask(gateway, Caller(key="other"), *CALLERS))
    found = client_of(gateway, NOBODY).get("/report").json()
    assert (found["rows"], found["total"]["requests"], found["decisions"]["seen"]) == ([], 0, 0)
    assert "no team" in found["note"]


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"by": "key"}, "`by` must be one of"),
        ({"days": 0}, "1 to 400"),
        ({"from": "x"}, "`from` must be a day"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "before it begins"),
        ({"format": "html"}, "answers JSON"),
    ],
)
def test_what_is_asked_wrongly_is_told(params, why):
    reply = client_of(make()).get("/report", params=params)
    assert reply.status_code == 400
    assert why in reply.json()["detail"]["error"]


def test_a_store_that_is_away_is_a_503():
    gateway = make()
    gateway.engine.ledger.down = True
    assert client_of(gateway).get("/report").status_code == 503


def test_where_no_decisions_are_kept_the_totals_are_told():
    gateway = make(holdout=0.5)
    asyncio.run(ask(gateway, *CALLERS))
    gateway.engine.books.writer = None
    found = client_of(gateway).get("/report", params={"days": 1}).json()
    assert found["total"]["requests"] == 24
    assert (found["decisions"]["kept"], found["holdout"]) == (False, None)


class Slow:
    """Keeps rows that are told when somebody lets them, or not at all."""

    def __init__(self):
        self.scans, self.let, self.error = 0, asyncio.Event(), None

    async def scan(self, since_s, until_s):
        self.scans += 1
        await self.let.wait()
        if self.error is not None:
            raise self.error
        for row in ():
            yield row


async def asked(gateway, key=ADMIN):
    ((_, _, report),) = report_endpoints(gateway)
    gateway.endpoint = getattr(gateway, "endpoint", report)
    return await gateway.endpoint(key, 1, None, None, "day", "json")


async def test_decisions_are_looked_at_once_for_all_who_ask_and_nobody_waits_long(monkeypatch):
    monkeypatch.setattr(routes_report, "WITHIN_S", 0.01)
    gateway = make()
    gateway.engine.books.writer = SimpleNamespace(store=Slow(), note=lambda record: None)
    slow = gateway.engine.books.writer.store
    first = await asyncio.gather(asked(gateway), asked(gateway))
    assert [found["decisions"]["kept"] for found in first] == [False, False]
    slow.let.set()
    assert (await asked(gateway))["decisions"]["kept"]
    assert slow.scans == 1


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), ValueError("a fault of ours")])
async def test_decisions_that_cannot_be_looked_at_leave_the_totals(error):
    gateway = make()
    gateway.engine.books.writer = SimpleNamespace(store=Slow(), note=lambda record: None)
    slow = gateway.engine.books.writer.store
    slow.error = error
    slow.let.set()
    assert not (await asked(gateway))["decisions"]["kept"]
    assert bool(gateway.engine.faults) == isinstance(error, ValueError)


async def test_what_was_seen_is_looked_at_anew_after_a_while_and_told_meanwhile(monkeypatch):
    monkeypatch.setattr(routes_report, "SEEN_FOR_S", -1.0)
    gateway = make()
    gateway.engine.books.writer = SimpleNamespace(store=Slow(), note=lambda record: None)
    slow = gateway.engine.books.writer.store
    slow.let.set()
    assert (await asked(gateway))["decisions"]["kept"]
    slow.let.clear()
    assert (await asked(gateway))["decisions"]["kept"]
    assert slow.scans == 2
    slow.let.set()


async def test_no_more_looks_are_remembered_than_so_many(monkeypatch):
    monkeypatch.setattr(routes_report, "MOST_LOOKS", 2)
    gateway = make()
    gateway.engine.books.writer = SimpleNamespace(store=Slow(), note=lambda record: None)
    gateway.engine.books.writer.store.let.set()
    for team in ("a", "b", "c"):
        key = SimpleNamespace(user_role=None, team_id=team, token=team)
        await asked(gateway, key)
    assert gateway.engine.books.writer.store.scans == 3
    await asked(gateway, SimpleNamespace(user_role=None, team_id="a", token="a"))
    assert gateway.engine.books.writer.store.scans == 4
