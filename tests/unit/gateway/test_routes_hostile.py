"""Bodies that are none, or mean harm, to every route of ours: told so with a 4xx, never a 500."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from litellm import Router
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.config.assemble import direct, engine_of, record
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.gateway import compat, routes, routes_body
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.testing.proxy import TIERS, config_for

ADMIN = SimpleNamespace(user_role="proxy_admin", token="admin", team_id=None, key_alias=None, user_id="ann")
ROUTES = [{"name": "auto", "models": ["auto"]}, {"name": "odd", "models": ["odd*"]}]
POSTED = ("explain", "feedback", "exemptions", "switch")
HALF = "\ud800"


@pytest.fixture
def client(monkeypatch):
    """All the routes, behind an auth that reads bodies as LiteLLM's does."""
    made = Router(
        model_list=config_for("http://127.0.0.1:1", {})["model_list"], model_group_alias={"auto": "large"}
    )
    monkeypatch.setattr(compat, "live_router", lambda: made)
    monkeypatch.setattr(routes, "open_to_every_key", lambda paths: None)
    section = {"tiers": TIERS, "routes": ROUTES, "store": {"url": "memory://"}}
    settings = build(from_mapping(section).config)
    engine = engine_of(settings, MemoryLedger())
    direct(engine)
    record(settings, engine)
    app = FastAPI()
    routes.mount(
        Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock)), app
    )

    async def auth(request: Request) -> SimpleNamespace:
        if await request.body():
            (await request.json()).get("model")
        return ADMIN

    app.dependency_overrides[user_api_key_auth] = auth
    return TestClient(app)


NO_OBJECTS = {
    "a number": b"7",
    "a list": b"[1]",
    "a text": b'"x"',
    "nothing": b"null",
    "half": b'{"prompt": ',
    "deep": b'{"a":' * 20_000,
    "deep lists": b"[" * 20_000 + b"]" * 20_000,
    "bytes": b"\xff\xfe\x00",
    "digits": b"9" * 9_000,
}


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("name", NO_OBJECTS)
def test_a_body_that_is_no_object_is_told(client, path, name):
    answer = client.post(f"/tiering/{path}", content=NO_OBJECTS[name])
    assert answer.status_code == 400
    assert "JSON object" in answer.json()["detail"]["error"]


@pytest.mark.parametrize("path", ["status", "decisions", "exemptions", "report"])
def test_a_body_where_none_belongs_is_told_as_well(client, path):
    assert client.request("GET", f"/tiering/{path}", content=b"7").status_code == 400
    assert client.request("GET", f"/tiering/{path}", content=b"{}").status_code == 200


def test_a_body_that_is_too_long_is_not_read(client, monkeypatch):
    monkeypatch.setattr(routes_body, "MOST_BYTES", 1_000)
    long = json.dumps({"prompt": "a" * 2_000}).encode()
    assert client.post("/tiering/explain", content=long).status_code == 413
    assert client.post("/tiering/explain", content=iter([long])).status_code == 413  # without its length

    async def body(self: Request) -> bytes:
        raise AssertionError("it was read")

    monkeypatch.setattr(Request, "body", body)
    for length in ("1001", "9" * 400):
        answer = client.post("/tiering/explain", content=b"{}", headers={"content-length": length})
        assert answer.status_code == 413


def test_half_a_character_anywhere_in_what_is_to_be_explained(client):
    body = {"prompt": HALF, "user": HALF, HALF: HALF, "metadata": {"tags": [HALF], "use_case": HALF}}
    for model in ("auto", f"odd{HALF}"):
        answer = client.post("/tiering/explain", content=json.dumps({**body, "model": model}))
        assert (answer.status_code, answer.json()["features"]["model"]) == (200, model)
    assert client.post("/tiering/explain", content=json.dumps({**body, "model": HALF})).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "0" * 16, "score": 10**400}, "score"),
        ({"decision": "0" * 16, "score": float("nan")}, "score"),
        ({"decision": "0" * 16, "score": -1e999}, "score"),
        ({"decision": "0" * 16, "score": 1, HALF: 1}, r"\ud800"),
    ],
)
def test_feedback_with_absurd_fields_is_told(client, body, field):
    answer = client.post("/tiering/feedback", content=json.dumps(body))
    assert (answer.status_code, answer.json()["detail"]["field"]) == (400, field)


@pytest.mark.parametrize("field", ["scope", "id", "until", "reason"])
@pytest.mark.parametrize(
    "value", [HALF, 10**400, float("nan"), float("-inf"), [], {}, None, True, "x" * 9_000]
)
def test_an_exemption_with_absurd_fields_is_told(client, field, value):
    body = {"scope": "team", "id": "blue", "until": "2h", "reason": "x", field: value}
    assert client.post("/tiering/exemptions", content=json.dumps(body)).status_code == 400


@pytest.mark.parametrize("field", ["route", "mode", "until", "reason"])
@pytest.mark.parametrize("value", [HALF, 10**400, float("nan"), [], {}, True, "x" * 9_000])
def test_a_switch_with_absurd_fields_is_told(client, field, value):
    body = {"route": "auto", "mode": "off", "until": "2h", "reason": "x", field: value}
    assert client.post("/tiering/switch", content=json.dumps(body)).status_code == 400
