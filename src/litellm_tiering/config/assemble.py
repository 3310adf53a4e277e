"""From settings to an engine: the same in the proxy, in `explain` and in whatever runs the policy offline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from litellm_tiering.adaptive import Watch
from litellm_tiering.core.policy import Policy
from litellm_tiering.engine import Engine
from litellm_tiering.ledger.open import open_segments
from litellm_tiering.plan import Terms

if TYPE_CHECKING:
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.budget import Budget
    from litellm_tiering.ports import Ledger

_SECONDS_PER_DAY = 86_400


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()


def engine_of(settings: Settings, ledger: Ledger, budgets: tuple[Budget, ...] | None = None) -> Engine:
    """An engine under these settings, on this ledger and the machine's clock.

    Args:
        settings: The owner's settings.
        ledger: Where money is counted.
        budgets: What is limited; None for the settings' own.
    """
    terms = Terms(
        policy=Policy(settings.ladder),
        budgets=settings.budgets if budgets is None else budgets,
        classifiers=settings.chain,
        timezone=settings.timezone,
        on_error=settings.store.on_error,
        retention_s=settings.store.retention_days * _SECONDS_PER_DAY,
        enforce=settings.mode == "enforce",
        hash=settings.policy_hash,
    )
    engine = Engine(terms, ledger, SystemClock())
    if settings.cascade is not None:
        engine.watch = Watch(
            open_segments(ledger),
            engine.books,
            engine.clock,
            settings.cascade.bypass_above,
            probe_share=settings.cascade.probe_share,
            on_fault=engine.fault,
        )
    return engine
