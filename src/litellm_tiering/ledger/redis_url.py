"""From a URL to a Redis client: alone, behind Sentinel, or of a Cluster."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_TIMEOUT_S = 5.0
"""When a connection counts as broken. How long a request waits is the engine's to say, and far less: a short
limit here would take a busy event loop for a slow Redis, and close connections that are in order."""

MAX_CONNECTIONS = 32
"""Redis runs one script at a time, so more connections only hide where the time goes."""

PATIENCE = 4
"""How many timeouts a call may wait for a free connection: a burst is not an outage. Also the most a call
takes behind Sentinel or in a Cluster, where it may have to ask several servers."""

SCHEMES = ("redis", "rediss", "redis+sentinel", "redis+cluster", "rediss+cluster")


class _Closable(Protocol):
    async def aclose(self) -> None: ...


@dataclass(slots=True)
class Connected:
    """A client on one event loop.

    Attributes:
        client: redis-py's.
        owned: What is to be closed with it; nothing when it is the caller's.
        limit_s: After how many seconds without an answer a connection counts as broken.
        deadline_s: After how many seconds a call is given up, where the client's own timeouts add up.
        batches: Whether calls may share a connection: not a Cluster's, nor a client that is the caller's.
        priming: The reading of a Cluster's nodes, while calls wait for it or after it has failed.
    """

    client: Redis | RedisCluster
    owned: Sequence[_Closable]
    deadline_s: float | None = None
    limit_s: float = DEFAULT_TIMEOUT_S
    batches: bool = False
    primed: bool = field(init=False)
    priming: asyncio.Task[Any] | None = field(init=False, default=None)
    _first: tuple[ClusterNode, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        self.primed = not isinstance(self.client, RedisCluster)
        if self.owned and isinstance(self.client, RedisCluster):
            self._first = tuple(self.client.nodes_manager.startup_nodes.values())

    async def prime(self) -> None:
        """Read the Cluster's nodes once for all who wait.

        Left to itself, redis-py lets the first calls read them one after the other and closes connections
        that the others are using.
        """
        client: Any = self.client
        if self.priming is None or self.priming.done():
            self.priming = asyncio.create_task(client.initialize())
            # Those who waited may have given up; a fault is then nobody's, and not worth asyncio's complaint.
            self.priming.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self.priming)
        self.primed, self.priming = True, None

    async def close(self) -> None:
        """Close what is owned, with every connection that was made for it."""
        if self.priming is not None and not self.priming.done():
            self.priming.cancel()
            await asyncio.wait({self.priming})
        nodes = (*self._first, *self._forgotten())
        for client in self.owned:
            await client.aclose()
        for node in nodes:
            with contextlib.suppress(RedisError, OSError):
                await node.disconnect()

    def _forgotten(self) -> Sequence[ClusterNode]:
        """The nodes that a Cluster's client knows, which from now on it does not.

        redis-py closes nothing while it means to read its nodes anew, as after a call that failed, and else
        only the nodes that it knows at that moment. And a call that is under way would take its lost
        connection for a node's fault, and connect once more: without nodes it fails at once.
        """
        if not (self.owned and isinstance(self.client, RedisCluster)):
            return ()
        manager = self.client.nodes_manager
        known = (*manager.nodes_cache.values(), *manager.startup_nodes.values())
        manager.nodes_cache.clear()
        manager.startup_nodes.clear()
        manager.slots_cache.clear()
        return known


@dataclass(frozen=True, slots=True)
class _Address:
    """A URL's parts. ``login`` is everything before the ``@``, with it."""

    scheme: str
    login: str
    hosts: tuple[tuple[str, int], ...]
    path: tuple[str, ...]
    query: str

    def url(self, scheme: str, path: str = "", query: str | None = None) -> str:
        """The URL redis-py knows, of the first host."""
        host, port = self.hosts[0]
        query = self.query if query is None else query
        return f"{scheme}://{self.login}{f'[{host}]' if ':' in host else host}:{port}/{path}?{query}"


