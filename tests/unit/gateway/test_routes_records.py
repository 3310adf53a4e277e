"""The routes on decisions: who sees which, what is asked how, and what people say of answers."""

from __future__ import annotations

import json
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.capture import Capture, CaptureSettings
from litellm_tiering.config.assemble import engine_of, record
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.routes import alarms_of
from litellm_tiering.gateway.routes_decisions import decision_endpoints
from litellm_tiering.gateway.routes_feedback import LONGEST_COMMENT, feedback_endpoints
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.records import Row
from litellm_tiering.testing.proxy import TIERS

NOW = 1_800_000_000.0
ADMIN = SimpleNamespace(user_role="proxy_admin", token="admin", team_id=None)
BLUE = SimpleNamespace(user_role=None, token="blue-1", team_id="blue")
LONE = SimpleNamespace(user_role=None, token="lone", team_id=None)
STRANGER = SimpleNamespace(user_role=None, token=None, team_id=None)


def row(number, team="", key="", **told):
    id_ = f"{number:016x}"
    base = {"id": id_, "at": NOW + number, "route": "auto", "tier": "simple", "reasons": [], "attempts": []}
    return Row(id_, NOW + number, team, key, {**base, "steps": [], "budgets": [], **told})


ROWS = [
    row(1, "blue", "blue-1", tier="complex"),
    row(2, "blue", "blue-2", reasons=["budget:user:ann:0.9"], attempts=[{"verdict": "refusal"}]),
    row(3, "red", "red-1"),
    row(4, "", "lone"),
    row(5, "blue", "lone"),
    row(6, "", ""),
]


def make(**store):
    section = {"tiers": TIERS, "store": {"url": "memory://", **store}}
    settings = build(from_mapping(section).config)
    engine = engine_of(settings, MemoryLedger())
    record(settings, engine)
    return Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))


@pytest.fixture
async def gateway():
    made = make()
    await made.engine.books.writer.store.append(ROWS)
    yield made
    await made.engine.close()


class Asking:
    """Asks the routes with some key."""

    def __init__(self, gateway, key):
        app = FastAPI()
        for path, method, endpoint in (*decision_endpoints(gateway), *feedback_endpoints(gateway)):
            app.add_api_route(path, endpoint, methods=[method])
        app.dependency_overrides[user_api_key_auth] = lambda: key
        self._app = app

    async def request(self, method, path, **more):
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
            return await client.request(method, path, **more)

    async def get(self, path, **params):
        return await self.request("GET", path, params=params)

    async def ids(self, **params):
        reply = await self.get("/decisions", **params)
        assert reply.status_code == 200, reply.text
        return [int(d["id"], 16) for d in reply.json()["decisions"]]

    async def say(self, **body):
        return await self.request("POST", "/feedback", json=body)


# --- who sees which ----------------------------------------------------------------------------------------

SEEN = [(ADMIN, [6, 5, 4, 3, 2, 1]), (BLUE, [5, 2, 1]), (LONE, [5, 4]), (STRANGER, [])]


@pytest.mark.parametrize(("key", "expected"), SEEN)
async def test_a_key_sees_its_teams_or_its_own_and_of_others_not_even_that_they_are_there(
    gateway, key, expected
):
    asking = Asking(gateway, key)
    assert await asking.ids() == expected
    assert await asking.ids(limit=1) == expected[:1]
    for one in ROWS:
        number = int(one.id, 16)
        wanted = 200 if number in expected else 404
        assert (await asking.get(f"/decisions/{one.id}")).status_code == wanted
        assert (await asking.say(decision=one.id, score=1)).status_code == wanted
        assert (await asking.get("/decisions", before=one.id)).status_code == (
            wanted if wanted == 200 else 400
        )
    assert (await asking.get("/decisions/" + "f" * 16)).json() == {"detail": {"error": "no such decision"}}


async def test_a_teams_key_asking_for_another_team_gets_nothing(gateway):
    assert await Asking(gateway, BLUE).ids(team="red") == []
    assert await Asking(gateway, BLUE).ids(team="blue") == [5, 2, 1]
    assert await Asking(gateway, LONE).ids(team="blue") == [5]
    assert await Asking(gateway, ADMIN).ids(team="red") == [3]


