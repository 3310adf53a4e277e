"""From a URL to a ledger, and what is said of a URL that leads to none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import litellm_tiering
from litellm_tiering.ledger import open_ledger
from litellm_tiering.ledger.redis_url import connector


def options(url):
    client = connector(url, 0.2)().client
    return client.connection_pool.connection_class.__name__, client.connection_pool.connection_kwargs


def test_memory_and_sqlite():
    assert open_ledger("memory://").kind == "memory"
    assert open_ledger("sqlite:///data/budget.db")._path == Path("data/budget.db")
    assert open_ledger("sqlite:////var/lib/budget.db")._path == Path("/var/lib/budget.db")


def test_one_redis():
    kind, found = options("redis://me:p%40ss%2F@db.internal:6380/3")
    assert kind == "Connection"
    expected = {"host": "db.internal", "port": 6380, "db": 3, "username": "me", "password": "p@ss/"}
    assert expected.items() <= found.items()
    assert (found["socket_timeout"], found["socket_connect_timeout"]) == (None, 0.2)
    assert connector("redis://h", 0.2)().limit_s == 0.2


def test_one_redis_over_tls_with_options():
    kind, found = options("rediss://[::1]:6380/0?ssl_ca_certs=/etc/ca.pem&socket_timeout=1.5")
    assert kind == "SSLConnection"
    assert found["host"] == "::1"
    assert found["ssl_ca_certs"] == "/etc/ca.pem"
    assert found["socket_timeout"] == 1.5


def test_sentinel():
    url = "redis+sentinel://me:pw@s1:1000,s2/main/2?sentinel_password=other&client_name=tiering"
    client = connector(url, 0.2)().client
    pool = client.connection_pool
    assert pool.service_name == "main"
    expected = {"db": 2, "username": "me", "password": "pw", "client_name": "tiering", "socket_timeout": None}
    assert expected.items() <= pool.connection_kwargs.items()
    asked = [s.connection_pool.connection_kwargs for s in pool.sentinel_manager.sentinels]
    assert [(a["host"], a["port"], a["password"]) for a in asked] == [
        ("s1", 1000, "other"),
        ("s2", 26379, "other"),
    ]


@pytest.mark.parametrize("scheme", ["redis+cluster", "rediss+cluster"])
async def test_cluster(scheme):
    client = connector(f"{scheme}://me:pw@n1:1000,n2,n3:1002/0", 0.2)().client
    nodes = client.nodes_manager.startup_nodes.values()
    assert sorted((node.host, int(node.port)) for node in nodes) == [("n1", 1000), ("n2", 6379), ("n3", 1002)]
    assert client.connection_kwargs["password"] == "pw"
    tls = client.connection_kwargs["connection_class"].__name__ == "SSLConnection"
    assert tls == scheme.startswith("rediss")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "redis",
        "postgres://me:hunter2@host/db",
        "memory://somewhere",
        "sqlite://budget.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///budget.db?mode=ro",
        "redis://",
        "redis://:hunter2@",
        "redis://:hunter2@host:port/0",
        "redis://:hunter2@host/first",
        "redis://:hunter2@host/0/1",
        "redis://:hunter2@host/0?no_such_option=1",
        "redis://:hunter2@host/0?socket_timeout=soon",
        "redis://me:hunter2/x@host:6379",
        "redis://me:2#hunter2@host:6379",
        "redis://me:2?hunter2@host:6379",
        "redis://me:2/hunter2@host:6379",
        "redis+sentinel://:hunter2@host:26379",
        "redis+sentinel://:hunter2@host:26379/main/first",
        "redis+cluster://:hunter2@host,/0",
        "redis+cluster://:hunter2@host/1",
        "redis+cluster://:hunter2@host?no_such_option=1",
        "rediss+sentinel://:hunter2@host/main",
    ],
)
def test_a_url_that_leads_nowhere_is_explained_without_its_password(url):
    with pytest.raises(ValueError) as caught:
        open_ledger(url)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    told = str(caught.value)
    assert len(told) > 20
    assert "hunter2" not in told
    assert "me:2" not in told


def test_redis_is_imported_only_by_those_who_use_it():
    code = "import litellm_tiering.ledger, sys; sys.exit('redis' in sys.modules)"
    source = Path(litellm_tiering.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True)
