"""The composition root: ``litellm_settings.callbacks: ["litellm_tiering.plugin.handler"]``.

Asking this module for ``handler`` reads the configuration, opens the store and mounts the routes; importing
it does nothing. A wrong configuration raises, and the proxy does not start.

``classifier`` is for LiteLLM's own auto-router, with or without the handler: it opens no store.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.config.assemble import (
    SystemClock,
    announce,
    capture_of,
    direct,
    engine_of,
    measure,
    record,
)
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping, load
from litellm_tiering.errors import ConfigError, Problem
from litellm_tiering.faults import Faults
from litellm_tiering.gateway import compat
from litellm_tiering.ledger.open import open_ledger, open_spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.config.build import Settings
    from litellm_tiering.config.build_gates import OnFault
    from litellm_tiering.events import Sink
    from litellm_tiering.gateway.auto_router import AutoRouterClassifier
    from litellm_tiering.gateway.hooks import TieringHandler

_log = logging.getLogger("litellm_tiering")

CONFIG_VARIABLE = "LITELLM_TIERING_CONFIG"

KEEP_ALIVE_S = 10.0
"""How often a stream that is held back whole gets a ping, where the owner's configuration says nothing."""


def settings_of_proxy(on_gate_fault: OnFault | None = None) -> Settings:
    """The settings of the proxy that is starting: the file the variable names, else its own section.

    Args:
        on_gate_fault: Told where a gate failed, and with what.

    Raises:
        ConfigError: anything is wrong with them; every problem at once.
    """
    proxy = compat.proxy_config()
    override = os.environ.get(CONFIG_VARIABLE)
    if override:
        loaded = load(Path(override), os.environ, proxy=proxy)
    elif "tiering" in proxy:
        file = compat.proxy_config_path() or "config.yaml"
        loaded = from_mapping(proxy["tiering"], file=file, proxy=proxy)
    else:
        raise ConfigError(
            [
                Problem(
                    "tiering",
                    "the callback is registered, but there is no `tiering:` section",
                    f"add one to the proxy's config.yaml, or name a file in {CONFIG_VARIABLE}.",
                )
            ]
        )
    for warning in loaded.warnings:
        _log.warning("%s", warning)
    return build(loaded.config, on_gate_fault, loaded.base)


def settings_again(on_gate_fault: OnFault) -> Settings:
    """The settings as the file has them now, judged against the models that the proxy runs with.

    Raises:
        ConfigError: anything is wrong with them; every problem at once.
    """
    path = os.environ.get(CONFIG_VARIABLE) or compat.proxy_config_path()
    if not path:
        raise ConfigError([Problem("tiering", "was not read from a file, so it cannot be read again")])
    loaded = load(Path(path), os.environ, proxy=compat.proxy_config())
    return build(loaded.config, on_gate_fault, loaded.base)


def make_handler() -> TieringHandler:
    """The callback for the proxy that is starting.

    Raises:
        ConfigError: the configuration is wrong.
        IncompatibleLiteLLM: this LiteLLM must not be used.
    """
    from litellm_tiering.gateway.alerting import LiteLLMSink  # noqa: PLC0415 - pulls in LiteLLM
    from litellm_tiering.gateway.catalog import Catalog  # noqa: PLC0415 - as above
    from litellm_tiering.gateway.gateway import Gateway  # noqa: PLC0415 - as above
    from litellm_tiering.gateway.hooks import TieringHandler  # noqa: PLC0415 - as above
    from litellm_tiering.gateway.reload import Reloader  # noqa: PLC0415 - as above
    from litellm_tiering.gateway.routes import mount  # noqa: PLC0415 - as above
    from litellm_tiering.gateway.tracing import open_tracing  # noqa: PLC0415 - as above

    compat.check_version()
    # The gates are built before the engine that keeps account of their faults.
    settings = settings_of_proxy(lambda where, error: engine.fault(where, error))  # noqa: PLW0108 - there is none yet
    store = settings.store
    engine = engine_of(settings, open_ledger(store.url), spool=open_spool(store.spool, store.url))
    cascades = [s.cascade for s in (settings, *settings.arms.values())]
    if any(cascade is not None and cascade.stream == "buffer" for cascade in cascades):
        compat.keep_alive(KEEP_ALIVE_S)

    def sinks(settings: Settings) -> tuple[Sink, ...]:
        return (LiteLLMSink(),) if settings.events.litellm else ()

    directives = direct(engine)
    announce(settings, engine, sinks(settings))
    record(settings, engine)
    gateway = Gateway(settings, engine, Catalog(settings.ladder, settings.requirements, engine.clock))
    gateway.capture = capture_of(settings, engine)
    gateway.tracing = open_tracing(engine.clock, engine.fault)
    if gateway.tracing is not None:
        measure(engine, gateway.tracing)
    reloader = Reloader(gateway, lambda: settings_again(engine.fault), sinks)
    directives.on_reload = reloader.called_for
    reloader.listen()
    mount(gateway, compat.proxy_app(), reloader)
    _log.info("litellm-tiering %s: %s", settings.mode, " < ".join(t.name for t in settings.ladder.tiers))
    return TieringHandler(gateway)


def make_classifier() -> AutoRouterClassifier:
    """The classifier for LiteLLM's auto-router: by the handler's settings, where there is a handler.

    LiteLLM sets its callbacks up before its routers, so a handler is there already; its settings are looked
    up at every request, as they may be read anew.

    Raises:
        ConfigError: the configuration is wrong.
        IncompatibleLiteLLM: this LiteLLM must not be used.
    """
    from litellm_tiering.gateway.auto_router import AutoRouterClassifier  # noqa: PLC0415 - as in make_handler

    compat.check_version()
    handler: TieringHandler | None = globals().get("handler")
    if handler is not None:
        gateway = handler.gateway
        return AutoRouterClassifier(lambda: gateway.settings, gateway.engine.fault, gateway.engine.clock)
    settings = _settings_alone()
    return AutoRouterClassifier(lambda: settings, Faults().fault, SystemClock())


def _settings_alone() -> Settings:
    """The settings of a classifier without a handler: the proxy's, else the defaults on LiteLLM's ladder.

    Raises:
        ConfigError: the configuration is wrong.
    """
    from litellm_tiering.gateway.auto_router import TIERS  # noqa: PLC0415 - as in make_handler

    if os.environ.get(CONFIG_VARIABLE) or "tiering" in compat.proxy_config():
        return settings_of_proxy()
    tiers = [{"name": name, "model": name} for name in TIERS]
    return build(from_mapping({"tiers": tiers}).config)


_MAKERS: dict[str, Callable[[], object]] = {"handler": make_handler, "classifier": make_classifier}


def __getattr__(name: str) -> Any:
    if name not in _MAKERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        made = _MAKERS[name]()
    except ConfigError as error:
        # LiteLLM may wrap what a callback's import raises: say it plainly as well.
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - logging may not be set up yet
        raise
    globals()[name] = made
    return made
