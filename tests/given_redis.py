"""The Redis that REDIS_URL names, shared out: each process of a run has a database of it for itself.

The first has the one that is named, the others those after it that are empty: what somebody keeps there is
left alone.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import redis

MOST = 16
"""Databases are looked for up to this number: as many as a Redis has unless it is told otherwise."""


def databases(url: str, wanted: int) -> list[str]:
    """The database that ``url`` names, and up to ``wanted - 1`` empty ones after it."""
    parts = urlsplit(url)
    number = parts.path.strip("/") or "0"
    if not number.isdecimal() or "db" in parse_qs(parts.query):
        # A socket's path, or a number said in another way.
        return [url]
    found = [url]
    for other in range(int(number) + 1, MOST):
        if len(found) == wanted:
            break
        beside = parts._replace(path=f"/{other}").geturl()
        try:
            with redis.Redis.from_url(beside) as client:
                empty = client.dbsize() == 0
        except redis.RedisError:
            # It has no more, or none but the one, or does not answer: then the tests say so.
            break
        if empty:
            found.append(beside)
    return found
