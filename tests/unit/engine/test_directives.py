"""Exemptions and switches: what is asked for, what the board says, and what becomes of it in a decision."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math

import pytest
from cascade_kit import ANY, FACTS, LADDER, Clock, Says, balance, engine_on
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_tiering.core.budget import AtCeiling, Budget, Critical, Downgrade, Scope
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.policy import Route
from litellm_tiering.directives import EVERY_S, Directives
from litellm_tiering.errors import StoreError, StoreUnavailable
from litellm_tiering.ledger.board_memory import MemoryBoard
from litellm_tiering.notices import (
    CONFIGURED,
    EXEMPTION,
    LONGEST_ID,
    LONGEST_REASON,
    RELOAD,
    SWITCH,
    Exemption,
    Mode,
    Switch,
    Unfit,
    entry_read,
    post_exemption,
    post_reload,
    post_switch,
    revoke,
)
from litellm_tiering.notices_asked import FURTHEST_S, exemption_asked, switch_asked
from litellm_tiering.plan import Inquiry, Stopped
from litellm_tiering.ports import Notice
from litellm_tiering.standing import MOST_EXEMPTIONS, standing
from litellm_tiering.units import NanoUSD

NOW = 1_795_000_000.0
HOUR = 3_600
BLUE = Caller(team="blue", team_alias="Blue & Co", key="hash1", key_alias="pager", user="u1")


class Store:
    """Asks, and counts; a cable can be pulled."""

    def __init__(self):
        self.away = False
        self.asked = 0

    async def ask(self, call, op, deadline_s):
        self.asked += 1
        if self.away:
            call.close()
            return None
        return await call


class Ticks:
    """Stands in for the time between two readings: each ``tick`` lets one reading through."""

    def __init__(self):
        self.waited = []
        self._go = asyncio.Event()
        self._waiting = asyncio.Event()

    async def pause(self, seconds):
        self.waited.append(seconds)
        self._waiting.set()
        await self._go.wait()
        self._go.clear()

    async def tick(self):
        await self._waiting.wait()
        self._waiting.clear()
        self._go.set()
        await self._waiting.wait()


class Kit:
    def __init__(self, **more):
        self.clock, self.board, self.store, self.ticks = Clock(NOW), MemoryBoard(), Store(), Ticks()
        self.directives = Directives(self.board, self.store, self.clock, pause=self.ticks.pause, **more)

    async def exempt(self, scope="team", id_="blue", lasts_s=HOUR, by="ann"):
        found = exemption_asked(
            {"scope": scope, "id": id_, "until": lasts_s, "reason": "launch"}, by, self.clock.time
        )
        await post_exemption(self.board, found, self.clock.time)
        await self.directives.refresh()
        return found

    async def switch(self, route="auto", mode="off", routes=("auto", "other"), **more):
        asked = {"route": route, "mode": mode, "reason": "fire", **more}
        await post_switch(self.board, switch_asked(asked, "bob", self.clock.time, routes), self.clock.time)
        await self.directives.refresh()

    def label(self, caller=BLUE, route="auto"):
        return self.directives.exempt(caller, route, self.clock.time)


@pytest.fixture
def kit():
    return Kit()


# --- asked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "in_s"),
    [
        (90, 90),
        (1.5, 2),
        ("90", 90),
        ("90s", 90),
        ("2h", 2 * HOUR),
        (" 3 d ", 3 * 86_400),
        ("1w", 604_800),
        ("366d", FURTHEST_S),
        ("2026-11-18T12:00:00Z", 3_200),
        ("2026-11-18T13:00:00+01:00", 3_200),
        ("2026-11-18T12:00:00.5z", 3_201),
        ("2026-11-18T12:00:00.0000001234Z", 3_200),
        ("2026-11-18T12:00:00.001Z", 3_201),
    ],
)
def test_an_end_is_a_time_with_its_zone_or_a_span(until, in_s):
    found = exemption_asked({"scope": "team", "id": "blue", "until": until, "reason": "x"}, "ann", NOW)
    assert found.until_s == NOW + in_s


@pytest.mark.parametrize(
    ("until", "told"),
    [
        (None, "is missing"),
        (True, "no time"),
        ([], "no time"),
        ("", "no time that can be read"),
        ("soon", "no time that can be read"),
        ("2026-11-18", "no zone"),
        ("2026-11-18T12:00:00", "no zone"),
        ("0001-01-01T00:00:00+14:00", "until"),
        (0, "in the past"),
        (-5, "in the past"),
        ("0h", "in the past"),
        ("2026-11-17T12:00:00Z", "in the past"),
        (math.nan, "in the past"),
        (math.inf, "366 days"),
        (10**400, "366 days"),
        ("367d", "366 days"),
        ("999999999w", "366 days"),
        ("9999-12-31T23:59:59Z", "366 days"),
        ("9" * 5_000, "no time that can be read"),
    ],
)
def test_an_end_that_is_none_is_told_by_its_field(until, told):
    with pytest.raises(Unfit, match=told) as caught:
        exemption_asked({"scope": "team", "id": "blue", "until": until, "reason": "x"}, "ann", NOW)
    assert caught.value.field == "until"


GOOD = {"scope": "team", "id": "blue", "until": "2h", "reason": "launch"}


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"scope": "end_user"}, "scope", "clients choose their own end_user"),
        ({"scope": "planet"}, "scope", "global, team, key, user, tag, route"),
        ({"scope": ["team"]}, "scope", "write one of"),
        ({"scope": "global"}, "id", "one id"),
        ({"id": ""}, "id", "missing"),
        ({"id": 7}, "id", "missing"),
        ({"id": "x" * (LONGEST_ID + 1)}, "id", f"at most {LONGEST_ID}"),
        ({"id": "a\nb"}, "id", "printable"),
        ({"reason": "  "}, "reason", "missing"),
        ({"reason": "x" * (LONGEST_REASON + 1)}, "reason", f"at most {LONGEST_REASON}"),
        ({"reason": "\ud800"}, "reason", "printable"),
        ({"by": "the boss"}, "", "no field 'by'"),
        ({"x" * 5_000: 1}, "", "no field"),
    ],
)
def test_an_exemption_that_cannot_be_is_told_by_its_field(change, field, told):
    with pytest.raises(Unfit, match=told) as caught:
        exemption_asked({**GOOD, **change}, "ann", NOW)
    assert caught.value.field == field
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_a_body_that_is_no_object_is_told(body):
    with pytest.raises(Unfit, match="must be a JSON object"):
        exemption_asked(body, "ann", NOW)
    with pytest.raises(Unfit, match="must be a JSON object"):
        switch_asked(body, "ann", NOW, ("auto",))


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"route": "nowhere"}, "route", r"auto, \*"),
        ({"route": None}, "route", "no such route"),
        ({"mode": "on"}, "mode", "off, shadow, enforce, configured"),
        ({"mode": None}, "mode", "write one of"),
        ({"until": "yesterday"}, "until", "no time"),
        ({"mode": "configured", "until": "2h"}, "until", "leave it out"),
        ({"reason": None}, "reason", "missing"),
        ({"id": "blue"}, "", "no field 'id'"),
    ],
)
def test_a_switch_that_cannot_be_is_told_by_its_field(change, field, told):
    with pytest.raises(Unfit, match=told) as caught:
        switch_asked({"route": "auto", "mode": "off", "reason": "x", **change}, "ann", NOW, ("auto",))
    assert caught.value.field == field


def test_who_signs_is_one_line_and_bounded():
    assert exemption_asked(GOOD, "a\nb" + "x" * 500, NOW).by == "a?b" + "x" * 125
    assert exemption_asked(GOOD, " ", NOW).by == "unknown"


# --- exemptions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "id_"),
    [
        ("team", "blue"),
        ("team", "Blue & Co"),
        ("team", "b*"),
        ("key", "hash1"),
        ("key", "pager"),
        ("key", "p?ger"),
        ("user", "u1"),
        ("route", "auto"),
        ("route", "*"),
        ("tag", "gold"),
        ("tag", "g*"),
        ("global", "*"),
    ],
)
async def test_an_exemption_holds_for_its_id_whatever_it_is_called(kit, scope, id_):
    await kit.exempt(scope, id_)
    caller = Caller(**{f: getattr(BLUE, f) for f in ("team", "team_alias", "key", "key_alias", "user")})
    caller = Caller(**{**{f: getattr(caller, f) for f in caller.__slots__}, "tags": frozenset({"gold"})})
    assert kit.label(caller).startswith(scope)
    if scope not in ("global", "route"):
        assert kit.label(Caller(team="red", key="k", user="u2", tags=frozenset({"tin"}))) == ""


@pytest.mark.parametrize(
    ("scope", "id_"), [("team", "*"), ("key", "*"), ("user", "*"), ("tag", "*"), ("team", "blue")]
)
async def test_a_caller_without_an_id_of_that_scope_is_not_exempt(kit, scope, id_):
    await kit.exempt(scope, id_)
    assert kit.label(Caller(end_user="blue")) == ""


def test_an_exemption_of_end_users_that_somebody_wrote_to_the_store_is_not_heeded():
    value = json.dumps({"scope": "end_user", "id": "*", "reason": "x", "by": "mallory"})
    found = standing({EXEMPTION + "a": Notice(value, NOW, int(NOW) + HOUR)})
    assert found.exemptions == ()
    assert "end_user" in found.skipped[EXEMPTION + "a"]


async def test_an_exemption_ends_by_itself_or_when_it_is_revoked(kit):
    posted = await kit.exempt(lasts_s=60)
    await kit.exempt("key", "pager", lasts_s=30)
    kit.clock.time = NOW + 30
    assert kit.label() == "team:blue"
    assert [e.token for e in kit.directives.exemptions] == [posted.token]
    kit.clock.time = NOW + 59.9
    assert kit.label() == "team:blue"
    kit.clock.time = NOW + 60
    assert (kit.label(), kit.directives.exemptions) == ("", ())
    again = await kit.exempt(lasts_s=60)
    assert await revoke(kit.board, again, "bob", "done", kit.clock.time)
    assert not await revoke(kit.board, again, "bob", "done", kit.clock.time)
    await kit.directives.refresh()
    assert kit.label() == ""


async def test_of_two_for_one_id_the_longer_one_counts(kit):
    for lasts_s in (10, 100, 50):
        await kit.exempt(lasts_s=lasts_s)
        kit.clock.time += 0.1
    kit.clock.time = NOW + 99
    assert kit.label() == "team:blue"


async def test_who_did_what_when_and_why_is_in_the_history(kit):
    posted = await kit.exempt()
    await revoke(kit.board, posted, "bob", "over", NOW + 5)
    await kit.switch(until="1h")
    await post_reload(kit.board, "eve", "new prices", NOW)
    reloaded, switched, revoked, exempted = map(entry_read, await kit.board.history(10))
    assert exempted == {
        "at": "2026-11-18T11:06:40Z",
        "what": "exempted",
        "by": "ann",
        "reason": "launch",
        "exemption": posted.token,
        "scope": "team",
        "id": "blue",
        "until": "2026-11-18T12:06:40Z",
    }
    assert (revoked["what"], revoked["by"], revoked["reason"], revoked["at"][-4:]) == (
        "revoked",
        "bob",
        "over",
        ":45Z",
    )
    assert (switched["what"], switched["route"], switched["mode"]) == ("switched", "auto", "off")
    assert (reloaded["what"], reloaded["by"]) == ("reloaded", "eve")


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"at": 1, "what": "x", "by": "y"}', '{"at": "x"}', "[" * 4_000, "x" * 5_000]
)
def test_an_entry_that_is_none_is_left_out(text):
    assert entry_read(text) is None


def test_an_entry_shows_its_known_fields_only():
    entry = {"at": "t", "what": "exempted", "by": "x", "secret": "s", "reason": 7, "id": "y" * 600}
    assert entry_read(json.dumps(entry)) == {"at": "t", "what": "exempted", "by": "x"}


@pytest.mark.parametrize(
    ("id_", "label"), [("blue,refused:store", "team:blue_refused:store"), ("b*", "team:b*"), ("ü", "team:ü")]
)
def test_a_label_cannot_pass_for_several(id_, label):
    assert Exemption("t", Scope.TEAM, id_, NOW, int(NOW) + 1, "r", "b").label == label


# --- switches ----------------------------------------------------------------------------------------------


async def test_a_switch_counts_until_it_ends_or_is_taken_away(kit):
    await kit.switch(mode="shadow", until=60)
    await kit.switch("other", "off")
    assert [kit.directives.mode(r) for r in ("auto", "other", "third")] == [Mode.SHADOW, Mode.OFF, None]
    kit.clock.time = NOW + 60
    assert kit.directives.mode("auto") is None
    assert [s.route for s in kit.directives.switches] == ["other"]
    kit.clock.time = NOW + 5 * FURTHEST_S
    await kit.directives.refresh()
    assert kit.directives.mode("other") is Mode.OFF
    await kit.switch("other", CONFIGURED)
    assert (kit.directives.mode("other"), kit.directives.switches) == (None, ())


async def test_of_a_switch_of_a_route_and_one_of_all_the_later_one_counts(kit):
    await kit.switch("*", "shadow")
    kit.clock.time += 1
    await kit.switch("auto", "enforce")
    assert [kit.directives.mode(r) for r in ("auto", "other")] == [Mode.ENFORCE, Mode.SHADOW]
    kit.clock.time += 1
    await kit.switch("*", "off", until=60)
    assert [kit.directives.mode(r) for r in ("auto", "other")] == [Mode.OFF, Mode.OFF]
    kit.clock.time += 60
    await kit.directives.refresh()
    assert [kit.directives.mode(r) for r in ("auto", "other")] == [Mode.ENFORCE, None]


async def test_a_switch_as_people_see_it(kit):
    await kit.switch(until="1h")
    await kit.switch("other", "shadow")
    ends, stays = [s.as_json() for s in kit.directives.switches]
    assert ends == {
        "route": "auto",
        "mode": "off",
        "until": "2026-11-18T12:06:40Z",
        "reason": "fire",
        "by": "bob",
        "since": "2026-11-18T11:06:40Z",
    }
    assert stays["until"] is None
    assert Switch("auto", None, NOW, None, "r", "b").as_json()["mode"] == CONFIGURED


# --- what the board says -----------------------------------------------------------------------------------

SOUND = json.dumps({"scope": "team", "id": "blue", "reason": "r", "by": "b"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (EXEMPTION + "a", "no json"),
        (EXEMPTION + "a", "[" * 4_000),
        (EXEMPTION + "a", "[]"),
        (EXEMPTION + "a", "{}"),
        (EXEMPTION + "a", SOUND + " " * 5_000),
        (EXEMPTION + "a", SOUND.replace('"blue"', "7")),
        (EXEMPTION + "a", SOUND.replace("team", "planet")),
        (EXEMPTION + "a", SOUND.replace('"r"', '"\\u0007"')),
        (EXEMPTION + "", SOUND),
        (EXEMPTION + "x y", SOUND),
        (EXEMPTION + "x" * 65, SOUND),
        (SWITCH + "auto", '{"mode": "on", "reason": "r", "by": "b"}'),
        (SWITCH + "auto", '{"mode": ["off"], "reason": "r", "by": "b"}'),
        (SWITCH + "", '{"mode": "off", "reason": "r", "by": "b"}'),
        (SWITCH + "\n", '{"mode": "off", "reason": "r", "by": "b"}'),
        (RELOAD, '{"generation": true}'),
        (RELOAD, '{"generation": "1"}'),
        (RELOAD, "1"),
    ],
)
async def test_a_notice_that_cannot_be_used_is_skipped_and_told_once(kit, caplog, key, value):
    caplog.set_level(logging.WARNING, "litellm_tiering")
    await kit.board.post(EXEMPTION + "sound", SOUND, int(NOW) + HOUR, NOW)
    if value != SOUND + " " * 5_000:
        await kit.board.post(key, value, int(NOW) + HOUR, NOW)
    else:
        kit.board._notices[key] = Notice(value, NOW, int(NOW) + HOUR)
    await kit.board.post("of somebody else", "no json", int(NOW) + HOUR, NOW)
    for i in range(3):
        await kit.board.post("changes", f"x{i}", int(NOW) + HOUR, NOW)
        await kit.directives.refresh()
    assert [e.token for e in kit.directives.exemptions] == ["sound"]
    assert kit.directives.switches == ()
    (line,) = caplog.messages
    assert "is skipped" in line
    assert len(line) < 300
    assert "\n" not in line


@pytest.mark.parametrize("at", [math.nan, math.inf, -1.0, 1e30])
def test_a_notice_of_no_time_is_skipped(at):
    assert standing({EXEMPTION + "a": Notice(SOUND, at, int(NOW))}).exemptions == ()
    assert standing({EXEMPTION + "a": Notice(SOUND, NOW, 10**30)}).exemptions == ()


def test_more_exemptions_than_are_heeded_are_skipped_the_latest_first():
    up = {f"{EXEMPTION}{i}": Notice(SOUND, NOW - i, int(NOW) + HOUR) for i in range(MOST_EXEMPTIONS + 3)}
    found = standing(up)
    assert len(found.exemptions) == MOST_EXEMPTIONS
    assert found.skipped.keys() == {f"{EXEMPTION}{i}" for i in range(3)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("scope", "id", "reason", "by", "mode", "stays", "generation", "until", "route")
BODIES = st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["team", "off", "2h", "x"]))


@settings(database=None)
@given(
    body=BODIES | JSON,
    key=st.sampled_from([EXEMPTION, SWITCH, RELOAD]) | st.text(max_size=5),
    tail=st.text(max_size=5),
    posted_s=st.floats(),
    expires_s=st.integers(),
)
def test_nothing_on_the_board_and_no_body_can_break_anything(body, key, tail, posted_s, expires_s):
    found = standing({key + tail: Notice(json.dumps(body), posted_s, expires_s)})
    for one in (*found.exemptions, *found.switches):
        json.dumps(one.as_json(), allow_nan=False)
    for ask in (
        lambda: exemption_asked(body, "ann", NOW),
        lambda: switch_asked(body, "ann", NOW, ("x",)),
    ):
        with contextlib.suppress(Unfit):
            json.dumps(ask().as_json(), allow_nan=False)


# --- keeping up --------------------------------------------------------------------------------------------


async def test_the_first_request_waits_for_the_board_and_the_reading_goes_on_by_itself(kit):
    await post_exemption(kit.board, exemption_asked(GOOD, "ann", NOW), NOW)
    assert kit.label() == ""
    await kit.directives.ready()
    assert kit.label() == "team:blue"
    await post_switch(
        kit.board, switch_asked({"route": "*", "mode": "off", "reason": "x"}, "a", NOW, ()), NOW
    )
    assert kit.directives.mode("auto") is None
    await kit.ticks.tick()
    assert kit.directives.mode("auto") is Mode.OFF
    for _ in range(5):
        await kit.directives.ready()
    assert kit.store.asked == 2
    assert set(kit.ticks.waited) == {EVERY_S}
    await kit.directives.close()
    await kit.directives.ready()
    assert kit.store.asked == 2


async def test_of_a_burst_of_first_requests_one_asks_and_all_know(kit):
    await post_exemption(kit.board, exemption_asked(GOOD, "ann", NOW), NOW)

    async def one():
        await kit.directives.ready()
        return kit.label()

    assert await asyncio.gather(*(one() for _ in range(20))) == ["team:blue"] * 20
    assert kit.store.asked == 1
    await kit.directives.close()


async def test_a_board_that_hangs_holds_up_no_request_for_long(kit, monkeypatch):
    monkeypatch.setattr("litellm_tiering.directives.FIRST_WITHIN_S", 0.001)

    async def hang(now_s):
        await asyncio.Event().wait()

    kit.board.notices = hang
    await kit.directives.ready()
    assert kit.label() == ""
    await kit.directives.close()


async def test_with_the_store_away_what_was_known_stands_while_it_lasts(kit):
    await kit.exempt(lasts_s=60)
    await kit.switch()
    kit.store.away = True
    kit.clock.time = NOW + 59
    assert not await kit.directives.refresh()
    assert (kit.label(), kit.directives.mode("auto")) == ("team:blue", Mode.OFF)
    kit.clock.time = NOW + 60
    assert (kit.label(), kit.directives.mode("auto")) == ("", Mode.OFF)


async def test_a_fault_of_ours_is_told_and_the_reading_begins_anew(caplog):
    told = []
    kit = Kit(on_fault=lambda where, error: told.append((where, type(error))))
    ask = kit.store.ask

    async def broken(call, op, deadline_s):
        call.close()
        raise TypeError("with who knows what in it")

    kit.store.ask = broken
    await kit.directives.ready()
    await asyncio.sleep(0)
    assert told == [("directives", TypeError)]
    kit.store.ask = ask
    await kit.directives.ready()
    assert kit.store.asked == 0
    kit.clock.time += EVERY_S
    await kit.directives.ready()
    assert kit.store.asked == 1
    await kit.directives.close()


def test_another_event_loop_reads_for_itself_once_the_first_is_gone(kit):
    async def one():
        await kit.directives.ready()

    asyncio.run(one())
    kit.ticks = Ticks()
    kit.directives._pause = kit.ticks.pause
    kit.clock.time += EVERY_S
    asyncio.run(one())
    assert kit.store.asked == 2


async def test_another_generation_is_told_once_and_the_first_one_seen_is_none(kit):
    told = []
    kit.directives.on_reload = told.append
    await post_reload(kit.board, "ann", "x", NOW)
    await kit.directives.refresh()
    await kit.exempt()
    assert told == []
    second = await post_reload(kit.board, "ann", "y", NOW + 1)
    for _ in range(3):
        await kit.directives.refresh()
    assert told == [second]
    await kit.board.take_down(RELOAD, NOW + 2)
    await kit.directives.refresh()
    assert told == [second]


async def test_a_generation_that_comes_after_an_empty_board_is_told(kit):
    told = []
    kit.directives.on_reload = told.append
    await kit.directives.refresh()
    generation = await post_reload(kit.board, "ann", "x", NOW)
    await kit.directives.refresh()
    assert told == [generation]


# --- in a decision -----------------------------------------------------------------------------------------

TIGHT = Budget(
    Scope.TEAM, "*", NanoUSD(2_000), downgrade=(Downgrade(0.1, to_rank=0),), at_ceiling=AtCeiling.BLOCK
)


def asking(caller=BLUE, route="auto", **features):
    return Inquiry(
        RequestFeatures(max_tokens=10, **features),
        PromptText("q"),
        caller,
        Route(route, (route,)),
        2,
        FACTS,
    )


async def directed(*budgets, **more):
    engine = engine_on(*budgets, says=Says(2), clock=Clock(NOW), **more)
    kit = Kit()
    engine.directives = kit.directives
    return engine, kit


def steps(plan):
    return [(s.stage.value, s.reason.value, s.detail) for s in plan.decision.steps[1:]]


async def used_up(engine, caller=BLUE):
    for _ in range(40):
        plan = await engine.plan(asking(caller))
        if plan.flight is None:
            return plan.decision.refusal.reason.value
        await engine.books.settle(plan.flight, 400, baseline=0)
    return "never"


async def test_an_exempt_caller_is_counted_and_neither_moved_nor_stopped():
    engine, kit = await directed(ANY, TIGHT, Budget(Scope.USER, "*", NanoUSD(1)))
    assert await used_up(engine) == "ceiling"
    before = (await balance(engine, TIGHT, "blue")).spent
    await kit.exempt()
    plan = await engine.plan(asking())
    assert LADDER[plan.decision.rank].name == "complex"
    # Two budgets are passed over, and one exemption is why.
    assert steps(plan) == [("budget", "exempt", "team:blue")]
    assert plan.decision.reasons[-1] == "exempt:team:blue"
    await engine.books.settle(plan.flight, 123, baseline=0)
    assert (await balance(engine, TIGHT, "blue")).spent == before + 123
    engine.clock.time += HOUR
    assert (await engine.plan(asking())).decision.refusal is not None


async def test_an_exempt_request_may_escalate_past_the_ceiling():
    engine, kit = await directed(TIGHT)
    engine.terms.classifiers.said = Says(0).said
    await kit.exempt()
    await used_up(engine)
    plan = await engine.plan(asking())
    assert plan.decision.rank == 0
    assert not isinstance(await engine.escalate(plan.flight.journey, 2), Stopped)


async def test_where_no_budget_has_a_limit_an_exemption_leaves_no_step():
    engine, kit = await directed(ANY)
    await kit.exempt()
    assert steps(await engine.plan(asking())) == []


async def test_what_a_client_says_of_itself_exempts_nobody():
    engine, kit = await directed(TIGHT)
    await kit.exempt("tag", "gold")
    await kit.exempt("user", "vip")
    client = Caller(team="blue", end_user="vip")
    assert await used_up(engine, client) == "ceiling"
    plan = await engine.plan(asking(client, tags=frozenset({"gold"})))
    assert plan.decision.refusal is not None
    given_to_its_key = Caller(team="blue", tags=frozenset({"gold"}))
    assert steps(await engine.plan(asking(given_to_its_key))) == [("budget", "exempt", "tag:gold")]


async def test_critical_callers_are_critical_still():
    engine, kit = await directed(
        Budget(Scope.TEAM, "*", NanoUSD(1), critical=Critical(teams=("blue",))), Budget()
    )
    await kit.exempt("team", "red")
    assert steps(await engine.plan(asking())) == [("budget", "critical", "team:blue")]


async def test_posting_to_a_full_or_closed_board_is_the_boards_error():
    board = MemoryBoard()
    for i in range(1_000):
        await board.post(f"k{i}", "x", int(NOW) + HOUR, NOW)
    with pytest.raises(StoreError, match="full") as caught:
        await post_exemption(board, exemption_asked(GOOD, "ann", NOW), NOW)
    assert not isinstance(caught.value, StoreUnavailable)
