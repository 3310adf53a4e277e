"""How a Redis that is given is shared out among the processes of a run."""

from __future__ import annotations

import pytest
import redis

from given_redis import MOST, databases
from litellm_tiering.testing.redis import serve_redis


@pytest.fixture(scope="module")
def where():
    with serve_redis() as server:
        yield server.url.removesuffix("/0")


def test_the_first_has_the_one_that_is_named_and_others_empty_ones_after_it(where):
    with redis.Redis.from_url(f"{where}/2") as client:
        client.set("somebodys", "own")
        assert databases(where, 3) == [where, f"{where}/1", f"{where}/3"]
        assert databases(f"{where}/2", 2) == [f"{where}/2", f"{where}/3"]
        assert client.get("somebodys") == b"own"


def test_there_are_no_more_than_a_redis_has(where):
    assert databases(f"{where}/{MOST - 2}", 9) == [f"{where}/{MOST - 2}", f"{where}/{MOST - 1}"]


def test_a_redis_of_one_database_is_for_one_process():
    with serve_redis("--databases", "1") as server:
        assert databases(server.url, 2) == [server.url]


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "unix:///run/redis.sock", "redis://127.0.0.1:1?db=2"]
)
def test_where_others_cannot_be_told_there_is_the_one(url):
    assert databases(url, 4) == [url]
