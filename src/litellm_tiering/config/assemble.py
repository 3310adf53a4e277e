"""From settings to an engine: the same in the proxy, in `explain` and in whatever runs the policy offline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from litellm_tiering.adaptive import Watch
from litellm_tiering.announcer import Announcer
from litellm_tiering.core.policy import Policy
from litellm_tiering.directives import Directives
from litellm_tiering.engine import Engine
from litellm_tiering.ledger.open import open_board, open_segments
from litellm_tiering.plan import Terms
from litellm_tiering.telemetry.log import LogSink
from litellm_tiering.telemetry.metrics import open_metrics
from litellm_tiering.telemetry.outlook import Outlook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.budget import Budget
    from litellm_tiering.events import Sink
    from litellm_tiering.ports import Clock, Ledger, Spool

_SECONDS_PER_DAY = 86_400


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()


def engine_of(
    settings: Settings,
    ledger: Ledger,
    budgets: tuple[Budget, ...] | None = None,
    spool: Spool | None = None,
    clock: Clock | None = None,
) -> Engine:
    """An engine under these settings, on this ledger.

    Args:
        settings: The owner's settings.
        ledger: Where money is counted.
        budgets: What is limited; None for the settings' own.
        spool: What keeps costs that the store does not take; memory only when None.
        clock: The time; the machine's when None.
    """
    engine = Engine(terms_of(settings, budgets), ledger, clock or SystemClock(), spool)
    engine.watch = watch_of(settings, engine)
    return engine


def terms_of(settings: Settings, budgets: tuple[Budget, ...] | None = None) -> Terms:
    """The settings as far as the engine needs them; ``budgets`` None for the settings' own."""
    return Terms(
        policy=Policy(settings.ladder),
        budgets=settings.budgets if budgets is None else budgets,
        classifiers=settings.chain,
        timezone=settings.timezone,
        on_error=settings.store.on_error,
        retention_s=settings.store.retention_days * _SECONDS_PER_DAY,
        enforce=settings.mode == "enforce",
        hash=settings.policy_hash,
    )


def watch_of(settings: Settings, engine: Engine) -> Watch | None:
    """Who tells which segments start one tier higher; nobody without a cascade."""
    if settings.cascade is None:
        return None
    return Watch(
        open_segments(engine.ledger),
        engine.books,
        engine.clock,
        settings.cascade.bypass_above,
        probe_share=settings.cascade.probe_share,
        on_fault=engine.fault,
    )


def direct(engine: Engine) -> Directives:
    """Have the engine heed the exemptions and switches on its store's board, from its first request on."""
    board = open_board(engine.ledger)
    engine.directives = Directives(board, engine.books, engine.clock, on_fault=engine.fault)
    return engine.directives


def announce(settings: Settings, engine: Engine, more: Sequence[Sink] = ()) -> Announcer:
    """Have what becomes of the engine's budgets told to the log, to whom the settings name, and to ``more``.

    What is told besides goes through the announcer that is returned, which is the engine's own from now on.
    """
    sinks: list[Sink] = [LogSink()]
    if settings.events.webhook is not None:
        # Only those who use it pay for an HTTP client's import.
        from litellm_tiering.telemetry.webhook import WebhookSink  # noqa: PLC0415 - lazily, see above

        sinks.append(WebhookSink(settings.events.webhook, engine.clock))
    announcer = Announcer(open_board(engine.ledger), (*sinks, *more), engine.clock, on_fault=engine.fault)
    metrics = open_metrics()
    books = engine.books
    outlook = Outlook(announcer, engine.ledger, books, engine.pacer.forecast, metrics)
    announcer.works.append(outlook.look)
    if metrics is not None:
        told = metrics
        # A gauge begins at 0, which would read as a store that is away.
        told.store(up=books.store_ok, spooled=books.owed, errors=books.store_errors)

        async def figures() -> None:
            told.store(up=books.store_ok, spooled=books.owed, errors=books.store_errors)

        announcer.works.append(figures)
    books.guard.on_change = announcer.store
    engine.events = announcer
    return announcer
