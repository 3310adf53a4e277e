"""Real proxies in front of the simulated provider, one for each kind of store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from houses import CASCADE, CASCADE_ROUTER, REDIS_USD, TEAMS, House, house

from forking.proxies import forked_proxies
from litellm_tiering.testing.processes import Provider, serve_provider
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent

LONGEST = (
    "hostile_answers",
    "gates_on_the_wire",
    "recorded_replay",
    "batch",
    "pack_failover",
    "train_to_proxy",
)
"""Begun first, so that none is left at the end of a run for one process alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first; the others follow as they did."""
    names = {item: item.path.stem.removeprefix("test_") for item in items if item.path.parent == HERE}
    items.sort(key=lambda item: LONGEST.index(names[item]) if names.get(item) in LONGEST else len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def quick_starts() -> Iterator[None]:
    with forked_proxies():
        yield


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with serve_provider() as running:
        yield running


@pytest.fixture(scope="session")
def redis_server():
    with serve_redis() as server:
        yield server


@pytest.fixture(scope="session")
def memory_house(provider, tmp_path_factory) -> Iterator[House]:
    alias = {"auto": "large", "shady": "large", "floored": "large"}
    sections = {"router_settings": {"model_group_alias": alias, "num_retries": 0}}
    with house(provider, tmp_path_factory.mktemp("memory"), TEAMS, **sections) as running:
        yield running


@pytest.fixture(scope="session")
def sqlite_house(provider, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("sqlite")
    with house(provider, folder, {"store": {"url": f"sqlite:///{folder / 'tiering.db'}"}}) as running:
        yield running


@pytest.fixture(scope="session")
def redis_house(provider, redis_server, tmp_path_factory) -> Iterator[House]:
    tiering = {
        "store": {"url": redis_server.url},
        "budgets": [
            {"scope": "global", "limit_usd": 1000},
            {"scope": "team", "match": "red", "limit_usd": REDIS_USD, "at_ceiling": "block", "downgrade": []},
        ],
    }
    folder = tmp_path_factory.mktemp("redis")
    with house(provider, folder, tiering, workers=2) as running:
        yield running


@pytest.fixture(scope="session")
def cascade_house(provider, tmp_path_factory) -> Iterator[House]:
    with house(provider, tmp_path_factory.mktemp("cascade"), CASCADE, **CASCADE_ROUTER) as running:
        yield running


@pytest.fixture(scope="session")
def buffer_house(provider, tmp_path_factory) -> Iterator[House]:
    tiering = {**CASCADE, "cascade": {"stream": "buffer", "max_escalations": 2, "bypass_above": 1.0}}
    with house(provider, tmp_path_factory.mktemp("buffer"), tiering, **CASCADE_ROUTER) as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "redis"])
def any_house(request) -> House:
    return request.getfixturevalue(f"{request.param}_house")