async def test_whose_key_it_was_is_for_administrators_and_personal_budgets_for_those_they_are_of(gateway):
    path = f"/decisions/{ROWS[1].id}"
    for key, expected in ((ADMIN, "ann:0.9"), (BLUE, "*hidden*")):
        found = (await Asking(gateway, key).get(path)).json()
        assert found["reasons"] == [f"budget:user:{expected}"]
        assert ("key" in found) is (key is ADMIN)


# --- questions ---------------------------------------------------------------------------------------------


async def test_filters_and_pages(gateway):
    asking = Asking(gateway, ADMIN)
    assert await asking.ids(tier="complex") == [1]
    assert await asking.ids(reason="budget:") == [2]
    assert await asking.ids(verdict="refusal", route="auto") == [2]
    assert await asking.ids(route="other") == []
    assert await asking.ids(tier="", before="") == [6, 5, 4, 3, 2, 1]
    assert await asking.ids(since=NOW + 2, until=NOW + 4) == [3, 2]
    assert await asking.ids(limit=-5) == [6]
    assert len(await asking.ids(limit=10**6)) == 6
    first = (await asking.get("/decisions", limit=4)).json()
    assert first["complete"] is True
    second = (await asking.get("/decisions", limit=4, before=first["next"])).json()
    assert [int(d["id"], 16) for d in second["decisions"]] == [2, 1]
    assert second["next"] is None
    assert await asking.ids(limit=2, before=ROWS[3].id) == [3, 2]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "x"},
        {"since": "nan"},
        {"since": "-1"},
        {"until": "inf"},
        {"team": "x" * 300},
        {"before": "0"},
    ],
)
async def test_a_question_that_is_none_is_told(gateway, params):
    reply = await Asking(gateway, ADMIN).get("/decisions", **params)
    assert reply.status_code in {400, 422}
    assert reply.json()["detail"]


@pytest.mark.parametrize("odd", ["<script>", "%00", "'; --", "\u202e", "..%2f..", "x" * 200])
async def test_hostile_texts_in_a_question_are_texts(gateway, odd):
    asking = Asking(gateway, ADMIN)
    for name in ("team", "route", "tier", "reason", "verdict"):
        assert await asking.ids(**{name: odd}) == []
    assert (await asking.get(f"/decisions/{odd}")).status_code == 404


async def test_hostile_texts_in_a_row_stay_text(gateway):
    odd = "<img src=x onerror=alert(1)>\ud800\u2028"
    await gateway.engine.books.writer.store.append([row(9, odd, odd, model=odd, tier=odd, reasons=[odd])])
    reply = await Asking(gateway, ADMIN).get("/decisions", limit=1)
    assert reply.headers["content-type"] == "application/json"
    (found,) = reply.json()["decisions"]
    assert (found["model"], found["team"], found["reasons"]) == (odd, odd, [odd])


async def test_with_the_store_away_a_page_says_that_it_is_not_whole(gateway, monkeypatch):
    async def away(*_):
        raise StoreUnavailable("away")

    store = gateway.engine.books.writer.store
    for name in ("look", "get", "rate"):
        monkeypatch.setattr(store, name, away)
    asking = Asking(gateway, ADMIN)
    assert (await asking.get("/decisions")).json() == {
        "decisions": [],
        "next": None,
        "reached": None,
        "complete": False,
    }
    assert (await asking.get(f"/decisions/{ROWS[0].id}")).status_code == 404


async def test_decisions_that_were_not_recorded_are_an_alarm(gateway):
    writer = gateway.engine.books.writer
    assert not any("recorded" in alarm for alarm in alarms_of(gateway))
    writer.dropped, writer.dropped_s = 3, gateway.engine.clock.now()
    assert any(alarm.startswith("records: 3 decisions") for alarm in alarms_of(gateway))


# --- feedback ----------------------------------------------------------------------------------------------


class Sink:
    def __init__(self):
        self.lines = []

    def put(self, line):
        self.lines.append(dict(line))


