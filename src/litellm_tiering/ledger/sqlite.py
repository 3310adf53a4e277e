"""The ledger of a single host: a SQLite file that several processes share."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from litellm_tiering.errors import StoreError, StoreUnavailable
from litellm_tiering.ledger.book import Book
from litellm_tiering.ledger.holds import check_amount, check_hold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.ports import Answer, Hold, Reservation

T = TypeVar("T")


class SqliteLedger:
    """Counts in a SQLite file, on one thread of its own, so the event loop never waits for the disk.

    Nothing is opened before the first call, and a file that cannot be opened is tried again at the next.
    Use it on a local disk: SQLite's locks do not work over network file systems. After a power cut the last
    moments may be missing (``synchronous=NORMAL``); after a crash of the process nothing is.

    Args:
        path: The file; created with its tables when it is not there. Its folder must exist.
    """

    kind = "sqlite"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._book: Book | None = None
        self._closed = False
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tiering-ledger")

    async def reserve(self, hold: Hold) -> Answer:
        """Admit the first option that every limit allows and hold its amount, atomically.

        Raises:
            StoreUnavailable: the file is locked for longer than 50 ms, or cannot be opened or written.
            StoreError: the file is not a ledger, or one of a newer release.
            ValueError: the hold is not well formed.
        """
        check_hold(hold)
        left: list[bool] = []

        def job(book: Book) -> Answer:
            answer = book.reserve(hold)
            if left and answer.reservation is not None:
                # Nobody waits for it any more: it must not stay held until it lapses.
                book.settle(answer.reservation, 0, hold.now_s)
            return answer

        try:
            return await self.run(job)
        except asyncio.CancelledError:
            left.append(True)
            raise

    async def settle(self, reservation: Reservation, cost: int, now_s: float) -> bool:
        """Count ``cost`` nano-dollars and let go of the hold; False when this attempt was ended before."""
        check_amount(cost)
        return await self.run(lambda book: book.settle(reservation, cost, now_s))

    async def release(self, reservation: Reservation, now_s: float) -> bool:
        """Let go of the hold without a cost; False when this attempt was ended before."""
        return await self.run(lambda book: book.settle(reservation, 0, now_s))

    async def balances(self, keys: Sequence[str], now_s: float) -> tuple[Balance, ...]:
        """The state of counters, in nano-dollars; an unknown key is zero."""
        return await self.run(lambda book: book.balances(keys, now_s))

    async def active(self, now_s: float) -> Mapping[str, Balance]:
        """Every live counter and its state; at most :data:`~litellm_tiering.ledger.holds.ACTIVE_MAX`."""
        return await self.run(lambda book: book.active(now_s))

    async def close(self) -> None:
        """Close the file once the calls under way are done; the ledger is not used afterwards."""
        if self._closed:
            return
        self._closed = True
        # On the worker, behind the calls under way: SQLite connections stay on their thread.
        await asyncio.get_running_loop().run_in_executor(self._worker, self._shut)
        self._worker.shutdown(wait=False)

    async def run(self, job: Callable[[Book], T]) -> T:
        """The result of ``job``, done with the open file on the ledger's thread.

        Raises:
            StoreUnavailable, StoreError: as :meth:`reserve`.
        """
        if self._closed:
            raise StoreUnavailable("the SQLite ledger is closed")
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._work, job)

    def _work(self, job: Callable[[Book], T]) -> T:
        try:
            if self._book is None:
                self._book = Book(self._path)
            return job(self._book)
        except sqlite3.OperationalError as exc:
            raise StoreUnavailable(f"the SQLite ledger {self._path} did not answer: {exc}") from exc
        except sqlite3.DatabaseError as exc:
            raise StoreError(f"the SQLite ledger {self._path} is not usable: {exc}") from exc

    def _shut(self) -> None:
        if self._book is not None:
            self._book.close()
            self._book = None
