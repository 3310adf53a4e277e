"""The board of the configuration's store, for the verbs that write on it."""

from __future__ import annotations

import asyncio
import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from litellm_tiering.cli.common import Unavailable, UsageError
from litellm_tiering.cli.settings import required, settings_of, store_of
from litellm_tiering.config.assemble import SystemClock
from litellm_tiering.errors import StoreError
from litellm_tiering.ledger.open import open_board
from litellm_tiering.notices import Unfit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from litellm_tiering.config.build import Settings
    from litellm_tiering.ports import Board

T = TypeVar("T")

DEADLINE_S = 10.0
"""How long the store may take to answer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a verb works on.

    Attributes:
        settings: The configuration's.
        board: Its store's board.
        now_s: The time, in seconds since the epoch.
    """

    settings: Settings
    board: Board
    now_s: float


def add_by(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who does it, and why."""
    parser.add_argument("--reason", required=True, help="why, for whoever reads the history")
    parser.add_argument("--by", help="who; the name of this system's user when absent")


def by_of(options: argparse.Namespace) -> str:
    """Who does it."""
    if options.by:
        return str(options.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A user without a name, as containers have them.
        return "unknown"


def with_board(options: argparse.Namespace, work: Callable[[Seen], Awaitable[T]]) -> T:
    """The result of ``work`` on the board of the configured store.

    Raises:
        UsageError: there is no configuration, or its store cannot be reached from here; or what was asked for
            cannot be done as asked.
        ConfigError: the configuration is wrong.
        Unavailable: the store did not answer.
    """
    settings = settings_of(required(options.config))
    store = store_of(settings)
    if not store.seen:
        raise UsageError(
            "the store is memory://, which lives inside the proxy: use the routes /tiering/exemptions and "
            "/tiering/switch on it, or a store that can be shared"
        )
    if store.remark:
        # Another file than the proxy's would take what is written, and nobody would ever read it.
        raise UsageError(f"{store.remark}; start the proxy first")
    now_s = SystemClock().now()

    async def go() -> T:
        try:
            seen = Seen(settings, open_board(store.ledger), now_s)
            return await asyncio.wait_for(work(seen), DEADLINE_S)
        finally:
            await store.ledger.close()

    try:
        return asyncio.run(go())
    except Unfit as why:
        raise UsageError(str(why)) from None
    except StoreError as error:
        raise Unavailable(f"nothing was done: {error}") from None
    except asyncio.TimeoutError:
        raise Unavailable(f"the store is away: no answer within {DEADLINE_S:g} s") from None