def connector(url: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> Callable[[], Connected]:
    """A function that makes a client for ``url``, which connects only when it is used.

    Options of redis-py's own may follow as a query, such as ``?ssl_ca_certs=/etc/ca.pem``; behind Sentinel,
    ``sentinel_username`` and ``sentinel_password`` are those of the sentinels.

    Raises:
        ValueError: the URL cannot be used; the message holds no password.
    """
    address = _address(url)
    make = {
        "redis": _single,
        "rediss": _single,
        "redis+sentinel": _sentinel,
        "redis+cluster": _cluster,
        "rediss+cluster": _cluster,
    }[address.scheme]
    try:
        make(address, timeout_s)
    except (ValueError, TypeError, RedisError, RedisClusterException):
        # Without its cause, which may quote a password that was not percent-encoded.
        raise ValueError(
            f"{_shown(address)}: not a {address.scheme} URL, or not an option redis-py knows"
        ) from None
    return lambda: make(address, timeout_s)


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "socket_keepalive": True,
        # One more try over a new connection, for one that went stale; a slow server is not asked again.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        "protocol": 2,
    }


def _single(address: _Address, timeout_s: float) -> Connected:
    path = _database(address.path)
    pool = BlockingConnectionPool.from_url(
        address.url(address.scheme, path),
        max_connections=MAX_CONNECTIONS,
        timeout=PATIENCE * timeout_s,
        **{**_options(timeout_s), "socket_timeout": None},  # the batch has a limit of its own
    )
    # An option that redis-py does not know is found out now rather than at the first call.
    pool.connection_class(**pool.connection_kwargs)
    client: Redis = Redis.from_pool(pool)
    return Connected(client, (client,), limit_s=timeout_s, batches=True)


def _sentinel(address: _Address, timeout_s: float) -> Connected:
    if not address.path:
        raise ValueError("no service")
    query = dict(parse_qsl(address.query))
    login = {
        name: query.pop(f"sentinel_{name}")
        for name in ("username", "password")
        if f"sentinel_{name}" in query
    }
    options: dict[str, Any] = dict(
        parse_url(address.url("redis", _database(address.path[1:]), urlencode(query)))
    )
    for name in ("host", "port"):
        options.pop(name, None)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves its constructor untyped
        address.hosts, sentinel_kwargs={**_options(timeout_s), **login}
    )
    client: Redis = sentinel.master_for(
        address.path[0], **{**_options(timeout_s), "socket_timeout": None, **options}
    )
    return Connected(client, (client, *sentinel.sentinels), PATIENCE * timeout_s, timeout_s, batches=True)


def _cluster(address: _Address, timeout_s: float) -> Connected:
    if address.path not in ((), ("0",)):
        raise ValueError("a cluster has only database 0")
    client = RedisCluster.from_url(
        address.url(address.scheme.removesuffix("+cluster")),
        startup_nodes=[ClusterNode(host, port) for host, port in address.hosts[1:]],
        **_options(timeout_s),
    )
    return Connected(client, (client,), PATIENCE * timeout_s)


def _database(path: Sequence[str]) -> str:
    if len(path) > 1 or not all(part.isdecimal() for part in path):
        raise ValueError("a database is a number")
    return path[0] if path else ""


def _address(url: str) -> _Address:
    if url.partition("://")[0] not in SCHEMES:
        raise ValueError(f"a Redis URL begins with one of: {', '.join(s + '://' for s in SCHEMES)}")
    try:
        parts = urlsplit(url)
        if "@" in parts.path + parts.query + parts.fragment:
            # What was meant as a password ended early, and its beginning looks like a port.
            raise ValueError("not percent-encoded")  # noqa: TRY301 - told below, with the others
        login, at, netloc = parts.netloc.rpartition("@")
        default = 26379 if parts.scheme == "redis+sentinel" else 6379
        hosts = tuple(_host(text, default) for text in netloc.split(","))
    except ValueError:
        raise ValueError(
            f"a ledger URL of this form is needed: {url.split(':', 1)[0]}://[user:password@]host[:port]; "
            "percent-encode special characters of the password"
        ) from None
    path = tuple(part for part in parts.path.split("/") if part)
    return _Address(parts.scheme, login + at, hosts, path, parts.query)


def _host(text: str, default: int) -> tuple[str, int]:
    found = urlsplit(f"//{text}")
    if not found.hostname:
        raise ValueError("no host")
    return found.hostname, found.port or default


def _shown(address: _Address) -> str:
    return f"{address.scheme}://{','.join(f'{host}:{port}' for host, port in address.hosts)}"
