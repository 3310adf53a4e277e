"""From a URL in the configuration to a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from litellm_tiering.ledger.board_memory import MemoryBoard, board_of
from litellm_tiering.ledger.board_sqlite import SqliteBoard
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.records_memory import MemoryRecords, records_of
from litellm_tiering.ledger.records_sqlite import SqliteRecords
from litellm_tiering.ledger.segments_memory import MemorySegments
from litellm_tiering.ledger.segments_sqlite import SqliteSegments
from litellm_tiering.ledger.spool import DiskSpool
from litellm_tiering.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from litellm_tiering.ports import Board, Ledger, Segments
    from litellm_tiering.records import RecordStore

_KNOWN = (
    "memory://, sqlite:///PATH, redis://, rediss://, redis+sentinel://HOST,HOST/SERVICE, redis+cluster://, "
    "rediss+cluster://"
)


def open_ledger(url: str) -> Ledger:
    """The ledger at ``url``. Nothing is connected or opened before its first use.

    ==========================================  ==========================================================
    ``memory://``                               this process only, gone with it
    ``sqlite:///budget.db``                     a file, relative to the working directory
    ``sqlite:////var/lib/tiering/budget.db``    a file by its absolute path (four slashes)
    ``redis://[user:password@]host:port/0``     one Redis; ``rediss://`` over TLS
    ``redis+sentinel://h1:p1,h2:p2/SERVICE/0``  the master that Sentinel names; the database may be left out
    ``redis+cluster://h1:p1,h2:p2``             a Cluster, ``rediss+cluster://`` over TLS
    ==========================================  ==========================================================

    Raises:
        ValueError: the URL cannot be used; the message holds no password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError(f"not a ledger URL, which begins with one of: {_KNOWN}")
    if scheme == "memory":
        if rest.strip("/"):
            raise ValueError("memory:// takes nothing after the slashes")
        return MemoryLedger()
    if scheme == "sqlite":
        return SqliteLedger(_path(url))
    if scheme in ("redis", "rediss", "redis+sentinel", "redis+cluster", "rediss+cluster"):
        # Only those who use Redis pay for its import.
        from litellm_tiering.ledger.redis import RedisLedger  # noqa: PLC0415 - lazily, see above

        return RedisLedger.from_url(url)
    raise ValueError(f"{scheme}:// is not a ledger; one of these is: {_KNOWN}")


def open_segments(ledger: Ledger) -> Segments:
    """The segments beside the money of ``ledger``, over its connection; closing the ledger ends them.

    A ledger of a kind that is not ours gets segments of this process only.
    """
    if isinstance(ledger, MemoryLedger):
        return ledger.segments
    if isinstance(ledger, SqliteLedger):
        return SqliteSegments(ledger)
    if ledger.kind == "redis":
        from litellm_tiering.ledger.redis import RedisLedger  # noqa: PLC0415 - lazily, as above
        from litellm_tiering.ledger.segments_redis import RedisSegments  # noqa: PLC0415 - lazily, as above

        if isinstance(ledger, RedisLedger):
            return RedisSegments(ledger)
    return MemorySegments()


def open_board(ledger: Ledger) -> Board:
    """The board beside the money of ``ledger``, over its connection; closing the ledger ends it.

    A ledger of a kind that is not ours gets a board of this process only.
    """
    if isinstance(ledger, MemoryLedger):
        return board_of(ledger)
    if isinstance(ledger, SqliteLedger):
        return SqliteBoard(ledger)
    if ledger.kind == "redis":
        from litellm_tiering.ledger.board_redis import RedisBoard  # noqa: PLC0415 - lazily, as above
        from litellm_tiering.ledger.redis import RedisLedger  # noqa: PLC0415 - lazily, as above

        if isinstance(ledger, RedisLedger):
            return RedisBoard(ledger)
    return MemoryBoard()


def open_records(ledger: Ledger, most: int = 100_000, retention_s: int = 35 * 86_400) -> RecordStore:
    """The decisions beside the money of ``ledger``, over its connection; closing the ledger ends them.

    A ledger of a kind that is not ours gets decisions of this process only.

    Args:
        ledger: The ledger.
        most: How many are kept.
        retention_s: For how long at most, in seconds.
    """
    if isinstance(ledger, MemoryLedger):
        return records_of(ledger, most, retention_s)
    if isinstance(ledger, SqliteLedger):
        return SqliteRecords(ledger, most, retention_s)
    if ledger.kind == "redis":
        from litellm_tiering.ledger.records_redis import RedisRecords  # noqa: PLC0415 - lazily, as above
        from litellm_tiering.ledger.redis import RedisLedger  # noqa: PLC0415 - lazily, as above

        if isinstance(ledger, RedisLedger):
            return RedisRecords(ledger, most, retention_s)
    return MemoryRecords(most, retention_s)


def open_spool(path: str, url: str) -> DiskSpool | None:
    """The spool for the store at ``url``, opened when it is first needed; None where there is none to keep.

    Args:
        path: The file, or ``off``.
        url: The store's; what ``memory://`` forgets no spool need remember.
    """
    return None if path == "off" or url.startswith("memory:") else DiskSpool(Path(path), url)


def _path(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.removeprefix("/")
    if parts.netloc or parts.query or parts.fragment or not path or path == ":memory:":
        raise ValueError("a SQLite ledger is sqlite:///PATH, or sqlite:////PATH when the path is absolute")
    return path
