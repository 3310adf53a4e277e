"""What a million keys and 10,000 requests a second over 50 proxies ask of Redis: measured, and simulated.

    python bench/scale.py [REQUESTS]

First the server's own CPU per request (one reserve, one settle with its tally), with 1 to 6 scopes a
request, on this machine: how many requests a second one Redis can serve. Then slices: where one server is not
enough, keys are spread over K of them and each gets a share of every common budget; the simulation says how
much of the budget such slices leave unused, and how far past it they go, with and without evening out.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import redis

from kept import Kept
from litellm_tiering.core.budget import Limit
from litellm_tiering.ledger.open import open_ledger
from litellm_tiering.ports import Hold, Tally
from litellm_tiering.testing.redis import serve_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = int(time.time())
END = NOW + 36 * 86_400
AT_ONCE = 64
KEPT = Kept(__file__)
KEYS, TEAMS = 1_000_000, 1_000
ROW = Tally("2026-11-21", 12, END, "auto", "simple", "small", "", "heuristic", 1, 0, 1, 700, 9_000)
SCOPES = (
    ("global",),
    ("global", "key"),
    ("global", "team", "key"),
    ("global", "team", "key", "user", "end_user", "route"),
)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"{'scopes':34}{'us of Redis CPU':>16}{'requests/s a core':>19}{'share at 10,000/s':>19}")
    for scopes in SCOPES:
        used_us = asyncio.run(_cpu_per_request(scopes, requests))
        kept = KEPT.table(
            "cpu", "scopes", ("Redis CPU, µs a request", ".1f"), ("requests a second and core", ",.0f")
        )
        kept.row("+".join(scopes), used_us, 1e6 / used_us)
        print(f"{'+'.join(scopes):34}{used_us:>16.1f}{1e6 / used_us:>19,.0f}{1e4 * used_us / 1e6:>19.0%}")
    print()
    _slices()


async def _cpu_per_request(scopes: tuple[str, ...], requests: int) -> float:
    """Microseconds of the server's CPU for one request's reserve and settle."""
    chance = random.Random(7)
    with serve_redis() as server:
        ledger = open_ledger(server.url)
        asked = iter(range(requests))

        async def worker() -> None:
            for i in asked:
                await _request(ledger, scopes, i, chance)

        await _request(ledger, scopes, -1, chance)
        with redis.Redis(port=server.port) as admin:
            before = _cpu_s(admin)
            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
            used = _cpu_s(admin) - before
        await ledger.close()
    return used / requests * 1e6


def _cpu_s(admin: redis.Redis) -> float:
    info = admin.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


async def _request(ledger, scopes, i, chance) -> None:  # noqa: ANN001 - a script's helper
    key, team = chance.randrange(KEYS), chance.randrange(TEAMS)
    ids = {"key": f"{key:064x}", "team": f"team-{team}", "user": f"u{key}", "end_user": f"e{key}"}
    limits = tuple(
        Limit(f"{scope}|{ids.get(scope, '*')}|day:2026-11-21@UTC", END, (10**14, -1), 10**15)
        for scope in scopes
    )
    answer = await ledger.reserve(Hold(f"{i}-{key}", limits, (5_000, 900), True, NOW, 900))
    await ledger.settle(answer.reservation, 700, NOW, replace(ROW, team=ids["team"]))


# ---------------------------------------------------------------------- slices


def _slices() -> None:
    """A budget in K slices under skewed traffic: what is left unused when the first request is refused."""
    print("one budget of 100,000 requests' worth in K slices, keys by hash, Zipf-like traffic of 20,000 keys")
    print(f"{'K':>4}{'evened out':>14}{'refused too early':>19}{'past the limit':>16}{'moves':>8}")
    for k in (1, 4, 16, 50):
        for every in (0, 1_000) if k > 1 else (0,):
            early, past, moves = _simulate(k, every)
            name = "never" if not every else f"each {every}"
            kept = KEPT.table(
                "slices",
                ("slices", "d"),
                "evened out",
                ("refused too early", ".2%"),
                ("past the limit", ".2%"),
            )
            kept.row(k, name, early, past)
            print(f"{k:>4}{name:>14}{early:>19.2%}{past:>16.2%}{moves:>8}")
    print("evened out: every so many requests (0.1 s at 10,000/s) what is left is dealt out anew, by the")
    print("traffic of late; a slice never holds more than was dealt to it, so the limit is never passed.")


def _simulate(k: int, every: int, limit: int = 100_000) -> tuple[float, float, int]:
    """Of a limit in ``k`` slices: what is unused at a thousandth of refusals, and what is overspent."""
    left = [limit // k + (i < limit % k) for i in range(k)]
    seen = [1.0] * k
    refused = served = moves = 0
    for count, where in enumerate(_traffic(k), start=1):
        seen[where] += 1
        if left[where] > 0:
            left[where] -= 1
            served += 1
        else:
            refused += 1
        if refused > limit // 1_000:
            break
        if every and count % every == 0:
            left = _dealt(sum(left), seen)
            seen = [1.0 + 0.5 * n for n in seen]
            moves += 1
    return (limit - served) / limit, max(0, served - limit) / limit, moves


def _dealt(total: int, seen: list[float]) -> list[int]:
    shares = [int(total * n / sum(seen)) for n in seen]
    shares[0] += total - sum(shares)
    return shares


def _traffic(k: int, keys: int = 20_000) -> Iterator[int]:
    """The slices that requests fall to: few keys ask much, most ask little."""
    chance = random.Random(11)
    home = [chance.randrange(k) for _ in range(keys)]
    weights = [1 / (rank + 10) for rank in range(keys)]
    while True:
        yield from (home[key] for key in chance.choices(range(keys), weights, k=10_000))


if __name__ == "__main__":
    KEPT.run(main)
