"""Ids that clients make up, as many as they like: nothing of the owner's is hidden, merged or slowed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.accounts import counter_key
from litellm_tiering.config.assemble import direct, engine_of, record
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.budget import Balance, Budget, Scope
from litellm_tiering.gateway import routes
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ports import Reservation
from litellm_tiering.status import CLIENTS_SHOWN, live_budgets
from litellm_tiering.testing.proxy import TIERS
from litellm_tiering.units import WindowKind, window_at

NOW = 1_800_000_000.0
ENDS = 1_900_000_000
LABEL = window_at(WindowKind.DAY, "UTC", NOW).label
ADMIN = SimpleNamespace(user_role="proxy_admin", token="admin", team_id=None, user_id="ann")
ODD_TEAM = "a|team#with a long name" * 5


@pytest.mark.parametrize("scope", [Scope.END_USER, Scope.TAG])
def test_of_many_ids_the_most_used_are_shown(scope):
    budget = Budget(scope)
    live = {counter_key(budget, f"id-{n}", LABEL): Balance(n, 0) for n in range(3 * CLIENTS_SHOWN)}
    found = live_budgets([Budget(), budget], live, NOW)
    assert [b.id for b in found] == ["*", *(f"id-{3 * CLIENTS_SHOWN - 1 - n}" for n in range(CLIENTS_SHOWN))]
    named = live_budgets([replace(budget, match="id-[0-9]")], live, NOW)
    assert {b.id for b in named} >= {f"id-{n}" for n in range(10)}


def test_every_id_of_the_owners_is_shown():
    budget = Budget(Scope.TEAM)
    live = {counter_key(budget, f"id-{n}", LABEL): Balance(n, 0) for n in range(3 * CLIENTS_SHOWN)}
    assert len(live_budgets([budget], live, NOW)) == 3 * CLIENTS_SHOWN


IDS = st.text(min_size=1) | st.sampled_from(
    ["team|x", "#" + "0" * 32, "{t}", "ltt:{t}:live", "\x00", "\ud800"]
)
SCOPES = st.sampled_from(Scope)


@given(st.tuples(SCOPES, IDS), st.tuples(SCOPES, IDS))
def test_no_id_reaches_another_ids_counter(one, other):
    keys = [counter_key(Budget(scope), id_, LABEL) for scope, id_ in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)
    for (scope, _), key in zip((one, other), keys, strict=True):
        assert key.isprintable()
        assert len(key) < 150
        assert key.split("|")[::2] == [scope.value, LABEL]


@pytest.fixture
def seen_by(monkeypatch):
    """What `status` tells a key, where clients have named hundreds of ids."""
    budgets = [{"scope": scope, "limit_usd": 5} for scope in ("global", "team", "key", "user", "end_user")]
    section = {"tiers": TIERS, "store": {"url": "memory://"}, "budgets": budgets}
    settings = build(from_mapping(section).config)
    ledger = MemoryLedger()
    engine = engine_of(settings, ledger)
    direct(engine)
    record(settings, engine)
    gateway = Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))
    label = window_at(WindowKind.DAY, "UTC", engine.clock.now()).label
    ids = {Scope.TEAM: ("blue", "red", ODD_TEAM), Scope.KEY: ("k1", "k2"), Scope.USER: ("ann", "bob")}
    ids[Scope.END_USER] = tuple(f"made-up-{n}" for n in range(300))
    judged: list[int] = []
    whole = routes.live_budgets

    def counted(budgets, live, *more):
        judged.append(len(live))
        return whole(budgets, live, *more)

    monkeypatch.setattr(routes, "live_budgets", counted)

    async def told(**key):
        keys = tuple(counter_key(Budget(scope), id_, label) for scope, found in ids.items() for id_ in found)
        keys += (counter_key(Budget(), "*", label),)
        spent = Reservation("one", keys, (ENDS,) * len(keys), 0, int(NOW))
        await ledger.settle(spent, 7, engine.clock.now())
        found = await routes.status_of(gateway, SimpleNamespace(**{**vars(ADMIN), **key}))
        return {(b["scope"], b["id"]) for b in found["budgets"]}, judged[-1]

    return told


async def test_a_key_has_only_its_own_counters_looked_at(seen_by):
    own, looked_at = await seen_by(user_role=None, token="k1", team_id="blue", user_id="bob")
    assert own == {("global", "*"), ("team", "blue"), ("key", "k1"), ("user", "bob")}
    assert looked_at == 4


async def test_a_team_of_an_odd_name_sees_its_own_budget(seen_by):
    own, _ = await seen_by(user_role=None, token=None, team_id=ODD_TEAM, user_id=None)
    assert {scope for scope, _ in own} == {"global", "team"}


async def test_an_administrator_sees_the_most_used_of_all(seen_by):
    found, _ = await seen_by()
    assert len([1 for scope, _ in found if scope == "end_user"]) == CLIENTS_SHOWN
    assert len([1 for scope, _ in found if scope == "team"]) == 3
