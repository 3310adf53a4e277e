"""From settings to an engine: the same in the proxy, in `explain` and in whatever runs the policy offline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from litellm_tiering.adaptive import Watch
from litellm_tiering.announcer import Announcer
from litellm_tiering.capture import Capture
from litellm_tiering.config.build_arms import experiment_of
from litellm_tiering.config.schema_gates import CascadeSection
from litellm_tiering.core.drift import Scores
from litellm_tiering.core.policy import Policy
from litellm_tiering.directives import Directives
from litellm_tiering.drift import Drift, Expected
from litellm_tiering.engine import Engine
from litellm_tiering.expecting import Expecting, Lookout
from litellm_tiering.ledger.open import open_board, open_records, open_segments
from litellm_tiering.plan import Terms
from litellm_tiering.recorder import Writer
from litellm_tiering.telemetry.capture import CaptureFile
from litellm_tiering.telemetry.log import LogSink
from litellm_tiering.telemetry.meter import Figures, Meters
from litellm_tiering.telemetry.metrics import open_metrics
from litellm_tiering.telemetry.outlook import Outlook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.budget import Budget
    from litellm_tiering.events import Sink
    from litellm_tiering.meter import Meter
    from litellm_tiering.ports import Clock, Ledger, Spool

_SECONDS_PER_DAY = 86_400

_ROWS_UNSAID = 200
"""On how many rows a trained model is taken to rest that does not say."""


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
    engine.expecting = expecting_of(settings, engine)
    engine.arms = lookouts_of(settings, engine)
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
        experiment=experiment_of(settings.config),
        arms={n: s.chain for n, s in settings.arms.items() if s.chain is not settings.chain},
    )


def lookouts_of(settings: Settings, engine: Engine) -> dict[str, Lookout]:
    """What is learned under the policies of those arms that judge answers in a way of their own."""
    found: dict[str, Lookout] = {}
    for name, own in _judging(settings).items():
        watch = watch_of(own, engine, name.__eq__)
        found[name] = Lookout(watch, expecting_of(own, engine, watch))
    return found


def _judging(settings: Settings) -> dict[str, Settings]:
    return {n: s for n, s in settings.arms.items() if s.cascade is not settings.cascade}


def watch_of(settings: Settings, engine: Engine, owns: Callable[[str], bool] | None = None) -> Watch | None:
    """Who tells which segments start one tier higher; nobody without a cascade.

    Args:
        settings: The owner's settings, or those of an arm.
        engine: Whose requests these are.
        owns: Whose segments its alarms are about, by arm; the base's, and of arms without a watch, when None.
    """
    if settings.cascade is None:
        return None
    others = _judging(settings)
    # One mechanism decides where a segment starts: what is expected takes the place of the bypass.
    above = settings.cascade.bypass_above if settings.cascade.weighing is None else 1.0
    return Watch(
        open_segments(engine.ledger),
        engine.books,
        engine.clock,
        above,
        probe_share=settings.cascade.probe_share,
        on_fault=engine.fault,
        owns=owns or (lambda arm: arm not in others),
    )


def expecting_of(settings: Settings, engine: Engine, watch: Watch | None = None) -> Expecting | None:
    """Who tells which way is expected to cost least; nobody where the fixed rules are to hold.

    Args:
        settings: The owner's settings, or those of an arm.
        engine: Whose requests these are.
        watch: Keeps what is seen of segments; the engine's own when None.
    """
    cascade, watch = settings.cascade, watch or engine.watch
    if cascade is None or cascade.weighing is None or watch is None:
        return None
    return Expecting(settings.ladder, cascade.weighing, watch, engine.figures, engine.clock)


def watch_drift(settings: Settings, engine: Engine, announcer: Announcer) -> None:
    """Have live traffic held against the training; what is known goes on where that has not changed."""
    expected = expected_of(settings)
    if engine.drift is None or engine.drift.expected != expected:
        engine.drift = Drift(expected, engine.clock) if expected.any else None
    if engine.drift is not None:
        engine.drift.tell = announcer.announce


def expected_of(settings: Settings) -> Expected:
    """What the first trained classifier, and tuning, have left to hold traffic against."""
    section = settings.config.cascade
    escalates = section.escalates if isinstance(section, CascadeSection) else None
    if all(one.kind != "learned" for one in settings.config.classifiers or ()):
        return Expected(escalates=escalates)
    from litellm_tiering.classifiers.learned import LearnedClassifier  # noqa: PLC0415 - only where there is one

    for classifier in getattr(settings.chain, "classifiers", ()):
        if isinstance(classifier, LearnedClassifier):
            training = classifier.model.header.get("training")
            rows = training.get("rows") if isinstance(training, dict) else None
            count = rows if isinstance(rows, int) and rows > 0 else _ROWS_UNSAID
            return Expected(classifier.kind, Scores.of(classifier.model.quantiles, count), count, escalates)
    return Expected(escalates=escalates)


def capture_of(settings: Settings, engine: Engine, now: Capture | None = None) -> Capture | None:
    """What keeps requests for training; ``now`` itself where nothing of that has changed."""
    wanted = settings.capture
    if wanted is None or settings.mode == "off":
        return None
    if now is not None and now.settings == wanted:
        return now
    sink = CaptureFile(wanted.path, wanted.max_mb * 1_000_000, on_fault=engine.fault)
    return Capture(wanted, settings.ladder, sink, engine.fault)


def record(settings: Settings, engine: Engine) -> None:
    """Have the engine's decisions kept in its store, for all workers to see; nowhere when none are to be."""
    most = settings.store.decisions
    if most:
        store = open_records(engine.ledger, most, settings.store.retention_days * _SECONDS_PER_DAY)
        engine.books.writer = Writer(store, settings.ladder, engine.books.guard)


def direct(engine: Engine) -> Directives:
    """Have the engine heed the exemptions and switches on its store's board, from its first request on."""
    board = open_board(engine.ledger)
    engine.directives = Directives(board, engine.books, engine.clock, on_fault=engine.fault)
    return engine.directives


def measure(engine: Engine, meter: Meter) -> None:
    """Have one more told what becomes of the engine's requests."""
    if isinstance(engine.books.meter, Meters):
        engine.books.meter.add(meter)
    else:
        engine.books.meter = Meters([meter], engine.fault)


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
            told.classifiers(engine.asides.spent)
            told.faults(engine.faults)

        announcer.works.append(figures)
        if books.meter is None:
            measure(engine, Figures(told))
    books.guard.on_change = announcer.store
    engine.events = announcer
    watch_drift(settings, engine, announcer)
    return announcer
