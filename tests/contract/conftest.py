"""The stores every ledger test runs against: memory, a SQLite file, a real Redis and a Cluster of three."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis

from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.redis import RedisLedger
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.testing.redis import RedisServer, serve_redis, serve_redis_cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from litellm_tiering.ports import Ledger

PATIENT_S = 5.0
"""On a busy test machine, 50 ms say nothing about the ledger."""


@dataclass(frozen=True)
class Store:
    """One kind of store: ``open`` makes another ledger on it, ``fresh`` an empty store of the same kind."""

    kind: str
    open: Callable[[], Ledger]
    fresh: Callable[[], Store]


@pytest.fixture(scope="session")
def redis_url(given_redis_url: str | None) -> Iterator[str]:
    if given_redis_url:
        yield given_redis_url
        return
    with serve_redis() as server:
        yield server.url


@pytest.fixture(scope="session")
def own_redis() -> Iterator[RedisServer]:
    with serve_redis() as server:
        yield server


@pytest.fixture
def own_redis_url(own_redis: RedisServer) -> str:
    """Of an empty server whose connections may be cut, and whose commands be counted: nobody else uses it."""
    with redis.Redis.from_url(own_redis.url) as client:
        client.flushall()
    return own_redis.url


@pytest.fixture
def wipe(redis_url: str) -> Iterator[Callable[[], None]]:
    """Deletes what ledgers have written, and nothing else: REDIS_URL may be somebody's."""
    with redis.Redis.from_url(redis_url) as client:

        def delete() -> None:
            keys = list(client.scan_iter("ltt:*", count=10_000))
            for at in range(0, len(keys), 5_000):
                client.delete(*keys[at : at + 5_000])

        delete()
        yield delete
        delete()


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    with serve_redis_cluster() as nodes:
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


def _wipe_cluster(url: str) -> None:
    """Node by node: all keys of a ledger share a slot, and redis-py's own client leaves connections open."""
    for address in url.rpartition("/")[2].split(","):
        host, _, port = address.partition(":")
        with redis.Redis(host, int(port)) as client:
            keys = list(client.scan_iter("ltt:*", count=10_000))
            for at in range(0, len(keys), 5_000):
                client.delete(*keys[at : at + 5_000])


def _memory() -> Store:
    # One process, one ledger: another one on the same store is the same one.
    ledger = MemoryLedger()
    return Store("memory", lambda: ledger, _memory)


@pytest.fixture(params=["memory", "sqlite", "redis", "cluster"])
def store(request: pytest.FixtureRequest, tmp_path: Any) -> Store:
    if request.param == "memory":
        return _memory()
    if request.param == "sqlite":
        numbers = itertools.count()

        def file() -> Store:
            path = tmp_path / f"ledger-{next(numbers)}.db"
            return Store("sqlite", lambda: SqliteLedger(path), file)

        return file()
    if request.param == "redis":
        url, wipe = request.getfixturevalue("redis_url"), request.getfixturevalue("wipe")
    else:
        url = request.getfixturevalue("cluster_url")
        wipe = partial(_wipe_cluster, url)

    def emptied() -> Store:
        wipe()
        return Store(request.param, lambda: RedisLedger.from_url(url, timeout_s=PATIENT_S), emptied)

    return emptied()


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[Ledger]:
    opened = store.open()
    yield opened
    await opened.close()


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs coroutines on one loop, for Hypothesis, which calls a test many times."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()
