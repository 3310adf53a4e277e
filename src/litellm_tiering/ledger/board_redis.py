"""The board in the Redis of the ledger, for several processes and hosts.

Every method is one Lua script and one round trip. The keys, all of them in the ledger's hash slot:

==============================  ==========================================================================
``ltt:{t}:notices``             the notices, a hash (see ``board.lua``); gone with the last of them
``ltt:{t}:notices:lapse``       when each of them goes, a sorted set of at most 1,000
``ltt:{t}:claims``              the claims, a hash; gone with the last of them
``ltt:{t}:claims:lapse``        when each of them lapses, a sorted set of at most 5,000
``ltt:{t}:history``             the entries, a list of at most 1,000; gone 400 days after the last one
==============================  ==========================================================================
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any

from litellm_tiering.ledger.board import (
    CLAIMS_MAX,
    HISTORY_MAX,
    NOTICES_MAX,
    check_key,
    check_text,
    check_ttl,
    full,
)
from litellm_tiering.ledger.redis import script
from litellm_tiering.ports import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.ledger.redis import RedisLedger

NOTICES = ["ltt:{t}:notices", "ltt:{t}:notices:lapse"]
CLAIMS = ["ltt:{t}:claims", "ltt:{t}:claims:lapse"]
HISTORY = "ltt:{t}:history"

HISTORY_S = 400 * 86_400
"""After how many seconds without a new entry the history is forgotten."""

POST, TAKE_DOWN = script("board.lua", "board_post.lua"), script("board.lua", "board_take_down.lua")
LIST, CLAIM = script("board.lua", "board_list.lua"), script("board.lua", "board_claim.lua")
LATEST = script("board_history.lua")


class RedisBoard:
    """A board over the connection of a Redis ledger, in its pipelines.

    Raises StoreUnavailable as the ledger does. When a connection breaks after a script was sent, the script
    is sent once more, which changes nothing; only ``take_down`` may then find that there is no such notice.
    The notices themselves come over the line only when they have changed.

    Args:
        ledger: Whose Redis it is; closing it ends this too.
    """

    def __init__(self, ledger: RedisLedger) -> None:
        self._ledger = ledger
        self._state = ""
        self._seen: dict[str, Notice] = {}

    async def post(self, key: str, value: str, expires_s: int, now_s: float, *, entry: str = "") -> None:
        """Put up a notice, in place of another of this key, and add ``entry`` (JSON) to the history."""
        check_key(key)
        check_text(value)
        check_text(entry)
        args: list[Any] = [math.floor(now_s), secrets.token_hex(8), entry, HISTORY_MAX, HISTORY_S]
        args += [key, f"{expires_s} {now_s!r} {value}", expires_s, NOTICES_MAX]
        (posted,) = await self._ledger.run(POST, [*NOTICES, HISTORY], args)
        if not posted:
            raise full()

    async def take_down(self, key: str, now_s: float, *, entry: str = "") -> bool:
        """Take a notice down; False, and no entry, when there is none."""
        check_key(key)
        check_text(entry)
        args: list[Any] = [math.floor(now_s), secrets.token_hex(8), entry, HISTORY_MAX, HISTORY_S, key]
        (taken,) = await self._ledger.run(TAKE_DOWN, [*NOTICES, HISTORY], args)
        return bool(taken)

    async def notices(self, now_s: float) -> Mapping[str, Notice]:
        """Every notice that has not expired."""
        args: list[Any] = [self._state]
        changed, *flat = await self._ledger.run(LIST, NOTICES[:1], args)
        if changed:
            found = {_text(flat[i]): _text(flat[i + 1]) for i in range(0, len(flat), 2)}
            # Together, with nothing awaited in between: another reader must not see one without the other.
            self._state = found.pop("", "")
            self._seen = {key: notice for key, text in found.items() if (notice := _notice(text)) is not None}
        now = math.floor(now_s)
        return {key: notice for key, notice in self._seen.items() if notice.expires_s > now}

    async def claim(self, key: str, ttl_s: int, now_s: float) -> bool:
        """Whether this is the first claim of ``key`` within ``ttl_s`` seconds, over all workers and hosts."""
        check_key(key)
        check_ttl(ttl_s)
        now = math.floor(now_s)
        args: list[Any] = [now, key, secrets.token_hex(8), now + ttl_s, CLAIMS_MAX]
        (first,) = await self._ledger.run(CLAIM, CLAIMS, args)
        return bool(first)

    async def history(self, most: int) -> tuple[str, ...]:
        """The latest entries, newest first."""
        if most < 1:
            return ()
        return tuple(_text(entry) for entry in await self._ledger.run(LATEST, [HISTORY], [most]))


def _notice(text: str) -> Notice | None:
    """A notice, None where somebody else has written something else."""
    try:
        expires_s, posted_s, value = text.split(" ", 2)
        return Notice(value, float(posted_s), int(expires_s))
    except ValueError:
        return None


def _text(reply: Any) -> str:  # noqa: ANN401 - the caller's client may decode or not
    return reply if isinstance(reply, str) else str(reply, "utf-8", "replace")
