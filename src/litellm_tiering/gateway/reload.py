"""The configuration read again while the proxy runs: all of it comes into force, or nothing does.

By ``POST /tiering/reload`` on every worker and host that shares the store, by SIGHUP in the one process that
gets it. The ladder and the store stay as they are: the proxy's own models do too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from typing import TYPE_CHECKING

from litellm_tiering.config.assemble import (
    announce,
    capture_of,
    expecting_of,
    lookouts_of,
    terms_of,
    watch_of,
)
from litellm_tiering.errors import ConfigError, Problem
from litellm_tiering.gateway.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.events import Sink
    from litellm_tiering.gateway.gateway import Gateway

_log = logging.getLogger("litellm_tiering")


class Reloader:
    """Brings a changed configuration into force in this process.

    Args:
        gateway: What goes on under it.
        read: Reads the configuration; raises ConfigError where anything is wrong with it.
        sinks: Who else is told of events under some settings.
    """

    def __init__(
        self, gateway: Gateway, read: Callable[[], Settings], sinks: Callable[[Settings], Sequence[Sink]]
    ) -> None:
        self._gateway = gateway
        self._read = read
        self._sinks = sinks
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.generation: int | None = None
        """The generation that this process called for itself, and has in force already."""

    async def reload(self) -> str:
        """Read the configuration and go on under it; its hash.

        Raises:
            ConfigError: anything is wrong with it, or it cannot change while the proxy runs; nothing changes.
        """
        async with self._one_at_a_time:
            try:
                settings = await asyncio.to_thread(self._read)
                self._must_stay(settings)
            except ConfigError as error:
                self._gateway.alarms["reload"] = f"the configuration was not reloaded: {error.problems[0]}"
                _log.error("the configuration is not reloaded: %s", error)
                raise
            await self._renew(settings)
            self._gateway.alarms.pop("reload", None)
            _log.warning("the configuration is reloaded: policy %s", settings.policy_hash)
            return settings.policy_hash

    def _must_stay(self, settings: Settings) -> None:
        now = self._gateway.settings
        problems = []
        if settings.ladder.tiers != now.ladder.tiers:
            problems.append(Problem("tiering.tiers", "cannot change while the proxy runs", "restart it."))
        if _place(settings) != _place(now):
            problems.append(Problem("tiering.store", "cannot change while the proxy runs", "restart it."))
        if problems:
            raise ConfigError(problems)

    async def _renew(self, settings: Settings) -> None:
        gateway, engine = self._gateway, self._gateway.engine
        # From here to the last line that changes anything nothing is awaited: no request sees half of it.
        closing = [engine.renew(terms_of(settings), watch_of(settings, engine))]
        engine.expecting = expecting_of(settings, engine)
        engine.arms = lookouts_of(settings, engine)
        if engine.events is not None:
            closing.append(engine.events.close)
            announce(settings, engine, self._sinks(settings))
        gateway.renew(settings, Catalog(settings.ladder, settings.requirements, engine.clock))
        kept, gateway.capture = gateway.capture, capture_of(settings, engine, gateway.capture)
        if kept is not None and kept is not gateway.capture:
            closing.append(kept.close)
        for close in closing:
            await close()

    def called_for(self, generation: int | None = None) -> None:
        """Reload in the background: another worker has, or a signal came. What is wrong is in the log."""
        if generation is not None and generation == self.generation:
            return

        async def reload() -> None:
            with contextlib.suppress(ConfigError):
                await self.reload()

        engine = self._gateway.engine
        task = asyncio.ensure_future(engine.contained("reload", reload, None))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def listen(self) -> None:
        """Reload on SIGHUP, where nobody else listens for it and this is a process's main thread."""
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is None or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(hangup) is signal.SIG_DFL:
            with contextlib.suppress(RuntimeError, NotImplementedError):  # no loop yet, or none that can
                asyncio.get_running_loop().add_signal_handler(hangup, self.called_for)


def _place(settings: Settings) -> tuple[str, str, int]:
    """What of the store cannot change while it is in use."""
    return settings.store.url, settings.store.spool, settings.store.decisions
