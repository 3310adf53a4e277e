"""Conversations: each keeps the tier it has reached and goes up only, until nobody has spoken for a while.

What is known of one is its rank, under a digest that holds no text and belongs to one caller, route and
ladder. The store knows it for all workers and is asked with the hold, in the same round trip. What this
process has heard is a lower bound only, since another worker may have raised it meanwhile: it saves asking
for what cannot come, and serves while the store is away.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.core.thread import Thread

if TYPE_CHECKING:
    from litellm_tiering.books import Books
    from litellm_tiering.core.features import Caller, RequestFeatures
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.core.policy import Route

KNOWN_MAX = 20_000
UNDER_WAY_MAX = 500
"""How many conversations are known here, and how many ranks are on their way to the store, at most."""


class Conversations:
    """The conversations of one process. One per event loop.

    Args:
        ladder: Whose ranks they are; under another one every conversation begins anew.
        books: Asks the store.
    """

    def __init__(self, ladder: Ladder, books: Books) -> None:
        self._tiers = tuple(tier.name for tier in ladder.tiers)
        self._books = books
        # By when they were last heard of: dicts keep their order.
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def thread(
        self, features: RequestFeatures, caller: Caller, route: Route, now_s: float
    ) -> tuple[Thread | None, int]:
        """The conversation of a request, if it keeps its tier, and the rank that it has surely reached."""
        if route.keep_s is None or not route.classify or not features.conversation:
            return None, 0
        # Whoever may call themselves something else may not reach another's conversation by it: all of this
        # but `end_user` is LiteLLM's word. A prompt with tools and one without share no prompt cache.
        scope = (
            *(caller.key, caller.team, caller.user, caller.end_user),
            *(route.name, self._tiers, features.tools > 0),
        )
        writes = _digest(scope, features.conversation)
        reads = _digest(scope, features.follows) if features.follows else ""
        return Thread(reads, writes, 0, route.keep_s), self.known(reads, now_s)

    def known(self, key: str, now_s: float) -> int:
        """The rank that a conversation has surely reached; 0 where this process knows nothing of it."""
        rank, expires_s = self._known.get(key, (0, 0.0))
        return rank if expires_s > now_s else 0

    def heard(self, thread: Thread, rank: int, now_s: float) -> None:
        """Note the rank that a turn leaves for the next ones."""
        rank = max(rank, self.known(thread.writes, now_s))
        if rank:
            self._known[thread.writes] = (rank, now_s + thread.ttl_s)
            self._known.move_to_end(thread.writes)
            while len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)

    def served(self, thread: Thread, rank: int) -> None:
        """An answer of this rank was served: where it was escalated, the conversation goes on from there.

        The store is told in the background; what it does not hear of is known here at least.
        """
        if rank <= thread.rank:
            return
        self.heard(thread, rank, self._books.clock.now())
        if len(self._tasks) < UNDER_WAY_MAX:
            work = self._books.guard.contained("conversation", lambda: self._tell(replace(thread, rank=rank)))
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, thread: Thread) -> None:
        ledger, now_s = self._books.ledger, self._books.clock.now()
        await self._books.ask(ledger.keep(thread.writes, thread.rank, thread.ttl_s, now_s), "keep")

    async def close(self) -> None:
        """Wait for what is on its way to the store."""
        mine = [task for task in self._tasks if task.get_loop() is asyncio.get_running_loop()]
        await asyncio.gather(*mine, return_exceptions=True)


def _digest(scope: tuple[object, ...], name: str) -> str:
    # `repr` quotes each part, so that no two scopes are written alike, and escapes what cannot be encoded.
    return hashlib.sha256(repr((scope, name)).encode("utf-8", "backslashreplace")).hexdigest()[:32]
