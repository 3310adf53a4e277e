"""Writes to a store with whichever release is imported, and goes on with what another release wrote.

It runs as a program under releases as old as the first, so it asks what there is before it uses it::

    PYTHONPATH=EARLIER/src python earlier_release.py write sqlite:///ledger.db
    PYTHONPATH=EARLIER/src python earlier_release.py go-on sqlite:///ledger.db

What is in ``stores`` is what earlier releases wrote so, kept by ``python earlier_release.py keep URL FILE``.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path

from litellm_tiering import ports
from litellm_tiering.core.budget import NO_BOUND, Limit
from litellm_tiering.ledger import open as opening
from litellm_tiering.ports import Hold, Reservation

NOW = 1_800_000_000
EXPIRES = NOW + 86_400
DAY = "2027-01-15"
KEYS = ("global|*|day:2027-01-15@UTC", "team|red|day:2027-01-15@UTC")
ENDED, FLYING, LEFT, NEXT = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
COST, HELD, LATE = 700, 500, 450
SEGMENT, THREAD, DECISION = "auto|simple|faq", "conversation", "0123456789abcdef"
URL = "redis://127.0.0.1:6379/0"


def hold(attempt, amount, now=NOW):
    limits = tuple(Limit(key, EXPIRES, (NO_BOUND,)) for key in KEYS)
    return Hold(attempt, limits, (amount,), True, now, 600)


def reservation(attempt, amount):
    return Reservation(attempt, KEYS, (EXPIRES,) * len(KEYS), amount, NOW + 600)


def tally():
    names = {"route": "auto", "tier": "simple", "model": "small", "team": "red", "reason": "heuristic"}
    counts = {"requests": 1, "attempts": 1, "cost": COST, "baseline": 4 * COST}
    return ports.Tally(DAY, 8, EXPIRES + 35 * 86_400, **names, **counts)


async def settle(ledger, held, cost, now):
    more = (tally(),) if hasattr(ports, "Tally") else ()
    found = await ledger.settle(held, cost, now, *more)
    return getattr(found, "counted", found)


async def write(url):
    """A request that was paid for, one under way, one that was let go of, and whatever else there is."""
    ledger = opening.open_ledger(url)
    await settle(ledger, (await ledger.reserve(hold(ENDED, 1000))).reservation, COST, NOW + 1)
    await ledger.reserve(hold(FLYING, HELD))
    await ledger.release((await ledger.reserve(hold(LEFT, 300))).reservation, NOW + 1)
    if hasattr(opening, "open_segments"):
        for judged in (True, False, True):
            await opening.open_segments(ledger).push(SEGMENT, rejected=judged, turn=0, now_s=NOW)
    if hasattr(opening, "open_board"):
        board = opening.open_board(ledger)
        await board.post("notice", '{"reason":"launch"}', EXPIRES, NOW, entry='{"what":"posted"}')
        await board.claim("event", 3600, NOW)
    if hasattr(ledger, "keep"):
        await ledger.keep(THREAD, 2, 3600, NOW)
    if hasattr(ledger, "hello"):
        await ledger.hello(NOW)
    if hasattr(opening, "open_records"):
        await opening.open_records(ledger).append([decision()])
    await ledger.close()


def decision():
    from litellm_tiering.records import Row  # noqa: PLC0415 - only later releases have it

    told = {
        "id": DECISION,
        "at": NOW,
        "route": "auto",
        "tier": "simple",
        "reasons": ["heuristic"],
        "attempts": [],
    }
    return Row(DECISION, float(NOW), "red", "k" * 64, told)


async def go_on(url):
    """Pay for what was under way, twice as ever, ask for more, and tell what comes of it."""
    ledger = opening.open_ledger(url)
    told = {"before": [asdict(b) for b in await ledger.balances(KEYS, NOW + 2)]}
    told["ended again"] = await settle(ledger, reservation(ENDED, 1000), COST, NOW + 3)
    told["late"] = await settle(ledger, reservation(FLYING, HELD), LATE, NOW + 3)
    told["late again"] = await settle(ledger, reservation(FLYING, HELD), LATE, NOW + 3)
    told["after"] = [asdict(b) for b in await ledger.balances(KEYS, NOW + 4)]
    told["admitted"] = (await ledger.reserve(hold(NEXT, 100, NOW + 5))).reservation is not None
    told["at last"] = [asdict(b) for b in await ledger.balances(KEYS, NOW + 700)]
    await ledger.close()
    return told


def keep(url, file):
    """What is in a store now, as SQL or as Redis's commands, one for each line."""
    if url.startswith("sqlite:///"):
        db = sqlite3.connect(url.removeprefix("sqlite:///"))
        lines = [" ".join(line.split()) for line in db.iterdump()]
        lines = [line for line in lines if line not in {"BEGIN TRANSACTION;", "COMMIT;"}]
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.close()
        lines += [f"PRAGMA user_version = {version};"] if version else []
    else:
        lines = list(_commands(url))
    Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _commands(url):
    import redis  # noqa: PLC0415 - SQLite's tests do without it

    latin = {"encoding": "latin-1", "decode_responses": True}
    with redis.Redis.from_url(url, **latin) as client:
        for key in sorted(client.scan_iter("*")):
            kind, left = client.type(key), client.ttl(key)
            if kind == "hash":
                words = ["HSET", key, *(w for pair in sorted(client.hgetall(key).items()) for w in pair)]
            elif kind == "zset":
                scored = client.zrange(key, 0, -1, withscores=True)
                words = ["ZADD", key, *(w for member, score in scored for w in (f"{score:.0f}", member))]
            elif kind == "set":
                words = ["SADD", key, *sorted(client.smembers(key))]
            elif kind == "list":
                words = ["RPUSH", key, *client.lrange(key, 0, -1)]
            elif kind == "stream":
                raise NotImplementedError(f"{key} is a stream")
            else:
                words = ["SET", key, client.get(key)]
            yield json.dumps(words)
            if left > 0:
                yield json.dumps(["EXPIRE", key, left])


if __name__ == "__main__":
    verb, store, *rest = sys.argv[1:]
    if verb == "write":
        asyncio.run(write(store))
    elif verb == "go-on":
        code = str(Path(ports.__file__).parent)
        sys.stdout.write(json.dumps({"code": code, **asyncio.run(go_on(store))}))
    else:
        keep(store, *rest)
