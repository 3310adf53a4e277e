"""The administrators' routes, over a board that may be away or full; and what a switch does to a route."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from litellm import Router
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.config.assemble import direct, engine_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.routes_admin import admin_endpoints
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.standing import MOST_EXEMPTIONS
from litellm_tiering.testing.proxy import TIERS, config_for

ADMIN = SimpleNamespace(user_role=SimpleNamespace(value="proxy_admin"), key_alias=None, user_id="ann")
SOUND = {"scope": "team", "id": "blue", "until": "2h", "reason": "x"}
OFF = {"route": "auto", "mode": "off", "reason": "x"}
CALLER = SimpleNamespace(models=[], team_models=[], token="hash", team_id="blue")


@pytest.fixture(autouse=True)
def _router(monkeypatch):
    config = config_for("http://127.0.0.1:1", {})
    made = Router(model_list=config["model_list"], model_group_alias={"auto": "large", "other": "large"})
    monkeypatch.setattr(compat, "live_router", lambda: made)


def make(**section):
    settings = build(from_mapping({"tiers": TIERS, "store": {"url": "memory://"}, **section}).config)
    engine = engine_of(settings, MemoryLedger())
    direct(engine)
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


def app_of(gateway, key=ADMIN):
    app = FastAPI()
    for path, method, endpoint, status in admin_endpoints(gateway, gateway.engine.directives):
        app.add_api_route(path, endpoint, methods=[method], status_code=status)
    app.dependency_overrides[user_api_key_auth] = lambda: key
    return TestClient(app)


@pytest.fixture
def gateway():
    return make()


def test_an_exemption_is_posted_listed_and_revoked(gateway):
    client = app_of(gateway)
    posted = client.post("/exemptions", json=SOUND)
    assert posted.status_code == 201
    assert (posted.json()["by"], posted.json()["scope"], posted.json()["id"]) == ("ann", "team", "blue")
    listed = client.get("/exemptions").json()
    assert listed["active"] == [posted.json()]
    assert [e["what"] for e in listed["history"]] == ["exempted"]
    path = f"/exemptions/{posted.json()['exemption']}"
    assert client.delete(path, params={"reason": "a\nb"}).status_code == 400
    assert client.delete(path, params={"reason": "over"}).json() == posted.json()
    assert client.delete(path).status_code == 404
    found = client.get("/exemptions", params={"limit": 1}).json()
    assert (found["active"], [e["reason"] for e in found["history"]]) == ([], ["over"])
    assert client.get("/exemptions", params={"limit": -1}).json()["history"] == []


@pytest.mark.parametrize(
    ("alias", "user", "by"),
    [("ops", "ann", "ops"), (None, "ann", "ann"), (None, None, "admin"), (7, 7, "admin")],
)
def test_the_administrator_signs(gateway, alias, user, by):
    key = SimpleNamespace(user_role="proxy_admin", key_alias=alias, user_id=user)
    assert app_of(gateway, key).post("/exemptions", json=SOUND).json()["by"] == by


def test_nobody_else_may(gateway):
    for role in (None, "internal_user", "proxy_admin_viewer"):
        client = app_of(gateway, SimpleNamespace(user_role=role))
        for reply in (
            client.post("/exemptions", json=SOUND),
            client.get("/exemptions"),
            client.delete("/exemptions/x"),
            client.post("/switch", json=OFF),
        ):
            assert reply.status_code == 403
    assert app_of(gateway).get("/exemptions").json() == {"active": [], "history": []}


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"7", b"[" * 10_000, b"\xff", b'{"scope": NaN}'])
def test_a_body_that_is_none_is_told(gateway, raw):
    for path in ("/exemptions", "/switch"):
        reply = app_of(gateway).post(path, content=raw)
        assert reply.status_code == 400
        assert len(reply.json()["detail"]["error"]) > 10


def test_a_body_that_is_too_long_is_told(gateway):
    assert app_of(gateway).post("/switch", content=b" " * 20_000).status_code == 413


def test_one_exemption_too_many_is_a_conflict(gateway):
    client = app_of(gateway)
    for _ in range(MOST_EXEMPTIONS):
        assert client.post("/exemptions", json=SOUND).status_code == 201
    reply = client.post("/exemptions", json=SOUND)
    assert reply.status_code == 409
    assert "revoke one" in reply.json()["detail"]["error"]


async def test_a_full_board_is_a_conflict(gateway):
    board, now = gateway.engine.directives.board, gateway.engine.clock.now()
    for i in range(1_000):
        await board.post(f"k{i}", "x", int(now) + 900, now)
    reply = app_of(gateway).post("/switch", json=OFF)
    assert reply.status_code == 409
    assert "the board is full" in reply.json()["detail"]["error"]


def test_with_the_store_away_nothing_is_done_and_that_is_said(gateway, monkeypatch):
    async def away(*_args, **_more):
        raise StoreUnavailable("the cable is out")

    client = app_of(gateway)
    posted = client.post("/exemptions", json=SOUND).json()
    for name in ("post", "take_down", "notices", "history"):
        monkeypatch.setattr(gateway.engine.directives.board, name, away)
    for reply in (
        client.post("/exemptions", json=SOUND),
        client.get("/exemptions"),
        client.delete(f"/exemptions/{posted['exemption']}"),
        client.post("/switch", json=OFF),
    ):
        assert reply.status_code == 503
        assert "the store is away" in reply.json()["detail"]["error"]


# --- what a switch does ------------------------------------------------------------------------------------

ROUTES = [
    {"name": "auto", "models": ["auto"]},
    {"name": "rest", "models": ["other"], "mode": "off"},
]


async def admitted(gateway, model="auto"):
    data = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "metadata": {}}
    assert await gateway.admit(CALLER, data, "acompletion") is None
    return data


async def tried(gateway):
    found = []
    for model in ("auto", "other"):
        data = await admitted(gateway, model)
        planned = bool(data["metadata"])
        found.append("left alone" if not planned else "shadowed" if data["model"] == model else "routed")
    await gateway.engine.directives.close()
    return found


@pytest.mark.parametrize(
    ("route", "mode", "outcome"),
    [
        (None, None, ["routed", "left alone"]),
        ("auto", "off", ["left alone", "left alone"]),
        ("auto", "shadow", ["shadowed", "left alone"]),
        ("rest", "enforce", ["routed", "routed"]),
        ("rest", "shadow", ["routed", "shadowed"]),
        ("*", "off", ["left alone", "left alone"]),
        ("*", "enforce", ["routed", "routed"]),
    ],
)
async def test_a_switch_wins_over_the_configuration(route, mode, outcome):
    gateway = make(routes=ROUTES)
    if route:
        app_of(gateway).post("/switch", json={**OFF, "route": route, "mode": mode})
    assert await tried(gateway) == outcome


@pytest.mark.parametrize(
    ("whole", "outcome"), [("shadow", ["shadowed", "shadowed"]), ("off", ["left alone", "left alone"])]
)
async def test_a_switch_enforces_no_more_than_the_whole_does(whole, outcome):
    gateway = make(routes=ROUTES, mode=whole)
    reply = app_of(gateway).post("/switch", json={**OFF, "route": "*", "mode": "enforce"})
    assert f"`tiering.mode` is {whole}" in reply.json()["note"]
    assert await tried(gateway) == outcome


async def test_without_directives_the_configuration_stands():
    gateway = make(routes=ROUTES)
    gateway.engine.directives = None
    assert (await admitted(gateway))["model"] == "small"
    assert (await admitted(gateway, "other"))["metadata"] == {}


@pytest.mark.parametrize("written", ["off", False])
def test_a_route_that_is_off_is_left_alone_and_takes_its_names(written):
    routes = [{"name": "rest", "models": ["o*"], "mode": written}, {"name": "all", "models": ["*"]}]
    settings = build(from_mapping({"tiers": TIERS, "routes": routes}).config)
    assert settings.route_for("other") is None
    assert settings.route_for("auto").name == "all"
    assert settings.routing.find("other").off
