"""The board of a single process, gone with it, and the reference for the others."""

from __future__ import annotations

import math
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.board import (
    CLAIMS_MAX,
    HISTORY_MAX,
    NOTICES_MAX,
    check_key,
    check_text,
    check_ttl,
    full,
)
from litellm_tiering.ports import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.ledger.memory import MemoryLedger


class MemoryBoard:
    """A board in dicts behind a lock, so threads and event loops may share it.

    Args:
        ledger: Closing it ends this too; without one, or once it is gone, the board is never away.
    """

    def __init__(self, ledger: MemoryLedger | None = None) -> None:
        self._lock = threading.Lock()
        self._ledger = None if ledger is None else weakref.ref(ledger)
        self._notices: dict[str, Notice] = {}
        self._claims: dict[str, int] = {}
        self._history: deque[str] = deque(maxlen=HISTORY_MAX)

    async def post(self, key: str, value: str, expires_s: int, now_s: float, *, entry: str = "") -> None:
        """Put up a notice, in place of another of this key, and add ``entry`` (JSON) to the history."""
        check_key(key)
        check_text(value)
        check_text(entry)
        with self._lock:
            now = self._open(now_s)
            self._notices = {k: n for k, n in self._notices.items() if n.expires_s > now and k != key}
            if expires_s > now:
                if len(self._notices) >= NOTICES_MAX:
                    raise full()
                self._notices[key] = Notice(value, now_s, expires_s)
            self._note(entry)

    async def take_down(self, key: str, now_s: float, *, entry: str = "") -> bool:
        """Take a notice down; False, and no entry, when there is none."""
        check_key(key)
        check_text(entry)
        with self._lock:
            now = self._open(now_s)
            found = self._notices.pop(key, None)
            if found is None or found.expires_s <= now:
                return False
            self._note(entry)
            return True

    async def notices(self, now_s: float) -> Mapping[str, Notice]:
        """Every notice that has not expired."""
        with self._lock:
            now = self._open(now_s)
            return {key: notice for key, notice in self._notices.items() if notice.expires_s > now}

    async def claim(self, key: str, ttl_s: int, now_s: float) -> bool:
        """Whether this is the first claim of ``key`` within ``ttl_s`` seconds."""
        check_key(key)
        check_ttl(ttl_s)
        with self._lock:
            now = self._open(now_s)
            if self._claims.get(key, now) > now:
                return False
            self._claims = {k: lapses_s for k, lapses_s in self._claims.items() if lapses_s > now}
            while len(self._claims) >= CLAIMS_MAX:
                del self._claims[min(self._claims, key=self._claims.__getitem__)]
            self._claims[key] = now + ttl_s
            return True

    async def history(self, most: int) -> tuple[str, ...]:
        """The latest entries, newest first."""
        with self._lock:
            self._open(0)
            return tuple(self._history)[: max(0, most)]

    def _open(self, now_s: float) -> int:
        ledger = None if self._ledger is None else self._ledger()
        if ledger is not None and ledger._closed:  # noqa: SLF001 - a board is closed with its ledger
            raise StoreUnavailable("the memory ledger is closed")
        return math.floor(now_s)

    def _note(self, entry: str) -> None:
        if entry:
            self._history.appendleft(entry)


_BOARDS: weakref.WeakKeyDictionary[MemoryLedger, MemoryBoard] = weakref.WeakKeyDictionary()


def board_of(ledger: MemoryLedger) -> MemoryBoard:
    """The one board of a memory ledger, gone with it."""
    return _BOARDS.setdefault(ledger, MemoryBoard(ledger))
