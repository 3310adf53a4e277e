"""The ledger of several processes and hosts: Redis, alone, behind Sentinel, or as a Cluster.

Every method is one Lua script and one round trip; ``active`` is one for every 1,000 counters, ``totals`` and
``hours`` are one for every 1,000 figures, as is ``spending``. The keys, all of them in one hash slot:

==============================  ==========================================================================
``ltt:{t}:c:<counter>``         a counter, a hash (see ``lib.lua``); gone when it may be forgotten
``ltt:{t}:a:<step>:<shard>``    marks attempts that were settled or released, a set of numbers (see
                                :mod:`litellm_tiering.ledger.marks`); gone 24 hours after the last of them
``ltt:{t}:live``                the index of live counters, a sorted set of at most 5,000
``ltt:{t}:d:<day>``             a day's totals, a hash (see ``tally.lua``); gone when they may be forgotten
``ltt:{t}:h:<day>``             its hours' baseline, likewise
``ltt:{t}:p:<day>``             its hours' cost, likewise, for three days
``ltt:{t}:days``                the index of days, a sorted set
``ltt:{t}:id``                  which store this is; another value is a store that came back empty
``ltt:{t}:known``               see :mod:`litellm_tiering.ledger.known_redis`
``ltt:{t}:v:<conversation>``    the rank that a conversation has reached, and when that is forgotten
``ltt:{t}:s:<segment>``         see :mod:`litellm_tiering.ledger.segments_redis`
``ltt:{t}:segments``            the index of segments, a sorted set of at most 5,000
==============================  ==========================================================================

A mark takes some 8 to 14 bytes, so 100 requests a second come to about 100 MB in a day; ``ended_ttl_s``
shortens that. Give the ledger a Redis that does not evict (``maxmemory-policy noeviction``): an evicted
counter has forgotten what was spent, and an evicted identity makes a full store look like an empty one.
"""

from __future__ import annotations

import asyncio
import functools
import math
import re
import secrets
import weakref
from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    RedisClusterException,
    RedisError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from litellm_tiering.core.budget import Balance, Choice, choose
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.batch import Batch, Script, ask, text
from litellm_tiering.ledger.holds import (
    ENDED_TTL_S,
    MAX_NANO_USD,
    answer,
    asked_at,
    check_amount,
    check_hold,
    unique,
)
from litellm_tiering.ledger.known_redis import read_known
from litellm_tiering.ledger.marks import LEVELS, marks
from litellm_tiering.ledger.question import told_hold
from litellm_tiering.ledger.redis_url import DEFAULT_TIMEOUT_S, MAX_CONNECTIONS, Connected, connector
from litellm_tiering.ledger.totals import check_tally
from litellm_tiering.ledger.totals_redis import RedisTotals, told
from litellm_tiering.ports import Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from redis.asyncio import Redis
    from redis.asyncio.cluster import RedisCluster

    from litellm_tiering.ports import Answer, Hold, Known, Reservation, Tally

COUNTER = "ltt:{t}:c:"
INDEX = "ltt:{t}:live"
IDENTITY = "ltt:{t}:id"
THREAD = "ltt:{t}:v:"

PAGE = 1_000
"""How many counters ``active`` reads at a time: Redis answers nobody else meanwhile, for 2 or 3 ms."""

PER_RESTORE = 500
"""How many counters one script restores, for the same reason."""

# RuntimeError is what asyncio raises for a closed loop, and asyncio's TimeoutError is its own before Python
# 3.11. redis-py trips over connections that it closes itself, when a Cluster's nodes change: AttributeError;
# and there asyncio of Python 3.12 and 3.13 trips over itself: TypeError.
_FAULTS = (
    RedisError,
    RedisClusterException,
    OSError,
    RuntimeError,
    asyncio.TimeoutError,
    AttributeError,
    TypeError,
)
# Up to Redis 6.2 an error inside a script comes wrapped in one that tells the line.
_CODE = re.compile(r"^(?:Error running script [^@]*(?:@user_script: ?\d+: -?)+)?([A-Z]{3,})\b")
_CLOSED = "the Redis ledger is closed"
# Inside a script, what the user may not do comes without the code that it has outside.
_DENIED = "user executing the script"


