"""A store, a worker's payments to it, and its clock, as tests need them."""

from __future__ import annotations

import asyncio

from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.guard import Guard
from litellm_tiering.ledger.spool import DiskSpool
from litellm_tiering.payments import Payments
from litellm_tiering.ports import Known, Reservation, Settled, Tally

NOW = 1_795_000_000.0
END = int(NOW) + 86_400
ROW = Tally("2026-11-21", 14, END, "auto", "simple", "small", "blue", "heuristic")


class Time:
    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at


class Store:
    """What a ledger does, as far as payments need it; ``kind`` says that it can come back empty."""

    kind = "redis"

    def __init__(self):
        self.identity = "first"
        self.spent: dict[str, int] = {}
        self.ended: set[str] = set()
        self.down = self.deaf = False
        self.turn, self.read = True, 0
        self.settling: list[str] = []
        self.told: list[Tally] = []
        self.restored: list[dict[str, Known]] = []

    def _line(self):
        if self.down:
            raise StoreUnavailable("the cable is out")

    async def settle(self, reservation, cost, now_s, tally=None):
        self._line()
        self.settling.append(reservation.attempt)
        counted = reservation.attempt not in self.ended
        if counted:
            self.ended.add(reservation.attempt)
            for key in reservation.keys:
                self.spent[key] = self.spent.get(key, 0) + cost
            if tally is not None:
                self.told.append(tally)
        if self.deaf:
            raise StoreUnavailable("the answer was lost")
        return Settled(counted, tuple(self.spent[key] for key in reservation.keys), self.identity)

    async def tell(self, tallies, now_s):
        self._line()
        self.told += tallies

    async def hello(self, now_s):
        self._line()
        return self.identity

    async def known(self, now_s):
        self._line()
        self.read += 1
        return self.identity, {key: Known(spent, END) for key, spent in self.spent.items() if self.turn}

    async def restore(self, known, now_s):
        self._line()
        self.restored.append(dict(known))
        for key, value in known.items():
            self.spent[key] = self.spent.get(key, 0) + value.spent

    def forget(self):
        """Come back empty."""
        self.identity += "+"
        self.spent, self.ended = {}, set()


def held(attempt, *keys, amount=0):
    keys = keys or ("global",)
    return Reservation(attempt, keys, (END,) * len(keys), amount, int(NOW) + 900)


class House:
    """One worker: a guard, its payments, and a spool at ``path``."""

    def __init__(self, store, path=None):
        self.time = Time()
        self.store = store
        self.guard = Guard(store, self.time, pause=self.never)
        self.spool = None if path is None else DiskSpool(path, "redis://host/0")
        self.payments = Payments(self.guard, self.spool)

    async def never(self, _):
        await asyncio.Event().wait()

    async def met(self):
        return await self.payments.met(self.store.identity)

    async def close(self):
        await self.guard.close()
        await self.payments.close()
