"""Figures for Prometheus, where its client is installed; elsewhere nothing is done, at no cost.

They go to the client's default registry, which LiteLLM's ``/metrics`` serves. With several workers LiteLLM
sets ``PROMETHEUS_MULTIPROC_DIR``, and what the workers say is made one figure: the worst of it for what they
all see of one store, the sum for what each has of its own. Only workers that are alive count.

Labels are bounded: a budget is named by its scope, and by its id only where the owner chose that (routes).
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Metrics:
    """The figures of one process.

    Args:
        client: The module ``prometheus_client``.
        registry: Where they are registered.
    """

    def __init__(self, client: Any, registry: Any) -> None:  # noqa: ANN401 - a module that may not be there
        self._errors = client.Counter(
            "litellm_tiering_store_errors_total",
            "Questions to the budget store that were not answered",
            ["op"],
            registry=registry,
        )
        self._up = client.Gauge(
            "litellm_tiering_store_up",
            "Whether the budget store answers every worker",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._spooled = client.Gauge(
            "litellm_tiering_spooled",
            "Costs that wait for the budget store to come back",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._ratio = client.Gauge(
            "litellm_tiering_budget_ratio",
            "The share of the limit that is used, holds included; the highest of a scope",
            ["scope"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._lasts = client.Gauge(
            "litellm_tiering_budget_lasts_seconds",
            "How long the money lasts at this rate, +Inf where to the window's end; the shortest of a scope",
            ["scope"],
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._told: dict[str, int] = {}
        self._scopes: set[str] = set()

    def store(self, *, up: bool, spooled: int, errors: Mapping[str, int]) -> None:
        """How the store is: whether it answers, what waits for it, and how often what failed so far."""
        self._up.set(1 if up else 0)
        self._spooled.set(spooled)
        for op, count in errors.items():
            more = count - self._told.get(op, 0)
            if more > 0:
                self._errors.labels(op).inc(more)
                self._told[op] = count

    def budgets(self, ratios: Mapping[str, float], lasts: Mapping[str, float]) -> None:
        """How the budgets of each label are: share used, and for how many seconds the money lasts.

        A label that was there before and is not now has begun a new window.
        """
        self._scopes |= ratios.keys()
        for scope in self._scopes:
            self._ratio.labels(scope).set(ratios.get(scope, 0.0))
            self._lasts.labels(scope).set(lasts.get(scope, math.inf))


def open_metrics() -> Metrics | None:
    """The figures of this process, in the client's default registry; None where there is no client."""
    try:
        client = import_module("prometheus_client")
    except ImportError:
        return None
    return metrics_in(client.REGISTRY)


@lru_cache(maxsize=8)
def metrics_in(registry: Any) -> Metrics:  # noqa: ANN401 - see Metrics
    """The figures in a registry, which takes each name once."""
    return Metrics(import_module("prometheus_client"), registry)
