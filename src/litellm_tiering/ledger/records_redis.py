"""The decisions in the Redis of the ledger, for several processes and hosts.

A sorted set and hashes rather than a stream: a row changes when its answer is judged, paid for and rated, and
is asked for by its id. The keys, all of them in the ledger's hash slot (see ``records.lua``):

==============================  ==========================================================================
``ltt:{t}:decisions``           the order, a sorted set of at most as many ids as are to be kept
``ltt:{t}:decisions:facets``    what they are found by, a hash
``ltt:{t}:decisions:rows``      what they say, a hash
``ltt:{t}:decisions:ratings``   what callers said of their answers, a hash
``ltt:{t}:decisions:of:…``      the order of one team's, or one key's: a page of theirs is a page's work
``ltt:{t}:decisions:owners``    the index of those, a sorted set
==============================  ==========================================================================
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.names import safe_name
from litellm_tiering.ledger.batch import Script
from litellm_tiering.ledger.records_form import (
    CALLERS_MAX,
    facets,
    mean,
    needles,
    pack,
    span,
    unpack,
)
from litellm_tiering.ledger.records_pages import scanned, wholly
from litellm_tiering.records import MICRO, Looked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from litellm_tiering.ledger.redis import RedisLedger
    from litellm_tiering.records import Asked, Row

ORDER, FACETS = "ltt:{t}:decisions", "ltt:{t}:decisions:facets"
ROWS, RATINGS = "ltt:{t}:decisions:rows", "ltt:{t}:decisions:ratings"
OWNERS, OWNER = "ltt:{t}:decisions:owners", "ltt:{t}:decisions:of:"
KEYS = [ORDER, FACETS, ROWS, RATINGS]

PAGE = 500
"""How many rows one script looks at: Redis answers nobody else meanwhile, for a millisecond at most."""

LOOK = 20_000
"""How many rows one look takes in at most: some 40 ms, most of them for Redis to serve others in."""

AT_ONCE = 16
"""How many rows are packed before the event loop gets its turn."""

TRIM_MAX = 500
"""How many rows too many, or too old, one script takes away at most, likewise."""

APPEND, LIST = Script.of("records.lua", "records_append.lua"), Script.of("records_page.lua")
GET, RATE = Script.of("records_get.lua"), Script.of("records_rate.lua")


class RedisRecords:
    """Rows over the connection of a Redis ledger, in its pipelines; some 1 kB of its memory each.

    Args:
        ledger: Whose Redis it is; closing it ends this too.
        most: How many are kept.
        retention_s: For how long at most, in seconds.
    """

    def __init__(self, ledger: RedisLedger, most: int, retention_s: int) -> None:
        self._ledger = ledger
        self._most = most
        self._retention_s = retention_s
        self._gone: list[str] = []

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep rows, each in place of an earlier state of it; of one too many the oldest goes."""
        if not rows:
            return
        oldest = max(0, max(row.place[0] for row in rows) - self._retention_s * MICRO)
        named = {owner: 0 for row in rows for owner in (_team(row.team), _key(row.key)) if owner}
        gone, self._gone = [key for key in self._gone if key not in named], []
        keys = [*KEYS, OWNERS, *gone, *named]
        named.update((key, number) for number, key in enumerate(keys, 1) if key in named)
        args: list[int | str] = [self._most, oldest, self._retention_s, TRIM_MAX, len(gone)]
        for at, row in enumerate(rows, 1):
            args += (row.id, row.place[0], facets(row), base64.b64encode(pack(row)).decode())
            args += (named.get(_team(row.team), 0), named.get(_key(row.key), 0))
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)
        self._gone = [_text(key) for key in await self._ledger.run(APPEND, keys, args, patient=True)]

    async def look(self, asked: Asked) -> Looked:
        """The rows asked for, newest first, among the latest 20,000 before ``asked.before``.

        One round trip for every 500 of them. Of a team's or a key's, only its own are looked at.
        """
        (since, until), wanted = span(asked), needles(asked)
        at, id_ = min((until, ""), asked.before or (until, ""))
        order = (asked.key and _key(asked.key)) or (asked.team and _team(asked.team)) or ORDER
        keys = [order, *KEYS[1:]]
        found: list[Row] = []
        for _ in range(0, LOOK, PAGE):
            args: list[int | str] = [PAGE, asked.limit - len(found), at, id_, since, *wanted]
            more, last, id_, *flat = map(_text, await self._ledger.run(LIST, keys, args))
            for packed, ratings in zip(flat[::2], flat[1::2], strict=True):
                row = _row(packed, ratings)
                if row is not None and asked.fits(row):
                    found.append(row)
            if more == "0":
                return Looked(tuple(found), None)
            at = int(float(last))
            if len(found) == asked.limit:
                break
        return Looked(tuple(found), (at, id_))

    async def recent(self, asked: Asked) -> tuple[Row, ...]:
        """The rows asked for, newest first, however far back they are."""
        return await wholly(self, asked)

    async def get(self, id_: str) -> Row | None:
        """The row of a decision's id; None where there is none (any more)."""
        found = await self._ledger.run(GET, [ROWS, RATINGS], [id_])
        return _row(*map(_text, found)) if found else None

    def scan(self, since_s: float, until_s: float) -> AsyncIterator[Row]:
        """Every row decided from ``since_s`` up to but not including ``until_s``, newest first."""
        return scanned(self, since_s, until_s)

    async def rate(self, id_: str, by: str, score: float) -> float | None:
        """Note what ``by`` says of a decision's answer; the mean of all callers', None without such a row."""
        found = await self._ledger.run(RATE, [ROWS, RATINGS], [id_, by, f"{score:.6g}", CALLERS_MAX])
        return mean(_text(found[0])) if found else None


def _team(team: str) -> str:
    return f"{OWNER}team:{safe_name(team, '{}')}" if team else ""


def _key(key: str) -> str:
    return f"{OWNER}key:{safe_name(key, '{}')}" if key else ""


def _row(packed: Any, ratings: str) -> Row | None:  # noqa: ANN401 - whatever somebody has written there
    try:
        return unpack(base64.b64decode(packed), ratings)
    except (binascii.Error, ValueError):
        return None


def _text(reply: Any) -> str:  # noqa: ANN401 - the caller's client may decode or not
    return str(reply, "utf-8", "replace") if isinstance(reply, bytes) else str(reply)