async def test_the_latest_word_of_each_caller_counts(gateway):
    id_ = ROWS[4].id
    assert (await Asking(gateway, BLUE).say(decision=id_, score=1)).json() == {
        "decision": id_,
        "score": 1.0,
        "feedback": 1.0,
    }
    assert (await Asking(gateway, LONE).say(decision=id_, score=0)).json()["feedback"] == 0.5
    assert (await Asking(gateway, BLUE).say(decision=id_, score=0.5)).json()["feedback"] == 0.25
    assert (await Asking(gateway, ADMIN).get(f"/decisions/{id_}")).json()["feedback"] == 0.25
    admin = await Asking(gateway, SimpleNamespace(user_role="proxy_admin")).say(decision=id_, score=1)
    assert admin.json()["feedback"] == 0.5


async def test_a_comment_is_kept_where_prompts_are_and_nowhere_else(gateway, caplog):
    secret = "zebra-crossing-7741"
    said = await Asking(gateway, BLUE).say(decision=ROWS[0].id, score=1, comment=secret)
    assert (said.status_code, said.json()["comment"]) == (200, "dropped")
    sink = Sink()
    capture = CaptureSettings(share=1.0)
    gateway.capture = Capture(capture, gateway.settings.ladder, sink, gateway.engine.fault)
    said = await Asking(gateway, BLUE).say(decision=ROWS[0].id, score=0.25, comment=f" {secret}\n")
    assert said.json()["comment"] == "kept"
    assert [(line["feedback"], line["comment"]) for line in sink.lines] == [(0.25, secret)]
    await Asking(gateway, BLUE).say(decision=ROWS[0].id, score=0.5)
    assert "comment" not in sink.lines[-1]
    shown = (await Asking(gateway, ADMIN).get("/decisions")).text
    assert secret not in shown + caplog.text
    gateway.capture = None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"decision": None}, "decision"),
        ({"decision": ""}, "decision"),
        ({"decision": 7}, "decision"),
        ({"score": None}, "score"),
        ({"score": True}, "score"),
        ({"score": "1"}, "score"),
        ({"score": -0.01}, "score"),
        ({"score": 1.01}, "score"),
        ({"comment": 7}, "comment"),
        ({"comment": "x" * (LONGEST_COMMENT + 1)}, "comment"),
        ({"rating": 5}, "rating"),
    ],
)
async def test_feedback_that_is_none_is_told(gateway, more, field):
    body = {"decision": ROWS[0].id, "score": 1, **more}
    reply = await Asking(gateway, ADMIN).say(**body)
    assert (reply.status_code, reply.json()["detail"]["field"]) == (400, field)
    assert (await gateway.engine.books.writer.store.get(ROWS[0].id)).feedback is None


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[1]", b"[" * 10_000, b"\xff", b'{"decision": "a", "score": NaN}']
)
async def test_a_body_that_is_none_is_told(gateway, raw):
    reply = await Asking(gateway, ADMIN).request("POST", "/feedback", content=raw)
    assert reply.status_code == 400


async def test_a_body_that_is_too_long_is_told(gateway):
    reply = await Asking(gateway, ADMIN).request("POST", "/feedback", content=b" " * 40_000)
    assert reply.status_code == 413


@pytest.mark.parametrize("odd", ["\ud800", "<script>", "../../x", "0" * 15 + "g"])
async def test_feedback_on_what_is_no_decision_is_not_found(gateway, odd):
    body = json.dumps({"decision": odd, "score": 1})
    reply = await Asking(gateway, ADMIN).request("POST", "/feedback", content=body)
    assert reply.status_code == 404


async def test_with_the_store_away_feedback_is_not_taken(gateway, monkeypatch):
    async def away(*_):
        raise StoreUnavailable("away")

    monkeypatch.setattr(gateway.engine.books.writer.store, "rate", away)
    reply = await Asking(gateway, ADMIN).say(decision=ROWS[0].id, score=1)
    assert reply.status_code == 503


async def test_where_no_decisions_are_kept_there_is_no_feedback(monkeypatch):
    gateway = make(decisions=0)
    assert gateway.engine.books.writer is None

    async def found(*_):
        return ROWS[0]

    monkeypatch.setattr("litellm_tiering.decisions.Decisions.get", found)
    reply = await Asking(gateway, ADMIN).say(decision=ROWS[0].id, score=1)
    assert (reply.status_code, "decisions" in reply.json()["detail"]["error"]) == (409, True)
    await gateway.engine.close()
