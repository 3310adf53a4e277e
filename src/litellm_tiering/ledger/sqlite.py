"""The ledger of a single host: a SQLite file that several processes share."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from litellm_tiering.errors import StoreError, StoreUnavailable
from litellm_tiering.ledger import totals_sqlite
from litellm_tiering.ledger.book import Book
from litellm_tiering.ledger.holds import check_amount, check_hold
from litellm_tiering.ledger.totals import check_tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.ports import Answer, Hold, Known, Reservation, Settled, Tally

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
            StoreUnavailable: the file stays locked for half a second, or cannot be opened or written.
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

    async def keep(self, key: str, rank: int, ttl_s: int, now_s: float) -> int:
        """Raise the rank that is left for a conversation's next turns; which it is then."""
        return await self.run(lambda book: book.keep(key, rank, ttl_s, now_s))

    async def settle(
        self, reservation: Reservation, cost: int, now_s: float, tally: Tally | None = None
    ) -> Settled:
        """Count ``cost`` nano-dollars and let go of the hold, once per attempt; ``tally`` is added with it.

        Raises:
            StoreUnavailable, StoreError: as :meth:`reserve`.
            ValueError: the cost is not an amount, or the tally not well formed.
        """
        check_amount(cost)
        if tally is not None:
            check_tally(tally)
        return await self.run(lambda book: book.settle(reservation, cost, now_s, tally))

    async def release(self, reservation: Reservation, now_s: float) -> bool:
        """Let go of the hold without a cost; False when this attempt was ended before."""
        return (await self.settle(reservation, 0, now_s)).counted

    async def balances(self, keys: Sequence[str], now_s: float) -> tuple[Balance, ...]:
        """The state of counters, in nano-dollars; an unknown key is zero."""
        return await self.run(lambda book: book.balances(keys, now_s))

    async def active(self, now_s: float) -> Mapping[str, Balance]:
        """Every live counter and its state; at most :data:`~litellm_tiering.ledger.holds.ACTIVE_MAX`."""
        return await self.run(lambda book: book.active(now_s))

    async def tell(self, tallies: Sequence[Tally], now_s: float) -> None:
        """Add to the totals what no settlement carries, in one transaction."""
        for tally in tallies:
            check_tally(tally)
        now = math.floor(now_s)

        def job(book: Book) -> None:
            with book.writing(now):
                for tally in tallies:
                    totals_sqlite.add(book.db, tally, now)

        await self.run(job)

    async def totals(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known."""
        return await self.run(lambda book: totals_sqlite.rows(book.db, days))

    async def hours(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """For each day that is known, the 24 hours' baseline in nano-dollars by team; ``*`` is everybody."""
        return await self.run(lambda book: totals_sqlite.hours(book.db, days))

    async def spending(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours' cost in nano-dollars likewise, of the last three days."""
        return await self.run(lambda book: totals_sqlite.hours(book.db, days, "spending"))

    async def hello(self, now_s: float) -> str:
        """Always the same, for a file that is open does not come back empty; proof that it can be written."""
        now = math.floor(now_s)

        def job(book: Book) -> None:
            with book.writing(now):
                totals_sqlite.note(book.db, "hello_s", now)

        await self.run(job)
        return self.kind

    async def known(self, now_s: float) -> tuple[str, Mapping[str, Known]]:  # noqa: ARG002 - see below
        """Nothing: this store does not come back empty."""
        await self.run(lambda _: None)
        return self.kind, {}

    async def restore(self, known: Mapping[str, Known], now_s: float) -> None:  # noqa: ARG002 - see below
        """Do nothing: this store does not come back empty, and what is known of it is in it."""
        await self.run(lambda _: None)

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