def script(*files: str) -> Script:
    """One script out of several files of this folder."""
    return Script.of(*files)


RESERVE = script("lib.lua", "thread.lua", "reserve.lua")
KEEP = script("thread.lua", "thread_keep.lua")
SETTLE = script("lib.lua", "marks.lua", "tally.lua", "settle.lua")
BALANCES, ACTIVE = script("lib.lua", "balances.lua"), script("lib.lua", "active.lua")
HELLO, RESTORE = script("hello.lua"), script("lib.lua", "restore.lua")


class RedisLedger:
    """Counts in Redis 6.2 or newer. Constructing it connects to nothing; the first call does.

    Sums are exact up to 2**63 nano-dollars and compared exactly up to 2**53: 9 million dollars per counter.
    When a connection breaks after a script was sent, the script is sent once more: a hold may then be counted
    twice until it lapses, a cost never is.

    Args:
        client: A client of the caller's, who sets its timeouts, keeps it to one event loop and closes it; or
            a function that makes one for each event loop, to be closed by the ledger.
        ended_ttl_s: For how many seconds an ended attempt is remembered, so that it is not ended twice.
    """

    kind = "redis"

    def __init__(
        self, client: Redis | RedisCluster | Callable[[], Connected], *, ended_ttl_s: int = ENDED_TTL_S
    ) -> None:
        self._connect: Callable[[], Connected]
        self._connect = client if callable(client) else functools.partial(Connected, client, ())
        self._connected: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Connected]
        self._connected = weakref.WeakKeyDictionary()
        self._batches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Batch]
        self._batches = weakref.WeakKeyDictionary()
        self._turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]
        self._turns = weakref.WeakKeyDictionary()
        self._undoing: set[asyncio.Task[bool]] = set()
        self._ended_ttl_s = ended_ttl_s
        self._totals = RedisTotals(self.run)
        self._closed = False

    @classmethod
    def from_url(
        cls, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, ended_ttl_s: int = ENDED_TTL_S
    ) -> RedisLedger:
        """A ledger at ``url``, with connections of its own for each event loop that uses it.

        Args:
            url: As :func:`litellm_tiering.ledger.open.open_ledger` takes it.
            timeout_s: How long to wait for a connection, and for an answer, in seconds.
            ended_ttl_s: For how many seconds an ended attempt is remembered.

        Raises:
            ValueError: the URL cannot be used; the message holds no password.
        """
        return cls(connector(url, timeout_s), ended_ttl_s=ended_ttl_s)

    async def reserve(self, hold: Hold) -> Answer:
        """Admit the first option that every limit allows and hold its amount, atomically.

        Raises:
            StoreUnavailable: Redis did not answer in time, or with an error.
            ValueError: the hold is not well formed.
        """
        check_hold(hold)
        thread = hold.thread
        if not hold.limits and thread is None:
            return answer(hold, choose((), hold.amounts, (), floor=hold.floor), ())
        keys = [INDEX, *(COUNTER + limit.key for limit in hold.limits)]
        if thread is not None:
            keys += (THREAD + (thread.reads or thread.writes), THREAD + thread.writes)
        late = functools.partial(self._undo, hold)
        return self._answer(hold, await self.run(RESERVE, keys, told_hold(hold), late))

    @staticmethod
    def _answer(hold: Hold, reply: Sequence[Any]) -> Answer:
        option, by, at_ceiling, kept, *balances = reply
        if hold.thread is None or not hold.thread.reads:
            kept = 0
        choice = Choice(option - 1 if option else None, by - 1 if by else None, bool(at_ceiling))
        return answer(asked_at(hold, kept), choice, _pairs(balances), kept)

    async def keep(self, key: str, rank: int, ttl_s: int, now_s: float) -> int:
        """Raise the rank that is left for a conversation's next turns; which it is then."""
        args = [math.floor(now_s), ttl_s, rank]
        return int((await self.run(KEEP, [THREAD + key], args, patient=True))[0])

    async def settle(
        self, reservation: Reservation, cost: int, now_s: float, tally: Tally | None = None
    ) -> Settled:
        """Count ``cost`` nano-dollars and let go of the hold, once per attempt; ``tally`` is added with it.

        Raises:
            StoreUnavailable: Redis did not answer in time, or with an error.
            ValueError: the cost is not an amount, or the tally not well formed.
        """
        check_amount(cost)
        if tally is not None:
            check_tally(tally)
        counters = unique(reservation.keys, reservation.expires_s)
        mark = marks(reservation)
        keys = [INDEX, IDENTITY, *mark.keys, *(COUNTER + key for key in counters)]
        args = [
            math.floor(now_s),
            self._ended_ttl_s,
            mark.ends_s,
            mark.number,
            len(LEVELS),
            len(mark.keys),
            len(counters),
            cost,
            reservation.amount,
            reservation.lapses_s,
            *counters.values(),
        ]
        more_keys, more_args = told(tally)
        reply = await self.run(SETTLE, [*keys, *more_keys], [*args, *more_args], patient=True)
        counted, *spent, identity = reply
        found = dict(zip(counters, map(int, spent), strict=True))
        return Settled(bool(counted), tuple(found[key] for key in reservation.keys), text(identity))

    async def release(self, reservation: Reservation, now_s: float) -> bool:
        """Let go of the hold without a cost; False when this attempt was ended before."""
        return (await self.settle(reservation, 0, now_s)).counted

    async def balances(self, keys: Sequence[str], now_s: float) -> tuple[Balance, ...]:
        """The state of counters, in nano-dollars; an unknown key is zero."""
        if not keys:
            return ()
        return tuple(_pairs(await self.run(BALANCES, [COUNTER + key for key in keys], [math.floor(now_s)])))

    async def active(self, now_s: float) -> Mapping[str, Balance]:
        """Every live counter and its state; at most :data:`~litellm_tiering.ledger.holds.ACTIVE_MAX`."""
        found: dict[str, Balance] = {}
        looked_at = PAGE
        while looked_at == PAGE:
            args = [math.floor(now_s), len(found), PAGE]
            looked_at, *flat = await self.run(ACTIVE, [INDEX], args)
            keys = [text(key) for key in flat[::3]]
            states = _pairs([n for i, n in enumerate(flat) if i % 3])
            found.update((key.removeprefix(COUNTER), state) for key, state in zip(keys, states, strict=True))
        return found

    async def tell(self, tallies: Sequence[Tally], now_s: float) -> None:
        """Add to the totals what no settlement carries; 256 of them are one round trip.

        When a connection breaks after they were sent they are sent once more, and may then be added twice.
        """
        for tally in tallies:
            check_tally(tally)
        await self._totals.tell(tallies, math.floor(now_s))

    async def totals(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known."""
        return await self._totals.rows(days)

    async def hours(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """For each day that is known, the 24 hours' baseline in nano-dollars by team; ``*`` is everybody."""
        return await self._totals.hours(days)

    async def spending(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours' cost in nano-dollars likewise, of the last three days."""
        return await self._totals.spending(days)

    async def hello(self, now_s: float) -> str:  # noqa: ARG002 - the protocol's; Redis needs no time for it
        """The store's identity, made up when it has none yet, and proof that it can be written.

        Raises:
            StoreUnavailable: Redis did not answer in time, or cannot be written: the error's code is told.
        """
        (identity,) = await self.run(HELLO, [IDENTITY], [secrets.token_hex(16)])
        return text(identity)

    async def known(self, now_s: float) -> tuple[str, Mapping[str, Known]]:
        """Which store this is, and what its counters say; nothing while another process has the turn."""
        return await read_known(self.run, INDEX, IDENTITY, COUNTER, now_s)

    async def restore(self, known: Mapping[str, Known], now_s: float) -> None:
        """Raise counters of a Redis that came back empty to what is known of them from before.

        Only for figures from before that, and never for a Redis that was not emptied: it would count them
        twice. Those of several processes are not added up: the largest counts.
        """
        all_ = list(known.items())
        for at in range(0, len(all_), PER_RESTORE):
            keys, args = [INDEX], [math.floor(now_s)]
            for key, was in all_[at : at + PER_RESTORE]:
                keys.append(COUNTER + key)
                args += (min(was.spent, MAX_NANO_USD), was.expires_s)
            await self.run(RESTORE, keys, args, patient=True)

    async def close(self) -> None:
        """Close the connections made from a URL; the ledger is not used afterwards."""
        self._closed = True
        # Connections belong to their event loop: those of another one cannot be closed from here.
        loop = asyncio.get_running_loop()
        batch = self._batches.pop(loop, None)
        if batch is not None:
            await batch.close()
        mine = self._connected.pop(loop, None)
        self._connected.clear()
        if mine is not None:
            await mine.close()

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[int | str],
        late: Callable[[list[Any]], None] | None = None,
        *,
        patient: bool = False,
    ) -> list[Any]:
        """The answer of one script, over the loop's one connection; as :meth:`Batch.run` takes it.

        Raises:
            StoreUnavailable: Redis did not answer in time, or with an error.
        """
        if self._closed:
            raise StoreUnavailable(_CLOSED)
        loop = asyncio.get_running_loop()
        connected = self._connected.get(loop)
        if connected is None:
            connected = self._connected[loop] = self._connect()
        if connected.batches:
            asked = self._batch(loop, connected).run(script, keys, args, late, patient=patient)
        else:
            asked = self._ask(loop, connected, script, keys, args)
        try:
            return await (
                asked if connected.deadline_s is None else asyncio.wait_for(asked, connected.deadline_s)
            )
        except _FAULTS as exc:
            if self._closed:
                raise StoreUnavailable(_CLOSED) from None
            # Without its cause: some of redis-py's messages quote the command or the client, with passwords.
            raise StoreUnavailable(f"Redis did not answer: {_told(exc)}") from None

    async def _ask(
        self,
        loop: asyncio.AbstractEventLoop,
        connected: Connected,
        script: Script,
        keys: Sequence[str],
        args: Sequence[int | str],
    ) -> list[Any]:
        if not connected.primed:
            await connected.prime()
        # A client that has run out of connections refuses at once, and a burst is not an outage.
        async with self._turns.setdefault(loop, asyncio.Semaphore(MAX_CONNECTIONS)):
            return await ask(connected.client, script, keys, args)

    def _batch(self, loop: asyncio.AbstractEventLoop, connected: Connected) -> Batch:
        batch = self._batches.get(loop)
        if batch is None:
            batch = self._batches[loop] = Batch(connected.client, connected.limit_s)
        return batch

    def _undo(self, hold: Hold, reply: list[Any]) -> None:
        """Let go of a hold whose answer came after the request had stopped waiting for it."""
        reservation = self._answer(hold, reply).reservation
        if reservation is not None and reservation.amount and not self._closed:
            undoing = asyncio.ensure_future(self.release(reservation, hold.now_s))
            self._undoing.add(undoing)
            undoing.add_done_callback(self._undone)

    def _undone(self, task: asyncio.Task[bool]) -> None:
        self._undoing.discard(task)
        # A hold that cannot be let go of lapses by itself.
        _ = task.cancelled() or task.exception()


def _told(exc: BaseException) -> str:
    """What may be said of a fault: its type, Redis's error code, and where nothing answered."""
    said = str(exc)
    # These two quote the address and the system's error; their subclasses quote more.
    if type(exc) in (RedisConnectionError, RedisTimeoutError) or isinstance(exc, OSError):
        return f"{type(exc).__name__}: {said}"
    if _DENIED in said:
        return f"{type(exc).__name__} NOPERM"
    code = _CODE.search(said)
    return f"{type(exc).__name__} {code[1]}" if code else type(exc).__name__


def _pairs(flat: Sequence[Any]) -> list[Balance]:
    return [Balance(int(flat[i]), int(flat[i + 1])) for i in range(0, len(flat), 2)]
